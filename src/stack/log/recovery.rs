//! What happens before a log may write: the last commit is found and verified, the tree's right edge read from its
//! tiles, the entries from the last batch on from their bundles, and what comes out compared with the signed root.
//! Only what was never committed is left behind. Damage further back is not met here, and cannot be signed over:
//! what a new root is made of was all compared. `stack fsck` reads everything.
//!
//! Nothing is repaired that the signed checkpoint does not prove: a tile of hashes that is missing is
//! made again from its entries, an entry that is missing or changed is a refusal.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use super::commits::{self, Commit};
use super::edge::Edge;
use super::head::Head;
use super::storage::Storage;
use super::tiles::Tiles;
use super::{Codec, Files, Keeper, LogError};
use crate::base::limits;
use crate::base::time::UnixTime;
use crate::format::merkle::{Hash, Tile, TileKind, empty_root, tile};

/// A log that may go on.
#[derive(Debug)]
pub(super) struct Recovered {
    pub(super) storage: Storage,
    pub(super) edge: Edge,
    /// For a codec with an index.
    pub(super) keeper: Option<Keeper>,
    pub(super) last: UnixTime,
    pub(super) head: Arc<Head>,
}

const WIDTH: u64 = tile::WIDTH as u64;

/// Makes the folder of an empty log.
pub(super) fn create<C: Codec>(files: &Files, codec: &C, now: UnixTime) -> Result<(), LogError> {
    files.create_dir(&files.dir)?;
    for name in ["tail", "tile", "tmp"].into_iter().chain(C::INDEXED.then_some("index")) {
        files.create_dir(&files.path(name))?;
    }
    let _lock = files.lock()?;
    let note = codec.sign(0, &empty_root(), now)?;
    let digest = Edge::default().digest();
    files.restart_commits(Commit { note: &note, records: digest, unsealed: 0, before: digest })?;
    Ok(())
}

/// Recovers the log in a folder.
pub(super) fn open<C: Codec>(files: &Files, codec: &Arc<C>, index_unit: u64) -> Result<Recovered, LogError> {
    let lock = files.lock()?;
    clean_tmp(files)?;
    let commits_path = files.path("commits");
    let Some(file) = files.read(&commits_path)? else { return Err(LogError::Absent { path: files.dir.clone() }) };
    let (commit, size, root) = last_commit(&commits_path, &file, codec.as_ref())?;
    if commit.unsealed > size / WIDTH {
        return Err(LogError::Damaged { path: commits_path, what: "the last commit says more than its checkpoint" });
    }
    let edge = Tiles::new(files, codec.as_ref()).edge(commit.unsealed, commit.before)?;
    let mut replay = Replay { files, codec: codec.as_ref(), edge, last: UnixTime::from_secs(0) };
    let mut unsealed = Vec::new();
    for bundle in commit.unsealed..size / WIDTH {
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
    let Replay { mut edge, last, .. } = replay;
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
    let keeper = if C::INDEXED { Some(index(files, codec, index_unit, &edge)?) } else { None };
    let head = Arc::new(Head::new(commit.note.to_owned(), edge.clone()));
    Ok(Recovered { storage, edge, keeper, last, head })
}

/// The index, with what its files do not cover in memory.
fn index<C: Codec>(files: &Files, codec: &Arc<C>, unit: u64, edge: &Edge) -> Result<Keeper, LogError> {
    let leaves = {
        let (files, codec) = (files.clone(), Arc::clone(codec));
        Box::new(move |bundle| Tiles::new(&files, codec.as_ref()).leaves(bundle))
    };
    let full = edge.size() / WIDTH;
    let keeper = Keeper::open(files, leaves, unit, full * WIDTH)?;
    let index = keeper.index();
    for bundle in index.mark() / WIDTH..full {
        let leaves = Tiles::new(files, codec.as_ref()).leaves(bundle)?;
        leaves.into_iter().zip(bundle * WIDTH..).for_each(|(leaf, at)| index.insert(leaf, at));
    }
    let rest = edge.hashes(0, full).unwrap_or_default();
    rest.iter().zip(full * WIDTH..).for_each(|(leaf, at)| index.insert(*leaf, at));
    Ok(keeper)
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
