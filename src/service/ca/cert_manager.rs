//! cert-manager in Kubernetes: <https://cert-manager.io/docs/usage/certificaterequest/>. A CertificateRequest with a
//! request of a key that was made here, by the pod's own account; it is watched until it is approved and signed, or it
//! is known why not. What approves it is the cluster's: cert-manager's own approver, or a policy.

mod error;
mod look;
mod state;

use std::time::Instant;

use super::{CaError, CertificateAuthority, CertificateChain, CertificateRequest, SanTemplate, ServiceRequest, chain};
use crate::base::encoding::{base64, hex};
use crate::base::limits;
use crate::format::x509::San;
use crate::service::BoxFuture;
use crate::service::http::{HttpError, Method, Repeat, Service};
use crate::service::identity::{IdToken, TokenClaims};
use crate::service::kubernetes::{ApiAnswer, ApiCall, ApiServer, ApiServerError};
use crate::service::look::Looked;
use state::State;

pub use error::CertManagerError;

const GROUP: &str = "cert-manager.io";
const SIGNING: &[&str] = &["digital signature", "code signing"];
const SERVING: &[&str] = &["digital signature", "server auth", "client auth"];
/// A signing certificate is needed for minutes.
const SIGNING_SECS: u32 = 600;

/// Who signs within the cluster: an `issuerRef`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerRef {
    kind: String,
    group: String,
    name: String,
}

impl IssuerRef {
    /// Reads `KIND/NAME` or `KIND.GROUP/NAME`, as `kubectl get` has them; `None` when it is neither. Without a group it
    /// is cert-manager's own `issuer` or `clusterissuer`.
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, name) = text.split_once('/')?;
        let plain = |text: &str| {
            let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
            !text.is_empty() && text.len() <= 253 && text.bytes().all(fits)
        };
        let (kind, group) = match kind.split_once('.') {
            Some((kind, group)) => (kind, group),
            None => (kind, GROUP),
        };
        let kind = match (kind.to_ascii_lowercase().as_str(), group) {
            ("issuer", GROUP) => "Issuer",
            ("clusterissuer", GROUP) => "ClusterIssuer",
            (_, GROUP) => return None,
            _ => kind,
        };
        let named = !kind.is_empty() && kind.len() <= 63 && kind.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let all = named && plain(group) && plain(name);
        all.then(|| Self { kind: kind.to_owned(), group: group.to_owned(), name: name.to_owned() })
    }
}

/// What becomes of a request that was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Requests {
    /// It is deleted: it is for one use, and says nothing that the certificate does not say.
    #[default]
    Delete,
    /// It stays, with who asked and who approved.
    Keep,
}

/// A cert-manager.
#[derive(Debug)]
pub struct CertManager {
    server: ApiServer,
    namespace: String,
    issuer: IssuerRef,
    name: Option<SanTemplate>,
    audience: String,
    requests: Requests,
}

impl CertManager {
    /// The one of a cluster. Requests are made in the pod's namespace; `name` is what a signer's certificate is to name.
    ///
    /// # Errors
    ///
    /// [`ApiServerError::File`] when the account does not say its namespace.
    pub fn new(server: ApiServer, issuer: IssuerRef, name: Option<SanTemplate>) -> Result<Self, ApiServerError> {
        let (namespace, audience) = (server.namespace()?, super::SIGSTORE_AUDIENCE.to_owned());
        Ok(Self { server, namespace, issuer, name, audience, requests: Requests::default() })
    }

    /// For a token, whose claims the name has, of another audience.
    #[must_use]
    pub fn with_audience(self, audience: &str) -> Self {
        Self { audience: audience.to_owned(), ..self }
    }

    /// What becomes of requests.
    #[must_use]
    pub fn with_requests(self, requests: Requests) -> Self {
        Self { requests, ..self }
    }

    /// Has a request signed: asks, waits, and tidies up whatever came of it.
    async fn certify(&self, csr: &str, usages: &[&str], secs: Option<u32>) -> Result<CertificateChain, CaError> {
        let path = self.create(csr, usages, secs).await?;
        let issued = self.wait(&path).await;
        if self.requests == Requests::Delete {
            // A request that stays is in nobody's way: that it could not be deleted changes nothing.
            let _ = self.call(&Method::DELETE, &path, None).await;
        }
        issued
    }

    /// Gives the path of the new request. Its name is of this request alone, so that a second attempt finds the first.
    async fn create(&self, csr: &str, usages: &[&str], secs: Option<u32>) -> Result<String, CaError> {
        let mut random = [0; 10];
        getrandom::fill(&mut random).map_err(|_| CertManagerError::Randomness)?;
        let name = format!("sealmark-{}", hex::encode(&random));
        let IssuerRef { kind, group, name: issuer } = &self.issuer;
        let mut spec = serde_json::json!({
            "issuerRef": { "name": issuer, "kind": kind, "group": group },
            "request": base64::encode(csr.as_bytes()),
            "usages": usages,
            "isCA": false,
        });
        if let (Some(secs), Some(spec)) = (secs, spec.as_object_mut()) {
            spec.insert("duration".to_owned(), format!("{secs}s").into());
        }
        let body = serde_json::json!({
            "apiVersion": "cert-manager.io/v1",
            "kind": "CertificateRequest",
            "metadata": { "name": name, "labels": { "app.kubernetes.io/managed-by": "sealmark" } },
            "spec": spec,
        });
        let all = self.path("certificaterequests");
        let answer = self.call(&Method::POST, &all, Some(&body.to_string())).await?;
        match answer.status {
            200..300 | 409 => Ok(format!("{all}/{name}")),
            _ => Err(self.refusal(&answer).into()),
        }
    }

    /// Looks until it is decided, within the time for a call with all its attempts.
    async fn wait(&self, path: &str) -> Result<CertificateChain, CaError> {
        let deadline = Instant::now() + self.server.settings().budget;
        let mut pause = limits::REQUEST_PAUSE_MILLIS;
        loop {
            let answer = self.call(&Method::GET, path, None).await?;
            let state = match answer.status {
                200 => State::read(&answer.body).ok_or_else(|| self.malformed("no CertificateRequest"))?,
                404 => return Err(CertManagerError::Gone { request: self.shown(path) }.into()),
                _ => return Err(self.refusal(&answer).into()),
            };
            let request = || self.shown(path);
            let undecided = match state {
                State::Issued(texts) => return self.read(&texts),
                State::Denied(words) => return Err(CertManagerError::Denied { request: request(), words }.into()),
                State::Invalid(words) => return Err(CertManagerError::Invalid { request: request(), words }.into()),
                State::Failed(words) => return Err(CertManagerError::Failed { request: request(), words }.into()),
                State::Unapproved => CertManagerError::Unapproved { request: request() },
                State::Pending(words) => CertManagerError::Pending { request: request(), words },
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(undecided.into());
            }
            tokio::time::sleep(std::time::Duration::from_millis(pause).min(left)).await;
            pause = (pause * 2).min(limits::REQUEST_PAUSE_MOST_MILLIS);
        }
    }

    fn read(&self, texts: &[String]) -> Result<CertificateChain, CaError> {
        let unusable = |error| CaError::Certificate { url: self.name(), error };
        let all = chain::decode(texts.iter().map(String::as_str)).map_err(unusable)?;
        if all.len() > limits::CHAIN {
            return Err(self.malformed("more than eight certificates"));
        }
        let mut all = all.into_iter();
        let leaf = all.next().ok_or_else(|| self.malformed("the certificate is missing"))?;
        Ok(CertificateChain { leaf, above: all.collect(), sct_beside: false })
    }

    fn path(&self, what: &str) -> String {
        format!("apis/{GROUP}/v1/namespaces/{}/{what}", self.namespace)
    }

    /// A request as `kubectl` names it.
    fn shown(&self, path: &str) -> String {
        let name = path.rsplit('/').next().unwrap_or_default();
        format!("certificaterequest/{name} in {}", self.namespace)
    }

    async fn call(&self, method: &Method, path: &str, body: Option<&str>) -> Result<ApiAnswer, ApiServerError> {
        let body = body.map(|body| ("application/json", body));
        self.server.call(&ApiCall { method, path, body, repeat: Repeat::Allowed }).await
    }

    fn refusal(&self, answer: &ApiAnswer) -> CertManagerError {
        CertManagerError::of(&self.server.address(), answer)
    }

    fn malformed(&self, problem: &'static str) -> CaError {
        HttpError::Malformed { service: Service::ApiServer, url: self.name(), problem }.into()
    }
}

impl CertificateAuthority for CertManager {
    fn name(&self) -> String {
        let IssuerRef { kind, name, .. } = &self.issuer;
        format!("{}{} by {kind} {name}", self.server.address(), self.path("certificaterequests"))
    }

    fn audience(&self) -> Option<&str> {
        self.name.as_ref().is_some_and(SanTemplate::has_claims).then_some(&self.audience)
    }

    fn wanted_name(&self, claims: Option<&TokenClaims>) -> Result<Option<San>, CaError> {
        Ok(self.name.as_ref().map(|name| name.fill(claims)).transpose()?)
    }

    fn look<'a>(&'a self, _token: Option<&'a IdToken>) -> BoxFuture<'a, Looked> {
        Box::pin(self.look_at())
    }

    fn issue<'a>(&'a self, request: CertificateRequest<'a>) -> BoxFuture<'a, Result<CertificateChain, CaError>> {
        Box::pin(async move {
            let name = self.name.as_ref().ok_or(CaError::NameNeeded)?;
            let name = name.fill(request.token.map(IdToken::claims))?;
            let csr = chain::request(request.key, Some(&name)).await?;
            self.certify(&csr, SIGNING, Some(SIGNING_SECS)).await
        })
    }

    fn issue_for_service<'a>(
        &'a self,
        request: ServiceRequest<'a>,
    ) -> BoxFuture<'a, Result<CertificateChain, CaError>> {
        Box::pin(async move {
            let csr = chain::request_with(request.key, Some(request.names_extension())).await?;
            self.certify(&csr, SERVING, request.lifetime_secs).await
        })
    }
}

#[cfg(test)]
mod tests;
