//! Who certifies a key.

mod anchors;
mod any_of;
mod cert_manager;
mod chain;
mod for_audience;
mod fulcio;
mod naming;
mod serving;
mod step_ca;
mod vault;

use std::fmt;

use thiserror::Error;

use super::BoxFuture;
use super::http::HttpError;
use super::identity::{IdToken, SIGSTORE_AUDIENCE, TokenClaims};
use super::kubernetes::ApiServerError;
use super::look::{Looked, Seen};
use super::signer::{Signer, SignerError};
use crate::base::code::Code;
use crate::format::x509::{Certificate, CertificateError, San};

pub use anchors::{OtherRoot, RootDigest, fulcio_anchors, step_ca_anchors, step_ca_root, vault_anchors};
pub use any_of::AnyOf;
pub use cert_manager::{CertManager, CertManagerError, IssuerRef, Requests};
pub use for_audience::ForAudience;
pub use fulcio::Fulcio;
pub use naming::{NamingError, SanTemplate};
pub use serving::{ServiceCertificateError, ServiceName, ServiceRequest, check_service, shown};
pub use step_ca::{JwkProvisioner, StepCa, StepCaError};
pub use vault::{Vault, VaultError, VaultLogin, VaultRole, vault_client_pair, vault_variable};

/// Issues a certificate for a key to whoever a token names.
///
/// An implementation
/// - gives the chain as it was received, leaf first, without judging it: the caller checks the key, the
///   identity, the path and the SCT before it uses the certificate;
/// - sends the token to its authority only, and never shows it;
/// - may send the same request again only where the authority takes a token more than once.
pub trait CertificateAuthority: fmt::Debug + Send + Sync {
    /// Where it is, for messages.
    fn name(&self) -> String;

    /// The audience of the identity tokens that it takes; `None` when it knows who asks by other means.
    fn audience(&self) -> Option<&str> {
        Some(SIGSTORE_AUDIENCE)
    }

    /// Whom the certificate is to name, where that is for the client to ask; `None` where the authority
    /// writes what the token says, as Fulcio does.
    ///
    /// # Errors
    ///
    /// [`CaError::Naming`].
    fn wanted_name(&self, _claims: Option<&TokenClaims>) -> Result<Option<San>, CaError> {
        Ok(None)
    }

    /// Whether it publishes what it certifies for anyone to read.
    fn is_public(&self) -> bool {
        false
    }

    /// Whether it says that it takes tokens of such claims, without issuing anything; `false` when it says nothing of
    /// that.
    ///
    /// # Errors
    ///
    /// [`CaError::UnknownIssuer`] when it says that it does not, or why it cannot be asked.
    fn takes<'a>(&'a self, _claims: &'a TokenClaims) -> BoxFuture<'a, Result<bool, CaError>> {
        Box::pin(async { Ok(false) })
    }

    /// Looks, without asking for a certificate, whether it answers and would take `token`. What it sees of itself
    /// it says; whoever cannot be looked at says so.
    fn look<'a>(&'a self, _token: Option<&'a IdToken>) -> BoxFuture<'a, Looked> {
        let name = self.name();
        Box::pin(async move { Looked::at(vec![Seen::skipped("authority", format!("{name} cannot be looked at"))]) })
    }

    /// Asks for a certificate.
    fn issue<'a>(&'a self, request: CertificateRequest<'a>) -> BoxFuture<'a, Result<CertificateChain, CaError>>;

    /// Asks for a certificate for a service that speaks TLS, where the authority has such.
    fn issue_for_service<'a>(
        &'a self,
        _request: ServiceRequest<'a>,
    ) -> BoxFuture<'a, Result<CertificateChain, CaError>> {
        let error = CaError::NotForServices { url: self.name() };
        Box::pin(std::future::ready(Err(error)))
    }
}

/// What is certified, and by what right.
#[derive(Debug, Clone, Copy)]
pub struct CertificateRequest<'a> {
    /// The key; it signs the proof of its possession in the form that the authority wants.
    pub key: &'a dyn Signer,
    /// The right, for authorities that have an [audience](CertificateAuthority::audience).
    pub token: Option<&'a IdToken>,
}

impl<'a> CertificateRequest<'a> {
    fn needed_token(&self) -> Result<&'a IdToken, CaError> {
        self.token.ok_or(CaError::TokenNeeded)
    }
}

impl<T: CertificateAuthority + ?Sized> CertificateAuthority for Box<T> {
    fn name(&self) -> String {
        (**self).name()
    }

    fn audience(&self) -> Option<&str> {
        (**self).audience()
    }

    fn is_public(&self) -> bool {
        (**self).is_public()
    }

    fn wanted_name(&self, claims: Option<&TokenClaims>) -> Result<Option<San>, CaError> {
        (**self).wanted_name(claims)
    }

    fn takes<'a>(&'a self, claims: &'a TokenClaims) -> BoxFuture<'a, Result<bool, CaError>> {
        (**self).takes(claims)
    }

    fn look<'a>(&'a self, token: Option<&'a IdToken>) -> BoxFuture<'a, Looked> {
        (**self).look(token)
    }

    fn issue<'a>(&'a self, request: CertificateRequest<'a>) -> BoxFuture<'a, Result<CertificateChain, CaError>> {
        (**self).issue(request)
    }

    fn issue_for_service<'a>(
        &'a self,
        request: ServiceRequest<'a>,
    ) -> BoxFuture<'a, Result<CertificateChain, CaError>> {
        (**self).issue_for_service(request)
    }
}

/// A certificate and what leads from it towards a root, as received: nothing about it is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateChain {
    /// The certificate.
    pub leaf: Certificate,
    /// The certificates above it, nearest first; a root may stand last.
    pub above: Vec<Certificate>,
    /// Whether an SCT came beside it, where no bundle can carry it.
    pub sct_beside: bool,
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
    /// A request without a token, to an authority that takes tokens.
    #[error("the certificate authority takes identity tokens, and there is none")]
    TokenNeeded,
    /// Another root than the one that is expected.
    #[error(transparent)]
    OtherRoot(#[from] OtherRoot),
    /// An authority for signers alone.
    #[error("the certificate authority {url} issues no certificates for services")]
    NotForServices {
        /// The authority.
        url: String,
    },
    /// A role that has no name to ask for.
    #[error("the certificate authority is to be told whom to certify")]
    NameNeeded,
    /// The key did not sign the proof of its possession.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// No name to ask for.
    #[error(transparent)]
    Naming(#[from] NamingError),
    /// HashiCorp Vault or OpenBao said no.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// step-ca said no.
    #[error(transparent)]
    StepCa(#[from] StepCaError),
    /// A cert-manager, or its cluster, said no.
    #[error(transparent)]
    CertManager(#[from] CertManagerError),
    /// The API server of a cluster could not be asked.
    #[error(transparent)]
    ApiServer(#[from] ApiServerError),
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
                "have the authority embed SCTs: its CA must sign precertificates (a Fulcio's fileca, kmsca or tinkca); or trust no CT log for it",
            ),
            Self::Certificate { error, .. } => error.code(),
            Self::NoChallenge => Code::refused("identity-token-claim", "use a token that has a subject"),
            Self::TokenNeeded => {
                Code::usage("ca-token-needed", "give an identity token: --identity-token-file, or the platform's own")
            }
            Self::OtherRoot(error) => error.code(),
            Self::NotForServices { .. } => Code::usage(
                "ca-not-for-services",
                "ask another: --authority vault:MOUNT/ROLE, step-ca:URL or cert-manager:KIND/NAME",
            ),
            Self::NameNeeded => Code::usage("ca-name-needed", "give the name that the role is to certify"),
            Self::Signer(error) => error.code(),
            Self::Naming(error) => error.code(),
            Self::Vault(error) => error.code(),
            Self::StepCa(error) => error.code(),
            Self::CertManager(error) => error.code(),
            Self::ApiServer(error) => error.code(),
            Self::Other(_) => Code::undecided("ca-failed", "read what the authority says"),
        }
    }
}
