//! The stack's own OpenID Connect issuers: one for each kind of identity, all with one ES256 key, for
//! tests, demonstrations and small private use. <https://openid.net/specs/openid-connect-discovery-1_0.html>
//!
//! | issuer | its tokens are like |
//! | --- | --- |
//! | `URL` | a person's, by e-mail |
//! | `URL/github` | a GitHub Actions job's |
//! | `URL/gitlab` | a GitLab CI job's |
//! | `URL/uri` | a workload's, with a URI as subject |
//! | `URL/username` | an account's |
//!
//! A token is had from `POST {issuer}/token` with the client's id and secret (client credentials, RFC 6749
//! section 4.4); further parameters choose what it claims. `GET URL/github/request` answers the way
//! GitHub's own token service does.

mod claims;
mod routes;

use std::fmt;

use thiserror::Error;
use zeroize::Zeroizing;

pub use claims::TokenRequest;
pub use routes::routes;

use super::config::IssuerKind;
use super::keys::PrivateKey;
use super::log::{LogError, SigningError};
use crate::base::code::Code;
use crate::base::crypto::PublicKey;
use crate::base::encoding::der::DerError;
use crate::base::encoding::json::{Json, canonical};
use crate::base::encoding::{base64, hex};
use crate::base::time::UnixTime;
use crate::format::jwt::{self, Jwk, KeySet};

/// The client that may ask for tokens.
pub const CLIENT_ID: &str = "sealmark";
/// The audience of every token.
pub const AUDIENCE: &str = "sigstore";
/// Seconds that a token lives.
const LIFETIME: i64 = 600;

/// The stack's issuers.
pub struct Issuer {
    key: PrivateKey,
    kid: String,
    url: String,
    secret: Zeroizing<String>,
}

/// Why there is no token.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum IssueError {
    /// A parameter that this kind of token does not have.
    #[error("{name:?} is not a parameter of this issuer")]
    Unknown {
        /// Its name.
        name: String,
    },
    /// A parameter with a value that cannot be.
    #[error("{name} {expected}")]
    Value {
        /// Its name.
        name: &'static str,
        /// What belongs there.
        expected: &'static str,
    },
    /// The key did not sign.
    #[error(transparent)]
    Signing(#[from] SigningError),
}

impl IssueError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Unknown { .. } | Self::Value { .. } => Code::usage(
                "token-parameter",
                "the parameters are the platform's own words: repository, workflow, ref; project_path; email; sub",
            ),
            Self::Signing(_) => LogError::Signing(SigningError).code(),
        }
    }
}

impl From<DerError> for IssueError {
    fn from(_: DerError) -> Self {
        Self::Signing(SigningError)
    }
}

impl IssuerKind {
    /// Every kind that the stack issues for.
    pub const ALL: [Self; 5] = [Self::Email, Self::GithubWorkflow, Self::GitlabPipeline, Self::Uri, Self::Username];

    /// The path of the stack's issuer of this kind.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Email => "",
            Self::GithubWorkflow => "/github",
            Self::GitlabPipeline => "/gitlab",
            Self::Uri => "/uri",
            Self::Username => "/username",
        }
    }
}

impl Issuer {
    /// The issuers under `url`, whose client has `secret`.
    pub fn new(key: PrivateKey, url: &str, secret: Zeroizing<String>) -> Self {
        let kid = kid(key.public_key());
        Self { key, kid, url: url.to_owned(), secret }
    }

    /// The URL of the issuer of a kind: `iss` in its tokens.
    pub fn url(&self, kind: IssuerKind) -> String {
        format!("{}{}", self.url, kind.path())
    }

    /// The keys that tokens verify under.
    pub fn keys(&self) -> KeySet {
        Self::keys_of(self.key.public_key())
    }

    /// The keys that tokens of the issuers with this public key verify under.
    pub fn keys_of(key: &PublicKey) -> KeySet {
        KeySet::new(vec![Jwk::new(&kid(key), key.clone())])
    }

    /// The same as a JWKS document.
    pub fn key_set_json(&self) -> String {
        let keys = self.jwk().to_json().into_iter().collect();
        canonical(&Json::Object(vec![("keys".into(), Json::Array(keys))])).unwrap_or_default()
    }

    fn jwk(&self) -> Jwk {
        Jwk::new(&self.kid, self.key.public_key().clone())
    }

    /// A token for what is asked.
    pub fn issue(&self, request: &TokenRequest, now: UnixTime) -> Result<String, IssueError> {
        let (now, number) = (now.secs(), |seconds: i64| Json::Integer(seconds.into()));
        let text = |text: &str| Json::String(text.to_owned().into());
        let mut claims = vec![
            ("iss".into(), text(&self.url(request.kind()))),
            ("aud".into(), text(AUDIENCE)),
            ("iat".into(), number(now)),
            ("nbf".into(), number(now)),
            ("exp".into(), number(now + LIFETIME)),
            ("jti".into(), text(&base64::encode_url(&super::keys::random::<16>()?))),
        ];
        claims.extend(request.claims()?);
        let claims = canonical(&Json::Object(claims)).ok_or(SigningError)?;
        jwt::write_es256(&self.kid, &claims, |message| self.key.sign(message).map_err(IssueError::from))
    }

    /// Whether these are the client's credentials; takes as long for every wrong secret of one length.
    fn knows(&self, id: &str, secret: &str) -> bool {
        let same = secret.len() == self.secret.len();
        let differ = secret.bytes().zip(self.secret.bytes()).fold(0, |differ, (a, b)| differ | (a ^ b));
        id == CLIENT_ID && same && differ == 0
    }

    /// The discovery document of a kind's issuer.
    fn discovery(&self, kind: IssuerKind) -> Json<'static> {
        let issuer = self.url(kind);
        let list =
            |items: &[&str]| Json::Array(items.iter().map(|item| Json::String((*item).to_owned().into())).collect());
        let url = |path: &str| Json::String(format!("{issuer}{path}").into());
        Json::Object(vec![
            ("issuer".into(), url("")),
            ("authorization_endpoint".into(), url("/authorize")),
            ("token_endpoint".into(), url("/token")),
            ("jwks_uri".into(), Json::String(format!("{}/jwks", self.url).into())),
            ("grant_types_supported".into(), list(&["client_credentials"])),
            ("response_types_supported".into(), list(&["code"])),
            ("subject_types_supported".into(), list(&["public"])),
            ("id_token_signing_alg_values_supported".into(), list(&["ES256"])),
            ("token_endpoint_auth_methods_supported".into(), list(&["client_secret_basic", "client_secret_post"])),
        ])
    }
}

/// What tokens call a key.
fn kid(key: &PublicKey) -> String {
    hex::encode(&key.spki_sha256()[..8])
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer").field("url", &self.url).field("kid", &self.kid).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
