//! Why a log is not in its bucket.

use std::path::PathBuf;

use thiserror::Error;

use super::Bucket;
use crate::base::code::Code;

/// There was no answer of the store: the request may or may not have been done.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{name}: {what}")]
pub struct Unanswered {
    /// The object.
    pub name: String,
    /// What happened.
    pub what: String,
}

impl Unanswered {
    /// What happened with an object.
    pub fn of(name: &str, what: impl Into<String>) -> Self {
        Self { name: name.to_owned(), what: what.into() }
    }
}

/// Why a log cannot be in its bucket, or not any more.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BucketError {
    /// Nothing was published within the patience of a start.
    #[error("{} is not reached: {error}", path.display())]
    Unreachable {
        /// The log's place in the bucket.
        path: PathBuf,
        /// What happened last.
        error: Unanswered,
    },
    /// The store does not do what a log stands on.
    #[error("{} cannot hold a log: {what}", path.display())]
    Preconditions {
        /// The log's place in the bucket.
        path: PathBuf,
        /// What it did.
        what: &'static str,
    },
    /// Another process became the writer.
    #[error("another writer took over {} ({epoch})", path.display())]
    Fenced {
        /// The record.
        path: PathBuf,
        /// Its number.
        epoch: u64,
    },
    /// An object is there with other bytes than the log has.
    #[error("{} holds other bytes than the log has", path.display())]
    Conflict {
        /// The object.
        path: PathBuf,
    },
    /// What was read there does not lead to what the log signed.
    #[error("{}: its entries do not lead to the tree that the log signed", path.display())]
    Unproven {
        /// The object.
        path: PathBuf,
    },
    /// A commit that was not wholly there when its writer ended.
    #[error("{} is not there: the log signed {committed} entries, and its readers have {found}", path.display())]
    Unfinished {
        /// The object.
        path: PathBuf,
        /// Entries that readers have.
        found: u64,
        /// Entries that were signed.
        committed: u64,
    },
    /// What the store said that it holds is not there, or an older version is.
    #[error("{} is not there as it was written", path.display())]
    Lost {
        /// The object.
        path: PathBuf,
    },
}

impl BucketError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Unreachable { .. } => Code::undecided(
                "bucket-unreachable",
                "look at the bucket, its credentials (AWS_ACCESS_KEY_ID and so on) and the way to it",
            ),
            Self::Preconditions { .. } => Code::undecided(
                "bucket-preconditions",
                "a log needs a store that honours If-None-Match and If-Match on PUT, and reads what was written; use \
                 another one, or update it",
            ),
            Self::Fenced { .. } => Code::undecided(
                "bucket-fenced",
                "a log has one writer: find the other `sealmark stack up` and decide which of the two is to run",
            ),
            Self::Conflict { .. } => Code::undecided(
                "bucket-conflict",
                "something else writes there: give every log a prefix of its own; nothing was overwritten, and \
                 `sealmark stack fsck` names every object",
            ),
            Self::Unproven { .. } => Code::undecided(
                "bucket-unproven",
                "something changed what is below the prefix: bring the versions back that the log wrote; no log was made",
            ),
            Self::Unfinished { .. } => Code::undecided(
                "bucket-unfinished",
                "nobody was told of what is missing, but its checkpoint was signed, and a log never signs two trees: \
                 bring the log's folder back if there is a copy, else begin a new stack",
            ),
            Self::Lost { .. } => Code::undecided(
                "bucket-lost",
                "the store lost what it had acknowledged, or went back to an older state: bring its objects back; \
                 `sealmark stack fsck` names them",
            ),
        }
    }
}

/// An object, as messages name it.
pub(super) fn path(bucket: &dyn Bucket, name: &str) -> PathBuf {
    PathBuf::from(format!("{}/{name}", bucket.place()))
}
