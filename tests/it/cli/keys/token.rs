//! Keys in a PKCS#11 token of softhsm2, over the whole program (a build with the feature `pkcs11`).

use std::path::PathBuf;

use sealmark::base::crypto::{KeyKind, PublicKey};
use sealmark::service::signer::{PrivateKey, Protection, Signer as _};

use super::holder::{run, works};
use crate::cli::fixture::{Desk, failure, stack_dir};
use crate::cli::softhsm::{MODULE, PIN, token};
use crate::cli::{json, stdout};

const KINDS: [(&str, KeyKind); 5] = [
    ("p256", KeyKind::P256),
    ("p384", KeyKind::P384),
    ("p521", KeyKind::P521),
    ("rsa", KeyKind::Rsa { bits: 2048 }),
    ("ed25519", KeyKind::Ed25519),
];

/// A token with a key of each kind under its name, and two under the label `twice`.
struct Held {
    folder: tempfile::TempDir,
    configuration: PathBuf,
    keys: Vec<(&'static str, PublicKey)>,
}

impl Held {
    /// `None` without softhsm2.
    fn new() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let made = KINDS.map(|(name, kind)| {
            let (key, file) = (PrivateKey::generate(kind).unwrap(), folder.path().join(format!("{name}.pem")));
            std::fs::write(&file, &*key.to_pem(Protection::NoneUnsafe).unwrap()).unwrap();
            (name, key.signer().public_key().clone(), file)
        });
        let twice = made.iter().take(2).map(|(_, _, file)| ("twice", file.clone()));
        let files: Vec<_> = made.iter().map(|(name, _, file)| (*name, file.clone())).chain(twice).collect();
        let Some(configuration) = token(folder.path(), "token", &files) else {
            println!("left out: softhsm2-util is not here");
            return None;
        };
        // From here on nobody but the token has them.
        made.iter().for_each(|(_, _, file)| std::fs::remove_file(file).unwrap());
        let keys = made.map(|(name, public, _)| (name, public)).into();
        Some(Self { folder, configuration, keys })
    }

    fn variables<'a>(&'a self, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
        [&[("SOFTHSM2_CONF", self.configuration.to_str().unwrap())][..], more].concat()
    }
}

fn named(label: &str) -> String {
    format!("pkcs11:token=site;object={label}?module-path={MODULE}")
}

#[test]
fn a_token_of_softhsm_signs() {
    let Some(held) = Held::new() else { return };
    for (name, public) in &held.keys {
        works(&named(name), public, &held.variables(&[("SEALMARK_PKCS11_PIN", PIN)]));
    }
    // The module by its variable, the PIN by a file, the key by its number in the token.
    let pin = held.folder.path().join("pin");
    std::fs::write(&pin, format!("{PIN}\n")).unwrap();
    let name = format!("pkcs11:token=site;id=%00?pin-source=file:{}", pin.display());
    works(&name, &held.keys[0].1, &held.variables(&[("PKCS11_MODULE_PATH", MODULE)]));
}

#[test]
fn tokens_that_do_not_sign() {
    let Some(held) = Held::new() else { return };
    let desk = Desk::new();
    let before = desk.names();
    let sign = |name: &str, more: &[(&str, &str)]| {
        let args = ["sign", "blob", "app.txt", "--key", name, "--stack", stack_dir()];
        let output = run(&desk, &args, &held.variables(more));
        assert_eq!(desk.names(), before, "{name}");
        failure(&output)
    };
    let pin = [("SEALMARK_PKCS11_PIN", PIN)];
    let is = |code: &str, exit: i32| (code.to_owned(), Some(exit));
    assert_eq!(sign(&named("p256"), &[("SEALMARK_PKCS11_PIN", "00000000")]), is("signer-token-pin", 2));
    // Without a PIN the token shows no private key.
    assert_eq!(sign(&named("p256"), &[]), is("signer-token-key", 3));
    assert_eq!(sign(&named("absent"), &pin), is("signer-token-key", 3));
    assert_eq!(sign(&named("twice"), &pin), is("signer-token-key", 3));
    assert_eq!(sign(&named("p256").replace("=site", "=other"), &pin), is("signer-token", 3));
    assert_eq!(sign("pkcs11:token=site;object=p256?module-path=/nowhere.so", &pin), is("signer-token", 3));
    assert_eq!(sign("pkcs11:token=site;object=p256", &pin), is("signer-token", 3));
    assert_eq!(sign(&(named("p256") + "&pin-value=86420975"), &[]), is("signer-token", 3));
    assert_eq!(sign(&(named("p256") + "&pin-source=file:/nowhere"), &[]), is("signer-token", 3));
    // Ed25519 signs no file: none is held in memory.
    assert_eq!(sign(&named("ed25519"), &pin), is("signer-scheme", 2));
    // Nor does the key of another token verify.
    let output = run(&desk, &["key", "public", &named("p384")], &held.variables(&pin));
    desk.write("other.pub", stdout(&output).as_bytes());
    let signed = ["sign", "blob", "app.txt", "--key", &named("p256"), "--stack", stack_dir()];
    assert!(run(&desk, &signed, &held.variables(&pin)).status.success());
    let verify = ["verify", "blob", "app.txt", "--key", "other.pub", "--stack", stack_dir(), "--format", "json"];
    let refused = run(&desk, &verify, &[]);
    assert_eq!((json(&refused)["verdict"].as_str(), refused.status.code()), (Some("refused"), Some(1)));
}
