//! Many processes that write to one image at the same time.

use std::collections::BTreeMap;
use std::process::{Child, Stdio};
use std::sync::Arc;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
use sealmark::base::encoding::pem;
use sealmark::format::oci::{EMPTY, IMAGE_MANIFEST, ImageRef, Repository, Tag, image_manifest};
use sealmark::service::environment::SystemEnvironment;
use sealmark::service::store::registry::RegistrySettings;
use sealmark::service::store::{ArtifactStore as _, RegistryStore, StoredManifest};

use super::{Desk, RealRegistry, json, stderr};
use crate::cli::sealmark;

const WRITERS: usize = 20;
/// Runs in every test run; [`LONG_RUNS`] with `SEALMARK_LONG` set (`tests/run --long`).
const RUNS: usize = 3;
const LONG_RUNS: usize = 20;

fn store() -> RegistryStore {
    RegistryStore::new(RegistrySettings::default(), Arc::new(SystemEnvironment))
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// An image in a real registry; its name.
pub(super) fn push(authority: &str) -> String {
    push_to(&format!("{authority}/acme/app"))
}

fn push_to(repository: &str) -> String {
    let (store, repository) = (store(), Repository::parse(repository).unwrap());
    block_on(async {
        let config = store.put_bytes(&repository, EMPTY, b"{}").await.unwrap();
        let bytes = image_manifest(None, &config, &[], None, &BTreeMap::new());
        let manifest = StoredManifest::of(&repository, bytes, Some(IMAGE_MANIFEST)).unwrap();
        store.put_manifest(&manifest, Some(&Tag::parse("v1").unwrap())).await.unwrap();
    });
    format!("{repository}:v1")
}

/// The bytes of a manifest.
pub(super) fn manifest(image: &str) -> Vec<u8> {
    let Ok(ImageRef::Digested(image)) = ImageRef::parse(image) else { panic!("{image} is no digest") };
    block_on(store().manifest(&image)).unwrap().bytes().to_vec()
}

fn referrers(image: &str) -> Vec<String> {
    let Ok(ImageRef::Digested(image)) = ImageRef::parse(image) else { panic!("{image} is no digest") };
    let listed = block_on(store().referrers(&image, None)).unwrap().descriptors;
    listed.iter().map(|listed| listed.digest.to_string()).collect()
}

fn legacy_layers(image: &str) -> usize {
    let Ok(ImageRef::Digested(image)) = ImageRef::parse(image) else { panic!("{image} is no digest") };
    let tag = Tag::of_cosign(image.digest(), sealmark::format::oci::CosignSuffix::Signatures);
    let manifest = block_on(async { store().resolve(&image.repository().tagged(tag)).await }).unwrap();
    manifest.manifest().image().unwrap().layers.len()
}

/// All are listed once every process has exited: in the tag of a registry without the referrers API, which takes
/// the last writer's word, and among the signatures of the older form.
#[test]
fn twenty_processes_lose_nothing() {
    RealRegistry::docker().iter().for_each(lose_nothing);
}

/// The registry lists referrers by itself; the older form is a tag there, too.
#[test]
fn twenty_processes_lose_nothing_with_the_referrers_api() {
    RealRegistry::go_containerregistry().iter().for_each(lose_nothing);
}

fn lose_nothing(registry: &RealRegistry) {
    let desk = Desk::new();
    let runs = if std::env::var_os("SEALMARK_LONG").is_some() { LONG_RUNS } else { RUNS };
    for run in 0..runs {
        let name = push_to(&format!("{}/acme/run{run}", registry.authority));
        let children: Vec<Child> = (0..WRITERS).map(|number| writer(&desk, number, &name)).collect();
        let mut image = String::new();
        let mut places = Vec::new();
        for child in children {
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "run {run}: {}", stderr(&output));
            let report = json(&output);
            image = report["images"][0]["image"].as_str().unwrap().to_owned();
            let place = report["images"][0]["signatures"][0]["place"].as_str().unwrap().to_owned();
            places.push(place.split_once('@').unwrap().1.to_owned());
        }
        let listed = referrers(&image);
        let missing: Vec<_> = places.iter().filter(|place| !listed.contains(place)).collect();
        assert!(missing.is_empty(), "run {run}: {} of {WRITERS} are not listed: {missing:?}", missing.len());
        assert_eq!((listed.len(), legacy_layers(&image)), (WRITERS, WRITERS), "run {run}");
    }
}

/// Each has a key of its own: the same key signs the same payload to the same bytes.
fn writer(desk: &Desk, number: usize, name: &str) -> Child {
    let file = format!("{number}.key");
    if !desk.path(&file).exists() {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap().to_pkcs8v1().unwrap();
        desk.write(&file, pem::encode("PRIVATE KEY", key.as_ref()).as_bytes());
    }
    let key = ["--key", &file, "--log-not-required-unsafe"];
    let call = ["sign", "image", name, "--signature-format", "bundle,legacy", "--format", "json"];
    let mut command = sealmark(&[&call[..], &key].concat());
    command.current_dir(desk.path(".")).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}
