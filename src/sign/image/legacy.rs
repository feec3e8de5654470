//! Making the older cosign form: the signature over a payload, and all else in annotations.

use super::Claim;
use crate::base::crypto::{Digest, DigestAlgorithm};
use crate::base::encoding::base64;
use crate::format::bundle::Content;
use crate::format::cosign::{self, CERTIFICATE, CHAIN, ENVELOPE, LOG_ENTRY, PREDICATE_TYPE, SIGNATURE};
use crate::format::oci::{CosignSuffix, Descriptor, DigestRef, SIMPLE_SIGNING, SimpleSigning};
use crate::sign::{Session, SignError, Signed};
use crate::verify::{Signer, Verified};

/// A signature in the older form, verified before it is written.
#[derive(Debug, Clone)]
pub struct LegacySignature {
    proof: Verified,
    content: Vec<u8>,
    layer: Descriptor,
    suffix: CosignSuffix,
}

impl LegacySignature {
    /// Signs in `session`: of a signature the payload "simple signing", of an attestation the envelope.
    ///
    /// # Errors
    ///
    /// [`SignError`].
    pub(super) async fn make(session: &Session, image: &DigestRef, claim: &Claim) -> Result<Self, SignError> {
        if *claim != Claim::Signature {
            return Self::of_envelope(session, session.attest(&claim.statement(image)?).await?, image, claim);
        }
        // Cosign takes no other digest of the payload.
        if session.digest_algorithm() != DigestAlgorithm::Sha256 {
            return Err(SignError::LegacyKey);
        }
        let content = SimpleSigning::new(&image.repository().to_string(), *image.digest()).to_bytes();
        let signed = session.sign(Digest::of(DigestAlgorithm::Sha256, &content)).await?;
        let signature = base64::encode(signed.bundle().claimed_content().signature());
        let layer = annotated(Descriptor::of(SIMPLE_SIGNING, &content), &signed, signature);
        // What is written is read as a stranger reads it.
        let read = cosign::signature(content.clone(), &layer.annotations)?;
        let proof = session.check_legacy(&read, image)?;
        Ok(Self { proof, content, layer, suffix: CosignSuffix::Signatures })
    }

    fn of_envelope(session: &Session, signed: Signed, image: &DigestRef, claim: &Claim) -> Result<Self, SignError> {
        let content = match signed.bundle().claimed_content() {
            Content::Dsse(envelope) => envelope.to_json().into_bytes(),
            Content::Message { .. } | Content::SimpleSigning { .. } => return Err(SignError::Interrupted),
        };
        // Cosign keeps the signature of an envelope in the envelope alone.
        let mut layer = annotated(Descriptor::of(ENVELOPE, &content), &signed, String::new());
        layer.annotations.insert(PREDICATE_TYPE.to_owned(), claim.predicate_type().to_owned());
        let read = cosign::attestation(&content, &layer.annotations)?;
        let proof = session.check_legacy(&read, image)?;
        Ok(Self { proof, content, layer, suffix: CosignSuffix::Attestations })
    }

    /// What is written as a layer.
    pub fn content(&self) -> &[u8] {
        &self.content
    }

    /// The layer, with its annotations.
    pub fn layer(&self) -> &Descriptor {
        &self.layer
    }

    /// Which tag it belongs under.
    pub fn suffix(&self) -> CosignSuffix {
        self.suffix
    }

    /// What was proven of it, as it is written.
    pub fn verified(&self) -> &Verified {
        &self.proof
    }
}

/// Adds to a layer what a bundle would hold beside its content.
fn annotated(mut layer: Descriptor, signed: &Signed, signature: String) -> Descriptor {
    let mut add = |name: &str, value: String| drop(layer.annotations.insert(name.to_owned(), value));
    add(SIGNATURE, signature);
    if let (Some(leaf), Signer::Certificate(signer)) =
        (signed.bundle().claimed_certificate(), signed.verified().signer())
    {
        add(CERTIFICATE, leaf.to_pem());
        add(CHAIN, signer.path().iter().map(|certificate| certificate.to_pem()).collect());
    }
    if let Some(entry) = signed.bundle().claimed_log_entries().iter().find_map(cosign::log_entry_annotation) {
        add(LOG_ENTRY, entry);
    }
    layer
}
