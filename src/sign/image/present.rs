//! Whether the same signer has said the same of an image already, in a bundle that verifies.

use super::{Claim, Form, SignImageError, says};
use crate::base::code::Class;
use crate::base::crypto::PublicKey;
use crate::base::limits;
use crate::base::time::UnixTime;
use crate::format::bundle::{Content, MEDIA_TYPE, UnverifiedBundle};
use crate::format::cosign;
use crate::format::oci::{
    BUNDLE_CONTENT, BUNDLE_PREDICATE_TYPE, CosignSuffix, Descriptor, DigestRef, EMPTY, Manifest, SIMPLE_SIGNING, Tag,
};
use crate::service::store::{ArtifactStore, FoundBy, Referrers, StoreError};
use crate::verify::{Artifact, KeyLog, KeyTrust, Promise, Requirements, Signer, Verified, Verifier};

/// Who would sign now.
#[derive(Debug, Clone)]
pub enum ExpectedSigner {
    /// Whom the token names.
    Identity {
        /// The name that the certificate would carry.
        identity: String,
        /// The issuer that it would name.
        issuer: String,
    },
    /// The holder of a key.
    Key {
        /// The key.
        key: PublicKey,
        /// Whether its signatures are to be in a log.
        log: KeyLog,
    },
}

/// What is there already.
#[derive(Debug, Clone)]
#[must_use]
pub struct Present {
    /// Where it is: the referrer by digest, or the tag.
    pub place: String,
    /// Which list has the referrer; of the older form, the tag itself.
    pub found_by: Option<FoundBy>,
    /// The proof.
    pub verified: Verified,
}

/// Looks at what lies in `form` beside `image` (its name in the repository of the signatures) for a signature
/// that `expected` made of `claim` and that verifies. What is attached and no such signature is passed by; a store that could not be
/// asked is an error, for then nobody knows.
///
/// # Errors
///
/// [`SignImageError::Store`], of class "could not decide" only.
pub async fn present(
    store: &dyn ArtifactStore,
    image: &DigestRef,
    form: Form,
    claim: &Claim,
    expected: &ExpectedSigner,
    verifier: &Verifier,
    now: UnixTime,
) -> Result<Option<Present>, SignImageError> {
    let search = Search { store, image, claim, expected, verifier, now };
    match form {
        Form::Bundle => search.bundles().await,
        Form::Legacy => search.legacy().await,
    }
}

/// What is looked for, and where.
#[derive(Debug, Clone, Copy)]
struct Search<'a> {
    store: &'a dyn ArtifactStore,
    image: &'a DigestRef,
    claim: &'a Claim,
    expected: &'a ExpectedSigner,
    verifier: &'a Verifier,
    now: UnixTime,
}

impl Search<'_> {
    /// The newest are listed last.
    async fn bundles(&self) -> Result<Option<Present>, SignImageError> {
        let Referrers { descriptors, found_by } = self.store.referrers(self.image, None).await?;
        for descriptor in descriptors.iter().rev().filter(|listed| may_be_bundle(listed, self.claim)) {
            let Some(Some(bundle)) = decided(self.bundle(descriptor).await)? else { continue };
            if let Some(verified) = self.fits(&bundle, &Requirements::STRICT) {
                let place = format!("{}@{}", self.image.repository(), descriptor.digest);
                return Ok(Some(Present { place, found_by: Some(found_by), verified }));
            }
        }
        Ok(None)
    }

    /// The bundle of a referrer; `None` when its manifest is of another kind.
    async fn bundle(&self, listed: &Descriptor) -> Result<Option<UnverifiedBundle>, StoreError> {
        let referrer = self.store.referrer(self.image, listed).await?;
        let Manifest::Image(manifest) = referrer.manifest() else { return Ok(None) };
        let [layer] = manifest.layers.as_slice() else { return Ok(None) };
        if layer.media_type != MEDIA_TYPE {
            return Ok(None);
        }
        let json = self.store.blob(self.image.repository(), layer, limits::BUNDLE_BYTES).await?;
        Ok(UnverifiedBundle::parse(&json).ok())
    }

    /// Older signatures have a promise of their log only; that is what such a signature is.
    async fn legacy(&self) -> Result<Option<Present>, SignImageError> {
        let (suffix, media_type) = match self.claim {
            Claim::Signature => (CosignSuffix::Signatures, SIMPLE_SIGNING),
            Claim::Attestation { .. } => (CosignSuffix::Attestations, cosign::ENVELOPE),
        };
        let tag = self.image.repository().tagged(Tag::of_cosign(self.image.digest(), suffix));
        let Some(manifest) = decided(self.store.resolve(&tag).await)? else { return Ok(None) };
        let Manifest::Image(manifest) = manifest.manifest() else { return Ok(None) };
        for layer in manifest.layers.iter().rev().filter(|layer| layer.media_type == media_type) {
            let content = self.store.blob(self.image.repository(), layer, limits::BUNDLE_BYTES).await;
            let Some(content) = decided(content)? else { continue };
            let read = match self.claim {
                Claim::Signature => cosign::signature(content, &layer.annotations),
                Claim::Attestation { .. } => cosign::attestation(&content, &layer.annotations),
            };
            let requirements = Requirements::STRICT.promise(Promise::Accepted);
            if let Some(verified) = read.ok().and_then(|bundle| self.fits(&bundle, &requirements)) {
                return Ok(Some(Present { place: tag.to_string(), found_by: None, verified }));
            }
        }
        Ok(None)
    }

    /// The proof, when it verifies, says the claim and is of this signer.
    fn fits(&self, bundle: &UnverifiedBundle, requirements: &Requirements) -> Option<Verified> {
        let said = match bundle.claimed_content() {
            Content::Dsse(envelope) => says(&envelope.payload, self.claim),
            Content::SimpleSigning { .. } => *self.claim == Claim::Signature,
            Content::Message { .. } => false,
        };
        if !said {
            return None;
        }
        let artifact = Artifact::from_digest(*self.image.digest());
        match self.expected {
            ExpectedSigner::Identity { identity, issuer } => {
                let verified = self.verifier.verify(&artifact, bundle, requirements, self.now).ok()?;
                let Signer::Certificate(signer) = verified.signer() else { return None };
                (signer.san().as_str() == identity && signer.issuer() == Some(issuer.as_str())).then_some(verified)
            }
            ExpectedSigner::Key { key, log } => {
                let trust = match log {
                    KeyLog::Required => KeyTrust::logged(key.clone()),
                    KeyLog::NotRequiredUnsafe => KeyTrust::without_log_unsafe(key.clone()),
                };
                self.verifier.verify_with_key(&artifact, bundle, &trust, requirements, self.now).ok()
            }
        }
    }
}

/// Lists name the kind of a referrer in several ways, also wrongly: only what surely is something else is left
/// out before its own manifest was seen.
fn may_be_bundle(listed: &Descriptor, claim: &Claim) -> bool {
    let stated = listed.annotations.get(BUNDLE_PREDICATE_TYPE);
    if stated.is_some_and(|stated| stated != claim.predicate_type()) {
        return false;
    }
    let kind = listed.artifact_type.as_deref().unwrap_or_default();
    kind.is_empty() || kind == EMPTY || kind == MEDIA_TYPE || listed.annotations.contains_key(BUNDLE_CONTENT)
}

/// `None` for what the store has answered and is no good; the error when it could not be asked.
fn decided<T>(result: Result<T, StoreError>) -> Result<Option<T>, StoreError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.code().class() == Class::Undecided => Err(error),
        Err(_) => Ok(None),
    }
}
