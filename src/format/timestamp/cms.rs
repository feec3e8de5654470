//! SignedData and SignerInfo, RFC 5652 section 5, as far as a timestamp token uses them.

use super::TokenError;
use super::attributes::SignedAttributes;
use crate::base::crypto::{DigestAlgorithm, Family, Scheme};
use crate::base::encoding::der::{DerError, Element, Reader, tag};
use crate::base::limits;
use crate::format::x509::algorithm::{self, AlgorithmError};
use crate::format::x509::oids;

/// SignedData over a TSTInfo.
pub(super) struct SignedData<'a> {
    pub(super) content: &'a [u8],
    pub(super) certificates: Vec<&'a [u8]>,
    pub(super) signer: SignerInfo<'a>,
}

impl<'a> SignedData<'a> {
    /// Reads a ContentInfo that holds SignedData.
    pub(super) fn read(element: Element<'a>) -> Result<Self, TokenError> {
        let mut outer = element.expect(tag::SEQUENCE)?.reader()?;
        if outer.oid()? != oids::SIGNED_DATA {
            return Err(TokenError::Malformed("token is not SignedData"));
        }
        let mut wrapped = outer.nested(tag::context(0))?;
        outer.finish()?;
        let mut body = wrapped.sequence()?;
        wrapped.finish()?;
        // Version 3 because the content is not id-data (section 5.1).
        if body.small()? != 3 {
            return Err(TokenError::Malformed("SignedData is not of version 3"));
        }
        let digests = body.nested(tag::SET)?;
        let content = read_content(body.sequence()?)?;
        let certificates = match body.optional(tag::context(0))? {
            Some(set) => read_certificates(set.reader()?)?,
            None => Vec::new(),
        };
        if body.optional(tag::context(1))?.is_some() {
            return Err(TokenError::Ballast("revocation lists"));
        }
        let signer = read_only_signer(body.nested(tag::SET)?)?;
        body.finish()?;
        if !lists(digests, signer.digest)? {
            return Err(TokenError::DigestMismatch);
        }
        Ok(Self { content, certificates, signer })
    }
}

/// EncapsulatedContentInfo: a TSTInfo in an OCTET STRING.
fn read_content<'a>(mut body: Reader<'a>) -> Result<&'a [u8], TokenError> {
    if body.oid()? != oids::TST_INFO {
        return Err(TokenError::Malformed("signed content is not a TSTInfo"));
    }
    let mut wrapped = body.nested(tag::context(0))?;
    body.finish()?;
    let content = wrapped.octets()?;
    wrapped.finish()?;
    Ok(content)
}

fn read_certificates<'a>(mut set: Reader<'a>) -> Result<Vec<&'a [u8]>, TokenError> {
    let mut certificates = Vec::new();
    while !set.is_empty() {
        if certificates.len() == limits::TIMESTAMP_CERTIFICATES {
            return Err(TokenError::Certificates);
        }
        certificates.push(set.expect(tag::SEQUENCE)?.raw);
    }
    Ok(certificates)
}

fn read_only_signer<'a>(mut set: Reader<'a>) -> Result<SignerInfo<'a>, TokenError> {
    let mut found = Vec::new();
    while !set.is_empty() {
        found.push(set.expect(tag::SEQUENCE)?);
    }
    match found.as_slice() {
        [one] => SignerInfo::read(one.reader()?),
        several => Err(TokenError::Signers { found: several.len() }),
    }
}

/// Whether SignedData's digestAlgorithms hold the signer's (section 5.1).
fn lists(mut digests: Reader<'_>, wanted: DigestAlgorithm) -> Result<bool, TokenError> {
    let mut listed = false;
    while !digests.is_empty() {
        listed |= read_digest(digests.sequence()?)? == wanted;
    }
    Ok(listed)
}

/// How a SignerInfo names its signer's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignerId<'a> {
    /// By its issuer's Name in DER and the content of its serial number's INTEGER.
    IssuerAndSerial {
        /// The issuer's Name.
        issuer: &'a [u8],
        /// The serial number.
        serial: &'a [u8],
    },
    /// By its subjectKeyIdentifier.
    KeyId(&'a [u8]),
}

/// SignerInfo with signed attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignerInfo<'a> {
    /// Who claims to have signed.
    pub id: SignerId<'a>,
    /// The digest of the content.
    pub digest: DigestAlgorithm,
    /// How the attributes are signed; its digest is the same one.
    pub scheme: Scheme,
    /// What is signed.
    pub attributes: SignedAttributes<'a>,
    /// The signature.
    pub signature: &'a [u8],
}

impl<'a> SignerInfo<'a> {
    fn read(mut body: Reader<'a>) -> Result<Self, TokenError> {
        let version = body.small()?;
        let id = match (version, body.peek()) {
            (1, Some(tag::SEQUENCE)) => {
                let mut id = body.sequence()?;
                let issuer = id.expect(tag::SEQUENCE)?.raw;
                let serial = id.integer()?;
                id.finish()?;
                SignerId::IssuerAndSerial { issuer, serial }
            }
            (3, Some(0x80)) => SignerId::KeyId(body.element()?.content),
            _ => return Err(TokenError::SignerVersion { version }),
        };
        let digest = read_digest(body.sequence()?)?;
        let attributes = body.optional(tag::context(0))?.ok_or(TokenError::Unattributed)?;
        let attributes = SignedAttributes::read(attributes)?;
        let scheme = read_scheme(body.sequence()?, digest)?;
        let signature = body.octets()?;
        if body.optional(tag::context(1))?.is_some() {
            return Err(TokenError::Ballast("unsigned attributes"));
        }
        body.finish()?;
        // RFC 8419 section 3.1 pairs Ed25519 with SHA-512, which its scheme names as well.
        if scheme.digest != digest {
            return Err(TokenError::DigestMismatch);
        }
        Ok(Self { id, digest, scheme, attributes, signature })
    }
}

pub(super) fn read_digest(mut identifier: Reader<'_>) -> Result<DigestAlgorithm, TokenError> {
    algorithm::read_digest(&mut identifier).map_err(refused)
}

/// A signature's algorithm. CMS also names RSA by its key alone, the digest being the signer's
/// (RFC 3370 section 3.2).
fn read_scheme(mut identifier: Reader<'_>, digest: DigestAlgorithm) -> Result<Scheme, TokenError> {
    let mut plain_rsa = identifier.clone();
    if plain_rsa.oid()? == oids::RSA_ENCRYPTION {
        let no_parameters = plain_rsa.is_empty() || plain_rsa.expect(tag::NULL)?.content.is_empty();
        return match (no_parameters, plain_rsa.finish()) {
            (true, Ok(())) => Ok(Scheme { family: Family::RsaPkcs1, digest }),
            _ => Err(TokenError::Algorithm(DerError::Value("NULL").into())),
        };
    }
    algorithm::read_signature(&mut identifier).map_err(refused)
}

fn refused(error: AlgorithmError) -> TokenError {
    match error {
        AlgorithmError::WeakDigest(oid) => TokenError::WeakDigest(oid),
        other => TokenError::Algorithm(other),
    }
}
