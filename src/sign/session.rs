//! One credential, any number of signatures.

use std::sync::Arc;
use std::time::Duration;

use super::completion::{Completion, Signed};
use super::credential::{CredentialSource, SigningCredential};
use super::error::SignError;
use super::services::Services;
use crate::base::crypto::{Digest, DigestAlgorithm, Scheme};
use crate::format::bundle::{Content, UnverifiedBundle};
use crate::format::dsse::{self, Envelope};
use crate::format::intoto::Statement;
use crate::format::intoto::predicate::Predicate;
use crate::format::oci::DigestRef;
use crate::service::environment::Environment;
use crate::service::signer::{sign_digest, sign_message};
use crate::verify::{Artifact, Promise, Requirements, Verified, Verifier};

/// A signing session: one token, one certificate, and then each artifact its own signature, timestamps
/// and log entries. Methods take `&self`, so that many may run at once.
#[derive(Debug)]
pub struct Session {
    credential: SigningCredential,
    needs_proven_time: bool,
    services: Arc<Services>,
    verifier: Arc<Verifier>,
    environment: Arc<dyn Environment>,
}

impl Session {
    /// Acquires a credential. `verifier` is of the trusted root that the signatures are to verify under.
    ///
    /// # Errors
    ///
    /// [`SignError`]; of the services only, [`SignError::NoLog`] and [`SignError::NoProvenTime`], before
    /// anything is sent.
    pub async fn begin(
        source: &dyn CredentialSource,
        services: Services,
        verifier: Arc<Verifier>,
        environment: Arc<dyn Environment>,
    ) -> Result<Self, SignError> {
        let needs_proven_time = source.needs_proven_time();
        services.suffice(&verifier, needs_proven_time)?;
        let credential = source.acquire().await?;
        Ok(Self { credential, needs_proven_time, services: Arc::new(services), verifier, environment })
    }

    /// The same credential with other services: no further token or certificate.
    ///
    /// # Errors
    ///
    /// [`SignError::NoLog`] and [`SignError::NoProvenTime`].
    pub fn with_services(&self, services: Services) -> Result<Self, SignError> {
        services.suffice(&self.verifier, self.needs_proven_time)?;
        Ok(Self {
            credential: self.credential.clone(),
            needs_proven_time: self.needs_proven_time,
            services: Arc::new(services),
            verifier: Arc::clone(&self.verifier),
            environment: Arc::clone(&self.environment),
        })
    }

    /// The credential: who signs.
    pub fn credential(&self) -> &SigningCredential {
        &self.credential
    }

    /// The digest algorithm that artifacts are to be hashed with: the one that the key signs.
    pub fn digest_algorithm(&self) -> DigestAlgorithm {
        self.scheme().digest
    }

    fn scheme(&self) -> Scheme {
        self.credential.signer().scheme()
    }

    /// Signs an artifact by its digest, of [`Self::digest_algorithm`].
    ///
    /// # Errors
    ///
    /// [`SignError`]; no bundle is given out then.
    pub async fn sign(&self, digest: Digest) -> Result<Signed, SignError> {
        let signature = sign_digest(self.credential.signer(), &digest).await?;
        let content = Content::Message { digest: Some(digest), signature };
        self.complete(content, &Artifact::from_digest(digest)).await
    }

    /// Signs an in-toto statement, byte for byte, as a DSSE envelope.
    ///
    /// # Errors
    ///
    /// [`SignError`]; no bundle is given out then.
    pub async fn attest(&self, statement: &str) -> Result<Signed, SignError> {
        let parsed = Statement::parse(statement.as_bytes())?;
        Predicate::parse(&parsed.predicate_type, &parsed.predicate)?;
        let subject = parsed.subjects.iter().flat_map(|subject| &subject.digests).next();
        let artifact = Artifact::from_digest(*subject.ok_or(SignError::SubjectAlgorithm)?);
        let payload = statement.as_bytes().to_vec();
        let signature = sign_message(self.credential.signer(), &dsse::pae(dsse::IN_TOTO, &payload)).await?;
        let (payload_type, key_id) = (dsse::IN_TOTO.to_owned(), String::new());
        let content = Content::Dsse(Envelope { payload_type, payload, signature, key_id });
        self.complete(content, &artifact).await
    }

    /// How long the certificate still holds; `None` for a key without one.
    pub fn certified_for(&self) -> Option<Duration> {
        let end = self.credential.certificate()?.validity().end()?;
        let left = end.millis() - self.environment.now().millis();
        Some(Duration::from_millis(u64::try_from(left).unwrap_or(0)))
    }

    /// The same services with a new credential, when the old one's certificate is about to end.
    ///
    /// # Errors
    ///
    /// Those of the credential.
    pub async fn renew(&self, source: &dyn CredentialSource) -> Result<Self, SignError> {
        let credential = source.acquire().await?;
        Ok(Self {
            credential,
            needs_proven_time: self.needs_proven_time,
            services: Arc::clone(&self.services),
            verifier: Arc::clone(&self.verifier),
            environment: Arc::clone(&self.environment),
        })
    }

    async fn complete(&self, content: Content, artifact: &Artifact<'_>) -> Result<Signed, SignError> {
        self.completion().complete(self.credential.material(), content, artifact).await
    }

    fn completion(&self) -> Completion<'_> {
        Completion {
            services: &self.services,
            verifier: &self.verifier,
            environment: &*self.environment,
            signed_by: self.credential.signed_by(),
        }
    }

    /// Verifies an older cosign signature of `image` that this session made, as it is written: with the promise
    /// of its log, for the older form has no place for the proof.
    pub(super) fn check_legacy(&self, bundle: &UnverifiedBundle, image: &DigestRef) -> Result<Verified, SignError> {
        let requirements = Requirements::STRICT.promise(Promise::Accepted);
        let artifact = Artifact::from_digest(*image.digest()).named(vec![image.repository().clone()]);
        self.completion().proof(bundle, &artifact, &requirements).map_err(SignError::SelfVerification)
    }
}
