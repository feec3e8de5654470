//! The token itself, kept secret, and its claims.

use std::fmt;

use thiserror::Error;
use zeroize::Zeroizing;

use super::claims::TokenClaims;
use super::{IdentityError, TokenProblem};
use crate::base::encoding::base64;
use crate::base::encoding::json::{Json, JsonError};
use crate::base::limits;
use crate::base::time::UnixTime;

/// What is wrong with bytes that should be a token.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum MalformedToken {
    /// Nothing but white space.
    #[error("it is empty")]
    Empty,
    /// More bytes than [`limits::TOKEN_BYTES`].
    #[error("it has {found} bytes, {limit} are allowed", limit = limits::TOKEN_BYTES)]
    TooLong {
        /// Bytes found.
        found: usize,
    },
    /// Not UTF-8.
    #[error("it is not text")]
    NotText,
    /// Not three parts in base64url (RFC 7515 section 7.1).
    #[error("it is not a signed JWT: three base64url parts joined by dots")]
    Shape,
    /// Claims that are not one JSON object.
    #[error("its claims are {0}")]
    Claims(JsonError),
    /// Claims that are no object, or of another type than RFC 7519 gives them.
    #[error("its claim {0} is of another type than RFC 7519 gives it")]
    ClaimType(&'static str),
}

/// An identity token (a signed JWT, RFC 7519). Wiped when dropped; no `Display`, no `Clone`, and a
/// `Debug` that shows only where it came from.
pub struct IdToken {
    secret: Zeroizing<String>,
    claims: TokenClaims,
    origin: &'static str,
}

impl IdToken {
    /// Reads a token; white space around it is left out. `origin` is where it came from, for messages.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Malformed`].
    pub fn new(text: Zeroizing<String>, origin: &'static str) -> Result<Self, IdentityError> {
        let read = || {
            let trimmed = text.trim();
            match trimmed.len() {
                0 => return Err(MalformedToken::Empty),
                found if found > limits::TOKEN_BYTES => return Err(MalformedToken::TooLong { found }),
                _ => {}
            }
            Ok((Zeroizing::new(trimmed.to_owned()), read_claims(trimmed)?))
        };
        match read() {
            Ok((secret, claims)) => Ok(Self { secret, claims, origin }),
            Err(problem) => Err(IdentityError::Malformed { origin, problem }),
        }
    }

    /// Reads a token from the bytes of a file.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Malformed`].
    pub fn from_bytes(bytes: Vec<u8>, origin: &'static str) -> Result<Self, IdentityError> {
        match String::from_utf8(bytes) {
            Ok(text) => Self::new(Zeroizing::new(text), origin),
            Err(error) => {
                drop(Zeroizing::new(error.into_bytes()));
                Err(IdentityError::Malformed { origin, problem: MalformedToken::NotText })
            }
        }
    }

    /// The token. To be sent to the authority that it is for, and nowhere else.
    pub fn reveal(&self) -> &str {
        &self.secret
    }

    /// What it claims.
    pub fn claims(&self) -> &TokenClaims {
        &self.claims
    }

    /// Where it came from.
    pub fn origin(&self) -> &'static str {
        self.origin
    }

    /// Refuses a token that no authority would take at `now`, so that the reason can be said: the
    /// authority's own answer never says it.
    ///
    /// # Errors
    ///
    /// [`IdentityError::Unfit`] with the first problem that rules the token out.
    pub fn check(&self, audience: &str, now: UnixTime) -> Result<(), IdentityError> {
        match self.claims.problems(audience, now).into_iter().find(TokenProblem::rules_out) {
            Some(problem) => Err(IdentityError::Unfit { origin: self.origin, problem }),
            None => Ok(()),
        }
    }
}

fn read_claims(token: &str) -> Result<TokenClaims, MalformedToken> {
    let mut parts = token.split('.');
    let (Some(header), Some(claims), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(MalformedToken::Shape);
    };
    let decode = |part: &str| base64::decode_url(part).filter(|bytes| !bytes.is_empty()).ok_or(MalformedToken::Shape);
    decode(header)?;
    decode(signature)?;
    let claims = Zeroizing::new(decode(claims)?);
    TokenClaims::read(&Json::parse(&claims).map_err(MalformedToken::Claims)?)
}

impl fmt::Debug for IdToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdToken(from {})", self.origin)
    }
}
