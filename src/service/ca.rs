//! Who certifies a key.

mod any_of;
mod fulcio;

use std::fmt;

use thiserror::Error;

use super::BoxFuture;
use super::http::HttpError;
use super::identity::IdToken;
use crate::base::code::Code;
use crate::base::crypto::PublicKey;
use crate::format::x509::{Certificate, CertificateError};

pub use any_of::AnyOf;
pub use fulcio::Fulcio;

/// Issues a certificate for a key to whoever a token names.
///
/// An implementation
/// - gives the chain as it was received, leaf first, without judging it: the caller checks the key, the
///   identity, the path and the SCT before it uses the certificate;
/// - sends the token to its authority only, and never shows it;
/// - may send the same request again: an authority that takes a token once only must say so in its error.
pub trait CertificateAuthority: fmt::Debug + Send + Sync {
    /// Where it is, for messages.
    fn name(&self) -> String;

    /// Asks for a certificate.
    fn issue<'a>(&'a self, request: CertificateRequest<'a>) -> BoxFuture<'a, Result<CertificateChain, CaError>>;
}

/// What is certified, and by what right.
#[derive(Debug, Clone, Copy)]
pub struct CertificateRequest<'a> {
    /// The key.
    pub public_key: &'a PublicKey,
    /// A signature by the key over the token's [challenge](super::identity::TokenClaims::challenge).
    pub proof_of_possession: &'a [u8],
    /// The right.
    pub token: &'a IdToken,
}

/// A certificate and what leads from it towards a root, as received: nothing about it is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateChain {
    /// The certificate.
    pub leaf: Certificate,
    /// The certificates above it, nearest first; a root may stand last.
    pub above: Vec<Certificate>,
}

/// Why there is no certificate.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CaError {
    /// The way there, or what it answered.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// A token of an issuer that the authority does not know.
    #[error("certificate authority {url} takes no tokens of {issuer:?}; it takes those of {known}")]
    UnknownIssuer {
        /// The authority.
        url: String,
        /// The token's issuer.
        issuer: String,
        /// Some of those that it knows.
        known: String,
    },
    /// The SCT came beside the certificate, where no bundle can carry it.
    #[error("certificate authority {url} gives its SCT beside the certificate instead of within it")]
    DetachedSct {
        /// The authority.
        url: String,
    },
    /// A certificate that cannot be read.
    #[error("certificate authority {url} gave an unusable certificate: {error}")]
    Certificate {
        /// The authority.
        url: String,
        /// Why.
        error: CertificateError,
    },
    /// A token that names nobody: neither `email` nor `sub`.
    #[error("the identity token names nobody: it has neither \"email\" nor \"sub\"")]
    NoChallenge,
    /// There is none to ask.
    #[error("there is no certificate authority to ask")]
    NoAuthority,
    /// An authority of another crate.
    #[error("the certificate authority failed: {0}")]
    Other(Box<dyn std::error::Error + Send + Sync>),
}

impl CaError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Http(error) => error.code(),
            Self::UnknownIssuer { .. } => Code::refused(
                "ca-issuer-unknown",
                "use a token of an issuer that it knows, or have its operator add this one",
            ),
            Self::NoAuthority => Code::usage("ca-none", "name services that have a certificate authority"),
            Self::DetachedSct { .. } => Code::refused(
                "ca-sct-detached",
                "have the authority embed SCTs: its CA must sign precertificates (Fulcio's `--ct-log-url` with an embedding CA)",
            ),
            Self::Certificate { error, .. } => error.code(),
            Self::NoChallenge => Code::refused("identity-token-claim", "use a token that has a subject"),
            Self::Other(_) => Code::undecided("ca-failed", "read what the authority says"),
        }
    }
}
