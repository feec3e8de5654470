//! A log as files for a web server or an object store: <https://c2sp.org/tlog-tiles>, partial tiles of one
//! checkpoint included.
//!
//! The checkpoint is written last, so that a reader never sees one whose tiles are not there. Full tiles never
//! change: a later export adds to an earlier one, and refuses when the log is not its continuation.

use std::fs::{self, File};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use super::beside::Beside;
use super::grown::Grown as _;
use super::{Codec, LogError};
use crate::format::merkle::{Tile, TileKind};

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exported {
    /// Leaves in the tree.
    pub size: u64,
    /// Files written.
    pub written: u64,
    /// Files that an earlier export had written.
    pub kept: u64,
}

/// Writes the log into a folder, which may hold an earlier export of it.
pub fn export<C: Codec>(log: &Beside<'_, C>, out: &Path) -> Result<Exported, LogError> {
    continues(log, out)?;
    let mut export = Export { log, out, done: Exported { size: log.size(), written: 0, kept: 0 } };
    let kinds = (0..8).map(|level| TileKind::Hashes { level }).chain([C::BUNDLES]);
    for kind in kinds {
        for tile in (0..).map_while(|index| Tile::of_tree(kind, index, log.size())) {
            export.tile(tile)?;
        }
    }
    let done = export.done;
    write(&out.join("checkpoint"), log.note().as_bytes())?;
    Ok(done)
}

/// An earlier export must be of this log, and the log must have grown from it.
fn continues<C: Codec>(log: &Beside<'_, C>, out: &Path) -> Result<(), LogError> {
    let path = out.join("checkpoint");
    let note = match fs::read_to_string(&path) {
        Ok(note) => note,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(LogError::io("read", &path, error)),
    };
    log.continues(&path, &note).map(drop)
}

struct Export<'a, 'c, C: Codec> {
    log: &'a Beside<'c, C>,
    out: &'a Path,
    done: Exported,
}

impl<C: Codec> Export<'_, '_, C> {
    fn tile(&mut self, tile: Tile) -> Result<(), LogError> {
        let path = self.out.join(tile.to_string());
        if path.exists() {
            self.done.kept += 1;
            return Ok(());
        }
        let bytes = match tile.kind() {
            TileKind::Hashes { .. } => self.log.hashes(tile)?.concat(),
            _ => self.log.bundle(tile)?,
        };
        self.done.written += 1;
        write(&path, &bytes)
    }
}

/// Puts a whole file in its place, durably: a name that is there has all of its bytes.
pub(in crate::stack) fn write(path: &Path, bytes: &[u8]) -> Result<(), LogError> {
    let parent = path.parent().unwrap_or(path);
    fs::create_dir_all(parent).map_err(|error| LogError::io("create", parent, error))?;
    let made: PathBuf = parent.join(".sealmark-export");
    let written = File::create(&made).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&made, path)?;
        File::open(parent)?.sync_all()
    });
    written.map_err(|error| LogError::io("write", path, error))
}
