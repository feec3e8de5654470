//! Why a timestamp token proves no time.

use thiserror::Error;

use super::AuthorityFault;
use crate::base::code::Code;
use crate::base::crypto::{Digest, KeyError};
use crate::base::time::{UnixTime, ValidityPeriod};
use crate::format::timestamp::{FORGED, IMPRINT, Rejection, TokenError};

/// Why a timestamp token proves no time.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TimestampError {
    /// Not a response or token that we read.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The authority's refusal stands where its token should be.
    #[error("timestamp authority answered {0}")]
    Rejected(Rejection),
    /// The signer is no authority of the trusted root.
    #[error("timestamp is signed by {signer}, which is no authority of the trusted root")]
    Untrusted {
        /// How the token names its signer.
        signer: String,
    },
    /// The trusted root's own entry for the authority does not hold.
    #[error("timestamp authority {authority:?}: {fault}")]
    Authority {
        /// The authority.
        authority: String,
        /// What is wrong with it.
        fault: AuthorityFault,
    },
    /// The signed attributes are not about a TSTInfo.
    #[error("timestamp's signed contentType is absent or another")]
    ContentType,
    /// The signed attributes are about another TSTInfo.
    #[error("timestamp's signed messageDigest is absent or not that of its content")]
    MessageDigest,
    /// No signingCertificateV2; the SHA-1 form of RFC 3161 does not count.
    #[error("timestamp does not name its signing certificate by a SHA-2 digest")]
    SigningCertificateMissing,
    /// The signed attributes name another certificate than the authority's.
    #[error("timestamp names another signing certificate than the authority's")]
    SigningCertificate,
    /// The signature does not verify under the authority's key.
    #[error("timestamp's signature does not verify under the key of {authority:?}")]
    Signature {
        /// The authority.
        authority: String,
    },
    /// A signature algorithm that the authority's key cannot have.
    #[error("timestamp's signature: {0}")]
    Scheme(KeyError),
    /// A certificate in the token that is not in the authority's chain.
    #[error("timestamp carries a certificate that is not in the chain of {authority:?}")]
    ForeignCertificate {
        /// The authority.
        authority: String,
    },
    /// Over other bytes than the signature.
    #[error("timestamp is over {found}, which is not the digest of this signature")]
    Imprint {
        /// What it is over.
        found: Digest,
    },
    /// Outside the validity of a certificate of the authority's chain.
    #[error("timestamp of {time} is outside the validity of {subject:?} of {authority:?} ({validity})")]
    OutsideCertificate {
        /// The authority.
        authority: String,
        /// The certificate's subject.
        subject: String,
        /// The token's time.
        time: UnixTime,
        /// The certificate's validity.
        validity: ValidityPeriod,
    },
    /// Outside the window that the trusted root gives the authority.
    #[error("timestamp of {time} is outside the window of {authority:?} in the trusted root ({validity})")]
    OutsideWindow {
        /// The authority.
        authority: String,
        /// The token's time.
        time: UnixTime,
        /// The authority's window.
        validity: ValidityPeriod,
    },
    /// Later than now.
    #[error("timestamp of {time} is later than now ({now})")]
    Future {
        /// The token's time.
        time: UnixTime,
        /// Now.
        now: UnixTime,
    },
}

impl TimestampError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Token(error) => error.code(),
            Self::Authority { fault, .. } => fault.code(),
            Self::Rejected(_) => Code::refused(
                "tsa-status",
                "the timestamp authority did not grant a token: sign anew with an authority that does",
            ),
            Self::Untrusted { .. } => Code::refused(
                "tsa-untrusted",
                "use a trusted root that lists this timestamp authority, or a bundle with a time from one that it lists",
            ),
            Self::ContentType | Self::MessageDigest | Self::Signature { .. } => Code::refused("tsa-sig", FORGED),
            Self::SigningCertificateMissing | Self::SigningCertificate => Code::refused(
                "tsa-esscert",
                "use an authority whose tokens carry signingCertificateV2 (RFC 5816) for the certificate in the trusted root",
            ),
            Self::Scheme(_) => Code::refused(
                "tsa-sig-alg",
                "the timestamp authority must sign with ECDSA, RSA or Ed25519, one SHA-2 digest throughout",
            ),
            Self::ForeignCertificate { .. } => Code::refused(
                "tsa-foreign-certificate",
                "certificates were put into the timestamp, or the trusted root lacks some of its authority's: sign anew, asking for none",
            ),
            Self::Imprint { .. } => Code::refused("tsa-imprint", IMPRINT),
            Self::OutsideCertificate { .. } | Self::OutsideWindow { .. } => Code::refused(
                "tsa-not-valid-at-time",
                "the authority was not to be believed at that time: update the trusted root, or sign anew",
            ),
            Self::Future { .. } => {
                Code::refused("time-future", "set this machine's clock right; if it is right, the timestamp is forged")
            }
        }
    }
}
