//! What happens before a log may write: the last commit is found and verified, every entry read, the
//! whole tree recomputed and compared, and only what was never committed is left behind.
//!
//! Nothing is repaired that the signed checkpoint does not prove: a tile of hashes that is missing is
//! made again from its entries, an entry that is missing or changed is a refusal.

use std::collections::{BTreeSet, HashMap};
use std::io::ErrorKind;
use std::path::Path;
use std::sync::{Arc, RwLock};

use super::commits::{self, Commit};
use super::edge::Edge;
use super::head::Head;
use super::storage::Storage;
use super::{Codec, Files, Index, LogError};
use crate::base::limits;
use crate::base::time::UnixTime;
use crate::format::merkle::{Hash, Tile, TileKind, empty_root, tile};

/// A log that may go on.
#[derive(Debug)]
pub(super) struct Recovered {
    pub(super) storage: Storage,
    pub(super) edge: Edge,
    pub(super) index: Index,
    pub(super) last: UnixTime,
    pub(super) head: Arc<Head>,
}

const WIDTH: u64 = tile::WIDTH as u64;

/// Makes the folder of an empty log.
pub(super) fn create<C: Codec>(files: &Files, codec: &C, now: UnixTime) -> Result<(), LogError> {
    files.create_dir(&files.dir)?;
    for name in ["tail", "tile", "tmp"] {
        files.create_dir(&files.path(name))?;
    }
    let _lock = files.lock()?;
    let note = codec.sign(0, &empty_root(), now)?;
    files.restart_commits(Commit { note: &note, records: Edge::default().digest() })?;
    Ok(())
}

/// Recovers the log in a folder.
pub(super) fn open<C: Codec>(files: &Files, codec: &C) -> Result<Recovered, LogError> {
    let lock = files.lock()?;
    clean_tmp(files)?;
    let commits_path = files.path("commits");
    let Some(file) = files.read(&commits_path)? else { return Err(LogError::Absent { path: files.dir.clone() }) };
    let (commit, size, root) = last_commit(&commits_path, &file, codec)?;
    let mut replay =
        Replay { files, codec, edge: Edge::default(), index: HashMap::new(), last: UnixTime::from_secs(0) };
    let mut unsealed = Vec::new();
    for bundle in 0..size / WIDTH {
        if let Some(records) = replay.full_bundle(bundle)? {
            unsealed.push((bundle, records));
        }
        replay.check_tiles()?;
    }
    let rest = replay.tail(size / WIDTH, size % WIDTH)?;
    if replay.edge.root() != root {
        let path = files.dir.clone();
        return Err(LogError::Damaged { path, what: "its entries do not lead to the root that was signed" });
    }
    if replay.edge.digest() != commit.records {
        let path = files.dir.clone();
        return Err(LogError::Damaged { path, what: "an entry is not stored as it was committed" });
    }
    settle(files, C::BUNDLES, size)?;
    let commits = files.restart_commits(commit)?;
    let Replay { mut edge, index, last, .. } = replay;
    let mut storage = Storage::new(files.clone(), commits, lock);
    for (bundle, records) in &unsealed {
        drop(files.restart_tail(*bundle, records)?);
        if let Some(tile) = Tile::new(C::BUNDLES, *bundle, tile::WIDTH) {
            storage.seal_bundle(tile)?;
        }
    }
    for (tile, bytes) in edge.full_tiles() {
        storage.seal_hashes(tile, &bytes)?;
    }
    edge.drop_full();
    clean_tails(files, size / WIDTH)?;
    storage.adopt_tail(size / WIDTH, files.restart_tail(size / WIDTH, &rest)?);
    let head = Arc::new(Head::new(commit.note.to_owned(), edge.clone()));
    Ok(Recovered { storage, edge, index: Arc::new(RwLock::new(index)), last, head })
}

/// The last commit in a file, with the size and root of its checkpoint.
pub(super) fn last_commit<'a, C: Codec>(
    path: &Path,
    file: &'a [u8],
    codec: &C,
) -> Result<(Commit<'a>, u64, Hash), LogError> {
    let Some(commit) = commits::last(file) else {
        return Err(LogError::Damaged { path: path.to_owned(), what: "a commit before the last one is not whole" });
    };
    let Some((size, root)) = codec.open(commit.note) else { return Err(LogError::Foreign { path: path.to_owned() }) };
    Ok((commit, size, root))
}

/// Makes the names durable that a killed process may have left in the page cache only: of the last batch's
/// bundles and tiles, and of the folders on the way to them. Only then may their tails go.
fn settle(files: &Files, bundles: TileKind, size: u64) -> Result<(), LogError> {
    let full = size / WIDTH;
    let batch = limits::LOG_BATCH as u64 / WIDTH + 1;
    let mut kinds = vec![(bundles, full)];
    kinds
        .extend((0..8).map(|level| (TileKind::Hashes { level }, full >> (u32::from(level) * u32::from(tile::HEIGHT)))));
    let mut dirs = BTreeSet::new();
    for (kind, full) in kinds {
        for tile in (full.saturating_sub(batch)..full).filter_map(|index| Tile::new(kind, index, tile::WIDTH)) {
            let path = files.path(&tile.to_string());
            dirs.extend(path.ancestors().skip(1).take_while(|dir| dir.starts_with(&files.dir)).map(Path::to_owned));
        }
    }
    for dir in dirs.iter().rev() {
        match files.vfs.sync_dir(dir) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(LogError::io("sync", dir, error)),
            _ => {}
        }
    }
    Ok(())
}

/// Files under `tmp` are this engine's and unfinished.
fn clean_tmp(files: &Files) -> Result<(), LogError> {
    let dir = files.path("tmp");
    let names = files.vfs.names(&dir).map_err(|error| match error.kind() {
        ErrorKind::NotFound => LogError::Absent { path: files.dir.clone() },
        _ => LogError::io("list", &dir, error),
    })?;
    names.iter().try_for_each(|name| files.remove(&dir.join(name)))
}

/// Removes tails other than the current one: sealed, or never committed. Only names that the engine
/// makes are removed.
fn clean_tails(files: &Files, current: u64) -> Result<(), LogError> {
    let dir = files.path("tail");
    let names = files.vfs.names(&dir).map_err(|error| LogError::io("list", &dir, error))?;
    let others = names.iter().filter(|name| name.parse::<u64>().is_ok_and(|bundle| bundle != current));
    others.into_iter().try_for_each(|name| files.remove(&dir.join(name)))
}

/// The tree as it is read back, entry by entry.
struct Replay<'a, C: Codec> {
    files: &'a Files,
    codec: &'a C,
    edge: Edge,
    index: HashMap<Hash, u64>,
    last: UnixTime,
}

impl<C: Codec> Replay<'_, C> {
    /// Replays a full bundle; gives its records when they still stand in the tail.
    fn full_bundle(&mut self, bundle: u64) -> Result<Option<Vec<u8>>, LogError> {
        let sealed = Tile::new(C::BUNDLES, bundle, tile::WIDTH).map(|tile| self.files.path(&tile.to_string()));
        let sealed = sealed.unwrap_or_else(|| self.files.path("tile"));
        let Some(records) = self.files.read(&sealed)? else {
            return self.tail(bundle, WIDTH).map(Some);
        };
        if self.replay(&records, WIDTH)? == (WIDTH, records.len()) {
            return Ok(None);
        }
        Err(LogError::Damaged { path: sealed, what: "it does not hold 256 whole entries" })
    }

    /// Replays the first `committed` records of a tail; gives their bytes. What follows was never
    /// acknowledged.
    fn tail(&mut self, bundle: u64, committed: u64) -> Result<Vec<u8>, LogError> {
        let path = self.files.tail(bundle);
        let mut records = self.files.read(&path)?.unwrap_or_default();
        let (found, bytes) = self.replay(&records, committed)?;
        if found < committed {
            return Err(LogError::Lost { path, found, committed });
        }
        records.truncate(bytes);
        Ok(records)
    }

    /// Replays up to `limit` records: how many there were, in how many bytes.
    fn replay(&mut self, bytes: &[u8], limit: u64) -> Result<(u64, usize), LogError> {
        let mut rest = bytes;
        for found in 0..limit {
            let Some((record, after)) = self.codec.read(rest) else { return Ok((found, bytes.len() - rest.len())) };
            let (raw, _) = rest.split_at(rest.len() - after.len());
            if let Some(identity) = record.identity {
                self.index.entry(identity).or_insert(self.edge.size());
            }
            self.last = record.at.map_or(self.last, |at| at.max(self.last));
            self.edge.push(raw.into(), record.leaf);
            rest = after;
        }
        Ok((limit, bytes.len() - rest.len()))
    }

    /// Compares the tiles that became full with those on the disk. What is missing is kept at the edge, to
    /// be sealed.
    fn check_tiles(&mut self) -> Result<(), LogError> {
        for (tile, bytes) in self.edge.full_tiles() {
            let path = self.files.path(&tile.to_string());
            match self.files.read(&path)? {
                Some(there) if there == bytes => self.edge.drop_tile(tile),
                Some(_) => {
                    return Err(LogError::Damaged { path, what: "it holds other hashes than its entries have" });
                }
                None => {}
            }
        }
        self.edge.drop_full_bundles();
        Ok(())
    }
}
