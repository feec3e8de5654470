//! A stack whose keys are in a PKCS#11 token, from `init` to `rotate`: softhsm2, with a build of the feature `pkcs11`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use sealmark::base::crypto::KeyKind;
use sealmark::stack::keys::PrivateKey;

use super::fixture::failure;
use super::monitor::{Up, free_port, url};
use super::softhsm::{self, MODULE, PIN};
use super::{sealmark, stderr};

fn is(output: &Output, code: &str, exit: i32) {
    assert_eq!(failure(output), (code.to_owned(), Some(exit)), "{}", stderr(output));
}

/// A folder with keys, and tokens that hold them.
struct Desk {
    folder: tempfile::TempDir,
}

/// A token: softhsm2's configuration, by which it is found.
#[derive(Clone)]
struct Token(PathBuf);

impl Desk {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn key(&self, name: &str, kind: KeyKind) {
        PrivateKey::generate(kind).unwrap().write(&self.path(&format!("{name}.pem"))).unwrap();
    }

    /// A token with keys, each under its label; `None` without softhsm2.
    fn token(&self, name: &str, keys: &[(&str, &str)]) -> Option<Token> {
        let files: Vec<_> = keys.iter().map(|(label, key)| (*label, self.path(&format!("{key}.pem")))).collect();
        softhsm::token(self.folder.path(), name, &files).map(Token)
    }

    fn command(&self, token: &Token, pin: &str, args: &[&str]) -> Command {
        let mut command = sealmark(args);
        command.current_dir(self.folder.path()).env("SOFTHSM2_CONF", &token.0).env("SEALMARK_PKCS11_PIN", pin);
        command
    }

    fn run(&self, token: &Token, args: &[&str]) -> Output {
        self.command(token, PIN, args).output().unwrap()
    }

    fn signed(&self, token: &Token, what: &str) {
        let email = ["stack", "token", "stack", "--kind", "email", "--set", "email=me@example.com"];
        let given = self.run(token, &email);
        assert!(given.status.success(), "{}", stderr(&given));
        std::fs::write(self.path("token.jwt"), given.stdout).unwrap();
        std::fs::write(self.path(what), what).unwrap();
        let args = ["sign", "blob", what, "--stack", "stack", "--identity-token-file", "token.jwt"];
        let output = self.run(token, &args);
        assert!(output.status.success(), "{}", stderr(&output));
    }

    fn verified(&self, what: &str) {
        let issuer = url(&self.path("stack"));
        let args = ["verify", "blob", what, "--stack", "stack", "--identity", "me@example.com", "--issuer", &issuer];
        let output = sealmark(&args).current_dir(self.folder.path()).output().unwrap();
        assert!(output.status.success(), "{what}: {}", stderr(&output));
    }
}

fn named(name: &str, label: &str) -> String {
    format!("{name}=pkcs11:token=site;object={label}?module-path={MODULE}")
}

/// `stack init` with these keys in the token.
fn init<'a>(listen: &'a str, keys: &'a [String]) -> Vec<&'a str> {
    let keys = keys.iter().flat_map(|key| ["--token-key", key.as_str()]);
    ["stack", "init", "stack", "--listen", listen].into_iter().chain(keys).collect()
}

fn holds_no_secret(dir: &Path) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            holds_no_secret(&path);
            continue;
        }
        let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
        assert!(!text.contains(PIN), "{}", path.display());
        // The two of the trust repository are files.
        if !path.file_name().unwrap().to_str().unwrap().starts_with("tuf") {
            assert!(!text.contains("PRIVATE KEY"), "{}", path.display());
        }
    }
}

#[test]
fn z08_a_stack_lives_by_keys_in_a_token() {
    if cfg!(not(feature = "pkcs11")) {
        println!("left out: this build has no PKCS#11 (tests/run builds one)");
        return;
    }
    let desk = Desk { folder: tempfile::tempdir().unwrap() };
    let ecdsa = ["ca", "ct", "tsa", "oidc", "ct2", "ca2", "tsa2", "stranger"];
    ecdsa.iter().for_each(|name| desk.key(name, KeyKind::P256));
    ["rekor", "rekor2", "witness"].iter().for_each(|name| desk.key(name, KeyKind::Ed25519));
    let all = ["ca", "ct", "tsa", "oidc", "ct2", "ca2", "tsa2", "rekor", "rekor2", "witness"].map(|name| (name, name));
    let Some(token) = desk.token("whole", &all) else {
        println!("left out: softhsm2-util is not here");
        return;
    };
    let listen = format!("127.0.0.1:{}", free_port());
    let keys: Vec<String> = ["ca", "ct", "rekor", "tsa", "oidc"].iter().map(|name| named(name, name)).collect();

    // What does not fit is refused before anything is made.
    let refuse = |keys: &[String], code, exit| {
        is(&desk.run(&token, &init(&listen, keys)), code, exit);
        assert!(!desk.path("stack").exists(), "{code}");
    };
    is(&desk.command(&token, "00000000", &init(&listen, &keys)).output().unwrap(), "signer-token-pin", 2);
    assert!(!desk.path("stack").exists());
    refuse(&[named("ca", "absent")], "signer-token-key", 3);
    refuse(&[named("ca", "ca"), named("tsa", "ca")], "stack-key-reused", 2);
    refuse(&[named("ca", "ca"), named("ca", "ct")], "stack-config", 2);
    refuse(&[named("rekor", "ca")], "stack-key-parse", 3);
    refuse(&[named("ca", "ca") + "&pin-value=1"], "signer-token", 3);
    refuse(&["ca=ca.pem".to_owned()], "signer-key-name", 2);
    refuse(&[named("ca", "ca").replace("token=site", "token=other")], "signer-token", 3);

    let made = desk.run(&token, &[&init(&listen, &keys)[..], &["--root-keys", "roots"]].concat());
    assert!(made.status.success(), "{}", stderr(&made));
    holds_no_secret(&desk.path("stack"));
    let up = || Up::spawn(desk.command(&token, PIN, &["stack", "up", "stack"]));
    let running = up();
    desk.signed(&token, "first");
    desk.verified("first");
    running.kill();
    let running = up();
    desk.signed(&token, "second");
    drop(running);

    // The log that follows is no worse kept, and has a key of its own.
    let rotate = |keys: &[String]| {
        let keys = keys.iter().flat_map(|key| ["--token-key", key.as_str()]);
        desk.run(&token, &["stack", "rotate", "stack"].into_iter().chain(keys).collect::<Vec<_>>())
    };
    is(&rotate(&[]), "stack-key-unnamed", 2);
    is(&rotate(&[named("ct", "ct2")]), "stack-key-unnamed", 2);
    is(&rotate(&[named("rekor", "rekor"), named("ct", "ct2")]), "stack-key-reused", 2);
    is(&rotate(&[named("rekor", "rekor2"), named("ct", "ct2"), named("ca", "stranger")]), "stack-config", 2);
    let rotated = rotate(&[named("rekor", "rekor2"), named("ct", "ct2")]);
    assert!(rotated.status.success(), "{}", stderr(&rotated));
    holds_no_secret(&desk.path("stack"));
    let running = up();
    desk.signed(&token, "third");
    ["first", "second", "third"].iter().for_each(|what| desk.verified(what));
    drop(running);
    let checked = desk.run(&token, &["stack", "fsck", "stack"]);
    assert!(checked.status.success(), "{}", stderr(&checked));

    // The roots' keys are back for one command.
    let renew = |keys: &[String]| {
        let keys = keys.iter().flat_map(|key| ["--token-key", key.as_str()]);
        let fixed = ["stack", "renew", "stack", "--root-keys", "roots"];
        desk.run(&token, &fixed.into_iter().chain(keys).collect::<Vec<_>>())
    };
    is(&renew(&[named("ca", "ca2")]), "stack-key-unnamed", 2);
    is(&renew(&[named("ca", "ca2"), named("tsa", "tsa")]), "stack-key-reused", 2);
    let renewed = renew(&[named("ca", "ca2"), named("tsa", "tsa2")]);
    assert!(renewed.status.success(), "{}", stderr(&renewed));
    holds_no_secret(&desk.path("stack"));
    let running = Up::spawn(desk.command(&token, PIN, &["stack", "up", "stack"]));
    desk.signed(&token, "fourth");
    ["first", "second", "third", "fourth"].iter().for_each(|what| desk.verified(what));
    drop(running);

    // A token that is not the one that it was.
    let up = ["stack", "up", "stack"];
    is(&desk.command(&token, "00000000", &up).output().unwrap(), "signer-token-pin", 2);
    let but = |label: &'static str, key: Option<&'static str>| {
        let others = all.iter().copied().filter(|(name, _)| *name != label);
        others.chain(key.map(|key| (label, key))).collect::<Vec<_>>()
    };
    let without = desk.token("without", &but("tsa2", None)).unwrap();
    is(&desk.run(&without, &up), "signer-token-key", 3);
    let replaced = desk.token("replaced", &but("tsa2", Some("stranger"))).unwrap();
    is(&desk.run(&replaced, &up), "stack-key-replaced", 3);

    // A witness's key, too.
    let (uri, kind) = (named("", "witness"), named("", "ca"));
    let witness = |uri: &str| {
        let uri = uri.trim_start_matches('=');
        desk.run(&token, &["stack", "witness", "init", "witness-folder", "--name", "w.example", "--token-key", uri])
    };
    is(&witness(&kind), "stack-key-parse", 3);
    let made = witness(&uri);
    assert!(made.status.success(), "{}", stderr(&made));
    holds_no_secret(&desk.path("witness-folder"));
    is(&desk.run(&without_witness(&desk, &all), &["stack", "witness", "up", "witness-folder"]), "signer-token-key", 3);
}

fn without_witness(desk: &Desk, all: &[(&'static str, &'static str)]) -> Token {
    let others: Vec<_> = all.iter().copied().filter(|(name, _)| *name != "witness").collect();
    desk.token("unwitnessed", &others).unwrap()
}

#[test]
fn a_build_without_tokens_says_so() {
    if cfg!(feature = "pkcs11") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (stack, witness) = (folder.path().join("stack"), folder.path().join("witness"));
    let run = |args: &[&str]| sealmark(args).current_dir(folder.path()).output().unwrap();
    is(&run(&["stack", "init", "stack", "--token-key", "ca=pkcs11:object=ca"]), "signer-no-pkcs11", 2);
    is(
        &run(&["stack", "witness", "init", "witness", "--name", "w", "--token-key", "pkcs11:object=w"]),
        "signer-no-pkcs11",
        2,
    );
    assert!(!stack.exists() && !witness.exists());
}
