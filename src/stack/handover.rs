//! What a part that stands apart tells the others when its keys change: `handover.jsonl` in its folder, a line for each
//! change, oldest first.
//!
//! ```text
//! {"version":1,"trusted_root":"{…}","signatures":[{"key":"SHA-256 of the SPKI","signature":"BASE64"}]}
//! ```
//!
//! `trusted_root` is a document with what ended, and what took its place, and nothing else. Every key that ended signed it,
//! behind [`CONTEXT`], so that on its way to the other parts nothing can be put into it. It is taken over within narrow
//! bounds ([`apply`]): a part says who follows itself, and nothing of the others.

mod apply;
mod follow;

use serde::{Deserialize, Serialize};

pub(super) use apply::{Changed, apply};
pub use follow::{Followed, follow};

use super::StackError;
use super::keys::PrivateKey;
use super::log::SigningError;
use crate::base::crypto::PublicKey;
use crate::base::encoding::{base64, hex};
use crate::base::limits;
use crate::format::trust::TrustedRoot;

/// The file's name.
pub(super) const NAME: &str = "handover.jsonl";
/// What stands before what is signed: nothing else that these keys sign begins like it.
const CONTEXT: &str = "sealmark.stack-handover/v1\n";

/// One change, as it stands in a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Handover {
    version: u32,
    trusted_root: String,
    signatures: Vec<Signature>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signature {
    key: String,
    signature: String,
}

impl Handover {
    /// A change, signed by the keys that it ends.
    pub(super) fn sign(change: &TrustedRoot, keys: &[PrivateKey]) -> Result<Self, SigningError> {
        let trusted_root = change.to_json();
        let sign = |key: &PrivateKey| {
            let signature = base64::encode(&key.sign(&signed(&trusted_root))?);
            Ok(Signature { key: hex::encode(&key.public_key().spki_sha256()), signature })
        };
        let signatures = keys.iter().map(sign).collect::<Result<_, SigningError>>()?;
        Ok(Self { version: 1, trusted_root, signatures })
    }

    /// Its line.
    pub(super) fn to_line(&self) -> Result<String, StackError> {
        let line = serde_json::to_string(self).map_err(|_| SigningError)?;
        Ok(line + "\n")
    }

    /// The changes of a file.
    fn parse_all(text: &[u8]) -> Result<Vec<Self>, &'static str> {
        if text.len() > limits::TRUST_BYTES {
            return Err("it is too long");
        }
        let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let lines: Vec<Self> =
            lines.map(serde_json::from_slice).collect::<Result<_, _>>().map_err(|_| "it is no list of handovers")?;
        match lines.iter().all(|line| line.version == 1) {
            true => Ok(lines),
            false => Err("it is of a later version"),
        }
    }

    /// What it changes.
    pub(super) fn change(&self) -> Result<TrustedRoot, &'static str> {
        let root = TrustedRoot::parse(self.trusted_root.as_bytes()).map_err(|_| "it holds no trusted root")?;
        match root.unsupported == Default::default() {
            true => Ok(root),
            false => Err("it holds keys that are not supported"),
        }
    }

    /// Whether a key signed it.
    pub(super) fn is_signed_by(&self, key: &PublicKey) -> bool {
        let id = hex::encode(&key.spki_sha256());
        let of_key = self.signatures.iter().filter(|signature| signature.key == id);
        let bytes = of_key.filter_map(|signature| base64::decode(&signature.signature));
        bytes.into_iter().any(|bytes| key.verify_default(&signed(&self.trusted_root), &bytes).is_ok())
    }
}

fn signed(text: &str) -> Vec<u8> {
    [CONTEXT, text].concat().into_bytes()
}

#[cfg(test)]
mod tests;
