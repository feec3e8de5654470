//! Manifests and indexes: <https://github.com/opencontainers/image-spec/blob/v1.1.1/manifest.md>,
//! <https://github.com/opencontainers/image-spec/blob/v1.1.1/image-index.md>, and Docker's schema 2.

use std::collections::BTreeMap;

use super::descriptor::annotations;
use super::error::{OciError, cut};
use super::{DOCKER_LIST, DOCKER_MANIFEST, Descriptor, IMAGE_INDEX, IMAGE_MANIFEST, Platform};
use crate::base::encoding::json::{Fields, Json, items};
use crate::base::limits;

/// An image (or another artifact) or an index over several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Manifest {
    /// One image or artifact.
    Image(Box<ImageManifest>),
    /// An index, as of a multi-platform image.
    Index(Box<ImageIndex>),
}

/// One image or artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageManifest {
    /// [`IMAGE_MANIFEST`] or [`DOCKER_MANIFEST`].
    pub media_type: String,
    /// What kind of artifact it is; images have none.
    pub artifact_type: Option<String>,
    /// The configuration.
    pub config: Descriptor,
    /// The layers, in order.
    pub layers: Vec<Descriptor>,
    /// What this is about.
    pub subject: Option<Descriptor>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
}

/// An index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageIndex {
    /// [`IMAGE_INDEX`] or [`DOCKER_LIST`].
    pub media_type: String,
    /// What kind of artifact it is; images have none.
    pub artifact_type: Option<String>,
    /// What it lists.
    pub manifests: Vec<Descriptor>,
    /// What this is about.
    pub subject: Option<Descriptor>,
    /// Annotations.
    pub annotations: BTreeMap<String, String>,
}

impl ImageIndex {
    /// The image for a platform: the one that names it whole, else, where no variant is wanted, the only one of
    /// its system and architecture. Of several variants none is guessed.
    pub fn for_platform(&self, wanted: &Platform) -> Option<&Descriptor> {
        let of = |listed: &&Descriptor, fits: &dyn Fn(&Platform) -> bool| listed.platform.as_ref().is_some_and(fits);
        let whole = self.manifests.iter().find(|listed| of(listed, &|it| it == wanted));
        let alike = |it: &Platform| it.os == wanted.os && it.architecture == wanted.architecture;
        let mut others = self.manifests.iter().filter(|listed| of(listed, &alike));
        let only = match (others.next(), others.next()) {
            (Some(only), None) if wanted.variant.is_none() => Some(only),
            _ => None,
        };
        whole.or(only)
    }
}

impl Manifest {
    /// Reads a manifest. `media_type` is what came with the bytes: the `Content-Type` of an answer, or the
    /// descriptor's; it and the manifest's own must be the same, and one of them must be there.
    ///
    /// # Errors
    ///
    /// [`OciError`]; a manifest with the fields of both kinds is neither.
    pub fn parse(bytes: &[u8], media_type: Option<&str>) -> Result<Self, OciError> {
        if bytes.len() > limits::OCI_MANIFEST_BYTES {
            return Err(OciError::TooLarge);
        }
        let json = Json::parse(bytes)?;
        let mut fields = Fields::of(&json, "")?;
        let own = fields.string("mediaType")?.unwrap_or_default();
        let stated = essence(media_type.unwrap_or_default());
        if !own.is_empty() && !stated.is_empty() && own != stated {
            return Err(OciError::MediaType { found: cut(own), expected: cut(stated) });
        }
        let media_type = if own.is_empty() { stated } else { own };
        let has = |name: &str| json.member(name).is_some_and(|value| *value != Json::Null);
        if matches!(fields.take("schemaVersion"), Some(version) if *version != Json::Integer(2)) {
            let found = "a manifest of another schema version".to_owned();
            return Err(OciError::MediaType { found, expected: "schema version 2".to_owned() });
        }
        match media_type {
            IMAGE_MANIFEST | DOCKER_MANIFEST if has("manifests") => {
                Err(OciError::TypeConfusion { found: "the field of an index", expected: "an image" })
            }
            IMAGE_INDEX | DOCKER_LIST if has("layers") || has("config") || has("fsLayers") => {
                Err(OciError::TypeConfusion { found: "the fields of an image", expected: "an index" })
            }
            IMAGE_MANIFEST | DOCKER_MANIFEST => image(fields, media_type).map(|image| Self::Image(Box::new(image))),
            IMAGE_INDEX | DOCKER_LIST => index(fields, media_type).map(|index| Self::Index(Box::new(index))),
            other => Err(OciError::MediaType { found: cut(other), expected: "an image's or index's".to_owned() }),
        }
    }

    /// The media type.
    pub fn media_type(&self) -> &str {
        match self {
            Self::Image(image) => &image.media_type,
            Self::Index(index) => &index.media_type,
        }
    }

    /// What it is about.
    pub fn subject(&self) -> Option<&Descriptor> {
        match self {
            Self::Image(image) => image.subject.as_ref(),
            Self::Index(index) => index.subject.as_ref(),
        }
    }

    /// The kind of artifact as a list of referrers shows it: the `artifactType`, else of an image the media
    /// type of its config (distribution-spec 1.1, "Listing Referrers").
    pub fn artifact_type(&self) -> Option<&str> {
        match self {
            Self::Image(image) => Some(image.artifact_type.as_deref().unwrap_or(&image.config.media_type)),
            Self::Index(index) => index.artifact_type.as_deref(),
        }
    }

    /// The annotations.
    pub fn annotations(&self) -> &BTreeMap<String, String> {
        match self {
            Self::Image(image) => &image.annotations,
            Self::Index(index) => &index.annotations,
        }
    }

    /// This, where an image is needed.
    pub fn image(&self) -> Result<&ImageManifest, OciError> {
        match self {
            Self::Image(image) => Ok(image),
            Self::Index(_) => Err(OciError::TypeConfusion { found: "an index", expected: "an image" }),
        }
    }

    /// This, where an index is needed.
    pub fn index(&self) -> Result<&ImageIndex, OciError> {
        match self {
            Self::Index(index) => Ok(index),
            Self::Image(_) => Err(OciError::TypeConfusion { found: "an image", expected: "an index" }),
        }
    }
}

/// A media type without its parameters: registries add `charset`.
fn essence(media_type: &str) -> &str {
    media_type.split(';').next().unwrap_or_default().trim()
}

fn image(mut fields: Fields<'_, '_>, media_type: &str) -> Result<ImageManifest, OciError> {
    Ok(ImageManifest {
        media_type: media_type.to_owned(),
        artifact_type: artifact_type(&mut fields)?,
        config: Descriptor::read(fields.require("config")?, "config")?,
        layers: descriptors(fields.require("layers")?, "layers", limits::OCI_LAYERS)?,
        subject: subject(&mut fields)?,
        annotations: annotations(&mut fields)?,
    })
}

fn index(mut fields: Fields<'_, '_>, media_type: &str) -> Result<ImageIndex, OciError> {
    Ok(ImageIndex {
        media_type: media_type.to_owned(),
        artifact_type: artifact_type(&mut fields)?,
        // Go programs write an empty list as null.
        manifests: match fields.take("manifests") {
            Some(found) => descriptors(found, "manifests", limits::OCI_MANIFESTS)?,
            None => Vec::new(),
        },
        subject: subject(&mut fields)?,
        annotations: annotations(&mut fields)?,
    })
}

fn artifact_type(fields: &mut Fields<'_, '_>) -> Result<Option<String>, OciError> {
    Ok(fields.string("artifactType")?.filter(|text| !text.is_empty()).map(str::to_owned))
}

fn subject(fields: &mut Fields<'_, '_>) -> Result<Option<Descriptor>, OciError> {
    fields.take("subject").map(|json| Descriptor::read(json, "subject")).transpose()
}

fn descriptors(json: &Json<'_>, path: &str, limit: usize) -> Result<Vec<Descriptor>, OciError> {
    let found = items(json, path, limit)?;
    found.iter().enumerate().map(|(at, item)| Descriptor::read(item, &format!("{path}[{at}]"))).collect()
}
