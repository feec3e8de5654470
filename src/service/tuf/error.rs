//! Why there is no trust root.

use std::io;
use std::path::{Path, PathBuf};

use sigstore_tuf::Error;
use thiserror::Error as ThisError;

use crate::base::code::Code;
use crate::service::http::HttpError;

/// Why there is no trust root.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
#[non_exhaustive]
pub enum TufError {
    /// The way to a mirror.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// Metadata past its time.
    #[error("{role} metadata expired at {at}")]
    Expired {
        /// The role.
        role: String,
        /// When.
        at: String,
    },
    /// An older version than one that was seen.
    #[error("{problem}")]
    Rollback {
        /// Which.
        problem: String,
    },
    /// A root that does not follow the one before it.
    #[error("{problem}")]
    RootVersion {
        /// Which.
        problem: String,
    },
    /// Too few signatures.
    #[error("{problem}")]
    Signatures {
        /// Of which role.
        problem: String,
    },
    /// One key that counts twice.
    #[error("the key {key} stands for two in one role, or signed twice")]
    Threshold {
        /// The key's id.
        key: String,
    },
    /// Metadata that cannot be read.
    #[error("trust metadata: {problem}")]
    Parse {
        /// What is wrong.
        problem: String,
    },
    /// Metadata of different times.
    #[error("trust metadata does not belong together: {problem}")]
    Mix {
        /// What differs.
        problem: String,
    },
    /// A target that is not the one that was signed, or is not there.
    #[error("trust target: {problem}")]
    Target {
        /// What is wrong.
        problem: String,
    },
    /// A name that leads elsewhere.
    #[error("{name:?} is no name of a target or role")]
    Name {
        /// The name.
        name: String,
    },
    /// A role that nobody delegated to.
    #[error("{problem}")]
    Delegation {
        /// Which.
        problem: String,
    },
    /// More new roots than are followed at once.
    #[error("{problem}")]
    Rotations {
        /// How many.
        problem: String,
    },
    /// A folder that is not used.
    #[error("the trust folder {}: {problem}", .dir.display())]
    Folder {
        /// The folder.
        dir: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// What a folder keeps does not verify.
    #[error("the trust folder {}: {error}", .dir.display())]
    Kept {
        /// The folder.
        dir: PathBuf,
        /// Why.
        error: Box<TufError>,
    },
    /// A folder that has a root already.
    #[error("the trust folder {} has a pinned root already", .dir.display())]
    Exists {
        /// The folder.
        dir: PathBuf,
    },
    /// A folder that cannot be written.
    #[error("the trust folder {} cannot be written: {kind}", .dir.display())]
    Unwritable {
        /// The folder.
        dir: PathBuf,
        /// Why.
        kind: io::ErrorKind,
    },
    /// A file that cannot be read.
    #[error("{} cannot be read: {kind}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        kind: io::ErrorKind,
    },
    /// No mirror was named.
    #[error("no mirror was named")]
    NoMirror,
    /// The time is out of every calendar.
    #[error("the clock shows no time of this world")]
    Clock,
    /// Something waited that does not.
    #[error("the work was interrupted")]
    Interrupted,
}

impl TufError {
    /// Of an error about metadata.
    pub(super) fn of_metadata(error: Error) -> Self {
        let problem = error.to_string();
        match error {
            Error::Expired { role, expires } => Self::Expired { role, at: expires.to_string() },
            Error::Rollback { .. } | Error::EqualVersion { .. } => Self::Rollback { problem },
            Error::BadRootVersion { .. } => Self::RootVersion { problem },
            Error::ThresholdNotMet { .. } => Self::Signatures { problem },
            Error::DuplicateSignature { key_id, .. } => Self::Threshold { key: key_id },
            Error::IntegrityMismatch(_) => Self::Mix { problem },
            Error::UnknownRole(_) => Self::Delegation { problem },
            Error::TargetNotFound(_) => Self::Target { problem },
            Error::Transport { source: Some(source), .. } => match source.downcast::<HttpError>() {
                Ok(http) => Self::Http(*http),
                Err(source) => source.downcast::<Self>().map_or(Self::Parse { problem }, |own| *own),
            },
            Error::Transport { .. } if problem.contains("root rotations") => Self::Rotations { problem },
            Error::Transport { .. } => Self::Mix { problem },
            other => {
                let cause = std::error::Error::source(&other).map(|cause| format!(": {cause}")).unwrap_or_default();
                Self::Parse { problem: problem + &cause }
            }
        }
    }

    /// Of an error about a target.
    pub(super) fn of_target(error: Error) -> Self {
        match error {
            Error::IntegrityMismatch(problem) => Self::Target { problem },
            Error::Transport { source: None, message } => Self::Target { problem: message },
            other => Self::of_metadata(other),
        }
    }

    /// What is wrong with what a folder keeps is the folder's fault, but that it is old.
    pub(super) fn of_folder(self, dir: &Path) -> Self {
        match self {
            Self::Expired { .. } | Self::Name { .. } => self,
            error => Self::Kept { dir: dir.to_owned(), error: Box::new(error) },
        }
    }

    /// The stable code.
    pub fn code(&self) -> Code {
        const MIRROR: &str =
            "a mirror gave what its repository did not sign: use another mirror, and tell its operator";
        match self {
            Self::Http(HttpError::TooLong { .. }) => Code::refused("limit-download", MIRROR),
            Self::Http(error) => error.code(),
            Self::Expired { .. } => Code::undecided(
                "trust-expired",
                "run `sealmark trust update`; if it stays, check this machine's clock; --max-trust-age accepts older trust",
            ),
            Self::Rollback { .. } => Code::refused("trust-rollback", MIRROR),
            Self::RootVersion { .. } => Code::refused("trust-root-version", MIRROR),
            Self::Signatures { .. } => Code::refused("trust-signatures", MIRROR),
            Self::Threshold { .. } => Code::refused("trust-threshold", MIRROR),
            Self::Parse { .. } => Code::refused("trust-metadata-parse", MIRROR),
            Self::Mix { .. } => Code::refused("trust-mix", MIRROR),
            Self::Target { .. } => Code::refused("trust-target", MIRROR),
            Self::Name { .. } => Code::refused("trust-name", "targets have plain relative names"),
            Self::Delegation { .. } => Code::refused("trust-delegation", MIRROR),
            Self::Rotations { .. } => {
                Code::refused("limit-rotations", "begin anew with a later root: `sealmark trust init`")
            }
            Self::Folder { .. } | Self::Kept { .. } | Self::Unreadable { .. } => Code::undecided(
                "trust-folder",
                "run `sealmark trust update`; or make the folder anew: `sealmark trust init`",
            ),
            Self::Exists { .. } => Code::usage("trust-exists", "name another folder, or update this one"),
            Self::Unwritable { .. } => {
                Code::undecided("trust-unwritable", "update where the folder can be written; verifying only reads it")
            }
            Self::NoMirror => Code::usage("trust-no-mirror", "give the repository's URL: --url"),
            Self::Clock | Self::Interrupted => Code::undecided("trust-failed", "check this machine's clock"),
        }
    }
}
