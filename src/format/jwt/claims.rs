//! The claims of a token, RFC 7519 section 4.

use super::JwtError;
use crate::base::encoding::json::{Fields, Json, ShapeError};
use crate::base::limits;
use crate::base::time::UnixTime;

/// A claim's value, exactly as it stood: numbers with a fraction or an exponent are not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClaimValue {
    /// A string.
    Text(String),
    /// An integer.
    Integer(i64),
    /// A boolean.
    Bool(bool),
    /// An array of strings.
    Texts(Vec<String>),
    /// An object.
    Object(Vec<(String, ClaimValue)>),
    /// Anything else: a mixed array, a fraction.
    Other,
}

/// A token's claims. They are proven only when they come from [`super::UnverifiedToken::verify`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims(Vec<(String, ClaimValue)>);

/// What a token must say about itself.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// Its issuer, compared byte for byte.
    pub issuer: &'a str,
    /// Its only audience.
    pub audience: &'a str,
    /// The time.
    pub now: UnixTime,
}

/// Seconds that the issuer's clock and ours may differ.
const LEEWAY: i64 = 5;

impl Claims {
    /// Reads a payload.
    pub fn parse(payload: &[u8]) -> Result<Self, JwtError> {
        let json = Json::parse(payload).map_err(|error| JwtError::Json { part: "payload", error })?;
        // An object, and nothing more is asked here: claims are open-ended.
        Fields::of(&json, "payload")?;
        let Json::Object(members) = json else { return Ok(Self(Vec::new())) };
        let claims = members.into_iter().map(|(name, value)| (name.into_owned(), read(value)));
        Ok(Self(claims.collect()))
    }

    /// A claim by its name.
    pub fn get(&self, name: &str) -> Option<&ClaimValue> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// A claim that is a string and not empty.
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.get(name) {
            Some(ClaimValue::Text(text)) if !text.is_empty() => Some(text),
            _ => None,
        }
    }

    /// A claim that must be a string and not empty.
    pub fn require_text(&self, name: &str) -> Result<&str, JwtError> {
        let path = name.to_owned();
        match self.get(name) {
            Some(ClaimValue::Text(text)) if !text.is_empty() => Ok(text),
            Some(ClaimValue::Text(_)) | None => Err(ShapeError::Missing { path }.into()),
            Some(_) => Err(ShapeError::Type { path, expected: "a string" }.into()),
        }
    }

    /// A time in whole seconds (NumericDate, which RFC 7519 lets have a fraction and no issuer gives one).
    pub fn time(&self, name: &str) -> Result<Option<UnixTime>, JwtError> {
        match self.get(name) {
            None => Ok(None),
            Some(ClaimValue::Integer(seconds)) if (0..=limits::TIME_SECS).contains(seconds) => {
                Ok(Some(UnixTime::from_secs(*seconds)))
            }
            Some(_) => Err(ShapeError::Type { path: name.to_owned(), expected: "a time in whole seconds" }.into()),
        }
    }

    /// Checks issuer, audience and times.
    pub fn check(&self, expected: &Expected<'_>) -> Result<(), JwtError> {
        let issuer = self.require_text("iss")?;
        if issuer != expected.issuer {
            let found = issuer.chars().take(256).collect();
            return Err(JwtError::Issuer { expected: expected.issuer.to_owned(), found });
        }
        // One audience only: a token for several may be replayed by any of them.
        let audience = match self.get("aud") {
            Some(ClaimValue::Text(audience)) => audience == expected.audience,
            Some(ClaimValue::Texts(audiences)) => matches!(&audiences[..], [one] if one == expected.audience),
            _ => false,
        };
        if !audience {
            return Err(JwtError::Audience { expected: expected.audience.to_owned() });
        }
        self.check_times(expected.now)
    }

    fn check_times(&self, now: UnixTime) -> Result<(), JwtError> {
        let missing = |name: &str| JwtError::from(ShapeError::Missing { path: name.to_owned() });
        let expires = self.time("exp")?.ok_or_else(|| missing("exp"))?;
        let issued = self.time("iat")?;
        for from in [issued, self.time("nbf")?].into_iter().flatten() {
            if from > now.plus_secs(LEEWAY) {
                return Err(JwtError::NotYetValid { from });
            }
        }
        if expires.plus_secs(LEEWAY) <= now {
            return Err(JwtError::Expired { at: expires });
        }
        let seconds = expires.secs() - issued.unwrap_or(now).secs();
        if seconds > limits::TOKEN_LIFETIME_SECS { Err(JwtError::Lifetime { seconds }) } else { Ok(()) }
    }
}

fn read(value: Json<'_>) -> ClaimValue {
    let text = |item: &Json<'_>| item.as_str().map(str::to_owned);
    match value {
        Json::String(text) => ClaimValue::Text(text.into_owned()),
        Json::Bool(value) => ClaimValue::Bool(value),
        Json::Integer(value) => i64::try_from(value).map_or(ClaimValue::Other, ClaimValue::Integer),
        Json::Array(items) => {
            items.iter().map(text).collect::<Option<_>>().map_or(ClaimValue::Other, ClaimValue::Texts)
        }
        Json::Object(members) => {
            ClaimValue::Object(members.into_iter().map(|(name, value)| (name.into_owned(), read(value))).collect())
        }
        Json::Null | Json::Float(_) => ClaimValue::Other,
    }
}
