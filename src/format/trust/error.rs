//! Why a trust document cannot be used.

use thiserror::Error;

use crate::base::code::Code;
use crate::base::crypto::KeyError;
use crate::base::encoding::json::{JsonError, ShapeError};
use crate::base::limits;
use crate::format::x509::CertificateError;

/// Why a trust document cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TrustError {
    /// More bytes than [`limits::TRUST_BYTES`].
    #[error("trust document of {found} bytes, {limit} allowed", limit = limits::TRUST_BYTES)]
    TooLarge {
        /// Bytes found.
        found: usize,
    },
    /// Not JSON.
    #[error("trust document is {0}")]
    Json(#[from] JsonError),
    /// A field of another shape.
    #[error("trust document: {0}")]
    Shape(#[from] ShapeError),
    /// A media type of another document.
    #[error("media type {found:?} where {expected:?} is expected")]
    MediaType {
        /// What was found.
        found: String,
        /// What is read here.
        expected: &'static str,
    },
    /// A validity that cannot be read, or ends before it starts.
    #[error("{path} is not a validity period with a start (RFC 3339)")]
    Validity {
        /// Where.
        path: String,
    },
    /// A certificate of an authority.
    #[error("{path}: {error}")]
    Certificate {
        /// Where.
        path: String,
        /// What is wrong with it.
        error: CertificateError,
    },
    /// A log's key.
    #[error("{path}: {error}")]
    Key {
        /// Where.
        path: String,
        /// What is wrong with it.
        error: KeyError,
    },
    /// A selector that no set of services can satisfy.
    #[error("{path}: {why}")]
    Selector {
        /// Where.
        path: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// No usable service of a kind.
    #[error("signing config has {found} usable {kind} services, {needed} needed")]
    Services {
        /// The kind.
        kind: &'static str,
        /// Services that fit.
        found: usize,
        /// Services that the selector asks for.
        needed: usize,
    },
}

impl TrustError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::TooLarge { .. } => Code::undecided("limit-trust-size", "give a trusted_root.json, not an archive"),
            Self::Services { .. } => Code::undecided(
                "signing-config-service",
                "the signing config is out of date, or meant for a later client: fetch it anew",
            ),
            _ => Code::undecided(
                "trust-root-parse",
                "give the trusted_root.json (or client_trust_config.json) that the instance publishes",
            ),
        }
    }
}
