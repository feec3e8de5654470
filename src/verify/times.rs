//! Proven times: timestamp tokens of the trusted root's authorities.
//!
//! A token is judged by the one authority whose pinned certificate its signer names: that certificate,
//! that chain, that window. Certificates inside a token must be the authority's own, byte for byte, and
//! are never trusted, so nothing that a bundle carries can stand in for the pinned one (CVE-2026-39984);
//! and no window but the authority's own applies.
//! Hence an authority's chain must start with its leaf, as in every trusted root that the field
//! publishes; one that names only CAs proves no time.
//!
//! The proof is about this order: whose token, who signed it, what over, when.

mod authority;
mod error;

pub use authority::{AuthorityFault, check_chain};
pub use error::TimestampError;

use std::time::Duration;

use authority::TimestampAuthority;

use crate::base::crypto::{Digest, KeyError};
use crate::base::time::UnixTime;
use crate::format::timestamp::{TimestampResponse, TimestampToken};
use crate::format::trust::AuthorityInstance;
use crate::format::x509::oids;

/// The timestamp authorities of a trusted root. Each chain is checked once, when a token first names its
/// authority: verifying one bundle costs nothing for authorities that did not stamp it. A chain that does
/// not hold makes its own tokens fail, and nobody else's.
#[derive(Debug, Clone)]
pub struct TimestampAuthorities {
    authorities: Vec<TimestampAuthority>,
}

/// The proof that a signature existed at a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimestampValid {
    time: UnixTime,
    accuracy: Option<Duration>,
    authority: String,
    unit: usize,
}

impl TimestampValid {
    /// When the authority saw the signature.
    pub fn time(&self) -> UnixTime {
        self.time
    }

    /// How far the time may be off, when the authority says.
    pub fn accuracy(&self) -> Option<Duration> {
        self.accuracy
    }

    /// The authority's name in the trusted root.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// What thresholds count: equal for two tokens of one authority, also when the trusted root lists it
    /// several times because it renewed its certificate.
    pub fn unit(&self) -> usize {
        self.unit
    }
}

impl TimestampAuthorities {
    /// The authorities of a trusted root, each with its chain from the leaf on.
    pub fn new(instances: &[AuthorityInstance]) -> Self {
        let authorities = instances
            .iter()
            .enumerate()
            .map(|(index, instance)| {
                let first = instances.iter().position(|earlier| authority::is_same(earlier, instance));
                TimestampAuthority::new(instance, first.unwrap_or(index))
            })
            .collect();
        Self { authorities }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.authorities.is_empty()
    }

    /// Verifies a TimeStampResp over `signature`, the raw signature bytes of a bundle; `now` is the
    /// latest time that can have been.
    ///
    /// [`TimestampError::Untrusted`] says that no authority of ours is named; every other error is about
    /// a token that claims to be ours or cannot be read.
    pub fn verify_token(
        &self,
        response: &[u8],
        signature: &[u8],
        now: UnixTime,
    ) -> Result<TimestampValid, TimestampError> {
        let token = match TimestampResponse::parse(response)? {
            TimestampResponse::Granted(token) => token,
            TimestampResponse::Rejected(rejection) => return Err(TimestampError::Rejected(rejection)),
        };
        let mut refusal = None;
        for authority in self.authorities.iter().filter(|authority| authority.is_named_by(&token.signer.id)) {
            match authority.judge(&token, signature, now) {
                Ok(valid) => return Ok(valid),
                Err(error) => refusal = refusal.or(Some(error)),
            }
        }
        Err(refusal.unwrap_or_else(|| TimestampError::Untrusted { signer: authority::describe(&token.signer.id) }))
    }
}

impl TimestampAuthority {
    /// The walk of one token under one authority.
    fn judge(
        &self,
        token: &TimestampToken<'_>,
        signature: &[u8],
        now: UnixTime,
    ) -> Result<TimestampValid, TimestampError> {
        // (1) The authority itself holds.
        let leaf = self.leaf()?;
        // (2) The signed attributes are about this content.
        let signer = &token.signer;
        let attributes = &signer.attributes;
        if attributes.content_type != Some(oids::TST_INFO) {
            return Err(TimestampError::ContentType);
        }
        if attributes.message_digest != Some(Digest::of(signer.digest, token.content).as_bytes()) {
            return Err(TimestampError::MessageDigest);
        }
        // (3) They name the pinned certificate, by a SHA-2 digest (RFC 5816).
        let named = attributes.signing_certificate.as_ref().ok_or(TimestampError::SigningCertificateMissing)?;
        let same_digest = named.digest.is_some_and(|digest| digest == Digest::of(digest.algorithm(), leaf.der()));
        let same_name = named.issuer_and_serial.is_none_or(|id| id == (leaf.issuer().der(), leaf.serial()));
        if !same_digest || !same_name {
            return Err(TimestampError::SigningCertificate);
        }
        // (4) The pinned key signed them.
        leaf.public_key().verify(signer.scheme, &attributes.signed_bytes(), signer.signature).map_err(|error| {
            match error {
                KeyError::Signature(_) => TimestampError::Signature { authority: self.name.clone() },
                other => TimestampError::Scheme(other),
            }
        })?;
        // (5) Nothing travels along that is not the authority's: nobody signs a token's certificates.
        if !token.certificates.iter().all(|der| self.holds(der)) {
            return Err(TimestampError::ForeignCertificate { authority: self.name.clone() });
        }
        // (6) What was timestamped is the signature.
        let imprint = token.info.imprint.digest();
        if imprint != Digest::of(imprint.algorithm(), signature) {
            return Err(TimestampError::Imprint { found: imprint });
        }
        // (7) The time lies where the authority may speak, and is not to come.
        let time = token.info.time;
        self.check_time(time)?;
        if time > now {
            return Err(TimestampError::Future { time, now });
        }
        let (authority, unit) = (self.name.clone(), self.unit);
        Ok(TimestampValid { time, accuracy: token.info.accuracy, authority, unit })
    }
}

#[cfg(test)]
mod tests;
