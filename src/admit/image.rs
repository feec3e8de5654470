//! From an image's name to a decision: the one function that the command line and both gates call.
//!
//! ```text
//! tag ── one GET, digest of its bytes ──► digest ──► referrers ──► bundles ──► decide
//! ```
//!
//! Three answers never mix: *absent* (the registry answered, and nothing is attached), *refused* (what is
//! attached was looked at), and an error of class "could not decide". When something that is attached could not
//! be fetched, what was fetched may still give a yes, but never a no: the one that is missing may be the good one.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::task::Poll;

use thiserror::Error;

use super::{Decision, Reason, Trust, decide};
use crate::base::code::{Class, Code};
use crate::base::limits;
use crate::base::time::UnixTime;
use crate::format::bundle::{BundleError, UnverifiedBundle};
use crate::format::oci::{Descriptor, DigestRef, ImageRef, Manifest};
use crate::service::BoxFuture;
use crate::service::store::{ArtifactStore, StoreError, StoredManifest};
use crate::verify::{Artifact, Verified, Verifier};

/// What media types of bundles begin with, in every version.
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle";

/// Why an image is not admitted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ImageError {
    /// The store has answered that no signature is attached.
    #[error("{image} has no signature: {attached} things are attached to it, none is a bundle")]
    Absent {
        /// The image.
        image: DigestRef,
        /// What else is attached.
        attached: usize,
    },
    /// Signatures were looked at, and none is good.
    #[error("{0}")]
    Refused(Reason),
    /// The store did not let us look, or the image is not there.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// More candidates than are looked at.
    #[error("{image} has {found} bundles, of which {limit} were looked at", limit = limits::BUNDLES)]
    TooMany {
        /// The image.
        image: DigestRef,
        /// Candidates found.
        found: usize,
    },
}

impl ImageError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Absent { .. } => Code::refused("image-unsigned", "sign it, or see whether this is the right digest"),
            Self::Refused(reason) => reason.code(),
            Self::Store(error) => error.code(),
            Self::TooMany { .. } => {
                Code::undecided("limit-image-bundles", "delete what is attached to this image and not needed")
            }
        }
    }
}

/// What is attached to an image, fetched and not yet looked at.
#[derive(Debug, Clone)]
pub struct Candidates {
    image: DigestRef,
    attached: usize,
    bundles: Vec<Result<UnverifiedBundle, BundleError>>,
    /// Why something that may be a bundle was not fetched.
    unread: Option<ImageError>,
}

/// A decision about an image, with the digest that it is about.
#[derive(Debug, Clone)]
#[must_use]
pub struct ImageDecision {
    image: DigestRef,
    /// Of every candidate.
    decision: Decision,
    error: Option<ImageError>,
}

impl ImageDecision {
    /// The digest that was verified: what is deployed must be this.
    pub fn image(&self) -> &DigestRef {
        &self.image
    }

    /// What was proven, with the name of the rule that admits it.
    pub fn admitted(&self) -> Option<(&Verified, Option<&str>)> {
        self.decision.admitted()
    }

    /// Why it is not admitted.
    pub fn error(&self) -> Option<&ImageError> {
        self.error.as_ref()
    }

    /// The decision over the candidates.
    pub fn decision(&self) -> &Decision {
        &self.decision
    }
}

/// Decides about an image: resolves a tag, fetches what is attached, verifies it and holds it against the policy.
///
/// # Errors
///
/// [`ImageError::Store`] when a tag cannot be resolved or nothing could be listed; everything else is in the
/// decision.
pub async fn image(
    store: &dyn ArtifactStore,
    reference: &ImageRef,
    verifier: &Verifier,
    trust: &Trust,
    now: UnixTime,
) -> Result<ImageDecision, ImageError> {
    let image = resolve(store, reference).await?;
    Ok(fetch(store, &image).await?.decide(verifier, trust, now))
}

/// The digest that a reference names: a tag is asked for once, and its digest is that of the bytes that came.
pub async fn resolve(store: &dyn ArtifactStore, reference: &ImageRef) -> Result<DigestRef, ImageError> {
    match reference {
        ImageRef::Digested(image) => Ok(image.clone()),
        ImageRef::Tagged(tagged) => Ok(store.resolve(tagged).await?.image().clone()),
    }
}

/// Fetches what is attached to an image, [`limits::BUNDLE_FETCHES`] at a time.
pub async fn fetch(store: &dyn ArtifactStore, image: &DigestRef) -> Result<Candidates, ImageError> {
    let listed = store.referrers(image, None).await?.descriptors;
    let attached = listed.len();
    // A list made by an older client has no artifact types: what has none is looked at.
    let may_be = |listed: &Descriptor| listed.artifact_type.as_deref().is_none_or(is_bundle);
    let mut wanted: Vec<_> = listed.into_iter().filter(may_be).collect();
    let found = wanted.len();
    let mut candidates = Candidates { image: image.clone(), attached, bundles: Vec::new(), unread: None };
    if found > limits::BUNDLES {
        wanted.truncate(limits::BUNDLES);
        candidates.unread = Some(ImageError::TooMany { image: image.clone(), found });
    }
    let mut bytes = 0;
    for some in wanted.chunks(limits::BUNDLE_FETCHES) {
        for fetched in together(some.iter().map(|listed| one(store, image, listed)).collect()).await {
            match fetched {
                Ok(bundles) => {
                    bytes += bundles.iter().map(Vec::len).sum::<usize>();
                    candidates.bundles.extend(bundles.iter().map(|json| UnverifiedBundle::parse(json)));
                }
                Err(error) => candidates.note(error),
            }
        }
        if bytes > limits::BUNDLES_BYTES {
            candidates.unread = Some(ImageError::TooMany { image: image.clone(), found });
            break;
        }
    }
    Ok(candidates)
}

fn is_bundle(media_type: &str) -> bool {
    media_type.starts_with(BUNDLE)
}

/// The bundles that a referrer holds: none when it is something else.
fn one<'a>(
    store: &'a dyn ArtifactStore,
    image: &'a DigestRef,
    listed: &'a Descriptor,
) -> BoxFuture<'a, Result<Vec<Vec<u8>>, StoreError>> {
    Box::pin(async move {
        let referrer: StoredManifest = store.referrer(image, listed).await?;
        let Manifest::Image(manifest) = referrer.manifest() else { return Ok(Vec::new()) };
        let mut bundles = Vec::new();
        for layer in manifest.layers.iter().filter(|layer| is_bundle(&layer.media_type)).take(limits::REFERRER_BUNDLES)
        {
            bundles.push(store.blob(image.repository(), layer, limits::BUNDLE_BYTES).await?);
        }
        Ok(bundles)
    })
}

/// Drives some futures to their ends, in order.
async fn together<T>(mut futures: Vec<BoxFuture<'_, T>>) -> Vec<T> {
    let mut done = BTreeMap::new();
    poll_fn(|context| {
        for (index, future) in futures.iter_mut().enumerate() {
            if !done.contains_key(&index)
                && let Poll::Ready(output) = future.as_mut().poll(context)
            {
                done.insert(index, output);
            }
        }
        if done.len() == futures.len() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    done.into_values().collect()
}

impl Candidates {
    /// Of several reasons one that says "could not look" is kept: with it there is no no.
    fn note(&mut self, error: StoreError) {
        let undecided = |error: &ImageError| error.code().class() != Class::Refused;
        let error = ImageError::Store(error);
        if self.unread.as_ref().is_none_or(|before| !undecided(before) && undecided(&error)) {
            self.unread = Some(error);
        }
    }

    /// Verifies every candidate and holds it against the policy. No network; takes time by the candidates' sizes.
    pub fn decide(&self, verifier: &Verifier, trust: &Trust, now: UnixTime) -> ImageDecision {
        let artifact = Artifact::from_digest(*self.image.digest());
        let decision = decide(verifier, trust, &artifact, &self.bundles, now);
        let error = match (decision.admitted(), &self.unread, decision.refused()) {
            (Some(_), ..) => None,
            (None, Some(unread), refused) => match (unread.code().class(), refused) {
                // What could be fetched and is no good says more than what is broken in the registry.
                (Class::Refused, Some(reason)) => Some(ImageError::Refused(reason.clone())),
                _ => Some(unread.clone()),
            },
            (None, None, Some(reason)) => Some(ImageError::Refused(reason.clone())),
            (None, None, None) => Some(ImageError::Absent { image: self.image.clone(), attached: self.attached }),
        };
        ImageDecision { image: self.image.clone(), decision, error }
    }
}

#[cfg(test)]
mod tests;
