//! Authorities, logs, signers and sources of somebody else's making, which fail in words of their own.

use super::*;
use crate::base::crypto::PublicKey;
use crate::format::bundle::LogEntry;
use crate::service::BoxFuture;
use crate::service::ca::{CaError, CertificateAuthority, CertificateChain, CertificateRequest};
use crate::service::signer::{Prepared, Signer, SignerError};
use crate::service::tlog::{TlogError, TransparencyLog};
use crate::service::tsa::{TimestampAuthority, TsaError};
use crate::sign::credential::{CredentialError, CredentialSource, SigningCredential};
use crate::verify::SignedMaterial;

const WORDS: &str = "the quota is used up";

/// Whatever it is asked, it says that its quota is used up.
#[derive(Debug)]
struct UsedUp(PublicKey);

impl UsedUp {
    fn new() -> Self {
        Self(EphemeralKey::generate().unwrap().public_key().clone())
    }
}

fn says<'a, T: Send + 'a, E: Send + 'a>(
    error: impl FnOnce(Box<dyn std::error::Error + Send + Sync>) -> E,
) -> BoxFuture<'a, Result<T, E>> {
    Box::pin(std::future::ready(Err(error(WORDS.into()))))
}

impl CertificateAuthority for UsedUp {
    fn name(&self) -> String {
        "used up".to_owned()
    }

    fn issue<'a>(&'a self, _: CertificateRequest<'a>) -> BoxFuture<'a, Result<CertificateChain, CaError>> {
        says(CaError::Other)
    }
}

impl TransparencyLog for UsedUp {
    fn name(&self) -> String {
        "used up".to_owned()
    }

    fn proves_time(&self) -> bool {
        false
    }

    fn append<'a>(&'a self, _: &'a SignedMaterial<'a>) -> BoxFuture<'a, Result<LogEntry, TlogError>> {
        says(TlogError::Other)
    }
}

impl TimestampAuthority for UsedUp {
    fn name(&self) -> String {
        "used up".to_owned()
    }

    fn timestamp(&self, _: Digest) -> BoxFuture<'_, Result<Vec<u8>, TsaError>> {
        says(TsaError::Other)
    }
}

impl Signer for UsedUp {
    fn public_key(&self) -> &PublicKey {
        &self.0
    }

    fn sign<'a>(&'a self, _: Prepared<'a>) -> BoxFuture<'a, Result<Vec<u8>, SignerError>> {
        says(SignerError::Other)
    }
}

impl CredentialSource for UsedUp {
    fn needs_proven_time(&self) -> bool {
        false
    }

    fn acquire(&self) -> BoxFuture<'_, Result<SigningCredential, CredentialError>> {
        says(CredentialError::Other)
    }
}

/// The code of a session's first signature, whose error has the words.
fn code(stage: &Stage, source: &dyn CredentialSource, services: Services) -> (&'static str, u8) {
    let error = block_on(async {
        Session::begin(source, services, stage.verifier(), stage.environment()).await?.sign(digest()).await
    })
    .unwrap_err();
    assert!(error.to_string().contains(WORDS), "{error}");
    (error.code().name(), error.code().exit_code())
}

#[test]
fn each_of_them_has_its_code_and_its_words() {
    let stage = Stage::v2();
    let token = ExplicitToken::text(zeroize::Zeroizing::new(keyless_token()));
    let certified = Keyless::new(vec![Box::new(token)], UsedUp::new(), stage.verifier(), stage.environment());
    assert_eq!(code(&stage, &certified, stage.services()), ("ca-failed", 3));
    let log = Services::new(vec![Box::new(UsedUp::new())], stage.tsas());
    assert_eq!(code(&stage, &stage.keyless(), log), ("log-failed", 3));
    let tsa = Services::new(stage.tlogs(), vec![Box::new(UsedUp::new())]);
    assert_eq!(code(&stage, &stage.keyless(), tsa), ("tsa-failed", 3));
    assert_eq!(code(&stage, &ManagedKey::new(UsedUp::new()), stage.services()), ("signer-failed", 3));
    assert_eq!(code(&stage, &UsedUp::new(), stage.services()), ("credential-failed", 3));
}

#[test]
fn what_comes_after_a_credential_that_could_not_be_renewed_is_interrupted() {
    let stage = Stage::v2();
    let left = i64::try_from(block_on(stage.begin()).unwrap().certified_for().unwrap().as_secs()).unwrap();
    let stage = Stage::v2().at(SIGNED.plus_secs(left - 50));
    let results = block_on(async {
        let session = Arc::new(stage.begin().await.unwrap());
        super::super::blob::sign_paced(&session, Some(&UsedUp::new()), None, &[digest(); 3]).await
    });
    let codes: Vec<_> =
        results.into_iter().map(|result| result.map(drop).map_err(|error| error.code().name())).collect();
    assert_eq!(codes, [Err("credential-failed"), Err("sign-interrupted"), Err("sign-interrupted")]);
    assert_eq!(stage.counts.logged.load(Ordering::Relaxed), 0);
}
