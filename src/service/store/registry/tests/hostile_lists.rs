//! Registries whose lists of referrers lie.

use serde_json::{Value, json};

use super::*;
use crate::base::limits;
use crate::format::oci::{IMAGE_INDEX, IMAGE_MANIFEST, image_manifest, index};
use crate::service::store::FoundBy;

const KIND: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

fn image_in(registry: &TestRegistry) -> StoredManifest {
    block_on(image(&store(), &repository(&registry.authority), "v1"))
}

fn listed(image: &StoredManifest) -> Result<Referrers, StoreError> {
    block_on(store().referrers(image.image(), Some(KIND)))
}

fn code<T: std::fmt::Debug>(outcome: Result<T, StoreError>) -> (&'static str, u8) {
    let error = outcome.unwrap_err();
    (error.code().name(), error.code().exit_code())
}

fn page(entries: usize, first: usize) -> String {
    let entry = |number: usize| json!({"mediaType": IMAGE_MANIFEST, "digest": server::digest(&number.to_be_bytes()), "size": 7, "artifactType": KIND});
    let manifests: Vec<Value> = (first..first + entries).map(entry).collect();
    json!({"schemaVersion": 2, "mediaType": IMAGE_INDEX, "manifests": manifests}).to_string()
}

fn of_pages(answer: impl Fn(usize, &server::Asked) -> Answer + Send + Sync + 'static) -> TestRegistry {
    let count = std::sync::atomic::AtomicUsize::new(0);
    TestRegistry::lying(move |asked| {
        let asks = asked.path.contains("/referrers/");
        asks.then(|| {
            answer(count.fetch_add(1, std::sync::atomic::Ordering::SeqCst), asked).with("content-type", IMAGE_INDEX)
        })
    })
}

#[test]
fn pages_are_followed() {
    let registry = of_pages(|count, asked| {
        let answer = Answer::new(200, page(10, count * 10));
        if count < 2 { answer.with("link", format!("<{}?n={count}>; rel=\"next\"", asked.path)) } else { answer }
    });
    let found = listed(&image_in(&registry)).unwrap();
    assert_eq!((found.descriptors.len(), found.found_by), (30, FoundBy::Api));
}

#[test]
fn o06_too_many_referrers() {
    let one_page = of_pages(|_, _| Answer::new(200, page(limits::OCI_MANIFESTS + 1, 0)));
    assert_eq!(code(listed(&image_in(&one_page))), ("limit-referrers", 3));
    let many_pages = of_pages(|count, asked| {
        let next = format!("<{}?n={count}>; rel=\"next\"", asked.path);
        Answer::new(200, page(2000, count * 2000)).with("link", next)
    });
    assert_eq!(code(listed(&image_in(&many_pages))), ("limit-referrers", 3));
    assert_eq!(many_pages.lines().iter().filter(|line| line.contains("/referrers/")).count(), 3);
}

#[test]
fn o07_pages_without_end_or_elsewhere() {
    let elsewhere = TestRegistry::honest();
    let other = elsewhere.authority.clone();
    let cases: [(&str, &str); 6] = [
        ("limit-pages", "{path}"),
        ("limit-pages", "{path}?n={count}"),
        ("net-cross-host", "http://{other}{path}"),
        ("net-cross-host", "../../../../token"),
        ("net-cross-host", "/v2/acme/other/referrers/x"),
        ("net-cross-host", "http://user:pw@{own}{path}"),
    ];
    for (expected, template) in cases {
        let other = other.clone();
        let registry = of_pages(move |count, asked| {
            let own = asked.header("host").unwrap_or_default();
            let target = template.replace("{path}", &asked.path).replace("{count}", &count.to_string());
            let target = target.replace("{other}", &other).replace("{own}", own);
            Answer::new(200, page(1, count)).with("link", format!("<{target}>; rel=\"next\""))
        });
        assert_eq!(code(listed(&image_in(&registry))), (expected, 3), "{template}");
        let pages = registry.lines().iter().filter(|line| line.contains("/referrers/")).count();
        assert!(pages <= limits::REGISTRY_PAGES, "{template}: {pages}");
    }
    assert!(elsewhere.asked().is_empty());
}

/// A manifest about `subject`, or about nothing, that the registry lists for `image` in an index.
fn planted(registry: &TestRegistry, image: &StoredManifest, subject: Option<&Descriptor>) -> Descriptor {
    let blob = block_on(store().put_bytes(image.image().repository(), "x", b"blob")).unwrap();
    let bytes = image_manifest(Some(KIND), &blob, std::slice::from_ref(&blob), subject, &Default::default());
    registry.plant("acme/app", None, IMAGE_MANIFEST, &bytes);
    Descriptor { artifact_type: Some(KIND.to_owned()), ..Descriptor::of(IMAGE_MANIFEST, &bytes) }
}

#[test]
fn o08_a_referrer_of_another_image() {
    let list = Arc::new(std::sync::Mutex::new(Vec::new()));
    let told = Arc::clone(&list);
    let registry = of_pages(move |_, _| Answer::new(200, told.lock().unwrap().clone()));
    let image = image_in(&registry);
    let own = planted(&registry, &image, Some(&image.descriptor()));
    let other = planted(&registry, &image, Some(&Descriptor::of(IMAGE_MANIFEST, b"another image")));
    let none = planted(&registry, &image, None);
    *list.lock().unwrap() = index(&[own, other, none], &Default::default());
    let found = listed(&image).unwrap();
    let fetched: Vec<_> = found
        .descriptors
        .iter()
        .map(|descriptor| {
            block_on(store().referrer(image.image(), descriptor)).map_err(|error| error.code().name()).err()
        })
        .collect();
    assert_eq!(fetched, [None, Some("oci-subject"), Some("oci-subject")]);
    // As long as listed.
    let longer = Descriptor { size: found.descriptors[0].size + 1, ..found.descriptors[0].clone() };
    assert_eq!(code(block_on(store().referrer(image.image(), &longer))), ("oci-size", 1));
}

#[test]
fn o09_a_referrers_tag_with_foreign_content() {
    let registry = TestRegistry::start(Options { referrers: false, ..Options::default() });
    let image = image_in(&registry);
    let tag = Tag::of_referrers(image.image().digest());
    let foreign = planted(&registry, &image, Some(&Descriptor::of(IMAGE_MANIFEST, b"another image")));
    let listing = index(&[foreign], &Default::default());
    registry.plant("acme/app", Some(tag.as_str()), IMAGE_INDEX, &listing);
    let found = listed(&image).unwrap();
    assert_eq!(found.found_by, FoundBy::Tag);
    assert_eq!(code(block_on(store().referrer(image.image(), &found.descriptors[0]))), ("oci-subject", 1));
    // An image under the tag is no list, neither to read nor to add to.
    registry.plant("acme/app", Some(tag.as_str()), IMAGE_MANIFEST, image.bytes());
    assert_eq!(code(listed(&image)), ("oci-type-confusion", 1));
    let bundle = block_on(bundle(&store(), &image, b"one"));
    assert_eq!(code(block_on(store().attach(&bundle))), ("oci-type-confusion", 1));
}

#[test]
fn entries_that_do_not_say_what_they_are_stay() {
    let entry = |kind: Option<&str>, content: &[u8]| Descriptor {
        artifact_type: kind.map(str::to_owned),
        ..Descriptor::of(IMAGE_MANIFEST, content)
    };
    let kinds = [Some(KIND), None, Some("application/vnd.oci.empty.v1+json"), Some("text/plain")];
    let entries: Vec<_> = kinds.iter().zip([b"1", b"2", b"3", b"4"]).map(|(kind, text)| entry(*kind, text)).collect();
    let list = index(&entries, &Default::default());
    let registry = of_pages(move |_, asked| {
        assert!(asked.query.starts_with("artifactType=application%2Fvnd.dev.sigstore"), "{}", asked.query);
        Answer::new(200, list.clone())
    });
    assert_eq!(listed(&image_in(&registry)).unwrap().descriptors, entries[..3]);
}

#[test]
fn could_not_look_is_never_absent() {
    for (api, tag, expected) in [
        (Answer::error(500, "UNKNOWN"), None, "registry-unavailable"),
        (Answer::error(429, "TOOMANYREQUESTS"), None, "registry-unavailable"),
        (Answer::error(403, "DENIED"), None, "registry-unauthorized"),
        (Answer::error(400, "UNSUPPORTED"), None, "registry-unexpected"),
        (Answer::error(405, "UNSUPPORTED"), None, "registry-unexpected"),
        (Answer::new(200, "<html>"), None, "registry-malformed"),
        (Answer::new(200, "{}"), None, "registry-malformed"),
        (Answer::new(200, vec![b' '; 64 << 10]).by(Way::Endless), None, "registry-malformed"),
        (Answer::new(404, ""), Some(Answer::error(503, "X")), "registry-unavailable"),
        (Answer::new(404, ""), Some(Answer::error(401, "X")), "registry-malformed"),
        (Answer::new(404, ""), Some(Answer::new(404, "<html>")), "registry-malformed"),
    ] {
        let shown = format!("{} {:?}", api.status, tag.as_ref().map(|tag| tag.status));
        let registry = TestRegistry::lying(move |asked| {
            if asked.path.contains("/referrers/") {
                return Some(api.clone());
            }
            if asked.path.contains("/manifests/sha256-") { tag.clone() } else { None }
        });
        assert_eq!(code(listed(&image_in(&registry))), (expected, 3), "{shown}");
    }
}

#[test]
fn success_is_a_list_that_has_it() {
    // It says that it lists the referrer, and does not.
    let empty = index(&[], &Default::default());
    let registry = of_pages(move |_, _| Answer::new(200, empty.clone()));
    let image = image_in(&registry);
    let bundle = block_on(bundle(&store(), &image, b"one"));
    assert_eq!(code(block_on(store().attach(&bundle))), ("referrer-not-listed", 3));
}
