//! A store in memory that can be told to fail, and notes what it is asked.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::format::cosign;
use crate::format::dsse;
use crate::format::oci::{
    BundleKind, CosignSuffix, Descriptor, DigestRef, EMPTY, EMPTY_BYTES, IMAGE_MANIFEST, Repository, SIMPLE_SIGNING,
    SimpleSigning, Tag, TaggedRef, bundle_manifest, image_manifest,
};
use crate::format::x509::testing::Key;
use crate::service::BoxFuture;
use crate::service::store::{
    ArtifactStore, Attached, BlobReader, Content, MemoryStore, Referrers, StoreError, StoredManifest, TagUpdate,
};
use crate::verify::testing::{NOW, Signed, World, signature_statement, statement};

pub(super) const BUNDLE_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

pub(super) fn repository() -> Repository {
    Repository::parse("registry.example.com/acme/app").unwrap()
}

/// A store in memory that can be told to fail, and counts what is under way.
#[derive(Debug, Default)]
pub(super) struct Store {
    pub(super) inner: MemoryStore,
    /// What fails instead of being fetched.
    broken: Mutex<BTreeMap<String, StoreError>>,
    asked: Mutex<Vec<String>>,
    now: AtomicUsize,
    pub(super) most: AtomicUsize,
}

impl Store {
    fn fail(&self, what: &str) -> Result<(), StoreError> {
        self.broken.lock().unwrap().get(what).map_or(Ok(()), |error| Err(error.clone()))
    }

    fn ask(&self, what: &str, of: impl ToString) {
        self.asked.lock().unwrap().push(format!("{what} {}", of.to_string()));
    }

    /// What was asked since the last time; nothing twice.
    pub(super) fn asked(&self) -> Vec<String> {
        let asked = std::mem::take(&mut *self.asked.lock().unwrap());
        let once: std::collections::BTreeSet<_> = asked.iter().collect();
        assert_eq!(once.len(), asked.len(), "asked twice: {asked:?}");
        asked
    }

    pub(super) fn break_it(&self, what: impl ToString, error: StoreError) {
        self.broken.lock().unwrap().insert(what.to_string(), error);
    }

    pub(super) async fn image(&self, name: &str) -> StoredManifest {
        let config = Descriptor::of(EMPTY, EMPTY_BYTES);
        self.inner.put_bytes(&repository(), EMPTY, EMPTY_BYTES).await.unwrap();
        let annotations = BTreeMap::from([("name".to_owned(), name.to_owned())]);
        let bytes = image_manifest(None, &config, &[], None, &annotations);
        let image = StoredManifest::of(&repository(), bytes, Some(IMAGE_MANIFEST)).unwrap();
        self.inner.put_manifest(&image, Some(&Tag::parse(name).unwrap())).await.unwrap();
        image
    }

    /// A legacy signature of an image, by the world's signer.
    pub(super) fn legacy_signature(world: &World, image: &StoredManifest) -> Signed {
        world.legacy_signature(&SimpleSigning::new(&repository().to_string(), *image.image().digest()))
    }

    /// Attaches a bundle; gives the digest of its layer and of its manifest.
    pub(super) async fn attach_json(&self, image: &StoredManifest, json: &str) -> (String, String) {
        let bundle = self.inner.put_bytes(&repository(), BUNDLE_TYPE, json.as_bytes()).await.unwrap();
        let kind = BundleKind::Envelope { predicate_type: "https://example.com/predicate" };
        let bytes = bundle_manifest(&image.descriptor(), &bundle, kind, NOW);
        let referrer = StoredManifest::of(&repository(), bytes, None).unwrap();
        self.inner.attach(&referrer).await.unwrap();
        (bundle.digest.to_string(), referrer.image().digest().to_string())
    }

    pub(super) async fn sign(&self, world: &World, image: &StoredManifest) -> (String, String) {
        self.state(world, image, &signature_statement(image.bytes())).await
    }

    /// Attests to an image, which signs nothing.
    pub(super) async fn attest(&self, world: &World, image: &StoredManifest) -> (String, String) {
        self.state(world, image, &statement(image.bytes())).await
    }

    async fn state(&self, world: &World, image: &StoredManifest, statement: &str) -> (String, String) {
        let signed = world.complete_v2(world.attestation(&Key::p256(), dsse::IN_TOTO, statement));
        self.attach_json(image, &signed.bundle().to_json()).await
    }

    /// Attaches an artifact with these types.
    pub(super) async fn attach_as(&self, image: &StoredManifest, kind: Option<&str>, layer_type: &str, layer: &[u8]) {
        let layer = self.inner.put_bytes(&repository(), layer_type, layer).await.unwrap();
        let config = Descriptor::of(EMPTY, EMPTY_BYTES);
        let annotations = BTreeMap::new();
        let bytes = image_manifest(kind, &config, &[layer], Some(&image.descriptor()), &annotations);
        self.inner.attach(&StoredManifest::of(&repository(), bytes, None).unwrap()).await.unwrap();
    }

    /// Puts legacy signatures or attestations beside an image.
    pub(super) async fn legacy(&self, world: &World, image: &StoredManifest, suffix: CosignSuffix, all: &[Signed]) {
        let media_type = if suffix == CosignSuffix::Signatures { SIMPLE_SIGNING } else { cosign::ENVELOPE };
        let mut layers = Vec::new();
        for signed in all {
            let (layer, annotations) = world.legacy_layer(signed);
            let layer = self.inner.put_bytes(&repository(), media_type, &layer).await.unwrap();
            layers.push(Descriptor { annotations, ..layer });
        }
        let config = Descriptor::of(EMPTY, EMPTY_BYTES);
        let bytes = image_manifest(None, &config, &layers, None, &BTreeMap::new());
        let manifest = StoredManifest::of(&repository(), bytes, Some(IMAGE_MANIFEST)).unwrap();
        let tag = Tag::of_cosign(image.image().digest(), suffix);
        self.inner.put_manifest(&manifest, Some(&tag)).await.unwrap();
    }
}

impl ArtifactStore for Store {
    fn resolve<'a>(&'a self, name: &'a TaggedRef) -> BoxFuture<'a, Result<StoredManifest, StoreError>> {
        Box::pin(async move {
            self.ask("resolve", name);
            self.fail("resolve")?;
            self.fail(name.tag().as_str())?;
            self.inner.resolve(name).await
        })
    }

    fn manifest<'a>(&'a self, image: &'a DigestRef) -> BoxFuture<'a, Result<StoredManifest, StoreError>> {
        Box::pin(async move {
            self.ask("manifest", image.digest());
            self.most.fetch_max(self.now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
            tokio::time::sleep(Duration::from_millis(10)).await;
            self.now.fetch_sub(1, Ordering::Relaxed);
            self.fail(&image.digest().to_string())?;
            self.inner.manifest(image).await
        })
    }

    fn blob<'a>(
        &'a self,
        repository: &'a Repository,
        blob: &'a Descriptor,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<u8>, StoreError>> {
        Box::pin(async move {
            self.ask("blob", blob.digest);
            self.fail(&blob.digest.to_string())?;
            self.inner.blob(repository, blob, limit).await
        })
    }

    fn referrers<'a>(
        &'a self,
        image: &'a DigestRef,
        artifact_type: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Referrers, StoreError>> {
        Box::pin(async move {
            self.ask("referrers", image.digest());
            self.fail("referrers")?;
            let mut listed = self.inner.referrers(image, artifact_type).await?;
            if self.fail("types").is_err() {
                listed.descriptors.iter_mut().for_each(|listed| listed.artifact_type = None);
            }
            if self.fail("config types").is_err() {
                listed.descriptors.iter_mut().for_each(|listed| listed.artifact_type = Some(EMPTY.to_owned()));
            }
            Ok(listed)
        })
    }

    fn open_blob<'a>(
        &'a self,
        repository: &'a Repository,
        blob: &'a Descriptor,
    ) -> BoxFuture<'a, Result<Box<dyn BlobReader>, StoreError>> {
        self.inner.open_blob(repository, blob)
    }

    fn tags<'a>(&'a self, repository: &'a Repository) -> BoxFuture<'a, Result<Vec<Tag>, StoreError>> {
        self.inner.tags(repository)
    }

    fn put_blob<'a>(
        &'a self,
        repository: &'a Repository,
        blob: &'a Descriptor,
        content: Content<'a>,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        self.inner.put_blob(repository, blob, content)
    }

    fn put_manifest<'a>(
        &'a self,
        manifest: &'a StoredManifest,
        tag: Option<&'a Tag>,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        self.inner.put_manifest(manifest, tag)
    }

    fn update_tag<'a>(
        &'a self,
        name: &'a TaggedRef,
        update: &'a dyn TagUpdate,
    ) -> BoxFuture<'a, Result<(), StoreError>> {
        self.inner.update_tag(name, update)
    }

    fn attach<'a>(&'a self, referrer: &'a StoredManifest) -> BoxFuture<'a, Result<Attached, StoreError>> {
        self.inner.attach(referrer)
    }
}
