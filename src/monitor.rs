//! A log followed by someone who does not run it.
//!
//! ```text
//! checkpoint    signed by the log's pinned key, else a finding
//!   against     the last one that was seen: it must be the beginning of the new tree, or both are kept as evidence
//! entries       every bundle from where reading stopped; their leaves must lead to the signed root
//!   against     whom one watches for: entries by them, or those of them that one's own signing ledger does not have
//! ```
//!
//! What a server says is never believed: each tile that is used is proven up to the signed root, and an entry counts
//! as read only when the tree of all entries up to it is the beginning of the signed one. What was found is told
//! before it is remembered that its place was read, so that a monitor which is killed tells it again.
//!
//! Followed are tlog-tiles logs with entry bundles: Rekor v2 and a stack's. The shards of Rekor v1 are not, nor are CT
//! logs.

mod entries;
mod evidence;
mod finding;
mod state;
mod tree;

use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;

use crate::base::code::Code;
use crate::base::encoding::hex;
use crate::base::limits;
use crate::format::checkpoint::{Checkpoint, Note, NoteKey};
use crate::policy::Watch;
use crate::service::ledger::{LedgerError, Recorded};
use crate::service::tlog::tiles::{ReadError, TiledLog};

pub use finding::{Finding, Kind};

use evidence::Evidence;
use state::{State, States};
use tree::{Tree, TreeError};

/// Where reading begins in a log that was never looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// After the entries that the log has now.
    Now,
    /// At this entry.
    At(u64),
}

/// Whose entries are looked for, and which of them are known to be ours.
#[derive(Debug, Clone, Default)]
pub struct Interest {
    /// Whom one watches for.
    pub watches: Vec<Watch>,
    /// Ledgers of what was signed here; with any, only entries that none of them has are findings.
    pub ledgers: Vec<PathBuf>,
}

/// Something that a look has to tell.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// A log that was never seen before is followed from here on.
    Begun {
        /// Its name.
        origin: String,
        /// The first entry that will be read.
        from: u64,
        /// Entries that it has now.
        size: u64,
    },
    /// Lines of the ledgers cannot be read; what they had counts as not there.
    TornLedger {
        /// How many.
        lines: usize,
    },
    /// Something was found.
    Found(Box<Finding>),
    /// All entries of a checkpoint that holds were read.
    Read {
        /// The log's name.
        origin: String,
        /// Entries of the tree.
        size: u64,
        /// Entries that were read in this look.
        entries: u64,
    },
}

/// Takes what there is to tell. An error keeps the place from counting as read, so that it is told again.
pub trait Listener: Send {
    /// Takes one event.
    fn tell(&mut self, event: Event) -> crate::service::BoxFuture<'_, Result<(), MonitorError>>;
}

/// A monitor of one log's URL. It holds the lock of its folder.
#[derive(Debug)]
pub struct Monitor {
    log: TiledLog,
    frozen: Vec<TiledLog>,
    keys: Vec<NoteKey>,
    states: States,
    evidence: Evidence,
    begin: Begin,
    interest: Interest,
}

impl Monitor {
    /// A monitor of `log` that believes `keys` and remembers in `folder`, which is made when it is not there; what
    /// it finds is kept in `evidence`.
    ///
    /// # Errors
    ///
    /// [`MonitorError::State`], [`MonitorError::Locked`].
    pub fn open(
        log: TiledLog,
        keys: Vec<NoteKey>,
        folder: &Path,
        evidence: &Path,
        begin: Begin,
        interest: Interest,
    ) -> Result<Self, MonitorError> {
        let (states, evidence) = (States::open(folder)?, Evidence::at(evidence));
        Ok(Self { log, frozen: Vec::new(), keys, states, evidence, begin, interest })
    }

    /// The same, which looks at logs that were frozen before this one, too: what they took after the last look, and
    /// that they stay as they were.
    #[must_use]
    pub fn after(self, frozen: Vec<TiledLog>) -> Self {
        Self { frozen, ..self }
    }

    /// Looks once: from the checkpoint to the last entry. The number of findings.
    ///
    /// # Errors
    ///
    /// [`MonitorError`]: not everything could be looked at. What was found was told.
    pub async fn look(&self, listener: &mut dyn Listener) -> Result<u64, MonitorError> {
        // Where nothing was seen before, none of them succeeds another.
        let begin = if self.states.any()? { Begin::At(0) } else { self.begin };
        let (mut findings, mut failed) = (0, None);
        for (log, frozen) in self.frozen.iter().map(|log| (log, true)).chain([(&self.log, false)]) {
            match self.look_at(log, frozen, begin, listener).await {
                Ok(found) => findings += found,
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        failed.map_or(Ok(findings), Err)
    }

    async fn look_at(
        &self,
        log: &TiledLog,
        frozen: bool,
        begin: Begin,
        listener: &mut dyn Listener,
    ) -> Result<u64, MonitorError> {
        let (signed, tiles) = log.checkpoint().await?;
        let text = String::from_utf8(signed).map_err(|_| MonitorError::NoCheckpoint)?;
        let (checkpoint, note) = Checkpoint::parse(&text).map_err(|_| MonitorError::NoCheckpoint)?;
        let origin = checkpoint.origin().to_owned();
        let key = self.key(&origin, &note)?;
        if key.verify(&note).is_err() {
            let found = Finding::signature(&origin, &checkpoint);
            return self.found(listener, found, &[("note", text.as_bytes())]).await.map(|()| 1);
        }
        let mut tree = Tree::new(tiles, &checkpoint);
        let mut state = match self.states.load(key)? {
            None => match self.first(begin, &mut tree, &checkpoint, &text, listener).await? {
                Ok(state) => state,
                Err(found) => return self.served_wrong(listener, found, &text, &[]).await.map(|()| 1),
            },
            Some(state) => {
                if let Some(found) = self.against(&state, &mut tree, &checkpoint, &text).await? {
                    let kept = [("older", state.note.as_bytes()), ("newer", text.as_bytes())];
                    return self.found(listener, found, &kept).await.map(|()| 1);
                }
                state
            }
        };
        state.note = text;
        let before = state.read.size();
        let findings = entries::Reading { monitor: self, key, checkpoint: &checkpoint }
            .read(&mut tree, &mut state, listener)
            .await?;
        self.states.save(key, &state)?;
        let (size, entries) = (checkpoint.size(), state.read.size() - before);
        if state.read.size() == size && !(frozen && entries == 0) {
            listener.tell(Event::Read { origin, size, entries }).await?;
        }
        Ok(findings)
    }

    /// The key of a log by its name; where one name has several, the one that the note mentions.
    fn key(&self, origin: &str, note: &Note) -> Result<&NoteKey, MonitorError> {
        let mut named: Vec<&NoteKey> = self.keys.iter().filter(|key| key.name() == origin).collect();
        named.sort_by_key(|key| key.verify(note).is_err());
        named.first().copied().ok_or_else(|| MonitorError::UnknownLog { origin: origin.chars().take(256).collect() })
    }

    /// A log that was not seen before. Where another one was followed in this folder, it is its successor and is
    /// read whole.
    async fn first(
        &self,
        begin: Begin,
        tree: &mut Tree,
        checkpoint: &Checkpoint,
        text: &str,
        listener: &mut dyn Listener,
    ) -> Result<Result<State, Finding>, MonitorError> {
        let size = checkpoint.size();
        let from = match begin {
            Begin::Now => size,
            Begin::At(index) => index.min(size),
        };
        let read = match tree.prefix(from).await {
            Ok(read) => read,
            Err(TreeError::Read(error)) => return Err(error.into()),
            Err(TreeError::Wrong) => return Ok(Err(Finding::tiles(checkpoint))),
        };
        listener.tell(Event::Begun { origin: checkpoint.origin().to_owned(), from, size }).await?;
        Ok(Ok(State { note: text.to_owned(), read }))
    }

    /// Holds a checkpoint against the last one.
    async fn against(
        &self,
        state: &State,
        tree: &mut Tree,
        new: &Checkpoint,
        text: &str,
    ) -> Result<Option<Finding>, MonitorError> {
        let (old, _) = Checkpoint::parse(&state.note).map_err(|_| MonitorError::NoCheckpoint)?;
        if new.size() < old.size() {
            return Ok(Some(Finding::rollback(&old, new)));
        }
        if text == state.note {
            return Ok(None);
        }
        match tree.prefix(old.size()).await {
            Ok(prefix) if prefix.root() == *old.root() => Ok(None),
            Ok(_) => Ok(Some(Finding::fork(&old, new))),
            // Of two roots for one size nothing has to be fetched to know.
            Err(_) if new.size() == old.size() && new.root() != old.root() => Ok(Some(Finding::fork(&old, new))),
            Err(TreeError::Wrong) => Ok(Some(Finding::tiles(new))),
            Err(TreeError::Read(error)) => Err(error.into()),
        }
    }

    /// Tiles or entries that do not lead to the signed root.
    async fn served_wrong(
        &self,
        listener: &mut dyn Listener,
        found: Finding,
        note: &str,
        bytes: &[(&str, &[u8])],
    ) -> Result<(), MonitorError> {
        let kept: Vec<_> = std::iter::once(("note", note.as_bytes())).chain(bytes.iter().copied()).collect();
        self.found(listener, found, &kept).await
    }

    /// Keeps the evidence, then tells.
    async fn found(
        &self,
        listener: &mut dyn Listener,
        mut found: Finding,
        kept: &[(&str, &[u8])],
    ) -> Result<(), MonitorError> {
        found.evidence = self.evidence.keep(&found, kept)?;
        listener.tell(Event::Found(Box::new(found))).await
    }

    /// The ledgers as they are now.
    fn recorded(&self) -> Result<Option<Recorded>, MonitorError> {
        match self.interest.ledgers.as_slice() {
            [] => Ok(None),
            ledgers => Ok(Some(Recorded::read(ledgers)?)),
        }
    }
}

/// How long to wait for a signer who writes its line after the log's answer.
const LEDGER_PAUSE: Duration = limits::LEDGER_PAUSE;

/// The name of a log's files.
fn name_of(key: &NoteKey) -> String {
    hex::encode(&key.id()).chars().take(32).collect()
}

/// Why a look came to no end.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MonitorError {
    /// The log.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The ledgers.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// What was answered is no checkpoint.
    #[error("what the log answered is no checkpoint")]
    NoCheckpoint,
    /// A log whose key is not known.
    #[error("the checkpoint is of {origin:?}, and no key of that log is known")]
    UnknownLog {
        /// The name in the checkpoint.
        origin: String,
    },
    /// Another monitor works in the folder.
    #[error("another monitor works in {}", path.display())]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// What the monitor remembers, or the evidence.
    #[error("cannot {operation} {}: {source}", path.display())]
    State {
        /// What was tried.
        operation: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// What the monitor remembers is not what it wrote.
    #[error("{} is damaged, or is of another log", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// Who was to be told could not be.
    #[error("{0}")]
    Untold(String, Code),
}

impl MonitorError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Read(error) => error.code(),
            Self::Ledger(error) => error.code(),
            Self::NoCheckpoint => Code::undecided(
                "monitor-no-checkpoint",
                "the URL may point at something else, or a proxy answered: fetch its `checkpoint` by hand to see",
            ),
            Self::UnknownLog { .. } => Code::undecided(
                "monitor-log-unknown",
                "give the trusted root that has this log, or its key with --log-key; a log that was rotated has a new one",
            ),
            Self::Locked { .. } => {
                Code::undecided("monitor-locked", "one monitor for one folder: name another --state")
            }
            Self::State { .. } => {
                Code::undecided("monitor-state-io", "look at the folder, its permissions and the disk")
            }
            Self::Damaged { .. } => Code::undecided(
                "monitor-state",
                "bring the file back from a copy; without it nothing tells whether the log showed another tree before",
            ),
            Self::Untold(_, code) => *code,
        }
    }
}

#[cfg(test)]
mod tests;
