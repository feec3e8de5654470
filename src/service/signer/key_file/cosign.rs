//! cosign's form of an encrypted key: PKCS#8 in NaCl's secretbox under a scrypt key, described in JSON.
//! <https://github.com/sigstore/cosign/blob/v3.1.3/specs/> names no such format; `go-securesystemslib/encrypted`
//! writes it.

use crypto_secretbox::aead::{Aead as _, KeyInit as _};
use crypto_secretbox::{Key, Nonce, XSalsa20Poly1305};
use zeroize::Zeroizing;

use crate::base::encoding::base64;
use crate::base::encoding::json::{Fields, Json, ShapeError};
use crate::base::limits;
use crate::service::signer::{Password, SignerError};

/// What cosign derives with: 64 MiB of memory, a tenth of a second.
const LOG_N: u8 = 16;
const R: u32 = 8;
const P: u32 = 1;
const SALT: usize = 32;
const NONCE: usize = 24;

/// The PKCS#8 inside.
pub(super) fn open(envelope: &[u8], password: Option<&Password>) -> Result<Zeroizing<Vec<u8>>, SignerError> {
    let unreadable = |_| SignerError::Key("cosign");
    let json = Json::parse(envelope).map_err(|_| SignerError::Key("cosign"))?;
    let Sealed { log_n, r, p, salt, nonce, ciphertext } = sealed(&json).map_err(unreadable)?;
    let memory = (128 * u64::from(r)).checked_shl(u32::from(log_n)).filter(|memory| *memory <= limits::SCRYPT_MEMORY);
    if memory.is_none() || p > 16 {
        return Err(SignerError::Key("cosign"));
    }
    // A key without a password has the empty one.
    let given = password.map_or(&[][..], Password::bytes);
    let cipher = cipher(given, &salt, log_n, r, p)?;
    let nonce: [u8; NONCE] = nonce.try_into().map_err(|_| SignerError::Key("cosign"))?;
    match cipher.decrypt(&Nonce::from(nonce), ciphertext.as_slice()) {
        Ok(plain) => Ok(Zeroizing::new(plain)),
        Err(_) if password.is_none() => Err(SignerError::PasswordNeeded),
        Err(_) => Err(SignerError::Password),
    }
}

/// The envelope around a PKCS#8.
pub(super) fn seal(pkcs8: &[u8], password: &Password) -> Result<Vec<u8>, SignerError> {
    let (mut salt, mut nonce) = ([0; SALT], [0; NONCE]);
    getrandom::fill(&mut salt).map_err(|_| SignerError::Randomness)?;
    getrandom::fill(&mut nonce).map_err(|_| SignerError::Randomness)?;
    let cipher = cipher(password.bytes(), &salt, LOG_N, R, P)?;
    let ciphertext = cipher.encrypt(&Nonce::from(nonce), pkcs8).map_err(|_| SignerError::Key("cosign"))?;
    let [salt, nonce, ciphertext] = [&salt[..], &nonce, &ciphertext].map(base64::encode);
    let kdf = format!(r#"{{"name":"scrypt","params":{{"N":{},"r":{R},"p":{P}}},"salt":"{salt}"}}"#, 1u32 << LOG_N);
    let cipher = format!(r#"{{"name":"nacl/secretbox","nonce":"{nonce}"}}"#);
    Ok(format!(r#"{{"kdf":{kdf},"cipher":{cipher},"ciphertext":"{ciphertext}"}}"#).into_bytes())
}

struct Sealed {
    log_n: u8,
    r: u32,
    p: u32,
    salt: Vec<u8>,
    nonce: Vec<u8>,
    ciphertext: Vec<u8>,
}

fn sealed(json: &Json<'_>) -> Result<Sealed, ShapeError> {
    let other = |path: &str, expected| ShapeError::Type { path: path.to_owned(), expected };
    let mut envelope = Fields::of(json, "")?;
    let mut kdf = envelope.require_object("kdf")?;
    if kdf.require_string("name")? != "scrypt" {
        return Err(other("kdf.name", "scrypt"));
    }
    let mut params = kdf.require_object("params")?;
    let n = params.unsigned("N")?;
    let small = |value: u64, path| u32::try_from(value).map_err(|_| other(path, "a small number"));
    let (r, p) = (small(params.unsigned("r")?, "kdf.params.r")?, small(params.unsigned("p")?, "kdf.params.p")?);
    if !n.is_power_of_two() {
        return Err(other("kdf.params.N", "a power of two"));
    }
    let log_n = u8::try_from(n.trailing_zeros()).unwrap_or(u8::MAX);
    let salt = kdf.require_bytes("salt")?;
    let mut cipher = envelope.require_object("cipher")?;
    if cipher.require_string("name")? != "nacl/secretbox" {
        return Err(other("cipher.name", "nacl/secretbox"));
    }
    let nonce = cipher.require_bytes("nonce")?;
    Ok(Sealed { log_n, r, p, salt, nonce, ciphertext: envelope.require_bytes("ciphertext")? })
}

fn cipher(password: &[u8], salt: &[u8], log_n: u8, r: u32, p: u32) -> Result<XSalsa20Poly1305, SignerError> {
    let params = scrypt::Params::new(log_n, r, p).map_err(|_| SignerError::Key("cosign"))?;
    let mut key = Zeroizing::new([0; 32]);
    scrypt::scrypt(password, salt, &params, key.as_mut()).map_err(|_| SignerError::Key("cosign"))?;
    Ok(XSalsa20Poly1305::new(Key::from_slice(key.as_ref())))
}
