//! The folder of a stack: made once, locked by one process, refused when it is damaged.

use std::path::{Path, PathBuf};

use sealmark::format::trust::{ClientTrustConfig, SigningConfig, TrustedRoot};
use sealmark::stack::keys::PrivateKey;
use sealmark::stack::{BucketAt, Config, Place, Role, Stack, TokenRequest, status};

use super::signer::{self, Form};
use super::start;

fn init(dir: &Path) -> PathBuf {
    let dir = dir.join("stack");
    Stack::init(&dir, &Config::loopback(1)).unwrap();
    dir
}

fn open_code(dir: &Path) -> &'static str {
    Stack::open(dir).unwrap_err().code().name()
}

#[test]
fn init_writes_what_clients_and_the_core_read() {
    let dir = tempfile::tempdir().unwrap();
    let dir = init(dir.path());
    let read = |name: &str| std::fs::read(dir.join(name)).unwrap();
    let root = TrustedRoot::parse(&read("trusted_root.json")).unwrap();
    let config = SigningConfig::parse(&read("signing_config.v0.2.json")).unwrap();
    let both = ClientTrustConfig::parse(&read("client_trust_config.json")).unwrap();
    assert_eq!((&both.trusted_root, &both.signing_config), (&root, &config));
    sealmark::verify::Verifier::new(&root).unwrap();
    let now = super::now();
    assert_eq!(config.select_ca(now).unwrap().url, "http://127.0.0.1:1");
    assert_eq!(config.select_logs(now).unwrap()[0].major_api_version, 2);
    assert_eq!(config.select_timestamp_authorities(now).unwrap()[0].url, "http://127.0.0.1:1/api/v1/timestamp");
    assert!(root.logs[0].host().ends_with(".sealmark.localhost"));
    // Every start is a minute early: the first SCT and timestamp may be rounded down.
    let start = root.logs[0].validity.start();
    assert!(start < now && start.millis() % 1000 == 0);
}

#[cfg(unix)]
#[test]
fn keys_are_for_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let dir = init(dir.path());
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir.join("keys")), 0o700);
    let keys: Vec<_> = std::fs::read_dir(dir.join("keys")).unwrap().map(|entry| entry.unwrap().path()).collect();
    // Of the CA, two logs, the TSA, the issuers and the TUF repository (two), and the client's secret.
    assert_eq!(keys.len(), 8);
    assert!(keys.iter().all(|key| mode(key) == 0o600));
    std::fs::set_permissions(dir.join("keys/ct.pem"), std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(open_code(&dir), "stack-key-permissions");
}

#[test]
fn init_never_replaces_and_up_never_makes() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(open_code(&dir.path().join("none")), "stack-absent");
    assert_eq!(open_code(dir.path()), "stack-absent");
    let stack = init(dir.path());
    assert_eq!(Stack::init(&stack, &Config::loopback(1)).unwrap_err().code().name(), "stack-exists");
    std::fs::remove_file(stack.join("logs/rekor/commits")).unwrap();
    assert_eq!(open_code(&stack), "log-absent");
    for url in ["http://127.0.0.1:1/path", "ftp://x", "x", "http://"] {
        let config = Config { url: url.to_owned(), ..Config::loopback(1) };
        let error = Stack::init(&dir.path().join("bad"), &config).unwrap_err();
        assert_eq!(error.code().name(), "stack-config", "{url}");
    }
    let bucket = BucketAt { url: "s3://logs/../other".to_owned(), endpoint: None, region: None, ca: None };
    let config = Config { bucket: Some(bucket), ..Config::loopback(1) };
    let error = Stack::init(&dir.path().join("bad"), &config).unwrap_err();
    assert_eq!(error.code().name(), "stack-config");
}

/// What is no endpoint, or no certificate, is said before anything is asked.
#[test]
fn a_bucket_that_cannot_be_asked() {
    let dir = tempfile::tempdir().unwrap();
    let at = BucketAt { url: "s3://logs".to_owned(), endpoint: None, region: None, ca: None };
    for (name, endpoint, ca) in [("http", "http://192.0.2.1:9000", None), ("ca", "https://127.0.0.1:1", Some("none"))] {
        let bucket = BucketAt { endpoint: Some(endpoint.to_owned()), ca: ca.map(Into::into), ..at.clone() };
        let stack = dir.path().join(name);
        Stack::init(&stack, &Config { bucket: Some(bucket), ..Config::loopback(1) }).unwrap();
        assert_eq!(open_code(&stack), "stack-config", "{name}");
    }
}

/// A stack's witness is the one that the stack names, with its key; and only a stack that has one names its address.
#[test]
fn a_witness_that_is_not_the_stacks() {
    let parent = tempfile::tempdir().unwrap();
    let with = |name: &str, witness: Option<&str>, urls: &[Role]| {
        let urls = urls.iter().map(|role| (*role, "https://w.example".to_owned())).collect();
        let config = Config { witness: witness.map(str::to_owned), urls, ..Config::loopback(1) };
        let dir = parent.path().join(name);
        Stack::init(&dir, &config).map(|()| dir)
    };
    let code = |made: Result<PathBuf, sealmark::stack::StackError>| made.unwrap_err().code().name();
    assert_eq!(code(with("a", Some("a b"), &[])), "stack-config");
    assert_eq!(code(with("a", Some("a+b"), &[])), "stack-config");
    assert_eq!(code(with("a", None, &[Role::Witness])), "stack-config");
    let dir = with("a", Some("w.example"), &[]).unwrap();
    drop(Stack::open(&dir).unwrap());
    assert!(sealmark::stack::witness_key(&dir).unwrap().unwrap().starts_with("w.example+"));
    let witness = dir.join("witness.json");
    let text = std::fs::read_to_string(&witness).unwrap();
    std::fs::write(&witness, text.replace("w.example", "v.example")).unwrap();
    assert_eq!(open_code(&dir), "stack-config");
    std::fs::remove_file(&witness).unwrap();
    assert_eq!(open_code(&dir), "witness-absent");
    // Where the witness is not served, nothing of it is needed.
    let others = Role::ALL.into_iter().filter(|role| *role != Role::Witness);
    drop(Stack::open(Place::new(&dir).only(others)).unwrap());
    let without = with("b", None, &[]).unwrap();
    assert_eq!(Stack::open(Place::new(&without).only([Role::Witness])).unwrap_err().code().name(), "stack-config");
}

/// Logs come back from the bucket that the stack names, and never in the place of something.
#[test]
fn restored_where_there_is_nothing() {
    let parent = tempfile::tempdir().unwrap();
    let code = |dir: &Path| sealmark::stack::restore(dir).map(|logs| logs.len()).map_err(|error| error.code().name());
    assert_eq!(code(&init(parent.path())), Err("stack-config"), "there is no bucket");
    assert_eq!(code(&parent.path().join("none")), Err("stack-absent"));
    let endpoint = Some("http://127.0.0.1:1".to_owned());
    let bucket = BucketAt { url: "s3://logs".to_owned(), endpoint, region: Some("x".to_owned()), ca: None };
    let dir = parent.path().join("published");
    Stack::init(&dir, &Config { bucket: Some(bucket), ..Config::loopback(1) }).unwrap();
    assert_eq!(code(&dir), Ok(0), "all of them are here");
    std::fs::remove_file(dir.join("logs/ct/commits")).unwrap();
    assert_eq!(code(&dir), Err("stack-damaged"));
    assert!(dir.join("logs/ct/tail").exists(), "what is there stays");
}

#[test]
fn k08_logt9_two_processes_on_one_folder() {
    let dir = tempfile::tempdir().unwrap();
    let dir = init(dir.path());
    let first = Stack::open(&dir).unwrap();
    assert_eq!(open_code(&dir), "log-locked");
    drop(first);
    Stack::open(&dir).unwrap();
}

/// A key, a certificate or a name that is not the one that the stack was made with.
#[test]
fn k14_f31_what_does_not_fit_is_refused_at_the_start() {
    use sealmark::base::crypto::KeyKind;
    let other_key = |dir: &Path, name: &str, kind| {
        std::fs::remove_file(dir.join(name)).unwrap();
        PrivateKey::generate(kind).unwrap().write(&dir.join(name)).unwrap();
    };
    type Damage<'a> = &'a dyn Fn(&Path);
    let cases: [(&str, Damage<'_>); 8] = [
        ("log-key-mismatch", &|dir| other_key(dir, "keys/rekor.pem", KeyKind::Ed25519)),
        ("log-key-mismatch", &|dir| other_key(dir, "keys/ct.pem", KeyKind::P256)),
        ("stack-damaged", &|dir| other_key(dir, "keys/ca.pem", KeyKind::P384)),
        ("tsa-setup", &|dir| other_key(dir, "keys/tsa.pem", KeyKind::P256)),
        ("stack-key-parse", &|dir| other_key(dir, "keys/rekor.pem", KeyKind::P256)),
        ("stack-key-io", &|dir| std::fs::remove_file(dir.join("keys/oidc.pem")).unwrap()),
        ("stack-damaged", &|dir| std::fs::write(dir.join("certificates/ca.pem"), "x").unwrap()),
        ("log-key-mismatch", &|dir| {
            let text = std::fs::read_to_string(dir.join("stack.json")).unwrap();
            std::fs::write(dir.join("stack.json"), text.replace("sealmark.localhost", "other.localhost")).unwrap();
        }),
    ];
    for (code, damage) in cases {
        let dir = tempfile::tempdir().unwrap();
        let dir = init(dir.path());
        damage(&dir);
        assert_eq!(open_code(&dir), code);
    }
    let dir = tempfile::tempdir().unwrap();
    let dir = init(dir.path());
    for text in ["", "{}", "{\"version\":1,\"unknown\":2}"] {
        std::fs::write(dir.join("stack.json"), text).unwrap();
        assert_eq!(open_code(&dir), "stack-config", "{text}");
    }
}

/// A bit flipped in each file of each log: the stack refuses to start, or nothing is lost.
#[tokio::test(flavor = "multi_thread")]
async fn k10_bit_flips_are_refused() {
    let parent = tempfile::tempdir().unwrap();
    let (running, http) = start(parent.path()).await;
    let dir = parent.path().join("stack");
    for number in 0..3 {
        let token = running.token(&TokenRequest::email("me@example.com")).unwrap();
        signer::sign(&http, &token, Form::PublicKey, &[number]).await;
    }
    running.stop().await.unwrap();
    for file in ["logs/rekor/tail/0", "logs/ct/tail/0", "logs/rekor/commits", "logs/ct/commits"] {
        let good = std::fs::read(dir.join(file)).unwrap();
        for at in (0..good.len()).step_by(good.len() / 7) {
            let mut bad = good.clone();
            bad[at] ^= 0x10;
            std::fs::write(dir.join(file), &bad).unwrap();
            match Stack::open(&dir) {
                Err(error) => assert!(["log-damaged", "log-data-lost"].contains(&error.code().name()), "{file} {at}"),
                // One of the two copies of the last commit.
                Ok(stack) => {
                    assert!(file.ends_with("commits"), "{file} {at}");
                    drop(stack);
                    assert_eq!(status(&dir).await.unwrap().logs.iter().map(|log| log.size).collect::<Vec<_>>(), [3, 3]);
                }
            }
            std::fs::write(dir.join(file), &good).unwrap();
        }
    }
    Stack::open(&dir).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn status_from_beside() {
    let parent = tempfile::tempdir().unwrap();
    let (running, http) = start(parent.path()).await;
    let dir = parent.path().join("stack");
    let token = running.token(&TokenRequest::email("me@example.com")).unwrap();
    signer::sign(&http, &token, Form::PublicKey, b"artifact").await;
    let seen = status(&dir).await.unwrap();
    assert!(seen.serving && seen.url == running.url());
    assert_eq!(seen.logs.iter().map(|log| (log.name, log.size)).collect::<Vec<_>>(), [("rekor", 1), ("ct", 1)]);
    running.stop().await.unwrap();
    assert!(!status(&dir).await.unwrap().serving);
}

/// Keys that nobody reads without the password: files that were taken along say nothing.
#[test]
fn x11_z08_keys_at_rest() {
    use sealmark::service::signer::Password;
    use sealmark::stack::{KeyPlan, Place, fsck, rotate, token};
    let parent = tempfile::tempdir().unwrap();
    let (dir, roots) = (parent.path().join("stack"), parent.path().join("roots"));
    let password = |text: &str| Some(std::sync::Arc::new(Password::new(text.to_owned())));
    let plan = KeyPlan { password: password("right"), root_keys: Some(roots.clone()), ..KeyPlan::default() };
    Stack::init_with(&dir, &Config::loopback(1), &plan).unwrap();
    let keys = std::fs::read_dir(dir.join("keys")).unwrap().chain(std::fs::read_dir(&roots).unwrap());
    let mut count = 0;
    for key in keys.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some()) {
        let text = std::fs::read_to_string(&key).unwrap();
        assert!(text.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"), "{}", key.display());
        count += 1;
    }
    assert_eq!(count, 9, "seven of the stack, two of its roots");
    let at = |text: &str| Place::new(&dir).unlocked_by(password(text));
    assert_eq!(open_code(&dir), "signer-key-encrypted");
    assert_eq!(Stack::open(at("wrong")).unwrap_err().code().name(), "signer-key-password");
    drop(Stack::open(at("right")).unwrap());
    token(at("right"), &TokenRequest::email("me@example.com")).unwrap();
    assert_eq!(token(&dir, &TokenRequest::email("me@example.com")).unwrap_err().code().name(), "signer-key-encrypted");
    rotate(at("right")).unwrap();
    assert!(fsck(at("right")).unwrap().iter().all(|log| log.result.findings.is_empty()));
    assert_eq!(std::fs::read_dir(&roots).unwrap().count(), 2);
    // A root's key is that of the root that clients have.
    let root = PrivateKey::read_locked(
        &roots.join("ca-root.pem"),
        &[sealmark::base::crypto::KeyKind::P384],
        password("right").as_deref(),
    );
    let trusted = TrustedRoot::parse(&std::fs::read(dir.join("trusted_root.json")).unwrap()).unwrap();
    assert_eq!(trusted.certificate_authorities[0].chain[1].public_key(), root.unwrap().public_key());
    // What is none of the stack's keys is refused before anything is made.
    let plan = KeyPlan { tokens: vec![("tuf".to_owned(), "pkcs11:object=x".to_owned())], ..KeyPlan::default() };
    let other = parent.path().join("other");
    assert_eq!(Stack::init_with(&other, &Config::loopback(1), &plan).unwrap_err().code().name(), "stack-config");
    assert!(!other.exists());
}
