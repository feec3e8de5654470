//! AlgorithmIdentifier, RFC 5280 section 4.1.1.2: digests and signature schemes, with the parameters
//! that each must have (RFC 3279, 4055, 5758, 8410).

use thiserror::Error;

use super::oids;
use crate::base::crypto::{DigestAlgorithm, Family, Scheme};
use crate::base::encoding::der::{self, DerError, Oid, Reader, tag};

/// Why an algorithm is not used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AlgorithmError {
    /// Not an AlgorithmIdentifier, or with wrong parameters.
    #[error("algorithm identifier: {0}")]
    Parse(#[from] DerError),
    /// SHA-1, MD5 or SHA-224.
    #[error("algorithm {0} uses a weak digest")]
    WeakDigest(String),
    /// An algorithm that we do not know.
    #[error("algorithm {0} is not supported")]
    Unsupported(String),
}

/// Reads the content of a signature's AlgorithmIdentifier.
pub fn read_signature(reader: &mut Reader<'_>) -> Result<Scheme, AlgorithmError> {
    let (family, digest) = match reader.oid()? {
        oids::ECDSA_SHA256 => (Family::Ecdsa, DigestAlgorithm::Sha256),
        oids::ECDSA_SHA384 => (Family::Ecdsa, DigestAlgorithm::Sha384),
        oids::ECDSA_SHA512 => (Family::Ecdsa, DigestAlgorithm::Sha512),
        oids::ED25519 => (Family::Ed25519, DigestAlgorithm::Sha512),
        oids::RSA_SHA256 => (Family::RsaPkcs1, DigestAlgorithm::Sha256),
        oids::RSA_SHA384 => (Family::RsaPkcs1, DigestAlgorithm::Sha384),
        oids::RSA_SHA512 => (Family::RsaPkcs1, DigestAlgorithm::Sha512),
        oids::RSA_PSS => (Family::RsaPss, read_pss(reader)?),
        weak @ (oids::ECDSA_SHA1 | oids::RSA_SHA1 | oids::RSA_MD5) => {
            return Err(AlgorithmError::WeakDigest(weak.to_string()));
        }
        other => return Err(AlgorithmError::Unsupported(other.to_string())),
    };
    if family == Family::RsaPkcs1 {
        // RFC 4055 section 5: parameters MUST be NULL.
        read_null(reader)?;
    }
    reader.clone().finish()?;
    Ok(Scheme { family, digest })
}

/// Reads the content of a digest's AlgorithmIdentifier; the parameters may be absent or NULL
/// (RFC 5754 section 2).
pub fn read_digest(reader: &mut Reader<'_>) -> Result<DigestAlgorithm, AlgorithmError> {
    let algorithm = match reader.oid()? {
        oids::SHA256 => DigestAlgorithm::Sha256,
        oids::SHA384 => DigestAlgorithm::Sha384,
        oids::SHA512 => DigestAlgorithm::Sha512,
        weak @ (oids::SHA1 | oids::MD5 | oids::SHA224) => return Err(AlgorithmError::WeakDigest(weak.to_string())),
        other => return Err(AlgorithmError::Unsupported(other.to_string())),
    };
    if !reader.is_empty() {
        read_null(reader)?;
    }
    reader.clone().finish()?;
    Ok(algorithm)
}

/// The identifier of a digest algorithm.
pub fn digest_oid(algorithm: DigestAlgorithm) -> Oid<'static> {
    match algorithm {
        DigestAlgorithm::Sha256 => oids::SHA256,
        DigestAlgorithm::Sha384 => oids::SHA384,
        DigestAlgorithm::Sha512 => oids::SHA512,
    }
}

/// A digest's AlgorithmIdentifier, without parameters.
pub fn write_digest(algorithm: DigestAlgorithm) -> Vec<u8> {
    der::sequence(&[&der::oid(digest_oid(algorithm))])
}

/// A signature's AlgorithmIdentifier.
pub fn write_signature(scheme: Scheme) -> Vec<u8> {
    use DigestAlgorithm::{Sha256, Sha384, Sha512};
    let oid = match (scheme.family, scheme.digest) {
        (Family::Ecdsa, Sha256) => oids::ECDSA_SHA256,
        (Family::Ecdsa, Sha384) => oids::ECDSA_SHA384,
        (Family::Ecdsa, Sha512) => oids::ECDSA_SHA512,
        (Family::RsaPkcs1, Sha256) => oids::RSA_SHA256,
        (Family::RsaPkcs1, Sha384) => oids::RSA_SHA384,
        (Family::RsaPkcs1, Sha512) => oids::RSA_SHA512,
        (Family::RsaPss, _) => oids::RSA_PSS,
        (Family::Ed25519, _) => oids::ED25519,
    };
    let parameters = match scheme.family {
        Family::Ecdsa | Family::Ed25519 => Vec::new(),
        Family::RsaPkcs1 => der::null(),
        Family::RsaPss => pss_parameters(scheme.digest),
    };
    der::sequence(&[&der::oid(oid), &parameters])
}

/// RSASSA-PSS-params, RFC 4055 section 3.1: one SHA-2 digest for message and mask, salt of its length.
fn pss_parameters(digest: DigestAlgorithm) -> Vec<u8> {
    let hash = write_digest(digest);
    der::sequence(&[
        &der::explicit(0, &hash),
        &der::explicit(1, &der::sequence(&[&der::oid(oids::MGF1), &hash])),
        &der::explicit(2, &der::integer(digest.len() as u64)),
    ])
}

fn read_null(reader: &mut Reader<'_>) -> Result<(), DerError> {
    if reader.expect(tag::NULL)?.content.is_empty() { Ok(()) } else { Err(DerError::Value("NULL")) }
}

/// The inverse of [`pss_parameters`]; other parameters are refused.
fn read_pss(reader: &mut Reader<'_>) -> Result<DigestAlgorithm, AlgorithmError> {
    let mut params = reader.sequence()?;
    let digest = read_digest(&mut params.nested(tag::context(0))?.sequence()?)?;
    let mut mask = params.nested(tag::context(1))?.sequence()?;
    let mask_oid = mask.oid()?;
    if mask_oid != oids::MGF1 {
        return Err(AlgorithmError::Unsupported(mask_oid.to_string()));
    }
    let mask_digest = read_digest(&mut mask.sequence()?)?;
    let salt = params.nested(tag::context(2))?.small()?;
    params.finish()?;
    if mask_digest != digest || salt != digest.len() as u64 {
        return Err(DerError::Value("RSASSA-PSS parameters").into());
    }
    Ok(digest)
}
