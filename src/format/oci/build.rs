//! Manifests that we write.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::descriptor::{annotations_json, member};
use super::{
    BUNDLE_CONTENT, BUNDLE_PREDICATE_TYPE, CREATED, Descriptor, EMPTY, EMPTY_BYTES, IMAGE_INDEX, IMAGE_MANIFEST,
    OciError,
};
use crate::base::encoding::json::{Fields, Json, JsonError, canonical, items};
use crate::base::limits;
use crate::base::time::UnixTime;

/// What a bundle holds, as the annotations of its manifest say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BundleKind<'a> {
    /// An envelope with a statement of this predicate type.
    Envelope {
        /// The predicate type.
        predicate_type: &'a str,
    },
    /// A signature over the artifact.
    MessageSignature,
}

/// The manifest that makes a bundle a referrer of `subject`, as cosign v3 writes it: the bundle's media type
/// as artifact type and as the type of its one layer, the empty config, and annotations that say what is in
/// it. `bundle` is the layer's descriptor, `subject` only its media type, digest and size.
///
/// The blob [`EMPTY_BYTES`] must be in the repository too.
pub fn bundle_manifest(subject: &Descriptor, bundle: &Descriptor, kind: BundleKind<'_>, created: UnixTime) -> Vec<u8> {
    let mut annotations = BTreeMap::from([(CREATED.to_owned(), created.to_string())]);
    match kind {
        BundleKind::Envelope { predicate_type } => {
            annotations.insert(BUNDLE_CONTENT.to_owned(), "dsse-envelope".to_owned());
            annotations.insert(BUNDLE_PREDICATE_TYPE.to_owned(), predicate_type.to_owned());
        }
        BundleKind::MessageSignature => {
            annotations.insert(BUNDLE_CONTENT.to_owned(), "message-signature".to_owned());
        }
    }
    let config = Descriptor { artifact_type: Some(bundle.media_type.clone()), ..Descriptor::of(EMPTY, EMPTY_BYTES) };
    let subject = Descriptor::new(&subject.media_type, subject.digest, subject.size);
    image_manifest(Some(&bundle.media_type), &config, std::slice::from_ref(bundle), Some(&subject), &annotations)
}

/// An image manifest.
pub fn image_manifest(
    artifact_type: Option<&str>,
    config: &Descriptor,
    layers: &[Descriptor],
    subject: Option<&Descriptor>,
    annotations: &BTreeMap<String, String>,
) -> Vec<u8> {
    let mut members = vec![
        ("schemaVersion".into(), Json::Integer(2)),
        member("mediaType", IMAGE_MANIFEST),
        ("config".into(), config.to_json()),
        ("layers".into(), list(layers)),
    ];
    members.extend(artifact_type.map(|kind| member("artifactType", kind)));
    members.extend(subject.map(|subject| ("subject".into(), subject.to_json())));
    members.extend(annotations_json(annotations));
    written(members)
}

/// An image index.
pub fn index(manifests: &[Descriptor], annotations: &BTreeMap<String, String>) -> Vec<u8> {
    let mut members = vec![
        ("schemaVersion".into(), Json::Integer(2)),
        member("mediaType", IMAGE_INDEX),
        ("manifests".into(), list(manifests)),
    ];
    members.extend(annotations_json(annotations));
    written(members)
}

/// The index of a referrers tag with `added` in it: those of `current` stay as they are, what is already
/// listed is not listed twice. `None` when nothing is to be added.
///
/// # Errors
///
/// [`OciError`] when `current` is no index; [`OciError::TooMany`] when it would be too long.
pub fn referrers_index(current: Option<&[u8]>, added: &[Descriptor]) -> Result<Option<Vec<u8>>, OciError> {
    let json = current.map(Json::parse).transpose()?;
    let mut manifests: Vec<Json<'_>> = Vec::new();
    let mut listed = Vec::new();
    if let Some(json) = &json {
        let mut fields = Fields::of(json, "")?;
        if let Some(found) = fields.take("manifests") {
            for item in items(found, "manifests", limits::OCI_MANIFESTS)? {
                listed.push(Descriptor::read(item, "manifests")?.digest);
                manifests.push(item.clone());
            }
        }
    }
    let before = manifests.len();
    for descriptor in added {
        if !listed.contains(&descriptor.digest) {
            listed.push(descriptor.digest);
            manifests.push(descriptor.to_json());
        }
    }
    if manifests.len() == before {
        return Ok(None);
    }
    if manifests.len() > limits::OCI_MANIFESTS {
        let (found, limit) = (manifests.len(), limits::OCI_MANIFESTS);
        return Err(OciError::TooMany { what: "manifests".to_owned(), found, limit });
    }
    let index = Json::Object(vec![
        ("schemaVersion".into(), Json::Integer(2)),
        member("mediaType", IMAGE_INDEX),
        ("manifests".into(), Json::Array(manifests)),
    ]);
    // Only numbers that are not integers, in fields that others wrote, have no canonical form.
    let text = canonical(&index).ok_or(OciError::Json(JsonError::Syntax { line: 1, column: 1 }))?;
    Ok(Some(text.into_bytes()))
}

fn list(descriptors: &[Descriptor]) -> Json<'static> {
    Json::Array(descriptors.iter().map(Descriptor::to_json).collect())
}

/// Texts and sizes within [`limits::OCI_BLOB_BYTES`] always have a canonical form.
fn written(members: Vec<(Cow<'static, str>, Json<'static>)>) -> Vec<u8> {
    canonical(&Json::Object(members)).unwrap_or_default().into_bytes()
}
