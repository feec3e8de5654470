//! Authorities with the rules and words of their sources, behind the program: a Vault, a step-ca and a Fulcio over
//! one CA, whose every call is kept.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use sealmark::base::encoding::base64;
use sealmark::base::encoding::der::Oid;
use sealmark::base::time::{UnixTime, ValidityPeriod};
use sealmark::format::x509::build::{EMPTY_NAME, Extension, Fields, TbsCertificate, authority_name, key_id};
use sealmark::format::x509::{Certificate, CertificateRequest, KeyUsage, San, oids};
use sealmark::service::signer::{EphemeralKey, Signer as _, sign_message};
use serde_json::{Value, json};

pub(in crate::cli) const SERVER_AUTH: Oid<'_> = oids::SERVER_AUTH;

/// What came in.
#[derive(Debug, Clone)]
pub(in crate::cli) struct Received {
    pub(in crate::cli) method: String,
    pub(in crate::cli) target: String,
    pub(in crate::cli) head: String,
    /// The head as it came.
    pub(super) raw: String,
    pub(in crate::cli) body: Vec<u8>,
}

impl Received {
    pub(in crate::cli) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

pub(in crate::cli) struct Server {
    pub(in crate::cli) url: String,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Server {
    /// One thread; its end is the process's.
    pub(in crate::cli) fn start(answer: impl Fn(&Received) -> (u16, String) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let received = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&received);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let Some(request) = read(&stream) else { continue };
                let (status, body) = answer(&request);
                kept.lock().unwrap().push(request);
                let head =
                    format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
                let _ = (&stream).write_all(head.as_bytes()).and_then(|()| (&stream).write_all(body.as_bytes()));
            }
        });
        Self { url, received }
    }

    /// `METHOD target`, in order.
    pub(in crate::cli) fn calls(&self) -> Vec<String> {
        self.received().iter().map(|sent| format!("{} {}", sent.method, sent.target)).collect()
    }

    pub(in crate::cli) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

pub(super) fn read(stream: impl std::io::Read) -> Option<Received> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let mut words = head.split_whitespace().map(str::to_owned);
    let (method, target) = (words.next()?, words.next()?);
    let length = head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    Some(Received { method, target, head: head.to_lowercase(), raw: head, body })
}

/// A root that issues leaves itself.
pub(in crate::cli) struct Ca {
    key: EphemeralKey,
    subject: Vec<u8>,
    pub(in crate::cli) root: Certificate,
}

impl Ca {
    pub(in crate::cli) fn new(name: &str) -> Self {
        let key = EphemeralKey::generate().unwrap();
        let subject = authority_name("example.com", name);
        let extensions = [
            Extension::key_usage(KeyUsage::AUTHORITY),
            Extension::authority(None),
            Extension::subject_key_id(&key_id(key.public_key())),
        ];
        let spki = key.public_key().spki().to_vec();
        let root = issue(&key, &subject, &subject, &spki, &extensions, 10 * 365 * 86_400);
        Self { key, subject, root }
    }

    /// A leaf for the key of a request.
    pub(in crate::cli) fn leaf(&self, csr: &str, names: Extension, usage: &[Oid<'_>], secs: i64) -> Certificate {
        let request = CertificateRequest::from_pem(csr).unwrap();
        let extensions = [
            Extension::key_usage(KeyUsage::DIGITAL_SIGNATURE),
            Extension::extended_key_usage(usage, false),
            Extension::authority_key_id(&key_id(self.key.public_key())),
            names,
        ];
        issue(&self.key, &self.subject, EMPTY_NAME, request.public_key().spki(), &extensions, secs)
    }

    pub(in crate::cli) fn signing_leaf(&self, csr: &str, uri: &str) -> Certificate {
        self.leaf(csr, Extension::subject_alt_name(&San::Uri(uri.to_owned())), &[oids::CODE_SIGNING], 600)
    }
}

fn issue(
    key: &EphemeralKey,
    issuer: &[u8],
    subject: &[u8],
    spki: &[u8],
    extensions: &[Extension],
    secs: i64,
) -> Certificate {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let start = UnixTime::from_secs(i64::try_from(now).unwrap() - 30);
    let validity = ValidityPeriod::new(start, Some(start.plus_secs(secs))).unwrap();
    let serial = &key_id(key.public_key())[4..];
    let scheme = key.scheme();
    let tbs = TbsCertificate::new(&Fields { serial, scheme, issuer, validity, subject, spki, extensions });
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let signature = runtime.block_on(sign_message(key, &tbs.der())).unwrap();
    Certificate::from_der(&tbs.sign(&signature)).unwrap()
}

fn errors(status: u16, words: &str) -> (u16, String) {
    (status, json!({ "errors": [words] }).to_string())
}

pub(in crate::cli) const VAULT_TOKEN: &str = "hvs.CAESIcanarycanary";

/// A Vault with `jwt/` for tokens of audience `vault`, roles `pki/sign/ci` (one URI that begins as the role has it) and
/// `pki/sign/web` (hosts of example.com).
pub(in crate::cli) fn vault(ca: Arc<Ca>) -> Server {
    Server::start(move |sent| match sent.target.as_str() {
        "/v1/pki/ca_chain" => (200, ca.root.to_pem()),
        "/v1/auth/jwt/login" => vault_login(&sent.json()),
        "/v1/auth/approle/login" => match (sent.json()["role_id"].as_str(), sent.json()["secret_id"].as_str()) {
            (Some(ROLE_ID), Some(SECRET_ID)) => let_in(),
            (Some(ROLE_ID), _) => errors(400, "invalid secret id"),
            _ => errors(400, "invalid role or secret ID"),
        },
        "/v1/auth/kubernetes/login" => match (sent.json()["role"].as_str(), sent.json()["jwt"].as_str()) {
            (Some("ci"), Some(POD_TOKEN)) => let_in(),
            (Some("ci"), Some(OTHER_POD_TOKEN)) => errors(403, "service account name not authorized"),
            (Some("ci"), _) => errors(403, "permission denied"),
            (role, _) => errors(400, &format!("invalid role name \"{}\"", role.unwrap_or_default())),
        },
        // Only a client with a certificate comes so far: see over_tls.
        "/v1/auth/cert/login" => match sent.json()["name"].as_str() {
            None | Some("ci") => let_in(),
            _ => errors(400, "no chain matching all constraints could be found for this login certificate"),
        },
        "/v1/auth/token/revoke-self" => (204, String::new()),
        "/v1/pki/sign/ci" => vault_sign(&ca, sent, |body| {
            let uri = body["uri_sans"].as_str().unwrap_or_default().to_owned();
            uri.starts_with("https://github.com/acme/")
                .then(|| ca.signing_leaf(body["csr"].as_str().unwrap(), &uri))
                .ok_or("URI Subject Alternative Names were provided via the API which are not valid for this role")
        }),
        "/v1/pki/sign/web" => vault_sign(&ca, sent, |body| {
            let hosts = body["alt_names"].as_str().unwrap_or_default().to_owned();
            if !hosts.split(',').all(|host| host.ends_with(".example.com")) {
                return Err("subject alternate name other not allowed by this role");
            }
            let names: Vec<u8> =
                hosts.split(',').flat_map(|host| sealmark::base::encoding::der::tlv(0x82, host.as_bytes())).collect();
            let names =
                Extension::new(oids::SUBJECT_ALT_NAME, true, &sealmark::base::encoding::der::sequence(&[&names]));
            let secs = body["ttl"].as_str().and_then(|ttl| ttl.strip_suffix('s')?.parse().ok()).unwrap_or(3600);
            Ok(ca.leaf(body["csr"].as_str().unwrap(), names, &[SERVER_AUTH, oids::CLIENT_AUTH], secs))
        }),
        other => errors(404, &format!("no handler for route \"{}\". route entry not found.", &other[4..])),
    })
}

pub(in crate::cli) const ROLE_ID: &str = "role-canary-canary";
pub(in crate::cli) const SECRET_ID: &str = "secret-canary-canary";
pub(in crate::cli) const POD_TOKEN: &str = "pod-canary-canary";
pub(super) const OTHER_POD_TOKEN: &str = "pod-canary-canary-of-another-account";

fn let_in() -> (u16, String) {
    (200, json!({ "auth": { "client_token": VAULT_TOKEN, "lease_duration": 300 } }).to_string())
}

fn vault_login(body: &Value) -> (u16, String) {
    if !matches!(body["role"].as_str(), Some("ci" | "web")) {
        return errors(400, &format!("role {} could not be found", body["role"]));
    }
    let Some(claims) = body["jwt"].as_str().and_then(|jwt| jwt.split('.').nth(1)).and_then(base64::decode_url) else {
        return errors(400, "missing token");
    };
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    if claims["aud"] != "vault" {
        let words = "invalid audience (aud) claim: audience claim does not match any expected audience";
        return errors(400, &format!("error validating token: {words}"));
    }
    let_in()
}

fn vault_sign(ca: &Ca, sent: &Received, leaf: impl Fn(&Value) -> Result<Certificate, &'static str>) -> (u16, String) {
    if !sent.head.contains(&format!("x-vault-token: {}\r\n", VAULT_TOKEN.to_lowercase())) {
        return errors(403, "1 error occurred:\n\t* permission denied\n\n");
    }
    match leaf(&sent.json()) {
        Ok(leaf) => {
            let data = json!({ "certificate": leaf.to_pem(), "issuing_ca": ca.root.to_pem() });
            (200, json!({ "data": data }).to_string())
        }
        Err(words) => errors(400, words),
    }
}

/// A step-ca with an OIDC provisioner and the shipped template: a token is taken once.
pub(in crate::cli) fn step_ca(ca: Arc<Ca>) -> Server {
    let used = Mutex::new(Vec::<String>::new());
    Server::start(move |sent| match sent.target.as_str() {
        "/roots.pem" => (200, ca.root.to_pem()),
        "/intermediates.pem" => (200, String::new()),
        "/1.0/sign" => {
            let body = sent.json();
            let token = body["ott"].as_str().unwrap_or_default().to_owned();
            let claims = token.split('.').nth(1).and_then(base64::decode_url).unwrap_or_default();
            let claims: Value = serde_json::from_slice(&claims).unwrap_or_default();
            if claims["aud"] != "sigstore" || used.lock().unwrap().contains(&token) {
                let words = "The request lacked necessary authorization to be completed. Please see the certificate authority logs for more info.";
                return (401, json!({ "status": 401, "message": words }).to_string());
            }
            used.lock().unwrap().push(token);
            let uri = format!("https://github.com/{}", claims["job_workflow_ref"].as_str().unwrap());
            let leaf = ca.signing_leaf(body["csr"].as_str().unwrap(), &uri).to_pem();
            (201, json!({ "crt": leaf, "ca": ca.root.to_pem(), "certChain": [leaf, ca.root.to_pem()] }).to_string())
        }
        _ => (404, json!({ "status": 404, "message": "page not found" }).to_string()),
    })
}
