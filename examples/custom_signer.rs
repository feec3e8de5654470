//! A signer of your own: implement [`Signer`] for whatever holds your key, and sign with it.
//!
//! Here the key is in memory; in yours, `sign` asks an HSM or a key management service. It runs offline: no
//! log, no timestamp, and a verifier that trusts the public key alone.

use std::error::Error;
use std::sync::Arc;

use aws_lc_rs::digest::{Digest as RawDigest, SHA384};
use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::signature::{ECDSA_P384_SHA384_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use sealmark::base::crypto::{Digest, PublicKey};
use sealmark::format::trust::{Embedded, TrustedRoot};
use sealmark::service::BoxFuture;
use sealmark::service::environment::{Environment as _, SystemEnvironment};
use sealmark::service::signer::{Prepared, Signer, SignerError};
use sealmark::sign::{ManagedKey, Services, Session};
use sealmark::verify::{Artifact, KeyTrust, Requirements, Verifier};

/// A P-384 key, somewhere.
struct MyKey {
    pair: EcdsaKeyPair,
    public_key: PublicKey,
}

impl MyKey {
    fn generate() -> Result<Self, Box<dyn Error>> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_ASN1_SIGNING)?;
        let public_key = PublicKey::from_spki(pair.public_key().as_der()?.as_ref())?;
        Ok(Self { pair, public_key })
    }

    fn sign_here(&self, digest: &Digest) -> Result<Vec<u8>, SignerError> {
        let failed = |error| SignerError::Other(Box::new(error));
        let digest = RawDigest::import_less_safe(digest.as_bytes(), &SHA384).map_err(failed)?;
        Ok(self.pair.sign_digest(&digest).map_err(failed)?.as_ref().to_vec())
    }
}

impl Signer for MyKey {
    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn sign<'a>(&'a self, prepared: Prepared<'a>) -> BoxFuture<'a, Result<Vec<u8>, SignerError>> {
        Box::pin(async move {
            match prepared {
                Prepared::Digest(digest) => self.sign_here(digest),
                // Only Ed25519 signs messages.
                Prepared::Message(_) => Err(SignerError::Scheme { scheme: self.scheme() }),
            }
        })
    }
}

impl std::fmt::Debug for MyKey {
    /// Never the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "MyKey({:?})", self.public_key)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let artifact = b"what is to be signed";
    let key = MyKey::generate()?;
    let public_key = key.public_key().clone();

    let root = TrustedRoot::parse(Embedded::PublicGood.trusted_root_json().as_bytes())?;
    let verifier = Arc::new(Verifier::new(&root)?);
    let environment = Arc::new(SystemEnvironment);
    let services = Services::without_log_unsafe(Vec::new());
    let session = Session::begin(&ManagedKey::new(key), services, Arc::clone(&verifier), environment).await?;
    let signed = session.sign(Digest::of(session.digest_algorithm(), artifact)).await?;

    let trust = KeyTrust::without_log_unsafe(public_key);
    let (artifact, now) = (Artifact::from_bytes(artifact), SystemEnvironment.now());
    let verified = verifier.verify_with_key(&artifact, signed.bundle(), &trust, &Requirements::STRICT, now)?;
    println!("verified {}: {}", verified.artifact(), signed.json().trim_end());
    Ok(())
}
