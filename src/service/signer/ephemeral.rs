//! A P-256 key that lives as long as one signing session.

use std::fmt;

use p256::ecdsa::signature::hazmat::PrehashSigner as _;
use p256::ecdsa::{DerSignature, SigningKey};
use p256::elliptic_curve::Generate as _;
use p256::pkcs8::EncodePublicKey as _;

use super::{Prepared, Signer, SignerError};
use crate::base::crypto::PublicKey;
use crate::service::BoxFuture;

/// A P-256 private key in memory, wiped when dropped; never written anywhere.
pub struct EphemeralKey {
    key: SigningKey,
    public_key: PublicKey,
}

impl EphemeralKey {
    /// A new key from the system's randomness.
    ///
    /// # Errors
    ///
    /// [`SignerError::Randomness`].
    pub fn generate() -> Result<Self, SignerError> {
        Self::new(SigningKey::try_generate().map_err(|_| SignerError::Randomness)?)
    }

    pub(super) fn new(key: SigningKey) -> Result<Self, SignerError> {
        let spki = key.verifying_key().to_public_key_der().map_err(|_| SignerError::Key("P-256"))?;
        let public_key = PublicKey::from_spki(spki.as_bytes()).map_err(SignerError::PublicKey)?;
        Ok(Self { key, public_key })
    }
}

impl Signer for EphemeralKey {
    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn sign<'a>(&'a self, prepared: Prepared<'a>) -> BoxFuture<'a, Result<Vec<u8>, SignerError>> {
        Box::pin(async move {
            let unfit = || SignerError::Scheme { scheme: self.scheme() };
            let Prepared::Digest(digest) = prepared else { return Err(unfit()) };
            let signature: DerSignature = self.key.sign_prehash(digest.as_bytes()).map_err(|_| unfit())?;
            Ok(signature.as_bytes().to_vec())
        })
    }
}

impl fmt::Debug for EphemeralKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EphemeralKey({:?})", self.public_key)
    }
}
