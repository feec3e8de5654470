//! Azure Key Vault and its token service by a fake with the rules of their references and the words of their answers.

use sealmark::base::crypto::KeyKind;
use sealmark::base::encoding::base64;
use sealmark::base::encoding::der::{Reader, tag};
use serde_json::{Value, json};

use super::holder::{Held, TOKEN, refused, sign, works};
use crate::cli::authorities::Server;

const VERSION: &str = "9885aa558e8d448789683188f8c194b0";

/// An unsigned number in as many octets.
fn padded(number: &[u8], size: usize) -> Vec<u8> {
    let number = &number[number.iter().take_while(|byte| **byte == 0).count()..];
    [&vec![0; size - number.len()][..], number].concat()
}

/// r and s, each as long as the curve's numbers (RFC 7518 section 3.4).
fn raw(signature: &[u8], half: usize) -> Vec<u8> {
    let mut numbers = Reader::whole(signature, tag::SEQUENCE).unwrap();
    let (r, s) = (numbers.integer().unwrap(), numbers.integer().unwrap());
    [padded(r, half), padded(s, half)].concat()
}

/// The octets of a number of the curve.
fn half(held: &Held) -> usize {
    (held.public_key().key_bytes().len() - 1) / 2
}

/// The key as a JWK with `kid`.
fn jwk(held: &Held, kid: &str) -> Value {
    let key = held.public_key();
    let (bytes, half) = (key.key_bytes(), half(held));
    match key.kind() {
        KeyKind::Rsa { bits } => {
            let n = Reader::whole(bytes, tag::SEQUENCE).unwrap().integer().unwrap().to_vec();
            let n = base64::encode_url(&padded(&n, bits / 8));
            json!({ "key": { "kid": kid, "kty": "RSA-HSM", "n": n, "e": "AQAB" }, "attributes": { "enabled": true } })
        }
        kind => {
            let (x, y) = (base64::encode_url(&bytes[1..=half]), base64::encode_url(&bytes[1 + half..]));
            json!({ "key": { "kid": kid, "kty": "EC", "crv": kind.to_string(), "x": x, "y": y } })
        }
    }
}

fn azure(held: Held) -> Server {
    Server::start(move |request| {
        let host = request.head.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default();
        let here = format!("http://{host}");
        let answer = |body: Value| (200, body.to_string());
        let error = |status: u16, code: &str, words: &str| {
            (status, json!({ "error": { "code": code, "message": words } }).to_string())
        };
        if request.target == "/tenant/oauth2/v2.0/token" {
            return token(&String::from_utf8_lossy(&request.body));
        }
        if !request.head.contains(&format!("authorization: bearer {TOKEN}")) {
            return error(401, "Unauthorized", "AKV10000: Request is missing a Bearer or PoP token.");
        }
        let Some(path) = request.target.strip_suffix("?api-version=7.4") else {
            return error(400, "BadParameter", "The request is missing a required api-version.");
        };
        let kid = format!("{here}/keys/release/{VERSION}");
        match (request.method.as_str(), path) {
            ("GET", "/keys/release") => answer(jwk(&held, &kid)),
            ("GET", path) if path == format!("/keys/release/{VERSION}") => answer(jwk(&held, &kid)),
            ("GET", "/keys/moved") => answer(jwk(&held, "https://evil.example/keys/release/0123")),
            ("GET", "/keys/disabled") => error(403, "Forbidden", "Operation get is not allowed on a disabled key."),
            ("GET", path) => {
                let name = path.trim_start_matches("/keys/");
                error(404, "KeyNotFound", &format!("A key with (name/id) {name} was not found in this key vault."))
            }
            ("POST", path) if path == format!("/keys/release/{VERSION}/sign") => {
                match operation(&held, &request.json()) {
                    Ok(value) => answer(json!({ "kid": kid, "value": base64::encode_url(&value) })),
                    Err(words) => error(400, "BadParameter", words),
                }
            }
            _ => error(405, "MethodNotAllowed", "The method is not allowed."),
        }
    })
}

/// RFC 6749 section 4.4 with a secret, or RFC 7523 section 2.2 with a token of the platform.
fn token(form: &str) -> (u16, String) {
    let has = |field: &str| form.split('&').any(|found| found == field);
    let refused = |words: &str| {
        (401, json!({ "error": "invalid_client", "error_description": words, "error_codes": [7_000_215] }).to_string())
    };
    let assertion = "client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";
    let asks = ["grant_type=client_credentials", "client_id=client", "scope=https%3A%2F%2Fvault.azure.net%2F.default"];
    if !asks.iter().all(|field| has(field)) {
        return (400, json!({ "error": "invalid_request" }).to_string());
    }
    match (has("client_secret=secret-of-the-client"), has("client_assertion=jwt-of-the-pod") && has(assertion)) {
        (true, false) | (false, true) => (200, json!({ "token_type": "Bearer", "access_token": TOKEN }).to_string()),
        _ => refused("AADSTS7000215: Invalid client secret provided."),
    }
}

fn operation(held: &Held, body: &Value) -> Result<Vec<u8>, &'static str> {
    let algorithm = match held.kind() {
        KeyKind::P256 => "ES256",
        KeyKind::P384 => "ES384",
        KeyKind::P521 => "ES512",
        _ => "RS256",
    };
    if body["alg"] != algorithm {
        return Err("Key and signing key algorithm are incompatible.");
    }
    let value = body["value"].as_str().and_then(base64::decode_url).ok_or("Property value is not base64url.")?;
    let signature = held.sign(&value).ok_or("Invalid length of 'value'.")?;
    Ok(if algorithm == "RS256" { signature } else { raw(&signature, half(held)) })
}

#[test]
fn azure_key_vault_signs() {
    let name = |server: &Server, key: &str| format!("azurekms://{}/{key}", server.url.strip_prefix("http://").unwrap());
    let bearer = [("AZURE_ACCESS_TOKEN", TOKEN)];
    let rsa = [2048, 3072].map(|bits| KeyKind::Rsa { bits });
    for kind in [KeyKind::P256, KeyKind::P384, KeyKind::P521].into_iter().chain(rsa) {
        let held = Held::new(kind);
        let expected = held.public_key();
        let server = azure(held);
        works(&name(&server, "release"), &expected, &bearer);
        works(&name(&server, &format!("release/{VERSION}")), &expected, &bearer);
    }
    let server = azure(Held::new(KeyKind::P256));
    let client = [
        ("AZURE_AUTHORITY_HOST", server.url.as_str()),
        ("AZURE_TENANT_ID", "tenant"),
        ("AZURE_CLIENT_ID", "client"),
        ("AZURE_CLIENT_SECRET", "secret-of-the-client"),
    ];
    let release = name(&server, "release");
    assert!(sign(&release, &client).status.success());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "jwt-of-the-pod\n").unwrap();
    let federated = [&client[..3], &[("AZURE_FEDERATED_TOKEN_FILE", file.to_str().unwrap())]].concat();
    assert!(sign(&release, &federated).status.success());
    let wrong = [&client[..3], &[("AZURE_CLIENT_SECRET", "another-secret")]].concat();
    let output = sign(&release, &wrong);
    refused(&output, "kms-refused", "AADSTS7000215");
    assert!(!crate::cli::stderr(&output).contains("another-secret"), "x09");
    refused(&sign(&release, &client[..3]), "signer-credentials", "AZURE_CLIENT_SECRET");
    refused(&sign(&release, &[]), "signer-credentials", "AZURE_ACCESS_TOKEN");
    refused(&sign(&release, &[("AZURE_ACCESS_TOKEN", "other")]), "kms-refused", "AKV10000");
    refused(&sign(&name(&server, "moved"), &bearer), "kms-malformed", "kid leads to another vault");
    refused(&sign(&name(&server, "disabled"), &bearer), "kms-refused", "disabled key");
    refused(&sign(&name(&server, "absent"), &bearer), "kms-refused", "was not found in this key vault");
    let impostor = azure(Held::impostor(KeyKind::P256));
    refused(&sign(&name(&impostor, "release"), &bearer), "signer-invalid", "");
}
