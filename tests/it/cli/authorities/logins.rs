//! How a Vault is logged in to, from the command line.

use std::process::Output;
use std::sync::Arc;

use rcgen::ExtendedKeyUsagePurpose;

use super::fake::{Ca, OTHER_POD_TOKEN, POD_TOKEN, ROLE_ID, SECRET_ID, Server, VAULT_TOKEN, vault};
use super::over_tls::Private;
use super::{Site, refusal, stack_dir, stderr, stdout, usage};

const NAME: &str = "https://github.com/acme/release";

/// A site that trusts a Vault.
fn site() -> (Site, Server) {
    let (site, vault) = (Site::new(), vault(Arc::new(Ca::new("vault"))));
    let added = site.add("vault", &format!("{}/v1/pki", vault.url), "vault-ci", &[]);
    assert!(added.status.success(), "{}", stderr(&added));
    (site, vault)
}

/// Signs without any token of a job.
fn sign(site: &Site, login: &str, more: &[&str], variables: &[(&str, &str)]) -> Output {
    let fixed = ["sign", "blob", "app.txt", "--trust-config", "trust.json", "--authority", "vault:pki/ci"];
    let named = ["--authority-name", NAME, "--authority-login", login];
    let output = site.run(&[&fixed[..], &named, more].concat(), variables);
    let all = format!("{}{}", stdout(&output), stderr(&output));
    for secret in [ROLE_ID, SECRET_ID, POD_TOKEN, VAULT_TOKEN] {
        assert!(!all.contains(secret), "a secret: {all}");
    }
    output
}

/// What a login asked of a Vault, in order, all of it in one namespace.
fn calls(vault: &Server, namespace: Option<&str>) -> Vec<String> {
    let received = vault.received();
    for sent in &received[1..] {
        let field = namespace.map(|name| format!("x-vault-namespace: {name}\r\n"));
        assert_eq!(sent.head.contains("x-vault-namespace"), field.is_some(), "{}", sent.head);
        assert!(field.is_none_or(|field| sent.head.contains(&field)), "{}", sent.head);
    }
    vault.calls().split_off(1)
}

fn verifies(site: &Site) {
    let verified = site.verify(&["--identity", NAME, "--certificate-authority", "vault-ci"]);
    assert!(verified.status.success(), "{}", stderr(&verified));
}

const REVOKED: [&str; 2] = ["POST /v1/pki/sign/ci", "POST /v1/auth/token/revoke-self"];

#[test]
fn by_a_role_id_and_a_secret() {
    let (site, vault) = site();
    let role = [("VAULT_ADDR", vault.url.as_str()), ("VAULT_ROLE_ID", ROLE_ID), ("VAULT_SECRET_ID", SECRET_ID)];
    let namespace = [&role[..], &[("VAULT_NAMESPACE", "team-a")]].concat();
    let signed = sign(&site, "approle", &[], &namespace);
    assert!(signed.status.success(), "{}", stderr(&signed));
    assert_eq!(calls(&vault, Some("team-a")), [&["POST /v1/auth/approle/login"], &REVOKED[..]].concat());
    verifies(&site);
    // As OpenBao's client has them.
    let bao = [("BAO_ADDR", vault.url.as_str()), ("BAO_ROLE_ID", ROLE_ID), ("BAO_SECRET_ID", SECRET_ID)];
    assert!(sign(&site, "approle", &[], &bao).status.success());
    let with = |index: usize, value| {
        let mut changed = role;
        changed[index].1 = value;
        sign(&site, "approle", &[], &changed)
    };
    assert_eq!(refusal(&with(1, "another")), "vault-approle");
    assert_eq!(refusal(&with(2, "another")), "vault-approle");
    assert_eq!(usage(&with(2, "")), "vault-variable");
    assert_eq!(usage(&sign(&site, "approle:ci", &[], &role)), "authority-unknown");
}

#[test]
fn by_a_token_that_was_given_and_is_not_revoked() {
    let (site, vault) = site();
    let given = [("VAULT_ADDR", vault.url.as_str()), ("VAULT_TOKEN", VAULT_TOKEN)];
    let signed = sign(&site, "token", &[], &given);
    assert!(signed.status.success(), "{}", stderr(&signed));
    assert_eq!(calls(&vault, None), ["POST /v1/pki/sign/ci"]);
    verifies(&site);
    let other = sign(&site, "token", &[], &[given[0], ("VAULT_TOKEN", "hvs.other")]);
    assert_eq!(refusal(&other), "vault-sign-denied");
    assert_eq!(usage(&sign(&site, "token", &[], &given[..1])), "vault-variable");
}

#[test]
fn by_the_account_of_a_pod() {
    let (site, vault) = site();
    std::fs::create_dir(site.desk.path("account")).unwrap();
    site.desk.write("account/token", format!("{POD_TOKEN}\n").as_bytes());
    let at = [("VAULT_ADDR", vault.url.as_str())];
    let account = ["--authority-account", "account"];
    let signed = sign(&site, "kubernetes:ci", &account, &at);
    assert!(signed.status.success(), "{}", stderr(&signed));
    assert_eq!(calls(&vault, None), [&["POST /v1/auth/kubernetes/login"], &REVOKED[..]].concat());
    verifies(&site);
    assert_eq!(refusal(&sign(&site, "kubernetes:other", &account, &at)), "vault-login-role");
    site.desk.write("account/token", OTHER_POD_TOKEN.as_bytes());
    assert_eq!(refusal(&sign(&site, "kubernetes:ci", &account, &at)), "vault-pod-account");
    site.desk.write("account/token", b"of another cluster");
    assert_eq!(refusal(&sign(&site, "kubernetes:ci", &account, &at)), "vault-login-mount");
    assert_eq!(usage(&sign(&site, "kubernetes:ci", &["--authority-account", "nowhere"], &at)), "vault-pod-token");
}

#[test]
fn by_a_certificate_of_the_client() {
    let (site, vault) = site();
    let private = Private::new();
    let at = private.before(&vault.url, true);
    let (certificate, key) = private.leaf("client.example.com", ExtendedKeyUsagePurpose::ClientAuth);
    site.desk.write("root.pem", private.root.pem().as_bytes());
    site.desk.write("client.crt", certificate.pem().as_bytes());
    site.desk.write("client.key", key.serialize_pem().as_bytes());
    let place = [("VAULT_ADDR", at.as_str()), ("VAULT_CACERT", "root.pem")];
    let own = [&place[..], &[("VAULT_CLIENT_CERT", "client.crt"), ("VAULT_CLIENT_KEY", "client.key")]].concat();
    let signed = sign(&site, "cert:ci", &[], &own);
    assert!(signed.status.success(), "{}", stderr(&signed));
    assert_eq!(calls(&vault, None), [&["POST /v1/auth/cert/login"], &REVOKED[..]].concat());
    verifies(&site);
    assert!(sign(&site, "cert", &[], &own).status.success());
    assert_eq!(refusal(&sign(&site, "cert:other", &[], &own)), "vault-login-refused");
    for half in [&own[..3], &[&own[..2], &own[3..]].concat()[..]] {
        assert_eq!(usage(&sign(&site, "cert:ci", &[], half)), "vault-client-pair");
    }
    // Without a certificate, and with one of another CA, nobody comes so far as to log in.
    let before = vault.calls().len();
    assert_eq!(sign(&site, "cert:ci", &[], &place).status.code(), Some(3));
    let (stranger, key) = Private::new().leaf("client.example.com", ExtendedKeyUsagePurpose::ClientAuth);
    site.desk.write("client.crt", stranger.pem().as_bytes());
    site.desk.write("client.key", key.serialize_pem().as_bytes());
    assert_eq!(sign(&site, "cert:ci", &[], &own).status.code(), Some(3));
    assert_eq!(vault.calls().len(), before);
}

#[test]
fn the_command_that_is_printed_names_the_authority() {
    let (site, vault) = site();
    let given = [("VAULT_ADDR", vault.url.as_str()), ("VAULT_TOKEN", VAULT_TOKEN)];
    let signed = sign(&site, "token", &[], &given);
    let text = stdout(&signed);
    let command = text.lines().find_map(|line| line.trim().strip_prefix("sealmark ")).unwrap();
    assert!(command.contains("--certificate-authority vault-ci") && !command.contains("--issuer"), "{command}");
    let verified = site.run(&command.split(' ').collect::<Vec<_>>(), &[]);
    assert!(verified.status.success(), "{command}: {}", stderr(&verified));
    // Of a step-ca too, whose certificates may write an issuer.
    let step = super::step_ca(Arc::new(Ca::new("step")));
    assert!(site.add("step-ca", &step.url, "step", &[]).status.success());
    let authority = format!("step-ca:{}", step.url);
    let text = stdout(&site.sign("step.jwt", &["--authority", &authority, "--output", "step.json"], &[]));
    assert!(text.contains("--certificate-authority step") && !text.contains("--issuer"), "{text}");
}

#[test]
fn whoami_shows_the_name_that_is_asked_for() {
    let (site, vault) = site();
    let given = [("VAULT_ADDR", vault.url.as_str()), ("VAULT_TOKEN", VAULT_TOKEN)];
    let fixed = ["whoami", "--trust-config", "trust.json", "--authority", "vault:pki/ci", "--authority-name"];
    // Known by a token of the Vault's own: none of a job is looked for.
    let output = site.run(&[&fixed[..], &[NAME, "--authority-login", "token"]].concat(), &given);
    let text = stdout(&output);
    let command = format!("--identity {NAME} --certificate-authority vault-ci");
    assert!(output.status.success() && text.contains(&command), "{text}{}", stderr(&output));
    // By the claims of a job.
    let named = ["https://github.com/acme/{repository}", "--authority-login", "jwt:ci"];
    let job = ["--identity-token-file", "vault.jwt", "--authority-audience", "vault"];
    let text = stdout(&site.run(&[&fixed[..], &named, &job].concat(), &given));
    assert!(text.contains("--identity https://github.com/acme/acme/app --certificate-authority vault-ci"), "{text}");
    assert_eq!(vault.calls().len(), 1);
    // A trust root that does not have it has no name for it.
    let stranger = ["whoami", "--stack", stack_dir(), "--authority", "vault:pki/ci", "--authority-login", "token"];
    let text = stdout(&site.run(&[&stranger[..], &["--authority-name", NAME]].concat(), &given));
    assert!(text.contains("--certificate-authority NAME\nNAME is what the trust root calls"), "{text}");
}
