//! TLS: who is trusted, and who is not.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, Stream};

use super::super::fake::{block_on, certificate, impatient_client, server, server_until};
use super::super::*;
use crate::base::encoding::der::Oid;
use crate::base::encoding::pem;
use crate::format::x509::testing::Authority;

/// A client's certificate and key.
fn client(issuer: &Authority) -> (Vec<u8>, Vec<u8>) {
    let client_auth = Oid::constant(&[0x2b, 6, 1, 5, 5, 7, 3, 2]);
    certificate(issuer, "client.example", client_auth, 2_493_072_000)
}

/// Answers every connection over TLS; gives the port.
fn serve(certificate: Vec<u8>, key: Vec<u8>) -> u16 {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![CertificateDer::from(certificate)], PrivatePkcs8KeyDer::from(key).into())
        .unwrap();
    serve_with(config)
}

fn serve_with(config: ServerConfig) -> u16 {
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut tls = Stream::new(&mut connection, &mut stream);
            let mut request = [0; 1024];
            // A client that does not trust us hangs up here.
            if tls.read(&mut request).is_ok() {
                let _ = tls.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok");
            }
        }
    });
    port
}

fn get(port: u16, extra_roots: Option<String>) -> Result<Response, HttpError> {
    get_by(port, Settings { extra_roots, ..impatient_client().settings().clone() })
}

fn get_by(port: u16, settings: Settings) -> Result<Response, HttpError> {
    let client = HttpClient::new(settings);
    let endpoint = Endpoint::parse(Service::Log, &format!("https://localhost:{port}/")).unwrap();
    block_on(client.send(super::get(Service::Log, &endpoint)))
}

#[test]
fn an_extra_root_is_trusted_and_a_stranger_is_not() {
    let authority = Authority::root("private");
    let (certificate, key) = server(&authority, "localhost");
    let port = serve(certificate, key);
    assert_eq!(get(port, Some(authority.certificate.to_pem())).unwrap().body, b"ok");
    for roots in [None, Some(Authority::root("another").certificate.to_pem())] {
        let error = get(port, roots).unwrap_err();
        assert_eq!((error.code().name(), error.code().exit_code()), ("net-tls", 3));
        assert!(error.to_string().contains("certificate"), "{error}");
    }
}

#[test]
fn a_certificate_for_another_host_is_refused() {
    let authority = Authority::root("private");
    let (certificate, key) = server(&authority, "elsewhere.example");
    let port = serve(certificate, key);
    assert_eq!(get(port, Some(authority.certificate.to_pem())).unwrap_err().code().name(), "net-tls");
}

#[test]
fn o24_certificates_and_versions_that_are_not_trusted() {
    let authority = Authority::root("private");
    let roots = Some(authority.certificate.to_pem());
    let stranger = server(&Authority::root("another"), "localhost");
    let elsewhere = server(&authority, "elsewhere.example");
    let expired = server_until(&authority, "localhost", 1_000_000_000);
    for (certificate, key) in [stranger, elsewhere, expired] {
        let error = get(serve(certificate, key), roots.clone()).unwrap_err();
        assert_eq!((error.code().name(), error.code().exit_code()), ("net-tls", 3));
    }
    let (certificate, key) = server(&authority, "localhost");
    assert!(get(serve(certificate, key), roots.clone()).is_ok());
    // A server of TLS 1.1 answers our first flight with an alert: protocol_version.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut hello = [0; 4096];
            let _ = stream.read(&mut hello).and_then(|_| stream.write_all(&[0x15, 3, 2, 0, 2, 2, 0x46]));
        }
    });
    let error = get(port, roots).unwrap_err();
    assert_eq!((error.code().name(), error.code().exit_code()), ("net-tls", 3), "{error}");
}

#[test]
fn a_client_certificate_is_shown_to_who_asks() {
    let authority = Authority::root("private");
    let (certificate, key) = server(&authority, "localhost");
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from(authority.certificate.der().to_vec())).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(vec![CertificateDer::from(certificate)], PrivatePkcs8KeyDer::from(key).into())
        .unwrap();
    let port = serve_with(config);
    let (chain, key) = client(&authority);
    let own = ClientCertificate::new(pem::encode("CERTIFICATE", &chain), pem::encode("PRIVATE KEY", &key).into());
    let settings = |client_certificate| Settings {
        extra_roots: Some(authority.certificate.to_pem()),
        client_certificate,
        ..impatient_client().settings().clone()
    };
    assert_eq!(get_by(port, settings(Some(own.unwrap()))).unwrap().body, b"ok");
    let error = get_by(port, settings(None)).unwrap_err();
    assert_eq!((error.code().name(), error.code().exit_code()), ("net-tls", 3), "{error}");
}
