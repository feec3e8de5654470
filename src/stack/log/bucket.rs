//! A log in an object store: where its tiles and checkpoints become visible, for readers and for whoever would write
//! the log too. The disk stays the journal; the bucket is between a commit and the sight of it.
//!
//! ```text
//! writer            who writes (a number that grows, and a name), and what it committed last: compare-and-swap
//! tile/...          full and partial tiles: create-only
//! checkpoint        what readers take: compare-and-swap
//! ```
//!
//! One step after the other, each read back before the next:
//!
//! ```text
//! commit on the disk                                   (see `log`)
//! put the checkpoint into `writer`     if it is still ours     <- who is fenced off ends here
//! create the tiles of its tree         if they are not there
//! have it cosigned, where there are witnesses
//! put it into `checkpoint`             if it is what we left there
//! show it, acknowledge its entries
//! ```
//!
//! Whoever takes over holds its log to the checkpoint in `writer`, which is older than every tile of its tree: who was
//! fenced off may wake up and finish what it had begun there, with the bytes that its successor has too. A tile with
//! other bytes is never overwritten, and ends the log. After an answer that did not come, or one that says no, what
//! stands there decides.

mod check;
mod error;
#[cfg(test)]
pub(crate) mod lying;
mod probe;
mod record;
mod restore;
mod upload;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

pub use check::check;
pub use error::{BucketError, Unanswered};
pub use restore::{Restored, restore};

use super::grown::Grown;
use super::head::Head;
use super::{Files, LogError};
use crate::format::merkle::{Hash, Tile, TileKind};
use record::Record;

/// The object store, as far as one log needs it: names under a prefix of its own.
///
/// An implementor guarantees that an answer is the store's own: whatever else happened is [`Unanswered`], also after
/// a write that may have been done.
pub trait Bucket: fmt::Debug + Send + Sync + 'static {
    /// What the log's names stand under, for messages.
    fn place(&self) -> String;
    /// Reads an object; `None` when there is none.
    fn get(&self, name: &str) -> Result<Option<Object>, Unanswered>;
    /// Writes an object that must not be there (`If-None-Match: *`).
    fn create(&self, name: &str, bytes: &[u8]) -> Result<Put, Unanswered>;
    /// Writes an object in the place of the one with this tag (`If-Match`).
    fn replace(&self, name: &str, bytes: &[u8], tag: &Tag) -> Result<Put, Unanswered>;
    /// Removes an object.
    fn remove(&self, name: &str) -> Result<(), Unanswered>;
}

/// An object as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// What is in it.
    pub bytes: Vec<u8>,
    /// What a write in its place is conditional on.
    pub tag: Tag,
}

/// The entity tag of one version of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag(pub String);

/// What became of a conditional write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It was done.
    Done,
    /// The condition does not hold.
    Refused,
}

/// Creates an object beside a log's, where there is none; one that is there must have these bytes.
pub(in crate::stack) fn create(bucket: &dyn Bucket, name: &str, bytes: &[u8]) -> Result<(), LogError> {
    upload::create(bucket, name, bytes).map_err(|error| match error {
        Unpublished::Never(error) => error,
        Unpublished::Later(error) => BucketError::Unreachable { path: bucket.place().into(), error }.into(),
    })
}

/// Who writes, as it stands in the bucket.
const WRITER: &str = "writer";
/// What readers take.
const CHECKPOINT: &str = "checkpoint";
/// The file beside the log that says where it was published: a bucket that forgot is none that is new.
const MARK: &str = "published-to";
/// How often is looked for what was just written, before it counts as lost.
const LOOKS: u32 = 3;
const BETWEEN_LOOKS: std::time::Duration = std::time::Duration::from_millis(100);

/// A condition that did not hold, and an object that is as it was.
const UNCHANGED: &str = "the write was refused, and the object is as it was";

/// Why a head is not in the bucket.
#[derive(Debug)]
pub(super) enum Unpublished {
    /// It may be later.
    Later(Unanswered),
    /// The log must not go on.
    Never(LogError),
}

impl From<Unanswered> for Unpublished {
    fn from(error: Unanswered) -> Self {
        Self::Later(error)
    }
}

impl From<LogError> for Unpublished {
    fn from(error: LogError) -> Self {
        Self::Never(error)
    }
}

/// What verifies a log's checkpoints: the codec, without its type.
pub(super) type Opener = Arc<dyn Fn(&str) -> Option<(u64, Hash)> + Send + Sync>;

/// The write side: it holds the log in the bucket, once it has begun.
pub(super) struct Outlet {
    bucket: Arc<dyn Bucket>,
    files: Files,
    bundles: TileKind,
    open: Opener,
    /// The record by which we are the writer, and its tag.
    held: Option<(Record, Tag)>,
    /// The checkpoint that we left there.
    shown: Option<Object>,
    /// The size of the tree whose tiles are all there.
    whole: u64,
}

impl Outlet {
    pub(super) fn new(bucket: Arc<dyn Bucket>, files: Files, bundles: TileKind, open: Opener) -> Self {
        Self { bucket, files, bundles, open, held: None, shown: None, whole: 0 }
    }

    /// The log's place in the bucket.
    pub(super) fn place(&self) -> std::path::PathBuf {
        self.bucket.place().into()
    }

    /// Puts a head into the bucket, but for the sight of it; the first time it becomes the log's writer before.
    pub(super) fn stage(&mut self, head: &Head) -> Result<(), Unpublished> {
        match self.held.take() {
            None => self.begin(head)?,
            Some(held) => self.held = Some(self.claim(held, head)?),
        }
        upload::tiles(self, head, self.whole)?;
        self.whole = head.size();
        Ok(())
    }

    /// Puts the checkpoint of what was staged where readers take it.
    pub(super) fn show(&mut self, head: &Head, note: &str) -> Result<(), Unpublished> {
        if self.shown.as_ref().is_some_and(|there| there.bytes == note.as_bytes()) {
            return Ok(());
        }
        let put = match &self.shown {
            Some(there) => self.bucket.replace(CHECKPOINT, note.as_bytes(), &there.tag),
            None => self.bucket.create(CHECKPOINT, note.as_bytes()),
        };
        for look in 0..LOOKS {
            let there = self.bucket.get(CHECKPOINT)?;
            if there.as_ref().is_some_and(|there| there.bytes == note.as_bytes()) {
                self.shown = there;
                return Ok(());
            }
            match (&put, there) {
                (Ok(Put::Done), _) if look + 1 == LOOKS => return Err(self.lost(CHECKPOINT)),
                (Ok(Put::Done), _) => std::thread::sleep(BETWEEN_LOOKS),
                // A writer before us may have come through with its last one; then ours comes after it.
                (_, Some(there)) => {
                    self.not_older(head, &there).map_err(|error| self.fenced_or(error))?;
                    self.shown = Some(there);
                    break;
                }
                (_, None) if self.shown.is_some() => return Err(self.lost(CHECKPOINT)),
                (_, None) => break,
            }
        }
        Err(Unpublished::Later(put.err().unwrap_or_else(|| Unanswered::of(CHECKPOINT, UNCHANGED))))
    }

    /// Becomes the writer, if the bucket's log is the beginning of ours.
    fn begin(&mut self, head: &Head) -> Result<(), Unpublished> {
        probe::probe(self.bucket.as_ref())?;
        // A writer's record is there before its first checkpoint, and says less than the checkpoint does.
        let early = self.bucket.get(CHECKPOINT)?;
        let before = self.bucket.get(WRITER)?;
        let shown = if before.is_some() { self.bucket.get(CHECKPOINT)? } else { early };
        let record = match &before {
            None if self.marked()? || shown.is_some() => return Err(self.lost(WRITER)),
            None => Record::first(head.note()).map_err(LogError::from)?,
            Some(there) => {
                let record = Record::parse(&there.bytes).ok_or_else(|| self.conflict(WRITER))?;
                self.continues(head, WRITER, &record.note)?;
                match &shown {
                    None if record.published.is_some() => return Err(self.lost(CHECKPOINT)),
                    Some(shown) if self.size_of(head, shown)? < record.published.unwrap_or(0) => {
                        return Err(self.lost(CHECKPOINT));
                    }
                    _ => record.after(head.note()).map_err(LogError::from)?,
                }
            }
        };
        self.whole = shown.as_ref().map(|shown| self.size_of(head, shown)).transpose()?.unwrap_or(0);
        self.shown = shown;
        let record = record.with(head.note(), self.published());
        let tag = self.swap(before.map(|there| there.tag).as_ref(), &record, None)?;
        self.held = Some((record, tag));
        self.mark()?;
        Ok(())
    }

    /// Stays the writer, with a new checkpoint.
    fn claim(&mut self, held: (Record, Tag), head: &Head) -> Result<(Record, Tag), Unpublished> {
        let next = held.0.with(head.note(), self.published());
        if next.note == held.0.note {
            return Ok(held);
        }
        match self.swap(Some(&held.1), &next, Some(&held.0)) {
            Ok(tag) => Ok((next, tag)),
            Err(error) => {
                self.held = Some(self.still(held));
                Err(error)
            }
        }
    }

    /// The size that readers have.
    fn published(&self) -> Option<u64> {
        let note = String::from_utf8_lossy(&self.shown.as_ref()?.bytes);
        (self.open)(&note).map(|(size, _)| size)
    }

    /// The record with which the next attempt begins: an earlier one of ours may have come through.
    fn still(&self, held: (Record, Tag)) -> (Record, Tag) {
        let there = self.bucket.get(WRITER).ok().flatten();
        let ours = there.and_then(|there| Some((Record::parse(&there.bytes)?, there.tag)));
        ours.filter(|(record, _)| record.is_of(&held.0)).unwrap_or(held)
    }

    /// Puts a record in the place of the one with this tag: the tag of the new one, when it is there. `held` is what
    /// made us the writer.
    fn swap(&self, tag: Option<&Tag>, record: &Record, held: Option<&Record>) -> Result<Tag, Unpublished> {
        let bytes = record.encode();
        let put = match tag {
            Some(tag) => self.bucket.replace(WRITER, &bytes, tag),
            None => self.bucket.create(WRITER, &bytes),
        };
        for look in 0..LOOKS {
            let there = self.bucket.get(WRITER)?;
            let gone = match there {
                Some(there) if there.bytes == bytes => return Ok(there.tag),
                Some(there) => {
                    let found = Record::parse(&there.bytes).ok_or_else(|| self.conflict(WRITER))?;
                    if found.follows(record) {
                        return Err(self.fenced(&found));
                    }
                    held.is_some_and(|held| self.is_before(&found, held))
                }
                None => tag.is_some(),
            };
            match (gone || put == Ok(Put::Done), look + 1 < LOOKS) {
                (false, _) => break,
                (true, true) => std::thread::sleep(BETWEEN_LOOKS),
                (true, false) => return Err(self.lost(WRITER)),
            }
        }
        Err(Unpublished::Later(put.err().unwrap_or_else(|| Unanswered::of(WRITER, UNCHANGED))))
    }

    /// Whether a record is one that an acknowledged write had replaced.
    fn is_before(&self, found: &Record, held: &Record) -> bool {
        let size = |record: &Record| (self.open)(&record.note).map(|(size, _)| size);
        !found.is_of(held) || size(found) < size(held)
    }

    /// Holds the head to a checkpoint of this log that stands in the bucket; gives its size.
    fn continues(&self, head: &Head, name: &str, note: &str) -> Result<u64, LogError> {
        Published { outlet: self, head }.continues(&error::path(self.bucket.as_ref(), name), note)
    }

    fn size_of(&self, head: &Head, checkpoint: &Object) -> Result<u64, LogError> {
        self.continues(head, CHECKPOINT, &String::from_utf8_lossy(&checkpoint.bytes))
    }

    /// A checkpoint that stands where ours should, is one of this log, and not older than what we left there.
    fn not_older(&self, head: &Head, there: &Object) -> Result<(), Unpublished> {
        let size = self.size_of(head, there)?;
        match &self.shown {
            Some(shown) if size < self.size_of(head, shown)? => Err(self.lost(CHECKPOINT)),
            _ => Ok(()),
        }
    }

    fn marked(&self) -> Result<bool, LogError> {
        Ok(self.files.read(&self.files.path(MARK))?.is_some_and(|place| place == self.bucket.place().as_bytes()))
    }

    fn mark(&self) -> Result<(), LogError> {
        match self.marked()? {
            true => Ok(()),
            false => self.files.replace(&self.files.path(MARK), self.bucket.place().as_bytes()).map(drop),
        }
    }

    fn lost(&self, name: &str) -> Unpublished {
        Unpublished::Never(BucketError::Lost { path: error::path(self.bucket.as_ref(), name) }.into())
    }

    fn conflict(&self, name: &str) -> Unpublished {
        Unpublished::Never(BucketError::Conflict { path: error::path(self.bucket.as_ref(), name) }.into())
    }

    fn fenced(&self, by: &Record) -> Unpublished {
        let path = error::path(self.bucket.as_ref(), WRITER);
        Unpublished::Never(BucketError::Fenced { path, epoch: by.epoch }.into())
    }

    /// What does not fit is another writer's, when there is one.
    fn fenced_or(&self, error: Unpublished) -> Unpublished {
        let writer = self.bucket.get(WRITER).ok().flatten().and_then(|there| Record::parse(&there.bytes));
        match (writer, &self.held) {
            (Some(writer), Some((held, _))) if writer.follows(held) => self.fenced(&writer),
            _ => error,
        }
    }
}

/// The log at the head that is to be published.
struct Published<'h> {
    outlet: &'h Outlet,
    head: &'h Head,
}

impl Grown for Published<'_> {
    fn dir(&self) -> &Path {
        &self.outlet.files.dir
    }

    fn leaves(&self) -> u64 {
        self.head.size()
    }

    fn signed(&self, note: &str) -> Option<(u64, Hash)> {
        (self.outlet.open)(note)
    }

    fn tile_hashes(&self, tile: Tile) -> Result<Vec<Hash>, LogError> {
        upload::hashes(self.outlet, self.head, tile)
    }
}

impl fmt::Debug for Outlet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Outlet({})", self.bucket.place())
    }
}
