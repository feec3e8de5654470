//! `WWW-Authenticate` (RFC 9110 section 11.6.1), of the two schemes that registries use.

use reqwest::header::{self, HeaderMap};

use super::realm;
use crate::base::limits;
use crate::format::oci::Registry;
use crate::service::http::Endpoint;
use crate::service::store::registry::RegistryError;
use crate::service::store::registry::transport::Transport;

/// What a registry wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::service::store::registry) enum Challenge {
    /// A name and a password.
    Basic,
    /// A token of this server, whose realm was checked.
    Bearer {
        /// Where tokens come from.
        realm: Endpoint,
        /// The registry's name there.
        service: Option<String>,
    },
}

impl Challenge {
    /// Reads what a 401 says.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Realm`], and [`RegistryError::Malformed`] when no scheme is known.
    pub(in crate::service::store::registry) fn read(
        transport: &Transport,
        registry: &Registry,
        headers: &HeaderMap,
    ) -> Result<Self, RegistryError> {
        let unknown = |problem| RegistryError::Malformed { url: registry.to_string(), problem };
        let mut basic = false;
        for value in headers.get_all(header::WWW_AUTHENTICATE) {
            if value.len() > limits::CHALLENGE_BYTES {
                return Err(realm::refused(registry, "", "what it says about tokens is too long"));
            }
            let text = value.to_str().map_err(|_| unknown("401 with a challenge that is not ASCII"))?;
            let found = schemes(text).ok_or_else(|| unknown("401 with a challenge that does not parse"))?;
            for (scheme, parameters) in found {
                if scheme.eq_ignore_ascii_case("bearer") {
                    let of = |name| parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
                    let realm = of("realm").ok_or_else(|| unknown("401 with a bearer challenge without a realm"))?;
                    return Ok(Self::Bearer {
                        realm: realm::check(transport, registry, &realm)?,
                        service: of("service"),
                    });
                }
                basic |= scheme.eq_ignore_ascii_case("basic");
            }
        }
        if basic { Ok(Self::Basic) } else { Err(unknown("401 without a challenge of basic or bearer")) }
    }
}

type Scheme = (String, Vec<(String, String)>);

/// The schemes of one field with their parameters, names in lower case.
fn schemes(text: &str) -> Option<Vec<Scheme>> {
    let mut found: Vec<Scheme> = Vec::new();
    let mut rest = text.trim_start_matches([' ', ',']);
    while !rest.is_empty() {
        let end = rest.find(|c: char| !is_token(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        if word.is_empty() {
            return None;
        }
        if let Some(value) = after.trim_start().strip_prefix('=') {
            let (value, after) = parameter(value.trim_start())?;
            found.last_mut()?.1.push((word.to_ascii_lowercase(), value));
            rest = after.trim_start_matches([' ', '\t', ',']);
        } else {
            found.push((word.to_owned(), Vec::new()));
            rest = after.trim_start_matches([' ', '\t', ',']);
        }
    }
    Some(found)
}

/// A token or a quoted string, and what follows it.
fn parameter(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ' ']).unwrap_or(text.len());
        let (value, rest) = text.split_at(end);
        return Some((value.to_owned(), rest));
    };
    let mut value = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, quoted.get(at + 1..)?)),
            '\\' => value.push(chars.next()?.1),
            c => value.push(c),
        }
    }
    None
}

fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_as_registries_write_them() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            schemes(
                r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="a:b:pull,push""#
            ),
            Some(vec![(
                "Bearer".to_owned(),
                vec![
                    pair("realm", "https://auth.docker.io/token"),
                    pair("service", "registry.docker.io"),
                    pair("scope", "a:b:pull,push")
                ]
            )])
        );
        let two = schemes(r#"Basic realm="a \"b\", c", Bearer Realm=x"#).unwrap();
        assert_eq!(two[0], ("Basic".to_owned(), vec![pair("realm", "a \"b\", c")]));
        assert_eq!(two[1], ("Bearer".to_owned(), vec![pair("realm", "x")]));
        for bad in ["realm=\"x\"", "Bearer realm=\"x", "Bearer \u{1}", "Bearer realm=\"x\\"] {
            assert_eq!(schemes(bad), None, "{bad}");
        }
    }
}
