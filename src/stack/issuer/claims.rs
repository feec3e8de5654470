//! What a token of each kind claims: sound defaults, and parameters in the platforms' own words.

use super::IssueError;
use crate::base::crypto::sha256;
use crate::base::encoding::hex;
use crate::base::encoding::json::Json;
use crate::stack::config::IssuerKind;

/// A request for a token: a kind, and parameters that replace its defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRequest {
    kind: IssuerKind,
    parameters: Vec<(&'static str, String)>,
}

type Claim = (std::borrow::Cow<'static, str>, Json<'static>);

/// The parameters of each kind, with their defaults.
const fn parameters(kind: IssuerKind) -> &'static [(&'static str, &'static str)] {
    match kind {
        IssuerKind::Email => &[("email", "signer@sealmark.localhost")],
        IssuerKind::Uri => &[("sub", "https://sealmark.localhost/workload")],
        IssuerKind::Username => &[("sub", "signer")],
        IssuerKind::GithubWorkflow => &[
            ("repository", "acme/app"),
            ("workflow", "release.yml"),
            ("ref", "refs/tags/v1.0.0"),
            ("sha", ""),
            ("event_name", "push"),
            ("environment", ""),
            ("runner_environment", "github-hosted"),
            ("repository_visibility", "private"),
            ("run_id", "1"),
            ("run_attempt", "1"),
        ],
        IssuerKind::GitlabPipeline => &[
            ("project_path", "acme/app"),
            ("ref", "v1.0.0"),
            ("ref_type", "tag"),
            ("sha", ""),
            ("pipeline_source", "push"),
            ("environment", ""),
            ("runner_environment", "gitlab-hosted"),
            ("project_visibility", "private"),
            ("job_id", "1"),
        ],
    }
}

impl TokenRequest {
    /// The default token of a kind.
    pub fn new(kind: IssuerKind) -> Self {
        let parameters = parameters(kind).iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Self { kind, parameters }
    }

    /// A person's.
    pub fn email(address: &str) -> Self {
        let mut request = Self::new(IssuerKind::Email);
        request.put("email", address);
        request
    }

    /// The kind.
    pub fn kind(&self) -> IssuerKind {
        self.kind
    }

    /// The same with a parameter of this kind replaced.
    pub fn with(mut self, name: &str, value: &str) -> Result<Self, IssueError> {
        if !self.put(name, value) {
            return Err(IssueError::Unknown { name: name.chars().take(64).collect() });
        }
        Ok(self)
    }

    fn put(&mut self, name: &str, value: &str) -> bool {
        let place = self.parameters.iter_mut().find(|(known, _)| *known == name);
        place.map(|(_, place)| value.clone_into(place)).is_some()
    }

    fn value(&self, name: &str) -> &str {
        self.parameters.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value)
    }

    /// The claims beside those that every token has.
    pub(super) fn claims(&self) -> Result<Vec<Claim>, IssueError> {
        for (name, value) in &self.parameters {
            if value.len() > 512 || value.chars().any(|c| c.is_control() || c == ' ') {
                return Err(IssueError::Value { name, expected: "is longer than 512 bytes, or has spaces in it" });
            }
        }
        match self.kind {
            IssuerKind::Email => {
                let email = self.value("email");
                Ok(vec![text("sub", email), text("email", email), ("email_verified".into(), Json::Bool(true))])
            }
            IssuerKind::Uri | IssuerKind::Username => Ok(vec![text("sub", self.value("sub"))]),
            IssuerKind::GithubWorkflow => self.github(),
            IssuerKind::GitlabPipeline => self.gitlab(),
        }
    }

    /// A commit: as asked, or one that belongs to the ref.
    fn commit(&self) -> String {
        match self.value("sha") {
            "" => hex::encode(&sha256(&[self.value("ref").as_bytes()])[..20]),
            sha => sha.to_owned(),
        }
    }

    /// <https://docs.github.com/en/actions/reference/security/oidc>
    fn github(&self) -> Result<Vec<Claim>, IssueError> {
        let (repository, reference, environment) =
            (self.value("repository"), self.value("ref"), self.value("environment"));
        let expected = "is not OWNER/NAME";
        let (owner, _) = repository.split_once('/').ok_or(IssueError::Value { name: "repository", expected })?;
        let reference_type = match reference.split('/').nth(1) {
            Some("tags") => "tag",
            Some("heads") => "branch",
            _ => return Err(IssueError::Value { name: "ref", expected: "is not refs/tags/… or refs/heads/…" }),
        };
        let workflow = format!("{repository}/.github/workflows/{}@{reference}", self.value("workflow"));
        let context =
            if environment.is_empty() { format!("ref:{reference}") } else { format!("environment:{environment}") };
        let commit = self.commit();
        let mut claims = vec![
            text("sub", &format!("repo:{repository}:{context}")),
            text("repository", repository),
            text("repository_owner", owner),
            text("repository_id", &id(repository)),
            text("repository_owner_id", &id(owner)),
            text("repository_visibility", self.value("repository_visibility")),
            text("ref", reference),
            text("ref_type", reference_type),
            text("sha", &commit),
            text("workflow", self.value("workflow").trim_end_matches(".yml")),
            text("workflow_ref", &workflow),
            text("workflow_sha", &commit),
            text("job_workflow_ref", &workflow),
            text("job_workflow_sha", &commit),
            text("event_name", self.value("event_name")),
            text("runner_environment", self.value("runner_environment")),
            text("run_id", self.value("run_id")),
            text("run_number", self.value("run_id")),
            text("run_attempt", self.value("run_attempt")),
            text("actor", owner),
            text("actor_id", &id(owner)),
        ];
        if !environment.is_empty() {
            claims.push(text("environment", environment));
        }
        Ok(claims)
    }

    /// <https://docs.gitlab.com/ci/secrets/id_token_authentication/>
    fn gitlab(&self) -> Result<Vec<Claim>, IssueError> {
        let (project, reference, kind) = (self.value("project_path"), self.value("ref"), self.value("ref_type"));
        let expected = "is not GROUP/NAME";
        let (namespace, _) = project.rsplit_once('/').ok_or(IssueError::Value { name: "project_path", expected })?;
        let full = match kind {
            "tag" => format!("refs/tags/{reference}"),
            "branch" => format!("refs/heads/{reference}"),
            _ => return Err(IssueError::Value { name: "ref_type", expected: "is not tag or branch" }),
        };
        let mut claims = vec![
            text("sub", &format!("project_path:{project}:ref_type:{kind}:ref:{reference}")),
            text("project_path", project),
            text("project_id", &id(project)),
            text("project_visibility", self.value("project_visibility")),
            text("namespace_path", namespace),
            text("namespace_id", &id(namespace)),
            text("ref", reference),
            text("ref_type", kind),
            text("ref_path", &full),
            text("sha", &self.commit()),
            text("ci_config_ref_uri", &format!("gitlab.com/{project}//.gitlab-ci.yml@{full}")),
            text("ci_config_sha", &self.commit()),
            text("pipeline_source", self.value("pipeline_source")),
            text("pipeline_id", self.value("job_id")),
            text("job_id", self.value("job_id")),
            ("runner_id".into(), Json::Integer(1)),
            text("runner_environment", self.value("runner_environment")),
            text("user_login", "signer"),
        ];
        if !self.value("environment").is_empty() {
            claims.push(text("environment", self.value("environment")));
        }
        Ok(claims)
    }
}

fn text(name: &'static str, value: &str) -> Claim {
    (name.into(), Json::String(value.to_owned().into()))
}

/// A number that belongs to a name, as the platforms' immutable ids do.
fn id(name: &str) -> String {
    let [a, b, c, d, ..] = sha256(&[name.as_bytes()]);
    u32::from_be_bytes([0, a.max(1), b, c ^ d]).to_string()
}
