//! Serving certificates by ACME, of a real ACME server: Let's Encrypt's pebble, which refuses half of all nonces.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use sealmark::base::time::UnixTime;
use sealmark::serve::acme::{Acme, AcmeSettings};
use sealmark::serve::{self, Journal, Server, ServingCertificate};
use sealmark::service::environment::{Environment, SystemEnvironment};
use sealmark::service::http::{Endpoint, HttpClient, Service, Settings};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const NAME: &str = "gate.example.com";

/// Ends with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn openssl(dir: &Path, words: &str) {
    let output = Command::new("openssl").current_dir(dir).args(words.split_whitespace()).output().unwrap();
    assert!(output.status.success(), "{words}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The ACME server, and the DNS that leads every name to loopback.
struct Pebble {
    dns: Process,
    acme: Process,
    port: u16,
    management: u16,
}

impl Pebble {
    /// `None` where it is not installed.
    fn start(dir: &Path, tls_port: u16) -> Option<Self> {
        Command::new("pebble").arg("-help").stdout(Stdio::null()).stderr(Stdio::null()).status().ok()?;
        let curve = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
        openssl(dir, &format!("req -x509 {curve} -days 30 -subj /CN=ca -keyout ca.key -out ca.crt"));
        let leaf = "-subj /CN=localhost -addext subjectAltName=IP:127.0.0.1 -keyout leaf.key -out leaf.csr";
        openssl(dir, &format!("req -new {curve} {leaf}"));
        let sign = "x509 -req -in leaf.csr -CA ca.crt -CAkey ca.key -copy_extensions copy -days 20 -out leaf.crt";
        openssl(dir, sign);
        let (port, management, dns_port) = (free_port(), free_port(), free_port());
        let settings = serde_json::json!({"pebble": {
            "listenAddress": format!("127.0.0.1:{port}"), "managementListenAddress": format!("127.0.0.1:{management}"),
            "certificate": "leaf.crt", "privateKey": "leaf.key", "httpPort": 1, "tlsPort": tls_port,
            "ocspResponderURL": "", "externalAccountBindingRequired": false}});
        std::fs::write(dir.join("pebble.json"), settings.to_string()).unwrap();
        let run = |command: &mut Command| {
            let command = command.current_dir(dir).stdout(Stdio::null()).stderr(Stdio::null());
            command.spawn().ok().map(Process)
        };
        let dns_address = format!("127.0.0.1:{dns_port}");
        let dns = run(Command::new("pebble-challtestsrv")
            .args(["-http01", "", "-https01", "", "-tlsalpn01", "", "-dns01", &dns_address, "-management"])
            .args([&format!("127.0.0.1:{}", free_port()), "-defaultIPv4", "127.0.0.1", "-defaultIPv6", ""]))?;
        let acme = run(Command::new("pebble")
            .args(["-config", "pebble.json", "-dnsserver", &dns_address])
            .env("PEBBLE_VA_NOSLEEP", "1")
            .env("PEBBLE_WFE_NONCEREJECT", "50"))?;
        Some(Self { dns, acme, port, management })
    }

    fn stop(self) {
        drop((self.acme, self.dns));
    }
}

/// A clock that can be set ahead.
#[derive(Debug, Clone, Default)]
struct Ahead(Arc<AtomicI64>);

impl Environment for Ahead {
    fn var(&self, _: &str) -> Option<String> {
        None
    }

    fn read(&self, path: &Path, limit: usize) -> std::io::Result<Vec<u8>> {
        SystemEnvironment.read(path, limit)
    }

    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }

    fn now(&self) -> UnixTime {
        SystemEnvironment.now().plus_secs(self.0.load(Ordering::Relaxed))
    }
}

/// The leaf that a server shows; it must chain to a root.
async fn leaf(port: u16, root: &CertificateDer<'static>, protocol: &str) -> Option<Vec<u8>> {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    let stream = TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let mut stream = connector.connect(ServerName::try_from(NAME).unwrap(), stream).await.ok()?;
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.ok()?;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(answer.ends_with(br#"{"status":"SERVING"}"#), "{}", String::from_utf8_lossy(&answer));
    Some(stream.get_ref().1.peer_certificates()?.first()?.to_vec())
}

/// Waits for something that takes its time.
async fn until<T>(what: &str, journal: &Path, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let ends = Instant::now() + Duration::from_secs(90);
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < ends, "{what}: {}", std::fs::read_to_string(journal).unwrap());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn serving(listener: tokio::net::TcpListener, certificate: &Arc<ServingCertificate>) -> tokio::task::JoinHandle<()> {
    let server = Server::new(listener).tls(Arc::clone(certificate));
    tokio::spawn(async move { server.serve(axum::Router::new(), std::future::pending()).await.unwrap() })
}

fn open(dir: &Path, clock: &Ahead, pebble: u16) -> Acme {
    let ca = std::fs::read_to_string(dir.join("ca.crt")).unwrap();
    let http = HttpClient::new(Settings { extra_roots: Some(ca), ..Settings::default() });
    let settings = AcmeSettings {
        directory: Endpoint::parse(Service::AcmeServer, &format!("https://127.0.0.1:{pebble}/dir")).unwrap(),
        names: vec![NAME.to_owned()],
        contacts: vec!["mailto:ops@example.com".to_owned()],
        folder: dir.join("acme"),
        first_pause: Duration::from_millis(200),
    };
    let journal = std::fs::File::options().append(true).create(true).open(dir.join("journal")).unwrap();
    Acme::open(Arc::new(clock.clone()), settings, http, Journal::to(journal).unwrap()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn g29_a_certificate_is_obtained_renewed_and_kept_by_acme() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let listener = serve::bind("127.0.0.1:0").await.unwrap();
    let (address, port) = (listener.local_addr().unwrap().to_string(), listener.local_addr().unwrap().port());
    let Some(pebble) = Pebble::start(dir, port) else {
        println!("left out: certificates by ACME: there is no pebble here");
        return;
    };
    let (clock, journal) = (Ahead::default(), dir.join("journal"));
    let acme = open(dir, &clock, pebble.port);
    let certificate = Arc::clone(acme.certificate());
    assert_eq!(certificate.validity(), None);
    let server = serving(listener, &certificate);
    let keeper = tokio::spawn(acme.keep());
    let validity = until("no certificate", &journal, async || certificate.validity()).await;

    // What is shown chains to the root of the CA, and is the name's.
    let ca = std::fs::read(dir.join("ca.crt")).unwrap();
    let settings = Settings { extra_roots: Some(String::from_utf8(ca).unwrap()), ..Settings::default() };
    let url = format!("https://127.0.0.1:{}/roots/0", pebble.management);
    let endpoint = Endpoint::parse(Service::AcmeServer, &url).unwrap();
    let request = sealmark::service::http::Request {
        service: Service::AcmeServer,
        endpoint: &endpoint,
        accept: "application/pem-certificate-chain",
        body: None,
        bearer: None,
        expected: &[200],
        secrets: &[],
    };
    let root = HttpClient::new(settings).send(request).await.unwrap().body;
    let root = CertificateDer::from_pem_slice(&root).unwrap();
    let first = leaf(port, &root, "http/1.1").await.unwrap();
    // There is no answer to a challenge now, and none is ever a page.
    assert_eq!(leaf(port, &root, "acme-tls/1").await, None);

    // Account and certificate are their owner's alone, and nothing else is left.
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir.join("acme")), 0o700);
    let mut kept: Vec<_> = std::fs::read_dir(dir.join("acme")).unwrap().map(|entry| entry.unwrap().path()).collect();
    kept.sort();
    assert_eq!(kept, [dir.join("acme/account.json"), dir.join("acme/serving.pem")]);
    assert!(kept.iter().all(|path| mode(path) == 0o600));
    let account = std::fs::read(&kept[0]).unwrap();

    // Past two thirds of its life a new one comes, from the same account, to a server that starts anew.
    keeper.abort();
    server.abort();
    let life = validity.1.secs() - validity.0.secs();
    clock.0.store(life * 2 / 3 - 3600, Ordering::Relaxed);
    let acme = open(dir, &clock, pebble.port);
    let renewed = Arc::clone(acme.certificate());
    assert_eq!(renewed.validity(), Some(validity), "the kept one is taken up");
    let listener = until("the port is not free", &journal, async || serve::bind(&address).await.ok()).await;
    let server = serving(listener, &renewed);
    let keeper = tokio::spawn(acme.keep());
    until("no renewal", &journal, async || {
        (std::fs::read_to_string(&journal).unwrap().matches("certificate-obtained").count() > 1).then_some(())
    })
    .await;
    keeper.abort();
    assert_ne!(leaf(port, &root, "http/1.1").await.unwrap(), first);
    server.abort();
    assert_eq!(std::fs::read(&kept[0]).unwrap(), account);
    let serving = std::fs::read(&kept[1]).unwrap();
    let second = CertificateDer::from_pem_slice(&serving).unwrap();
    assert_ne!(second.as_ref(), first.as_slice());

    // The CA is gone: that is said, again and again, and the last good one stays.
    pebble.stop();
    clock.0.store(life - 86_400, Ordering::Relaxed);
    let acme = open(dir, &clock, 1);
    let certificate = Arc::clone(acme.certificate());
    let keeper = tokio::spawn(acme.keep());
    until("nothing is said", &journal, async || {
        let told = std::fs::read_to_string(&journal).unwrap();
        let line =
            told.lines().find(|line| line.contains("acme-server-unreachable") && line.contains("127.0.0.1:1/"))?;
        assert!(line.contains("\"inForce\":\"the one before\""), "{line}");
        Some(())
    })
    .await;
    keeper.abort();
    assert!(certificate.validity().is_some());
    assert_eq!(std::fs::read(&kept[1]).unwrap(), serving);
    let told = std::fs::read_to_string(&journal).unwrap();
    assert!(!told.contains("PRIVATE KEY") && !told.contains("key_pkcs8"), "{told}");
}
