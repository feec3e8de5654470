//! Authorities other than the services' own, from the command line: what is asked of whom, and who is believed.

mod fake;
mod logins;
mod over_tls;

use std::process::Output;
use std::sync::Arc;

pub(super) use fake::{Ca, Server, vault};
pub(super) use over_tls::Private;

use super::fixture::{Desk, IDENTITY, issued, refusal, stack_dir, stack_url, usage};
use super::{json, sealmark, stderr, stdout};
use fake::{VAULT_TOKEN, step_ca};
use sealmark::base::crypto::sha256;
use sealmark::base::encoding::hex;
use sealmark::stack::{IssuerKind, TokenRequest};

/// A token of a GitHub job for an audience; nobody here looks at its signature.
pub(super) fn token_for(audience: &str) -> String {
    let part = |text: &str| sealmark::base::encoding::base64::encode_url(text.as_bytes());
    let workflow = "acme/app/.github/workflows/release.yml@refs/tags/v1.0.0";
    let claims = format!(
        r#"{{"iss":"https://issuer.example.com","sub":"repo:acme/app","aud":"{audience}","exp":4102444800,"repository":"acme/app","job_workflow_ref":"{workflow}"}}"#
    );
    format!("{}.{}.{}", part(r#"{"alg":"RS256"}"#), part(&claims), part("canary-canary"))
}

/// A desk that trusts the stack's log and timestamps.
pub(super) struct Site {
    pub(super) desk: Desk,
}

impl Site {
    pub(super) fn new() -> Self {
        let desk = Desk::new();
        desk.write("trust.json", &std::fs::read(format!("{}/client_trust_config.json", stack_dir())).unwrap());
        desk.write("vault.jwt", token_for("vault").as_bytes());
        desk.write("step.jwt", token_for("sigstore").as_bytes());
        Self { desk }
    }

    pub(super) fn run(&self, args: &[&str], variables: &[(&str, &str)]) -> Output {
        let mut command = sealmark(args);
        let folder = self.desk.path("app.txt");
        command.current_dir(folder.parent().unwrap()).envs(variables.iter().copied());
        let output = command.output().unwrap();
        let all = format!("{}{}", stdout(&output), stderr(&output));
        assert!(!all.contains("canarycanary") && !all.contains("Y2FuYXJ5LWNhbmFyeQ"), "a secret: {all}");
        output
    }

    fn add(&self, from: &str, at: &str, name: &str, more: &[&str]) -> Output {
        let fixed = ["trust", "add", "trust.json", "--from", from, "--at", at, "--name", name];
        self.run(&[&fixed[..], more].concat(), &[])
    }

    fn sign(&self, token: &str, more: &[&str], variables: &[(&str, &str)]) -> Output {
        let fixed = ["sign", "blob", "app.txt", "--trust-config", "trust.json", "--identity-token-file", token];
        self.run(&[&fixed[..], more].concat(), variables)
    }

    fn sign_by_vault(&self, vault: &Server, more: &[&str]) -> Output {
        let fixed = ["--authority", "vault:pki/ci", "--authority-login", "jwt:ci", "--authority-audience", "vault"];
        let name = ["--authority-name", "https://github.com/acme/{repository}"];
        self.sign("vault.jwt", &[&fixed[..], &name, more].concat(), &[("VAULT_ADDR", &vault.url)])
    }

    fn verify(&self, flags: &[&str]) -> Output {
        let fixed = ["verify", "blob", "app.txt", "--trust-config", "trust.json"];
        self.run(&[&fixed[..], flags].concat(), &[])
    }
}

const VAULT_NAME: &str = "https://github.com/acme/acme/app";

#[test]
fn a_vault_certifies_and_its_certificates_are_met_by_its_name_alone() {
    let site = Site::new();
    let vault = vault(Arc::new(Ca::new("vault")));
    let at = format!("{}/v1/pki", vault.url);
    let added = site.add("vault", &at, "vault-ci", &["--format", "json"]);
    assert_eq!(json(&added)["added"].as_array().map(Vec::len), Some(1), "{}", stderr(&added));
    let signed = site.sign_by_vault(&vault, &[]);
    assert!(signed.status.success(), "{}", stderr(&signed));
    assert_eq!(
        vault.calls(),
        ["GET /v1/pki/ca_chain", "POST /v1/auth/jwt/login", "POST /v1/pki/sign/ci", "POST /v1/auth/token/revoke-self"]
    );
    let last = vault.received().pop().unwrap();
    assert!(last.head.contains(&VAULT_TOKEN.to_lowercase()));
    let verified = site.verify(&["--identity", VAULT_NAME, "--certificate-authority", "vault-ci"]);
    assert!(verified.status.success(), "{}", stderr(&verified));
    let report = stdout(&verified);
    for words in ["leads to vault-ci", "not asked for: the trust root has the authority as a private one"] {
        assert!(report.contains(words), "no {words:?} in {report}");
    }
    let code = |flags: &[&str]| refusal(&site.verify(flags));
    assert_eq!(code(&["--identity", VAULT_NAME, "--issuer", "https://issuer.example.com"]), "authority-unnamed");
    let other = ["--identity", VAULT_NAME, "--certificate-authority", "sealmark root (sealmark)"];
    assert_eq!(code(&other), "authority-mismatch");
    // Without the authority in the trust root there is nothing to lead to; what is refused is not written.
    let stranger = Site::new();
    assert_eq!(refusal(&stranger.sign_by_vault(&vault, &[])), "chain-untrusted");
    assert!(!stranger.desk.path("app.txt.sigstore.json").exists());
}

#[test]
fn what_a_vault_refuses_is_told() {
    let site = Site::new();
    let vault = vault(Arc::new(Ca::new("vault")));
    let by = |flags: &[&str]| {
        let fixed = ["--authority-audience", "vault", "--authority-name", "https://github.com/acme/app"];
        refusal(&site.sign("vault.jwt", &[flags, &fixed].concat(), &[("VAULT_ADDR", &vault.url)]))
    };
    assert_eq!(by(&["--authority", "vault:pki/ci", "--authority-login", "jwt:nobody"]), "vault-login-role");
    assert_eq!(by(&["--authority", "vault:other/ci", "--authority-login", "jwt:ci"]), "vault-pki-mount");
    let wrong_name = ["--authority", "vault:pki/ci", "--authority-login", "jwt:ci", "--authority-audience", "vault"];
    let elsewhere = ["--authority-name", "https://github.com/victim/app"];
    let output = site.sign("vault.jwt", &[&wrong_name[..], &elsewhere].concat(), &[("VAULT_ADDR", &vault.url)]);
    assert_eq!(refusal(&output), "vault-name");
    let needs = |flags: &[&str]| usage(&site.sign("vault.jwt", flags, &[]));
    assert_eq!(needs(&["--authority", "vault:pki/ci"]), "authority-name");
    assert_eq!(needs(&["--authority", "vault:pki/ci", "--authority-name", "https://a/b"]), "vault-variable");
    assert_eq!(needs(&["--authority", "acme:pki"]), "authority-unknown");
    let bad_name = ["--authority", "vault:pki/ci", "--authority-name", "https://{repository}/x"];
    assert_eq!(needs(&bad_name), "ca-name-template");
}

#[test]
fn a_step_ca_takes_a_token_once() {
    let site = Site::new();
    let ca = Arc::new(Ca::new("step"));
    let digest = hex::encode(&sha256(&[ca.root.der()]));
    let step = step_ca(Arc::clone(&ca));
    let other = "0".repeat(64);
    let refused = site.add("step-ca", &step.url, "step", &["chain.pem", "--root-sha256", &other]);
    assert_eq!(refused.status.code(), Some(3), "{}", stderr(&refused));
    site.desk.write("chain.pem", ca.root.to_pem().as_bytes());
    let refused = site.add("step-ca", &step.url, "step", &["chain.pem", "--root-sha256", &other]);
    assert_eq!(refusal(&refused), "ca-other-root");
    let from_file = site.add("step-ca", &step.url, "step", &["chain.pem", "--root-sha256", &digest]);
    assert!(from_file.status.success(), "{}", stderr(&from_file));
    let again = site.add("step-ca", &step.url, "step", &["--format", "json"]);
    assert_eq!(json(&again)["present"], 1, "{}", stderr(&again));
    let authority = format!("step-ca:{}", step.url);
    let sign = || site.sign("step.jwt", &["--authority", &authority], &[]);
    let signed = sign();
    assert!(signed.status.success(), "{}", stderr(&signed));
    let verified = site.verify(&["--identity", IDENTITY, "--certificate-authority", "step"]);
    assert!(verified.status.success(), "{}", stderr(&verified));
    // The same token again: no second try, and the reason.
    let calls = step.calls().len();
    assert_eq!(refusal(&sign()), "step-ca-token");
    assert_eq!(step.calls().len(), calls + 1);
    let bad = site.sign("step.jwt", &["--authority", &authority], &[("STEP_FINGERPRINT", "abc")]);
    assert_eq!(usage(&bad), "step-fingerprint");
}

#[test]
fn files_that_hold_no_chain_add_no_authority() {
    let site = Site::new();
    let before = std::fs::read(site.desk.path("trust.json")).unwrap();
    let add = || site.add("file", "here", "private", &["chain.pem"]);
    let roots = ["one", "other"].map(|name| Ca::new(name).root.to_pem());
    for no_chain in [b"", &b"\xff"[..], roots.concat().as_bytes()] {
        site.desk.write("chain.pem", no_chain);
        assert_eq!(usage(&add()), "trust-add-chain");
        assert_eq!(std::fs::read(site.desk.path("trust.json")).unwrap(), before);
    }
    site.desk.write("chain.pem", roots[0].as_bytes());
    assert!(add().status.success());
}

#[test]
fn an_identity_of_one_authority_is_not_met_by_another() {
    let site = Site::new();
    let (one, other) = (vault(Arc::new(Ca::new("one"))), vault(Arc::new(Ca::new("other"))));
    for (server, name) in [(&one, "one"), (&other, "other")] {
        let at = format!("{}/v1/pki", server.url);
        let added = site.add("vault", &at, name, &[]);
        assert!(added.status.success(), "{}", stderr(&added));
    }
    let taken = site.add("vault", &format!("{}/v1/pki", other.url), "one", &[]);
    assert_eq!(refusal(&taken), "trust-add-name");
    assert!(site.sign_by_vault(&other, &[]).status.success());
    let by = |name: &str| site.verify(&["--identity", VAULT_NAME, "--certificate-authority", name]);
    assert_eq!(refusal(&by("one")), "authority-mismatch");
    assert!(by("other").status.success());
    // No time is proven, so nothing is sent.
    let config: serde_json::Value =
        serde_json::from_slice(&std::fs::read(site.desk.path("trust.json")).unwrap()).unwrap();
    let mut bare = config;
    bare["signingConfig"]["tsaUrls"] = serde_json::json!([]);
    site.desk.write("bare.json", bare.to_string().as_bytes());
    let calls = one.calls().len();
    let fixed = ["sign", "blob", "app.txt", "--trust-config", "bare.json", "--identity-token-file", "vault.jwt"];
    let authority = ["--authority", "vault:pki/ci", "--authority-login", "jwt:ci", "--authority-audience", "vault"];
    let name = ["--authority-name", VAULT_NAME];
    let output = site.run(&[&fixed[..], &authority, &name].concat(), &[("VAULT_ADDR", &one.url)]);
    assert!(!output.status.success() && stderr(&output).contains("no-proven-time"), "{}", stderr(&output));
    assert_eq!(one.calls().len(), calls);
}

#[test]
fn a_fulcio_by_its_url_says_whom_it_knows() {
    let site = Site::new();
    let token = issued(&TokenRequest::new(IssuerKind::GithubWorkflow));
    site.desk.write("token.jwt", token.as_bytes());
    let authority = format!("fulcio:{}", stack_url());
    let signed = site.sign("token.jwt", &["--authority", &authority], &[]);
    assert!(signed.status.success(), "{}", stderr(&signed));
    // A token of an issuer that it does not know.
    let stranger = site.sign("step.jwt", &["--authority", &authority], &[]);
    assert_eq!(refusal(&stranger), "ca-issuer-unknown");
    assert!(stderr(&stranger).contains("/github"), "{}", stderr(&stranger));
    let flags = ["--authority", &authority, "--authority-login", "token"];
    assert_eq!(usage(&site.sign("token.jwt", &flags, &[])), "authority-unknown");
    // Its own certificates are known already: there is no second way to believe them.
    assert_eq!(refusal(&site.add("fulcio", &stack_url(), "mine", &[])), "trust-add-known");
}
