//! Fulcio over HTTP.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::json;

use super::principal::SubjectKind;
use super::{CertificateAuthority, IssueError, request};
use crate::base::encoding::hex;
use crate::base::limits;
use crate::format::x509::{Certificate, FulcioClaims};
use crate::serve::{Noted, Status, body};
use crate::stack::ct::SctError;
use crate::stack::log::AppendError;

/// `/api/v2/signingCert`, `/api/v2/trustBundle`, `/api/v2/configuration` and `/api/v1/rootCert`.
pub fn routes(ca: Arc<CertificateAuthority>) -> Router {
    Router::new()
        .route("/api/v2/signingCert", post(signing_cert))
        .route("/api/v2/trustBundle", get(trust_bundle))
        .route("/api/v2/configuration", get(configuration))
        .route("/api/v1/rootCert", get(root_cert))
        .with_state(ca)
}

/// Answers 200: sigstore-go takes nothing else.
async fn signing_cert(State(ca): State<Arc<CertificateAuthority>>, headers: HeaderMap, request: Body) -> Response {
    match certify(&ca, &headers, request).await {
        Ok(chain) => {
            let noted = noted(&chain);
            let chain = json!({ "chain": { "certificates": pems(&chain) } });
            let mut answer = body::json(json!({ "signedCertificateEmbeddedSct": chain }).to_string());
            answer.extensions_mut().insert(noted);
            answer
        }
        Err(status) => status.into_response(),
    }
}

/// Who was certified, by whose word: what an operator looks for when somebody asks.
fn noted(chain: &[Certificate]) -> Noted {
    let Some(leaf) = chain.first() else { return Noted::default() };
    let noted = Noted::default().with("serial", hex::encode(leaf.serial()));
    let noted = leaf.san().map_or(noted.clone(), |san| noted.with("identity", san.as_str()));
    let claims = FulcioClaims::read(leaf).unwrap_or_default();
    claims.issuer().map_or(noted.clone(), |issuer| noted.with("issuer", issuer))
}

async fn certify(ca: &CertificateAuthority, headers: &HeaderMap, request: Body) -> Result<Vec<Certificate>, Status> {
    let request = body::read(request, limits::CERTIFICATE_REQUEST_BYTES).await?;
    let now = ca.clock.now();
    let (principal, key) = request::read(&request, bearer(headers), &ca.issuers, now).await?;
    ca.rate
        .take(principal.san().as_str(), now)
        .map_err(|wait| Status::exhausted("too many certificates for this subject; retry").retry_after(wait))?;
    ca.issue(&principal, &key).await.map_err(|error| match error {
        IssueError::Ct(SctError::Append(error @ (AppendError::Busy | AppendError::HeldUp))) => {
            Status::unavailable(error.to_string())
        }
        IssueError::Ct(error @ SctError::Unreachable(_)) => {
            Status::unavailable("Error entering certificate in CTL").because(error.to_string())
        }
        IssueError::Ct(error) => Status::internal("Error entering certificate in CTL").because(error.to_string()),
        IssueError::AuthorityValidity { .. } => Status::unavailable(error.to_string()),
        IssueError::Signing(_) => Status::internal("The certificate could not be signed"),
    })
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

fn pems(chain: &[Certificate]) -> Vec<String> {
    chain.iter().map(Certificate::to_pem).collect()
}

async fn trust_bundle(State(ca): State<Arc<CertificateAuthority>>) -> Response {
    body::json(json!({ "chains": [{ "certificates": pems(&ca.chain) }] }).to_string())
}

async fn root_cert(State(ca): State<Arc<CertificateAuthority>>) -> Response {
    body::typed("application/pem-certificate-chain", pems(&ca.chain).concat().into_bytes())
}

async fn configuration(State(ca): State<Arc<CertificateAuthority>>) -> Response {
    let issuers = ca.issuers.iter().map(|issuer| {
        let (kind, domain, trust_domain) = match &issuer.subject {
            SubjectKind::Email { .. } => ("email", "", ""),
            SubjectKind::CiProvider { .. } => ("ci-provider", "", ""),
            SubjectKind::Uri { domain } => ("uri", domain.as_str(), ""),
            SubjectKind::Username { domain } => ("username", domain.as_str(), ""),
            SubjectKind::Spiffe { trust_domain } => ("spiffe", "", trust_domain.as_str()),
            SubjectKind::Kubernetes => ("kubernetes", "", ""),
            SubjectKind::Chainguard => ("chainguard-identity", "", ""),
        };
        let url = if issuer.url.is_pattern() { "wildcardIssuerUrl" } else { "issuerUrl" };
        json!({
            url: issuer.url.as_str(),
            "audience": issuer.audience,
            "challengeClaim": if kind == "email" { "email" } else { "sub" },
            "spiffeTrustDomain": trust_domain,
            "issuerType": kind,
            "subjectDomain": domain,
            "skipEmailVerification": false,
        })
    });
    let issuers = issuers.collect();
    body::json(json!({ "issuers": serde_json::Value::Array(issuers) }).to_string())
}
