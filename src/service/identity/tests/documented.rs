//! What the platforms' own pages show: the variables of a job, and an example of its token. The page is that of the row.

use super::found::platform;
use super::*;

/// A job as its platform's page has it: what it is known by, and what is beside that.
const JOBS: &[(&str, &[(&str, &str)])] = &[
    ("gitlab", &[("CI", "true"), ("GITLAB_CI", "true"), ("CI_SERVER_URL", "https://gitlab.com")]),
    ("jenkins", &[("JENKINS_URL", "https://jenkins.acme.com/"), ("JOB_NAME", "my-job"), ("BUILD_NUMBER", "7")]),
    ("bitbucket", &[("BITBUCKET_BUILD_NUMBER", "1"), ("BITBUCKET_PIPELINE_UUID", "{9b}"), ("CI", "true")]),
    ("hcp-terraform", &[("TFC_RUN_ID", "run-CKuwsxMGgMd6W7Ui"), ("TFC_WORKSPACE_NAME", "prod-load-balancers")]),
    ("spacelift", &[("SPACELIFT_OIDC_TOKEN", "t")]),
    ("semaphore", &[("SEMAPHORE", "true"), ("CI", "true"), ("SEMAPHORE_OIDC_TOKEN", "t")]),
    // Forgejo's runner has GitHub's variables too, and so has Depot's.
    ("forgejo", &[("FORGEJO_ACTIONS", "true"), ("GITHUB_ACTIONS", "true"), ("CI", "true")]),
    ("depot", &[("DEPOT_JOB_URL", "https://depot.dev/orgs/o/workflows/w"), ("DEPOT_ORG_ID", "o"), ("CI", "true")]),
    ("github", &[("GITHUB_ACTIONS", "true"), ("CI", "true"), ("GITHUB_SERVER_URL", "https://github.com")]),
    // What Depot's runners for GitHub have.
    ("github", &[("GITHUB_ACTIONS", "true"), ("DEPOT_ORG_ID", "o"), ("DEPOT_CACHE_TOKEN", "t")]),
    ("circleci", &[("CIRCLECI", "true"), ("CI", "true"), ("CIRCLE_OIDC_TOKEN_V2", "t")]),
    ("buildkite", &[("BUILDKITE", "true"), ("CI", "true"), ("BUILDKITE_JOB_ID", "0184990a")]),
    ("codefresh", &[("CF_BUILD_ID", "64f4"), ("CF_OIDC_REQUEST_URL", "u"), ("CF_OIDC_REQUEST_TOKEN", "t")]),
    (
        "azure-devops",
        &[("TF_BUILD", "True"), ("SYSTEM_OIDCREQUESTURI", "https://dev.azure.com/o"), ("BUILD_BUILDID", "1")],
    ),
    ("bitrise", &[("BITRISE_IO", "true"), ("CI", "true"), ("BITRISE_BUILD_URL", "https://app.bitrise.io/build/1")]),
    ("eks", &[("AWS_WEB_IDENTITY_TOKEN_FILE", "f"), ("AWS_ROLE_ARN", "arn:aws:iam::111122223333:role/my-role")]),
    ("aks", &[("AZURE_FEDERATED_TOKEN_FILE", "f"), ("AZURE_CLIENT_ID", "i"), ("AZURE_TENANT_ID", "t")]),
    ("buddy", &[("BUDDY", "true"), ("BUDDY_PIPELINE_ID", "1"), ("BUDDY_EXECUTION_BRANCH", "master")]),
    ("google", &[("K_SERVICE", "hello"), ("K_REVISION", "hello.1"), ("PORT", "8080")]),
];

fn job(variables: &[(&str, &str)]) -> FixedEnvironment {
    let mut job = FixedEnvironment::default();
    job.variables.extend(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    job
}

#[test]
fn jobs_are_known_by_what_their_pages_say() {
    for (key, variables) in JOBS {
        let job = job(variables);
        let found: Vec<_> =
            platforms().filter(|platform| platform.is_here(&job)).map(|platform| platform.key).collect();
        assert_eq!(found, [*key], "{variables:?}");
    }
    for platform in platforms().filter(|platform| platform.search == Search::Automatic) {
        let by_files = ["projected", "fly", "kubernetes", "spiffe"].contains(&platform.key);
        assert!(by_files || JOBS.iter().any(|(key, _)| *key == platform.key), "{} has no job", platform.key);
    }
}

/// The claims of an example by which the certificate is named, and the name that Fulcio's configuration makes of them.
const TOKENS: &[(&str, &str, &str)] = &[
    (
        "github",
        r#"{"iss":"https://token.actions.githubusercontent.com","sub":"repo:octo-org/octo-repo:environment:prod",
        "job_workflow_ref":"octo-org/octo-automation/.github/workflows/oidc.yml@refs/heads/main"}"#,
        "https://github.com/octo-org/octo-automation/.github/workflows/oidc.yml@refs/heads/main",
    ),
    (
        "gitlab",
        r#"{"iss":"https://gitlab.com","sub":"project_path:my-group/my-project:ref_type:branch:ref:main",
        "ci_config_ref_uri":"gitlab.com/my-group/my-project//.gitlab-ci.yml@refs/heads/main"}"#,
        "https://gitlab.com/my-group/my-project//.gitlab-ci.yml@refs/heads/main",
    ),
    (
        "buildkite",
        r#"{"iss":"https://agent.buildkite.com","sub":"organization:acme-inc:pipeline:super-duper-app:ref:refs/heads/main",
        "organization_slug":"acme-inc","pipeline_slug":"super-duper-app","build_number":1}"#,
        "https://buildkite.com/acme-inc/super-duper-app",
    ),
    (
        "codefresh",
        r#"{"iss":"https://oidc.codefresh.io","sub":"account:5f30:pipeline:64f0","account_id":"5f30","account_name":"codefresh-user",
        "pipeline_id":"64f0","pipeline_name":"oidc/git-run"}"#,
        "https://g.codefresh.io/codefresh-user/oidc/git-run:5f30/64f0",
    ),
    (
        "circleci",
        r#"{"iss":"https://oidc.circleci.com/org/00aa","sub":"org/00aa/project/11bb/user/22cc",
        "oidc.circleci.com/project-id":"11bb","oidc.circleci.com/pipeline-definition-id":"33dd","oidc.circleci.com/ssh-rerun":false}"#,
        "https://circleci.com/api/v2/projects/11bb/pipeline-definitions/33dd",
    ),
    // With `--root-issuer` (<https://github.com/circleci/circleci-docs/pull/9880>), of a build that knows its change.
    (
        "circleci",
        r#"{"iss":"https://oidc.circleci.com","sub":"org/00aa/project/11bb/user/22cc/vcs-origin/github.com/acme/app/vcs-ref/refs/heads/main",
        "oidc.circleci.com/org-id":"00aa","oidc.circleci.com/project-id":"11bb","oidc.circleci.com/pipeline-definition-id":"33dd"}"#,
        "https://circleci.com/api/v2/projects/11bb/pipeline-definitions/33dd",
    ),
    // A fork's merge request in a pipeline of the project (<https://gitlab.com/gitlab-org/gitlab/-/issues/563038>):
    // the name is the project's, whatever `project_path` says.
    (
        "gitlab",
        r#"{"iss":"https://gitlab.com","sub":"project_path:somebody/my-project:ref_type:branch:ref:feature",
        "project_path":"somebody/my-project","job_project_path":"my-group/my-project","ref_protected":"false",
        "ci_config_ref_uri":"gitlab.com/my-group/my-project//.gitlab-ci.yml@refs/heads/feature"}"#,
        "https://gitlab.com/my-group/my-project//.gitlab-ci.yml@refs/heads/feature",
    ),
];

#[test]
fn examples_of_their_pages_have_the_names_that_fulcio_writes() {
    for (key, token, name) in TOKENS {
        let expected = ExpectedIdentity::Certain(San::Uri((*name).to_owned()));
        let claims = claims(token);
        assert_eq!(claims.expected_identity(), expected, "{key}");
        assert!(platform(key).is_public_issuer(claims.issuer().unwrap()), "{key}");
    }
}

/// Tokens that resemble another platform's, or nobody's: their names are a private authority's to decide.
#[test]
fn examples_that_no_public_authority_names() {
    let depot = r#"{"iss":"https://identity.depot.dev","sub":"spiffe://identity.depot.dev/org/o/ci/github/my-org/my-repo/ref/refs/heads/main/sandbox/s",
        "workflow_ref":"my-org/my-repo/.depot/workflows/ci.yaml@refs/heads/main"}"#;
    let ExpectedIdentity::Likely(San::Uri(name)) = claims(depot).expected_identity() else { panic!() };
    assert!(name.starts_with("spiffe://identity.depot.dev/org/o/"), "{name}");
    let jenkins =
        r#"{"iss":"https://jenkins.acme.com/oidc","sub":"https://jenkins.acme.com/job/my-job/","build_number":7}"#;
    let url = San::Uri("https://jenkins.acme.com/job/my-job/".to_owned());
    assert_eq!(claims(jenkins).expected_identity(), ExpectedIdentity::Likely(url));
    for (iss, sub) in [
        ("https://example.com/api/actions", "repo:user1/testing:ref:refs/heads/master"),
        ("https://oidc.fly.io/example-org", "example-org:example-app:example-machine"),
        ("https://demo.app.spacelift.io", "space:legacy:stack:infra:run_type:TRACKED:scope:write"),
        ("https://acme.semaphoreci.com", "org:acme:project:936a:repo:web:ref_type:branch:ref:refs/heads/main"),
        ("https://app.terraform.io", "organization:my-org:project:Default:workspace:w:run_phase:apply"),
        ("https://vstoken.dev.azure.com/1", "p://example/test-oidc/test-oidc"),
    ] {
        let token = format!(r#"{{"iss":"{iss}","sub":"{sub}"}}"#);
        let expected = claims(&token).expected_identity();
        // A subject with a scheme looks like a URI.
        let like = sub.contains("://").then(|| San::Uri(sub.to_owned()));
        assert_eq!(expected, like.map_or(ExpectedIdentity::Open, ExpectedIdentity::Likely), "{iss}");
    }
}

/// GitLab's page: the claim is null where the pipeline is defined elsewhere, and Fulcio has no name without it.
#[test]
fn a_pipeline_that_is_defined_elsewhere_has_no_name() {
    let token =
        claims(r#"{"iss":"https://gitlab.com","sub":"s","aud":"sigstore","exp":4102444800,"ci_config_ref_uri":null}"#);
    let problems = token.problems(SIGSTORE_AUDIENCE, UnixTime::from_secs(0));
    assert_eq!(problems, [TokenProblem::Missing { claim: "ci_config_ref_uri" }]);
    assert!(problems[0].to_string().ends_with("the pipeline's definition is outside of the project"), "{problems:?}");
}

/// GitHub's other servers name their workflows by themselves.
#[test]
fn githubs_of_enterprises() {
    let name = |issuer: &str| {
        let token = format!(
            r#"{{"iss":"{issuer}","sub":"s","job_workflow_ref":"o/r/.github/workflows/w.yml@refs/heads/main"}}"#
        );
        match claims(&token).expected_identity() {
            ExpectedIdentity::Certain(name) => {
                (true, name.as_str().replace("/o/r/.github/workflows/w.yml@refs/heads/main", ""))
            }
            ExpectedIdentity::Likely(name) => {
                (false, name.as_str().replace("/o/r/.github/workflows/w.yml@refs/heads/main", ""))
            }
            ExpectedIdentity::Open => panic!("{issuer}"),
        }
    };
    let is = |certain: bool, server: &str| (certain, server.to_owned());
    assert_eq!(name("https://token.actions.githubusercontent.com"), is(true, "https://github.com"));
    assert_eq!(name("https://token.actions.githubusercontent.com/octocat-inc"), is(true, "https://github.com"));
    assert_eq!(name("https://token.actions.octocorp.ghe.com"), is(false, "https://octocorp.ghe.com"));
    assert_eq!(name("https://git.example.com/_services/token"), is(false, "https://git.example.com"));
    // Nobody's that we know: a private authority's usual form.
    for other in
        ["https://token.actions.evil.example", "https://token.actions.githubusercontent.com.evil.example", "http://a"]
    {
        assert_eq!(name(other), is(false, "https://github.com"), "{other}");
    }
}

/// A token is in the variable of the step that fetched it.
#[test]
fn a_step_of_bitrise_has_fetched_the_token() {
    let build = |token: &str| search(job(&[("BITRISE_IO", "true"), ("BITRISE_IDENTITY_TOKEN", token)]));
    let error = build("").unwrap_err();
    assert_eq!((error.code().name(), error.code().exit_code()), ("identity-undeclared", 2), "{error}");
    super::found::shows_fix(&error, "bitrise");
    assert_eq!(build(&good()).unwrap().origin(), "Bitrise");
    let other = jwt(r#"{"iss":"https://token.builds.bitrise.io","sub":"s","aud":"aws"}"#);
    assert_eq!(build(&other).unwrap_err().code().name(), "identity-undeclared");
}
