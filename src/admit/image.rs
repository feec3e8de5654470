//! From an image's name to a decision: the one walk of the command line and both gates.
//!
//! ```text
//! tag ── one GET, digest of its bytes ──► digest ──► referrers ──► bundles ──► decide
//!                                                      └─ not admitted ──► legacy tags ──► decide
//! ```
//!
//! Three answers never mix:
//!
//! * *refused*: what is attached was looked at, and nothing of it is acceptable;
//! * *absent*: the store has answered, and no signature is attached ([`ImageError::Absent`]);
//! * *could not look*: an error of class "could not decide". When something that may be a signature could not
//!   be had, what was had may still give a yes, but never a no: the missing one may be the good one.
//!
//! A digest costs three requests (referrers, a bundle's manifest, the bundle), a tag one more, each further
//! bundle two; bundles are fetched
//! [`limits::BUNDLE_FETCHES`] at a time. The two tags where older cosign clients
//! keep signatures and attestations are asked for only when no bundle is admitted.

mod error;
mod found;
mod legacy;

use super::{Decision, Reason, Trust, decide};
use crate::base::limits;
use crate::base::time::UnixTime;
use crate::format::bundle::{BundleError, Content, UnverifiedBundle};
use crate::format::cosign;
use crate::format::intoto::Statement;
use crate::format::oci::{Descriptor, DigestRef, ImageRef, OciError, Repository, Tag};
use crate::service::BoxFuture;
use crate::service::bounded::bounded;
use crate::service::store::{ArtifactStore, FoundBy, StoreError};
use crate::verify::{Artifact, ArtifactName, Verified, Verifier};

pub use error::{FoundError, ImageError};
pub use found::{Found, Place, Unread};

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Wanted {
    /// Whatever is attached; the policy says what it asks for.
    #[default]
    Anything,
    /// Signatures of the image: statements of cosign's sign predicate, plain signatures, legacy signatures.
    Signatures,
    /// Attestations with this predicate type.
    Attestations(String),
}

impl Wanted {
    /// Whether a bundle is of this kind. What it says of itself is not proven; of those that stay, the very
    /// bytes that were read here are verified.
    fn takes(&self, bundle: &UnverifiedBundle) -> bool {
        let predicate_type = match bundle.claimed_content() {
            Content::Dsse(envelope) => match Statement::parse(&envelope.payload) {
                Ok(statement) => Some(statement.predicate_type),
                // Why it cannot be read is for the verdict to tell.
                Err(_) => return true,
            },
            _ => None,
        };
        match self {
            Self::Anything => true,
            Self::Signatures => predicate_type.is_none_or(|found| found == cosign::SIGNATURE_PREDICATE),
            Self::Attestations(wanted) => predicate_type.is_some_and(|found| found == *wanted),
        }
    }
}

/// Which image, and where what is attached to it may be.
#[derive(Debug, Clone)]
pub struct Lookup {
    image: DigestRef,
    signatures_in: Repository,
    names: Vec<Repository>,
    wanted: Wanted,
    tag: Option<Tag>,
    version: Option<String>,
}

impl Lookup {
    /// Everything that is attached to an image where it lies.
    pub fn of(image: &DigestRef) -> Self {
        let repository = image.repository();
        Self {
            image: image.clone(),
            signatures_in: repository.clone(),
            names: vec![repository.clone()],
            wanted: Wanted::Anything,
            tag: None,
            version: None,
        }
    }

    /// The tag by which the image was asked for: a policy may want it signed.
    #[must_use]
    pub fn asked_for(self, reference: &ImageRef) -> Self {
        let tag = match reference {
            ImageRef::Tagged(tagged) => Some(tagged.tag().clone()),
            ImageRef::Digested(_) => None,
        };
        Self { tag, ..self }
    }

    /// The version that is expected: a policy may want it signed ([`Artifact::expecting_version`]).
    #[must_use]
    pub fn expecting_version(self, version: &str) -> Self {
        Self { version: Some(version.to_owned()), ..self }
    }

    /// Only these.
    #[must_use]
    pub fn wanted(self, wanted: Wanted) -> Self {
        Self { wanted, ..self }
    }

    /// In another repository.
    #[must_use]
    pub fn signatures_in(self, repository: Repository) -> Self {
        Self { signatures_in: repository, ..self }
    }

    /// The image may have been signed under another name too: legacy signatures bind a repository's name
    /// ([`Artifact::named`]).
    #[must_use]
    pub fn signed_as(mut self, name: Repository) -> Self {
        self.names.push(name);
        self
    }

    /// The image.
    pub fn image(&self) -> &DigestRef {
        &self.image
    }

    /// The image's name where the signatures are.
    fn subject(&self) -> DigestRef {
        self.image.within(&self.signatures_in)
    }
}

impl From<&DigestRef> for Lookup {
    fn from(image: &DigestRef) -> Self {
        Self::of(image)
    }
}

/// What is attached to an image, fetched and not yet verified.
#[derive(Debug, Clone)]
pub struct Candidates {
    lookup: Lookup,
    listed: Vec<Descriptor>,
    found_by: FoundBy,
    legacy_asked: bool,
    found: Vec<Found>,
    /// How many readable bundles are of another kind than was wanted.
    others: usize,
    unread: Vec<Unread>,
}

/// A decision about an image, with the digest that it is about.
#[derive(Debug, Clone)]
#[must_use]
pub struct ImageDecision {
    image: DigestRef,
    found: Vec<Found>,
    unread: Vec<Unread>,
    /// Over those of `found` that could be read, at these places.
    decision: Decision,
    places: Vec<usize>,
    error: Option<ImageError>,
}

/// Decides about an image: resolves a tag, fetches what is attached, verifies it and holds it against the policy.
///
/// # Errors
///
/// [`ImageError`] when a tag cannot be resolved or nothing could be listed; everything else is in the decision.
pub async fn image(
    store: &dyn ArtifactStore,
    reference: &ImageRef,
    verifier: &Verifier,
    trust: &Trust,
    now: UnixTime,
) -> Result<ImageDecision, ImageError> {
    let image = resolve(store, reference).await?;
    look(store, Lookup::of(&image).asked_for(reference), verifier, trust, now).await
}

/// The same about a digest: fetches, decides, and looks for legacy signatures when nothing else is admitted.
///
/// # Errors
///
/// [`ImageError`] when nothing could be listed.
pub async fn look(
    store: &dyn ArtifactStore,
    lookup: Lookup,
    verifier: &Verifier,
    trust: &Trust,
    now: UnixTime,
) -> Result<ImageDecision, ImageError> {
    let mut candidates = fetch(store, lookup).await?;
    let decision = candidates.decide(verifier, trust, now);
    if decision.admitted().is_some() {
        return Ok(decision);
    }
    candidates.fetch_legacy(store).await;
    Ok(candidates.decide(verifier, trust, now))
}

/// The same about several digests at once; the answers keep the order.
pub async fn look_all(
    store: &dyn ArtifactStore,
    lookups: Vec<Lookup>,
    verifier: &Verifier,
    trust: &Trust,
    now: UnixTime,
) -> Vec<Result<ImageDecision, ImageError>> {
    let looks =
        lookups.into_iter().map(|lookup| -> BoxFuture<'_, _> { Box::pin(look(store, lookup, verifier, trust, now)) });
    bounded(looks.collect(), limits::BUNDLE_FETCHES).await
}

/// The digest that a reference names: a tag is asked for once, and its digest is that of the bytes that came.
///
/// # Errors
///
/// [`ImageError::Store`], [`ImageError::NoAnswer`].
pub async fn resolve(store: &dyn ArtifactStore, reference: &ImageRef) -> Result<DigestRef, ImageError> {
    match reference {
        ImageRef::Digested(image) => Ok(image.clone()),
        ImageRef::Tagged(tagged) => match store.resolve(tagged).await {
            Ok(found) => Ok(found.image().clone()),
            Err(error @ StoreError::Oci { error: OciError::Json(_), .. }) => Err(ImageError::NoAnswer { error }),
            Err(error) => Err(error.into()),
        },
    }
}

/// Fetches the bundles that are attached to an image.
///
/// # Errors
///
/// [`ImageError::Listing`] when nothing could be listed.
pub async fn fetch(store: &dyn ArtifactStore, lookup: impl Into<Lookup>) -> Result<Candidates, ImageError> {
    let lookup = lookup.into();
    let subject = lookup.subject();
    let listed = store.referrers(&subject, None).await;
    let listed = listed.map_err(|error| ImageError::Listing { image: subject.clone(), error })?;
    let mut candidates = Candidates {
        lookup,
        listed: listed.descriptors,
        found_by: listed.found_by,
        legacy_asked: false,
        found: Vec::new(),
        others: 0,
        unread: Vec::new(),
    };
    let fetched = found::bundles(store, &subject, &candidates.listed).await;
    candidates.take(fetched);
    Ok(candidates)
}

impl Candidates {
    /// Fetches what older cosign clients attached: signatures, attestations, or both, as wanted.
    pub async fn fetch_legacy(&mut self, store: &dyn ArtifactStore) {
        self.legacy_asked = true;
        let fetched = legacy::all(store, &self.lookup.subject(), &self.lookup.wanted).await;
        self.take(fetched);
    }

    fn take(&mut self, fetched: Vec<found::Fetched>) {
        for one in fetched {
            match one {
                Ok(found) if found.bundle.as_ref().is_ok_and(|bundle| !self.lookup.wanted.takes(bundle)) => {
                    self.others += 1;
                }
                Ok(found) => self.found.push(found),
                Err(unread) => self.unread.push(*unread),
            }
        }
    }

    /// Everything that the store lists, signatures or not.
    pub fn listed(&self) -> &[Descriptor] {
        &self.listed
    }

    /// Which list answered.
    pub fn found_by(&self) -> FoundBy {
        self.found_by
    }

    /// What may be a signature or attestation.
    pub fn found(&self) -> &[Found] {
        &self.found
    }

    /// What could not be had.
    pub fn unread(&self) -> &[Unread] {
        &self.unread
    }

    /// Verifies every candidate and holds it against the policy. No network; takes time by the candidates' sizes.
    pub fn decide(&self, verifier: &Verifier, trust: &Trust, now: UnixTime) -> ImageDecision {
        let decision = self.with_bundles(|artifact, bundles| decide(verifier, trust, artifact, bundles, now));
        let readable = |found: &Found| matches!(&found.bundle, Ok(_) | Err(FoundError::Bundle(_)));
        let places = self.found.iter().enumerate().filter(|(_, found)| readable(found)).map(|(place, _)| place);
        let error = self.against(&decision);
        let (image, found, unread) = (self.lookup.image.clone(), self.found.clone(), self.unread.clone());
        ImageDecision { image, found, unread, decision, places: places.collect(), error }
    }

    /// Hands the image over, under the name by which it was asked for, with what [`Self::decide`] decides over.
    pub fn with_bundles<R>(&self, ask: impl FnOnce(&Artifact<'_>, &[Result<UnverifiedBundle, BundleError>]) -> R) -> R {
        let Lookup { image, names, tag, wanted, version, .. } = &self.lookup;
        let name = ArtifactName::Image { repository: image.repository().clone(), tag: tag.clone() };
        let artifact = Artifact::from_digest(*image.digest()).named(names.clone()).called(name);
        let artifact = match wanted {
            Wanted::Attestations(predicate_type) => artifact.by_statements(predicate_type.clone()),
            Wanted::Anything | Wanted::Signatures => artifact,
        };
        let artifact = match version {
            Some(version) => artifact.expecting_version(version.clone()),
            None => artifact,
        };
        let bundle = |found: &Found| match &found.bundle {
            Ok(bundle) => Some(Ok(bundle.clone())),
            Err(FoundError::Bundle(error)) => Some(Err(error.clone())),
            Err(_) => None,
        };
        let bundles: Vec<_> = self.found.iter().filter_map(bundle).collect();
        ask(&artifact, &bundles)
    }

    /// Why not, of the three answers.
    fn against(&self, decision: &Decision) -> Option<ImageError> {
        if decision.admitted().is_some() {
            return None;
        }
        if let Some(refused) = decision.refused_finally() {
            return Some(ImageError::Refused(Box::new(Reason::Policy(refused.clone()))));
        }
        // Before any other no: what could not be had may be the good one.
        if let Some(first) = self.unread.first() {
            return Some(ImageError::Unread { first: Box::new(first.clone()), count: self.unread.len() });
        }
        if let Some(reason) = decision.refused() {
            return Some(ImageError::Refused(Box::new(reason.clone())));
        }
        if let Some(broken) = self.found.iter().find(|found| found.bundle.is_err()) {
            let error = broken.bundle.as_ref().err().cloned()?;
            return Some(ImageError::Broken { place: broken.place.clone(), error: Box::new(error) });
        }
        Some(ImageError::Absent {
            image: self.lookup.subject(),
            attestation: match &self.lookup.wanted {
                Wanted::Attestations(predicate_type) => Some(predicate_type.clone()),
                Wanted::Anything | Wanted::Signatures => None,
            },
            found_by: self.found_by,
            legacy_asked: self.legacy_asked,
            others: self.listed.len().max(self.others),
        })
    }
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

    /// The decision over those candidates that could be read.
    pub fn decision(&self) -> &Decision {
        &self.decision
    }

    /// Every candidate; [`Self::places`] says which of them the decision is over.
    pub fn found(&self) -> &[Found] {
        &self.found
    }

    /// For each candidate of the decision, its place in [`Self::found`].
    pub fn places(&self) -> &[usize] {
        &self.places
    }

    /// What could not be had.
    pub fn unread(&self) -> &[Unread] {
        &self.unread
    }
}

#[cfg(test)]
mod tests;
