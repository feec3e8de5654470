//! Signing into a store in memory, with the services of a test instance.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::*;
use crate::base::time::UnixTime;
use crate::format::bundle::{MEDIA_TYPE, UnverifiedBundle};
use crate::format::cosign;
use crate::format::oci::{
    BUNDLE_CONTENT, BUNDLE_PREDICATE_TYPE, CREATED, CosignSuffix, Descriptor, EMPTY, IMAGE_INDEX, IMAGE_MANIFEST,
    SIMPLE_SIGNING, SimpleSigning, Tag, image_manifest, index,
};
use crate::service::http::fake::block_on;
use crate::service::signer::{EphemeralKey, Signer as _};
use crate::service::store::MemoryStore;
use crate::sign::tests::services::Stage;
use crate::sign::{ManagedKey, Services};
use crate::verify::testing::NOW;
use crate::verify::{Artifact, KeyLog, Requirements};

const REPOSITORY: &str = "127.0.0.1:5000/acme/app";

fn repository() -> Repository {
    Repository::parse(REPOSITORY).unwrap()
}

/// An image with this layer, and its tag `v1`.
async fn push(store: &MemoryStore, layer: &[u8]) -> FoundImage {
    let repository = repository();
    let config = store.put_bytes(&repository, EMPTY, b"{}").await.unwrap();
    let layer = store.put_bytes(&repository, "application/vnd.oci.image.layer.v1.tar", layer).await.unwrap();
    let bytes = image_manifest(None, &config, &[layer], None, &std::collections::BTreeMap::new());
    let manifest = StoredManifest::of(&repository, bytes, Some(IMAGE_MANIFEST)).unwrap();
    store.put_manifest(&manifest, Some(&Tag::parse("v1").unwrap())).await.unwrap();
    FoundImage { manifest, platform: None }
}

async fn signer(stage: &Stage, store: &MemoryStore) -> ImageSigner {
    ImageSigner::new(Arc::new(store.clone()), stage.environment()).bundles(stage.begin().await.unwrap())
}

fn attestation() -> Claim {
    Claim::Attestation {
        predicate_type: "https://example.com/p".to_owned(),
        predicate: r#"{"b": 1.50, "a": []}"#.to_owned(),
    }
}

#[test]
fn a_bundle_refers_to_the_image_as_cosign_writes_it() {
    let (stage, store) = (Stage::v2(), MemoryStore::new());
    block_on(async {
        let pushed = push(&store, b"layer").await;
        let named = ImageRef::parse(&format!("{REPOSITORY}:v1")).unwrap();
        let image = find(&store, &named).await.unwrap();
        assert_eq!(image, pushed);
        let [published] = &signer(&stage, &store).await.sign(&image, &Claim::Signature).await.unwrap()[..] else {
            panic!("one form")
        };
        let listed = store.referrers(image.image(), None).await.unwrap().descriptors;
        let [listed] = &listed[..] else { panic!("{listed:?}") };
        let referrer = store.referrer(image.image(), listed).await.unwrap();
        assert_eq!(published.place, referrer.image().to_string());
        let manifest = referrer.manifest().image().unwrap();
        assert_eq!(manifest.artifact_type.as_deref(), Some(MEDIA_TYPE));
        assert_eq!((manifest.config.media_type.as_str(), manifest.layers.len()), (EMPTY, 1));
        assert_eq!(manifest.subject, Some(image.manifest.descriptor()));
        assert_eq!(manifest.annotations[BUNDLE_CONTENT], "dsse-envelope");
        assert_eq!(manifest.annotations[BUNDLE_PREDICATE_TYPE], SIGNATURE_PREDICATE);
        assert!(UnixTime::parse_rfc3339(&manifest.annotations[CREATED]).is_some());
        let json = store.blob(&repository(), &manifest.layers[0], 1 << 20).await.unwrap();
        let bundle = UnverifiedBundle::parse(&json).unwrap();
        let artifact = Artifact::from_digest(*image.image().digest());
        let verified = stage.verifier().verify(&artifact, &bundle, &Requirements::STRICT, NOW).unwrap();
        assert_eq!(verified.statement().unwrap().subjects.len(), 1);
    });
}

#[test]
fn the_statement_of_a_signature_is_cosigns_byte_for_byte() {
    let image = repository().content(b"manifest");
    assert_eq!(
        Claim::Signature.statement(&image).unwrap(),
        format!(
            r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{{"digest":{{"sha256":"{}"}},"annotations":{{}}}}],"predicateType":"https://sigstore.dev/cosign/sign/v1","predicate":{{}}}}"#,
            image.digest().hex()
        )
    );
}

#[test]
fn both_forms_of_an_index_and_its_images_under_one_certificate() {
    let (stage, store) = (Stage::v1(), MemoryStore::new());
    block_on(async {
        let platforms = [push(&store, b"amd64").await, push(&store, b"arm64").await];
        let listed: Vec<_> = platforms.iter().map(|image| image.manifest.descriptor()).collect();
        let bytes = index(&listed, &std::collections::BTreeMap::new());
        let manifest = StoredManifest::of(&repository(), bytes, Some(IMAGE_INDEX)).unwrap();
        store.put_manifest(&manifest, None).await.unwrap();
        let images = with_children(&store, FoundImage { manifest, platform: None }).await.unwrap();
        assert_eq!(images.len(), 3);
        let session = stage.begin().await.unwrap();
        let legacy = session.with_services(stage.services()).unwrap();
        let signer = ImageSigner::new(Arc::new(store.clone()), stage.environment()).bundles(session).legacy(legacy);
        for claim in [Claim::Signature, attestation()] {
            for result in signer.sign_all(&images, &claim).await {
                let forms: Vec<_> = result.unwrap().into_iter().map(|published| published.form).collect();
                assert_eq!(forms, [Form::Bundle, Form::Legacy]);
            }
        }
        assert_eq!(stage.counts.issued.load(Ordering::Relaxed), 1);
        for image in &images {
            assert_eq!(store.referrers(image.image(), None).await.unwrap().descriptors.len(), 2);
            legacy_layers_hold(&store, image).await;
            let me = ExpectedSigner::Identity {
                identity: "signer@example.com".to_owned(),
                issuer: "https://issuer.example.com".to_owned(),
            };
            for claim in [Claim::Signature, attestation()] {
                let verifier = stage.verifier();
                let found = present(&store, image.image(), Form::Legacy, &claim, &me, &verifier, NOW).await.unwrap();
                assert!(found.is_some(), "{claim:?}");
            }
        }
    });
}

#[test]
fn an_index_has_so_many_images_below_it() {
    let store = MemoryStore::new();
    let below = |images: usize| {
        let store = &store;
        async move {
            let mut listed = Vec::new();
            for n in 0..images {
                listed.push(push(store, &n.to_be_bytes()).await.manifest.descriptor());
            }
            let bytes = index(&listed, &std::collections::BTreeMap::new());
            let manifest = StoredManifest::of(&repository(), bytes, Some(IMAGE_INDEX)).unwrap();
            let found = with_children(store, FoundImage { manifest, platform: None }).await;
            found.map(|found| found.len()).map_err(|error| (error.code().name(), error.code().exit_code()))
        }
    };
    block_on(async {
        // The index itself counts.
        assert_eq!(below(limits::OCI_SIGNED_IMAGES - 1).await, Ok(limits::OCI_SIGNED_IMAGES));
        assert_eq!(below(limits::OCI_SIGNED_IMAGES).await, Err(("limit-signed-images", 1)));
    });
}

async fn legacy_layer(store: &MemoryStore, image: &FoundImage, suffix: CosignSuffix) -> (Descriptor, Vec<u8>) {
    let tag = repository().tagged(Tag::of_cosign(image.image().digest(), suffix));
    let manifest = store.resolve(&tag).await.unwrap();
    let layer = manifest.manifest().image().unwrap().layers.last().unwrap().clone();
    let content = store.blob(&repository(), &layer, 1 << 20).await.unwrap();
    (layer, content)
}

async fn legacy_layers_hold(store: &MemoryStore, image: &FoundImage) {
    let (layer, content) = legacy_layer(store, image, CosignSuffix::Signatures).await;
    assert_eq!(layer.media_type, SIMPLE_SIGNING);
    let payload = SimpleSigning::parse(&content).unwrap();
    assert_eq!((payload.docker_reference.as_str(), payload.manifest_digest), (REPOSITORY, *image.image().digest()));
    let leaf = crate::format::x509::Certificate::from_pem(&layer.annotations[cosign::CERTIFICATE]).unwrap();
    assert!(layer.annotations[cosign::CHAIN].starts_with("-----BEGIN CERTIFICATE-----"));
    assert!(layer.annotations[cosign::LOG_ENTRY].contains("SignedEntryTimestamp"));
    let signature = crate::base::encoding::base64::decode(&layer.annotations[cosign::SIGNATURE]).unwrap();
    let key = leaf.public_key();
    key.verify_default(&content, &signature).unwrap();
    assert_eq!(leaf.san().unwrap().as_str(), "signer@example.com");
    let (layer, content) = legacy_layer(store, image, CosignSuffix::Attestations).await;
    assert_eq!((layer.media_type.as_str(), layer.annotations[cosign::SIGNATURE].as_str()), (cosign::ENVELOPE, ""));
    assert!(String::from_utf8(content).unwrap().contains("payloadType"));
}

#[test]
fn signatures_of_others_stay_under_the_older_tag() {
    let (stage, store) = (Stage::none(), MemoryStore::new());
    block_on(async {
        let image = push(&store, b"layer").await;
        for _ in 0..3 {
            let source = ManagedKey::new(EphemeralKey::generate().unwrap());
            let services = Services::without_log_unsafe(Vec::new());
            let session = Session::begin(&source, services, stage.verifier(), stage.environment()).await.unwrap();
            let signer = ImageSigner::new(Arc::new(store.clone()), stage.environment()).legacy(session);
            let [published] = &signer.sign(&image, &Claim::Signature).await.unwrap()[..] else { panic!("one form") };
            assert_eq!((published.form, published.found_by), (Form::Legacy, None));
        }
        let tag = repository().tagged(Tag::of_cosign(image.image().digest(), CosignSuffix::Signatures));
        let manifest = store.resolve(&tag).await.unwrap();
        let layers = &manifest.manifest().image().unwrap().layers;
        assert_eq!(layers.len(), 3);
        assert!(layers.iter().all(|layer| !layer.annotations.contains_key(cosign::CERTIFICATE)));
    });
}

#[test]
fn signatures_may_lie_in_another_repository() {
    let (stage, store) = (Stage::v2(), MemoryStore::new());
    block_on(async {
        let image = push(&store, b"layer").await;
        let elsewhere = Repository::parse("127.0.0.1:5000/acme/signatures").unwrap();
        let signer = signer(&stage, &store).await.into_repository(elsewhere.clone());
        signer.sign(&image, &Claim::Signature).await.unwrap();
        assert!(store.referrers(image.image(), None).await.unwrap().descriptors.is_empty());
        let there = image.image().within(&elsewhere);
        assert_eq!(store.referrers(&there, None).await.unwrap().descriptors.len(), 1);
    });
}

#[test]
fn the_same_word_of_the_same_signer_is_found() {
    let (stage, store) = (Stage::v2(), MemoryStore::new());
    block_on(async {
        let image = push(&store, b"layer").await;
        let identity = |san: &str| ExpectedSigner::Identity {
            identity: san.to_owned(),
            issuer: "https://issuer.example.com".to_owned(),
        };
        let verifier = stage.verifier();
        let is_present = async |claim: &Claim, expected: &ExpectedSigner| {
            present(&store, image.image(), Form::Bundle, claim, expected, &verifier, NOW).await.unwrap().is_some()
        };
        let (me, other) = (identity("signer@example.com"), identity("other@example.com"));
        assert!(!is_present(&Claim::Signature, &me).await);
        let signer = signer(&stage, &store).await;
        let _ = signer.sign(&image, &attestation()).await.unwrap();
        assert!(!is_present(&Claim::Signature, &me).await);
        assert!(is_present(&attestation(), &me).await);
        let _ = signer.sign(&image, &Claim::Signature).await.unwrap();
        assert!(is_present(&Claim::Signature, &me).await);
        assert!(!is_present(&Claim::Signature, &other).await);
        let Claim::Attestation { predicate_type, .. } = attestation() else { unreachable!() };
        let respelled =
            Claim::Attestation { predicate_type: predicate_type.clone(), predicate: r#"{"a":[],"b":1.50}"#.to_owned() };
        assert!(is_present(&respelled, &me).await);
        let changed = Claim::Attestation { predicate_type, predicate: r#"{"a":[],"b":1}"#.to_owned() };
        assert!(!is_present(&changed, &me).await);
    });
}

#[test]
fn the_word_of_a_key_is_found() {
    let (stage, store) = (Stage::v2(), MemoryStore::new());
    block_on(async {
        let image = push(&store, b"layer").await;
        let key = EphemeralKey::generate().unwrap();
        let public = key.public_key().clone();
        let source = ManagedKey::new(key);
        let session = Session::begin(&source, stage.services(), stage.verifier(), stage.environment()).await.unwrap();
        let signer = ImageSigner::new(Arc::new(store.clone()), stage.environment()).bundles(session);
        let _ = signer.sign(&image, &Claim::Signature).await.unwrap();
        let other = EphemeralKey::generate().unwrap().public_key().clone();
        for (key, found) in [(public, true), (other, false)] {
            let expected = ExpectedSigner::Key { key, log: KeyLog::Required };
            let verifier = stage.verifier();
            let present = present(&store, image.image(), Form::Bundle, &Claim::Signature, &expected, &verifier, NOW)
                .await
                .unwrap();
            assert_eq!(present.is_some(), found);
        }
    });
}
