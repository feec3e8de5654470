//! Which issuers an authority takes tokens of (`GET /api/v2/configuration` of a Fulcio).

use crate::base::encoding::json::Json;
use crate::base::limits;

/// The issuers of an authority's configuration, as it lists them.
#[derive(Debug, Clone)]
pub struct Issuers(Vec<Issuer>);

#[derive(Debug, Clone)]
enum Issuer {
    Exact(String),
    /// Each `*` stands for one or more of `-_a-zA-Z0-9`.
    Wildcard(String),
}

impl Issuers {
    /// Reads a configuration; `None` when it is none, lists nobody, or more than [`limits::ISSUERS`]: of a list that is
    /// not read to its end nobody can say who is missing.
    pub fn read(body: &[u8]) -> Option<Self> {
        let json = Json::parse(body).ok()?;
        let Json::Array(items) = json.member("issuers")? else { return None };
        let issuer = |item: &Json<'_>| {
            let text = |name| item.member(name)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
            text("issuerUrl").map(Issuer::Exact).or_else(|| text("wildcardIssuerUrl").map(Issuer::Wildcard))
        };
        if items.len() > limits::ISSUERS {
            return None;
        }
        let found: Vec<_> = items.iter().filter_map(issuer).collect();
        (!found.is_empty()).then_some(Self(found))
    }

    /// Whether it takes tokens of the issuer of this URL.
    pub fn contains(&self, url: &str) -> bool {
        self.0.iter().any(|issuer| match issuer {
            Issuer::Exact(known) => known == url,
            Issuer::Wildcard(pattern) => covers(pattern, url),
        })
    }

    /// For people, some of them.
    pub fn list(&self) -> String {
        const SHOWN: usize = 8;
        let names = self.0.iter().take(SHOWN).map(|issuer| match issuer {
            Issuer::Exact(url) | Issuer::Wildcard(url) => url.as_str(),
        });
        let mut text = names.collect::<Vec<_>>().join(", ");
        if self.0.len() > SHOWN {
            text.push_str(", …");
        }
        text
    }
}

/// Whether a pattern may stand for an issuer. A slash at the end is left to the authority: Azure's issuers have one
/// (<https://learn.microsoft.com/azure/aks/use-oidc-issuer>), and Fulcio's pattern for them has none.
pub(super) fn covers(pattern: &str, url: &str) -> bool {
    fits(pattern, url) || (pattern.ends_with('*') && url.strip_suffix('/').is_some_and(|url| fits(pattern, url)))
}

/// Whether `url` is `pattern` with each `*` replaced. What stands between two `*` is never of the
/// replaced characters alone in a real configuration, so that the shortest replacement is the right one.
fn fits(pattern: &str, url: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| url.strip_prefix(first)) else { return false };
    for part in parts {
        let replaced = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let end = if part.is_empty() { Some(rest.len()) } else { rest.find(part) };
        let Some((star, after)) = end.filter(|end| *end > 0).and_then(|end| rest.split_at_checked(end)) else {
            return false;
        };
        let Some(after) = after.strip_prefix(part).filter(|_| star.chars().all(replaced)) else { return false };
        rest = after;
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards() {
        let eks = "https://oidc.eks.*.amazonaws.com/id/*";
        assert!(fits(eks, "https://oidc.eks.us-west-2.amazonaws.com/id/02A3"));
        for other in [
            "https://oidc.eks.us-west-2.amazonaws.com/id/",
            "https://oidc.eks..amazonaws.com/id/02A3",
            "https://oidc.eks.a.b.amazonaws.com/id/02A3",
            "https://oidc.eks.us-west-2.amazonaws.com/id/02A3/x",
            "https://oidc.eks.us-west-2.amazonaws.com.evil.example/id/02A3",
        ] {
            assert!(!fits(eks, other), "{other}");
        }
        let aks = "https://*.oic.prod-aks.azure.com/*/*";
        assert!(covers(aks, "https://eastus.oic.prod-aks.azure.com/0-1/2-3/"));
        assert!(covers(eks, "https://oidc.eks.us-west-2.amazonaws.com/id/02A3"));
        for other in ["https://eastus.oic.prod-aks.azure.com/0-1/2-3//", "https://eastus.oic.prod-aks.azure.com/0-1/"] {
            assert!(!covers(aks, other), "{other}");
        }
        assert!(!covers("https://a.example", "https://a.example/"));
        assert!(fits("https://a.example", "https://a.example") && !fits("https://a.example", "https://a.example/"));
    }

    #[test]
    fn configurations() {
        let body = br#"{"issuers":[{"issuerUrl":"https://a.example","audience":"sigstore"},{"wildcardIssuerUrl":"https://*.example/x"}]}"#;
        let issuers = Issuers::read(body).unwrap();
        assert!(issuers.contains("https://a.example") && issuers.contains("https://b.example/x"));
        assert!(!issuers.contains("https://c.example"));
        assert_eq!(issuers.list(), "https://a.example, https://*.example/x");
        for none in ["", "{}", r#"{"issuers":[]}"#, r#"{"issuers":{}}"#, r#"{"issuers":[{"audience":"x"}]}"#] {
            assert!(Issuers::read(none.as_bytes()).is_none(), "{none}");
        }
        let many =
            |count| format!(r#"{{"issuers":[{}]}}"#, vec![r#"{"issuerUrl":"https://a.example"}"#; count].join(","));
        assert!(Issuers::read(many(limits::ISSUERS).as_bytes()).is_some());
        assert!(Issuers::read(many(limits::ISSUERS + 1).as_bytes()).is_none());
    }
}
