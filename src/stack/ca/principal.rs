//! From a token to whom it is for. Nothing but [`Issuers::authenticate`] makes a [`Principal`].

mod claims;

use std::sync::Arc;

use thiserror::Error;

use super::issuer_keys::{IssuerKeys, KeysError};
use super::issuer_url::IssuerUrl;
use super::provider::Provider;
use crate::base::time::UnixTime;
use crate::format::jwt::{Expected, JwtError, UnverifiedToken};
use crate::format::x509::San;

pub(super) use claims::text;

/// Whom a certificate is for, proven by a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Principal {
    challenge: String,
    san: San,
    claims: Vec<(u8, String)>,
}

impl Principal {
    /// What the requester signs to prove that it holds the key: the e-mail address, or the subject.
    pub fn challenge(&self) -> &str {
        &self.challenge
    }

    /// The certificate's one name.
    pub fn san(&self) -> &San {
        &self.san
    }

    /// The certificate's Fulcio extensions: last arc and text, in the order of the reference.
    pub fn claims(&self) -> &[(u8, String)] {
        &self.claims
    }
}

/// What an issuer's tokens say of whom they are for, in Fulcio's words.
/// <https://github.com/sigstore/fulcio/blob/main/docs/oidc.md>
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubjectKind {
    /// A person, by a verified e-mail address.
    Email {
        /// Where the token names the issuer that vouches for the address, when it is not `iss`: the names of
        /// claims, each inside the one before.
        issuer_claim: Option<Vec<String>>,
    },
    /// A workload, by a URI as its subject.
    Uri {
        /// The URI's host, or its scheme and host.
        domain: String,
    },
    /// An account, by its name.
    Username {
        /// What follows the name and `!`.
        domain: String,
    },
    /// A workload, by its SPIFFE ID.
    Spiffe {
        /// The trust domain of the ID.
        trust_domain: String,
    },
    /// A service account of a Kubernetes cluster.
    Kubernetes,
    /// An identity of Chainguard's: issuer and subject as one URI.
    Chainguard,
    /// A job of a CI provider.
    CiProvider {
        /// The provider's id.
        id: String,
        /// Which claims become what.
        provider: Arc<Provider>,
    },
}

/// An issuer whose tokens the CA believes.
#[derive(Debug, Clone)]
pub struct TrustedIssuer {
    /// Its URL, compared with `iss` byte for byte, or a pattern of URLs.
    pub url: IssuerUrl,
    /// The audience of its tokens.
    pub audience: String,
    /// What its tokens say.
    pub subject: SubjectKind,
    /// Where its keys, and no one else's, come from.
    pub keys: IssuerKeys,
}

/// The issuers whose tokens the CA believes.
#[derive(Debug, Clone)]
pub struct Issuers(Vec<TrustedIssuer>);

/// Why a token does not say whom it is for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AuthenticationError {
    /// The token.
    #[error(transparent)]
    Token(#[from] JwtError),
    /// Its issuer is not configured.
    #[error("token's issuer is not configured here")]
    UnknownIssuer,
    /// Its e-mail address is not verified.
    #[error("token's email_verified is not true")]
    EmailNotVerified,
    /// A username or URI outside of the issuer's domain.
    #[error("token's subject is not of the issuer's domain {domain:?}")]
    Domain {
        /// The domain.
        domain: String,
    },
    /// A claim that a certificate cannot carry.
    #[error("token's {claim} is missing or cannot stand in a certificate")]
    Claim {
        /// Its name.
        claim: String,
    },
    /// The issuer's keys cannot be had now. Why is for the operator, not for who asks.
    #[error("the keys of the token's issuer cannot be had now; retry")]
    Keys(#[from] KeysError),
}

impl AuthenticationError {
    pub(super) fn claim(claim: &str) -> Self {
        Self::Claim { claim: claim.to_owned() }
    }
}

impl Issuers {
    /// The issuers.
    pub fn new(issuers: Vec<TrustedIssuer>) -> Self {
        Self(issuers)
    }

    /// The issuers.
    pub fn iter(&self) -> impl Iterator<Item = &TrustedIssuer> {
        self.0.iter()
    }

    /// Verifies a token under the keys of the issuer that it names, which must be configured, and says whom
    /// it is for. A request is made only to an issuer that is configured, and only for its keys.
    pub async fn authenticate(&self, token: &str, now: UnixTime) -> Result<Principal, AuthenticationError> {
        let token = UnverifiedToken::parse(token)?;
        let url = token.claims().require_text("iss")?.to_owned();
        // Exact URLs first: a pattern never takes an issuer away from its own entry.
        let exact = self.0.iter().find(|issuer| issuer.url.is(&url));
        let issuer = exact.or_else(|| self.0.iter().find(|issuer| issuer.url.matches(&url)));
        let issuer = issuer.ok_or(AuthenticationError::UnknownIssuer)?;
        // Before a request is made for it: a token that is not for us, or expired, asks nobody.
        token.claims().check(&Expected { issuer: &url, audience: &issuer.audience, now })?;
        let keys = issuer.keys.of(&url, token.kid()).await?;
        claims::principal(&issuer.subject, &url, &token.verify(&keys)?)
    }
}

#[cfg(test)]
mod tests;
