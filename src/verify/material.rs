//! What a log entry and a timestamp must be about: one signature, by one key, over one content.

use crate::base::crypto::{Digest, PublicKey};
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
