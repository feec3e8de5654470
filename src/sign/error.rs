//! Why nothing was signed, or nothing given out.

use thiserror::Error;

use super::credential::CredentialError;
use super::provenance::ProvenanceError;
use super::unlogged::Unlogged;
use crate::base::code::Code;
use crate::base::time::UnixTime;
use crate::format::bundle::BundleError;
use crate::format::cosign::CosignError;
use crate::format::intoto::StatementError;
use crate::format::intoto::predicate::PredicateError;
use crate::service::ledger::LedgerError;
use crate::service::signer::SignerError;
use crate::service::tlog::TlogError;
use crate::service::tsa::TsaError;
use crate::verify::VerifyError;

/// Why there is no signature. Whatever the reason, no bundle was given out.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SignError {
    /// The credential.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// A certificate that expires soon, and nothing that proves when it was used.
    #[error("nothing would prove when the signature was made: no timestamp authority, and no log that signs its times")]
    NoProvenTime,
    /// The trusted root asks for a log entry, and there is no log.
    #[error("the trusted root asks for a log entry, and there is no log to make one")]
    NoLog,
    /// The signature itself.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// A timestamp authority.
    #[error(transparent)]
    Timestamp(#[from] TsaError),
    /// A transparency log.
    #[error(transparent)]
    Log(#[from] TlogError),
    /// Something that a service gave and that verification would refuse.
    #[error("what {service} gave would not verify: {error}")]
    Received {
        /// The service.
        service: String,
        /// Why.
        error: VerifyError,
    },
    /// No log took a signature whose time is proven: it can be finished later.
    #[error("{error}")]
    Unlogged {
        /// The signature.
        unlogged: Box<Unlogged>,
        /// Why no log took it.
        error: Box<SignError>,
    },
    /// Something that is no signature to be finished.
    #[error("this is no signature that waits for a log: {what}")]
    Spooled {
        /// What is wrong.
        what: String,
    },
    /// The certificate's life was over before its use was proven.
    #[error("the certificate ended at {end}, before a service had proven a time within its life")]
    CertificateExpired {
        /// When.
        end: UnixTime,
    },
    /// The whole bundle, although each of its parts was good.
    #[error("the new bundle does not verify: {0}")]
    SelfVerification(VerifyError),
    /// What was written cannot be read back.
    #[error("the new bundle cannot be read: {0}")]
    Bundle(#[from] BundleError),
    /// A service proves a time that is later than the local clock by more than the tolerance.
    #[error("a time of {proven} was proven, and the local clock says {local}")]
    Clock {
        /// The time.
        proven: UnixTime,
        /// The local clock.
        local: UnixTime,
    },
    /// The statement to attest.
    #[error(transparent)]
    Statement(#[from] StatementError),
    /// The predicate to attest is not JSON.
    #[error("the predicate is not JSON")]
    Predicate,
    /// The predicate to attest does not have the shape that its type gives it.
    #[error(transparent)]
    PredicateSchema(#[from] PredicateError),
    /// The running job says nothing that could be attested.
    #[error(transparent)]
    Provenance(#[from] ProvenanceError),
    /// The predicate has no type.
    #[error("the predicate has no type")]
    PredicateType,
    /// No subject of the statement has a digest that verifiers compare.
    #[error("no subject of the statement has a sha256, sha384 or sha512 digest")]
    SubjectAlgorithm,
    /// An older cosign signature under a certificate, and no log whose entry it can hold.
    #[error("a legacy signature can hold only the promise of a Rekor v1 log, and there is none")]
    NoLegacyLog,
    /// A key whose signatures the older form has no place for.
    #[error("a legacy signature is over SHA-256, and this key signs another digest")]
    LegacyKey,
    /// A legacy signature cannot be read back.
    #[error("the new legacy signature cannot be read: {0}")]
    Legacy(#[from] CosignError),
    /// The ledger; the entry is in the log.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A task of this process ended before its work did.
    #[error("signing was interrupted")]
    Interrupted,
}

impl SignError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Credential(error) => error.code(),
            Self::NoProvenTime => Code::usage(
                "sign-no-proven-time",
                "add a timestamp authority to the signing config: Rekor v2 proves no time",
            ),
            Self::NoLog => Code::usage("sign-no-log", "add a transparency log to the signing config"),
            Self::Signer(error) => error.code(),
            Self::Timestamp(error) => error.code(),
            Self::Log(error) => error.code(),
            Self::Ledger(error) => error.code(),
            Self::Unlogged { error, .. } => error.code(),
            Self::Spooled { .. } => Code::refused(
                "spool-unreadable",
                "give what `sealmark sign blob --spool` kept: files that end in .unlogged.json",
            ),
            Self::CertificateExpired { .. } => Code::undecided(
                "sign-certificate-expired",
                "nothing was kept: run it again when the timestamp authority answers; or sign fewer files at once",
            ),
            Self::Received { error, .. } | Self::SelfVerification(error) => error.code(),
            Self::Bundle(error) => error.code(),
            Self::Clock { .. } => super::CLOCK,
            Self::Statement(error) => error.code(),
            Self::Predicate => Code::usage("predicate-not-json", "give the predicate as one JSON value"),
            Self::PredicateSchema(_) => Code::usage(
                "predicate-schema",
                "name the type that the predicate has, or complete it: whoever verifies relies on these fields",
            ),
            Self::Provenance(error) => error.code(),
            Self::PredicateType => Code::usage(
                "predicate-type",
                "name the predicate's type: a URI, or a short name such as slsaprovenance1",
            ),
            Self::SubjectAlgorithm => {
                Code::refused("subject-alg", "the subject needs a sha256, sha384 or sha512 digest")
            }
            Self::NoLegacyLog => Code::usage(
                "sign-no-legacy-log",
                "write bundles only, use services with a Rekor v1 log (`stack init --rekor-v1`), or sign with --key and --log-not-required-unsafe",
            ),
            Self::LegacyKey => Code::usage("sign-legacy-key", "sign with a P-256 key, or write bundles only"),
            Self::Legacy(error) => error.code(),
            Self::Interrupted => Code::undecided("sign-interrupted", "run it again: nothing half-written is left"),
        }
    }
}
