//! Registries that give other content than was asked for, too much of it, or none.

use std::net::TcpListener;
use std::time::Instant;

use super::*;
use crate::base::limits;
use crate::format::oci::{DOCKER_MANIFEST, IMAGE_INDEX, IMAGE_MANIFEST, ImageManifest, image_manifest};
use crate::service::store::Thing;

/// An image in a registry that lies from then on.
fn image_in(registry: &TestRegistry) -> StoredManifest {
    block_on(image(&store(), &repository(&registry.authority), "v1"))
}

fn code<T: std::fmt::Debug>(outcome: Result<T, StoreError>) -> (&'static str, u8) {
    let error = outcome.unwrap_err();
    (error.code().name(), error.code().exit_code())
}

fn layers(image: &StoredManifest) -> &ImageManifest {
    image.manifest().image().unwrap()
}

/// A lie about reads of this kind only: writes are answered honestly.
fn about(part: &'static str, answer: impl Fn() -> Answer + Send + Sync + 'static) -> TestRegistry {
    TestRegistry::lying(move |asked| (asked.method == "GET" && asked.path.contains(part)).then(&answer))
}

fn another_image() -> Vec<u8> {
    let blob = Descriptor::of("x", b"another");
    image_manifest(None, &blob, std::slice::from_ref(&blob), None, &Default::default())
}

#[test]
fn o01_a_manifest_of_another_digest() {
    let registry = about("/manifests/", || Answer::new(200, another_image()).with("content-type", IMAGE_MANIFEST));
    let image = image_in(&registry);
    assert_eq!(code(block_on(store().manifest(image.image()))), ("oci-digest", 1));
}

#[test]
fn o02_the_digest_header_is_not_believed() {
    let wanted = Arc::new(std::sync::Mutex::new(String::new()));
    let told = Arc::clone(&wanted);
    let registry = about("/manifests/", move || {
        let digest = told.lock().unwrap().clone();
        Answer::new(200, another_image()).with("content-type", IMAGE_MANIFEST).with("docker-content-digest", digest)
    });
    let image = image_in(&registry);
    *wanted.lock().unwrap() = image.image().digest().to_string();
    assert_eq!(code(block_on(store().manifest(image.image()))), ("oci-digest", 1));
    // By tag, what came counts.
    let name = image.image().repository().tagged(Tag::parse("v1").unwrap());
    let resolved = block_on(store().resolve(&name)).unwrap();
    assert_eq!(resolved.image(), &name.repository().content(&another_image()));
}

#[test]
fn o04_o14_blobs_of_other_bytes_or_lengths() {
    for (lie, expected) in
        [(&b"V1"[..], "oci-digest"), (b"v1 and more", "oci-size"), (b"v", "oci-size"), (b"", "oci-size")]
    {
        let registry = about("/blobs/", move || Answer::new(200, lie));
        let image = image_in(&registry);
        let (repository, layer) = (image.image().repository(), &layers(&image).layers[0]);
        assert_eq!(code(block_on(store().blob(repository, layer, 100))), (expected, 1), "{lie:?}");
        let read = block_on(async {
            let mut reader = store().open_blob(repository, layer).await?;
            let mut last = None;
            while let Some(piece) = reader.next().await? {
                last = Some(piece);
            }
            Ok(last)
        });
        assert_eq!(code(read), (expected, 1), "{lie:?}");
    }
}

#[test]
fn o05_bodies_have_a_bound() {
    let image_type = |answer: Answer| answer.with("content-type", IMAGE_MANIFEST);
    let endless = move || image_type(Answer::new(200, vec![b' '; 64 << 10]).by(Way::Endless));
    let long = move || image_type(Answer::new(200, vec![b' '; limits::OCI_MANIFEST_BYTES + 1]));
    for registry in [about("/manifests/", endless), about("/manifests/", long)] {
        let image = image_in(&registry);
        assert_eq!(code(block_on(store().manifest(image.image()))), ("limit-manifest-size", 1));
    }
    // A length that is shorter than what follows ends there.
    let short = about("/manifests/", || Answer::new(200, vec![b' '; 1 << 20]).by(Way::Length(100)));
    assert_eq!(code(block_on(store().manifest(image_in(&short).image()))), ("oci-digest", 1));
    let blobs = about("/blobs/", || Answer::new(200, vec![0; 64 << 10]).by(Way::Endless));
    let image = image_in(&blobs);
    let blob = store().transport.clone();
    let (repository, layer) = (image.image().repository(), &layers(&image).layers[0]);
    assert_eq!(code(block_on(pull::blob(&blob, repository, layer, 1 << 20))), ("oci-size", 1));
    let errors = about("/manifests/", || Answer::new(400, vec![b'x'; 64 << 10]).by(Way::Endless));
    assert_eq!(code(block_on(store().manifest(image_in(&errors).image()))), ("registry-unexpected", 3));
}

#[test]
fn o10_o11_the_type_of_the_answer_is_that_of_the_content() {
    for (content_type, expected) in [
        (IMAGE_INDEX, "oci-media-type"),
        (DOCKER_MANIFEST, "oci-media-type"),
        ("text/html", "oci-media-type"),
        ("application/vnd.docker.distribution.manifest.v1+prettyjws", "oci-media-type"),
    ] {
        let registry = TestRegistry::honest();
        let image = image_in(&registry);
        registry.plant("acme/app", Some("lie"), content_type, image.bytes());
        let name = image.image().repository().tagged(Tag::parse("lie").unwrap());
        assert_eq!(code(block_on(store().resolve(&name))), (expected, 1), "{content_type}");
    }
    let both = String::from_utf8(another_image()).unwrap().replace("\"config\"", "\"manifests\":[],\"config\"");
    let registry = TestRegistry::honest();
    registry.plant("acme/app", Some("both"), IMAGE_MANIFEST, both.as_bytes());
    let name = repository(&registry.authority).tagged(Tag::parse("both").unwrap());
    assert_eq!(code(block_on(store().resolve(&name))), ("oci-type-confusion", 1));
}

#[test]
fn absent_is_only_what_the_registry_says_is_absent() {
    let name = |registry: &TestRegistry| repository(&registry.authority).tagged(Tag::parse("none").unwrap());
    let honest = TestRegistry::honest();
    assert_eq!(code(block_on(store().resolve(&name(&honest)))), ("image-not-found", 1));
    for (answer, expected) in [
        (Answer::new(404, "<html>not here</html>"), "registry-malformed"),
        (Answer::new(404, ""), "registry-malformed"),
        (Answer::error(404, "TOOMANYREQUESTS"), "registry-malformed"),
        (Answer::error(400, "MANIFEST_UNKNOWN"), "registry-unexpected"),
        (Answer::error(403, "DENIED"), "registry-unauthorized"),
        (Answer::error(405, "UNSUPPORTED"), "registry-unexpected"),
        (Answer::error(500, "UNKNOWN"), "registry-unavailable"),
        (Answer::new(204, ""), "registry-unexpected"),
    ] {
        let status = answer.status;
        let registry = about("/manifests/", move || answer.clone());
        assert_eq!(code(block_on(store().resolve(&name(&registry)))), (expected, 3), "{status}");
    }
    assert_eq!(Thing::Blob.to_string(), "blob");
}

#[test]
fn o22_asking_again_has_an_end() {
    // A registry that is never content with a token.
    let realm = Arc::new(std::sync::Mutex::new(String::new()));
    let told = Arc::clone(&realm);
    let registry = TestRegistry::lying(move |asked| {
        if asked.path == "/token" {
            return Some(Answer::new(200, r#"{"token":"t"}"#));
        }
        let challenge = format!("Bearer realm=\"http://{}/token\"", told.lock().unwrap());
        Some(Answer::error(401, "UNAUTHORIZED").with("www-authenticate", challenge))
    });
    realm.lock().unwrap().clone_from(&registry.authority);
    let name = repository(&registry.authority).tagged(Tag::parse("v1").unwrap());
    assert_eq!(code(block_on(store().resolve(&name))), ("registry-unauthorized", 3));
    assert_eq!(registry.lines(), ["GET /v2/acme/app/manifests/v1", "GET /token", "GET /v2/acme/app/manifests/v1"]);

    for answer in [Answer::error(429, "TOOMANYREQUESTS").with("retry-after", "1000000000"), Answer::error(503, "X")] {
        let registry = TestRegistry::lying(move |_| Some(answer.clone()));
        let name = repository(&registry.authority).tagged(Tag::parse("v1").unwrap());
        let started = Instant::now();
        assert_eq!(code(block_on(store().resolve(&name))), ("registry-unavailable", 3));
        assert!(registry.asked().len() <= 3 && started.elapsed() < Duration::from_secs(10));
    }
}

#[test]
fn a_throttled_registry_is_waited_for() {
    let count = std::sync::atomic::AtomicUsize::new(0);
    let registry = TestRegistry::lying(move |asked| {
        let first = asked.method == "GET" && count.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0;
        first.then(|| Answer::error(429, "TOOMANYREQUESTS").with("retry-after", "1"))
    });
    let image = image_in(&registry);
    let started = Instant::now();
    assert!(block_on(store().manifest(image.image())).is_ok());
    assert!(started.elapsed() >= Duration::from_secs(1));
}

#[test]
fn o23_slow_and_silent_registries() {
    let slow = about("/manifests/", || Answer::new(200, vec![b' '; 4096]).by(Way::Drip(Duration::from_millis(500))));
    let silent = about("/manifests/", || Answer::new(200, "").by(Way::Silence));
    for registry in [&slow, &silent] {
        let name = repository(&registry.authority).tagged(Tag::parse("v1").unwrap());
        let started = Instant::now();
        let error = block_on(store().resolve(&name)).unwrap_err();
        assert_eq!((error.code().name(), error.code().exit_code()), ("registry-unreachable", 3));
        assert!(error.to_string().contains("timed out"), "{error}");
        assert!(started.elapsed() < Duration::from_secs(15));
    }
    // A blob that comes byte by byte, while each byte comes in time.
    let drip = about("/blobs/", || Answer::new(200, vec![b'x'; 4096]).by(Way::Drip(Duration::from_millis(100))));
    let image = image_in(&drip);
    let crawled = block_on(async {
        let mut reader = store().open_blob(image.image().repository(), &Descriptor::of("x", &[b'x'; 4096])).await?;
        while reader.next().await?.is_some() {}
        Ok(())
    });
    assert_eq!(code(crawled), ("registry-unreachable", 3));
    // A handshake that never ends: it is accepted, and nobody speaks TLS.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let repository = repository(&listener.local_addr().unwrap().to_string());
    let mut settings = impatient();
    let tls = HostSettings { scheme: Some(Scheme::Https), ..HostSettings::default() };
    settings.hosts.insert(repository.registry().clone(), tls);
    let store = RegistryStore::new(settings, Arc::new(FixedEnvironment::default()));
    let name = repository.tagged(Tag::parse("v1").unwrap());
    assert_eq!(code(block_on(store.resolve(&name))), ("registry-unreachable", 3));
}
