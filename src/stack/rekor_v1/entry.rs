//! What the v1 log takes: proposals whose signature verifies.

use crate::base::crypto::{Digest, DigestAlgorithm, Family, PublicKey, Scheme};
use crate::base::encoding::pem;
use crate::base::limits;
use crate::format::dsse::pae;
use crate::format::log_entry_body::{Dsse, HashedRekord, Verifier};
use crate::format::x509::Certificate;
use crate::serve::Status;
use crate::stack::proto_json::{self, Message};
use crate::stack::rekor::Admission;
use crate::stack::turns::Turn;

/// Checks a proposal and gives the canonical body of its entry, with the turn that it takes.
pub(super) fn admit(admission: &Admission, proposal: &[u8]) -> Result<(String, Turn), Status> {
    let json = proto_json::parse(proposal)?;
    let mut fields = Message::of(&json)?;
    let (kind, version) = (fields.string("kind")?, fields.string("apiVersion")?);
    let spec = fields.require_message("spec")?;
    fields.finish()?;
    let (body, turn) = match (kind, version) {
        ("hashedrekord", "0.0.1") => hashed_rekord(admission, spec)?,
        ("dsse", "0.0.1") => dsse(admission, spec)?,
        _ => return Err(Status::invalid("this log takes hashedrekord 0.0.1 and dsse 0.0.1")),
    };
    if body.len() > limits::TILE_ENTRY_BYTES {
        return Err(Status::invalid(format!("an entry of {} bytes is too large", body.len())));
    }
    Ok((body, turn))
}

fn hashed_rekord(admission: &Admission, mut spec: Message<'_, '_>) -> Result<(String, Turn), Status> {
    let mut hash = spec.require_message("data")?.require_only("hash")?;
    let (algorithm, value) = (hash.string("algorithm")?, hash.string("value")?);
    hash.finish()?;
    let digest = DigestAlgorithm::from_name(algorithm)
        .and_then(|algorithm| Digest::from_hex(algorithm, &value.to_ascii_lowercase()))
        .ok_or_else(|| Status::invalid("spec.data.hash is not a SHA-2 digest in hexadecimal"))?;
    let mut signature = spec.require_message("signature")?;
    let content = signature.require_bytes("content")?;
    let mut key = signature.require_message("publicKey")?;
    let signer = Signer::parse(&key.require_bytes("content")?)?;
    key.finish()?;
    signature.finish()?;
    spec.finish()?;
    let scheme = scheme(signer.key())?;
    let verified = signer.key().verify_digest(scheme, &digest, &content);
    verified.map_err(|_| Status::invalid("verifying signature: it is not valid"))?;
    let turn = admission.turn(&signer.verifier())?;
    Ok((HashedRekord::body(&digest, &content, &signer.verifier()), turn))
}

fn dsse(admission: &Admission, mut spec: Message<'_, '_>) -> Result<(String, Turn), Status> {
    let mut proposed = spec.require_message("proposedContent")?;
    spec.finish()?;
    let envelope = proposed.string("envelope")?;
    let signer = match proposed.strings("verifiers", 1)?.as_slice() {
        [verifier] => Signer::parse(&proto_json::decode(verifier).unwrap_or_default())?,
        _ => return Err(Status::invalid("exactly one verifier must be given")),
    };
    proposed.finish()?;
    let json = proto_json::parse(envelope.as_bytes())?;
    let mut fields = Message::of(&json)?;
    let (payload_type, payload) = (fields.string("payloadType")?, fields.require_bytes("payload")?);
    let signature = match fields.messages("signatures", 1)?.as_mut_slice() {
        [signature] => signature.require_bytes("sig")?,
        _ => return Err(Status::invalid("the envelope must have exactly one signature")),
    };
    let verified = signer.key().verify(scheme(signer.key())?, &pae(payload_type, &payload), &signature);
    verified.map_err(|_| Status::invalid("verifying envelope: its signature is not valid"))?;
    let turn = admission.turn(&signer.verifier())?;
    // Of the envelope as it was sent: no one can make its JSON again.
    let envelope = Digest::of(DigestAlgorithm::Sha256, envelope.as_bytes());
    let payload = Digest::of(DigestAlgorithm::Sha256, &payload);
    Ok((Dsse::body(&envelope, &payload, &signature, &signer.verifier()), turn))
}

fn scheme(key: &PublicKey) -> Result<Scheme, Status> {
    let scheme = Scheme::default_for(key.kind());
    if scheme.family == Family::Ed25519 {
        return Err(Status::invalid("pure Ed25519 is not taken: use P-256"));
    }
    Ok(scheme)
}

/// Who signed: a certificate or a key, from PEM.
enum Signer {
    Certificate(Box<Certificate>),
    Key(PublicKey),
}

impl Signer {
    fn parse(text: &[u8]) -> Result<Self, Status> {
        let text = std::str::from_utf8(text).unwrap_or_default();
        let malformed = || Status::invalid("the verifier is not one certificate or public key in PEM");
        if let Ok(der) = pem::decode_one(text, "CERTIFICATE") {
            let certificate = Certificate::from_der(&der).map_err(|_| malformed())?;
            return Ok(Self::Certificate(Box::new(certificate)));
        }
        PublicKey::from_pem(text).map(Self::Key).map_err(|_| malformed())
    }

    fn verifier(&self) -> Verifier<'_> {
        match self {
            Self::Certificate(certificate) => Verifier::Certificate(certificate),
            Self::Key(key) => Verifier::PublicKey(key),
        }
    }

    fn key(&self) -> &PublicKey {
        match self {
            Self::Certificate(certificate) => certificate.public_key(),
            Self::Key(key) => key,
        }
    }
}
