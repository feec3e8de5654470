//! Bundles among the referrers of an image.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::error::FoundError;
use crate::base::code::Class;
use crate::base::limits;
use crate::format::bundle::UnverifiedBundle;
use crate::format::oci::{self, Descriptor, DigestRef, TaggedRef};
use crate::service::BoxFuture;
use crate::service::bounded::bounded;
use crate::service::store::{ArtifactStore, StoreError};

/// What media types of bundles begin with, in every version.
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle";
/// What says nothing about an artifact: lists of older clients and servers carry these, or nothing at all.
const SILENT: [&str; 4] = ["", oci::EMPTY, "application/vnd.oci.image.config.v1+json", "application/json"];

/// Where something is attached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A referrer.
    Referrer(DigestRef),
    /// A layer, counted from 0, of what a legacy tag names.
    Legacy {
        /// The tag.
        tag: TaggedRef,
        /// The layer; `None` for the tag as a whole.
        layer: Option<usize>,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Referrer(referrer) => referrer.fmt(f),
            Self::Legacy { tag, layer: None } => tag.fmt(f),
            Self::Legacy { tag, layer: Some(layer) } => write!(f, "{tag}, layer {}", layer + 1),
        }
    }
}

/// Something that is attached as a signature or attestation.
#[derive(Debug, Clone)]
pub struct Found {
    /// Where.
    pub place: Place,
    /// What it is.
    pub bundle: Result<UnverifiedBundle, FoundError>,
}

/// Something that may be a signature, and could not be had.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unread {
    /// The store did not give it.
    Store {
        /// Which.
        place: Place,
        /// Why.
        error: StoreError,
    },
    /// There are too many, or they are too long: [`limits::BUNDLES`], [`limits::BUNDLES_BYTES`].
    TooMany {
        /// The first that was left out.
        place: Place,
    },
}

/// What became of one candidate.
pub(super) type Fetched = Result<Found, Box<Unread>>;

/// What is still in the bounds of one image.
#[derive(Debug, Default)]
pub(super) struct Budget(AtomicUsize);

impl Budget {
    /// Takes the bytes of a blob, if they are there to be taken.
    pub(super) fn take(&self, blob: &Descriptor) -> bool {
        let size = usize::try_from(blob.size).unwrap_or(usize::MAX);
        let add = |taken: usize| taken.checked_add(size).filter(|sum| *sum <= limits::BUNDLES_BYTES);
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add).is_ok()
    }
}

/// An error that says what came is not what was listed is a no; every other kept us from looking. That there is
/// no such thing is none of the first: it is listed.
pub(super) fn sort(place: Place, error: StoreError) -> Fetched {
    match error {
        StoreError::Absent { .. } => Err(Box::new(Unread::Store { place, error })),
        error if error.code().class() == Class::Refused => Ok(Found { place, bundle: Err(FoundError::Store(error)) }),
        error => Err(Box::new(Unread::Store { place, error })),
    }
}

/// Fetches every bundle among the referrers that `listed` names, in order, each once.
pub(super) async fn bundles(store: &dyn ArtifactStore, subject: &DigestRef, listed: &[Descriptor]) -> Vec<Fetched> {
    let mut seen = BTreeSet::new();
    let mut wanted = listed.iter().filter(|listed| may_be_bundle(listed) && seen.insert(listed.digest));
    let budget = Budget::default();
    let within: Vec<_> = wanted.by_ref().take(limits::BUNDLES).collect();
    let fetches: Vec<_> = within.into_iter().map(|listed| one(store, subject, listed, &budget)).collect();
    let fetched = bounded(fetches, limits::BUNDLE_FETCHES).await;
    let beyond = wanted.next().and_then(|listed| subject.repository().digested(listed.digest).ok());
    let beyond = beyond.map(|referrer| Err(Box::new(Unread::TooMany { place: Place::Referrer(referrer) })));
    fetched.into_iter().flatten().chain(beyond).collect()
}

/// Whether a list says so, or says nothing. What a manifest says of itself decides.
fn may_be_bundle(listed: &Descriptor) -> bool {
    let kind = listed.artifact_type.as_deref().unwrap_or_default();
    is_bundle(kind) || SILENT.contains(&kind) || listed.annotations.contains_key(oci::BUNDLE_CONTENT)
}

/// Whether this is the media type of a bundle, of whatever version.
pub(super) fn is_bundle(media_type: &str) -> bool {
    media_type.starts_with(BUNDLE)
}

/// The bundle that a referrer holds: none when it is an artifact of another kind.
fn one<'a>(
    store: &'a dyn ArtifactStore,
    subject: &'a DigestRef,
    listed: &'a Descriptor,
    budget: &'a Budget,
) -> BoxFuture<'a, Option<Fetched>> {
    Box::pin(async move {
        let place = Place::Referrer(subject.repository().digested(listed.digest).ok()?);
        let referrer = match store.referrer(subject, listed).await {
            Ok(referrer) => referrer,
            Err(error) => return Some(sort(place, error)),
        };
        let layer = match layer(listed, referrer.manifest()) {
            Ok(layer) => layer?,
            Err(error) => return Some(Ok(Found { place, bundle: Err(error) })),
        };
        if !budget.take(layer) {
            return Some(Err(Box::new(Unread::TooMany { place })));
        }
        Some(match store.blob(subject.repository(), layer, limits::BUNDLE_BYTES).await {
            Ok(json) => Ok(Found { place, bundle: UnverifiedBundle::parse(&json).map_err(FoundError::Bundle) }),
            Err(error) => sort(place, error),
        })
    })
}

/// The one layer that is a bundle, in an artifact that says it is one; `None` for another kind of artifact.
fn layer<'m>(listed: &Descriptor, manifest: &'m oci::Manifest) -> Result<Option<&'m Descriptor>, FoundError> {
    let kind = manifest.artifact_type().unwrap_or_default();
    let claimed = is_bundle(kind) || is_bundle(listed.artifact_type.as_deref().unwrap_or_default());
    let image = match manifest {
        oci::Manifest::Index(_) if !claimed => return Ok(None),
        manifest => manifest.image()?,
    };
    let mut layers = image.layers.iter().filter(|layer| is_bundle(&layer.media_type));
    match (layers.next(), layers.count()) {
        (Some(layer), 0) if is_bundle(kind) => Ok(Some(layer)),
        (None, _) if !claimed => Ok(None),
        (first, rest) => {
            let found = kind.chars().take(128).collect();
            Err(FoundError::ArtifactType { found, layers: usize::from(first.is_some()) + rest })
        }
    }
}
