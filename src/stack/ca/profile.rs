//! The certificates of the CA, field by field.

use super::Principal;
use crate::base::crypto::{PublicKey, Scheme};
use crate::base::encoding::der::Oid;
use crate::base::time::{UnixTime, ValidityPeriod};
use crate::format::x509::build::{EMPTY_NAME, Extension, Fields, TbsCertificate, authority_name, key_id};
use crate::format::x509::{Certificate, CertificateError, Claim, KeyUsage, oids};
use crate::stack::keys::{self, PrivateKey};
use crate::stack::log::SigningError;

/// Days that the stack's root and intermediate certificates last: ten years.
const AUTHORITY_DAYS: i64 = 3653;

/// What goes into a leaf.
pub(super) struct Leaf<'a> {
    pub(super) serial: &'a [u8],
    pub(super) scheme: Scheme,
    pub(super) issuer: &'a Certificate,
    pub(super) validity: ValidityPeriod,
    pub(super) principal: &'a Principal,
    pub(super) key: &'a PublicKey,
}

/// The leaf without poison and SCT.
pub(super) fn leaf(leaf: &Leaf<'_>) -> TbsCertificate {
    let issuer_id = leaf.issuer.extensions().subject_key_id.clone();
    let mut extensions = vec![
        Extension::key_usage(KeyUsage::DIGITAL_SIGNATURE),
        Extension::extended_key_usage(&[oids::CODE_SIGNING], false),
        Extension::subject_key_id(&key_id(leaf.key)),
        Extension::authority_key_id(&issuer_id.unwrap_or_else(|| key_id(leaf.issuer.public_key()).to_vec())),
        Extension::subject_alt_name(leaf.principal.san()),
    ];
    let claim = |(arc, text): &(u8, String)| Claim::by_arc(*arc).map(|claim| Extension::claim(claim, text));
    extensions.extend(leaf.principal.claims().iter().filter_map(claim));
    TbsCertificate::new(&Fields {
        serial: leaf.serial,
        scheme: leaf.scheme,
        issuer: leaf.issuer.subject().der(),
        validity: leaf.validity,
        subject: EMPTY_NAME,
        spki: leaf.key.spki(),
        extensions: &extensions,
    })
}

/// A certificate that is signed by another, or by itself.
#[derive(Debug)]
pub struct Authority<'a> {
    /// Organization in its name.
    pub organization: &'a str,
    /// Common name in its name.
    pub common_name: &'a str,
    /// From when on it is valid.
    pub from: UnixTime,
    /// When it ends at the latest: with the certificate above it.
    pub until: Option<UnixTime>,
}

impl Authority<'_> {
    fn validity(&self) -> Result<ValidityPeriod, SigningError> {
        let end = self.from.plus_secs(AUTHORITY_DAYS * 86_400);
        ValidityPeriod::new(self.from, Some(self.until.map_or(end, |until| until.min(end)))).ok_or(SigningError)
    }

    /// A self-signed root: no EKU, no pathLen.
    pub fn root(&self, key: &PrivateKey) -> Result<Certificate, SigningError> {
        let id = key_id(key.public_key());
        let extensions =
            [Extension::key_usage(KeyUsage::AUTHORITY), Extension::authority(None), Extension::subject_key_id(&id)];
        let name = authority_name(self.organization, self.common_name);
        self.sign(key, &name, key.public_key(), &extensions)
    }

    /// An intermediate below `issuer`: pathLen 0, and the one purpose of what it issues.
    pub fn intermediate(
        &self,
        key: &PublicKey,
        purpose: Oid<'_>,
        (issuer, issuer_key): (&Certificate, &PrivateKey),
    ) -> Result<Certificate, SigningError> {
        let extensions = [
            Extension::key_usage(KeyUsage::AUTHORITY),
            Extension::extended_key_usage(&[purpose], false),
            Extension::authority(Some(0)),
            Extension::subject_key_id(&key_id(key)),
            Extension::authority_key_id(&key_id(issuer.public_key())),
        ];
        self.sign(issuer_key, issuer.subject().der(), key, &extensions)
    }

    /// A certificate below an issuer with any extensions.
    pub fn sign(
        &self,
        signer: &PrivateKey,
        issuer: &[u8],
        key: &PublicKey,
        extensions: &[Extension],
    ) -> Result<Certificate, SigningError> {
        let tbs = TbsCertificate::new(&Fields {
            serial: &keys::serial()?,
            scheme: signer.scheme(),
            issuer,
            validity: self.validity()?,
            subject: &authority_name(self.organization, self.common_name),
            spki: key.spki(),
            extensions,
        });
        let read: Result<Certificate, CertificateError> = Certificate::from_der(&tbs.sign(&signer.sign(&tbs.der())?));
        read.map_err(|_| SigningError)
    }
}
