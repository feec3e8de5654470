//! Public keys: SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7) of the kinds that the field uses,
//! refused when weak or not on their curve.

use std::fmt;

use aws_lc_rs::digest as aws_digest;
use aws_lc_rs::signature::{self as aws, ParsedPublicKey, UnparsedPublicKey, VerificationAlgorithm};
use thiserror::Error;

use super::digest::{Digest, DigestAlgorithm, sha256};
use super::scheme::{Family, Scheme};
use crate::base::code::Code;
use crate::base::encoding::der::{self, DerError, Oid, Reader, tag};
use crate::base::encoding::pem::{self, PemError};
use crate::base::limits;

/// The kind of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// ECDSA on NIST P-256
    P256,
    /// ECDSA on NIST P-384
    P384,
    /// ECDSA on NIST P-521
    P521,
    /// RSA
    Rsa {
        /// Bits of the modulus.
        bits: usize,
    },
    /// Ed25519
    Ed25519,
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::P256 => f.write_str("P-256"),
            Self::P384 => f.write_str("P-384"),
            Self::P521 => f.write_str("P-521"),
            Self::Rsa { bits } => write!(f, "RSA-{bits}"),
            Self::Ed25519 => f.write_str("Ed25519"),
        }
    }
}

/// Why bytes are not a public key that we use, or a signature does not verify under one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Not a SubjectPublicKeyInfo.
    #[error("public key is malformed: {0}")]
    Parse(#[from] DerError),
    /// Not PEM.
    #[error("public key is not PEM: {0}")]
    Pem(#[from] PemError),
    /// An algorithm, curve or parameters that we do not use.
    #[error("public key algorithm {0} is not supported")]
    Algorithm(String),
    /// Too weak: a short modulus or a small exponent.
    #[error("public key is weak: {0}")]
    Weak(&'static str),
    /// Larger than [`limits::RSA_BITS`].
    #[error("RSA modulus of {bits} bits, {limit} allowed", limit = limits::RSA_BITS.end())]
    TooLarge {
        /// Bits found.
        bits: usize,
    },
    /// Not a point of its curve, compressed, of small order or not canonical.
    #[error("public key is not a valid {0} key")]
    Invalid(KeyKind),
    /// A scheme that this key cannot have.
    #[error("{scheme} does not fit a {kind} key")]
    Scheme {
        /// The key.
        kind: KeyKind,
        /// The scheme.
        scheme: Scheme,
    },
    /// The signature does not verify.
    #[error("signature does not verify under the {0} key")]
    Signature(KeyKind),
}

impl KeyError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Parse(_) => Code::refused(
                "key-parse",
                "give a SubjectPublicKeyInfo: `openssl pkey -pubin -in KEY -text` should read it",
            ),
            Self::Pem(error) => error.code(),
            Self::Algorithm(_) => Code::refused("cert-key-alg", "use P-256, P-384, P-521, RSA 2048 to 4096 or Ed25519"),
            Self::Weak(_) => Code::refused(
                "cert-weak-key",
                "use RSA of at least 2048 bits with exponent 65537, or an elliptic curve key",
            ),
            Self::TooLarge { .. } => Code::refused("limit-key-size", "use RSA of at most 8192 bits"),
            Self::Invalid(_) => {
                Code::refused("cert-key-invalid", "the key was damaged or forged: ask its owner for it again")
            }
            Self::Scheme { .. } => Code::refused(
                "sig-alg",
                "sign with the scheme that belongs to the key: see the manual's table of schemes",
            ),
            Self::Signature(_) => Code::refused("sig-invalid", "the bytes were changed, or another key signed them"),
        }
    }
}

const EC_PUBLIC_KEY: Oid<'_> = Oid::constant(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1]);
const RSA_ENCRYPTION: Oid<'_> = Oid::constant(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1]);
const ED25519: Oid<'_> = Oid::constant(&[0x2b, 0x65, 0x70]);
const P256: Oid<'_> = Oid::constant(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]);
const P384: Oid<'_> = Oid::constant(&[0x2b, 0x81, 4, 0, 0x22]);
const P521: Oid<'_> = Oid::constant(&[0x2b, 0x81, 4, 0, 0x23]);

/// A public key that was checked when it was read.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    kind: KeyKind,
    spki: Vec<u8>,
    /// Where the key itself (point, RSAPublicKey or 32 bytes) starts in `spki`; it ends with it.
    key_start: usize,
}

impl PublicKey {
    /// Reads a SubjectPublicKeyInfo in DER.
    pub fn from_spki(spki: &[u8]) -> Result<Self, KeyError> {
        let mut body = Reader::whole(spki, tag::SEQUENCE)?;
        let mut algorithm = body.sequence()?;
        let oid = algorithm.oid()?;
        let kind = match oid {
            EC_PUBLIC_KEY => match algorithm.optional(tag::OID)? {
                Some(curve) => match Oid::parse(curve.content)? {
                    P256 => KeyKind::P256,
                    P384 => KeyKind::P384,
                    P521 => KeyKind::P521,
                    other => return Err(KeyError::Algorithm(format!("curve {other}"))),
                },
                None => return Err(KeyError::Algorithm("elliptic curve with explicit parameters".to_owned())),
            },
            RSA_ENCRYPTION => {
                if !algorithm.expect(tag::NULL)?.content.is_empty() {
                    return Err(DerError::Value("NULL").into());
                }
                KeyKind::Rsa { bits: 0 }
            }
            ED25519 => KeyKind::Ed25519,
            other => return Err(KeyError::Algorithm(other.to_string())),
        };
        algorithm.finish()?;
        let key = body.bits()?;
        body.finish()?;
        let kind = check(kind, key)?;
        Ok(Self { kind, spki: spki.to_vec(), key_start: spki.len() - key.len() })
    }

    /// Wraps a key in its SubjectPublicKeyInfo: the uncompressed point, the RSAPublicKey or the 32 bytes of
    /// Ed25519, as [`PublicKey::key_bytes`] gives it. An RSA kind's bits play no part.
    pub fn from_key_bytes(kind: KeyKind, key: &[u8]) -> Result<Self, KeyError> {
        let curve = |curve| [der::oid(EC_PUBLIC_KEY), der::oid(curve)].concat();
        let algorithm = match kind {
            KeyKind::P256 => curve(P256),
            KeyKind::P384 => curve(P384),
            KeyKind::P521 => curve(P521),
            KeyKind::Rsa { .. } => [der::oid(RSA_ENCRYPTION), der::null()].concat(),
            KeyKind::Ed25519 => der::oid(ED25519),
        };
        Self::from_spki(&der::sequence(&[&der::sequence(&[&algorithm]), &der::bit_string(key)]))
    }

    /// Reads one PEM block `PUBLIC KEY`.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        Self::from_spki(&pem::decode_one(text, "PUBLIC KEY")?)
    }

    /// The kind.
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The SubjectPublicKeyInfo in DER, as it was read.
    pub fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// The key alone: the uncompressed point, the RSAPublicKey or the 32 bytes of Ed25519.
    pub fn key_bytes(&self) -> &[u8] {
        self.spki.get(self.key_start..).unwrap_or_default()
    }

    /// PEM, ended by a newline.
    pub fn to_pem(&self) -> String {
        pem::encode("PUBLIC KEY", &self.spki)
    }

    /// SHA-256 of the SubjectPublicKeyInfo: the log id of RFC 6962 section 3.2.
    pub fn spki_sha256(&self) -> [u8; 32] {
        sha256(&[&self.spki])
    }

    /// Verifies a signature over a message.
    pub fn verify(&self, scheme: Scheme, message: &[u8], signature: &[u8]) -> Result<(), KeyError> {
        let key = UnparsedPublicKey::new(self.algorithm(scheme)?, self.key_bytes());
        key.verify(message, signature).map_err(|_| KeyError::Signature(self.kind))
    }

    /// Verifies a signature over a digest that was computed elsewhere; not for Ed25519.
    pub fn verify_digest(&self, scheme: Scheme, digest: &Digest, signature: &[u8]) -> Result<(), KeyError> {
        let algorithm = self.algorithm(scheme)?;
        if scheme.family == Family::Ed25519 || digest.algorithm() != scheme.digest {
            return Err(KeyError::Scheme { kind: self.kind, scheme });
        }
        let name = match scheme.digest {
            DigestAlgorithm::Sha256 => &aws_digest::SHA256,
            DigestAlgorithm::Sha384 => &aws_digest::SHA384,
            DigestAlgorithm::Sha512 => &aws_digest::SHA512,
        };
        let refused = |_| KeyError::Signature(self.kind);
        let digest = aws_digest::Digest::import_less_safe(digest.as_bytes(), name).map_err(refused)?;
        UnparsedPublicKey::new(algorithm, self.key_bytes()).verify_digest(&digest, signature).map_err(refused)
    }

    /// Verifies with the key's own default scheme.
    pub fn verify_default(&self, message: &[u8], signature: &[u8]) -> Result<(), KeyError> {
        self.verify(Scheme::default_for(self.kind), message, signature)
    }

    fn algorithm(&self, scheme: Scheme) -> Result<&'static dyn VerificationAlgorithm, KeyError> {
        use DigestAlgorithm::{Sha256, Sha384, Sha512};
        Ok(match (self.kind, scheme.family, scheme.digest) {
            (KeyKind::P256, Family::Ecdsa, Sha256) => &aws::ECDSA_P256_SHA256_ASN1,
            (KeyKind::P256, Family::Ecdsa, Sha384) => &aws::ECDSA_P256_SHA384_ASN1,
            (KeyKind::P256, Family::Ecdsa, Sha512) => &aws::ECDSA_P256_SHA512_ASN1,
            (KeyKind::P384, Family::Ecdsa, Sha256) => &aws::ECDSA_P384_SHA256_ASN1,
            (KeyKind::P384, Family::Ecdsa, Sha384) => &aws::ECDSA_P384_SHA384_ASN1,
            (KeyKind::P384, Family::Ecdsa, Sha512) => &aws::ECDSA_P384_SHA512_ASN1,
            (KeyKind::P521, Family::Ecdsa, Sha256) => &aws::ECDSA_P521_SHA256_ASN1,
            (KeyKind::P521, Family::Ecdsa, Sha384) => &aws::ECDSA_P521_SHA384_ASN1,
            (KeyKind::P521, Family::Ecdsa, Sha512) => &aws::ECDSA_P521_SHA512_ASN1,
            (KeyKind::Rsa { .. }, Family::RsaPkcs1, Sha256) => &aws::RSA_PKCS1_2048_8192_SHA256,
            (KeyKind::Rsa { .. }, Family::RsaPkcs1, Sha384) => &aws::RSA_PKCS1_2048_8192_SHA384,
            (KeyKind::Rsa { .. }, Family::RsaPkcs1, Sha512) => &aws::RSA_PKCS1_2048_8192_SHA512,
            (KeyKind::Rsa { .. }, Family::RsaPss, Sha256) => &aws::RSA_PSS_2048_8192_SHA256,
            (KeyKind::Rsa { .. }, Family::RsaPss, Sha384) => &aws::RSA_PSS_2048_8192_SHA384,
            (KeyKind::Rsa { .. }, Family::RsaPss, Sha512) => &aws::RSA_PSS_2048_8192_SHA512,
            (KeyKind::Ed25519, Family::Ed25519, _) => &aws::ED25519,
            _ => return Err(KeyError::Scheme { kind: self.kind, scheme }),
        })
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = crate::base::encoding::hex::encode(&self.spki_sha256()[..8]);
        write!(f, "PublicKey({}, {id})", self.kind)
    }
}

/// Checks a key's bytes and completes its kind.
fn check(kind: KeyKind, key: &[u8]) -> Result<KeyKind, KeyError> {
    let invalid = KeyError::Invalid(kind);
    let point = |length: usize| key.len() == 1 + 2 * length && key.first() == Some(&4);
    match kind {
        KeyKind::P256 if point(32) => ParsedPublicKey::new(&aws::ECDSA_P256_SHA256_ASN1, key),
        KeyKind::P384 if point(48) => ParsedPublicKey::new(&aws::ECDSA_P384_SHA384_ASN1, key),
        KeyKind::P521 if point(66) => ParsedPublicKey::new(&aws::ECDSA_P521_SHA512_ASN1, key),
        KeyKind::Ed25519 if key.len() == 32 && !small_order(key) => ParsedPublicKey::new(&aws::ED25519, key),
        KeyKind::Rsa { .. } => {
            let bits = rsa_bits(key)?;
            return Ok(KeyKind::Rsa { bits });
        }
        _ => return Err(invalid),
    }
    .map(|_| kind)
    .map_err(|_| invalid)
}

fn rsa_bits(key: &[u8]) -> Result<usize, KeyError> {
    let mut body = Reader::whole(key, tag::SEQUENCE)?;
    let modulus = body.integer()?;
    let exponent = body.integer()?;
    body.finish()?;
    let negative = |bytes: &[u8]| bytes.first().is_none_or(|first| first & 0x80 != 0);
    if negative(modulus) || negative(exponent) {
        return Err(KeyError::Invalid(KeyKind::Rsa { bits: 0 }));
    }
    let magnitude = modulus.strip_prefix(&[0]).unwrap_or(modulus);
    let bits = magnitude.len() * 8 - magnitude.first().map_or(0, |first| first.leading_zeros() as usize);
    if bits < *limits::RSA_BITS.start() {
        return Err(KeyError::Weak("RSA modulus under 2048 bits"));
    }
    if bits > *limits::RSA_BITS.end() {
        return Err(KeyError::TooLarge { bits });
    }
    if modulus.last().is_none_or(|last| last & 1 == 0) {
        return Err(KeyError::Invalid(KeyKind::Rsa { bits }));
    }
    match exponent {
        [1, 0, 1] => Ok(bits),
        [..] if exponent.len() <= 2 => Err(KeyError::Weak("RSA exponent under 65537")),
        _ => Err(KeyError::Weak("RSA exponent other than 65537")),
    }
}

/// Whether an Ed25519 key is of small order or not canonical: under such a key one signature can
/// verify for many messages (RFC 8032 section 5.1.7 leaves them in).
fn small_order(key: &[u8]) -> bool {
    // y of the points of order 1, 2, 4 and 8, little-endian; the sign bit plays no part.
    const ORDER_8: [[u8; 32]; 2] = [
        *b"\x26\xe8\x95\x8f\xc2\xb2\x27\xb0\x45\xc3\xf4\x89\xf2\xef\x98\xf0\xd5\xdf\xac\x05\xd3\xc6\x33\x39\xb1\x38\x02\x88\x6d\x53\xfc\x05",
        *b"\xc7\x17\x6a\x70\x3d\x4d\xd8\x4f\xba\x3c\x0b\x76\x0d\x10\x67\x0f\x2a\x20\x53\xfa\x2c\x39\xcc\xc6\x4e\xc7\xfd\x77\x92\xac\x03\x7a",
    ];
    let mut y = [0; 32];
    y.copy_from_slice(key);
    y[31] &= 0x7f;
    let tail = |low: u8| y[0] == low && y[1..31].iter().all(|byte| *byte == 0xff) && y[31] == 0x7f;
    let small = |low: u8| y[0] == low && y[1..].iter().all(|byte| *byte == 0);
    // p - 1 has order 2; p and above are not canonical.
    let at_or_above_p_minus_1 = (0xec..=0xff).any(tail);
    small(0) || small(1) || at_or_above_p_minus_1 || ORDER_8.contains(&y)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_public_key() {
        let key = PublicKey::from_key_bytes(KeyKind::Ed25519, &[0x58; 32]);
        let good = key.map(|key| key.spki().to_vec()).unwrap_or_default();
        for bad in [&[][..], &[0x30, 0], &good[..good.len() - 1], &[&good[..], &[0]].concat()] {
            let error = PublicKey::from_spki(bad).unwrap_err();
            assert_eq!((error.code().name(), error.code().exit_code()), ("key-parse", 1), "{bad:02x?}");
        }
    }
}
