//! What the leaf of a code-signing chain must say: Fulcio's profile, strictly.
//! <https://github.com/sigstore/fulcio/blob/main/docs/certificate-specification.md>

use thiserror::Error;

use super::path::Purpose;
use crate::base::code::Code;
use crate::format::x509::{Certificate, CertificateError, San};

/// Why a certificate is not a code-signing leaf.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LeafError {
    /// basicConstraints of a CA.
    #[error("the signing certificate is one of a CA")]
    Authority,
    /// A critical extension that we do not process; the precertificate's poison is one.
    #[error("the signing certificate has the critical extension {oid}, which is not known here")]
    UnknownCritical {
        /// The extension.
        oid: String,
    },
    /// keyUsage absent, without digitalSignature, or with keyCertSign.
    #[error("the signing certificate's key usage is {0}")]
    KeyUsage(&'static str),
    /// extKeyUsage absent.
    #[error("the signing certificate has no extended key usage")]
    ExtendedKeyUsageMissing,
    /// extKeyUsage other than code signing alone.
    #[error("the signing certificate's extended key usage is not code signing alone")]
    ExtendedKeyUsage,
    /// Not exactly one subject alternative name that is an identity.
    #[error(transparent)]
    Identity(CertificateError),
}

impl LeafError {
    /// The stable code.
    pub fn code(&self) -> Code {
        const PROFILE: &str =
            "sign with a certificate for code signing: a digital-signature key, EKU code signing alone";
        match self {
            Self::Authority => Code::refused("cert-leaf-is-ca", PROFILE),
            Self::UnknownCritical { .. } => {
                Code::refused("cert-unknown-critical", "a newer release may know this extension: update")
            }
            Self::KeyUsage(_) => Code::refused("cert-key-usage", PROFILE),
            Self::ExtendedKeyUsageMissing => Code::refused("cert-eku-missing", PROFILE),
            Self::ExtendedKeyUsage => Code::refused("cert-eku-wrong", PROFILE),
            Self::Identity(error) => error.code(),
        }
    }
}

/// Checks a leaf and gives the identity that it names.
pub(super) fn check(leaf: &Certificate) -> Result<San, LeafError> {
    let extensions = leaf.extensions();
    if let Some(oid) = &extensions.unknown_critical {
        return Err(LeafError::UnknownCritical { oid: oid.clone() });
    }
    if extensions.basic_constraints.is_some_and(|constraints| constraints.ca) {
        return Err(LeafError::Authority);
    }
    match extensions.key_usage {
        None => return Err(LeafError::KeyUsage("absent")),
        Some(usage) if !usage.digital_signature() => return Err(LeafError::KeyUsage("not digital signature")),
        Some(usage) if usage.key_cert_sign() => return Err(LeafError::KeyUsage("certificate signing too")),
        Some(_) => {}
    }
    match &extensions.extended_key_usage {
        None => return Err(LeafError::ExtendedKeyUsageMissing),
        Some(usage) if !usage.is_only(Purpose::CodeSigning.oid()) => return Err(LeafError::ExtendedKeyUsage),
        Some(_) => {}
    }
    leaf.san().map_err(LeafError::Identity)
}
