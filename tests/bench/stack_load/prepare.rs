//! Requests, made before the clock runs: each a whole HTTP request behind its length.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use sealmark::base::crypto::{Digest, DigestAlgorithm, KeyKind, sha256};
use sealmark::base::encoding::{base64, pem};
use sealmark::base::time::UnixTime;
use sealmark::format::timestamp::TimestampRequest;
use sealmark::format::x509::build::{Extension, key_id};
use sealmark::format::x509::{Certificate, KeyUsage, oids};
use sealmark::stack::ca::profile::Authority;
use sealmark::stack::keys::PrivateKey;
use sealmark::stack::{Config, TokenRequest, token};
use serde_json::json;

struct Requests {
    file: BufWriter<File>,
    host: String,
}

impl Requests {
    fn create(url: &str, file: &Path) -> Self {
        let host = url.split_once("://").unwrap().1.to_owned();
        Self { file: BufWriter::new(File::create(file).unwrap()), host }
    }

    fn push(&mut self, path: &str, kind: &str, body: &[u8]) {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
            self.host,
            body.len()
        );
        let length = u32::try_from(head.len() + body.len()).unwrap();
        self.file.write_all(&length.to_be_bytes()).unwrap();
        self.file.write_all(head.as_bytes()).unwrap();
        self.file.write_all(body).unwrap();
    }
}

/// Requests to log signatures, as a client of the stack would make them.
pub(crate) fn entries(dir: &Path, count: u64, file: &Path) {
    let config = Config::read(dir).unwrap();
    let mut requests = Requests::create(&config.url, file);
    let ca = PrivateKey::read_any(&dir.join("keys/ca.pem"), &[KeyKind::P256, KeyKind::P384]).unwrap();
    let chain = std::fs::read_to_string(dir.join("certificates/ca.pem")).unwrap();
    let issuing = Certificate::from_der(&pem::decode_all(&chain, "CERTIFICATE").unwrap()[0]).unwrap();
    let from = UnixTime::from_secs(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs() as i64);
    for number in 0..count {
        let key = PrivateKey::generate(KeyKind::P256).unwrap();
        let extensions = [
            Extension::key_usage(KeyUsage::DIGITAL_SIGNATURE),
            Extension::extended_key_usage(&[oids::CODE_SIGNING], false),
            Extension::subject_key_id(&key_id(key.public_key())),
            Extension::authority_key_id(&key_id(issuing.public_key())),
        ];
        let subject =
            format!("https://github.com/example/project-{number}/.github/workflows/release.yml@refs/heads/main");
        let authority = Authority { organization: "bench", common_name: &subject[..64], from, until: None };
        let leaf = authority.sign(&ca, issuing.subject().der(), key.public_key(), &extensions).unwrap();
        let artifact = number.to_be_bytes();
        let request = json!({ "hashedRekordRequestV002": {
            "digest": base64::encode(&sha256(&[&artifact])),
            "signature": {
                "content": base64::encode(&key.sign(&artifact).unwrap()),
                "verifier": {
                    "x509Certificate": { "rawBytes": base64::encode(leaf.der()) },
                    "keyDetails": "PKIX_ECDSA_P256_SHA_256",
                },
            },
        }});
        requests.push("/api/v2/log/entries", "application/json", request.to_string().as_bytes());
    }
}

/// Requests for certificates.
pub(crate) fn certificates(dir: &Path, count: u64, file: &Path) {
    let config = Config::read(dir).unwrap();
    let mut requests = Requests::create(&config.url, file);
    for number in 0..count {
        let email = format!("signer-{number}@example.com");
        let token = token(dir, &TokenRequest::email(&email)).unwrap();
        let key = PrivateKey::generate(KeyKind::P256).unwrap();
        let request = json!({
            "credentials": { "oidcIdentityToken": token },
            "publicKeyRequest": {
                "publicKey": { "algorithm": "ECDSA", "content": key.public_key().to_pem() },
                "proofOfPossession": base64::encode(&key.sign(email.as_bytes()).unwrap()),
            },
        });
        requests.push("/api/v2/signingCert", "application/json", request.to_string().as_bytes());
    }
}

/// Requests for timestamps.
pub(crate) fn timestamps(url: &str, count: u64, file: &Path) {
    let mut requests = Requests::create(url, file);
    for number in 0..count {
        let digest = Digest::of(DigestAlgorithm::Sha256, &number.to_be_bytes());
        let request = TimestampRequest::new(digest, Some(&[7, 7, 7]), false).to_der();
        requests.push("/api/v1/timestamp", "application/timestamp-query", &request);
    }
}
