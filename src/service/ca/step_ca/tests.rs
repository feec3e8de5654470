use std::collections::BTreeSet;
use std::sync::Mutex;

use zeroize::Zeroizing;

use super::*;
use crate::base::encoding::base64;
use crate::format::x509::CertificateRequest as Csr;
use crate::format::x509::testing::{Authority, Key, Template};
use crate::service::http::fake::{Answer, FakeServer, block_on, impatient_client};
use crate::service::identity::IdToken;
use crate::service::signer::EphemeralKey;

const UNAUTHORIZED: &str = "The request lacked necessary authorization to be completed. Please see the certificate authority logs for more info.";

fn error(status: u16, message: &str) -> Answer {
    Answer::new(status, serde_json::json!({ "status": status, "message": message }).to_string())
}

/// A step-ca with one OIDC provisioner of client `sigstore`, a database of used tokens and an hour at most.
fn start() -> FakeServer {
    let used = Mutex::new(BTreeSet::new());
    let issuer = Mutex::new(Authority::root("root").intermediate("intermediate"));
    FakeServer::start(move |_, sent| {
        assert_eq!(sent.target, "/1.0/sign");
        let body: serde_json::Value = serde_json::from_slice(&sent.body).unwrap();
        let token = body["ott"].as_str().unwrap();
        let claims = base64::decode_url(token.split('.').nth(1).unwrap()).unwrap();
        let claims: serde_json::Value = serde_json::from_slice(&claims).unwrap();
        if claims["aud"] != "sigstore" || !used.lock().unwrap().insert(token.to_owned()) {
            return error(401, UNAUTHORIZED);
        }
        if body["notAfter"] == "7200s" {
            return error(
                403,
                "The request was forbidden by the certificate authority: requested duration of 2h1m0s is more than the authorized maximum certificate duration of 1h1m0s.",
            );
        }
        let csr = Csr::from_pem(body["csr"].as_str().unwrap()).unwrap();
        let mut template = Template::leaf(&Key::p256());
        template.spki = csr.public_key().spki().to_vec();
        let issuer = issuer.lock().unwrap();
        let (leaf, above) = (issuer.sign(template).to_pem(), issuer.certificate.to_pem());
        let answer = serde_json::json!({ "crt": leaf, "ca": above, "certChain": [leaf, above], "tlsOptions": {} });
        Answer::new(201, answer.to_string())
    })
}

fn token(audience: &str) -> IdToken {
    let part = |text: &str| base64::encode_url(text.as_bytes());
    let claims = serde_json::json!({ "iss": "https://issuer.example.com", "sub": "me", "aud": audience }).to_string();
    let text = format!("{}.{}.Y2FuYXJ5LWNhbmFyeQ", part(r#"{"alg":"RS256"}"#), part(&claims));
    IdToken::new(Zeroizing::new(text), "test").unwrap()
}

fn issue(ca: &StepCa, token: Option<&IdToken>) -> Result<CertificateChain, CaError> {
    let key = EphemeralKey::generate().unwrap();
    let result = block_on(ca.issue(CertificateRequest { key: &key, token }));
    if let Ok(chain) = &result {
        use crate::service::signer::Signer as _;
        assert_eq!(chain.leaf.public_key(), key.public_key());
    }
    result
}

fn ca(server: &FakeServer) -> StepCa {
    StepCa::new(&server.url, "sigstore", impatient_client()).unwrap()
}

#[test]
fn a_token_is_taken_once() {
    let server = start();
    let token = token("sigstore");
    let chain = issue(&ca(&server), Some(&token)).unwrap();
    assert_eq!((chain.leaf.san().unwrap().as_str(), chain.above.len()), ("signer@example.com", 1));
    let again = issue(&ca(&server), Some(&token)).unwrap_err();
    assert_eq!((again.code().name(), again.code().exit_code()), ("step-ca-token", 1));
    assert!(again.code().hint().contains("taken once"), "{again}");
    assert!(!format!("{again} {again:?}").contains("Y2FuYXJ5"));
}

#[test]
fn its_refusals() {
    let server = start();
    assert_eq!(issue(&ca(&server), Some(&token("other"))).unwrap_err().code().name(), "step-ca-token");
    let long = ca(&server).with_lifetime(7200);
    let error = issue(&long, Some(&token("sigstore"))).unwrap_err();
    assert_eq!(error.code().name(), "step-ca-forbidden");
    assert!(error.to_string().contains("authorized maximum certificate duration of 1h1m0s"), "{error}");
    assert_eq!(issue(&ca(&server), None).unwrap_err().code().name(), "ca-token-needed");
    let other = FakeServer::start(|_, _| super::tests::error(400, "bad request"));
    assert_eq!(issue(&ca(&other), Some(&token("sigstore"))).unwrap_err().code().name(), "step-ca-refused");
}

#[test]
fn an_overloaded_authority_is_not_asked_again_with_the_same_token() {
    let server = FakeServer::start(|_, _| error(503, "busy"));
    let error = issue(&ca(&server), Some(&token("sigstore"))).unwrap_err();
    assert_eq!((error.code().name(), error.code().exit_code()), ("step-ca-ambiguous", 3));
    assert_eq!(server.received().len(), 1);
}

#[test]
fn answers_that_are_no_chain() {
    for body in ["", "{}", r#"{"certChain":[]}"#, r#"{"certChain":{}}"#] {
        let server = FakeServer::start(move |_, _| Answer::new(201, body));
        assert_eq!(issue(&ca(&server), Some(&token("sigstore"))).unwrap_err().code().name(), "ca-malformed", "{body}");
    }
}

#[test]
fn a_name_that_the_template_is_to_write() {
    let server = start();
    let name = SanTemplate::parse("https://github.com/{job_workflow_ref}").unwrap();
    let error = ca(&server).with_name(name).wanted_name(Some(token("sigstore").claims())).unwrap_err();
    assert_eq!(error.code().name(), "ca-name-claim");
    assert_eq!(ca(&server).wanted_name(None).unwrap(), None);
}
