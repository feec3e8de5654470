//! What proves a time: timestamp authorities, RFC 3161.

mod rfc3161;

use std::fmt;

use thiserror::Error;

use super::BoxFuture;
use super::http::HttpError;
use crate::base::code::Code;
use crate::base::crypto::Digest;
use crate::format::timestamp::{AnswerError, Rejection, TokenError};

pub use rfc3161::Rfc3161;

/// Issues timestamps.
///
/// An implementation
/// - gives a whole TimeStampResp in DER, granted, over the imprint that was asked for;
/// - sends a nonce that was never used before, and refuses an answer with another;
/// - does not judge who signed the token: the caller verifies it under the trusted root before it uses it.
pub trait TimestampAuthority: fmt::Debug + Send + Sync {
    /// Where it is, for messages.
    fn name(&self) -> String;

    /// Asks for a timestamp over a digest.
    fn timestamp(&self, imprint: Digest) -> BoxFuture<'_, Result<Vec<u8>, TsaError>>;
}

/// Why there is no timestamp.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TsaError {
    /// The way there, or what it answered.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The authority granted none.
    #[error("timestamp authority {url} granted no timestamp: {rejection}")]
    Rejected {
        /// The authority.
        url: String,
        /// What it says.
        rejection: Rejection,
    },
    /// An answer that cannot be read.
    #[error("timestamp authority {url}: {error}")]
    Token {
        /// The authority.
        url: String,
        /// Why.
        error: TokenError,
    },
    /// A token that answers another request.
    #[error("timestamp authority {url}: {error}")]
    Answer {
        /// The authority.
        url: String,
        /// Why.
        error: AnswerError,
    },
    /// The system's randomness.
    #[error("the system has no randomness to make a nonce from")]
    Randomness,
    /// An authority of another crate.
    #[error("the timestamp authority failed: {0}")]
    Other(Box<dyn std::error::Error + Send + Sync>),
}

impl TsaError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Http(error) => error.code(),
            Self::Rejected { .. } => {
                Code::refused("tsa-rejected", "read what the authority says; most take SHA-256, and no policy")
            }
            Self::Token { error, .. } => error.code(),
            Self::Answer { error, .. } => error.code(),
            Self::Randomness | Self::Other(_) => Code::undecided("tsa-failed", "read what the authority says"),
        }
    }
}
