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

mod own_tokens {
    use std::sync::Arc;

    use p256::ecdsa::signature::Verifier as _;
    use p256::ecdsa::{Signature, VerifyingKey};

    use super::super::jwe::tests::{ENCRYPTED, PASSWORD};
    use super::*;
    use crate::base::crypto::sha256;
    use crate::base::encoding::pem;
    use crate::format::x509::oids;
    use crate::service::environment::SystemEnvironment;

    const KID: &str = "MTYQ33O8c0obP4s3bZYEIA--Q0hyS8aXkOJYZT9bfrc";
    const X: &str = "_E40ii0oCqFR3Wh2eXsM7K_qV09gfKw1zpk913VubWA";
    const Y: &str = "WFqlcJbTy3yBAJnbafykc6bt1KfEFddT2X3Z4FQrO6M";

    /// A step-ca with JWK provisioners, and what step-ca 0.30.2 checks of a token; `busy` answers are 503 at first.
    fn start(busy: usize) -> FakeServer {
        let used = Mutex::new(BTreeSet::new());
        let (issuer, busy) = (Mutex::new(Authority::root("root")), Mutex::new(busy));
        FakeServer::start(move |_, sent| {
            if sent.target.starts_with("/provisioners") {
                let key = serde_json::json!({ "kty": "EC", "crv": "P-256", "kid": KID, "x": X, "y": Y });
                let all = serde_json::json!({ "provisioners": [
                    { "type": "OIDC", "name": "ci", "clientID": "sigstore" },
                    { "type": "JWK", "name": "ci", "key": key, "encryptedKey": ENCRYPTED },
                    { "type": "JWK", "name": "hidden", "key": key },
                    { "type": "JWK", "name": "odd", "key": key, "encryptedKey": "a.b.c.d.e" },
                ]});
                return Answer::new(200, all.to_string());
            }
            assert_eq!(sent.target, "/1.0/sign");
            let body: serde_json::Value = serde_json::from_slice(&sent.body).unwrap();
            let token = body["ott"].as_str().unwrap();
            let parts: Vec<&str> = token.split('.').collect();
            let json = |part: &str| -> serde_json::Value {
                serde_json::from_slice(&base64::decode_url(part).unwrap()).unwrap()
            };
            let (header, claims) = (json(parts[0]), json(parts[1]));
            let point = [&[4][..], &base64::decode_url(X).unwrap(), &base64::decode_url(Y).unwrap()].concat();
            let key = VerifyingKey::from_sec1_bytes(&point).unwrap();
            let signature = Signature::from_slice(&base64::decode_url(parts[2]).unwrap()).unwrap();
            key.verify(format!("{}.{}", parts[0], parts[1]).as_bytes(), &signature).unwrap();
            assert_eq!((&header["kid"], &header["alg"]), (&KID.into(), &"ES256".into()));
            let life = claims["exp"].as_i64().unwrap() - claims["nbf"].as_i64().unwrap();
            let fits = claims["iss"] == "ci"
                && claims["aud"] == format!("http://{}/1.0/sign", sent.header("host").unwrap())
                && life == 300;
            let fresh = used.lock().unwrap().insert(claims["jti"].as_str().unwrap().to_owned());
            if !fits || !fresh {
                return error(401, UNAUTHORIZED);
            }
            let mut busy = busy.lock().unwrap();
            if *busy > 0 {
                *busy -= 1;
                return error(503, "busy");
            }
            let csr = body["csr"].as_str().unwrap();
            let der = pem::decode_all(csr, "CERTIFICATE REQUEST").unwrap().concat();
            assert_eq!(claims["cnf"]["x5rt#S256"], base64::encode_url(&sha256(&[&der])));
            let csr = Csr::from_pem(csr).unwrap();
            let names = claims["sans"].as_array().unwrap();
            assert_eq!((&claims["sub"], names.len()), (&names[0], 1));
            let name = San::Uri(names[0].as_str().unwrap().to_owned());
            let mut template = Template::leaf(&Key::p256()).without(oids::SUBJECT_ALT_NAME);
            template = template.with(crate::format::x509::build::Extension::subject_alt_name(&name));
            template.spki = csr.public_key().spki().to_vec();
            let issuer = issuer.lock().unwrap();
            let (leaf, above) = (issuer.sign(template).to_pem(), issuer.certificate.to_pem());
            Answer::new(201, serde_json::json!({ "certChain": [leaf, above] }).to_string())
        })
    }

    fn by(server: &FakeServer, provisioner: &str, password: &[u8]) -> StepCa {
        let provisioner = JwkProvisioner::new(provisioner, Zeroizing::new(password.to_vec()));
        let name = SanTemplate::parse("https://acme.example.com/release").unwrap();
        ca(server).with_provisioner(provisioner, Arc::new(SystemEnvironment)).with_name(name)
    }

    #[test]
    fn a_token_is_made_for_each_request() {
        let server = start(0);
        let step = by(&server, "ci", PASSWORD);
        assert_eq!(step.audience(), None);
        for _ in 0..2 {
            let chain = issue(&step, None).unwrap();
            assert_eq!(chain.leaf.san().unwrap().as_str(), "https://acme.example.com/release");
        }
        assert!(!format!("{step:?}").contains("canary"));
    }

    #[test]
    fn after_an_ambiguous_answer_a_new_token_is_made() {
        let server = start(1);
        issue(&by(&server, "ci", PASSWORD), None).unwrap();
        let server = start(2);
        let error = issue(&by(&server, "ci", PASSWORD), None).unwrap_err();
        assert_eq!(error.code().name(), "step-ca-ambiguous");
    }

    #[test]
    fn why_no_token_is_made() {
        let server = start(0);
        let code = |provisioner, password| issue(&by(&server, provisioner, password), None).unwrap_err().code().name();
        assert_eq!(code("ci", b"another"), "step-ca-password");
        assert_eq!(code("nobody", PASSWORD), "step-ca-provisioner-unknown");
        assert_eq!(code("hidden", PASSWORD), "step-ca-provisioner-key");
        assert_eq!(code("odd", PASSWORD), "step-ca-key-kind");
        assert!(server.received().iter().all(|sent| sent.target != "/1.0/sign"));
        let provisioner = JwkProvisioner::new("ci", Zeroizing::new(PASSWORD.to_vec()));
        let unnamed = ca(&server).with_provisioner(provisioner, Arc::new(SystemEnvironment));
        assert_eq!(issue(&unnamed, None).unwrap_err().code().name(), "ca-name-needed");
    }
}
