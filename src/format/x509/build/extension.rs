//! Extensions, RFC 5280 section 4.2, as Fulcio's profile has them.

use crate::base::crypto::{PublicKey, sha256};
use crate::base::encoding::der::{self, Oid, tag};
use crate::format::x509::{Claim, KeyUsage, San, oids};

/// One encoded extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extension(Vec<u8>);

impl Extension {
    /// An extension of any kind: `value` is what extnValue wraps.
    pub fn new(oid: Oid<'_>, critical: bool, value: &[u8]) -> Self {
        // DER leaves a default out.
        let critical = if critical { der::boolean(true) } else { Vec::new() };
        Self(der::sequence(&[&der::oid(oid), &critical, &der::octet_string(value)]))
    }

    /// The encoding.
    pub fn der(&self) -> &[u8] {
        &self.0
    }

    /// basicConstraints of a CA, critical; `path_len` is how many intermediates may follow.
    pub fn authority(path_len: Option<u64>) -> Self {
        let path_len = path_len.map(der::integer).unwrap_or_default();
        Self::new(oids::BASIC_CONSTRAINTS, true, &der::sequence(&[&der::boolean(true), &path_len]))
    }

    /// keyUsage, critical.
    pub fn key_usage(usage: KeyUsage) -> Self {
        Self::new(oids::KEY_USAGE, true, &der::named_bits(usage.bits()))
    }

    /// extKeyUsage. Fulcio's is not critical, a timestamp authority's must be (RFC 3161 section 2.3).
    pub fn extended_key_usage(purposes: &[Oid<'_>], critical: bool) -> Self {
        let list: Vec<u8> = purposes.iter().flat_map(|purpose| der::oid(*purpose)).collect();
        Self::new(oids::EXTENDED_KEY_USAGE, critical, &der::tlv(tag::SEQUENCE, &list))
    }

    /// subjectAltName of the one identity, critical because the subject is empty (section 4.1.2.6).
    pub fn subject_alt_name(san: &San) -> Self {
        let name = match san {
            San::Email(text) => der::tlv(tag::context_primitive(1), text.as_bytes()),
            San::Uri(text) => der::tlv(tag::context_primitive(6), text.as_bytes()),
            San::Username(text) => {
                let value = der::explicit(0, &der::utf8_string(text));
                der::explicit(0, &der::concat(&[&der::oid(oids::FULCIO_USERNAME), &value]))
            }
        };
        Self::new(oids::SUBJECT_ALT_NAME, true, &der::sequence(&[&name]))
    }

    /// subjectKeyIdentifier; see [`key_id`].
    pub fn subject_key_id(id: &[u8]) -> Self {
        Self::new(oids::SUBJECT_KEY_ID, false, &der::octet_string(id))
    }

    /// authorityKeyIdentifier with only a keyIdentifier: the issuer's subjectKeyIdentifier.
    pub fn authority_key_id(id: &[u8]) -> Self {
        let id = der::tlv(tag::context_primitive(0), id);
        Self::new(oids::AUTHORITY_KEY_ID, false, &der::sequence(&[&id]))
    }

    /// A claim of Fulcio's: raw text for the arcs up to 6, UTF8String from 8 on.
    pub fn claim(claim: Claim, text: &str) -> Self {
        let oid = [oids::FULCIO.as_bytes(), &[claim.arc]].concat();
        let value = if claim.is_raw() { text.as_bytes().to_vec() } else { der::utf8_string(text) };
        Self::new(Oid::constant(&oid), false, &value)
    }

    /// The embedded SCT list, RFC 6962 section 3.3: TLS-encoded bytes in a second OCTET STRING.
    pub fn sct_list(list: &[u8]) -> Self {
        Self::new(oids::SCT_LIST, false, &der::octet_string(list))
    }

    /// The poison of a precertificate, critical: RFC 6962 section 3.1.
    pub fn poison() -> Self {
        Self::new(oids::CT_POISON, true, &der::null())
    }
}

/// A key identifier: the first 160 bits of the key's SHA-256 (RFC 7093 section 2, method 1).
pub fn key_id(key: &PublicKey) -> [u8; 20] {
    let mut id = [0; 20];
    id.copy_from_slice(&sha256(&[key.key_bytes()])[..20]);
    id
}
