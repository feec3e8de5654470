//! What a service that holds a key does with it, and how the program is asked to use one.

use std::process::Output;

use sealmark::base::crypto::{Digest, KeyKind, PublicKey};
use sealmark::service::signer::{Prepared, PrivateKey, Signer as _};

use crate::cli::fixture::{Desk, stack_dir};
use crate::cli::{sealmark, stderr, stdout};

/// A token that no output may show.
pub(super) const TOKEN: &str = "canary-token-of-the-service";

/// A key that a service holds, and one that an impostor signs with.
pub(super) struct Held {
    key: PrivateKey,
    impostor: Option<PrivateKey>,
}

impl Held {
    pub(super) fn new(kind: KeyKind) -> Self {
        Self { key: PrivateKey::generate(kind).unwrap(), impostor: None }
    }

    pub(super) fn impostor(kind: KeyKind) -> Self {
        Self { impostor: PrivateKey::generate(kind).ok(), ..Self::new(kind) }
    }

    pub(super) fn public_key(&self) -> PublicKey {
        self.key.signer().public_key().clone()
    }

    pub(super) fn kind(&self) -> KeyKind {
        self.public_key().kind()
    }

    /// The digest that its scheme signs.
    pub(super) fn digest_name(&self) -> &'static str {
        self.key.signer().scheme().digest.name()
    }

    /// Signs a digest of the right length and nothing else, or a message for Ed25519.
    pub(super) fn sign(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let signer = self.impostor.as_ref().unwrap_or(&self.key).signer();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let digest = Digest::from_bytes(signer.scheme().digest, bytes);
        match (self.kind(), digest) {
            (KeyKind::Ed25519, _) => runtime.block_on(signer.sign(Prepared::Message(bytes))).ok(),
            (_, Some(digest)) => runtime.block_on(signer.sign(Prepared::Digest(&digest))).ok(),
            (_, None) => None,
        }
    }
}

/// The program in a desk with these variables; no output shows the token.
pub(super) fn run(desk: &Desk, args: &[&str], variables: &[(&str, &str)]) -> Output {
    let output = sealmark(args).current_dir(desk.path(".")).envs(variables.iter().copied()).output().unwrap();
    let all = format!("{}{}", stdout(&output), stderr(&output));
    assert!(!all.contains(TOKEN), "x09: {all}");
    output
}

/// Signs with the key of this name.
pub(super) fn sign(name: &str, variables: &[(&str, &str)]) -> Output {
    run(&Desk::new(), &["sign", "blob", "app.txt", "--key", name, "--stack", stack_dir()], variables)
}

/// `key public`, `sign blob` and `verify blob --key`, as a user has them, and `attest blob`, which every kind can.
pub(super) fn works(name: &str, held: &PublicKey, variables: &[(&str, &str)]) {
    let desk = Desk::new();
    let public = run(&desk, &["key", "public", name], variables);
    assert_eq!(stdout(&public), held.to_pem(), "{}", stderr(&public));
    desk.write("held.pub", &public.stdout);
    desk.write("predicate.json", br#"{"passed":true}"#);
    let key = ["--key", name];
    // Rekor v2 takes no Ed25519.
    let log = match held.kind() {
        KeyKind::Ed25519 => vec!["--log-not-required-unsafe"],
        _ => vec!["--stack", stack_dir()],
    };
    let type_ = ["--type", "https://example.com/test/v1"];
    let attest = ["attest", "blob", "app.txt", "--predicate", "predicate.json", "-o", "attested.json"];
    let verify = [&["verify", "blob", "app.txt", "--key", "held.pub"], &log[..], &["--bundle"]].concat();
    let of_type = ["attested.json", "--predicate-type", type_[1]];
    let mut steps = vec![[&attest[..], &type_, &key, &log].concat(), [&verify[..], &of_type].concat()];
    if held.kind() != KeyKind::Ed25519 {
        steps.push([&["sign", "blob", "app.txt", "-o", "signed.json"][..], &key, &log].concat());
        steps.push([&verify[..], &["signed.json"]].concat());
    }
    for step in steps {
        let output = run(&desk, &step, variables);
        assert!(output.status.success(), "{} {step:?}: {}{}", held.kind(), stdout(&output), stderr(&output));
    }
}

/// The exit code is 1 or 3, as the code's class has it; the code, and the words before it.
pub(super) fn refused(output: &Output, code: &str, words: &str) {
    let said = stderr(output);
    assert!(!output.status.success() && said.contains(code) && said.contains(words), "{code} {words:?}: {said}");
}
