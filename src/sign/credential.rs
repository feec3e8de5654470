//! What signs, with the certificate of that very key.

mod keyless;
mod managed_key;
#[cfg(feature = "spiffe")]
mod svid;

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use crate::base::code::Code;
use crate::base::crypto::sha256;
use crate::base::encoding::base64;
use crate::base::time::UnixTime;
use crate::format::bundle::{CertificateMaterial, VerificationMaterial};
use crate::format::x509::Certificate;
use crate::service::BoxFuture;
use crate::service::ca::CaError;
use crate::service::identity::IdentityError;
use crate::service::signer::{Signer, SignerError};
use crate::verify::{SignedBy, VerifyError};

pub use keyless::{Keyless, Record};
pub use managed_key::ManagedKey;
#[cfg(feature = "spiffe")]
pub use svid::WorkloadSvid;

/// Where a signing session gets its credential.
///
/// An implementation
/// - gives a certificate only after it was checked as received, so that nothing is signed under one that
///   verification would refuse;
/// - says beforehand whether its certificates expire soon, so that a session without a way to prove its
///   time is refused before anything is sent.
pub trait CredentialSource: fmt::Debug + Send + Sync {
    /// Whether signatures need a proven time: their certificate has expired when they are verified.
    fn needs_proven_time(&self) -> bool;

    /// A credential for one session.
    fn acquire(&self) -> BoxFuture<'_, Result<SigningCredential, CredentialError>>;
}

/// A signer, and its certificate when it has one. A certificate of another key cannot be in it.
#[derive(Debug, Clone)]
pub struct SigningCredential {
    signer: Arc<dyn Signer>,
    certificate: Option<Certificate>,
}

impl SigningCredential {
    /// A signer with its certificate.
    ///
    /// # Errors
    ///
    /// [`CredentialError::OtherKey`] when the certificate is for another key.
    pub fn new(signer: Arc<dyn Signer>, certificate: Certificate) -> Result<Self, CredentialError> {
        if certificate.public_key() != signer.public_key() {
            return Err(CredentialError::OtherKey);
        }
        Ok(Self { signer, certificate: Some(certificate) })
    }

    /// A signer whose verifiers have its public key.
    pub fn bare_key(signer: Arc<dyn Signer>) -> Self {
        Self { signer, certificate: None }
    }

    /// The signer.
    pub fn signer(&self) -> &dyn Signer {
        &*self.signer
    }

    /// The certificate.
    pub fn certificate(&self) -> Option<&Certificate> {
        self.certificate.as_ref()
    }

    pub(super) fn signed_by(&self) -> SignedBy<'_> {
        match &self.certificate {
            Some(certificate) => SignedBy::Certificate(certificate),
            None => SignedBy::Key(self.signer.public_key()),
        }
    }

    /// What a bundle says of the signer: the leaf alone, or the hint that the field gives keys.
    pub(super) fn material(&self) -> VerificationMaterial {
        match &self.certificate {
            Some(leaf) => {
                let material = CertificateMaterial { leaf: leaf.clone(), intermediates: Vec::new() };
                VerificationMaterial::Certificate(Box::new(material))
            }
            None => {
                let hint = base64::encode(&sha256(&[self.signer.public_key().spki()]));
                VerificationMaterial::PublicKey { hint, raw: None }
            }
        }
    }
}

/// Why there is no credential.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// The identity token.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// The key.
    #[error(transparent)]
    Signer(#[from] SignerError),
    /// The certificate authority.
    #[error(transparent)]
    Ca(#[from] CaError),
    /// The SPIFFE agent.
    #[cfg(feature = "spiffe")]
    #[error(transparent)]
    Spiffe(#[from] crate::service::spiffe::SpiffeError),
    /// A certificate for another key.
    #[error("the certificate that was issued is for another key")]
    OtherKey,
    /// A certificate for somebody else.
    #[error("the certificate that was issued names {found:?}, the identity token is of {expected:?}")]
    OtherIdentity {
        /// Whom the token names.
        expected: String,
        /// Whom the certificate names.
        found: String,
    },
    /// A certificate that names another issuer.
    #[error("the certificate that was issued names issuer {found:?}, the identity token's is {expected:?}")]
    OtherIssuer {
        /// The token's issuer.
        expected: String,
        /// The certificate's.
        found: String,
    },
    /// A certificate that verification would refuse.
    #[error("the certificate from {authority} would not verify: {error}")]
    Certificate {
        /// The authority.
        authority: String,
        /// Why.
        error: VerifyError,
    },
    /// A certificate from the future: one of the two clocks is wrong.
    #[error("the certificate is of {issued}, and the local clock says {local}")]
    Clock {
        /// When the certificate starts, or was logged.
        issued: UnixTime,
        /// The local clock.
        local: UnixTime,
    },
    /// The name of a hidden repository would be published.
    #[error(
        "the token is of a repository whose visibility is {visibility:?}, and these services publish its name for ever"
    )]
    Leak {
        /// What the token says.
        visibility: String,
    },
    /// A source of another crate.
    #[error("no credential: {0}")]
    Other(Box<dyn std::error::Error + Send + Sync>),
}

impl CredentialError {
    /// The stable code.
    pub fn code(&self) -> Code {
        const BROKEN: &str = "the authority is broken or hostile: nothing was signed, tell its operator";
        match self {
            Self::Identity(error) => error.code(),
            Self::Signer(error) => error.code(),
            Self::Ca(error) => error.code(),
            #[cfg(feature = "spiffe")]
            Self::Spiffe(error) => error.code(),
            Self::OtherKey => Code::refused("ca-other-key", BROKEN),
            Self::OtherIdentity { .. } => Code::refused("ca-other-identity", BROKEN),
            Self::OtherIssuer { .. } => Code::refused("ca-other-issuer", BROKEN),
            Self::Certificate { error, .. } => error.code(),
            Self::Clock { .. } => super::CLOCK,
            Self::Leak { .. } => Code::refused(
                "sign-would-publish",
                "use a private log (--stack, --trust-config), or services without one, where a timestamp alone proves the time; or say --public-record",
            ),
            Self::Other(_) => Code::undecided("credential-failed", "read what the source says"),
        }
    }
}
