//! The writer of responses: a granted token in two steps, so that the key may be anywhere, or a
//! rejection.
//!
//! ```text
//! let token = TokenToSign::new(fields, &leaf, scheme);
//! let response = token.grant(&sign(token.signed_bytes()), &[&leaf]);
//! ```
//!
//! Its profile is the one that Sigstore's clients take: the signer named by issuer and serial number,
//! the attributes contentType, signingTime, messageDigest and signingCertificateV2, one SHA-2 digest.

use super::{Failure, MessageImprint};
use crate::base::crypto::{Digest, DigestAlgorithm, Scheme};
use crate::base::encoding::der::{self, Oid, tag};
use crate::base::time::UnixTime;
use crate::format::x509::{Certificate, algorithm, oids};

/// What a token states.
#[derive(Debug, Clone, Copy)]
pub struct TokenFields<'a> {
    /// The policy that it is issued under.
    pub policy: Oid<'a>,
    /// What is timestamped, as the request wrote it.
    pub imprint: &'a MessageImprint,
    /// The token's number: big-endian, at most 20 bytes, never used before.
    pub serial: &'a [u8],
    /// genTime; written in whole seconds, rounded down.
    pub time: UnixTime,
    /// Accuracy in seconds.
    pub accuracy_secs: u64,
    /// The request's nonce: the content of its INTEGER.
    pub nonce: Option<&'a [u8]>,
}

impl TokenFields<'_> {
    /// The TSTInfo.
    pub(crate) fn to_der(self) -> Vec<u8> {
        let nonce = self.nonce.map(|nonce| der::tlv(tag::INTEGER, nonce)).unwrap_or_default();
        der::sequence(&[
            &der::integer(1),
            &der::oid(self.policy),
            self.imprint.der(),
            &der::unsigned(self.serial),
            &der::generalized_time(self.time),
            &der::sequence(&[&der::integer(self.accuracy_secs)]),
            &nonce,
        ])
    }
}

/// A token that lacks its signature.
#[derive(Debug, Clone)]
pub struct TokenToSign {
    content: Vec<u8>,
    /// The SET OF signed attributes.
    attributes: Vec<u8>,
    /// IssuerAndSerialNumber of the signer.
    signer: Vec<u8>,
    scheme: Scheme,
}

impl TokenToSign {
    /// A token that the key of `leaf` will sign with `scheme`.
    pub fn new(fields: TokenFields<'_>, leaf: &Certificate, scheme: Scheme) -> Self {
        let content = fields.to_der();
        let digest = Digest::of(scheme.digest, &content);
        let attributes = der::set_of(vec![
            attribute(oids::CONTENT_TYPE, &der::oid(oids::TST_INFO)),
            attribute(oids::SIGNING_TIME, &der::x509_time(fields.time)),
            attribute(oids::MESSAGE_DIGEST, &der::octet_string(digest.as_bytes())),
            attribute(oids::SIGNING_CERTIFICATE_V2, &signing_certificate(leaf)),
        ]);
        let signer = der::sequence(&[leaf.issuer().der(), &der::tlv(tag::INTEGER, leaf.serial())]);
        Self { content, attributes, signer, scheme }
    }

    /// The bytes to sign: the attributes (RFC 5652 section 5.4).
    pub fn signed_bytes(&self) -> &[u8] {
        &self.attributes
    }

    /// The response that grants the token, from the signature over [`TokenToSign::signed_bytes`];
    /// `certificates` travel in it, when the request asked for any.
    pub fn grant(&self, signature: &[u8], certificates: &[&Certificate]) -> Vec<u8> {
        let digest = algorithm::write_digest(self.scheme.digest);
        let signer_info = der::sequence(&[
            &der::integer(1),
            &self.signer,
            &digest,
            &retag(tag::context(0), &self.attributes),
            &algorithm::write_signature(self.scheme),
            &der::octet_string(signature),
        ]);
        let certificates = match certificates {
            [] => Vec::new(),
            some => {
                let set = der::set_of(some.iter().map(|certificate| certificate.der().to_vec()).collect());
                retag(tag::context(0), &set)
            }
        };
        let content = der::explicit(0, &der::octet_string(&self.content));
        let signed_data = der::sequence(&[
            &der::integer(3),
            &der::set_of(vec![digest]),
            &der::sequence(&[&der::oid(oids::TST_INFO), &content]),
            &certificates,
            &der::set_of(vec![signer_info]),
        ]);
        let token = der::sequence(&[&der::oid(oids::SIGNED_DATA), &der::explicit(0, &signed_data)]);
        der::sequence(&[&der::sequence(&[&der::integer(0)]), &token])
    }
}

/// The response that grants nothing: status 2, rejection.
pub fn write_rejection(failure: Failure, text: &str) -> Vec<u8> {
    let last = usize::from(failure.bit() / 8);
    let unused = 7 - failure.bit() % 8;
    let mut bits = vec![0; last + 2];
    bits[0] = unused;
    bits[last + 1] = 1 << unused;
    let status = der::sequence(&[
        &der::integer(2),
        &der::sequence(&[&der::utf8_string(text)]),
        &der::tlv(tag::BIT_STRING, &bits),
    ]);
    der::sequence(&[&status])
}

/// An attribute of one value.
pub(crate) fn attribute(oid: Oid<'_>, value: &[u8]) -> Vec<u8> {
    der::sequence(&[&der::oid(oid), &der::tlv(tag::SET, value)])
}

/// SigningCertificateV2 of one certificate, by SHA-256 (its default algorithm) and issuer and serial.
pub(crate) fn signing_certificate(leaf: &Certificate) -> Vec<u8> {
    let hash = Digest::of(DigestAlgorithm::Sha256, leaf.der());
    let issuer = der::sequence(&[&der::explicit(4, leaf.issuer().der())]);
    let issuer_serial = der::sequence(&[&issuer, &der::tlv(tag::INTEGER, leaf.serial())]);
    let ess_cert_id = der::sequence(&[&der::octet_string(hash.as_bytes()), &issuer_serial]);
    der::sequence(&[&der::sequence(&[&ess_cert_id])])
}

/// The same value under an implicit tag.
fn retag(tag: u8, encoded: &[u8]) -> Vec<u8> {
    let mut retagged = encoded.to_vec();
    if let Some(first) = retagged.first_mut() {
        *first = tag;
    }
    retagged
}
