//! YAML as a tree whose every value knows its place, and a reader of fields that refuses what it does not know.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;

use super::error::{Place, PolicyError};
use crate::base::limits;

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(in crate::policy) struct Node {
    pub(in crate::policy) place: Place,
    pub(in crate::policy) value: Value,
}

/// A value.
#[derive(Debug, Clone)]
pub(in crate::policy) enum Value {
    Nothing,
    Bool(bool),
    Number(u64),
    /// A number with a sign, a fraction or an exponent: nothing that a policy has.
    OtherNumber,
    Text(String),
    List(Vec<Node>),
    Map(Vec<(String, Place, Node)>),
}

struct Tree(Value);

struct TreeVisitor;

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TreeVisitor).map(Tree)
    }
}

impl<'de> Visitor<'de> for TreeVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Nothing)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Nothing)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(u64::try_from(value).map_or(Value::OtherNumber, Value::Number))
    }

    fn visit_i128<E>(self, _: i128) -> Result<Value, E> {
        Ok(Value::OtherNumber)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Value, E> {
        Ok(Value::OtherNumber)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Value, E> {
        Ok(Value::OtherNumber)
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element::<Spanned<Tree>>()? {
            items.push(Node::from(item));
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut members: Vec<(String, Place, Node)> = Vec::new();
        while let Some(key) = map.next_key::<Spanned<String>>()? {
            let place = Place::of(&key.referenced);
            let value = Node::from(map.next_value::<Spanned<Tree>>()?);
            members.push((key.value, place, value));
        }
        Ok(Value::Map(members))
    }
}

impl From<Spanned<Tree>> for Node {
    fn from(tree: Spanned<Tree>) -> Self {
        Self { place: Place::of(&tree.referenced), value: tree.value.0 }
    }
}

impl Node {
    /// Reads one document.
    pub(in crate::policy) fn parse(yaml: &[u8]) -> Result<Self, PolicyError> {
        if yaml.len() > limits::POLICY_BYTES {
            return Err(PolicyError::TooLarge { found: yaml.len() });
        }
        let text = std::str::from_utf8(yaml).map_err(|_| PolicyError::Encoding)?;
        let tree = serde_saphyr::from_str::<Spanned<Tree>>(text).map_err(|error| {
            let (line, column) = error.location().map_or((0, 0), |at| (at.line(), at.column()));
            let reason = error.without_snippet().to_string();
            // The place is told apart from the reason, once.
            let reason = reason.split(&format!(" at line {line}, column {column}")).collect();
            PolicyError::Yaml { place: Place { line, column }, reason }
        })?;
        Ok(tree.into())
    }

    pub(in crate::policy) fn wrong(&self, reason: impl Into<String>) -> PolicyError {
        PolicyError::Yaml { place: self.place, reason: reason.into() }
    }

    /// A text that is not empty.
    pub(in crate::policy) fn text(&self, name: &str) -> Result<&str, PolicyError> {
        match &self.value {
            Value::Text(text) => Ok(text),
            Value::Number(_) | Value::OtherNumber | Value::Bool(_) => {
                Err(self.wrong(format!("`{name}` is text: put it in quotes")))
            }
            _ => Err(self.wrong(format!("`{name}` is text"))),
        }
    }

    /// A whole number of at least one.
    pub(in crate::policy) fn count(&self, name: &str) -> Result<u8, PolicyError> {
        match &self.value {
            Value::Number(number) if (1..=255).contains(number) => {
                u8::try_from(*number).map_err(|_| self.wrong(format!("`{name}` is a number from 1 to 255")))
            }
            Value::Number(0) => Err(self.wrong(format!("`{name}` is 0: nothing would be asked for; leave it out"))),
            _ => Err(self.wrong(format!("`{name}` is a number from 1 to 255"))),
        }
    }

    /// A list that is not empty.
    pub(in crate::policy) fn list(&self, name: &str) -> Result<&[Node], PolicyError> {
        match &self.value {
            Value::List(items) if items.is_empty() => {
                Err(self.wrong(format!("`{name}` is empty: leave it out, or say what it must be")))
            }
            Value::List(items) => Ok(items),
            _ => Err(self.wrong(format!("`{name}` is a list"))),
        }
    }

    /// A map that is not empty.
    pub(in crate::policy) fn map(&self, name: &str) -> Result<&[(String, Place, Node)], PolicyError> {
        match &self.value {
            Value::Map(members) if members.is_empty() => {
                Err(self.wrong(format!("`{name}` is empty: leave it out, or say what it must be")))
            }
            Value::Map(members) => Ok(members),
            _ => Err(self.wrong(format!("`{name}` is a map of fields"))),
        }
    }

    /// The member, whatever else there is.
    pub(in crate::policy) fn member(&self, name: &str) -> Option<&Node> {
        match &self.value {
            Value::Map(members) => members.iter().find(|(key, ..)| key == name).map(|(.., value)| value),
            _ => None,
        }
    }

    /// The fields, each of which must be one of `known`.
    pub(in crate::policy) fn fields(
        &self,
        name: &str,
        known: &'static [&'static str],
    ) -> Result<Fields<'_>, PolicyError> {
        let members = self.map(name)?;
        for (key, place, value) in members {
            if !known.contains(&key.as_str()) {
                let reason = format!("unknown field `{}` of {name}; there are {}", cut(key), known.join(", "));
                return Err(PolicyError::Yaml { place: *place, reason });
            }
            if matches!(value.value, Value::Nothing) {
                return Err(PolicyError::Yaml { place: *place, reason: format!("`{key}` is empty") });
            }
        }
        Ok(Fields { node: self, members })
    }
}

/// The fields of a map.
#[derive(Debug, Clone, Copy)]
pub(in crate::policy) struct Fields<'n> {
    pub(in crate::policy) node: &'n Node,
    members: &'n [(String, Place, Node)],
}

impl<'n> Fields<'n> {
    pub(in crate::policy) fn take(&self, name: &str) -> Option<&'n Node> {
        self.members.iter().find(|(key, ..)| key == name).map(|(.., value)| value)
    }

    pub(in crate::policy) fn require(&self, name: &str) -> Result<&'n Node, PolicyError> {
        self.take(name).ok_or_else(|| self.node.wrong(format!("`{name}` is missing")))
    }

    pub(in crate::policy) fn text(&self, name: &str) -> Result<Option<&'n str>, PolicyError> {
        self.take(name).map(|node| node.text(name)).transpose()
    }

    pub(in crate::policy) fn flag(&self, name: &str) -> Result<bool, PolicyError> {
        match self.take(name).map(|node| (node, &node.value)) {
            None => Ok(false),
            Some((_, Value::Bool(value))) => Ok(*value),
            Some((node, _)) => Err(node.wrong(format!("`{name}` is true or false"))),
        }
    }
}

fn cut(text: &str) -> String {
    text.chars().take(64).collect()
}
