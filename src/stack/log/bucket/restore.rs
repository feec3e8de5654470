//! A log's folder made again from its bucket, when its disk is lost: every entry is read, the tree recomputed from them,
//! and held to the checkpoint that the log signed last. The commit is written last: without it there is no log.
//!
//! A log never signs two trees. What its writer had signed, and the bucket does not hold, was told to nobody; but its
//! checkpoint may have been seen, so that nothing else is ever appended in its place: then there is no going on.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::super::commits::Commit;
use super::super::edge::Edge;
use super::super::{Codec, Files, LogError, Vfs};
use super::{Bucket, BucketError, CHECKPOINT, MARK, Record, Unanswered, WRITER, error};
use crate::format::merkle::{Hash, Tile, tile};

/// What was made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restored {
    /// Entries of the log.
    pub size: u64,
    /// Bytes of its entries.
    pub bytes: u64,
}

const WIDTH: u64 = tile::WIDTH as u64;

/// Makes the log in a folder, which must not exist, from its bucket. For at least `watch` it looks whether another process
/// writes it.
pub fn restore<C: Codec>(
    bucket: &dyn Bucket,
    (vfs, dir): (Arc<dyn Vfs>, &Path),
    codec: &C,
    watch: Duration,
) -> Result<Restored, LogError> {
    let files = Files { vfs, dir: dir.to_owned() };
    let signed = Signed::read(bucket, codec)?;
    let begun = std::time::Instant::now();
    files.create_dir(&files.dir)?;
    for name in ["tail", "tile", "tmp"].into_iter().chain(C::INDEXED.then_some("index")) {
        files.create_dir(&files.path(name))?;
    }
    let _lock = files.lock()?;
    let mut work =
        Work { bucket, files: &files, codec, signed: &signed, edge: Edge::default(), at_shown: None, bytes: 0 };
    work.look();
    for index in 0..signed.size.div_ceil(WIDTH) {
        work.bundle(index)?;
    }
    work.check()?;
    std::thread::sleep(watch.saturating_sub(begun.elapsed()));
    let now = get(bucket, WRITER)?;
    if now.as_ref() != Some(&signed.writer) {
        let epoch = now.and_then(|bytes| Record::parse(&bytes)).map_or(0, |record| record.epoch);
        return Err(BucketError::Fenced { path: path(bucket, WRITER), epoch }.into());
    }
    let Work { edge, bytes, .. } = work;
    let (unsealed, before) = edge.unsealed();
    files.replace(&files.path(MARK), bucket.place().as_bytes())?;
    files.restart_commits(Commit { note: &signed.note, records: edge.digest(), unsealed, before })?;
    Ok(Restored { size: signed.size, bytes })
}

/// What stands in the bucket, signed by the log: what its writer committed last, and what readers have.
struct Signed {
    writer: Vec<u8>,
    note: String,
    size: u64,
    root: Hash,
    shown: Option<(u64, Hash)>,
}

impl Signed {
    fn read<C: Codec>(bucket: &dyn Bucket, codec: &C) -> Result<Self, LogError> {
        let lost = |name| LogError::from(BucketError::Lost { path: path(bucket, name) });
        let open = |name: &str, note: &str| codec.open(note).ok_or(LogError::Foreign { path: path(bucket, name) });
        // The record says less than the checkpoint does, where it is the older of the two.
        let writer = get(bucket, WRITER)?.ok_or_else(|| lost(WRITER))?;
        let record = Record::parse(&writer).ok_or(BucketError::Conflict { path: path(bucket, WRITER) })?;
        let (size, root) = open(WRITER, &record.note)?;
        let shown = get(bucket, CHECKPOINT)?.map(|note| open(CHECKPOINT, &String::from_utf8_lossy(&note)));
        let shown = shown.transpose()?;
        match shown {
            None if record.published.is_some() => return Err(lost(CHECKPOINT)),
            Some((shown, _)) if shown < record.published.unwrap_or(0) => return Err(lost(CHECKPOINT)),
            Some((shown, _)) if shown > size => return Err(lost(WRITER)),
            _ => {}
        }
        Ok(Self { writer, note: record.note, size, root, shown })
    }
}

struct Work<'a, C: Codec> {
    bucket: &'a dyn Bucket,
    files: &'a Files,
    codec: &'a C,
    signed: &'a Signed,
    edge: Edge,
    /// The root where the tree was as large as the one that readers have.
    at_shown: Option<Hash>,
    bytes: u64,
}

impl<C: Codec> Work<'_, C> {
    /// Takes one bundle, full or the last.
    fn bundle(&mut self, index: u64) -> Result<(), LogError> {
        let end = self.signed.size.min((index + 1) * WIDTH);
        let missing = || LogError::Damaged { path: self.files.dir.clone(), what: "no tree is that large" };
        let tile = Tile::of_tree(C::BUNDLES, index, self.signed.size).ok_or_else(missing)?;
        let name = tile.to_string();
        let records = get(self.bucket, &name)?.ok_or_else(|| self.absent(&name, end))?;
        let mut rest = records.as_slice();
        while self.edge.size() < end {
            let (record, after) = self.codec.read(rest).ok_or_else(|| unproven(self.bucket, &name))?;
            let (raw, _) = rest.split_at(rest.len() - after.len());
            self.edge.push(raw.into(), record.leaf);
            self.look();
            rest = after;
        }
        if !rest.is_empty() {
            return Err(unproven(self.bucket, &name));
        }
        self.bytes += records.len() as u64;
        if !end.is_multiple_of(WIDTH) {
            return self.files.restart_tail(index, &records).map(drop);
        }
        self.files.seal(tile, &records)?;
        for (tile, bytes) in self.edge.full_tiles() {
            self.files.seal(tile, &bytes)?;
        }
        self.edge.drop_full();
        Ok(())
    }

    /// Remembers the root of the tree that is as large as the one that readers have.
    fn look(&mut self) {
        if self.signed.shown.is_some_and(|(size, _)| size == self.edge.size()) {
            self.at_shown = Some(self.edge.root());
        }
    }

    /// The tree that was recomputed is the one that was signed, and begins with the one that readers have.
    fn check(&self) -> Result<(), LogError> {
        if self.edge.root() != self.signed.root {
            return Err(unproven(self.bucket, WRITER));
        }
        match self.signed.shown {
            Some((size, root)) if self.at_shown != Some(root) => {
                let path = path(self.bucket, CHECKPOINT);
                Err(LogError::RolledBack { path, remembered: size, size: self.signed.size })
            }
            _ => Ok(()),
        }
    }

    /// A bundle that is not there: lost, or never put there.
    fn absent(&self, name: &str, end: u64) -> LogError {
        let found = self.signed.shown.map_or(0, |(size, _)| size);
        let path = path(self.bucket, name);
        match end > found {
            true => BucketError::Unfinished { path, found, committed: self.signed.size }.into(),
            false => BucketError::Lost { path }.into(),
        }
    }
}

fn path(bucket: &dyn Bucket, name: &str) -> PathBuf {
    error::path(bucket, name)
}

fn unproven(bucket: &dyn Bucket, name: &str) -> LogError {
    BucketError::Unproven { path: path(bucket, name) }.into()
}

fn get(bucket: &dyn Bucket, name: &str) -> Result<Option<Vec<u8>>, LogError> {
    let unanswered = |error: Unanswered| BucketError::Unreachable { path: bucket.place().into(), error };
    Ok(bucket.get(name).map_err(unanswered)?.map(|object| object.bytes))
}
