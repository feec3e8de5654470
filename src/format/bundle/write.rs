//! Writing a bundle: version 0.3.

use serde::Serialize;

use super::log_entry::Written;
use super::{Content, MEDIA_TYPE, UnverifiedBundle, VerificationMaterial};
use crate::base::crypto::{Digest, DigestAlgorithm};
use crate::base::encoding::base64;
use crate::format::dsse::Envelope;

pub(super) fn bundle(bundle: &UnverifiedBundle) -> String {
    let (certificate, public_key) = match &bundle.material {
        VerificationMaterial::Certificate(material) => {
            (Some(RawBytes { raw_bytes: base64::encode(material.leaf.der()) }), None)
        }
        VerificationMaterial::PublicKey { hint, .. } => (None, Some(PublicKey { hint })),
    };
    let (message_signature, dsse_envelope) = match &bundle.content {
        Content::Message { digest, signature } => (
            Some(MessageSignature {
                message_digest: digest.as_ref().map(MessageDigest::from),
                signature: base64::encode(signature),
            }),
            None,
        ),
        Content::Dsse(envelope) => (None, Some(DsseEnvelope::from(envelope))),
        Content::SimpleSigning { payload, signature } => {
            let digest = Digest::of(DigestAlgorithm::Sha256, payload);
            let message_digest = Some(MessageDigest::from(&digest));
            (Some(MessageSignature { message_digest, signature: base64::encode(signature) }), None)
        }
    };
    let rfc3161_timestamps =
        bundle.timestamps.iter().map(|response| Timestamp { signed_timestamp: base64::encode(response) }).collect();
    let written = Bundle {
        media_type: MEDIA_TYPE,
        verification_material: Material {
            certificate,
            public_key,
            tlog_entries: bundle.log_entries.iter().map(Written::from).collect(),
            timestamp_verification_data: TimestampData { rfc3161_timestamps },
        },
        message_signature,
        dsse_envelope,
    };
    serde_json::to_string(&written).unwrap_or_default()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Bundle<'a> {
    media_type: &'static str,
    verification_material: Material<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message_signature: Option<MessageSignature>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dsse_envelope: Option<DsseEnvelope<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Material<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<RawBytes>,
    #[serde(skip_serializing_if = "Option::is_none")]
    public_key: Option<PublicKey<'a>>,
    tlog_entries: Vec<Written>,
    timestamp_verification_data: TimestampData,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RawBytes {
    raw_bytes: String,
}

#[derive(Serialize)]
struct PublicKey<'a> {
    hint: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TimestampData {
    rfc3161_timestamps: Vec<Timestamp>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Timestamp {
    signed_timestamp: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MessageSignature {
    #[serde(skip_serializing_if = "Option::is_none")]
    message_digest: Option<MessageDigest>,
    signature: String,
}

#[derive(Serialize)]
struct MessageDigest {
    algorithm: &'static str,
    digest: String,
}

impl From<&Digest> for MessageDigest {
    fn from(digest: &Digest) -> Self {
        Self { algorithm: digest.algorithm().proto_name(), digest: base64::encode(digest.as_bytes()) }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DsseEnvelope<'a> {
    payload: String,
    payload_type: &'a str,
    signatures: [DsseSignature<'a>; 1],
}

#[derive(Serialize)]
struct DsseSignature<'a> {
    sig: String,
    keyid: &'a str,
}

impl<'a> From<&'a Envelope> for DsseEnvelope<'a> {
    fn from(envelope: &'a Envelope) -> Self {
        Self {
            payload: base64::encode(&envelope.payload),
            payload_type: &envelope.payload_type,
            signatures: [DsseSignature { sig: base64::encode(&envelope.signature), keyid: &envelope.key_id }],
        }
    }
}
