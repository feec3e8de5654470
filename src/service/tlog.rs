//! What keeps a public record of signatures.

mod rekor_v1;
mod rekor_v2;
pub mod tiles;

use std::fmt;

use thiserror::Error;

use super::BoxFuture;
use super::http::HttpError;
use crate::base::code::Code;
use crate::base::crypto::KeyKind;
use crate::format::bundle::LogEntry;
use crate::format::log_entry_body::{BodyError, Verifier};
use crate::format::merkle::TileError;
use crate::verify::{SignedBy, SignedMaterial};

pub use rekor_v1::RekorV1;
pub use rekor_v2::RekorV2;

/// Appends entries to a transparency log.
///
/// An implementation
/// - comes back only when the entry is in the log, with its inclusion proof and checkpoint;
/// - gives the entry as it was received, without judging it: the caller verifies it under the trusted
///   root before it uses it;
/// - gives the entry that the log already has when the log refuses a duplicate.
pub trait TransparencyLog: fmt::Debug + Send + Sync {
    /// Where it is, for messages.
    fn name(&self) -> String;

    /// Whether its entries prove a time (the SET of Rekor v1), so that a signature needs no timestamp.
    fn proves_time(&self) -> bool;

    /// Whether anyone can read its entries.
    fn is_public(&self) -> bool {
        false
    }

    /// Appends an entry about one signing act.
    fn append<'a>(&'a self, signed: &'a SignedMaterial<'a>) -> BoxFuture<'a, Result<LogEntry, TlogError>>;
}

/// Why there is no entry.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TlogError {
    /// The way there, or what it answered.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// A signature or a key that the log has no entry for.
    #[error("transparency log {url} has no entry for this: {error}")]
    Unloggable {
        /// The log.
        url: String,
        /// Why.
        error: BodyError,
    },
    /// The log has this entry already and gives no way to read it.
    #[error("transparency log {url} has this entry already and does not say where: {answer}")]
    Duplicate {
        /// The log.
        url: String,
        /// What it answered.
        answer: String,
    },
    /// A tile that does not hold what the tree has.
    #[error("transparency log {url}: {error}")]
    Tile {
        /// The log.
        url: String,
        /// Why.
        error: TileError,
    },
    /// A log of another crate.
    #[error("the transparency log failed: {0}")]
    Other(Box<dyn std::error::Error + Send + Sync>),
}

impl TlogError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Http(error) => error.code(),
            Self::Unloggable { .. } => Code::usage(
                "log-key-unsupported",
                "sign with a P-256 key: every log takes it, and none takes a plain Ed25519 key",
            ),
            Self::Duplicate { .. } => {
                Code::refused("log-duplicate", "the same key has signed the same bytes before: use the bundle of then")
            }
            Self::Tile { .. } => {
                Code::undecided("log-tile", "the log's read path is broken or behind: wait, then run it again")
            }
            Self::Other(_) => Code::undecided("log-failed", "read what the log says"),
        }
    }
}

/// A log verifies what it takes, and keeps the digest alone: a plain Ed25519 signature, which is over the
/// message itself, cannot be verified from that.
fn check_scheme(verifier: &Verifier<'_>) -> Result<(), BodyError> {
    match verifier.key().kind() {
        kind @ KeyKind::Ed25519 => Err(BodyError::KeyDetails(kind)),
        _ => Ok(()),
    }
}

/// The signer as an entry names it.
fn verifier<'a>(signed: &SignedMaterial<'a>) -> Verifier<'a> {
    match signed.signed_by {
        SignedBy::Certificate(certificate) => Verifier::Certificate(certificate),
        SignedBy::Key(key) => Verifier::PublicKey(key),
    }
}
