//! Older cosign signatures and attestations: through their layers and annotations, as they lie in a registry.

use std::collections::BTreeMap;

use super::*;
use crate::base::encoding::base64;
use crate::base::limits;
use crate::format::cosign::{self, CosignError};
use crate::format::oci::{Repository, SimpleSigning};

const NAME: &str = "registry.example.com/acme/app";

fn payload(name: &str) -> SimpleSigning {
    SimpleSigning::new(name, Digest::of(DigestAlgorithm::Sha256, ARTIFACT))
}

fn read(
    (layer, annotations): (Vec<u8>, BTreeMap<String, String>),
    attestation: bool,
) -> Result<UnverifiedBundle, CosignError> {
    if attestation { cosign::attestation(&layer, &annotations) } else { cosign::signature(layer, &annotations) }
}

/// The verdict about an image that is called [`NAME`], when a promise is accepted.
fn verdict(world: &World, bundle: &UnverifiedBundle) -> Result<Verified, VerifyError> {
    let digest = Digest::of(DigestAlgorithm::Sha256, ARTIFACT);
    let image = Artifact::from_digest(digest).named(vec![Repository::parse(NAME).unwrap()]);
    let requirements = Requirements::STRICT.promise(Promise::Accepted);
    world.verifier().verify(&image, bundle, &requirements, NOW)
}

fn verify(world: &World, signed: &Signed) -> Result<Verified, VerifyError> {
    let attestation = matches!(signed.content, Content::Dsse(_));
    verdict(world, &read(world.legacy_layer(signed), attestation).unwrap())
}

#[test]
fn good_forms_need_the_word_for_a_promise() {
    let world = World::new();
    let attestation = world.promised(world.v1_attestation());
    for signed in [world.legacy_signature(&payload(NAME)), attestation] {
        let verified = verify(&world, &signed).unwrap();
        assert_eq!(verified.artifact(), Digest::of(DigestAlgorithm::Sha256, ARTIFACT));
        assert!(verified.evidence().rests_on_promise());
        let attestation = matches!(signed.content, Content::Dsse(_));
        let bundle = read(world.legacy_layer(&signed), attestation).unwrap();
        let strict = world.verifier().verify(&Artifact::from_bytes(ARTIFACT), &bundle, &Requirements::STRICT, NOW);
        assert_eq!(code(strict), "log-proof-missing");
    }
}

#[test]
fn a_timestamp_in_the_annotations_is_read() {
    let world = World::new();
    let mut signed = world.legacy_signature(&payload(NAME));
    signed.timestamps = vec![world.timestamp(signed.content.signature(), SIGNED)];
    assert_eq!(verify(&world, &signed).unwrap().evidence().timestamps().len(), 1);
    signed.timestamps = vec![world.timestamp(b"another signature", SIGNED)];
    assert_eq!(code(verify(&world, &signed)), "tsa-imprint");
}

#[test]
fn keys_sign_payloads() {
    let world = World::new();
    let digest = Digest::of(DigestAlgorithm::Sha256, ARTIFACT);
    for key in [Key::p256(), Key::rsa(), Key::ed25519()] {
        let payload = payload(NAME).to_bytes();
        let signature = base64::encode(&key.sign(&payload));
        let annotations = BTreeMap::from([(cosign::SIGNATURE.to_owned(), signature)]);
        let bundle = cosign::signature(payload, &annotations).unwrap();
        let verify = |key: &Key, digest| {
            let trust = KeyTrust::without_log_unsafe(key.public().clone());
            let image = Artifact::from_digest(digest);
            world.verifier().verify_with_key(&image, &bundle, &trust, &trust.requirements(), NOW)
        };
        assert_eq!(verify(&key, digest).unwrap().artifact(), digest, "{}", key.public().kind());
        assert_eq!(code(verify(&Key::p256(), digest)), "sig-invalid");
        let other = Digest::of(DigestAlgorithm::Sha256, b"another image");
        assert_eq!(code(verify(&key, other)), "subject-mismatch");
    }
}

#[test]
fn o26_payload_of_another_image_or_repository() {
    let world = World::new();
    let other = SimpleSigning::new(NAME, Digest::of(DigestAlgorithm::Sha256, b"another image"));
    assert_eq!(code(verify(&world, &world.legacy_signature(&other))), "subject-mismatch");
    for name in ["registry.example.com/acme/other", "evil.example.com/acme/app", "not a name"] {
        assert_eq!(code(verify(&world, &world.legacy_signature(&payload(name)))), "subject-mismatch", "{name}");
    }
    // A tag says nothing, nor does a signer who names nothing.
    for name in ["registry.example.com/acme/app:v1", ""] {
        assert!(verify(&world, &world.legacy_signature(&payload(name))).is_ok(), "{name}");
    }
    // A statement about another image, in an attestation.
    let signed = world.attestation(&Key::p256(), dsse::IN_TOTO, &statement(b"another image"));
    assert_eq!(code(verify(&world, &world.promised(signed))), "subject-mismatch");
}

#[test]
fn o26_payload_that_is_none() {
    let world = World::new();
    let key = Key::p256();
    let payload = ARTIFACT.to_vec();
    let content = Content::SimpleSigning { signature: key.sign(&payload), payload };
    let signed = world.promised(Signed { content, ..world.message(&key) });
    assert_eq!(code(verify(&world, &signed)), "oci-manifest-parse");
}

#[test]
fn o27_annotations_of_another_signature() {
    let world = World::new();
    let good = world.legacy_signature(&payload(NAME));
    let other = world.legacy_signature(&payload(NAME));
    // The promise, the certificate, the signature and the payload of another act, one at a time.
    let entry = Signed { entries: other.entries.clone(), ..good.clone() };
    assert_eq!(code(verify(&world, &entry)), "log-body-mismatch");
    let leaf = Signed { leaf: other.leaf.clone(), ..good.clone() };
    assert_eq!(code(verify(&world, &leaf)), "sig-invalid");
    let content = |payload: &Content, signature: &Content| match payload {
        Content::SimpleSigning { payload, .. } => {
            let signature = signature.signature().to_vec();
            Content::SimpleSigning { payload: payload.clone(), signature }
        }
        _ => unreachable!(),
    };
    let signature = Signed { content: content(&good.content, &other.content), ..good.clone() };
    assert_eq!(code(verify(&world, &signature)), "sig-invalid");
    let named = world.legacy_signature(&payload("registry.example.com/acme/app:v2"));
    let payload = Signed { content: content(&named.content, &good.content), ..good.clone() };
    assert_eq!(code(verify(&world, &payload)), "sig-invalid");
}

#[test]
fn o27_entry_of_an_attestation_about_another_payload() {
    let world = World::new();
    let good = world.promised(world.v1_attestation());
    let other = world.promised(world.v1_attestation());
    let entry = Signed { entries: other.entries, ..good };
    assert_eq!(code(verify(&world, &entry)), "log-body-mismatch");
}

#[test]
fn o27_annotations_too_large_or_malformed() {
    let world = World::new();
    let (layer, good) = world.legacy_layer(&world.legacy_signature(&payload(NAME)));
    let with = |name: &str, value: String| {
        let mut annotations = good.clone();
        annotations.insert(name.to_owned(), value);
        cosign::signature(layer.clone(), &annotations).unwrap_err().code().name()
    };
    let long = "A".repeat(limits::COSIGN_ANNOTATION_BYTES + 1);
    for name in [cosign::SIGNATURE, cosign::CERTIFICATE, cosign::CHAIN, cosign::LOG_ENTRY, cosign::TIMESTAMP] {
        assert_eq!(with(name, long.clone()), "limit-cosign-annotation", "{name}");
    }
    let chain = world.issuer.certificate.to_pem().repeat(limits::CHAIN + 1);
    assert_eq!(with(cosign::CHAIN, chain), "limit-entries");
    assert_eq!(with(cosign::SIGNATURE, String::new()), "cosign-annotation-parse");
    assert_eq!(with(cosign::SIGNATURE, "%".to_owned()), "cosign-annotation-parse");
    assert_eq!(with(cosign::CERTIFICATE, "none".to_owned()), "pem-parse");
    assert_eq!(with(cosign::LOG_ENTRY, "{}".to_owned()), "cosign-annotation-parse");
    assert_eq!(with(cosign::TIMESTAMP, "{}".to_owned()), "cosign-annotation-parse");
    let key = Key::p256().public().to_pem();
    assert_eq!(with(cosign::CERTIFICATE, key), "pem-parse");
}
