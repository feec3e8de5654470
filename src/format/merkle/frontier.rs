//! The frontier of a growing tree: the roots of its complete subtrees, largest first. It is all that an
//! appender needs to know of the past.

use super::{Hash, empty_root, node_hash};

/// The compact form of a tree of `size` leaves: one hash for each set bit of the size.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    hashes: Vec<Hash>,
}

impl Frontier {
    /// The frontier of the empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// A frontier from stored hashes, largest subtree first; `None` unless there is exactly one for each
    /// set bit of `size`.
    pub fn from_hashes(size: u64, hashes: Vec<Hash>) -> Option<Self> {
        (hashes.len() == size.count_ones() as usize).then_some(Self { size, hashes })
    }

    /// Level and index of the nodes that make up the frontier of a tree of `size` leaves, largest first.
    pub fn nodes(size: u64) -> impl Iterator<Item = (u8, u64)> {
        (0..64u8).rev().filter(move |level| size >> level & 1 == 1).map(move |level| (level, (size >> level) - 1))
    }

    /// Leaves in the tree.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The hashes, largest subtree first.
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// Appends a leaf hash. Each node that it completes, the leaf itself included, is given to
    /// `completed` with its level and index, lowest first.
    pub fn append(&mut self, leaf: Hash, mut completed: impl FnMut(u8, u64, Hash)) {
        let index = self.size;
        let mut hash = leaf;
        completed(0, index, hash);
        for level in 1..=index.trailing_ones() as u8 {
            let Some(left) = self.hashes.pop() else { break };
            hash = node_hash(&left, &hash);
            completed(level, index >> level, hash);
        }
        self.hashes.push(hash);
        self.size += 1;
    }

    /// The root of the tree.
    pub fn root(&self) -> Hash {
        let folded = self.hashes.iter().rev().copied().reduce(|right, left| node_hash(&left, &right));
        folded.unwrap_or_else(empty_root)
    }
}
