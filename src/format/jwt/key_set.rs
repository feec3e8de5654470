//! JSON Web Key sets, RFC 7517 and RFC 7518 section 6, of the kinds that issuers sign with.

use super::JwtError;
use crate::base::crypto::{KeyKind, PublicKey};
use crate::base::encoding::base64;
use crate::base::encoding::der;
use crate::base::encoding::json::{Fields, Json, ShapeError};
use crate::base::limits;

/// A public key of an issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jwk {
    kid: Option<String>,
    algorithm: Option<String>,
    key: PublicKey,
}

impl Jwk {
    /// A key with its id.
    pub fn new(kid: &str, key: PublicKey) -> Self {
        Self { kid: Some(kid.to_owned()), algorithm: None, key }
    }

    /// Reads one key, which is not part of a set; `None` when it is of a kind that we do not use.
    pub fn parse(json: &Json<'_>) -> Result<Option<Self>, JwtError> {
        read(Fields::of(json, "key")?)
    }

    /// The key.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The only algorithm that it may be used with, when the set says one.
    pub fn algorithm(&self) -> Option<&str> {
        self.algorithm.as_deref()
    }
}

/// The keys of one issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySet(Vec<Jwk>);

impl KeySet {
    /// A set of keys.
    pub fn new(keys: Vec<Jwk>) -> Self {
        Self(keys)
    }

    /// Reads a JWKS document. Keys for encryption and of kinds that we do not use are left out; a weak key, or
    /// the same id twice, is an error.
    pub fn parse(document: &[u8]) -> Result<Self, JwtError> {
        if document.len() > limits::KEY_SET_BYTES {
            return Err(JwtError::KeySet("too long"));
        }
        let json = Json::parse(document).map_err(|_| JwtError::KeySet("not JSON"))?;
        let mut keys: Vec<Jwk> = Vec::new();
        for item in Fields::of(&json, "")?.items("keys", limits::KEY_SET_KEYS)? {
            let Some(key) = read(Fields::of(item, "keys")?)? else { continue };
            if keys.iter().any(|other| other.kid == key.kid) {
                return Err(JwtError::KeySet("the same kid twice"));
            }
            keys.push(key);
        }
        if keys.is_empty() { Err(JwtError::KeySet("no key that we use")) } else { Ok(Self(keys)) }
    }

    /// The key that a token names. A token without `kid` may only mean a set's single key.
    pub fn find(&self, kid: Option<&str>) -> Option<&Jwk> {
        match (kid, self.0.as_slice()) {
            (Some(kid), keys) => keys.iter().find(|key| key.kid.as_deref() == Some(kid)),
            (None, [only]) => Some(only),
            (None, _) => None,
        }
    }
}

fn read(mut fields: Fields<'_, '_>) -> Result<Option<Jwk>, JwtError> {
    if fields.string("use")?.is_some_and(|purpose| purpose != "sig") {
        return Ok(None);
    }
    let (kind, key) = match fields.require_string("kty")? {
        "EC" => {
            let kind = match fields.require_string("crv")? {
                "P-256" => KeyKind::P256,
                "P-384" => KeyKind::P384,
                "P-521" => KeyKind::P521,
                _ => return Ok(None),
            };
            (kind, [vec![4], number(&mut fields, "x")?, number(&mut fields, "y")?].concat())
        }
        "RSA" => {
            let (n, e) = (number(&mut fields, "n")?, number(&mut fields, "e")?);
            (KeyKind::Rsa { bits: 0 }, der::sequence(&[&der::unsigned(&n), &der::unsigned(&e)]))
        }
        "OKP" if fields.string("crv")? == Some("Ed25519") => (KeyKind::Ed25519, number(&mut fields, "x")?),
        _ => return Ok(None),
    };
    let own = |text: Option<&str>| text.map(str::to_owned);
    let (kid, algorithm) = (own(fields.string("kid")?), own(fields.string("alg")?));
    Ok(Some(Jwk { kid, algorithm, key: PublicKey::from_key_bytes(kind, &key)? }))
}

/// A big-endian number in base64url.
fn number(fields: &mut Fields<'_, '_>, name: &str) -> Result<Vec<u8>, JwtError> {
    let path = fields.path(name);
    base64::decode_url(fields.require_string(name)?).ok_or_else(|| ShapeError::Base64 { path }.into())
}

impl Jwk {
    /// The key as a JWK for signatures with the default algorithm of its curve; `None` for kinds that the
    /// stack does not sign tokens with.
    pub fn to_json(&self) -> Option<Json<'static>> {
        let (KeyKind::P256, Some(kid)) = (self.key.kind(), &self.kid) else { return None };
        let (x, y) = self.key.key_bytes().get(1..)?.split_at_checked(32)?;
        let text = |text: &str| Json::String(text.to_owned().into());
        Some(Json::Object(vec![
            ("alg".into(), text("ES256")),
            ("crv".into(), text("P-256")),
            ("kid".into(), text(kid)),
            ("kty".into(), text("EC")),
            ("use".into(), text("sig")),
            ("x".into(), text(&base64::encode_url(x))),
            ("y".into(), text(&base64::encode_url(y))),
        ]))
    }
}
