//! A log held to what it signed before: the hashes of its tree have the root of every earlier one.

use std::path::Path;

use super::LogError;
use crate::format::merkle::{Frontier, Hash, Tile, tile};

/// A tree that has grown from earlier ones.
pub(super) trait Grown {
    /// The log's folder, as messages name it.
    fn dir(&self) -> &Path;

    /// Leaves in the tree.
    fn leaves(&self) -> u64;

    /// Size and root of a checkpoint that is signed by the log's key for its origin.
    fn signed(&self, note: &str) -> Option<(u64, Hash)>;

    /// The hashes of a tile of the tree, full or partial.
    fn tile_hashes(&self, tile: Tile) -> Result<Vec<Hash>, LogError>;

    /// The root that the tree had at an earlier size; `None` beyond its own.
    fn root_at(&self, size: u64) -> Result<Option<Hash>, LogError> {
        if size > self.leaves() {
            return Ok(None);
        }
        let damaged = || LogError::Damaged { path: self.dir().to_owned(), what: "its tiles do not hold its tree" };
        let nodes = Frontier::nodes(size).map(|(level, index)| {
            let (tile, above, at) = Tile::of_node(level, index, self.leaves()).ok_or_else(damaged)?;
            tile::node_in(&self.tile_hashes(tile)?, above, at).ok_or_else(damaged)
        });
        let nodes = nodes.collect::<Result<Vec<_>, LogError>>()?;
        Ok(Some(Frontier::from_hashes(size, nodes).ok_or_else(damaged)?.root()))
    }

    /// Holds the log to a checkpoint that it signed before, and that stands in `path`; gives the size of its tree.
    fn continues(&self, path: &Path, note: &str) -> Result<u64, LogError> {
        let Some((remembered, root)) = self.signed(note) else {
            return Err(LogError::Foreign { path: path.to_owned() });
        };
        if self.root_at(remembered)? == Some(root) {
            return Ok(remembered);
        }
        Err(LogError::RolledBack { path: path.to_owned(), remembered, size: self.leaves() })
    }
}
