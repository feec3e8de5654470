//! Why a store did not give or take something.

use std::fmt;
use std::path::PathBuf;

use thiserror::Error;

use super::registry::RegistryError;
use crate::base::code::Code;
use crate::base::crypto::Digest;
use crate::base::limits;
use crate::format::oci::{DigestRef, OciError};
use crate::service::http::HttpError;

/// What was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Thing {
    /// A manifest or index.
    Manifest,
    /// A blob: a layer, a config, a bundle.
    Blob,
}

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Manifest => "manifest",
            Self::Blob => "blob",
        })
    }
}

/// Why a store did not give or take something.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The store has answered that there is no such thing.
    #[error("{name}: there is no such {thing}")]
    Absent {
        /// What kind of thing.
        thing: Thing,
        /// Its name.
        name: String,
    },
    /// The bytes are not those of the digest that was asked for.
    #[error("{name}: the {thing} that came has digest {found}")]
    Digest {
        /// What kind of thing.
        thing: Thing,
        /// Its name, with the digest that was asked for.
        name: String,
        /// The digest of what came.
        found: Digest,
    },
    /// More or fewer bytes than the descriptor says.
    #[error("{name}: {expected} bytes were promised, {found} came")]
    Size {
        /// Its name.
        name: String,
        /// What the descriptor says.
        expected: u64,
        /// What came, or as much of it as was read.
        found: u64,
    },
    /// Longer than the bound.
    #[error("{name}: the {thing} is longer than {limit} bytes")]
    TooLarge {
        /// What kind of thing.
        thing: Thing,
        /// Its name.
        name: String,
        /// The bound.
        limit: usize,
    },
    /// A referrer that is about something else, or about nothing.
    #[error("{name} is listed for {expected} but is about {}", found.map_or("nothing".to_owned(), |digest| digest.to_string()))]
    Subject {
        /// The referrer.
        name: String,
        /// What it is listed for.
        expected: Digest,
        /// What it is about.
        found: Option<Digest>,
    },
    /// A manifest or descriptor that does not hold to the format.
    #[error("{name}: {error}")]
    Oci {
        /// Which.
        name: String,
        /// What is wrong with it.
        error: OciError,
    },
    /// More referrers than [`limits::OCI_REFERRERS`].
    #[error("{name}: more than {limit} referrers", limit = limits::OCI_REFERRERS)]
    TooManyReferrers {
        /// The image.
        name: String,
    },
    /// Others kept writing the tag: what was written was not found again.
    #[error("{name}: others write it at the same time, and what was written was not found again ({attempts} tried)")]
    Contended {
        /// The tag.
        name: String,
        /// How often it was tried.
        attempts: u32,
    },
    /// A folder or archive that is no image layout.
    #[error("image layout {}: {problem}", .path.display())]
    Layout {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A file of a layout that cannot be read or written.
    #[error("image layout {}: {kind}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        kind: std::io::ErrorKind,
    },
    /// A registry that could not be asked, or gave no usable answer.
    #[error(transparent)]
    Registry(RegistryError),
    /// What happened on the way to a registry, or what it refused to take.
    #[error(transparent)]
    Http(HttpError),
    /// What was attached is not in the list of referrers.
    #[error("{name} is written, but the store does not list it")]
    NotListed {
        /// The referrer.
        name: String,
    },
}

impl StoreError {
    /// The stable code.
    pub fn code(&self) -> Code {
        const ALTERED: &str =
            "the store holds or sends other bytes than it was asked for: fetch again, then ask its operator";
        match self {
            Self::Absent { thing: Thing::Manifest, .. } => {
                Code::refused("image-not-found", "check the name; the registry says that it has no such image")
            }
            Self::Absent { thing: Thing::Blob, .. } => {
                Code::refused("blob-not-found", "the image is incomplete in this registry: push it again")
            }
            Self::Digest { .. } => Code::refused("oci-digest", ALTERED),
            Self::Size { .. } => Code::refused("oci-size", ALTERED),
            Self::TooLarge { thing: Thing::Manifest, .. } => {
                Code::refused("limit-manifest-size", "manifests have at most 4 MiB: ask who pushed it what this is")
            }
            Self::TooLarge { thing: Thing::Blob, .. } => {
                Code::refused("limit-blob-size", "a bundle has at most 16 MiB: ask who pushed it what this is")
            }
            Self::Subject { .. } => Code::refused(
                "oci-subject",
                "somebody listed a signature of another image here: sign this one, or have the list mended",
            ),
            Self::Oci { error, .. } => error.code(),
            Self::TooManyReferrers { .. } => Code::undecided(
                "limit-referrers",
                "nobody can look at them all: delete what is attached to this image and not needed",
            ),
            Self::Contended { .. } => {
                Code::undecided("store-contended", "run it again when fewer write to this image at the same time")
            }
            Self::Layout { .. } => Code::refused(
                "oci-layout",
                "an image layout has the files oci-layout, index.json and blobs/ALGORITHM/DIGEST, none of them a link",
            ),
            Self::File { .. } => Code::undecided("layout-file", "check the path, its permissions and the free space"),
            Self::Registry(error) => error.code(),
            Self::Http(error) => error.code(),
            Self::NotListed { .. } => Code::undecided(
                "referrer-not-listed",
                "the registry took the signature and does not show it: ask its operator, or use another repository",
            ),
        }
    }

    pub(super) fn absent(thing: Thing, name: &impl fmt::Display) -> Self {
        Self::Absent { thing, name: name.to_string() }
    }

    pub(super) fn too_large(thing: Thing, name: &impl fmt::Display, limit: usize) -> Self {
        Self::TooLarge { thing, name: name.to_string(), limit }
    }

    pub(super) fn oci(name: &DigestRef, error: OciError) -> Self {
        Self::Oci { name: name.to_string(), error }
    }
}
