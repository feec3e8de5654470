//! The key of a JWK provisioner, as step-ca gives it out: encrypted with a password, in the compact form of RFC 7516,
//! by `PBES2-…` of RFC 7518 section 4.8 and AES in Galois mode.

use std::num::NonZeroU32;

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, Algorithm, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::key_wrap::{AES_128, AES_256, AesKek, KeyWrap as _};
use aws_lc_rs::pbkdf2;
use zeroize::Zeroizing;

use crate::base::encoding::base64;
use crate::base::encoding::json::Json;
use crate::base::limits;

/// Why a key stays closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closed {
    /// No JWE, or one by other algorithms.
    Unknown,
    /// Another password.
    Password,
}

/// Opens it.
pub(super) fn open(jwe: &str, password: &[u8]) -> Result<Zeroizing<Vec<u8>>, Closed> {
    let parts: Vec<&str> = jwe.split('.').collect();
    let &[protected, wrapped, iv, ciphertext, tag] = parts.as_slice() else { return Err(Closed::Unknown) };
    let decode = |part: &str| base64::decode_url(part).ok_or(Closed::Unknown);
    let header = decode(protected)?;
    let header = Json::parse(&header).map_err(|_| Closed::Unknown)?;
    let text = |name| header.member(name).and_then(Json::as_str).ok_or(Closed::Unknown);
    let count = match header.member("p2c") {
        Some(Json::Integer(count)) => u32::try_from(*count).ok().filter(|count| *count <= limits::JWE_ITERATIONS),
        _ => None,
    };
    let count = count.and_then(NonZeroU32::new).ok_or(Closed::Unknown)?;
    let name = text("alg")?;
    // Section 4.8.1.1: the name stands before the salt, with a zero byte between.
    let salt = [name.as_bytes(), &[0], &decode(text("p2s")?)?].concat();
    let wrapped = decode(wrapped)?;
    let content = match name {
        "PBES2-HS256+A128KW" => {
            let key = derive::<16>(pbkdf2::PBKDF2_HMAC_SHA256, count, &salt, password);
            unwrap(AesKek::new(&AES_128, key.as_slice()), &wrapped)?
        }
        "PBES2-HS512+A256KW" => {
            let key = derive::<32>(pbkdf2::PBKDF2_HMAC_SHA512, count, &salt, password);
            unwrap(AesKek::new(&AES_256, key.as_slice()), &wrapped)?
        }
        _ => return Err(Closed::Unknown),
    };
    let algorithm: &Algorithm = match text("enc")? {
        "A256GCM" => &AES_256_GCM,
        "A128GCM" => &AES_128_GCM,
        _ => return Err(Closed::Unknown),
    };
    let key = UnboundKey::new(algorithm, &content).map_err(|_| Closed::Unknown)?;
    let nonce = Nonce::try_assume_unique_for_key(&decode(iv)?).map_err(|_| Closed::Unknown)?;
    let mut sealed = Zeroizing::new([decode(ciphertext)?, decode(tag)?].concat());
    let aad = Aad::from(protected.as_bytes());
    let length = LessSafeKey::new(key).open_in_place(nonce, aad, &mut sealed).map_err(|_| Closed::Unknown)?.len();
    sealed.truncate(length);
    Ok(sealed)
}

fn derive<const N: usize>(
    algorithm: pbkdf2::Algorithm,
    count: NonZeroU32,
    salt: &[u8],
    password: &[u8],
) -> Zeroizing<[u8; N]> {
    let mut key = Zeroizing::new([0; N]);
    pbkdf2::derive(algorithm, count, salt, password, key.as_mut_slice());
    key
}

/// A key that another password made does not fit.
fn unwrap(kek: Result<AesKek, Unspecified>, wrapped: &[u8]) -> Result<Zeroizing<Vec<u8>>, Closed> {
    let mut key = Zeroizing::new(vec![0; wrapped.len()]);
    let length = kek.and_then(|kek| Ok(kek.unwrap(wrapped, &mut key)?.len())).map_err(|_| Closed::Password)?;
    key.truncate(length);
    Ok(key)
}

#[cfg(test)]
pub(super) mod tests;
