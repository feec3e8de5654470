//! HashiCorp Vault's and OpenBao's PKI engine: <https://developer.hashicorp.com/vault/api-docs/secret/pki> and
//! <https://openbao.org/api-docs/secret/pki/>. One login, one request to `MOUNT/sign/ROLE` with a key that was
//! made here, and the login's token is revoked whatever came of it.
//! `examples/authorities/vault-role.sh` sets up the roles of the engine and of the login.

mod error;
mod login;
mod look;

use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use zeroize::Zeroizing;

use super::{
    CaError, CertificateAuthority, CertificateChain, CertificateRequest, SanTemplate, ServiceName, ServiceRequest,
    chain,
};
use crate::base::encoding::json::Json;
use crate::base::limits;
use crate::format::x509::San;
use crate::service::BoxFuture;
use crate::service::environment::Environment;
use crate::service::http::{Endpoint, Exchange, HttpClient, HttpError, Method, Repeat, Response, Service, excerpt};
use crate::service::identity::{IdToken, TokenClaims};
use crate::service::look::Looked;

pub use error::VaultError;
pub use login::VaultLogin;

const TOKEN: HeaderName = HeaderName::from_static("x-vault-token");
const NAMESPACE: HeaderName = HeaderName::from_static("x-vault-namespace");

/// A variable of Vault's own client, `VAULT_NAME`, or of OpenBao's, `BAO_NAME`.
pub fn vault_variable(environment: &dyn Environment, name: &str) -> Option<String> {
    environment.var(&format!("VAULT_{name}")).or_else(|| environment.var(&format!("BAO_{name}")))
}

/// The files of a client's own certificate and of its key, as `VAULT_CLIENT_CERT` and `VAULT_CLIENT_KEY` name them.
///
/// # Errors
///
/// [`VaultError::ClientPair`] for one without the other: Vault's own client refuses that too.
pub fn vault_client_pair(environment: &dyn Environment) -> Result<Option<(String, String)>, VaultError> {
    const PAIR: [&str; 2] = ["CLIENT_CERT", "CLIENT_KEY"];
    match PAIR.map(|name| vault_variable(environment, name)) {
        [Some(chain), Some(key)] => Ok(Some((chain, key))),
        [None, None] => Ok(None),
        [Some(_), None] => Err(VaultError::ClientPair { given: PAIR[0], missing: PAIR[1] }),
        [None, Some(_)] => Err(VaultError::ClientPair { given: PAIR[1], missing: PAIR[0] }),
    }
}

/// Which role of which PKI engine signs, and whom for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultRole {
    /// The engine's mount, `pki`.
    pub mount: String,
    /// The role.
    pub role: String,
    /// The name that a signer's certificate is asked for: a role bounds it and never chooses it.
    pub name: Option<SanTemplate>,
    /// How long the certificate is to live, in seconds; the role's default when `None`.
    pub lifetime_secs: Option<u32>,
}

/// A Vault or an OpenBao.
#[derive(Debug)]
pub struct Vault {
    base: Endpoint,
    namespace: Option<String>,
    role: VaultRole,
    login: VaultLogin,
    audience: String,
    http: HttpClient,
}

impl Vault {
    /// The server at an address, as `VAULT_ADDR` has it.
    ///
    /// # Errors
    ///
    /// [`HttpError::Url`]; [`VaultError::Path`] for a mount or role that is no path.
    pub fn new(address: &str, role: VaultRole, login: VaultLogin, http: HttpClient) -> Result<Self, CaError> {
        let base = Endpoint::parse(Service::CertificateAuthority, address)?;
        for path in login.paths().into_iter().chain([role.mount.as_str(), role.role.as_str()]) {
            check_path(path)?;
        }
        let audience = address.trim_end_matches('/').to_owned();
        Ok(Self { base, namespace: None, role, login, audience, http })
    }

    /// Within a namespace.
    #[must_use]
    pub fn with_namespace(self, namespace: &str) -> Self {
        Self { namespace: Some(namespace.to_owned()), ..self }
    }

    /// For a login role whose `bound_audiences` is not the server's address.
    #[must_use]
    pub fn with_audience(self, audience: &str) -> Self {
        Self { audience: audience.to_owned(), ..self }
    }

    fn at(&self, path: &str) -> Endpoint {
        self.base.below(&format!("v1/{path}"))
    }

    async fn post(
        &self,
        endpoint: &Endpoint,
        token: Option<&str>,
        body: &str,
        hidden: &[&str],
    ) -> Result<Response, HttpError> {
        self.call(&Method::POST, endpoint, token, Some(body), hidden).await
    }

    async fn call(
        &self,
        method: &Method,
        endpoint: &Endpoint,
        token: Option<&str>,
        body: Option<&str>,
        hidden: &[&str],
    ) -> Result<Response, HttpError> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let unsendable = |problem| HttpError::Malformed {
            service: Service::CertificateAuthority,
            url: endpoint.to_string(),
            problem,
        };
        if let Some(namespace) = &self.namespace {
            let value =
                HeaderValue::from_str(namespace).map_err(|_| unsendable("the namespace is not text for a header"))?;
            headers.insert(NAMESPACE, value);
        }
        if let Some(token) = token {
            let mut value =
                HeaderValue::from_str(token).map_err(|_| unsendable("the token is not text for a header"))?;
            value.set_sensitive(true);
            headers.insert(TOKEN, value);
        }
        let call = Exchange {
            service: Service::CertificateAuthority,
            method,
            endpoint,
            headers: &headers,
            body: body.map(str::as_bytes),
            limit: limits::RESPONSE_BYTES,
            repeat: Repeat::Allowed,
            secrets: hidden,
        };
        self.http.exchange(&call).await
    }

    /// A token of a login: ours to revoke, unless it was given.
    async fn token(&self, identity: Option<&IdToken>) -> Result<VaultToken, CaError> {
        let Some(call) = self.login.call(identity)? else {
            return Ok(VaultToken { text: self.login.given().unwrap_or_default(), own: false });
        };
        let endpoint = self.at(&format!("auth/{}/login", call.mount));
        let secrets: Vec<&str> = call.secrets.iter().map(|secret| secret.as_str()).collect();
        let answer = self.post(&endpoint, None, &call.body, &secrets).await?;
        if answer.status != 200 {
            return Err(VaultError::at_login(&endpoint, answer.status, excerpt(&answer.body, &secrets)).into());
        }
        let body = Zeroizing::new(answer.body);
        let json = Json::parse(&body).map_err(|_| chain::malformed(&endpoint, "not JSON"))?;
        let text = json.member("auth").and_then(|auth| auth.member("client_token")).and_then(Json::as_str);
        let text = text
            .filter(|text| !text.is_empty())
            .ok_or_else(|| chain::malformed(&endpoint, "auth.client_token is missing"))?;
        Ok(VaultToken { text: Zeroizing::new(text.to_owned()), own: true })
    }

    /// Gives back a token that was ours. It dies by itself soon; that it could not be revoked changes nothing for
    /// what was got with it.
    async fn revoke(&self, token: &VaultToken) {
        if token.own {
            let _ = self.post(&self.at("auth/token/revoke-self"), Some(&token.text), "{}", &[&token.text]).await;
        }
    }

    /// A role takes the names from the request or from the call, as `use_csr_sans` says: both say the same.
    async fn body(&self, request: &CertificateRequest<'_>) -> Result<serde_json::Value, CaError> {
        let name = self.role.name.as_ref().ok_or(CaError::NameNeeded)?;
        let name = name.fill(request.token.map(IdToken::claims))?;
        let csr = chain::request(request.key, Some(&name)).await?;
        Ok(serde_json::json!({ "csr": csr, "uri_sans": name.as_str() }))
    }

    async fn service_body(request: &ServiceRequest<'_>) -> Result<serde_json::Value, CaError> {
        let csr = chain::request_with(request.key, Some(request.names_extension())).await?;
        let of = |form: fn(&ServiceName) -> Option<String>| request.joined(form);
        Ok(serde_json::json!({
            "csr": csr,
            "alt_names": of(|name| if let ServiceName::Dns(host) = name { Some(host.clone()) } else { None }),
            "ip_sans": of(|name| if let ServiceName::Ip(address) = name { Some(address.to_string()) } else { None }),
            "uri_sans": of(|name| if let ServiceName::Uri(uri) = name { Some(uri.clone()) } else { None }),
        }))
    }

    /// Logs in, has the request signed, and logs out whatever came of it.
    async fn certify(
        &self,
        identity: Option<&IdToken>,
        body: serde_json::Value,
        lifetime_secs: Option<u32>,
    ) -> Result<CertificateChain, CaError> {
        let token = self.token(identity).await?;
        let issued = self.sign(&token.text, body, lifetime_secs).await;
        self.revoke(&token).await;
        issued
    }

    async fn sign(
        &self,
        token: &str,
        mut body: serde_json::Value,
        lifetime_secs: Option<u32>,
    ) -> Result<CertificateChain, CaError> {
        if let Some(body) = body.as_object_mut() {
            body.insert("exclude_cn_from_sans".to_owned(), true.into());
            body.insert("format".to_owned(), "pem".into());
            if let Some(secs) = lifetime_secs {
                body.insert("ttl".to_owned(), format!("{secs}s").into());
            }
        }
        let endpoint = self.at(&format!("{}/sign/{}", self.role.mount, self.role.role));
        let answer = match self.post(&endpoint, Some(token), &body.to_string(), &[token]).await {
            Ok(answer) => answer,
            Err(error) => return Err(VaultError::without_issuer(error)?.into()),
        };
        if answer.status != 200 {
            return Err(VaultError::at_signing(&endpoint, answer.status, excerpt(&answer.body, &[token])).into());
        }
        let json = Json::parse(&answer.body).map_err(|_| chain::malformed(&endpoint, "not JSON"))?;
        let data = json.member("data").ok_or_else(|| chain::malformed(&endpoint, "data is missing"))?;
        let text = |name| data.member(name).and_then(Json::as_str);
        let leaf = text("certificate").ok_or_else(|| chain::malformed(&endpoint, "data.certificate is missing"))?;
        let above: Vec<&str> = match data.member("ca_chain") {
            Some(Json::Array(items)) => items.iter().filter_map(Json::as_str).take(limits::CHAIN + 1).collect(),
            _ => text("issuing_ca").into_iter().collect(),
        };
        chain::read(&endpoint, std::iter::once(leaf).chain(above))
    }
}

/// A token, and whether it is to be revoked.
struct VaultToken {
    text: Zeroizing<String>,
    own: bool,
}

/// A mount or role: steps of a path, so that it leads nowhere else.
fn check_path(path: &str) -> Result<(), VaultError> {
    let plain = |step: &str| {
        let characters = step.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        !step.is_empty() && !matches!(step, "." | "..") && characters
    };
    if path.split('/').all(plain) { Ok(()) } else { Err(VaultError::Path { path: path.to_owned() }) }
}

impl CertificateAuthority for Vault {
    fn name(&self) -> String {
        self.at(&format!("{}/sign/{}", self.role.mount, self.role.role)).to_string()
    }

    fn audience(&self) -> Option<&str> {
        let named_by_claims = self.role.name.as_ref().is_some_and(SanTemplate::has_claims);
        (self.login.takes_identity_token() || named_by_claims).then_some(&self.audience)
    }

    fn wanted_name(&self, claims: Option<&TokenClaims>) -> Result<Option<San>, CaError> {
        Ok(self.role.name.as_ref().map(|name| name.fill(claims)).transpose()?)
    }

    fn look<'a>(&'a self, token: Option<&'a IdToken>) -> BoxFuture<'a, Looked> {
        Box::pin(self.look_at(token))
    }

    fn issue<'a>(&'a self, request: CertificateRequest<'a>) -> BoxFuture<'a, Result<CertificateChain, CaError>> {
        Box::pin(async move {
            if self.login.takes_identity_token() {
                request.needed_token()?;
            }
            let body = self.body(&request).await?;
            self.certify(request.token, body, self.role.lifetime_secs).await
        })
    }

    fn issue_for_service<'a>(
        &'a self,
        request: ServiceRequest<'a>,
    ) -> BoxFuture<'a, Result<CertificateChain, CaError>> {
        Box::pin(async move {
            let body = Self::service_body(&request).await?;
            self.certify(request.token, body, request.lifetime_secs.or(self.role.lifetime_secs)).await
        })
    }
}

#[cfg(test)]
mod tests;
