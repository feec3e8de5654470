//! The Rekor v1 log from outside.

use std::num::NonZeroU64;

use sealmark::base::crypto::{Digest, DigestAlgorithm, PublicKey, sha256};
use sealmark::base::encoding::{base64, hex};
use sealmark::format::checkpoint::{Checkpoint, NoteKey};
use sealmark::format::dsse::pae;
use sealmark::format::log_entry_body::{Dsse, EntryBody, HashedRekord, Verifier};
use sealmark::format::merkle::{leaf_hash, verify_inclusion};
use sealmark::stack::clock::Clock;
use sealmark::stack::{Running, TokenRequest};
use serde_json::{Value, json};

use super::http::{Answer, Http};
use super::signer::{self, Form};

const ENTRIES: &str = "/api/v1/log/entries";

async fn start(dir: &std::path::Path) -> (Running, Http) {
    let folder = dir.join("stack");
    let running = Running::start_with(&folder, Clock::system(), |config| config.rekor_v1 = true).await.unwrap();
    let http = Http::new(running.url());
    (running, http)
}

/// The one entry of an answer, everything in it verified: UUID, SET, checkpoint, proof.
fn checked(running: &Running, answer: &Answer) -> (String, Value) {
    let log = &running.trusted_root().logs[1];
    let json = answer.json();
    let (uuid, entry) = json.as_object().unwrap().iter().next().map(|(k, v)| (k.clone(), v.clone())).unwrap();
    let body = base64::decode(entry["body"].as_str().unwrap()).unwrap();
    let leaf = leaf_hash(&body);
    assert_eq!(uuid.len(), 80);
    assert!(uuid.ends_with(&hex::encode(&leaf)));
    assert_eq!(entry["logID"], hex::encode(&log.log_id));

    let promised = format!(
        r#"{{"body":{},"integratedTime":{},"logID":{},"logIndex":{}}}"#,
        entry["body"], entry["integratedTime"], entry["logID"], entry["logIndex"]
    );
    let set = entry["verification"]["signedEntryTimestamp"].as_str().unwrap();
    log.key.verify_default(promised.as_bytes(), &base64::decode(set).unwrap()).unwrap();

    let proof = &entry["verification"]["inclusionProof"];
    let (checkpoint, note) = Checkpoint::parse(proof["checkpoint"].as_str().unwrap()).unwrap();
    NoteKey::rekor_v1(log.host(), log.key.clone()).unwrap().verify(&note).unwrap();
    let (host, tree) = checkpoint.origin().split_once(" - ").unwrap();
    let tree: NonZeroU64 = tree.parse().unwrap();
    assert_eq!((host, format!("{tree:016x}").as_str()), (log.host(), &uuid[..16]));
    let hashes: Vec<[u8; 32]> = proof["hashes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|hash| hex::decode(hash.as_str().unwrap()).unwrap().try_into().unwrap())
        .collect();
    let (index, size) = (proof["logIndex"].as_u64().unwrap(), proof["treeSize"].as_u64().unwrap());
    assert_eq!(size, checkpoint.size());
    assert_eq!(hex::decode(proof["rootHash"].as_str().unwrap()).unwrap(), checkpoint.root());
    verify_inclusion(index, size, &leaf, &hashes, checkpoint.root()).unwrap();
    EntryBody::parse(&body).unwrap();
    (uuid, entry)
}

#[tokio::test(flavor = "multi_thread")]
async fn hashedrekord_and_dsse() {
    let dir = tempfile::tempdir().unwrap();
    let (running, http) = start(dir.path()).await;
    let key = PublicKey::from_pem(http.get("/api/v1/log/publicKey").await.text()).unwrap();
    assert_eq!(key, running.trusted_root().logs[1].key);
    let token = running.token(&TokenRequest::email("me@example.com")).unwrap();
    let (key, leaf) = signer::certified(&http, &token, Form::PublicKey).await;
    let verifier = Verifier::Certificate(&leaf);

    let digest = Digest::of(DigestAlgorithm::Sha256, b"artifact");
    let proposal = HashedRekord::body(&digest, &key.sign(b"artifact").unwrap(), &verifier);
    let answer = http.post(ENTRIES, "application/json", proposal.as_bytes()).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let (uuid, entry) = checked(&running, &answer);
    assert_eq!(answer.header("etag"), Some(uuid.as_str()), "unquoted");
    assert_eq!(answer.header("location"), Some(format!("{ENTRIES}/{uuid}").as_str()));
    assert_eq!(base64::decode(entry["body"].as_str().unwrap()).unwrap(), proposal.as_bytes());

    let again = http.post(ENTRIES, "application/json", proposal.as_bytes()).await;
    assert_eq!(again.status, 409);
    assert_eq!(again.json()["code"], 409);
    assert_eq!(again.header("location"), answer.header("location"));

    let payload = br#"{"_type":"https://in-toto.io/Statement/v1"}"#;
    let payload_type = "application/vnd.in-toto+json";
    let signature = key.sign(&pae(payload_type, payload)).unwrap();
    // Spaced as no serializer here would: the hash is of the text as sent.
    let envelope = format!(
        r#"{{ "payloadType": "{payload_type}", "payload": "{}", "signatures": [ {{ "sig": "{}" }} ] }}"#,
        base64::encode(payload),
        base64::encode(&signature)
    );
    let answer = http.post(ENTRIES, "application/json", Dsse::proposal(&envelope, &verifier).as_bytes()).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let (dsse, entry) = checked(&running, &answer);
    let body: Value = serde_json::from_slice(&base64::decode(entry["body"].as_str().unwrap()).unwrap()).unwrap();
    assert_eq!(body["spec"]["envelopeHash"]["value"], hex::encode(&sha256(&[envelope.as_bytes()])));
    assert_eq!(entry["logIndex"], 1);

    for path in [format!("{ENTRIES}/{uuid}"), format!("{ENTRIES}/{}", &uuid[16..]), format!("{ENTRIES}?logIndex=0")] {
        assert_eq!(checked(&running, &http.get(&path).await).0, uuid, "{path}");
    }
    assert_eq!(checked(&running, &http.get(&format!("{ENTRIES}/{dsse}")).await).1["logIndex"], 1);
    assert_eq!(http.get("/api/v1/log").await.json()["treeSize"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn k01_k02_k03_k18_what_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (running, http) = start(dir.path()).await;
    let token = running.token(&TokenRequest::email("me@example.com")).unwrap();
    let (key, leaf) = signer::certified(&http, &token, Form::PublicKey).await;
    let digest = Digest::of(DigestAlgorithm::Sha256, b"artifact");
    let body = HashedRekord::body(&digest, &key.sign(b"artifact").unwrap(), &Verifier::Certificate(&leaf));
    let good: Value = serde_json::from_str(&body).unwrap();
    let edit = |pointer: &str, value: Value| {
        let mut request = good.clone();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        request.pointer_mut(parent).unwrap()[name] = value;
        request
    };
    for (request, message) in [
        (json!({}), "spec is missing"),
        (edit("/kind", json!("rpm")), "this log takes hashedrekord"),
        (edit("/apiVersion", json!("0.0.2")), "this log takes hashedrekord"),
        (edit("/spec/data/hash/value", json!("00".repeat(32))), "verifying signature"),
        (edit("/spec/data/hash/algorithm", json!("sha1")), "not a SHA-2 digest"),
        (edit("/spec/data/url", json!("http://evil")), "is not a field"),
        (edit("/spec/signature/publicKey/url", json!("http://evil")), "is not a field"),
        (edit("/spec/signature/publicKey/content", json!("AAAA")), "not one certificate or public key"),
    ] {
        let answer = http.post_json(ENTRIES, &request).await;
        assert_eq!(answer.status, 400, "{request}");
        assert_eq!(answer.json()["code"], 400);
        assert!(answer.message().contains(message), "{}", answer.message());
    }
    for path in ["?logIndex=-1", "?logIndex=1'", "?logIndex=0&x=1", ""] {
        assert_eq!(http.get(&format!("{ENTRIES}{path}")).await.status, 400, "{path}");
    }
    for path in ["?logIndex=0", "?logIndex=18446744073709551615", "/00", "/..", &format!("/{}", "0".repeat(64))] {
        assert_eq!(http.get(&format!("{ENTRIES}{path}")).await.status, 404, "{path}");
    }
    assert_eq!(http.get("/api/v1/log").await.json()["treeSize"], 0);
}
