//! The older cosign signatures and attestations, as they lie beside an image: one layer each of the manifest
//! that the tag `sha256-….sig` or `sha256-….att` names, with the evidence in the layer's annotations.
//! <https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md>
//!
//! Both become an [`UnverifiedBundle`], so that one walk verifies every form. Their log entry has a promise
//! of inclusion only (SET), never a proof.

mod error;
mod write;

use std::collections::BTreeMap;

use super::bundle::{self, CertificateMaterial, Content, LogEntry, UnverifiedBundle, VerificationMaterial};
use super::log_entry_body::EntryBody;
use super::x509::Certificate;
use crate::base::encoding::json::{Fields, Json, ShapeError};
use crate::base::encoding::{base64, hex, pem};
use crate::base::limits;

pub use error::CosignError;
pub use write::{SignatureManifest, log_entry_annotation, manifest};

/// The predicate type of the statement by which cosign's bundles sign an image.
pub const SIGNATURE_PREDICATE: &str = "https://sigstore.dev/cosign/sign/v1";
/// A layer that is an attestation: a DSSE envelope.
pub const ENVELOPE: &str = "application/vnd.dsse.envelope.v1+json";
/// The signature over the layer, in base64; empty on an attestation, whose envelope has it.
pub const SIGNATURE: &str = "dev.cosignproject.cosign/signature";
/// The signer's certificate, in PEM.
pub const CERTIFICATE: &str = "dev.sigstore.cosign/certificate";
/// The certificates above it, in PEM.
pub const CHAIN: &str = "dev.sigstore.cosign/chain";
/// The log entry with its promise, in JSON.
pub const LOG_ENTRY: &str = "dev.sigstore.cosign/bundle";
/// On an attestation: its predicate type.
pub const PREDICATE_TYPE: &str = "predicateType";
/// The timestamp, in JSON.
pub const TIMESTAMP: &str = "dev.sigstore.cosign/rfc3161timestamp";

/// The annotations of a layer.
type Annotations = BTreeMap<String, String>;

/// Reads a signature: its payload, which is the layer, and the layer's annotations.
///
/// # Errors
///
/// [`CosignError`]; what the payload says is read when it is verified.
pub fn signature(payload: Vec<u8>, annotations: &Annotations) -> Result<UnverifiedBundle, CosignError> {
    let text = annotation(annotations, SIGNATURE)?.ok_or(CosignError::Missing(SIGNATURE))?;
    let signature = decode(text, SIGNATURE)?;
    assemble(Content::SimpleSigning { payload, signature }, annotations)
}

/// Reads an attestation: its envelope, which is the layer, and the layer's annotations.
///
/// # Errors
///
/// [`CosignError`]; what the envelope holds is read when it is verified.
pub fn attestation(envelope: &[u8], annotations: &Annotations) -> Result<UnverifiedBundle, CosignError> {
    assemble(Content::Dsse(bundle::parse_envelope(envelope)?), annotations)
}

fn assemble(content: Content, annotations: &Annotations) -> Result<UnverifiedBundle, CosignError> {
    let material = match annotation(annotations, CERTIFICATE)? {
        Some(leaf) => {
            let chain = annotation(annotations, CHAIN)?.map_or_else(|| Ok(Vec::new()), certificates)?;
            // As in a bundle: trust comes from the trusted root alone.
            let intermediates = chain.into_iter().filter(|certificate| !certificate.is_self_issued()).collect();
            let leaf = Certificate::from_pem(leaf)?;
            VerificationMaterial::Certificate(Box::new(CertificateMaterial { leaf, intermediates }))
        }
        None => VerificationMaterial::PublicKey { hint: String::new(), raw: None },
    };
    let entry = annotation(annotations, LOG_ENTRY)?.map(log_entry).transpose()?;
    let timestamp = annotation(annotations, TIMESTAMP)?.map(timestamp).transpose()?;
    let timestamps = timestamp.into_iter().collect();
    Ok(UnverifiedBundle::assemble(material, entry.into_iter().collect(), timestamps, content))
}

/// An annotation that is there and not empty, within its bound.
fn annotation<'a>(annotations: &'a Annotations, name: &'static str) -> Result<Option<&'a str>, CosignError> {
    let Some(text) = annotations.get(name).filter(|text| !text.is_empty()) else { return Ok(None) };
    if text.len() > limits::COSIGN_ANNOTATION_BYTES {
        return Err(CosignError::TooLarge { annotation: name, found: text.len() });
    }
    Ok(Some(text))
}

fn decode(text: &str, name: &'static str) -> Result<Vec<u8>, CosignError> {
    base64::decode(text).ok_or_else(|| ShapeError::Base64 { path: name.to_owned() }.into())
}

fn certificates(chain: &str) -> Result<Vec<Certificate>, CosignError> {
    let blocks = pem::decode_all(chain, "CERTIFICATE")?;
    if blocks.len() > limits::CHAIN {
        let (found, limit) = (blocks.len(), limits::CHAIN);
        return Err(ShapeError::TooMany { path: CHAIN.to_owned(), found, limit }.into());
    }
    Ok(blocks.iter().map(|der| Certificate::from_der(der)).collect::<Result<_, _>>()?)
}

/// `{"SignedEntryTimestamp": …, "Payload": {"body": …, "integratedTime": …, "logIndex": …, "logID": …}}`
fn log_entry(text: &str) -> Result<LogEntry, CosignError> {
    let json = Json::parse(text.as_bytes())?;
    let mut fields = Fields::of(&json, LOG_ENTRY)?;
    let promise = fields.require_bytes("SignedEntryTimestamp")?;
    let mut payload = fields.require_object("Payload")?;
    fields.finish()?;
    let body = payload.require_bytes("body")?;
    let log_id = payload.require_string("logID")?;
    let expected = "hexadecimal";
    let malformed = || ShapeError::Type { path: format!("{LOG_ENTRY}.Payload.logID"), expected };
    let log_id = hex::decode(log_id).ok_or_else(malformed)?;
    let (log_index, integrated_time) = (payload.unsigned("logIndex")?, payload.unsigned("integratedTime")?);
    payload.finish()?;
    // The kind stands in the body alone.
    let (kind, version) = EntryBody::parse(&body)?.kind_version();
    Ok(LogEntry {
        log_index,
        log_id,
        kind: kind.to_owned(),
        version: version.to_owned(),
        integrated_time,
        inclusion_promise: Some(promise),
        inclusion_proof: None,
        canonicalized_body: body,
    })
}

/// `{"SignedRFC3161Timestamp": …}`
fn timestamp(text: &str) -> Result<Vec<u8>, CosignError> {
    let json = Json::parse(text.as_bytes())?;
    let mut fields = Fields::of(&json, TIMESTAMP)?;
    let response = fields.require_bytes("SignedRFC3161Timestamp")?;
    fields.finish()?;
    Ok(response)
}
