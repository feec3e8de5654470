//! The three answers, from stores that answer, lie, and do not answer.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::*;
use crate::format::dsse;
use crate::format::oci::{
    BundleKind, EMPTY, EMPTY_BYTES, IMAGE_MANIFEST, Repository, Tag, TaggedRef, bundle_manifest, image_manifest,
};
use crate::format::x509::testing::Key;
use crate::policy::{Matcher, Policy, Rule};
use crate::service::store::{Attached, BlobReader, Content, MemoryStore, Referrers, TagUpdate, Thing};
use crate::verify::testing::{NOW, World, statement};

const BUNDLE_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

fn repository() -> Repository {
    Repository::parse("registry.example.com/acme/app").unwrap()
}

fn trust(identity: &str) -> Trust {
    let rule = Rule::named("release")
        .identity(Matcher::exact(identity).unwrap())
        .issuer(Matcher::exact("https://issuer.example.com").unwrap())
        .build();
    Trust::Policy(Policy::of(rule.unwrap()))
}

/// A store in memory that can be told to fail, and counts what is under way.
#[derive(Debug, Default)]
struct Store {
    inner: MemoryStore,
    /// What fails instead of being fetched.
    broken: Mutex<BTreeMap<String, StoreError>>,
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Store {
    fn fail(&self, what: &str) -> Result<(), StoreError> {
        self.broken.lock().unwrap().get(what).map_or(Ok(()), |error| Err(error.clone()))
    }

    fn break_it(&self, what: impl ToString, error: StoreError) {
        self.broken.lock().unwrap().insert(what.to_string(), error);
    }

    async fn image(&self, name: &str) -> StoredManifest {
        let config = Descriptor::of(EMPTY, EMPTY_BYTES);
        self.inner.put_bytes(&repository(), EMPTY, EMPTY_BYTES).await.unwrap();
        let annotations = BTreeMap::from([("name".to_owned(), name.to_owned())]);
        let bytes = image_manifest(None, &config, &[], None, &annotations);
        let image = StoredManifest::of(&repository(), bytes, Some(IMAGE_MANIFEST)).unwrap();
        self.inner.put_manifest(&image, Some(&Tag::parse(name).unwrap())).await.unwrap();
        image
    }

    /// Attaches a bundle; gives the digest of its layer and of its manifest.
    async fn attach_json(&self, image: &StoredManifest, json: &str) -> (String, String) {
        let bundle = self.inner.put_bytes(&repository(), BUNDLE_TYPE, json.as_bytes()).await.unwrap();
        let kind = BundleKind::Envelope { predicate_type: "https://example.com/predicate" };
        let bytes = bundle_manifest(&image.descriptor(), &bundle, kind, NOW);
        let referrer = StoredManifest::of(&repository(), bytes, None).unwrap();
        self.inner.attach(&referrer).await.unwrap();
        (bundle.digest.to_string(), referrer.image().digest().to_string())
    }

    async fn sign(&self, world: &World, image: &StoredManifest) -> (String, String) {
        let statement = statement(image.bytes());
        let signed = world.complete_v2(world.attestation(&Key::p256(), dsse::IN_TOTO, &statement));
        self.attach_json(image, &signed.bundle().to_json()).await
    }
}

impl ArtifactStore for Store {
    fn resolve<'a>(&'a self, name: &'a TaggedRef) -> BoxFuture<'a, Result<StoredManifest, StoreError>> {
        Box::pin(async move {
            self.fail("resolve")?;
            self.inner.resolve(name).await
        })
    }

    fn manifest<'a>(&'a self, image: &'a DigestRef) -> BoxFuture<'a, Result<StoredManifest, StoreError>> {
        Box::pin(async move {
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
            self.fail("referrers")?;
            let mut listed = self.inner.referrers(image, artifact_type).await?;
            if self.fail("types").is_err() {
                listed.descriptors.iter_mut().for_each(|listed| listed.artifact_type = None);
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

/// A store that could not look.
fn outage() -> StoreError {
    StoreError::TooManyReferrers { name: "x".to_owned() }
}

fn absent() -> StoreError {
    StoreError::Absent { thing: Thing::Manifest, name: "x".to_owned() }
}

/// The digest that was admitted, or the code and its class.
async fn ask(store: &Store, world: &World, reference: &str) -> Result<String, (&'static str, Class)> {
    let reference = ImageRef::parse(&format!("registry.example.com/acme/app{reference}")).unwrap();
    let trust = trust("signer@example.com");
    let decision = image(store, &reference, &world.verifier(), &trust, NOW).await;
    let code = |error: &ImageError| (error.code().name(), error.code().class());
    let decision = decision.map_err(|error| code(&error))?;
    match (decision.admitted(), decision.error()) {
        (Some(_), None) => Ok(decision.image().digest().to_string()),
        (None, Some(error)) => Err(code(error)),
        both => panic!("{both:?}"),
    }
}

#[tokio::test]
async fn a_signed_image_is_admitted_by_tag_and_by_digest() {
    let (store, world) = (Store::default(), World::new());
    let image = store.image("v1").await;
    store.sign(&world, &image).await;
    let digest = image.image().digest().to_string();
    assert_eq!(ask(&store, &world, ":v1").await, Ok(digest.clone()));
    assert_eq!(ask(&store, &world, &format!("@{digest}")).await, Ok(digest.clone()));
    // Lists of older clients have no artifact types.
    store.break_it("types", outage());
    assert_eq!(ask(&store, &world, ":v1").await, Ok(digest));
}

#[tokio::test]
async fn absent_refused_and_could_not_look_are_three_answers() {
    let world = World::new();
    let unsigned = Store::default();
    unsigned.image("v1").await;
    assert_eq!(ask(&unsigned, &world, ":v1").await, Err(("image-unsigned", Class::Refused)));
    assert_eq!(ask(&unsigned, &world, ":v2").await, Err(("image-not-found", Class::Refused)));

    let stranger = Store::default();
    let image = stranger.image("v1").await;
    stranger.sign(&World::new(), &image).await;
    assert_eq!(ask(&stranger, &world, ":v1").await, Err(("log-id", Class::Refused)));

    for what in ["resolve", "referrers"] {
        let store = Store::default();
        let image = store.image("v1").await;
        store.sign(&world, &image).await;
        store.break_it(what, outage());
        assert_eq!(ask(&store, &world, ":v1").await, Err(("limit-referrers", Class::Undecided)), "{what}");
    }
}

/// The signature of one image says nothing of another, wherever it is attached.
#[tokio::test]
async fn a_signature_of_another_image_is_refused() {
    let (store, world) = (Store::default(), World::new());
    let (image, other) = (store.image("v1").await, store.image("v2").await);
    let signed = world.complete_v2(world.attestation(&Key::p256(), dsse::IN_TOTO, &statement(other.bytes())));
    store.attach_json(&image, &signed.bundle().to_json()).await;
    assert_eq!(ask(&store, &world, ":v1").await, Err(("subject-mismatch", Class::Refused)));
}

/// Of what could not be fetched nobody knows whether it is the good one: no no comes of the rest.
#[tokio::test]
async fn what_could_not_be_fetched_is_no_no() {
    let world = World::new();
    for part in [0, 1] {
        let store = Store::default();
        let image = store.image("v1").await;
        store.sign(&World::new(), &image).await;
        let good = store.sign(&world, &image).await;
        assert!(ask(&store, &world, ":v1").await.is_ok());
        let digest = [good.0, good.1][part].clone();
        store.break_it(&digest, outage());
        assert_eq!(ask(&store, &world, ":v1").await, Err(("limit-referrers", Class::Undecided)));
        // Another good one is still a yes.
        store.sign(&world, &image).await;
        assert!(ask(&store, &world, ":v1").await.is_ok());
    }
}

/// What the registry answered and is no good is a no: as a reason it comes after a signature that is no good.
#[tokio::test]
async fn what_is_gone_is_a_no() {
    let (store, world) = (Store::default(), World::new());
    let image = store.image("v1").await;
    let gone = store.sign(&world, &image).await;
    store.break_it(gone.1, absent());
    assert_eq!(ask(&store, &world, ":v1").await, Err(("image-not-found", Class::Refused)));
    store.sign(&World::new(), &image).await;
    assert_eq!(ask(&store, &world, ":v1").await, Err(("log-id", Class::Refused)));
    store.attach_json(&image, "{}").await;
    assert_eq!(ask(&store, &world, ":v1").await, Err(("log-id", Class::Refused)));
}

#[tokio::test(start_paused = true)]
async fn bundles_are_fetched_some_at_a_time_and_bounded_in_number() {
    let (store, world) = (Store::default(), World::new());
    let image = store.image("v1").await;
    for number in 0..limits::BUNDLES {
        store.attach_json(&image, &format!("{{\"number\":{number}}}")).await;
    }
    assert_eq!(ask(&store, &world, ":v1").await.map_err(|error| error.1), Err(Class::Refused));
    assert_eq!(store.most.load(Ordering::Relaxed), limits::BUNDLE_FETCHES);
    store.attach_json(&image, "{}").await;
    assert_eq!(ask(&store, &world, ":v1").await, Err(("limit-image-bundles", Class::Undecided)));
}
