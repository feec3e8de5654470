//! A signer of raw requests: what real clients send, byte by byte.

use sealmark::base::crypto::{Digest, DigestAlgorithm, KeyKind, PublicKey};
use sealmark::base::encoding::base64;
use sealmark::base::encoding::json::Json;
use sealmark::format::bundle::{CertificateMaterial, Content, LogEntry, UnverifiedBundle, VerificationMaterial};
use sealmark::format::jwt::UnverifiedToken;
use sealmark::format::timestamp::TimestampRequest;
use sealmark::format::x509::{Certificate, CertificateRequest};
use sealmark::stack::keys::PrivateKey;
use serde_json::{Value, json};

use super::http::{Answer, Http};

/// The two forms of a certificate request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// As sigstore-go and sigstore-js send it.
    PublicKey,
    /// As sigstore-python sends it.
    SigningRequest,
}

/// What is signed as proof of possession: the e-mail address, or the subject.
pub(super) fn challenge(token: &str) -> String {
    let token = UnverifiedToken::parse(token).unwrap();
    let claims = token.claims();
    claims.text("email").or(claims.text("sub")).unwrap().to_owned()
}

/// The body of form A.
pub(super) fn public_key_request(token: &str, key: &PublicKey, proof: &[u8]) -> Value {
    json!({
        "credentials": { "oidcIdentityToken": token },
        "publicKeyRequest": {
            "publicKey": { "algorithm": "ECDSA", "content": key.to_pem() },
            "proofOfPossession": base64::encode(proof),
        },
    })
}

/// The PEM of form B.
pub(super) fn signing_request(key: &PrivateKey) -> String {
    let info = CertificateRequest::info_der(key.public_key());
    let der = CertificateRequest::write(&info, key.scheme(), &key.sign(&info).unwrap());
    sealmark::base::encoding::pem::encode("CERTIFICATE REQUEST", &der)
}

/// Asks for a certificate.
pub(super) async fn request_certificate(http: &Http, token: &str, form: Form, key: &PrivateKey) -> Answer {
    let path = "/api/v2/signingCert";
    match form {
        Form::PublicKey => {
            let proof = key.sign(challenge(token).as_bytes()).unwrap();
            http.post_json(path, &public_key_request(token, key.public_key(), &proof)).await
        }
        Form::SigningRequest => {
            let body = json!({ "certificateSigningRequest": base64::encode(signing_request(key).as_bytes()) });
            let bearer = format!("Bearer {token}");
            let headers = [("Authorization", bearer.as_str()), ("Accept", "application/pem-certificate-chain")];
            http.send("POST", path, &headers, body.to_string().as_bytes()).await
        }
    }
}

/// The chain of an answer.
pub(super) fn chain(answer: &Answer) -> Vec<Certificate> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let json = answer.json();
    let certificates = json["signedCertificateEmbeddedSct"]["chain"]["certificates"].as_array().unwrap().clone();
    certificates.iter().map(|pem| Certificate::from_pem(pem.as_str().unwrap()).unwrap()).collect()
}

/// A key with a certificate for the token.
pub(super) async fn certified(http: &Http, token: &str, form: Form) -> (PrivateKey, Certificate) {
    let key = PrivateKey::generate(KeyKind::P256).unwrap();
    let chain = chain(&request_certificate(http, token, form, &key).await);
    assert_eq!(chain.len(), 3);
    (key, chain[0].clone())
}

/// The request to log a signature.
pub(super) fn entry_request(digest: &[u8], signature: &[u8], certificate: &Certificate) -> Value {
    json!({ "hashedRekordRequestV002": {
        "digest": base64::encode(digest),
        "signature": {
            "content": base64::encode(signature),
            "verifier": {
                "x509Certificate": { "rawBytes": base64::encode(certificate.der()) },
                "keyDetails": "PKIX_ECDSA_P256_SHA_256",
            },
        },
    }})
}

/// The entry of an answer.
pub(super) fn entry(answer: &Answer) -> LogEntry {
    assert_eq!(answer.status, 201, "{}", answer.text());
    LogEntry::from_json(&Json::parse(&answer.body).unwrap(), "").unwrap()
}

/// A timestamp over `signature`, by a DER request.
pub(super) async fn timestamp(http: &Http, signature: &[u8]) -> Vec<u8> {
    let digest = Digest::of(DigestAlgorithm::Sha256, signature);
    let request = TimestampRequest::new(digest, Some(&[7, 7, 7]), true).to_der();
    let answer = http.post("/api/v1/timestamp", "application/timestamp-query", &request).await;
    assert_eq!(answer.status, 200);
    answer.body
}

/// The whole walk: certificate, signature, timestamp, entry, bundle.
pub(super) async fn sign(http: &Http, token: &str, form: Form, artifact: &[u8]) -> UnverifiedBundle {
    let (key, leaf) = certified(http, token, form).await;
    let signature = key.sign(artifact).unwrap();
    let digest = Digest::of(DigestAlgorithm::Sha256, artifact);
    let timestamp = timestamp(http, &signature).await;
    let request = entry_request(digest.as_bytes(), &signature, &leaf);
    let entry = entry(&http.post_json("/api/v2/log/entries", &request).await);
    let certificates = CertificateMaterial { leaf, intermediates: Vec::new() };
    UnverifiedBundle::assemble(
        VerificationMaterial::Certificate(Box::new(certificates)),
        vec![entry],
        vec![timestamp],
        Content::Message { digest: Some(digest), signature },
    )
}
