//! New keys, and the files that they are kept in.

use std::fmt;

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, RsaKeyPair,
};
use p256::ecdsa::SigningKey;
use p256::elliptic_curve::Generate as _;
use p256::pkcs8::EncodePrivateKey as _;
use pkcs8::PrivateKeyInfoRef;
use zeroize::Zeroizing;

use super::{KeyFile, container, cosign};
use crate::base::crypto::KeyKind;
use crate::base::encoding::pem;
use crate::service::signer::Signer as _;
use crate::service::signer::{Password, SignerError};

/// How a private key stands in a file.
#[derive(Debug, Clone, Copy)]
pub enum Protection<'a> {
    /// Encrypted PKCS#8: PBES2 with scrypt and AES-256-CBC (RFC 8018), as `openssl pkey` reads it.
    Pkcs8(&'a Password),
    /// cosign's form.
    Cosign(&'a Password),
    /// PKCS#8 as it is: who reads the file can sign.
    NoneUnsafe,
}

/// A private key on its way to a file; wiped when dropped.
pub struct PrivateKey {
    pkcs8: Zeroizing<Vec<u8>>,
    key: KeyFile,
}

impl PrivateKey {
    /// A new key. RSA of 2048, 3072 or 4096 bits.
    ///
    /// # Errors
    ///
    /// [`SignerError::Algorithm`] for other sizes, [`SignerError::Randomness`].
    pub fn generate(kind: KeyKind) -> Result<Self, SignerError> {
        let lost = |_| SignerError::Randomness;
        let pkcs8 = match kind {
            KeyKind::P256 => {
                let key = SigningKey::try_generate().map_err(|_| SignerError::Randomness)?;
                key.to_pkcs8_der().map_err(|_| SignerError::Key("P-256"))?.as_bytes().to_vec()
            }
            KeyKind::P384 => elliptic(&ECDSA_P384_SHA384_ASN1_SIGNING)?,
            KeyKind::P521 => elliptic(&ECDSA_P521_SHA512_ASN1_SIGNING)?,
            KeyKind::Ed25519 => {
                let pair = Ed25519KeyPair::generate().map_err(lost)?;
                pair.to_pkcs8v1().map_err(lost)?.as_ref().to_vec()
            }
            KeyKind::Rsa { bits } => {
                let size = match bits {
                    2048 => KeySize::Rsa2048,
                    3072 => KeySize::Rsa3072,
                    4096 => KeySize::Rsa4096,
                    _ => return Err(SignerError::Algorithm(kind.to_string())),
                };
                let pair = RsaKeyPair::generate(size).map_err(lost)?;
                let der: Pkcs8V1Der<'_> = pair.as_der().map_err(lost)?;
                der.as_ref().to_vec()
            }
        };
        Self::of(Zeroizing::new(pkcs8))
    }

    /// A key that there is already, in any form that [`KeyFile::from_pem`] reads.
    ///
    /// # Errors
    ///
    /// [`SignerError`], which never shows the key.
    pub fn import(text: &str, password: Option<&Password>) -> Result<Self, SignerError> {
        Self::of(container::pkcs8(text, password)?)
    }

    fn of(pkcs8: Zeroizing<Vec<u8>>) -> Result<Self, SignerError> {
        let key = KeyFile::from_pkcs8(&pkcs8)?;
        Ok(Self { pkcs8, key })
    }

    /// The key as a signer.
    pub fn signer(&self) -> &KeyFile {
        &self.key
    }

    /// The key in PEM.
    ///
    /// # Errors
    ///
    /// [`SignerError::Randomness`]; [`SignerError::Key`] when the key does not fit the form.
    pub fn to_pem(&self, protection: Protection<'_>) -> Result<Zeroizing<String>, SignerError> {
        let text = match protection {
            Protection::Pkcs8(password) => {
                let unfit = |_| SignerError::Key("PKCS#8");
                let info =
                    PrivateKeyInfoRef::try_from(self.pkcs8.as_slice()).map_err(|_| SignerError::Key("PKCS#8"))?;
                let sealed = info.encrypt(password.bytes()).map_err(unfit)?;
                pem::encode("ENCRYPTED PRIVATE KEY", sealed.as_bytes())
            }
            Protection::Cosign(password) => {
                pem::encode("ENCRYPTED SIGSTORE PRIVATE KEY", &cosign::seal(&self.pkcs8, password)?)
            }
            Protection::NoneUnsafe => pem::encode("PRIVATE KEY", &self.pkcs8),
        };
        Ok(Zeroizing::new(text))
    }
}

fn elliptic(algorithm: &'static EcdsaSigningAlgorithm) -> Result<Vec<u8>, SignerError> {
    let lost = |_| SignerError::Randomness;
    let pair = EcdsaKeyPair::generate(algorithm).map_err(lost)?;
    Ok(pair.to_pkcs8v1().map_err(lost)?.as_ref().to_vec())
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({:?})", self.key.public_key())
    }
}
