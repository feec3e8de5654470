//! Certificate extensions, RFC 5280 section 4.2: those that a decision uses, read strictly, each at
//! most once.

use super::CertificateError;
use super::constraints::NameConstraints;
use super::names::GeneralName;
use super::oids;
use crate::base::encoding::der::{DerError, Oid, Reader, tag};
use crate::base::limits;

/// basicConstraints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BasicConstraints {
    /// Whether the subject is a CA.
    pub ca: bool,
    /// How many intermediates may follow.
    pub path_len: Option<u64>,
    /// Whether the extension is critical.
    pub critical: bool,
}

/// keyUsage, bit 0 the highest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyUsage(u16);

impl KeyUsage {
    /// digitalSignature: what a leaf has.
    pub const DIGITAL_SIGNATURE: Self = Self(0x8000);
    /// keyCertSign and cRLSign: what a CA has.
    pub const AUTHORITY: Self = Self(0x0600);

    /// The first 16 bits.
    pub(super) const fn bits(self) -> u16 {
        self.0
    }

    /// digitalSignature (bit 0)
    pub const fn digital_signature(self) -> bool {
        self.0 & 0x8000 != 0
    }

    /// keyCertSign (bit 5)
    pub const fn key_cert_sign(self) -> bool {
        self.0 & 0x0400 != 0
    }
}

/// extKeyUsage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtendedKeyUsage {
    /// The purposes' identifiers, as DER content.
    purposes: Vec<Vec<u8>>,
    /// Whether the extension is critical.
    pub critical: bool,
}

impl ExtendedKeyUsage {
    /// Whether `purpose` is among them.
    pub fn contains(&self, purpose: Oid<'_>) -> bool {
        self.purposes.iter().any(|found| found == purpose.as_bytes())
    }

    /// Whether none is there but these.
    pub fn has_no_other_than(&self, purposes: &[Oid<'_>]) -> bool {
        self.purposes.iter().all(|found| purposes.iter().any(|purpose| found == purpose.as_bytes()))
    }

    /// Whether `purpose` is the only one.
    pub fn is_only(&self, purpose: Oid<'_>) -> bool {
        self.purposes.len() == 1 && self.contains(purpose)
    }
}

/// subjectAltName.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectAltNames {
    /// The names, at most [`limits::CERTIFICATE_NAMES`].
    pub names: Vec<GeneralName>,
    /// Whether the extension is critical.
    pub critical: bool,
}

/// The extensions that decisions use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extensions {
    /// basicConstraints
    pub basic_constraints: Option<BasicConstraints>,
    /// keyUsage
    pub key_usage: Option<KeyUsage>,
    /// extKeyUsage
    pub extended_key_usage: Option<ExtendedKeyUsage>,
    /// subjectAltName
    pub subject_alt_names: Option<SubjectAltNames>,
    /// subjectKeyIdentifier
    pub subject_key_id: Option<Vec<u8>>,
    /// authorityKeyIdentifier's keyIdentifier
    pub authority_key_id: Option<Vec<u8>>,
    /// nameConstraints
    pub name_constraints: Option<NameConstraints>,
    /// The embedded SCT list: the TLS-encoded bytes (RFC 6962 section 3.3)
    pub sct_list: Option<Vec<u8>>,
    /// Fulcio's own extensions: the last arc below 1.3.6.1.4.1.57264.1, and the extension's bytes
    pub fulcio: Vec<(u8, Vec<u8>)>,
    /// The first critical extension that this code does not process
    pub unknown_critical: Option<String>,
}

impl Extensions {
    /// Reads the SEQUENCE OF Extension.
    pub(super) fn read(list: &mut Reader<'_>) -> Result<Self, CertificateError> {
        let mut found = Self::default();
        let mut seen: Vec<Oid<'_>> = Vec::new();
        while !list.is_empty() {
            let mut extension = list.sequence()?;
            let oid = extension.oid()?;
            let critical = match extension.peek() {
                // DER leaves a default out, so an encoded FALSE is not canonical.
                Some(tag::BOOLEAN) if extension.boolean()? => true,
                Some(tag::BOOLEAN) => return Err(CertificateError::Extension(oid.to_string())),
                _ => false,
            };
            let value = extension.octets()?;
            extension.finish()?;
            if seen.contains(&oid) {
                return Err(CertificateError::DuplicateExtension(oid.to_string()));
            }
            if seen.len() == limits::CERTIFICATE_EXTENSIONS {
                return Err(CertificateError::Limit("extensions"));
            }
            seen.push(oid);
            found.read_one(oid, critical, value).map_err(|error| match error {
                CertificateError::Parse(error) => CertificateError::ExtensionParse { oid: oid.to_string(), error },
                other => other,
            })?;
        }
        if seen.is_empty() { Err(CertificateError::Extension("no extension".to_owned())) } else { Ok(found) }
    }

    fn read_one(&mut self, oid: Oid<'_>, critical: bool, value: &[u8]) -> Result<(), CertificateError> {
        match oid {
            oids::BASIC_CONSTRAINTS => {
                let mut body = Reader::whole(value, tag::SEQUENCE)?;
                let ca = match body.peek() {
                    Some(tag::BOOLEAN) if body.boolean()? => true,
                    // FALSE is the default; some issuers write it out all the same.
                    _ => false,
                };
                let path_len = if body.is_empty() { None } else { Some(body.small()?) };
                body.finish()?;
                self.basic_constraints = Some(BasicConstraints { ca, path_len, critical });
            }
            oids::KEY_USAGE => {
                let mut body = Reader::new(value);
                self.key_usage = Some(KeyUsage(body.named_bits()?));
                body.finish()?;
            }
            oids::EXTENDED_KEY_USAGE => {
                let mut body = Reader::whole(value, tag::SEQUENCE)?;
                let mut purposes = Vec::new();
                while !body.is_empty() {
                    purposes.push(body.oid()?.as_bytes().to_vec());
                }
                if purposes.is_empty() {
                    return Err(DerError::Value("extended key usage").into());
                }
                self.extended_key_usage = Some(ExtendedKeyUsage { purposes, critical });
            }
            oids::SUBJECT_ALT_NAME => self.subject_alt_names = Some(read_names(value, critical)?),
            oids::SUBJECT_KEY_ID => {
                let mut body = Reader::new(value);
                self.subject_key_id = Some(body.octets()?.to_vec());
                body.finish()?;
            }
            oids::AUTHORITY_KEY_ID => {
                let mut body = Reader::whole(value, tag::SEQUENCE)?;
                self.authority_key_id = body.optional(tag::context_primitive(0))?.map(|id| id.content.to_vec());
            }
            oids::NAME_CONSTRAINTS => self.name_constraints = Some(NameConstraints::read(value)?),
            oids::SCT_LIST => {
                let mut body = Reader::new(value);
                self.sct_list = Some(body.octets()?.to_vec());
                body.finish()?;
            }
            other => {
                let arc = other.as_bytes().strip_prefix(oids::FULCIO.as_bytes());
                match arc {
                    Some(&[arc]) if arc < 0x80 => self.fulcio.push((arc, value.to_vec())),
                    _ if critical && self.unknown_critical.is_none() => {
                        self.unknown_critical = Some(other.to_string());
                    }
                    _ => {}
                }
                if critical && arc.is_some() && self.unknown_critical.is_none() {
                    self.unknown_critical = Some(other.to_string());
                }
            }
        }
        Ok(())
    }
}

fn read_names(value: &[u8], critical: bool) -> Result<SubjectAltNames, CertificateError> {
    let mut body = Reader::whole(value, tag::SEQUENCE)?;
    let mut names = Vec::new();
    while !body.is_empty() {
        if names.len() == limits::CERTIFICATE_NAMES {
            return Err(CertificateError::Limit("subject alternative names"));
        }
        names.push(GeneralName::read(&body.element()?)?);
    }
    Ok(SubjectAltNames { names, critical })
}
