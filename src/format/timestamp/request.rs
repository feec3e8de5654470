//! TimeStampReq, RFC 3161 section 2.4.1, in DER and in the JSON that Sigstore's authority takes:
//! <https://github.com/sigstore/timestamp-authority/blob/main/openapi.yaml>

mod json;

use thiserror::Error;

use super::token::TimestampToken;
use super::{Failure, IMPRINT, TokenError};
use crate::base::code::Code;
use crate::base::crypto::Digest;
use crate::base::encoding::der::{self, DerError, Element, Oid, Reader, tag};
use crate::base::encoding::json::{JsonError, ShapeError};
use crate::base::limits;
use crate::format::x509::algorithm::{self, AlgorithmError};

/// MessageImprint: the digest that is timestamped, with its algorithm as it was written, because a
/// token copies it byte for byte (with NULL parameters or none).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageImprint {
    der: Vec<u8>,
    digest: Digest,
}

impl MessageImprint {
    /// An imprint of a digest.
    pub fn new(digest: Digest) -> Self {
        let algorithm = algorithm::write_digest(digest.algorithm());
        Self { der: der::sequence(&[&algorithm, &der::octet_string(digest.as_bytes())]), digest }
    }

    /// Reads an imprint.
    pub(super) fn read(element: Element<'_>) -> Result<Self, TokenError> {
        let mut body = element.reader()?;
        let mut identifier = body.sequence()?;
        let bytes = body.octets()?;
        body.finish()?;
        let algorithm = algorithm::read_digest(&mut identifier).map_err(|error| match error {
            AlgorithmError::WeakDigest(oid) => TokenError::WeakDigest(oid),
            AlgorithmError::Parse(error) => TokenError::Parse(error),
            AlgorithmError::Unsupported(_) => TokenError::Imprint,
        })?;
        let digest = Digest::from_bytes(algorithm, bytes).ok_or(TokenError::Imprint)?;
        Ok(Self { der: element.raw.to_vec(), digest })
    }

    /// The encoding, as it was read.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The digest.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

/// Why a request is not answered with a token.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RequestError {
    /// More bytes than [`limits::TIMESTAMP_REQUEST_BYTES`] or its JSON sibling.
    #[error("timestamp request of {found} bytes, {limit} allowed")]
    TooLong {
        /// Bytes found.
        found: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Not the DER of a request.
    #[error("timestamp request is malformed: {0}")]
    Parse(#[from] DerError),
    /// Not JSON.
    #[error("timestamp request: {0}")]
    Json(#[from] JsonError),
    /// JSON of another shape.
    #[error("timestamp request: {0}")]
    Shape(#[from] ShapeError),
    /// A nonce that is negative or longer than [`limits::TIMESTAMP_NONCE`].
    #[error("nonce is not an integer of 0 to {bits} bits", bits = 8 * limits::TIMESTAMP_NONCE)]
    Nonce,
    /// A policy identifier that is longer than [`limits::TIMESTAMP_POLICY_BYTES`].
    #[error("policy is not an object identifier of at most {limit} bytes", limit = limits::TIMESTAMP_POLICY_BYTES)]
    Policy,
    /// Another version than 1.
    #[error("timestamp request of version {0}, not 1")]
    Version(u64),
    /// A weak or unknown digest algorithm, or a digest of another length than its algorithm's.
    #[error("message imprint is not a SHA-256, SHA-384 or SHA-512 digest")]
    Imprint,
    /// Extensions: none are known.
    #[error("timestamp request has extensions, none are known")]
    Extensions,
}

impl RequestError {
    /// How an authority says so in a response; `None` when the bytes are no request at all.
    pub const fn failure(&self) -> Option<Failure> {
        match self {
            Self::Imprint => Some(Failure::BadAlgorithm),
            Self::Version(_) => Some(Failure::BadRequest),
            Self::Extensions => Some(Failure::UnacceptedExtension),
            _ => None,
        }
    }

    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::TooLong { .. } => {
                Code::refused("limit-tsa-request", "send the digest of the data, not the data, and no extensions")
            }
            Self::Imprint => {
                Code::refused("tsa-weak-hash", "ask the timestamp authority with SHA-256, SHA-384 or SHA-512")
            }
            _ => Code::refused(
                "tsa-request",
                "send a TimeStampReq of RFC 3161: `openssl ts -query -data FILE -sha256 -cert` makes one",
            ),
        }
    }
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimestampRequest {
    imprint: MessageImprint,
    policy: Option<Vec<u8>>,
    nonce: Option<Vec<u8>>,
    certificates: bool,
}

impl TimestampRequest {
    /// A request over a digest. `nonce` is random bytes, big-endian; `certificates` asks for the
    /// authority's certificate in the token.
    pub fn new(digest: Digest, nonce: Option<&[u8]>, certificates: bool) -> Self {
        let minimal = |bytes| Reader::new(&der::unsigned(bytes)).integer().unwrap_or_default().to_vec();
        Self { imprint: MessageImprint::new(digest), policy: None, nonce: nonce.map(minimal), certificates }
    }

    /// The same request, under a policy.
    pub fn with_policy(self, policy: Oid<'_>) -> Self {
        Self { policy: Some(policy.as_bytes().to_vec()), ..self }
    }

    /// Reads a request in DER that fills `der`. Bytes that are no request come before one that cannot be
    /// answered.
    pub fn parse(der: &[u8]) -> Result<Self, RequestError> {
        const LIMIT: usize = limits::TIMESTAMP_REQUEST_BYTES;
        if der.len() > LIMIT {
            return Err(RequestError::TooLong { found: der.len(), limit: LIMIT });
        }
        let mut body = Reader::whole(der, tag::SEQUENCE)?;
        let version = body.small()?;
        let imprint = body.expect(tag::SEQUENCE)?;
        let policy = body.optional(tag::OID)?.map(|policy| read_policy(policy.content)).transpose()?;
        let nonce = if body.peek() == Some(tag::INTEGER) { Some(read_nonce(body.integer()?)?) } else { None };
        // A FALSE that is written out is not DER, yet harmless here: nobody signs a request.
        let certificates = body.peek() == Some(tag::BOOLEAN) && body.boolean()?;
        let extensions = body.optional(tag::context(0))?;
        body.finish()?;
        if version != 1 {
            return Err(RequestError::Version(version));
        }
        let imprint = MessageImprint::read(imprint).map_err(|error| match error {
            TokenError::Parse(error) => RequestError::Parse(error),
            _ => RequestError::Imprint,
        })?;
        if extensions.is_some() {
            return Err(RequestError::Extensions);
        }
        Ok(Self { imprint, policy, nonce, certificates })
    }

    /// DER.
    pub fn to_der(&self) -> Vec<u8> {
        let policy = self.policy.as_ref().map(|policy| der::tlv(tag::OID, policy)).unwrap_or_default();
        let nonce = self.nonce.as_ref().map(|nonce| der::tlv(tag::INTEGER, nonce)).unwrap_or_default();
        let certificates = if self.certificates { der::boolean(true) } else { Vec::new() };
        der::sequence(&[&der::integer(1), self.imprint.der(), &policy, &nonce, &certificates])
    }

    /// What to timestamp.
    pub fn imprint(&self) -> &MessageImprint {
        &self.imprint
    }

    /// The policy asked for.
    pub fn policy(&self) -> Option<Oid<'_>> {
        self.policy.as_deref().map(Oid::constant)
    }

    /// The nonce: the content of its INTEGER.
    pub fn nonce(&self) -> Option<&[u8]> {
        self.nonce.as_deref()
    }

    /// Whether the authority's certificate shall travel in the token.
    pub fn wants_certificates(&self) -> bool {
        self.certificates
    }

    /// Whether a token answers this request (RFC 3161 section 2.2): the same imprint, the same nonce or
    /// none, the policy that was asked for. It says nothing about who signed the token.
    pub fn check_answer(&self, token: &TimestampToken<'_>) -> Result<(), AnswerError> {
        if token.info.nonce != self.nonce() {
            return Err(AnswerError::Nonce { answered: token.info.nonce.is_some() });
        }
        if token.info.imprint.digest() != self.imprint.digest() {
            return Err(AnswerError::Imprint { found: token.info.imprint.digest() });
        }
        match self.policy() {
            Some(policy) if policy != token.info.policy => {
                Err(AnswerError::Policy { expected: policy.to_string(), found: token.info.policy.to_string() })
            }
            _ => Ok(()),
        }
    }
}

/// Why a token does not answer a request.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AnswerError {
    /// Another nonce, or none where one was sent.
    #[error("timestamp has {} nonce than the request", if *answered { "another" } else { "no" })]
    Nonce {
        /// Whether the token has a nonce at all.
        answered: bool,
    },
    /// Another imprint.
    #[error("timestamp is over {found}, not over what was sent")]
    Imprint {
        /// What the token is over.
        found: Digest,
    },
    /// Another policy.
    #[error("timestamp is under policy {found}, not under {expected}")]
    Policy {
        /// The policy asked for.
        expected: String,
        /// The token's policy.
        found: String,
    },
}

impl AnswerError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Nonce { .. } => Code::refused(
                "tsa-nonce",
                "the authority answered another request, perhaps from a cache: ask again, without a proxy between",
            ),
            Self::Imprint { .. } => Code::refused("tsa-imprint", IMPRINT),
            Self::Policy { .. } => {
                Code::refused("tsa-policy", "ask for a policy that the timestamp authority has, or for none")
            }
        }
    }
}

fn read_policy(content: &[u8]) -> Result<Vec<u8>, RequestError> {
    if content.len() > limits::TIMESTAMP_POLICY_BYTES {
        return Err(RequestError::Policy);
    }
    Ok(Oid::parse(content)?.as_bytes().to_vec())
}

fn read_nonce(content: &[u8]) -> Result<Vec<u8>, RequestError> {
    let negative = content.first().is_none_or(|first| first & 0x80 != 0);
    // One byte more for the sign.
    if negative || content.len() > limits::TIMESTAMP_NONCE + 1 {
        return Err(RequestError::Nonce);
    }
    Ok(content.to_vec())
}
