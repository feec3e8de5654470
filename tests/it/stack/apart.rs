//! A stack whose parts stand apart: seven folders, seven processes, one signature through all of them.

mod handed_over;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use sealmark::stack::{Config, KeyPlan, Place, Role, Stack};

use super::http::Http;

/// A part that is being served, killed when it is dropped.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn sealmark(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_sealmark")).args(words).env_remove("SIGSTORE_ID_TOKEN").output().unwrap()
}

fn good(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

async fn up(folder: &Path, url: &str) -> Process {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sealmark"));
    let child = command.args(["stack", "up"]).arg(folder).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let process = Process(child.unwrap());
    let http = Http::new(url);
    for _ in 0..500 {
        if http.try_send("GET", "/healthz", &[], b"").await.is_ok_and(|answer| answer.status == 200) {
            return process;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{} does not come up", folder.display());
}

fn urls() -> BTreeMap<Role, String> {
    let listeners: Vec<_> = Role::ALL.map(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap()).into();
    let url = |listener: &std::net::TcpListener| format!("http://{}", listener.local_addr().unwrap());
    Role::ALL.into_iter().zip(listeners.iter().map(url)).collect()
}

fn names(dir: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(dir).map(|entries| entries.map(|entry| entry.unwrap().file_name()).collect());
    let entries: Vec<std::ffi::OsString> = entries.unwrap_or_default();
    entries.into_iter().map(|name| name.into_string().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f23_f31_parts_that_stand_apart() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("site");
    let urls = urls();
    let mut words = ["stack", "init", "--witness-name", "w.example"].map(str::to_owned).to_vec();
    words.push(dir.display().to_string());
    for (role, url) in &urls {
        words.extend(["--at".to_owned(), format!("{role}={url}")]);
    }
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    good(&sealmark(&words));

    // Each folder has the keys and logs of its part, and no others.
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    for (role, keys, logs) in [
        (Role::Ca, &["ca.pem"][..], &[][..]),
        (Role::Ct, &["ct.pem"], &["ct"]),
        (Role::Log, &["rekor.pem"], &["rekor"]),
        (Role::Tsa, &["tsa.pem"], &[]),
        (Role::Oidc, &["oidc.pem", "client-secret"], &[]),
        (Role::Trust, &["tuf.pem", "tuf-root.pem"], &[]),
        (Role::Witness, &["witness.pem"], &[]),
    ] {
        let folder = dir.join(role.name());
        assert_eq!(names(&folder.join("keys")), set(keys), "{role}");
        assert_eq!(names(&folder.join("logs")), set(logs), "{role}");
    }
    let top = set(&["trusted_root.json", "signing_config.v0.2.json", "client_trust_config.json"]);
    let folders = Role::ALL.iter().map(|role| role.name().to_owned());
    assert_eq!(names(&dir), top.into_iter().chain(folders).collect(), "and nothing of the whole is left");

    let mut running = BTreeMap::new();
    for (role, url) in &urls {
        running.insert(*role, up(&dir.join(role.name()), url).await);
    }
    let (artifact, bundle) = (parent.path().join("a.txt"), parent.path().join("a.json"));
    std::fs::write(&artifact, "through all of them").unwrap();
    let path = |path: &Path| path.display().to_string();
    let (artifact, bundle) = (path(&artifact), path(&bundle));
    let (trust, root) = (path(&dir.join("client_trust_config.json")), path(&dir.join("trusted_root.json")));
    let token = || {
        good(&sealmark(&[
            "stack",
            "token",
            &path(&dir.join("oidc")),
            "--kind",
            "email",
            "--set",
            "email=me@example.com",
        ]))
    };
    let token_file = path(&parent.path().join("token"));
    std::fs::write(&token_file, token()).unwrap();
    let sign =
        ["sign", "blob", &artifact, "--trust-config", &trust, "--identity-token-file", &token_file, "-o", &bundle];
    good(&sealmark(&sign));
    let issuer = &urls[&Role::Oidc];
    let verify = [
        "verify",
        "blob",
        &artifact,
        "--bundle",
        &bundle,
        "--trusted-root",
        &root,
        "--identity",
        "me@example.com",
        "--issuer",
        issuer,
    ];
    good(&sealmark(&verify));
    by_python(&[&trust, &artifact, &bundle, &token_file, issuer]);

    // Each answers for its own, and for nothing else.
    let routes = [
        (Role::Witness, "/add-checkpoint"),
        (Role::Ca, "/api/v2/trustBundle"),
        (Role::Ct, "/ct/checkpoint"),
        (Role::Log, "/api/v2/checkpoint"),
        (Role::Tsa, "/api/v1/timestamp/certchain"),
        (Role::Oidc, "/.well-known/openid-configuration"),
        (Role::Trust, "/tuf/1.root.json"),
    ];
    for (role, url) in &urls {
        for (of, route) in routes {
            let status = Http::new(url).get(route).await.status;
            // A witness is sent something.
            let there = if of == Role::Witness { 405 } else { 200 };
            assert_eq!(status, if of == *role { there } else { 404 }, "{role} {route}");
        }
    }
    refused_by_ct(&dir, &urls).await;

    // Without its CT log the CA issues nothing, and says that it is not the caller's fault.
    drop(running.remove(&Role::Ct));
    std::fs::remove_file(&bundle).unwrap();
    let refused = sealmark(&sign);
    assert_eq!(refused.status.code(), Some(3), "{}", String::from_utf8_lossy(&refused.stderr));
    assert!(!Path::new(&bundle).exists());

    // A part that is not there is not served, nor rotated, nor renewed.
    let ca = dir.join("ca");
    assert_eq!(Stack::open(Place::new(&ca).only([Role::Tsa])).unwrap_err().code().name(), "stack-config");
    drop(running);
    assert_eq!(sealmark::stack::rotate(&dir.join("trust")).unwrap_err().code().name(), "stack-config");
    let renewed = sealmark::stack::renew(&dir.join("oidc"), &dir, &KeyPlan::default());
    assert_eq!(renewed.unwrap_err().code().name(), "stack-config");
    for (role, log) in [(Role::Log, "rekor"), (Role::Ct, "ct")] {
        let checked = sealmark::stack::fsck(&dir.join(role.name())).unwrap();
        assert_eq!(checked.iter().map(|log| log.name.as_str()).collect::<Vec<_>>(), [log]);
        assert!(checked[0].result.findings.is_empty() && checked[0].result.size > 0);
    }
}

/// What the CT log's door does not let in.
async fn refused_by_ct(dir: &Path, urls: &BTreeMap<Role, String>) {
    use sealmark::base::encoding::base64;
    use sealmark::format::x509::Certificate;
    let pem = std::fs::read_to_string(dir.join("ct/certificates/ca.pem")).unwrap();
    let der = sealmark::base::encoding::pem::decode_all(&pem, "CERTIFICATE").unwrap();
    let ca: Vec<_> = der.iter().map(|der| base64::encode(der)).collect();
    let tsa = std::fs::read_to_string(dir.join("ct/certificates/tsa.pem")).unwrap();
    let tsa = base64::encode(&sealmark::base::encoding::pem::decode_all(&tsa, "CERTIFICATE").unwrap()[0]);
    let http = Http::new(&urls[&Role::Ct]);
    let before = http.get("/ct/checkpoint").await.body;
    for (chain, status) in [
        (serde_json::json!([]), 400),
        (serde_json::json!(["!"]), 400),
        (serde_json::json!([ca[0]]), 400),
        (serde_json::json!([ca[0], ca[1]]), 403),
        (serde_json::json!([tsa, ca[0], ca[1]]), 400),
        (serde_json::json!([ca[0], ca[0], ca[1], ca[1]]), 400),
    ] {
        let answer = http.post_json("/ct/v1/add-pre-chain", &serde_json::json!({ "chain": chain })).await;
        assert_eq!(answer.status, status, "{chain}: {}", answer.text());
    }
    assert_eq!(http.post("/ct/v1/add-pre-chain", "application/json", b"{}").await.status, 400);
    // A precertificate that is in the log already: public, and no way to make the log grow.
    let tile = http.get("/ct/tile/data/000.p/1").await.body;
    let precertificate = precertificate(&tile);
    assert!(Certificate::from_der(&precertificate).unwrap().tbs_without_poison().unwrap().is_some());
    let chain = serde_json::json!({ "chain": [base64::encode(&precertificate), ca[0], ca[1]] });
    let answers =
        [http.post_json("/ct/v1/add-pre-chain", &chain).await, http.post_json("/ct/v1/add-pre-chain", &chain).await];
    assert_eq!(answers[0].json()["timestamp"], answers[1].json()["timestamp"]);
    assert_eq!(http.get("/ct/checkpoint").await.body, before, "nothing was added");
}

/// The precertificate of the first TileLeaf: behind time, type, key hash, TBS and extensions.
fn precertificate(tile: &[u8]) -> Vec<u8> {
    let long = |at: usize| usize::from(tile[at]) << 16 | usize::from(tile[at + 1]) << 8 | usize::from(tile[at + 2]);
    let mut at = 8 + 2 + 32;
    at += 3 + long(at);
    at += 2 + (usize::from(tile[at]) << 8 | usize::from(tile[at + 1]));
    tile[at + 3..at + 3 + long(at)].to_vec()
}

/// sigstore-python takes the same trust file, verifies the bundle, and signs.
fn by_python(words: &[&str]) {
    let [trust, artifact, bundle, token, issuer] = words else { panic!() };
    let peers = std::env::var_os("SEALMARK_PEERS").map(std::path::PathBuf::from);
    let Some(python) = peers.map(|peers| peers.join("venv/bin/sigstore")).filter(|python| python.exists()) else {
        println!("left out: sigstore-python against parts that stand apart: it is not installed");
        return;
    };
    let run = |words: &[&str]| {
        good(&Command::new(&python).args(words).output().unwrap());
    };
    let who = ["--cert-identity", "me@example.com", "--cert-oidc-issuer", issuer];
    run(&[&["--trust-config", trust, "verify", "identity", "--bundle", bundle][..], &who, &[artifact]].concat());
    let token = std::fs::read_to_string(token).unwrap();
    let second = format!("{bundle}.python");
    run(&["--trust-config", trust, "sign", "--identity-token", token.trim(), "--bundle", &second, artifact]);
    run(&[&["--trust-config", trust, "verify", "identity", "--bundle", &second][..], &who, &[artifact]].concat());
}

/// Two parts at one address share a folder, and whoever is told to serves one of them.
#[test]
fn parts_at_one_address() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("site");
    let mut config = Config::loopback(1);
    config.urls = [(Role::Tsa, "https://tsa.example".to_owned()), (Role::Ct, "http://127.0.0.1:7".to_owned())].into();
    let made = Stack::init_apart(&dir, &config, &KeyPlan::default()).unwrap();
    let made: Vec<_> = made.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(BTreeSet::from_iter(made), BTreeSet::from(["ca-log-oidc-trust", "ct", "tsa"]));
    let listen = |name: &str| Config::read(&dir.join(name)).unwrap().listen;
    assert_eq!((listen("ct"), listen("tsa")), ("127.0.0.1:7".to_owned(), "127.0.0.1:1".to_owned()));
    let rest = dir.join("ca-log-oidc-trust");
    // The keys of what is not served are not needed.
    std::fs::remove_file(rest.join("keys/ca.pem")).unwrap();
    drop(Stack::open(Place::new(&rest).only([Role::Log])).unwrap());
    assert_eq!(Stack::open(&rest).unwrap_err().code().name(), "stack-key-io");
}
