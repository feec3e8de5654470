//! Inclusion and consistency proofs, RFC 9162 sections 2.1.3 and 2.1.4: verified, and built from a
//! reader of complete nodes.

use thiserror::Error;

use super::{Hash, node_hash};
use crate::base::limits;

/// Why a proof proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProofError {
    /// More hashes than [`limits::PROOF_HASHES`].
    #[error("proof of {found} hashes, {limit} allowed", limit = limits::PROOF_HASHES)]
    TooLong {
        /// Hashes found.
        found: usize,
    },
    /// The leaf lies beyond the tree.
    #[error("leaf {index} is not in a tree of {size}")]
    Index {
        /// Index of the leaf.
        index: u64,
        /// Leaves in the tree.
        size: u64,
    },
    /// No consistency to prove: from an empty tree, or to a smaller one.
    #[error("no proof leads from a tree of {old} to one of {new}")]
    Sizes {
        /// Leaves in the older tree.
        old: u64,
        /// Leaves in the newer tree.
        new: u64,
    },
    /// More or fewer hashes than these sizes need.
    #[error("proof has {found} hashes, which does not fit the tree")]
    Length {
        /// Hashes found.
        found: usize,
    },
    /// The hashes lead to another root.
    #[error("proof leads to another root")]
    Root,
}

/// The root of a tree of `size` leaves that holds `leaf` at `index`, by the hashes beside the path to it.
pub fn root_from_inclusion(index: u64, size: u64, leaf: &Hash, hashes: &[Hash]) -> Result<Hash, ProofError> {
    bounded(hashes)?;
    let length = ProofError::Length { found: hashes.len() };
    let mut last = match size.checked_sub(1) {
        Some(last) if index <= last => last,
        _ => return Err(ProofError::Index { index, size }),
    };
    let (mut node, mut root) = (index, *leaf);
    for sibling in hashes {
        if last == 0 {
            return Err(length);
        }
        if node & 1 == 1 || node == last {
            root = node_hash(sibling, &root);
            // A right edge without a sibling rises until it has one.
            let skipped = node.trailing_zeros();
            node >>= skipped;
            last >>= skipped;
        } else {
            root = node_hash(&root, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if last == 0 { Ok(root) } else { Err(length) }
}

/// Verifies that `leaf` stands at `index` in the tree of `size` leaves under `root`.
pub fn verify_inclusion(index: u64, size: u64, leaf: &Hash, hashes: &[Hash], root: &Hash) -> Result<(), ProofError> {
    if root_from_inclusion(index, size, leaf, hashes)? == *root { Ok(()) } else { Err(ProofError::Root) }
}

/// Verifies that the tree of `new` leaves extends the one of `old` leaves. From an empty tree there is
/// nothing to prove, and so no proof (RFC 9162 section 2.1.4.1 starts at one leaf).
pub fn verify_consistency(
    (old, old_root): (u64, &Hash),
    (new, new_root): (u64, &Hash),
    hashes: &[Hash],
) -> Result<(), ProofError> {
    bounded(hashes)?;
    let length = ProofError::Length { found: hashes.len() };
    if old == 0 || old > new {
        return Err(ProofError::Sizes { old, new });
    }
    if old == new {
        return match hashes {
            [] if old_root == new_root => Ok(()),
            [] => Err(ProofError::Root),
            _ => Err(length),
        };
    }
    // The old tree's last complete subtree: the proof starts from it, and leaves it out when it is the
    // whole old tree.
    let shift = old.trailing_zeros();
    let (mut node, mut last) = ((old - 1) >> shift, (new - 1) >> shift);
    let (seed, rest) = match hashes.split_first() {
        _ if old.is_power_of_two() => (old_root, hashes),
        Some(split) => split,
        None => return Err(length),
    };
    let (mut from_old, mut from_new) = (*seed, *seed);
    for sibling in rest {
        if last == 0 {
            return Err(length);
        }
        if node & 1 == 1 || node == last {
            from_old = node_hash(sibling, &from_old);
            from_new = node_hash(sibling, &from_new);
            let skipped = node.trailing_zeros();
            node >>= skipped;
            last >>= skipped;
        } else {
            from_new = node_hash(&from_new, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    match last {
        0 if from_old == *old_root && from_new == *new_root => Ok(()),
        0 => Err(ProofError::Root),
        _ => Err(length),
    }
}

fn bounded(hashes: &[Hash]) -> Result<(), ProofError> {
    match hashes.len() {
        0..=limits::PROOF_HASHES => Ok(()),
        found => Err(ProofError::TooLong { found }),
    }
}

/// The inclusion proof of leaf `index` in the tree of `size` leaves; `None` when it is not in there.
/// `node` reads complete nodes by level and index.
pub fn inclusion_proof<E>(
    index: u64,
    size: u64,
    mut node: impl FnMut(u8, u64) -> Result<Hash, E>,
) -> Result<Option<Vec<Hash>>, E> {
    if index >= size {
        return Ok(None);
    }
    let mut proof = Vec::new();
    path(index..index + 1, size, &mut node, &mut proof)?;
    Ok(Some(proof))
}

/// The consistency proof between the trees of `old` and `new` leaves; `None` when `old` is 0 or larger
/// than `new`. `node` reads complete nodes by level and index.
pub fn consistency_proof<E>(
    old: u64,
    new: u64,
    mut node: impl FnMut(u8, u64) -> Result<Hash, E>,
) -> Result<Option<Vec<Hash>>, E> {
    if old == 0 || old > new {
        return Ok(None);
    }
    let mut proof = Vec::new();
    if old < new {
        // The last complete subtree of the old tree is a node of both trees.
        let start = old - (1 << old.trailing_zeros());
        if start > 0 {
            proof.push(range_root(start, old, &mut node)?);
        }
        path(start..old, new, &mut node, &mut proof)?;
    }
    Ok(Some(proof))
}

/// The siblings from the complete subtree over `below` up to the root of a tree of `size` leaves, lowest
/// first.
fn path<E>(
    below: std::ops::Range<u64>,
    size: u64,
    node: &mut impl FnMut(u8, u64) -> Result<Hash, E>,
    proof: &mut Vec<Hash>,
) -> Result<(), E> {
    let (mut start, mut end) = (0, size);
    let mut siblings = Vec::new();
    while end - start > below.end - below.start {
        let middle = start + split(end - start);
        if below.start < middle {
            siblings.push((middle, end));
            end = middle;
        } else {
            siblings.push((start, middle));
            start = middle;
        }
    }
    for (start, end) in siblings.into_iter().rev() {
        proof.push(range_root(start, end, node)?);
    }
    Ok(())
}

/// The root over leaves `start..end`, a node of some tree: `start` is a multiple of the largest power of
/// two in the length.
fn range_root<E>(start: u64, end: u64, node: &mut impl FnMut(u8, u64) -> Result<Hash, E>) -> Result<Hash, E> {
    let mut rest = end - start;
    let mut at = start;
    let mut parts = Vec::new();
    while rest > 0 {
        let level = rest.ilog2();
        parts.push(node(level as u8, at >> level)?);
        at += 1 << level;
        rest -= 1 << level;
    }
    Ok(parts.into_iter().rev().reduce(|right, left| node_hash(&left, &right)).unwrap_or_else(super::empty_root))
}

/// The largest power of two below `length`, which is at least 2.
fn split(length: u64) -> u64 {
    1 << (length - 1).ilog2()
}
