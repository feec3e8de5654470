//! Signature schemes: a family and a digest, and the pairs that the field registers.

use std::fmt;

use super::digest::DigestAlgorithm;
use super::public_key::KeyKind;

/// How a signature is made from a digest or a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// ECDSA, signature as a DER `Ecdsa-Sig-Value` (RFC 3279 section 2.2.3).
    Ecdsa,
    /// RSASSA-PKCS1-v1_5 (RFC 8017 section 8.2).
    RsaPkcs1,
    /// RSASSA-PSS with MGF1 of the same digest and a salt of its length (RFC 8017 section 8.1).
    RsaPss,
    /// Pure Ed25519 (RFC 8032 section 5.1), over the message itself.
    Ed25519,
}

/// A signature scheme. For [`Family::Ed25519`] the digest plays no part in the signature; it is the
/// one that an artifact is named by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scheme {
    /// The family.
    pub family: Family,
    /// The digest.
    pub digest: DigestAlgorithm,
}

impl Scheme {
    /// The scheme that a key of this kind signs artifacts with, as the Sigstore algorithm registry has
    /// it: P-256 with SHA-256, P-384 with SHA-384, P-521 with SHA-512, RSA PKCS#1 v1.5 with SHA-256.
    pub const fn default_for(kind: KeyKind) -> Self {
        let (family, digest) = match kind {
            KeyKind::P256 => (Family::Ecdsa, DigestAlgorithm::Sha256),
            KeyKind::P384 => (Family::Ecdsa, DigestAlgorithm::Sha384),
            KeyKind::P521 => (Family::Ecdsa, DigestAlgorithm::Sha512),
            KeyKind::Rsa { .. } => (Family::RsaPkcs1, DigestAlgorithm::Sha256),
            KeyKind::Ed25519 => (Family::Ed25519, DigestAlgorithm::Sha512),
        };
        Self { family, digest }
    }

    /// The scheme that a key of this kind signed a digest of `digest` with; `None` where the field never
    /// signed so. Besides the registry's own pairs that is P-384 with SHA-256: sigstore-python's until 2024,
    /// and what CPython's releases of those years carry.
    pub fn of_digest(kind: KeyKind, digest: DigestAlgorithm) -> Option<Self> {
        let default = Self::default_for(kind);
        let known = digest == default.digest
            || default.family == Family::Ed25519
            || (kind == KeyKind::P384 && digest == DigestAlgorithm::Sha256);
        known.then_some(Self { digest, ..default })
    }

    /// The name of the default scheme of a key in the Sigstore protobuf enum `PublicKeyDetails`;
    /// `None` for RSA sizes that the registry does not have.
    pub const fn key_details(kind: KeyKind) -> Option<&'static str> {
        match kind {
            KeyKind::P256 => Some("PKIX_ECDSA_P256_SHA_256"),
            KeyKind::P384 => Some("PKIX_ECDSA_P384_SHA_384"),
            KeyKind::P521 => Some("PKIX_ECDSA_P521_SHA_512"),
            KeyKind::Rsa { bits: 2048 } => Some("PKIX_RSA_PKCS1V15_2048_SHA256"),
            KeyKind::Rsa { bits: 3072 } => Some("PKIX_RSA_PKCS1V15_3072_SHA256"),
            KeyKind::Rsa { bits: 4096 } => Some("PKIX_RSA_PKCS1V15_4096_SHA256"),
            KeyKind::Rsa { .. } => None,
            KeyKind::Ed25519 => Some("PKIX_ED25519"),
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digest = match self.digest {
            DigestAlgorithm::Sha256 => "SHA-256",
            DigestAlgorithm::Sha384 => "SHA-384",
            DigestAlgorithm::Sha512 => "SHA-512",
        };
        match self.family {
            Family::Ecdsa => write!(f, "ECDSA {digest}"),
            Family::RsaPkcs1 => write!(f, "RSA PKCS#1 v1.5 {digest}"),
            Family::RsaPss => write!(f, "RSA PSS {digest}"),
            Family::Ed25519 => f.write_str("Ed25519"),
        }
    }
}
