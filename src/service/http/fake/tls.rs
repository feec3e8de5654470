//! The same server over TLS, with an authority of its own.

use std::net::TcpListener;
use std::sync::Arc;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::{Answer, Received, read, write};
use crate::base::encoding::der::{self, Oid};
use crate::base::time::{UnixTime, ValidityPeriod};
use crate::format::x509::build::Extension;
use crate::format::x509::oids;
use crate::format::x509::testing::{Authority, Key, Template};

const SERVER_AUTH: Oid<'_> = Oid::constant(&[0x2b, 6, 1, 5, 5, 7, 3, 1]);

/// A server certificate for `name`, valid from 1970 to 2049.
pub(crate) fn server(issuer: &Authority, name: &str) -> (Vec<u8>, Vec<u8>) {
    server_until(issuer, name, 2_493_072_000)
}

/// A server certificate for `name`, valid from 1970 until a time in seconds.
pub(crate) fn server_until(issuer: &Authority, name: &str, until: i64) -> (Vec<u8>, Vec<u8>) {
    certificate(issuer, name, SERVER_AUTH, until)
}

/// A certificate for `name` and this usage, valid from 1970 until a time in seconds, and its key.
pub(crate) fn certificate(issuer: &Authority, name: &str, usage: Oid<'_>, until: i64) -> (Vec<u8>, Vec<u8>) {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
    let dns = der::sequence(&[&der::tlv(0x82, name.as_bytes())]);
    let mut template = Template::leaf(&Key::p256())
        .with(Extension::extended_key_usage(&[usage], false))
        .with(Extension::new(oids::SUBJECT_ALT_NAME, true, &dns));
    template.spki = pair.public_key().as_der().unwrap().as_ref().to_vec();
    template.validity = ValidityPeriod::new(UnixTime::from_secs(0), Some(UnixTime::from_secs(until))).unwrap();
    (issuer.sign_der(template), pair.to_pkcs8v1().unwrap().as_ref().to_vec())
}

/// A running server for `localhost`.
pub(crate) struct TlsServer {
    pub(crate) port: u16,
    /// Its authority's certificate in PEM.
    pub(crate) root: String,
}

/// Answers each connection once.
pub(crate) fn tls_server(answer: impl Fn(&Received) -> Answer + Send + 'static) -> TlsServer {
    let authority = Authority::root("private");
    let (certificate, key) = server(&authority, "localhost");
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![CertificateDer::from(certificate)], PrivatePkcs8KeyDer::from(key).into())
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            let mut stream = StreamOwned::new(connection, stream.unwrap());
            // A client that does not trust us hangs up here.
            if let Some(request) = read(&mut stream) {
                write(&mut stream, &answer(&request));
            }
        }
    });
    TlsServer { port, root: authority.certificate.to_pem() }
}
