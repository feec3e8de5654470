//! Tokens of every kind verify, and say what their platforms' do.

use super::*;
use crate::base::crypto::KeyKind;
use crate::format::jwt::{Claims, Expected, UnverifiedToken};

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

fn issuer() -> Issuer {
    let key = PrivateKey::generate(KeyKind::P256).unwrap();
    Issuer::new(key, "http://127.0.0.1:1", Zeroizing::new("secret".to_owned()))
}

fn claims(issuer: &Issuer, request: &TokenRequest) -> Claims {
    let token = issuer.issue(request, NOW).unwrap();
    let claims = UnverifiedToken::parse(&token).unwrap().verify(&issuer.keys()).unwrap();
    claims.check(&Expected { issuer: &issuer.url(request.kind()), audience: AUDIENCE, now: NOW }).unwrap();
    claims
}

#[test]
fn every_kind() {
    let issuer = issuer();
    for kind in IssuerKind::ALL {
        let claims = claims(&issuer, &TokenRequest::new(kind));
        assert!(claims.text("sub").is_some());
        // Clients sign the e-mail address as proof of possession whenever a token has one.
        assert_eq!(claims.get("email").is_some(), kind == IssuerKind::Email);
    }
}

#[test]
fn github_claims() {
    let request = TokenRequest::new(IssuerKind::GithubWorkflow).with("ref", "refs/heads/main").unwrap();
    let claims = claims(&issuer(), &request.with("environment", "prod").unwrap());
    assert_eq!(claims.text("sub"), Some("repo:acme/app:environment:prod"));
    assert_eq!(claims.text("job_workflow_ref"), Some("acme/app/.github/workflows/release.yml@refs/heads/main"));
    assert_eq!(claims.text("ref_type"), Some("branch"));
    assert_eq!(claims.text("sha").map(str::len), Some(40));
}

#[test]
fn what_cannot_be_asked() {
    let request = |kind: IssuerKind| TokenRequest::new(kind);
    let unknown = request(IssuerKind::Email).with("iss", "https://accounts.google.com").unwrap_err();
    assert!(matches!(unknown, IssueError::Unknown { .. }));
    let issuer = issuer();
    for (kind, name, value) in [
        (IssuerKind::GithubWorkflow, "repository", "app"),
        (IssuerKind::GithubWorkflow, "ref", "main"),
        (IssuerKind::GitlabPipeline, "ref_type", "commit"),
        (IssuerKind::Email, "email", "a b@c"),
        (IssuerKind::Email, "email", "a\nb@c"),
    ] {
        let refused = issuer.issue(&request(kind).with(name, value).unwrap(), NOW);
        assert!(matches!(refused, Err(IssueError::Value { .. })), "{name}={value}");
    }
}

#[test]
fn client_credentials() {
    let issuer = issuer();
    assert!(issuer.knows("sealmark", "secret"));
    for (id, secret) in [("sealmark", "secreT"), ("sealmark", ""), ("sealmark", "secret1"), ("other", "secret")] {
        assert!(!issuer.knows(id, secret));
    }
}
