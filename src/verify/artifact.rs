//! The artifact that a signature is held against: its bytes, or digests of them.

use std::fmt;

use thiserror::Error;

use crate::base::code::Code;
use crate::base::crypto::{Digest, DigestAlgorithm};
use crate::format::oci::{ImageRef, Repository, Tag};

/// A text that is not a digest.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{found:?} is not a digest: sha256, sha384 or sha512, a colon, and lower-case hexadecimal of that length")]
pub struct DigestFormatError {
    /// The text.
    found: String,
}

impl DigestFormatError {
    /// The stable code.
    pub fn code(&self) -> Code {
        Code::usage("digest-format", "write it as sha256:0123…, all 64 digits in lower case")
    }
}

/// What an artifact is called by whoever asks about it. Policies choose their rules by it; it proves nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArtifactName {
    /// An image, with the tag by which it was asked for, when it was one.
    Image {
        /// The repository.
        repository: Repository,
        /// The tag.
        tag: Option<Tag>,
    },
    /// A file, by the last part of its path.
    File(String),
}

impl ArtifactName {
    /// The name of a file: what follows the last slash.
    pub fn file(path: &str) -> Self {
        Self::File(path.rsplit(['/', '\\']).next().unwrap_or_default().to_owned())
    }
}

impl From<&ImageRef> for ArtifactName {
    fn from(image: &ImageRef) -> Self {
        let tag = match image {
            ImageRef::Tagged(tagged) => Some(tagged.tag().clone()),
            ImageRef::Digested(_) => None,
        };
        Self::Image { repository: image.repository().clone(), tag }
    }
}

impl fmt::Display for ArtifactName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Image { repository, tag: None } => repository.fmt(f),
            Self::Image { repository, tag: Some(tag) } => write!(f, "{repository}:{}", tag.as_str()),
            Self::File(name) => f.write_str(name),
        }
    }
}

/// An artifact. Never empty: without bytes there is at least one digest.
#[derive(Debug, Clone)]
pub struct Artifact<'a> {
    bytes: Option<&'a [u8]>,
    first: Digest,
    rest: Vec<Digest>,
    names: Vec<Repository>,
    called: Option<ArtifactName>,
    version: Option<String>,
    statements: Option<String>,
}

impl<'a> Artifact<'a> {
    /// An artifact in memory: every digest can be had, and pure Ed25519 signatures can be verified.
    pub fn from_bytes(bytes: &'a [u8]) -> Self {
        Self {
            bytes: Some(bytes),
            first: Digest::of(DigestAlgorithm::Sha256, bytes),
            rest: Vec::new(),
            names: Vec::new(),
            called: None,
            version: None,
            statements: None,
        }
    }

    /// An artifact by one digest.
    pub fn from_digest(digest: Digest) -> Self {
        Self::from_digests(digest, Vec::new())
    }

    /// An artifact by several digests, which the caller computed from the same bytes.
    pub fn from_digests(first: Digest, rest: Vec<Digest>) -> Self {
        Self { bytes: None, first, rest, names: Vec::new(), called: None, version: None, statements: None }
    }

    /// An artifact by the text of a digest, `sha256:HEX`.
    pub fn parse_digest(text: &str) -> Result<Self, DigestFormatError> {
        let digest = Digest::parse(text);
        digest.map(Self::from_digest).ok_or_else(|| DigestFormatError { found: text.chars().take(160).collect() })
    }

    /// An image that is known by these names. An older cosign signature names a repository, and must then name
    /// one of them; every other form of signature binds the digest alone.
    #[must_use]
    pub fn named(self, names: Vec<Repository>) -> Self {
        Self { names, ..self }
    }

    /// What the artifact is called: rules may be for some names only.
    #[must_use]
    pub fn called(self, name: ArtifactName) -> Self {
        Self { called: Some(name), ..self }
    }

    /// The version that is expected: a policy counts only signatures over something that names it.
    #[must_use]
    pub fn expecting_version(self, version: String) -> Self {
        Self { version: Some(version), ..self }
    }

    /// The question is about statements of this predicate type, not about signatures.
    #[must_use]
    pub fn by_statements(self, predicate_type: String) -> Self {
        Self { statements: Some(predicate_type), ..self }
    }

    /// The predicate type of the statements that are asked about.
    pub fn statements(&self) -> Option<&str> {
        self.statements.as_deref()
    }

    /// What it is called.
    pub fn name(&self) -> Option<&ArtifactName> {
        self.called.as_ref()
    }

    /// The version that is expected.
    pub fn expected_version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// The digest that people are shown.
    pub fn shown_digest(&self) -> Digest {
        self.first
    }

    /// The digest of an algorithm, when it can be had.
    pub fn digest(&self, algorithm: DigestAlgorithm) -> Option<Digest> {
        let known = std::iter::once(&self.first).chain(&self.rest).find(|digest| digest.algorithm() == algorithm);
        known.copied().or_else(|| self.bytes.map(|bytes| Digest::of(algorithm, bytes)))
    }

    /// What it may be called.
    pub(super) fn names(&self) -> &[Repository] {
        &self.names
    }

    /// The bytes, when they are in memory.
    pub(super) fn bytes(&self) -> Option<&'a [u8]> {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s19_digest_format() {
        let hex = Digest::of(DigestAlgorithm::Sha256, b"").hex();
        assert!(Artifact::parse_digest(&format!("sha256:{hex}")).is_ok());
        for bad in
            ["", "sha256:", &hex, &format!("sha512:{hex}"), &format!("sha256:{}", &hex[1..]), &format!("md5:{hex}")]
        {
            assert_eq!(Artifact::parse_digest(bad).unwrap_err().code().name(), "digest-format", "{bad}");
        }
    }
}
