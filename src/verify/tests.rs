//! The walk as a whole: each row changes one thing in a bundle of a good instance and signs everything else
//! anew, so that only the named check can refuse it. Rows of a single part (certificate, SCT, entry, token)
//! stand beside that part.

mod legacy;
mod signatures;

use std::num::NonZeroU8;

use super::testing::{ARTIFACT, NOW, Signed, World, statement, timestamp_by, timestamp_leaf, timestamp_leaf_for};
use super::*;
use crate::base::crypto::{Digest, DigestAlgorithm};
use crate::base::encoding::der::Oid;
use crate::format::bundle::Content;
use crate::format::dsse;
use crate::format::log_entry_body::Verifier as BodyVerifier;
use crate::format::x509::build::Extension;
use crate::format::x509::testing::{Authority, Key, SIGNED, START, Template};

fn two() -> NonZeroU8 {
    NonZeroU8::new(2).unwrap()
}

fn code<T: std::fmt::Debug>(result: Result<T, VerifyError>) -> &'static str {
    result.expect_err("must be refused").code().name()
}

/// Every good form, as a list with names.
fn good(world: &World) -> [(&'static str, Signed); 4] {
    [
        ("v1 message", world.v1_message()),
        ("v1 attestation", world.v1_attestation()),
        ("v2 message", world.v2_message()),
        ("v2 attestation", world.v2_attestation()),
    ]
}

#[test]
fn c03_b29_good_bundles() {
    let world = World::new();
    for (name, signed) in good(&world) {
        let verified = world.verify(&signed).expect(name);
        assert_eq!(verified.artifact(), Digest::of(DigestAlgorithm::Sha256, ARTIFACT), "{name}");
        assert_eq!(verified.evidence().times()[0].time(), SIGNED, "{name}");
        assert_eq!(verified.evidence().entries().len(), 1, "{name}");
        assert_eq!(verified.statement().is_some(), name.ends_with("attestation"), "{name}");
        let Signer::Certificate(signer) = verified.signer() else { panic!("{name}") };
        assert_eq!((signer.san().as_str(), signer.authority()), ("signer@example.com", "ca (example.com)"));
    }
}

#[test]
fn c01_c02_t18_l29_leaf_not_valid_at_proven_time() {
    let world = World::new();
    for offset in [-1, 601] {
        let time = START.plus_secs(offset);
        let mut v2 = world.v2_message();
        v2.timestamps = vec![world.timestamp(v2.content.signature(), time)];
        assert_eq!(world.code(&v2), "cert-not-valid-at-time", "timestamp {offset}");
        let mut v1 = world.v1_message();
        v1.entries = vec![world.v1_entry(&v1, time)];
        assert_eq!(world.code(&v1), "cert-not-valid-at-time", "SET {offset}");
    }
}

#[test]
fn c06_one_of_two_times_outside() {
    let world = World::new();
    let mut signed = world.v2_message();
    signed.timestamps.push(world.timestamp(signed.content.signature(), START.plus_secs(601)));
    assert_eq!(world.code(&signed), "cert-not-valid-at-time");
}

/// Three good forms: the second of two authorities of one name, an unknown extension, and a timestamp authority
/// whose certificate has ended since.
#[test]
fn c29_c40_t22_good_under_odd_circumstances() {
    let mut world = World::new();
    let mut namesake = world.trust.certificate_authorities[0].clone();
    namesake.chain = vec![world.root.intermediate("issuer").certificate, world.root.certificate.clone()];
    world.trust.certificate_authorities.insert(0, namesake);
    assert!(world.verify(&world.v2_message()).is_ok());

    let key = Key::p256();
    let unknown = Extension::new(Oid::constant(&[0x2a, 3, 4]), false, b"anything");
    let signed = Signed { leaf: world.certify(Template::leaf(&key).with(unknown)), ..world.message(&key) };
    assert!(world.verify(&world.complete_v2(signed)).is_ok());

    world.tsa = timestamp_leaf_for(&world.tsa_root, 86_400 * 30);
    world.trust.timestamp_authorities[0].chain[0] = world.tsa.certificate.clone();
    assert!(world.verify(&world.v2_message()).is_ok());
}

/// A digest in capitals or cut short in a statement.
#[test]
fn b16_digests_of_a_statement() {
    let world = World::new();
    let good = statement(ARTIFACT);
    let hex = Digest::of(DigestAlgorithm::Sha256, ARTIFACT).hex();
    for bad in [hex.to_uppercase(), hex[1..].to_owned(), hex[2..].to_owned()] {
        let payload = good.replace(&hex, &bad);
        let signed = world.complete_v2(world.attestation(&Key::p256(), dsse::IN_TOTO, &payload));
        assert_eq!(world.code(&signed), "predicate-parse", "{bad}");
    }
}

#[test]
fn c26_another_instance() {
    let (world, mut other) = (World::new(), World::new());
    other.root = Authority::root("another root");
    other.issuer = other.root.intermediate("another issuer");
    for (name, signed) in good(&other) {
        assert_eq!(world.code(&signed), "chain-untrusted", "{name}");
    }
}

#[test]
fn s01_artifact_altered() {
    let world = World::new();
    let altered: [&[u8]; 4] = [b"An artifact\n", b"an artifact\n\n", b"", b"another"];
    for (name, signed) in good(&world) {
        let expected = if name.ends_with("message") { "digest-mismatch" } else { "subject-mismatch" };
        for bytes in altered {
            let verdict =
                world.verifier().verify(&Artifact::from_bytes(bytes), &signed.bundle(), &Requirements::STRICT, NOW);
            assert_eq!(code(verdict), expected, "{name}");
        }
    }
}

#[test]
fn b21_b22_message_digest() {
    let world = World::new();
    let mut wrong = world.v2_message();
    let Content::Message { digest, .. } = &mut wrong.content else { panic!() };
    *digest = Some(Digest::of(DigestAlgorithm::Sha256, b"another"));
    assert_eq!(world.code(&wrong), "digest-mismatch");
    // Absent, the digest is recomputed, and the signature decides.
    let mut absent = world.v2_message();
    let Content::Message { digest, .. } = &mut absent.content else { panic!() };
    *digest = None;
    assert!(world.verify(&absent).is_ok());
    let other = world.verifier().verify(&Artifact::from_bytes(b"x"), &absent.bundle(), &Requirements::STRICT, NOW);
    assert_eq!(code(other), "sig-invalid");
}

#[test]
fn s02_signature_invalid() {
    let world = World::new();
    let key = Key::p256();
    // A genuine signature by the same key over something else; logged and timestamped as it stands.
    let mut message = world.message(&key);
    let Content::Message { signature, .. } = &mut message.content else { panic!() };
    *signature = key.sign(b"another");
    assert_eq!(world.code(&world.complete_v2(message.clone())), "sig-invalid");
    let mut v1 = message;
    v1.entries = vec![world.v1_entry(&v1, SIGNED)];
    assert_eq!(world.code(&v1), "sig-invalid");
    for signature in [vec![0x30, 0], vec![1; 70], Vec::from(&key.sign(ARTIFACT)[..40])] {
        let mut broken = world.message(&key);
        let Content::Message { signature: place, .. } = &mut broken.content else { panic!() };
        *place = signature;
        assert_eq!(world.code(&world.complete_v2(broken)), "sig-invalid");
    }
}

#[test]
fn s03_l01_l02_entry_of_another_act() {
    let world = World::new();
    for (name, signed) in good(&world) {
        let v1 = name.starts_with("v1");
        let entry = |other: &Signed| {
            if v1 { world.v1_entry(other, SIGNED) } else { world.v2_entry(other) }
        };
        // The same signer and artifact, signed again: other signature bytes.
        let mut again = signed.clone();
        again.entries =
            vec![entry(&if name.ends_with("message") { world.v2_message() } else { world.v2_attestation() })];
        assert_eq!(world.code(&again), "log-body-mismatch", "{name}");
    }
}

/// The entry is not to blame for a signature that was changed after it was logged; the walk stopped there.
#[test]
fn s02_signature_changed_after_logging() {
    let world = World::new();
    let mut signed = world.v2_message();
    let Content::Message { signature, .. } = &mut signed.content else { panic!() };
    *signature.last_mut().unwrap() ^= 1;
    let error = world.verify(&signed).unwrap_err();
    assert_eq!((error.code().name(), error.step()), ("sig-invalid", Step::Log));
}

#[test]
fn s05_signature_not_der() {
    let world = World::new();
    let key = Key::p256();
    let good = key.sign(ARTIFACT);
    // Trailing bytes after the DER value.
    let mut signed = world.message(&key);
    let Content::Message { signature, .. } = &mut signed.content else { panic!() };
    *signature = [&good[..], &[0]].concat();
    assert_eq!(world.code(&world.complete_v2(signed)), "sig-invalid");
}

/// P-384 with SHA-256, which the row would refuse, is how sigstore-python signed until 2024: CPython's
/// releases need it. Every other pair outside the registry is refused.
#[test]
fn s08_scheme_is_the_keys_own() {
    let world = World::new();
    for key in [Key::p384(), Key::p521()] {
        let signed = world.complete_v2(world.message(&key));
        assert!(world.verify(&signed).is_ok(), "{:?}", key.public());
        let sha256 = Artifact::from_digest(Digest::of(DigestAlgorithm::Sha256, ARTIFACT));
        let verdict = world.verifier().verify(&sha256, &signed.bundle(), &Requirements::STRICT, NOW);
        assert_eq!(code(verdict), "digest-missing");
    }
    for (key, algorithm) in [
        (Key::p256(), DigestAlgorithm::Sha384),
        (Key::p256(), DigestAlgorithm::Sha512),
        (Key::p384(), DigestAlgorithm::Sha512),
        (Key::p521(), DigestAlgorithm::Sha256),
    ] {
        let mut signed = world.message(&key);
        let Content::Message { digest, .. } = &mut signed.content else { panic!() };
        *digest = Some(Digest::of(algorithm, ARTIFACT));
        // Logged as it stands, so that the scheme alone is wrong.
        signed.entries = vec![world.v1_entry(&signed, SIGNED)];
        assert_eq!(world.code(&signed), "sig-alg", "{:?} {algorithm}", key.public());
    }
}

#[test]
fn s11_s13_s14_s15_envelope() {
    let world = World::new();
    let key = Key::p256();
    let payload = statement(ARTIFACT);
    let envelope = |change: &dyn Fn(&mut crate::format::dsse::Envelope)| {
        let mut signed = world.attestation(&key, dsse::IN_TOTO, &payload);
        let Content::Dsse(envelope) = &mut signed.content else { panic!() };
        change(envelope);
        world.code(&world.complete_v2(signed))
    };
    assert_eq!(envelope(&|e| e.payload_type = "text/plain".to_owned()), "sig-invalid");
    assert_eq!(envelope(&|e| e.payload_type.push(' ')), "sig-invalid");
    assert_eq!(envelope(&|e| e.signature = key.sign(&e.payload)), "sig-invalid");
    // Bytes moved between type and payload.
    assert_eq!(
        envelope(&|e| {
            e.payload_type.push_str(&format!(" {} ", e.payload.len()));
        }),
        "sig-invalid"
    );
}

#[test]
fn s12_s13_payload_type_correctly_signed() {
    let world = World::new();
    let payload = statement(ARTIFACT);
    for payload_type in ["text/plain", "application/vnd.in-toto+json; v=1", "Application/vnd.in-toto+json"] {
        let signed = world.complete_v2(world.attestation(&Key::p256(), payload_type, &payload));
        assert_eq!(world.code(&signed), "dsse-payload-type", "{payload_type}");
    }
}

#[test]
fn s17_message_over_an_encoding_is_no_attestation() {
    let world = World::new();
    let pae = dsse::pae(dsse::IN_TOTO, statement(ARTIFACT).as_bytes());
    let key = Key::p256();
    let mut signed = world.message(&key);
    signed.content =
        Content::Message { digest: Some(Digest::of(DigestAlgorithm::Sha256, &pae)), signature: key.sign(&pae) };
    let signed = world.complete_v2(signed);
    let artifact = Artifact::from_bytes(&pae);
    let verified = world.verifier().verify(&artifact, &signed.bundle(), &Requirements::STRICT, NOW).unwrap();
    assert!(verified.statement().is_none());
    assert_eq!(world.code(&signed), "digest-mismatch");
}

#[test]
fn a01_a04_a05_a06_subjects() {
    let world = World::new();
    let sha256 = Digest::of(DigestAlgorithm::Sha256, ARTIFACT).hex();
    let sha512 = Digest::of(DigestAlgorithm::Sha512, ARTIFACT).hex();
    let other = Digest::of(DigestAlgorithm::Sha512, b"other").hex();
    let verdict = |subjects: String| {
        let payload = format!(
            r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{subjects}],"predicateType":"p","predicate":{{}}}}"#
        );
        world.verify(&world.complete_v2(world.attestation(&Key::p256(), dsse::IN_TOTO, &payload)))
    };
    let one = |digests: String| format!(r#"{{"name":"artifact","digest":{{{digests}}}}}"#);
    let elsewhere = one(format!(r#""sha512":"{other}""#));
    let here = one(format!(r#""sha512":"{sha512}""#));
    assert!(verdict(format!("{elsewhere},{elsewhere},{here},{elsewhere}")).is_ok());
    assert_eq!(code(verdict(format!("{elsewhere},{elsewhere}"))), "subject-mismatch");
    let conflict = one(format!(r#""sha256":"{sha256}","sha512":"{other}""#));
    assert_eq!(code(verdict(conflict)), "subject-conflict");
    assert_eq!(code(verdict(one(format!(r#""gitCommit":"{sha256}""#)))), "subject-alg");
    assert_eq!(code(verdict(one(r#""sha1":"da39a3ee5e6b4b0d3255bfef95601890afd80709""#.to_owned()))), "subject-alg");
    assert_eq!(code(verdict(String::new())), "subject-empty");
}

/// Names are for people: the artifact's own name beside another digest binds nothing.
#[test]
fn a18_names_never_bind() {
    let world = World::new();
    let good = statement(ARTIFACT);
    let other = statement(b"other");
    assert!(good.contains(r#""name":"artifact""#) && other.contains(r#""name":"artifact""#));
    let verdict =
        |payload: &str| world.verify(&world.complete_v2(world.attestation(&Key::p256(), dsse::IN_TOTO, payload)));
    assert_eq!(code(verdict(&other)), "subject-mismatch");
    let hex = Digest::of(DigestAlgorithm::Sha256, ARTIFACT).hex();
    for name in [format!("sha256:{hex}"), format!("artifact@sha256:{hex}"), hex] {
        assert_eq!(
            code(verdict(&other.replace(r#""name":"artifact""#, &format!(r#""name":"{name}""#)))),
            "subject-mismatch"
        );
    }
    assert!(verdict(&good.replace(r#""name":"artifact""#, r#""name":"another""#)).is_ok());
}

#[test]
fn b09_b13_l05_log_is_not_optional() {
    let world = World::new();
    for (name, signed) in good(&world) {
        assert_eq!(world.code(&Signed { entries: Vec::new(), ..signed }), "log-entry-missing", "{name}");
    }
    // The media type weakens nothing: an old bundle with a promise only.
    let mut promise = world.v1_message();
    promise.entries[0].inclusion_proof = None;
    let json = promise
        .bundle()
        .to_json()
        .replace(crate::format::bundle::MEDIA_TYPE, "application/vnd.dev.sigstore.bundle+json;version=0.1");
    let (from, to) =
        ("\"certificate\":{\"rawBytes\":\"", "\"x509CertificateChain\":{\"certificates\":[{\"rawBytes\":\"");
    let json = json.replace(from, to).replacen("\"},\"tlogEntries\"", "\"}]},\"tlogEntries\"", 1);
    let bundle = UnverifiedBundle::parse(json.as_bytes()).unwrap();
    let artifact = Artifact::from_bytes(ARTIFACT);
    assert_eq!(code(world.verifier().verify(&artifact, &bundle, &Requirements::STRICT, NOW)), "log-proof-missing");
    let accepting = Requirements::STRICT.promise(Promise::Accepted);
    let verified = world.verifier().verify(&artifact, &bundle, &accepting, NOW).unwrap();
    assert!(verified.evidence().rests_on_promise());
}

#[test]
fn every_entry_is_proven() {
    let world = World::new();
    let mut signed = world.v1_message();
    let mut unproven = signed.entries[0].clone();
    unproven.inclusion_promise = None;
    unproven.inclusion_proof = None;
    unproven.integrated_time = 0;
    signed.entries.push(unproven);
    assert_eq!(world.code(&signed), "log-proof-missing");
}

#[test]
fn l30_log_key_retired_at_a_proven_time() {
    let mut world = World::new();
    let retired = crate::base::time::ValidityPeriod::new(START.plus_secs(-86_400), Some(SIGNED.plus_secs(-1)));
    world.trust.logs[1].validity = retired.unwrap();
    assert_eq!(world.code(&world.v2_message()), "log-key-not-valid");
    // The last moment still counts.
    world.trust.logs[1].validity =
        crate::base::time::ValidityPeriod::new(START.plus_secs(-86_400), Some(SIGNED)).unwrap();
    assert!(world.verify(&world.v2_message()).is_ok());
}

#[test]
fn l34_thresholds_count_logs() {
    let world = World::new();
    let asked = Requirements::STRICT.logs(two());
    let mut signed = world.v2_message();
    signed.entries.push(signed.entries[0].clone());
    assert_eq!(code(world.verify_as(&signed, &asked)), "log-threshold");
    signed.entries[1] = world.v1_entry(&signed, SIGNED);
    assert!(world.verify_as(&signed, &asked).is_ok());
}

#[test]
fn l35_threshold_beyond_the_trusted_root() {
    let world = World::new();
    let signed = world.v2_message();
    let three = NonZeroU8::new(3).unwrap();
    for asked in [
        Requirements::STRICT.logs(three),
        Requirements::STRICT.timestamp_authorities(two()),
        Requirements::STRICT.scts(two()),
    ] {
        let error = world.verify_as(&signed, &asked).unwrap_err();
        assert_eq!((error.code().name(), error.code().exit_code()), ("threshold-too-large", 2));
    }
}

#[test]
fn l27_l38_time_without_a_signature() {
    let world = World::new();
    let mut v1 = world.v1_message();
    v1.entries[0].inclusion_promise = None;
    assert_eq!(world.code(&v1), "time-unauthenticated");
    let mut v2 = world.v2_message();
    v2.entries[0].integrated_time = u64::try_from(SIGNED.secs()).unwrap();
    assert_eq!(world.code(&v2), "time-unauthenticated");
}

#[test]
fn t01_time_missing() {
    let world = World::new();
    assert_eq!(world.code(&Signed { timestamps: Vec::new(), ..world.v2_message() }), "time-missing");
}

#[test]
fn t02_unknown_authority() {
    let world = World::new();
    let stranger = timestamp_leaf(&Authority::root("stranger"));
    let mut signed = world.v2_message();
    let foreign = timestamp_by(&stranger, signed.content.signature(), SIGNED);
    // Alone it proves nothing; beside a proven time it is left out and counted as such.
    signed.timestamps.push(foreign.clone());
    assert_eq!(world.verify(&signed).unwrap().evidence().unknown_timestamps(), 1);
    signed.timestamps = vec![foreign];
    assert_eq!(world.code(&signed), "tsa-untrusted");
}

#[test]
fn t04_timestamp_over_something_else() {
    let world = World::new();
    let mut signed = world.v2_message();
    signed.timestamps.push(world.timestamp(ARTIFACT, SIGNED));
    assert_eq!(world.code(&signed), "tsa-imprint");
}

#[test]
fn t19_thresholds_count_authorities() {
    let mut world = World::new();
    let other = timestamp_leaf(&world.tsa_root);
    let mut second = world.trust.timestamp_authorities[0].clone();
    second.common_name = "second".to_owned();
    second.chain[0] = other.certificate.clone();
    world.trust.timestamp_authorities.push(second);
    let asked = Requirements::STRICT.timestamp_authorities(two());
    let mut signed = world.v2_message();
    signed.timestamps.push(world.timestamp(signed.content.signature(), SIGNED.plus_secs(1)));
    assert_eq!(code(world.verify_as(&signed, &asked)), "time-threshold");
}

#[test]
fn t23_future_times() {
    let world = World::new();
    for (name, signed) in good(&world) {
        let artifact = Artifact::from_bytes(ARTIFACT);
        let before = SIGNED.plus_secs(-1);
        let verdict = world.verifier().verify(&artifact, &signed.bundle(), &Requirements::STRICT, before);
        let expected = if name.starts_with("v1") { "log-time" } else { "time-future" };
        assert_eq!(code(verdict), expected, "{name}");
    }
}

#[test]
fn b23_b24_b25_keys() {
    let world = World::new();
    let key = Key::p256();
    let mut signed = world.message(&key);
    signed.entries = vec![world.v2_entry_by(&signed, BodyVerifier::PublicKey(key.public()))];
    signed.timestamps = vec![world.timestamp(signed.content.signature(), SIGNED)];
    let bundle = |hint: &str| {
        let material = VerificationMaterial::PublicKey { hint: hint.to_owned(), raw: None };
        UnverifiedBundle::assemble(material, signed.entries.clone(), signed.timestamps.clone(), signed.content.clone())
    };
    let verify = |bundle: &UnverifiedBundle, trust: KeyTrust| {
        world.verifier().verify_with_key(&Artifact::from_bytes(ARTIFACT), bundle, &trust, &Requirements::STRICT, NOW)
    };
    let trust = || KeyTrust::logged(key.public().clone());
    let hint = base64::encode(&sha256(&[key.public().spki()]));
    assert!(verify(&bundle(&hint), trust()).is_ok());
    assert!(verify(&bundle("my key"), trust()).is_ok());
    assert_eq!(code(verify(&bundle(&base64::encode(&[1; 32])), trust())), "key-hint-mismatch");
    let wrong = KeyTrust::logged(Key::p256().public().clone());
    assert_eq!(code(verify(&bundle("my key"), wrong)), "sig-invalid");
    let window = |from: i64, to: i64| {
        crate::base::time::ValidityPeriod::new(SIGNED.plus_secs(from), Some(SIGNED.plus_secs(to))).unwrap()
    };
    assert!(verify(&bundle(&hint), trust().valid_for(window(0, 0))).is_ok());
    for period in [window(1, 2), window(-2, -1)] {
        assert_eq!(code(verify(&bundle(&hint), trust().valid_for(period))), "key-not-valid-at-time");
    }
    // Key and certificate never stand in for each other.
    let certified = world.v2_message();
    assert_eq!(code(verify(&certified.bundle(), trust())), "cert-required");
    let no_key = world.verifier().verify(&Artifact::from_bytes(ARTIFACT), &bundle(&hint), &Requirements::STRICT, NOW);
    assert_eq!(code(no_key), "key-required");
}

#[test]
fn key_without_log_needs_the_word() {
    let key = Key::ed25519();
    let content = Content::Message { digest: None, signature: key.sign(ARTIFACT) };
    let material = VerificationMaterial::PublicKey { hint: String::new(), raw: None };
    let bundle = UnverifiedBundle::assemble(material, Vec::new(), Vec::new(), content);
    let verifier = Verifier::new(&TrustedRoot::default()).unwrap();
    let verify = |trust: KeyTrust, artifact: Artifact<'_>| {
        verifier.verify_with_key(&artifact, &bundle, &trust, &Requirements::STRICT, NOW)
    };
    let trust = || KeyTrust::without_log_unsafe(key.public().clone());
    assert_eq!(
        code(verify(KeyTrust::logged(key.public().clone()), Artifact::from_bytes(ARTIFACT))),
        "log-entry-missing"
    );
    let verified = verify(trust(), Artifact::from_bytes(ARTIFACT)).unwrap();
    assert!(matches!(verified.evidence().log(), Witnessed::Waived(Waiver::KeyTrust)));
    assert_eq!(code(verify(trust(), Artifact::from_bytes(b"another"))), "sig-invalid");
    let digest = Artifact::from_digest(Digest::of(DigestAlgorithm::Sha256, ARTIFACT));
    assert_eq!(code(verify(trust(), digest)), "artifact-bytes-missing");
    let bounded = trust().valid_for(super::testing::open_window());
    assert_eq!(code(verify(bounded, Artifact::from_bytes(ARTIFACT))), "time-missing");
}

#[test]
fn a_trusted_root_without_logs_waives_them_only_with_a_timestamp_authority() {
    let mut world = World::new();
    let signed = Signed { entries: Vec::new(), ..world.v2_message() };
    world.trust.logs.clear();
    let verified = world.verify(&signed).unwrap();
    assert!(matches!(verified.evidence().log(), Witnessed::Waived(Waiver::TrustedRootHasNone)));
    // An entry that is there is proven, or the bundle refused.
    assert_eq!(world.code(&world.v2_message()), "log-id");
    // A log whose key we do not know is a log all the same.
    world.trust.unsupported.logs = 1;
    assert_eq!(world.code(&signed), "log-entry-missing");
    world.trust.unsupported.logs = 0;
    world.trust.timestamp_authorities.clear();
    assert_eq!(world.code(&signed), "log-entry-missing");
}

#[test]
fn sct01_missing_sct_is_waived_only_by_the_trusted_root() {
    let mut world = World::new();
    let key = Key::p256();
    let mut signed = world.message(&key);
    signed.leaf = world.issuer.sign(Template::leaf(&key));
    let signed = world.complete_v2(signed);
    assert_eq!(world.code(&signed), "sct-missing");
    world.trust.ct_logs.clear();
    assert!(world.verify(&signed).is_ok());
    world.trust.unsupported.ct_logs = 1;
    assert_eq!(world.code(&signed), "sct-missing");
}

#[test]
fn l05_a_waived_log_still_binds_its_entry() {
    let world = World::new();
    let key = Key::p256();
    let mut signed = world.message(&key);
    signed.entries = vec![world.v2_entry_by(&signed, BodyVerifier::PublicKey(key.public()))];
    let nobody = Verifier::new(&TrustedRoot::default()).unwrap();
    let verify = |signed: &Signed| {
        let material = VerificationMaterial::PublicKey { hint: String::new(), raw: None };
        let bundle = UnverifiedBundle::assemble(material, signed.entries.clone(), Vec::new(), signed.content.clone());
        let trust = KeyTrust::without_log_unsafe(key.public().clone());
        nobody.verify_with_key(&Artifact::from_bytes(ARTIFACT), &bundle, &trust, &Requirements::STRICT, NOW)
    };
    let verified = verify(&signed).unwrap();
    assert!(verified.evidence().entries().is_empty());
    let other = world.message(&key);
    signed.entries = vec![world.v2_entry_by(&other, BodyVerifier::PublicKey(key.public()))];
    assert_eq!(code(verify(&signed)), "log-body-mismatch");
}
