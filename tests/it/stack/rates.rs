//! How often one identity, one key, one address is served: F22. The clock stands still, so that no test waits.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use sealmark::base::crypto::{Digest, DigestAlgorithm, KeyKind, sha256};
use sealmark::base::encoding::base64;
use sealmark::base::time::UnixTime;
use sealmark::format::timestamp::TimestampRequest;
use sealmark::format::x509::Certificate;
use sealmark::stack::clock::Clock;
use sealmark::stack::keys::PrivateKey;
use sealmark::stack::{Config, EntryPolicy, Rate, Rates, Running, TokenRequest};
use serde_json::{Value, json};

use super::http::{Answer, Http};
use super::signer::{self, Form};

/// A stack whose clock the test holds, in milliseconds.
struct Scene {
    running: Running,
    http: Http,
    now: Arc<AtomicI64>,
}

/// Three at once, then one a second.
const RATE: Rate = Rate { per_second: 1, burst: 3 };

async fn scene(dir: &Path, configure: impl FnOnce(&mut Config)) -> Scene {
    let now = Arc::new(AtomicI64::new(super::now().millis()));
    let shared = Arc::clone(&now);
    let clock = Clock::from_fn(move || UnixTime::from_millis(shared.load(Ordering::SeqCst)));
    let running = Running::start_with(dir, clock, configure).await.unwrap();
    let http = Http::new(running.url());
    Scene { running, http, now }
}

/// A key and its certificate.
type Signer = (PrivateKey, Certificate);

impl Scene {
    async fn signer(&self, email: &str) -> Signer {
        let token = self.running.token(&TokenRequest::email(email)).unwrap();
        signer::certified(&self.http, &token, Form::PublicKey).await
    }

    async fn log(&self, request: &Value) -> Answer {
        self.http.post_json("/api/v2/log/entries", request).await
    }

    async fn stamp(&self) -> Answer {
        let request = TimestampRequest::new(Digest::of(DigestAlgorithm::Sha256, b"x"), None, false).to_der();
        self.http.post("/api/v1/timestamp", "application/timestamp-query", &request).await
    }
}

fn request((key, leaf): &Signer, artifact: &str) -> Value {
    signer::entry_request(&sha256(&[artifact.as_bytes()]), &key.sign(artifact.as_bytes()).unwrap(), leaf)
}

/// 429 with gRPC's RESOURCE_EXHAUSTED, and when to come again.
fn exhausted(answer: &Answer, seconds: &str) {
    assert_eq!((answer.status, answer.json()["code"].as_i64()), (429, Some(8)), "{}", answer.text());
    assert_eq!(answer.header("retry-after"), Some(seconds));
    assert!(answer.message().ends_with("; retry"), "{}", answer.message());
}

#[tokio::test(flavor = "multi_thread")]
async fn f22_a_flood_by_one_identity_of_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let log = |config: &mut Config| config.rates = Rates::default().with_log(RATE);
    let scene = scene(&dir.path().join("stack"), log).await;
    let (me, again, other) = (
        scene.signer("me@example.com").await,
        scene.signer("me@example.com").await,
        scene.signer("o@example.com").await,
    );
    let first = request(&me, "first");
    assert_eq!(scene.log(&first).await.status, 201);
    // What is in the log already anybody can send: it uses up nobody's turns.
    for _ in 0..10 {
        assert_eq!(scene.log(&first).await.status, 201);
    }
    // One identity is one, under whichever of its certificates.
    assert_eq!(scene.log(&request(&again, "second")).await.status, 201);
    // What is refused for another reason does not count either.
    let mut wrong = request(&me, "third");
    wrong["hashedRekordRequestV002"]["digest"] = json!(base64::encode(&sha256(&[b"x"])));
    assert_eq!(scene.log(&wrong).await.status, 400);
    assert_eq!(scene.log(&request(&me, "third")).await.status, 201);
    for signer in [&me, &again] {
        exhausted(&scene.log(&request(signer, "fourth")).await, "1");
    }
    assert_eq!(super::log::size(&scene.http).await, 3, "nothing of it was logged");
    assert_eq!(scene.log(&request(&other, "fourth")).await.status, 201, "another identity has its own");
    scene.now.fetch_add(1000, Ordering::SeqCst);
    assert_eq!(scene.log(&request(&me, "fourth")).await.status, 201);
    exhausted(&scene.log(&request(&me, "fifth")).await, "1");
    scene.running.stop().await.unwrap();
}

/// A certificate of a stranger's CA says whatever name it likes: it is known by its key, as bare keys are.
#[tokio::test(flavor = "multi_thread")]
async fn f22_a_name_that_another_ca_gave_takes_nobodys_turns() {
    let dir = tempfile::tempdir().unwrap();
    let any = |config: &mut Config| {
        config.entry_policy = EntryPolicy::Any;
        config.rates = Rates::default().with_log(RATE);
    };
    let ours = scene(&dir.path().join("ours"), any).await;
    let theirs = scene(&dir.path().join("theirs"), |_| {}).await;
    let (me, stranger) = (ours.signer("me@example.com").await, theirs.signer("me@example.com").await);
    for number in 0..3 {
        assert_eq!(ours.log(&request(&stranger, &number.to_string())).await.status, 201);
    }
    exhausted(&ours.log(&request(&stranger, "more")).await, "1");
    for number in 0..3 {
        assert_eq!(ours.log(&request(&me, &number.to_string())).await.status, 201, "{number}");
    }
    exhausted(&ours.log(&request(&me, "more")).await, "1");
    // A bare key is the same subject with and without the stranger's certificate.
    let bare = |key: &PrivateKey, artifact: &[u8]| {
        let raw = base64::encode(key.public_key().spki());
        json!({ "hashedRekordRequestV002": { "digest": base64::encode(&sha256(&[artifact])), "signature": {
            "content": base64::encode(&key.sign(artifact).unwrap()),
            "verifier": { "publicKey": { "rawBytes": raw }, "keyDetails": "PKIX_ECDSA_P256_SHA_256" },
        }}})
    };
    exhausted(&ours.log(&bare(&stranger.0, b"bare")).await, "1");
    let fresh = PrivateKey::generate(KeyKind::P256).unwrap();
    for artifact in [b"1", b"2", b"3"] {
        assert_eq!(ours.log(&bare(&fresh, artifact)).await.status, 201);
    }
    exhausted(&ours.log(&bare(&fresh, b"4")).await, "1");
}

/// Both logs of entries share an identity's turns.
#[tokio::test(flavor = "multi_thread")]
async fn f22_a_flood_over_the_other_log() {
    let dir = tempfile::tempdir().unwrap();
    let both = |config: &mut Config| {
        config.rekor_v1 = true;
        config.rates = Rates::default().with_log(RATE);
    };
    let scene = scene(&dir.path().join("stack"), both).await;
    let me = scene.signer("me@example.com").await;
    let v1 = |artifact: &str| {
        let digest = Digest::of(DigestAlgorithm::Sha256, artifact.as_bytes());
        let content = base64::encode(&me.0.sign(artifact.as_bytes()).unwrap());
        let signer = base64::encode(me.1.to_pem().as_bytes());
        json!({ "kind": "hashedrekord", "apiVersion": "0.0.1", "spec": {
            "data": { "hash": { "algorithm": "sha256", "value": digest.hex() } },
            "signature": { "content": content, "publicKey": { "content": signer } },
        }})
    };
    let log_v1 = async |request: &Value| scene.http.post_json("/api/v1/log/entries", request).await;
    let first = v1("a");
    assert_eq!(log_v1(&first).await.status, 201);
    assert_eq!(log_v1(&first).await.status, 409, "once more, which counts for nothing");
    assert_eq!(log_v1(&v1("b")).await.status, 201);
    assert_eq!(scene.log(&request(&me, "c")).await.status, 201);
    exhausted(&scene.log(&request(&me, "d")).await, "1");
    let answer = log_v1(&v1("d")).await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("1")), "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn f22_a_flood_of_certificates_is_told_when_to_come_again() {
    let dir = tempfile::tempdir().unwrap();
    let ca = |config: &mut Config| config.rates = Rates::default().with_ca(RATE);
    let scene = scene(&dir.path().join("stack"), ca).await;
    let token = scene.running.token(&TokenRequest::email("me@example.com")).unwrap();
    let key = PrivateKey::generate(KeyKind::P256).unwrap();
    for _ in 0..3 {
        signer::certified(&scene.http, &token, Form::PublicKey).await;
    }
    exhausted(&signer::request_certificate(&scene.http, &token, Form::PublicKey, &key).await, "1");
    scene.now.fetch_add(1000, Ordering::SeqCst);
    signer::certified(&scene.http, &token, Form::PublicKey).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn f22_a_flood_of_timestamps_by_one_address() {
    let dir = tempfile::tempdir().unwrap();
    let tsa = |config: &mut Config| config.rates = Rates::default().with_tsa(RATE);
    let limited = scene(&dir.path().join("limited"), tsa).await;
    for _ in 0..3 {
        assert_eq!(limited.stamp().await.status, 200);
    }
    exhausted(&limited.stamp().await, "1");
    let chain = limited.http.get("/api/v1/timestamp/certchain").await;
    assert_eq!(chain.status, 200, "what is read is not limited");
    limited.now.fetch_add(2000, Ordering::SeqCst);
    assert_eq!((limited.stamp().await.status, limited.stamp().await.status), (200, 200));
    exhausted(&limited.stamp().await, "1");
    // Nobody is limited where nobody asked for it.
    let free = scene(&dir.path().join("free"), |_| {}).await;
    for _ in 0..20 {
        assert_eq!(free.stamp().await.status, 200);
    }
}

/// What `stack.json` says is read, and what is no rate stops the start.
#[test]
fn rates_in_the_configuration() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("stack.json");
    let mut config = serde_json::to_value(Config::loopback(1)).unwrap();
    assert!(config.get("rates").is_none(), "what is as ever is not written");
    let mut read = |rates: Value| {
        config["rates"] = rates;
        std::fs::write(&path, config.to_string()).unwrap();
        Config::read(dir.path()).map(|config| config.rates).map_err(|error| error.code().name())
    };
    let rates = read(json!({ "log": { "per_second": 5, "burst": 7 } })).unwrap();
    assert_eq!(rates.log(), Rate { per_second: 5, burst: 7 });
    assert_eq!((rates.ca(), rates.tsa()), (Rates::default().ca(), None));
    assert_eq!(Rates::default().log(), Rate { per_second: 1000, burst: 2000 });
    for wrong in [
        json!({ "log": { "per_second": 0, "burst": 7 } }),
        json!({ "tsa": { "per_second": 1, "burst": 0 } }),
        json!({ "ca": { "per_second": 1 } }),
        json!({ "witness": { "per_second": 1, "burst": 1 } }),
    ] {
        assert_eq!(read(wrong.clone()), Err("stack-config"), "{wrong}");
    }
}
