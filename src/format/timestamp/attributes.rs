//! Signed attributes, RFC 5652 sections 5.3 and 11, and ESS signing certificates, RFC 5035.

use super::TokenError;
use super::cms::read_digest;
use crate::base::crypto::{Digest, DigestAlgorithm};
use crate::base::encoding::der::{Element, Oid, Reader, tag};
use crate::format::x509::oids;

/// The attributes that a token's signer signed. Others may stand among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedAttributes<'a> {
    /// The SET OF's content.
    content: &'a [u8],
    /// contentType
    pub content_type: Option<Oid<'a>>,
    /// messageDigest
    pub message_digest: Option<&'a [u8]>,
    /// signingCertificateV2: the first certificate of its list, which is the signer's
    pub signing_certificate: Option<CertificateDigest<'a>>,
}

impl<'a> SignedAttributes<'a> {
    /// Reads the `[0] IMPLICIT SET OF Attribute`.
    pub(super) fn read(element: Element<'a>) -> Result<Self, TokenError> {
        let mut found =
            Self { content: element.content, content_type: None, message_digest: None, signing_certificate: None };
        let mut set = element.reader()?;
        let mut seen: Vec<Oid<'a>> = Vec::new();
        let mut previous: &[u8] = &[];
        while !set.is_empty() {
            let attribute = set.expect(tag::SEQUENCE)?;
            // What is signed is the DER of a SET OF: sorted (X.690 section 11.6). A signer and a verifier
            // that re-encode would otherwise sign and check different bytes.
            if attribute.raw < previous {
                return Err(TokenError::Malformed("signed attributes are not sorted"));
            }
            previous = attribute.raw;
            let mut attribute = attribute.reader()?;
            let oid = attribute.oid()?;
            let values = attribute.expect(tag::SET)?;
            attribute.finish()?;
            if seen.contains(&oid) {
                return Err(TokenError::Attribute(oid.to_string()));
            }
            seen.push(oid);
            found.take(oid, values)?;
        }
        Ok(found)
    }

    fn take(&mut self, oid: Oid<'a>, values: Element<'a>) -> Result<(), TokenError> {
        if ![oids::CONTENT_TYPE, oids::MESSAGE_DIGEST, oids::SIGNING_CERTIFICATE_V2].contains(&oid) {
            return Ok(());
        }
        let mut values = values.reader()?;
        let mut value = values.clone();
        if values.is_empty() || values.element().is_err() || !values.is_empty() {
            return Err(TokenError::Attribute(oid.to_string()));
        }
        match oid {
            oids::CONTENT_TYPE => self.content_type = Some(value.oid()?),
            oids::MESSAGE_DIGEST => self.message_digest = Some(value.octets()?),
            _ => self.signing_certificate = Some(CertificateDigest::read(value.sequence()?)?),
        }
        Ok(())
    }

    /// The bytes that are signed: the attributes as a plain SET OF (RFC 5652 section 5.4).
    pub fn signed_bytes(&self) -> Vec<u8> {
        crate::base::encoding::der::tlv(tag::SET, self.content)
    }
}

/// ESSCertIDv2: which certificate the signer says is its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateDigest<'a> {
    /// The digest of the certificate's DER; `None` when it is none of SHA-2's, or of a wrong length.
    pub digest: Option<Digest>,
    /// The issuer's Name in DER and the serial number's INTEGER content, when given.
    pub issuer_and_serial: Option<(&'a [u8], &'a [u8])>,
}

impl<'a> CertificateDigest<'a> {
    /// Reads the first of a SigningCertificateV2.
    fn read(mut signing_certificate: Reader<'a>) -> Result<Self, TokenError> {
        let mut certificates = signing_certificate.sequence()?;
        let mut first = certificates.sequence()?;
        let algorithm = match first.optional(tag::SEQUENCE)? {
            // Written out, though DER leaves a default out, by some authorities.
            Some(identifier) => read_digest(identifier.reader()?).ok(),
            None => Some(DigestAlgorithm::Sha256),
        };
        let hash = first.octets()?;
        let issuer_and_serial = match first.optional(tag::SEQUENCE)? {
            Some(issuer_serial) => Some(read_issuer_serial(issuer_serial.reader()?)?),
            None => None,
        };
        first.finish()?;
        Ok(Self { digest: algorithm.and_then(|algorithm| Digest::from_bytes(algorithm, hash)), issuer_and_serial })
    }
}

/// IssuerSerial, RFC 5035 section 5: GeneralNames of one directoryName, and a serial number.
fn read_issuer_serial<'a>(mut body: Reader<'a>) -> Result<(&'a [u8], &'a [u8]), TokenError> {
    let mut names = body.sequence()?;
    let mut directory_name = names.nested(tag::context(4))?;
    names.finish()?;
    let issuer = directory_name.expect(tag::SEQUENCE)?.raw;
    directory_name.finish()?;
    let serial = body.integer()?;
    body.finish()?;
    Ok((issuer, serial))
}
