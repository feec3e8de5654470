//! From the PEM forms of a private key to PKCS#8, which the rest reads.

use pkcs8::EncryptedPrivateKeyInfoRef;
use zeroize::Zeroizing;

use super::cosign;
use crate::base::encoding::der::{self, DerError, Reader, tag};
use crate::base::encoding::pem;
use crate::format::x509::oids;
use crate::service::signer::{Password, SignerError};

/// A secret in DER.
type Secret = Zeroizing<Vec<u8>>;

/// The PKCS#8 PrivateKeyInfo of a key in PEM: PKCS#8 (RFC 5958), encrypted by PBES2 (RFC 8018) or not; SEC 1
/// (RFC 5915); PKCS#1 (RFC 8017); cosign's own.
pub(super) fn pkcs8(text: &str, password: Option<&Password>) -> Result<Secret, SignerError> {
    let one = |label| Ok::<Secret, SignerError>(Zeroizing::new(pem::decode_one(text, label)?));
    if text.contains("Proc-Type: 4,ENCRYPTED") {
        // OpenSSL's form before PKCS#8: its key is one MD5 of the password.
        return Err(SignerError::OldEncryption);
    }
    match label(text) {
        "EC PRIVATE KEY" => Ok(sec1(&one("EC PRIVATE KEY")?)?),
        "RSA PRIVATE KEY" => Ok(pkcs1(&one("RSA PRIVATE KEY")?)),
        "ENCRYPTED PRIVATE KEY" => pbes2(&one("ENCRYPTED PRIVATE KEY")?, password),
        "ENCRYPTED SIGSTORE PRIVATE KEY" => cosign::open(&one("ENCRYPTED SIGSTORE PRIVATE KEY")?, password),
        "ENCRYPTED COSIGN PRIVATE KEY" => cosign::open(&one("ENCRYPTED COSIGN PRIVATE KEY")?, password),
        _ => one("PRIVATE KEY"),
    }
}

/// The label of the first block.
fn label(text: &str) -> &str {
    let begin = text.lines().map(str::trim_end).find(|line| !line.is_empty()).unwrap_or_default();
    begin.strip_prefix("-----BEGIN ").and_then(|rest| rest.strip_suffix("-----")).unwrap_or_default()
}

fn pbes2(der: &[u8], password: Option<&Password>) -> Result<Secret, SignerError> {
    let encrypted = EncryptedPrivateKeyInfoRef::try_from(der).map_err(|_| SignerError::Key("encrypted PKCS#8"))?;
    let password = password.ok_or(SignerError::PasswordNeeded)?;
    let plain = encrypted.decrypt(password.bytes()).map_err(|_| SignerError::Password)?;
    Ok(Zeroizing::new(plain.as_bytes().to_vec()))
}

fn sec1(key: &[u8]) -> Result<Secret, DerError> {
    let mut body = Reader::whole(key, tag::SEQUENCE)?;
    body.integer()?;
    body.octets()?;
    let curve = body.nested(tag::context(0))?.oid()?;
    Ok(private_key_info(&der::sequence(&[&der::oid(oids::EC_PUBLIC_KEY), &der::oid(curve)]), key))
}

fn pkcs1(key: &[u8]) -> Secret {
    private_key_info(&der::sequence(&[&der::oid(oids::RSA_ENCRYPTION), &der::null()]), key)
}

fn private_key_info(algorithm: &[u8], key: &[u8]) -> Secret {
    let key = Zeroizing::new(der::octet_string(key));
    Zeroizing::new(der::sequence(&[&der::integer(0), algorithm, &key]))
}
