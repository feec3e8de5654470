//! K06: `kill -9` under load, many times over; nothing that was acknowledged is lost.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sealmark::base::crypto::{KeyKind, sha256};
use sealmark::base::encoding::base64;
use sealmark::format::merkle::leaf_hash;
use sealmark::format::trust::TrustedRoot;
use sealmark::format::x509::{Certificate, sct};
use sealmark::stack::keys::PrivateKey;
use sealmark::stack::{Config, EntryPolicy, Stack};
use serde_json::json;

use super::http::Http;
use super::signer;

/// `sealmark stack up`, killed at the latest when it is dropped.
struct Process(Child);

impl Process {
    fn start(dir: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sealmark"));
        command.args(["stack", "up"]).arg(dir).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }

    /// `SIGKILL`.
    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    /// `SIGTERM`, as a service manager sends it; whether it ended well.
    fn terminate(&mut self) -> bool {
        let status = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status().unwrap();
        status.success() && self.0.wait().unwrap().success()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn wait_until_it_serves(http: &Http) {
    for _ in 0..500 {
        if http.try_send("GET", "/healthz", &[], b"").await.is_ok_and(|answer| answer.status == 200) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the stack does not come up");
}

/// What was acknowledged, by index.
#[derive(Debug, Default)]
struct Ledger {
    entries: BTreeMap<u64, Vec<u8>>,
    certificates: Vec<Certificate>,
}

/// Logs entries as fast as they are acknowledged, until the server is gone.
async fn log_entries(http: Http, ledger: Arc<Mutex<Ledger>>, key: Arc<PrivateKey>, writer: u64) {
    let raw = base64::encode(key.public_key().spki());
    for number in 0u64.. {
        let artifact = format!("{writer} {number} {:?}", std::time::SystemTime::now()).into_bytes();
        let request = json!({ "hashedRekordRequestV002": { "digest": base64::encode(&sha256(&[&artifact])), "signature": {
            "content": base64::encode(&key.sign(&artifact).unwrap()),
            "verifier": { "publicKey": { "rawBytes": raw }, "keyDetails": "PKIX_ECDSA_P256_SHA_256" },
        }}});
        let body = request.to_string();
        let Ok(answer) = http.try_send("POST", "/api/v2/log/entries", &[], body.as_bytes()).await else { return };
        let entry = signer::entry(&answer);
        let before = ledger.lock().unwrap().entries.insert(entry.log_index, entry.canonicalized_body);
        assert_eq!(before, None, "an index is given out twice");
    }
}

/// Gets certificates, each with an SCT, until the server is gone.
async fn get_certificates(http: Http, ledger: Arc<Mutex<Ledger>>, secret: String) {
    let form = format!("grant_type=client_credentials&client_id=sealmark&client_secret={secret}");
    let headers = [("Content-Type", "application/x-www-form-urlencoded")];
    let Ok(answer) = http.try_send("POST", "/token", &headers, form.as_bytes()).await else { return };
    let token = answer.json()["id_token"].as_str().unwrap().to_owned();
    let key = PrivateKey::generate(KeyKind::P256).unwrap();
    let proof = key.sign(signer::challenge(&token).as_bytes()).unwrap();
    let request = signer::public_key_request(&token, key.public_key(), &proof).to_string();
    loop {
        let Ok(answer) = http.try_send("POST", "/api/v2/signingCert", &[], request.as_bytes()).await else { return };
        ledger.lock().unwrap().certificates.push(signer::chain(&answer)[0].clone());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k06_logt4_kill_9_under_load() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("stack");
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let config = Config { entry_policy: EntryPolicy::Any, ..Config::loopback(port) };
    Stack::init(&dir, &config).unwrap();
    let secret = std::fs::read_to_string(dir.join("keys/client-secret")).unwrap();
    let (http, ledger) = (Http::new(&config.url), Arc::new(Mutex::new(Ledger::default())));
    let key = Arc::new(PrivateKey::generate(KeyKind::P256).unwrap());
    // The long form is a storm.
    let rounds = if std::env::var_os("SEALMARK_LONG").is_some() { 300 } else { 6 };
    for round in 0..rounds {
        let mut child = Process::start(&dir);
        wait_until_it_serves(&http).await;
        let mut writers: Vec<_> = (0..8)
            .map(|writer| tokio::spawn(log_entries(http.clone(), Arc::clone(&ledger), Arc::clone(&key), writer)))
            .collect();
        writers.push(tokio::spawn(get_certificates(http.clone(), Arc::clone(&ledger), secret.clone())));
        tokio::time::sleep(Duration::from_millis(120 + 70 * (round % 6))).await;
        // On a busy machine that was not long enough for much.
        let enough = |ledger: &Ledger| {
            ledger.entries.len() > 55 * (round as usize + 1) && ledger.certificates.len() > round as usize + 1
        };
        for _ in 0..400 {
            if enough(&ledger.lock().unwrap()) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        child.kill();
        for writer in writers {
            writer.await.unwrap();
        }
    }
    let mut child = Process::start(&dir);
    wait_until_it_serves(&http).await;
    let ledger = std::mem::take(&mut *ledger.lock().unwrap());
    check(&dir, &http, &ledger).await;
    // It goes on, and ends in peace.
    assert!(child.terminate());
}

/// The whole tree of each log by its read path, and in it everything that was acknowledged.
async fn check(dir: &Path, http: &Http, ledger: &Ledger) {
    let root = TrustedRoot::parse(&std::fs::read(dir.join("trusted_root.json")).unwrap()).unwrap();
    let leaves = super::log::check_rekor(&root, http).await;
    assert!(ledger.entries.len() > 300, "too little load: {}", ledger.entries.len());
    assert!(leaves.len() >= ledger.entries.len());
    for (index, body) in &ledger.entries {
        assert_eq!(leaves[usize::try_from(*index).unwrap()], leaf_hash(body), "{index}");
    }
    let ct = super::log::check_ct(&root, http).await;
    assert!(ledger.certificates.len() > 6, "too little load: {}", ledger.certificates.len());
    let issuer = &root.certificate_authorities[0].chain[0];
    for certificate in &ledger.certificates {
        let list = certificate.extensions().sct_list.as_ref().unwrap();
        let sct = &sct::read_list(list).unwrap()[0];
        let tbs = certificate.tbs_without_scts().unwrap().unwrap();
        let hash = issuer.public_key().spki_sha256();
        let leaf = sct::signed_data(sct.timestamp, &hash, &tbs, &sct.extensions).unwrap();
        assert_eq!(ct[usize::try_from(sct.leaf_index().unwrap()).unwrap()], leaf_hash(&leaf));
    }
}

/// T9: a writer that is stopped for a while keeps its log, by whatever path another comes.
#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k08_logt9_a_stopped_writer_keeps_its_log() {
    let dir = tempfile::tempdir().unwrap();
    let (stack, beside) = (dir.path().join("stack"), dir.path().join("beside"));
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    Stack::init(&stack, &Config::loopback(port)).unwrap();
    std::os::unix::fs::symlink(&stack, &beside).unwrap();
    let http = Http::new(&Config::loopback(port).url);
    let first = Process::start(&stack);
    wait_until_it_serves(&http).await;
    let signal = |name: &str| Command::new("kill").args([name, &first.0.id().to_string()]).status().unwrap();
    assert!(signal("-STOP").success());
    for path in [&stack, &beside] {
        assert_eq!(Stack::open(path).unwrap_err().code().name(), "log-locked");
        let second = Command::new(env!("CARGO_BIN_EXE_sealmark")).args(["stack", "up"]).arg(path).output().unwrap();
        assert!(String::from_utf8_lossy(&second.stderr).contains("log-locked"), "{second:?}");
        assert!(!second.status.success());
    }
    assert!(signal("-CONT").success());
    wait_until_it_serves(&http).await;
}
