//! Full tiles as they stand on the disk. What is missing is made again from what is below it: the signed root
//! proves it.

use std::path::PathBuf;

use super::edge::Edge;
use super::{Codec, Files, LogError};
use crate::format::merkle::{Frontier, Hash, Tile, TileKind, tile};

const WIDTH: u64 = tile::WIDTH as u64;

/// The full tiles of a log.
#[derive(Debug)]
pub(super) struct Tiles<'a, C: Codec> {
    files: &'a Files,
    codec: &'a C,
}

impl<'a, C: Codec> Tiles<'a, C> {
    pub(super) fn new(files: &'a Files, codec: &'a C) -> Self {
        Self { files, codec }
    }

    /// The leaves of a full bundle.
    pub(super) fn leaves(&self, bundle: u64) -> Result<Vec<Hash>, LogError> {
        Ok(self.full(0, bundle)?.0)
    }

    /// The hashes of a full tile, and whether they stand on the disk.
    fn full(&self, level: u8, index: u64) -> Result<(Vec<Hash>, bool), LogError> {
        let path = self.path(TileKind::Hashes { level }, index)?;
        if let Some(bytes) = self.files.read(&path)? {
            let (hashes, rest) = bytes.as_chunks::<32>();
            if hashes.len() as u64 == WIDTH && rest.is_empty() {
                return Ok((hashes.to_vec(), true));
            }
            return Err(LogError::Damaged { path, what: "it is not a tile of hashes" });
        }
        let first = index * WIDTH;
        let hashes = match level.checked_sub(1) {
            Some(below) => (first..first + WIDTH).map(|index| self.root(below, index)).collect::<Result<_, _>>()?,
            None => self.bundle(index)?,
        };
        Ok((hashes, false))
    }

    /// The root over a full tile.
    fn root(&self, level: u8, index: u64) -> Result<Hash, LogError> {
        let (hashes, _) = self.full(level, index)?;
        tile::node_in(&hashes, tile::HEIGHT, 0).ok_or_else(|| self.unreadable())
    }

    /// The leaves of a bundle, from its entries.
    fn bundle(&self, bundle: u64) -> Result<Vec<Hash>, LogError> {
        let path = self.path(C::BUNDLES, bundle)?;
        let bytes = self.files.read(&path)?.unwrap_or_default();
        let mut rest = bytes.as_slice();
        let mut leaves = Vec::with_capacity(tile::WIDTH.into());
        for found in 0..WIDTH {
            let Some((record, after)) = self.codec.read(rest) else {
                return Err(LogError::Lost { path, found, committed: WIDTH });
            };
            leaves.push(record.leaf);
            rest = after;
        }
        Ok(leaves)
    }

    /// The edge of the tree of the first `bundles` full bundles, whose records have this digest. Tiles that are
    /// missing on the way are in it, to be sealed.
    pub(super) fn edge(&self, bundles: u64, digest: Hash) -> Result<Edge, LogError> {
        let size = bundles.checked_mul(WIDTH).ok_or_else(|| self.unreadable())?;
        let mut missing = Vec::new();
        let mut partial = Vec::new();
        for level in 1..tile::HEIGHT {
            let hashes = size.checked_shr(u32::from(level) * u32::from(tile::HEIGHT)).unwrap_or(0);
            let first = hashes - hashes % WIDTH;
            let mut roots = Vec::new();
            for index in first..hashes {
                let (below, there) = self.full(level - 1, index)?;
                roots.push(tile::node_in(&below, tile::HEIGHT, 0).ok_or_else(|| self.unreadable())?);
                if !there {
                    missing.push((level - 1, index, below));
                }
            }
            partial.push((level, first / WIDTH, roots));
        }
        let nodes = Frontier::nodes(size).map(|(level, index)| {
            let (tile, above, at) = Tile::of_node(level, index, size)?;
            let (_, _, hashes) = partial.iter().find(|(level, index, _)| {
                tile.kind() == TileKind::Hashes { level: *level } && tile.index() == *index
            })?;
            tile::node_in(hashes, above, at)
        });
        let nodes = nodes.collect::<Option<Vec<_>>>().ok_or_else(|| self.unreadable())?;
        let frontier = Frontier::from_hashes(size, nodes).ok_or_else(|| self.unreadable())?;
        let mut edge = Edge::resume(frontier, digest);
        for (level, index, hashes) in partial.into_iter().chain(missing).filter(|(_, _, hashes)| !hashes.is_empty()) {
            edge.adopt(level, index, hashes);
        }
        Ok(edge)
    }

    fn path(&self, kind: TileKind, index: u64) -> Result<PathBuf, LogError> {
        let tile = Tile::new(kind, index, tile::WIDTH).ok_or_else(|| self.unreadable())?;
        Ok(self.files.path(&tile.to_string()))
    }

    fn unreadable(&self) -> LogError {
        LogError::Damaged { path: self.files.dir.clone(), what: "its tiles do not hold its tree" }
    }
}
