//! The serving certificate: read from files, replaced while serving.
//!
//! cert-manager mounts a secret whose files change by the swap of one symbolic link. The files are looked at
//! every [`limits::RELOAD_SECS`]; a pair that is whole, matches and is in force replaces the one before, for
//! connections to come. A bad pair changes nothing but [`Reload::Kept`], which says why.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{ClientHello, NoClientAuth, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig};
use thiserror::Error;
use tokio_rustls::TlsAcceptor;
use zeroize::Zeroizing;

use crate::base::code::Code;
use crate::base::limits;
use crate::base::time::UnixTime;
use crate::format::x509::Certificate;
use crate::service::environment::Environment;

/// Why files are no serving certificate.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("{path}: {kind}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        kind: std::io::ErrorKind,
    },
    /// The certificate file holds none that can be read.
    #[error("{path}: no certificate chain in PEM")]
    Chain {
        /// The file.
        path: PathBuf,
    },
    /// The key file holds none that can be used.
    #[error("{path}: no private key in PEM that TLS can use")]
    Key {
        /// The file.
        path: PathBuf,
    },
    /// The key belongs to another certificate.
    #[error("the key of {key} is not that of the certificate in {chain}")]
    Mismatch {
        /// The file of the chain.
        chain: PathBuf,
        /// The file of the key.
        key: PathBuf,
    },
    /// No authorities by which clients could be known.
    #[error("{path}: no certificates of authorities in PEM")]
    Authorities {
        /// The file.
        path: PathBuf,
    },
    /// The TLS library offers nothing to serve with.
    #[error("TLS cannot be set up")]
    Provider,
    /// The certificate has expired.
    #[error("the certificate in {chain} expired at {not_after}")]
    Expired {
        /// The file of the chain.
        chain: PathBuf,
        /// When.
        not_after: UnixTime,
    },
}

impl TlsError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::File { .. } => Code::undecided("tls-file", "check the path and who may read it"),
            Self::Chain { .. } => Code::undecided("tls-chain", "give the leaf and its intermediates in PEM"),
            Self::Key { .. } => Code::undecided("tls-key", "give the private key in PEM: PKCS#8, SEC 1 or PKCS#1"),
            Self::Mismatch { .. } => Code::undecided("tls-mismatch", "give the key that the certificate was made for"),
            Self::Authorities { .. } => {
                Code::undecided("tls-authorities", "give the certificates of the CAs that clients' certificates are of")
            }
            Self::Provider => Code::undecided("tls-setup", "report it: this build has no cipher suites"),
            Self::Expired { .. } => Code::undecided("tls-expired", "renew it; see whether cert-manager is well"),
        }
    }
}

/// What a look at the files brought.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Reload {
    /// The files are those in force.
    Same,
    /// New ones are in force.
    Replaced,
    /// New ones are not good: those before stay in force.
    Kept(TlsError),
}

/// The protocol by which an ACME server looks at a challenge (RFC 8737 section 6.2).
pub(super) const CHALLENGE_PROTOCOL: &[u8] = b"acme-tls/1";

/// A certificate with its key, from two files, that may be replaced while serving.
pub struct ServingCertificate {
    chain: PathBuf,
    key: PathBuf,
    in_force: Arc<InForce>,
    config: Arc<ServerConfig>,
}

struct Current {
    pair: Arc<CertifiedKey>,
    validity: (UnixTime, UnixTime),
    files: Files,
}

/// A pair that could be served.
#[cfg(feature = "acme")]
pub(super) struct Checked(Current);

#[cfg(feature = "acme")]
impl Checked {
    /// The chain with its key, as it came.
    pub(super) fn pem(&self) -> &[u8] {
        &self.0.files.chain
    }
}

/// The bytes as they were read, so that only a change is looked at. Both may be of one file.
#[derive(PartialEq, Eq)]
struct Files {
    chain: Zeroizing<Vec<u8>>,
    key: Zeroizing<Vec<u8>>,
}

/// Hands TLS whatever pair is in force, and to an ACME server that looks at a name the answer for that name.
struct InForce {
    current: RwLock<Option<Current>>,
    challenges: RwLock<BTreeMap<String, Arc<CertifiedKey>>>,
}

impl ServingCertificate {
    /// Reads both files. TLS 1.2 at least, HTTP/1.1 only.
    pub fn read(environment: &dyn Environment, chain: &Path, key: &Path) -> Result<Arc<Self>, TlsError> {
        Self::read_with(environment, chain, key, None)
    }

    /// The same, for clients that show a certificate of one of the authorities in a file (PEM) and nobody else. Those
    /// are read once.
    pub fn read_for(
        environment: &dyn Environment,
        chain: &Path,
        key: &Path,
        authorities: &Path,
    ) -> Result<Arc<Self>, TlsError> {
        let error = |error: std::io::Error| TlsError::File { path: authorities.to_owned(), kind: error.kind() };
        let pem = environment.read(authorities, limits::PEM_BYTES).map_err(error)?;
        Self::read_with(environment, chain, key, Some(client_verifier(&pem, authorities)?))
    }

    fn read_with(
        environment: &dyn Environment,
        chain: &Path,
        key: &Path,
        clients: Option<Arc<dyn ClientCertVerifier>>,
    ) -> Result<Arc<Self>, TlsError> {
        let files = Files::read(environment, chain, key)?;
        let current = Current::of(files, chain, key, environment.now())?;
        Self::serving(Some(current), chain, key, clients, &[b"http/1.1"])
    }

    /// With a pair that is expected in one file. One that is not there, or not good, is awaited: until it is
    /// [`put`](Self::put) in force handshakes fail, but those of an ACME server's challenge.
    #[cfg(feature = "acme")]
    pub(super) fn awaiting(environment: &dyn Environment, path: &Path) -> Result<Arc<Self>, TlsError> {
        let files = Files::read(environment, path, path);
        let current = files.and_then(|files| Current::of(files, path, path, environment.now())).ok();
        Self::serving(current, path, path, None, &[b"http/1.1", CHALLENGE_PROTOCOL])
    }

    fn serving(
        current: Option<Current>,
        chain: &Path,
        key: &Path,
        clients: Option<Arc<dyn ClientCertVerifier>>,
        protocols: &[&[u8]],
    ) -> Result<Arc<Self>, TlsError> {
        let in_force = Arc::new(InForce { current: RwLock::new(current), challenges: RwLock::default() });
        let mut config = config(aws_lc_rs::default_provider(), clients, Arc::clone(&in_force) as _)?;
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        Ok(Arc::new(Self { chain: chain.to_owned(), key: key.to_owned(), in_force, config: Arc::new(config) }))
    }

    /// Looks at the files again every [`limits::RELOAD_SECS`], and tells of what changed; never ends.
    pub async fn follow(self: Arc<Self>, environment: Arc<dyn Environment>, told: impl Fn(&Reload)) {
        loop {
            tokio::time::sleep(std::time::Duration::from_secs(limits::RELOAD_SECS)).await;
            match self.reload(environment.as_ref()) {
                Reload::Same => {}
                changed => told(&changed),
            }
        }
    }

    /// Looks at the files again.
    pub fn reload(&self, environment: &dyn Environment) -> Reload {
        let replaced = Files::read(environment, &self.chain, &self.key).and_then(|files| {
            if self.in_force.current().as_ref().is_some_and(|current| current.files == files) {
                return Ok(Reload::Same);
            }
            let current = Current::of(files, &self.chain, &self.key, environment.now())?;
            self.in_force.replace(current);
            Ok(Reload::Replaced)
        });
        match replaced {
            // It is awaited.
            Err(_) if self.in_force.current().is_none() => Reload::Same,
            replaced => replaced.unwrap_or_else(Reload::Kept),
        }
    }

    /// The first and the last moment of the certificate in force; `None` while one is awaited.
    pub fn validity(&self) -> Option<(UnixTime, UnixTime)> {
        self.in_force.current().as_ref().map(|current| current.validity)
    }

    /// Looks whether a chain with its key could be served.
    #[cfg(feature = "acme")]
    pub(super) fn check(&self, pem: Zeroizing<Vec<u8>>, now: UnixTime) -> Result<Checked, TlsError> {
        let files = Files { chain: pem.clone(), key: pem };
        Current::of(files, &self.chain, &self.key, now).map(Checked)
    }

    /// Puts a pair in force, for connections to come.
    #[cfg(feature = "acme")]
    pub(super) fn put(&self, checked: Checked) {
        self.in_force.replace(checked.0);
    }

    /// What an ACME server that looks at a name is shown, until it is forgotten.
    #[cfg(feature = "acme")]
    pub(super) fn answer_challenge(&self, name: &str, answer: Arc<CertifiedKey>) {
        let mut challenges = self.in_force.challenges.write().unwrap_or_else(PoisonError::into_inner);
        challenges.insert(name.to_owned(), answer);
    }

    /// Nothing more is shown to ACME servers.
    #[cfg(feature = "acme")]
    pub(super) fn forget_challenges(&self) {
        self.in_force.challenges.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.config))
    }
}

/// TLS 1.2 and 1.3 by what a library of algorithms has.
fn config(
    provider: CryptoProvider,
    clients: Option<Arc<dyn ClientCertVerifier>>,
    resolver: Arc<dyn ResolvesServerCert>,
) -> Result<ServerConfig, TlsError> {
    let config = ServerConfig::builder_with_provider(Arc::new(provider)).with_safe_default_protocol_versions();
    let clients = clients.unwrap_or_else(|| Arc::new(NoClientAuth));
    Ok(config.map_err(|_| TlsError::Provider)?.with_client_cert_verifier(clients).with_cert_resolver(resolver))
}

/// Knows clients by the authorities that vouch for them.
fn client_verifier(pem: &[u8], path: &Path) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let wrong = || TlsError::Authorities { path: path.to_owned() };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        roots.add(certificate.map_err(|_| wrong())?).map_err(|_| wrong())?;
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().map_err(|_| wrong())
}

impl Files {
    fn read(environment: &dyn Environment, chain: &Path, key: &Path) -> Result<Self, TlsError> {
        let read = |path: &Path| {
            let error = |error: std::io::Error| TlsError::File { path: path.to_owned(), kind: error.kind() };
            environment.read(path, limits::PEM_BYTES).map(Zeroizing::new).map_err(error)
        };
        Ok(Self { chain: read(chain)?, key: read(key)? })
    }
}

impl Current {
    /// A pair that can be served: readable, of one key, and not expired.
    fn of(files: Files, chain: &Path, key: &Path, now: UnixTime) -> Result<Self, TlsError> {
        let no_chain = || TlsError::Chain { path: chain.to_owned() };
        let certificates: Vec<_> =
            CertificateDer::pem_slice_iter(&files.chain).collect::<Result<_, _>>().map_err(|_| no_chain())?;
        let leaf = certificates.first().ok_or_else(no_chain)?;
        let leaf = Certificate::from_der(leaf).map_err(|_| no_chain())?;
        let validity = leaf.validity();
        let (not_before, not_after) = (validity.start(), validity.end().ok_or_else(no_chain)?);
        if now > not_after {
            return Err(TlsError::Expired { chain: chain.to_owned(), not_after });
        }
        let no_key = || TlsError::Key { path: key.to_owned() };
        let private = PrivateKeyDer::from_pem_slice(&files.key).map_err(|_| no_key())?;
        let private = aws_lc_rs::sign::any_supported_type(&private).map_err(|_| no_key())?;
        let pair = CertifiedKey::new(certificates, private);
        pair.keys_match().map_err(|_| TlsError::Mismatch { chain: chain.to_owned(), key: key.to_owned() })?;
        Ok(Self { pair: Arc::new(pair), validity: (not_before, not_after), files })
    }
}

impl InForce {
    fn current(&self) -> RwLockReadGuard<'_, Option<Current>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn replace(&self, current: Current) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(current);
    }
}

impl ResolvesServerCert for InForce {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        // Only an ACME server offers this protocol, and it offers no other (RFC 8737 section 3).
        if hello.alpn().is_some_and(|mut offered| offered.any(|protocol| protocol == CHALLENGE_PROTOCOL)) {
            let challenges = self.challenges.read().unwrap_or_else(PoisonError::into_inner);
            return challenges.get(hello.server_name()?).cloned();
        }
        self.current().as_ref().map(|current| Arc::clone(&current.pair))
    }
}

impl fmt::Debug for InForce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InForce")
    }
}

impl fmt::Debug for ServingCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServingCertificate({})", self.chain.display())
    }
}

#[cfg(test)]
mod tests;
