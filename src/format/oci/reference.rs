//! Names of images, each in one normal form. Grammar:
//! <https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pulling-manifests> and, for what
//! people write, the rules of Docker: `ubuntu` is `docker.io/library/ubuntu:latest`.
//!
//! Hosts come out in lower case; upper case in paths is refused, because two registries would not agree on
//! it. A host that a URL parser would read as another one (a number, `0x7f.1`) is refused.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::fmt;

use super::descriptor::parse_digest;
use super::error::{OciError, cut};
use crate::base::crypto::{Digest, DigestAlgorithm};
use crate::base::limits;

const DOCKER_HUB: &str = "docker.io";
/// Names of Docker Hub beside its own.
const DOCKER_HUB_ALIASES: [&str; 2] = ["index.docker.io", "registry-1.docker.io"];
const DOCKER_HUB_API: &str = "registry-1.docker.io";

/// A registry: a host and, unless it is that of https, a port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Registry {
    /// Lower case; an IPv6 address without brackets, in its short form.
    host: String,
    port: Option<u16>,
}

impl Registry {
    /// Reads `HOST[:PORT]`.
    pub fn parse(text: &str) -> Result<Self, OciError> {
        let wrong = |problem| OciError::Reference { text: cut(text), problem };
        if text.len() > limits::OCI_NAME_BYTES {
            return Err(wrong("the host is too long"));
        }
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => {
                let (address, rest) = rest.split_once(']').ok_or_else(|| wrong("the bracket of an IPv6 address"))?;
                let address: Ipv6Addr = address.parse().map_err(|_| wrong("it is no IPv6 address"))?;
                let port = match rest {
                    "" => None,
                    rest => Some(rest.strip_prefix(':').ok_or_else(|| wrong("something after the IPv6 address"))?),
                };
                (address.to_string(), port)
            }
            None => {
                let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
                (host_name(host).map_err(wrong)?, port)
            }
        };
        let port = port.map(|port| self::port(port).ok_or_else(|| wrong("the port is no number from 1 to 65535")));
        let registry = Self { host, port: port.transpose()? };
        Ok(registry.normal())
    }

    fn normal(mut self) -> Self {
        if self.port == Some(443) && !self.is_loopback() {
            self.port = None;
        }
        if self.port.is_none() && DOCKER_HUB_ALIASES.contains(&self.host.as_str()) {
            DOCKER_HUB.clone_into(&mut self.host);
        }
        self
    }

    /// Docker Hub.
    pub fn docker_hub() -> Self {
        Self { host: DOCKER_HUB.to_owned(), port: None }
    }

    /// Whether this is Docker Hub.
    pub fn is_docker_hub(&self) -> bool {
        self.port.is_none() && self.host == DOCKER_HUB
    }

    /// The host; an IPv6 address has no brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, when it is not that of https.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// Whether the host is this machine, by the name `localhost` or by address.
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    /// Where requests go, as the authority of a URL; Docker Hub's is another host than its name.
    pub fn authority(&self) -> String {
        if self.is_docker_hub() { DOCKER_HUB_API.to_owned() } else { self.to_string() }
    }
}

impl fmt::Display for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') { write!(f, "[{}]", self.host) } else { f.write_str(&self.host) }?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

fn port(text: &str) -> Option<u16> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|_| plain)
}

/// A host name or IPv4 address in lower case.
fn host_name(text: &str) -> Result<String, &'static str> {
    let label = |label: &str| {
        let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        (1..=63).contains(&label.len()) && label.bytes().all(inner) && !label.starts_with('-') && !label.ends_with('-')
    };
    if !text.split('.').all(label) {
        return Err("the host is no host name");
    }
    let last = text.rsplit('.').next().unwrap_or_default();
    let number = last.bytes().all(|byte| byte.is_ascii_digit())
        || last.get(..2).is_some_and(|prefix| prefix.eq_ignore_ascii_case("0x"));
    if number && text.parse::<Ipv4Addr>().is_err() {
        return Err("the host is a number");
    }
    Ok(text.to_ascii_lowercase())
}

/// A repository in a registry.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Repository {
    registry: Registry,
    path: String,
}

impl Repository {
    /// Reads `[HOST[:PORT]/]PATH`, without a tag or digest.
    pub fn parse(text: &str) -> Result<Self, OciError> {
        let (repository, rest) = split(text)?;
        if rest.is_empty() {
            Ok(repository)
        } else {
            Err(OciError::Reference { text: cut(text), problem: "a repository has no tag and no digest" })
        }
    }

    /// `path` in `registry`.
    pub fn new(registry: Registry, path: impl Into<String>) -> Result<Self, OciError> {
        let repository = Self { registry, path: path.into() };
        let wrong = |problem| OciError::Reference { text: cut(&repository.to_string()), problem };
        check_path(&repository.path).map_err(wrong)?;
        let Registry { host, port } = &repository.registry;
        // What is plainly short enough needs no writing out: brackets and a port are at most eight bytes.
        let short = host.len() + 1 + repository.path.len() + if port.is_some() { 8 } else { 2 };
        if short > limits::OCI_NAME_BYTES && repository.to_string().len() > limits::OCI_NAME_BYTES {
            return Err(wrong("the name is longer than 255 bytes"));
        }
        Ok(repository)
    }

    /// The registry.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The path, as it stands in URLs.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// What has this tag here.
    pub fn tagged(&self, tag: Tag) -> TaggedRef {
        TaggedRef { repository: self.clone(), tag }
    }

    /// What has this digest here.
    ///
    /// # Errors
    ///
    /// [`OciError::Digest`]: registries know SHA-256 and SHA-512 only.
    pub fn digested(&self, digest: Digest) -> Result<DigestRef, OciError> {
        if digest.algorithm() == DigestAlgorithm::Sha384 {
            return Err(OciError::Digest { text: digest.to_string() });
        }
        Ok(DigestRef { repository: self.clone(), digest })
    }

    /// What these bytes are here, by SHA-256.
    pub fn content(&self, bytes: &[u8]) -> DigestRef {
        DigestRef { repository: self.clone(), digest: Digest::of(DigestAlgorithm::Sha256, bytes) }
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.registry, self.path)
    }
}

fn check_path(path: &str) -> Result<(), &'static str> {
    if path.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err("a path is in lower case");
    }
    // [a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*
    let component = |component: &str| {
        let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let separators = component.split(|c: char| c.is_ascii() && alphanumeric(c as u8)).filter(|s| !s.is_empty());
        let ends = |byte: Option<u8>| byte.is_some_and(alphanumeric);
        ends(component.bytes().next())
            && ends(component.bytes().last())
            && separators.into_iter().all(|s| matches!(s, "." | "_" | "__") || s.bytes().all(|byte| byte == b'-'))
    };
    if path.split('/').all(component) { Ok(()) } else { Err("the path is not one of a repository") }
}

/// A tag.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag(String);

impl Tag {
    /// Reads a tag: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`.
    pub fn parse(text: &str) -> Result<Self, OciError> {
        let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        let inner = |byte: u8| word(byte) || byte == b'.' || byte == b'-';
        let fits = text.len() <= 128 && text.bytes().next().is_some_and(word) && text.bytes().all(inner);
        let wrong = || OciError::Reference { text: cut(text), problem: "it is no tag" };
        fits.then(|| Self(text.to_owned())).ok_or_else(wrong)
    }

    /// The tag that lists the referrers of `digest` where a registry has no API for them
    /// (distribution-spec 1.1, "Referrers Tag Schema").
    pub fn of_referrers(digest: &Digest) -> Self {
        Self::beside(digest, "")
    }

    /// The tag of the older cosign signatures (`sig`) or attestations (`att`) of `digest`.
    pub fn of_cosign(digest: &Digest, suffix: CosignSuffix) -> Self {
        Self::beside(digest, suffix.text())
    }

    fn beside(digest: &Digest, suffix: &str) -> Self {
        // A SHA-512 digest is cut by the specification's bound of 64 characters of `encoded`.
        let hex: String = digest.hex().chars().take(64).collect();
        Self(format!("{}-{hex}{suffix}", digest.algorithm()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What the older cosign kept beside an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CosignSuffix {
    /// Signatures.
    Signatures,
    /// Attestations.
    Attestations,
    /// A software bill of materials.
    Sbom,
}

impl CosignSuffix {
    const fn text(self) -> &'static str {
        match self {
            Self::Signatures => ".sig",
            Self::Attestations => ".att",
            Self::Sbom => ".sbom",
        }
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A name that its owner may move: it asks which content, and cannot be signed or admitted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaggedRef {
    repository: Repository,
    tag: Tag,
}

impl TaggedRef {
    /// The repository.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// The tag.
    pub fn tag(&self) -> &Tag {
        &self.tag
    }
}

impl fmt::Display for TaggedRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.repository, self.tag)
    }
}

/// Content in a repository: the same bytes for ever.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DigestRef {
    repository: Repository,
    digest: Digest,
}

impl DigestRef {
    /// The repository.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// The digest, SHA-256 or SHA-512.
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The same content in another repository.
    pub fn within(&self, repository: &Repository) -> Self {
        Self { repository: repository.clone(), digest: self.digest }
    }
}

impl fmt::Display for DigestRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.repository, self.digest)
    }
}

/// What a person writes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ImageRef {
    /// By tag.
    Tagged(TaggedRef),
    /// By digest.
    Digested(DigestRef),
}

impl ImageRef {
    /// Reads `[HOST[:PORT]/]PATH[:TAG][@DIGEST]`; without both it is the tag `latest`, with both the digest
    /// alone counts (the tag must still be one).
    ///
    /// # Errors
    ///
    /// [`OciError::Reference`] or [`OciError::Digest`].
    pub fn parse(text: &str) -> Result<Self, OciError> {
        let (repository, rest) = split(text)?;
        let (tag, digest) = rest.split_once('@').map_or((rest, None), |(tag, digest)| (tag, Some(digest)));
        let tag = tag.strip_prefix(':').map(Tag::parse).transpose()?;
        match (tag, digest) {
            (_, Some(digest)) => Ok(Self::Digested(DigestRef { repository, digest: parse_digest(digest)? })),
            (Some(tag), None) => Ok(Self::Tagged(repository.tagged(tag))),
            (None, None) => Ok(Self::Tagged(repository.tagged(Tag("latest".to_owned())))),
        }
    }

    /// The repository.
    pub fn repository(&self) -> &Repository {
        match self {
            Self::Tagged(tagged) => tagged.repository(),
            Self::Digested(digested) => digested.repository(),
        }
    }
}

impl fmt::Display for ImageRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tagged(tagged) => tagged.fmt(f),
            Self::Digested(digested) => digested.fmt(f),
        }
    }
}

/// The repository, and what follows it: empty, or from the `:` or `@` on.
fn split(text: &str) -> Result<(Repository, &str), OciError> {
    let wrong = |problem| OciError::Reference { text: cut(text), problem };
    if text.len() > limits::OCI_REFERENCE_BYTES {
        return Err(wrong("it is too long"));
    }
    if !text.is_ascii() {
        return Err(wrong("it holds characters other than ASCII"));
    }
    if text.contains("://") {
        return Err(wrong("it is a URL: leave out the scheme"));
    }
    let (host, remainder) = match text.split_once('/') {
        Some((first, rest)) if is_host(first) => (Some(first), rest),
        _ => (None, text),
    };
    let name_end = remainder.find([':', '@']).unwrap_or(remainder.len());
    let (path, rest) = remainder.split_at(name_end);
    let registry = host.map_or_else(|| Ok(Registry::docker_hub()), Registry::parse)?;
    // `library/` is where Docker Hub keeps the names without an owner.
    let path =
        if registry.is_docker_hub() && !path.contains('/') { format!("library/{path}") } else { path.to_owned() };
    Ok((Repository::new(registry, path)?, rest))
}

/// Docker's rule for the first component of a name.
fn is_host(first: &str) -> bool {
    first == "localhost" || first.contains(['.', ':'])
}
