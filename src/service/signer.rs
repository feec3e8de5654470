//! What signs: a key that stays where it is.

mod ephemeral;
mod external;
mod key_file;
mod password;
#[cfg(feature = "pkcs11")]
mod pkcs11;
mod reference;
mod remote;

use std::fmt;
use std::path::PathBuf;

use thiserror::Error;

use super::BoxFuture;
use super::ca::VaultError;
use super::http::HttpError;
use crate::base::code::Code;
use crate::base::crypto::{Digest, Family, KeyError, PublicKey, Scheme};
use crate::base::encoding::der::DerError;
use crate::base::encoding::pem::PemError;

pub use ephemeral::EphemeralKey;
pub use external::ExternalSigner;
pub use key_file::{KeyFile, PrivateKey, Protection};
pub use password::Password;
pub use reference::{BACKENDS, Backend, KeyReference};

/// Holds a private key and signs with it.
///
/// An implementation
/// - never gives the private key out, and wipes its memory when dropped;
/// - signs what [`Prepared`] holds and nothing else: it does not hash a digest again;
/// - gives ECDSA signatures in DER, RSA and Ed25519 signatures as their RFCs have them;
/// - gives the same key and scheme every time it is asked.
///
/// What it returns is verified under its public key before anything is done with it.
pub trait Signer: fmt::Debug + Send + Sync {
    /// The public key.
    fn public_key(&self) -> &PublicKey;

    /// The scheme that it signs with: unless overridden, the one that belongs to the key.
    fn scheme(&self) -> Scheme {
        Scheme::default_for(self.public_key().kind())
    }

    /// Signs.
    fn sign<'a>(&'a self, prepared: Prepared<'a>) -> BoxFuture<'a, Result<Vec<u8>, SignerError>>;
}

/// What is signed: the digest of the message, or, for Ed25519, the message itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prepared<'a> {
    /// A digest by the scheme's algorithm.
    Digest(&'a Digest),
    /// The message, for schemes that do not sign digests.
    Message(&'a [u8]),
}

/// Signs a message that is at hand, as the signer's scheme wants it prepared, and verifies what comes
/// back.
///
/// # Errors
///
/// What the signer says, or [`SignerError::Invalid`].
pub async fn sign_message(signer: &dyn Signer, message: &[u8]) -> Result<Vec<u8>, SignerError> {
    let scheme = signer.scheme();
    if scheme.family != Family::Ed25519 {
        return sign_digest(signer, &Digest::of(scheme.digest, message)).await;
    }
    let signature = signer.sign(Prepared::Message(message)).await?;
    signer.public_key().verify(scheme, message, &signature).map_err(SignerError::Invalid)?;
    Ok(signature)
}

/// Signs a digest, and verifies what comes back.
///
/// # Errors
///
/// What the signer says; [`SignerError::Scheme`] when its scheme does not sign digests of this
/// algorithm; [`SignerError::Invalid`].
pub async fn sign_digest(signer: &dyn Signer, digest: &Digest) -> Result<Vec<u8>, SignerError> {
    let scheme = signer.scheme();
    if scheme.family == Family::Ed25519 || scheme.digest != digest.algorithm() {
        return Err(SignerError::Scheme { scheme });
    }
    let signature = signer.sign(Prepared::Digest(digest)).await?;
    signer.public_key().verify_digest(scheme, digest, &signature).map_err(SignerError::Invalid)?;
    Ok(signature)
}

/// Why there is no signature.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SignerError {
    /// The key's file cannot be read.
    #[error("private key {}: {error}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The key is not PEM.
    #[error("private key: {0}")]
    Pem(#[from] PemError),
    /// The key is encrypted, and no password was given.
    #[error("private key is encrypted, and no password was given")]
    PasswordNeeded,
    /// The password does not open the key.
    #[error("the password does not open the private key")]
    Password,
    /// Encrypted as OpenSSL did before PKCS#8.
    #[error("private key is encrypted by one MD5 of its password")]
    OldEncryption,
    /// Not a PKCS#8 PrivateKeyInfo (RFC 5958).
    #[error("private key is not PKCS#8: {0}")]
    Format(#[from] DerError),
    /// An algorithm that we do not sign with.
    #[error("private key of algorithm {0} cannot sign here")]
    Algorithm(String),
    /// A key that its algorithm does not have.
    #[error("private key is not a valid {0} key")]
    Key(&'static str),
    /// The public key that belongs to it.
    #[error("{0}")]
    PublicKey(KeyError),
    /// The scheme does not sign what it was given.
    #[error("{scheme} does not sign what it was given: a digest by its own algorithm, or for Ed25519 the message")]
    Scheme {
        /// The scheme.
        scheme: Scheme,
    },
    /// A message that is too long for who holds the key.
    #[error("{holder} signs messages of at most {limit} bytes, and this one has {length}")]
    Length {
        /// Who holds the key.
        holder: &'static str,
        /// Its length.
        length: usize,
        /// The most.
        limit: usize,
    },
    /// The signature does not verify under the signer's own key.
    #[error("the signer gave a signature that its own key does not verify: {0}")]
    Invalid(KeyError),
    /// The system's randomness.
    #[error("the system has no randomness to make a key from")]
    Randomness,
    /// A name of a key that is not whole.
    #[error("{name:?} names no key: it is written {form}")]
    Reference {
        /// The name.
        name: String,
        /// How it is written.
        form: &'static str,
    },
    /// Nothing says who asks.
    #[error("the key service is not asked: {0}")]
    Credentials(&'static str),
    /// What its variables say of a Vault does not fit together.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The way to a key service, or what it answered.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// A program that was to sign.
    #[error("the signer {}: {problem}", .program.display())]
    Program {
        /// The program.
        program: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A PKCS#11 token.
    #[error("PKCS#11: {problem}")]
    Token {
        /// What is wrong, in the module's words.
        problem: String,
    },
    /// The PIN of a PKCS#11 token.
    #[error("PKCS#11: the token does not take the PIN: {problem}")]
    TokenPin {
        /// What the module says.
        problem: String,
    },
    /// Not exactly one key pair in a PKCS#11 token.
    #[error("PKCS#11: {problem}")]
    TokenKey {
        /// What is wrong.
        problem: String,
    },
    /// This build has no PKCS#11.
    #[error("this build cannot load PKCS#11 modules")]
    NoPkcs11,
    /// A signer of another crate.
    #[error("the signer failed: {0}")]
    Other(Box<dyn std::error::Error + Send + Sync>),
}

impl SignerError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Unreadable { .. } => Code::undecided("signer-key-unreadable", "check the path and its permissions"),
            Self::Pem(_) | Self::Format(_) | Self::Key(_) => Code::usage(
                "signer-key-format",
                "give a private key in PEM (PKCS#8, SEC 1, PKCS#1 or cosign's); `sealmark key generate` makes one",
            ),
            Self::PasswordNeeded => Code::usage(
                "signer-key-encrypted",
                "give its password: SEALMARK_KEY_PASSWORD, COSIGN_PASSWORD or --key-password-file",
            ),
            Self::Password => Code::usage("signer-key-password", "check the password: nothing was signed"),
            Self::OldEncryption => Code::usage(
                "signer-key-old-encryption",
                "convert it: `openssl pkcs8 -topk8 -v2 aes-256-cbc -in KEY -out NEW` asks for both passwords",
            ),
            Self::Algorithm(_) => Code::usage(
                "signer-key-algorithm",
                "use P-256, P-384, P-521, RSA of 2048, 3072 or 4096 bits, or Ed25519",
            ),
            Self::PublicKey(error) => error.code(),
            Self::Scheme { .. } => Code::usage(
                "signer-scheme",
                "use a P-256 key: it signs everything, and every verifier takes it; an Ed25519 key signs attestations and images, not files",
            ),
            Self::Length { .. } => {
                Code::usage("signer-message-long", "use a P-256 key: of a message of any length it signs the digest")
            }
            Self::Invalid(_) => {
                Code::refused("signer-invalid", "the signer is broken or holds another key: nothing was written")
            }
            Self::Reference { .. } => Code::usage("signer-key-name", "the manual's page on keys has every form"),
            Self::Credentials(_) => Code::usage(
                "signer-credentials",
                "set them in this job's environment, as for the service's own program",
            ),
            Self::Vault(error) => error.code(),
            Self::Http(error) => error.code(),
            Self::Program { .. } => {
                Code::undecided("signer-program", "run the program by hand: the manual's page on keys has its protocol")
            }
            Self::Token { .. } => {
                Code::undecided("signer-token", "list the token's keys: `pkcs11-tool --module FILE --login -O`")
            }
            Self::TokenPin { .. } => Code::usage(
                "signer-token-pin",
                "check pin-source or SEALMARK_PKCS11_PIN: after a few wrong PINs a token locks itself",
            ),
            Self::TokenKey { .. } => Code::undecided(
                "signer-token-key",
                "compare object and id of its URI with what the token lists: `pkcs11-tool --module FILE --login -O`",
            ),
            Self::NoPkcs11 => Code::usage(
                "signer-no-pkcs11",
                "build it with the feature `pkcs11`, or name a program that signs: --key exec:PROGRAM",
            ),
            Self::Randomness | Self::Other(_) => Code::undecided("signer-failed", "read what the signer says"),
        }
    }
}

#[cfg(test)]
mod tests;
