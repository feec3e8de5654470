//! intoto 0.0.2: a signed envelope, as npm and SLSA generators logged it.

use super::{BodyError, SIGNATURES, only, read_hash};
use crate::base::crypto::Digest;
use crate::base::encoding::base64;
use crate::base::encoding::json::Fields;

/// intoto 0.0.2. `spec.content.hash` is left aside: it covers the JSON that the signer sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intoto {
    /// The envelope's payload type.
    pub payload_type: String,
    /// The payload, in the entries that keep it.
    pub payload: Option<Vec<u8>>,
    /// Digest of the payload.
    pub payload_digest: Digest,
    /// The envelope's one signature.
    pub signature: Vec<u8>,
    /// The signer's name for its key; absent in most entries.
    pub key_id: Option<String>,
    /// Certificate or key, PEM.
    pub verifier: Vec<u8>,
}

impl Intoto {
    pub(super) fn read(mut spec: Fields<'_, '_>) -> Result<Self, BodyError> {
        let mut content = spec.require_object("content")?;
        spec.finish()?;
        let mut envelope = content.require_object("envelope")?;
        if let Some(hash) = content.object("hash")? {
            read_hash(hash)?;
        }
        let payload_digest = read_hash(content.require_object("payloadHash")?)?;
        content.finish()?;
        let payload_type = envelope.require_string("payloadType")?.to_owned();
        let payload = envelope.bytes("payload")?.map(|text| twice(&text, "the payload")).transpose()?;
        let path = envelope.path("signatures[0]");
        let mut entry = Fields::of(only(envelope.items("signatures", SIGNATURES)?)?, &path)?;
        envelope.finish()?;
        let signature = twice(&entry.require_bytes("sig")?, "the signature")?;
        let key_id = entry.string("keyid")?.map(str::to_owned);
        let verifier = entry.require_bytes("publicKey")?;
        entry.finish()?;
        Ok(Self { payload_type, payload, payload_digest, signature, key_id, verifier })
    }
}

/// Rekor keeps the envelope's base64 texts as bytes, and so in base64 once more.
fn twice(text: &[u8], what: &'static str) -> Result<Vec<u8>, BodyError> {
    let bytes = std::str::from_utf8(text).ok().and_then(base64::decode);
    bytes.ok_or(BodyError::Value(what))
}
