//! SPIFFE IDs: <https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE-ID.md>, section 2.

use std::fmt;

/// The longest ID (section 2.3), in bytes.
const ID_BYTES: usize = 2048;
/// The longest trust domain (section 2.3), in bytes.
const DOMAIN_BYTES: usize = 255;

/// A trust domain's name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TrustDomain(String);

impl TrustDomain {
    /// Reads a name, without scheme; `None` when it is none.
    pub fn parse(name: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-._".contains(&byte);
        let fits = !name.is_empty() && name.len() <= DOMAIN_BYTES && name.bytes().all(plain);
        fits.then(|| Self(name.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TrustDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A workload's ID: `spiffe://trust-domain/path`. The ID of a trust domain itself, without path, is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpiffeId {
    text: String,
    domain: TrustDomain,
}

impl SpiffeId {
    /// Reads an ID; `None` when it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let (domain, path) = text.strip_prefix("spiffe://")?.split_once('/')?;
        let domain = TrustDomain::parse(domain)?;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        let step = |step: &str| !matches!(step, "" | "." | "..") && step.bytes().all(plain);
        let fits = text.len() <= ID_BYTES && path.split('/').all(step);
        fits.then(|| Self { text: text.to_owned(), domain })
    }

    /// The ID.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whose ID it is to give.
    pub fn trust_domain(&self) -> &TrustDomain {
        &self.domain
    }
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids() {
        let id = SpiffeId::parse("spiffe://prod.example_1.org/ns/ci/sa/Build.er-1").unwrap();
        assert_eq!((id.trust_domain().as_str(), id.as_str().len()), ("prod.example_1.org", 47));
        for bad in [
            "",
            "spiffe://example.org",
            "spiffe://example.org/",
            "spiffe:///ci",
            "SPIFFE://example.org/ci",
            "https://example.org/ci",
            "spiffe://Example.org/ci",
            "spiffe://example.org:443/ci",
            "spiffe://ci@example.org/ci",
            "spiffe://example.org/ci/",
            "spiffe://example.org//ci",
            "spiffe://example.org/./ci",
            "spiffe://example.org/a/../ci",
            "spiffe://example.org/c%69",
            "spiffe://example.org/ci?x",
            "spiffe://example.org/ci#x",
            "spiffe://example.org/c i",
        ] {
            assert_eq!(SpiffeId::parse(bad), None, "{bad}");
        }
        assert!(SpiffeId::parse(&format!("spiffe://a/{}", "b".repeat(2037))).is_some());
        assert!(SpiffeId::parse(&format!("spiffe://a/{}", "b".repeat(2038))).is_none());
        assert!(TrustDomain::parse(&"a".repeat(256)).is_none());
    }
}
