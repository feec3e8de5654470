//! L01 to L10: the entry is about another signing act, or not an entry. Each body here is held by the log
//! with a valid proof, checkpoint and SET.

use super::fixture::{Act, World};
use super::*;
use crate::base::crypto::{Digest, DigestAlgorithm};
use crate::base::encoding::base64;
use crate::format::bundle::LogEntry;
use crate::format::log_entry_body::{Dsse, HashedRekord, HashedRekordV2, Verifier};
use crate::format::x509::testing::{Authority, Key};
use crate::verify::{SignedBy, SignedContent};

/// Both verdicts must be the same: an entry is bound even where the log is waived (L05).
fn verdict(world: &World, entry: &LogEntry, signed: &SignedMaterial<'_>) -> &'static str {
    let logged = code(world.verify(entry, signed));
    let bound = verify_binding(entry, signed).map_or_else(|error| error.code().name(), |()| "accepted");
    assert_eq!(logged, bound);
    logged
}

#[test]
fn l01_l05_another_artifact_by_the_same_signer() {
    let world = World::new();
    let authority = Authority::root("root");
    let (certificate, key) = authority.leaf();
    let one = Act::by(key, certificate.clone(), b"one");
    let signature = one.key.sign(b"two");
    let digest = Digest::of(DigestAlgorithm::Sha256, b"two");
    let message = SignedMaterial {
        signature: &signature,
        signed_by: SignedBy::Certificate(&certificate),
        content: SignedContent::Message { digest },
    };
    assert_eq!(verdict(&world, &world.v1.entry(&one.hashed()), &message), "log-body-mismatch");
    assert_eq!(verdict(&world, &world.v2.entry(&one.hashed_v2()), &message), "log-body-mismatch");
    let mut envelope = one.envelope.clone();
    envelope.payload = b"two".to_vec();
    envelope.signature = one.key.sign(&envelope.pae());
    let attestation = SignedMaterial {
        signature: &envelope.signature,
        content: SignedContent::Dsse { envelope: &envelope },
        ..message
    };
    assert_eq!(verdict(&world, &world.v1.entry(&one.dsse()), &attestation), "log-body-mismatch");
    assert_eq!(verdict(&world, &world.v2.entry(&one.dsse_v2()), &attestation), "log-body-mismatch");
}

#[test]
fn l02_l05_another_signer_of_the_same_artifact() {
    let world = World::new();
    let other = Act::new(b"artifact");
    let [message, attestation] = [world.act.message(), world.act.attestation()];
    for (entry, signed) in [
        (world.v1.entry(&other.hashed()), message),
        (world.v1.entry(&other.dsse()), attestation),
        (world.v2.entry(&other.hashed_v2()), message),
        (world.v2.entry(&other.dsse_v2()), attestation),
    ] {
        assert_eq!(verdict(&world, &entry, &signed), "log-body-mismatch", "{} {}", entry.kind, entry.version);
    }
}

#[test]
fn l03_one_part_of_the_body_changed() {
    let world = World::new();
    let act = &world.act;
    let other = Act::new(b"artifact");
    let digest = Digest::of(DigestAlgorithm::Sha256, b"other");
    let (signature, verifier) = (&act.signature, act.verifier());
    let (attested, payload) = (&act.envelope.signature, act.payload_digest());
    let anew = act.key.sign(b"artifact");
    for body in [
        HashedRekord::body(&digest, signature, &verifier),
        HashedRekord::body(&act.digest, &anew, &verifier),
        HashedRekord::body(&act.digest, signature, &other.verifier()),
        HashedRekord::body(&act.digest, signature, &Verifier::PublicKey(act.key.public())),
    ] {
        assert_eq!(verdict(&world, &world.v1.entry(&body), &act.message()), "log-body-mismatch", "{body}");
    }
    for body in [
        Dsse::body(&act.digest, &digest, attested, &verifier),
        Dsse::body(&act.digest, &payload, &anew, &verifier),
        Dsse::body(&act.digest, &payload, attested, &other.verifier()),
    ] {
        assert_eq!(verdict(&world, &world.v1.entry(&body), &act.attestation()), "log-body-mismatch", "{body}");
    }
    for body in [
        HashedRekordV2::body(&digest, signature, &verifier),
        HashedRekordV2::body(&act.digest, &anew, &verifier),
        HashedRekordV2::body(&act.digest, signature, &other.verifier()),
        HashedRekordV2::body(&act.digest, signature, &Verifier::PublicKey(act.key.public())),
    ] {
        let body = body.unwrap();
        assert_eq!(verdict(&world, &world.v2.entry(&body), &act.message()), "log-body-mismatch", "{body}");
    }
}

/// The envelope's own hash covers JSON that a bundle no longer has: any is accepted.
#[test]
fn envelope_hashes_are_not_recomputed() {
    let world = World::new();
    let act = &world.act;
    let digest = Digest::of(DigestAlgorithm::Sha256, b"as the signer sent it");
    let body = Dsse::body(&digest, &act.payload_digest(), &act.envelope.signature, &act.verifier());
    assert_eq!(verdict(&world, &world.v1.entry(&body), &act.attestation()), "accepted");
}

#[test]
fn l04_another_digest_algorithm() {
    let world = World::new();
    let act = &world.act;
    let longer = Digest::of(DigestAlgorithm::Sha512, b"artifact");
    let v1 = HashedRekord::body(&longer, &act.signature, &act.verifier());
    assert_eq!(verdict(&world, &world.v1.entry(&v1), &act.message()), "log-body-alg");
    let v2 = HashedRekordV2::body(&longer, &act.signature, &act.verifier()).unwrap();
    assert_eq!(verdict(&world, &world.v2.entry(&v2), &act.message()), "log-body-alg");
    for (from, to) in [("\"algorithm\":\"sha256\",", ""), ("\"sha256\"", "\"sha384\""), ("\"sha256\"", "\"md5\"")] {
        let body = act.hashed().replacen(from, to, 1);
        assert_eq!(verdict(&world, &world.v1.entry(&body), &act.message()), "log-body-alg", "{to}");
    }
}

#[test]
fn l06_kind_and_version() {
    let world = World::new();
    for (entry, signed) in world.entries() {
        for (kind, version) in
            [("dsse", "0.0.2"), ("intoto", "0.0.1"), ("hashedrekord", "0.0.9"), ("rpm", "0.0.1"), ("", "")]
        {
            let claimed = LogEntry { kind: kind.to_owned(), version: version.to_owned(), ..entry.clone() };
            assert_eq!(verdict(&world, &claimed, &signed), "log-kind", "{kind} {version}");
        }
    }
    // The body's kind is what counts, and it must go with what was signed.
    let [(hashed, message), (dsse, attestation), ..] = world.entries();
    assert_eq!(verdict(&world, &hashed, &attestation), "log-kind");
    assert_eq!(verdict(&world, &dsse, &message), "log-kind");
    // Consistent with itself, and still a kind that is not accepted.
    let body = r#"{"apiVersion":"0.0.2","kind":"dsse","spec":{"dsseV002":{}}}"#;
    let retired = LogEntry { kind: "dsse".to_owned(), version: "0.0.2".to_owned(), ..world.v2.entry(body) };
    assert_eq!(verify_binding(&retired, &attestation), Err(LogError::DsseV2));
    assert_eq!(verdict(&world, &retired, &attestation), "log-kind");
}

#[test]
fn l07_body_not_as_a_log_writes_it() {
    let world = World::new();
    let act = &world.act;
    for (body, log) in [(act.hashed(), &world.v1), (act.hashed_v2(), &world.v2)] {
        for bad in [
            body.replacen("\"kind\":", "\"kind\":\"dsse\",\"kind\":", 1),
            body.replacen("\"spec\":{", "\"spec\":{\"extra\":1,", 1),
            body.replacen(':', ": ", 1),
            format!("{body} "),
        ] {
            let (kind, version) =
                if log.host == world.v1.host { ("hashedrekord", "0.0.1") } else { ("hashedrekord", "0.0.2") };
            let entry = LogEntry { kind: kind.to_owned(), version: version.to_owned(), ..log.entry(&bad) };
            assert_eq!(verdict(&world, &entry, &act.message()), "log-body-parse", "{bad}");
        }
    }
}

#[test]
fn l08_no_body_or_not_the_one_made_anew() {
    let world = World::new();
    let [(v1, _), (v2, _)] = world.one_each();
    for entry in [v1, v2] {
        let empty = LogEntry { canonicalized_body: Vec::new(), ..entry };
        assert_eq!(verdict(&world, &empty, &world.act.message()), "log-body-mismatch");
    }
    // All that the entry is about is right, and the bytes are not the ones that a log makes of it.
    let renamed = world.act.hashed_v2().replace("PKIX_ECDSA_P256_SHA_256", "PKIX_ECDSA_P384_SHA_384");
    assert_eq!(verdict(&world, &world.v2.entry(&renamed), &world.act.message()), "log-body-mismatch");
}

#[test]
fn l09_attestations_by_the_wrong_bytes() {
    let world = World::new();
    let act = &world.act;
    let attestation = act.attestation();
    let of_payload = HashedRekordV2::body(&act.payload_digest(), &act.envelope.signature, &act.verifier()).unwrap();
    assert_eq!(verdict(&world, &world.v2.entry(&of_payload), &attestation), "log-body-mismatch");
    // The right payload in another envelope: its type is signed, so the signature is another.
    let mut other = act.envelope.clone();
    other.payload_type = "text/plain".to_owned();
    other.signature = act.key.sign(&other.pae());
    let body = Dsse::body(&act.digest, &act.payload_digest(), &other.signature, &act.verifier());
    assert_eq!(verdict(&world, &world.v1.entry(&body), &attestation), "log-body-mismatch");
}

#[test]
fn l10_more_in_the_pem_than_the_certificate() {
    let world = World::new();
    let act = &world.act;
    let pem = act.certificate.to_pem();
    let good = base64::encode(pem.as_bytes());
    let other = Act::new(b"artifact").certificate.to_pem();
    for bad in [format!("{pem}\n"), format!(" {pem}"), format!("{pem}{other}"), format!("{pem}{pem}")] {
        let body = act.hashed().replace(&good, &base64::encode(bad.as_bytes()));
        assert_eq!(verdict(&world, &world.v1.entry(&body), &act.message()), "log-body-mismatch", "{bad}");
        let body = act.dsse().replace(&good, &base64::encode(bad.as_bytes()));
        assert_eq!(verdict(&world, &world.v1.entry(&body), &act.attestation()), "log-body-mismatch", "{bad}");
    }
}

#[test]
fn intoto_entries_are_bound_in_every_part() {
    let world = World::new();
    let act = &world.act;
    let twice = |bytes: &[u8]| base64::encode(base64::encode(bytes).as_bytes());
    let body = |payload_type: &str, payload: &[u8], key_id: &str, signature: &[u8], pem: &str, digest: &Digest| {
        let hash = format!(r#"{{"algorithm":"sha256","value":"{}"}}"#, digest.hex());
        format!(
            r#"{{"apiVersion":"0.0.2","kind":"intoto","spec":{{"content":{{"envelope":{{"payload":"{}","payloadType":"{payload_type}","signatures":[{{"keyid":"{key_id}","publicKey":"{}","sig":"{}"}}]}},"hash":{hash},"payloadHash":{hash}}}}}}}"#,
            twice(payload),
            base64::encode(pem.as_bytes()),
            twice(signature),
        )
    };
    let (kind, payload, signature) = (&act.envelope.payload_type, &act.envelope.payload, &act.envelope.signature);
    let (pem, digest) = (act.certificate.to_pem(), act.payload_digest());
    let other = Act::new(b"artifact");
    for (body, expected) in [
        (body(kind, payload, "", signature, &pem, &digest), "accepted"),
        (body("text/plain", payload, "", signature, &pem, &digest), "log-body-mismatch"),
        (body(kind, b"other", "", signature, &pem, &digest), "log-body-mismatch"),
        (body(kind, payload, "other", signature, &pem, &digest), "log-body-mismatch"),
        (body(kind, payload, "", &other.envelope.signature, &pem, &digest), "log-body-mismatch"),
        (body(kind, payload, "", signature, &other.certificate.to_pem(), &digest), "log-body-mismatch"),
        (body(kind, payload, "", signature, &pem, &Digest::of(DigestAlgorithm::Sha256, b"x")), "log-body-mismatch"),
    ] {
        assert_eq!(verdict(&world, &world.v1.entry(&body), &act.attestation()), expected, "{body}");
    }
}

#[test]
fn l05_entries_of_bare_keys() {
    let world = World::new();
    let (key, other) = (Key::p384(), Key::p384());
    let digest = Digest::of(DigestAlgorithm::Sha384, b"artifact");
    let signature = key.sign(b"artifact");
    let signed = SignedMaterial {
        signature: &signature,
        signed_by: SignedBy::Key(key.public()),
        content: SignedContent::Message { digest },
    };
    for (key, expected) in [(&key, "accepted"), (&other, "log-body-mismatch")] {
        let verifier = Verifier::PublicKey(key.public());
        let v1 = world.v1.entry(&HashedRekord::body(&digest, &signature, &verifier));
        let v2 = world.v2.entry(&HashedRekordV2::body(&digest, &signature, &verifier).unwrap());
        assert_eq!([verdict(&world, &v1, &signed), verdict(&world, &v2, &signed)], [expected; 2]);
    }
    let certified = world.v1.entry(&world.act.hashed());
    let bare = SignedMaterial { signed_by: SignedBy::Key(world.act.key.public()), ..world.act.message() };
    assert_eq!(verdict(&world, &certified, &bare), "log-body-mismatch");
}
