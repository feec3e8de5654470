//! Which issuers an entry names: one URL, or a pattern of URLs.

use thiserror::Error;

use crate::base::limits;

/// An issuer's URL, or a pattern in which each `*` stands for letters, digits, `-` and `_`: never for a dot, a
/// slash, a port or a user name, and never for the domain that the issuers are under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerUrl(String);

/// Why a text is neither.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("issuer {url:?}: {problem}")]
pub struct IssuerUrlError {
    url: String,
    problem: &'static str,
}

impl IssuerUrl {
    /// An issuer's URL, as its tokens have it.
    pub fn exact(url: &str) -> Result<Self, IssuerUrlError> {
        let wrong = |problem| IssuerUrlError { url: url.chars().take(256).collect(), problem };
        if url.contains('*') {
            return Err(wrong("a `*` stands only in meta-issuers"));
        }
        check(url).map_err(wrong)?;
        Ok(Self(url.to_owned()))
    }

    /// A pattern of URLs.
    pub fn pattern(pattern: &str) -> Result<Self, IssuerUrlError> {
        let wrong = |problem| IssuerUrlError { url: pattern.chars().take(256).collect(), problem };
        let host = check(pattern).map_err(wrong)?;
        let domain = host.rsplit('.').take(2);
        if !pattern.contains('*') {
            return Err(wrong("a pattern has a `*`; one issuer belongs under oidc-issuers"));
        }
        if domain.clone().count() < 2
            || domain.clone().any(|label| label.contains('*'))
            || !pattern.starts_with("https:")
        {
            return Err(wrong("the domain of a pattern is written out, and https"));
        }
        Ok(Self(pattern.to_owned()))
    }

    /// The URL or pattern.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is a pattern.
    pub fn is_pattern(&self) -> bool {
        self.0.contains('*')
    }

    /// Whether this is exactly this URL.
    pub(super) fn is(&self, url: &str) -> bool {
        self.0 == url
    }

    /// Whether a whole URL matches.
    pub(super) fn matches(&self, url: &str) -> bool {
        let mut parts = self.0.split('*');
        let Some(mut rest) = parts.next().and_then(|first| url.strip_prefix(first)) else { return false };
        for part in parts {
            // What a `*` takes ends at the first byte that it cannot take, so that there is one way to match
            // wherever the next part starts with such a byte, as every part but an empty last one must.
            let taken = rest.bytes().take_while(|c| c.is_ascii_alphanumeric() || b"-_".contains(c)).count();
            let (star, after) = rest.split_at(taken);
            let Some(after) = after.strip_prefix(part).filter(|_| !star.is_empty()) else { return false };
            rest = after;
        }
        rest.is_empty()
    }
}

/// The host of a URL or pattern of a plain form: no user, query or fragment.
fn check(url: &str) -> Result<&str, &'static str> {
    let (scheme, rest) = url.split_once("://").ok_or("it has no scheme")?;
    let plain = |c: u8| c.is_ascii_alphanumeric() || b"-._~:/*[]".contains(&c);
    if url.len() > limits::URL_BYTES || !rest.bytes().all(plain) {
        return Err("it is no plain URL: a host and a path, without user, query and fragment");
    }
    let host = rest.split('/').next().unwrap_or_default();
    // A `*` next to a byte that it could take would have more than one way to match.
    let single =
        url.split('*').skip(1).all(|part| !part.starts_with(|c: char| c.is_ascii_alphanumeric() || "-_*".contains(c)));
    match scheme {
        _ if host.is_empty() => Err("it has no host"),
        _ if !single || url.contains("**") => Err("a `*` is followed by `.`, `/` or nothing"),
        "https" | "http" => Ok(host),
        _ => Err("it is not https"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f10_a_pattern_is_anchored_and_takes_no_dot_and_no_slash() {
        let eks = IssuerUrl::pattern("https://oidc.eks.*.amazonaws.com/id/*").unwrap();
        assert!(eks.matches("https://oidc.eks.us-west-2.amazonaws.com/id/B02C93B6"));
        for other in [
            "https://oidc.eks.us-west-2.amazonaws.com.evil/id/B02C93B6",
            "https://oidc.eks.us-west-2.amazonaws.com/id/B02C93B6/",
            "https://oidc.eks.us-west-2.amazonaws.com/id/B02C93B6/x",
            "https://oidc.eks.us-west-2.amazonaws.com/id/",
            "https://oidc.eks..amazonaws.com/id/x",
            "https://oidc.eks.evil.example/x.amazonaws.com/id/x",
            "https://oidc.eks.a.b.amazonaws.com/id/x",
            "https://oidc.eks.x@evil.amazonaws.com/id/x",
            "https://evil/?https://oidc.eks.us-west-2.amazonaws.com/id/x",
            "xhttps://oidc.eks.us-west-2.amazonaws.com/id/x",
            "https://oidc.eks.us-west-2.amazonaws.com/id/x?y",
            "https://oidc.eks.us-west-2.amazonaws.com/id/x#y",
            "https://oidcXeks.us-west-2.amazonaws.com/id/x",
            "https://oidc.eks.*.amazonaws.com/id/x",
        ] {
            assert!(!eks.matches(other), "{other}");
        }
    }

    #[test]
    fn f10_what_is_no_pattern() {
        for pattern in [
            "https://x.example/id",
            "https://*/x",
            "https://*.com/x",
            "https://x.*/x",
            "https://*.example.com*/x",
            "https://a.*b.example.com/",
            "https://a.example.com/**",
            "http://*.a.example.com/",
            "https://u@*.example.com/",
            "https://x.example.com/*?y",
            "*.example.com",
        ] {
            assert!(IssuerUrl::pattern(pattern).is_err(), "{pattern}");
        }
        assert!(IssuerUrl::exact("https://x.example/*").is_err());
        assert!(IssuerUrl::exact("ftp://x.example").is_err());
        assert!(IssuerUrl::exact("https://x.example/a?b").is_err());
        assert!(IssuerUrl::exact("https://x.example/a/").is_ok());
    }
}
