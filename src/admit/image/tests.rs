//! The three answers, from stores that answer, lie, and do not answer.

mod store;

use std::sync::atomic::Ordering;

use store::{BUNDLE_TYPE, Store, repository};

use super::*;
use crate::base::code::Class;
use crate::base::limits;
use crate::format::dsse;
use crate::format::oci::{CosignSuffix, IMAGE_INDEX, OciError, SimpleSigning, Tag};
use crate::format::x509::testing::Key;
use crate::policy::{Matcher, Policy, Rule};
use crate::service::store::{StoreError, StoredManifest, Thing};
use crate::verify::Promise;
use crate::verify::testing::{NOW, World, signature_statement, statement};

const SIGNER: &str = "signer@example.com";

fn rule(identity: &str) -> crate::policy::RuleBuilder {
    let issuer = Matcher::exact("https://issuer.example.com").unwrap();
    Rule::named("release").identity(Matcher::exact(identity).unwrap()).issuer(issuer)
}

fn trust(identity: &str) -> Trust {
    Trust::Policy(Policy::of(rule(identity).build().unwrap()))
}

/// The same signer, and a promise is enough.
fn promise() -> Trust {
    Trust::Policy(Policy::of(rule(SIGNER).promise(Promise::Accepted).build().unwrap()))
}

/// A store that could not look.
fn outage() -> StoreError {
    StoreError::TooManyReferrers { name: "x".to_owned() }
}

fn absent() -> StoreError {
    StoreError::Absent { thing: Thing::Manifest, name: "x".to_owned() }
}

type Answer = Result<String, (&'static str, Class)>;

/// The digest that was admitted, or the code and its class.
async fn ask(store: &Store, world: &World, reference: &str) -> Answer {
    ask_with(store, world, reference, &trust(SIGNER), Wanted::Anything).await
}

async fn ask_with(store: &Store, world: &World, reference: &str, trust: &Trust, wanted: Wanted) -> Answer {
    let reference = ImageRef::parse(&format!("{}{reference}", repository())).unwrap();
    let image = resolve(store, &reference).await.map_err(|error| code(&error))?;
    answer(look(store, Lookup::of(&image).wanted(wanted), &world.verifier(), trust, NOW).await)
}

async fn look_with(store: &Store, world: &World, lookup: Lookup) -> Answer {
    answer(look(store, lookup, &world.verifier(), &trust(SIGNER), NOW).await)
}

fn code(error: &ImageError) -> (&'static str, Class) {
    (error.code().name(), error.code().class())
}

fn answer(decision: Result<ImageDecision, ImageError>) -> Answer {
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
    let signed = world.complete_v2(world.attestation(&Key::p256(), dsse::IN_TOTO, &signature_statement(other.bytes())));
    store.attach_json(&image, &signed.bundle().to_json()).await;
    assert_eq!(ask(&store, &world, ":v1").await, Err(("subject-mismatch", Class::Refused)));
}

/// What is attested of an index is not attested of its platforms' manifests, nor the other way round.
#[tokio::test]
async fn a20_index_and_platform_are_two() {
    let world = World::new();
    let attest = |of: &StoredManifest| {
        let payload = signature_statement(of.bytes());
        world.complete_v2(world.attestation(&Key::p256(), dsse::IN_TOTO, &payload)).bundle().to_json()
    };
    for swapped in [false, true] {
        let store = Store::default();
        let platform = store.image("platform").await;
        let descriptor = platform.descriptor();
        let index = format!(
            r#"{{"schemaVersion":2,"mediaType":"{IMAGE_INDEX}","manifests":[{{"mediaType":"{}","digest":"{}","size":{}}}]}}"#,
            descriptor.media_type, descriptor.digest, descriptor.size,
        );
        let index = StoredManifest::of(&repository(), index.into_bytes(), Some(IMAGE_INDEX)).unwrap();
        store.inner.put_manifest(&index, Some(&Tag::parse("index").unwrap())).await.unwrap();
        let (to_index, to_platform) = if swapped { (&platform, &index) } else { (&index, &platform) };
        store.attach_json(&index, &attest(to_index)).await;
        store.attach_json(&platform, &attest(to_platform)).await;
        for name in [":index", ":platform"] {
            let answer = ask(&store, &world, name).await;
            match swapped {
                true => assert_eq!(answer, Err(("subject-mismatch", Class::Refused)), "{name}"),
                false => assert!(answer.is_ok(), "{name}: {answer:?}"),
            }
        }
    }
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

/// What is listed and not there may be the good one: a list and its content that do not agree are no answer.
#[tokio::test]
async fn what_is_listed_and_gone_is_no_no() {
    let world = World::new();
    for part in [0, 1] {
        let store = Store::default();
        let image = store.image("v1").await;
        let gone = store.sign(&world, &image).await;
        store.break_it([gone.0, gone.1][part].clone(), absent());
        assert_eq!(ask(&store, &world, ":v1").await, Err(("attached-unreadable", Class::Undecided)));
        store.sign(&World::new(), &image).await;
        assert_eq!(ask(&store, &world, ":v1").await, Err(("attached-unreadable", Class::Undecided)));
        store.sign(&world, &image).await;
        assert!(ask(&store, &world, ":v1").await.is_ok());
    }
}

/// Content that is not what was listed is a no: as a reason it comes after a signature that is no good.
#[tokio::test]
async fn what_is_broken_is_a_no() {
    let (store, world) = (Store::default(), World::new());
    let image = store.image("v1").await;
    store.attach_json(&image, "{}").await;
    assert_eq!(ask(&store, &world, ":v1").await, Err(("bundle-version", Class::Refused)));
    store.sign(&World::new(), &image).await;
    assert_eq!(ask(&store, &world, ":v1").await, Err(("log-id", Class::Refused)));
    store.sign(&world, &image).await;
    assert!(ask(&store, &world, ":v1").await.is_ok());
}

/// A list that says what contradicts itself says nothing.
#[tokio::test]
async fn a_list_that_cannot_be_read_is_no_no() {
    let (store, world) = (Store::default(), World::new());
    let image = store.image("v1").await;
    store.sign(&world, &image).await;
    let error = OciError::MediaType { found: "text/html".to_owned(), expected: "an index".to_owned() };
    store.break_it("referrers", StoreError::Oci { name: "x".to_owned(), error });
    assert_eq!(ask(&store, &world, ":v1").await, Err(("attached-unreadable", Class::Undecided)));
}

#[tokio::test]
async fn no_request_too_many() {
    let (store, world) = (Store::default(), World::new());
    let image = store.image("v1").await;
    store.sign(&world, &image).await;
    let digest = format!("@{}", image.image().digest());
    assert!(ask(&store, &world, &digest).await.is_ok());
    assert_eq!(kinds(&store), "referrers manifest blob");
    assert!(ask(&store, &world, ":v1").await.is_ok());
    assert_eq!(kinds(&store), "resolve referrers manifest blob");
    // What is no signature costs nothing when the list says so.
    store.attach_as(&image, Some("application/spdx+json"), "application/spdx+json", b"{}").await;
    store.sign(&world, &image).await;
    assert!(ask(&store, &world, &digest).await.is_ok());
    assert_eq!(kinds(&store), "referrers manifest manifest blob blob");
}

fn kinds(store: &Store) -> String {
    let asked = store.asked();
    let mut kinds: Vec<_> = asked.iter().map(|line| line.split(' ').next().unwrap()).collect();
    let order = ["resolve", "referrers", "manifest", "blob"];
    kinds.sort_by_key(|kind| order.iter().position(|one| one == kind));
    kinds.join(" ")
}

/// The tag is asked for once: whatever it names later, what was verified is what was answered then.
#[tokio::test]
async fn o03_tag_moves_while_it_is_looked_at() {
    let (store, world) = (Store::default(), World::new());
    let signed = store.image("v1").await;
    store.sign(&world, &signed).await;
    let reference = ImageRef::parse("registry.example.com/acme/app:v1").unwrap();
    let digest = resolve(&store, &reference).await.unwrap();
    let moved = store.image("other").await;
    store.inner.put_manifest(&moved, Some(&Tag::parse("v1").unwrap())).await.unwrap();
    let decision = look(&store, Lookup::of(&digest), &world.verifier(), &trust(SIGNER), NOW).await.unwrap();
    assert!(decision.admitted().is_some());
    assert_eq!(decision.image(), signed.image());
    assert_eq!(kinds(&store), "resolve referrers manifest blob");
    // Asked anew, the tag names what is not signed.
    assert_eq!(ask(&store, &world, ":v1").await, Err(("image-unsigned", Class::Refused)));
}

#[tokio::test]
async fn o12_artifact_type_of_a_signature_is_wrong() {
    let world = World::new();
    let bundle = |image: &StoredManifest| {
        let signed =
            world.complete_v2(world.attestation(&Key::p256(), dsse::IN_TOTO, &signature_statement(image.bytes())));
        signed.bundle().to_json().into_bytes()
    };
    let kinds = [
        (Some("application/spdx+json"), BUNDLE_TYPE, "image-unsigned"),
        (None, BUNDLE_TYPE, "oci-artifact-type"),
        (Some(BUNDLE_TYPE), "application/json", "oci-artifact-type"),
        (None, "application/json", "image-unsigned"),
    ];
    for (kind, layer, expected) in kinds {
        let store = Store::default();
        let image = store.image("v1").await;
        store.attach_as(&image, kind, layer, &bundle(&image)).await;
        assert_eq!(ask(&store, &world, ":v1").await, Err((expected, Class::Refused)), "{kind:?} {layer}");
    }
    // The right types, and in every version.
    for version in [BUNDLE_TYPE, "application/vnd.dev.sigstore.bundle+json;version=0.3"] {
        let store = Store::default();
        let image = store.image("v1").await;
        store.attach_as(&image, Some(version), version, &bundle(&image)).await;
        assert!(ask(&store, &world, ":v1").await.is_ok(), "{version}");
    }
}

/// The manifest decides, not the list: lists of some servers carry the type of the config.
#[tokio::test]
async fn a_list_with_the_types_of_configs_hides_nothing() {
    let (store, world) = (Store::default(), World::new());
    let image = store.image("v1").await;
    store.sign(&world, &image).await;
    store.break_it("config types", outage());
    assert!(ask(&store, &world, ":v1").await.is_ok());
}

#[tokio::test]
async fn legacy_signatures_and_attestations_need_the_word_for_a_promise() {
    let world = World::new();
    for suffix in [CosignSuffix::Signatures, CosignSuffix::Attestations] {
        let store = Store::default();
        let image = store.image("v1").await;
        let signed = match suffix {
            CosignSuffix::Signatures => Store::legacy_signature(&world, &image),
            _ => world.promised(world.attestation(&Key::p256(), dsse::IN_TOTO, &statement(image.bytes()))),
        };
        store.legacy(&world, &image, suffix, &[signed]).await;
        assert_eq!(ask(&store, &world, ":v1").await, Err(("log-proof-missing", Class::Refused)));
        store.asked();
        let answer = ask_with(&store, &world, ":v1", &promise(), Wanted::Anything).await;
        match suffix {
            CosignSuffix::Signatures => assert!(answer.is_ok()),
            _ => assert_eq!(answer, Err(("attested-not-signed", Class::Refused))),
        }
        // Two tags at once, then the one layer.
        assert_eq!(kinds(&store), "resolve resolve resolve referrers blob");
        let wanted = |suffix| match suffix {
            CosignSuffix::Signatures => Wanted::Signatures,
            _ => Wanted::Attestations("https://example.com/predicate".to_owned()),
        };
        assert!(ask_with(&store, &world, ":v1", &promise(), wanted(suffix)).await.is_ok());
        let other = match suffix {
            CosignSuffix::Signatures => CosignSuffix::Attestations,
            _ => CosignSuffix::Signatures,
        };
        let answer = ask_with(&store, &world, ":v1", &promise(), wanted(other)).await;
        assert_eq!(answer, Err(("image-unsigned", Class::Refused)));
    }
}

#[tokio::test]
async fn a_legacy_tag_that_cannot_be_asked_is_no_no() {
    let (store, world) = (Store::default(), World::new());
    let image = store.image("v1").await;
    let tag = Tag::of_cosign(image.image().digest(), CosignSuffix::Signatures);
    store.break_it(tag.as_str(), outage());
    assert_eq!(ask(&store, &world, ":v1").await, Err(("limit-referrers", Class::Undecided)));
    // A bundle that is admitted needs no such look.
    store.sign(&world, &image).await;
    assert!(ask(&store, &world, ":v1").await.is_ok());
}

#[tokio::test]
async fn signatures_and_attestations_are_told_apart() {
    let (store, world) = (Store::default(), World::new());
    let image = store.image("v1").await;
    store.attest(&world, &image).await;
    let trust = trust(SIGNER);
    let wants = |wanted| ask_with(&store, &world, ":v1", &trust, wanted);
    assert_eq!(wants(Wanted::Signatures).await, Err(("image-unsigned", Class::Refused)));
    let other = Wanted::Attestations("https://example.com/other".to_owned());
    assert_eq!(wants(other).await, Err(("image-unsigned", Class::Refused)));
    assert!(wants(Wanted::Attestations("https://example.com/predicate".to_owned())).await.is_ok());
    // Asked about everything, the signer's statement is there and is no signature.
    assert_eq!(wants(Wanted::Anything).await, Err(("attested-not-signed", Class::Refused)));
    store.sign(&world, &image).await;
    assert!(wants(Wanted::Anything).await.is_ok());
}

/// A rule of a document for the signer, which wants an attestation.
fn wanting(attestation: &str) -> Trust {
    let rule = format!("{{identity: {SIGNER}, issuer: 'https://issuer.example.com', attestations: [{attestation}]}}");
    Trust::Policy(Policy::parse(format!("version: 1\nrules: [{rule}]\n").as_bytes()).unwrap())
}

/// A statement stands for a signature where the rule wants its very type of those who sign.
#[tokio::test]
async fn an_attestation_that_the_rule_names_is_enough() {
    let (store, world) = (Store::default(), World::new());
    let image = store.image("v1").await;
    store.attest(&world, &image).await;
    let ask = async |attestation: &str| ask_with(&store, &world, ":v1", &wanting(attestation), Wanted::Anything).await;
    assert!(ask("{predicate-type: 'https://example.com/predicate'}").await.is_ok());
    let others = [
        "{predicate-type: 'https://example.com/other'}",
        // The signers of the image are not those who are to attest.
        "{predicate-type: 'https://example.com/predicate', signers: {any: [{identity: ci@example.com, issuer: x}]}}",
    ];
    for other in others {
        assert_eq!(ask(other).await, Err(("attested-not-signed", Class::Refused)), "{other}");
    }
    store.sign(&world, &image).await;
    assert_eq!(ask(others[0]).await, Err(("no-matching-attestation", Class::Refused)));
}

#[tokio::test]
async fn signatures_in_another_repository() {
    let (store, world) = (Store::default(), World::new());
    let image = store.image("v1").await;
    store.sign(&world, &image).await;
    let elsewhere = image.image().within(&Repository::parse("registry.example.com/acme/mirror").unwrap());
    let lookup = |lookup: Lookup| look_with(&store, &world, lookup);
    assert_eq!(lookup(Lookup::of(&elsewhere)).await, Err(("image-unsigned", Class::Refused)));
    assert!(lookup(Lookup::of(&elsewhere).signatures_in(repository())).await.is_ok());
}

/// O26: a legacy signature names a repository; a copy elsewhere needs the word.
#[tokio::test]
async fn o26_legacy_signature_of_a_copied_image() {
    let (store, world) = (Store::default(), World::new());
    let image = store.image("v1").await;
    let named = SimpleSigning::new("registry.example.com/acme/origin", *image.image().digest());
    store.legacy(&world, &image, CosignSuffix::Signatures, &[world.legacy_signature(&named)]).await;
    let answer = ask_with(&store, &world, ":v1", &promise(), Wanted::Anything).await;
    assert_eq!(answer, Err(("subject-mismatch", Class::Refused)));
    let origin = Repository::parse("registry.example.com/acme/origin").unwrap();
    let lookup = Lookup::of(image.image()).signed_as(origin);
    let decision = look(&store, lookup, &world.verifier(), &promise(), NOW).await.unwrap();
    assert!(decision.admitted().is_some());
}

#[tokio::test(start_paused = true)]
async fn bundles_are_fetched_some_at_a_time_and_bounded_in_number() {
    let (store, world) = (Store::default(), World::new());
    let image = store.image("v1").await;
    for number in 0..limits::BUNDLES {
        store.attach_json(&image, &format!("{{\"number\":{number}}}")).await;
    }
    assert_eq!(ask(&store, &world, ":v1").await.map_err(|error| error.1), Err(Class::Refused));
    assert_eq!(store.faults.most.load(Ordering::Relaxed), limits::BUNDLE_FETCHES);
    store.attach_json(&image, "{}").await;
    assert_eq!(ask(&store, &world, ":v1").await, Err(("limit-image-bundles", Class::Undecided)));
}
