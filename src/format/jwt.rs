//! JSON Web Tokens: compact JWS, RFC 7515 section 7.1 and RFC 7519, with the advice of RFC 8725.
//!
//! The algorithm is one of a short list and must be the one of the key that is found by `kid`; keys come
//! from a [`KeySet`] that the caller trusts and never from the token's own header.

mod claims;
mod key_set;

use thiserror::Error;

pub use claims::{ClaimValue, Claims, Expected};
pub use key_set::{Jwk, KeySet};

use crate::base::code::Code;
use crate::base::crypto::{DigestAlgorithm, Family, KeyError, KeyKind, PublicKey, Scheme};
use crate::base::encoding::base64;
use crate::base::encoding::der::{self, DerError, Reader, tag};
use crate::base::encoding::json::{Fields, Json, JsonError, ShapeError, canonical};
use crate::base::limits;
use crate::base::time::UnixTime;

/// Why a text is not a token that we accept.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum JwtError {
    /// More bytes than [`limits::TOKEN_BYTES`].
    #[error("token of {found} bytes, {limit} allowed", limit = limits::TOKEN_BYTES)]
    TooLong {
        /// Bytes found.
        found: usize,
    },
    /// Not three parts: an encrypted token has five.
    #[error("token does not have the three parts of a signed JWT")]
    Parts,
    /// A part is not base64url without padding.
    #[error("token's {0} is not base64url")]
    Base64(&'static str),
    /// The header or the payload is not JSON.
    #[error("token's {part} is {error}")]
    Json {
        /// Which part.
        part: &'static str,
        /// What is wrong.
        error: JsonError,
    },
    /// A field of the header or the payload has another type, or is missing.
    #[error("token: {0}")]
    Shape(#[from] ShapeError),
    /// The header asks for processing that we do not do.
    #[error("token's header has {0}, which is not accepted")]
    Header(&'static str),
    /// An algorithm outside the list: none, a shared secret, or unknown.
    #[error("token is signed with {0:?}, which is not accepted")]
    Algorithm(String),
    /// No key of the set has the token's `kid`, or the token has none and the set has several keys.
    #[error("no key of the issuer has the id {kid:?}")]
    KeyUnknown {
        /// The token's `kid`.
        kid: Option<String>,
    },
    /// The key is of another algorithm than the token says.
    #[error("token says {algorithm}, its key is {kind}")]
    KeyAlgorithm {
        /// The token's algorithm.
        algorithm: &'static str,
        /// The key.
        kind: KeyKind,
    },
    /// The signature does not verify.
    #[error("token's signature does not verify")]
    Signature,
    /// A key set that cannot be read.
    #[error("key set: {0}")]
    KeySet(&'static str),
    /// A key of a key set is malformed or weak.
    #[error("key set: {0}")]
    Key(#[from] KeyError),
    /// Another issuer.
    #[error("token is from {found:?}, not from {expected:?}")]
    Issuer {
        /// The issuer that was asked for.
        expected: String,
        /// The issuer found.
        found: String,
    },
    /// Another audience.
    #[error("token is not for {expected:?}")]
    Audience {
        /// The audience that was asked for.
        expected: String,
    },
    /// Expired.
    #[error("token expired at {at}")]
    Expired {
        /// When.
        at: UnixTime,
    },
    /// Not valid yet.
    #[error("token is valid from {from}")]
    NotYetValid {
        /// From when.
        from: UnixTime,
    },
    /// Lives longer than [`limits::TOKEN_LIFETIME_SECS`].
    #[error("token lives for {seconds} s, {limit} allowed", limit = limits::TOKEN_LIFETIME_SECS)]
    Lifetime {
        /// Its life.
        seconds: i64,
    },
}

impl JwtError {
    /// The stable code.
    pub fn code(&self) -> Code {
        const TOKEN: &str = "give the identity token exactly as the issuer made it";
        match self {
            Self::TooLong { .. } => Code::refused("limit-token", TOKEN),
            Self::Parts | Self::Base64(_) | Self::Json { .. } | Self::Shape(_) | Self::Header(_) => {
                Code::refused("token-parse", TOKEN)
            }
            Self::Algorithm(_) | Self::KeyAlgorithm { .. } => {
                Code::refused("token-alg", "the issuer must sign with ES256, ES384, ES512, RS256 to RS512 or EdDSA")
            }
            Self::KeyUnknown { .. } => Code::refused(
                "token-key-unknown",
                "the issuer may have rotated its keys: get a new token, or renew the issuer's key set",
            ),
            Self::Signature => Code::refused("token-signature", TOKEN),
            Self::KeySet(_) | Self::Key(_) => {
                Code::undecided("key-set-parse", "give the issuer's key set (JWKS) as it serves it")
            }
            Self::Issuer { .. } => Code::refused("token-issuer", "get the token from the issuer that is configured"),
            Self::Audience { .. } => Code::refused("token-audience", "ask the issuer for a token for this audience"),
            Self::Expired { .. } => {
                Code::refused("token-expired", "get a new token right before signing, and look at the clock")
            }
            Self::NotYetValid { .. } => Code::refused("token-not-yet-valid", "look at the clocks of both machines"),
            Self::Lifetime { .. } => Code::refused("token-lifetime", "ask the issuer for a token that expires sooner"),
        }
    }
}

/// The algorithms that a token may be signed with (RFC 7518 section 3.1, RFC 8037).
const ALGORITHMS: [(&str, Scheme); 7] = [
    ("ES256", scheme(Family::Ecdsa, DigestAlgorithm::Sha256)),
    ("ES384", scheme(Family::Ecdsa, DigestAlgorithm::Sha384)),
    ("ES512", scheme(Family::Ecdsa, DigestAlgorithm::Sha512)),
    ("RS256", scheme(Family::RsaPkcs1, DigestAlgorithm::Sha256)),
    ("RS384", scheme(Family::RsaPkcs1, DigestAlgorithm::Sha384)),
    ("RS512", scheme(Family::RsaPkcs1, DigestAlgorithm::Sha512)),
    ("EdDSA", scheme(Family::Ed25519, DigestAlgorithm::Sha512)),
];

const fn scheme(family: Family, digest: DigestAlgorithm) -> Scheme {
    Scheme { family, digest }
}

/// A token that was read and not verified. What it says is a claim of whoever wrote it.
#[derive(Clone)]
pub struct UnverifiedToken<'a> {
    algorithm: &'static str,
    scheme: Scheme,
    kid: Option<String>,
    claims: Claims,
    signed: &'a str,
    signature: Vec<u8>,
}

impl<'a> UnverifiedToken<'a> {
    /// Reads a compact token.
    pub fn parse(text: &'a str) -> Result<Self, JwtError> {
        if text.len() > limits::TOKEN_BYTES {
            return Err(JwtError::TooLong { found: text.len() });
        }
        let (signed, signature) = text.rsplit_once('.').ok_or(JwtError::Parts)?;
        let (header, payload) = signed.split_once('.').ok_or(JwtError::Parts)?;
        if payload.contains('.') {
            return Err(JwtError::Parts);
        }
        let decode = |part, text: &str| base64::decode_url(text).ok_or(JwtError::Base64(part));
        let header = decode("header", header)?;
        let ((algorithm, scheme), kid) = read_header(&header)?;
        let claims = Claims::parse(&decode("payload", payload)?)?;
        let signature = decode("signature", signature)?;
        Ok(Self { algorithm, scheme, kid, claims, signed, signature })
    }

    /// The claims, unproven.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The key that it names, unproven.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// Verifies the signature under the key of the set that the token names, and gives the claims. Who it is
    /// from, for and when it is valid is for [`Claims::check`].
    pub fn verify(self, keys: &KeySet) -> Result<Claims, JwtError> {
        let unknown = || JwtError::KeyUnknown { kid: self.kid.clone() };
        let key = keys.find(self.kid.as_deref()).ok_or_else(unknown)?;
        let mismatch = JwtError::KeyAlgorithm { algorithm: self.algorithm, kind: key.key().kind() };
        if key.algorithm().is_some_and(|algorithm| algorithm != self.algorithm) || !fits(key.key(), self.scheme) {
            return Err(mismatch);
        }
        let signature = match self.scheme.family {
            Family::Ecdsa => to_der(&self.signature, field_bytes(key.key().kind())).ok_or(JwtError::Signature)?,
            _ => self.signature,
        };
        key.key().verify(self.scheme, self.signed.as_bytes(), &signature).map_err(|_| JwtError::Signature)?;
        Ok(self.claims)
    }
}

impl std::fmt::Debug for UnverifiedToken<'_> {
    /// A token is a credential: only its header is shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UnverifiedToken").field("alg", &self.algorithm).field("kid", &self.kid).finish_non_exhaustive()
    }
}

type Header = ((&'static str, Scheme), Option<String>);

/// Reads the header. Key material in it (`jwk`, `jku`, `x5u`, `x5c`) is ignored: RFC 8725 section 3.10.
fn read_header(header: &[u8]) -> Result<Header, JwtError> {
    let json = Json::parse(header).map_err(|error| JwtError::Json { part: "header", error })?;
    let mut fields = Fields::of(&json, "header")?;
    for name in ["crit", "b64", "zip", "enc", "cty"] {
        if fields.take(name).is_some() {
            return Err(JwtError::Header(name));
        }
    }
    let name = fields.require_string("alg")?;
    let algorithm = ALGORITHMS.into_iter().find(|(known, _)| *known == name);
    let algorithm = algorithm.ok_or_else(|| JwtError::Algorithm(name.chars().take(32).collect()))?;
    let kid = fields.string("kid")?;
    if kid.is_some_and(|kid| kid.len() > 256) {
        return Err(JwtError::Header("a kid of over 256 bytes"));
    }
    Ok((algorithm, kid.map(str::to_owned)))
}

/// Whether a key signs tokens with this scheme: each curve has one algorithm.
fn fits(key: &PublicKey, scheme: Scheme) -> bool {
    match key.kind() {
        KeyKind::Rsa { .. } => scheme.family == Family::RsaPkcs1,
        kind => scheme == Scheme::default_for(kind),
    }
}

/// Bytes of a coordinate.
fn field_bytes(kind: KeyKind) -> usize {
    match kind {
        KeyKind::P384 => 48,
        KeyKind::P521 => 66,
        _ => 32,
    }
}

/// `r ‖ s`, as JWS has it (RFC 7518 section 3.4), to the DER that X.509 has.
fn to_der(signature: &[u8], bytes: usize) -> Option<Vec<u8>> {
    let (r, s) = signature.split_at_checked(bytes).filter(|(_, s)| s.len() == bytes)?;
    Some(der::sequence(&[&der::unsigned(r), &der::unsigned(s)]))
}

/// The reverse of [`to_der`].
fn from_der(signature: &[u8], bytes: usize) -> Result<Vec<u8>, DerError> {
    let mut body = Reader::whole(signature, tag::SEQUENCE)?;
    let mut fixed = Vec::with_capacity(2 * bytes);
    for _ in 0..2 {
        let number = body.integer()?;
        let number = number.strip_prefix(&[0]).unwrap_or(number);
        let zeros = bytes.checked_sub(number.len()).ok_or(DerError::Value("signature"))?;
        fixed.resize(fixed.len() + zeros, 0);
        fixed.extend_from_slice(number);
    }
    body.finish()?;
    Ok(fixed)
}

/// Writes a token signed with ES256 over the JSON of its claims: `sign` gives the DER signature of a P-256
/// key over its argument.
pub fn write_es256<E: From<DerError>>(
    kid: &str,
    claims: &str,
    sign: impl FnOnce(&[u8]) -> Result<Vec<u8>, E>,
) -> Result<String, E> {
    let text = |text: &'static str| Json::String(text.into());
    let header = Json::Object(vec![
        ("alg".into(), text("ES256")),
        ("kid".into(), Json::String(kid.into())),
        ("typ".into(), text("JWT")),
    ]);
    let header = canonical(&header).unwrap_or_default();
    let signed = format!("{}.{}", base64::encode_url(header.as_bytes()), base64::encode_url(claims.as_bytes()));
    let signature = from_der(&sign(signed.as_bytes())?, 32)?;
    Ok(format!("{signed}.{}", base64::encode_url(&signature)))
}

#[cfg(test)]
mod tests;
