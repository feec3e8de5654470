mod asked;
mod clouds;
mod documented;
mod found;
mod machines;

use zeroize::Zeroizing;

use super::*;
use crate::base::encoding::base64;
use crate::base::time::UnixTime;
use crate::format::x509::San;
use crate::service::environment::FixedEnvironment;
use crate::service::http::fake::{Answer, FakeServer, block_on, impatient_client};

/// A token with these claims; header and signature are a canary.
fn jwt(claims: &str) -> String {
    let part = |text: &str| base64::encode_url(text.as_bytes());
    format!("{}.{}.{}", part(r#"{"alg":"ES256"}"#), part(claims), part("canary-signature"))
}

fn good() -> String {
    jwt(r#"{"iss":"https://issuer.example","sub":"me","aud":"sigstore","exp":4102444800}"#)
}

fn claims(text: &str) -> TokenClaims {
    IdToken::new(Zeroizing::new(jwt(text)), "test").unwrap().claims().clone()
}

fn search(environment: FixedEnvironment) -> Result<IdToken, IdentityError> {
    let environment: Arc<dyn Environment> = Arc::new(environment);
    block_on(find(&ambient(&environment, &impatient_client()), SIGSTORE_AUDIENCE))
}

#[test]
fn the_variable_and_the_file() {
    let found = search(FixedEnvironment::with_variables([("SIGSTORE_ID_TOKEN", &format!(" {}\n", good()))])).unwrap();
    assert_eq!((found.reveal(), found.origin()), (good().as_str(), "SIGSTORE_ID_TOKEN"));
    let file = FixedEnvironment::default().with_file("/var/run/sigstore/cosign/oidc-token", good() + "\n");
    assert_eq!(search(file).unwrap().origin(), "projected token file");
}

#[test]
fn nothing_found_names_what_was_tried() {
    let error = search(FixedEnvironment::default()).unwrap_err();
    assert_eq!((error.code().name(), error.code().exit_code()), ("identity-missing", 2));
    let text = error.to_string();
    assert!(
        text.contains("GitLab CI, Jenkins") && text.contains("SIGSTORE_ID_TOKEN, Forgejo Actions, Depot CI, GitHub"),
        "{text}"
    );
    assert!(text.contains("Bitrise, SPIFFE, projected") && text.ends_with("Kubernetes, Google Cloud"), "{text}");
}

#[test]
fn a_broken_source_stops_the_search() {
    let environment = FixedEnvironment::with_variables([("SIGSTORE_ID_TOKEN", "not a token")])
        .with_file("/var/run/sigstore/cosign/oidc-token", good());
    assert_eq!(search(environment).unwrap_err().code().name(), "identity-token-malformed");
}

#[test]
fn github_requests_a_token_for_the_audience() {
    let server = FakeServer::start(|_, _| Answer::new(200, format!(r#"{{"count":1,"value":"{}"}}"#, good())));
    let found = search(FixedEnvironment::with_variables([
        ("GITHUB_ACTIONS", "true"),
        ("ACTIONS_ID_TOKEN_REQUEST_URL", &format!("{}/token?api-version=2.0", server.url)),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "runner-secret"),
    ]))
    .unwrap();
    assert_eq!((found.reveal(), found.origin()), (good().as_str(), "GitHub Actions"));
    let [sent] = server.received().try_into().unwrap();
    assert_eq!(sent.target, "/token?api-version=2.0&audience=sigstore");
    assert_eq!(sent.header("authorization"), Some("Bearer runner-secret"));
}

#[test]
fn github_without_permission_shows_the_lines_that_grant_it() {
    let error = search(FixedEnvironment::with_variables([
        ("GITHUB_ACTIONS", "true"),
        ("ACTIONS_ID_TOKEN_REQUEST_URL", ""),
        ("GITHUB_WORKFLOW_REF", "acme/app/.github/workflows/release.yml@refs/heads/main"),
        ("GITHUB_JOB", "build"),
        ("GITHUB_EVENT_NAME", "push"),
    ]))
    .unwrap_err();
    assert_eq!((error.code().name(), error.code().exit_code()), ("github-permission", 2));
    assert_eq!(
        error.to_string(),
        "this GitHub Actions job may not request an identity token: ACTIONS_ID_TOKEN_REQUEST_URL is not set \
         (workflow \"release.yml\", job \"build\", event \"push\")\n\
         grant it on the job, or on the workflow:\n    \
             permissions:\n      \
               id-token: write\n      \
               contents: read  # naming one permission sets all others to none\n\
         note: in a reusable workflow the calling job must grant it as well\n\
         or supply a token yourself with --identity-token-file or SIGSTORE_ID_TOKEN"
    );
}

#[test]
fn github_notes_appear_only_where_they_apply() {
    let environment = FixedEnvironment::with_variables([
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_EVENT_NAME", "pull_request"),
        ("GITHUB_EVENT_PATH", "event.json"),
        ("SUDO_USER", "runner"),
    ])
    .with_file("event.json", r#"{"pull_request":{"head":{"repo":{"fork":true}}}}"#);
    let text = search(environment).unwrap_err().to_string();
    assert!(text.contains("comes from a fork") && text.contains("through to sudo"), "{text}");
}

#[test]
fn x09_github_refusal_keeps_the_runner_token_secret() {
    let server = FakeServer::start(|_, sent| Answer::new(403, sent.header("authorization").unwrap_or_default()));
    let error = search(FixedEnvironment::with_variables([
        ("GITHUB_ACTIONS", "true"),
        ("ACTIONS_ID_TOKEN_REQUEST_URL", &format!("{}/token?secret=hidden", server.url)),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "canary-runner-secret"),
    ]))
    .unwrap_err();
    assert_eq!(error.code().name(), "github-permission");
    let shown = format!("{error} {error:?}");
    assert!(shown.contains("answered 403: Bearer [redacted]"), "{shown}");
    assert!(!shown.contains("canary") && !shown.contains("hidden"), "{shown}");
}

#[test]
fn github_answers_that_are_none() {
    for (body, code) in [("{}", "identity-provider-malformed"), (r#"{"value":"x"}"#, "identity-token-malformed")] {
        let server = FakeServer::start(move |_, _| Answer::new(200, body));
        let error = search(FixedEnvironment::with_variables([
            ("GITHUB_ACTIONS", "true"),
            ("ACTIONS_ID_TOKEN_REQUEST_URL", &server.url),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "secret"),
        ]));
        assert_eq!(error.unwrap_err().code().name(), code);
    }
}

#[test]
fn gitlab_shows_the_lines_that_are_missing() {
    let error = search(FixedEnvironment::with_variables([("GITLAB_CI", "true")])).unwrap_err();
    assert_eq!((error.code().name(), error.code().exit_code()), ("gitlab-id-token", 2));
    let lines = "\n    id_tokens:\n      SIGSTORE_ID_TOKEN:\n        aud: sigstore";
    assert!(error.to_string().ends_with(lines), "{error}");
    let other = jwt(r#"{"iss":"https://gitlab.com","sub":"s","aud":"https://vault.example"}"#);
    let wrong = FixedEnvironment::with_variables([("GITLAB_CI", "true"), ("SIGSTORE_ID_TOKEN", &other)]);
    assert_eq!(search(wrong).unwrap_err().code().name(), "gitlab-id-token");
    let right = FixedEnvironment::with_variables([("GITLAB_CI", "true"), ("SIGSTORE_ID_TOKEN", &good())]);
    assert_eq!(search(right).unwrap().origin(), "GitLab CI");
}

#[test]
fn explicit_tokens() {
    let environment: Arc<dyn Environment> = Arc::new(FixedEnvironment::default().with_file("token", good()));
    let detect = |source: ExplicitToken| block_on(source.detect(SIGSTORE_AUDIENCE));
    assert!(detect(ExplicitToken::text(Zeroizing::new(good()))).unwrap().is_some());
    assert!(detect(ExplicitToken::file("token", Arc::clone(&environment))).unwrap().is_some());
    let error = detect(ExplicitToken::file("absent", environment)).unwrap_err();
    assert_eq!((error.code().name(), error.code().exit_code()), ("identity-token-unreadable", 3));
}

#[test]
fn what_is_not_a_token() {
    let long = "a".repeat(20_000);
    for bad in
        ["", " \n", "abc", "a.b", "a.b.c.d", "..", &jwt("[]"), &jwt("{"), &jwt(r#"{"sub":"a","sub":"b"}"#), &long]
    {
        let error = IdToken::new(Zeroizing::new(bad.to_owned()), "test").unwrap_err();
        assert_eq!(error.code().name(), "identity-token-malformed", "{bad}");
    }
    for bad in [r#"{"iss":1}"#, r#"{"exp":"soon"}"#, r#"{"exp":1e300}"#, r#"{"aud":[1]}"#, r#"{"aud":{}}"#] {
        let error = IdToken::new(Zeroizing::new(jwt(bad)), "test").unwrap_err();
        assert_eq!(error.code().name(), "identity-token-malformed", "{bad}");
    }
}

#[test]
fn x09_a_token_shows_nowhere() {
    let token = IdToken::new(Zeroizing::new(good()), "test").unwrap();
    assert_eq!(format!("{token:?}"), "IdToken(from test)");
    let explicit = ExplicitToken::text(Zeroizing::new(good()));
    assert_eq!(format!("{explicit:?}"), "ExplicitToken(text)");
    let variable = VariableToken::new(Arc::new(FixedEnvironment::with_variables([("SIGSTORE_ID_TOKEN", &good())])));
    assert!(!format!("{variable:?}").contains("eyJ"));
    let broken = IdToken::new(Zeroizing::new(format!("{}.canary", good())), "test").unwrap_err();
    assert!(!format!("{broken} {broken:?}").contains("canary"));
}

#[test]
fn names_that_fulcio_would_write() {
    use ExpectedIdentity::{Certain, Likely, Open};
    let uri = |text: &str| San::Uri(text.to_owned());
    let github = r#"{"iss":"https://token.actions.githubusercontent.com","sub":"repo:a/b:ref:r",
        "job_workflow_ref":"a/b/.github/workflows/r.yml@refs/heads/main"}"#;
    let san = uri("https://github.com/a/b/.github/workflows/r.yml@refs/heads/main");
    assert_eq!(claims(github).expected_identity(), Certain(san.clone()));
    let lookalike = github.replace("usercontent.com", "usercontent.com.evil");
    assert_eq!(claims(&lookalike).expected_identity(), Likely(san));
    let gitlab =
        r#"{"iss":"https://gitlab.com","sub":"s","ci_config_ref_uri":"gitlab.com/a/b//.gitlab-ci.yml@refs/tags/v1"}"#;
    assert_eq!(claims(gitlab).expected_identity(), Certain(uri("https://gitlab.com/a/b//.gitlab-ci.yml@refs/tags/v1")));
    let person = r#"{"iss":"https://oauth2.sigstore.dev/auth","sub":"opaque","email":"a@b.example","email_verified":true,
        "federated_claims":{"connector_id":"https://accounts.google.com","user_id":"1"}}"#;
    assert_eq!(claims(person).expected_identity(), Certain(San::Email("a@b.example".to_owned())));
    assert_eq!(claims(person).certificate_issuer(), Some("https://accounts.google.com"));
    assert_eq!(claims(person).challenge(), Some("a@b.example"));
    let pod = r#"{"iss":"https://k.example","sub":"s","kubernetes.io":{"namespace":"ci","serviceaccount":{"name":"signer"}}}"#;
    assert_eq!(
        claims(pod).expected_identity(),
        Likely(uri("https://kubernetes.io/namespaces/ci/serviceaccounts/signer"))
    );
    assert_eq!(claims(r#"{"sub":"spiffe://td/ci"}"#).expected_identity(), Likely(uri("spiffe://td/ci")));
    assert_eq!(claims(r#"{"sub":"me"}"#).expected_identity(), Open);
}

#[test]
fn problems_are_named_before_an_authority_sees_the_token() {
    let now = UnixTime::from_secs(1_000_000);
    let codes = |text: &str| -> Vec<&str> {
        claims(text).problems(SIGSTORE_AUDIENCE, now).iter().map(|problem| problem.code().name()).collect()
    };
    let base = |extra: &str| format!(r#"{{"iss":"https://i.example","sub":"s","aud":["x","sigstore"]{extra}}}"#);
    assert!(codes(&base(r#","exp":1000001"#)).is_empty());
    assert!(codes(&base(r#","exp":1000001,"nbf":1000060"#)).is_empty());
    assert_eq!(codes(&base(r#","exp":1000000"#)), ["identity-token-expired"]);
    assert_eq!(codes(&base(r#","exp":2000000,"nbf":1000061"#)), ["identity-token-early"]);
    assert_eq!(codes(&base("")), ["identity-token-claim"]);
    assert_eq!(codes(r#"{"iss":"i","sub":"s","aud":"sigstores","exp":1000001}"#), ["identity-token-audience"]);
    assert_eq!(codes(r#"{"sub":"s","aud":"sigstore","exp":1000001}"#), ["identity-token-claim"]);
    assert_eq!(
        codes(&base(r#","exp":1000001,"email":"a@b.example","email_verified":false"#)),
        ["identity-token-email"]
    );
    let github = r#"{"iss":"https://token.actions.githubusercontent.com","sub":"s","aud":"sigstore","exp":1000001}"#;
    assert_eq!(codes(github), ["identity-token-claim"]);
    let expired = IdToken::new(Zeroizing::new(jwt(&base(r#","exp":1"#))), "test").unwrap();
    assert_eq!(expired.check(SIGSTORE_AUDIENCE, now).unwrap_err().code().name(), "identity-token-expired");
}
