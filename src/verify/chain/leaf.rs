//! What the leaf of a code-signing chain must say: Fulcio's profile, strictly; and for the authorities of which the
//! trust root says so, the profile of an X.509-SVID in its place.
//! <https://github.com/sigstore/fulcio/blob/main/docs/certificate-specification.md>

use thiserror::Error;

use super::path::Purpose;
use crate::base::code::Code;
use crate::format::spiffe::SpiffeId;
use crate::format::trust::LeafProfile;
use crate::format::x509::extensions::ExtendedKeyUsage;
use crate::format::x509::{Certificate, CertificateError, San, oids};

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
    /// extKeyUsage other than that of an X.509-SVID.
    #[error("the signing certificate's extended key usage is not TLS client authentication, with at most the server's")]
    SvidKeyUsage,
    /// No SPIFFE ID of the authority's trust domain.
    #[error("the signing certificate names {found:?}, which is no SPIFFE ID of {domain}")]
    TrustDomain {
        /// The name.
        found: String,
        /// The authority's trust domain.
        domain: String,
    },
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
            Self::SvidKeyUsage => Code::refused("cert-svid-eku", "sign with an X.509-SVID as its agent hands it out"),
            Self::TrustDomain { .. } => Code::refused(
                "cert-trust-domain",
                "an authority of SPIFFE speaks for its own trust domain: ask that of the name for a certificate",
            ),
            Self::ExtendedKeyUsage => Code::refused("cert-eku-wrong", PROFILE),
            Self::Identity(error) => error.code(),
        }
    }
}

/// Checks a leaf, and gives the identity that it names.
pub(super) fn check(leaf: &Certificate, profile: &LeafProfile) -> Result<San, LeafError> {
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
    let usage = extensions.extended_key_usage.as_ref().ok_or(LeafError::ExtendedKeyUsageMissing)?;
    match profile {
        LeafProfile::CodeSigning if usage.is_only(Purpose::CodeSigning.oid()) => {}
        LeafProfile::CodeSigning => return Err(LeafError::ExtendedKeyUsage),
        LeafProfile::X509Svid(_) => check_svid_usage(usage)?,
    }
    let san = leaf.san().map_err(LeafError::Identity)?;
    if let LeafProfile::X509Svid(domain) = profile {
        let id = if let San::Uri(uri) = &san { SpiffeId::parse(uri) } else { None };
        if id.is_none_or(|id| id.trust_domain() != domain) {
            return Err(LeafError::TrustDomain { found: san.to_string(), domain: domain.to_string() });
        }
    }
    Ok(san)
}

/// X.509-SVID, section 4.4: <https://github.com/spiffe/spiffe/blob/main/standards/X509-SVID.md>.
fn check_svid_usage(usage: &ExtendedKeyUsage) -> Result<(), LeafError> {
    let fits = usage.contains(oids::CLIENT_AUTH) && usage.has_no_other_than(&[oids::CLIENT_AUTH, oids::SERVER_AUTH]);
    if fits { Ok(()) } else { Err(LeafError::SvidKeyUsage) }
}
