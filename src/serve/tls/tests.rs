//! Certificates replaced under a server that answers all the while.

use std::os::unix::fs::symlink;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{ServerName, UnixTime as TlsTime};
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::*;
use crate::base::encoding::pem;
use crate::format::x509::testing::{Authority, Key, Template};
use crate::serve::{self, Server};
use crate::service::environment::SystemEnvironment;

/// A folder as the kubelet mounts a secret: files are links into `..data`, which is a link to a folder.
struct Secret {
    dir: TempDir,
    authority: Authority,
    versions: AtomicUsize,
}

/// A chain and its key.
struct Pair {
    chain: String,
    key: String,
    leaf: Certificate,
}

impl Secret {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        symlink("..data/tls.crt", dir.path().join("tls.crt")).unwrap();
        symlink("..data/tls.key", dir.path().join("tls.key")).unwrap();
        Self { dir, authority: Authority::root("root"), versions: AtomicUsize::new(0) }
    }

    /// A pair that starts an hour ago and lasts `seconds` from now.
    fn pair(&self, seconds: i64) -> Pair {
        let key = Key::p256();
        let start = SystemEnvironment.now().plus_secs(-3600);
        let leaf = self.authority.sign(Template::leaf(&key).valid(start, 3600 + seconds));
        let key = pem::encode("PRIVATE KEY", &key.pkcs8());
        Pair { chain: leaf.to_pem() + &self.authority.certificate.to_pem(), key, leaf }
    }

    /// What the kubelet does with a new version: a new folder, and one rename of the link.
    fn swap(&self, chain: &str, key: &str) {
        let version = format!("..version{}", self.versions.fetch_add(1, Ordering::Relaxed));
        let at = |name: &str| self.dir.path().join(name);
        std::fs::create_dir(at(&version)).unwrap();
        std::fs::write(at(&version).join("tls.crt"), chain).unwrap();
        std::fs::write(at(&version).join("tls.key"), key).unwrap();
        symlink(&version, at("..data_tmp")).unwrap();
        std::fs::rename(at("..data_tmp"), at("..data")).unwrap();
    }

    fn read(&self) -> Result<Arc<ServingCertificate>, TlsError> {
        let at = |name| self.dir.path().join(name);
        ServingCertificate::read(&SystemEnvironment, &at("tls.crt"), &at("tls.key"))
    }
}

/// Notes the leaf that it is shown.
#[derive(Debug, Default)]
struct Seen(Mutex<Vec<u8>>);

impl ServerCertVerifier for Seen {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: TlsTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        *self.0.lock().unwrap() = leaf.to_vec();
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let supported = aws_lc_rs::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, leaf, signed, &supported)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let supported = aws_lc_rs::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, leaf, signed, &supported)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// Connects anew, asks for the health and gives the leaf that was shown.
async fn ask(address: &str) -> Vec<u8> {
    let seen = Arc::new(Seen::default());
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&seen) as _)
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await.unwrap();
    let name = ServerName::try_from("gate.example.com").unwrap();
    let mut stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(answer.ends_with(br#"{"status":"SERVING"}"#), "{}", String::from_utf8_lossy(&answer));
    seen.0.lock().unwrap().clone()
}

async fn start(certificate: &Arc<ServingCertificate>) -> String {
    let listener = serve::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = Server::new(listener).tls(Arc::clone(certificate)).pooled();
    tokio::spawn(server.serve(Router::new(), std::future::pending()));
    address
}

/// While clients connect without a pause the certificate is replaced again and again, among others by bad
/// ones: every client gets an answer under a certificate that was good.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g29_a_certificate_is_rotated_under_load() {
    let secret = Secret::new();
    let first = secret.pair(3600);
    secret.swap(&first.chain, &first.key);
    let certificate = secret.read().unwrap();
    let address = start(&certificate).await;
    let done = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..4)
        .map(|_| {
            let (address, done) = (address.clone(), Arc::clone(&done));
            tokio::spawn(async move {
                let mut shown = Vec::new();
                while !done.load(Ordering::Relaxed) {
                    shown.push(ask(&address).await);
                }
                shown
            })
        })
        .collect();
    let mut good = vec![first.leaf.der().to_vec()];
    let until = Instant::now() + Duration::from_secs(2);
    while Instant::now() < until {
        let next = secret.pair(3600);
        secret.swap(&next.chain, &next.key);
        good.push(next.leaf.der().to_vec());
        assert_eq!(certificate.reload(&SystemEnvironment), Reload::Replaced);
        assert_eq!(ask(&address).await, good[good.len() - 1]);
        secret.swap(&secret.pair(-60).chain, "no key");
        assert!(matches!(certificate.reload(&SystemEnvironment), Reload::Kept(_)));
    }
    done.store(true, Ordering::Relaxed);
    let mut asked = 0;
    for client in clients {
        for leaf in client.await.unwrap() {
            asked += 1;
            assert!(good.contains(&leaf), "a client was shown a certificate that was never good");
        }
    }
    assert!(asked > 20 && good.len() > 5, "{asked} handshakes, {} certificates", good.len());
}

/// Each bad pair is named, and the last good one stays in force.
#[tokio::test]
async fn g29_a_bad_certificate_keeps_the_last_good_one() {
    let secret = Secret::new();
    let (good, other, expired) = (secret.pair(3600), secret.pair(3600), secret.pair(-60));
    secret.swap(&good.chain, &good.key);
    let certificate = secret.read().unwrap();
    let address = start(&certificate).await;
    let bad = [
        (good.chain.as_str(), other.key.as_str(), "tls-mismatch"),
        (&expired.chain, &expired.key, "tls-expired"),
        ("", &good.key, "tls-chain"),
        (&good.chain, "", "tls-key"),
        (&good.chain, &good.chain, "tls-key"),
        (&"x".repeat(limits::PEM_BYTES + 1), &good.key, "tls-file"),
    ];
    for (chain, key, code) in bad {
        secret.swap(chain, key);
        let Reload::Kept(error) = certificate.reload(&SystemEnvironment) else { panic!("{code}: taken") };
        assert_eq!(error.code().name(), code);
        assert_eq!(secret.read().err().map(|error| error.code().name()), Some(code), "at the start too");
        assert_eq!(ask(&address).await, good.leaf.der());
    }
    std::fs::remove_file(secret.dir.path().join("..data")).unwrap();
    assert!(matches!(certificate.reload(&SystemEnvironment), Reload::Kept(TlsError::File { .. })));
    secret.swap(&good.chain, &good.key);
    assert_eq!(certificate.reload(&SystemEnvironment), Reload::Same);
    secret.swap(&other.chain, &other.key);
    assert_eq!(certificate.reload(&SystemEnvironment), Reload::Replaced);
    assert_eq!(ask(&address).await, other.leaf.der());
    assert_eq!(certificate.validity().map(|(_, end)| end), other.leaf.validity().end());
}

/// Plain HTTP and silence on a TLS port end the connection, and nothing else.
#[tokio::test(start_paused = true)]
async fn a_client_without_tls_is_cut() {
    let secret = Secret::new();
    let good = secret.pair(3600);
    secret.swap(&good.chain, &good.key);
    let address = start(&secret.read().unwrap()).await;
    for bytes in [&b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"[..], b""] {
        let mut stream = TcpStream::connect(&address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        assert!(!answer.starts_with(b"HTTP/"), "{}", String::from_utf8_lossy(&answer));
    }
}

#[test]
fn authorities_of_clients_that_are_none() {
    let secret = Secret::new();
    let pair = secret.pair(3600);
    secret.swap(&pair.chain, &pair.key);
    let file = secret.dir.path().join("clients.pem");
    let read = |authorities: &str| {
        std::fs::write(&file, authorities).unwrap();
        let at = |name| secret.dir.path().join(name);
        let read = ServingCertificate::read_for(&SystemEnvironment, &at("tls.crt"), &at("tls.key"), &file);
        read.map(drop).map_err(|error| (error.code().name(), error.code().exit_code()))
    };
    assert_eq!(read(&secret.authority.certificate.to_pem()), Ok(()));
    for none in ["", "no PEM", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        assert_eq!(read(none), Err(("tls-authorities", 3)), "{none}");
    }
}

#[test]
fn algorithms_that_make_no_tls() {
    let empty = || InForce { current: RwLock::default(), challenges: RwLock::default() };
    let with = |provider| {
        config(provider, None, Arc::new(empty()))
            .map(drop)
            .map_err(|error| (error.code().name(), error.code().exit_code()))
    };
    assert_eq!(with(aws_lc_rs::default_provider()), Ok(()));
    let none = CryptoProvider { cipher_suites: Vec::new(), ..aws_lc_rs::default_provider() };
    assert_eq!(with(none), Err(("tls-setup", 3)));
}
