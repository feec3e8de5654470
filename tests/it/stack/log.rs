//! The transparency log and the CT log from outside: the API, and the whole tree by the read path.

use sealmark::base::encoding::base64;
use sealmark::format::checkpoint::{Checkpoint, NoteKey, TreeHeadKey};
use sealmark::format::merkle::{Frontier, Hash, Tile, TileKind, leaf_hash, verify_inclusion};
use sealmark::format::trust::TrustedRoot;
use sealmark::stack::{EntryPolicy, IssuerKind, Running, TokenRequest};
use serde_json::json;

use super::http::Http;
use super::signer::{self, Form};
use super::start;

/// Reads every leaf hash of a log, as its tiles have them.
async fn leaves(http: &Http, prefix: &str, size: u64) -> Vec<Hash> {
    let mut leaves = Vec::new();
    for index in 0..size.div_ceil(256) {
        let tile = Tile::of_tree(TileKind::Hashes { level: 0 }, index, size).unwrap();
        leaves.extend(tile.hashes(&http.get(&format!("{prefix}/{tile}")).await.body).unwrap());
    }
    leaves
}

fn root(leaves: &[Hash]) -> Hash {
    let mut frontier = Frontier::new();
    leaves.iter().for_each(|leaf| frontier.append(*leaf, |_, _, _| {}));
    frontier.root()
}

/// Reads the whole transparency log: checkpoint, entries, tiles; gives its leaves.
pub(super) async fn check_rekor(trusted: &TrustedRoot, http: &Http) -> Vec<Hash> {
    let instance = &trusted.logs[0];
    let answer = http.get("/api/v2/checkpoint").await;
    assert_eq!(answer.header("cache-control"), Some("no-cache"));
    let (checkpoint, note) = Checkpoint::parse(answer.text()).unwrap();
    NoteKey::new(instance.host(), instance.key.clone()).unwrap().verify(&note).unwrap();
    assert_eq!(checkpoint.origin(), instance.host());
    let size = checkpoint.size();
    let leaves = leaves(http, "/api/v2", size).await;
    assert_eq!(root(&leaves), *checkpoint.root());
    let mut entries = Vec::new();
    for index in 0..size.div_ceil(256) {
        let tile = Tile::of_tree(TileKind::Entries, index, size).unwrap();
        let bytes = http.get(&format!("/api/v2/{tile}")).await.body;
        entries.extend(tile.entries(&bytes).unwrap().into_iter().map(leaf_hash));
    }
    assert_eq!(entries, leaves);
    leaves
}

/// Reads the CT log's checkpoint and tiles; gives its leaves.
pub(super) async fn check_ct(trusted: &TrustedRoot, http: &Http) -> Vec<Hash> {
    let instance = &trusted.ct_logs[0];
    let (checkpoint, note) = Checkpoint::parse(http.get("/ct/checkpoint").await.text()).unwrap();
    TreeHeadKey::new(instance.host(), instance.key.clone()).unwrap().verify(&note).unwrap();
    let size = checkpoint.size();
    let leaves = leaves(http, "/ct", size).await;
    assert_eq!(root(&leaves), *checkpoint.root());
    let data = Tile::of_tree(TileKind::Data, 0, size).unwrap();
    assert_eq!(http.get(&format!("/ct/{data}")).await.status, 200);
    leaves
}

#[tokio::test(flavor = "multi_thread")]
async fn k05_a_duplicate_is_answered_with_a_fresh_proof() {
    let dir = tempfile::tempdir().unwrap();
    let (running, http) = start(dir.path()).await;
    let token = running.token(&TokenRequest::email("me@sealmark.localhost")).unwrap();
    let (key, leaf) = signer::certified(&http, &token, Form::PublicKey).await;
    let request = |artifact: &[u8]| {
        let digest = sealmark::base::crypto::sha256(&[artifact]);
        signer::entry_request(&digest, &key.sign(artifact).unwrap(), &leaf)
    };
    let first_request = request(b"one");
    let first = signer::entry(&http.post_json("/api/v2/log/entries", &first_request).await);
    signer::entry(&http.post_json("/api/v2/log/entries", &request(b"two")).await);
    let again = signer::entry(&http.post_json("/api/v2/log/entries", &first_request).await);
    assert_eq!((first.log_index, again.log_index), (0, 0));
    assert_eq!(first.canonicalized_body, again.canonicalized_body);
    let proof = again.inclusion_proof.unwrap();
    assert_eq!(proof.tree_size, 2);
    let leaf = leaf_hash(&again.canonicalized_body);
    verify_inclusion(0, 2, &leaf, &proof.hashes, &proof.root_hash.try_into().unwrap()).unwrap();
}

/// Requests that the log refuses, each for one reason, and the answer to each.
#[tokio::test(flavor = "multi_thread")]
async fn k01_k02_k03_what_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (running, http) = start(dir.path()).await;
    let token = running.token(&TokenRequest::email("me@sealmark.localhost")).unwrap();
    let (key, leaf) = signer::certified(&http, &token, Form::PublicKey).await;
    let digest = sealmark::base::crypto::sha256(&[b"artifact"]);
    let signature = key.sign(b"artifact").unwrap();
    let good = signer::entry_request(&digest, &signature, &leaf);
    let verifier = "/hashedRekordRequestV002/signature/verifier";
    let edit = |pointer: &str, value: serde_json::Value| {
        let mut request = good.clone();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        request.pointer_mut(parent).unwrap()[name] = value;
        request
    };
    let other = base64::encode(&key.sign(b"another").unwrap());
    for (request, message) in [
        (json!({}), "invalid type, must be hashedrekord"),
        (json!([]), "the document is not an object"),
        (json!({ "dsseRequestV002": {} }), "dsseRequestV002 is not taken any more"),
        (json!({ "hashedRekordRequestV002": {} }), "hashedRekordRequestV002.signature is missing"),
        (edit("/hashedRekordRequestV002/digest", json!(null)), "hashedRekordRequestV002.digest is missing"),
        (edit("/hashedRekordRequestV002/digest", json!("AAAA")), "the digest is not of 32 bytes"),
        (edit("/hashedRekordRequestV002/signature/content", json!(other)), "verifying signature"),
        (edit("/hashedRekordRequestV002/signature/content", json!("!")), "is not standard base64"),
        (edit(&format!("{verifier}/keyDetails"), json!("PKIX_ECDSA_P384_SHA_384")), "does not fit the key"),
        (edit(&format!("{verifier}/keyDetails"), json!(null)), "does not fit the key"),
        (edit(&format!("{verifier}/x509Certificate/rawBytes"), json!("AAAA")), "parsing certificate"),
        (edit(&format!("{verifier}/x509Certificate/url"), json!("http://evil")), "is not a field of this format"),
        (edit(&format!("{verifier}/publicKey"), json!({ "rawBytes": "AAAA" })), "exactly one of"),
        (edit("/more", json!(1)), "more is not a field"),
    ] {
        let answer = http.post_json("/api/v2/log/entries", &request).await;
        assert_eq!(answer.status, 400, "{request}: {}", answer.text());
        assert!(answer.message().contains(message), "{request}: {}", answer.message());
    }
    let huge = vec![b' '; 300 << 10];
    assert_eq!(http.post("/api/v2/log/entries", "application/json", &huge).await.status, 413);
    assert_eq!(super::log::size(&http).await, 0);
    // Names as the proto file has them, and an enum by number.
    let snake = json!({ "hashed_rekord_request_v002": {
        "digest": base64::encode(&digest),
        "signature": { "content": base64::encode(&signature), "verifier": {
            "x509_certificate": { "raw_bytes": base64::encode(leaf.der()) }, "key_details": 5,
        }},
    }});
    signer::entry(&http.post_json("/api/v2/log/entries", &snake).await);
    assert_eq!(super::log::size(&http).await, 1);
}

/// The size of the transparency log.
pub(super) async fn size(http: &Http) -> u64 {
    Checkpoint::parse(http.get("/api/v2/checkpoint").await.text()).unwrap().0.size()
}

/// A bare key is taken only where the configuration says so; Ed25519 never.
#[tokio::test(flavor = "multi_thread")]
async fn entry_policy() {
    use sealmark::base::crypto::KeyKind;
    use sealmark::stack::clock::Clock;
    use sealmark::stack::keys::PrivateKey;
    let dir = tempfile::tempdir().unwrap();
    let p256 = PrivateKey::generate(KeyKind::P256).unwrap();
    let request = |key: &PrivateKey, details: &str| {
        let digest = sealmark::base::crypto::sha256(&[b"artifact"]);
        let raw = base64::encode(key.public_key().spki());
        json!({ "hashedRekordRequestV002": { "digest": base64::encode(&digest), "signature": {
            "content": base64::encode(&key.sign(b"artifact").unwrap()),
            "verifier": { "publicKey": { "rawBytes": raw }, "keyDetails": details },
        }}})
    };
    let (own, http) = start(dir.path()).await;
    let refused = http.post_json("/api/v2/log/entries", &request(&p256, "PKIX_ECDSA_P256_SHA_256")).await;
    assert_eq!(refused.status, 403, "{}", refused.text());
    assert!(refused.message().contains("its own CA only"));

    let folder = dir.path().join("any");
    let any = Running::start_with(&folder, Clock::system(), |config| config.entry_policy = EntryPolicy::Any);
    let any = any.await.unwrap();
    let http = Http::new(any.url());
    signer::entry(&http.post_json("/api/v2/log/entries", &request(&p256, "PKIX_ECDSA_P256_SHA_256")).await);
    let ed25519 = PrivateKey::generate(KeyKind::Ed25519).unwrap();
    let refused = http.post_json("/api/v2/log/entries", &request(&ed25519, "PKIX_ED25519")).await;
    assert_eq!(refused.status, 400);
    assert!(refused.message().contains("pure Ed25519"), "{}", refused.message());
    // A certificate of another stack's CA is taken here, and refused by a log of one CA.
    let token = any.token(&TokenRequest::new(IssuerKind::Uri)).unwrap();
    let (key, leaf) = signer::certified(&http, &token, Form::PublicKey).await;
    let digest = sealmark::base::crypto::sha256(&[b"a"]);
    let request = signer::entry_request(&digest, &key.sign(b"a").unwrap(), &leaf);
    let foreign = Http::new(own.url()).post_json("/api/v2/log/entries", &request).await;
    assert_eq!(foreign.status, 403);
    signer::entry(&http.post_json("/api/v2/log/entries", &request).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn k13_tile_paths() {
    let dir = tempfile::tempdir().unwrap();
    let (running, http) = start(dir.path()).await;
    let token = running.token(&TokenRequest::new(IssuerKind::Uri)).unwrap();
    signer::sign(&http, &token, Form::PublicKey, b"artifact").await;
    let tile = http.get("/api/v2/tile/entries/000.p/1").await;
    assert_eq!(tile.status, 200);
    assert_eq!(tile.header("content-type"), Some("application/octet-stream"));
    for path in
        ["tile/entries/000", "tile/entries/000.p/2", "tile/0/001.p/1", "tile/data/000.p/1", "tile/x", "tile/../keys"]
    {
        let answer = http.get(&format!("/api/v2/{path}")).await;
        assert_eq!(answer.status, 404, "{path}");
        assert_ne!(answer.header("cache-control"), Some("public, max-age=31536000, immutable"));
    }
    assert_eq!(http.get("/ct/tile/data/000.p/1").await.status, 200);
    for path in ["/keys/ca.pem", "/../keys/ca.pem", "/ct/tile/..%2f..%2fkeys%2fca.pem", "/stack.json"] {
        assert_eq!(http.get(path).await.status, 404, "{path}");
    }
}

/// Archives, packages and whole objects are not parsed at all: only digests are logged.
#[tokio::test(flavor = "multi_thread")]
async fn k04_nothing_is_unpacked() {
    let dir = tempfile::tempdir().unwrap();
    let (running, http) = start(dir.path()).await;
    let before = http.get("/api/v2/checkpoint").await.body;
    let content = base64::encode(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]);
    for kind in ["jarRequestV002", "apkRequestV002", "rpmRequestV002", "rekordRequestV002", "helmRequestV002"] {
        let answer = http.post_json("/api/v2/log/entries", &json!({ kind: { "content": content } })).await;
        assert_eq!(answer.status, 400, "{kind}");
    }
    for kind in ["jar", "alpine", "rpm", "rekord", "helm", "intoto", "tuf"] {
        let entry = json!({ "kind": kind, "apiVersion": "0.0.1", "spec": { "archive": { "content": content } } });
        assert_eq!(http.post_json("/api/v2/log/entries", &entry).await.status, 400, "{kind}");
    }
    let headers = [("Content-Type", "application/json"), ("Content-Encoding", "gzip")];
    let answer = http.send("POST", "/api/v2/log/entries", &headers, &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]).await;
    assert_eq!(answer.status, 400);
    assert_eq!(http.get("/api/v2/checkpoint").await.body, before);
    running.stop().await.unwrap();
}
