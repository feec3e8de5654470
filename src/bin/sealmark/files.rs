//! Files that are read whole within a bound.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use sealmark::base::code::Code;
use thiserror::Error;

use crate::report::text::{io_words, visible_path};

/// Why a file could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum FileError {
    /// Could not be read.
    #[error("cannot read {path}: {}", io_words(*kind), path = visible_path(path))]
    Read { path: PathBuf, kind: ErrorKind },
    /// Longer than what it should be may be.
    #[error("{path} has more than {limit} bytes", path = visible_path(path))]
    TooLarge { path: PathBuf, limit: usize },
    /// A folder could not be made.
    #[error("cannot make the folder {path}: {}", io_words(*kind), path = visible_path(path))]
    Create { path: PathBuf, kind: ErrorKind },
    /// Could not be added to.
    #[error("cannot append to {path}: {}", io_words(*kind), path = visible_path(path))]
    Append { path: PathBuf, kind: ErrorKind },
    /// Standard output is closed or full.
    #[error("cannot write to standard output: {}", io_words(*.0))]
    Stdout(ErrorKind),
}

impl FileError {
    /// The stable code.
    pub(crate) fn code(&self) -> Code {
        match self {
            Self::Read { .. } => Code::undecided("file-unreadable", "check the path and its permissions"),
            Self::TooLarge { .. } => Code::refused("limit-file-size", "this is hardly the file that was meant"),
            Self::Create { .. } => {
                Code::undecided("folder-unwritable", "name a folder that does not exist yet, in one that does")
            }
            Self::Append { .. } => {
                Code::undecided("file-unwritable", "the files were signed; the CI's own file was not written")
            }
            Self::Stdout(_) => Code::undecided("stdout-failed", "the result could not be delivered: take it as a no"),
        }
    }
}

/// Reads standard input, of at most `limit` bytes.
pub(crate) fn read_stdin(limit: usize) -> Result<Vec<u8>, FileError> {
    let path = || PathBuf::from("-");
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().take(limit as u64 + 1).read_to_end(&mut bytes);
    read.map_err(|error| FileError::Read { path: path(), kind: error.kind() })?;
    if bytes.len() > limit { Err(FileError::TooLarge { path: path(), limit }) } else { Ok(bytes) }
}

/// Reads a file of at most `limit` bytes.
pub(crate) fn read(path: &Path, limit: usize) -> Result<Vec<u8>, FileError> {
    let failed = |error: std::io::Error| FileError::Read { path: path.to_owned(), kind: error.kind() };
    let file = File::open(path).map_err(failed)?;
    // What the file says of its length is a hint that saves system calls; the bound holds whatever it says.
    let length = file.metadata().map_or(0, |metadata| metadata.len()).min(limit as u64);
    let mut bytes = Vec::with_capacity(length as usize + 1);
    file.take(limit as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() > limit {
        return Err(FileError::TooLarge { path: path.to_owned(), limit });
    }
    Ok(bytes)
}
