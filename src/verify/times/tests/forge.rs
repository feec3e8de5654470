//! Tokens in every good and bad shape: each part open to change before the authority signs.

use crate::base::crypto::{Digest, DigestAlgorithm, Scheme};
use crate::base::encoding::der::{self, Oid, tag};
use crate::base::time::{UnixTime, ValidityPeriod};
use crate::format::timestamp::MessageImprint;
use crate::format::trust::AuthorityInstance;
use crate::format::x509::build::{Extension, authority_name, key_id};
use crate::format::x509::testing::{Authority, Key, SIGNED, START, Template, period};
use crate::format::x509::{Certificate, KeyUsage, algorithm, oids};

pub(super) const SIGNATURE: &[u8] = b"the raw signature of a bundle";
const YEAR: i64 = 365 * 86_400;

/// A timestamp authority: its leaf, the leaf's key and the CA above.
pub(super) struct Tsa {
    pub(super) root: Authority,
    pub(super) key: Key,
    pub(super) leaf: Certificate,
}

/// A good leaf, a year from [`START`] on.
pub(super) fn template(key: &Key, common_name: &str) -> Template {
    Template {
        serial: key_id(key.public())[1..].iter().map(|byte| byte | 1).collect(),
        subject: authority_name("example.com", common_name),
        validity: period(START, YEAR),
        spki: key.public().spki().to_vec(),
        extensions: vec![
            Extension::key_usage(KeyUsage::DIGITAL_SIGNATURE),
            Extension::extended_key_usage(&[oids::TIME_STAMPING], true),
            Extension::subject_key_id(&key_id(key.public())),
        ],
    }
}

/// When the trusted root of these tests believes an authority, unless said otherwise.
pub(super) fn always() -> ValidityPeriod {
    ValidityPeriod::new(START.plus_secs(-YEAR), None).unwrap()
}

/// An entry of the trusted root.
pub(super) fn entry(name: &str, chain: &[&Certificate], validity: ValidityPeriod) -> AuthorityInstance {
    AuthorityInstance {
        organization: String::new(),
        common_name: name.to_owned(),
        uri: format!("https://{name}.example.com"),
        chain: chain.iter().copied().cloned().collect(),
        validity,
    }
}

impl Tsa {
    pub(super) fn new() -> Self {
        Self::with_key(Key::p256())
    }

    pub(super) fn with_key(key: Key) -> Self {
        Self::with_leaf(key, |template| template)
    }

    /// An authority whose leaf is changed before it is issued.
    pub(super) fn with_leaf(key: Key, change: impl Fn(Template) -> Template) -> Self {
        let root = Authority::root("root");
        let leaf = root.sign(change(template(&key, "tsa")));
        Self { root, key, leaf }
    }

    /// Its entry in the trusted root.
    pub(super) fn entry(&self) -> AuthorityInstance {
        entry("tsa", &[&self.leaf, &self.root.certificate], always())
    }

    /// A good token, to be spoilt.
    pub(super) fn forge(&self) -> Forge<'_> {
        Forge::new(&self.key, &self.leaf)
    }
}

/// A response in the making.
pub(super) struct Forge<'a> {
    key: &'a Key,
    pub(super) status: u64,
    pub(super) with_token: bool,
    pub(super) imprint: Vec<u8>,
    pub(super) time: Vec<u8>,
    pub(super) accuracy: Vec<u8>,
    /// The signed attributes; `None` for a messageDigest that is computed last.
    pub(super) attributes: Vec<Option<Vec<u8>>>,
    pub(super) certificates: Vec<Vec<u8>>,
    pub(super) revocation_lists: Vec<u8>,
    pub(super) signer_version: u64,
    pub(super) signer: Vec<u8>,
    pub(super) digest: Vec<u8>,
    pub(super) scheme: Vec<u8>,
    /// XORed into the last byte of the signature.
    pub(super) flip: u8,
    pub(super) unsigned: Vec<u8>,
    /// How often the SignerInfo is there.
    pub(super) signers: usize,
}

/// An attribute.
pub(super) fn attribute(oid: Oid<'_>, values: &[&[u8]]) -> Vec<u8> {
    der::sequence(&[&der::oid(oid), &der::tlv(tag::SET, &values.concat())])
}

/// SigningCertificateV2 with SHA-256 and no issuerSerial.
pub(super) fn signing_certificate(certificate: &Certificate) -> Vec<u8> {
    let hash = Digest::of(DigestAlgorithm::Sha256, certificate.der());
    let id = der::sequence(&[&der::octet_string(hash.as_bytes())]);
    attribute(oids::SIGNING_CERTIFICATE_V2, &[&der::sequence(&[&der::sequence(&[&id])])])
}

/// IssuerAndSerialNumber.
pub(super) fn by_serial(certificate: &Certificate) -> Vec<u8> {
    der::sequence(&[certificate.issuer().der(), &der::tlv(tag::INTEGER, certificate.serial())])
}

impl<'a> Forge<'a> {
    pub(super) fn new(key: &'a Key, leaf: &Certificate) -> Self {
        let Scheme { digest, .. } = key.scheme();
        Self {
            key,
            status: 0,
            with_token: true,
            imprint: MessageImprint::new(Digest::of(DigestAlgorithm::Sha256, SIGNATURE)).der().to_vec(),
            time: der::generalized_time(SIGNED),
            accuracy: der::sequence(&[&der::integer(1)]),
            attributes: vec![
                Some(attribute(oids::CONTENT_TYPE, &[&der::oid(oids::TST_INFO)])),
                Some(signing_certificate(leaf)),
                None,
            ],
            certificates: Vec::new(),
            revocation_lists: Vec::new(),
            signer_version: 1,
            signer: by_serial(leaf),
            digest: algorithm::write_digest(digest),
            scheme: algorithm::write_signature(key.scheme()),
            flip: 0,
            unsigned: Vec::new(),
            signers: 1,
        }
    }

    /// At another time.
    pub(super) fn at(self, time: UnixTime) -> Self {
        Self { time: der::generalized_time(time), ..self }
    }

    /// The TimeStampResp.
    pub(super) fn response(&self) -> Vec<u8> {
        let status = der::sequence(&[&der::integer(self.status)]);
        if !self.with_token {
            return der::sequence(&[&status]);
        }
        let info = der::sequence(&[
            &der::integer(1),
            &der::oid(oids::SIGSTORE_TSA_POLICY),
            &self.imprint,
            &der::integer(9),
            &self.time,
            &self.accuracy,
        ]);
        let certificates = match self.certificates.as_slice() {
            [] => Vec::new(),
            some => der::tlv(tag::context(0), &some.concat()),
        };
        let content = der::explicit(0, &der::octet_string(&info));
        let signed_data = der::sequence(&[
            &der::integer(3),
            &der::set_of(vec![self.digest.clone()]),
            &der::sequence(&[&der::oid(oids::TST_INFO), &content]),
            &certificates,
            &self.revocation_lists,
            &der::set_of(vec![self.signer_info(&info); self.signers]),
        ]);
        let token = der::sequence(&[&der::oid(oids::SIGNED_DATA), &der::explicit(0, &signed_data)]);
        der::sequence(&[&status, &token])
    }

    fn signer_info(&self, info: &[u8]) -> Vec<u8> {
        let digest = Digest::of(self.key.scheme().digest, info);
        let digest = || attribute(oids::MESSAGE_DIGEST, &[&der::octet_string(digest.as_bytes())]);
        let attributes = self.attributes.iter().map(|given| given.clone().unwrap_or_else(digest)).collect();
        let attributes = der::set_of(attributes);
        let mut signature = self.key.sign(&attributes);
        *signature.last_mut().unwrap() ^= self.flip;
        let attributes = [&[tag::context(0)], &attributes[1..]].concat();
        der::sequence(&[
            &der::integer(self.signer_version),
            &self.signer,
            &self.digest,
            &attributes,
            &self.scheme,
            &der::octet_string(&signature),
            &self.unsigned,
        ])
    }
}
