//! What the sequencer asks of the index, held to the tree.

use std::sync::Arc;

use super::{FindError, Found, Index, Keeper, KeeperThread, LogError, Upkeep};
use crate::format::merkle::{Hash, tile};
use crate::stack::log::edge::Edge;
use crate::stack::log::tiles::Tiles;
use crate::stack::log::{Codec, Files};

const WIDTH: u64 = tile::WIDTH as u64;
/// How often an index is made again for one question.
const REPAIRS: u32 = 2;

/// The duplicates of a log.
#[derive(Debug)]
pub(in crate::stack::log) struct Duplicates<C> {
    files: Files,
    codec: Arc<C>,
    index: Arc<Index>,
    upkeep: Upkeep,
    /// Entries below which the runs were asked for.
    asked: u64,
}

impl<C: Codec> Duplicates<C> {
    /// The duplicates that an index tells, which is kept by the sequencer itself.
    #[cfg(test)]
    pub(in crate::stack::log) fn here(files: &Files, codec: &Arc<C>, keeper: Keeper) -> Self {
        let (index, files, codec) = (keeper.index(), files.clone(), Arc::clone(codec));
        Self { files, codec, index, upkeep: Upkeep::Here(keeper), asked: 0 }
    }

    /// The duplicates that an index tells, which a thread of its own keeps.
    pub(in crate::stack::log) fn beside(files: &Files, codec: &Arc<C>, keeper: Keeper) -> Result<Self, LogError> {
        let (index, files, codec) = (keeper.index(), files.clone(), Arc::clone(codec));
        let failed = |error| LogError::io("start the index of", &files.dir, error);
        let upkeep = Upkeep::Beside(KeeperThread::start(keeper).map_err(failed)?);
        Ok(Self { files, codec, index, upkeep, asked: 0 })
    }

    /// The index of an entry with this leaf. What a file says counts when the tree holds the leaf there; an index that
    /// does not agree with the tree is made again.
    pub(in crate::stack::log) fn find(&mut self, edge: &Edge, leaf: &Hash) -> Result<Option<u64>, LogError> {
        for _ in 0..=REPAIRS {
            if self.index.is_damaged() {
                self.upkeep.repair()?;
            }
            match self.index.find(leaf) {
                Ok(None) => return Ok(None),
                Ok(Some(Found::Known(index))) => return Ok(Some(index)),
                Ok(Some(Found::Said { index, run })) => {
                    if self.leaf(edge, index)? == Some(*leaf) {
                        return Ok(Some(index));
                    }
                    self.index.report(run);
                }
                Err(FindError::Damaged) => {}
                Err(FindError::Io(error)) => return Err(error),
            }
        }
        Err(LogError::Damaged {
            path: self.files.path("index"),
            what: "it does not agree with the tiles it is made of",
        })
    }

    /// The leaf at an index.
    fn leaf(&self, edge: &Edge, index: u64) -> Result<Option<Hash>, LogError> {
        let (bundle, at) = (index / WIDTH, usize::try_from(index % WIDTH).unwrap_or(usize::MAX));
        if index >= edge.size() {
            return Ok(None);
        }
        if let Some(leaves) = edge.hashes(0, bundle) {
            return Ok(leaves.get(at).copied());
        }
        Ok(Tiles::new(&self.files, self.codec.as_ref()).leaves(bundle)?.get(at).copied())
    }

    /// Adds an entry's leaf.
    pub(in crate::stack::log) fn insert(&self, leaf: Hash, index: u64) {
        self.index.insert(leaf, index);
    }

    /// Has the index written, now that the full bundles of a tree of `size` are sealed.
    pub(in crate::stack::log) fn sealed(&mut self, size: u64) -> Result<(), LogError> {
        let units = size - size % self.index.unit;
        if units > self.asked {
            self.upkeep.advance(units)?;
            self.asked = units;
        }
        Ok(())
    }
}
