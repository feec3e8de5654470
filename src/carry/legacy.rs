//! The tags that the older cosign keeps beside an image.

use std::sync::atomic::Ordering;

use super::{CarryError, Way};
use crate::format::oci::{CosignSuffix, ImageManifest, Tag, image_manifest};
use crate::service::store::{StoreError, StoredManifest, TagUpdate, Thing};

impl Way<'_> {
    /// Carries what is under one of the tags of `subject`. What the target has there already stays.
    pub(super) async fn legacy(&self, subject: &StoredManifest, suffix: CosignSuffix) -> Result<(), CarryError> {
        let tag = Tag::of_cosign(subject.image().digest(), suffix);
        let found = match self.source.resolve(&subject.image().repository().tagged(tag.clone())).await {
            Err(StoreError::Absent { thing: Thing::Manifest, .. }) => return Ok(()),
            found => found?,
        };
        self.blobs(&found).await?;
        self.target.update_tag(&self.to.tagged(tag), &Union(found.within(self.to))).await?;
        self.progress.legacy.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// The layers that are there, and those that were carried.
#[derive(Debug)]
struct Union(StoredManifest);

impl TagUpdate for Union {
    fn next(&self, current: Option<&StoredManifest>) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(current) = current else { return Ok(Some(self.0.bytes().to_vec())) };
        if current.image().digest() == self.0.image().digest() {
            return Ok(None);
        }
        let (there, carried) = (image(current)?, image(&self.0)?);
        let mut layers = there.layers.clone();
        layers.extend(carried.layers.iter().filter(|layer| !there.layers.contains(layer)).cloned());
        if layers.len() == there.layers.len() {
            return Ok(None);
        }
        let artifact_type = there.artifact_type.as_deref();
        Ok(Some(image_manifest(artifact_type, &there.config, &layers, there.subject.as_ref(), &there.annotations)))
    }
}

fn image(stored: &StoredManifest) -> Result<&ImageManifest, StoreError> {
    let wrong = |error| StoreError::Oci { name: stored.image().to_string(), error };
    stored.manifest().image().map_err(wrong)
}
