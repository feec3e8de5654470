//! Whom a certificate is to name, where the client asks for the name and the authority's role bounds it.

use thiserror::Error;

use crate::base::code::Code;
use crate::base::limits;
use crate::format::x509::San;
use crate::service::identity::TokenClaims;

/// A URI with claims of the identity token in braces: `https://gitlab.com/{project_path}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SanTemplate {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Claim(String),
}

/// Why there is no name to ask for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NamingError {
    /// The template is none.
    #[error("the name {template:?} cannot be used: {problem}")]
    Template {
        /// The template.
        template: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// A claim that the token does not have as text, or no token.
    #[error("the certificate is to be named by the claim {claim:?}, which the identity token does not have")]
    Claim {
        /// The claim.
        claim: String,
    },
    /// A claim that would make another name of the template.
    #[error("the claim {claim:?} cannot stand in a certificate's name: {value:?}")]
    Value {
        /// The claim.
        claim: String,
        /// Its value.
        value: String,
    },
}

impl NamingError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Template { .. } => Code::usage(
                "ca-name-template",
                "give a URI with claims in braces, such as 'https://gitlab.com/{project_path}'",
            ),
            Self::Claim { .. } => {
                Code::usage("ca-name-claim", "name a claim that the token has: `sealmark whoami` shows some")
            }
            Self::Value { .. } => Code::refused(
                "ca-name-value",
                "use a claim that only the platform can set: this one could have named somebody else",
            ),
        }
    }
}

/// What a claim may hold, RFC 3986's unreserved characters and some others that cannot end a part of a URI, and
/// no comma: Vault separates names by it.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~/:@+=!$".contains(c)
}

impl SanTemplate {
    /// Reads a template.
    ///
    /// # Errors
    ///
    /// [`NamingError::Template`]: no URI, unbalanced braces, characters that no name has.
    pub fn parse(template: &str) -> Result<Self, NamingError> {
        let bad = |problem| NamingError::Template { template: template.to_owned(), problem };
        if template.len() > limits::SAN_BYTES {
            return Err(bad("it is too long"));
        }
        if !template.bytes().all(|byte| (0x21..0x7f).contains(&byte) && byte != b',') {
            return Err(bad("only printable ASCII without space and comma stands in a name"));
        }
        let mut parts = Vec::new();
        let mut rest = template;
        while let Some((text, after)) = rest.split_once('{') {
            let (claim, tail) = after.split_once('}').ok_or_else(|| bad("a brace is not closed"))?;
            let named = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
            if claim.is_empty() || !claim.chars().all(named) {
                return Err(bad("a claim's name stands in braces"));
            }
            parts.extend([Part::Text(text.to_owned()), Part::Claim(claim.to_owned())]);
            rest = tail;
        }
        parts.push(Part::Text(rest.to_owned()));
        let texts = || parts.iter().filter_map(|part| if let Part::Text(text) = part { Some(text) } else { None });
        if texts().any(|text| text.contains('}')) {
            return Err(bad("a brace is not opened"));
        }
        // Else a claim would choose the scheme or the host.
        let host = texts().next().and_then(|first| first.split_once("://")).map(|(_, rest)| rest);
        let whole = parts.len() == 1 || host.is_some_and(|rest| rest.contains('/'));
        if host.is_none_or(str::is_empty) || !whole {
            return Err(bad("it begins with scheme, host and slash"));
        }
        Ok(Self { parts })
    }

    /// The name for a token with these claims.
    ///
    /// # Errors
    ///
    /// [`NamingError::Claim`], [`NamingError::Value`].
    pub fn fill(&self, claims: Option<&TokenClaims>) -> Result<San, NamingError> {
        let mut uri = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => uri.push_str(text),
                Part::Claim(claim) => {
                    let absent = || NamingError::Claim { claim: claim.clone() };
                    let value = claims.and_then(|claims| claims.text(claim)).ok_or_else(absent)?;
                    let climbs = value.split('/').any(|step| matches!(step, "" | "." | ".."));
                    if climbs || !value.chars().all(is_plain) {
                        return Err(NamingError::Value { claim: claim.clone(), value: value.to_owned() });
                    }
                    uri.push_str(value);
                }
            }
        }
        if uri.len() > limits::SAN_BYTES {
            return Err(NamingError::Template { template: uri, problem: "it is too long" });
        }
        Ok(San::Uri(uri))
    }

    /// Whether the name depends on the token.
    pub fn has_claims(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Claim(_)))
    }
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;
    use crate::base::encoding::base64;
    use crate::service::identity::IdToken;

    fn token(claims: &str) -> IdToken {
        let part = |text: &str| base64::encode_url(text.as_bytes());
        let text = format!("{}.{}.c2ln", part(r#"{"alg":"ES256"}"#), part(claims));
        IdToken::new(Zeroizing::new(text), "test").unwrap()
    }

    #[test]
    fn claims_fill_a_template() {
        let template = SanTemplate::parse("https://gitlab.com/{project_path}@{ref}").unwrap();
        let token = token(r#"{"project_path":"my-group/app","ref":"main"}"#);
        let san = template.fill(Some(token.claims())).unwrap();
        assert_eq!(san, San::Uri("https://gitlab.com/my-group/app@main".to_owned()));
        let error = template.fill(None).unwrap_err();
        assert_eq!(error.code().name(), "ca-name-claim");
        let fixed = SanTemplate::parse("spiffe://example.org/ci").unwrap();
        assert_eq!(fixed.fill(None).unwrap().as_str(), "spiffe://example.org/ci");
    }

    #[test]
    fn templates_that_are_none() {
        for bad in [
            "",
            "app",
            "https://",
            "{iss}/x",
            "https://{host}/x",
            "https://gitlab.com{path}",
            "https://a/{b",
            "https://a/b}",
            "https://a/{}",
            "https://a/{b c}",
            "https://a/b,https://c/d",
            "https://a/ä",
        ] {
            let error = SanTemplate::parse(bad).unwrap_err();
            assert_eq!(error.code().name(), "ca-name-template", "{bad}");
        }
    }

    #[test]
    fn a_claim_cannot_make_another_name() {
        let template = SanTemplate::parse("https://gitlab.com/{ref}").unwrap();
        for value in
            ["a,https://github.com/x", "a#b", "a?b", "../admin", "a/../b", "a b", "a%2e", "", "a\\u0000", "a//b"]
        {
            let token = token(&format!(r#"{{"ref":"{value}"}}"#));
            let code = template.fill(Some(token.claims())).unwrap_err().code().name();
            assert_eq!(code, if value.is_empty() { "ca-name-claim" } else { "ca-name-value" }, "{value}");
        }
    }
}
