//! Authorities behind TLS of a CA that is nobody's but the site's: the right root, another, none.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use super::fake::{Ca, read, step_ca, vault};
use super::{IDENTITY, IssuerKind, Site, TokenRequest, issued, json, refusal, stack_url, stderr};

/// A CA for TLS, of servers and of clients.
pub(in crate::cli) struct Private {
    issuer: Issuer<'static, KeyPair>,
    pub(in crate::cli) root: rcgen::Certificate,
}

impl Private {
    pub(in crate::cli) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate().unwrap();
        let root = params.self_signed(&key).unwrap();
        Self { issuer: Issuer::new(params, key), root }
    }

    /// A certificate and its key.
    pub(in crate::cli) fn leaf(&self, name: &str, usage: ExtendedKeyUsagePurpose) -> (rcgen::Certificate, KeyPair) {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }

    /// What speaks TLS in front of a server at `behind`, and asks clients for certificates where it is to; its URL.
    pub(in crate::cli) fn before(&self, behind: &str, clients: bool) -> String {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let (certificate, key) = self.leaf("localhost", ExtendedKeyUsagePurpose::ServerAuth);
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(self.root.der().clone()).unwrap();
        let builder = match clients {
            true => {
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
            false => builder.with_no_client_auth(),
        };
        let key = PrivatePkcs8KeyDer::from(key.serialize_der());
        let config = Arc::new(builder.with_single_cert(vec![certificate.der().clone()], key.into()).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let behind = behind.trim_start_matches("http://").to_owned();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
                let mut stream = StreamOwned::new(connection, stream);
                // A client that does not trust us, or is not trusted, ends here.
                let Some(request) = read(&mut stream) else { continue };
                let mut server = TcpStream::connect(&behind).unwrap();
                let head = request.raw.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
                server.write_all(&[head.as_bytes(), &request.body].concat()).unwrap();
                let mut answer = Vec::new();
                server.read_to_end(&mut answer).unwrap();
                let _ = stream.write_all(&answer);
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        });
        format!("https://localhost:{port}")
    }
}

#[test]
fn every_authority_is_met_over_tls_by_the_root_that_is_given() {
    let (site, private) = (Site::new(), Private::new());
    site.desk.write("root.pem", private.root.pem().as_bytes());
    site.desk.write("other.pem", Private::new().root.pem().as_bytes());
    let (vault_ca, step_root) = (Arc::new(Ca::new("vault")), Arc::new(Ca::new("step")));
    let (vault, step) = (vault(Arc::clone(&vault_ca)), step_ca(Arc::clone(&step_root)));
    let (vault_at, step_at) = (private.before(&vault.url, false), private.before(&step.url, false));
    let fulcio_at = private.before(&stack_url(), false);
    // What is to be trusted comes over the same TLS.
    for (from, at, name) in [("vault", format!("{vault_at}/v1/pki"), "vault"), ("step-ca", step_at.clone(), "step")] {
        let add = |more: &[&str]| site.add(from, &at, name, &[&["--format", "json"], more].concat());
        assert!(stderr(&add(&[])).contains("ca-tls\n"), "{from}: {}", stderr(&add(&[])));
        assert!(stderr(&add(&["--tls-root", "other.pem"])).contains("ca-tls-root"), "{from}");
        let added = add(&["--tls-root", "root.pem"]);
        assert_eq!(json(&added)["added"].as_array().map(Vec::len), Some(1), "{}", stderr(&added));
    }
    let job = issued(&TokenRequest::new(IssuerKind::GithubWorkflow));
    site.desk.write("token.jwt", job.as_bytes());
    let by_vault = ["--authority", "vault:pki/ci", "--authority-login", "jwt:ci", "--authority-audience", "vault"];
    let by_vault = [&by_vault[..], &["--authority-name", "https://github.com/acme/app"]].concat();
    let (by_step, by_fulcio) = (format!("step-ca:{step_at}"), format!("fulcio:{fulcio_at}"));
    let kinds: [(&str, &str, Vec<&str>); 3] = [
        ("vault", "vault.jwt", by_vault),
        ("step-ca", "step.jwt", vec!["--authority", &by_step]),
        ("fulcio", "token.jwt", vec!["--authority", &by_fulcio]),
    ];
    for (kind, token, flags) in &kinds {
        let sign = |root: &[&str], variables: &[(&str, &str)]| {
            let all = [&[("VAULT_ADDR", vault_at.as_str())][..], variables].concat();
            site.sign(token, &[&flags[..], root].concat(), &all)
        };
        for (root, code) in [(&[][..], "ca-tls"), (&["--authority-tls-root", "other.pem"], "ca-tls-root")] {
            let output = sign(root, &[]);
            assert_eq!(output.status.code(), Some(3), "{kind} {root:?}: {}", stderr(&output));
            assert!(stderr(&output).contains(&format!(": {code}\n")), "{kind} {root:?}: {}", stderr(&output));
        }
        let signed = sign(&["--authority-tls-root", "root.pem"], &[]);
        assert!(signed.status.success(), "{kind}: {}", stderr(&signed));
        // Doctor sees the same.
        let doctor = |root: &[&str]| {
            let fixed = ["doctor", "--trust-config", "trust.json", "--identity-token-file", token];
            site.run(&[&fixed[..], flags, root].concat(), &[("VAULT_ADDR", &vault_at)])
        };
        let found = |root: &[&str]| super::stdout(&doctor(root));
        assert!(found(&[]).contains("--authority-tls-root FILE"), "{kind}: {}", found(&[]));
        let well = found(&["--authority-tls-root", "root.pem"]);
        assert!(!well.contains("TLS:"), "{kind}: {well}");
    }
    // A Vault's own client has the root in a variable.
    let by = &kinds[0].2;
    let signed = site.sign("vault.jwt", by, &[("VAULT_ADDR", &vault_at), ("VAULT_CACERT", "root.pem")]);
    assert!(signed.status.success(), "{}", stderr(&signed));
    let verified = site.verify(&["--identity", "https://github.com/acme/app", "--certificate-authority", "vault"]);
    assert!(verified.status.success(), "{}", stderr(&verified));
    assert_eq!(
        refusal(&site.verify(&["--identity", IDENTITY, "--certificate-authority", "vault"])),
        "identity-mismatch"
    );
    // A file that holds no root.
    site.desk.write("empty.pem", b"nothing");
    let bad = site.sign(
        "vault.jwt",
        &[&by[..], &["--authority-tls-root", "empty.pem"]].concat(),
        &[("VAULT_ADDR", &vault_at)],
    );
    assert_eq!(super::usage(&bad), "http-setup");
}
