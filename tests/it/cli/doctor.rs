//! `doctor` on a whole setup and on one that is broken in each way: the line says so, by its code, and nothing else
//! fails.

mod services;
mod vault;

use std::process::Output;
use std::time::{SystemTime, UNIX_EPOCH};

use sealmark::base::encoding::base64;
use serde_json::{Value, json};

use super::fixture::{Desk, stack_dir};
use super::outage::{Ways, config, write_config};
use super::{json, sealmark, stderr, stdout};
use crate::registry::server::{Answer, Login, Options, TestRegistry};

/// Runs it in the desk's folder with these variables.
fn doctor(desk: &Desk, variables: &[(&str, &str)], args: &[&str]) -> Output {
    let mut command = sealmark(&[&["doctor", "--format", "json"], args].concat());
    command.current_dir(desk.path("")).envs(variables.iter().copied()).output().unwrap()
}

/// With the stack's services and the token of the desk.
fn whole(desk: &Desk, variables: &[(&str, &str)], args: &[&str]) -> Output {
    let with = ["--stack", stack_dir(), "--identity-token-file", "token.jwt"];
    doctor(desk, variables, &[&with, args].concat())
}

/// Every line that is not as it should be: `about status code`.
fn troubles(output: &Output) -> Vec<String> {
    let document = json(output);
    assert_eq!(document["schema"], "sealmark.doctor/v1", "{}", stderr(output));
    let checks = document["checks"].as_array().unwrap().iter();
    let coded = checks.filter(|check| check["code"].is_string());
    let text = |check: &Value, name: &str| check[name].as_str().unwrap().to_owned();
    coded
        .map(|check| {
            assert!(!text(check, "hint").is_empty());
            ["about", "status", "code"].map(|name| text(check, name)).join(" ")
        })
        .collect()
}

/// The exit code with the troubles.
fn found(output: &Output) -> (i32, Vec<String>) {
    (output.status.code().unwrap(), troubles(output))
}

fn one(exit: i32, trouble: &str) -> (i32, Vec<String>) {
    (exit, vec![trouble.to_owned()])
}

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

/// A token that nobody signed: what it claims is all that is read here.
fn token(changes: &[(&str, Value)]) -> String {
    let mut claims = json!({
        "iss": super::fixture::issuer(), "sub": "repo:acme/app:ref:refs/heads/main", "aud": "sigstore",
        "exp": now() + 600, "iat": now(),
        "job_workflow_ref": "acme/app/.github/workflows/release.yml@refs/heads/main",
    });
    for (name, value) in changes {
        claims[*name] = value.clone();
    }
    let part = |text: &str| base64::encode_url(text.as_bytes());
    format!("{}.{}.{}", part(r#"{"alg":"ES256"}"#), part(&claims.to_string()), part("signature"))
}

#[test]
fn everything_is_right_and_no_log_got_an_entry() {
    let (desk, ways, registry) = (Desk::new(), Ways::open(), TestRegistry::honest());
    write_config(&desk, &config(&ways));
    let image = format!("{}/acme/app:v1", registry.authority);
    let args = ["--trust-config", "ways.json", "--identity-token-file", "token.jwt"];
    let output = doctor(&desk, &[], &[&args[..], &["--registry", &image]].concat());
    assert_eq!(found(&output), (0, Vec::new()), "{}", stdout(&output));
    assert_eq!(json(&output)["verdict"], "ok");
    let about = |check: &Value| format!("{} {}", check["about"].as_str().unwrap(), check["status"].as_str().unwrap());
    let lines: Vec<_> = json(&output)["checks"].as_array().unwrap().iter().map(about).collect();
    for line in [
        "token ok",
        "audience ok",
        "expiry ok",
        "fork ok",
        "trust root ok",
        "authority ok",
        "tsa ok",
        "log ok",
        "clock ok",
        "registry ok",
        "push ok",
        "referrers ok",
    ] {
        assert!(lines.iter().any(|found| found == line), "{line}: {lines:?}");
    }
    // What each service was asked: nothing that it would have to keep.
    assert_eq!(ways.log.lines(), ["GET /api/v2/checkpoint HTTP/1.1"]);
    assert_eq!(ways.ca.lines(), ["GET /api/v2/configuration HTTP/1.1", "GET /api/v2/trustBundle HTTP/1.1"]);
    assert_eq!(ways.tsa.lines(), ["POST /api/v1/timestamp HTTP/1.1"]);
    let written: Vec<_> = registry.lines().into_iter().filter(|line| !line.starts_with("GET ")).collect();
    assert_eq!(written.len(), 2, "{written:?}");
    assert!(written[0].starts_with("POST ") && written[1].starts_with("DELETE "), "{written:?}");
    // The same for people, and with a CT log that is known to be beside the authority.
    let human = desk.run(&["doctor", "--stack", stack_dir(), "--identity-token-file", "token.jwt"]);
    assert!(stdout(&human).lines().any(|line| line.starts_with("ok") && line.contains("ct log")), "{}", stdout(&human));
    assert!(stdout(&human).contains("nothing that was looked at keeps this job from signing"), "{}", stdout(&human));
}

#[test]
fn no_token_and_a_job_that_may_not_ask_for_one() {
    let desk = Desk::new();
    let none = doctor(&desk, &[], &["--stack", stack_dir()]);
    assert_eq!(found(&none), one(1, "token fail identity-missing"));
    let github = [("GITHUB_ACTIONS", "true"), ("GITHUB_JOB", "build")];
    let output = doctor(&desk, &github, &["--stack", stack_dir()]);
    assert_eq!(found(&output), one(1, "token fail github-permission"));
    assert!(stdout(&output).contains("id-token: write"), "{}", stdout(&output));
}

#[test]
fn tokens_that_no_authority_takes() {
    let desk = Desk::new();
    for (changes, expected) in [
        (vec![("aud", json!("vault"))], one(1, "audience fail identity-token-audience")),
        (vec![("exp", json!(now() - 5))], one(1, "expiry fail identity-token-expired")),
        (vec![("nbf", json!(now() + 3600))], one(1, "expiry fail identity-token-early")),
        (vec![("exp", json!(now() + 20))], one(0, "expiry warn identity-token-expiring")),
        (vec![("sub", json!(""))], one(1, "claims fail identity-token-claim")),
        (
            vec![("email", json!("me@example.com")), ("email_verified", json!(false))],
            one(0, "claims warn identity-token-email"),
        ),
        (vec![("iss", json!("https://nobody.example"))], one(1, "authority fail ca-issuer-unknown")),
    ] {
        desk.write("token.jwt", token(&changes).as_bytes());
        assert_eq!(found(&whole(&desk, &[], &[])), expected, "{changes:?}");
    }
}

#[test]
fn a_name_that_not_everyone_may_see() {
    let desk = Desk::new();
    // The default services are the public ones.
    let output = doctor(&desk, &[], &["--identity-token-file", "token.jwt", "--offline"]);
    assert_eq!(found(&output), one(1, "record fail sign-would-publish"));
    let chosen = doctor(&desk, &[], &["--identity-token-file", "token.jwt", "--offline", "--public-record"]);
    assert_eq!(found(&chosen), (0, Vec::new()));
}

#[test]
fn jobs_of_forks() {
    let desk = Desk::new();
    desk.write("event.json", br#"{"pull_request":{"head":{"repo":{"fork":true}}}}"#);
    let event = [("GITHUB_EVENT_PATH", "event.json")];
    for (variables, expected) in [
        (vec![("GITHUB_EVENT_NAME", "pull_request")], one(1, "fork fail job-fork-no-token")),
        (vec![("GITHUB_EVENT_NAME", "pull_request_target")], one(0, "fork warn job-fork-our-token")),
        (
            vec![
                ("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", "2"),
                ("CI_MERGE_REQUEST_PROJECT_ID", "1"),
                ("CI_PROJECT_ID", "2"),
            ],
            one(0, "fork warn job-fork-its-token"),
        ),
    ] {
        assert_eq!(found(&whole(&desk, &[&event[..], &variables].concat(), &[])), expected);
    }
}

#[test]
fn jobs_that_show_their_secrets() {
    let desk = Desk::new();
    let pem = "-----BEGIN EC PRIVATE KEY-----\nMHcC\n-----END EC PRIVATE KEY-----\n";
    for (variable, value, expected) in [
        ("CI_DEBUG_TRACE", "true", "secrets warn job-traced"),
        ("SHELLOPTS", "braceexpand:xtrace", "secrets warn job-traced"),
        ("TLS_KEY", pem, "secrets warn job-key-variable"),
        ("CI_JOB_JWT", "eyJ", "gitlab warn gitlab-job-jwt"),
    ] {
        let output = whole(&desk, &[(variable, value)], &[]);
        assert_eq!(found(&output), one(0, expected));
        assert!(!stdout(&output).contains("MHcC"));
    }
}

#[test]
fn offline_nobody_is_asked() {
    let (desk, ways) = (Desk::new(), Ways::open());
    write_config(&desk, &config(&ways));
    let args = ["--trust-config", "ways.json", "--offline"];
    let output = doctor(&desk, &[], &[&args[..], &["--identity-token-file", "token.jwt"]].concat());
    assert_eq!(found(&output), (0, Vec::new()));
    // A token that has to be fetched is not.
    let service = format!("{}/token", ways.ca.url);
    let github = [
        ("GITHUB_ACTIONS", "true"),
        ("ACTIONS_ID_TOKEN_REQUEST_URL", service.as_str()),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "t"),
    ];
    let output = doctor(&desk, &github, &args);
    assert_eq!(found(&output), (0, Vec::new()));
    assert_eq!([&ways.ca, &ways.tsa, &ways.log].map(|way| way.requests()), [0, 0, 0]);
}

#[test]
fn registries() {
    let desk = Desk::new();
    let at = |registry: &TestRegistry| {
        let image = format!("{}/acme/app:v1", registry.authority);
        found(&whole(&desk, &[], &["--registry", &image]))
    };
    let login = TestRegistry::start(Options { login: Some(Login::Basic("bWU6c2VjcmV0")), ..Options::default() });
    let all = ["registry", "push", "referrers"].map(|about| format!("{about} fail registry-unauthorized"));
    assert_eq!(at(&login), (1, all.to_vec()));
    let read_only = |asked: &crate::registry::server::Asked| {
        (asked.line().starts_with("POST ")).then(|| Answer::error(403, "DENIED"))
    };
    assert_eq!(at(&TestRegistry::lying(read_only)), one(1, "push fail registry-unauthorized"));
    let old = TestRegistry::start(Options { referrers: false, ..Options::default() });
    assert_eq!(at(&old), one(0, "referrers warn registry-no-referrers"));
    // The walkthrough that signs everything but the image.
    let registry = TestRegistry::honest();
    let manifest = br#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[]}"#;
    registry.plant("acme/app", Some("v1"), "application/vnd.oci.image.manifest.v1+json", manifest);
    assert_eq!(at(&registry), one(0, "signature warn registry-image-unsigned"));
    let image = format!("{}/acme/app:v1", registry.authority);
    let signed = desk.run(&["sign", "image", &image, "--stack", stack_dir(), "--identity-token-file", "token.jwt"]);
    assert!(signed.status.success(), "{}", stderr(&signed));
    assert_eq!(at(&registry), (0, Vec::new()));
}
