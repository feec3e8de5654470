//! Google Cloud KMS by a fake with the rules of its REST reference and the words that it answers with.

use sealmark::base::crypto::KeyKind;
use sealmark::base::encoding::base64;
use serde_json::{Value, json};

use super::holder::{Held, TOKEN, refused, sign, works};
use crate::cli::authorities::Server;

const KEY: &str = "projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions";

/// `CryptoKeyVersionAlgorithm`
fn algorithm(held: &Held) -> String {
    match held.kind() {
        KeyKind::P256 => "EC_SIGN_P256_SHA256".to_owned(),
        KeyKind::P384 => "EC_SIGN_P384_SHA384".to_owned(),
        KeyKind::Ed25519 => "EC_SIGN_ED25519".to_owned(),
        KeyKind::Rsa { bits } => format!("RSA_SIGN_PKCS1_{bits}_SHA256"),
        KeyKind::P521 => panic!("it has no P-521"),
    }
}

/// Version 1 is of this key, version 2 is disabled, version 3 pads by PSS, version 4 answers for version 1.
fn google(held: Held) -> Server {
    Server::start(move |request| {
        let error = |status: u16, name: &str, words: &str| {
            (status, json!({ "error": { "code": status, "message": words, "status": name } }).to_string())
        };
        if !request.head.contains(&format!("authorization: bearer {TOKEN}")) {
            return error(
                401,
                "UNAUTHENTICATED",
                "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other \
                 valid authentication credential.",
            );
        }
        let shown = |name: &str, algorithm: &str| {
            let key = json!({ "name": name, "algorithm": algorithm, "pem": held.public_key().to_pem() });
            (200, key.to_string())
        };
        let of = |version: &str| format!("{KEY}/{version}");
        match (request.method.as_str(), request.target.strip_prefix("/v1/").and_then(|rest| rest.strip_prefix(KEY))) {
            ("GET", Some("/1/publicKey")) => shown(&of("1"), &algorithm(&held)),
            ("GET", Some("/2/publicKey")) => {
                error(400, "FAILED_PRECONDITION", &format!("{} is not enabled, current state is: DISABLED.", of("2")))
            }
            ("GET", Some("/3/publicKey")) => shown(&of("3"), "RSA_SIGN_PSS_2048_SHA256"),
            ("GET", Some("/4/publicKey")) => shown(&of("1"), &algorithm(&held)),
            ("POST", Some("/1:asymmetricSign")) => match asymmetric_sign(&held, &request.json()) {
                Ok(signature) => (200, json!({ "name": of("1"), "signature": base64::encode(&signature) }).to_string()),
                Err(words) => error(400, "INVALID_ARGUMENT", &words),
            },
            _ => error(404, "NOT_FOUND", &format!("CryptoKeyVersion {} not found.", of("9"))),
        }
    })
}

fn asymmetric_sign(held: &Held, body: &Value) -> Result<Vec<u8>, String> {
    let bytes = |value: &Value| value.as_str().and_then(base64::decode);
    let refused = || Err(format!("the request does not fit {}", algorithm(held)));
    match (body["digest"].as_object(), bytes(&body["data"])) {
        (Some(digest), None) if digest.len() == 1 && held.kind() != KeyKind::Ed25519 => {
            let Some(digest) = digest.get(held.digest_name()).and_then(bytes) else { return refused() };
            let size = digest.len();
            held.sign(&digest).ok_or_else(|| format!("provided digest has incorrect size (got {size})"))
        }
        (None, Some(data)) if held.kind() == KeyKind::Ed25519 => Ok(held.sign(&data).unwrap()),
        _ => refused(),
    }
}

#[test]
fn google_kms_signs() {
    let name = |version: u8| format!("gcpkms://{KEY}/{version}");
    let here = |server: &Server| server.url.clone();
    let with = |url: &str, token: &str, version: u8| {
        sign(
            &name(version),
            &[("CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS", url), ("CLOUDSDK_AUTH_ACCESS_TOKEN", token)],
        )
    };
    let rsa = [2048, 4096].map(|bits| KeyKind::Rsa { bits });
    for kind in [KeyKind::P256, KeyKind::P384, KeyKind::Ed25519].into_iter().chain(rsa) {
        let held = Held::new(kind);
        let expected = held.public_key();
        let url = here(&google(held));
        let own = ("CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS", url.as_str());
        works(&name(1), &expected, &[own, ("CLOUDSDK_AUTH_ACCESS_TOKEN", TOKEN)]);
        // cosign's way to write it, and Terraform's variable.
        let cosign = name(1).replace("cryptoKeyVersions", "versions");
        let signed = sign(&cosign, &[own, ("GOOGLE_OAUTH_ACCESS_TOKEN", TOKEN)]);
        assert_eq!(signed.status.success(), kind != KeyKind::Ed25519, "{kind}");
    }
    let url = here(&google(Held::impostor(KeyKind::P256)));
    refused(&with(&url, TOKEN, 1), "signer-invalid", "");
    refused(&with(&url, "other", 1), "kms-refused", "invalid authentication credentials");
    refused(&with(&url, TOKEN, 2), "kms-refused", "current state is: DISABLED");
    refused(&with(&url, TOKEN, 3), "signer-key-algorithm", "RSA_SIGN_PSS_2048_SHA256");
    refused(&with(&url, TOKEN, 4), "kms-malformed", "it names another key");
    refused(&with(&url, TOKEN, 9), "kms-refused", "not found");
    refused(&sign(&name(1), &[]), "signer-credentials", "gcloud auth print-access-token");
}
