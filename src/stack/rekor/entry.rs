//! What the log takes: the checks of rekor-tiles in its order, then the stack's own policy.

use std::sync::Arc;

use crate::base::crypto::{Digest, KeyKind, PublicKey, Scheme};
use crate::base::limits;
use crate::format::log_entry_body::{HashedRekordV2, Verifier};
use crate::format::x509::Certificate;
use crate::serve::Status;
use crate::stack::config::EntryPolicy;
use crate::stack::issued::Issued;
use crate::stack::proto_json::{self, Message};
use crate::stack::turns::{Turn, Turns};

/// Which signatures are logged.
#[derive(Debug, Clone)]
pub struct Admission {
    policy: EntryPolicy,
    /// The CA's leaves.
    issued: Arc<Issued>,
    turns: Turns,
}

/// An entry that may be logged.
pub(super) struct Admitted {
    /// Its canonical body.
    pub(super) body: String,
    pub(super) turn: Turn,
}

/// `PublicKeyDetails` of protobuf-specs, as far as a server may be sent them.
const KEY_DETAILS: [(i128, &str); 8] = [
    (5, "PKIX_ECDSA_P256_SHA_256"),
    (7, "PKIX_ED25519"),
    (8, "PKIX_ED25519_PH"),
    (9, "PKIX_RSA_PKCS1V15_2048_SHA256"),
    (10, "PKIX_RSA_PKCS1V15_3072_SHA256"),
    (11, "PKIX_RSA_PKCS1V15_4096_SHA256"),
    (12, "PKIX_ECDSA_P384_SHA_384"),
    (13, "PKIX_ECDSA_P521_SHA_512"),
];

/// A certificate or a bare key, parsed.
enum Material {
    Certificate(Box<Certificate>),
    Key(PublicKey),
}

impl Material {
    fn verifier(&self) -> Verifier<'_> {
        match self {
            Self::Certificate(certificate) => Verifier::Certificate(certificate),
            Self::Key(key) => Verifier::PublicKey(key),
        }
    }
}

impl Admission {
    /// The admission of a log whose CA issues what `issued` knows.
    pub fn new(policy: EntryPolicy, issued: Arc<Issued>, turns: Turns) -> Self {
        Self { policy, issued, turns }
    }

    /// Checks a request.
    pub(super) fn admit(&self, request: &[u8]) -> Result<Admitted, Status> {
        let json = proto_json::parse(request)?;
        let mut fields = Message::of(&json)?;
        if fields.take("dsseRequestV002").is_some() {
            return Err(Status::invalid(
                "dsseRequestV002 is not taken any more: send hashedRekordRequestV002 with the digest of the \
                 envelope's PAE and its signature, as current Sigstore clients do",
            ));
        }
        let request = fields.message("hashedRekordRequestV002")?;
        let request = request.ok_or_else(|| Status::invalid("invalid type, must be hashedrekord"))?;
        fields.finish()?;
        let (digest, signature, material, details) = read(request)?;
        let verifier = material.verifier();
        let digest = check(&digest, &signature, verifier.key(), &details)?;
        let ours = self.permit(&verifier)?;
        let body = HashedRekordV2::body(&digest, &signature, &verifier);
        let body = body.map_err(|error| Status::invalid(error.to_string()))?;
        if body.len() > limits::TILE_ENTRY_BYTES {
            return Err(Status::invalid(format!("an entry of {} bytes is too large", body.len())));
        }
        Ok(Admitted { body, turn: self.turns.take(ours, verifier.key())? })
    }

    /// A certificate must be of our CA, unless the log takes anyone's. Gives it where it is ours.
    fn permit<'a>(&self, signer: &Verifier<'a>) -> Result<Option<&'a Certificate>, Status> {
        let ours = match signer {
            Verifier::Certificate(certificate) if self.issued.signed(certificate) => Some(*certificate),
            _ => None,
        };
        if ours.is_some() || self.policy == EntryPolicy::Any {
            return Ok(ours);
        }
        Err(Status::forbidden(
            "this log takes entries with a certificate of its own CA only; with entry_policy \"any\" in stack.json \
             it takes any certificate and bare keys",
        ))
    }

    /// The same for a log of another form, whose signature was verified: the turn that its entry takes.
    pub(in crate::stack) fn turn(&self, signer: &Verifier<'_>) -> Result<Turn, Status> {
        self.turns.take(self.permit(signer)?, signer.key())
    }
}

type Parts = (Vec<u8>, Vec<u8>, Material, String);

/// Digest, signature, certificate or key, and the key's details.
fn read(mut request: Message<'_, '_>) -> Result<Parts, Status> {
    let mut signature = request.require_message("signature")?;
    let mut verifier = signature.require_message("verifier")?;
    let digest = request.require_bytes("digest")?;
    let content = signature.require_bytes("content")?;
    let material = read_material(&mut verifier)?;
    let details = verifier.enumeration("keyDetails", &KEY_DETAILS)?.into_owned();
    verifier.finish()?;
    signature.finish()?;
    request.finish()?;
    Ok((digest, content, material, details))
}

fn read_material(verifier: &mut Message<'_, '_>) -> Result<Material, Status> {
    let mut raw = |name| -> Result<Option<Vec<u8>>, Status> {
        let Some(mut fields) = verifier.message(name)? else { return Ok(None) };
        let bytes = fields.require_bytes("rawBytes")?;
        fields.finish()?;
        Ok(Some(bytes))
    };
    match (raw("x509Certificate")?, raw("publicKey")?) {
        (Some(der), None) => Certificate::from_der(&der)
            .map(|certificate| Material::Certificate(Box::new(certificate)))
            .map_err(|error| Status::invalid(format!("parsing certificate: {error}"))),
        (None, Some(der)) => PublicKey::from_spki(&der)
            .map(Material::Key)
            .map_err(|error| Status::invalid(format!("parsing public key: {error}"))),
        _ => Err(Status::invalid("exactly one of x509Certificate and publicKey must be given")),
    }
}

/// The signature must verify over the digest, by the one scheme that the key has in the registry: verifiers
/// rebuild the entry from a bundle, which does not say another.
fn check(digest: &[u8], signature: &[u8], key: &PublicKey, details: &str) -> Result<Digest, Status> {
    if key.kind() == KeyKind::Ed25519 {
        return Err(Status::invalid("pure Ed25519 signs no digest, so that it cannot be logged: use P-256"));
    }
    let expected = Scheme::key_details(key.kind());
    if expected != Some(details) {
        let expected = expected.map_or_else(|| "a key of another size".to_owned(), str::to_owned);
        let details: String = details.chars().take(64).collect();
        return Err(Status::invalid(format!("keyDetails {details:?} does not fit the key: expected {expected}")));
    }
    let scheme = Scheme::default_for(key.kind());
    let digest = Digest::from_bytes(scheme.digest, digest)
        .ok_or_else(|| Status::invalid(format!("the digest is not of {} bytes", scheme.digest.len())))?;
    key.verify_digest(scheme, &digest, signature)
        .map_err(|_| Status::invalid("verifying signature: it is not valid"))?;
    Ok(digest)
}
