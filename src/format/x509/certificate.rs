//! Certificate, RFC 5280 section 4.1.

use std::fmt;
use std::ops::Range;

use thiserror::Error;

use super::algorithm::{self, AlgorithmError};
use super::extensions::Extensions;
use super::names::{GeneralName, Name, San};
use super::oids;
use crate::base::code::Code;
use crate::base::crypto::{KeyError, PublicKey, Scheme};
use crate::base::encoding::der::{self, DerError, Oid, Reader, tag};
use crate::base::encoding::pem::{self, PemError};
use crate::base::limits;
use crate::base::time::{UnixTime, ValidityPeriod};

/// Why bytes are not a certificate that we use.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CertificateError {
    /// Not DER of a version 3 certificate.
    #[error("certificate is malformed: {0}")]
    Parse(#[from] DerError),
    /// Not PEM.
    #[error("certificate is not PEM: {0}")]
    Pem(#[from] PemError),
    /// Not version 3.
    #[error("certificate is not of version 3")]
    Version,
    /// A serial number that is zero, negative or longer than 20 bytes.
    #[error("certificate serial number is not a positive integer of at most 20 bytes")]
    Serial,
    /// The algorithm outside the signed part differs from the one inside.
    #[error("certificate names two different signature algorithms")]
    AlgorithmMismatch,
    /// The signature's algorithm.
    #[error("certificate signature: {0}")]
    Algorithm(#[from] AlgorithmError),
    /// The key.
    #[error("certificate key: {0}")]
    Key(#[from] KeyError),
    /// notAfter before notBefore.
    #[error("certificate ends before it starts")]
    Validity,
    /// The same extension twice.
    #[error("certificate has extension {0} twice")]
    DuplicateExtension(String),
    /// An extension in a form that DER does not have.
    #[error("certificate extension {0} is not canonical")]
    Extension(String),
    /// An extension that cannot be read.
    #[error("certificate extension {oid} is malformed: {error}")]
    ExtensionParse {
        /// Its identifier.
        oid: String,
        /// What is wrong.
        error: DerError,
    },
    /// Larger than a bound in [`limits`].
    #[error("certificate has too many {0}")]
    Limit(&'static str),
    /// No subject alternative name.
    #[error("certificate has no subject alternative name")]
    SanMissing,
    /// More than one subject alternative name.
    #[error("certificate has {0} subject alternative names, one is allowed")]
    SanMultiple(usize),
    /// A name of a form that is no identity.
    #[error("certificate's subject alternative name is a {0}, which is no identity")]
    SanUnsupported(String),
    /// A name with control characters, spaces or bytes beyond ASCII.
    #[error("certificate's subject alternative name is malformed")]
    SanMalformed,
    /// A Fulcio extension that cannot be read.
    #[error("certificate extension 1.3.6.1.4.1.57264.1.{arc} is malformed")]
    FulcioExtension {
        /// The last arc of its identifier.
        arc: u8,
    },
    /// The two issuer extensions disagree.
    #[error("certificate names two issuers: {v1:?} and {v2:?}")]
    IssuerConflict {
        /// Extension .1
        v1: String,
        /// Extension .8
        v2: String,
    },
}

impl CertificateError {
    /// The stable code.
    pub fn code(&self) -> Code {
        const ASK: &str =
            "the certificate was damaged, or its authority does not follow RFC 5280: ask the signer to sign anew";
        match self {
            Self::Parse(DerError::Depth) => Code::refused("limit-depth", ASK),
            Self::Parse(_) | Self::Version | Self::Validity | Self::Extension(_) => Code::refused("cert-parse", ASK),
            Self::Pem(error) => error.code(),
            Self::Serial => Code::refused("cert-serial", ASK),
            Self::AlgorithmMismatch => Code::refused("cert-alg-mismatch", ASK),
            Self::Algorithm(AlgorithmError::WeakDigest(_)) => {
                Code::refused("cert-weak-hash", "the certificate must be signed with SHA-256 or better")
            }
            Self::Algorithm(_) => Code::refused("cert-sig-alg", "the authority must sign with ECDSA, RSA or Ed25519"),
            Self::Key(KeyError::Parse(_)) => Code::refused("cert-parse", ASK),
            Self::Key(error) => error.code(),
            Self::DuplicateExtension(_) => Code::refused("cert-dup-extension", ASK),
            Self::ExtensionParse { .. } | Self::FulcioExtension { .. } => Code::refused("cert-ext-parse", ASK),
            Self::Limit(_) => Code::refused("limit-certificate", ASK),
            Self::SanMissing => {
                Code::refused("cert-san-missing", "the certificate names nobody: it cannot prove an identity")
            }
            Self::SanMultiple(_) => {
                Code::refused("cert-san-multiple", "an identity certificate names exactly one subject")
            }
            Self::SanUnsupported(_) => {
                Code::refused("cert-san-unsupported", "an identity is an e-mail address, a URI or a Fulcio username")
            }
            Self::SanMalformed => Code::refused("cert-san-malformed", ASK),
            Self::IssuerConflict { .. } => Code::refused("issuer-conflict", ASK),
        }
    }
}

/// A parsed certificate. Nothing about it is proven: see [`crate::verify`].
#[derive(Clone, PartialEq, Eq)]
pub struct Certificate {
    der: Vec<u8>,
    tbs: Range<usize>,
    serial: Vec<u8>,
    issuer: Name,
    subject: Name,
    validity: ValidityPeriod,
    public_key: PublicKey,
    signature_scheme: Scheme,
    signature: Vec<u8>,
    extensions: Extensions,
}

impl Certificate {
    /// Reads a certificate in DER that fills `der`.
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        if der.len() > limits::CERTIFICATE_BYTES {
            return Err(CertificateError::Limit("bytes"));
        }
        let mut input = Reader::new(der);
        let outer = input.expect(tag::SEQUENCE)?;
        input.finish()?;
        let tbs_start = outer.raw.len() - outer.content.len();
        let mut certificate = outer.reader()?;
        let tbs = certificate.expect(tag::SEQUENCE)?;
        let outer_algorithm = certificate.expect(tag::SEQUENCE)?;
        let signature = certificate.bits()?;
        certificate.finish()?;

        let mut body = tbs.reader()?;
        if body.optional(tag::context(0))?.map(|version| version.content) != Some(&[2, 1, 2]) {
            return Err(CertificateError::Version);
        }
        let serial = body.integer()?;
        if serial.len() > 20 || serial == [0] || serial.first().is_some_and(|first| first & 0x80 != 0) {
            return Err(CertificateError::Serial);
        }
        let inner_algorithm = body.expect(tag::SEQUENCE)?;
        if inner_algorithm.raw != outer_algorithm.raw {
            return Err(CertificateError::AlgorithmMismatch);
        }
        let signature_scheme = algorithm::read_signature(&mut inner_algorithm.reader()?)?;
        let issuer = Name::read(&body.element()?)?;
        let mut validity = body.sequence()?;
        let (not_before, not_after) = (validity.x509_time()?, validity.x509_time()?);
        validity.finish()?;
        let validity = ValidityPeriod::new(not_before, Some(not_after)).ok_or(CertificateError::Validity)?;
        let subject = Name::read(&body.element()?)?;
        let public_key = PublicKey::from_spki(body.expect(tag::SEQUENCE)?.raw)?;
        for unique_id in [1, 2] {
            body.optional(tag::context_primitive(unique_id))?;
        }
        let extensions = match body.optional(tag::context(3))? {
            Some(wrapped) => {
                let mut wrapped = wrapped.reader()?;
                let extensions = Extensions::read(&mut wrapped.sequence()?)?;
                wrapped.finish()?;
                extensions
            }
            None => Extensions::default(),
        };
        body.finish()?;
        Ok(Self {
            tbs: tbs_start..tbs_start + tbs.raw.len(),
            der: der.to_vec(),
            serial: serial.to_vec(),
            issuer,
            subject,
            validity,
            public_key,
            signature_scheme,
            signature: signature.to_vec(),
            extensions,
        })
    }

    /// Reads one PEM block `CERTIFICATE`.
    pub fn from_pem(text: &str) -> Result<Self, CertificateError> {
        Self::from_der(&pem::decode_one(text, "CERTIFICATE")?)
    }

    /// The whole encoding, as it was read.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// PEM, ended by a newline.
    pub fn to_pem(&self) -> String {
        pem::encode("CERTIFICATE", &self.der)
    }

    /// The signed part, as it was read.
    pub fn tbs(&self) -> &[u8] {
        self.der.get(self.tbs.clone()).unwrap_or_default()
    }

    /// The signed part without its embedded SCT list: what a CT log signed (RFC 6962 section 3.2).
    /// `None` when there is no such list.
    pub fn tbs_without_scts(&self) -> Result<Option<Vec<u8>>, DerError> {
        if self.extensions.sct_list.is_none() {
            return Ok(None);
        }
        Ok(Some(self.tbs_without(oids::SCT_LIST)?.0))
    }

    /// The signed part of a precertificate without its poison (RFC 6962 section 3.2): the certificate's, before SCTs
    /// are put into it. `None` when it has none.
    pub fn tbs_without_poison(&self) -> Result<Option<Vec<u8>>, DerError> {
        let (tbs, found) = self.tbs_without(oids::CT_POISON)?;
        Ok(found.then_some(tbs))
    }

    /// The signed part without one extension, and whether it was there.
    fn tbs_without(&self, oid: Oid<'_>) -> Result<(Vec<u8>, bool), DerError> {
        let mut found = false;
        let mut body = Reader::whole(self.tbs(), tag::SEQUENCE)?;
        let mut parts = Vec::new();
        while !body.is_empty() {
            let part = body.element()?;
            if part.tag == tag::context(3) {
                let mut kept = Vec::new();
                let mut list = part.reader()?.sequence()?;
                while !list.is_empty() {
                    let extension = list.expect(tag::SEQUENCE)?;
                    match extension.reader()?.oid()? == oid {
                        true => found = true,
                        false => kept.extend_from_slice(extension.raw),
                    }
                }
                parts.extend(der::explicit(3, &der::tlv(tag::SEQUENCE, &kept)));
            } else {
                parts.extend_from_slice(part.raw);
            }
        }
        Ok((der::tlv(tag::SEQUENCE, &parts), found))
    }

    /// The serial number, big-endian, positive.
    pub fn serial(&self) -> &[u8] {
        &self.serial
    }

    /// The issuer's name.
    pub fn issuer(&self) -> &Name {
        &self.issuer
    }

    /// The subject's name. Identities never stand here.
    pub fn subject(&self) -> &Name {
        &self.subject
    }

    /// The certificate in a word, for messages: its subject, or its alternative name where that is empty.
    pub fn label(&self) -> String {
        match self.san() {
            Ok(san) if self.subject.is_empty() => san.to_string(),
            _ => self.subject.to_string(),
        }
    }

    /// notBefore to notAfter, both included.
    pub fn validity(&self) -> ValidityPeriod {
        self.validity
    }

    /// Whether `time` lies within the validity.
    pub fn is_valid_at(&self, time: UnixTime) -> bool {
        // RFC 5280 counts whole seconds: the last second belongs to the period as a whole.
        self.validity.contains(UnixTime::from_secs(time.secs()))
    }

    /// The subject's key.
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// How the issuer signed.
    pub fn signature_scheme(&self) -> Scheme {
        self.signature_scheme
    }

    /// The extensions.
    pub fn extensions(&self) -> &Extensions {
        &self.extensions
    }

    /// Whether issuer and subject are the same name.
    pub fn is_self_issued(&self) -> bool {
        self.issuer == self.subject
    }

    /// Verifies this certificate's signature under the issuer's key. Names, usages and times are the
    /// caller's to check.
    pub fn verify_signature(&self, issuer_key: &PublicKey) -> Result<(), KeyError> {
        issuer_key.verify(self.signature_scheme, self.tbs(), &self.signature)
    }

    /// The one subject alternative name, when there is exactly one and it is an identity.
    pub fn san(&self) -> Result<San, CertificateError> {
        let names = self.extensions.subject_alt_names.as_ref().map_or(&[][..], |san| &san.names);
        match names {
            [] => Err(CertificateError::SanMissing),
            [GeneralName::Email(text)] if is_address(text) => Ok(San::Email(text.clone())),
            [GeneralName::Uri(text)] => Ok(San::Uri(text.clone())),
            [GeneralName::Username(text)] => Ok(San::Username(text.clone())),
            [GeneralName::Email(_) | GeneralName::Malformed] => Err(CertificateError::SanMalformed),
            [GeneralName::Dns(_)] => Err(CertificateError::SanUnsupported("DNS name".to_owned())),
            [GeneralName::OtherName { oid }] => Err(CertificateError::SanUnsupported(format!("otherName {oid}"))),
            [GeneralName::Ip(_)] => Err(CertificateError::SanUnsupported("IP address".to_owned())),
            [GeneralName::Unsupported(number)] => {
                Err(CertificateError::SanUnsupported(format!("name of form {number}")))
            }
            many => Err(CertificateError::SanMultiple(many.len())),
        }
    }
}

/// An address: one `@` with something on both sides, no dot at the end.
fn is_address(text: &str) -> bool {
    matches!(text.split_once('@'), Some((local, domain))
        if !local.is_empty() && !domain.is_empty() && !domain.contains('@') && !domain.ends_with('.'))
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("subject", &self.subject.to_string())
            .field("issuer", &self.issuer.to_string())
            .field("validity", &self.validity.to_string())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
