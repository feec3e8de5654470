//! Bodies of log entries: what Rekor hashes into its tree.
//! <https://github.com/sigstore/rekor/blob/main/types.md> (v1),
//! <https://github.com/sigstore/rekor-tiles/blob/main/api/proto/rekor/v2/entry.proto> (v2)
//!
//! A body is canonical JSON (RFC 8785), byte for byte: Rekor writes nothing else, so that what is not
//! canonical, or has a field too many, did not come out of a log.

mod dsse;
mod hashed_rekord;
mod intoto;

use thiserror::Error;

use crate::base::code::Code;
use crate::base::crypto::{Digest, DigestAlgorithm, KeyKind, PublicKey};
use crate::base::encoding::json::{Fields, Json, JsonError, ShapeError, canonical};
use crate::base::encoding::{base64, hex, pem};
use crate::base::limits;
use crate::format::x509::Certificate;

pub use dsse::Dsse;
pub use hashed_rekord::{HashedRekord, HashedRekordV2, VerifierDer};
pub use intoto::Intoto;

/// A parsed body. Nothing about it is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryBody {
    /// hashedrekord 0.0.1, of Rekor v1
    HashedRekord(HashedRekord),
    /// dsse 0.0.1, of Rekor v1
    Dsse(Dsse),
    /// intoto 0.0.2, of Rekor v1
    Intoto(Intoto),
    /// hashedrekord 0.0.2, of Rekor v2
    HashedRekordV2(HashedRekordV2),
}

/// Why bytes are not the body of a log entry.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BodyError {
    /// More bytes than [`limits::LOG_BODY_BYTES`].
    #[error("entry body of {found} bytes, {limit} allowed", limit = limits::LOG_BODY_BYTES)]
    TooLarge {
        /// Bytes found.
        found: usize,
    },
    /// Not JSON.
    #[error("entry body is {0}")]
    Json(#[from] JsonError),
    /// JSON in another form than RFC 8785 gives it.
    #[error("entry body is not canonical JSON")]
    NotCanonical,
    /// A field of another shape, or one that the kind does not have.
    #[error("entry body: {0}")]
    Shape(#[from] ShapeError),
    /// A value that its field cannot have.
    #[error("entry body: {0} is malformed")]
    Value(&'static str),
    /// A digest algorithm that is missing (empty), unknown, or not the one of a digest of that length.
    #[error("entry body: digest algorithm {0:?} is unknown or does not fit its digest")]
    Algorithm(String),
    /// A kind or version that we do not verify.
    #[error("entries of kind {kind} {version} are not supported")]
    Kind {
        /// The kind.
        kind: String,
        /// Its version.
        version: String,
    },
    /// Not exactly one signature.
    #[error("entry body has {found} signatures, one is expected")]
    Signatures {
        /// Signatures found.
        found: usize,
    },
    /// A key that no entry of Rekor v2 can name.
    #[error("Rekor v2 has no name for {0} keys")]
    KeyDetails(KeyKind),
}

impl BodyError {
    /// The stable code.
    pub fn code(&self) -> Code {
        const ASK: &str = "the entry did not come out of a log in this form: ask the signer for the bundle again";
        match self {
            Self::TooLarge { .. } => Code::refused("limit-log-body", ASK),
            Self::Json(_) | Self::NotCanonical | Self::Shape(_) | Self::Value(_) => {
                Code::refused("log-body-parse", ASK)
            }
            Self::Algorithm(_) | Self::KeyDetails(_) => Code::refused(
                "log-body-alg",
                "the entry must name the digest by SHA-256, SHA-384 or SHA-512, the one that the key signs with",
            ),
            Self::Kind { .. } => Code::refused(
                "log-kind",
                "hashedrekord 0.0.1 and 0.0.2, dsse 0.0.1 and intoto 0.0.2 are verified: sign with a current client",
            ),
            Self::Signatures { .. } => Code::refused(
                "log-body-mismatch",
                "the entry is of another signature: the bundle was put together from two",
            ),
        }
    }
}

impl EntryBody {
    /// Reads a body.
    pub fn parse(body: &[u8]) -> Result<Self, BodyError> {
        if body.len() > limits::LOG_BODY_BYTES {
            return Err(BodyError::TooLarge { found: body.len() });
        }
        let json = Json::parse(body)?;
        if canonical(&json).is_none_or(|text| text.as_bytes() != body) {
            return Err(BodyError::NotCanonical);
        }
        let mut fields = Fields::of(&json, "")?;
        let (kind, version) = (fields.require_string("kind")?, fields.require_string("apiVersion")?);
        let spec = fields.require_object("spec")?;
        fields.finish()?;
        Ok(match (kind, version) {
            ("hashedrekord", "0.0.1") => Self::HashedRekord(HashedRekord::read(spec)?),
            ("dsse", "0.0.1") => Self::Dsse(Dsse::read(spec)?),
            ("intoto", "0.0.2") => Self::Intoto(Intoto::read(spec)?),
            ("hashedrekord", "0.0.2") => Self::HashedRekordV2(HashedRekordV2::read(spec)?),
            _ => {
                let cut = |text: &str| text.chars().take(64).collect();
                return Err(BodyError::Kind { kind: cut(kind), version: cut(version) });
            }
        })
    }

    /// Kind and version, as the body has them.
    pub fn kind_version(&self) -> (&'static str, &'static str) {
        match self {
            Self::HashedRekord(_) => ("hashedrekord", "0.0.1"),
            Self::Dsse(_) => ("dsse", "0.0.1"),
            Self::Intoto(_) => ("intoto", "0.0.2"),
            Self::HashedRekordV2(_) => ("hashedrekord", "0.0.2"),
        }
    }
}

/// What an entry says that a signature verifies under.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verifier<'a> {
    /// The signer's certificate.
    Certificate(&'a Certificate),
    /// The signer's bare key.
    PublicKey(&'a PublicKey),
}

impl Verifier<'_> {
    /// The key.
    pub fn key(&self) -> &PublicKey {
        match self {
            Self::Certificate(certificate) => certificate.public_key(),
            Self::PublicKey(key) => key,
        }
    }

    fn der(&self) -> &[u8] {
        match self {
            Self::Certificate(certificate) => certificate.der(),
            Self::PublicKey(key) => key.spki(),
        }
    }

    fn label(&self) -> &'static str {
        match self {
            Self::Certificate(_) => "CERTIFICATE",
            Self::PublicKey(_) => "PUBLIC KEY",
        }
    }

    /// The PEM text that v1 bodies carry.
    fn pem(&self) -> String {
        pem::encode(self.label(), self.der())
    }

    /// Whether `text` is this verifier in PEM and nothing more: lines of 64 characters or one long line,
    /// with or without the last newline, as signers write them.
    pub fn is_pem(&self, text: &[u8]) -> bool {
        let wrapped = self.pem();
        let one_line =
            || format!("-----BEGIN {0}-----\n{1}\n-----END {0}-----\n", self.label(), base64::encode(self.der()));
        let same = |pem: &str| text == pem.as_bytes() || text == pem.trim_end().as_bytes();
        same(&wrapped) || same(&one_line())
    }
}

/// A digest as v1 bodies have it: `algorithm`, and the `value` in hexadecimal.
fn read_hash(mut fields: Fields<'_, '_>) -> Result<Digest, BodyError> {
    let algorithm = algorithm(fields.string("algorithm")?, DigestAlgorithm::from_name)?;
    let value = hex::decode(fields.require_string("value")?).ok_or(BodyError::Value("a digest"))?;
    fields.finish()?;
    digest(algorithm, &value)
}

fn digest(algorithm: DigestAlgorithm, bytes: &[u8]) -> Result<Digest, BodyError> {
    Digest::from_bytes(algorithm, bytes).ok_or_else(|| BodyError::Algorithm(algorithm.name().to_owned()))
}

fn algorithm(name: Option<&str>, from_name: fn(&str) -> Option<DigestAlgorithm>) -> Result<DigestAlgorithm, BodyError> {
    let name = name.unwrap_or_default();
    from_name(name).ok_or_else(|| BodyError::Algorithm(name.chars().take(64).collect()))
}

/// A digest as v1 bodies have it, canonical.
fn write_hash(digest: &Digest) -> String {
    format!(r#"{{"algorithm":"{}","value":"{}"}}"#, digest.algorithm(), digest.hex())
}

/// The only item of a list.
fn only<'j, 'a>(items: &'j [Json<'a>]) -> Result<&'j Json<'a>, BodyError> {
    match items {
        [one] => Ok(one),
        _ => Err(BodyError::Signatures { found: items.len() }),
    }
}

/// Signatures of one entry that are read at all: more than one is refused, but by its own name.
const SIGNATURES: usize = 64;

#[cfg(test)]
mod tests;
