//! JSON, RFC 8259, read strictly into a tree: duplicate keys and deep nesting are refused, integers
//! stay exact, and a reader of fields refuses what it does not know.
//!
//! `serde_json` does the lexing; the tree is ours because derived structs neither see duplicate
//! keys at every level nor say where a value stood.

mod canonical;
mod fields;

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::de::Read;
use thiserror::Error;

use crate::base::limits;

pub use canonical::{canonical, quote};
pub use fields::{Fields, ShapeError, bytes, items, object, string, unsigned};

/// A JSON value. Object members keep their order; keys are unique.
#[derive(Debug, Clone, PartialEq)]
pub enum Json<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// An integer without fraction or exponent, within 64 bits.
    Integer(i128),
    /// Any other number.
    Float(f64),
    /// A string, unescaped.
    String(Cow<'a, str>),
    /// An array.
    Array(Vec<Json<'a>>),
    /// An object.
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

/// Why bytes are not the JSON that we read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum JsonError {
    /// Not JSON, not UTF-8, or something after the value.
    #[error("not JSON at line {line} column {column}")]
    Syntax {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// The same key twice in one object.
    #[error("key {key:?} twice in one object, at line {line}")]
    DuplicateKey {
        /// The key.
        key: String,
        /// Line, from 1.
        line: usize,
    },
    /// Nested deeper than [`limits::JSON_DEPTH`].
    #[error("nested deeper than {limit}", limit = limits::JSON_DEPTH)]
    Depth,
}

impl<'a> Json<'a> {
    /// Parses one value that fills `input`.
    pub fn parse(input: &'a [u8]) -> Result<Self, JsonError> {
        match std::str::from_utf8(input) {
            // Looked at once, and not string by string.
            Ok(text) => Self::read(serde_json::Deserializer::from_str(text)),
            // Refused at the place where it stops being UTF-8, or before.
            Err(_) => Self::read(serde_json::Deserializer::from_slice(input)),
        }
    }

    fn read<R: Read<'a>>(mut deserializer: serde_json::Deserializer<R>) -> Result<Self, JsonError> {
        let (fault, open) = (Fault::default(), Open::default());
        let parsed = Tree { fault: &fault, open: &open, depth: 0 }
            .deserialize(&mut deserializer)
            .and_then(|json| deserializer.end().map(|()| json));
        parsed.map_err(|error| match fault.0.take() {
            Some(Found::Depth) => JsonError::Depth,
            Some(Found::Duplicate(key)) => JsonError::DuplicateKey { key, line: error.line() },
            None if error.to_string().starts_with("recursion limit exceeded") => JsonError::Depth,
            None => JsonError::Syntax { line: error.line(), column: error.column() },
        })
    }

    /// The same value, borrowing nothing.
    pub fn into_owned(self) -> Json<'static> {
        let text = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        match self {
            Self::Null => Json::Null,
            Self::Bool(value) => Json::Bool(value),
            Self::Integer(value) => Json::Integer(value),
            Self::Float(value) => Json::Float(value),
            Self::String(value) => Json::String(text(value)),
            Self::Array(items) => Json::Array(items.into_iter().map(Json::into_owned).collect()),
            Self::Object(members) => {
                Json::Object(members.into_iter().map(|(key, value)| (text(key), value.into_owned())).collect())
            }
        }
    }

    /// The value of `key`, when this is an object that has it.
    pub fn member(&self, key: &str) -> Option<&Json<'a>> {
        match self {
            Self::Object(members) => members.iter().find(|(name, _)| name == key).map(|(_, value)| value),
            _ => None,
        }
    }

    /// The text, when this is a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }
}

/// What the visitor refused; serde's own error type can only carry text.
#[derive(Default)]
struct Fault(Cell<Option<Found>>);

enum Found {
    Depth,
    Duplicate(String),
}

/// What the arrays and objects that are being read hold so far, the innermost last: each takes its own when it ends, in
/// one piece of memory of the right size.
#[derive(Default)]
struct Open<'de> {
    items: RefCell<Vec<Json<'de>>>,
    members: RefCell<Vec<(Cow<'de, str>, Json<'de>)>>,
}

#[derive(Clone, Copy)]
struct Tree<'f, 'de> {
    fault: &'f Fault,
    open: &'f Open<'de>,
    depth: usize,
}

impl Tree<'_, '_> {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth == limits::JSON_DEPTH {
            self.fault.0.set(Some(Found::Depth));
            return Err(E::custom("depth"));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Tree<'_, 'de> {
    type Value = Json<'de>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Tree<'_, 'de> {
    type Value = Json<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_unit<E>(self) -> Result<Json<'de>, E> {
        Ok(Json::Null)
    }
    fn visit_bool<E>(self, value: bool) -> Result<Json<'de>, E> {
        Ok(Json::Bool(value))
    }
    fn visit_i64<E>(self, value: i64) -> Result<Json<'de>, E> {
        Ok(Json::Integer(value.into()))
    }
    fn visit_u64<E>(self, value: u64) -> Result<Json<'de>, E> {
        Ok(Json::Integer(value.into()))
    }
    fn visit_f64<E>(self, value: f64) -> Result<Json<'de>, E> {
        Ok(Json::Float(value))
    }
    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Json<'de>, E> {
        Ok(Json::String(Cow::Borrowed(value)))
    }
    fn visit_str<E>(self, value: &str) -> Result<Json<'de>, E> {
        Ok(Json::String(Cow::Owned(value.to_owned())))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Json<'de>, A::Error> {
        let inner = self.deeper()?;
        let items = &self.open.items;
        let start = items.borrow().len();
        while let Some(item) = access.next_element_seed(inner)? {
            items.borrow_mut().push(item);
        }
        Ok(Json::Array(items.borrow_mut().drain(start..).collect()))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Json<'de>, A::Error> {
        let inner = self.deeper()?;
        let open = &self.open.members;
        let start = open.borrow().len();
        // Past a handful of members a set finds duplicates without a quadratic walk.
        let mut seen = std::collections::HashSet::new();
        while let Some(key) = access.next_key_seed(KeySeed)? {
            let duplicate = {
                let members = &open.borrow()[start..];
                if members.len() < 16 {
                    members.iter().any(|(name, _)| *name == key)
                } else {
                    if seen.is_empty() {
                        seen.extend(members.iter().map(|(name, _)| name.clone()));
                    }
                    !seen.insert(key.clone())
                }
            };
            if duplicate {
                self.fault.0.set(Some(Found::Duplicate(key.chars().take(64).collect())));
                return Err(A::Error::custom("duplicate key"));
            }
            let value = access.next_value_seed(inner)?;
            open.borrow_mut().push((key, value));
        }
        Ok(Json::Object(open.borrow_mut().drain(start..).collect()))
    }
}

struct KeySeed;

impl<'de> DeserializeSeed<'de> for KeySeed {
    type Value = Cow<'de, str>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cow<'de, str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for KeySeed {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }
    fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(key))
    }
    fn visit_str<E>(self, key: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(key.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_numbers() {
        assert_eq!(Json::parse(b"18446744073709551615"), Ok(Json::Integer(u64::MAX.into())));
        for float in ["1.0", "1e3", "18446744073709551616"] {
            assert!(matches!(Json::parse(float.as_bytes()), Ok(Json::Float(_))), "{float}");
        }
        assert!(matches!(Json::parse(b"01"), Err(JsonError::Syntax { .. })));
    }

    #[test]
    fn duplicate_keys_at_every_level() {
        for text in [r#"{"a":1,"a":2}"#, r#"[{"b":{"a":1,"\u0061":2}}]"#] {
            assert!(
                matches!(Json::parse(text.as_bytes()), Err(JsonError::DuplicateKey { key, .. }) if key == "a"),
                "{text}"
            );
        }
        let mut wide: String = (0..40).map(|n| format!("\"k{n}\":0,")).collect();
        wide = format!("{{{wide}\"k7\":1}}");
        assert!(matches!(Json::parse(wide.as_bytes()), Err(JsonError::DuplicateKey { key, .. }) if key == "k7"));
        assert!(Json::parse(br#"{"a":{"a":1},"b":{"a":1}}"#).is_ok());
    }

    #[test]
    fn depth() {
        let nest = |n: usize| "[".repeat(n) + &"]".repeat(n);
        assert!(Json::parse(nest(limits::JSON_DEPTH).as_bytes()).is_ok());
        assert_eq!(Json::parse(nest(limits::JSON_DEPTH + 1).as_bytes()), Err(JsonError::Depth));
        assert_eq!(Json::parse("[".repeat(10_000).as_bytes()), Err(JsonError::Depth));
    }

    #[test]
    fn not_json() {
        for bad in [
            &b"\xef\xbb\xbf{}"[..],
            b"",
            b"{",
            b"{}{}",
            b"\"\xff\"",
            b"\"\\ud800\"",
            b"'a'",
            b"{a:1}",
            b"[1,]",
            b"\x1f\x8b\x08",
        ] {
            assert!(matches!(Json::parse(bad), Err(JsonError::Syntax { .. })), "{bad:?}");
        }
    }
}
