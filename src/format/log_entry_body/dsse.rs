//! dsse 0.0.1: a signed envelope, by its hashes.

use std::borrow::Cow;

use super::{BodyError, SIGNATURES, Verifier, only, read_hash, write_hash};
use crate::base::crypto::Digest;
use crate::base::encoding::base64;
use crate::base::encoding::json::{Fields, Json, canonical};

/// dsse 0.0.1. The hash of the envelope is left aside: it covers the JSON that the signer sent, which no
/// one can make again from a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dsse {
    /// Digest of the payload.
    pub payload_digest: Digest,
    /// The envelope's one signature.
    pub signature: Vec<u8>,
    /// Certificate or key, PEM.
    pub verifier: Vec<u8>,
}

impl Dsse {
    pub(super) fn read(mut spec: Fields<'_, '_>) -> Result<Self, BodyError> {
        read_hash(spec.require_object("envelopeHash")?)?;
        let payload_digest = read_hash(spec.require_object("payloadHash")?)?;
        let path = spec.path("signatures[0]");
        let mut entry = Fields::of(only(spec.items("signatures", SIGNATURES)?)?, &path)?;
        let signature = entry.require_bytes("signature")?;
        let verifier = entry.require_bytes("verifier")?;
        entry.finish()?;
        spec.finish()?;
        Ok(Self { payload_digest, signature, verifier })
    }

    /// The body, canonical: the one that a log makes of [`Self::proposal`].
    pub fn body(
        envelope_digest: &Digest,
        payload_digest: &Digest,
        signature: &[u8],
        verifier: &Verifier<'_>,
    ) -> String {
        format!(
            r#"{{"apiVersion":"0.0.1","kind":"dsse","spec":{{"envelopeHash":{envelope},"payloadHash":{payload},"signatures":[{{"signature":"{signature}","verifier":"{verifier}"}}]}}}}"#,
            envelope = write_hash(envelope_digest),
            payload = write_hash(payload_digest),
            signature = base64::encode(signature),
            verifier = base64::encode(verifier.pem().as_bytes()),
        )
    }

    /// The proposal that a client sends (`POST /api/v1/log/entries`): the envelope's JSON as a string.
    pub fn proposal(envelope_json: &str, verifier: &Verifier<'_>) -> String {
        let envelope = canonical(&Json::String(Cow::Borrowed(envelope_json))).unwrap_or_default();
        format!(
            r#"{{"apiVersion":"0.0.1","kind":"dsse","spec":{{"proposedContent":{{"envelope":{envelope},"verifiers":["{verifier}"]}}}}}}"#,
            verifier = base64::encode(verifier.pem().as_bytes()),
        )
    }
}
