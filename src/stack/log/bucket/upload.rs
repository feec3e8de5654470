//! Tiles on their way into the bucket: several at once, each created where it is not, and read back.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{BETWEEN_LOOKS, Bucket, BucketError, LOOKS, Outlet, Put, Unpublished, error};
use crate::base::limits;
use crate::format::merkle::{Hash, Tile, TileKind, tile};
use crate::stack::log::LogError;
use crate::stack::log::head::{self, Head, ReadError};

/// Puts the tiles of a head's tree there that one of `whole` leaves does not have.
pub(super) fn tiles(outlet: &Outlet, head: &Head, whole: u64) -> Result<(), Unpublished> {
    let tiles = between(outlet.bundles, whole, head.size());
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(None));
    let work = || {
        while let Some(tile) = tiles.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Err(error) = one(outlet, head, *tile) {
                next.store(tiles.len(), Ordering::Relaxed);
                failed.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get_or_insert(error);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..tiles.len().min(limits::BUCKET_UPLOADS) {
            scope.spawn(work);
        }
        work();
    });
    match failed.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}

/// The tiles, full and partial, of a tree that an earlier one does not have.
pub(super) fn between(bundles: TileKind, earlier: u64, size: u64) -> Vec<Tile> {
    let kinds = (0..8).map(|level| TileKind::Hashes { level }).chain([bundles]);
    let new = kinds.flat_map(|kind| {
        let level = if let TileKind::Hashes { level } = kind { level } else { 0 };
        let first = earlier.checked_shr(u32::from(level + 1) * u32::from(tile::HEIGHT)).unwrap_or(0);
        let there = move |tile: &Tile| Tile::of_tree(kind, tile.index(), earlier) != Some(*tile);
        (first..).map_while(move |index| Tile::of_tree(kind, index, size)).filter(there)
    });
    new.collect()
}

fn one(outlet: &Outlet, head: &Head, tile: Tile) -> Result<(), Unpublished> {
    create(outlet.bucket.as_ref(), &tile.to_string(), &bytes(outlet, head, tile)?)
}

/// Creates an object where there is none; one that is there must have these bytes.
pub(super) fn create(bucket: &dyn Bucket, name: &str, bytes: &[u8]) -> Result<(), Unpublished> {
    let path = || error::path(bucket, name);
    let put = bucket.create(name, bytes);
    for look in 0..LOOKS {
        match bucket.get(name)? {
            Some(there) if there.bytes == bytes => return Ok(()),
            Some(_) => return Err(Unpublished::Never(BucketError::Conflict { path: path() }.into())),
            None if put.is_err() => break,
            None if look + 1 < LOOKS => std::thread::sleep(BETWEEN_LOOKS),
            None => break,
        }
    }
    match put {
        Ok(Put::Done | Put::Refused) => Err(Unpublished::Never(BucketError::Lost { path: path() }.into())),
        Err(error) => Err(Unpublished::Later(error)),
    }
}

/// A tile of the head's tree, from its edge or from the disk.
fn bytes(outlet: &Outlet, head: &Head, tile: Tile) -> Result<Vec<u8>, LogError> {
    if let TileKind::Hashes { .. } = tile.kind() {
        return Ok(hashes(outlet, head, tile)?.concat());
    }
    let path = outlet.files.path(&tile.to_string());
    let damaged = || LogError::Damaged { path: path.clone(), what: "it does not hold what its tree has" };
    match head.edge.records(tile.index()) {
        Some(records) => records.get(..usize::from(tile.width())).map(<[_]>::concat).ok_or_else(damaged),
        None => outlet.files.read(&path)?.ok_or_else(damaged),
    }
}

/// The hashes of a tile of the head's tree.
pub(super) fn hashes(outlet: &Outlet, head: &Head, tile: Tile) -> Result<Vec<Hash>, LogError> {
    head::hashes(&outlet.files, head, tile).map_err(|error| {
        let path = outlet.files.path(&tile.to_string());
        match error {
            ReadError::Io { source, .. } => LogError::io("read", &path, source),
            _ => LogError::Damaged { path, what: "it is not a tile of hashes" },
        }
    })
}
