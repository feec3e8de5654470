//! K19: whom an entry concerns, written in whatever way.

use super::*;
use crate::format::x509::{Certificate, oids};

/// A leaf with these extensions.
fn leaf(extensions: Vec<Extension>) -> Certificate {
    let key = Key::p256();
    let template = extensions.into_iter().fold(Template::leaf(&key), Template::with);
    World::new().certify(template)
}

fn named(san: &San, claims: &[(&str, &str)]) -> Certificate {
    let claims = claims.iter().map(|(name, value)| Extension::claim(Claim::by_name(name).unwrap(), value));
    leaf(std::iter::once(Extension::subject_alt_name(san)).chain(claims).collect())
}

fn concern(watch: &Watch, certificate: &Certificate) -> Concern {
    watch.concerns(Claimant::Certificate(certificate))
}

fn email(text: &str) -> San {
    San::Email(text.to_owned())
}

#[test]
fn k19_names_in_any_case_and_of_any_kind() {
    let exact = Rule::named("w").identity(exact("Me@example.com")).watch().unwrap();
    let glob = Rule::named("w").identity(Matcher::glob("*@Example.com").unwrap()).watch().unwrap();
    let regex = Rule::named("w").identity(Matcher::regex(r"M[eE]@\D+\.com").unwrap()).watch().unwrap();
    for watch in [&exact, &glob, &regex] {
        for name in [email("me@example.com"), email("ME@EXAMPLE.com"), San::Uri("me@Example.com".to_owned())] {
            assert_eq!(concern(watch, &named(&name, &[])), Concern::Yes, "{name:?}");
        }
        assert_eq!(concern(watch, &named(&email("me@example.org"), &[])), Concern::No);
    }
    assert_eq!(concern(&exact, &named(&San::Username("me@example.com".to_owned()), &[])), Concern::Yes);
}

#[test]
fn k19_issuer_and_claims_narrow_when_they_can_be_read() {
    let watch = Rule::named("w").identity(exact(WORKFLOW)).issuer(exact(ISSUER)).watch().unwrap();
    assert_eq!(concern(&watch, &named(&uri(WORKFLOW), &issued_by(ISSUER))), Concern::Yes);
    assert_eq!(concern(&watch, &named(&uri(WORKFLOW), &issued_by("https://else.example"))), Concern::No);
    let conflict = [("issuer-v1", ISSUER), ("issuer", "https://else.example")];
    assert_eq!(concern(&watch, &named(&uri(WORKFLOW), &conflict)), Concern::Unclear);
    let claim = Matcher::glob("https://github.com/ACME/*").unwrap();
    let watch = Rule::named("w").claim("source-repository-uri", claim).unwrap().watch().unwrap();
    let from = |repository| named(&uri("https://x.example/y"), &[("source-repository-uri", repository)]);
    assert_eq!(concern(&watch, &from("https://github.com/acme/app")), Concern::Yes);
    assert_eq!(concern(&watch, &from("https://github.com/other/app")), Concern::No);
    assert_eq!(Rule::named("w").watch().unwrap_err().code().name(), "policy-no-identity");
}

#[test]
fn k19_nameless_certificates_and_keys() {
    let watch = Rule::named("w").identity(exact("me@example.com")).watch().unwrap();
    let nameless = World::new().certify(Template::leaf(&Key::p256()).without(oids::SUBJECT_ALT_NAME));
    assert_eq!(concern(&watch, &nameless), Concern::Unclear);
    let (own, other) = (Key::p256(), Key::p256());
    let key = Watch::key(own.public().clone());
    assert_eq!(key.concerns(Claimant::Key(own.public())), Concern::Yes);
    assert_eq!(key.concerns(Claimant::Key(other.public())), Concern::No);
    assert_eq!(watch.concerns(Claimant::Key(own.public())), Concern::No);
    let certified = World::new().certify(Template::leaf(&own).with(Extension::subject_alt_name(&email("x@y.example"))));
    assert_eq!(concern(&key, &certified), Concern::Yes);
    let policy = format!("version: 1\nrules: [{{identity: me@example.com, issuer: '{ISSUER}'}}]\n");
    assert_eq!(Policy::parse(policy.as_bytes()).unwrap().watches().len(), 1);
}
