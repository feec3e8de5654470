//! From a signature to a bundle that was verified.

use std::time::Duration;

use super::error::SignError;
use super::future_time;
use super::services::Services;
use super::unlogged::Unlogged;
use crate::base::code::Class;
use crate::base::crypto::{Digest, DigestAlgorithm};
use crate::base::encoding::hex;
use crate::base::limits;
use crate::base::time::UnixTime;
use crate::format::bundle::{Content, LogEntry, UnverifiedBundle, VerificationMaterial};
use crate::format::x509::FulcioClaims;
use crate::service::environment::Environment;
use crate::service::ledger::{Line, SignedAs};
use crate::verify::{
    Artifact, KeyLog, KeyTrust, Requirements, SignedBy, SignedContent, SignedMaterial, Verified, Verifier, VerifyError,
};

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

/// What vouches for a signature, and what it must verify under.
pub(super) struct Completion<'a> {
    pub(super) services: &'a Services,
    pub(super) verifier: &'a Verifier,
    pub(super) environment: &'a dyn Environment,
    pub(super) signed_by: SignedBy<'a>,
}

impl Completion<'_> {
    /// First the clock, then the log: an entry is never older than the time that is proven for it.
    pub(super) async fn complete(
        &self,
        material: VerificationMaterial,
        content: Content,
        artifact: &Artifact<'_>,
    ) -> Result<Signed, SignError> {
        let timestamps = self.while_certified(self.timestamp(content.signature())).await?;
        let unlogged = UnverifiedBundle::assemble(material, Vec::new(), timestamps, content);
        match unlogged.claimed_timestamps().is_empty() {
            // The log alone proves the time, if anything does.
            true => self.while_certified(self.finish(&unlogged, artifact)).await,
            false => self.finish(&unlogged, artifact).await,
        }
    }

    /// Logs what `unlogged` holds, and verifies the whole.
    pub(super) async fn finish(
        &self,
        unlogged: &UnverifiedBundle,
        artifact: &Artifact<'_>,
    ) -> Result<Signed, SignError> {
        let content = unlogged.claimed_content();
        let signed = SignedMaterial {
            signature: content.signature(),
            signed_by: self.signed_by,
            content: match content {
                Content::Message { .. } => SignedContent::Message { digest: artifact.shown_digest() },
                Content::Dsse(envelope) => SignedContent::Dsse { envelope },
                Content::SimpleSigning { payload, .. } => SignedContent::SimpleSigning { payload },
            },
        };
        let entries = self.log(&signed).await.map_err(|error| self.kept(error, unlogged))?;
        self.record(&entries, artifact).await?;
        let (material, timestamps) = (unlogged.claimed_material().clone(), unlogged.claimed_timestamps().to_vec());
        self.verify(&UnverifiedBundle::assemble(material, entries, timestamps, content.clone()), artifact)
    }

    async fn timestamp(&self, signature: &[u8]) -> Result<Vec<Vec<u8>>, SignError> {
        // RFC 3161 servers take SHA-256 everywhere; what is stamped is the signature, whatever its scheme.
        let imprint = Digest::of(DigestAlgorithm::Sha256, signature);
        let mut asking = self.services.timestamp_authorities.ask();
        while let Some(authority) = asking.next() {
            let answer = authority.timestamp(imprint).await.map_err(SignError::from);
            asking.take(answer.and_then(|response| {
                let checked = self.verifier.check_timestamp(&response, signature, self.latest());
                checked.map(|_| response).map_err(|error| self.received(authority.name(), error))
            }))?;
        }
        Ok(asking.given())
    }

    async fn log(&self, signed: &SignedMaterial<'_>) -> Result<Vec<LogEntry>, SignError> {
        let mut asking = self.services.logs.ask();
        while let Some(log) = asking.next() {
            let answer = log.append(signed).await.map_err(SignError::from);
            asking.take(answer.and_then(|entry| {
                let checked = self.verifier.check_entry(&entry, signed, self.latest());
                checked.map(|_| entry).map_err(|error| self.received(log.name(), error))
            }))?;
        }
        Ok(asking.given())
    }

    /// Writes the entries down before anything is built on them: they are in the log, whatever comes next.
    async fn record(&self, entries: &[LogEntry], artifact: &Artifact<'_>) -> Result<(), SignError> {
        let Some(ledger) = self.services.ledger.clone() else { return Ok(()) };
        let (identity, issuer) = match self.signed_by {
            SignedBy::Certificate(certificate) => {
                let claims = FulcioClaims::read(certificate).ok();
                let identity = certificate.san().map_or_else(|_| certificate.label(), |san| san.as_str().to_owned());
                (identity, claims.and_then(|claims| claims.issuer().map(str::to_owned)))
            }
            SignedBy::Key(key) => (format!("key sha256:{}", hex::encode(&key.spki_sha256())), None),
        };
        let (now, digest) = (self.environment.now(), artifact.shown_digest());
        let signed_as = SignedAs { identity: &identity, issuer: issuer.as_deref() };
        let lines: Vec<Line> = entries.iter().map(|entry| Line::new(now, digest, signed_as, entry)).collect();
        // A task that ends early has written nothing that it reported.
        tokio::task::spawn_blocking(move || ledger.append(&lines)).await.map_err(|_| SignError::Interrupted)??;
        Ok(())
    }

    /// Ends what proves the time when the certificate does: later it would prove nothing.
    async fn while_certified<T>(&self, part: impl Future<Output = Result<T, SignError>>) -> Result<T, SignError> {
        let SignedBy::Certificate(certificate) = self.signed_by else { return part.await };
        let Some(end) = certificate.validity().end() else { return part.await };
        let left = u64::try_from(end.millis() - self.environment.now().millis());
        let left = left.map_err(|_| SignError::CertificateExpired { end })?;
        let ended = tokio::time::timeout(Duration::from_millis(left), part).await;
        ended.unwrap_or(Err(SignError::CertificateExpired { end }))
    }

    /// With the signature, where it is worth keeping: its time is proven, and the logs, which do not prove one
    /// themselves, did not answer.
    fn kept(&self, error: SignError, unlogged: &UnverifiedBundle) -> SignError {
        let out_of_reach = matches!(error, SignError::Log(_)) && error.code().class() == Class::Undecided;
        let proven = !unlogged.claimed_timestamps().is_empty();
        if !out_of_reach || !proven || self.services.logs.iter().any(|log| log.proves_time()) {
            return error;
        }
        let key = match self.signed_by {
            SignedBy::Key(key) => Some(key),
            SignedBy::Certificate(_) => None,
        };
        SignError::Unlogged { unlogged: Box::new(Unlogged::new(unlogged.clone(), key)), error: Box::new(error) }
    }

    /// Verifies what is written, as a stranger would read it.
    fn verify(&self, assembled: &UnverifiedBundle, artifact: &Artifact<'_>) -> Result<Signed, SignError> {
        let mut json = assembled.to_json();
        json.push('\n');
        let bundle = UnverifiedBundle::parse(json.as_bytes())?;
        let verified = self.proof(&bundle, artifact, &Requirements::STRICT).map_err(|error| self.refused(error))?;
        Ok(Signed { json, bundle, verified })
    }

    pub(super) fn proof(
        &self,
        bundle: &UnverifiedBundle,
        artifact: &Artifact<'_>,
        requirements: &Requirements,
    ) -> Result<Verified, VerifyError> {
        let now = self.latest();
        let key = match self.signed_by {
            SignedBy::Certificate(_) => return self.verifier.verify(artifact, bundle, requirements, now),
            SignedBy::Key(key) => key.clone(),
        };
        let trust = match self.services.log {
            KeyLog::Required => KeyTrust::logged(key),
            KeyLog::NotRequiredUnsafe => KeyTrust::without_log_unsafe(key),
        };
        self.verifier.verify_with_key(artifact, bundle, &trust, requirements, now)
    }

    /// The latest time that is believed: a service's clock may be ahead of ours by the tolerance.
    /// Verification compares `now` with nothing but the upper end of times, so that this accepts exactly
    /// what "the later of the local clock and the proven times, within the tolerance" accepts.
    pub(super) fn latest(&self) -> UnixTime {
        self.environment.now().plus_secs(limits::CLOCK_TOLERANCE_SECS)
    }

    /// Why the whole is refused.
    pub(super) fn refused(&self, error: VerifyError) -> SignError {
        self.clock_error(&error).unwrap_or(SignError::SelfVerification(error))
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
