//! The rules of a certification path, RFC 5280 section 6.1, for any [`Purpose`]: what an authority's
//! certificate must say, who issued whom, how long a path may be, when it is valid. What a leaf must
//! say is its profile's matter: `leaf` for code signing.
//!
//! A path is a slice of authorities' certificates, the leaf's issuer first and the anchor last.

use thiserror::Error;

use super::names;
use crate::base::code::Code;
use crate::base::crypto::KeyError;
use crate::base::encoding::der::Oid;
use crate::base::time::{UnixTime, ValidityPeriod};
use crate::format::x509::{Certificate, oids};

/// What the leaf below a path signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Artifacts: id-kp-codeSigning.
    CodeSigning,
    /// Timestamp tokens: id-kp-timeStamping.
    TimeStamping,
}

impl Purpose {
    /// The extended key usage.
    pub const fn oid(self) -> Oid<'static> {
        match self {
            Self::CodeSigning => oids::CODE_SIGNING,
            Self::TimeStamping => oids::TIME_STAMPING,
        }
    }
}

/// Why certificates are no path. Subjects and issuers are the names in the certificates.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PathError {
    /// No certificate at all.
    #[error("the chain is empty")]
    Empty,
    /// basicConstraints absent, or not of a CA.
    #[error("{subject:?} issued a certificate, but is not a CA")]
    NotCa {
        /// The issuing certificate.
        subject: String,
    },
    /// basicConstraints that readers may skip.
    #[error("basic constraints of {subject:?} are not critical")]
    ConstraintsNotCritical {
        /// The issuing certificate.
        subject: String,
    },
    /// keyUsage absent, or without keyCertSign.
    #[error("{subject:?} issued a certificate, but its key is not meant to sign certificates")]
    KeyUsage {
        /// The issuing certificate.
        subject: String,
    },
    /// extKeyUsage without the purpose.
    #[error("{subject:?} is an authority for other purposes")]
    ExtendedKeyUsage {
        /// The issuing certificate.
        subject: String,
    },
    /// A critical extension that we do not process.
    #[error("{subject:?} has the critical extension {oid}, which is not known here")]
    UnknownCritical {
        /// The issuing certificate.
        subject: String,
        /// The extension.
        oid: String,
    },
    /// More intermediates below than its pathLenConstraint allows.
    #[error("{subject:?} allows {allowed} intermediates below it, there are {found}")]
    PathLength {
        /// The issuing certificate.
        subject: String,
        /// pathLenConstraint
        allowed: u64,
        /// Intermediates below it.
        found: usize,
    },
    /// A name that an authority above does not allow.
    #[error("{authority:?} does not allow the names of {subject:?} below it")]
    NameConstraint {
        /// The certificate with the constraints.
        authority: String,
        /// The certificate with the name.
        subject: String,
    },
    /// The next certificate has another name than the issuer's.
    #[error("{subject:?} was issued by {issuer:?}, not by {found:?}")]
    Issuer {
        /// The issued certificate.
        subject: String,
        /// The issuer that it names.
        issuer: String,
        /// The subject of the next certificate.
        found: String,
    },
    /// The issuer did not sign.
    #[error("{issuer:?} did not sign the certificate of {subject:?}: {error}")]
    Signature {
        /// The issued certificate.
        subject: String,
        /// The issuing certificate.
        issuer: String,
        /// What its key says.
        error: KeyError,
    },
    /// An intermediate that was not valid.
    #[error("intermediate {subject:?} was not valid at {at}, but from {validity}")]
    NotValidAt {
        /// The intermediate.
        subject: String,
        /// The time.
        at: UnixTime,
        /// Its validity.
        validity: ValidityPeriod,
    },
    /// The anchor was not valid.
    #[error("root {subject:?} was not valid at {at}, but from {validity}")]
    AnchorNotValidAt {
        /// The anchor.
        subject: String,
        /// The time.
        at: UnixTime,
        /// Its validity.
        validity: ValidityPeriod,
    },
}

impl PathError {
    /// The stable code.
    pub fn code(&self) -> Code {
        const REPAIR: &str = "the authority's certificate breaks RFC 5280: its operator must issue it anew";
        match self {
            Self::Empty => Code::refused("chain-empty", "name at least one certificate of the authority"),
            Self::NotCa { .. } => Code::refused(
                "chain-issuer-not-ca",
                "a certificate was used as an authority that is none: refuse its signer",
            ),
            Self::ConstraintsNotCritical { .. } => Code::refused("chain-bc-not-critical", REPAIR),
            Self::KeyUsage { .. } => Code::refused("chain-key-usage", REPAIR),
            Self::ExtendedKeyUsage { .. } => Code::refused(
                "chain-eku-wrong",
                "the authority may not issue for this purpose: ask the signer for its proper authority",
            ),
            Self::UnknownCritical { .. } => {
                Code::refused("cert-unknown-critical", "a newer release may know this extension: update")
            }
            Self::PathLength { .. } => {
                Code::refused("chain-pathlen", "an intermediate was added where none is allowed: refuse its signer")
            }
            Self::NameConstraint { .. } => Code::refused(
                "chain-name-constraint",
                "the authority may not issue for this name: check who the signer is",
            ),
            Self::Issuer { .. } => {
                Code::refused("chain-order", "put the chain in order: each certificate after the one that it issued")
            }
            Self::Signature { .. } => Code::refused(
                "chain-signature",
                "the certificate was changed, or an authority of the same name issued it: refuse it, or check that the trust root is up to date",
            ),
            Self::NotValidAt { .. } => Code::refused(
                "chain-not-valid-at-time",
                "the signature was made outside the validity of the intermediate: sign anew",
            ),
            Self::AnchorNotValidAt { .. } => Code::refused(
                "ca-outside-validity",
                "the signature was made when the authority was not to be trusted: sign anew, or update the trust root",
            ),
        }
    }
}

/// Checks the chain of an authority once, everything but the times: each certificate an authority for
/// `purpose` that the next one issued. The last is the anchor: a name and a key (RFC 5280 section 6.1.1),
/// of which its signature over itself would say nothing that the trust root does not.
pub fn check_authorities(chain: &[Certificate], purpose: Purpose) -> Result<(), PathError> {
    if chain.is_empty() {
        return Err(PathError::Empty);
    }
    for certificate in chain {
        check_authority(certificate, purpose)?;
    }
    for (child, issuer) in chain.iter().zip(chain.iter().skip(1)) {
        check_issued_by(child, issuer)?;
    }
    check_constraints(None, &chain.iter().collect::<Vec<_>>())
}

/// Checks that a certificate is one of an authority for `purpose`.
pub fn check_authority(certificate: &Certificate, purpose: Purpose) -> Result<(), PathError> {
    let extensions = certificate.extensions();
    let subject = || certificate.label();
    match extensions.basic_constraints {
        Some(constraints) if constraints.ca && constraints.critical => {}
        Some(constraints) if constraints.ca => return Err(PathError::ConstraintsNotCritical { subject: subject() }),
        _ => return Err(PathError::NotCa { subject: subject() }),
    }
    if !extensions.key_usage.is_some_and(|usage| usage.key_cert_sign()) {
        return Err(PathError::KeyUsage { subject: subject() });
    }
    // An authority without the extension is one for every purpose (RFC 5280 section 4.2.1.12).
    if extensions.extended_key_usage.as_ref().is_some_and(|usage| !usage.contains(purpose.oid())) {
        return Err(PathError::ExtendedKeyUsage { subject: subject() });
    }
    if let Some(oid) = &extensions.unknown_critical {
        return Err(PathError::UnknownCritical { subject: subject(), oid: oid.clone() });
    }
    Ok(())
}

/// Checks that `issuer` issued `child`: the name, byte for byte, and the signature.
pub fn check_issued_by(child: &Certificate, issuer: &Certificate) -> Result<(), PathError> {
    if child.issuer() != issuer.subject() {
        return Err(PathError::Issuer {
            subject: child.label(),
            issuer: child.issuer().to_string(),
            found: issuer.label(),
        });
    }
    child.verify_signature(issuer.public_key()).map_err(|error| PathError::Signature {
        subject: child.label(),
        issuer: issuer.label(),
        error,
    })
}

/// Checks what the authorities of a path say about those below them: how many intermediates, and of
/// which names, the leaf's included.
pub fn check_constraints(leaf: Option<&Certificate>, path: &[&Certificate]) -> Result<(), PathError> {
    for (index, authority) in path.iter().enumerate() {
        let (below, _) = path.split_at(index);
        let subject = || authority.label();
        let intermediates = below.iter().filter(|certificate| !certificate.is_self_issued()).count();
        let allowed = authority.extensions().basic_constraints.and_then(|constraints| constraints.path_len);
        if let Some(allowed) = allowed.filter(|allowed| intermediates as u64 > *allowed) {
            return Err(PathError::PathLength { subject: subject(), allowed, found: intermediates });
        }
        if let Some(constraints) = &authority.extensions().name_constraints {
            let outside =
                below.iter().copied().chain(leaf).find(|certificate| !names::allows(constraints, certificate));
            if let Some(outside) = outside {
                return Err(PathError::NameConstraint { authority: subject(), subject: outside.label() });
            }
        }
    }
    Ok(())
}

/// Checks that every certificate of a path was valid at every time.
pub fn check_times(path: &[&Certificate], times: &[UnixTime]) -> Result<(), PathError> {
    for (index, certificate) in path.iter().enumerate() {
        let Some(&at) = times.iter().find(|at| !certificate.is_valid_at(**at)) else { continue };
        let (subject, validity) = (certificate.label(), certificate.validity());
        let is_anchor = index + 1 == path.len();
        return Err(match is_anchor {
            true => PathError::AnchorNotValidAt { subject, at, validity },
            false => PathError::NotValidAt { subject, at, validity },
        });
    }
    Ok(())
}
