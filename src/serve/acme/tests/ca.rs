//! A CA by RFC 8555 that fails in one way at a time.

use std::collections::BTreeSet;
use std::sync::Mutex;

use serde_json::{Value, json};

use super::*;
use crate::base::encoding::base64;
use crate::format::x509::CertificateRequest;
use crate::format::x509::testing::{Authority, Key, SIGNED, Template};
use crate::service::environment::FixedEnvironment;
use crate::service::http::fake::{Answer, FakeServer, Received};
use crate::service::http::{Service, Settings};

const NAME: &str = "gate.example.com";

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// The order is refused.
    Refused,
    /// Another kind of challenge than ours.
    Challenge,
    /// The certificate is for another key.
    Certificate,
    /// The order is never ready.
    Late,
}

/// What the CA knows of the one order.
#[derive(Default)]
struct Order {
    nonces: BTreeSet<String>,
    proven: bool,
    chain: Option<String>,
}

/// The payload of a signed request; its nonce is good once, its URL is the one that was asked (RFC 8555 section 6).
fn payload(sent: &Received, base: &str, nonces: &mut BTreeSet<String>) -> Value {
    assert_eq!((sent.method.as_str(), sent.header("content-type")), ("POST", Some("application/jose+json")));
    let jws: Value = serde_json::from_slice(&sent.body).unwrap();
    let part = |name: &str| base64::decode_url(jws[name].as_str().unwrap()).unwrap();
    let protected: Value = serde_json::from_slice(&part("protected")).unwrap();
    assert_eq!(protected["url"], format!("{base}{}", sent.target));
    assert!(nonces.remove(protected["nonce"].as_str().unwrap()), "{protected}");
    serde_json::from_slice(&part("payload")).unwrap_or_default()
}

fn certify(root: &Authority, fault: Fault, payload: &Value) -> String {
    let csr = base64::decode_url(payload["csr"].as_str().unwrap()).unwrap();
    let csr = CertificateRequest::from_der(&csr).unwrap();
    let mut template = Template::leaf(&Key::p256());
    if fault != Fault::Certificate {
        template.spki = csr.public_key().spki().to_vec();
    }
    root.sign(template).to_pem()
}

fn start(fault: Fault) -> FakeServer {
    let (root, order) = (Mutex::new(Authority::root("root")), Mutex::new(Order::default()));
    FakeServer::start(move |count, sent| {
        let base = format!("http://{}", sent.header("host").unwrap());
        let at = |path: &str| format!("{base}{path}");
        let mut order = order.lock().unwrap();
        let nonce = format!("nonce{count}");
        let state = |order: &Order| {
            let status = match (&order.chain, order.proven) {
                (Some(_), _) => "valid",
                (None, true) if fault != Fault::Late => "ready",
                (None, _) => "pending",
            };
            json!({ "status": status, "identifiers": [{ "type": "dns", "value": NAME }],
                "authorizations": [at("/authorization")], "finalize": at("/finalize"), "certificate": at("/chain") })
        };
        let (status, location, body) = match sent.target.as_str() {
            "/directory" => (
                200,
                None,
                json!({ "newNonce": at("/nonce"), "newAccount": at("/account"), "newOrder": at("/orders") }),
            ),
            "/nonce" => (200, None, Value::Null),
            target => {
                let payload = payload(sent, &base, &mut order.nonces);
                match target {
                    "/account" => (201, Some(at("/account/1")), json!({ "status": "valid" })),
                    "/orders" if fault == Fault::Refused => {
                        let problem = "urn:ietf:params:acme:error:rejectedIdentifier";
                        (403, None, json!({ "type": problem, "detail": "not this name", "status": 403 }))
                    }
                    "/orders" => (201, Some(at("/order")), state(&order)),
                    "/order" => (200, None, state(&order)),
                    "/authorization" => {
                        let kind = if fault == Fault::Challenge { "http-01" } else { "tls-alpn-01" };
                        let challenge =
                            json!({ "type": kind, "url": at("/challenge"), "token": "t", "status": "pending" });
                        (
                            200,
                            None,
                            json!({ "identifier": { "type": "dns", "value": NAME }, "status": "pending", "challenges": [challenge] }),
                        )
                    }
                    "/challenge" => {
                        order.proven = true;
                        (
                            200,
                            None,
                            json!({ "type": "tls-alpn-01", "url": at("/challenge"), "token": "t", "status": "valid" }),
                        )
                    }
                    "/finalize" => {
                        order.chain = Some(certify(&root.lock().unwrap(), fault, &payload));
                        (200, None, state(&order))
                    }
                    "/chain" => (200, None, Value::String(order.chain.clone().unwrap())),
                    other => panic!("{other}"),
                }
            }
        };
        order.nonces.insert(nonce.clone());
        let body = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
        let answer = Answer::new(status, if sent.method == "HEAD" { String::new() } else { body });
        let answer = answer.with("replay-nonce", nonce);
        location.into_iter().fold(answer, |answer, location| answer.with("location", location))
    })
}

/// Asks the CA, with so much patience for one answer.
fn acme(server: &FakeServer, folder: &Path, patience: Duration) -> Acme {
    let settings = AcmeSettings {
        directory: server.endpoint(Service::AcmeServer, "/directory"),
        names: vec![NAME.to_owned()],
        contacts: Vec::new(),
        folder: folder.to_owned(),
        first_pause: Duration::from_secs(1),
    };
    let http = HttpClient::new(Settings { attempt_timeout: patience, budget: patience, ..Settings::default() });
    let environment = Arc::new(FixedEnvironment { now: Some(SIGNED), ..FixedEnvironment::default() });
    Acme::open(environment, settings, http, Journal::to(std::io::sink()).unwrap()).unwrap()
}

#[tokio::test]
async fn an_order_comes_to_its_end_or_says_why_not() {
    for (fault, code) in [
        (Fault::None, None),
        (Fault::Refused, Some("acme-refused")),
        (Fault::Challenge, Some("acme-challenge")),
        (Fault::Certificate, Some("acme-certificate")),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let acme = acme(&start(fault), folder.path(), Duration::from_secs(30));
        let obtained = acme.obtain().await;
        assert_eq!(obtained.as_ref().err().map(|error| error.code().name()), code, "{obtained:?}");
        assert_eq!(acme.certificate().validity().is_some(), code.is_none(), "{fault:?}");
        assert_eq!(folder.path().join(SERVING).exists(), code.is_none(), "{fault:?}");
    }
}

/// The clock stands still from the moment on when the order is waited for; an answer may take longer than the order.
#[tokio::test]
async fn an_order_that_is_never_ready_has_an_end() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(Fault::Late);
    let acme = acme(&server, folder.path(), Duration::from_secs(2 * limits::ACME_ORDER_SECS));
    let order = tokio::spawn(async move { acme.obtain().await.map_err(|error| error.code().name()) });
    while !server.received().iter().any(|sent| sent.target == "/order") {
        sleep(Duration::from_millis(5)).await;
    }
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(limits::ACME_ORDER_SECS)).await;
    assert_eq!(order.await.unwrap(), Err("acme-late"));
}
