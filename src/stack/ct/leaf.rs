//! TileLeaf: <https://c2sp.org/static-ct-api#log-entries>

use crate::base::time::UnixTime;
use crate::format::merkle::Hash;
use crate::format::x509::sct;

/// A precertificate on its way into the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrecertEntry {
    /// The signed part of the certificate, without poison and SCT list.
    pub tbs: Vec<u8>,
    /// The precertificate in DER.
    pub precertificate: Vec<u8>,
    /// SHA-256 of the issuing certificate's SubjectPublicKeyInfo.
    pub issuer_key_hash: Hash,
    /// SHA-256 of each certificate above it, issuing one first.
    pub chain: Vec<Hash>,
}

/// Version 1 and leaf type 0, which a MerkleTreeLeaf has before its TimestampedEntry and a tile has not.
const LEAF_PREFIX: [u8; 2] = [0, 0];
/// LogEntryType precert_entry.
const PRECERT_ENTRY: [u8; 2] = [0, 1];

impl PrecertEntry {
    /// The MerkleTreeLeaf, which is also what the SCT signs.
    pub(super) fn signed_data(&self, index: u64, at: UnixTime) -> Option<Vec<u8>> {
        sct::signed_data(at, &self.issuer_key_hash, &self.tbs, &sct::leaf_index_extension(index)?)
    }

    /// The TileLeaf of a MerkleTreeLeaf.
    pub(super) fn tile_leaf(&self, merkle_tree_leaf: &[u8]) -> Option<Vec<u8>> {
        let mut leaf = merkle_tree_leaf.strip_prefix(&LEAF_PREFIX)?.to_vec();
        let length = u32::try_from(self.precertificate.len()).ok().filter(|length| *length < 1 << 24)?;
        leaf.extend_from_slice(&length.to_be_bytes()[1..]);
        leaf.extend_from_slice(&self.precertificate);
        leaf.extend_from_slice(&u16::try_from(self.chain.len() * 32).ok()?.to_be_bytes());
        leaf.extend(self.chain.iter().flatten());
        Some(leaf)
    }
}

/// What a TileLeaf holds that the log needs.
pub(super) struct TileLeaf {
    /// The MerkleTreeLeaf.
    pub(super) signed: Vec<u8>,
    /// Its timestamp.
    pub(super) at: UnixTime,
}

/// Reads the first TileLeaf of a data tile, and gives the bytes after it.
pub(super) fn read(tile: &[u8]) -> Option<(TileLeaf, &[u8])> {
    let mut rest = tile;
    let millis = i64::from_be_bytes(*take::<8>(&mut rest)?);
    if *take::<2>(&mut rest)? != PRECERT_ENTRY {
        return None;
    }
    take::<32>(&mut rest)?;
    vector::<3>(&mut rest)?;
    vector::<2>(&mut rest)?;
    let timestamped = tile.get(..tile.len() - rest.len())?;
    vector::<3>(&mut rest)?;
    vector::<2>(&mut rest).filter(|chain| chain.len().is_multiple_of(32))?;
    let signed = [&LEAF_PREFIX, timestamped].concat();
    Some((TileLeaf { signed, at: UnixTime::from_millis(millis) }, rest))
}

fn take<'a, const N: usize>(rest: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (taken, after) = rest.split_first_chunk()?;
    *rest = after;
    Some(taken)
}

/// A vector with `N` bytes of length before it.
fn vector<'a, const N: usize>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = take::<N>(rest)?.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
    let (taken, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(taken)
}
