//! Policies of the field, written as ours: ClusterImagePolicy of Sigstore's policy-controller
//! (<https://docs.sigstore.dev/policy-controller/overview/>) and `policy.json` of podman, skopeo and CRI-O
//! (<https://github.com/containers/image/blob/main/docs/containers-policy.json.5.md>, `sigstoreSigned`).
//!
//! What ours cannot say is an error that names the field: nothing is left out, and nothing is made wider.

mod containers;
mod controller;

use thiserror::Error;

use super::document::{Node, Place, PolicyError};
use super::{Policy, document};
use crate::base::code::Code;

/// Why a document of the field cannot be written as ours.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ImportError {
    /// It cannot be read.
    #[error(transparent)]
    Read(PolicyError),
    /// It is neither kind.
    #[error("this is neither a ClusterImagePolicy nor a policy.json of containers")]
    Unknown,
    /// A field that ours cannot say.
    #[error("{field}{place} cannot be expressed: {why}")]
    Inexpressible {
        /// Where.
        place: Place,
        /// The field.
        field: String,
        /// Why not.
        why: String,
    },
}

impl ImportError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Read(error) => error.code(),
            Self::Unknown => Code::usage("policy-import-unknown", "give the document as it is applied, YAML or JSON"),
            Self::Inexpressible { .. } => {
                Code::usage("policy-import", "take the field out, if it may be, and write by hand what it said")
            }
        }
    }
}

impl From<PolicyError> for ImportError {
    fn from(error: PolicyError) -> Self {
        Self::Read(error)
    }
}

/// Reads a document of the field and writes it as a policy, in YAML. What is written is read back, so that it is one;
/// key files are named and not read.
pub fn import(text: &[u8]) -> Result<String, ImportError> {
    let node = Node::parse(text)?;
    let yaml = if node.member("kind").is_some() {
        controller::import(&node)?
    } else if node.member("default").is_some() {
        containers::import(&node)?
    } else {
        return Err(ImportError::Unknown);
    };
    // Any key will do to see whether the rest is a policy.
    let key = |_: &str| Some(PLACEHOLDER.as_bytes().to_vec());
    let _: Policy = document::parse(yaml.as_bytes(), &key)?;
    Ok(yaml)
}

/// A public key of nobody's.
const PLACEHOLDER: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n";

/// A field that ours cannot say.
fn inexpressible(node: &Node, field: &str, why: &str) -> ImportError {
    ImportError::Inexpressible { place: node.place, field: field.to_owned(), why: why.to_owned() }
}

/// Refuses every field but these.
fn only(node: &Node, path: &str, known: &[&str]) -> Result<(), ImportError> {
    for (key, place, _) in node.map(path)? {
        if !known.contains(&key.as_str()) {
            let field = format!("{path}.{}", key.chars().take(64).collect::<String>());
            let why = "ours has nothing of the kind".to_owned();
            return Err(ImportError::Inexpressible { place: *place, field, why });
        }
    }
    Ok(())
}

/// A text in YAML's single quotes; a line break has no place in one.
fn quoted(node: &Node, field: &str) -> Result<String, ImportError> {
    let text = node.text(field)?;
    if text.chars().any(char::is_control) {
        return Err(inexpressible(node, field, "it holds a control character"));
    }
    Ok(format!("'{}'", text.replace('\'', "''")))
}

/// A key in PEM as a block below `indent`.
fn key_block(pem: &str, indent: &str) -> String {
    let lines: Vec<_> = pem.trim().lines().map(|line| format!("{indent}  {}", line.trim())).collect();
    format!("key: |\n{}\n", lines.join("\n"))
}

#[cfg(test)]
mod tests;
