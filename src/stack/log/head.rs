//! The read side: a committed head, and tiles, records and proofs under it.

use std::io;
use std::sync::{Arc, PoisonError, RwLock};

use thiserror::Error;

use super::edge::Edge;
use super::{Codec, Files, Log, Record};
use crate::format::merkle::{self, Hash, Tile, TileError, TileKind, inclusion_proof, tile, verify_inclusion};

/// A committed head: its checkpoint is durable, and everything that it covers can be read.
#[derive(Debug)]
pub struct Head {
    note: String,
    root: Hash,
    pub(super) edge: Edge,
}

impl Head {
    pub(super) fn new(note: String, edge: Edge) -> Self {
        Self { note, root: edge.root(), edge }
    }

    /// Leaves in the tree.
    pub fn size(&self) -> u64 {
        self.edge.size()
    }

    /// The root of the tree.
    pub fn root(&self) -> Hash {
        self.root
    }

    /// The signed checkpoint.
    pub fn note(&self) -> &str {
        &self.note
    }
}

/// Why something under a head cannot be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The disk.
    #[error("cannot read {tile}: {source}")]
    Io {
        /// The tile.
        tile: Tile,
        /// What the system said.
        source: io::Error,
    },
    /// A tile on the disk does not hold what it should.
    #[error("{tile} is damaged")]
    Damaged {
        /// The tile.
        tile: Tile,
    },
    /// The index is damaged; the sequencer makes it again with the next batch.
    #[error("the index is damaged and being made again")]
    Index,
    /// The index's disk.
    #[error(transparent)]
    IndexIo(#[from] super::LogError),
    /// The tree does not hold this leaf at this index.
    #[error("entry {index} is not in the tree under its own head")]
    Proof {
        /// The index.
        index: u64,
    },
}

/// The head that a lock holds.
pub(super) fn current(head: &RwLock<Arc<Head>>) -> Arc<Head> {
    // A writer swaps one pointer and cannot leave it half swapped.
    Arc::clone(&head.read().unwrap_or_else(PoisonError::into_inner))
}

impl<C: Codec> Log<C> {
    /// The bytes of a tile or bundle, full or partial, as the current head has it; `None` when it has no
    /// such tile. A narrower partial is the beginning of a wider one, so none is ever stored.
    pub fn tile(&self, tile: Tile) -> Result<Option<Vec<u8>>, ReadError> {
        let head = self.head();
        match Tile::of_tree(tile.kind(), tile.index(), head.size()) {
            Some(there) if tile.width() <= there.width() => {}
            _ => return Ok(None),
        }
        match tile.kind() {
            TileKind::Hashes { .. } => Ok(Some(self.hashes(&head, tile)?.concat())),
            kind if kind == C::BUNDLES => self.bundle(&head, tile).map(Some),
            _ => Ok(None),
        }
    }

    /// The record at `index` and what the codec reads from it; `None` beyond the head.
    pub fn record(&self, head: &Head, index: u64) -> Result<Option<(Vec<u8>, Record)>, ReadError> {
        let width = u64::from(tile::WIDTH);
        let Some(bundle) = Tile::of_tree(C::BUNDLES, index / width, head.size()).filter(|_| index < head.size()) else {
            return Ok(None);
        };
        let bytes = self.bundle(head, bundle)?;
        let mut rest = bytes.as_slice();
        for _ in 0..index % width {
            rest = self.codec.read(rest).ok_or(ReadError::Damaged { tile: bundle })?.1;
        }
        let (record, after) = self.codec.read(rest).ok_or(ReadError::Damaged { tile: bundle })?;
        let bytes = rest.get(..rest.len() - after.len()).unwrap_or_default().to_vec();
        Ok(Some((bytes, record)))
    }

    /// The inclusion proof of `leaf` at `index`, verified against the head before it is given out.
    pub fn prove(&self, head: &Head, index: u64, leaf: &Hash) -> Result<Vec<Hash>, ReadError> {
        let wrong = || ReadError::Proof { index };
        // The nodes of one tile are asked for one after the other.
        let mut last: Option<(Tile, Vec<Hash>)> = None;
        let proof = inclusion_proof(index, head.size(), |level, node| {
            if let Some(node) = head.edge.node(level, node) {
                return Ok(node);
            }
            let (tile, above, at) = Tile::of_node(level, node, head.size()).ok_or_else(wrong)?;
            let hashes = match last.take() {
                Some((kept, hashes)) if kept == tile => hashes,
                _ => self.hashes(head, tile)?,
            };
            let node = merkle::tile::node_in(&hashes, above, at).ok_or(ReadError::Damaged { tile });
            last = Some((tile, hashes));
            node
        })?
        .ok_or_else(wrong)?;
        verify_inclusion(index, head.size(), leaf, &proof, &head.root()).map_err(|_| wrong())?;
        Ok(proof)
    }

    /// The leaf at an index; `None` beyond the head.
    pub(super) fn leaf(&self, head: &Head, index: u64) -> Result<Option<Hash>, ReadError> {
        let tile = Tile::of_node(0, index, head.size()).filter(|_| index < head.size());
        let Some((tile, _, at)) = tile else { return Ok(None) };
        Ok(self.hashes(head, tile)?.get(usize::from(at)).copied())
    }

    fn hashes(&self, head: &Head, tile: Tile) -> Result<Vec<Hash>, ReadError> {
        hashes(&self.files, head, tile)
    }

    fn bundle(&self, head: &Head, tile: Tile) -> Result<Vec<u8>, ReadError> {
        let width = usize::from(tile.width());
        if let Some(records) = head.edge.records(tile.index()) {
            return records.get(..width).map(<[_]>::concat).ok_or(ReadError::Damaged { tile });
        }
        let mut bytes = self.files.tile(full(tile)?)?;
        let mut rest = bytes.as_slice();
        for _ in 0..width {
            rest = self.codec.read(rest).ok_or(ReadError::Damaged { tile })?.1;
        }
        let end = bytes.len() - rest.len();
        bytes.truncate(end);
        Ok(bytes)
    }
}

/// The hashes of a tile under a head.
pub(super) fn hashes(files: &Files, head: &Head, tile: Tile) -> Result<Vec<Hash>, ReadError> {
    let TileKind::Hashes { level } = tile.kind() else { return Err(ReadError::Damaged { tile }) };
    let width = usize::from(tile.width());
    if let Some(hashes) = head.edge.hashes(level, tile.index()) {
        return hashes.get(..width).map(<[Hash]>::to_vec).ok_or(ReadError::Damaged { tile });
    }
    let full = full(tile)?;
    let mut hashes = full.hashes(&files.tile(full)?).map_err(|_: TileError| ReadError::Damaged { tile })?;
    hashes.truncate(width);
    Ok(hashes)
}

/// The full tile that a partial one grew into.
fn full(tile: Tile) -> Result<Tile, ReadError> {
    Tile::new(tile.kind(), tile.index(), tile::WIDTH).ok_or(ReadError::Damaged { tile })
}

impl Files {
    fn tile(&self, tile: Tile) -> Result<Vec<u8>, ReadError> {
        let path = self.dir.join(tile.to_string());
        self.vfs.read(&path).map_err(|source| ReadError::Io { tile, source })
    }
}
