//! A store in memory that can be told to fail, and notes what it is asked.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::format::cosign;
use crate::format::dsse;
use crate::format::oci::{
    BundleKind, CosignSuffix, Descriptor, EMPTY, EMPTY_BYTES, IMAGE_MANIFEST, Repository, SIMPLE_SIGNING,
    SimpleSigning, Tag, bundle_manifest, image_manifest,
};
use crate::format::x509::testing::Key;
use crate::service::BoxFuture;
use crate::service::store::failing::{Asked, FailingStore, Faults};
use crate::service::store::{ArtifactStore, Referrers, StoreError, StoredManifest};
use crate::verify::testing::{NOW, Signed, World, signature_statement, statement};

pub(super) const BUNDLE_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

pub(super) fn repository() -> Repository {
    Repository::parse("registry.example.com/acme/app").unwrap()
}

/// A store in memory that can be told to fail, and counts what is under way.
pub(super) type Store = FailingStore<Broken>;

#[derive(Debug, Default)]
pub(super) struct Broken {
    /// What fails instead of being fetched.
    broken: Mutex<BTreeMap<String, StoreError>>,
    asked: Mutex<Vec<String>>,
    now: AtomicUsize,
    pub(super) most: AtomicUsize,
}

impl Broken {
    fn fail(&self, what: &str) -> Result<(), StoreError> {
        self.broken.lock().unwrap().get(what).map_or(Ok(()), |error| Err(error.clone()))
    }

    fn ask(&self, what: &str, of: impl ToString) {
        self.asked.lock().unwrap().push(format!("{what} {}", of.to_string()));
    }
}

impl Faults for Broken {
    fn before<'a>(&'a self, asked: Asked<'a>) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            match asked {
                Asked::Resolve(name) => {
                    self.ask("resolve", name);
                    self.fail("resolve").and_then(|()| self.fail(name.tag().as_str()))
                }
                Asked::Manifest(image) => {
                    self.ask("manifest", image.digest());
                    self.most.fetch_max(self.now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    self.now.fetch_sub(1, Ordering::Relaxed);
                    self.fail(&image.digest().to_string())
                }
                Asked::Blob(blob) => {
                    self.ask("blob", blob.digest);
                    self.fail(&blob.digest.to_string())
                }
                Asked::Referrers(image) => {
                    self.ask("referrers", image.digest());
                    self.fail("referrers")
                }
            }
        })
    }

    fn change(&self, referrers: &mut Referrers) {
        for (what, artifact_type) in [("types", None), ("config types", Some(EMPTY))] {
            if self.fail(what).is_err() {
                let typed = |listed: &mut Descriptor| listed.artifact_type = artifact_type.map(str::to_owned);
                referrers.descriptors.iter_mut().for_each(typed);
            }
        }
    }
}

impl Store {
    /// What was asked since the last time; nothing twice.
    pub(super) fn asked(&self) -> Vec<String> {
        let asked = std::mem::take(&mut *self.faults.asked.lock().unwrap());
        let once: std::collections::BTreeSet<_> = asked.iter().collect();
        assert_eq!(once.len(), asked.len(), "asked twice: {asked:?}");
        asked
    }

    pub(super) fn break_it(&self, what: impl ToString, error: StoreError) {
        self.faults.broken.lock().unwrap().insert(what.to_string(), error);
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
