//! Listing anew what a list of referrers has lost. The manifests are still in the registry: the list alone is
//! kept in a tag that every writer replaces.

use super::SignImageError;
use crate::base::crypto::Digest;
use crate::base::limits;
use crate::format::oci::DigestRef;
use crate::service::store::{ArtifactStore, StoreError, StoredManifest};

/// What was listed anew.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Repaired {
    /// The image, in the repository of the signatures.
    pub image: DigestRef,
    /// Referrers that are listed now.
    pub listed: usize,
    /// Those that were not listed before.
    pub added: Vec<DigestRef>,
}

/// Lists the referrers of `image` that are known and not listed: those with the digests `known`, and those that a
/// tag of the repository names. A registry gives no other way to find a manifest.
///
/// # Errors
///
/// [`SignImageError::Store`]: of a known digest when it is not there or is about another image.
pub async fn repair(
    store: &dyn ArtifactStore,
    image: &DigestRef,
    known: &[Digest],
) -> Result<Repaired, SignImageError> {
    let listed: Vec<Digest> = digests(store, image).await?;
    let mut missing = Vec::new();
    for digest in known.iter().filter(|digest| !listed.contains(digest)) {
        missing.push(about(store.manifest(&image.repository().digested(*digest)?).await?, image)?);
    }
    for tag in store.tags(image.repository()).await?.into_iter().take(limits::REPAIR_TAGS) {
        // A tag that went, or names something that is no manifest of ours, is nobody's referrer.
        let Ok(manifest) = store.resolve(&image.repository().tagged(tag)).await else { continue };
        if let Ok(manifest) = about(manifest, image)
            && !listed.contains(manifest.image().digest())
            && !missing.contains(&manifest)
        {
            missing.push(manifest);
        }
    }
    for referrer in &missing {
        store.attach(referrer).await?;
    }
    let now = digests(store, image).await?;
    let added = missing.iter().map(|referrer| referrer.image().clone()).collect();
    Ok(Repaired { image: image.clone(), listed: now.len(), added })
}

async fn digests(store: &dyn ArtifactStore, image: &DigestRef) -> Result<Vec<Digest>, StoreError> {
    Ok(store.referrers(image, None).await?.descriptors.iter().map(|listed| listed.digest).collect())
}

fn about(manifest: StoredManifest, image: &DigestRef) -> Result<StoredManifest, StoreError> {
    let found = manifest.manifest().subject().map(|subject| subject.digest);
    if found.as_ref() == Some(image.digest()) {
        return Ok(manifest);
    }
    Err(StoreError::Subject { name: manifest.image().to_string(), expected: *image.digest(), found })
}
