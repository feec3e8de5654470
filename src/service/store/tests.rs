//! The contract of a store, over every implementation.

use std::collections::BTreeMap;

use super::*;
use crate::base::time::UnixTime;
use crate::format::oci::{BundleKind, EMPTY, EMPTY_BYTES, IMAGE_MANIFEST, bundle_manifest, image_manifest};
use crate::service::http::fake::block_on;

const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// An image of one layer, in the store under `tag`.
pub(in crate::service::store) async fn image(
    store: &dyn ArtifactStore,
    repository: &Repository,
    tag: &str,
) -> StoredManifest {
    let config = store.put_bytes(repository, "application/vnd.oci.image.config.v1+json", b"{}").await.unwrap();
    let layer = store.put_bytes(repository, "application/vnd.oci.image.layer.v1.tar", tag.as_bytes()).await.unwrap();
    let bytes = image_manifest(None, &config, &[layer], None, &BTreeMap::new());
    let image = StoredManifest::of(repository, bytes, None).unwrap();
    store.put_manifest(&image, Some(&Tag::parse(tag).unwrap())).await.unwrap();
    image
}

/// A bundle's manifest about `image`, its blobs in the store; not yet attached.
pub(in crate::service::store) async fn bundle(
    store: &dyn ArtifactStore,
    image: &StoredManifest,
    content: &[u8],
) -> StoredManifest {
    let repository = image.image().repository();
    store.put_bytes(repository, EMPTY, EMPTY_BYTES).await.unwrap();
    let layer = store.put_bytes(repository, BUNDLE, content).await.unwrap();
    let bytes = bundle_manifest(&image.descriptor(), &layer, BundleKind::MessageSignature, UnixTime::from_secs(0));
    StoredManifest::of(repository, bytes, Some(IMAGE_MANIFEST)).unwrap()
}

/// What every store holds to.
pub(in crate::service::store) async fn contract(store: &dyn ArtifactStore, repository: &Repository) {
    let name = repository.tagged(Tag::parse("v1").unwrap());
    let absent = store.resolve(&name).await.unwrap_err();
    assert_eq!((absent.code().name(), absent.code().exit_code()), ("image-not-found", 1));
    let image = image(store, repository, "v1").await;
    assert_eq!(store.resolve(&name).await.unwrap(), image);
    assert_eq!(store.manifest(image.image()).await.unwrap(), image);
    assert_eq!(store.tags(repository).await.unwrap(), [name.tag().clone()]);
    assert!(store.referrers(image.image(), None).await.unwrap().descriptors.is_empty());

    for content in ["one", "two"] {
        let bundle = bundle(store, &image, content.as_bytes()).await;
        let attached = store.attach(&bundle).await.unwrap();
        assert_eq!(attached.referrer, *bundle.image());
        // Once more changes nothing.
        store.attach(&bundle).await.unwrap();
    }
    let listed = store.referrers(image.image(), Some(BUNDLE)).await.unwrap();
    let mut found = Vec::new();
    for descriptor in &listed.descriptors {
        let referrer = store.referrer(image.image(), descriptor).await.unwrap();
        let layer = referrer.manifest().image().unwrap().layers[0].clone();
        found.push(store.blob(repository, &layer, limits::BUNDLE_BYTES).await.unwrap());
        assert_eq!(store.blob(repository, &layer, 2).await.unwrap_err().code().name(), "limit-blob-size");
        let mut reader = store.open_blob(repository, &layer).await.unwrap();
        assert_eq!(reader.next().await.unwrap().as_ref(), found.last());
        assert_eq!(reader.next().await.unwrap(), None);
    }
    found.sort();
    assert_eq!(found, [b"one", b"two"]);
    // Where the store says what they are, others are left out.
    let others = store.referrers(image.image(), Some("text/plain")).await.unwrap().descriptors;
    assert!(others.iter().all(|listed| listed.artifact_type.as_deref() != Some(BUNDLE)));

    let missing = Descriptor::of("x", b"not there");
    let absent = store.blob(repository, &missing, 100).await.unwrap_err();
    assert_eq!((absent.code().name(), absent.code().exit_code()), ("blob-not-found", 1));
    let wrong = store.put_blob(repository, &missing, Content::Bytes(b"not it at")).await.unwrap_err();
    assert_eq!(wrong.code().name(), "oci-digest");
}

#[test]
fn memory_holds_to_the_contract() {
    let repository = Repository::parse("registry.example/acme/app").unwrap();
    block_on(contract(&MemoryStore::new(), &repository));
}
