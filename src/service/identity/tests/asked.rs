//! Platforms that are asked: over HTTP, by programs.

use std::path::{Path, PathBuf};

use super::found::{at, mark, named, platform, shows_fix};
use super::*;
use crate::service::http::fake::Received;

/// A strict service: one request, exactly as it is described, gets the token.
struct Expected {
    key: &'static str,
    variables: &'static [(&'static str, &'static str)],
    /// The variable with the service's URL, and what follows the fake's own.
    url: (&'static str, &'static str),
    method: &'static str,
    target: &'static str,
    authorization: &'static str,
    body: &'static str,
    member: &'static str,
}

const SECRET: &str = "canary-of-the-runner";

const ACTIONS: Expected = Expected {
    key: "forgejo",
    variables: &[("ACTIONS_ID_TOKEN_REQUEST_TOKEN", SECRET)],
    url: ("ACTIONS_ID_TOKEN_REQUEST_URL", "/token?api-version=2.0"),
    method: "GET",
    target: "/token?api-version=2.0&audience=sigstore",
    authorization: "Bearer canary-of-the-runner",
    body: "",
    member: "value",
};

const EXPECTED: [Expected; 5] = [
    ACTIONS,
    Expected { key: "depot", ..ACTIONS },
    Expected {
        key: "buildkite",
        variables: &[("BUILDKITE_JOB_ID", "0184-f6"), ("BUILDKITE_AGENT_ACCESS_TOKEN", SECRET)],
        url: ("BUILDKITE_AGENT_ENDPOINT", "/v3"),
        method: "POST",
        target: "/v3/jobs/0184-f6/oidc/tokens",
        authorization: "Token canary-of-the-runner",
        body: r#"{"audience":"sigstore"}"#,
        member: "token",
    },
    Expected {
        key: "codefresh",
        variables: &[("CF_OIDC_REQUEST_TOKEN", SECRET)],
        url: ("CF_OIDC_REQUEST_URL", "/api/oidc/token"),
        method: "GET",
        target: "/api/oidc/token?audience=sigstore",
        authorization: SECRET,
        body: "",
        member: "id_token",
    },
    Expected {
        key: "azure-devops",
        variables: &[("SYSTEM_ACCESSTOKEN", SECRET), ("AZURESUBSCRIPTION_SERVICE_CONNECTION_ID", "c-1")],
        url: ("SYSTEM_OIDCREQUESTURI", "/acme/p/_apis/distributedtask/hubs/build/plans/1/jobs/2/oidctoken"),
        method: "POST",
        target: "/acme/p/_apis/distributedtask/hubs/build/plans/1/jobs/2/oidctoken?api-version=7.1&serviceConnectionId=c-1",
        authorization: "Bearer canary-of-the-runner",
        body: "",
        member: "oidcToken",
    },
];

impl Expected {
    fn answer(&self, request: &Received) -> Answer {
        let body = String::from_utf8_lossy(&request.body);
        // Azure's front end wants the length of a POST, of none too (RFC 9110 section 8.6).
        let measured = self.method == "GET" || request.header("content-length") == Some(&*self.body.len().to_string());
        let right = measured
            && request.method == self.method
            && request.target == self.target
            && request.header("authorization") == Some(self.authorization)
            && body == self.body;
        if right {
            Answer::new(200, format!(r#"{{"{}":"{}"}}"#, self.member, good()))
        } else {
            Answer::new(400, format!("{} {} {body}", request.method, request.target))
        }
    }

    /// A job, and the service that it asks.
    fn job(&self, server: &FakeServer) -> FixedEnvironment {
        let mut job = at(self.key);
        for (name, value) in self.variables {
            job.variables.insert((*name).to_owned(), (*value).to_owned());
        }
        job.variables.insert(self.url.0.to_owned(), format!("{}{}", server.url, self.url.1));
        job
    }
}

#[test]
fn platforms_that_are_asked() {
    for expected in &EXPECTED {
        let server = FakeServer::start(|_, request| {
            let expected = EXPECTED.iter().find(|expected| expected.target == request.target);
            expected.map_or(Answer::new(404, "no such route"), |expected| expected.answer(request))
        });
        let found = named(expected.key, expected.job(&server)).unwrap();
        assert_eq!((found.reveal(), found.origin()), (good().as_str(), platform(expected.key).name));
        assert_eq!(server.received().len(), 1);
        if platform(expected.key).search == Search::Automatic {
            assert_eq!(search(expected.job(&server)).unwrap().origin(), platform(expected.key).name);
        }
    }
}

#[test]
fn x09_platforms_that_refuse_show_the_fix_and_no_secret() {
    for expected in &EXPECTED {
        let server = FakeServer::start(|_, sent| Answer::new(403, sent.header("authorization").unwrap_or_default()));
        let error = named(expected.key, expected.job(&server)).unwrap_err();
        assert_eq!((error.code().name(), error.code().exit_code()), ("identity-platform", 2), "{error}");
        assert!(error.to_string().contains("answered 403: "), "{error}");
        assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
        shows_fix(&error, expected.key);
        for (name, _) in expected.variables.iter().filter(|(_, value)| *value == SECRET) {
            let mut job = expected.job(&server);
            job.variables.insert((*name).to_owned(), String::new());
            let error = named(expected.key, job).unwrap_err();
            assert!(error.to_string().contains(&format!("{name} is not set")), "{error}");
            shows_fix(&error, expected.key);
        }
    }
}

#[test]
fn a_platform_that_is_away_is_not_skipped() {
    for expected in &EXPECTED {
        let server = FakeServer::start(|_, _| Answer::new(503, "later"));
        let error = named(expected.key, expected.job(&server)).unwrap_err();
        assert_eq!((error.code().name(), error.code().exit_code()), ("identity-provider-unavailable", 3), "{error}");
        assert_eq!(server.received().len(), 3);
        let server = FakeServer::start(|_, _| Answer::new(200, "<html>"));
        assert_eq!(
            named(expected.key, expected.job(&server)).unwrap_err().code().name(),
            "identity-provider-malformed"
        );
    }
}

#[test]
fn a_fixed_audience_is_named() {
    let token = jwt(r#"{"iss":"https://vstoken.dev.azure.com/1","sub":"s","aud":"api://AzureADTokenExchange"}"#);
    let server = FakeServer::start(move |_, _| Answer::new(200, format!(r#"{{"oidcToken":"{token}"}}"#)));
    let error = search(EXPECTED[4].job(&server)).unwrap_err();
    assert_eq!(error.code().name(), "identity-undeclared");
    assert!(error.to_string().contains("there is one for \"api://AzureADTokenExchange\""), "{error}");
    shows_fix(&error, "azure-devops");
}

/// Fixed variables, and the real files beside fixed ones.
#[derive(Debug, Clone)]
pub(super) struct Machine(pub(super) FixedEnvironment);

impl Environment for Machine {
    fn var(&self, name: &str) -> Option<String> {
        self.0.var(name)
    }

    fn read(&self, path: &Path, limit: usize) -> std::io::Result<Vec<u8>> {
        self.0.read(path, limit)
    }

    fn exists(&self, path: &Path) -> bool {
        self.0.exists(path) || path.exists()
    }

    fn now(&self) -> UnixTime {
        self.0.now()
    }
}

/// A program of this name and script, in a folder of its own.
#[cfg(unix)]
fn program(name: &str, script: &str) -> (tempfile::TempDir, PathBuf) {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    // Written under another name first: a program that is open for writing cannot be started.
    let draft = dir.path().join("draft");
    std::fs::write(&draft, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&draft, std::fs::Permissions::from_mode(0o700)).unwrap();
    std::fs::rename(draft, &path).unwrap();
    (dir, path)
}

#[test]
#[cfg(unix)]
fn platforms_whose_programs_are_asked() {
    for (key, name, arguments) in [
        ("circleci", "circleci", r#"run oidc get --root-issuer --claims {"aud":"sigstore"}"#),
        ("buildkite", "buildkite-agent", "oidc request-token --audience sigstore"),
    ] {
        let strict = format!("[ \"$*\" = '{arguments}' ] && echo '{}'", good());
        let (dir, _) = program(name, &strict);
        let job = |folder: &Path| {
            let mut job = at(key);
            job.variables.insert("PATH".to_owned(), format!("relative:{}", folder.display()));
            job
        };
        let found = named(key, Machine(job(dir.path()))).unwrap();
        assert_eq!((found.reveal(), found.origin()), (good().as_str(), platform(key).name));
        // One that fails is the end: no other way is taken.
        let (dir, _) = program(name, &format!("echo '{}'; exit 1", good()));
        let error = named(key, Machine(job(dir.path()))).unwrap_err();
        assert_eq!(error.code().name(), "identity-platform");
        assert!(error.to_string().contains("it ended with an error"), "{error}");
        shows_fix(&error, key);
        let (dir, _) = program(name, "head -c 100000 /dev/zero");
        let error = named(key, Machine(job(dir.path()))).unwrap_err();
        assert!(error.to_string().contains("it prints too much"), "{error}");
    }
    // The variable that CircleCI sets is for the organisation.
    let mut job = at("circleci");
    job.variables.insert("CIRCLE_OIDC_TOKEN_V2".to_owned(), jwt(r#"{"iss":"i","sub":"s","aud":"org-id"}"#));
    let error = named("circleci", job).unwrap_err();
    assert!(error.to_string().contains("there is one for \"org-id\""), "{error}");
    shows_fix(&error, "circleci");
}

#[test]
#[cfg(unix)]
fn a_command_that_prints_a_token() {
    let detect = |command: &str| block_on(CommandToken::parse(command).unwrap().detect(SIGSTORE_AUDIENCE));
    let strict = format!("[ \"$#:$1:$2\" = '2:--for sigstore:; exit 0' ] && echo '{}'", good());
    let (_dir, path) = program("token", &strict);
    let words = serde_json::json!([path, "--for {audience}", "; exit 0"]).to_string();
    assert_eq!(detect(&words).unwrap().unwrap().reveal(), good());
    let (_dir, path) = program("token", &format!("[ \"$1\" = sigstore ] && echo '{}'", good()));
    assert!(detect(&format!(" {} {{audience}} ", path.display())).unwrap().is_some());
    let error = detect(&path.display().to_string()).unwrap_err();
    assert_eq!((error.code().name(), error.code().exit_code()), ("identity-command", 3));
    assert!(detect("/no/such/program").unwrap_err().to_string().contains("it cannot be started"));
    let (_dir, path) = program("token", "echo not-a-token");
    assert_eq!(detect(&path.display().to_string()).unwrap_err().code().name(), "identity-token-malformed");
    for none in ["", " ", "[]", "[1]", "[\"\"]", "{}x ["] {
        assert!(CommandToken::parse(none).is_none() || none == "{}x [", "{none}");
    }
    assert_eq!(format!("{:?}", CommandToken::parse("vault canary").unwrap()), "CommandToken(vault)");
}

#[test]
fn nothing_of_the_machine_is_asked_where_a_platform_matched() {
    let server = FakeServer::start(|_, _| Answer::new(200, good()).with("metadata-flavor", "Google"));
    let host = server.url.trim_start_matches("http://").to_owned();
    for key in ["github", "gitlab", "codefresh", "forgejo", "jenkins"] {
        let mut job = at(key);
        mark(&mut job, platform("google").marks, "");
        job.variables.insert("GCE_METADATA_HOST".to_owned(), host.clone());
        assert_eq!(search(job).unwrap_err().code().exit_code(), 2, "{key}");
    }
    assert!(server.received().is_empty());
}
