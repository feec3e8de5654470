//! A timestamp authority of the trusted root: its pinned leaf, its chain, its window, as one unit.

use std::sync::OnceLock;

use thiserror::Error;

use super::error::TimestampError;
use crate::base::code::Code;
use crate::base::encoding::hex;
use crate::base::time::{UnixTime, ValidityPeriod};
use crate::format::timestamp::SignerId;
use crate::format::trust::AuthorityInstance;
use crate::format::x509::extensions::ExtendedKeyUsage;
use crate::format::x509::{Certificate, oids};
use crate::verify::chain::path::{self, PathError, Purpose};

/// What is wrong with an authority of the trusted root.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AuthorityFault {
    /// The first certificate is a CA.
    #[error("its first certificate is a CA, not the one that signs timestamps")]
    LeafIsAuthority,
    /// The leaf's extKeyUsage (RFC 3161 section 2.3).
    #[error("its certificate's extended key usage is not critical, or not time stamping alone")]
    ExtendedKeyUsage,
    /// The leaf's keyUsage.
    #[error("its certificate's key usage does not hold digitalSignature")]
    KeyUsage,
    /// The chain.
    #[error(transparent)]
    Chain(#[from] PathError),
}

impl AuthorityFault {
    /// The stable code.
    pub fn code(&self) -> Code {
        const FIX: &str =
            "the trusted root's entry for the timestamp authority is unfit: list another certificate or authority";
        match self {
            Self::LeafIsAuthority => Code::refused(
                "tsa-leaf-is-ca",
                "list the certificate that signs the timestamps first in the authority's chain, then its CAs",
            ),
            Self::ExtendedKeyUsage => Code::refused("tsa-eku", FIX),
            Self::KeyUsage => Code::refused("tsa-key-usage", FIX),
            Self::Chain(error) => error.code(),
        }
    }
}

/// One authority.
#[derive(Debug, Clone)]
pub(super) struct TimestampAuthority {
    pub(super) name: String,
    pub(super) unit: usize,
    chain: Vec<Certificate>,
    window: ValidityPeriod,
    fault: OnceLock<Option<AuthorityFault>>,
}

/// Whether two entries of a trusted root are one authority: it answers at one place, or holds one key.
pub(super) fn is_same(one: &AuthorityInstance, other: &AuthorityInstance) -> bool {
    let same_place = !one.uri.is_empty() && one.uri == other.uri;
    let same_key = match (one.chain.first(), other.chain.first()) {
        (Some(one), Some(other)) => one.public_key() == other.public_key(),
        _ => false,
    };
    same_place || same_key
}

/// How a token names its signer, for messages.
pub(super) fn describe(id: &SignerId<'_>) -> String {
    match id {
        SignerId::IssuerAndSerial { serial, .. } => format!("certificate number {}", hex::encode(serial)),
        SignerId::KeyId(id) => format!("key {}", hex::encode(id)),
    }
}

impl TimestampAuthority {
    /// An authority of the trusted root; `unit` is the first entry that is the same authority.
    pub(super) fn new(instance: &AuthorityInstance, unit: usize) -> Self {
        let (chain, window) = (instance.chain.clone(), instance.validity);
        Self { name: instance.name(), unit, chain, window, fault: OnceLock::new() }
    }

    /// Whether a token names this authority's leaf as its signer.
    pub(super) fn is_named_by(&self, id: &SignerId<'_>) -> bool {
        self.chain.first().is_some_and(|leaf| match id {
            SignerId::IssuerAndSerial { issuer, serial } => leaf.issuer().der() == *issuer && leaf.serial() == *serial,
            SignerId::KeyId(id) => leaf.extensions().subject_key_id.as_deref() == Some(id),
        })
    }

    /// The pinned certificate, if the authority holds.
    pub(super) fn leaf(&self) -> Result<&Certificate, TimestampError> {
        let fault = self.fault.get_or_init(|| check_chain(&self.chain).err());
        let fault = match (fault, self.chain.first()) {
            (None, Some(leaf)) => return Ok(leaf),
            (Some(fault), _) => fault.clone(),
            (None, None) => PathError::Empty.into(),
        };
        Err(TimestampError::Authority { authority: self.name.clone(), fault })
    }

    /// Whether a certificate in DER is one of this authority's.
    pub(super) fn holds(&self, der: &[u8]) -> bool {
        self.chain.iter().any(|certificate| certificate.der() == der)
    }

    /// Whether the authority may speak for `time`: every certificate and the window, both ends included.
    pub(super) fn check_time(&self, time: UnixTime) -> Result<(), TimestampError> {
        if let Some(certificate) = self.chain.iter().find(|certificate| !certificate.is_valid_at(time)) {
            return Err(TimestampError::OutsideCertificate {
                authority: self.name.clone(),
                subject: certificate.subject().to_string(),
                time,
                validity: certificate.validity(),
            });
        }
        if !self.window.contains(time) {
            return Err(TimestampError::OutsideWindow { authority: self.name.clone(), time, validity: self.window });
        }
        Ok(())
    }
}

/// Checks the chain of a timestamp authority, its leaf first and at least one issuer, whatever the time.
pub fn check_chain(chain: &[Certificate]) -> Result<(), AuthorityFault> {
    let (leaf, issuers) = chain.split_first().ok_or(PathError::Empty)?;
    let extensions = leaf.extensions();
    if extensions.basic_constraints.is_some_and(|constraints| constraints.ca) {
        return Err(AuthorityFault::LeafIsAuthority);
    }
    let fit = |usage: &ExtendedKeyUsage| usage.critical && usage.is_only(oids::TIME_STAMPING);
    if !extensions.extended_key_usage.as_ref().is_some_and(fit) {
        return Err(AuthorityFault::ExtendedKeyUsage);
    }
    if !extensions.key_usage.is_some_and(|usage| usage.digital_signature()) {
        return Err(AuthorityFault::KeyUsage);
    }
    if let Some(oid) = &extensions.unknown_critical {
        return Err(PathError::UnknownCritical { subject: leaf.subject().to_string(), oid: oid.clone() }.into());
    }
    path::check_authorities(issuers, Purpose::TimeStamping)?;
    let path: Vec<_> = issuers.iter().collect();
    path::check_issued_by(leaf, path.first().ok_or(PathError::Empty)?)?;
    Ok(path::check_constraints(Some(leaf), &path)?)
}
