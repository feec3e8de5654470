//! One credential, any number of signatures.

use std::sync::Arc;

use super::credential::{CredentialSource, SigningCredential};
use super::error::SignError;
use super::future_time;
use super::services::Services;
use crate::base::crypto::{Digest, DigestAlgorithm, Scheme};
use crate::base::limits;
use crate::base::time::UnixTime;
use crate::format::bundle::{Content, LogEntry, UnverifiedBundle};
use crate::format::dsse::{self, Envelope};
use crate::format::intoto::Statement;
use crate::format::intoto::predicate::Predicate;
use crate::format::oci::DigestRef;
use crate::service::environment::Environment;
use crate::service::signer::{sign_digest, sign_message};
use crate::verify::{
    Artifact, KeyLog, KeyTrust, Promise, Requirements, SignedContent, SignedMaterial, Verified, Verifier, VerifyError,
};

/// A signing session: one token, one certificate, and then each artifact its own signature, timestamps
/// and log entries. Methods take `&self`, so that many may run at once.
#[derive(Debug)]
pub struct Session {
    credential: SigningCredential,
    needs_proven_time: bool,
    services: Services,
    verifier: Arc<Verifier>,
    environment: Arc<dyn Environment>,
}

/// A bundle that was verified by our own core, with the proof.
#[derive(Debug, Clone)]
#[must_use]
pub struct Signed {
    json: String,
    bundle: UnverifiedBundle,
    verified: Verified,
}

impl Signed {
    /// The bundle as it is to be written: v0.3 JSON, one line with its end.
    pub fn json(&self) -> &str {
        &self.json
    }

    /// The bundle as it was read back from [`Self::json`].
    pub fn bundle(&self) -> &UnverifiedBundle {
        &self.bundle
    }

    /// What was proven of it.
    pub fn verified(&self) -> &Verified {
        &self.verified
    }
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
        Ok(Self { credential, needs_proven_time, services, verifier, environment })
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
            services,
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

    /// From a signature to a verified bundle. First the clock, then the log: an entry is never older than
    /// the time that is proven for it.
    async fn complete(&self, content: Content, artifact: &Artifact<'_>) -> Result<Signed, SignError> {
        let signed = SignedMaterial {
            signature: content.signature(),
            signed_by: self.credential.signed_by(),
            content: match &content {
                Content::Message { .. } => SignedContent::Message { digest: artifact.shown_digest() },
                Content::Dsse(envelope) => SignedContent::Dsse { envelope },
                Content::SimpleSigning { payload, .. } => SignedContent::SimpleSigning { payload },
            },
        };
        let timestamps = self.timestamp(signed.signature).await?;
        let entries = self.log(&signed).await?;
        let bundle = UnverifiedBundle::assemble(self.credential.material(), entries, timestamps, content);
        self.verify(&bundle, artifact)
    }

    async fn timestamp(&self, signature: &[u8]) -> Result<Vec<Vec<u8>>, SignError> {
        // RFC 3161 servers take SHA-256 everywhere; what is stamped is the signature, whatever its scheme.
        let imprint = Digest::of(DigestAlgorithm::Sha256, signature);
        let mut timestamps = Vec::new();
        for authority in &self.services.timestamp_authorities {
            let response = authority.timestamp(imprint).await?;
            let checked = self.verifier.check_timestamp(&response, signature, self.latest());
            checked.map_err(|error| self.received(authority.name(), error))?;
            timestamps.push(response);
        }
        Ok(timestamps)
    }

    async fn log(&self, signed: &SignedMaterial<'_>) -> Result<Vec<LogEntry>, SignError> {
        let mut entries = Vec::new();
        for log in &self.services.logs {
            let entry = log.append(signed).await?;
            let checked = self.verifier.check_entry(&entry, signed, self.latest());
            checked.map_err(|error| self.received(log.name(), error))?;
            entries.push(entry);
        }
        Ok(entries)
    }

    /// Verifies what is written, as a stranger would read it.
    fn verify(&self, assembled: &UnverifiedBundle, artifact: &Artifact<'_>) -> Result<Signed, SignError> {
        let mut json = assembled.to_json();
        json.push('\n');
        let refused = |error| self.clock_error(&error).unwrap_or(SignError::SelfVerification(error));
        let bundle = UnverifiedBundle::parse(json.as_bytes())?;
        let verified = self.proof(&bundle, artifact, &Requirements::STRICT).map_err(refused)?;
        Ok(Signed { json, bundle, verified })
    }

    /// Verifies an older cosign signature of `image` that this session made, as it is written: with the promise
    /// of its log, for the older form has no place for the proof.
    pub(super) fn check_legacy(&self, bundle: &UnverifiedBundle, image: &DigestRef) -> Result<Verified, SignError> {
        let requirements = Requirements::STRICT.promise(Promise::Accepted);
        let artifact = Artifact::from_digest(*image.digest()).named(vec![image.repository().clone()]);
        self.proof(bundle, &artifact, &requirements).map_err(SignError::SelfVerification)
    }

    fn proof(
        &self,
        bundle: &UnverifiedBundle,
        artifact: &Artifact<'_>,
        requirements: &Requirements,
    ) -> Result<Verified, VerifyError> {
        let now = self.latest();
        if self.credential.certificate().is_some() {
            return self.verifier.verify(artifact, bundle, requirements, now);
        }
        let key = self.credential.signer().public_key().clone();
        let trust = match self.services.log {
            KeyLog::Required => KeyTrust::logged(key),
            KeyLog::NotRequiredUnsafe => KeyTrust::without_log_unsafe(key),
        };
        self.verifier.verify_with_key(artifact, bundle, &trust, requirements, now)
    }

    /// The latest time that is believed: a service's clock may be ahead of ours by the tolerance.
    /// Verification compares `now` with nothing but the upper end of times, so that this accepts exactly
    /// what "the later of the local clock and the proven times, within the tolerance" accepts.
    fn latest(&self) -> UnixTime {
        self.environment.now().plus_secs(limits::CLOCK_TOLERANCE_SECS)
    }

    fn received(&self, service: String, error: VerifyError) -> SignError {
        self.clock_error(&error).unwrap_or(SignError::Received { service, error })
    }

    /// Whether a refusal is for a time after [`Self::latest`]: then one of the clocks is wrong.
    fn clock_error(&self, error: &VerifyError) -> Option<SignError> {
        let proven = future_time(error)?;
        Some(SignError::Clock { proven, local: self.environment.now() })
    }
}
