//! What a monitor remembers: of each log the last checkpoint that held, and how far its entries were read.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{MonitorError, name_of};
use crate::base::encoding::hex;
use crate::base::limits;
use crate::format::checkpoint::{Checkpoint, NoteKey};
use crate::format::merkle::Frontier;
use crate::service::files::write_whole;

const VERSION: u32 = 1;
/// How the name of a state ends.
const ENDING: &str = ".state.json";

/// What is remembered of one log.
#[derive(Debug)]
pub(super) struct State {
    /// The last signed checkpoint that held.
    pub(super) note: String,
    /// The tree of the entries that were read; no longer than that of the checkpoint.
    pub(super) read: Frontier,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    version: u32,
    origin: String,
    note: String,
    read: u64,
    frontier: Vec<String>,
}

/// The folder, locked.
#[derive(Debug)]
pub(super) struct States {
    folder: PathBuf,
    _lock: File,
}

impl States {
    pub(super) fn open(folder: &Path) -> Result<Self, MonitorError> {
        fs::create_dir_all(folder).map_err(|error| io("create", folder, error))?;
        let path = folder.join("LOCK");
        let file = OpenOptions::new().create(true).append(true).open(&path);
        let lock = file.map_err(|error| io("open", &path, error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { folder: folder.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(MonitorError::Locked { path: folder.to_owned() }),
            Err(TryLockError::Error(error)) => Err(io("lock", &path, error)),
        }
    }

    fn path(&self, key: &NoteKey) -> PathBuf {
        self.folder.join(format!("{}{ENDING}", name_of(key)))
    }

    /// Whether any log is remembered.
    pub(super) fn any(&self) -> Result<bool, MonitorError> {
        let failed = |error| io("list", &self.folder, error);
        for entry in fs::read_dir(&self.folder).map_err(failed)? {
            if entry.map_err(failed)?.file_name().to_string_lossy().ends_with(ENDING) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What is remembered of a log. A file that does not hold a checkpoint by the log's key is damaged: a monitor that
    /// forgot would take a forked log for a new one.
    pub(super) fn load(&self, key: &NoteKey) -> Result<Option<State>, MonitorError> {
        let path = self.path(key);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io("read", &path, error)),
        };
        let mut bytes = Vec::new();
        let bound = limits::MONITOR_STATE_BYTES as u64;
        file.take(bound).read_to_end(&mut bytes).map_err(|error| io("read", &path, error))?;
        read(&bytes, key).map(Some).ok_or(MonitorError::Damaged { path })
    }

    /// Remembers, durably, all or nothing.
    pub(super) fn save(&self, key: &NoteKey, state: &State) -> Result<(), MonitorError> {
        let path = self.path(key);
        let stored = Stored {
            version: VERSION,
            origin: key.name().to_owned(),
            note: state.note.clone(),
            read: state.read.size(),
            frontier: state.read.hashes().iter().map(|hash| hex::encode(hash)).collect(),
        };
        let json = serde_json::to_vec_pretty(&stored).map_err(|error| io("write", &path, error.into()))?;
        write_whole(&path, &json).map_err(|error| io("write", &path, error))
    }
}

fn read(bytes: &[u8], key: &NoteKey) -> Option<State> {
    let stored: Stored = serde_json::from_slice(bytes).ok()?;
    let (checkpoint, note) = Checkpoint::parse(&stored.note).ok()?;
    key.verify(&note).ok()?;
    let hashes = stored.frontier.iter().map(|hash| hex::decode(hash)?.try_into().ok()).collect::<Option<Vec<_>>>()?;
    let read = Frontier::from_hashes(stored.read, hashes)?;
    let whole = read.size() == checkpoint.size();
    let fits = read.size() <= checkpoint.size() && (!whole || read.root() == *checkpoint.root());
    let own = stored.version == VERSION && checkpoint.origin() == key.name() && stored.origin == key.name();
    (own && fits).then_some(State { note: stored.note, read })
}

pub(super) fn io(operation: &'static str, path: &Path, source: std::io::Error) -> MonitorError {
    MonitorError::State { operation, path: path.to_owned(), source }
}
