//! Why bytes are not a bundle.

use thiserror::Error;

use crate::base::code::Code;
use crate::base::encoding::json::{JsonError, ShapeError};
use crate::base::limits;
use crate::format::x509::CertificateError;

/// Why bytes are not a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BundleError {
    /// More bytes than [`limits::BUNDLE_BYTES`].
    #[error("bundle of {found} bytes, {limit} allowed")]
    TooLarge {
        /// Bytes found.
        found: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Not JSON.
    #[error("bundle is {0}")]
    Json(#[from] JsonError),
    /// Something after the bundle that is not on a line of its own.
    #[error("bytes follow the bundle")]
    Trailing,
    /// More bundles in one file than [`limits::BUNDLES`].
    #[error("{found} bundles in one file, {limit} allowed", limit = limits::BUNDLES)]
    TooManyBundles {
        /// Bundles found.
        found: usize,
    },
    /// A field of another shape.
    #[error("bundle: {0}")]
    Shape(#[from] ShapeError),
    /// A media type that is not a bundle's.
    #[error("media type {found:?} is not a bundle's")]
    Version {
        /// The media type found; empty when missing.
        found: String,
    },
    /// A field that another version has.
    #[error("bundle version and field do not go together: {field}")]
    VersionMix {
        /// The field.
        field: &'static str,
    },
    /// Not exactly one of message signature and DSSE envelope.
    #[error("bundle holds {0} of messageSignature and dsseEnvelope, one is needed")]
    Content(usize),
    /// Not exactly one of certificate, chain and public key, or an empty one.
    #[error("verification material: {0}")]
    Material(&'static str),
    /// The certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// Not exactly one DSSE signature.
    #[error("DSSE envelope has {found} signatures, one is needed")]
    SignatureCount {
        /// Signatures found.
        found: usize,
    },
    /// A digest algorithm that is unknown, or a digest of another length.
    #[error("message digest algorithm {algorithm:?} with {length} bytes")]
    DigestAlgorithm {
        /// The algorithm found.
        algorithm: String,
        /// Bytes of the digest.
        length: usize,
    },
}

impl BundleError {
    /// The stable code.
    pub fn code(&self) -> Code {
        const ASK: &str = "the file is not a bundle as signers write it: fetch it again, or ask the signer for it";
        match self {
            Self::TooLarge { .. } => {
                Code::refused("limit-bundle-size", "give the bundle, not the artifact or an archive")
            }
            Self::TooManyBundles { .. } => Code::refused("limit-bundles", "split the file"),
            Self::Json(JsonError::DuplicateKey { .. }) => Code::refused("bundle-dup-key", ASK),
            Self::Json(JsonError::Depth) => Code::refused("limit-depth", ASK),
            Self::Trailing => {
                Code::refused("bundle-trailing", "a file of several bundles has one bundle a line (JSON lines)")
            }
            Self::Shape(ShapeError::Unknown { .. }) => Code::refused(
                "bundle-unknown-field",
                "the bundle may be of a later version, or in snake_case: bundles use lowerCamelCase",
            ),
            Self::Shape(ShapeError::Base64 { .. }) => Code::refused("bundle-base64", ASK),
            Self::Shape(ShapeError::Integer { .. }) => Code::refused("bundle-int", ASK),
            Self::Shape(ShapeError::TooMany { .. }) => Code::refused("limit-entries", ASK),
            Self::Json(_) | Self::Shape(_) => Code::refused("bundle-parse", ASK),
            Self::Version { .. } => Code::refused(
                "bundle-version",
                "bundles of version 0.1, 0.2 and 0.3 are known; a cosign signature without a bundle is not one",
            ),
            Self::VersionMix { .. } => Code::refused(
                "bundle-version-mix",
                "version 0.3 carries `certificate`, 0.1 and 0.2 `x509CertificateChain`: ask the signer to write one of them",
            ),
            Self::Content(_) => Code::refused("bundle-content", ASK),
            Self::Material(_) => {
                Code::refused("bundle-material", "the bundle names no signer, or two: ask the signer for another")
            }
            Self::Certificate(error) => error.code(),
            Self::SignatureCount { .. } => {
                Code::refused("dsse-sig-count", "a bundle's envelope carries exactly one signature")
            }
            Self::DigestAlgorithm { .. } => Code::refused("digest-alg", "sign with SHA2_256, SHA2_384 or SHA2_512"),
        }
    }
}
