//! Certificates for tests: keys, authorities and leaves of Fulcio's profile, each made anew, every
//! field open to change before it is signed.
//!
//! ```ignore
//! let root = Authority::root("root");
//! let issuer = root.intermediate("intermediate");
//! let (leaf, key) = issuer.leaf();                                  // the good one
//! let bad = issuer.sign(Template::leaf(&key).without(oids::EXTENDED_KEY_USAGE));
//! ```
//!
//! Made for the unit tests of every folder, timestamp authorities included: start from a
//! [`Template`], replace its extensions, let an [`Authority`] sign it.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{self as aws, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RsaKeyPair};

use super::build::{EMPTY_NAME, Extension, Fields, TbsCertificate, authority_name, key_id};
use super::{Certificate, Claim, KeyUsage, San, oids};
use crate::base::crypto::{Family, KeyKind, PublicKey, Scheme};
use crate::base::encoding::der::{Oid, Reader};
use crate::base::time::{UnixTime, ValidityPeriod};

/// 2026-01-01T00:00:00Z: when the leaves of these tests start. They last ten minutes.
pub(crate) const START: UnixTime = UnixTime::from_secs(1_767_225_600);
/// A minute into the leaves' validity.
pub(crate) const SIGNED: UnixTime = START.plus_secs(60);

/// A key pair that signs with its default scheme.
pub(crate) struct Key {
    pair: Pair,
    public: PublicKey,
}

enum Pair {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(RsaKeyPair),
}

impl Key {
    /// A new P-256 key.
    pub(crate) fn p256() -> Self {
        Self::ecdsa(&aws::ECDSA_P256_SHA256_ASN1_SIGNING)
    }

    /// A new P-384 key.
    pub(crate) fn p384() -> Self {
        Self::ecdsa(&aws::ECDSA_P384_SHA384_ASN1_SIGNING)
    }

    /// A new P-521 key.
    pub(crate) fn p521() -> Self {
        Self::ecdsa(&aws::ECDSA_P521_SHA512_ASN1_SIGNING)
    }

    fn ecdsa(algorithm: &'static aws::EcdsaSigningAlgorithm) -> Self {
        let pair = EcdsaKeyPair::generate(algorithm).unwrap();
        let public = PublicKey::from_spki(pair.public_key().as_der().unwrap().as_ref()).unwrap();
        Self { pair: Pair::Ecdsa(pair), public }
    }

    /// A new Ed25519 key.
    pub(crate) fn ed25519() -> Self {
        let pair = Ed25519KeyPair::generate().unwrap();
        let public = PublicKey::from_spki(pair.public_key().as_der().unwrap().as_ref()).unwrap();
        Self { pair: Pair::Ed25519(pair), public }
    }

    /// A new RSA key of 2048 bits; slow.
    pub(crate) fn rsa() -> Self {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
        let public = PublicKey::from_spki(pair.public_key().as_der().unwrap().as_ref()).unwrap();
        Self { pair: Pair::Rsa(pair), public }
    }

    /// The public half.
    pub(crate) fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The private half of an ECDSA key, PKCS#8 in DER.
    #[cfg(feature = "serve")]
    pub(crate) fn pkcs8(&self) -> Vec<u8> {
        match &self.pair {
            Pair::Ecdsa(pair) => pair.to_pkcs8v1().unwrap().as_ref().to_vec(),
            Pair::Ed25519(_) | Pair::Rsa(_) => panic!("only ECDSA keys are written"),
        }
    }

    /// The scheme of [`Key::sign`].
    pub(crate) fn scheme(&self) -> Scheme {
        Scheme::default_for(self.public.kind())
    }

    /// A signature over a message.
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Ecdsa(pair) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.sign(message).as_ref().to_vec(),
            Pair::Rsa(pair) => {
                assert_eq!((self.scheme().family, self.public.kind()), (Family::RsaPkcs1, KeyKind::Rsa { bits: 2048 }));
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&aws::RSA_PKCS1_SHA256, &random, message, &mut signature).unwrap();
                signature
            }
        }
    }
}

/// A certificate before it is signed.
#[derive(Clone)]
pub(crate) struct Template {
    /// See [`Fields::serial`].
    pub(crate) serial: Vec<u8>,
    /// See [`Fields::subject`].
    pub(crate) subject: Vec<u8>,
    /// See [`Fields::validity`].
    pub(crate) validity: ValidityPeriod,
    /// See [`Fields::spki`].
    pub(crate) spki: Vec<u8>,
    /// See [`Fields::extensions`]; the authority adds its authorityKeyIdentifier.
    pub(crate) extensions: Vec<Extension>,
}

/// A Name with a common name.
pub(crate) fn name(common_name: &str) -> Vec<u8> {
    authority_name("example.com", common_name)
}

/// A period of `seconds` from `start` on.
pub(crate) fn period(start: UnixTime, seconds: i64) -> ValidityPeriod {
    ValidityPeriod::new(start, Some(start.plus_secs(seconds))).unwrap()
}

/// The object identifier of an extension.
fn oid_of(extension: &Extension) -> Vec<u8> {
    Reader::new(extension.der()).sequence().unwrap().element().unwrap().content.to_vec()
}

impl Template {
    /// A leaf of Fulcio's profile for `signer@example.com`, ten minutes from [`START`].
    pub(crate) fn leaf(key: &Key) -> Self {
        let claim = |arc| Extension::claim(Claim::by_arc(arc).unwrap(), "https://issuer.example.com");
        Self {
            serial: vec![1; 19],
            subject: EMPTY_NAME.to_vec(),
            validity: period(START, 600),
            spki: key.public().spki().to_vec(),
            extensions: vec![
                Extension::key_usage(KeyUsage::DIGITAL_SIGNATURE),
                Extension::extended_key_usage(&[oids::CODE_SIGNING], false),
                Extension::subject_key_id(&key_id(key.public())),
                Extension::subject_alt_name(&San::Email("signer@example.com".to_owned())),
                claim(1),
                claim(8),
            ],
        }
    }

    /// A CA, ten years around [`START`], with Fulcio's profile and no EKU.
    pub(crate) fn authority(key: &Key, common_name: &str, path_len: Option<u64>) -> Self {
        const YEAR: i64 = 365 * 86_400;
        Self {
            serial: vec![2; 19],
            subject: name(common_name),
            validity: period(START.plus_secs(-5 * YEAR), 10 * YEAR),
            spki: key.public().spki().to_vec(),
            extensions: vec![
                Extension::key_usage(KeyUsage::AUTHORITY),
                Extension::authority(path_len),
                Extension::subject_key_id(&key_id(key.public())),
            ],
        }
    }

    /// With `extension` in the place of the one of its kind, or as the last.
    pub(crate) fn with(mut self, extension: Extension) -> Self {
        match self.extensions.iter_mut().find(|found| oid_of(found) == oid_of(&extension)) {
            Some(found) => *found = extension,
            None => self.extensions.push(extension),
        }
        self
    }

    /// Without the extension of a kind, which must be there.
    pub(crate) fn without(mut self, oid: Oid<'_>) -> Self {
        let count = self.extensions.len();
        self.extensions.retain(|extension| oid_of(extension) != oid.as_bytes());
        assert_eq!(self.extensions.len() + 1, count);
        self
    }

    /// With another validity.
    pub(crate) fn valid(self, start: UnixTime, seconds: i64) -> Self {
        Self { validity: period(start, seconds), ..self }
    }
}

/// A CA: its key and its certificate.
pub(crate) struct Authority {
    /// The key.
    pub(crate) key: Key,
    /// The certificate.
    pub(crate) certificate: Certificate,
}

impl Authority {
    /// A self-signed CA.
    pub(crate) fn root(common_name: &str) -> Self {
        let key = Key::p256();
        let template = Template::authority(&key, common_name, None);
        Self::self_signed(key, template)
    }

    /// A self-signed CA from a template.
    pub(crate) fn self_signed(key: Key, template: Template) -> Self {
        let name = template.subject.clone();
        let certificate = Certificate::from_der(&sign(&tbs(&template, &name, &key), &key)).unwrap();
        Self { key, certificate }
    }

    /// A CA below this one, with Fulcio's profile: pathLen 0 and the code-signing EKU.
    pub(crate) fn intermediate(&self, common_name: &str) -> Self {
        let key = Key::p256();
        let template = Template::authority(&key, common_name, Some(0))
            .with(Extension::extended_key_usage(&[oids::CODE_SIGNING], false));
        self.below(key, template)
    }

    /// A CA below this one, from a template.
    pub(crate) fn below(&self, key: Key, template: Template) -> Self {
        Self { certificate: self.sign(template), key }
    }

    /// A leaf of [`Template::leaf`] with its key.
    pub(crate) fn leaf(&self) -> (Certificate, Key) {
        let key = Key::p256();
        (self.sign(Template::leaf(&key)), key)
    }

    /// A certificate that this CA signs.
    pub(crate) fn sign(&self, template: Template) -> Certificate {
        Certificate::from_der(&self.sign_der(template)).unwrap()
    }

    /// The same without adding an authorityKeyIdentifier.
    pub(crate) fn sign_as_is(&self, template: Template) -> Certificate {
        let tbs = tbs(&template, self.certificate.subject().der(), &self.key);
        Certificate::from_der(&sign(&tbs, &self.key)).unwrap()
    }

    /// The same as [`Authority::sign`] in bytes, for what does not parse.
    pub(crate) fn sign_der(&self, template: Template) -> Vec<u8> {
        sign(&self.tbs(template), &self.key)
    }

    /// The signed part: [`TbsCertificate::with`] makes precertificate and certificate of it.
    pub(crate) fn tbs(&self, template: Template) -> TbsCertificate {
        let template = template.with(Extension::authority_key_id(&key_id(self.key.public())));
        tbs(&template, self.certificate.subject().der(), &self.key)
    }
}

fn tbs(template: &Template, issuer: &[u8], key: &Key) -> TbsCertificate {
    TbsCertificate::new(&Fields {
        serial: &template.serial,
        scheme: key.scheme(),
        issuer,
        validity: template.validity,
        subject: &template.subject,
        spki: &template.spki,
        extensions: &template.extensions,
    })
}

fn sign(tbs: &TbsCertificate, key: &Key) -> Vec<u8> {
    tbs.sign(&key.sign(&tbs.der()))
}
