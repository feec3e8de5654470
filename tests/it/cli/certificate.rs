//! `certificate`: for services, and when they end.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use sealmark::base::encoding::base64;

use super::authorities::{Ca, Site, vault};
use super::fixture::{refusal, usage};
use super::{json, stderr, stdout};

fn mode(site: &Site, name: &str) -> u32 {
    std::fs::metadata(site.desk.path(name)).unwrap().permissions().mode() & 0o777
}

fn text(site: &Site, name: &str) -> String {
    std::fs::read_to_string(site.desk.path(name)).unwrap()
}

#[test]
fn a_vault_certifies_a_service() {
    let (site, ca) = (Site::new(), Arc::new(Ca::new("vault")));
    let vault = vault(Arc::clone(&ca));
    let issue = |more: &[&str]| {
        let fixed = ["certificate", "issue", "--authority", "vault:pki/web", "--authority-login", "jwt:web"];
        let token = ["--authority-audience", "vault", "--identity-token-file", "vault.jwt"];
        site.run(&[&fixed[..], &token, more].concat(), &[("VAULT_ADDR", &vault.url)])
    };
    let names = ["--dns", "app.example.com", "--dns", "*.app.example.com"];
    let output = issue(&[&names[..], &["--lifetime", "2h", "-o", "app", "--format", "json"]].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    let report = json(&output);
    assert_eq!(report["schema"], "sealmark.certificate-issued/v1");
    assert_eq!(report["files"], serde_json::json!(["app.key", "app.crt", "app.ca.crt"]));
    assert_eq!((mode(&site, "app.key"), text(&site, "app.ca.crt")), (0o600, ca.root.to_pem()));
    assert!(text(&site, "app.key").starts_with("-----BEGIN PRIVATE KEY-----"));
    assert_eq!(text(&site, "app.crt").matches("BEGIN CERTIFICATE").count(), 1);
    // The key was made here: what was sent is a request for it.
    let sent = vault.received().into_iter().find(|sent| sent.target == "/v1/pki/sign/web").unwrap().json();
    assert_eq!((&sent["ttl"], &sent["alt_names"]), (&"7200s".into(), &"app.example.com,*.app.example.com".into()));
    assert!(sent["csr"].as_str().unwrap().contains("CERTIFICATE REQUEST"));
    assert!(vault.calls().last().unwrap().ends_with("revoke-self"));

    for kind in ["p384", "ed25519"] {
        let bundle = issue(&[&names[..], &["--form", "bundle", "--kind", kind, "-o", kind]].concat());
        assert!(bundle.status.success(), "{kind}: {}", stderr(&bundle));
        let pem = text(&site, kind);
        assert!(mode(&site, kind) == 0o600 && pem.contains("PRIVATE KEY") && pem.contains("BEGIN CERTIFICATE"));
    }

    let secret = issue(&[&names[..], &["--form", "kubernetes", "--secret", "prod/app-tls", "-o", "-"]].concat());
    assert!(secret.status.success(), "{}", stderr(&secret));
    let manifest: serde_json::Value = serde_saphyr::from_str(&stdout(&secret)).unwrap();
    assert_eq!((&manifest["kind"], &manifest["type"]), (&"Secret".into(), &"kubernetes.io/tls".into()));
    assert_eq!(manifest["metadata"], serde_json::json!({ "name": "app-tls", "namespace": "prod" }));
    let field = |name: &str| base64::decode(manifest["data"][name].as_str().unwrap()).unwrap();
    assert!(field("tls.key").starts_with(b"-----BEGIN PRIVATE KEY-----"));
    assert_eq!(field("ca.crt"), ca.root.to_pem().as_bytes());

    // Nothing is written where nothing is certified.
    let before = site.desk.names();
    assert_eq!(refusal(&issue(&["--dns", "app.example.org", "-o", "other"])), "vault-name");
    assert_eq!(
        refusal(&issue(&["--dns", "a.example.com", "--ip", "192.0.2.1", "-o", "other"])),
        "service-certificate-names"
    );
    assert_eq!(usage(&issue(&["--dns", "a.example.com", "-o", "-"])), "certificate-stdout");
    let bad = ["--dns", "a.example.com", "--form", "kubernetes", "--secret", "prod/App\nx", "-o", "-"];
    assert_eq!(usage(&issue(&bad)), "certificate-secret");
    assert_eq!(issue(&["-o", "other"]).status.code(), Some(2));
    assert_eq!(site.desk.names(), before);
    let nobody = site.run(&["certificate", "issue", "--dns", "a.example.com", "-o", "x"], &[]);
    assert_eq!(usage(&nobody), "certificate-authority");
    let fulcio =
        ["certificate", "issue", "--dns", "a.example.com", "-o", "x", "--authority", "fulcio:http://127.0.0.1:9"];
    let fulcio = site.run(&[&fulcio[..], &["--identity-token-file", "step.jwt"]].concat(), &[]);
    assert_eq!(usage(&fulcio), "ca-not-for-services");
}

#[test]
fn what_ends_soon_is_found() {
    let (site, ca) = (Site::new(), Arc::new(Ca::new("vault")));
    let vault = vault(Arc::clone(&ca));
    let issue = |name: &str, more: &[&str]| {
        let fixed = ["certificate", "issue", "--authority", "vault:pki/web", "--authority-login", "jwt:web"];
        let token = ["--authority-audience", "vault", "--identity-token-file", "vault.jwt", "--dns", "app.example.com"];
        let output = site.run(&[&fixed[..], &token, &["-o", name], more].concat(), &[("VAULT_ADDR", &vault.url)]);
        assert!(output.status.success(), "{}", stderr(&output));
    };
    std::fs::create_dir_all(site.desk.path("tls/deep")).unwrap();
    issue("tls/deep/app", &["--lifetime", "48h"]);
    issue("tls/secret.yaml", &["--lifetime", "72h", "--form", "kubernetes", "--secret", "prod/app-tls"]);
    site.desk.write("tls/notes.txt", b"nothing here");
    let expiring = |paths: &[&str], within: &str| {
        let output =
            site.run(&[&["certificate", "expiring"], paths, &["--within", within, "--format", "json"]].concat(), &[]);
        let soon = |one: &&serde_json::Value| one["expiresSoon"] == true;
        let report = json(&output);
        let all = report["certificates"].as_array().unwrap();
        (output.status.code().unwrap(), all.len(), all.iter().filter(soon).count())
    };
    // Two leaves and the root beside each.
    assert_eq!(expiring(&["tls"], "1h"), (0, 4, 0));
    assert_eq!(expiring(&["tls"], "49h"), (1, 4, 1));
    assert_eq!(expiring(&["tls"], "30d"), (1, 4, 2));
    assert_eq!(expiring(&["tls/secret.yaml"], "73h"), (1, 2, 1));
    let human = site.run(&["certificate", "expiring", "tls", "--within", "49h"], &[]);
    assert!(stdout(&human).starts_with("EXPIRES  ") && stdout(&human).ends_with("1 of 4 end within 2 days\n"));
    // What `kubectl get secrets -o json` prints.
    let secret: serde_json::Value = serde_saphyr::from_str(&text(&site, "tls/secret.yaml")).unwrap();
    let list = serde_json::json!({ "apiVersion": "v1", "kind": "List", "items": [secret] });
    site.desk.write("list.json", list.to_string().as_bytes());
    assert_eq!(expiring(&["list.json"], "30d"), (1, 2, 1));
    let shown = site.run(&["certificate", "inspect", "list.json"], &[]);
    for words in ["Secret prod/app-tls tls.crt", "app.example.com", "server, client", "issues certificates"] {
        assert!(stdout(&shown).contains(words), "no {words:?} in {}", stdout(&shown));
    }
    // One that cannot be read is told, and is not "nothing ends".
    site.desk.write("tls/broken.pem", b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n");
    assert_eq!(expiring(&["tls"], "1h"), (3, 4, 0));
    let told = site.run(&["certificate", "expiring", "tls", "--within", "1h"], &[]);
    assert!(stderr(&told).contains("certificate-unreadable") && stderr(&told).contains("broken.pem"));
    let none = site.run(&["certificate", "inspect", "tls/notes.txt"], &[]);
    assert_eq!(none.status.code(), Some(3));
    assert!(stderr(&none).contains("certificate-none"), "{}", stderr(&none));
}
