use zeroize::Zeroizing;

use super::*;
use crate::base::encoding::base64;
use crate::service::environment::FixedEnvironment;
use crate::service::identity::IdToken;

const COMMIT: &str = "a288201509dd9a85da4141e07522bad412938dbe";

const GITHUB: &str = r#"{"iss":"https://token.actions.githubusercontent.com","aud":"sigstore","sub":"repo:acme/app:ref:refs/heads/main",
"repository":"acme/app","repository_id":"11","repository_owner_id":"22","ref":"refs/heads/main","sha":"a288201509dd9a85da4141e07522bad412938dbe",
"workflow_ref":"acme/app/.github/workflows/ci.yml@refs/heads/main","job_workflow_ref":"acme/builder/.github/workflows/build.yml@refs/tags/v2",
"event_name":"push","runner_environment":"github-hosted","run_id":"7","run_attempt":"2"}"#;

const GITLAB: &str = r#"{"iss":"https://gitlab.example","aud":"sigstore","sub":"project_path:acme/app:ref_type:branch:ref:main",
"project_path":"acme/app","project_id":"11","ref":"main","ref_type":"branch","sha":"a288201509dd9a85da4141e07522bad412938dbe",
"pipeline_id":"31","pipeline_source":"push","job_id":"41","runner_id":51,"runner_environment":"self-hosted",
"ci_config_ref_uri":"gitlab.example/acme/app//.gitlab-ci.yml@refs/heads/main"}"#;

fn claims(text: &str) -> TokenClaims {
    let part = |text: &str| base64::encode_url(text.as_bytes());
    let token = format!("{}.{}.{}", part(r#"{"alg":"RS256"}"#), part(text), part("signature"));
    IdToken::new(Zeroizing::new(token), "a test").unwrap().claims().clone()
}

fn job<const N: usize>(text: &str, variables: [(&str, &str); N]) -> Result<JobProvenance, ProvenanceError> {
    JobProvenance::of(&claims(text), &FixedEnvironment::with_variables(variables))
}

fn code(error: ProvenanceError) -> &'static str {
    error.code().name()
}

fn value(job: &JobProvenance, predicate_type: &str) -> serde_json::Value {
    serde_json::from_str(&job.predicate(predicate_type).unwrap()).unwrap()
}

/// Field for field what GitHub's own action writes.
#[test]
fn github() {
    let job = job(GITHUB, [("GITHUB_ACTIONS", "true"), ("GITHUB_SERVER_URL", "https://github.com")]).unwrap();
    let expected = serde_json::json!({
        "buildDefinition": {
            "buildType": "https://actions.github.io/buildtypes/workflow/v1",
            "externalParameters": {"workflow": {
                "ref": "refs/heads/main", "repository": "https://github.com/acme/app", "path": ".github/workflows/ci.yml",
            }},
            "internalParameters": {"github": {
                "event_name": "push", "repository_id": "11", "repository_owner_id": "22", "runner_environment": "github-hosted",
            }},
            "resolvedDependencies": [{"uri": "git+https://github.com/acme/app@refs/heads/main", "digest": {"gitCommit": COMMIT}}],
        },
        "runDetails": {
            "builder": {"id": "https://github.com/acme/builder/.github/workflows/build.yml@refs/tags/v2"},
            "metadata": {"invocationId": "https://github.com/acme/app/actions/runs/7/attempts/2"},
        },
    });
    assert_eq!(value(&job, PROVENANCE_V1), expected);
    let older = value(&job, PROVENANCE_V0_2);
    assert_eq!(older["invocation"]["configSource"]["digest"]["sha1"], COMMIT);
    assert_eq!(older["invocation"]["configSource"]["entryPoint"], ".github/workflows/ci.yml");
    assert!(older["materials"][0].get("entryPoint").is_none() && older["metadata"].get("buildStartedOn").is_none());
    assert_eq!(older["metadata"]["completeness"]["parameters"], false);
    assert_eq!(older["builder"], expected["runDetails"]["builder"]);
    let other = job.predicate("https://spdx.dev/Document").unwrap_err();
    assert_eq!(other.code().name(), "provenance-type");
}

/// The workflow's own ref, which for `pull_request_target` is not the one that is built.
#[test]
fn github_workflows_of_another_ref() {
    let text = GITHUB.replace("ci.yml@refs/heads/main", "ci.yml@refs/tags/pkg@1.0");
    let job = value(&job(&text, [("GITHUB_ACTIONS", "true")]).unwrap(), PROVENANCE_V1);
    let definition = &job["buildDefinition"];
    assert_eq!(definition["externalParameters"]["workflow"]["ref"], "refs/tags/pkg@1.0");
    assert_eq!(definition["externalParameters"]["workflow"]["path"], ".github/workflows/ci.yml");
    assert_eq!(definition["resolvedDependencies"][0]["uri"], "git+https://github.com/acme/app@refs/heads/main");
}

/// The server is the issuer's, and no variable's.
#[test]
fn github_servers() {
    let server = |issuer: &str| {
        let text = GITHUB.replace("https://token.actions.githubusercontent.com", issuer);
        value(&job(&text, [("GITHUB_ACTIONS", "true")]).unwrap(), PROVENANCE_V1)["runDetails"]["builder"]["id"]
            .as_str()
            .unwrap()
            .replace("/acme/builder/.github/workflows/build.yml@refs/tags/v2", "")
    };
    assert_eq!(server("https://token.actions.githubusercontent.com/acme"), "https://github.com");
    assert_eq!(server("https://token.actions.acme.ghe.com"), "https://acme.ghe.com");
    assert_eq!(server("https://git.acme.example/_services/token"), "https://git.acme.example");
    assert_eq!(server("https://token.actions.evil.example"), "https://token.actions.evil.example");
    let forgejo = GITHUB.replace("https://token.actions.githubusercontent.com", "https://forge.example/api/actions");
    assert_eq!(code(job(&forgejo, [("GITHUB_ACTIONS", "true")]).unwrap_err()), "provenance-no-job");
}

/// What only the environment says stands apart.
#[test]
fn gitlab() {
    let started = ("CI_JOB_STARTED_AT", "2022-01-31T17:47:55+01:00");
    let variables = [("GITLAB_CI", "true"), ("CI_JOB_NAME", "build"), started, ("CI_RUNNER_VERSION", "18.6.0")];
    let of_job = job(GITLAB, variables).unwrap();
    let older = value(&of_job, PROVENANCE_V0_2);
    assert_eq!(older["invocation"]["configSource"]["entryPoint"], "build");
    assert_eq!(older["metadata"]["buildStartedOn"], "2022-01-31T16:47:55Z");
    let job = value(&of_job, PROVENANCE_V1);
    let definition = &job["buildDefinition"];
    assert_eq!(definition["buildType"], "https://docs.gitlab.com/ci/pipeline_security/slsa/provenance_v1");
    assert_eq!(definition["externalParameters"]["source"], "https://gitlab.example/acme/app");
    assert_eq!(definition["externalParameters"]["entryPoint"], "build");
    assert_eq!(definition["internalParameters"]["job"], "41");
    let said = serde_json::json!({"CI_RUNNER_VERSION": "18.6.0"});
    assert_eq!(definition["internalParameters"]["environment"], said);
    assert_eq!(definition["resolvedDependencies"][0]["uri"], "git+https://gitlab.example/acme/app@refs/heads/main");
    let run = serde_json::json!({
        "builder": {"id": "https://gitlab.example/acme/app/-/runners/51"},
        "metadata": {"invocationId": "https://gitlab.example/acme/app/-/jobs/41", "startedOn": "2022-01-31T16:47:55Z"},
    });
    assert_eq!(job["runDetails"], run);
}

/// No time is made up.
#[test]
fn starts_that_are_left_out() {
    for at in ["", "yesterday", "2022-01-31", "2022-01-31T16:47:55", "2101-01-01T00:00:00Z"] {
        let job = value(&job(GITLAB, [("GITLAB_CI", "true"), ("CI_JOB_STARTED_AT", at)]).unwrap(), PROVENANCE_V1);
        assert!(job["runDetails"]["metadata"].get("startedOn").is_none(), "{at}");
        assert!(job["buildDefinition"]["externalParameters"].get("entryPoint").is_none());
    }
}

/// A platform's name, the claims of its token, its variables, one that contradicts, and the invocation.
type Row =
    (&'static str, &'static str, &'static [(&'static str, &'static str)], (&'static str, &'static str), &'static str);

/// Every platform beside: a token of it, its variables, and one that contradicts.
#[test]
fn others() {
    let rows: &[Row] = &[
        (
            "Buildkite",
            r#"{"iss":"https://agent.buildkite.com","organization_slug":"acme","pipeline_slug":"app","build_number":7,"build_branch":"main","build_commit":"HEAD","job_id":"j"}"#,
            &[("BUILDKITE", "true"), ("BUILDKITE_BUILD_NUMBER", "7"), ("BUILDKITE_REPO", "git@x:acme/app")],
            ("BUILDKITE_BRANCH", "release"),
            "acme/app/builds/7#j",
        ),
        (
            "CircleCI",
            r#"{"iss":"https://oidc.circleci.com","oidc.circleci.com/project-id":"p","oidc.circleci.com/pipeline-id":"q","oidc.circleci.com/workflow-id":"w"}"#,
            &[("CIRCLECI", "true"), ("CIRCLE_PROJECT_ID", "p")],
            ("CIRCLE_WORKFLOW_ID", "x"),
            "q/w",
        ),
        (
            "Bitbucket Pipelines",
            r#"{"iss":"https://api.bitbucket.org/2.0/workspaces/acme/pipelines-config/identity/oidc","workspaceUuid":"w","repositoryUuid":"{r}","pipelineUuid":"{p}","stepUuid":"{s}","branchName":"main"}"#,
            &[("BITBUCKET_BUILD_NUMBER", "7"), ("BITBUCKET_REPO_UUID", "r")],
            ("BITBUCKET_BRANCH", "release"),
            "{p}/{s}",
        ),
        (
            "HCP Terraform",
            r#"{"iss":"https://app.terraform.io","terraform_run_id":"run-1","terraform_organization_name":"acme","terraform_workspace_name":"prod"}"#,
            &[("TFC_RUN_ID", "run-1")],
            ("TFC_WORKSPACE_NAME", "stage"),
            "run-1",
        ),
        (
            "Jenkins",
            r#"{"iss":"https://ci.example/oidc","sub":"https://ci.example/job/app/","build_number":7}"#,
            &[("JENKINS_URL", "https://ci.example/"), ("JOB_NAME", "app"), ("GIT_COMMIT", "c")],
            ("BUILD_NUMBER", "8"),
            "https://ci.example/job/app/#7",
        ),
    ];
    for (name, token, variables, lie, invocation) in rows {
        let with = |more: &[(&str, &str)]| {
            let mut environment = FixedEnvironment::default();
            let all = variables.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            environment.variables.extend(all);
            JobProvenance::of(&claims(token), &environment)
        };
        let job = with(&[]).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(job.platform(), *name);
        assert_eq!(value(&job, PROVENANCE_V1)["runDetails"]["metadata"]["invocationId"], *invocation, "{name}");
        value(&job, PROVENANCE_V0_2);
        assert_eq!(code(with(&[*lie]).unwrap_err()), "provenance-contradiction", "{name}");
        let nowhere = JobProvenance::of(&claims(token), &FixedEnvironment::default()).unwrap_err();
        assert_eq!(code(nowhere), "provenance-no-job", "{name}");
    }
}

/// Each variable that says what a claim says, one at a time.
#[test]
fn every_contradiction_is_refused() {
    for (platform, text) in [("GitHub Actions", GITHUB), ("GitLab CI", GITLAB)] {
        let platform = PLATFORMS.iter().find(|known| known.name == platform).unwrap();
        let mark = (platform.marks[0], "true");
        job(text, [mark]).unwrap();
        for (variable, _) in platform.agreement {
            let refused = job(text, [mark, (*variable, "https://elsewhere.example")]).unwrap_err();
            assert_eq!(code(refused), "provenance-contradiction", "{variable}");
        }
    }
}

#[test]
fn what_is_no_job_or_lacks_a_claim() {
    let person = r#"{"iss":"https://accounts.example","sub":"me","email":"me@example.com"}"#;
    assert_eq!(code(job(person, [("GITHUB_ACTIONS", "true")]).unwrap_err()), "provenance-no-job");
    assert_eq!(code(job(GITHUB, []).unwrap_err()), "provenance-no-job");
    assert_eq!(code(job(GITHUB, [("GITLAB_CI", "true")]).unwrap_err()), "provenance-no-job");
    let mark = [("GITHUB_ACTIONS", "true")];
    for (from, to) in [
        ("\"run_attempt\"", "\"attempt\""),
        ("\"sha\":\"a2", "\"sha\":\"A2"),
        ("\"sha\":\"a2", "\"sha\":\""),
        ("acme/app/.github", "acme/other/.github"),
    ] {
        let text = GITHUB.replacen(from, to, 1);
        assert_ne!(text, GITHUB);
        assert_eq!(code(job(&text, mark).unwrap_err()), "provenance-claim", "{to}");
    }
    let long = "x".repeat(limits::PROVENANCE_VARIABLE_BYTES + 1);
    let job = value(&job(GITLAB, [("GITLAB_CI", "1"), ("CI_JOB_NAME", &long)]).unwrap(), PROVENANCE_V1);
    assert!(job["buildDefinition"]["externalParameters"].get("entryPoint").is_none());
}
