//! A stack as its operator runs it: TLS with a certificate that changes, a journal, and a listener of their own.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sealmark::base::crypto::KeyKind;
use sealmark::serve::{Journal, Server};
use sealmark::service::http::{Endpoint, HttpClient, Request, Service, Settings};
use sealmark::stack::keys::PrivateKey;
use sealmark::stack::{Config, Serving, Stack, TokenRequest};

use super::http::Http;
use super::now;
use super::signer::{self, Form};

/// What is written to it.
#[derive(Debug, Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Shared {
    /// What was written, once it holds so many lines.
    async fn lines(&self, count: usize) -> String {
        for _ in 0..500 {
            let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
            if text.lines().count() >= count {
                return text;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("fewer than {count} lines");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn f28_f29_what_an_operator_sees() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().join("stack");
    let listener = sealmark::serve::bind("127.0.0.1:0").await.unwrap();
    let operator = sealmark::serve::bind("127.0.0.1:0").await.unwrap();
    let config = Config::new(listener.local_addr().unwrap());
    let told = Http::new(&format!("http://{}", operator.local_addr().unwrap()));
    Stack::init(&dir, &config).unwrap();
    let stack = Stack::open(&dir).unwrap();
    let token = stack.issuer().unwrap().issue(&TokenRequest::email("me@example.com"), now()).unwrap();
    let journal = Shared::default();
    let serving = Serving::new(Server::new(listener)).journal(Journal::to(journal.clone()).unwrap()).operator(operator);
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let task = tokio::spawn(stack.serve_with(serving, async { drop(stopped.await) }));
    let http = Http::new(&config.url);

    assert_eq!(told.get("/readyz").await.status, 200);
    signer::certified(&http, &token, Form::PublicKey).await;
    let key = PrivateKey::generate(KeyKind::P256).unwrap();
    let tampered = format!("{}AAAA", &token[..token.len() - 4]);
    assert_eq!(signer::request_certificate(&http, &tampered, Form::PublicKey, &key).await.status, 400);
    // What a request says is no label, and no line of its own.
    http.post("/api/v1/timestamp", "application/x-evil\"}", b"x").await;
    http.send("GET", "/api/v2/tile/x%1b[31m", &[("User-Agent", "evil")], b"").await;
    http.get("/nowhere").await;

    let metrics = told.get("/metrics").await;
    assert!(metrics.header("content-type").unwrap().starts_with("text/plain; version=0.0.4"));
    let metrics = metrics.text();
    assert!(metrics.contains("\nsealmark_ct_entries 1\n"), "{metrics}");
    assert!(metrics.contains(r#"sealmark_requests_total{service="ca",status="2xx"} 1"#), "{metrics}");
    for label in metrics.split('"').skip(1).step_by(2).filter(|label| label.parse::<f64>().is_err() && *label != "+Inf")
    {
        assert!(["oidc", "ca", "ct", "log", "tsa", "2xx", "4xx"].contains(&label), "{label}");
    }

    let lines = journal.lines(4).await;
    assert!(lines.contains(r#""identity":"me@example.com","issuer":"http://"#), "{lines}");
    assert!(
        lines.contains(r#""reason":"There was an error processing the identity token: token's signature"#),
        "{lines}"
    );
    let secrets = token.split('.').chain(tampered.split('.'));
    assert!(secrets.into_iter().all(|part| !lines.contains(part)), "{lines}");
    assert!(!lines.contains("evil") && !lines.contains('\u{1b}'), "{lines}");

    // It says that it ends, and still answers.
    drop(stop);
    for _ in 0..200 {
        if told.get("/readyz").await.status == 503 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(told.get("/readyz").await.status, 503);
    assert_eq!(http.get("/healthz").await.status, 200);
    task.await.unwrap().unwrap();
}

/// An authority of the site's own, and a certificate for loopback.
fn certificates(dir: &Path, name: &str) {
    let openssl = |args: &str| {
        let output = Command::new("openssl").args(args.split(' ')).current_dir(dir).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let ec = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc";
    if !dir.join("ca.crt").exists() {
        openssl(&format!("req -x509 {ec} -keyout ca.key -out ca.crt -days 2 -subj /CN=site"));
    }
    std::fs::write(dir.join("names"), "subjectAltName=IP:127.0.0.1").unwrap();
    openssl(&format!("req -new {ec} -keyout {name}.key -out {name}.csr -subj /CN={name}"));
    openssl(&format!("x509 -req -in {name}.csr -CA ca.crt -CAkey ca.key -out {name}.crt -days 1 -extfile names"));
}

#[cfg(feature = "cli")]
#[tokio::test(flavor = "multi_thread")]
async fn tls_with_a_certificate_that_changes() {
    if Command::new("openssl").arg("version").output().is_err() {
        println!("left out: a stack with TLS: no openssl here");
        return;
    }
    let desk = tempfile::tempdir().unwrap();
    let (dir, stack) = (desk.path(), desk.path().join("stack"));
    certificates(dir, "one");
    certificates(dir, "two");
    let place = |name: &str| {
        for part in ["crt", "key"] {
            std::fs::copy(dir.join(format!("{name}.{part}")), dir.join(format!("tls.{part}"))).unwrap();
        }
    };
    place("one");
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut config = Config::loopback(port);
    config.url = format!("https://127.0.0.1:{port}");
    Stack::init(&stack, &config).unwrap();
    let mut up = Command::new(env!("CARGO_BIN_EXE_sealmark"));
    up.args(["stack", "up", "stack", "--tls-cert", "tls.crt", "--tls-key", "tls.key"]).current_dir(dir);
    let up = up.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();

    let roots = std::fs::read_to_string(dir.join("ca.crt")).unwrap();
    let client = HttpClient::new(Settings { extra_roots: Some(roots), ..Settings::default() });
    let endpoint =
        Endpoint::parse(Service::CertificateAuthority, &format!("{}/api/v2/trustBundle", config.url)).unwrap();
    let request = Request {
        service: Service::CertificateAuthority,
        endpoint: &endpoint,
        accept: "application/json",
        body: None,
        bearer: None,
        expected: &[200],
        secrets: &[],
    };
    assert!(client.send(request).await.unwrap().body.starts_with(b"{\"chains\""));
    let status =
        Command::new(env!("CARGO_BIN_EXE_sealmark")).args(["stack", "status", "stack"]).current_dir(dir).output();
    assert_eq!(status.unwrap().status.code(), Some(0), "it serves");
    // Without the site's authority nobody believes it.
    let stranger = HttpClient::new(Settings { attempts: 1, ..Settings::default() });
    assert_eq!(stranger.send(request).await.unwrap_err().code().name(), "ca-tls");

    // A pair that does not match changes nothing; the next one that does is served.
    std::fs::copy(dir.join("two.crt"), dir.join("tls.crt")).unwrap();
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert!(client.send(request).await.is_ok());
    assert_eq!(subject(port), "one");
    place("two");
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(subject(port), "two");
    assert!(Command::new("kill").arg(up.id().to_string()).status().unwrap().success());
    let output = up.wait_with_output().unwrap();
    assert!(output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("the certificate before stays in force: the key of"), "{said}");
    assert!(said.contains("a new certificate is in force"), "{said}");
}

/// The common name of the certificate that is served.
#[cfg(feature = "cli")]
fn subject(port: u16) -> String {
    let mut client = Command::new("openssl");
    client.args(["s_client", "-connect", &format!("127.0.0.1:{port}"), "-brief"]).stdin(Stdio::null());
    let output = client.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let line = text.lines().find(|line| line.starts_with("Peer certificate:")).unwrap_or_else(|| panic!("{text}"));
    line.rsplit(['=', ' ']).next().unwrap().to_owned()
}
