//! AWS by a fake that takes what the service takes and nothing else. The other services stand behind the program, in
//! the tests of the command line.

use std::sync::Arc;

use crate::base::crypto::{Digest, KeyKind, PublicKey};
use crate::base::encoding::base64;
use crate::base::encoding::json::Json;
use crate::service::environment::{Environment, FixedEnvironment};
use crate::service::http::fake::{Answer, FakeServer, block_on, impatient_client};
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
                    KeyKind::Ed25519 => "ED25519_SHA_512",
                    KeyKind::Rsa { .. } => "RSASSA_PKCS1_V1_5_SHA_256",
                };
                let whole = if held.public_key().kind() == KeyKind::Ed25519 { "RAW" } else { "DIGEST" };
                let fits = text(&json, "SigningAlgorithm") == Some(algorithm);
                let fits = fits && text(&json, "MessageType") == Some(whole);
                let message = text(&json, "Message").and_then(base64::decode);
                let message = message.filter(|message| fits && (1..=4096).contains(&message.len()));
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
    for kind in [KeyKind::P256, KeyKind::P384, KeyKind::P521, KeyKind::Rsa { bits: 2048 }, KeyKind::Ed25519] {
        let held = Held::new(kind);
        let expected = held.public_key();
        let server = aws(held);
        assert_eq!(run(&name(&server, "alias/release"), &with_region).unwrap(), expected, "{kind}");
    }
    // An Ed25519 key signs messages whole, and the service takes no long ones; every other kind signs a digest.
    let environment = || -> Arc<dyn Environment> {
        let mut environment = FixedEnvironment { now: Some(NOW), ..FixedEnvironment::default() };
        environment.variables.extend(with_region.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        Arc::new(environment)
    };
    let sign = |kind: KeyKind, length: usize| {
        let server = aws(Held::new(kind));
        block_on(async {
            let key = KeyReference::parse(&name(&server, "alias/release")).unwrap()?;
            let signer = key.open(&impatient_client(), &environment()).await?;
            sign_message(&*signer, &vec![7; length]).await
        })
    };
    assert!(sign(KeyKind::Ed25519, 4096).is_ok() && sign(KeyKind::P256, 4097).is_ok());
    refused(sign(KeyKind::Ed25519, 4097).unwrap_err(), "signer-message-long");
    let server = aws(Held::new(KeyKind::P256).impostor());
    refused(run(&name(&server, "alias/release"), &with_region).unwrap_err(), "signer-invalid");
    refused(run(&name(&server, "alias/absent"), &with_region).unwrap_err(), "kms-refused");
    refused(run(&name(&server, "alias/release"), &variables(&[])).unwrap_err(), "signer-credentials");
    refused(run(&name(&server, "alias/release"), &[]).unwrap_err(), "signer-credentials");
    let strange = variables(&[("AWS_REGION", "evil.example/")]);
    refused(run("awskms:///alias/release", &strange).unwrap_err(), "signer-credentials");
}
