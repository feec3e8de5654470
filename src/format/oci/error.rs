//! Why a name, a descriptor or a manifest is not taken.

use thiserror::Error;

use crate::base::code::Code;
use crate::base::encoding::json::{JsonError, ShapeError};
use crate::base::limits;

/// Why a name, a descriptor or a manifest is not taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OciError {
    /// Not a reference to an image.
    #[error("image reference {text:?}: {problem}")]
    Reference {
        /// What was given, cut short.
        text: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A digest that is not SHA-256 or SHA-512 in lower-case hexadecimal of the right length.
    #[error("{text:?} is not a digest: sha256: or sha512: and lower-case hexadecimal of its length")]
    Digest {
        /// What was found, cut short.
        text: String,
    },
    /// More bytes than [`limits::OCI_MANIFEST_BYTES`].
    #[error("manifest of more than {limit} bytes", limit = limits::OCI_MANIFEST_BYTES)]
    TooLarge,
    /// More layers, manifests or annotations than the limit.
    #[error("manifest: {what} holds {found} items, {limit} allowed")]
    TooMany {
        /// Which list.
        what: String,
        /// Items found.
        found: usize,
        /// Items allowed.
        limit: usize,
    },
    /// Not JSON.
    #[error("manifest is {0}")]
    Json(#[from] JsonError),
    /// A field of another shape.
    #[error("manifest: {0}")]
    Shape(ShapeError),
    /// A media type that is missing, unknown, or not the one that came with the bytes.
    #[error("manifest media type {found:?} where {expected} is expected")]
    MediaType {
        /// What the manifest says; empty when nothing does.
        found: String,
        /// What was expected.
        expected: String,
    },
    /// The fields of an image in an index, or the reverse; an image where an index is needed, or the reverse.
    #[error("{found} where {expected} is expected")]
    TypeConfusion {
        /// What is there.
        found: &'static str,
        /// What is needed.
        expected: &'static str,
    },
    /// A size that is negative, not an integer, or beyond [`limits::OCI_BLOB_BYTES`].
    #[error("manifest: {path} is not a size")]
    Size {
        /// Where.
        path: String,
    },
    /// Not a payload of the older cosign signature.
    #[error("simple signing payload: {problem}")]
    Payload {
        /// What is wrong with it.
        problem: &'static str,
    },
}

impl OciError {
    /// The stable code.
    pub fn code(&self) -> Code {
        const ASK: &str = "the registry holds something else than an image here: ask who pushed it";
        match self {
            Self::Reference { .. } => Code::usage(
                "ref-parse",
                "write HOST/PATH:TAG or HOST/PATH@sha256:DIGEST, the host perhaps with a port, the path in lower case",
            ),
            Self::Digest { .. } => Code::refused(
                "oci-digest-format",
                "digests are sha256: with 64 or sha512: with 128 lower-case hexadecimal digits",
            ),
            Self::TooLarge => {
                Code::refused("limit-manifest-size", "manifests have at most 4 MiB: ask who pushed it what this is")
            }
            Self::TooMany { .. } => Code::refused("limit-manifest-items", ASK),
            Self::Json(JsonError::Depth) => Code::refused("limit-depth", ASK),
            Self::Json(_) | Self::Shape(_) => Code::refused("oci-manifest-parse", ASK),
            Self::MediaType { .. } => Code::refused(
                "oci-media-type",
                "images are OCI or Docker schema 2 manifests and indexes, and say so: push the image again",
            ),
            Self::TypeConfusion { .. } => Code::refused("oci-type-confusion", ASK),
            Self::Size { .. } => Code::refused("oci-size", ASK),
            Self::Payload { .. } => {
                Code::refused("simple-signing-parse", "the layer is no cosign signature: ask who pushed it")
            }
        }
    }
}

impl From<ShapeError> for OciError {
    fn from(error: ShapeError) -> Self {
        match error {
            ShapeError::TooMany { path, found, limit } => Self::TooMany { what: path, found, limit },
            ShapeError::Integer { path } => Self::Size { path },
            other => Self::Shape(other),
        }
    }
}

/// Enough of a hostile text to recognise it by.
pub(super) fn cut(text: &str) -> String {
    text.chars().take(100).collect()
}
