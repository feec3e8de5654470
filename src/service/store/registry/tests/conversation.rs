//! Which requests are made, and how many.

use super::*;
use crate::base::limits;
use crate::format::oci::ImageRef;

const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// An image with `bundles`, and what was asked to read them all.
fn read_all(options: Options, bundles: usize, by_tag: bool) -> Vec<String> {
    let registry = TestRegistry::start(options);
    let repository = repository(&registry.authority);
    let image = block_on(async {
        let image = image(&store(), &repository, "v1").await;
        for number in 0..bundles {
            let bundle = bundle(&store(), &image, format!("bundle {number}").as_bytes()).await;
            store().attach(&bundle).await.unwrap();
        }
        image
    });
    registry.forget_requests();
    let name = if by_tag { format!("{repository}:v1") } else { image.image().to_string() };
    assert_eq!(block_on(fetch(&store(), &name)), bundles);
    registry.lines()
}

/// All bundles of an image, as a verifier fetches them.
async fn fetch(store: &RegistryStore, name: &str) -> usize {
    let image = match ImageRef::parse(name).unwrap() {
        ImageRef::Tagged(name) => store.resolve(&name).await.unwrap().image().clone(),
        ImageRef::Digested(image) => image,
    };
    let listed = store.referrers(&image, Some(BUNDLE)).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for descriptor in listed.descriptors {
        let (store, image) = (store.clone(), image.clone());
        tasks.spawn(async move {
            let referrer = store.referrer(&image, &descriptor).await.unwrap();
            let layer = referrer.manifest().image().unwrap().layers[0].clone();
            store.blob(image.repository(), &layer, limits::BUNDLE_BYTES).await.unwrap()
        });
    }
    tasks.join_all().await.len()
}

#[test]
fn three_requests_by_digest_four_by_tag_one_more_without_the_api() {
    let with = |referrers| Options { referrers, ..Options::default() };
    assert_eq!(read_all(with(true), 1, false).len(), 3);
    assert_eq!(read_all(with(true), 1, true).len(), 4);
    assert_eq!(read_all(with(false), 1, false).len(), 4);
    let lines = read_all(with(false), 1, true);
    assert_eq!(lines.len(), 5, "{lines:?}");
    assert!(lines.iter().all(|line| line.starts_with("GET /v2/acme/app/")), "{lines:?}");
}

#[test]
fn ten_bundles_take_no_longer_than_one_and_a_half() {
    let time = |bundles: usize| {
        let latency = Duration::from_millis(20);
        let registry = TestRegistry::start(Options { latency, ..Options::default() });
        let repository = repository(&registry.authority);
        let image = block_on(async {
            let image = image(&store(), &repository, "v1").await;
            for number in 0..bundles {
                let bundle = bundle(&store(), &image, format!("bundle {number}").as_bytes()).await;
                store().attach(&bundle).await.unwrap();
            }
            image
        });
        // The best of some: others use this machine too.
        let runs = (0..5).map(|_| {
            let started = std::time::Instant::now();
            assert_eq!(block_on(fetch(&store(), &image.image().to_string())), bundles);
            started.elapsed()
        });
        runs.min().unwrap()
    };
    let (one, ten) = (time(1), time(10));
    assert!(ten <= one * 3 / 2, "one {one:?}, ten {ten:?}");
}

#[test]
fn a_long_blob_goes_and_comes_in_pieces() {
    let registry = TestRegistry::honest();
    let repository = repository(&registry.authority);
    let content: Vec<u8> = (0..limits::UPLOAD_PIECE * 2 + 5).map(|at| (at % 251) as u8).collect();
    let (first, second) = (Descriptor::of("x", &content), Descriptor::of("x", &content[1..]));
    block_on(async {
        let store = store();
        store.put_blob(&repository, &first, Content::Bytes(&content)).await.unwrap();
        registry.forget_requests();
        // A copy, from a reader; what is there is not sent again.
        let other = super::repository(&registry.authority);
        let reader = store.open_blob(&repository, &first).await.unwrap();
        store.put_blob(&other, &first, Content::Reader(reader)).await.unwrap();
        assert_eq!(registry.asked().iter().filter(|asked| asked.method != "GET" && asked.method != "HEAD").count(), 0);
        let target = TestRegistry::honest();
        let there = super::repository(&target.authority);
        let reader = store.open_blob(&repository, &first).await.unwrap();
        store.put_blob(&there, &first, Content::Reader(reader)).await.unwrap();
        assert_eq!(store.blob(&there, &first, content.len()).await.unwrap(), content);
        let methods: Vec<_> = target.asked().iter().map(|asked| asked.method.clone()).collect();
        assert_eq!(methods, ["HEAD", "POST", "PATCH", "PATCH", "PUT", "GET"]);
        // A reader that gives something else than was said.
        let reader = store.open_blob(&repository, &first).await.unwrap();
        let wrong = store.put_blob(&there, &second, Content::Reader(reader)).await.unwrap_err();
        assert_eq!(wrong.code().name(), "oci-size");
    });
}

#[test]
fn an_upload_that_broke_off_begins_anew() {
    let count = std::sync::atomic::AtomicUsize::new(0);
    let registry = TestRegistry::lying(move |asked| {
        let first = asked.method == "PUT" && count.fetch_add(1, std::sync::atomic::Ordering::SeqCst) == 0;
        first.then(|| Answer::error(503, "UNKNOWN"))
    });
    block_on(store().put_bytes(&repository(&registry.authority), "x", b"x")).unwrap();
    assert_eq!(registry.asked().iter().filter(|asked| asked.method == "POST").count(), 2);
}

#[test]
fn a_blob_of_another_repository_is_mounted() {
    let pair = "bWU6c2VjcmV0";
    for login in [None, Some(Login::Bearer(Some(pair)))] {
        let registry = TestRegistry::start(Options { login, ..Options::default() });
        let store = signing_in::with_file(&registry.authority, pair);
        let (from, to) = (repository(&registry.authority), format!("{}/acme/copy", registry.authority));
        let to = Repository::parse(&to).unwrap();
        block_on(async {
            let blob = store.put_bytes(&from, "x", b"layer").await.unwrap();
            registry.forget_requests();
            assert!(store.link_blob(&to, &from, &blob).await.unwrap());
            assert!(store.link_blob(&to, &from, &blob).await.unwrap());
            assert_eq!(store.blob(&to, &blob, 100).await.unwrap(), b"layer");
            let posts = registry.asked().into_iter().filter(|asked| asked.method == "POST").count();
            assert_eq!(posts, 1);
            let missing = Descriptor::of("x", b"nowhere");
            assert!(!store.link_blob(&to, &from, &missing).await.unwrap());
            let elsewhere = Repository::parse("other.example/acme/app").unwrap();
            assert!(!store.link_blob(&to, &elsewhere, &missing).await.unwrap());
        });
    }
}

/// Not timed: where a silent registry held the turns, the other would be asked only when that one is given up.
#[test]
fn a_silent_registry_takes_no_turn_of_another() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let registry = TestRegistry::start(Options::default());
    let patient =
        Settings { attempt_timeout: Duration::from_secs(600), budget: Duration::from_secs(600), ..Settings::default() };
    let settings = RegistrySettings { http: patient, ..RegistrySettings::default() };
    let store = Arc::new(RegistryStore::new(settings, Arc::new(FixedEnvironment::default())));
    block_on(async {
        let good = image(store.as_ref(), &repository(&registry.authority), "v1").await;
        let name = repository(&silent.local_addr().unwrap().to_string()).tagged(Tag::parse("v1").unwrap());
        let mut waiting = tokio::task::JoinSet::new();
        for _ in 0..2 * limits::REGISTRY_REQUESTS {
            let (store, name) = (Arc::clone(&store), name.clone());
            waiting.spawn(async move { store.resolve(&name).await });
        }
        // As many as have a turn have asked.
        let mut held = Vec::new();
        for _ in 0..limits::REGISTRY_REQUESTS {
            let accepted = silent.try_clone().unwrap();
            held.push(tokio::task::spawn_blocking(move || accepted.accept().unwrap()).await.unwrap());
        }
        assert!(store.manifest(good.image()).await.is_ok());
        assert!(waiting.try_join_next().is_none());
        waiting.abort_all();
    });
}
