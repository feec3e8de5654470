//! The timestamp authority: RFC 3161 requests in, tokens out, over bytes; who serves them is not its
//! business.
//!
//! It takes DER (`application/timestamp-query`) and the JSON of sigstore-js. A DER request that cannot be
//! granted is answered as RFC 3161 has it: 200 with a rejection that names the failure. A client that
//! sends JSON does not read PKIStatus, so it gets a 400 in JSON.
//!
//! Time is the service's product: it never goes back. A step back beyond [`ACCURACY_SECS`], or a
//! certificate that is not valid at the time, ends the issuing with a 503 until the operator has mended
//! it. With time sources ([`DriftGuard`]) so does a clock that they do not confirm.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};

use aws_lc_rs::rand;
use thiserror::Error;

use super::drift::DriftGuard;
use super::keys::PrivateKey;

use crate::base::code::Code;
use crate::base::crypto::{KeyKind, PublicKey};
use crate::base::encoding::der::Oid;
use crate::base::time::UnixTime;
use crate::format::timestamp::{Failure, RequestError, TimestampRequest, TokenFields, TokenToSign, write_rejection};
use crate::format::x509::build::{Extension, key_id};
use crate::format::x509::{Certificate, KeyUsage, oids};
use crate::verify::times::{AuthorityFault, check_chain};

/// The accuracy that tokens state: the machine's clock is kept by NTP to much better than that.
pub const ACCURACY_SECS: u64 = 1;
/// The policy that tokens are issued under: Sigstore's.
pub const POLICY: Oid<'static> = oids::SIGSTORE_TSA_POLICY;

/// A timestamp authority with its key.
#[derive(Debug)]
pub struct TimestampAuthority {
    key: PrivateKey,
    leaf: Certificate,
    issuers: Vec<Certificate>,
    /// The latest time issued, in milliseconds.
    latest: AtomicI64,
    /// Compares the clock with others.
    guard: OnceLock<Arc<DriftGuard>>,
}

/// Why an authority cannot be set up.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SetupError {
    /// Not a P-256 or P-384 key.
    #[error("the timestamp authority's key is not P-256 or P-384")]
    Key,
    /// The chain.
    #[error("the timestamp authority's chain: {0}")]
    Chain(#[from] AuthorityFault),
    /// The leaf holds another key.
    #[error("the timestamp authority's certificate holds another key")]
    KeyMismatch,
}

impl SetupError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Chain(fault) => fault.code(),
            Self::Key | Self::KeyMismatch => Code::undecided(
                "tsa-setup",
                "give the authority the key that its certificate was issued for, or make both anew with `stack init`",
            ),
        }
    }
}

/// What to send back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The media type of `body`.
    pub content_type: &'static str,
    /// The body.
    pub body: Vec<u8>,
}

/// The extensions of a leaf for this authority, issued by a CA whose subjectKeyIdentifier is `issuer_id`.
pub fn leaf_extensions(key: &PublicKey, issuer_id: &[u8]) -> Vec<Extension> {
    vec![
        Extension::key_usage(KeyUsage::DIGITAL_SIGNATURE),
        Extension::extended_key_usage(&[oids::TIME_STAMPING], true),
        Extension::subject_key_id(&key_id(key)),
        Extension::authority_key_id(issuer_id),
    ]
}

impl TimestampAuthority {
    /// An authority from its key and its chain, the leaf first, the root last.
    pub fn new(key: PrivateKey, chain: Vec<Certificate>) -> Result<Self, SetupError> {
        check_chain(&chain)?;
        let mut issuers = chain;
        let leaf = issuers.remove(0);
        if !matches!(leaf.public_key().kind(), KeyKind::P256 | KeyKind::P384) {
            return Err(SetupError::Key);
        }
        if key.public_key() != leaf.public_key() {
            return Err(SetupError::KeyMismatch);
        }
        let latest = AtomicI64::new(leaf.validity().start().millis());
        Ok(Self { key, leaf, issuers, latest, guard: OnceLock::new() })
    }

    /// From now on it stamps only by a clock that agrees with others. The first guard stays.
    pub fn guard_by(&self, guard: Arc<DriftGuard>) {
        let _ = self.guard.set(guard);
    }

    /// The chain in PEM, leaf to root: what `GET /api/v1/timestamp/certchain` answers as
    /// `application/pem-certificate-chain`.
    pub fn certificate_chain(&self) -> String {
        self.chain().map(Certificate::to_pem).collect()
    }

    /// Answers the body of `POST /api/v1/timestamp`.
    pub fn respond(&self, content_type: &str, body: &[u8], now: UnixTime) -> Answer {
        let media_type = media_type(content_type);
        let request = match media_type.as_str() {
            "application/timestamp-query" => TimestampRequest::parse(body),
            "application/json" => TimestampRequest::parse_json(body),
            _ => return Answer::error(415, "send application/timestamp-query or application/json"),
        };
        let is_json = media_type == "application/json";
        match request.map_err(Refusal::Request).and_then(|request| self.issue(&request, now)) {
            Ok(token) => Answer::reply(token),
            Err(refusal) => match refusal.failure().filter(|_| !is_json) {
                Some(failure) => Answer::reply(write_rejection(failure, &refusal.to_string())),
                None => Answer::error(refusal.status(), &refusal.to_string()),
            },
        }
    }

    fn chain(&self) -> impl Iterator<Item = &Certificate> {
        std::iter::once(&self.leaf).chain(&self.issuers)
    }

    fn issue(&self, request: &TimestampRequest, now: UnixTime) -> Result<Vec<u8>, Refusal> {
        if request.policy().is_some_and(|policy| policy != POLICY) {
            return Err(Refusal::Policy);
        }
        if self.chain().any(|certificate| !certificate.is_valid_at(now)) {
            return Err(Refusal::Expired);
        }
        if let Some(reason) = self.guard.get().and_then(|guard| guard.refuses(now.millis())) {
            return Err(Refusal::Clock { reason });
        }
        let time = self.advance(now)?;
        // 159 random bits: unique without a record, over restarts too.
        let mut serial = [0; 20];
        rand::fill(&mut serial).map_err(|_| Refusal::Signing)?;
        serial[0] = serial[0] & 0x7f | 0x40;
        let fields = TokenFields {
            policy: POLICY,
            imprint: request.imprint(),
            serial: &serial,
            time,
            accuracy_secs: ACCURACY_SECS,
            nonce: request.nonce(),
        };
        let token = TokenToSign::new(fields, &self.leaf, self.key.scheme());
        let signature = self.key.sign(token.signed_bytes()).map_err(|_| Refusal::Signing)?;
        let leaf = [&self.leaf];
        let certificates: &[_] = if request.wants_certificates() { &leaf } else { &[] };
        Ok(token.grant(&signature, certificates))
    }

    /// The time of the next token, never before the last one's.
    fn advance(&self, now: UnixTime) -> Result<UnixTime, Refusal> {
        let latest = self.latest.fetch_max(now.millis(), Ordering::Relaxed);
        let behind_ms = latest - now.millis();
        if behind_ms > ACCURACY_SECS as i64 * 1000 {
            return Err(Refusal::ClockBehind { behind_ms });
        }
        Ok(UnixTime::from_millis(latest.max(now.millis())))
    }
}

/// Why a request gets no token.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
enum Refusal {
    #[error(transparent)]
    Request(RequestError),
    #[error("the only policy here is {POLICY}")]
    Policy,
    #[error("the clock stands {behind_ms} ms behind the last timestamp")]
    ClockBehind { behind_ms: i64 },
    #[error("no timestamps now: {reason}")]
    Clock { reason: &'static str },
    #[error("a certificate of this authority is not valid now")]
    Expired,
    #[error("the timestamp could not be signed")]
    Signing,
}

impl Refusal {
    /// How RFC 3161 says it; `None` when an HTTP status does.
    fn failure(&self) -> Option<Failure> {
        match self {
            Self::Request(error) => error.failure(),
            Self::Policy => Some(Failure::UnacceptedPolicy),
            Self::ClockBehind { .. } | Self::Clock { .. } | Self::Expired | Self::Signing => None,
        }
    }

    fn status(&self) -> u16 {
        match self {
            Self::Request(_) | Self::Policy => 400,
            Self::ClockBehind { .. } | Self::Clock { .. } | Self::Expired => 503,
            Self::Signing => 500,
        }
    }
}

impl Answer {
    fn reply(body: Vec<u8>) -> Self {
        Self { status: 200, content_type: "application/timestamp-reply", body }
    }

    fn error(status: u16, message: &str) -> Self {
        let body = serde_json::json!({ "code": status, "message": message }).to_string().into_bytes();
        Self { status, content_type: "application/json", body }
    }
}

/// The media type without its parameters, lower case (RFC 9110 section 8.3.1). A list of several, whatever
/// its length, is none of ours (CVE-2025-66564).
fn media_type(content_type: &str) -> String {
    let bare = content_type.split_once(';').map_or(content_type, |(bare, _)| bare).trim();
    if bare.len() > 64 { String::new() } else { bare.to_ascii_lowercase() }
}

#[cfg(test)]
mod tests;
