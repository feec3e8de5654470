//! From a token to whom it is for. Nothing but [`Issuers::authenticate`] makes a [`Principal`].

mod claims;

use thiserror::Error;

use crate::base::time::UnixTime;
use crate::format::jwt::{Claims, Expected, JwtError, KeySet, UnverifiedToken};
use crate::format::x509::San;
use crate::stack::config::IssuerKind;

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

/// An issuer whose tokens the CA believes.
#[derive(Debug, Clone)]
pub struct TrustedIssuer {
    /// Its URL: compared with `iss` byte for byte.
    pub url: String,
    /// The audience of its tokens.
    pub audience: String,
    /// What its tokens say.
    pub kind: IssuerKind,
    /// The domain of its usernames and URIs.
    pub domain: String,
    /// The server that its repositories stand on, without a trailing slash.
    pub server_url: String,
    /// Its keys, and no one else's.
    pub keys: KeySet,
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
        claim: &'static str,
    },
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
    /// it is for. No request is made.
    pub fn authenticate(&self, token: &str, now: UnixTime) -> Result<Principal, AuthenticationError> {
        let token = UnverifiedToken::parse(token)?;
        let claimed = token.claims().require_text("iss")?;
        let issuer = self.0.iter().find(|issuer| issuer.url == claimed);
        let issuer = issuer.ok_or(AuthenticationError::UnknownIssuer)?;
        let claims: Claims = token.verify(&issuer.keys)?;
        claims.check(&Expected { issuer: &issuer.url, audience: &issuer.audience, now })?;
        claims::principal(issuer, &claims)
    }
}

#[cfg(test)]
mod tests;
