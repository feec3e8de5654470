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
