//! The log engine: one append-only Merkle tree on one disk, written by one process.
//!
//! Nothing that was signed is visible or acknowledged before it is durable:
//!
//! ```text
//! append the batch's entries to the tail     fdatasync
//! sign the checkpoint, append it to commits  fdatasync    <- the commit
//! show the new head to readers, then acknowledge
//! move what became full (bundles, tiles) to its final, immutable place
//! ```
//!
//! A batch is whatever arrived while the one before it was being written: no window, no timer. Any
//! error of the disk ends the log without an acknowledgement ([`Log::failed`]); a restart recovers
//! (`recovery`). A log's folder:
//!
//! ```text
//! LOCK              held while a process writes
//! commits           checkpoints, each twice in blocks of its own (see `commits`)
//! tail/N            entries of bundle N until it is full and sealed
//! tile/...          full tiles and bundles under their tlog-tiles paths, never rewritten
//! index/FIRST-END   where each leaf of these entries stands (see `index`)
//! tmp/...           files being made
//! published-to      the bucket that it is published to, where there is one (see `bucket`)
//! ```
//!
//! One engine, several kinds of log: a [`Codec`] says how an entry is stored and hashed and how the log signs.
//! Where equal entries have equal leaves, an index tells duplicates. A start reads the right edge of the tree and
//! the last batch, and compares both with the signed root: it takes as long for a million entries as for none.

mod backlog;
mod beside;
pub mod bucket;
mod commits;
mod edge;
pub mod export;
pub mod fsck;
mod grown;
mod head;
mod index;
mod publisher;
pub mod read_path;
mod recovery;
mod sequencer;
mod storage;
mod tiles;
pub mod vfs;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::{mpsc, oneshot, watch};

pub use backlog::Bound;
pub use beside::Beside;
pub use head::{Head, ReadError};
pub use publisher::{CosignError, Cosigner, Publishing, Uncosigned};
pub use vfs::{Disk, Vfs};

use backlog::Backlog;
use index::{Duplicates, FindError, Found, Index, Keeper};
use publisher::{Publisher, Subject};

use crate::base::code::Code;
use crate::base::limits;
use crate::base::time::UnixTime;
use crate::format::merkle::{Hash, TileKind};
use crate::stack::clock::Clock;

/// What one kind of log writes: its records, its hashes and its signature.
pub trait Codec: fmt::Debug + Send + Sync + 'static {
    /// An entry that was admitted and waits for its index.
    type Entry: Send + 'static;

    /// The kind of the log's bundles: their folder under `tile/`.
    const BUNDLES: TileKind;

    /// Whether equal entries have equal leaves, wherever and whenever they come in: the log then has each once.
    const INDEXED: bool;

    /// The record of an entry at its index, sequenced at `at`; `None` when the format has no room for it,
    /// which admission must have excluded.
    fn seal(&self, entry: &Self::Entry, index: u64, at: UnixTime) -> Option<Sealed>;

    /// Reads the first record of a bundle: the record, and the bytes after it. `None` when it is torn or
    /// damaged.
    fn read<'a>(&self, bundle: &'a [u8]) -> Option<(Record, &'a [u8])>;

    /// Signs a checkpoint.
    fn sign(&self, size: u64, root: &Hash, at: UnixTime) -> Result<String, SigningError>;

    /// Verifies a checkpoint that this log signed: its size and root.
    fn open(&self, note: &str) -> Option<(u64, Hash)>;
}

/// A record that is ready to be written.
#[derive(Debug, Clone)]
pub struct Sealed {
    /// The bytes in the bundle.
    pub bytes: Vec<u8>,
    /// The hash of its leaf.
    pub leaf: Hash,
}

/// A record that was read back.
#[derive(Debug, Clone, Copy)]
pub struct Record {
    /// The hash of its leaf.
    pub leaf: Hash,
    /// When it was sequenced, for codecs that store it.
    pub at: Option<UnixTime>,
}

/// A key did not sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the log's key did not sign")]
pub struct SigningError;

/// Where an entry stands.
#[derive(Debug, Clone)]
pub struct Appended {
    /// Its index.
    pub index: u64,
    /// When it was sequenced; for a duplicate, when it was found.
    pub at: UnixTime,
    /// Whether the log already had it.
    pub duplicate: bool,
    /// A committed head that covers it.
    pub head: Arc<Head>,
}

/// A log that this process writes.
#[derive(Debug)]
pub struct Log<C: Codec> {
    codec: Arc<C>,
    files: Files,
    head: Arc<RwLock<Arc<Head>>>,
    index: Option<Arc<Index>>,
    queue: Option<mpsc::Sender<Request<C::Entry>>>,
    failed: watch::Receiver<Option<Arc<LogError>>>,
    sequencer: Option<JoinHandle<()>>,
    backlog: Arc<Backlog>,
}

/// Where a log's files are.
#[derive(Debug, Clone)]
struct Files {
    vfs: Arc<dyn Vfs>,
    dir: PathBuf,
}

/// An entry on its way, and where its answer goes.
#[derive(Debug)]
struct Request<E> {
    entry: E,
    answer: oneshot::Sender<Result<Appended, AppendError>>,
}

/// Why the log failed, said once by the first of its threads that knows.
#[derive(Debug, Clone)]
struct Poison(Arc<watch::Sender<Option<Arc<LogError>>>>);

impl Poison {
    fn new() -> (Self, watch::Receiver<Option<Arc<LogError>>>) {
        let (sender, failed) = watch::channel(None);
        (Self(Arc::new(sender)), failed)
    }

    fn report(&self, error: LogError) {
        self.0.send_if_modified(|said| {
            let first = said.is_none();
            if first {
                *said = Some(Arc::new(error));
            }
            first
        });
    }
}

impl<C: Codec> Log<C> {
    /// Makes an empty log in a folder that must not exist: its first commit is the empty tree.
    pub fn create(vfs: Arc<dyn Vfs>, dir: &Path, codec: &C, clock: &Clock) -> Result<(), LogError> {
        recovery::create(&Files { vfs, dir: dir.to_owned() }, codec, clock.now())
    }

    /// Takes the lock, recovers, and starts the sequencer. Never creates a log.
    pub fn open(vfs: Arc<dyn Vfs>, dir: &Path, codec: C, clock: Clock) -> Result<Self, LogError> {
        Self::open_with_unit(vfs, dir, codec, clock, limits::LOG_INDEX_UNIT)
    }

    /// The same with witnesses or a bucket: no checkpoint is shown, and no entry acknowledged, before enough of them
    /// cosigned and it is in the bucket with all of its tiles; the one that was committed last is so before this returns.
    pub fn open_published(
        vfs: Arc<dyn Vfs>,
        dir: &Path,
        codec: C,
        clock: Clock,
        publishing: Publishing,
    ) -> Result<Self, LogError> {
        Self::open_all(vfs, dir, codec, clock, limits::LOG_INDEX_UNIT, publishing)
    }

    /// The same with an index that has a file for every `unit` entries, a multiple of 256.
    fn open_with_unit(vfs: Arc<dyn Vfs>, dir: &Path, codec: C, clock: Clock, unit: u64) -> Result<Self, LogError> {
        Self::open_all(vfs, dir, codec, clock, unit, Publishing::default())
    }

    fn open_all(
        vfs: Arc<dyn Vfs>,
        dir: &Path,
        codec: C,
        clock: Clock,
        unit: u64,
        publishing: Publishing,
    ) -> Result<Self, LogError> {
        let (codec, files) = (Arc::new(codec), Files { vfs, dir: dir.to_owned() });
        let mut recovered = recovery::open(&files, &codec, unit)?;
        let head = Arc::new(RwLock::new(Arc::clone(&recovered.head)));
        let keeper = recovered.keeper.take();
        let index = keeper.as_ref().map(Keeper::index);
        let duplicates = keeper.map(|keeper| Duplicates::beside(&files, &codec, keeper)).transpose()?;
        let backlog = Arc::new(Backlog::new(publishing.bound, recovered.head.size()));
        let (poison, failed) = Poison::new();
        let subject = Subject {
            files: files.clone(),
            bundles: C::BUNDLES,
            open: {
                let codec = Arc::clone(&codec);
                Arc::new(move |note: &str| codec.open(note))
            },
            shown: Arc::clone(&head),
            backlog: Arc::clone(&backlog),
            poison: poison.clone(),
        };
        let publisher = (!publishing.is_empty()).then(|| Publisher::start(publishing, subject)).transpose()?;
        let (queue, requests) = mpsc::channel(limits::LOG_QUEUE);
        let sequencer =
            sequencer::Sequencer::new(Arc::clone(&codec), recovered, duplicates, Arc::clone(&head), clock, poison);
        let sequencer = sequencer.published_by(publisher);
        let sequencer = std::thread::Builder::new()
            .name("log-sequencer".to_owned())
            .spawn(move || sequencer.run(requests))
            .map_err(|error| LogError::io("start the sequencer of", dir, error))?;
        Ok(Self { codec, files, head, index, queue: Some(queue), failed, sequencer: Some(sequencer), backlog })
    }

    /// Appends an entry, or finds it; returns when a committed head covers it.
    pub async fn append(&self, entry: C::Entry) -> Result<Appended, AppendError> {
        self.enqueue(entry)?.await
    }

    /// The same in two steps: the entry is on its way, and what is given waits for its answer without holding the log.
    pub fn enqueue(
        &self,
        entry: C::Entry,
    ) -> Result<impl Future<Output = Result<Appended, AppendError>> + Send + use<C>, AppendError> {
        let queue = self.queue.as_ref().ok_or(AppendError::Stopped)?;
        if self.is_held_up() {
            return Err(AppendError::HeldUp);
        }
        let (answer, answered) = oneshot::channel();
        queue.try_send(Request { entry, answer }).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => AppendError::Busy,
            mpsc::error::TrySendError::Closed(_) => AppendError::Stopped,
        })?;
        Ok(async { answered.await.map_err(|_| AppendError::Stopped)? })
    }

    /// The last committed head.
    pub fn head(&self) -> Arc<Head> {
        head::current(&self.head)
    }

    /// The index of the committed entry with this leaf.
    pub fn find(&self, leaf: &Hash) -> Result<Option<u64>, ReadError> {
        let Some(index) = &self.index else { return Ok(None) };
        let head = self.head();
        match index.find(leaf) {
            Ok(None) => Ok(None),
            Ok(Some(Found::Known(at))) => Ok(Some(at).filter(|at| *at < head.size())),
            Ok(Some(Found::Said { index: at, run })) => {
                if self.leaf(&head, at)? == Some(*leaf) {
                    return Ok(Some(at));
                }
                index.report(run);
                Err(ReadError::Index)
            }
            Err(FindError::Damaged) => Err(ReadError::Index),
            Err(FindError::Io(error)) => Err(error.into()),
        }
    }

    /// Entries that are committed and not shown: they wait for witnesses or the bucket.
    pub fn unpublished(&self) -> u64 {
        self.backlog.entries(self.head().size())
    }

    /// How long nothing was shown of what waits for witnesses or the bucket.
    pub fn unpublished_for(&self) -> Duration {
        self.backlog.time()
    }

    /// Whether it takes no entries until its witnesses and its bucket are back ([`Bound`]).
    pub fn is_held_up(&self) -> bool {
        self.backlog.is_full(self.head().size())
    }

    /// The codec.
    pub fn codec(&self) -> &C {
        &self.codec
    }

    /// Why the log has failed, if it has.
    pub fn failure(&self) -> Option<Arc<LogError>> {
        let ended = || self.sequencer.as_ref().is_some_and(JoinHandle::is_finished);
        let failed = self.failed.borrow().clone();
        // While the log is open, its sequencer ends with an error or by a panic.
        failed.or_else(|| ended().then(|| Arc::new(LogError::Ended)))
    }

    /// Waits until the log has failed, and gives the reason. From then on it takes no entries; the
    /// process should end.
    pub async fn failed(&self) -> Arc<LogError> {
        let mut failed = self.failed.clone();
        let reported = failed.wait_for(Option::is_some).await.ok().and_then(|error| error.clone());
        reported.unwrap_or_else(|| Arc::new(LogError::Ended))
    }
}

/// The last committed checkpoint of the log in a folder, unverified and without its lock.
pub fn last_note(vfs: &dyn Vfs, dir: &Path) -> Result<String, LogError> {
    let path = dir.join("commits");
    let file = vfs.read(&path).map_err(|error| LogError::io("read", &path, error))?;
    let what = "a commit before the last one is not whole";
    commits::last(&file).map(|commit| commit.note.to_owned()).ok_or(LogError::Damaged { path, what })
}

/// Keeps every other process from writing the log in a folder, as long as the value lives.
pub(in crate::stack) fn hold(vfs: Arc<dyn Vfs>, dir: &Path) -> Result<impl Sized + use<>, LogError> {
    Files { vfs, dir: dir.to_owned() }.lock()
}

impl<C: Codec> Drop for Log<C> {
    /// Ends the sequencer and waits for it, so that the lock is free afterwards.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(sequencer) = self.sequencer.take() {
            // A sequencer that panicked has acknowledged nothing since.
            let _ = sequencer.join();
        }
    }
}

/// Why an entry was not appended. None of these means that it never will be: a lost answer is retried, and
/// found as a duplicate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AppendError {
    /// [`limits::LOG_QUEUE`] entries are waiting.
    #[error("reached max pushback; retry")]
    Busy,
    /// Its witnesses or its bucket are away, and have been for as long as it waits for them.
    #[error("the log waits for its witnesses or its bucket; retry")]
    HeldUp,
    /// The log has failed or is shutting down.
    #[error("the log is not taking entries")]
    Stopped,
    /// The format has no room for the entry.
    #[error("the entry is too large for the log")]
    TooLarge,
    /// The clock stands before the last entry's time.
    #[error("the clock is {behind_ms} ms behind the log's last entry")]
    ClockBehind {
        /// Milliseconds.
        behind_ms: i64,
    },
}

/// Why a log cannot be opened or cannot go on.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LogError {
    /// The disk.
    #[error("cannot {operation} {}: {source}", path.display())]
    Io {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process writes this log.
    #[error("another process holds {}", path.display())]
    Locked {
        /// The lock.
        path: PathBuf,
    },
    /// No log here.
    #[error("no log in {}", path.display())]
    Absent {
        /// The folder.
        path: PathBuf,
    },
    /// The last checkpoint is not this log's: another key or another origin.
    #[error("the checkpoint in {} is not signed by this log's key and origin", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A file does not hold what the signed checkpoint proves it held.
    #[error("{} is damaged: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: &'static str,
    },
    /// Entries that were acknowledged are gone.
    #[error("{} holds {found} of the {committed} entries that were acknowledged", path.display())]
    Lost {
        /// The file.
        path: PathBuf,
        /// Entries found.
        found: u64,
        /// Entries committed.
        committed: u64,
    },
    /// What this log had signed before is not the beginning of what it holds now.
    #[error("{} signs a tree of {remembered} entries, and the log's {size} are not its continuation", path.display())]
    RolledBack {
        /// The remembered checkpoint.
        path: PathBuf,
        /// Its size.
        remembered: u64,
        /// Entries that the log holds.
        size: u64,
    },
    /// Too few witnesses cosigned what was committed last, within [`limits::PUBLISHING_START_SECS`].
    #[error("{found} of the {required} witnesses that must cosign the checkpoint of {} did", path.display())]
    Unwitnessed {
        /// The log.
        path: PathBuf,
        /// Who did.
        found: usize,
        /// How many must.
        required: usize,
    },
    /// The bucket.
    #[error(transparent)]
    Bucket(#[from] bucket::BucketError),
    /// The key did not sign.
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// The sequencer panicked.
    #[error("the log's sequencer ended")]
    Ended,
}

impl LogError {
    pub(super) fn io(operation: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { operation, path: path.to_owned(), source }
    }

    /// The stable code.
    pub fn code(&self) -> Code {
        const RESTORE: &str = "the log will not sign over this: restore the folder from a copy that is at least as \
                               new as the last checkpoint anyone saw, or start a new log with `sealmark stack init`";
        match self {
            Self::Io { .. } => {
                Code::undecided("log-io", "look at the disk; entries that were acknowledged are on it: start again")
            }
            Self::Locked { .. } => {
                Code::undecided("log-locked", "a log has one writer: stop the other `sealmark stack up` first")
            }
            Self::Absent { .. } => Code::usage("log-absent", "make a stack first: `sealmark stack init DIR`"),
            Self::Foreign { .. } => Code::undecided(
                "log-key-mismatch",
                "a log keeps its key and its name for life: put the key back that it was made with",
            ),
            Self::Damaged { .. } => Code::undecided("log-damaged", RESTORE),
            Self::Lost { .. } => Code::undecided("log-data-lost", RESTORE),
            Self::RolledBack { .. } => Code::undecided(
                "log-rolled-back",
                "an older copy of the log was brought back, or another log: bring back one that is at least as new, or \
                 make a new stack; the log must not go on from here",
            ),
            Self::Unwitnessed { .. } => Code::undecided(
                "log-unwitnessed",
                "start the witnesses, tell them the log's key, or change `witnesses` in stack.json: without them nothing is \
                 published",
            ),
            Self::Bucket(error) => error.code(),
            Self::Ended => Code::undecided("log-ended", "start it again, and report what it printed before"),
            Self::Signing(_) => Code::undecided("log-signing", "the log's key is broken: look at its file"),
        }
    }
}

#[cfg(test)]
mod tests;
