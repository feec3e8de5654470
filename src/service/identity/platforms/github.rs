//! GitHub Actions: a token is requested from the runner's own service.
//!
//! Forgejo and Gitea set `GITHUB_ACTIONS` too; they are left alone here, as their permissions work
//! another way.

use std::fmt;
use std::path::Path;

use thiserror::Error;

use crate::service::BoxFuture;
use crate::service::environment::Environment;
use crate::service::identity::ask::{Ask, Call, CallError, Site};
use crate::service::identity::platform::{Fix, Mark, Platform, Run, Search};
use crate::service::identity::{Fork, IdToken, IdentityError, fork};

const URL: &str = "ACTIONS_ID_TOKEN_REQUEST_URL";
const TOKEN: &str = "ACTIONS_ID_TOKEN_REQUEST_TOKEN";

/// The runner's service, which others have too.
pub(super) const CALL: Call = Call {
    post: false,
    url: "{ACTIONS_ID_TOKEN_REQUEST_URL}",
    query: &[("audience", "{audience}")],
    headers: &[],
    authorization: Some(("Bearer", TOKEN)),
    body: None,
    value: Some("value"),
    socket: None,
};

pub(super) static PLATFORM: Platform = Platform {
    key: "github",
    name: "GitHub Actions",
    search: Search::Automatic,
    marks: &[
        Mark::Is("GITHUB_ACTIONS", "true"),
        Mark::Not(&Mark::Is("FORGEJO_ACTIONS", "true")),
        Mark::Not(&Mark::Is("GITEA_ACTIONS", "true")),
    ],
    ask: &[Ask::Own { how: "`GET {ACTIONS_ID_TOKEN_REQUEST_URL}&audience={audience}`", find }],
    issuer: "https://token.actions.githubusercontent.com (with /ENTERPRISE where an enterprise chose that); \
             Enterprise Server: https://HOST/_services/token; GHE.com: https://token.actions.SUBDOMAIN.ghe.com",
    public: &["https://token.actions.githubusercontent.com", "https://token.actions.githubusercontent.com/*"],
    claims: "job_workflow_ref, job_workflow_sha, repository, repository_id, repository_owner_id, ref, sha, event_name, \
             runner_environment, repository_visibility",
    san: "https://github.com/{job_workflow_ref}",
    fix: Fix {
        say: "grant it on the job, or on the workflow:",
        lines: "\
permissions:
  id-token: write
  contents: read  # naming one permission sets all others to none",
        language: "yaml",
    },
    documentation: "https://docs.github.com/actions/reference/security/oidc",
    run: Run { against: "a strict fake of the runner's service", test: "github_requests_a_token_for_the_audience" },
};

/// The server of the GitHub that this issuer belongs to: its own, an enterprise's below `ghe.com`
/// (<https://docs.github.com/enterprise-cloud@latest/admin/data-residency/feature-overview-for-github-enterprise-cloud-with-data-residency>),
/// or an Enterprise Server, whose issuer is a path of it.
pub fn server(issuer: &str) -> Option<String> {
    let (host, path) = issuer.strip_prefix("https://").map(|rest| rest.split_once('/').unwrap_or((rest, "")))?;
    let server = match (host.strip_prefix("token.actions."), path) {
        (Some("githubusercontent.com"), _) => "github.com",
        (Some(tenant), "") if tenant.ends_with(".ghe.com") => tenant,
        (_, "_services/token") => host,
        _ => return None,
    };
    Some(format!("https://{server}"))
}

fn find<'a>(site: &'a Site, audience: &'a str) -> BoxFuture<'a, Result<Option<IdToken>, IdentityError>> {
    Box::pin(async move {
        let refused = |problem| MissingPermission::new(&*site.environment, problem);
        match site.call(&CALL, PLATFORM.name, audience).await {
            Ok(token) => Ok(Some(token)),
            Err(CallError::Unset(variable)) => Err(refused(Problem::Unset(variable)).into()),
            Err(CallError::Refused { status, answer, .. }) => Err(refused(Problem::Answer { status, answer }).into()),
            Err(CallError::Other(error)) => Err(error),
        }
    })
}

/// A job that may not request a token: what was seen, the lines that grant it, and the notes that apply.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct MissingPermission {
    problem: Problem,
    workflow: Option<String>,
    job: Option<String>,
    event: Option<String>,
    from_fork: bool,
    in_container: bool,
    under_sudo: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Problem {
    Unset(String),
    Answer { status: u16, answer: String },
}

impl MissingPermission {
    fn new(environment: &dyn Environment, problem: Problem) -> Self {
        Self {
            problem,
            workflow: environment.var("GITHUB_WORKFLOW_REF").as_deref().and_then(workflow_file),
            job: environment.var("GITHUB_JOB"),
            event: environment.var("GITHUB_EVENT_NAME"),
            from_fork: fork(environment) == Some(Fork::WithoutToken),
            in_container: environment.exists(Path::new("/.dockerenv")),
            under_sudo: environment.var("SUDO_USER").is_some(),
        }
    }
}

impl From<MissingPermission> for IdentityError {
    fn from(missing: MissingPermission) -> Self {
        Self::GithubPermission(Box::new(missing))
    }
}

/// `release.yml` of `owner/repo/.github/workflows/release.yml@refs/heads/main`.
fn workflow_file(reference: &str) -> Option<String> {
    let (path, _) = reference.split_once('@')?;
    path.rsplit('/').next().map(str::to_owned)
}

impl fmt::Display for MissingPermission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this GitHub Actions job may not request an identity token: ")?;
        match &self.problem {
            Problem::Unset(variable) => write!(f, "{variable} is not set")?,
            Problem::Answer { status, answer } => write!(f, "the token service answered {status}: {answer}")?,
        }
        let seen: Vec<String> = [("workflow", &self.workflow), ("job", &self.job), ("event", &self.event)]
            .into_iter()
            .filter_map(|(what, value)| value.as_ref().map(|value| format!("{what} {value:?}")))
            .collect();
        if !seen.is_empty() {
            write!(f, " ({})", seen.join(", "))?;
        }
        write!(f, "\n{}", PLATFORM.fix.text(""))?;
        if self.from_fork {
            f.write_str(
                "\nnote: this pull request comes from a fork, and those get no tokens: \
                 sign on push, on a tag or on workflow_run",
            )?;
        }
        f.write_str("\nnote: in a reusable workflow the calling job must grant it as well")?;
        if self.in_container || self.under_sudo {
            let how = if self.in_container { "this container" } else { "sudo" };
            write!(f, "\nnote: pass {URL} and {TOKEN} through to {how}")?;
        }
        f.write_str("\nor supply a token yourself with --identity-token-file or SIGSTORE_ID_TOKEN")
    }
}
