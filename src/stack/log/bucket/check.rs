//! A log's bucket compared with the log beside it: what readers get, and what a later writer stands on.

use std::path::PathBuf;
use std::sync::Arc;

use super::super::fsck::Finding;
use super::super::grown::Grown as _;
use super::super::{Beside, Codec, LogError, Vfs};
use super::error;
use super::upload::between;
use super::{Bucket, BucketError, CHECKPOINT, Record, Unanswered, WRITER};
use crate::format::merkle::{Tile, TileKind};

/// What is wrong in the bucket of the log in a folder. Works beside a running log: the bucket is read first, and the
/// disk is never behind it.
pub fn check<C: Codec>(
    bucket: &dyn Bucket,
    vfs: Arc<dyn Vfs>,
    dir: &std::path::Path,
    codec: &C,
) -> Result<Vec<Finding>, LogError> {
    let mut findings = Vec::new();
    let mut found = |name: &str, what: &str| {
        findings.push(Finding { path: error::path(bucket, name), what: what.to_owned() });
    };
    let (checkpoint, writer) = (get(bucket, CHECKPOINT)?, get(bucket, WRITER)?);
    let log = Beside::open(vfs, dir, codec)?;
    match writer.map(|bytes| Record::parse(&bytes).map(|record| record.note)) {
        None => found(WRITER, MISSING),
        Some(None) => found(WRITER, "it is no record of a writer"),
        Some(Some(note)) => {
            if let Err(what) = size(&log, &note)? {
                found(WRITER, what);
            }
        }
    }
    let size = match checkpoint.map(String::from_utf8) {
        None => Err(MISSING),
        Some(Err(_)) => Err(FOREIGN),
        Some(Ok(note)) => size(&log, &note)?,
    };
    let size = match size {
        Ok(size) => size,
        Err(what) => {
            found(CHECKPOINT, what);
            return Ok(findings);
        }
    };
    for tile in between(C::BUNDLES, 0, size) {
        let name = tile.to_string();
        match get(bucket, &name)? {
            Some(there) if there == bytes(&log, tile)? => {}
            Some(_) => found(&name, "it holds other bytes than the log has"),
            None => found(&name, MISSING),
        }
    }
    Ok(findings)
}

const MISSING: &str = "it is missing";
const FOREIGN: &str = "it is not signed by this log's key and origin";

/// The size of a checkpoint's tree, when it is the beginning of the log's.
fn size<C: Codec>(log: &Beside<'_, C>, note: &str) -> Result<Result<u64, &'static str>, LogError> {
    match log.continues(&PathBuf::new(), note) {
        Ok(size) => Ok(Ok(size)),
        Err(LogError::Foreign { .. }) => Ok(Err(FOREIGN)),
        Err(LogError::RolledBack { .. }) => Ok(Err("it signs a tree that is not the beginning of the log's")),
        Err(error) => Err(error),
    }
}

fn get(bucket: &dyn Bucket, name: &str) -> Result<Option<Vec<u8>>, LogError> {
    let unreachable = |error: Unanswered| BucketError::Unreachable { path: error::path(bucket, name), error };
    Ok(bucket.get(name).map_err(unreachable)?.map(|object| object.bytes))
}

fn bytes<C: Codec>(log: &Beside<'_, C>, tile: Tile) -> Result<Vec<u8>, LogError> {
    match tile.kind() {
        TileKind::Hashes { .. } => Ok(log.hashes(tile)?.concat()),
        _ => log.bundle(tile),
    }
}
