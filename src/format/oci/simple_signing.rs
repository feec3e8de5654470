//! The payload of the older cosign signature ("simple signing"):
//! <https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md#simple-signing>

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::descriptor::{member, parse_digest, text};
use super::error::OciError;
use crate::base::crypto::Digest;
use crate::base::encoding::json::{Fields, Json, canonical, string};
use crate::base::limits;

/// What `critical.type` must say.
const TYPES: [&str; 2] = ["cosign container image signature", "atomic container signature"];

/// What an older cosign signature signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SimpleSigning {
    /// The image's name when it was signed: a claim of the signer, which may be another repository's.
    pub docker_reference: String,
    /// The digest of the image's manifest: what the signature is about.
    pub manifest_digest: Digest,
    /// Annotations of the signer, texts only; others are left out.
    pub optional: BTreeMap<String, String>,
}

impl SimpleSigning {
    /// A payload as cosign writes it.
    pub fn new(docker_reference: &str, manifest_digest: Digest) -> Self {
        Self { docker_reference: docker_reference.to_owned(), manifest_digest, optional: BTreeMap::new() }
    }

    /// Reads the bytes that were signed.
    pub fn parse(payload: &[u8]) -> Result<Self, OciError> {
        if payload.len() > limits::OCI_MANIFEST_BYTES {
            return Err(OciError::TooLarge);
        }
        let json = Json::parse(payload)?;
        let mut fields = Fields::of(&json, "")?;
        let mut critical = fields.require_object("critical")?;
        if !TYPES.contains(&critical.require_string("type")?) {
            return Err(OciError::Payload { problem: "critical.type is not that of a container signature" });
        }
        let digest = critical.require_object("image")?.require_string("docker-manifest-digest").map(parse_digest)??;
        let reference = critical.require_object("identity")?.string("docker-reference")?.unwrap_or_default();
        let mut payload = Self::new(reference, digest);
        if let Some(Json::Object(members)) = fields.take("optional") {
            if members.len() > limits::OCI_ANNOTATIONS {
                let (found, limit) = (members.len(), limits::OCI_ANNOTATIONS);
                return Err(OciError::TooMany { what: "optional".to_owned(), found, limit });
            }
            for (name, value) in members {
                if let Ok(value) = string(value, name) {
                    payload.optional.insert(name.to_string(), value.to_owned());
                }
            }
        }
        Ok(payload)
    }

    /// The bytes to sign.
    pub fn to_bytes(&self) -> Vec<u8> {
        let object = |name: &'static str, value: &str| Json::Object(vec![member(name, value)]);
        let optional = match self.optional.is_empty() {
            true => Json::Null,
            false => {
                Json::Object(self.optional.iter().map(|(key, value)| (Cow::Owned(key.clone()), text(value))).collect())
            }
        };
        let critical = Json::Object(vec![
            ("identity".into(), object("docker-reference", &self.docker_reference)),
            ("image".into(), object("docker-manifest-digest", &self.manifest_digest.to_string())),
            member("type", TYPES[0]),
        ]);
        let payload = Json::Object(vec![("critical".into(), critical), ("optional".into(), optional)]);
        // Texts alone always have a canonical form.
        canonical(&payload).unwrap_or_default().into_bytes()
    }
}
