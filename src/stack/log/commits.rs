//! The commit file: checkpoints in blocks of [`BLOCK`] bytes, each written twice in a row.
//!
//! A block is `u32 length ‖ signed note ‖ first 8 bytes of SHA-256(note) ‖ zeros`. A crash may tear the last
//! commit, one copy or both; nobody was told of it, and the entries that it covers were durable before it
//! was written, so either outcome is sound. A spoiled block anywhere else, or a whole commit behind a
//! spoiled one, was not made by a crash: the file is damaged. Two copies also keep one flipped bit in the
//! last commit from passing for a torn one, which would take back what was acknowledged.

use crate::base::crypto::sha256;

/// Bytes of a block: a note of one signature has under 400.
pub(super) const BLOCK: usize = 1024;
const CHECKSUM: usize = 8;

/// The bytes of a commit; `None` when the note does not fit.
pub(super) fn encode(note: &str) -> Option<Vec<u8>> {
    let mut block = Vec::with_capacity(2 * BLOCK);
    block.extend_from_slice(&u32::try_from(note.len()).ok()?.to_be_bytes());
    block.extend_from_slice(note.as_bytes());
    block.extend_from_slice(checksum(note.as_bytes()).as_ref());
    if block.len() > BLOCK {
        return None;
    }
    block.resize(BLOCK, 0);
    block.extend_from_within(..);
    Some(block)
}

/// The last commit's note; `None` when the file is damaged.
pub(super) fn last(file: &[u8]) -> Option<&str> {
    let mut commits = file.chunks(2 * BLOCK).map(Commit::read).rev();
    let newest = commits.next()?;
    // Only the newest may be torn.
    let mut before = commits.map(|commit| match commit {
        Commit::Whole(note) => Some(note),
        _ => None,
    });
    let last = match newest {
        Commit::Whole(note) | Commit::Half(note) => note,
        Commit::Torn => before.next()??,
    };
    before.all(|commit| commit.is_some()).then_some(last)
}

enum Commit<'a> {
    /// Both copies.
    Whole(&'a str),
    /// One of the two.
    Half(&'a str),
    /// Neither.
    Torn,
}

impl<'a> Commit<'a> {
    fn read(pair: &'a [u8]) -> Self {
        let (first, second) = pair.split_at(pair.len().min(BLOCK));
        match (decode(first), decode(second)) {
            (Some(one), Some(two)) if one == two => Self::Whole(one),
            (Some(note), None) | (None, Some(note)) => Self::Half(note),
            _ => Self::Torn,
        }
    }
}

fn decode(block: &[u8]) -> Option<&str> {
    if block.len() != BLOCK {
        return None;
    }
    let (length, rest) = block.split_first_chunk::<4>()?;
    let (note, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    let (sum, zeros) = rest.split_at_checked(CHECKSUM)?;
    let whole = sum == checksum(note) && zeros.iter().all(|byte| *byte == 0);
    std::str::from_utf8(note).ok().filter(|_| whole)
}

fn checksum(note: &[u8]) -> [u8; CHECKSUM] {
    let mut sum = [0; CHECKSUM];
    sum.copy_from_slice(&sha256(&[note])[..CHECKSUM]);
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(notes: &[&str]) -> Vec<u8> {
        notes.iter().flat_map(|note| encode(note).unwrap()).collect()
    }

    #[test]
    fn the_last_whole_commit() {
        assert_eq!(last(&file(&["a"])), Some("a"));
        assert_eq!(last(&file(&["a", "b"])), Some("b"));
        assert_eq!(last(&[]), None);
        assert_eq!(encode(&"x".repeat(BLOCK)), None);
    }

    #[test]
    fn k06_a_torn_commit_at_every_length() {
        let good = file(&["a", "b"]);
        for length in 2 * BLOCK..good.len() {
            // The first copy is whole from the moment that its block is.
            let expected = if length >= 3 * BLOCK { "b" } else { "a" };
            assert_eq!(last(&good[..length]), Some(expected), "{length}");
        }
    }

    #[test]
    fn k10_a_flipped_bit_never_takes_a_commit_back() {
        let good = file(&["a", "b"]);
        for at in 0..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1 << (at % 8);
            let expected = if at < 2 * BLOCK { None } else { Some("b") };
            assert_eq!(last(&bad), expected, "{at}");
        }
    }
}
