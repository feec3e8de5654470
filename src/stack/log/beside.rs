//! A log read from beside its writer: at its last commit, without its lock, also while it grows.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::grown::Grown;
use super::recovery::last_commit;
use super::{Codec, Files, Log, LogError, Vfs};
use crate::format::merkle::{Hash, Tile, TileKind, tile};

/// How often a file is looked for that a running log is about to move: a batch is sealed within
/// milliseconds of its commit.
const LOOKS: u32 = 20;
const BETWEEN_LOOKS: Duration = Duration::from_millis(25);

/// A log at one of its commits.
#[derive(Debug)]
pub struct Beside<'a, C: Codec> {
    files: Files,
    codec: &'a C,
    note: String,
    records: Hash,
    size: u64,
    root: Hash,
}

impl<'a, C: Codec> Beside<'a, C> {
    /// The log in a folder at its last commit, whose signature is verified.
    pub fn open(vfs: Arc<dyn Vfs>, dir: &Path, codec: &'a C) -> Result<Self, LogError> {
        let files = Files { vfs, dir: dir.to_owned() };
        let path = files.path("commits");
        let file = files.read(&path)?.ok_or_else(|| LogError::Absent { path: dir.to_owned() })?;
        let (commit, size, root) = last_commit(&path, &file, codec)?;
        let (note, records) = (commit.note.to_owned(), commit.records);
        Ok(Self { files, codec, note, records, size, root })
    }

    /// The signed checkpoint.
    pub fn note(&self) -> &str {
        &self.note
    }

    /// Leaves in the tree.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root that was signed.
    pub fn root(&self) -> Hash {
        self.root
    }

    /// The chained digest of every record that was committed with it.
    pub(super) fn records(&self) -> Hash {
        self.records
    }

    /// The codec.
    pub fn codec(&self) -> &C {
        self.codec
    }

    /// Where its commits stand.
    pub(super) fn commits(&self) -> PathBuf {
        self.files.path("commits")
    }

    /// Where a tile's file stands.
    pub(super) fn path(&self, tile: Tile) -> PathBuf {
        self.files.path(&tile.to_string())
    }

    /// The bytes of a bundle of this tree, full or partial.
    pub fn bundle(&self, tile: Tile) -> Result<Vec<u8>, LogError> {
        let (path, mut bytes) = self.bundle_file(tile.index())?;
        let mut rest = bytes.as_slice();
        for found in 0..u64::from(tile.width()) {
            let Some((_, after)) = self.codec.read(rest) else {
                return Err(LogError::Lost { path, found, committed: tile.width().into() });
            };
            rest = after;
        }
        let end = bytes.len() - rest.len();
        bytes.truncate(end);
        Ok(bytes)
    }

    /// The file that a bundle stands in, sealed or growing, and all of it.
    pub(super) fn bundle_file(&self, index: u64) -> Result<(PathBuf, Vec<u8>), LogError> {
        let tail = self.files.tail(index);
        let sealed = Tile::new(C::BUNDLES, index, tile::WIDTH).map_or_else(|| tail.clone(), |tile| self.path(tile));
        for look in 0..LOOKS {
            for path in [&sealed, &tail] {
                if let Some(bytes) = self.files.read(path)? {
                    return Ok((path.clone(), bytes));
                }
            }
            wait(look);
        }
        let committed = Tile::of_tree(C::BUNDLES, index, self.size).map_or(0, |tile| tile.width().into());
        Err(LogError::Lost { path: sealed, found: 0, committed })
    }

    /// The file of a full tile of hashes; `None` when there is none.
    pub(super) fn full_tile(&self, tile: Tile) -> Result<Option<Vec<u8>>, LogError> {
        let path = self.path(tile);
        for look in 0..LOOKS {
            if let Some(bytes) = self.files.read(&path)? {
                return Ok(Some(bytes));
            }
            wait(look);
        }
        Ok(None)
    }

    /// The hashes of a tile of this tree, full or partial.
    pub fn hashes(&self, tile: Tile) -> Result<Vec<Hash>, LogError> {
        let damaged = || LogError::Damaged { path: self.path(tile), what: "it is not a tile of hashes" };
        let TileKind::Hashes { level } = tile.kind() else { return Err(damaged()) };
        if tile.is_full() {
            let bytes = self.full_tile(tile)?.ok_or_else(damaged)?;
            return tile.hashes(&bytes).map_err(|_| damaged());
        }
        if let Some(below) = level.checked_sub(1) {
            let first = tile.index() * u64::from(tile::WIDTH);
            let roots = (first..first + u64::from(tile.width())).map(|index| {
                let full = Tile::new(TileKind::Hashes { level: below }, index, tile::WIDTH).ok_or_else(damaged)?;
                tile::node_in(&self.hashes(full)?, tile::HEIGHT, 0).ok_or_else(damaged)
            });
            return roots.collect();
        }
        let bundle = Tile::new(C::BUNDLES, tile.index(), tile.width()).ok_or_else(damaged)?;
        let bytes = self.bundle(bundle)?;
        let mut rest = bytes.as_slice();
        let mut leaves = Vec::with_capacity(tile.width().into());
        while let Some((record, after)) = self.codec.read(rest) {
            leaves.push(record.leaf);
            rest = after;
        }
        Ok(leaves)
    }
}

impl<C: Codec> Grown for Beside<'_, C> {
    fn dir(&self) -> &Path {
        &self.files.dir
    }

    fn leaves(&self) -> u64 {
        self.size
    }

    fn signed(&self, note: &str) -> Option<(u64, Hash)> {
        self.codec.open(note)
    }

    fn tile_hashes(&self, tile: Tile) -> Result<Vec<Hash>, LogError> {
        self.hashes(tile)
    }
}

impl<C: Codec> Log<C> {
    /// Holds the log to a checkpoint that it signed before, and that stands in `path`.
    pub(in crate::stack) fn continues(&self, path: &Path, note: &str) -> Result<(), LogError> {
        let beside = Beside::open(Arc::clone(&self.files.vfs), &self.files.dir, self.codec())?;
        beside.continues(path, note).map(drop)
    }
}

fn wait(look: u32) {
    if look + 1 < LOOKS {
        std::thread::sleep(BETWEEN_LOOKS);
    }
}
