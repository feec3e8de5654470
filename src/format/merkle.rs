//! Merkle trees of transparency logs: RFC 9162 section 2.1 (the tree of RFC 6962) and the tiles of
//! <https://c2sp.org/tlog-tiles>.
//!
//! A node has a level (0 for leaves) and an index at that level; it is *complete* when the subtree
//! below it is full. Complete nodes never change, so that a log stores them and nothing else.

mod frontier;
mod proof;
pub mod tile;

use crate::base::crypto::sha256;

pub use frontier::Frontier;
pub use proof::{
    ProofError, consistency_proof, inclusion_proof, root_from_inclusion, verify_consistency, verify_inclusion,
};
pub use tile::{Tile, TileError, TileKind};

/// A SHA-256 hash: of a leaf, of a node or of the whole tree.
pub type Hash = [u8; 32];

/// The hash of a leaf that holds `entry`: SHA-256(0x00 ‖ entry).
pub fn leaf_hash(entry: &[u8]) -> Hash {
    sha256(&[&[0], entry])
}

/// The hash of a node over its two children: SHA-256(0x01 ‖ left ‖ right).
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    sha256(&[&[1], left, right])
}

/// The root of a tree without leaves: SHA-256 of nothing.
pub fn empty_root() -> Hash {
    sha256(&[])
}

#[cfg(test)]
mod tests;
