//! Claims to names and extensions:
//! <https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md>,
//! <https://github.com/sigstore/fulcio/blob/main/docs/oidc.md>

use super::{AuthenticationError, Principal, SubjectKind};
use crate::format::jwt::{ClaimValue, Claims};
use crate::format::x509::San;

/// Bytes of a claim that may stand in a certificate.
const CLAIM_BYTES: usize = 2048;

/// The principal of a verified token of the issuer at `url`.
pub(super) fn principal(kind: &SubjectKind, url: &str, claims: &Claims) -> Result<Principal, AuthenticationError> {
    let subject = require(claims, "sub")?;
    let mut issuer = url.to_owned();
    let (challenge, san, mut extensions) = match kind {
        SubjectKind::Email { issuer_claim } => {
            if let Some(path) = issuer_claim {
                issuer = nested(claims, path)?;
            }
            let email = email(claims)?;
            (email.clone(), San::Email(email), Vec::new())
        }
        SubjectKind::Uri { domain } => (subject.clone(), San::Uri(uri(&subject, domain)?), Vec::new()),
        SubjectKind::Username { domain } => {
            if subject.contains('!') {
                return Err(AuthenticationError::Domain { domain: domain.clone() });
            }
            let username = name("sub", format!("{subject}!{domain}"))?;
            (subject.clone(), San::Username(username), Vec::new())
        }
        SubjectKind::Spiffe { trust_domain } => {
            (subject.clone(), San::Uri(spiffe_id(&subject, trust_domain)?), Vec::new())
        }
        SubjectKind::Kubernetes => (subject.clone(), San::Uri(service_account(&subject)?), Vec::new()),
        SubjectKind::Chainguard => {
            // As its clients prove possession: over the address where the token has one.
            let challenge = if text(claims, "email")?.is_some() { email(claims)? } else { subject.clone() };
            (challenge, San::Uri(below(url, &subject)?), Vec::new())
        }
        SubjectKind::CiProvider { provider, .. } => {
            let (uri, extensions) = provider.fields(claims)?;
            let absolute = uri.split_once("://").is_some_and(|(scheme, rest)| {
                !rest.is_empty() && !scheme.is_empty() && scheme.bytes().all(|c| c.is_ascii_alphanumeric())
            });
            if !absolute {
                return Err(AuthenticationError::claim("name"));
            }
            (subject.clone(), San::Uri(name("name", uri)?), extensions)
        }
    };
    // The deprecated forms come before the issuer in its current form, as in the reference.
    let current = extensions.iter().position(|(arc, _)| *arc > 8).unwrap_or(extensions.len());
    extensions.insert(current, (8, issuer.clone()));
    extensions.insert(0, (1, issuer));
    extensions.push((24, subject));
    Ok(Principal { challenge, san, claims: extensions })
}

/// A URI of a domain: `host`, or `scheme://host`.
fn uri(subject: &str, domain: &str) -> Result<String, AuthenticationError> {
    let (scheme, rest) = subject.split_once("://").ok_or(AuthenticationError::claim("sub"))?;
    let host = rest.split('/').next().unwrap_or_default();
    let ours = match domain.split_once("://") {
        Some((wanted, domain)) => scheme == wanted && host == domain,
        None => host == domain,
    };
    if host.is_empty() || !ours {
        return Err(AuthenticationError::Domain { domain: domain.to_owned() });
    }
    name("sub", subject.to_owned())
}

/// A SPIFFE ID of a trust domain, with a path.
/// <https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE-ID.md>, section 2
fn spiffe_id(subject: &str, trust_domain: &str) -> Result<String, AuthenticationError> {
    let rest = subject.strip_prefix("spiffe://").ok_or(AuthenticationError::claim("sub"))?;
    let (domain, path) = rest.split_once('/').unwrap_or((rest, ""));
    if domain != trust_domain {
        return Err(AuthenticationError::Domain { domain: trust_domain.to_owned() });
    }
    let segment = |segment: &str| {
        let plain = |c: u8| c.is_ascii_alphanumeric() || b".-_".contains(&c);
        !["", ".", ".."].contains(&segment) && segment.bytes().all(plain)
    };
    if path.split('/').all(segment) { name("sub", subject.to_owned()) } else { Err(AuthenticationError::claim("sub")) }
}

/// A Kubernetes service account, `system:serviceaccount:NAMESPACE:NAME`.
/// <https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/>
fn service_account(subject: &str) -> Result<String, AuthenticationError> {
    let wrong = || AuthenticationError::claim("sub");
    let account = subject.strip_prefix("system:serviceaccount:").ok_or_else(wrong)?;
    let (namespace, account) = account.split_once(':').ok_or_else(wrong)?;
    let plain = |name: &str, more: &[u8]| {
        let byte = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || more.contains(&c);
        !name.is_empty() && name.len() <= 253 && name.bytes().all(byte)
    };
    if !plain(namespace, b"-") || !plain(account, b"-.") {
        return Err(wrong());
    }
    Ok(format!("https://kubernetes.io/namespaces/{namespace}/serviceaccounts/{account}"))
}

/// A subject as a path below its issuer, which no part of it leads out of.
fn below(url: &str, subject: &str) -> Result<String, AuthenticationError> {
    let segment = |segment: &str| {
        let plain = |c: u8| c.is_ascii_alphanumeric() || b"-._~:@".contains(&c);
        !["", ".", ".."].contains(&segment) && segment.bytes().all(plain)
    };
    match subject.split('/').all(segment) {
        true => name("sub", format!("{}/{subject}", url.trim_end_matches('/'))),
        false => Err(AuthenticationError::claim("sub")),
    }
}

/// A verified address of one plain form: `local@domain`, both of unquoted ASCII.
fn email(claims: &Claims) -> Result<String, AuthenticationError> {
    if claims.get("email_verified") != Some(&ClaimValue::Bool(true)) {
        return Err(AuthenticationError::EmailNotVerified);
    }
    let email = require(claims, "email")?;
    let plain = |part: &str, more: &str| {
        let dots = !part.starts_with('.') && !part.ends_with('.') && !part.contains("..");
        !part.is_empty() && dots && part.bytes().all(|c| c.is_ascii_alphanumeric() || more.as_bytes().contains(&c))
    };
    let fits = email.len() <= 254
        && email.split_once('@').is_some_and(|(local, domain)| {
            local.len() <= 64 && plain(local, ".!#$%&'*+/=?^_`{|}~-") && plain(domain, ".-")
        });
    if fits { Ok(email) } else { Err(AuthenticationError::claim("email")) }
}

/// A name that verifiers take: printable ASCII without spaces.
fn name(claim: &str, text: String) -> Result<String, AuthenticationError> {
    let clean = text.len() <= CLAIM_BYTES && text.bytes().all(|c| c.is_ascii_graphic());
    if clean { Ok(text) } else { Err(AuthenticationError::claim(claim)) }
}

/// A claim that must be there: a string, or an integer written out exactly.
fn require(claims: &Claims, claim: &str) -> Result<String, AuthenticationError> {
    text(claims, claim)?.ok_or_else(|| AuthenticationError::claim(claim))
}

/// A claim that may be absent or empty.
pub(in crate::stack::ca) fn text(claims: &Claims, claim: &str) -> Result<Option<String>, AuthenticationError> {
    claims.get(claim).map_or(Ok(None), |value| clean(value).ok_or_else(|| AuthenticationError::claim(claim)))
}

/// A claim within others.
fn nested(claims: &Claims, path: &[String]) -> Result<String, AuthenticationError> {
    let wrong = || AuthenticationError::claim(&path.join("."));
    let (first, rest) = path.split_first().ok_or_else(wrong)?;
    let value = rest.iter().try_fold(claims.get(first).ok_or_else(wrong)?, |value, name| match value {
        ClaimValue::Object(members) => members.iter().find(|(key, _)| key == name).map(|(_, value)| value),
        _ => None,
    });
    value.and_then(clean).flatten().ok_or_else(wrong)
}

/// Text that a certificate may carry; `Some(None)` when it is empty.
fn clean(value: &ClaimValue) -> Option<Option<String>> {
    let text = match value {
        ClaimValue::Text(text) => text.clone(),
        ClaimValue::Integer(number) => number.to_string(),
        _ => return None,
    };
    if text.len() > CLAIM_BYTES || text.chars().any(char::is_control) {
        return None;
    }
    Some(Some(text).filter(|text| !text.is_empty()))
}
