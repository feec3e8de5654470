//! Vault Transit by a fake with the rules and words of Vault's `path_sign_verify.go` and `keysutil/policy.go`.

use rcgen::ExtendedKeyUsagePurpose;
use sealmark::base::crypto::KeyKind;
use sealmark::base::encoding::base64;
use serde_json::{Value, json};

use super::holder::{Held, TOKEN, refused, run, sign, works};
use crate::cli::authorities::{Private, Server};
use crate::cli::fixture::Desk;
use crate::cli::{stderr, stdout};

/// The latest version, and the least that still signs (`min_encryption_version`).
const LATEST: u64 = 3;
const LEAST: u64 = 2;

fn vault(held: Held) -> Server {
    Server::start(move |request| {
        let answer = |status, body: Value| (status, body.to_string());
        let errors = |status, texts: &[&str]| answer(status, json!({ "errors": texts }));
        let namespace = request.head.contains("x-vault-namespace: team");
        if !request.head.contains(&format!("x-vault-token: {TOKEN}")) || !namespace {
            return errors(403, &["2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n"]);
        }
        match (request.method.as_str(), request.target.as_str()) {
            ("GET", "/v1/signing/keys/release") => {
                let key = held.public_key();
                let shown =
                    if held.kind() == KeyKind::Ed25519 { base64::encode(key.key_bytes()) } else { key.to_pem() };
                let keys: Value = (1..=LATEST).map(|v| (v.to_string(), json!({ "public_key": shown }))).collect();
                answer(200, json!({ "data": { "latest_version": LATEST, "keys": keys } }))
            }
            // A key of AES has no public halves, but times.
            ("GET", "/v1/signing/keys/secret") => {
                answer(200, json!({ "data": { "latest_version": 1, "keys": { "1": 1_700_000_000 } } }))
            }
            ("GET", _) => errors(404, &[]),
            ("POST" | "PUT", "/v1/signing/sign/release") => match transit(&held, &request.json()) {
                Ok((version, signature)) => {
                    let signature = format!("vault:v{version}:{}", base64::encode(&signature));
                    answer(200, json!({ "data": { "signature": signature, "key_version": version } }))
                }
                Err(words) => errors(400, &[&format!("1 error occurred:\n\t* {words}\n\n")]),
            },
            _ => errors(404, &[]),
        }
    })
}

fn transit(held: &Held, body: &Value) -> Result<(u64, Vec<u8>), String> {
    let text = |name: &str, default: &'static str| body[name].as_str().unwrap_or(default).to_owned();
    let (hash, marshaling) = (text("hash_algorithm", "sha2-256"), text("marshaling_algorithm", "asn1"));
    if !["sha1", "sha2-224", "sha2-256", "sha2-384", "sha2-512"].contains(&&*hash) {
        return Err(format!("invalid hash algorithm {hash:?}"));
    }
    if !["asn1", "jws"].contains(&&*marshaling) {
        return Err(format!("invalid marshaling type {marshaling:?}"));
    }
    let version = body["key_version"].as_u64().filter(|version| *version > 0).unwrap_or(LATEST);
    match version {
        version if version > LATEST => {
            return Err("requested version for signing is higher than the latest key version".into());
        }
        version if version < LEAST => {
            return Err("requested version for signing is less than the minimum encryption key version".into());
        }
        _ => {}
    }
    let input = base64::decode(&text("input", "")).ok_or("unable to decode input as base64: illegal base64 data")?;
    // What Vault would sign otherwise is a signature, and no one's that we asked for: PSS, of another hash, of a
    // digest hashed again, in another form.
    let prehashed = body["prehashed"] == true;
    let (rsa, ed25519) = (matches!(held.kind(), KeyKind::Rsa { .. }), held.kind() == KeyKind::Ed25519);
    let asked = prehashed != ed25519
        && (ed25519 || hash.replace("sha2-", "sha") == held.digest_name())
        && marshaling == "asn1"
        && (text("signature_algorithm", "pss") == "pkcs1v15" || !rsa);
    let signature = if asked { held.sign(&input) } else { Some(vec![0; 64]) };
    Ok((version, signature.ok_or("crypto/rsa: input must be hashed message")?))
}

#[test]
fn vault_transit_signs() {
    let here = |server: &Server| {
        let own = [("VAULT_ADDR", server.url.clone()), ("VAULT_TOKEN", TOKEN.to_owned())];
        [&own[..], &[("VAULT_NAMESPACE", "team".into()), ("TRANSIT_SECRET_ENGINE_PATH", "signing".into())]].concat()
    };
    fn lent<'a>(variables: &'a [(&'static str, String)]) -> Vec<(&'static str, &'a str)> {
        variables.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }
    let kinds = [KeyKind::P256, KeyKind::P384, KeyKind::P521, KeyKind::Rsa { bits: 2048 }, KeyKind::Ed25519];
    for kind in kinds {
        let held = Held::new(kind);
        let expected = held.public_key();
        let server = vault(held);
        let variables = here(&server);
        works("hashivault://release", &expected, &lent(&variables));
        // The version whose key was read is the one that signs.
        assert_eq!(server.received()[2].json()["key_version"], LATEST);
        works("hashivault://release?version=2", &expected, &lent(&variables));
        assert_eq!(server.received().last().unwrap().json()["key_version"], 2);
    }
    let server = vault(Held::impostor(KeyKind::P256));
    let variables = here(&server);
    let variables = lent(&variables);
    refused(&sign("hashivault://release", &variables), "signer-invalid", "");
    refused(&sign("hashivault://release?version=9", &variables), "kms-malformed", "no public key of the version");
    refused(&sign("hashivault://secret", &variables), "kms-malformed", "no public key of the version");
    refused(&sign("hashivault://absent", &variables), "kms-refused", "404");
    let early = "less than the minimum encryption key version";
    refused(&sign("hashivault://release?version=1", &variables), "kms-refused", early);
    let stranger = [&variables[..], &[("VAULT_TOKEN", "other")]].concat();
    refused(&sign("hashivault://release", &stranger), "kms-refused", "invalid token");
    refused(&sign("hashivault://release", &variables[1..]), "signer-credentials", "VAULT_ADDR");
    refused(&sign("hashivault://release", &variables[..1]), "signer-credentials", "VAULT_TOKEN");
}

#[test]
fn vault_transit_is_met_over_tls_by_the_variables_of_its_client() {
    let held = Held::new(KeyKind::P256);
    let expected = held.public_key().to_pem();
    let server = vault(held);
    let (private, desk) = (Private::new(), Desk::new());
    let at = private.before(&server.url, true);
    let (certificate, key) = private.leaf("client.example.com", ExtendedKeyUsagePurpose::ClientAuth);
    desk.write("root.pem", private.root.pem().as_bytes());
    desk.write("client.crt", certificate.pem().as_bytes());
    desk.write("client.key", key.serialize_pem().as_bytes());
    let ours = [("ADDR", at.as_str()), ("TOKEN", TOKEN), ("NAMESPACE", "team"), ("CACERT", "root.pem")];
    let own = [("CLIENT_CERT", "client.crt"), ("CLIENT_KEY", "client.key")];
    let ask = |prefix: &str, variables: &[(&str, &str)]| {
        let named: Vec<_> = variables.iter().map(|(name, value)| (format!("{prefix}_{name}"), *value)).collect();
        let mut lent: Vec<_> = named.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        lent.push(("TRANSIT_SECRET_ENGINE_PATH", "signing"));
        run(&desk, &["key", "public", "hashivault://release"], &lent)
    };
    for prefix in ["VAULT", "BAO"] {
        let shown = ask(prefix, &[&ours[..], &own].concat());
        assert_eq!(stdout(&shown), expected, "{prefix}: {}", stderr(&shown));
    }
    let asked = server.received().len();
    refused(&ask("VAULT", &[&ours[..3], &own].concat()), "net-tls", "");
    refused(&ask("VAULT", &ours), "net-tls", "CertificateRequired");
    // Half of a pair is none, and is not left out.
    refused(&ask("VAULT", &[&ours[..], &own[..1]].concat()), "vault-client-pair", "VAULT_CLIENT_KEY is not set");
    refused(&ask("BAO", &[&ours[..], &own[1..]].concat()), "vault-client-pair", "VAULT_CLIENT_CERT is not set");
    let missing = [&ours[..3], &own, &[("CACERT", "absent.pem")]].concat();
    refused(&ask("VAULT", &missing), "signer-credentials", "VAULT_CACERT");
    assert_eq!(server.received().len(), asked);
}
