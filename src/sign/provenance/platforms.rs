//! The platforms whose tokens say what a job built: one row each. `{claim}` stands for a claim of the token.

use crate::service::identity::{TokenClaims, github_server};

/// A field of the provenance.
#[derive(Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name; a dot is a level.
    pub name: &'static str,
    /// Its value.
    pub template: &'static str,
    /// Whether there is no provenance without it.
    pub needed: bool,
}

const fn must(name: &'static str, template: &'static str) -> Field {
    Field { name, template, needed: true }
}

const fn may(name: &'static str, template: &'static str) -> Field {
    Field { name, template, needed: false }
}

/// Where the name of what was built is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryPoint {
    /// Nowhere that we know.
    Nowhere,
    /// In claims.
    Claimed(&'static str),
    /// In this variable, which no claim confirms.
    Said(&'static str),
}

/// A platform: how its tokens are known, and what they say of a build.
#[derive(Debug)]
pub struct Platform {
    /// The name that people know it by.
    pub name: &'static str,
    /// Claims that its tokens have, all of them, and no other platform's.
    pub known_by: &'static [&'static str],
    /// Variables that every job of it has.
    pub marks: &'static [&'static str],
    /// How the parameters are to be read.
    pub build_type: &'static str,
    /// `externalParameters`
    pub external: &'static [Field],
    /// `internalParameters`
    pub internal: &'static [Field],
    /// What was built of the source.
    pub entry_point: EntryPoint,
    /// The variable with the time at which the job started, where jobs have one.
    pub started: Option<&'static str>,
    /// Variables that are repeated below `internalParameters.environment`: no claim says them.
    pub environment: &'static [&'static str],
    /// Variables that say what a claim says.
    pub agreement: &'static [(&'static str, &'static str)],
    /// The URI of the source and its commit.
    pub source: Option<(&'static str, &'static str)>,
    /// `runDetails.builder.id`
    pub builder: &'static str,
    /// `runDetails.metadata.invocationId`
    pub invocation: &'static str,
    /// What follows from claims and has no claim of its own.
    pub derive: fn(&TokenClaims) -> Vec<(&'static str, String)>,
}

impl Platform {
    pub(super) fn claims_of(&self, claims: &TokenClaims) -> bool {
        // Forgejo's tokens resemble GitHub's, and its jobs are no runs of GitHub's build type.
        let forgejo = claims.issuer().is_some_and(|issuer| issuer.trim_end_matches('/').ends_with("/api/actions"));
        !forgejo && self.known_by.iter().all(|claim| claims.scalar(claim).is_some())
    }
}

/// Every platform.
pub static PLATFORMS: &[Platform] = &[
    // As actions/attest-build-provenance writes it.
    Platform {
        name: "GitHub Actions",
        known_by: &["job_workflow_ref", "workflow_ref"],
        marks: &["GITHUB_ACTIONS"],
        build_type: "https://actions.github.io/buildtypes/workflow/v1",
        external: &[
            must("workflow.ref", "{workflow_at}"),
            must("workflow.repository", "{server}/{repository}"),
            must("workflow.path", "{workflow_path}"),
        ],
        internal: &[
            may("github.event_name", "{event_name}"),
            may("github.repository_id", "{repository_id}"),
            may("github.repository_owner_id", "{repository_owner_id}"),
            may("github.runner_environment", "{runner_environment}"),
        ],
        entry_point: EntryPoint::Claimed("{workflow_path}"),
        started: None,
        environment: &[],
        agreement: &[
            ("GITHUB_SERVER_URL", "{server}"),
            ("GITHUB_REPOSITORY", "{repository}"),
            ("GITHUB_REPOSITORY_ID", "{repository_id}"),
            ("GITHUB_REPOSITORY_OWNER_ID", "{repository_owner_id}"),
            ("GITHUB_REF", "{ref}"),
            ("GITHUB_SHA", "{sha}"),
            ("GITHUB_WORKFLOW_REF", "{workflow_ref}"),
            ("GITHUB_EVENT_NAME", "{event_name}"),
            ("GITHUB_RUN_ID", "{run_id}"),
            ("GITHUB_RUN_ATTEMPT", "{run_attempt}"),
            ("RUNNER_ENVIRONMENT", "{runner_environment}"),
        ],
        source: Some(("git+{server}/{repository}@{ref}", "{sha}")),
        builder: "{server}/{job_workflow_ref}",
        invocation: "{server}/{repository}/actions/runs/{run_id}/attempts/{run_attempt}",
        derive: github,
    },
    // As GitLab and its runner write it; `entryPoint`, the job's name, is no claim.
    Platform {
        name: "GitLab CI",
        known_by: &["project_path", "pipeline_id"],
        marks: &["GITLAB_CI"],
        build_type: "https://docs.gitlab.com/ci/pipeline_security/slsa/provenance_v1",
        external: &[
            must("source", "{iss}/{project_path}"),
            must("ref", "{ref}"),
            may("config", "https://{ci_config_ref_uri}"),
        ],
        internal: &[
            must("job", "{job_id}"),
            may("pipeline", "{pipeline_id}"),
            may("pipelineSource", "{pipeline_source}"),
            may("project", "{project_id}"),
            may("runnerEnvironment", "{runner_environment}"),
            may("configCommit", "{ci_config_sha}"),
        ],
        entry_point: EntryPoint::Said("CI_JOB_NAME"),
        started: Some("CI_JOB_STARTED_AT"),
        environment: &["CI_RUNNER_DESCRIPTION", "CI_RUNNER_EXECUTABLE_ARCH", "CI_RUNNER_VERSION"],
        agreement: &[
            ("CI_SERVER_URL", "{iss}"),
            ("CI_PROJECT_PATH", "{project_path}"),
            ("CI_PROJECT_ID", "{project_id}"),
            ("CI_COMMIT_REF_NAME", "{ref}"),
            ("CI_COMMIT_SHA", "{sha}"),
            ("CI_PIPELINE_ID", "{pipeline_id}"),
            ("CI_PIPELINE_SOURCE", "{pipeline_source}"),
            ("CI_JOB_ID", "{job_id}"),
            ("CI_RUNNER_ID", "{runner_id}"),
        ],
        source: Some(("git+{iss}/{project_path}@{full_ref}", "{sha}")),
        builder: "{iss}/{project_path}/-/runners/{runner_id}",
        invocation: "{iss}/{project_path}/-/jobs/{job_id}",
        derive: gitlab,
    },
    Platform {
        name: "Buildkite",
        known_by: &["organization_slug", "pipeline_slug", "build_number"],
        marks: &["BUILDKITE"],
        build_type: "https://github.com/sealmark/sealmark/blob/main/src/manual/provenance.md#buildkite",
        external: &[
            must("organization", "{organization_slug}"),
            must("pipeline", "{pipeline_slug}"),
            must("branch", "{build_branch}"),
            must("commit", "{build_commit}"),
            may("tag", "{build_tag}"),
        ],
        internal: &[
            may("agent", "{agent_id}"),
            may("runnerEnvironment", "{runner_environment}"),
            may("source", "{build_source}"),
            may("step", "{step_key}"),
        ],
        entry_point: EntryPoint::Nowhere,
        started: None,
        environment: &["BUILDKITE_REPO"],
        agreement: &[
            ("BUILDKITE_ORGANIZATION_SLUG", "{organization_slug}"),
            ("BUILDKITE_PIPELINE_SLUG", "{pipeline_slug}"),
            ("BUILDKITE_BUILD_NUMBER", "{build_number}"),
            ("BUILDKITE_BRANCH", "{build_branch}"),
            ("BUILDKITE_COMMIT", "{build_commit}"),
            ("BUILDKITE_JOB_ID", "{job_id}"),
        ],
        source: None,
        builder: "{iss}",
        invocation: "{organization_slug}/{pipeline_slug}/builds/{build_number}#{job_id}",
        derive: nothing,
    },
    Platform {
        name: "CircleCI",
        known_by: &["oidc.circleci.com/project-id"],
        marks: &["CIRCLECI"],
        build_type: "https://github.com/sealmark/sealmark/blob/main/src/manual/provenance.md#circleci",
        external: &[
            must("project", "{oidc.circleci.com/project-id}"),
            may("pipelineDefinition", "{oidc.circleci.com/pipeline-definition-id}"),
            may("repository", "https://{oidc.circleci.com/vcs-origin}"),
            may("ref", "{oidc.circleci.com/vcs-ref}"),
        ],
        internal: &[may("organization", "{oidc.circleci.com/org-id}"), may("job", "{oidc.circleci.com/job-id}")],
        entry_point: EntryPoint::Nowhere,
        started: None,
        environment: &["CIRCLE_SHA1", "CIRCLE_JOB"],
        agreement: &[
            ("CIRCLE_PROJECT_ID", "{oidc.circleci.com/project-id}"),
            ("CIRCLE_ORGANIZATION_ID", "{oidc.circleci.com/org-id}"),
            ("CIRCLE_PIPELINE_ID", "{oidc.circleci.com/pipeline-id}"),
            ("CIRCLE_WORKFLOW_ID", "{oidc.circleci.com/workflow-id}"),
        ],
        source: None,
        builder: "{iss}",
        invocation: "{oidc.circleci.com/pipeline-id}/{oidc.circleci.com/workflow-id}",
        derive: nothing,
    },
    Platform {
        name: "Bitbucket Pipelines",
        known_by: &["pipelineUuid", "repositoryUuid"],
        marks: &["BITBUCKET_BUILD_NUMBER"],
        build_type: "https://github.com/sealmark/sealmark/blob/main/src/manual/provenance.md#bitbucket-pipelines",
        external: &[
            must("workspace", "{workspaceUuid}"),
            must("repository", "{repositoryUuid}"),
            may("branch", "{branchName}"),
            may("deployment", "{deploymentEnvironmentUuid}"),
        ],
        internal: &[],
        entry_point: EntryPoint::Nowhere,
        started: None,
        environment: &["BITBUCKET_COMMIT", "BITBUCKET_REPO_FULL_NAME", "BITBUCKET_BUILD_NUMBER"],
        agreement: &[
            ("BITBUCKET_REPO_UUID", "{repositoryUuid}"),
            ("BITBUCKET_PIPELINE_UUID", "{pipelineUuid}"),
            ("BITBUCKET_STEP_UUID", "{stepUuid}"),
            ("BITBUCKET_BRANCH", "{branchName}"),
        ],
        source: None,
        builder: "{iss}",
        invocation: "{pipelineUuid}/{stepUuid}",
        derive: nothing,
    },
    Platform {
        name: "HCP Terraform",
        known_by: &["terraform_run_id"],
        marks: &["TFC_RUN_ID"],
        build_type: "https://github.com/sealmark/sealmark/blob/main/src/manual/provenance.md#hcp-terraform",
        external: &[
            must("organization", "{terraform_organization_name}"),
            may("project", "{terraform_project_name}"),
            must("workspace", "{terraform_workspace_name}"),
        ],
        internal: &[may("workspace", "{terraform_workspace_id}"), may("phase", "{terraform_run_phase}")],
        entry_point: EntryPoint::Nowhere,
        started: None,
        environment: &["TFC_CONFIGURATION_VERSION_GIT_COMMIT_SHA"],
        agreement: &[("TFC_RUN_ID", "{terraform_run_id}"), ("TFC_WORKSPACE_NAME", "{terraform_workspace_name}")],
        source: None,
        builder: "{iss}",
        invocation: "{terraform_run_id}",
        derive: nothing,
    },
    Platform {
        name: "Jenkins",
        known_by: &["build_number", "sub"],
        marks: &["JENKINS_URL", "JOB_NAME"],
        build_type: "https://github.com/sealmark/sealmark/blob/main/src/manual/provenance.md#jenkins",
        external: &[must("job", "{sub}")],
        internal: &[must("build", "{build_number}")],
        entry_point: EntryPoint::Nowhere,
        started: None,
        environment: &["GIT_URL", "GIT_BRANCH", "GIT_COMMIT", "NODE_NAME"],
        agreement: &[("BUILD_NUMBER", "{build_number}"), ("JOB_URL", "{job_url}")],
        source: None,
        builder: "{iss}",
        invocation: "{sub}#{build_number}",
        derive: jenkins,
    },
];

fn nothing(_: &TokenClaims) -> Vec<(&'static str, String)> {
    Vec::new()
}

/// The server is the issuer's word, where it is none that we know its own host.
fn github(claims: &TokenClaims) -> Vec<(&'static str, String)> {
    let mut derived = Vec::new();
    let issuer = claims.issuer().unwrap_or_default();
    let of_issuer = || {
        let (scheme, rest) = issuer.split_once("://")?;
        Some(format!("{scheme}://{}", rest.split('/').next().unwrap_or_default()))
    };
    derived.extend(github_server(issuer).or_else(of_issuer).map(|server| ("server", server)));
    // A tag may have an @ in it, too.
    let parts = |workflow: &str| {
        let (path, at) = workflow.strip_prefix(claims.text("repository")?)?.strip_prefix('/')?.split_once('@')?;
        Some([("workflow_path", path.to_owned()), ("workflow_at", at.to_owned())])
    };
    derived.extend(claims.text("workflow_ref").and_then(parts).into_iter().flatten());
    derived
}

/// The token has the short name of a ref, and its kind beside.
fn gitlab(claims: &TokenClaims) -> Vec<(&'static str, String)> {
    let Some(name) = claims.text("ref") else { return Vec::new() };
    let full = match (claims.text("ref_path"), claims.text("ref_type")) {
        (Some(path), _) => path.to_owned(),
        (None, Some("branch")) => format!("refs/heads/{name}"),
        (None, Some("tag")) => format!("refs/tags/{name}"),
        _ => name.to_owned(),
    };
    vec![("full_ref", full)]
}

/// By default the subject is the job's URL; an administrator may have made another.
fn jenkins(claims: &TokenClaims) -> Vec<(&'static str, String)> {
    let url = claims.subject().filter(|subject| subject.contains("://"));
    url.map(|url| ("job_url", url.to_owned())).into_iter().collect()
}
