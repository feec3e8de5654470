//! Keys in PKCS#11 tokens, named as RFC 7512 names them.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use zeroize::Zeroizing;

use super::remote::azure::ecdsa_der;
use super::{Prepared, Signer, SignerError};
use crate::base::crypto::{Digest, DigestAlgorithm, Family, KeyKind, PublicKey};
use crate::base::encoding::der::{self, Reader, tag};
use crate::base::limits;
use crate::service::BoxFuture;
use crate::service::environment::Environment;

/// A key pair in a token. The token's session signs one thing at a time.
pub(crate) struct TokenKey {
    session: Arc<Mutex<Session>>,
    private: ObjectHandle,
    public_key: PublicKey,
}

/// What a URI names.
#[derive(Debug, Default, PartialEq, Eq)]
struct Uri {
    token: Option<String>,
    object: Option<Vec<u8>>,
    id: Option<Vec<u8>>,
    module: Option<PathBuf>,
    pin_source: Option<PathBuf>,
}

/// The length of an Ed25519 key (RFC 8032).
const ED25519_BYTES: usize = 32;

fn problem(text: impl fmt::Display) -> SignerError {
    SignerError::Token { problem: text.to_string() }
}

impl Uri {
    /// The part after `pkcs11:`. An attribute that we do not know could narrow what is meant: it is refused.
    fn parse(text: &str) -> Result<Self, SignerError> {
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        let mut uri = Self::default();
        let attributes = path.split(';').chain(query.split('&')).filter(|attribute| !attribute.is_empty());
        for attribute in attributes {
            let (name, value) = attribute.split_once('=').ok_or_else(|| problem("its URI is no list of NAME=VALUE"))?;
            let value = percent_decoded(value).ok_or_else(|| problem("its URI has a broken % in it"))?;
            let text = || String::from_utf8(value.clone()).map_err(|_| problem("its URI is not UTF-8"));
            let twice = match name {
                "token" => uri.token.replace(text()?).is_some(),
                "object" => uri.object.replace(value).is_some(),
                "id" => uri.id.replace(value).is_some(),
                "type" if value == b"private" => false,
                "module-path" => uri.module.replace(PathBuf::from(text()?)).is_some(),
                "pin-source" => {
                    let text = text()?;
                    uri.pin_source.replace(PathBuf::from(text.strip_prefix("file:").unwrap_or(&text))).is_some()
                }
                "pin-value" => return Err(problem("others can read arguments: give the PIN by pin-source")),
                other => return Err(problem(format!("its URI has an attribute that is not known: {other}"))),
            };
            if twice {
                return Err(problem(format!("its URI has {name} twice")));
            }
        }
        match (&uri.object, &uri.id) {
            (None, None) => Err(problem("its URI names neither object nor id")),
            _ => Ok(uri),
        }
    }

    fn template(&self, class: ObjectClass) -> Vec<Attribute> {
        let label = self.object.clone().map(Attribute::Label);
        let id = self.id.clone().map(Attribute::Id);
        std::iter::once(Attribute::Class(class)).chain(label).chain(id).collect()
    }
}

fn percent_decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut out = Vec::new();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let pair = [bytes.next()?, bytes.next()?];
        out.push(u8::from_str_radix(std::str::from_utf8(&pair).ok()?, 16).ok()?);
    }
    Some(out)
}

impl TokenKey {
    /// Opens the token, with a PIN where there is one, and finds both halves of the key: exactly one of each.
    pub(crate) fn open(uri: &str, environment: &dyn Environment) -> Result<Self, SignerError> {
        let uri = Uri::parse(uri)?;
        let module = uri.module.clone().or_else(|| environment.var("PKCS11_MODULE_PATH").map(PathBuf::from));
        let module = module.ok_or_else(|| problem("neither module-path nor PKCS11_MODULE_PATH names its module"))?;
        let context = Pkcs11::new(module).map_err(problem)?;
        // A module that was initialised already is as good.
        let _ = context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK));
        let mut found = None;
        for slot in context.get_slots_with_token().map_err(problem)? {
            let info = context.get_token_info(slot).map_err(problem)?;
            let wanted = uri.token.as_deref().is_none_or(|token| info.label().trim_end() == token);
            if wanted && found.replace(slot).is_some() {
                return Err(problem("several tokens fit its URI"));
            }
        }
        let session = context.open_ro_session(found.ok_or_else(|| problem("no token fits its URI"))?);
        let session = session.map_err(problem)?;
        let pin = pin(&uri, environment)?;
        if let Some(pin) = &pin {
            log_in(&session, pin)?;
        }
        let what = if pin.is_some() { "private key" } else { "private key that is to be seen without a PIN" };
        let private = only(&session, &uri.template(ObjectClass::PRIVATE_KEY), what)?;
        let public = only(&session, &uri.template(ObjectClass::PUBLIC_KEY), "public key")?;
        let public_key = public_key(&session, public)?;
        Ok(Self { session: Arc::new(Mutex::new(session)), private, public_key })
    }
}

fn pin(uri: &Uri, environment: &dyn Environment) -> Result<Option<Zeroizing<String>>, SignerError> {
    let Some(path) = &uri.pin_source else {
        return Ok(environment.var("SEALMARK_PKCS11_PIN").map(Zeroizing::new));
    };
    let bytes = Zeroizing::new(environment.read(path, limits::PASSWORD_BYTES).map_err(problem)?);
    let text = std::str::from_utf8(&bytes).map_err(|_| problem("the PIN is not text"))?;
    Ok(Some(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned())))
}

/// Logs in. Sessions of one process share that: a key opened before in the same token has done it.
fn log_in(session: &Session, pin: &str) -> Result<(), SignerError> {
    match session.login(UserType::User, Some(&AuthPin::new(pin.into()))) {
        Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(()),
        Err(
            error @ Error::Pkcs11(
                RvError::PinIncorrect
                | RvError::PinInvalid
                | RvError::PinLenRange
                | RvError::PinLocked
                | RvError::PinExpired,
                _,
            ),
        ) => Err(SignerError::TokenPin { problem: error.to_string() }),
        Err(error) => Err(problem(error)),
    }
}

fn only(session: &Session, template: &[Attribute], what: &str) -> Result<ObjectHandle, SignerError> {
    match session.find_objects(template).map_err(problem)?[..] {
        [one] => Ok(one),
        [] => Err(SignerError::TokenKey { problem: format!("no {what} fits its URI") }),
        _ => Err(SignerError::TokenKey { problem: format!("several keys fit its URI where one {what} is meant") }),
    }
}

fn public_key(session: &Session, handle: ObjectHandle) -> Result<PublicKey, SignerError> {
    use AttributeType as Type;
    let wanted = [Type::KeyType, Type::EcParams, Type::EcPoint, Type::Modulus, Type::PublicExponent];
    let (mut kind, mut curve, mut point, mut modulus, mut exponent) = (None, vec![], vec![], vec![], vec![]);
    // One at a time: a token refuses a list with an attribute that the kind of key does not have.
    for wanted in wanted {
        for attribute in session.get_attributes(handle, &[wanted]).unwrap_or_default() {
            match attribute {
                Attribute::KeyType(found) => kind = Some(found),
                Attribute::EcParams(found) => curve = found,
                Attribute::EcPoint(found) => point = found,
                Attribute::Modulus(found) => modulus = found,
                Attribute::PublicExponent(found) => exponent = found,
                _ => {}
            }
        }
    }
    let octets = || Reader::new(&point).octets().map(<[u8]>::to_vec);
    let read = match kind {
        Some(KeyType::RSA) => {
            let key = der::sequence(&[&der::unsigned(&modulus), &der::unsigned(&exponent)]);
            PublicKey::from_key_bytes(KeyKind::Rsa { bits: 0 }, &key)
        }
        Some(KeyType::EC) => {
            // A named curve stands as its OID, which the SubjectPublicKeyInfo has as it is.
            let algorithm = der::sequence(&[&der::oid(crate::format::x509::oids::EC_PUBLIC_KEY), &curve]);
            PublicKey::from_spki(&der::sequence(&[&algorithm, &der::bit_string(&octets()?)]))
        }
        // Tokens differ: the key as it is, or in an OCTET STRING, which makes it longer.
        Some(KeyType::EC_EDWARDS) if point.len() == ED25519_BYTES => {
            PublicKey::from_key_bytes(KeyKind::Ed25519, &point)
        }
        Some(KeyType::EC_EDWARDS) => PublicKey::from_key_bytes(KeyKind::Ed25519, &octets()?),
        _ => return Err(SignerError::Algorithm("another kind".to_owned())),
    };
    read.map_err(SignerError::PublicKey)
}

/// DigestInfo of RFC 8017 section 9.2, which RSA signs.
fn digest_info(digest: &Digest) -> Vec<u8> {
    const SHA2: [u8; 8] = [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2];
    let number = match digest.algorithm() {
        DigestAlgorithm::Sha256 => 1,
        DigestAlgorithm::Sha384 => 2,
        DigestAlgorithm::Sha512 => 3,
    };
    let oid = der::tlv(tag::OID, &[&SHA2[..], &[number]].concat());
    der::sequence(&[&der::sequence(&[&oid, &der::null()]), &der::octet_string(digest.as_bytes())])
}

impl Signer for TokenKey {
    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn sign<'a>(&'a self, prepared: Prepared<'a>) -> BoxFuture<'a, Result<Vec<u8>, SignerError>> {
        Box::pin(async move {
            let scheme = self.scheme();
            let (mechanism, data) = match (scheme.family, prepared) {
                (Family::Ecdsa, Prepared::Digest(digest)) => (Mechanism::Ecdsa, digest.as_bytes().to_vec()),
                (Family::RsaPkcs1, Prepared::Digest(digest)) => (Mechanism::RsaPkcs, digest_info(digest)),
                (Family::Ed25519, Prepared::Message(message)) => {
                    (Mechanism::Eddsa(EddsaParams::new(EddsaSignatureScheme::Pure)), message.to_vec())
                }
                _ => return Err(SignerError::Scheme { scheme }),
            };
            let session = self.session.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let signature = session.sign(&mechanism, self.private, &data).map_err(problem)?;
            match scheme.family {
                Family::Ecdsa => ecdsa_der(&signature).ok_or_else(|| problem("its signature is not two numbers")),
                _ => Ok(signature),
            }
        })
    }
}

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenKey({:?})", self.public_key)
    }
}

#[cfg(test)]
mod tests;
