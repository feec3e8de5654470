//! Where calls may go, through what, and how long they may take.

mod anybody;

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use reqwest::{NoProxy, Proxy, Url};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, RootCertStore};
use zeroize::Zeroizing;

use super::reach::{Within, is_of_this_machine};
use super::{HttpError, Reach, Service};
use crate::base::encoding::pem;
use crate::base::limits;
use crate::service::environment::Environment;

/// How the client behaves.
#[derive(Debug, Clone)]
pub struct Settings {
    /// To open a connection, TLS included.
    pub connect_timeout: Duration,
    /// For one attempt, from its first byte to its last: a tiled log holds a call for up to 20 s.
    pub attempt_timeout: Duration,
    /// For a call with all its attempts and pauses.
    pub budget: Duration,
    /// Attempts of a call, the first included.
    pub attempts: u32,
    /// The pause after the first attempt; each further one is twice as long.
    pub first_pause: Duration,
    /// PEM certificates that are trusted for TLS beside the public ones.
    pub extra_roots: Option<String>,
    /// Proxies; none unless set.
    pub proxies: Proxies,
    /// Shown to servers that ask for one.
    pub client_certificate: Option<ClientCertificate>,
    /// Which addresses may be called.
    pub reach: Reach,
    /// A Unix socket that every call goes over, whatever its host; not on other systems.
    pub socket: Option<PathBuf>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            attempt_timeout: Duration::from_secs(30),
            budget: Duration::from_secs(90),
            attempts: 5,
            first_pause: Duration::from_millis(400),
            extra_roots: None,
            proxies: Proxies::default(),
            client_certificate: None,
            reach: Reach::Any,
            socket: None,
        }
    }
}

impl Settings {
    /// The default with the environment's proxies.
    pub fn from_environment(environment: &dyn Environment) -> Self {
        Self { proxies: Proxies::from_environment(environment), ..Self::default() }
    }

    pub(super) fn build(&self, loopback: bool, identity: ServerIdentity) -> Result<reqwest::Client, HttpError> {
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("sealmark/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .connect_timeout(self.connect_timeout)
            .tls_backend_preconfigured(self.tls(identity)?)
            // Ours replace the ones that the HTTP library would find by itself.
            .no_proxy();
        if self.reach != Reach::Any {
            builder = builder.dns_resolver(Arc::new(Within(self.reach)));
        }
        #[cfg(unix)]
        if let Some(socket) = &self.socket {
            builder = builder.unix_socket(socket.as_path());
        }
        if !loopback && let Some(proxy) = self.proxies.proxy()? {
            builder = builder.proxy(proxy);
        }
        builder.build().map_err(|error| HttpError::Setup(error.without_url().to_string()))
    }

    fn tls(&self, identity: ServerIdentity) -> Result<ClientConfig, HttpError> {
        let setup = |error: &dyn fmt::Display| HttpError::Setup(error.to_string());
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        if let Some(extra) = &self.extra_roots {
            for der in pem::decode_all(extra, "CERTIFICATE").map_err(|error| setup(&error))? {
                roots.add(CertificateDer::from(der)).map_err(|error| setup(&error))?;
            }
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| setup(&error))?;
        let config = match identity {
            ServerIdentity::Proven => config.with_root_certificates(roots),
            ServerIdentity::Anybody => {
                config.dangerous().with_custom_certificate_verifier(Arc::new(anybody::Anybody(provider)))
            }
        };
        match &self.client_certificate {
            Some(own) => {
                let (chain, key) = own.read()?;
                config.with_client_auth_cert(chain, key).map_err(|error| setup(&error))
            }
            None => Ok(config.with_no_client_auth()),
        }
    }
}

/// Whether a server must prove who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ServerIdentity {
    /// By a certificate that leads to a root.
    Proven,
    /// It need not: what it sends is known by its digest.
    Anybody,
}

/// A certificate that this client shows, with its key.
#[derive(Clone)]
pub struct ClientCertificate {
    chain: String,
    key: Zeroizing<String>,
}

impl ClientCertificate {
    /// A chain in PEM, the client's own certificate first, and its key in PEM (PKCS#8).
    ///
    /// # Errors
    ///
    /// [`HttpError::Setup`] when one of them does not parse.
    pub fn new(chain: String, key: Zeroizing<String>) -> Result<Self, HttpError> {
        let own = Self { chain, key };
        own.read().map(|_| own)
    }

    fn read(&self) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), HttpError> {
        let setup = |what: &str| HttpError::Setup(format!("client certificate: {what} is not PEM"));
        let chain = pem::decode_all(&self.chain, "CERTIFICATE").map_err(|_| setup("the chain"))?;
        let key = pem::decode_all(&self.key, "PRIVATE KEY").map_err(|_| setup("the key (PKCS#8)"))?;
        let [key] = <[Vec<u8>; 1]>::try_from(key).map_err(|_| setup("the key (one, PKCS#8)"))?;
        Ok((chain.into_iter().map(CertificateDer::from).collect(), PrivatePkcs8KeyDer::from(key).into()))
    }
}

impl fmt::Debug for ClientCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientCertificate")
    }
}

/// The proxy for https, and the hosts that are reached without it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Proxies {
    /// The proxy's URL; may hold a password.
    pub https: Option<String>,
    /// Host names, domains and networks, separated by commas.
    pub exempt: Option<String>,
}

impl Proxies {
    /// `HTTPS_PROXY`, else `ALL_PROXY`, and `NO_PROXY`; lower case wins, as with curl. `HTTP_PROXY` plays
    /// no part: plain http is for loopback only.
    pub fn from_environment(environment: &dyn Environment) -> Self {
        let var = |name: &str| environment.var(&name.to_lowercase()).or_else(|| environment.var(name));
        Self { https: var("HTTPS_PROXY").or_else(|| var("ALL_PROXY")), exempt: var("NO_PROXY") }
    }

    fn proxy(&self) -> Result<Option<Proxy>, HttpError> {
        let Some(url) = &self.https else { return Ok(None) };
        let unusable = || HttpError::Setup(format!("proxy {} is not a URL", self.shown()));
        let proxy = Proxy::https(url).map_err(|_| unusable())?;
        Ok(Some(proxy.no_proxy(self.exempt.as_deref().and_then(NoProxy::from_string))))
    }

    fn shown(&self) -> String {
        match self.https.as_deref().map(Url::parse) {
            Some(Ok(url)) => without_secrets(&url),
            Some(Err(_)) => "(not a URL)".to_owned(),
            None => "none".to_owned(),
        }
    }
}

impl fmt::Display for Proxies {
    /// For reports: the proxy's URL without its password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())?;
        match &self.exempt {
            Some(exempt) if self.https.is_some() => write!(f, " (not for {exempt})"),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Proxies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxies({self})")
    }
}

/// A URL that may be called: https, or http on loopback; without user information.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    url: Url,
}

impl Endpoint {
    /// Reads the URL of a service.
    ///
    /// # Errors
    ///
    /// [`HttpError::Url`], which shows no query and no password.
    pub fn parse(service: Service, text: &str) -> Result<Self, HttpError> {
        let problem = |url: String, problem| HttpError::Url { service, url, problem };
        if text.len() > limits::URL_BYTES {
            return Err(problem(String::new(), "it is too long"));
        }
        let url = Url::parse(text).map_err(|_| problem(String::new(), "it does not parse as a URL"))?;
        let endpoint = Self { url };
        let shown = endpoint.to_string();
        if !endpoint.url.username().is_empty() || endpoint.url.password().is_some() {
            return Err(problem(shown, "it holds a user name or a password"));
        }
        if endpoint.url.fragment().is_some() {
            return Err(problem(shown, "it holds a fragment"));
        }
        match endpoint.url.scheme() {
            "https" if endpoint.url.has_host() => Ok(endpoint),
            "http" if endpoint.is_loopback() => Ok(endpoint),
            "http" => Err(problem(shown, "plain http is for loopback only")),
            _ => Err(problem(shown, "it is not https")),
        }
    }

    /// The same, plain http included: for what holds no secret, in a network of the caller's own.
    ///
    /// # Errors
    ///
    /// [`HttpError::Url`], which shows no query and no password.
    pub fn of_this_network(service: Service, text: &str) -> Result<Self, HttpError> {
        // All else is looked at as if it went by https.
        let secured = text.strip_prefix("http://").map(|rest| format!("https://{rest}"));
        let mut endpoint = Self::parse(service, secured.as_deref().unwrap_or(text))?;
        if secured.is_some() {
            endpoint.url = Url::parse(text).unwrap_or(endpoint.url);
        }
        Ok(endpoint)
    }

    /// Whether what is sent there can be read by nobody on the way.
    pub fn keeps_secrets(&self) -> bool {
        self.is_https() || self.is_loopback()
    }

    /// The endpoint at `path` below this base: `path` starts without a slash.
    #[must_use]
    pub fn below(&self, path: &str) -> Self {
        let mut url = self.url.clone();
        let base = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{base}/{path}"));
        Self { url }
    }

    /// The endpoint on the same host that a `Location` field names; `None` when it leads elsewhere.
    pub fn location(&self, value: &str) -> Option<Self> {
        let url = self.url.join(value).ok()?;
        (url.origin() == self.url.origin() && url.username().is_empty() && url.fragment().is_none())
            .then_some(Self { url })
    }

    /// `path` at an authority of a normal form, by https or, where the caller has decided so, by plain http.
    pub(in crate::service) fn at(
        service: Service,
        scheme: &str,
        authority: &str,
        path: &str,
    ) -> Result<Self, HttpError> {
        let url = format!("{scheme}://{authority}/{path}");
        let problem = || HttpError::Url { service, url: url.clone(), problem: "it does not parse as a URL" };
        Url::parse(&url).map(|url| Self { url }).map_err(|_| problem())
    }

    /// What `reference` means from here, wherever it leads; `None` when it is no URL of http or https, holds
    /// user information, or is too long.
    pub(in crate::service) fn joined(&self, reference: &str) -> Option<Self> {
        if reference.len() > limits::URL_BYTES {
            return None;
        }
        let mut url = self.url.join(reference).ok()?;
        url.set_fragment(None);
        let plain = url.username().is_empty() && url.password().is_none() && url.has_host();
        (plain && matches!(url.scheme(), "https" | "http")).then_some(Self { url })
    }

    /// Whether scheme, host and port are the same.
    pub(in crate::service) fn same_origin(&self, other: &Self) -> bool {
        self.url.origin() == other.url.origin()
    }

    /// Whether this is at `HOST` or `HOST:PORT`; without a port it is that of the scheme.
    pub(in crate::service) fn is_at(&self, authority: &str) -> bool {
        Url::parse(&format!("{}://{authority}/", self.url.scheme())).is_ok_and(|url| url.origin() == self.url.origin())
    }

    /// Whether the host is `localhost` or an address that leads back here ([`is_of_this_machine`]).
    pub(in crate::service) fn is_of_this_machine(&self) -> bool {
        self.is_loopback() || self.address().is_some_and(is_of_this_machine)
    }

    /// The host, when it is an address.
    pub(in crate::service) fn address(&self) -> Option<IpAddr> {
        self.host().trim_start_matches('[').trim_end_matches(']').parse().ok()
    }

    /// Whether it is called over TLS.
    pub(in crate::service) fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// The host, an IPv6 address in brackets.
    pub(in crate::service) fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    /// The host, with a port that is not the scheme's own.
    pub(in crate::service) fn authority(&self) -> &str {
        self.url.authority()
    }

    /// Whether it is a service of the Sigstore project's public instances, staging included.
    pub(in crate::service) fn is_of_public_good(&self) -> bool {
        let host = self.host().trim_end_matches('.').to_ascii_lowercase();
        ["sigstore.dev", "sigstage.dev"]
            .into_iter()
            .any(|domain| host.strip_suffix(domain).is_some_and(|front| front.is_empty() || front.ends_with('.')))
    }

    /// The path.
    pub(in crate::service) fn path(&self) -> &str {
        self.url.path()
    }

    /// The whole URL, with a query that may hold a secret.
    pub(in crate::service) fn whole(&self) -> &str {
        self.url.as_str()
    }

    /// The endpoint with one query parameter more.
    #[must_use]
    pub fn with_query(&self, name: &str, value: &str) -> Self {
        let mut url = self.url.clone();
        url.query_pairs_mut().append_pair(name, value);
        Self { url }
    }

    /// Whether the host is this machine by name or address.
    pub fn is_loopback(&self) -> bool {
        match self.url.host_str() {
            Some("localhost") => true,
            Some(host) => {
                let host = host.trim_start_matches('[').trim_end_matches(']');
                host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
            }
            None => false,
        }
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }
}

fn without_secrets(url: &Url) -> String {
    let mut url = url.clone();
    // Both fail only for URLs that cannot carry them.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.to_string()
}

impl fmt::Display for Endpoint {
    /// Without its query: it may hold a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&without_secrets(&self.url))
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self})")
    }
}
