//! Descriptors: <https://github.com/opencontainers/image-spec/blob/v1.1.1/descriptor.md>

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::error::{OciError, cut};
use crate::base::crypto::{Digest, DigestAlgorithm};
use crate::base::encoding::json::{Fields, Json, ShapeError, string};
use crate::base::limits;

/// A digest as registries write them: SHA-256 or SHA-512, lower case, of its full length.
pub fn parse_digest(text: &str) -> Result<Digest, OciError> {
    let digest = Digest::parse(text).filter(|digest| digest.algorithm() != DigestAlgorithm::Sha384);
    digest.ok_or_else(|| OciError::Digest { text: cut(text) })
}

/// What an image runs on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Platform {
    /// As Go's `GOOS`.
    pub os: String,
    /// As Go's `GOARCH`.
    pub architecture: String,
    /// `v7` and the like.
    pub variant: Option<String>,
}

impl std::fmt::Display for Platform {
    /// `linux/arm/v7`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.os, self.architecture)?;
        self.variant.as_ref().map_or(Ok(()), |variant| write!(f, "/{variant}"))
    }
}

/// Names content by its digest and size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Descriptor {
    /// What the content is.
    pub media_type: String,
    /// Its digest.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// Of a manifest: what kind of artifact it is.
    pub artifact_type: Option<String>,
    /// Annotations; of a referrer, its manifest's.
    pub annotations: BTreeMap<String, String>,
    /// Of an image in an index: what it runs on.
    pub platform: Option<Platform>,
}

impl Descriptor {
    /// Of these bytes, by SHA-256.
    pub fn of(media_type: &str, content: &[u8]) -> Self {
        let size = u64::try_from(content.len()).unwrap_or(u64::MAX);
        Self::new(media_type, Digest::of(DigestAlgorithm::Sha256, content), size)
    }

    /// Of content with this digest and size.
    pub fn new(media_type: &str, digest: Digest, size: u64) -> Self {
        Self {
            media_type: media_type.to_owned(),
            digest,
            size,
            artifact_type: None,
            annotations: BTreeMap::new(),
            platform: None,
        }
    }

    /// Reads one at `path`. `urls` and `data` are ignored, as every field that is not ours.
    pub(in crate::format) fn read(json: &Json<'_>, path: &str) -> Result<Self, OciError> {
        let mut fields = Fields::of(json, path)?;
        let digest = parse_digest(fields.require_string("digest")?)?;
        let size = size(&mut fields)?;
        let artifact_type = fields.string("artifactType")?.filter(|text| !text.is_empty()).map(str::to_owned);
        let media_type = fields.require_string("mediaType")?.to_owned();
        let annotations = annotations(&mut fields)?;
        let platform = fields.object("platform")?.map(platform).transpose()?;
        Ok(Self { media_type, digest, size, artifact_type, annotations, platform })
    }

    /// In JSON.
    pub(in crate::format) fn to_json(&self) -> Json<'static> {
        let mut members = vec![
            member("mediaType", &self.media_type),
            member("digest", &self.digest.to_string()),
            ("size".into(), Json::Integer(self.size.into())),
        ];
        members.extend(self.artifact_type.as_ref().map(|kind| member("artifactType", kind)));
        members.extend(annotations_json(&self.annotations));
        if let Some(platform) = &self.platform {
            let mut inner = vec![member("architecture", &platform.architecture), member("os", &platform.os)];
            inner.extend(platform.variant.as_ref().map(|variant| member("variant", variant)));
            members.push(("platform".into(), Json::Object(inner)));
        }
        Json::Object(members)
    }
}

/// Plain JSON integers only: the specification has no sizes in strings.
fn size(fields: &mut Fields<'_, '_>) -> Result<u64, OciError> {
    let path = fields.path("size");
    let found = match fields.require("size")? {
        Json::Integer(value) => u64::try_from(*value).ok(),
        _ => None,
    };
    found.filter(|size| *size <= limits::OCI_BLOB_BYTES).ok_or(OciError::Size { path })
}

fn platform(mut fields: Fields<'_, '_>) -> Result<Platform, OciError> {
    Ok(Platform {
        os: fields.require_string("os")?.to_owned(),
        architecture: fields.require_string("architecture")?.to_owned(),
        variant: fields.string("variant")?.filter(|text| !text.is_empty()).map(str::to_owned),
    })
}

/// The `annotations` of an object; absent is none.
pub(super) fn annotations(fields: &mut Fields<'_, '_>) -> Result<BTreeMap<String, String>, OciError> {
    let path = fields.path("annotations");
    let Some(found) = fields.take("annotations") else { return Ok(BTreeMap::new()) };
    let Json::Object(members) = found else {
        return Err(ShapeError::Type { path, expected: "an object" }.into());
    };
    if members.len() > limits::OCI_ANNOTATIONS {
        return Err(OciError::TooMany { what: path, found: members.len(), limit: limits::OCI_ANNOTATIONS });
    }
    let read = |(name, value): &(Cow<'_, str>, Json<'_>)| Ok((name.to_string(), string(value, &path)?.to_owned()));
    members.iter().map(read).collect()
}

pub(super) fn annotations_json(annotations: &BTreeMap<String, String>) -> Option<(Cow<'static, str>, Json<'static>)> {
    let members = annotations.iter().map(|(name, value)| (Cow::Owned(name.clone()), text(value))).collect();
    (!annotations.is_empty()).then(|| ("annotations".into(), Json::Object(members)))
}

pub(super) fn text(text: &str) -> Json<'static> {
    Json::String(Cow::Owned(text.to_owned()))
}

pub(super) fn member(name: &'static str, value: &str) -> (Cow<'static, str>, Json<'static>) {
    (name.into(), text(value))
}
