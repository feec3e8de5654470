//! GitHub Actions: a token is requested from the runner's own service
//! (<https://docs.github.com/actions/reference/security/oidc>).
//!
//! Forgejo and Gitea set `GITHUB_ACTIONS` too; they are left alone here, as their permissions work
//! another way.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use thiserror::Error;
use zeroize::{Zeroize as _, Zeroizing};

use super::{IdToken, IdentityError, IdentityTokenSource, is_true};
use crate::base::encoding::json::Json;
use crate::base::limits;
use crate::service::BoxFuture;
use crate::service::environment::Environment;
use crate::service::http::{Endpoint, HttpClient, HttpError, Request, Service};

const ORIGIN: &str = "GitHub Actions";
const URL: &str = "ACTIONS_ID_TOKEN_REQUEST_URL";
const TOKEN: &str = "ACTIONS_ID_TOKEN_REQUEST_TOKEN";

/// Requests the token of a job.
#[derive(Debug)]
pub struct GithubActions {
    environment: Arc<dyn Environment>,
    http: HttpClient,
}

impl GithubActions {
    /// Looks into this environment and asks with this client.
    pub fn new(environment: Arc<dyn Environment>, http: HttpClient) -> Self {
        Self { environment, http }
    }

    async fn request(&self, audience: &str) -> Result<IdToken, IdentityError> {
        let environment = &*self.environment;
        let refused = |problem| MissingPermission::new(environment, problem);
        let url = environment.var(URL).ok_or_else(|| refused(Problem::Unset(URL)))?;
        let bearer = Zeroizing::new(environment.var(TOKEN).ok_or_else(|| refused(Problem::Unset(TOKEN)))?);
        let endpoint = Endpoint::parse(Service::IdentityProvider, &url)?.with_query("audience", audience);
        let request = Request {
            service: Service::IdentityProvider,
            endpoint: &endpoint,
            accept: "application/json",
            body: None,
            bearer: Some(&bearer),
            expected: &[200],
            secrets: &[],
        };
        let mut response = match self.http.send(request).await {
            Err(HttpError::Refused { status: status @ (401 | 403), answer, .. }) => {
                return Err(refused(Problem::Answer { status, answer }).into());
            }
            other => other?,
        };
        let value = Json::parse(&response.body).ok().and_then(|json| Some(json.member("value")?.as_str()?.to_owned()));
        response.body.zeroize();
        let malformed = || HttpError::Malformed {
            service: Service::IdentityProvider,
            url: endpoint.to_string(),
            problem: "a JSON object with a text \"value\" is expected",
        };
        IdToken::new(Zeroizing::new(value.ok_or_else(malformed)?), ORIGIN)
    }
}

impl IdentityTokenSource for GithubActions {
    fn name(&self) -> &'static str {
        ORIGIN
    }

    fn detect<'a>(&'a self, audience: &'a str) -> BoxFuture<'a, Result<Option<IdToken>, IdentityError>> {
        Box::pin(async move {
            if !is_true(&*self.environment, "GITHUB_ACTIONS") || impostor(&*self.environment).is_some() {
                return Ok(None);
            }
            self.request(audience).await.map(Some)
        })
    }
}

/// A platform that looks like GitHub Actions and is not.
pub(super) fn impostor(environment: &dyn Environment) -> Option<&'static str> {
    [("FORGEJO_ACTIONS", "Forgejo Actions"), ("GITEA_ACTIONS", "Gitea Actions")]
        .into_iter()
        .find_map(|(variable, name)| is_true(environment, variable).then_some(name))
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
    Unset(&'static str),
    Answer { status: u16, answer: String },
}

impl MissingPermission {
    fn new(environment: &dyn Environment, problem: Problem) -> Self {
        Self {
            problem,
            workflow: environment.var("GITHUB_WORKFLOW_REF").as_deref().and_then(workflow_file),
            job: environment.var("GITHUB_JOB"),
            event: environment.var("GITHUB_EVENT_NAME"),
            from_fork: is_fork_event(environment),
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

/// Whether the job's event is a pull request from a fork.
fn is_fork_event(environment: &dyn Environment) -> bool {
    let fork = || {
        let path = environment.var("GITHUB_EVENT_PATH")?;
        let event = environment.read(Path::new(&path), limits::CI_EVENT_BYTES).ok()?;
        let json = Json::parse(&event).ok()?;
        Some(*json.member("pull_request")?.member("head")?.member("repo")?.member("fork")? == Json::Bool(true))
    };
    environment.var("GITHUB_EVENT_NAME").is_some_and(|name| name == "pull_request") && fork().unwrap_or(false)
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
        f.write_str(
            "\ngrant it on the job, or on the workflow:\n    \
             permissions:\n      \
               id-token: write\n      \
               contents: read  # naming one permission sets all others to none",
        )?;
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
