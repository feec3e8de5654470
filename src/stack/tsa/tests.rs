use std::time::Instant;

use super::*;
use crate::base::crypto::{Digest, DigestAlgorithm};
use crate::base::encoding::base64;
use crate::base::encoding::der::{self, tag};
use crate::base::limits;
use crate::base::time::ValidityPeriod;
use crate::format::timestamp::{Rejection, TimestampResponse};
use crate::format::trust::AuthorityInstance;
use crate::format::x509::testing::{Authority, SIGNED, START, Template, period};
use crate::verify::times::TimestampAuthorities;

const DER: &str = "application/timestamp-query";
const SIGNATURE: &[u8] = b"the raw signature of a bundle";

struct Fixture {
    tsa: TimestampAuthority,
    trusted: TimestampAuthorities,
}

fn fixture() -> Fixture {
    fixture_with(KeyKind::P256)
}

fn fixture_with(kind: KeyKind) -> Fixture {
    let (key, chain) = key_and_chain(kind);
    fixture_of(key, chain)
}

fn fixture_of(key: PrivateKey, chain: Vec<Certificate>) -> Fixture {
    let entry = AuthorityInstance {
        organization: "example.com".to_owned(),
        common_name: "tsa".to_owned(),
        uri: String::new(),
        chain: chain.clone(),
        validity: ValidityPeriod::new(START, None).unwrap(),
    };
    Fixture {
        tsa: TimestampAuthority::new(key, chain).unwrap(),
        trusted: TimestampAuthorities::new(std::slice::from_ref(&entry)),
    }
}

fn key_and_chain(kind: KeyKind) -> (PrivateKey, Vec<Certificate>) {
    let pair = PrivateKey::generate(kind).unwrap();
    let chain = chain_of(pair.public_key());
    (pair, chain)
}

fn chain_of(key: &PublicKey) -> Vec<Certificate> {
    let root = Authority::root("tsa root");
    let leaf = root.sign(Template {
        serial: vec![7; 16],
        subject: crate::format::x509::build::authority_name("example.com", "tsa"),
        validity: period(START, 86_400),
        spki: key.spki().to_vec(),
        extensions: leaf_extensions(key, &key_id(root.key.public())),
    });
    vec![leaf, root.certificate]
}

fn digest() -> Digest {
    Digest::of(DigestAlgorithm::Sha256, SIGNATURE)
}

/// The failure in a rejection.
fn failure(answer: &Answer) -> Failure {
    assert_eq!((answer.status, answer.content_type), (200, "application/timestamp-reply"));
    match TimestampResponse::parse(&answer.body) {
        Ok(TimestampResponse::Rejected(Rejection { failure: Some(failure), .. })) => failure,
        other => panic!("{other:?}"),
    }
}

fn request(imprint: &[u8], rest: &[&[u8]]) -> Vec<u8> {
    der::sequence(&[&der::integer(1), imprint, &rest.concat()])
}

fn imprint(oid: Oid<'_>, bytes: &[u8]) -> Vec<u8> {
    der::sequence(&[&der::sequence(&[&der::oid(oid)]), &der::octet_string(bytes)])
}

#[test]
fn z01_weak_or_unknown_digest_or_another_length() {
    let Fixture { tsa, .. } = fixture();
    let unknown = Oid::constant(&[0x2a, 3]);
    for bad in [
        imprint(oids::SHA1, &[7; 20]),
        imprint(oids::MD5, &[7; 16]),
        imprint(unknown, &[7; 32]),
        imprint(oids::SHA256, &[7; 31]),
        imprint(oids::SHA512, &[7; 32]),
    ] {
        assert_eq!(failure(&tsa.respond(DER, &request(&bad, &[]), SIGNED)), Failure::BadAlgorithm);
    }
    for (algorithm, length) in [("sha1", 20), ("md5", 16), ("sha256", 31), ("SHA256", 32)] {
        let hash = base64::encode(&vec![7; length]);
        let body = format!(r#"{{"artifactHash":"{hash}","hashAlgorithm":"{algorithm}"}}"#);
        assert_eq!(tsa.respond("application/json", body.as_bytes(), SIGNED).status, 400, "{algorithm}");
    }
}

#[test]
fn z02_garbage_and_bombs() {
    let Fixture { tsa, .. } = fixture();
    let good = imprint(oids::SHA256, digest().as_bytes());
    let nonce = |bytes: &[u8]| request(&good, &[&der::tlv(tag::INTEGER, bytes)]);
    let policy = |arcs: usize| request(&good, &[&der::tlv(tag::OID, &vec![1; arcs])]);
    let extension = der::explicit(0, &der::octet_string(&vec![0; 1 << 20]));
    let bombs: [(&str, Vec<u8>); 9] = [
        ("empty", Vec::new()),
        ("garbage", vec![0xa5; 4000]),
        ("trailing data", [request(&good, &[]), vec![0]].concat()),
        ("a million arcs", policy(1_000_000)),
        ("a thousand arcs", policy(1000)),
        ("a large extension", request(&good, &[&extension])),
        ("a negative nonce", nonce(&[0x80])),
        ("a nonce of 100 kB", nonce(&[1; 100_000])),
        ("a nonce of 1 kB", nonce(&[1; 1000])),
    ];
    for (what, body) in &bombs {
        assert_refused_at_once(&tsa, DER, body, what);
        let code = TimestampRequest::parse(body).unwrap_err().code().name();
        let long = body.len() > limits::TIMESTAMP_REQUEST_BYTES;
        assert_eq!(code, if long { "limit-tsa-request" } else { "tsa-request" }, "{what}");
    }
    let digits = "7".repeat(200_000);
    for digits in [digits.as_str(), &digits[..700], &digits[..100]] {
        let hash = base64::encode(digest().as_bytes());
        let body = format!(r#"{{"artifactHash":"{hash}","hashAlgorithm":"sha256","nonce":{digits}}}"#);
        assert_refused_at_once(&tsa, "application/json", body.as_bytes(), "a JSON nonce of many digits");
    }
}

/// 400 within 5 ms, in the best of several runs: other work shares the machine.
fn assert_refused_at_once(tsa: &TimestampAuthority, content_type: &str, body: &[u8], what: &str) {
    let time = || {
        let start = Instant::now();
        assert_eq!(tsa.respond(content_type, body, SIGNED).status, 400, "{what}");
        start.elapsed()
    };
    let best = (0..5).map(|_| time()).min().unwrap();
    assert!(best.as_millis() < 5, "{what}: {best:?}");
}

#[test]
fn z03_media_types() {
    let Fixture { tsa, .. } = fixture();
    let body = TimestampRequest::new(digest(), None, false).to_der();
    let status = |content_type: &str| tsa.respond(content_type, &body, SIGNED).status;
    for good in [DER, "Application/Timestamp-Query", "application/timestamp-query; charset=binary"] {
        assert_eq!(status(good), 200, "{good}");
    }
    let bomb = "application/timestamp-query,".repeat(100_000);
    let bad = ["", "text/plain", "application/timestamp-query+x", "x; application/timestamp-query", bomb.as_str()];
    for bad in bad {
        assert_eq!(status(bad), 415, "{}", bad.len());
    }
}

#[test]
fn z04_policy_version_and_extensions() {
    let Fixture { tsa, .. } = fixture();
    let good = imprint(oids::SHA256, digest().as_bytes());
    let answer = |body: &[u8]| tsa.respond(DER, body, SIGNED);
    let policy = |policy| TimestampRequest::new(digest(), None, false).with_policy(policy).to_der();
    assert_eq!(failure(&answer(&policy(Oid::constant(&[0x2a, 3])))), Failure::UnacceptedPolicy);
    let ours = answer(&policy(POLICY)).body;
    assert!(matches!(TimestampResponse::parse(&ours), Ok(TimestampResponse::Granted(_))));
    let version_2 = der::sequence(&[&der::integer(2), &good]);
    assert_eq!(failure(&answer(&version_2)), Failure::BadRequest);
    let extension = der::sequence(&[&der::oid(Oid::constant(&[0x2a, 3])), &der::octet_string(&[])]);
    let extensions = der::tlv(tag::context(0), &extension);
    assert_eq!(failure(&answer(&request(&good, &[&extensions]))), Failure::UnacceptedExtension);
    let hash = base64::encode(digest().as_bytes());
    let body = format!(r#"{{"artifactHash":"{hash}","hashAlgorithm":"sha256","tsaPolicyOID":"1.2.3"}}"#);
    assert_eq!(tsa.respond("application/json", body.as_bytes(), SIGNED).status, 400);
}

#[test]
fn z05_the_clock_steps_back() {
    let Fixture { tsa, trusted } = fixture();
    let body = TimestampRequest::new(digest(), None, false).to_der();
    let at = |now: UnixTime| tsa.respond(DER, &body, now);
    assert_eq!(at(SIGNED).status, 200);
    // Within the accuracy, time stands still.
    let answer = at(SIGNED.plus_secs(-1));
    assert_eq!(trusted.verify_token(&answer.body, SIGNATURE, SIGNED).unwrap().time(), SIGNED);
    let answer = at(SIGNED.plus_secs(-2));
    assert_eq!((answer.status, answer.content_type), (503, "application/json"));
    assert_eq!(at(SIGNED.plus_secs(1)).status, 200);
}

#[test]
fn z06_a_certificate_that_is_not_valid_now() {
    let Fixture { tsa, .. } = fixture();
    let body = TimestampRequest::new(digest(), None, false).to_der();
    for now in [START.plus_secs(-1), START.plus_secs(86_401)] {
        assert_eq!(tsa.respond(DER, &body, now).status, 503);
    }
    assert_eq!(tsa.respond(DER, &body, START.plus_secs(86_400)).status, 200);
}

#[test]
fn z07_certificates_nonces_and_serials() {
    for algorithm in [KeyKind::P256, KeyKind::P384] {
        let Fixture { tsa, trusted } = fixture_with(algorithm);
        let mut serials = std::collections::BTreeSet::new();
        for nonce in [None, Some(&[0][..]), Some(&[0x80; 8]), Some(&[0x7f; 32])] {
            for certificates in [false, true] {
                let request = TimestampRequest::new(digest(), nonce, certificates);
                let response = tsa.respond(DER, &request.to_der(), SIGNED).body;
                let Ok(TimestampResponse::Granted(token)) = TimestampResponse::parse(&response) else { panic!() };
                assert_eq!(request.check_answer(&token), Ok(()));
                assert_eq!(token.certificates.len(), usize::from(certificates));
                assert_eq!(token.info.serial.len(), 20);
                assert!(serials.insert(token.info.serial.to_vec()));
                let valid = trusted.verify_token(&response, SIGNATURE, SIGNED).unwrap();
                assert_eq!((valid.time(), valid.authority()), (SIGNED, "tsa (example.com)"));
            }
        }
    }
}

#[test]
fn sigstore_js_sends_json() {
    let Fixture { tsa, trusted } = fixture();
    let hash = base64::encode(digest().as_bytes());
    let body = format!(r#"{{"artifactHash":"{hash}","hashAlgorithm":"sha256"}}"#);
    let answer = tsa.respond("application/json", body.as_bytes(), SIGNED);
    assert_eq!((answer.status, answer.content_type), (200, "application/timestamp-reply"));
    assert!(trusted.verify_token(&answer.body, SIGNATURE, SIGNED).is_ok());
    assert_eq!(tsa.respond("application/json", b"{}", SIGNED).status, 400);
}

#[test]
fn a_key_and_a_chain_that_do_not_fit() {
    let (key, chain) = key_and_chain(KeyKind::P256);
    let (other, _) = key_and_chain(KeyKind::P256);
    let (p384, _) = key_and_chain(KeyKind::P384);
    let setup = |key, chain: Vec<Certificate>| TimestampAuthority::new(key, chain).map_err(|e| e.code().name());
    let (ed25519, _) = key_and_chain(KeyKind::Ed25519);
    let of_ed25519 = chain_of(ed25519.public_key());
    assert_eq!(setup(other, chain.clone()).err(), Some("tsa-setup"));
    assert_eq!(setup(p384, chain.clone()).err(), Some("tsa-setup"));
    assert_eq!(setup(ed25519, of_ed25519).err(), Some("tsa-setup"));
    assert_eq!(setup(key_and_chain(KeyKind::P256).0, chain[1..].to_vec()).err(), Some("tsa-leaf-is-ca"));
    assert_eq!(setup(key_and_chain(KeyKind::P256).0, Vec::new()).err(), Some("chain-empty"));
    let pem = setup(key, chain).unwrap().certificate_chain();
    assert_eq!(pem.matches("BEGIN CERTIFICATE").count(), 2);
}

/// A token whose key is lost in the middle of the work.
#[derive(Debug)]
struct Broken(PublicKey, std::sync::atomic::AtomicBool);

impl crate::service::signer::Signer for Broken {
    fn public_key(&self) -> &PublicKey {
        &self.0
    }

    fn sign<'a>(
        &'a self,
        _: crate::service::signer::Prepared<'a>,
    ) -> crate::service::BoxFuture<'a, Result<Vec<u8>, crate::service::signer::SignerError>> {
        let lies = self.1.load(Ordering::Relaxed);
        Box::pin(
            async move { if lies { Ok(vec![0x30, 0]) } else { Err(crate::service::signer::SignerError::Randomness) } },
        )
    }
}

/// Z08: the key fails, or gives what is no signature: no token leaves.
#[test]
fn z08_a_key_that_fails() {
    let public = PrivateKey::generate(KeyKind::P256).unwrap().public_key().clone();
    for lies in [false, true] {
        let broken = std::sync::Arc::new(Broken(public.clone(), lies.into()));
        let tsa = TimestampAuthority::new(PrivateKey::held(broken), chain_of(&public)).unwrap();
        let request = TimestampRequest::new(digest(), None, false);
        let answer = tsa.respond(DER, &request.to_der(), START.plus_secs(60));
        assert_eq!((answer.status, answer.content_type), (500, "application/json"));
        assert!(!String::from_utf8_lossy(&answer.body).contains("random"), "its reason is the operator's");
    }
}

#[test]
fn z05_logt8_a_clock_that_nobody_confirms() {
    let Fixture { tsa, .. } = fixture();
    let request = TimestampRequest::new(digest(), None, false).to_der();
    assert_eq!(tsa.respond(DER, &request, START.plus_secs(60)).status, 200);
    tsa.guard_by(Arc::new(DriftGuard::new(vec!["ntp://127.0.0.1:1".parse().unwrap()])));
    let answer = tsa.respond(DER, &request, START.plus_secs(60));
    assert_eq!((answer.status, answer.content_type), (503, "application/json"));
    assert!(String::from_utf8_lossy(&answer.body).contains("has not been compared"));
}
