//! The forms of TUF's metadata: sections 4.2 to 4.7 of the specification.

use serde_json::{Value, json};

use crate::base::crypto::sha256;
use crate::base::encoding::hex;
use crate::base::encoding::json::{Json, canonical};
use crate::base::time::UnixTime;
use crate::stack::keys::PrivateKey;
use crate::stack::log::SigningError;

/// A role whose metadata changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Targets,
    Snapshot,
    Timestamp,
}

impl Role {
    const fn name(self) -> &'static str {
        match self {
            Self::Targets => "targets",
            Self::Snapshot => "snapshot",
            Self::Timestamp => "timestamp",
        }
    }

    /// The file of a version: the timestamp's has none in its name.
    pub(super) fn file(self, version: u64) -> String {
        match self {
            Self::Timestamp => "timestamp.json".to_owned(),
            _ => format!("{version}.{}.json", self.name()),
        }
    }

    /// The version that a file's name says.
    pub(super) fn version(self, name: &str) -> Option<u64> {
        name.strip_suffix(".json")?.strip_suffix(self.name())?.strip_suffix('.')?.parse().ok()
    }
}

/// What all metadata begins with.
pub(super) fn header(role: &str, version: u64, now: UnixTime, lasts: i64) -> Value {
    let expires = UnixTime::from_secs(now.secs()).plus_secs(lasts);
    json!({ "_type": role, "spec_version": "1.0.31", "version": version, "expires": expires.to_string() })
}

/// A key with its id: the hash of its canonical form.
pub(super) fn key(key: &PrivateKey) -> (String, Value) {
    let key = json!({
        "keytype": "ecdsa",
        "scheme": "ecdsa-sha2-nistp256",
        "keyval": { "public": key.public_key().to_pem() },
    });
    (hex::encode(&sha256(&[to_canonical(&key).as_bytes()])), key)
}

/// How one file names another.
pub(super) fn description(version: u64, bytes: &[u8]) -> Value {
    json!({ "version": version, "length": bytes.len(), "hashes": { "sha256": hex::encode(&sha256(&[bytes])) } })
}

/// Metadata with its signatures.
pub(super) fn signed(metadata: Value, keys: &[&PrivateKey]) -> Result<Vec<u8>, SigningError> {
    let message = to_canonical(&metadata);
    let mut signatures = Vec::with_capacity(keys.len());
    for signer in keys {
        let signature = signer.sign(message.as_bytes())?;
        signatures.push(json!({ "keyid": key(signer).0, "sig": hex::encode(&signature) }));
    }
    let text = serde_json::to_string_pretty(&json!({ "signatures": signatures, "signed": metadata }));
    text.map(|text| format!("{text}\n").into_bytes()).map_err(|_| SigningError)
}

/// Canonical JSON as TUF has it (OLPC's): for objects of ASCII text, integers and truths as ours are, it is that of
/// RFC 8785, but for line feeds in text, which stand as they are.
fn to_canonical(value: &Value) -> String {
    let text = value.to_string();
    let canonical = Json::parse(text.as_bytes()).ok().and_then(|json| canonical(&json)).unwrap_or_default();
    canonical.replace("\\n", "\n")
}
