use std::collections::BTreeMap;
use std::path::Path;

use super::*;
use crate::base::time::UnixTime;
use crate::format::oci::{BundleKind, EMPTY, EMPTY_BYTES, bundle_manifest, image_manifest, index};
use crate::service::BoxFuture;
use crate::service::http::fake::block_on;
use crate::service::store::failing::{Asked, FailingStore, Faults};
use crate::service::store::{LayoutStore, MemoryStore};

const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
const SIMPLE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";

fn repository(name: &str) -> Repository {
    Repository::parse(&format!("registry.example/{name}")).unwrap()
}

fn tag(name: &str) -> Tag {
    Tag::parse(name).unwrap()
}

/// An image of one layer, without a tag.
async fn image(store: &dyn ArtifactStore, repository: &Repository, layer: &str) -> StoredManifest {
    let config = store.put_bytes(repository, "application/vnd.oci.image.config.v1+json", b"{}").await.unwrap();
    let layer = store.put_bytes(repository, "application/vnd.oci.image.layer.v1.tar", layer.as_bytes()).await.unwrap();
    let bytes = image_manifest(None, &config, &[layer], None, &BTreeMap::new());
    let image = StoredManifest::of(repository, bytes, None).unwrap();
    store.put_manifest(&image, None).await.unwrap();
    image
}

async fn attach(store: &dyn ArtifactStore, subject: &StoredManifest, content: &str) -> StoredManifest {
    let repository = subject.image().repository();
    store.put_bytes(repository, EMPTY, EMPTY_BYTES).await.unwrap();
    let layer = store.put_bytes(repository, BUNDLE, content.as_bytes()).await.unwrap();
    let time = UnixTime::from_secs(0);
    let bytes = bundle_manifest(&subject.descriptor(), &layer, BundleKind::MessageSignature, time);
    let referrer = StoredManifest::of(repository, bytes, None).unwrap();
    store.attach(&referrer).await.unwrap();
    referrer
}

/// Under the tag of older signatures, one layer each.
async fn sign_legacy(store: &dyn ArtifactStore, subject: &StoredManifest, payloads: &[&str]) {
    let repository = subject.image().repository();
    let config = store.put_bytes(repository, "application/vnd.oci.image.config.v1+json", b"{}").await.unwrap();
    let mut layers = Vec::new();
    for payload in payloads {
        layers.push(store.put_bytes(repository, SIMPLE, payload.as_bytes()).await.unwrap());
    }
    let bytes = image_manifest(None, &config, &layers, None, &BTreeMap::new());
    let tag = Tag::of_cosign(subject.image().digest(), CosignSuffix::Signatures);
    store.put_manifest(&StoredManifest::of(repository, bytes, None).unwrap(), Some(&tag)).await.unwrap();
}

/// An index over two platforms, each with a signature, the index with one that has one itself.
async fn release(store: &dyn ArtifactStore, repository: &Repository) -> StoredManifest {
    let mut children = Vec::new();
    for architecture in ["amd64", "arm64"] {
        let child = image(store, repository, architecture).await;
        attach(store, &child, architecture).await;
        let platform =
            Platform { os: "linux".to_owned(), architecture: architecture.to_owned(), variant: Some("v8".to_owned()) };
        children.push(Descriptor { platform: Some(platform), ..child.descriptor() });
        sign_legacy(store, &child, &[architecture]).await;
    }
    let all = StoredManifest::of(repository, index(&children, &BTreeMap::new()), None).unwrap();
    store.put_manifest(&all, Some(&tag("v1"))).await.unwrap();
    let signature = attach(store, &all, "signature").await;
    attach(store, &signature, "signature of the signature").await;
    all
}

fn cargo<'a>(image: &'a StoredManifest, repository: &'a Repository, tag: &'a Tag) -> Cargo<'a> {
    Cargo { image, platform: None, repository, tag: Some(tag) }
}

async fn contents(store: &dyn ArtifactStore, subject: &StoredManifest) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for listed in store.referrers(subject.image(), None).await.unwrap().descriptors {
        let referrer = store.referrer(subject.image(), &listed).await.unwrap();
        let layer = referrer.manifest().image().unwrap().layers[0].clone();
        found.push(store.blob(subject.image().repository(), &layer, 1000).await.unwrap());
        found.extend(Box::pin(contents(store, &referrer)).await);
    }
    found
}

/// Carries a release from store to store, and looks at what has arrived.
async fn carries_all(source: &dyn ArtifactStore, from: &Repository, target: &dyn ArtifactStore, to: &Repository) {
    let name = from.tagged(tag("v1"));
    let all = source.resolve(&name).await.unwrap();
    let progress = Progress::default();
    let arrived = carry(source, target, cargo(&all, to, &tag("v2")), &progress).await.unwrap();
    assert_eq!(arrived, all.image().within(to));
    let found = target.resolve(&to.tagged(tag("v2"))).await.unwrap();
    assert_eq!((found.bytes(), found.image()), (all.bytes(), &arrived));
    assert_eq!((progress.manifests(), progress.referrers(), progress.legacy()), (3, 4, 2));
    assert_eq!(contents(target, &found).await, [b"signature".to_vec(), b"signature of the signature".to_vec()]);
    for (child, architecture) in found.manifest().index().unwrap().manifests.iter().zip(["amd64", "arm64"]) {
        let child = target.manifest(&to.digested(child.digest).unwrap()).await.unwrap();
        assert_eq!(contents(target, &child).await, [architecture.as_bytes()]);
        let layer = &child.manifest().image().unwrap().layers[0];
        assert_eq!(target.blob(to, layer, 100).await.unwrap(), architecture.as_bytes());
        let legacy = to.tagged(Tag::of_cosign(child.image().digest(), CosignSuffix::Signatures));
        assert!(target.resolve(&legacy).await.is_ok());
    }
}

#[test]
fn everything_arrives_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    block_on(async {
        let (store, layout) = (MemoryStore::new(), LayoutStore::create(folder.path()).unwrap());
        let (here, there, back) = (repository("acme/app"), repository("layout/app"), repository("mirror/app"));
        release(&store, &here).await;
        carries_all(&store, &here, &layout, &there).await;
        // The tag is the only thing that the layout lists by name beside the older signatures.
        layout.put_manifest(&layout.resolve(&there.tagged(tag("v2"))).await.unwrap(), Some(&tag("v1"))).await.unwrap();
        carries_all(&LayoutStore::open(folder.path()).unwrap(), &there, &store, &back).await;
    });
}

#[test]
fn one_platform() {
    block_on(async {
        let (store, target) = (MemoryStore::new(), MemoryStore::new());
        let (here, there) = (repository("acme/app"), repository("mirror/app"));
        let all = release(&store, &here).await;
        let wanted = |architecture: &str| Platform {
            os: "linux".to_owned(),
            architecture: architecture.to_owned(),
            variant: None,
        };
        let (arm, mips, v1) = (wanted("arm64"), wanted("mips"), tag("v1"));
        let one = |platform| Cargo { platform: Some(platform), ..cargo(&all, &there, &v1) };
        let progress = Progress::default();
        let arrived = carry(&store, &target, one(&arm), &progress).await.unwrap();
        assert_eq!(*arrived.digest(), all.manifest().index().unwrap().manifests[1].digest);
        assert_eq!((progress.manifests(), progress.referrers(), progress.legacy()), (1, 1, 1));
        let missing = carry(&store, &target, one(&mips), &progress).await.unwrap_err();
        assert_eq!(missing.code().name(), "platform-not-found");
    });
}

#[test]
fn older_signatures_of_both_sides_stay() {
    block_on(async {
        let (store, target) = (MemoryStore::new(), MemoryStore::new());
        let (here, there) = (repository("acme/app"), repository("mirror/app"));
        let (source, copied) = (image(&store, &here, "layer").await, image(&target, &there, "layer").await);
        sign_legacy(&store, &source, &["one", "both"]).await;
        sign_legacy(&target, &copied, &["both", "other"]).await;
        for _ in 0..2 {
            carry(&store, &target, cargo(&source, &there, &tag("v1")), &Progress::default()).await.unwrap();
            let name = there.tagged(Tag::of_cosign(source.image().digest(), CosignSuffix::Signatures));
            let found = target.resolve(&name).await.unwrap();
            let mut payloads = Vec::new();
            for layer in &found.manifest().image().unwrap().layers {
                payloads.push(target.blob(&there, layer, 100).await.unwrap());
            }
            assert_eq!(payloads, [b"both".to_vec(), b"other".to_vec(), b"one".to_vec()]);
        }
    });
}

/// The file of a layout's manifest or blob.
fn file(folder: &Path, digest: &crate::base::crypto::Digest) -> std::path::PathBuf {
    folder.join("blobs/sha256").join(digest.hex())
}

#[test]
fn what_is_incomplete_gets_no_tag() {
    block_on(async {
        let here = repository("acme/app");
        // Each thing that can be missing, in turn: a child, its layer, a signature's manifest, its bundle.
        for missing in 0..4 {
            let folder = tempfile::tempdir().unwrap();
            let store = LayoutStore::create(folder.path()).unwrap();
            let all = release(&store, &here).await;
            let child = here.digested(all.manifest().index().unwrap().manifests[1].digest).unwrap();
            let child = store.manifest(&child).await.unwrap();
            let listed = store.referrers(all.image(), None).await.unwrap().descriptors.remove(0);
            let referrer = store.referrer(all.image(), &listed).await.unwrap();
            let (digest, code) = match missing {
                0 => (*child.image().digest(), "image-not-found"),
                1 => (child.manifest().image().unwrap().layers[0].digest, "blob-not-found"),
                2 => (*referrer.image().digest(), "image-not-found"),
                _ => (referrer.manifest().image().unwrap().layers[0].digest, "blob-not-found"),
            };
            std::fs::remove_file(file(folder.path(), &digest)).unwrap();
            let (target, there) = (MemoryStore::new(), repository("mirror/app"));
            let failed = carry(&store, &target, cargo(&all, &there, &tag("v1")), &Progress::default()).await;
            assert_eq!(failed.unwrap_err().code().name(), code, "{missing}");
            assert!(target.tags(&there).await.unwrap().iter().all(|found| *found != tag("v1")), "{missing}");
        }
    });
}

/// A registry where somebody else moves the tag as soon as it is there.
#[derive(Debug)]
struct Moved {
    to: StoredManifest,
    store: MemoryStore,
}

impl Faults for Moved {
    fn before<'a>(&'a self, asked: Asked<'a>) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            match asked {
                Asked::Resolve(name) if name.tag() == &tag("v2") => {
                    self.store.put_manifest(&self.to, Some(name.tag())).await
                }
                _ => Ok(()),
            }
        })
    }
}

#[test]
fn a_tag_that_somebody_else_moved_is_no_success() {
    block_on(async {
        let (source, inner) = (MemoryStore::new(), MemoryStore::new());
        let (here, there) = (repository("acme/app"), repository("mirror/app"));
        let all = release(&source, &here).await;
        let faults = Moved { to: image(&inner, &there, "another").await, store: inner.clone() };
        let target = FailingStore { inner, faults };
        let moved = carry(&source, &target, cargo(&all, &there, &tag("v2")), &Progress::default()).await.unwrap_err();
        assert_eq!((moved.code().name(), moved.code().exit_code()), ("image-not-arrived", 3));
        assert!(carry(&source, &target, cargo(&all, &there, &tag("v1")), &Progress::default()).await.is_ok());
    });
}

#[test]
fn nesting_is_bounded() {
    block_on(async {
        let (store, here) = (MemoryStore::new(), repository("acme/app"));
        let mut inner = image(&store, &here, "layer").await;
        for _ in 0..=limits::CARRY_DEPTH {
            inner = StoredManifest::of(&here, index(&[inner.descriptor()], &BTreeMap::new()), None).unwrap();
            store.put_manifest(&inner, None).await.unwrap();
        }
        let (target, there) = (MemoryStore::new(), repository("mirror/app"));
        let failed = carry(&store, &target, cargo(&inner, &there, &tag("v1")), &Progress::default()).await;
        assert_eq!(failed.unwrap_err().code().name(), "limit-nesting");
    });
}
