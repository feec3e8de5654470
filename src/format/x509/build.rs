//! The writer of certificates: RFC 5280 section 4.1 in two steps, so that the key may be anywhere.
//!
//! [`TbsCertificate::new`] encodes the fields once; [`TbsCertificate::with`] appends an extension and
//! leaves every byte before it alone. So the precertificate, the certificate and what a CT log signs
//! (RFC 6962 section 3.2) share their bytes by construction:
//!
//! ```text
//! base = TbsCertificate::new(fields)              what the log signs: base.der()
//! precertificate = base.with(Extension::poison())
//! certificate    = base.with(Extension::sct_list(..))
//! ```
//!
//! Nothing is checked here: what was written goes through [`Certificate::from_der`] before it is used.
//!
//! [`Certificate::from_der`]: super::Certificate::from_der

mod extension;

pub use extension::{Extension, key_id};

use super::{algorithm, oids};
use crate::base::crypto::Scheme;
use crate::base::encoding::der::{self, Oid, tag};
use crate::base::time::ValidityPeriod;

/// The fields of a certificate, in the order of RFC 5280 section 4.1.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'a> {
    /// The serial number: big-endian, positive, at most 20 bytes, the first of 20 below 0x80.
    pub serial: &'a [u8],
    /// How the issuer signs.
    pub scheme: Scheme,
    /// The issuer's Name in DER: the subject of its certificate, byte for byte.
    pub issuer: &'a [u8],
    /// notBefore and notAfter, whole seconds; a period without an end is written as RFC 5280's
    /// 99991231235959Z (section 4.1.2.5).
    pub validity: ValidityPeriod,
    /// The subject's Name in DER; [`EMPTY_NAME`] where the alternative name says all.
    pub subject: &'a [u8],
    /// The subject's SubjectPublicKeyInfo in DER.
    pub spki: &'a [u8],
    /// The extensions in order.
    pub extensions: &'a [Extension],
}

/// A Name without attributes.
pub const EMPTY_NAME: &[u8] = &[tag::SEQUENCE, 0];

/// A certificate's signed part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TbsCertificate {
    scheme: Scheme,
    /// Everything before the extensions, encoded.
    fields: Vec<u8>,
    /// The extensions, encoded one after another.
    extensions: Vec<u8>,
}

impl TbsCertificate {
    /// Encodes the fields.
    pub fn new(fields: &Fields<'_>) -> Self {
        const NO_END: &[u8] = b"99991231235959Z";
        let not_before = der::x509_time(fields.validity.start());
        let not_after = fields.validity.end().map_or_else(|| der::tlv(tag::GENERALIZED_TIME, NO_END), der::x509_time);
        let version_3 = der::explicit(0, &der::integer(2));
        let encoded = der::concat(&[
            &version_3,
            &der::unsigned(fields.serial),
            &algorithm::write_signature(fields.scheme),
            fields.issuer,
            &der::sequence(&[&not_before, &not_after]),
            fields.subject,
            fields.spki,
        ]);
        let extensions = fields.extensions.iter().flat_map(|extension| extension.der()).copied().collect();
        Self { scheme: fields.scheme, fields: encoded, extensions }
    }

    /// The same certificate with one more extension, the last.
    pub fn with(&self, extension: &Extension) -> Self {
        let mut longer = self.clone();
        longer.extensions.extend_from_slice(extension.der());
        longer
    }

    /// The bytes that the issuer signs.
    pub fn der(&self) -> Vec<u8> {
        let extensions = match self.extensions.as_slice() {
            [] => Vec::new(),
            list => der::explicit(3, &der::tlv(tag::SEQUENCE, list)),
        };
        der::sequence(&[&self.fields, &extensions])
    }

    /// The certificate, from the issuer's signature over [`TbsCertificate::der`].
    pub fn sign(&self, signature: &[u8]) -> Vec<u8> {
        assemble(&self.der(), self.scheme, signature)
    }
}

/// A signed structure of X.509 or PKCS#10: the signed part, its algorithm, the signature.
pub fn assemble(tbs: &[u8], scheme: Scheme, signature: &[u8]) -> Vec<u8> {
    der::sequence(&[tbs, &algorithm::write_signature(scheme), &der::bit_string(signature)])
}

/// A Name of one attribute per step, as UTF8String: `[(oids::ORGANIZATION, "example")]`.
pub fn name(attributes: &[(Oid<'_>, &str)]) -> Vec<u8> {
    let steps: Vec<u8> = attributes
        .iter()
        .flat_map(|(oid, text)| der::set_of(vec![der::sequence(&[&der::oid(*oid), &der::utf8_string(text)])]))
        .collect();
    der::tlv(tag::SEQUENCE, &steps)
}

/// A CA's Name as Fulcio's certificates have it: organization, then common name.
pub fn authority_name(organization: &str, common_name: &str) -> Vec<u8> {
    name(&[(oids::ORGANIZATION, organization), (oids::COMMON_NAME, common_name)])
}

#[cfg(test)]
mod tests;
