//! How platforms are known, and tokens that are there already.

use super::*;

/// Makes the marks of a platform true; files hold `content`.
pub(super) fn mark(environment: &mut FixedEnvironment, marks: &[Mark], content: &str) {
    for mark in marks {
        let (name, value) = match mark {
            Mark::Set(name) => (name, "x"),
            Mark::Is(name, value) => (name, *value),
            Mark::Any(marks) => {
                self::mark(environment, &marks[..1], content);
                continue;
            }
            Mark::Exists(path) => {
                environment.files.insert(path.into(), content.into());
                continue;
            }
            Mark::Holds(path, text) => {
                environment.files.insert(path.into(), text.as_bytes().into());
                continue;
            }
            Mark::Not(_) => continue,
        };
        environment.variables.insert((*name).to_owned(), value.to_owned());
    }
}

pub(super) fn platform(key: &str) -> &'static Platform {
    platforms().find(|platform| platform.key == key).unwrap()
}

/// Where a platform is, and nothing else.
pub(super) fn at(key: &str) -> FixedEnvironment {
    let mut environment = FixedEnvironment::default();
    mark(&mut environment, platform(key).marks, &good());
    environment
}

/// The token of a platform that was named.
pub(super) fn named(key: &str, environment: impl Environment + 'static) -> Result<IdToken, IdentityError> {
    let environment: Arc<dyn Environment> = Arc::new(environment);
    let source = provider(key, &environment, &impatient_client()).unwrap();
    block_on(find(&[source], SIGSTORE_AUDIENCE))
}

/// Whether the message ends with the platform's fix.
#[track_caller]
pub(super) fn shows_fix(error: &IdentityError, key: &str) {
    let fix = platform(key).fix.text(SIGSTORE_AUDIENCE);
    assert!(error.to_string().ends_with(&fix), "{key}: {error}");
}

const OTHER: &str = r#"{"iss":"https://i.example","sub":"s","aud":"https://vault.example"}"#;

#[test]
fn platforms_that_declare_tokens() {
    for platform in platforms::DECLARING.iter().filter(|platform| platform.key != "gitlab") {
        let job = |variables: &[(&str, &str)], content: &str| {
            let mut environment = FixedEnvironment::default().with_file("token", good() + "\n");
            mark(&mut environment, platform.marks, content);
            if let Some(own) = environment.variables.get_mut("SPACELIFT_OIDC_TOKEN") {
                content.clone_into(own);
            }
            for (name, value) in variables {
                environment.variables.insert((*name).to_owned(), (*value).to_owned());
            }
            search(environment)
        };
        for way in platform.ask {
            match way {
                Ask::Variable(variable) => {
                    let found = job(&[(*variable, &good())], &jwt(OTHER)).unwrap();
                    assert_eq!(found.origin(), platform.name);
                    let error = job(&[(*variable, &jwt(OTHER))], &jwt(OTHER)).unwrap_err();
                    assert_eq!((error.code().name(), error.code().exit_code()), ("identity-undeclared", 2), "{error}");
                    assert!(error.to_string().contains("\"https://vault.example\""), "{error}");
                }
                Ask::FileIn(variable) => {
                    assert_eq!(job(&[(*variable, "token")], "").unwrap().origin(), platform.name);
                    let error = job(&[(*variable, "absent")], "").unwrap_err();
                    assert_eq!(error.code().name(), "identity-token-unreadable");
                }
                Ask::File(path) => {
                    let file = FixedEnvironment::default().with_file(*path, good());
                    assert_eq!(search(file).unwrap().origin(), platform.name);
                }
                Ask::Call(_) | Ask::Program(_) | Ask::Own { .. } => panic!("{} declares nothing", platform.name),
            }
        }
    }
    for key in ["jenkins", "bitbucket", "hcp-terraform", "semaphore"] {
        let error = search(at(key)).unwrap_err();
        assert_eq!(error.code().name(), "identity-undeclared");
        shows_fix(&error, key);
    }
}

#[test]
fn projected_tokens() {
    for (key, variables) in [
        ("projected", &[][..]),
        ("eks", &[("AWS_WEB_IDENTITY_TOKEN_FILE", "token"), ("AWS_ROLE_ARN", "arn:aws:iam::1:role/r")]),
        ("aks", &[("AZURE_FEDERATED_TOKEN_FILE", "token"), ("AZURE_CLIENT_ID", "id")]),
    ] {
        for (content, fits) in [(good(), true), (jwt(OTHER), false)] {
            let path = if key == "projected" { "/var/run/sigstore/cosign/oidc-token" } else { "token" };
            let mut pod = FixedEnvironment::default().with_file(path, content);
            pod.variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            match search(pod) {
                Ok(token) => assert!(fits && token.origin() == platform(key).name),
                Err(error) => {
                    assert!(!fits && error.code().name() == "identity-undeclared", "{error}");
                    shows_fix(&error, key);
                }
            }
        }
    }
    // Where the second one was projected, it is found before the cloud's own.
    let mut both = at("eks").with_file("x", jwt(OTHER));
    mark(&mut both, platform("projected").marks, &good());
    assert_eq!(search(both).unwrap().origin(), "projected token file");
}

#[test]
fn unconfirmed_platforms_are_off() {
    for key in ["buddy", "harness"] {
        let error = search(at(key)).unwrap_err();
        assert_eq!((error.code().name(), error.code().exit_code()), ("identity-unconfirmed", 2), "{error}");
        assert!(error.to_string().contains(&format!("--identity-provider {key}")), "{error}");
        // Its machine is not asked either.
        let mut machine = at(key);
        mark(&mut machine, platform("google").marks, "");
        assert_eq!(search(machine).unwrap_err().code().name(), "identity-unconfirmed");
        // The variable of Sigstore clients is nobody's.
        let mut given = at(key);
        given.variables.insert("SIGSTORE_ID_TOKEN".to_owned(), good());
        assert_eq!(search(given).unwrap().origin(), "SIGSTORE_ID_TOKEN");
        let Some(Ask::Variable(variable)) = platform(key).ask.first() else { continue };
        let mut job = at(key);
        shows_fix(&named(key, job.clone()).unwrap_err(), key);
        job.variables.insert((*variable).to_owned(), good());
        assert_eq!(named(key, job).unwrap().origin(), platform(key).name);
    }
}

#[test]
fn platforms_without_tokens_say_so() {
    for platform in TOKENLESS {
        let mut environment = FixedEnvironment::with_variables([("GITHUB_ACTIONS", "true")]);
        if platform.name != "Gitea Actions" {
            environment.variables.clear();
        }
        mark(&mut environment, platform.marks, "");
        mark(&mut environment, super::found::platform("google").marks, "");
        let error = search(environment.clone()).unwrap_err();
        assert_eq!((error.code().name(), error.code().exit_code()), ("identity-tokenless", 2), "{error}");
        let text = error.to_string();
        assert!(text.starts_with(platform.name) && text.contains("--key"), "{text}");
        environment.variables.insert("SIGSTORE_ID_TOKEN".to_owned(), good());
        assert!(search(environment).is_ok());
    }
}

#[test]
fn platforms_that_look_like_others() {
    let both = |first: &str, second: &str| {
        let mut environment = at(second);
        mark(&mut environment, platform(first).marks, &good());
        match search(environment) {
            Ok(token) => token.origin(),
            Err(IdentityError::GitlabToken { .. }) => "GitLab CI",
            Err(IdentityError::GithubPermission(_)) => "GitHub Actions",
            Err(IdentityError::Platform { platform, .. } | IdentityError::Undeclared { platform, .. }) => platform,
            Err(error) => panic!("{first} {second}: {error}"),
        }
    };
    // Forgejo sets what GitHub sets.
    assert_eq!(both("forgejo", "github"), "Forgejo Actions");
    // Whatever the job's machine is, the job is asked.
    for job in ["gitlab", "jenkins", "github", "circleci", "codefresh", "semaphore", "bitbucket"] {
        for machine in ["google", "kubernetes", "fly", "eks", "aks", "aws"] {
            assert_eq!(both(job, machine), platform(job).name, "{job} on {machine}");
        }
    }
    // Two platforms: the same answer each time, by the table's order.
    let keys: Vec<_> = platforms().map(|platform| platform.key).collect();
    let mut unique = keys.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), keys.len());
}

#[test]
fn empty_variables_are_not_set() {
    fn blank(environment: &mut FixedEnvironment, marks: &[Mark]) {
        for mark in marks {
            match mark {
                Mark::Set(name) | Mark::Is(name, _) => {
                    drop(environment.variables.insert((*name).to_owned(), String::new()))
                }
                Mark::Any(marks) => blank(environment, marks),
                Mark::Not(mark) => blank(environment, &[**mark]),
                Mark::Exists(_) | Mark::Holds(..) => {}
            }
        }
    }
    let mut environment = FixedEnvironment::default();
    platforms().for_each(|platform| blank(&mut environment, platform.marks));
    TOKENLESS.iter().for_each(|platform| blank(&mut environment, platform.marks));
    assert!(environment.variables.len() > 30);
    assert_eq!(search(environment).unwrap_err().code().name(), "identity-missing");
}

/// Each row says all that a row says, and its lines are of their language.
#[test]
fn rows_are_whole() {
    for platform in platforms() {
        for text in [platform.issuer, platform.claims, platform.san, platform.fix.say, platform.run.against] {
            assert!(!text.is_empty() && text.trim() == text, "{}: {text:?}", platform.name);
        }
        assert!(platform.documentation.starts_with("https://"), "{}", platform.name);
        assert!(!platform.ask.is_empty() && !platform.marks.is_empty(), "{}", platform.name);
        assert!(platform.fix.say.ends_with(':'), "{}", platform.name);
        if platform.fix.language == "yaml" {
            let lines = platform.fix.lines.replace("{audience}", SIGSTORE_AUDIENCE);
            let parsed: Result<serde_json::Value, _> = serde_saphyr::from_str(&lines);
            assert!(parsed.is_ok(), "{}: {parsed:?}", platform.name);
        }
    }
}

#[test]
fn names_of_public_platforms() {
    let certain = |text: &str| match claims(text).expected_identity() {
        ExpectedIdentity::Certain(san) => san.to_string(),
        other => panic!("{text}: {other:?}"),
    };
    for (token, name) in [
        (
            r#"{"iss":"https://agent.buildkite.com","sub":"s","organization_slug":"acme","pipeline_slug":"app"}"#,
            "https://buildkite.com/acme/app",
        ),
        (
            r#"{"iss":"https://oidc.circleci.com/org/1-2","sub":"s","oidc.circleci.com/project-id":"p","oidc.circleci.com/pipeline-definition-id":"d"}"#,
            "https://circleci.com/api/v2/projects/p/pipeline-definitions/d",
        ),
        (
            r#"{"iss":"https://oidc.codefresh.io","sub":"s","account_name":"a","account_id":"1","pipeline_name":"p/q","pipeline_id":"2"}"#,
            "https://g.codefresh.io/a/p/q:1/2",
        ),
        (
            r#"{"iss":"https://token.actions.githubusercontent.com/acme","sub":"s","job_workflow_ref":"a/b/.github/workflows/r.yml@refs/heads/main"}"#,
            "https://github.com/a/b/.github/workflows/r.yml@refs/heads/main",
        ),
        (
            r#"{"iss":"https://oidc.eks.eu-west-1.amazonaws.com/id/ABC","sub":"s","kubernetes.io":{"namespace":"ci","serviceaccount":{"name":"signer"}}}"#,
            "https://kubernetes.io/namespaces/ci/serviceaccounts/signer",
        ),
    ] {
        assert_eq!(certain(token), name);
    }
    // A claim that the name needs and that is not there: the authority will say.
    let without = claims(r#"{"iss":"https://agent.buildkite.com","sub":"s","organization_slug":"acme"}"#);
    assert_eq!(without.expected_identity(), ExpectedIdentity::Open);
    // GitHub Enterprise Server is nobody's that the public authority knows.
    let own = claims(r#"{"iss":"https://ghe.example/_services/token","sub":"s","job_workflow_ref":"a/b/c@d"}"#);
    assert!(matches!(own.expected_identity(), ExpectedIdentity::Likely(_)));
}
