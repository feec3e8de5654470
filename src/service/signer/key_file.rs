//! A private key from a file, in the forms that openssl and cosign write.

mod container;
mod cosign;
mod generate;

use std::fmt;
use std::path::Path;

use aws_lc_rs::digest as aws_digest;
use aws_lc_rs::signature::{
    ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use p256::ecdsa::SigningKey;
use p256::pkcs8::DecodePrivateKey as _;
use zeroize::Zeroizing;

use super::{EphemeralKey, Password, Prepared, Signer, SignerError};
use crate::base::crypto::PublicKey;
use crate::base::encoding::der::{self, DerError, Oid, Reader, tag};
use crate::base::limits;
use crate::format::x509::oids;
use crate::service::BoxFuture;
use crate::service::environment::Environment;

pub use generate::{PrivateKey, Protection};

/// A P-256, P-384, P-521, RSA or Ed25519 key in memory, wiped when dropped.
pub struct KeyFile(Key);

enum Key {
    P256(EphemeralKey),
    /// P-384 and P-521, each with the digest of its scheme.
    Elliptic(Box<EcdsaKeyPair>, &'static aws_digest::Algorithm, PublicKey),
    Rsa(Box<RsaKeyPair>, PublicKey),
    Ed25519(Box<Ed25519KeyPair>, PublicKey),
}

const P256: Oid<'_> = Oid::constant(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]);
const P384: Oid<'_> = Oid::constant(&[0x2b, 0x81, 4, 0, 0x22]);
const P521: Oid<'_> = Oid::constant(&[0x2b, 0x81, 4, 0, 0x23]);

impl KeyFile {
    /// Reads the key in a file.
    ///
    /// # Errors
    ///
    /// [`SignerError`], which never shows the key.
    pub fn open(path: &Path, password: Option<&Password>, environment: &dyn Environment) -> Result<Self, SignerError> {
        let unreadable = |error| SignerError::Unreadable { path: path.to_owned(), error };
        let bytes = Zeroizing::new(environment.read(path, limits::PEM_BYTES).map_err(unreadable)?);
        Self::from_pem(std::str::from_utf8(&bytes).map_err(|_| SignerError::Key("PEM"))?, password)
    }

    /// Reads a key in PEM: PKCS#8 (RFC 5958), encrypted by PBES2 (RFC 8018) or not, SEC 1 (RFC 5915), PKCS#1
    /// (RFC 8017), or cosign's encrypted form.
    ///
    /// # Errors
    ///
    /// [`SignerError`], which never shows the key; [`SignerError::PasswordNeeded`] when it is encrypted and no
    /// password is given.
    pub fn from_pem(text: &str, password: Option<&Password>) -> Result<Self, SignerError> {
        Self::from_pkcs8(&container::pkcs8(text, password)?)
    }

    /// Reads a key in PKCS#8, DER, without encryption.
    ///
    /// # Errors
    ///
    /// [`SignerError`], which never shows the key.
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, SignerError> {
        let (algorithm, curve) = algorithm(pkcs8)?;
        let key = match (algorithm, curve) {
            (oids::EC_PUBLIC_KEY, Some(P256)) => {
                let key = SigningKey::from_pkcs8_der(pkcs8).map_err(|_| SignerError::Key("P-256"))?;
                Key::P256(EphemeralKey::new(key)?)
            }
            (oids::EC_PUBLIC_KEY, Some(P384)) => {
                elliptic(pkcs8, &ECDSA_P384_SHA384_ASN1_SIGNING, &aws_digest::SHA384, P384, "P-384")?
            }
            (oids::EC_PUBLIC_KEY, Some(P521)) => {
                elliptic(pkcs8, &ECDSA_P521_SHA512_ASN1_SIGNING, &aws_digest::SHA512, P521, "P-521")?
            }
            (oids::RSA_ENCRYPTION, None) => {
                let pair = RsaKeyPair::from_pkcs8(pkcs8).map_err(|_| SignerError::Key("RSA"))?;
                let identifier = der::sequence(&[&der::oid(oids::RSA_ENCRYPTION), &der::null()]);
                let public_key = spki(&identifier, pair.public_key().as_ref())?;
                Key::Rsa(Box::new(pair), public_key)
            }
            (oids::ED25519, None) => {
                let pair =
                    Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).map_err(|_| SignerError::Key("Ed25519"))?;
                let public_key = spki(&der::sequence(&[&der::oid(oids::ED25519)]), pair.public_key().as_ref())?;
                Key::Ed25519(Box::new(pair), public_key)
            }
            (other, _) => return Err(SignerError::Algorithm(other.to_string())),
        };
        Ok(Self(key))
    }
}

fn elliptic(
    pkcs8: &[u8],
    signing: &'static EcdsaSigningAlgorithm,
    digest: &'static aws_digest::Algorithm,
    curve: Oid<'_>,
    name: &'static str,
) -> Result<Key, SignerError> {
    let pair = EcdsaKeyPair::from_pkcs8(signing, pkcs8).map_err(|_| SignerError::Key(name))?;
    let identifier = der::sequence(&[&der::oid(oids::EC_PUBLIC_KEY), &der::oid(curve)]);
    let public_key = spki(&identifier, pair.public_key().as_ref())?;
    Ok(Key::Elliptic(Box::new(pair), digest, public_key))
}

/// The algorithm of a PrivateKeyInfo, and the curve when it names one.
fn algorithm(pkcs8: &[u8]) -> Result<(Oid<'_>, Option<Oid<'_>>), DerError> {
    let mut body = Reader::whole(pkcs8, tag::SEQUENCE)?;
    body.integer()?;
    let mut algorithm = body.sequence()?;
    let oid = algorithm.oid()?;
    if oid == oids::RSA_ENCRYPTION {
        return Ok((oid, None));
    }
    let curve = algorithm.optional(tag::OID)?.map(|curve| Oid::parse(curve.content)).transpose()?;
    Ok((oid, curve))
}

fn spki(identifier: &[u8], key: &[u8]) -> Result<PublicKey, SignerError> {
    PublicKey::from_spki(&der::sequence(&[identifier, &der::bit_string(key)])).map_err(SignerError::PublicKey)
}

impl Signer for KeyFile {
    fn public_key(&self) -> &PublicKey {
        match &self.0 {
            Key::P256(key) => key.public_key(),
            Key::Elliptic(_, _, public_key) | Key::Rsa(_, public_key) | Key::Ed25519(_, public_key) => public_key,
        }
    }

    fn sign<'a>(&'a self, prepared: Prepared<'a>) -> BoxFuture<'a, Result<Vec<u8>, SignerError>> {
        let unfit = || SignerError::Scheme { scheme: self.scheme() };
        let signed = match (&self.0, prepared) {
            (Key::P256(key), prepared) => return key.sign(prepared),
            (Key::Elliptic(pair, algorithm, _), Prepared::Digest(digest)) => {
                aws_digest::Digest::import_less_safe(digest.as_bytes(), algorithm)
                    .and_then(|digest| pair.sign_digest(&digest))
                    .map(|signature| signature.as_ref().to_vec())
                    .map_err(|_| unfit())
            }
            (Key::Rsa(pair, _), Prepared::Digest(digest)) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                aws_digest::Digest::import_less_safe(digest.as_bytes(), &aws_digest::SHA256)
                    .and_then(|digest| pair.sign_digest(&RSA_PKCS1_SHA256, &digest, &mut signature))
                    .map(|()| signature)
                    .map_err(|_| unfit())
            }
            (Key::Ed25519(pair, _), Prepared::Message(message)) => {
                pair.try_sign(message).map(|signature| signature.as_ref().to_vec()).map_err(|_| unfit())
            }
            _ => Err(unfit()),
        };
        Box::pin(std::future::ready(signed))
    }
}

impl fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyFile({:?})", self.public_key())
    }
}
