//! The commit file: checkpoints in blocks of [`BLOCK`] bytes, each written twice in a row.
//!
//! A block is `u32 length ‖ payload ‖ checksum ‖ zeros`, the payload `records digest ‖ u64 unsealed bundle ‖
//! digest before it ‖ signed note`, the checksum the first 8 bytes of its SHA-256. The digest chains the bytes of
//! every record as stored, since leaves do not cover all of them (a CT log's precertificates); the one before the
//! first bundle that may not have been sealed lets recovery verify from there on without all that is older. A crash may tear the last commit, one copy or both; nobody was told of it, and the entries that it covers were durable before it
//! was written, so either outcome is sound. A spoiled block anywhere else, or a whole commit behind a
//! spoiled one, was not made by a crash: the file is damaged. Two copies also keep one flipped bit in the
//! last commit from passing for a torn one, which would take back what was acknowledged.

use crate::base::crypto::sha256;
use crate::format::merkle::Hash;

/// Bytes of a block: a note of one signature has under 400.
pub(super) const BLOCK: usize = 1024;
const CHECKSUM: usize = 8;

/// A commit: the signed checkpoint and the chained digest of the records under it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Commit<'a> {
    pub(super) note: &'a str,
    pub(super) records: Hash,
    /// The bundle of the batch's first record: those before it were sealed before.
    pub(super) unsealed: u64,
    /// The digest of the records before that bundle.
    pub(super) before: Hash,
}

impl Commit<'_> {
    /// The bytes of the commit; `None` when the note does not fit.
    pub(super) fn encode(&self) -> Option<Vec<u8>> {
        let payload = [&self.records[..], &self.unsealed.to_be_bytes(), &self.before, self.note.as_bytes()].concat();
        let mut block = Vec::with_capacity(2 * BLOCK);
        block.extend_from_slice(&u32::try_from(payload.len()).ok()?.to_be_bytes());
        block.extend_from_slice(&payload);
        block.extend_from_slice(&checksum(&payload));
        if block.len() > BLOCK {
            return None;
        }
        block.resize(BLOCK, 0);
        block.extend_from_within(..);
        Some(block)
    }
}

/// The last commit; `None` when the file is damaged.
pub(super) fn last(file: &[u8]) -> Option<Commit<'_>> {
    let mut pairs = file.chunks(2 * BLOCK).map(Pair::read).rev();
    let newest = pairs.next()?;
    // Only the newest may be torn.
    let mut before = pairs.map(|pair| match pair {
        Pair::Whole(commit) => Some(commit),
        _ => None,
    });
    let last = match newest {
        Pair::Whole(commit) | Pair::Half(commit) => commit,
        Pair::Torn => before.next()??,
    };
    before.all(|commit| commit.is_some()).then_some(last)
}

enum Pair<'a> {
    /// Both copies.
    Whole(Commit<'a>),
    /// One of the two.
    Half(Commit<'a>),
    /// Neither.
    Torn,
}

impl<'a> Pair<'a> {
    fn read(pair: &'a [u8]) -> Self {
        let (first, second) = pair.split_at(pair.len().min(BLOCK));
        match (decode(first), decode(second)) {
            (Some(one), Some(two)) if one == two => Self::Whole(one),
            (Some(commit), None) | (None, Some(commit)) => Self::Half(commit),
            _ => Self::Torn,
        }
    }
}

fn decode(block: &[u8]) -> Option<Commit<'_>> {
    if block.len() != BLOCK {
        return None;
    }
    let (length, rest) = block.split_first_chunk::<4>()?;
    let (payload, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    let (sum, zeros) = rest.split_at_checked(CHECKSUM)?;
    let whole = sum == checksum(payload) && zeros.iter().all(|byte| *byte == 0);
    let (records, rest) = payload.split_first_chunk().filter(|_| whole)?;
    let (unsealed, rest) = rest.split_first_chunk()?;
    let (before, note) = rest.split_first_chunk()?;
    let note = std::str::from_utf8(note).ok()?;
    Some(Commit { note, records: *records, unsealed: u64::from_be_bytes(*unsealed), before: *before })
}

fn checksum(payload: &[u8]) -> [u8; CHECKSUM] {
    let mut sum = [0; CHECKSUM];
    sum.copy_from_slice(&sha256(&[payload])[..CHECKSUM]);
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(notes: &[&str]) -> Vec<u8> {
        notes.iter().flat_map(|note| commit(note).encode().unwrap()).collect()
    }

    fn commit(note: &str) -> Commit<'_> {
        Commit { note, records: [7; 32], unsealed: 8, before: [9; 32] }
    }

    fn last_note(file: &[u8]) -> Option<&str> {
        last(file).map(|commit| commit.note)
    }

    #[test]
    fn the_last_whole_commit() {
        assert_eq!(last_note(&file(&["a"])), Some("a"));
        assert_eq!(last_note(&file(&["a", "b"])), Some("b"));
        assert_eq!(last_note(&[]), None);
        assert_eq!(last(&file(&["a"])), Some(commit("a")));
        assert_eq!(commit(&"x".repeat(BLOCK)).encode(), None);
    }

    #[test]
    fn k06_a_torn_commit_at_every_length() {
        let good = file(&["a", "b"]);
        for length in 2 * BLOCK..good.len() {
            // The first copy is whole from the moment that its block is.
            let expected = if length >= 3 * BLOCK { "b" } else { "a" };
            assert_eq!(last_note(&good[..length]), Some(expected), "{length}");
        }
    }

    #[test]
    fn k10_a_flipped_bit_never_takes_a_commit_back() {
        let good = file(&["a", "b"]);
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1 << (at % 8);
            let expected = if at < 2 * BLOCK { None } else { Some("b") };
            assert_eq!(last_note(&bad), expected, "{at}");
        }
    }
}
