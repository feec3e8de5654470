//! Claims to names and extensions:
//! <https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md>,
//! <https://github.com/sigstore/fulcio/blob/main/docs/oidc.md>

use super::{AuthenticationError, Principal, TrustedIssuer};
use crate::format::jwt::{ClaimValue, Claims};
use crate::format::x509::San;
use crate::stack::config::IssuerKind;

/// The principal of a verified token.
pub(super) fn principal(issuer: &TrustedIssuer, claims: &Claims) -> Result<Principal, AuthenticationError> {
    let reader = Reader(claims);
    let subject = reader.text("sub")?;
    let (challenge, san, mut extensions) = match issuer.kind {
        IssuerKind::Email => {
            let email = email(claims, &reader)?;
            (email.clone(), San::Email(email), Vec::new())
        }
        IssuerKind::Uri => {
            let (_, rest) = subject.split_once("://").ok_or(AuthenticationError::Claim { claim: "sub" })?;
            in_domain(issuer, rest.split('/').next().unwrap_or_default())?;
            (subject.clone(), San::Uri(name("sub", subject.clone())?), Vec::new())
        }
        IssuerKind::Username => {
            if subject.contains('!') {
                return Err(AuthenticationError::Domain { domain: issuer.domain.clone() });
            }
            let username = name("sub", format!("{subject}!{}", issuer.domain))?;
            (subject.clone(), San::Username(username), Vec::new())
        }
        IssuerKind::GithubWorkflow => {
            let (uri, extensions) = github(&issuer.server_url, &reader)?;
            (subject.clone(), San::Uri(name("job_workflow_ref", uri)?), extensions)
        }
        IssuerKind::GitlabPipeline => {
            let (uri, extensions) = gitlab(&issuer.server_url, &reader)?;
            (subject.clone(), San::Uri(name("ci_config_ref_uri", uri)?), extensions)
        }
    };
    // The deprecated forms come before the issuer in its current form, as in the reference.
    let current = extensions.iter().position(|(arc, _)| *arc > 8).unwrap_or(extensions.len());
    extensions.insert(current, (8, issuer.url.clone()));
    extensions.insert(0, (1, issuer.url.clone()));
    extensions.push((24, subject));
    Ok(Principal { challenge, san, claims: extensions })
}

fn in_domain(issuer: &TrustedIssuer, host: &str) -> Result<(), AuthenticationError> {
    if host == issuer.domain && !host.is_empty() {
        return Ok(());
    }
    Err(AuthenticationError::Domain { domain: issuer.domain.clone() })
}

/// A verified address of one plain form: `local@domain`, both of unquoted ASCII.
fn email(claims: &Claims, reader: &Reader<'_>) -> Result<String, AuthenticationError> {
    if claims.get("email_verified") != Some(&ClaimValue::Bool(true)) {
        return Err(AuthenticationError::EmailNotVerified);
    }
    let email = reader.text("email")?;
    let plain = |part: &str, more: &str| {
        let dots = !part.starts_with('.') && !part.ends_with('.') && !part.contains("..");
        !part.is_empty() && dots && part.bytes().all(|c| c.is_ascii_alphanumeric() || more.as_bytes().contains(&c))
    };
    let fits = email.len() <= 254
        && email.split_once('@').is_some_and(|(local, domain)| {
            local.len() <= 64 && plain(local, ".!#$%&'*+/=?^_`{|}~-") && plain(domain, ".-")
        });
    if fits { Ok(email) } else { Err(AuthenticationError::Claim { claim: "email" }) }
}

/// A name that verifiers take: printable ASCII without spaces.
fn name(claim: &'static str, text: String) -> Result<String, AuthenticationError> {
    let clean = text.len() <= 2048 && text.bytes().all(|c| c.is_ascii_graphic());
    if clean { Ok(text) } else { Err(AuthenticationError::Claim { claim }) }
}

type Mapped = (String, Vec<(u8, String)>);

fn github(server: &str, claims: &Reader<'_>) -> Result<Mapped, AuthenticationError> {
    let at = |path: String| format!("{server}/{path}");
    let text = |claim| claims.text(claim);
    let uri = at(text("job_workflow_ref")?);
    let repository = text("repository")?;
    let run = format!("{repository}/actions/runs/{}/attempts/{}", text("run_id")?, text("run_attempt")?);
    let mut extensions = vec![
        (2, text("event_name")?),
        (3, text("sha")?),
        (4, text("workflow")?),
        (5, repository.clone()),
        (6, text("ref")?),
        (9, uri.clone()),
        (10, text("job_workflow_sha")?),
        (11, text("runner_environment")?),
        (12, at(repository)),
        (13, text("sha")?),
        (14, text("ref")?),
        (15, text("repository_id")?),
        (16, at(text("repository_owner")?)),
        (17, text("repository_owner_id")?),
        (18, at(text("workflow_ref")?)),
        (19, text("workflow_sha")?),
        (20, text("event_name")?),
        (21, at(run)),
        (22, text("repository_visibility")?),
    ];
    extensions.extend(claims.optional("environment")?.map(|environment| (23, environment)));
    Ok((uri, extensions))
}

fn gitlab(server: &str, claims: &Reader<'_>) -> Result<Mapped, AuthenticationError> {
    let at = |path: String| format!("{server}/{path}");
    let text = |claim| claims.text(claim);
    let uri = format!("https://{}", text("ci_config_ref_uri")?);
    let project = text("project_path")?;
    let folder = match text("ref_type")?.as_str() {
        "branch" => "heads",
        "tag" => "tags",
        _ => return Err(AuthenticationError::Claim { claim: "ref_type" }),
    };
    let mut extensions = vec![
        (9, uri.clone()),
        (10, text("ci_config_sha")?),
        (11, text("runner_environment")?),
        (12, at(project.clone())),
        (13, text("sha")?),
        (14, format!("refs/{folder}/{}", text("ref")?)),
        (15, text("project_id")?),
        (16, at(text("namespace_path")?)),
        (17, text("namespace_id")?),
        (18, uri.clone()),
        (19, text("ci_config_sha")?),
        (20, text("pipeline_source")?),
        (21, at(format!("{project}/-/jobs/{}", text("job_id")?))),
        (22, text("project_visibility")?),
    ];
    extensions.extend(claims.optional("environment")?.map(|environment| (23, environment)));
    Ok((uri, extensions))
}

/// Reads claims into text that a certificate may carry.
struct Reader<'a>(&'a Claims);

impl Reader<'_> {
    /// A claim that must be there: a string, or an integer written out exactly.
    fn text(&self, claim: &'static str) -> Result<String, AuthenticationError> {
        self.optional(claim)?.ok_or(AuthenticationError::Claim { claim })
    }

    /// A claim that may be absent or empty.
    fn optional(&self, claim: &'static str) -> Result<Option<String>, AuthenticationError> {
        let text = match self.0.get(claim) {
            None => return Ok(None),
            Some(ClaimValue::Text(text)) => text.clone(),
            Some(ClaimValue::Integer(number)) => number.to_string(),
            Some(_) => return Err(AuthenticationError::Claim { claim }),
        };
        if text.len() > 2048 || text.chars().any(char::is_control) {
            return Err(AuthenticationError::Claim { claim });
        }
        Ok(Some(text).filter(|text| !text.is_empty()))
    }
}
