//! The certificate authority: Fulcio's v2 API, and its certificate profile.
//! <https://github.com/sigstore/fulcio/blob/main/docs/certificate-specification.md>
//!
//! ```text
//! token -> Principal          only a verified token of a configured issuer makes one
//! request -> PublicKey        with proof that the requester holds the private key
//! Principal, PublicKey -> certificate with one SCT, which the CT log gave for its durable entry
//! ```
//!
//! Of a request nothing but the key gets into a certificate.

pub mod identities;
pub mod issuer_keys;
pub mod issuer_url;
pub mod principal;
pub mod profile;
pub mod provider;
mod request;
mod routes;
pub mod template;
mod weak_key;

use std::sync::Arc;

use thiserror::Error;

pub use principal::{AuthenticationError, Issuers, Principal};
pub use routes::routes;

use super::clock::Clock;
use super::ct::{SctError, Submit};
use super::issued::Issued;
use super::keys::{self, PrivateKey};
use super::log::SigningError;
use super::rate::{Rate, RateLimit, Rates};
use crate::base::crypto::PublicKey;
use crate::base::time::{UnixTime, ValidityPeriod};
use crate::format::x509::build::Extension;
use crate::format::x509::{Certificate, sct};

/// Seconds that a leaf is valid.
pub const LEAF_SECS: i64 = 600;

/// The certificate authority.
#[derive(Debug)]
pub struct CertificateAuthority {
    key: PrivateKey,
    /// The issuing certificate, then those above it.
    chain: Vec<Certificate>,
    issuers: Issuers,
    ct: Submit,
    clock: Clock,
    rate: RateLimit,
    /// For a log beside it.
    issued: Option<Arc<Issued>>,
}

/// Why no certificate was issued.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum IssueError {
    /// A certificate of the CA is not valid for as long as the leaf would be: it expires too soon, or the
    /// clock is wrong.
    #[error("a certificate of this CA is not valid from {from} on for ten minutes")]
    AuthorityValidity {
        /// When the leaf would start.
        from: UnixTime,
    },
    /// The CT log.
    #[error(transparent)]
    Ct(#[from] SctError),
    /// The CA's key.
    #[error(transparent)]
    Signing(#[from] SigningError),
}

impl CertificateAuthority {
    /// A CA from its key, its chain (issuing certificate first, root last), the issuers that it believes and
    /// its CT log.
    pub fn new(
        key: PrivateKey,
        chain: Vec<Certificate>,
        issuers: Issuers,
        ct: impl Into<Submit>,
        clock: Clock,
    ) -> Result<Self, SigningError> {
        let ours = chain.first().is_some_and(|issuer| issuer.public_key() == key.public_key());
        let rate = RateLimit::new(Rates::default().ca());
        ours.then_some(Self { key, chain, issuers, ct: ct.into(), clock, rate, issued: None }).ok_or(SigningError)
    }

    /// Tells a log beside it what it issues.
    #[must_use]
    pub fn remembering(self, issued: Arc<Issued>) -> Self {
        Self { issued: Some(issued), ..self }
    }

    /// How often it certifies one subject.
    #[must_use]
    pub fn at_rate(self, rate: Rate) -> Self {
        Self { rate: RateLimit::new(rate), ..self }
    }

    /// The chain of a new leaf for `principal` and `key`: leaf, issuing certificate, root.
    pub async fn issue(&self, principal: &Principal, key: &PublicKey) -> Result<Vec<Certificate>, IssueError> {
        let issuer = self.chain.first().ok_or(SigningError)?;
        let from = UnixTime::from_secs(self.clock.now().secs());
        let validity = ValidityPeriod::new(from, Some(from.plus_secs(LEAF_SECS))).ok_or(SigningError)?;
        let covers = |certificate: &Certificate| {
            certificate.is_valid_at(from) && certificate.is_valid_at(from.plus_secs(LEAF_SECS))
        };
        if !self.chain.iter().all(covers) {
            return Err(IssueError::AuthorityValidity { from });
        }
        let serial = keys::serial()?;
        let base = profile::leaf(&profile::Leaf {
            serial: &serial,
            scheme: self.key.scheme(),
            issuer,
            validity,
            principal,
            key,
        });
        let precertificate = base.with(&Extension::poison());
        let precertificate = precertificate.sign(&self.key.sign(&precertificate.der())?);
        let sct = self.ct.submit(base.der(), precertificate, &self.chain).await?;
        let list = sct::write_list(&[sct]).ok_or(SigningError)?;
        let tbs = base.with(&Extension::sct_list(&list));
        let leaf = tbs.sign(&self.key.sign(&tbs.der())?);
        // What cannot be read back is not handed out.
        let leaf = Certificate::from_der(&leaf).map_err(|_| SigningError)?;
        if let Some(issued) = &self.issued {
            issued.remember(&leaf);
        }
        Ok([vec![leaf], self.chain.clone()].concat())
    }
}

#[cfg(test)]
mod tests;
