//! Tokens of issuers of every kind: who they are for, and which say nothing.

use super::*;
use crate::base::encoding::der::DerError;
use crate::format::jwt::{Jwk, KeySet, write_es256};
use crate::format::x509::testing::Key;
use crate::service::http::fake::block_on;

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const URL: &str = "https://issuer.example";

const DOMAIN: &str = "example.com";

fn by_email() -> SubjectKind {
    SubjectKind::Email { issuer_claim: None }
}

fn by_uri() -> SubjectKind {
    SubjectKind::Uri { domain: DOMAIN.to_owned() }
}

fn by_username() -> SubjectKind {
    SubjectKind::Username { domain: DOMAIN.to_owned() }
}

fn job(id: &str) -> SubjectKind {
    SubjectKind::CiProvider { id: id.to_owned(), provider: Arc::new(Provider::built_in(id).unwrap()) }
}

fn issuer(subject: SubjectKind, url: &str, key: &Key) -> TrustedIssuer {
    let keys = KeySet::new(vec![Jwk::new("one", key.public().clone())]);
    TrustedIssuer {
        url: IssuerUrl::exact(url).unwrap(),
        audience: "sigstore".to_owned(),
        subject,
        keys: IssuerKeys::Fixed(Arc::new(keys)),
    }
}

fn token(key: &Key, url: &str, claims: &str) -> String {
    let now = NOW.secs();
    let text = format!(r#"{{"iss":"{url}","aud":"sigstore","exp":{},{claims}}}"#, now + 600);
    write_es256::<DerError>("one", &text, |message| Ok(key.sign(message))).unwrap()
}

fn ask(issuers: &Issuers, token: &str) -> Result<Principal, AuthenticationError> {
    block_on(issuers.authenticate(token, NOW))
}

fn authenticate(subject: SubjectKind, claims: &str) -> Result<Principal, AuthenticationError> {
    let key = Key::p256();
    ask(&Issuers::new(vec![issuer(subject, URL, &key)]), &token(&key, URL, claims))
}

fn claim(name: &str) -> AuthenticationError {
    AuthenticationError::claim(name)
}

#[test]
fn f06_no_key_of_another_issuer() {
    let (one, two) = (Key::p256(), Key::p256());
    let (first, second) = ("https://one.example", "https://two.example");
    let issuers = Issuers::new(vec![issuer(by_email(), first, &one), issuer(by_email(), second, &two)]);
    let claims = r#""sub":"me","email":"me@example.com","email_verified":true"#;
    assert!(ask(&issuers, &token(&one, first, claims)).is_ok());
    // The same kid, the other issuer's key.
    let forged = ask(&issuers, &token(&one, second, claims));
    assert_eq!(forged, Err(AuthenticationError::Token(JwtError::Signature)));
}

#[test]
fn f09_f10_only_configured_issuers() {
    let key = Key::p256();
    let issuers = Issuers::new(vec![issuer(by_uri(), URL, &key)]);
    for url in [
        "https://issuer.example/",
        "https://issuer.example.evil",
        "https://ISSUER.example",
        "http://issuer.example",
        "",
    ] {
        let claims = r#""sub":"https://example.com/x""#;
        let refused = ask(&issuers, &token(&key, url, claims));
        assert!(
            matches!(refused, Err(AuthenticationError::UnknownIssuer | AuthenticationError::Token(JwtError::Shape(_)))),
            "{url}"
        );
    }
}

#[test]
fn f14_an_address_must_be_verified() {
    let with = |verified: &str| authenticate(by_email(), &format!(r#""sub":"1","email":"me@example.com"{verified}"#));
    let principal = with(r#","email_verified":true"#).unwrap();
    assert_eq!((principal.san(), principal.challenge()), (&San::Email("me@example.com".to_owned()), "me@example.com"));
    assert_eq!(principal.claims(), [(1, URL.to_owned()), (8, URL.to_owned()), (24, "1".to_owned())]);
    for verified in [
        "",
        r#","email_verified":false"#,
        r#","email_verified":"true""#,
        r#","email_verified":1"#,
        r#","email_verified":null"#,
    ] {
        assert_eq!(with(verified), Err(AuthenticationError::EmailNotVerified), "{verified}");
    }
}

#[test]
fn f15_what_is_no_address() {
    for email in [
        r#""me""#,
        r#""@example.com""#,
        r#""me@""#,
        r#""me@@example.com""#,
        r#""a@b@example.com""#,
        r#""\"me\"@example.com""#,
        r#""me @example.com""#,
        r#""me@exam ple.com""#,
        r#""m\u00e9@example.com""#,
        r#""me@example.com\u0000""#,
        r#""me@.com""#,
        r#""me@example..com""#,
        r#""me\n@example.com""#,
        r#"["me@example.com"]"#,
        "{}",
        "true",
    ] {
        let claims = format!(r#""sub":"1","email":{email},"email_verified":true"#);
        let refused = authenticate(by_email(), &claims);
        assert_eq!(refused, Err(claim("email")), "{email}");
    }
}

#[test]
fn f16_usernames_and_uris_stay_in_their_domain() {
    let username = authenticate(by_username(), r#""sub":"me""#).unwrap();
    assert_eq!(username.san(), &San::Username("me!example.com".to_owned()));
    let uri = authenticate(by_uri(), r#""sub":"spiffe://example.com/job""#).unwrap();
    assert_eq!(uri.san(), &San::Uri("spiffe://example.com/job".to_owned()));
    let outside = Err(AuthenticationError::Domain { domain: "example.com".to_owned() });
    assert_eq!(authenticate(by_username(), r#""sub":"me!other.com""#), outside);
    for uri in [
        "https://other.com/x",
        "https://example.com.evil/x",
        "https://evil@example.com/x",
        "https://example.com:1/x",
        "https:///x",
    ] {
        assert_eq!(authenticate(by_uri(), &format!(r#""sub":"{uri}""#)), outside, "{uri}");
    }
    assert_eq!(authenticate(by_uri(), r#""sub":"me""#), Err(claim("sub")));
}

/// A GitHub job's claims with one of them replaced.
fn github(claim: &str, value: &str) -> String {
    let names = [
        "sub",
        "job_workflow_ref",
        "event_name",
        "sha",
        "workflow",
        "repository",
        "ref",
        "job_workflow_sha",
        "run_id",
        "run_attempt",
        "runner_environment",
        "repository_id",
        "repository_owner",
        "repository_owner_id",
        "workflow_ref",
        "workflow_sha",
        "repository_visibility",
    ];
    let member = |name: &&str| if *name == claim { format!(r#""{name}":{value}"#) } else { format!(r#""{name}":"x""#) };
    names.iter().map(member).collect::<Vec<_>>().join(",")
}

#[test]
fn f32_claims_that_a_certificate_cannot_carry() {
    let check = |claim: &str, value: &str| authenticate(job("github-workflow"), &github(claim, value));
    let value =
        |principal: Principal, arc: u8| principal.claims().iter().find(|(found, _)| *found == arc).unwrap().1.clone();
    assert_eq!(value(check("repository_id", "12345678901").unwrap(), 15), "12345678901", "exactly, never 1.2e10");
    assert_eq!(value(check("ref", r#""refs/tags/\u00fc""#).unwrap(), 14), "refs/tags/\u{fc}");
    for (claim, bad) in [
        ("repository_id", "1.2345678901e10"),
        ("repository_id", "true"),
        ("repository_id", "[1]"),
        ("repository_id", r#""""#),
        ("workflow", r#""a\nb""#),
        ("workflow", &format!("\"{}\"", "x".repeat(3000))),
        ("job_workflow_ref", r#""a b""#),
        ("job_workflow_ref", r#""\u00fc""#),
    ] {
        assert_eq!(check(claim, bad), Err(super::AuthenticationError::claim(claim)), "{claim} {bad}");
    }
}

#[test]
fn f16_a_spiffe_id_of_the_trust_domain() {
    let spiffe = |sub: &str| {
        let subject = SubjectKind::Spiffe { trust_domain: "prod.example".to_owned() };
        authenticate(subject, &format!(r#""sub":"{sub}""#)).map(|principal| principal.san().clone())
    };
    let id = "spiffe://prod.example/ns/ci/sa/builder_1.x-y";
    assert_eq!(spiffe(id), Ok(San::Uri(id.to_owned())));
    let domain = Err(AuthenticationError::Domain { domain: "prod.example".to_owned() });
    for other in
        ["spiffe://prod.example.evil/x", "spiffe://x@prod.example/x", "spiffe://prod.example:1/x", "spiffe:///x"]
    {
        assert_eq!(spiffe(other), domain, "{other}");
    }
    for malformed in [
        "https://prod.example/x",
        "spiffe://prod.example",
        "spiffe://prod.example/",
        "spiffe://prod.example/a//b",
        "spiffe://prod.example/../x",
        "spiffe://prod.example/x?y",
        "spiffe://prod.example/%61",
    ] {
        assert_eq!(spiffe(malformed), Err(claim("sub")), "{malformed}");
    }
}

#[test]
fn f32_a_service_account_of_a_cluster() {
    let account = |sub: &str| {
        authenticate(SubjectKind::Kubernetes, &format!(r#""sub":"{sub}""#)).map(|principal| principal.san().clone())
    };
    let name = "https://kubernetes.io/namespaces/ci/serviceaccounts/build.er-1";
    assert_eq!(account("system:serviceaccount:ci:build.er-1"), Ok(San::Uri(name.to_owned())));
    for other in [
        "system:node:ci:x",
        "system:serviceaccount:ci",
        "system:serviceaccount::x",
        "system:serviceaccount:ci:",
        "system:serviceaccount:ci:a:b",
        "system:serviceaccount:ci:a/b",
        "system:serviceaccount:c.i:a",
        "system:serviceaccount:CI:a",
    ] {
        assert_eq!(account(other), Err(claim("sub")), "{other}");
    }
}

#[test]
fn f09_the_issuer_in_another_claim() {
    let subject = || SubjectKind::Email { issuer_claim: Some(vec!["federated".to_owned(), "connector".to_owned()]) };
    let with =
        |more: &str| authenticate(subject(), &format!(r#""sub":"1","email":"a@b.c","email_verified":true{more}"#));
    let principal = with(r#","federated":{"connector":"https://accounts.example"}"#).unwrap();
    assert_eq!(principal.claims()[1], (8, "https://accounts.example".to_owned()));
    for other in ["", r#","federated":"x""#, r#","federated":{}"#, r#","federated":{"connector":""}"#] {
        assert_eq!(with(other), Err(claim("federated.connector")), "{other}");
    }
}

/// The name and some extensions of a token of each provider, as the public instance has them.
#[test]
fn jobs_of_every_provider() {
    let codefresh = r#""sub":"s","account_name":"acme","account_id":"a1","pipeline_name":"app/release","pipeline_id":"p1",
        "workflow_id":"w1","scm_ref":"main""#;
    let buildkite = r#""sub":"s","organization_slug":"acme","pipeline_slug":"app","build_number":5,"job_id":"j1",
        "runner_environment":"self-hosted","build_commit":"c0ffee","build_source":"ui""#;
    let circleci = r#""sub":"s","oidc.circleci.com/project-id":"p1","oidc.circleci.com/pipeline-definition-id":"d1",
        "oidc.circleci.com/pipeline-id":"i1","oidc.circleci.com/workflow-id":"w1","oidc.circleci.com/job-id":"j1",
        "oidc.circleci.com/ssh-rerun":true,"oidc.circleci.com/vcs-ref":"refs/heads/main""#;
    for (id, claims, name, extensions) in [
        (
            "codefresh-workflow",
            codefresh,
            "https://g.codefresh.io/acme/app/release:a1/p1",
            &[(9, "https://g.codefresh.io/build/w1"), (14, "main"), (18, "https://g.codefresh.io/api/pipelines/p1")][..],
        ),
        (
            "buildkite-job",
            buildkite,
            "https://buildkite.com/acme/app",
            &[(13, "c0ffee"), (20, "ui"), (21, "https://buildkite.com/acme/app/builds/5#j1")],
        ),
        (
            "circleci-job",
            circleci,
            "https://circleci.com/api/v2/projects/p1/pipeline-definitions/d1",
            &[(11, "ssh-rerun"), (14, "refs/heads/main"), (21, "https://app.circleci.com//workflow/w1/job/j1")],
        ),
    ] {
        let principal = authenticate(job(id), claims).unwrap();
        assert_eq!(principal.san(), &San::Uri(name.to_owned()));
        for (arc, text) in extensions {
            assert!(principal.claims().contains(&(*arc, (*text).to_owned())), "{id} .{arc}: {:?}", principal.claims());
        }
        assert!(principal.claims().is_sorted_by_key(|(arc, _)| *arc));
        let first = claims.split(',').skip(2).collect::<Vec<_>>().join(",");
        let refused = authenticate(job(id), &format!(r#""sub":"s",{first}"#));
        assert!(matches!(refused, Err(AuthenticationError::Claim { .. })), "{id}: {refused:?}");
    }
    // A claim does not replace what stands for the platform.
    let forged = authenticate(job("buildkite-job"), &format!(r#"{buildkite},"url":"https://evil.example""#)).unwrap();
    assert_eq!(forged.san().as_str(), "https://buildkite.com/acme/app");
}

#[test]
fn f15_f16_identities_of_chainguard() {
    let of = |claims: &str| authenticate(SubjectKind::Chainguard, claims);
    let principal = of(r#""sub":"a1b2/c3:d4","act":{"iss":"x"},"internal":{"service-principal":"COSIGNED"}"#).unwrap();
    assert_eq!(principal.san(), &San::Uri(format!("{URL}/a1b2/c3:d4")));
    assert_eq!(principal.challenge(), "a1b2/c3:d4");
    let claims = [(1, URL), (8, URL), (24, "a1b2/c3:d4")].map(|(arc, text)| (arc, text.to_owned()));
    assert_eq!(principal.claims(), claims);
    // Possession is proven over the address where there is one, and the name stays what it is.
    let principal = of(r#""sub":"a1b2","email":"me@example.com","email_verified":true"#).unwrap();
    assert_eq!((principal.challenge(), principal.san()), ("me@example.com", &San::Uri(format!("{URL}/a1b2"))));
    assert_eq!(of(r#""sub":"a1b2","email":"me@example.com""#), Err(AuthenticationError::EmailNotVerified));
    for subject in ["../other", "a//b", "a/../b", "a?b", "a#b", "a%2fb", "/a", "a b"] {
        assert_eq!(of(&format!(r#""sub":"{subject}""#)), Err(claim("sub")), "{subject}");
    }
}
