//! Why an image is not admitted: refused, absent, or could not look.

use thiserror::Error;

use super::found::{Place, Unread};
use super::legacy::TagsAsked;
use crate::admit::Reason;
use crate::base::code::{Class, Code};
use crate::base::limits;
use crate::format::bundle::BundleError;
use crate::format::cosign::CosignError;
use crate::format::oci::{DigestRef, OciError};
use crate::service::store::{FoundBy, StoreError};

const UNREADABLE: &str = "the registry lists it and does not give it: try again, then ask its operator";

/// Why an image is not admitted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ImageError {
    /// The image's name could not be resolved: it is not there, or the store could not be asked.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What a tag names is not even JSON: a page for people, or half an answer. Nothing was said of the image.
    #[error("{error}")]
    NoAnswer {
        /// What came.
        error: StoreError,
    },
    /// What is attached could not be listed.
    #[error("could not look for signatures of {image}: {error}")]
    Listing {
        /// The image, where its signatures are.
        image: DigestRef,
        /// Why.
        error: StoreError,
    },
    /// The store has answered, and no signature is attached.
    #[error("{image} has no {}: {} of {} answered, and {}", wanted(.attestation.as_deref()), asked(*.found_by, *.legacy_asked), .image.repository().registry(), besides(*.others))]
    Absent {
        /// The image, where its signatures are.
        image: DigestRef,
        /// The predicate type, where attestations were wanted.
        attestation: Option<String>,
        /// Which list answered.
        found_by: FoundBy,
        /// Whether the legacy tags were asked for.
        legacy_asked: bool,
        /// What else is attached.
        others: usize,
    },
    /// Signatures were looked at, and none is acceptable: the nearest miss.
    #[error(transparent)]
    Refused(Box<Reason>),
    /// What is attached as a signature is none, or not the one that was listed.
    #[error("{}", once(place, error))]
    Broken {
        /// Where.
        place: Place,
        /// What is wrong with it.
        error: Box<FoundError>,
    },
    /// Something that may be a signature could not be had, and nothing else is admitted.
    #[error("{first}{}", if *.count > 1 { format!(" (and {} more)", .count - 1) } else { String::new() })]
    Unread {
        /// The first.
        first: Box<Unread>,
        /// How many in all.
        count: usize,
    },
}

/// An error with its place, once: many say it themselves.
fn once(place: &Place, error: &FoundError) -> String {
    let (place, error) = (place.to_string(), error.to_string());
    if error.starts_with(&place) { error } else { format!("{place}: {error}") }
}

fn asked(found_by: FoundBy, legacy_asked: bool) -> TagsAsked {
    TagsAsked { found_by, legacy_asked }
}

fn wanted(attestation: Option<&str>) -> String {
    attestation.map_or_else(|| "signature".to_owned(), |kind| format!("attestation of type {kind:?}"))
}

fn besides(count: usize) -> String {
    match count {
        0 => "nothing is attached".to_owned(),
        1 => "one thing of another kind is attached".to_owned(),
        count => format!("{count} things of other kinds are attached"),
    }
}

impl ImageError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Store(error) => error.code(),
            Self::NoAnswer { .. } => Code::undecided(
                "registry-malformed",
                "nothing was decided: fetch it by hand to see who answers, then ask the registry's operator",
            ),
            Self::Absent { .. } => Code::refused(
                "image-unsigned",
                "sign it, or see with `sealmark tree` what is attached; signatures elsewhere: --signature-repository",
            ),
            Self::Listing { error, .. } => undecided(error),
            Self::Refused(reason) => reason.code(),
            Self::Broken { error, .. } => error.code(),
            Self::Unread { first, .. } => first.code(),
        }
    }
}

/// The code of an error that kept us from looking: never one of a refusal.
pub(super) fn undecided(error: &StoreError) -> Code {
    match error.code() {
        code if code.class() == Class::Refused => Code::undecided("attached-unreadable", UNREADABLE),
        code => code,
    }
}

/// Why something that is attached as a signature is none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FoundError {
    /// The content is not what was listed.
    #[error(transparent)]
    Store(StoreError),
    /// No image manifest, where one is needed.
    #[error(transparent)]
    Oci(#[from] OciError),
    /// A manifest that is listed as a bundle, or has one, and says that it is something else.
    #[error("the artifact's type is {found:?}, and {layers} of its layers are bundles")]
    ArtifactType {
        /// The type found; empty when there is none.
        found: String,
        /// Layers that are bundles.
        layers: usize,
    },
    /// No bundle.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// No legacy signature or attestation.
    #[error(transparent)]
    Cosign(#[from] CosignError),
}

impl FoundError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Store(error) => error.code(),
            Self::Oci(error) => error.code(),
            Self::ArtifactType { .. } => Code::refused(
                "oci-artifact-type",
                "a signature says that it is a Sigstore bundle, as artifact and as layer: attach it anew",
            ),
            Self::Bundle(error) => error.code(),
            Self::Cosign(error) => error.code(),
        }
    }
}

impl Unread {
    /// The stable code, never that of a refusal.
    pub fn code(&self) -> Code {
        match self {
            Self::Store { error, .. } => undecided(error),
            Self::TooMany { .. } => {
                Code::undecided("limit-image-bundles", "delete what is attached to this image and not needed")
            }
        }
    }
}

impl std::fmt::Display for Unread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Store { place, error } => write!(f, "could not look at {place}: {error}"),
            Self::TooMany { place } => write!(
                f,
                "{place} was not looked at: of one image that is done for {} signatures and {} bytes",
                limits::BUNDLES,
                limits::BUNDLES_BYTES
            ),
        }
    }
}
