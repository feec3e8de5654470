//! Smallstep's step-ca: <https://smallstep.com/docs/step-ca/>, the API of
//! <https://github.com/smallstep/certificates/blob/master/api/api.go>. An OIDC provisioner takes the job's token as
//! it is, once: nothing is sent a second time. A JWK provisioner takes a token that is made here, for one request.
//! `examples/authorities/step-ca-template.json` and `step-ca-jwk-template.json` are templates for their leaves.

mod jwe;
mod jwk;
mod look;

use std::sync::Arc;

use reqwest::header::{self, HeaderMap, HeaderValue};
use thiserror::Error;

use super::{
    CaError, CertificateAuthority, CertificateChain, CertificateRequest, RootDigest, SanTemplate, ServiceRequest,
    chain, step_ca_root,
};
use crate::base::code::Code;
use crate::base::encoding::json::Json;
use crate::base::limits;
use crate::format::x509::San;
use crate::service::BoxFuture;
use crate::service::environment::Environment;
use crate::service::http::{Endpoint, Exchange, HttpClient, HttpError, Method, Repeat, Service, Settings, excerpt};
use crate::service::identity::{IdToken, TokenClaims};
use crate::service::look::Looked;

pub use jwk::JwkProvisioner;

/// A step-ca with an OIDC provisioner, or a JWK provisioner.
#[derive(Debug)]
pub struct StepCa {
    base: Endpoint,
    sign: Endpoint,
    audience: String,
    /// What makes tokens, where none of the job is sent.
    own: Option<OwnTokens>,
    name: Option<SanTemplate>,
    lifetime_secs: Option<u32>,
    root: Option<RootDigest>,
    http: HttpClient,
}

/// Tokens that are made here.
#[derive(Debug)]
struct OwnTokens {
    provisioner: JwkProvisioner,
    environment: Arc<dyn Environment>,
}

/// A step-ca that said no.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StepCaError {
    /// 401, which has one answer for every reason.
    #[error("step-ca {url} does not take the token: {answer}")]
    Token {
        /// Where.
        url: String,
        /// Its words.
        answer: String,
    },
    /// 403: the request goes beyond what the provisioner allows.
    #[error("step-ca {url} refuses the request: {answer}")]
    Forbidden {
        /// Where.
        url: String,
        /// Its words.
        answer: String,
    },
    /// Another no.
    #[error("step-ca {url} answered {status}: {answer}")]
    Refused {
        /// Where.
        url: String,
        /// The status.
        status: u16,
        /// Its words.
        answer: String,
    },
    /// No JWK provisioner of that name.
    #[error("step-ca {url} has no JWK provisioner {name:?}")]
    NoProvisioner {
        /// Where.
        url: String,
        /// The name.
        name: String,
    },
    /// It keeps its key to itself.
    #[error("step-ca {url} does not give out the key of the provisioner {name:?}")]
    NoKey {
        /// Where.
        url: String,
        /// The name.
        name: String,
    },
    /// The password is another.
    #[error("the password does not open the key of the provisioner {name:?}")]
    Password {
        /// The name.
        name: String,
    },
    /// A key of a kind that is not known here.
    #[error("the key of the provisioner {name:?} is no P-256 key, or encrypted in another way than step's")]
    Key {
        /// The name.
        name: String,
    },
    /// The system has none to give.
    #[error("there is no randomness for a token")]
    Randomness,
    /// Nobody knows whether the token was used up.
    #[error("{0}; it may have used up the identity token, which it takes once")]
    Ambiguous(HttpError),
}

impl StepCaError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Token { .. } => Code::refused(
                "step-ca-token",
                "a token is taken once: get a new one; else check the provisioner's clientID against its aud",
            ),
            Self::Forbidden { .. } => Code::refused(
                "step-ca-forbidden",
                "read its answer: names and lifetimes are the provisioner's to allow",
            ),
            Self::Refused { .. } => Code::refused("step-ca-refused", "read its answer, and the authority's own log"),
            Self::NoProvisioner { .. } => Code::refused(
                "step-ca-provisioner-unknown",
                "name one of its JWK provisioners: `step ca provisioner list` shows them",
            ),
            Self::NoKey { .. } => Code::refused(
                "step-ca-provisioner-key",
                "have the provisioner keep its encryptedKey in the authority's configuration",
            ),
            Self::Password { .. } => {
                Code::refused("step-ca-password", "give the provisioner's password: --authority-password-file FILE")
            }
            Self::Key { .. } => Code::refused(
                "step-ca-key-kind",
                "make the provisioner's key as `step ca provisioner add NAME --type JWK --create` does",
            ),
            Self::Randomness => Code::undecided("step-ca-randomness", "check the system's random generator"),
            Self::Ambiguous(_) => Code::undecided(
                "step-ca-ambiguous",
                "run the job again for a new token: sending the same one again would be refused",
            ),
        }
    }
}

impl StepCa {
    /// The authority at a URL; `audience` is the `clientID` of its OIDC provisioner.
    ///
    /// # Errors
    ///
    /// [`HttpError::Url`].
    pub fn new(url: &str, audience: &str, http: HttpClient) -> Result<Self, HttpError> {
        let base = Endpoint::parse(Service::CertificateAuthority, url)?;
        let (sign, audience) = (base.below("1.0/sign"), audience.to_owned());
        Ok(Self { sign, audience, own: None, name: None, lifetime_secs: None, root: None, base, http })
    }

    /// Trusts, for TLS with this authority, the root that has this digest: it is fetched when it is needed.
    #[must_use]
    pub fn with_root(self, digest: RootDigest) -> Self {
        Self { root: Some(digest), ..self }
    }

    /// By a JWK provisioner, with tokens that are made here: the job's own is not sent.
    #[must_use]
    pub fn with_provisioner(self, provisioner: JwkProvisioner, environment: Arc<dyn Environment>) -> Self {
        Self { own: Some(OwnTokens { provisioner, environment }), ..self }
    }

    async fn client(&self) -> Result<HttpClient, CaError> {
        let Some(digest) = self.root else { return Ok(self.http.clone()) };
        let root = step_ca_root(&self.base, digest, &self.http).await?;
        Ok(HttpClient::new(Settings { extra_roots: Some(root.to_pem()), ..self.http.settings().clone() }))
    }

    /// Whom the provisioner's template will name: a certificate for anybody else is refused. Without it the name
    /// must be the one that Fulcio would write for the token.
    #[must_use]
    pub fn with_name(self, name: SanTemplate) -> Self {
        Self { name: Some(name), ..self }
    }

    /// How long the certificate is to live, in seconds.
    #[must_use]
    pub fn with_lifetime(self, secs: u32) -> Self {
        Self { lifetime_secs: Some(secs), ..self }
    }

    /// Has a request signed: with the job's token, or with one that is made for it and for these names.
    async fn certify(
        &self,
        csr: &str,
        token: Option<&IdToken>,
        names: &[String],
        lifetime_secs: Option<u32>,
    ) -> Result<CertificateChain, CaError> {
        let Some(own) = &self.own else {
            return self.ask(csr, token.ok_or(CaError::TokenNeeded)?.reveal(), lifetime_secs).await;
        };
        let maker = self.token_maker(&own.provisioner).await?;
        let token = || maker.token(&self.sign.to_string(), csr, names, own.environment.now());
        match self.ask(csr, &token()?, lifetime_secs).await {
            // A new token is no repetition, whatever became of the first.
            Err(CaError::StepCa(StepCaError::Ambiguous(_))) => self.ask(csr, &token()?, lifetime_secs).await,
            answer => answer,
        }
    }

    /// Sends a request with a token, once.
    async fn ask(&self, csr: &str, token: &str, lifetime_secs: Option<u32>) -> Result<CertificateChain, CaError> {
        let mut body = serde_json::json!({ "csr": csr, "ott": token });
        if let (Some(body), Some(secs)) = (body.as_object_mut(), lifetime_secs) {
            body.insert("notAfter".to_owned(), format!("{secs}s").into());
        }
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        let body = zeroize::Zeroizing::new(body.to_string());
        let secrets = [token];
        let call = Exchange {
            service: Service::CertificateAuthority,
            method: &Method::POST,
            endpoint: &self.sign,
            headers: &headers,
            body: Some(body.as_bytes()),
            limit: limits::RESPONSE_BYTES,
            repeat: Repeat::Never,
            secrets: &secrets,
        };
        let answer = self.client().await?.exchange(&call).await.map_err(|error| match error {
            HttpError::Unreachable { .. } | HttpError::Unavailable { .. } => StepCaError::Ambiguous(error).into(),
            other => CaError::from(other),
        })?;
        let url = self.sign.to_string();
        let words = || excerpt(&answer.body, &secrets);
        match answer.status {
            200 | 201 => self.read(&answer.body),
            401 => Err(StepCaError::Token { url, answer: words() }.into()),
            403 => Err(StepCaError::Forbidden { url, answer: words() }.into()),
            status => Err(StepCaError::Refused { url, status, answer: words() }.into()),
        }
    }

    fn read(&self, body: &[u8]) -> Result<CertificateChain, CaError> {
        let json = Json::parse(body).map_err(|_| chain::malformed(&self.sign, "not JSON"))?;
        let text = |name| json.member(name).and_then(Json::as_str);
        let texts: Vec<&str> = match json.member("certChain") {
            Some(Json::Array(items)) => items.iter().filter_map(Json::as_str).take(limits::CHAIN + 1).collect(),
            _ => [text("crt"), text("ca")].into_iter().flatten().collect(),
        };
        chain::read(&self.sign, texts)
    }
}

impl CertificateAuthority for StepCa {
    fn name(&self) -> String {
        self.sign.to_string()
    }

    fn audience(&self) -> Option<&str> {
        let named_by_claims = self.name.as_ref().is_some_and(SanTemplate::has_claims);
        (self.own.is_none() || named_by_claims).then_some(&self.audience)
    }

    fn wanted_name(&self, claims: Option<&TokenClaims>) -> Result<Option<San>, CaError> {
        Ok(self.name.as_ref().map(|name| name.fill(claims)).transpose()?)
    }

    fn look<'a>(&'a self, token: Option<&'a IdToken>) -> BoxFuture<'a, Looked> {
        Box::pin(self.look_at(token))
    }

    fn issue<'a>(&'a self, request: CertificateRequest<'a>) -> BoxFuture<'a, Result<CertificateChain, CaError>> {
        Box::pin(async move {
            if self.own.is_none() {
                request.needed_token()?;
                let csr = chain::request(request.key, None).await?;
                return self.certify(&csr, request.token, &[], self.lifetime_secs).await;
            }
            let name = self.name.as_ref().ok_or(CaError::NameNeeded)?.fill(request.token.map(IdToken::claims))?;
            let csr = chain::request(request.key, Some(&name)).await?;
            self.certify(&csr, None, &[name.as_str().to_owned()], self.lifetime_secs).await
        })
    }

    fn issue_for_service<'a>(
        &'a self,
        request: ServiceRequest<'a>,
    ) -> BoxFuture<'a, Result<CertificateChain, CaError>> {
        Box::pin(async move {
            let csr = chain::request_with(request.key, Some(request.names_extension())).await?;
            let names: Vec<String> = request.names.iter().map(ToString::to_string).collect();
            self.certify(&csr, request.token, &names, request.lifetime_secs.or(self.lifetime_secs)).await
        })
    }
}

#[cfg(test)]
mod tests;
