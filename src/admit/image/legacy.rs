//! What older cosign clients attached: the layers of what the tags `sha256-….sig` and `sha256-….att` name.

use std::fmt;

use super::Wanted;
use super::error::FoundError;
use super::found::{Budget, Fetched, Found, Place, Unread, sort};
use crate::base::limits;
use crate::format::cosign;
use crate::format::oci::{CosignSuffix, Descriptor, DigestRef, SIMPLE_SIGNING, Tag, TaggedRef};
use crate::service::BoxFuture;
use crate::service::bounded::bounded;
use crate::service::store::{ArtifactStore, FoundBy, StoreError};

/// Fetches signatures, attestations or both.
pub(super) async fn all(store: &dyn ArtifactStore, subject: &DigestRef, wanted: &Wanted) -> Vec<Fetched> {
    let suffixes: &[CosignSuffix] = match wanted {
        Wanted::Anything => &[CosignSuffix::Signatures, CosignSuffix::Attestations],
        Wanted::Signatures => &[CosignSuffix::Signatures],
        Wanted::Attestations(_) => &[CosignSuffix::Attestations],
    };
    let fetches = suffixes.iter().map(|suffix| of_tag(store, subject, *suffix)).collect();
    bounded(fetches, limits::BUNDLE_FETCHES).await.into_iter().flatten().collect()
}

fn of_tag<'a>(
    store: &'a dyn ArtifactStore,
    subject: &'a DigestRef,
    suffix: CosignSuffix,
) -> BoxFuture<'a, Vec<Fetched>> {
    Box::pin(async move {
        let tag = subject.repository().tagged(Tag::of_cosign(subject.digest(), suffix));
        let whole = || Place::Legacy { tag: tag.clone(), layer: None };
        let named = match store.resolve(&tag).await {
            Ok(named) => named,
            Err(StoreError::Absent { .. }) => return Vec::new(),
            // A tag is a question: an answer that is none of a manifest says nothing about signatures.
            Err(error) => return vec![Err(Box::new(Unread::Store { place: whole(), error }))],
        };
        let layers = match named.manifest().image() {
            Ok(image) => &image.layers,
            Err(error) => return vec![Ok(Found { place: whole(), bundle: Err(error.into()) })],
        };
        let media_type = match suffix {
            CosignSuffix::Signatures => SIMPLE_SIGNING,
            _ => cosign::ENVELOPE,
        };
        let budget = Budget::default();
        let mut wanted = layers.iter().enumerate().filter(|(_, layer)| layer.media_type == media_type);
        let within: Vec<_> = wanted.by_ref().take(limits::BUNDLES).collect();
        let fetches = within.into_iter().map(|(index, layer)| one(store, &tag, suffix, index, layer, &budget));
        let fetches: Vec<_> = fetches.collect();
        let mut fetched = bounded(fetches, limits::BUNDLE_FETCHES).await;
        if let Some((index, _)) = wanted.next() {
            fetched
                .push(Err(Box::new(Unread::TooMany { place: Place::Legacy { tag: tag.clone(), layer: Some(index) } })));
        }
        fetched
    })
}

fn one<'a>(
    store: &'a dyn ArtifactStore,
    tag: &'a TaggedRef,
    suffix: CosignSuffix,
    index: usize,
    layer: &'a Descriptor,
    budget: &'a Budget,
) -> BoxFuture<'a, Fetched> {
    Box::pin(async move {
        let place = Place::Legacy { tag: tag.clone(), layer: Some(index) };
        if !budget.take(layer) {
            return Err(Box::new(Unread::TooMany { place }));
        }
        let content = match store.blob(tag.repository(), layer, limits::BUNDLE_BYTES).await {
            Ok(content) => content,
            Err(error) => return sort(place, error),
        };
        let bundle = match suffix {
            CosignSuffix::Signatures => cosign::signature(content, &layer.annotations),
            _ => cosign::attestation(&content, &layer.annotations),
        };
        Ok(Found { place, bundle: bundle.map_err(FoundError::Cosign) })
    })
}

/// What was asked for, in words.
pub(super) struct TagsAsked {
    pub(super) found_by: FoundBy,
    pub(super) legacy_asked: bool,
}

impl fmt::Display for TagsAsked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.found_by {
            FoundBy::Api => "the referrers API",
            FoundBy::Tag => "the tag of the referrers",
            FoundBy::Content => "the list of referrers",
        })?;
        f.write_str(if self.legacy_asked { " and the legacy tags" } else { "" })
    }
}
