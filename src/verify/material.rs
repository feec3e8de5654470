//! What a log entry and a timestamp must be about: one signature, by one key, over one content.

use crate::base::crypto::{Digest, DigestAlgorithm, KeyKind, PublicKey, Scheme};
use crate::format::dsse::Envelope;
use crate::format::x509::Certificate;

/// Whose key signed: with its certificate, when it has one.
#[derive(Debug, Clone, Copy)]
pub enum SignedBy<'a> {
    /// The key of a certificate.
    Certificate(&'a Certificate),
    /// A key that the verifier was given.
    Key(&'a PublicKey),
}

impl SignedBy<'_> {
    /// The key that must verify the signature.
    pub fn public_key(&self) -> &PublicKey {
        match self {
            Self::Certificate(certificate) => certificate.public_key(),
            Self::Key(key) => key,
        }
    }
}

/// What was signed.
#[derive(Debug, Clone, Copy)]
pub enum SignedContent<'a> {
    /// The artifact itself, by its digest.
    Message {
        /// The artifact's digest in the key's own algorithm.
        digest: Digest,
    },
    /// An envelope.
    Dsse {
        /// The envelope.
        envelope: &'a Envelope,
    },
    /// A payload of the older cosign signature.
    SimpleSigning {
        /// The bytes that are signed.
        payload: &'a [u8],
    },
}

impl SignedContent<'_> {
    /// The digest of what a key of this kind signed: of the artifact, of an envelope's pre-authentication
    /// encoding, or of a payload, which is always SHA-256 (cosign takes no other).
    pub fn digest(&self, kind: KeyKind) -> Digest {
        match self {
            Self::Message { digest } => *digest,
            Self::Dsse { envelope } => Digest::of(Scheme::default_for(kind).digest, &envelope.pae()),
            Self::SimpleSigning { payload } => Digest::of(DigestAlgorithm::Sha256, payload),
        }
    }
}

/// One signing act, as the bundle tells it: what every entry and timestamp is held against.
#[derive(Debug, Clone, Copy)]
pub struct SignedMaterial<'a> {
    /// The signature bytes.
    pub signature: &'a [u8],
    /// Who signed.
    pub signed_by: SignedBy<'a>,
    /// What was signed.
    pub content: SignedContent<'a>,
}
