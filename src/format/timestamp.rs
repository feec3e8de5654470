//! Timestamps, RFC 3161 with RFC 5816, in the CMS of RFC 5652: requests, responses and tokens.
//!
//! ```text
//! TimestampRequest   what a client asks: an imprint, and how to answer
//! TimestampResponse  Granted(TimestampToken) or Rejected(Rejection); nothing in between
//! TimestampToken     TstInfo (what is stated), SignerInfo (who says so)
//! TokenToSign        the writer: fields -> bytes to sign -> response
//! ```
//!
//! What is read here is claimed, not proven: [`crate::verify`] proves it. Only what Sigstore needs is
//! read, in DER only: one signer, signed attributes, no revocation lists, no unsigned attributes.
//! Certificates that travel in a token are bytes to compare; they are never parsed.

mod attributes;
mod cms;
mod request;
mod response;
mod token;
mod write;

pub use attributes::{CertificateDigest, SignedAttributes};
pub use cms::{SignerId, SignerInfo};
pub use request::{AnswerError, MessageImprint, RequestError, TimestampRequest};
pub use response::{Failure, Rejection, TimestampResponse};
pub use token::{TimestampToken, TstInfo};
pub use write::{TokenFields, TokenToSign, write_rejection};

use thiserror::Error;

use crate::base::code::Code;
use crate::base::encoding::der::DerError;
use crate::base::limits;
use crate::format::x509::algorithm::AlgorithmError;

/// Why bytes are not a timestamp response or token that we read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TokenError {
    /// Longer than [`limits::TIMESTAMP_BYTES`].
    #[error("timestamp of {found} bytes, {limit} allowed", limit = limits::TIMESTAMP_BYTES)]
    TooLong {
        /// Bytes found.
        found: usize,
    },
    /// More certificates than [`limits::TIMESTAMP_CERTIFICATES`].
    #[error("timestamp token carries more than {limit} certificates", limit = limits::TIMESTAMP_CERTIFICATES)]
    Certificates,
    /// Revocation lists or unsigned attributes: bytes that nobody signed and nothing needs.
    #[error("timestamp token carries {0}")]
    Ballast(&'static str),
    /// Not the DER of a timestamp response.
    #[error("timestamp is malformed: {0}")]
    Parse(#[from] DerError),
    /// DER with a value that the format does not have.
    #[error("timestamp is malformed: {0}")]
    Malformed(&'static str),
    /// A status that does not go with the presence of a token, or that is not a plain `granted`.
    #[error("timestamp response of status {status} {token}", token = if *with_token { "with a token" } else { "without a token" })]
    Status {
        /// PKIStatus.
        status: u64,
        /// Whether a token came with it.
        with_token: bool,
    },
    /// Not exactly one signer.
    #[error("timestamp token has {found} signers, exactly one is allowed")]
    Signers {
        /// Signers found.
        found: usize,
    },
    /// A version of SignerInfo that does not go with how it names its signer (RFC 5652 section 5.3).
    #[error("timestamp token's signer info of version {version} does not name its signer as that version does")]
    SignerVersion {
        /// The version.
        version: u64,
    },
    /// A signed attribute that is there twice, or has not exactly one value.
    #[error("timestamp token's signed attribute {0} is not there exactly once with one value")]
    Attribute(String),
    /// No signed attributes.
    #[error("timestamp token has no signed attributes")]
    Unattributed,
    /// SHA-1, MD5 or SHA-224.
    #[error("timestamp uses weak digest {0}")]
    WeakDigest(String),
    /// The imprint's algorithm is not known, or its length is another's.
    #[error("timestamp's message imprint is not a SHA-256, SHA-384 or SHA-512 digest")]
    Imprint,
    /// The signer's algorithms.
    #[error("timestamp token's signer: {0}")]
    Algorithm(AlgorithmError),
    /// The signer's digest algorithm is not the one that its signature uses.
    #[error("timestamp token's digest algorithm is not its signature's")]
    DigestMismatch,
    /// An accuracy beyond [`limits::TIMESTAMP_ACCURACY_SECS`].
    #[error("timestamp's accuracy is worse than {limit} seconds", limit = limits::TIMESTAMP_ACCURACY_SECS)]
    Accuracy,
}

impl TokenError {
    /// The stable code.
    pub fn code(&self) -> Code {
        const ANEW: &str = "the timestamp was damaged, or its authority does not follow RFC 3161: sign anew";
        match self {
            Self::TooLong { .. } | Self::Certificates | Self::Ballast(_) => Code::refused(
                "limit-tsa",
                "the timestamp carries more than a token needs: sign anew, asking for no certificates",
            ),
            Self::Parse(_) | Self::Malformed(_) => Code::refused("tsa-parse", ANEW),
            Self::Status { .. } => Code::refused(
                "tsa-status",
                "the timestamp authority did not grant a token: sign anew with an authority that does",
            ),
            Self::Signers { .. } | Self::SignerVersion { .. } => Code::refused("tsa-signers", ANEW),
            Self::Attribute(_) | Self::Unattributed => Code::refused("tsa-sig", FORGED),
            Self::WeakDigest(_) => {
                Code::refused("tsa-weak-hash", "ask the timestamp authority with SHA-256, SHA-384 or SHA-512")
            }
            Self::Imprint => Code::refused("tsa-imprint", IMPRINT),
            Self::Algorithm(_) | Self::DigestMismatch => Code::refused(
                "tsa-sig-alg",
                "the timestamp authority must sign with ECDSA, RSA or Ed25519, one SHA-2 digest throughout",
            ),
            Self::Accuracy => Code::refused(
                "tsa-accuracy",
                "use a timestamp authority whose clock is right to a minute or better, and that says so",
            ),
        }
    }
}

/// The hint of `tsa-sig`.
pub(crate) const FORGED: &str =
    "the timestamp was changed after it was issued, or forged: ask the signer for a bundle with a genuine one";
/// The hint of `tsa-imprint`.
pub(crate) const IMPRINT: &str =
    "the timestamp is over other bytes than this signature: it must be over the raw signature, not over the artifact";

#[cfg(test)]
mod tests;
