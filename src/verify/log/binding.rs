//! Whether an entry's body is about this signing act: the same signature, the same signer, the same
//! content. For Rekor v2 the body is made anew and compared byte for byte.

use super::LogError;
use crate::base::crypto::Digest;
use crate::format::bundle::LogEntry;
use crate::format::dsse::Envelope;
use crate::format::log_entry_body::{BodyError, EntryBody, HashedRekordV2, Verifier, VerifierDer};
use crate::verify::{SignedBy, SignedContent, SignedMaterial};

/// Which Rekor an entry is of: it decides what a checkpoint looks like and where times come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Generation {
    /// <https://github.com/sigstore/rekor>
    V1,
    /// <https://github.com/sigstore/rekor-tiles>
    V2,
}

/// An entry that is about the signing act.
#[derive(Debug)]
pub(super) struct Bound {
    pub(super) generation: Generation,
    pub(super) kind_version: (&'static str, &'static str),
}

/// Verifies that `entry` describes the signing act `signed`, and nothing else about it: for a bundle
/// whose log the trust document waives, so that an entry of another act is refused all the same.
pub fn verify_binding(entry: &LogEntry, signed: &SignedMaterial<'_>) -> Result<(), LogError> {
    bind(entry, signed).map(drop)
}

pub(super) fn bind(entry: &LogEntry, signed: &SignedMaterial<'_>) -> Result<Bound, LogError> {
    if entry.canonicalized_body.is_empty() {
        return Err(LogError::BodyMissing);
    }
    let verifier = match signed.signed_by {
        SignedBy::Certificate(certificate) => Verifier::Certificate(certificate),
        SignedBy::Key(key) => Verifier::PublicKey(key),
    };
    let body = EntryBody::parse(&entry.canonicalized_body).map_err(name_dsse_v2)?;
    let kind_version = body.kind_version();
    if (entry.kind.as_str(), entry.version.as_str()) != kind_version {
        let cut = |text: &str| text.chars().take(64).collect::<String>();
        let claimed = format!("{} {}", cut(&entry.kind), cut(&entry.version));
        return Err(LogError::KindVersion { claimed, found: joined(kind_version) });
    }
    let generation = if matches!(body, EntryBody::HashedRekordV2(_)) { Generation::V2 } else { Generation::V1 };
    match (body, signed.content) {
        (EntryBody::HashedRekordV2(body), content) => {
            same_v2(&entry.canonicalized_body, &body, signed.signature, &verifier, content)?;
        }
        (EntryBody::HashedRekord(body), SignedContent::Message { .. } | SignedContent::SimpleSigning { .. }) => {
            same_digest(&body.digest, &signed.content.digest(verifier.key().kind()))?;
            same_signer(&body.signature, &body.verifier, signed.signature, &verifier)?;
        }
        (EntryBody::Dsse(body), SignedContent::Dsse { envelope }) => {
            same_payload(&body.payload_digest, envelope)?;
            same_signer(&body.signature, &body.verifier, signed.signature, &verifier)?;
        }
        (EntryBody::Intoto(body), SignedContent::Dsse { envelope }) => {
            same_payload(&body.payload_digest, envelope)?;
            differs("payload", body.payload.is_some_and(|payload| payload != envelope.payload))?;
            differs("payload type", body.payload_type != envelope.payload_type)?;
            differs("key id", body.key_id.is_some_and(|key_id| key_id != envelope.key_id))?;
            same_signer(&body.signature, &body.verifier, signed.signature, &verifier)?;
        }
        (_, content) => return Err(LogError::KindContent { kind: joined(kind_version), content: named(content) }),
    }
    Ok(Bound { generation, kind_version })
}

/// The v2 body made anew from what was signed. Which part differs is for the message alone: the bytes
/// decide.
fn same_v2(
    bytes: &[u8],
    body: &HashedRekordV2,
    signature: &[u8],
    verifier: &Verifier<'_>,
    content: SignedContent<'_>,
) -> Result<(), LogError> {
    let digest = content.digest(verifier.key().kind());
    let expected = HashedRekordV2::body(&digest, signature, verifier)?;
    if expected.as_bytes() == bytes {
        return Ok(());
    }
    same_digest(&body.digest, &digest)?;
    differs("signature", body.signature != signature)?;
    let same_verifier = match (&body.verifier, verifier) {
        (VerifierDer::Certificate(der), Verifier::Certificate(certificate)) => der == certificate.der(),
        (VerifierDer::PublicKey(spki), Verifier::PublicKey(key)) => spki == key.spki(),
        _ => false,
    };
    differs("signer", !same_verifier)?;
    Err(LogError::BodyMismatch("key type"))
}

fn same_digest(found: &Digest, expected: &Digest) -> Result<(), LogError> {
    if found.algorithm() != expected.algorithm() {
        return Err(LogError::BodyAlgorithm { expected: expected.algorithm(), found: found.algorithm() });
    }
    differs("digest", found != expected)
}

fn same_payload(digest: &Digest, envelope: &Envelope) -> Result<(), LogError> {
    differs("payload digest", *digest != Digest::of(digest.algorithm(), &envelope.payload))
}

fn same_signer(signature: &[u8], pem: &[u8], expected: &[u8], verifier: &Verifier<'_>) -> Result<(), LogError> {
    differs("signature", signature != expected)?;
    differs("signer", !verifier.is_pem(pem))
}

fn differs(what: &'static str, different: bool) -> Result<(), LogError> {
    if different { Err(LogError::BodyMismatch(what)) } else { Ok(()) }
}

fn named(content: SignedContent<'_>) -> &'static str {
    match content {
        SignedContent::Message { .. } => "a signed artifact",
        SignedContent::Dsse { .. } => "an attestation",
        SignedContent::SimpleSigning { .. } => "an older cosign signature",
    }
}

fn joined((kind, version): (&str, &str)) -> String {
    format!("{kind} {version}")
}

fn name_dsse_v2(error: BodyError) -> LogError {
    match error {
        BodyError::Kind { kind, version } if kind == "dsse" && version == "0.0.2" => LogError::DsseV2,
        error => error.into(),
    }
}
