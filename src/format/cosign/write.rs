//! Writing the older cosign form.

use std::borrow::Cow;

use super::SIGNATURE;
use crate::base::encoding::json::{Fields, Json, JsonError, canonical, items};
use crate::base::encoding::{base64, hex};
use crate::base::limits;
use crate::format::bundle::LogEntry;
use crate::format::oci::{Descriptor, IMAGE_CONFIG, IMAGE_MANIFEST, OciError};

/// A manifest of signatures, with the config that must be in the repository before it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureManifest {
    /// The config, of media type `application/vnd.oci.image.config.v1+json`.
    pub config: Vec<u8>,
    /// The manifest.
    pub manifest: Vec<u8>,
}

/// The manifest of signatures with `added` in it. Everything of `current` stays as it is, also what is not
/// ours; only its config, which counts the layers, is made anew. `None` when all of `added` is there already.
///
/// # Errors
///
/// [`OciError`] when `current` is no image manifest; [`OciError::TooMany`] when it would have too many layers.
pub fn manifest(current: Option<&[u8]>, added: &[Descriptor]) -> Result<Option<SignatureManifest>, OciError> {
    let json = current.map(Json::parse).transpose()?;
    let mut members: Vec<(Cow<'_, str>, Json<'_>)> =
        vec![("schemaVersion".into(), Json::Integer(2)), text_member("mediaType", IMAGE_MANIFEST)];
    let (mut layers, mut listed) = (Vec::new(), Vec::new());
    if let Some(json) = &json {
        let mut fields = Fields::of(json, "")?;
        for item in items(fields.require("layers")?, "layers", limits::OCI_LAYERS)? {
            listed.push(Descriptor::read(item, "layers")?);
            layers.push(item.clone());
        }
        let Json::Object(present) = json else { return Err(not_canonical()) };
        members = present.iter().filter(|(name, _)| name != "layers" && name != "config").cloned().collect();
    }
    let before = layers.len();
    for layer in added {
        if !listed.iter().any(|listed| is_same(listed, layer)) {
            layers.push(layer.to_json());
            listed.push(layer.clone());
        }
    }
    if layers.len() == before {
        return Ok(None);
    }
    if layers.len() > limits::OCI_LAYERS {
        let (found, limit) = (layers.len(), limits::OCI_LAYERS);
        return Err(OciError::TooMany { what: "layers".to_owned(), found, limit });
    }
    let config = config(&listed);
    members.push(("config".into(), Descriptor::of(IMAGE_CONFIG, &config).to_json()));
    members.push(("layers".into(), Json::Array(layers)));
    let manifest = canonical(&Json::Object(members)).ok_or_else(not_canonical)?.into_bytes();
    Ok(Some(SignatureManifest { config, manifest }))
}

fn text(text: &str) -> Json<'static> {
    Json::String(Cow::Owned(text.to_owned()))
}

fn text_member(name: &'static str, value: &str) -> (Cow<'static, str>, Json<'static>) {
    (name.into(), text(value))
}

/// The same content with the same signature.
fn is_same(one: &Descriptor, other: &Descriptor) -> bool {
    one.digest == other.digest && one.annotations.get(SIGNATURE) == other.annotations.get(SIGNATURE)
}

/// Only numbers that are not integers, in fields that others wrote, have no canonical form.
fn not_canonical() -> OciError {
    OciError::Json(JsonError::Syntax { line: 1, column: 1 })
}

/// An image's config over these layers, which are not compressed: an engine finds one for each.
fn config(layers: &[Descriptor]) -> Vec<u8> {
    const NEVER: &str = "0001-01-01T00:00:00Z";
    let history = layers.iter().map(|_| Json::Object(vec![text_member("created", NEVER)])).collect();
    let digests = layers.iter().map(|layer| text(&layer.digest.to_string())).collect();
    let config = Json::Object(vec![
        text_member("architecture", ""),
        text_member("created", NEVER),
        ("history".into(), Json::Array(history)),
        text_member("os", ""),
        ("rootfs".into(), Json::Object(vec![text_member("type", "layers"), ("diff_ids".into(), Json::Array(digests))])),
        ("config".into(), Json::Object(Vec::new())),
    ]);
    // Texts alone always have a canonical form.
    canonical(&config).unwrap_or_default().into_bytes()
}

/// What [`LOG_ENTRY`](super::LOG_ENTRY) says of an entry; `None` when the entry has no promise (SET), as of Rekor v2.
pub fn log_entry_annotation(entry: &LogEntry) -> Option<String> {
    let promise = entry.inclusion_promise.as_ref()?;
    let payload = Json::Object(vec![
        ("body".into(), text(&base64::encode(&entry.canonicalized_body))),
        ("integratedTime".into(), Json::Integer(entry.integrated_time.into())),
        ("logIndex".into(), Json::Integer(entry.log_index.into())),
        ("logID".into(), text(&hex::encode(&entry.log_id))),
    ]);
    let written = Json::Object(vec![
        ("SignedEntryTimestamp".into(), text(&base64::encode(promise))),
        ("Payload".into(), payload),
    ]);
    canonical(&written)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::oci::{Manifest, SIMPLE_SIGNING};

    fn layer(content: &[u8], signature: &str) -> Descriptor {
        let mut layer = Descriptor::of(SIMPLE_SIGNING, content);
        layer.annotations.insert(SIGNATURE.to_owned(), signature.to_owned());
        layer
    }

    #[test]
    fn signatures_are_added_and_nothing_is_lost() {
        let first = manifest(None, &[layer(b"payload", "c2ln")]).unwrap().unwrap();
        let second = manifest(Some(&first.manifest), &[layer(b"payload", "b3RoZXI=")]).unwrap().unwrap();
        let parsed = Manifest::parse(&second.manifest, Some(IMAGE_MANIFEST)).unwrap();
        let image = parsed.image().unwrap();
        assert_eq!(image.layers, [layer(b"payload", "c2ln"), layer(b"payload", "b3RoZXI=")]);
        assert_eq!(image.config, Descriptor::of(IMAGE_CONFIG, &second.config));
        let config = String::from_utf8(second.config).unwrap();
        assert_eq!(config.matches(&image.layers[0].digest.to_string()).count(), 2, "{config}");
        assert_eq!(manifest(Some(&second.manifest), &[layer(b"payload", "c2ln")]).unwrap(), None);
    }

    #[test]
    fn fields_of_others_stay() {
        let digest = layer(b"x", "").digest;
        let theirs = format!(
            r#"{{"schemaVersion":2,"mediaType":"{IMAGE_MANIFEST}","annotations":{{"a":"b"}},"theirs":[1],"config":{{}},"layers":[{{"mediaType":"m","size":1,"digest":"{digest}","theirs":"kept"}}]}}"#
        );
        let grown = manifest(Some(theirs.as_bytes()), &[layer(b"payload", "c2ln")]).unwrap().unwrap();
        let text = String::from_utf8(grown.manifest).unwrap();
        for kept in [r#""theirs":"kept""#, r#""theirs":[1]"#, r#""annotations":{"a":"b"}"#] {
            assert!(text.contains(kept), "{kept} in {text}");
        }
    }

    #[test]
    fn what_is_no_manifest_of_signatures_is_not_written_over() {
        for current in ["", "{}", r#"{"manifests":[]}"#, r#"{"layers":{}}"#, r#"{"layers":[{}]}"#] {
            let error = manifest(Some(current.as_bytes()), &[layer(b"payload", "c2ln")]).unwrap_err();
            assert_eq!(error.code().name(), "oci-manifest-parse", "{current}");
        }
    }

    #[test]
    fn the_bound_of_layers_is_a_bound_of_signatures() {
        let many: Vec<_> = (0..=limits::OCI_LAYERS).map(|n| layer(b"payload", &n.to_string())).collect();
        let full = manifest(None, &many[1..]).unwrap().unwrap();
        let error = manifest(Some(&full.manifest), &many[..1]).unwrap_err();
        assert_eq!(error.code().name(), "limit-manifest-items");
    }

    #[test]
    fn promises_as_cosign_reads_them() {
        let mut entry = LogEntry {
            log_index: 7,
            log_id: vec![0xab; 32],
            kind: "hashedrekord".to_owned(),
            version: "0.0.1".to_owned(),
            integrated_time: 1_790_000_000,
            inclusion_promise: Some(b"set".to_vec()),
            inclusion_proof: None,
            canonicalized_body: b"{}".to_vec(),
        };
        let text = log_entry_annotation(&entry).unwrap();
        let id = "ab".repeat(32);
        assert_eq!(
            text,
            format!(
                r#"{{"Payload":{{"body":"e30=","integratedTime":1790000000,"logID":"{id}","logIndex":7}},"SignedEntryTimestamp":"c2V0"}}"#
            )
        );
        entry.inclusion_promise = None;
        assert_eq!(log_entry_annotation(&entry), None);
    }
}
