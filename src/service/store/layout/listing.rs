//! `index.json`: what a layout lists.

use std::collections::BTreeMap;

use super::files::Files;
use super::{LayoutStore, StoreError};
use crate::base::limits;
use crate::format::oci::{Descriptor, DigestRef, IMAGE_INDEX, Manifest, REF_NAME, Tag, TaggedRef, index};

/// What is listed, in order.
#[derive(Debug)]
pub(super) struct Listing {
    manifests: Vec<Descriptor>,
    annotations: BTreeMap<String, String>,
}

impl Listing {
    pub(super) fn parse(files: &Files, bytes: &[u8]) -> Result<Self, StoreError> {
        let parsed = Manifest::parse(bytes, Some(IMAGE_INDEX)).map_err(|error| files.malformed(&error))?;
        let index = parsed.index().map_err(|error| files.malformed(&error))?;
        Ok(Self { manifests: index.manifests.clone(), annotations: index.annotations.clone() })
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        index(&self.manifests, &self.annotations)
    }

    /// What carries this tag, or this whole name.
    pub(super) fn named(&self, name: &TaggedRef) -> Result<Option<Descriptor>, StoreError> {
        let whole = name.to_string();
        let carries = |listed: &&Descriptor| {
            listed.annotations.get(REF_NAME).is_some_and(|found| found == name.tag().as_str() || *found == whole)
        };
        let mut found = self.manifests.iter().filter(carries);
        match (found.next(), found.next()) {
            (Some(first), Some(second)) if first.digest != second.digest => {
                Err(StoreError::Layout { path: "index.json".into(), problem: "two manifests of one name" })
            }
            (first, _) => Ok(first.cloned()),
        }
    }

    pub(super) fn tags(&self) -> Vec<Tag> {
        let names = self.manifests.iter().filter_map(|listed| listed.annotations.get(REF_NAME));
        names.filter_map(|name| Tag::parse(name).ok()).collect()
    }

    /// All that is listed, each with its tag.
    pub(super) fn with_tags(self) -> impl Iterator<Item = (Descriptor, Option<Tag>)> {
        self.manifests.into_iter().map(|listed| {
            let tag = listed.annotations.get(REF_NAME).and_then(|name| Tag::parse(name).ok());
            (listed, tag)
        })
    }

    /// Lists a manifest: under a tag, which names nothing else any more, or without one unless it is listed.
    pub(super) fn add(&mut self, mut manifest: Descriptor, tag: Option<&Tag>) -> Result<(), StoreError> {
        let Some(tag) = tag else {
            if self.manifests.iter().all(|listed| listed.digest != manifest.digest) {
                self.manifests.push(manifest);
            }
            return self.bounded();
        };
        let name = Some(tag.as_str());
        self.manifests.retain(|listed| {
            let own = listed.annotations.get(REF_NAME);
            own.map(String::as_str) != name && (own.is_some() || listed.digest != manifest.digest)
        });
        manifest.annotations.insert(REF_NAME.to_owned(), tag.to_string());
        self.manifests.push(manifest);
        self.bounded()
    }

    /// What an index holds needs no line of its own.
    pub(super) fn remove_unnamed(&mut self, held: &[Descriptor]) {
        let is_held = |listed: &Descriptor| held.iter().any(|inner| inner.digest == listed.digest);
        self.manifests.retain(|listed| listed.annotations.contains_key(REF_NAME) || !is_held(listed));
    }

    /// What may be about `image`: all that is listed, and what the tag of its referrers lists, as programs that
    /// copied a registry's tags leave it.
    pub(super) fn with_referrers_of(
        self,
        layout: &LayoutStore,
        image: &DigestRef,
    ) -> Result<Vec<Descriptor>, StoreError> {
        let tag = image.repository().tagged(Tag::of_referrers(image.digest()));
        let mut all = match layout.named(&tag)?.map(|found| found.manifest().clone()) {
            Some(Manifest::Index(index)) => index.manifests,
            _ => Vec::new(),
        };
        all.extend(self.manifests);
        all.sort_by_key(|listed| listed.digest.to_string());
        all.dedup_by_key(|listed| listed.digest);
        Ok(all)
    }

    fn bounded(&self) -> Result<(), StoreError> {
        if self.manifests.len() <= limits::OCI_MANIFESTS {
            return Ok(());
        }
        Err(StoreError::Layout { path: "index.json".into(), problem: "it would list more than a layout may" })
    }
}
