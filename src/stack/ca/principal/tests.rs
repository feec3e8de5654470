//! Tokens of issuers of every kind: who they are for, and which say nothing.

use super::*;
use crate::base::encoding::der::DerError;
use crate::format::jwt::{Jwk, write_es256};
use crate::format::x509::testing::Key;

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const URL: &str = "https://issuer.example";

fn issuer(kind: IssuerKind, url: &str, key: &Key) -> TrustedIssuer {
    TrustedIssuer {
        url: url.to_owned(),
        audience: "sigstore".to_owned(),
        kind,
        domain: "example.com".to_owned(),
        server_url: "https://github.com".to_owned(),
        keys: KeySet::new(vec![Jwk::new("one", key.public().clone())]),
    }
}

fn token(key: &Key, url: &str, claims: &str) -> String {
    let now = NOW.secs();
    let text = format!(r#"{{"iss":"{url}","aud":"sigstore","exp":{},{claims}}}"#, now + 600);
    write_es256::<DerError>("one", &text, |message| Ok(key.sign(message))).unwrap()
}

fn authenticate(kind: IssuerKind, claims: &str) -> Result<Principal, AuthenticationError> {
    let key = Key::p256();
    Issuers::new(vec![issuer(kind, URL, &key)]).authenticate(&token(&key, URL, claims), NOW)
}

#[test]
fn f06_no_key_of_another_issuer() {
    let (one, two) = (Key::p256(), Key::p256());
    let (first, second) = ("https://one.example", "https://two.example");
    let issuers = Issuers::new(vec![issuer(IssuerKind::Email, first, &one), issuer(IssuerKind::Email, second, &two)]);
    let claims = r#""sub":"me","email":"me@example.com","email_verified":true"#;
    assert!(issuers.authenticate(&token(&one, first, claims), NOW).is_ok());
    // The same kid, the other issuer's key.
    let forged = issuers.authenticate(&token(&one, second, claims), NOW);
    assert_eq!(forged, Err(AuthenticationError::Token(JwtError::Signature)));
}

#[test]
fn f09_f10_only_configured_issuers() {
    let key = Key::p256();
    let issuers = Issuers::new(vec![issuer(IssuerKind::Uri, URL, &key)]);
    for url in [
        "https://issuer.example/",
        "https://issuer.example.evil",
        "https://ISSUER.example",
        "http://issuer.example",
        "",
    ] {
        let claims = r#""sub":"https://example.com/x""#;
        let refused = issuers.authenticate(&token(&key, url, claims), NOW);
        assert!(
            matches!(refused, Err(AuthenticationError::UnknownIssuer | AuthenticationError::Token(JwtError::Shape(_)))),
            "{url}"
        );
    }
}

#[test]
fn f14_an_address_must_be_verified() {
    let with =
        |verified: &str| authenticate(IssuerKind::Email, &format!(r#""sub":"1","email":"me@example.com"{verified}"#));
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
        let refused = authenticate(IssuerKind::Email, &claims);
        assert_eq!(refused, Err(AuthenticationError::Claim { claim: "email" }), "{email}");
    }
}

#[test]
fn f16_usernames_and_uris_stay_in_their_domain() {
    let username = authenticate(IssuerKind::Username, r#""sub":"me""#).unwrap();
    assert_eq!(username.san(), &San::Username("me!example.com".to_owned()));
    let uri = authenticate(IssuerKind::Uri, r#""sub":"spiffe://example.com/job""#).unwrap();
    assert_eq!(uri.san(), &San::Uri("spiffe://example.com/job".to_owned()));
    let outside = Err(AuthenticationError::Domain { domain: "example.com".to_owned() });
    assert_eq!(authenticate(IssuerKind::Username, r#""sub":"me!other.com""#), outside);
    for uri in [
        "https://other.com/x",
        "https://example.com.evil/x",
        "https://evil@example.com/x",
        "https://example.com:1/x",
        "https:///x",
    ] {
        assert_eq!(authenticate(IssuerKind::Uri, &format!(r#""sub":"{uri}""#)), outside, "{uri}");
    }
    assert_eq!(authenticate(IssuerKind::Uri, r#""sub":"me""#), Err(AuthenticationError::Claim { claim: "sub" }));
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
    let check = |claim: &'static str, value: &str| authenticate(IssuerKind::GithubWorkflow, &github(claim, value));
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
        assert_eq!(check(claim, bad), Err(AuthenticationError::Claim { claim }), "{claim} {bad}");
    }
}
