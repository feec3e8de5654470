//! Reading the fields of proto3 JSON: each once, by its lowerCamelCase name, and none left over.

use std::borrow::Cow;

use thiserror::Error;

use super::Json;
use crate::base::encoding::base64;

/// Why a JSON value does not have the shape that its format gives it. `path` is the dotted place.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ShapeError {
    /// A required field is absent, null or empty.
    #[error("{path} is missing")]
    Missing {
        /// Where.
        path: String,
    },
    /// A field that the format does not have.
    #[error("{path} is not a field of this format")]
    Unknown {
        /// Where.
        path: String,
    },
    /// A value of another type.
    #[error("{path} is not {expected}")]
    Type {
        /// Where.
        path: String,
        /// What belongs there.
        expected: &'static str,
    },
    /// Not standard padded base64.
    #[error("{path} is not standard base64 (RFC 4648 section 4, padded)")]
    Base64 {
        /// Where.
        path: String,
    },
    /// Not a decimal integer within range.
    #[error("{path} is not an unsigned 63-bit integer")]
    Integer {
        /// Where.
        path: String,
    },
    /// More items than the format's limit.
    #[error("{path} holds {found} items, {limit} allowed")]
    TooMany {
        /// Where.
        path: String,
        /// Items found.
        found: usize,
        /// Items allowed.
        limit: usize,
    },
}

/// The fields of one object, taken one by one. `null` counts as absent (proto3 JSON).
#[derive(Debug)]
pub struct Fields<'j, 'a> {
    path: String,
    members: Vec<(&'j str, &'j Json<'a>)>,
}

impl<'j, 'a> Fields<'j, 'a> {
    /// The fields of `json`, which must be an object standing at `path` (empty for the top).
    pub fn of(json: &'j Json<'a>, path: &str) -> Result<Self, ShapeError> {
        let Json::Object(members) = json else {
            return Err(ShapeError::Type { path: or_top(path), expected: "an object" });
        };
        let members = members
            .iter()
            .filter(|(_, value)| *value != Json::Null)
            .map(|(key, value)| (key.as_ref(), value))
            .collect();
        Ok(Self { path: path.to_owned(), members })
    }

    /// The dotted path of a field of this object.
    pub fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }

    /// Takes a field out, when it is there and not null.
    pub fn take(&mut self, name: &str) -> Option<&'j Json<'a>> {
        let at = self.members.iter().position(|(key, _)| *key == name)?;
        Some(self.members.swap_remove(at).1)
    }

    /// Takes a field out that must be there.
    pub fn require(&mut self, name: &str) -> Result<&'j Json<'a>, ShapeError> {
        self.take(name).ok_or_else(|| ShapeError::Missing { path: self.path(name) })
    }

    /// Takes an object's fields out, when the field is there.
    pub fn object(&mut self, name: &str) -> Result<Option<Fields<'j, 'a>>, ShapeError> {
        let path = self.path(name);
        self.take(name).map(|json| Fields::of(json, &path)).transpose()
    }

    /// Takes an object's fields out that must be there.
    pub fn require_object(&mut self, name: &str) -> Result<Fields<'j, 'a>, ShapeError> {
        self.object(name)?.ok_or_else(|| ShapeError::Missing { path: self.path(name) })
    }

    /// Takes a string out, when the field is there.
    pub fn string(&mut self, name: &str) -> Result<Option<&'j str>, ShapeError> {
        let path = self.path(name);
        self.take(name).map(|json| string(json, &path)).transpose()
    }

    /// Takes a string out that must be there.
    pub fn require_string(&mut self, name: &str) -> Result<&'j str, ShapeError> {
        self.string(name)?.ok_or_else(|| ShapeError::Missing { path: self.path(name) })
    }

    /// Takes base64 bytes out; absent and empty are the same (proto3 JSON).
    pub fn bytes(&mut self, name: &str) -> Result<Option<Vec<u8>>, ShapeError> {
        let path = self.path(name);
        let found = self.take(name).map(|json| bytes(json, &path)).transpose()?;
        Ok(found.filter(|bytes| !bytes.is_empty()))
    }

    /// Takes non-empty base64 bytes out that must be there.
    pub fn require_bytes(&mut self, name: &str) -> Result<Vec<u8>, ShapeError> {
        self.bytes(name)?.ok_or_else(|| ShapeError::Missing { path: self.path(name) })
    }

    /// Takes an unsigned integer out; absent is 0 (proto3 JSON).
    pub fn unsigned(&mut self, name: &str) -> Result<u64, ShapeError> {
        let path = self.path(name);
        self.take(name).map_or(Ok(0), |json| unsigned(json, &path))
    }

    /// Takes an array's items out, at most `limit`; absent is empty (proto3 JSON).
    pub fn items(&mut self, name: &str, limit: usize) -> Result<&'j [Json<'a>], ShapeError> {
        let path = self.path(name);
        self.take(name).map_or(Ok(&[]), |json| items(json, &path, limit))
    }

    /// Refuses whatever was not taken.
    pub fn finish(self) -> Result<(), ShapeError> {
        match self.members.first() {
            Some((name, _)) => Err(ShapeError::Unknown { path: self.path(&name.chars().take(64).collect::<String>()) }),
            None => Ok(()),
        }
    }
}

fn or_top(path: &str) -> String {
    if path.is_empty() { "the document".to_owned() } else { path.to_owned() }
}

/// The fields of an object at `path`.
pub fn object<'j, 'a>(json: &'j Json<'a>, path: &str) -> Result<Fields<'j, 'a>, ShapeError> {
    Fields::of(json, path)
}

/// A string at `path`.
pub fn string<'j>(json: &'j Json<'_>, path: &str) -> Result<&'j str, ShapeError> {
    match json {
        Json::String(Cow::Borrowed(text)) => Ok(text),
        Json::String(Cow::Owned(text)) => Ok(text),
        _ => Err(ShapeError::Type { path: or_top(path), expected: "a string" }),
    }
}

/// Base64 bytes at `path`.
pub fn bytes(json: &Json<'_>, path: &str) -> Result<Vec<u8>, ShapeError> {
    base64::decode(string(json, path)?).ok_or_else(|| ShapeError::Base64 { path: path.to_owned() })
}

/// An unsigned integer of at most 63 bits at `path`: a number, or a string of plain decimal digits
/// (proto3 JSON writes 64-bit integers as strings).
pub fn unsigned(json: &Json<'_>, path: &str) -> Result<u64, ShapeError> {
    let value = match json {
        Json::Integer(value) => u64::try_from(*value).ok(),
        Json::String(text) => {
            let plain = text.bytes().all(|c| c.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
            if plain { text.parse().ok() } else { None }
        }
        _ => None,
    };
    value.filter(|value| i64::try_from(*value).is_ok()).ok_or_else(|| ShapeError::Integer { path: path.to_owned() })
}

/// The items of an array at `path`, at most `limit`.
pub fn items<'j, 'a>(json: &'j Json<'a>, path: &str, limit: usize) -> Result<&'j [Json<'a>], ShapeError> {
    match json {
        Json::Array(items) if items.len() <= limit => Ok(items),
        Json::Array(items) => Err(ShapeError::TooMany { path: path.to_owned(), found: items.len(), limit }),
        _ => Err(ShapeError::Type { path: path.to_owned(), expected: "an array" }),
    }
}
