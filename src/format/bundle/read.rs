//! Reading a bundle, strictly: known fields only, each once, in the shape of its version.

use super::error::BundleError;
use super::{CertificateMaterial, Content, LogEntry, UnverifiedBundle, VerificationMaterial, Version};
use crate::base::crypto::{Digest, DigestAlgorithm};
use crate::base::encoding::json::{Fields, Json, JsonError, ShapeError};
use crate::base::limits;
use crate::format::dsse::Envelope;
use crate::format::x509::Certificate;

pub(super) fn bundle(input: &[u8]) -> Result<UnverifiedBundle, BundleError> {
    if input.len() > limits::BUNDLE_BYTES {
        return Err(BundleError::TooLarge { found: input.len(), limit: limits::BUNDLE_BYTES });
    }
    let json = Json::parse(input)?;
    let mut fields = Fields::of(&json, "")?;
    let version = version(fields.string("mediaType")?.unwrap_or_default())?;
    let mut material_fields = fields.require_object("verificationMaterial")?;
    let material = material(&mut material_fields, version)?;
    let log_entries = log_entries(&mut material_fields)?;
    let timestamps = timestamps(&mut material_fields)?;
    material_fields.finish()?;
    let message = fields.object("messageSignature")?;
    let envelope = fields.object("dsseEnvelope")?;
    let content = match (message, envelope) {
        (Some(message), None) => read_message(message)?,
        (None, Some(envelope)) => Content::Dsse(read_envelope(envelope)?),
        (None, None) => return Err(BundleError::Content(0)),
        (Some(_), Some(_)) => return Err(BundleError::Content(2)),
    };
    fields.finish()?;
    Ok(UnverifiedBundle { version, material, log_entries, timestamps, content })
}

pub(super) fn lines(input: &[u8]) -> Result<Vec<Result<UnverifiedBundle, BundleError>>, BundleError> {
    if input.len() > limits::BUNDLES_BYTES {
        return Err(BundleError::TooLarge { found: input.len(), limit: limits::BUNDLES_BYTES });
    }
    // One bundle may itself be spread over lines, so the whole is tried first.
    let whole = bundle(input);
    if !matches!(whole, Err(BundleError::Json(JsonError::Syntax { .. }) | BundleError::TooLarge { .. })) {
        return Ok(vec![whole]);
    }
    let lines: Vec<_> = input.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).collect();
    match lines.len() {
        // Two values on one line are not JSON lines.
        1 if starts_with_value(input) => Ok(vec![Err(BundleError::Trailing)]),
        0 | 1 => Ok(vec![whole]),
        found if found > limits::BUNDLES => Err(BundleError::TooManyBundles { found }),
        // A pretty-printed bundle that is broken is one broken bundle, not a broken bundle a line.
        _ if !starts_with_value(lines.first().copied().unwrap_or_default()) => Ok(vec![whole]),
        _ => Ok(lines.into_iter().map(bundle).collect()),
    }
}

/// Whether a line begins with a whole JSON object, whatever follows it.
fn starts_with_value(line: &[u8]) -> bool {
    let mut values = serde_json::Deserializer::from_slice(line).into_iter::<serde::de::IgnoredAny>();
    line.trim_ascii_start().starts_with(b"{") && matches!(values.next(), Some(Ok(_)))
}

fn version(media_type: &str) -> Result<Version, BundleError> {
    match media_type {
        "application/vnd.dev.sigstore.bundle+json;version=0.1" => Ok(Version::V0_1),
        "application/vnd.dev.sigstore.bundle+json;version=0.2" => Ok(Version::V0_2),
        "application/vnd.dev.sigstore.bundle+json;version=0.3" | super::MEDIA_TYPE => Ok(Version::V0_3),
        other => Err(BundleError::Version { found: other.chars().take(128).collect() }),
    }
}

fn material(fields: &mut Fields<'_, '_>, version: Version) -> Result<VerificationMaterial, BundleError> {
    let chain = fields.object("x509CertificateChain")?;
    let certificate = fields.object("certificate")?;
    let public_key = fields.object("publicKey")?;
    match (chain, certificate, public_key) {
        (Some(_), None, None) if version == Version::V0_3 => {
            Err(BundleError::VersionMix { field: "x509CertificateChain" })
        }
        (None, Some(_), None) if version != Version::V0_3 => Err(BundleError::VersionMix { field: "certificate" }),
        (Some(mut chain), None, None) => {
            let path = chain.path("certificates");
            let certificates = chain
                .items("certificates", limits::CHAIN)?
                .iter()
                .map(|item| read_certificate(Fields::of(item, &path)?))
                .collect::<Result<Vec<_>, _>>()?;
            chain.finish()?;
            let mut certificates = certificates.into_iter();
            let leaf = certificates.next().ok_or(BundleError::Material("certificate chain is empty"))?;
            let intermediates = certificates.filter(|certificate| !certificate.is_self_issued()).collect();
            Ok(VerificationMaterial::Certificate(Box::new(CertificateMaterial { leaf, intermediates })))
        }
        (None, Some(certificate), None) => {
            let leaf = read_certificate(certificate)?;
            Ok(VerificationMaterial::Certificate(Box::new(CertificateMaterial { leaf, intermediates: Vec::new() })))
        }
        (None, None, Some(mut key)) => {
            let hint = key.string("hint")?.unwrap_or_default().to_owned();
            let raw = key.bytes("rawBytes")?;
            // Model signers add the key's type beside its bytes; the bytes say it already.
            key.string("keyDetails")?;
            key.finish()?;
            Ok(VerificationMaterial::PublicKey { hint, raw })
        }
        (None, None, None) => Err(BundleError::Material("no certificate and no public key")),
        _ => Err(BundleError::Material("more than one of certificate, certificate chain and public key")),
    }
}

fn read_certificate(mut fields: Fields<'_, '_>) -> Result<Certificate, BundleError> {
    let der = fields.bytes("rawBytes")?.ok_or(BundleError::Material("certificate is empty"))?;
    fields.finish()?;
    // A bare public key, or PEM, where a certificate belongs: an old cosign slip that must not pass as a
    // key-signed bundle (GHSA-fx35).
    if der.starts_with(b"-----BEGIN") || crate::base::crypto::PublicKey::from_spki(&der).is_ok() {
        return Err(BundleError::Material("a public key or PEM stands where a certificate belongs"));
    }
    Ok(Certificate::from_der(&der)?)
}

fn log_entries(fields: &mut Fields<'_, '_>) -> Result<Vec<LogEntry>, BundleError> {
    let path = fields.path("tlogEntries");
    let items = fields.items("tlogEntries", limits::LOG_ENTRIES)?;
    let read = |(index, item)| LogEntry::from_json(item, &format!("{path}[{index}]"));
    Ok(items.iter().enumerate().map(read).collect::<Result<_, _>>()?)
}

fn timestamps(fields: &mut Fields<'_, '_>) -> Result<Vec<Vec<u8>>, BundleError> {
    let Some(mut data) = fields.object("timestampVerificationData")? else { return Ok(Vec::new()) };
    let path = data.path("rfc3161Timestamps");
    let items = data.items("rfc3161Timestamps", limits::TIMESTAMPS)?;
    let timestamps = items
        .iter()
        .map(|item| {
            let mut timestamp = Fields::of(item, &path)?;
            let response = timestamp.require_bytes("signedTimestamp")?;
            timestamp.finish()?;
            Ok(response)
        })
        .collect::<Result<_, ShapeError>>()?;
    data.finish()?;
    Ok(timestamps)
}

fn read_message(mut fields: Fields<'_, '_>) -> Result<Content, BundleError> {
    let digest = match fields.object("messageDigest")? {
        Some(mut digest) => {
            let algorithm = match digest.take("algorithm") {
                Some(Json::String(name)) => name.to_string(),
                Some(other) => format!("{other:?}"),
                None => String::new(),
            };
            let bytes = digest.bytes("digest")?.unwrap_or_default();
            digest.finish()?;
            let known = DigestAlgorithm::from_proto_name(&algorithm).and_then(|a| Digest::from_bytes(a, &bytes));
            let length = bytes.len();
            Some(known.ok_or_else(|| BundleError::DigestAlgorithm {
                algorithm: algorithm.chars().take(64).collect(),
                length,
            })?)
        }
        None => None,
    };
    let signature = fields.require_bytes("signature")?;
    fields.finish()?;
    Ok(Content::Message { digest, signature })
}

/// An envelope that stands alone.
pub(in crate::format) fn parse_envelope(json: &[u8]) -> Result<Envelope, BundleError> {
    if json.len() > limits::BUNDLE_BYTES {
        return Err(BundleError::TooLarge { found: json.len(), limit: limits::BUNDLE_BYTES });
    }
    let json = Json::parse(json)?;
    read_envelope(Fields::of(&json, "")?)
}

fn read_envelope(mut fields: Fields<'_, '_>) -> Result<Envelope, BundleError> {
    let payload_type = fields.require_string("payloadType")?.to_owned();
    let payload = fields.bytes("payload")?.unwrap_or_default();
    let path = fields.path("signatures");
    let signatures = fields.items("signatures", limits::LOG_ENTRIES)?;
    fields.finish()?;
    let [signature] = signatures else {
        return Err(BundleError::SignatureCount { found: signatures.len() });
    };
    let mut signature = Fields::of(signature, &format!("{path}[0]"))?;
    let key_id = signature.string("keyid")?.unwrap_or_default().to_owned();
    let sig = signature.require_bytes("sig")?;
    signature.finish()?;
    Ok(Envelope { payload_type, payload, signature: sig, key_id })
}
