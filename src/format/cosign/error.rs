//! Why a layer is no older cosign signature or attestation.

use thiserror::Error;

use crate::base::code::Code;
use crate::base::encoding::json::{JsonError, ShapeError};
use crate::base::encoding::pem::PemError;
use crate::base::limits;
use crate::format::bundle::BundleError;
use crate::format::log_entry_body::BodyError;
use crate::format::x509::CertificateError;

/// Why a layer is no older cosign signature or attestation.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CosignError {
    /// An annotation longer than [`limits::COSIGN_ANNOTATION_BYTES`].
    #[error("{annotation} has {found} bytes, {limit} allowed", limit = limits::COSIGN_ANNOTATION_BYTES)]
    TooLarge {
        /// Which.
        annotation: &'static str,
        /// Bytes found.
        found: usize,
    },
    /// An annotation that is not there.
    #[error("the layer has no {0}")]
    Missing(&'static str),
    /// Not JSON.
    #[error("annotation is {0}")]
    Json(#[from] JsonError),
    /// A field of another shape.
    #[error("annotation: {0}")]
    Shape(#[from] ShapeError),
    /// Not PEM.
    #[error("annotation: {0}")]
    Pem(#[from] PemError),
    /// The certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The entry's body.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// The envelope.
    #[error("envelope: {0}")]
    Envelope(#[from] BundleError),
}

impl CosignError {
    /// The stable code.
    pub fn code(&self) -> Code {
        const ASK: &str = "the layer is no signature as cosign writes it: sign the image anew";
        match self {
            Self::TooLarge { .. } => Code::refused("limit-cosign-annotation", ASK),
            Self::Shape(ShapeError::TooMany { .. }) => Code::refused("limit-entries", ASK),
            Self::Missing(_) | Self::Json(_) | Self::Shape(_) => Code::refused("cosign-annotation-parse", ASK),
            Self::Pem(error) => error.code(),
            Self::Certificate(error) => error.code(),
            Self::Body(error) => error.code(),
            Self::Envelope(error) => error.code(),
        }
    }
}
