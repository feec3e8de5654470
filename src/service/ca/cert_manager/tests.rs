use std::sync::Mutex;

use super::*;
use crate::format::x509::CertificateRequest as Csr;
use crate::format::x509::testing::{Authority, Key, Template};
use crate::service::http::Settings;
use crate::service::http::fake::{Answer, FakeServer, Received, block_on, impatient_client};
use crate::service::look::Status;
use crate::service::signer::{EphemeralKey, Signer as _};

const TOKEN: &str = "canary-canary-token";
const ALL: &str = "/apis/cert-manager.io/v1/namespaces/ci/certificaterequests";

/// What the controllers do with a request.
type Controller = fn(&Authority, &serde_json::Value) -> serde_json::Value;

fn condition(kind: &str, status: &str, reason: &str, message: &str) -> serde_json::Value {
    serde_json::json!({ "type": kind, "status": status, "reason": reason, "message": message })
}

fn approved() -> serde_json::Value {
    condition("Approved", "True", "cert-manager.io", "Certificate request has been approved by cert-manager.io")
}

/// As cert-manager's CA issuer signs: whoever asks says what for.
fn issued(ca: &Authority, spec: &serde_json::Value) -> serde_json::Value {
    assert_eq!(spec["usages"][0], "digital signature");
    let pem = base64::decode(spec["request"].as_str().unwrap()).unwrap();
    let csr = Csr::from_pem(std::str::from_utf8(&pem).unwrap()).unwrap();
    let mut template = Template::leaf(&Key::p256());
    template.spki = csr.public_key().spki().to_vec();
    let text = |text: String| base64::encode(text.as_bytes());
    let ready = condition("Ready", "True", "Issued", "Certificate fetched from issuer successfully");
    serde_json::json!({
        "certificate": text(ca.sign(template).to_pem()),
        "ca": text(ca.certificate.to_pem()),
        "conditions": [approved(), ready],
    })
}

fn status(status: u16, reason: &str, message: &str) -> Answer {
    let body = serde_json::json!({
        "kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "reason": reason, "code": status,
    });
    Answer::new(status, body.to_string())
}

/// An API server with CertificateRequests, whose controllers come by at the second look.
fn cluster(controller: Controller) -> FakeServer {
    let (kept, looks) = (Mutex::new(None), Mutex::new(0));
    let ca = Mutex::new(Authority::root("cluster"));
    FakeServer::start(move |_, sent| {
        assert_eq!(sent.header("authorization"), Some("Bearer canary-canary-token"));
        let mut kept = kept.lock().unwrap();
        match (sent.method.as_str(), sent.target.strip_prefix(ALL)) {
            ("POST", Some("")) => {
                let object: serde_json::Value = serde_json::from_slice(&sent.body).unwrap();
                *kept = Some(object.clone());
                Answer::new(201, object.to_string())
            }
            ("GET", Some(name)) => {
                let Some(mut object) = kept.clone() else { return status(404, "NotFound", "not found") };
                assert_eq!(Some(&name[1..]), object["metadata"]["name"].as_str());
                *looks.lock().unwrap() += 1;
                if *looks.lock().unwrap() > 1 {
                    object["status"] = controller(&ca.lock().unwrap(), &object["spec"]);
                }
                Answer::new(200, object.to_string())
            }
            ("DELETE", Some(_)) => {
                *kept = None;
                Answer::new(200, "{}")
            }
            other => panic!("{other:?}"),
        }
    })
}

struct Pod {
    folder: tempfile::TempDir,
}

impl Pod {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [("token", "canary-canary-token\n"), ("ca.crt", ""), ("namespace", "ci\n")] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        Self { folder }
    }

    fn ca(&self, server: &FakeServer, budget_millis: u64) -> CertManager {
        let budget = std::time::Duration::from_millis(budget_millis);
        let settings = Settings { budget, ..impatient_client().settings().clone() };
        let api = ApiServer::at(server.endpoint(Service::ApiServer, "/"), self.folder.path(), settings);
        let name = SanTemplate::parse("https://acme.example.com/release").unwrap();
        CertManager::new(api, IssuerRef::parse("clusterissuer/ci").unwrap(), Some(name)).unwrap()
    }
}

fn issue(ca: &CertManager) -> Result<CertificateChain, CaError> {
    let key = EphemeralKey::generate().unwrap();
    let result = block_on(ca.issue(CertificateRequest { key: &key, token: None }));
    if let Ok(chain) = &result {
        assert_eq!(chain.leaf.public_key(), key.public_key());
    }
    result
}

/// The code for what controllers say, the words, and the methods of the calls.
fn refused(controller: Controller, budget_millis: u64) -> (&'static str, i32, String, Vec<String>) {
    let (server, pod) = (cluster(controller), Pod::new());
    let error = issue(&pod.ca(&server, budget_millis)).unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(!text.contains(TOKEN), "{text}");
    let calls = server.received().iter().map(|sent| sent.method.clone()).collect();
    (error.code().name(), i32::from(error.code().exit_code()), error.to_string(), calls)
}

#[test]
fn a_request_is_made_signed_and_deleted() {
    let (server, pod) = (cluster(issued), Pod::new());
    let chain = issue(&pod.ca(&server, 5_000)).unwrap();
    assert_eq!(chain.above.len(), 1);
    let methods: Vec<String> = server.received().iter().map(|sent| sent.method.clone()).collect();
    assert_eq!(methods, ["POST", "GET", "GET", "DELETE"]);
    let sent: serde_json::Value = serde_json::from_slice(&server.received()[0].body).unwrap();
    let spec = &sent["spec"];
    let issuer = serde_json::json!({ "name": "ci", "kind": "ClusterIssuer", "group": "cert-manager.io" });
    assert_eq!((&spec["issuerRef"], &spec["duration"], &spec["isCA"]), (&issuer, &"600s".into(), &false.into()));
    assert_eq!(spec["usages"], serde_json::json!(["digital signature", "code signing"]));
    assert_eq!((&sent["kind"], &sent["apiVersion"]), (&"CertificateRequest".into(), &"cert-manager.io/v1".into()));
    // No API server has seen the key.
    let pem = base64::decode(spec["request"].as_str().unwrap()).unwrap();
    assert!(String::from_utf8(pem).unwrap().starts_with("-----BEGIN CERTIFICATE REQUEST-----"));
    // As configured it stays.
    let server = cluster(issued);
    issue(&pod.ca(&server, 5_000).with_requests(Requests::Keep)).unwrap();
    assert_eq!(server.received().last().unwrap().method, "GET");
}

#[test]
fn every_way_in_which_a_request_ends() {
    let denied: Controller = |_, _| {
        let no = condition(
            "Denied",
            "True",
            "policy.cert-manager.io",
            "No policy approved this request: [ci: spec.allowed.uris]",
        );
        serde_json::json!({ "conditions": [no, condition("Ready", "False", "Denied", "The CertificateRequest was denied by an approval controller")] })
    };
    let (code, exit, words, calls) = refused(denied, 5_000);
    assert_eq!((code, exit), ("cert-manager-denied", 1));
    assert!(words.contains("policy.cert-manager.io: No policy approved this request"), "{words}");
    assert_eq!(calls.last().unwrap(), "DELETE");
    let only_ready: Controller =
        |_, _| serde_json::json!({ "conditions": [condition("Ready", "False", "Denied", "denied")] });
    assert_eq!(refused(only_ready, 5_000).0, "cert-manager-denied");

    let invalid: Controller = |_, _| {
        let invalid = condition("InvalidRequest", "True", "NotCA", "is CA");
        serde_json::json!({ "conditions": [approved(), invalid, condition("Ready", "False", "Pending", "x")] })
    };
    assert_eq!(refused(invalid, 5_000).0, "cert-manager-invalid");

    let failed: Controller = |_, _| {
        let ready = condition("Ready", "False", "Failed", "Error generating certificate template: bad usages");
        serde_json::json!({ "conditions": [approved(), ready], "failureTime": "2026-01-01T00:00:00Z" })
    };
    let (code, exit, words, _) = refused(failed, 5_000);
    assert_eq!((code, exit), ("cert-manager-failed", 1));
    assert!(words.contains("Error generating certificate template"), "{words}");

    let pending: Controller = |_, _| {
        let ready = condition("Ready", "False", "Pending", "Referenced \"ClusterIssuer\" not found");
        serde_json::json!({ "conditions": [approved(), ready] })
    };
    let (code, exit, words, calls) = refused(pending, 400);
    assert_eq!((code, exit), ("cert-manager-pending", 3));
    assert!(words.contains("Referenced \"ClusterIssuer\" not found"), "{words}");
    assert_eq!(calls.last().unwrap(), "DELETE");

    let nobody: Controller = |_, _| serde_json::json!({});
    assert_eq!((refused(nobody, 400).0, refused(nobody, 400).1), ("cert-manager-unapproved", 3));
    let taken_up: Controller = |_, _| serde_json::json!({ "conditions": [approved()] });
    assert_eq!(refused(taken_up, 400).0, "cert-manager-pending");
    // Not approved, whatever an issuer says of it.
    let hasty: Controller = |_, _| serde_json::json!({ "conditions": [condition("Ready", "False", "Pending", "x")] });
    assert_eq!(refused(hasty, 400).0, "cert-manager-unapproved");
    let empty: Controller =
        |_, _| serde_json::json!({ "conditions": [approved(), condition("Ready", "True", "Issued", "")] });
    assert_eq!(refused(empty, 5_000).0, "api-server-malformed");
}

#[test]
fn what_an_api_server_refuses() {
    let code = |answer: fn(&Received) -> Answer| {
        let (server, pod) = (FakeServer::start(move |_, sent| answer(sent)), Pod::new());
        let error = issue(&pod.ca(&server, 2_000)).unwrap_err();
        assert!(!format!("{error} {error:?}").contains(TOKEN), "{error}");
        error.code().name()
    };
    assert_eq!(code(|_| status(401, "Unauthorized", "Unauthorized")), "cert-manager-account");
    let forbidden: fn(&Received) -> Answer = |_| {
        status(
            403,
            "Forbidden",
            "certificaterequests.cert-manager.io is forbidden: User \"system:serviceaccount:ci:signer\" cannot create resource",
        )
    };
    assert_eq!(code(forbidden), "cert-manager-forbidden");
    assert_eq!(code(|_| Answer::new(404, "404 page not found\n")), "cert-manager-absent");
    assert_eq!(
        code(|_| status(404, "NotFound", "the server could not find the requested resource")),
        "cert-manager-absent"
    );
    assert_eq!(code(|_| status(404, "NotFound", "namespaces \"ci\" not found")), "cert-manager-refused");
    let webhook: fn(&Received) -> Answer = |_| {
        status(
            403,
            "Forbidden",
            "admission webhook \"webhook.cert-manager.io\" denied the request: spec.request: Invalid",
        )
    };
    assert_eq!(code(webhook), "cert-manager-refused");
    // Made, and gone before it was answered.
    let gone: fn(&Received) -> Answer = |sent| match sent.method.as_str() {
        "POST" => Answer::new(201, "{}"),
        _ => status(404, "NotFound", "certificaterequests.cert-manager.io \"x\" not found"),
    };
    assert_eq!(code(gone), "cert-manager-gone");
    let other: fn(&Received) -> Answer = |sent| match sent.method.as_str() {
        "POST" => Answer::new(201, "{}"),
        _ => Answer::new(200, r#"{"kind":"Secret"}"#),
    };
    assert_eq!(code(other), "api-server-malformed");
}

#[test]
fn an_account_that_does_not_say_who_it_is() {
    let server = cluster(issued);
    for text in ["", "../../x", "Ci", "a b"] {
        let pod = Pod::new();
        std::fs::write(pod.folder.path().join("namespace"), text).unwrap();
        let settings = impatient_client().settings().clone();
        let api = ApiServer::at(server.endpoint(Service::ApiServer, "/"), pod.folder.path(), settings);
        let error = CertManager::new(api, IssuerRef::parse("issuer/ci").unwrap(), None).unwrap_err();
        assert_eq!(error.code().name(), "pod-account-unreadable", "{text:?}");
    }
    let pod = Pod::new();
    let ca = pod.ca(&server, 1_000);
    std::fs::remove_file(pod.folder.path().join("token")).unwrap();
    assert_eq!(issue(&ca).unwrap_err().code().name(), "pod-account-unreadable");
}

#[test]
fn issuers_as_kubectl_names_them() {
    let read = |text| IssuerRef::parse(text).map(|issuer| format!("{}.{}/{}", issuer.kind, issuer.group, issuer.name));
    assert_eq!(read("ClusterIssuer/ci").as_deref(), Some("ClusterIssuer.cert-manager.io/ci"));
    assert_eq!(read("issuer.cert-manager.io/ci").as_deref(), Some("Issuer.cert-manager.io/ci"));
    let foreign = "AWSPCAClusterIssuer.awspca.cert-manager.io/ci";
    assert_eq!(read(foreign).as_deref(), Some(foreign));
    for bad in ["", "ci", "issuer/", "issuer/a/b", "secret/ci", "issuer/../x", "issuer/Ci", "x.y z/ci", "/ci", ".a/ci"]
    {
        assert_eq!(read(bad), None, "{bad}");
    }
}

#[test]
fn what_is_seen_beforehand() {
    let pod = Pod::new();
    let look = |answer: fn(&Received) -> Answer| {
        let server = FakeServer::start(move |_, sent| answer(sent));
        let looked = block_on(pod.ca(&server, 2_000).look(None));
        assert!(server.received().iter().all(|sent| sent.target != ALL), "a request was made");
        let code = |code: Option<crate::base::code::Code>| code.map(|code| code.name());
        looked.seen.into_iter().map(|seen| (seen.status, code(seen.code))).collect::<Vec<_>>()
    };
    fn answer(sent: &Received, may: bool, ready: &str) -> Answer {
        match sent.target.as_str() {
            "/apis/cert-manager.io/v1" => Answer::new(200, "{}"),
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews" => {
                let sent: serde_json::Value = serde_json::from_slice(&sent.body).unwrap();
                let create = sent["spec"]["resourceAttributes"]["verb"] == "create";
                Answer::new(201, serde_json::json!({ "status": { "allowed": may || !create } }).to_string())
            }
            "/apis/cert-manager.io/v1/clusterissuers/ci" if ready == "hidden" => status(403, "Forbidden", "no"),
            "/apis/cert-manager.io/v1/clusterissuers/ci" if ready == "none" => status(404, "NotFound", "no"),
            "/apis/cert-manager.io/v1/clusterissuers/ci" => {
                let ready = condition("Ready", ready, "SecretNotFound", "it is missing");
                Answer::new(200, serde_json::json!({ "status": { "conditions": [ready] } }).to_string())
            }
            other => panic!("{other}"),
        }
    }
    let good = (Status::Good, None);
    assert_eq!(look(|sent| answer(sent, true, "True")), [good, good]);
    assert_eq!(look(|sent| answer(sent, false, "True")), [(Status::Bad, Some("cert-manager-forbidden")), good]);
    assert_eq!(look(|sent| answer(sent, true, "False")), [good, (Status::Bad, Some("cert-manager-issuer"))]);
    assert_eq!(look(|sent| answer(sent, true, "none")), [good, (Status::Bad, Some("cert-manager-issuer"))]);
    assert_eq!(look(|sent| answer(sent, true, "hidden")), [good, (Status::NotLooked, None)]);
    assert_eq!(look(|_| Answer::new(404, "404 page not found")), [(Status::Bad, Some("cert-manager-absent"))]);
    assert_eq!(look(|_| status(401, "Unauthorized", "no")), [(Status::Bad, Some("cert-manager-account"))]);
}
