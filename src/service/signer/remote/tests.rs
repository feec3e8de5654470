//! Each service by a fake that takes what the service takes and nothing else.

use std::sync::Arc;

use crate::base::crypto::{Digest, DigestAlgorithm, KeyKind, PublicKey};
use crate::base::encoding::base64;
use crate::base::encoding::der::{Reader, tag};
use crate::base::encoding::json::Json;
use crate::service::environment::{Environment, FixedEnvironment};
use crate::service::http::fake::{Answer, FakeServer, Received, block_on, impatient_client};
use crate::service::signer::{KeyReference, Prepared, PrivateKey, Signer, SignerError, sign_digest, sign_message};

const TOKEN: &str = "canary-token-of-the-service";

/// A key that the service holds, and one that an impostor signs with.
struct Held {
    key: PrivateKey,
    impostor: Option<PrivateKey>,
}

impl Held {
    fn new(kind: KeyKind) -> Self {
        Self { key: PrivateKey::generate(kind).unwrap(), impostor: None }
    }

    fn impostor(self) -> Self {
        Self { impostor: PrivateKey::generate(self.public_key().kind()).ok(), ..self }
    }

    fn public_key(&self) -> PublicKey {
        self.key.signer().public_key().clone()
    }

    /// Signs as a service does: a digest of the right length and nothing else, or a message for Ed25519.
    fn sign(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        let signer = self.impostor.as_ref().unwrap_or(&self.key).signer();
        let digest = Digest::from_bytes(signer.scheme().digest, bytes);
        match (self.public_key().kind(), digest) {
            (KeyKind::Ed25519, _) => block_on(signer.sign(Prepared::Message(bytes))).ok(),
            (_, Some(digest)) => block_on(signer.sign(Prepared::Digest(&digest))).ok(),
            (_, None) => None,
        }
    }
}

fn text<'j>(json: &'j Json<'_>, name: &str) -> Option<&'j str> {
    json.member(name)?.as_str()
}

/// Opens the key by its name and signs with it.
fn run(name: &str, variables: &[(&str, &str)]) -> Result<PublicKey, SignerError> {
    let mut environment = FixedEnvironment { now: Some(NOW), ..FixedEnvironment::default() };
    for (name, value) in variables {
        environment.variables.insert((*name).to_owned(), (*value).to_owned());
    }
    let environment: Arc<dyn Environment> = Arc::new(environment);
    block_on(async {
        let signer = KeyReference::parse(name).unwrap()?.open(&impatient_client(), &environment).await?;
        sign_message(&*signer, b"message").await?;
        if signer.public_key().kind() != KeyKind::Ed25519 {
            sign_digest(&*signer, &Digest::of(signer.scheme().digest, b"another")).await?;
        }
        Ok(signer.public_key().clone())
    })
}

const NOW: crate::base::time::UnixTime = crate::base::time::UnixTime::from_secs(1_767_323_045);

fn refused(error: SignerError, code: &str) {
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains(TOKEN), "x09: {shown}");
    assert_eq!(error.code().name(), code, "{shown}");
}

// ------------------------------------------------------------------------------------------- Vault

fn vault(held: Held, latest: u64) -> FakeServer {
    FakeServer::start(move |_, request| {
        let answer = |status, body: serde_json::Value| Answer::new(status, body.to_string());
        let errors = |status, text: &str| answer(status, serde_json::json!({ "errors": [text] }));
        if request.header("x-vault-token") != Some(TOKEN) {
            // It repeats what it was sent.
            return errors(403, &format!("permission denied for {:?}", request.header("x-vault-token")));
        }
        match (request.method.as_str(), request.target.as_str()) {
            ("GET", "/v1/transit/keys/release") => {
                let key = held.public_key();
                let shown = match key.kind() {
                    KeyKind::Ed25519 => base64::encode(key.key_bytes()),
                    _ => key.to_pem(),
                };
                let keys = serde_json::json!({ "1": { "public_key": shown }, "2": { "public_key": shown } });
                answer(200, serde_json::json!({ "data": { "latest_version": latest, "keys": keys } }))
            }
            ("POST", "/v1/transit/sign/release") => match transit(&held, request) {
                Some((version, signature)) => {
                    let signature = format!("vault:v{version}:{}", base64::encode(&signature));
                    answer(200, serde_json::json!({ "data": { "signature": signature } }))
                }
                None => errors(400, "1 error occurred: invalid request"),
            },
            _ => errors(404, ""),
        }
    })
}

fn transit(held: &Held, request: &Received) -> Option<(u64, Vec<u8>)> {
    let json = Json::parse(&request.body).ok()?;
    let version = crate::base::encoding::json::unsigned(json.member("key_version")?, "").ok()?;
    let kind = held.public_key().kind();
    let hash = match held.key.signer().scheme().digest {
        DigestAlgorithm::Sha256 => "sha2-256",
        DigestAlgorithm::Sha384 => "sha2-384",
        DigestAlgorithm::Sha512 => "sha2-512",
    };
    let prehashed = json.member("prehashed") == Some(&Json::Bool(true)) && text(&json, "hash_algorithm") == Some(hash);
    let rsa = (text(&json, "signature_algorithm") == Some("pkcs1v15")) == matches!(kind, KeyKind::Rsa { .. });
    let asn1 = text(&json, "marshaling_algorithm") == Some("asn1");
    let input = base64::decode(text(&json, "input")?)?;
    ((prehashed != (kind == KeyKind::Ed25519)) && rsa && asn1).then_some(())?;
    Some((version, held.sign(&input)?))
}

#[test]
fn vault_transit_signs() {
    let kinds = [KeyKind::P256, KeyKind::P384, KeyKind::P521, KeyKind::Rsa { bits: 2048 }, KeyKind::Ed25519];
    for kind in kinds {
        let held = Held::new(kind);
        let expected = held.public_key();
        let server = vault(held, 2);
        let variables = [("VAULT_ADDR", server.url.as_str()), ("VAULT_TOKEN", TOKEN)];
        assert_eq!(run("hashivault://release", &variables).unwrap(), expected, "{kind}");
        // The version whose key was read is the one that signs.
        let body = |request: &Received| String::from_utf8(request.body.clone()).unwrap();
        assert!(body(&server.received()[1]).contains("\"key_version\":2"));
        assert!(run("hashivault://release?version=1", &variables).is_ok());
        assert!(body(server.received().last().unwrap()).contains("\"key_version\":1"));
    }
    let server = vault(Held::new(KeyKind::P256).impostor(), 2);
    let variables = [("VAULT_ADDR", server.url.as_str()), ("VAULT_TOKEN", TOKEN)];
    refused(run("hashivault://release", &variables).unwrap_err(), "signer-invalid");
    refused(run("hashivault://release?version=9", &variables).unwrap_err(), "kms-malformed");
    refused(run("hashivault://absent", &variables).unwrap_err(), "kms-refused");
    refused(run("hashivault://release", &[variables[0], ("VAULT_TOKEN", "other")]).unwrap_err(), "kms-refused");
    refused(run("hashivault://release", &variables[1..]).unwrap_err(), "signer-credentials");
    refused(run("hashivault://release", &variables[..1]).unwrap_err(), "signer-credentials");
}

// --------------------------------------------------------------------------------------------- AWS

fn aws(held: Held) -> FakeServer {
    FakeServer::start(move |_, request| {
        let failed =
            |status, kind: &str| Answer::new(status, format!(r#"{{"__type":"{kind}","message":"{kind} {TOKEN}"}}"#));
        let signed = request.header("authorization").is_some_and(|text| {
            text.starts_with(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/us-east-2/kms/aws4_request, SignedHeaders=",
            )
        });
        let dated = request.header("x-amz-date") == Some("20260102T030405Z");
        if !signed || !dated || request.header("content-type") != Some("application/x-amz-json-1.1") {
            return failed(400, "IncompleteSignatureException");
        }
        let Ok(json) = Json::parse(&request.body) else { return failed(400, "SerializationException") };
        match (request.header("x-amz-target"), text(&json, "KeyId")) {
            (Some("TrentService.GetPublicKey"), Some("alias/release")) => {
                let spki = base64::encode(held.public_key().spki());
                Answer::new(200, serde_json::json!({ "KeyId": "arn:key/1", "PublicKey": spki }).to_string())
            }
            // Only by the key's own name, which no alias can move.
            (Some("TrentService.Sign"), Some("arn:key/1")) => {
                let algorithm = match held.public_key().kind() {
                    KeyKind::P256 => "ECDSA_SHA_256",
                    KeyKind::P384 => "ECDSA_SHA_384",
                    KeyKind::P521 => "ECDSA_SHA_512",
                    _ => "RSASSA_PKCS1_V1_5_SHA_256",
                };
                let fits = text(&json, "SigningAlgorithm") == Some(algorithm);
                let digest = text(&json, "MessageType") == Some("DIGEST") && fits;
                let message = text(&json, "Message").and_then(base64::decode).filter(|_| digest);
                match message.and_then(|message| held.sign(&message)) {
                    Some(signature) => {
                        let signature = base64::encode(&signature);
                        Answer::new(200, serde_json::json!({ "Signature": signature }).to_string())
                    }
                    None => failed(400, "ValidationException"),
                }
            }
            _ => failed(400, "NotFoundException"),
        }
    })
}

#[test]
fn aws_kms_signs() {
    let variables = |extra: &'static [(&'static str, &'static str)]| {
        let own = [("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", TOKEN)];
        own.into_iter().chain(extra.iter().copied()).collect::<Vec<_>>()
    };
    let with_region = variables(&[("AWS_REGION", "us-east-2")]);
    let name = |server: &FakeServer, id: &str| format!("awskms://{}/{id}", server.url.strip_prefix("http://").unwrap());
    for kind in [KeyKind::P256, KeyKind::P384, KeyKind::P521, KeyKind::Rsa { bits: 2048 }] {
        let held = Held::new(kind);
        let expected = held.public_key();
        let server = aws(held);
        assert_eq!(run(&name(&server, "alias/release"), &with_region).unwrap(), expected, "{kind}");
    }
    let server = aws(Held::new(KeyKind::P256).impostor());
    refused(run(&name(&server, "alias/release"), &with_region).unwrap_err(), "signer-invalid");
    refused(run(&name(&server, "alias/absent"), &with_region).unwrap_err(), "kms-refused");
    refused(run(&name(&server, "alias/release"), &variables(&[])).unwrap_err(), "signer-credentials");
    refused(run(&name(&server, "alias/release"), &[]).unwrap_err(), "signer-credentials");
    let strange = variables(&[("AWS_REGION", "evil.example/")]);
    refused(run("awskms:///alias/release", &strange).unwrap_err(), "signer-credentials");
}

// ------------------------------------------------------------------------------------------ Google

const VERSION: &str = "projects/p/locations/l/keyRings/r/cryptoKeys/k/cryptoKeyVersions/1";

fn google(held: Held, named: &'static str) -> FakeServer {
    FakeServer::start(move |_, request| {
        if request.header("authorization") != Some(&format!("Bearer {TOKEN}")) {
            return Answer::new(401, r#"{"error":{"code":401,"message":"UNAUTHENTICATED"}}"#);
        }
        let (key, sign) = (format!("/v1/{VERSION}/publicKey"), format!("/v1/{VERSION}:asymmetricSign"));
        if request.method == "GET" && request.target == key {
            return Answer::new(
                200,
                serde_json::json!({ "name": named, "pem": held.public_key().to_pem() }).to_string(),
            );
        }
        let signature = || {
            let json = Json::parse(&request.body).ok()?;
            let digest = text(json.member("digest")?, held.key.signer().scheme().digest.name())?;
            held.sign(&base64::decode(digest)?)
        };
        match (request.method.as_str(), request.target == sign, signature()) {
            ("POST", true, Some(signature)) => {
                Answer::new(200, serde_json::json!({ "signature": base64::encode(&signature) }).to_string())
            }
            _ => Answer::new(400, r#"{"error":{"code":400,"message":"INVALID_ARGUMENT"}}"#),
        }
    })
}

#[test]
fn google_kms_signs() {
    let name = format!("gcpkms://{VERSION}");
    let with = |server: &FakeServer| [("CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS", server.url.clone())];
    let run_on = |server: &FakeServer, token: &str| {
        let [(variable, url)] = &with(server);
        run(&name, &[(variable, url), ("CLOUDSDK_AUTH_ACCESS_TOKEN", token)])
    };
    for kind in [KeyKind::P256, KeyKind::P384, KeyKind::Rsa { bits: 2048 }] {
        let held = Held::new(kind);
        let expected = held.public_key();
        assert_eq!(run_on(&google(held, VERSION), TOKEN).unwrap(), expected, "{kind}");
    }
    refused(run_on(&google(Held::new(KeyKind::P256).impostor(), VERSION), TOKEN).unwrap_err(), "signer-invalid");
    refused(run_on(&google(Held::new(KeyKind::P256), "another"), TOKEN).unwrap_err(), "kms-malformed");
    refused(run_on(&google(Held::new(KeyKind::P256), VERSION), "other").unwrap_err(), "kms-refused");
    refused(run(&name, &[]).unwrap_err(), "signer-credentials");
}

// ------------------------------------------------------------------------------------------- Azure

/// r and s, each as long as the curve's numbers.
fn raw(signature: &[u8], half: usize) -> Vec<u8> {
    let mut numbers = Reader::whole(signature, tag::SEQUENCE).unwrap();
    let mut out = Vec::new();
    for _ in 0..2 {
        let number = numbers.integer().unwrap();
        let number = &number[number.iter().take_while(|byte| **byte == 0).count()..];
        out.resize(out.len() + half - number.len(), 0);
        out.extend_from_slice(number);
    }
    out
}

fn azure(held: Held) -> FakeServer {
    FakeServer::start(move |_, request| {
        let here = format!("http://{}", request.header("host").unwrap());
        let answer = |body: serde_json::Value| Answer::new(200, body.to_string());
        if request.target == "/tenant/oauth2/v2.0/token" {
            let form = String::from_utf8(request.body.clone()).unwrap();
            let right = form.contains("grant_type=client_credentials&client_id=client&")
                && form.contains("scope=https%3A%2F%2Fvault.azure.net%2F.default")
                && (form.contains("client_secret=secret-of-the-client") || form.contains("client_assertion=jwt"));
            return match right {
                true => answer(serde_json::json!({ "token_type": "Bearer", "access_token": TOKEN })),
                false => Answer::new(401, r#"{"error":"invalid_client"}"#),
            };
        }
        if request.header("authorization") != Some(&format!("Bearer {TOKEN}")) {
            return Answer::new(401, r#"{"error":{"code":"Unauthorized"}}"#);
        }
        let public_key = held.public_key();
        let (kind, bytes) = (public_key.kind(), public_key.key_bytes());
        let half = (bytes.len() - 1) / 2;
        match request.target.as_str() {
            "/keys/release?api-version=7.4" => {
                let number = |bytes: &[u8]| base64::encode_url(bytes);
                let kid = format!("{here}/keys/release/0123");
                answer(match kind {
                    KeyKind::Rsa { .. } => {
                        let mut key = Reader::whole(bytes, tag::SEQUENCE).unwrap();
                        let n = key.integer().unwrap().to_vec();
                        let (n, e) = (number(&n[n.iter().take_while(|b| **b == 0).count()..]), number(&[1, 0, 1]));
                        serde_json::json!({ "key": { "kid": kid, "kty": "RSA-HSM", "n": n, "e": e } })
                    }
                    _ => {
                        let (x, y) = (number(&bytes[1..=half]), number(&bytes[1 + half..]));
                        serde_json::json!({ "key": { "kid": kid, "kty": "EC", "crv": kind.to_string(), "x": x, "y": y } })
                    }
                })
            }
            "/keys/moved?api-version=7.4" => {
                let (x, y) = (base64::encode_url(&bytes[1..=half]), base64::encode_url(&bytes[1 + half..]));
                let kid = "https://evil.example/keys/release/0123";
                answer(
                    serde_json::json!({ "key": { "kid": kid, "kty": "EC", "crv": kind.to_string(), "x": x, "y": y } }),
                )
            }
            "/keys/release/0123/sign?api-version=7.4" => {
                let json = Json::parse(&request.body).unwrap();
                let algorithm = match kind {
                    KeyKind::P256 => "ES256",
                    KeyKind::P384 => "ES384",
                    KeyKind::P521 => "ES512",
                    _ => "RS256",
                };
                let value = text(&json, "value").and_then(base64::decode_url);
                match value.filter(|_| text(&json, "alg") == Some(algorithm)).and_then(|value| held.sign(&value)) {
                    Some(signature) if matches!(kind, KeyKind::Rsa { .. }) => {
                        answer(serde_json::json!({ "value": base64::encode_url(&signature) }))
                    }
                    Some(signature) => {
                        answer(serde_json::json!({ "value": base64::encode_url(&raw(&signature, half)) }))
                    }
                    None => Answer::new(400, r#"{"error":{"code":"BadParameter"}}"#),
                }
            }
            _ => Answer::new(404, r#"{"error":{"code":"KeyNotFound"}}"#),
        }
    })
}

#[test]
fn azure_key_vault_signs() {
    let name =
        |server: &FakeServer, key: &str| format!("azurekms://{}/{key}", server.url.strip_prefix("http://").unwrap());
    let token = [("AZURE_ACCESS_TOKEN", TOKEN)];
    for kind in [KeyKind::P256, KeyKind::P384, KeyKind::P521, KeyKind::Rsa { bits: 2048 }] {
        let held = Held::new(kind);
        let expected = held.public_key();
        let server = azure(held);
        assert_eq!(run(&name(&server, "release"), &token).unwrap(), expected, "{kind}");
    }
    let server = azure(Held::new(KeyKind::P256));
    let client = [
        ("AZURE_AUTHORITY_HOST", server.url.as_str()),
        ("AZURE_TENANT_ID", "tenant"),
        ("AZURE_CLIENT_ID", "client"),
        ("AZURE_CLIENT_SECRET", "secret-of-the-client"),
    ];
    assert!(run(&name(&server, "release"), &client).is_ok());
    let wrong = [client[0], client[1], client[2], ("AZURE_CLIENT_SECRET", "another-secret")];
    refused(run(&name(&server, "release"), &wrong).unwrap_err(), "kms-refused");
    refused(run(&name(&server, "release"), &client[..3]).unwrap_err(), "signer-credentials");
    refused(run(&name(&server, "release"), &[]).unwrap_err(), "signer-credentials");
    refused(run(&name(&server, "moved"), &token).unwrap_err(), "kms-malformed");
    refused(run(&name(&server, "absent"), &token).unwrap_err(), "kms-refused");
    let server = azure(Held::new(KeyKind::P256).impostor());
    refused(run(&name(&server, "release"), &token).unwrap_err(), "signer-invalid");
}
