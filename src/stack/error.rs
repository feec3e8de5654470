//! Why a stack cannot be made, opened or served.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::issuer::IssueError;
use super::keys::PrivateKeyError;
use super::log::{LogError, SigningError};
use super::tsa::SetupError;
use crate::base::code::Code;
use crate::base::time::ValidityPeriod;
use crate::serve::ServeError;

/// Why a stack cannot be made, opened or served.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StackError {
    /// A file or folder.
    #[error("cannot {operation} {}: {source}", path.display())]
    Io {
        /// What was tried.
        operation: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The folder is not empty.
    #[error("{} exists and is not empty", path.display())]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// No stack in the folder.
    #[error("no stack in {}", path.display())]
    Absent {
        /// The folder.
        path: PathBuf,
    },
    /// No witness in the folder.
    #[error("no witness in {}", path.display())]
    WitnessAbsent {
        /// The folder.
        path: PathBuf,
    },
    /// The configuration.
    #[error("{}: {what}", path.display())]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// A file that `init` wrote is damaged, or does not belong to the keys.
    #[error("{} is damaged: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: &'static str,
    },
    /// One key in two places.
    #[error("the key for {key} is that of {of} already")]
    KeyReused {
        /// The key that it was to be.
        key: String,
        /// The one that it is.
        of: String,
    },
    /// No key of a root.
    #[error("neither ca-root.pem nor tsa-root.pem is in {}", path.display())]
    RootKeyAbsent {
        /// The folder.
        path: PathBuf,
    },
    /// Another root's key.
    #[error("{} is not the key of the root in {}", path.display(), chain.display())]
    RootKeyOther {
        /// The key's file.
        path: PathBuf,
        /// The chain.
        chain: PathBuf,
    },
    /// A root whose time is over, or has not begun by this clock.
    #[error("the root in {} is in force {validity}: nothing can be made below it now", path.display())]
    RootEnded {
        /// The chain.
        path: PathBuf,
        /// Its time.
        validity: ValidityPeriod,
    },
    /// What another part handed over.
    #[error("{}: {what}", path.display())]
    Handover {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: &'static str,
    },
    /// A log whose key is in a token, and no key in a token for the log that follows it.
    #[error("the key {key} is in a token, and none in a token is named that takes its place")]
    KeyUnnamed {
        /// The key.
        key: &'static str,
    },
    /// A private key.
    #[error(transparent)]
    Key(#[from] PrivateKeyError),
    /// A log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A log failed while it was served.
    #[error("a log failed, and the stack with it: {0}")]
    Failed(std::sync::Arc<LogError>),
    /// A key did not sign, or its certificate is not its own.
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// A token of its own issuers.
    #[error(transparent)]
    Issue(#[from] IssueError),
    /// The timestamp authority.
    #[error(transparent)]
    Timestamp(#[from] SetupError),
    /// The server.
    #[error(transparent)]
    Serve(#[from] ServeError),
}

impl StackError {
    pub(super) fn io(operation: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io { operation, path: path.to_owned(), source }
    }

    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Io { .. } => Code::undecided("stack-io", "look at the folder, its permissions and its disk"),
            Self::Exists { .. } => {
                Code::usage("stack-exists", "choose a folder that does not exist: a stack is made once")
            }
            Self::Absent { .. } => Code::usage("stack-absent", "make one first: `sealmark stack init DIR`"),
            Self::WitnessAbsent { .. } => {
                Code::usage("witness-absent", "make one first: `sealmark stack witness init DIR`")
            }
            Self::Config { .. } => {
                Code::usage("stack-config", "correct the file that it names; the manual lists the fields")
            }
            Self::Damaged { .. } => {
                Code::undecided("stack-damaged", "put the file back that `sealmark stack init` wrote")
            }
            Self::KeyReused { .. } => {
                Code::usage("stack-key-reused", "make a key in the token for each use: who breaks one breaks no other")
            }
            Self::RootKeyAbsent { .. } => Code::usage(
                "stack-root-key-absent",
                "give the folder that `stack init --root-keys` wrote; without the keys of the roots make a new stack",
            ),
            Self::RootKeyOther { .. } => {
                Code::usage("stack-root-key-other", "give the folder of this stack's roots: nothing was changed")
            }
            Self::RootEnded { .. } => Code::undecided(
                "stack-root-ended",
                "look at the clock; a root that has ended is not renewed: make a new stack, and give verifiers both \
                 trusted roots' instances in one document",
            ),
            Self::Handover { .. } => Code::undecided(
                "stack-handover",
                "bring handover.jsonl of the part that was rotated or renewed, whole and by a way that you trust: \
                 nothing was changed",
            ),
            Self::KeyUnnamed { .. } => Code::usage(
                "stack-key-unnamed",
                "make the next key in the token and name it: `--token-key NAME=pkcs11:URI`",
            ),
            Self::Key(error) => error.code(),
            Self::Log(error) => error.code(),
            Self::Failed(error) => error.code(),
            Self::Signing(_) => LogError::Signing(SigningError).code(),
            Self::Issue(error) => error.code(),
            Self::Timestamp(error) => error.code(),
            Self::Serve(error) => error.code(),
        }
    }
}
