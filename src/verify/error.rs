//! Why a bundle is refused: one reason, with the step of the walk that found it.

use thiserror::Error;

use super::chain::ChainError;
use super::content::ContentError;
use super::log::LogError;
use super::sct::SctError;
use super::times::TimestampError;
use crate::base::code::Code;
use crate::base::time::{UnixTime, ValidityPeriod};
use crate::format::x509::CertificateError;

/// The steps of the walk, in order. A later step means a nearer miss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// The bundle is well formed.
    Bundle,
    /// It is signed in the way that was asked for, and the certificate says whom it names.
    Signer,
    /// The artifact has the digest that the bundle names.
    Artifact,
    /// Every log entry is about this signature, and proven.
    Log,
    /// Every timestamp of a known authority is over this signature, and proven.
    Timestamp,
    /// There is a proven time, and each log key was in use then.
    Time,
    /// The certificate leads to the trusted root, valid at every proven time.
    Chain,
    /// A CT log vouches for the certificate.
    Sct,
    /// The signature verifies.
    Signature,
    /// The artifact is what was signed.
    Subject,
    /// A rule of the policy admits the signer.
    Policy,
}

impl Step {
    /// Every step, in order.
    pub const ALL: [Self; 11] = [
        Self::Bundle,
        Self::Signer,
        Self::Artifact,
        Self::Log,
        Self::Timestamp,
        Self::Time,
        Self::Chain,
        Self::Sct,
        Self::Signature,
        Self::Subject,
        Self::Policy,
    ];

    /// A name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bundle => "bundle",
            Self::Signer => "signer",
            Self::Artifact => "artifact",
            Self::Log => "transparency log",
            Self::Timestamp => "timestamp",
            Self::Time => "signing time",
            Self::Chain => "certificate",
            Self::Sct => "SCT",
            Self::Signature => "signature",
            Self::Subject => "subject",
            Self::Policy => "policy",
        }
    }
}

/// Something of which the requirements ask for several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Different transparency logs.
    Logs,
    /// Different timestamp authorities.
    TimestampAuthorities,
    /// Different CT logs.
    CtLogs,
}

impl Counted {
    const fn name(self) -> &'static str {
        match self {
            Self::Logs => "transparency logs",
            Self::TimestampAuthorities => "timestamp authorities",
            Self::CtLogs => "CT logs",
        }
    }
}

/// Why a bundle is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// A key signed, and a certificate was asked for.
    #[error("a bare key signed the bundle, and no key was given to verify it with")]
    KeyRequired,
    /// A certificate signed, and a key was given.
    #[error("a certificate signed the bundle, and a bare key was given to verify it with")]
    CertificateGiven,
    /// The bundle's hint or key is of another key.
    #[error("the bundle names another key than the one that was given")]
    KeyHint,
    /// The signer's certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// Artifact, content or signature.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// The log entry is of another signature or content, because the bundle's own is at fault.
    #[error(transparent)]
    NotLogged(ContentError),
    /// No log entry.
    #[error("the bundle has no transparency log entry")]
    EntryMissing,
    /// An entry with a promise only.
    #[error("the log only promised to include the entry: the bundle has no inclusion proof")]
    PromiseOnly,
    /// A log entry.
    #[error(transparent)]
    Log(#[from] LogError),
    /// A timestamp.
    #[error(transparent)]
    Timestamp(#[from] TimestampError),
    /// No time is proven.
    #[error("nothing in the bundle proves when it was signed")]
    TimeMissing,
    /// The key was not in use at a proven time.
    #[error("the key was not valid at {at}, but {validity}")]
    KeyNotValidAt {
        /// The proven time.
        at: UnixTime,
        /// The key's validity.
        validity: ValidityPeriod,
    },
    /// The chain.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The SCT.
    #[error(transparent)]
    Sct(#[from] SctError),
    /// Fewer than were asked for.
    #[error("{found} different {} prove it, {needed} are asked for", counted.name())]
    Threshold {
        /// Of what.
        counted: Counted,
        /// Different ones found.
        found: usize,
        /// How many are asked for.
        needed: u8,
    },
    /// More than the trusted root knows.
    #[error("{needed} different {} are asked for, and the trusted root knows {known}", counted.name())]
    ThresholdTooLarge {
        /// Of what.
        counted: Counted,
        /// How many the trusted root knows.
        known: usize,
        /// How many are asked for.
        needed: u8,
    },
}

impl VerifyError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::KeyRequired => Code::refused("key-required", "give the signer's public key: --key FILE"),
            Self::CertificateGiven => {
                Code::refused("cert-required", "say who may sign (--identity, --issuer) instead of giving a key")
            }
            Self::KeyHint => {
                Code::refused("key-hint-mismatch", "give the key that the signer used, or fetch the bundle of this key")
            }
            Self::Certificate(error) => error.code(),
            Self::Content(error) | Self::NotLogged(error) => error.code(),
            Self::EntryMissing => Code::refused(
                "log-entry-missing",
                "the signature was not logged: sign with a transparency log, or use trust that does not ask for one",
            ),
            Self::PromiseOnly => Code::refused(
                "log-proof-missing",
                "sign anew with a current client, or accept the log's promise: --accept-promise",
            ),
            Self::Log(error) => error.code(),
            Self::Timestamp(error) => error.code(),
            Self::TimeMissing => Code::refused(
                "time-missing",
                "sign with a timestamp authority, or a log that signs its times: a short-lived certificate needs a proven time",
            ),
            Self::KeyNotValidAt { .. } => {
                Code::refused("key-not-valid-at-time", "sign anew with the key in use, or correct the key's validity")
            }
            Self::Chain(error) => error.code(),
            Self::Sct(error) => error.code(),
            Self::Threshold { counted, .. } => match counted {
                Counted::Logs => Code::refused("log-threshold", "log the signature in more logs, or ask for fewer"),
                Counted::TimestampAuthorities => Code::refused(
                    "time-threshold",
                    "have the signature timestamped by more authorities, or ask for fewer",
                ),
                Counted::CtLogs => {
                    Code::refused("sct-threshold", "have the certificate logged in more CT logs, or ask for fewer")
                }
            },
            Self::ThresholdTooLarge { .. } => {
                Code::usage("threshold-too-large", "ask for at most as many as the trusted root knows")
            }
        }
    }

    /// The step of the walk that found it.
    pub fn step(&self) -> Step {
        match self {
            Self::KeyRequired | Self::CertificateGiven | Self::KeyHint | Self::Certificate(_) => Step::Signer,
            Self::ThresholdTooLarge { .. } => Step::Signer,
            Self::Content(error) => match error {
                ContentError::DigestMismatch { .. } | ContentError::DigestMissing(_) => Step::Artifact,
                ContentError::Signature(_) | ContentError::Scheme { .. } | ContentError::BytesMissing => {
                    Step::Signature
                }
                _ => Step::Subject,
            },
            Self::EntryMissing | Self::PromiseOnly | Self::NotLogged(_) | Self::Log(_) => Step::Log,
            Self::Timestamp(_) => Step::Timestamp,
            Self::TimeMissing | Self::KeyNotValidAt { .. } => Step::Time,
            Self::Chain(_) => Step::Chain,
            Self::Sct(_) => Step::Sct,
            Self::Threshold { counted, .. } => match counted {
                Counted::Logs => Step::Log,
                Counted::TimestampAuthorities => Step::Time,
                Counted::CtLogs => Step::Sct,
            },
        }
    }
}
