//! DSSE envelopes, version 1, with exactly one signature:
//! <https://github.com/secure-systems-lab/dsse/blob/v1.0.0/protocol.md>

use std::borrow::Cow;

use crate::base::encoding::base64;
use crate::base::encoding::json::{Json, canonical};

/// The payload type of in-toto statements.
pub const IN_TOTO: &str = "application/vnd.in-toto+json";

/// An envelope. The signature covers payload and payload type, never their JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// What the payload is.
    pub payload_type: String,
    /// The payload.
    pub payload: Vec<u8>,
    /// The one signature, over [`Envelope::pae`].
    pub signature: Vec<u8>,
    /// The signer's name for its key: unauthenticated, often empty.
    pub key_id: String,
}

impl Envelope {
    /// The bytes that are signed.
    pub fn pae(&self) -> Vec<u8> {
        pae(&self.payload_type, &self.payload)
    }

    /// The envelope in JSON, as a log of Rekor v1 takes it.
    pub fn to_json(&self) -> String {
        let text = |text: &str| Json::String(Cow::Owned(text.to_owned()));
        let signature = vec![
            (Cow::Borrowed("sig"), text(&base64::encode(&self.signature))),
            (Cow::Borrowed("keyid"), text(&self.key_id)),
        ];
        let envelope = Json::Object(vec![
            (Cow::Borrowed("payload"), text(&base64::encode(&self.payload))),
            (Cow::Borrowed("payloadType"), text(&self.payload_type)),
            (Cow::Borrowed("signatures"), Json::Array(vec![Json::Object(signature)])),
        ]);
        // Texts alone always have a canonical form.
        canonical(&envelope).unwrap_or_default()
    }
}

/// Pre-authentication encoding: `DSSEv1 len(type) type len(payload) payload`, lengths in bytes.
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut out = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    out.extend_from_slice(payload);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification.
    #[test]
    fn pae_of_the_specification() {
        assert_eq!(
            pae("http://example.com/HelloWorld", b"hello world"),
            b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
        );
        // Lengths count bytes, not characters.
        assert_eq!(pae("\u{e9}", b""), "DSSEv1 2 \u{e9} 0 ".as_bytes());
    }
}
