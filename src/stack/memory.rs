//! What a stack's logs have signed, remembered in a folder on other storage. A folder that was brought back from
//! an older copy looks sound by itself: only a memory that did not go back with it tells. What a log signs in the
//! second before a disaster may not be remembered.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::log::{Codec, Log, LogError, export};

/// The folder: the last checkpoint of each log under its name.
#[derive(Debug, Clone)]
pub(super) struct Memory(PathBuf);

impl Memory {
    /// The memory in a folder that must exist: storage that is not mounted remembers nothing.
    pub(super) fn open(dir: &Path) -> Result<Self, LogError> {
        let found = fs::metadata(dir).and_then(|found| match found.is_dir() {
            true => Ok(()),
            false => Err(ErrorKind::NotADirectory.into()),
        });
        found.map_err(|error| LogError::io("read", dir, error))?;
        Ok(Self(dir.to_owned()))
    }

    /// Holds a log to what is remembered of it.
    pub(super) fn check<C: Codec>(&self, name: &str, log: &Log<C>) -> Result<(), LogError> {
        let path = self.0.join(name);
        match fs::read_to_string(&path) {
            Ok(note) => log.continues(&path, &note),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(LogError::io("read", &path, error)),
        }
    }

    /// Remembers checkpoints by the names of their logs.
    pub(super) fn keep(&self, notes: &[(String, String)]) -> Result<(), LogError> {
        notes.iter().try_for_each(|(name, note)| export::write(&self.0.join(name), note.as_bytes()))
    }
}
