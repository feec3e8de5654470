//! The rows of identity and policy, over signatures that a good instance made: only the rule can refuse.

use super::*;
use crate::format::x509::build::Extension;
use crate::format::x509::testing::{Key, Template};
use crate::format::x509::{Claim, San};
use crate::verify::Artifact;
use crate::verify::testing::{ARTIFACT, NOW, World};

mod private;
mod rows;
mod sets;
mod watch;

const WORKFLOW: &str = "https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1";
const ISSUER: &str = "https://token.actions.githubusercontent.com";

/// A signature by a leaf with this name and these claims.
fn signed(san: &San, claims: &[(&str, &str)]) -> Verified {
    try_signed(san, claims).expect("a good signature")
}

fn try_signed(san: &San, claims: &[(&str, &str)]) -> Result<Verified, crate::verify::VerifyError> {
    let world = World::new();
    let key = Key::p256();
    let claim = |name: &str| Claim::by_name(name).expect(name);
    let mut template = Template::leaf(&key).with(Extension::subject_alt_name(san));
    for (name, value) in claims {
        template = template.with(Extension::claim(claim(name), value));
    }
    let mut message = world.message(&key);
    message.leaf = world.certify(template);
    world.verify(&world.complete_v2(message))
}

fn uri(text: &str) -> San {
    San::Uri(text.to_owned())
}

/// The leaf's issuer, in both forms.
fn issued_by(issuer: &str) -> [(&str, &str); 2] {
    [("issuer-v1", issuer), ("issuer", issuer)]
}

fn by_workflow() -> Verified {
    signed(&uri(WORKFLOW), &issued_by(ISSUER))
}

fn rule(name: &str, identity: Matcher, issuer: &str) -> Rule {
    Rule::named(name).identity(identity).issuer(Matcher::exact(issuer).unwrap()).build().unwrap()
}

fn exact(text: &str) -> Matcher {
    Matcher::exact(text).unwrap()
}

/// The rule that admits one signature.
fn admits(policy: &Policy, verified: &Verified) -> Result<String, NotAdmitted> {
    let artifact = Artifact::from_bytes(ARTIFACT);
    policy.admit(&Question::new(&artifact, &[verified], NOW)).map(|admitted| admitted.rule().name().to_owned())
}

fn code(policy: &Policy, verified: &Verified) -> &'static str {
    admits(policy, verified).expect_err("must be refused").code().name()
}

fn glob_code(glob: &str, verified: &Verified) -> &'static str {
    code(&Policy::of(rule("r", Matcher::glob(glob).unwrap(), ISSUER)), verified)
}

#[test]
fn good_signatures_are_admitted() {
    let verified = by_workflow();
    let policy = Policy::of(rule("release", exact(WORKFLOW), ISSUER));
    assert_eq!(admits(&policy, &verified).unwrap(), "release");
    let glob = Matcher::glob("https://github.com/acme/app/.github/workflows/release.yml@refs/tags/*").unwrap();
    assert!(admits(&Policy::of(rule("r", glob, ISSUER)), &verified).is_ok());
    // Claims alone, by the word of a named authority.
    let claims = signed(&uri(WORKFLOW), &[("source-repository-identifier", "1234")]);
    let by_id = Rule::named("id").certificate_authority("ca (example.com)");
    let twice = by_id.clone().claim("source-repository-identifier", exact("1234")).unwrap();
    let twice = twice.claim("source-repository-identifier", exact("5678")).unwrap_err();
    assert_eq!(twice.code().name(), "policy-claim-twice");
    let by_id = by_id.claim("source-repository-identifier", exact("1234")).unwrap().build().unwrap();
    assert!(admits(&Policy::of(by_id), &claims).is_ok());
}

#[test]
fn i02_prefix_of_an_organisation() {
    let evil =
        signed(&uri("https://github.com/acme-evil/app/.github/workflows/x.yml@refs/heads/main"), &issued_by(ISSUER));
    assert_eq!(glob_code("https://github.com/acme/**", &evil), "identity-mismatch");
    assert_eq!(glob_code("https://github.com/acme", &evil), "identity-mismatch");
}

#[test]
fn i04_workflow_and_ref_are_whole() {
    let pattern = "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main";
    for san in [
        "https://github.com/acme/app/.github/workflows/release.yml@evil.yml@refs/heads/main",
        "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/attacker",
        "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main/x",
    ] {
        assert_eq!(glob_code(pattern, &signed(&uri(san), &issued_by(ISSUER))), "identity-mismatch", "{san}");
    }
}

#[test]
fn i05_c23_names_hold_no_lines() {
    // A name with a line break never reaches a rule.
    for text in ["good\nevil", "good evil", "good\0"] {
        let error = try_signed(&uri(text), &issued_by(ISSUER)).unwrap_err();
        assert_eq!(error.code().name(), "cert-san-malformed", "{text:?}");
    }
}

#[test]
fn i07_names_are_ascii() {
    for text in [
        "https://g\u{456}thub.com/acme",
        "https://github\u{ff0e}com/acme",
        "https://github.com/acm\u{65}\u{301}",
        "https://github.com/\u{202e}emca",
        "https://github.com/acme\u{200b}",
    ] {
        assert_eq!(
            try_signed(&uri(text), &issued_by(ISSUER)).unwrap_err().code().name(),
            "cert-san-malformed",
            "{text:?}"
        );
    }
    // The punycode of a confusable is another text.
    let puny = signed(&uri("https://xn--gthub-n2a.com/acme/app"), &issued_by(ISSUER));
    assert_eq!(glob_code("https://github.com/acme/*", &puny), "identity-mismatch");
}

#[test]
fn i06_i08_c24_exact_compare() {
    for san in [
        "https://GitHub.com/acme/app",
        "https://github.com/acme/app/",
        "https://github.com//acme/app",
        "https://github.com/x/../acme/app",
        "https://github.com:443/acme/app",
        "https://user@github.com/acme/app",
        "https://github.com/%61cme/app",
    ] {
        assert_eq!(
            glob_code("https://github.com/acme/app", &signed(&uri(san), &issued_by(ISSUER))),
            "identity-mismatch",
            "{san}"
        );
    }
}

#[test]
fn i09_issuer_missing() {
    let world = World::new();
    let key = Key::p256();
    let mut message = world.message(&key);
    let fulcio = |arc: u8| [crate::format::x509::oids::FULCIO.as_bytes(), &[arc]].concat();
    let oid = |bytes: &'static [u8]| crate::base::encoding::der::Oid::parse(bytes).unwrap();
    let (v1, v2): (&'static [u8], &'static [u8]) = (fulcio(1).leak(), fulcio(8).leak());
    message.leaf = world.certify(Template::leaf(&key).without(oid(v1)).without(oid(v2)));
    let verified = world.verify(&world.complete_v2(message)).unwrap();
    assert_eq!(code(&Policy::of(rule("r", exact("signer@example.com"), ISSUER)), &verified), "issuer-missing");
}

#[test]
fn i10_issuer_is_whole() {
    for issuer in [
        "https://token.actions.githubusercontent.com.evil",
        "https://evil/https://token.actions.githubusercontent.com",
        "https://token.actions.githubusercontent.com/",
        "http://token.actions.githubusercontent.com",
    ] {
        let verified = signed(&uri(WORKFLOW), &issued_by(issuer));
        assert_eq!(code(&Policy::of(rule("r", exact(WORKFLOW), ISSUER)), &verified), "issuer-mismatch", "{issuer}");
    }
}

#[test]
fn i11_issuers_disagree() {
    let error = try_signed(&uri(WORKFLOW), &[("issuer-v1", "https://a.example"), ("issuer", "https://b.example")]);
    assert_eq!(error.unwrap_err().code().name(), "issuer-conflict");
}

#[test]
fn i12_issuer_in_another_encoding() {
    use crate::base::encoding::der;
    let oid: &'static [u8] = [crate::format::x509::oids::FULCIO.as_bytes(), &[8]].concat().leak();
    for value in [
        der::tlv(der::tag::PRINTABLE_STRING, ISSUER.as_bytes()),
        der::octet_string(ISSUER.as_bytes()),
        [der::utf8_string(ISSUER), vec![0]].concat(),
        ISSUER.as_bytes().to_vec(),
    ] {
        let world = World::new();
        let key = Key::p256();
        let mut message = world.message(&key);
        let extension = Extension::new(der::Oid::parse(oid).unwrap(), false, &value);
        message.leaf = world.certify(Template::leaf(&key).with(extension));
        assert_eq!(world.code(&world.complete_v2(message)), "cert-ext-parse");
    }
}

#[test]
fn i20_rules_are_not_mixed() {
    let verified = by_workflow();
    let policy = Policy::of(rule("identity", exact(WORKFLOW), "https://a.example")).or(rule(
        "issuer",
        exact("https://github.com/else"),
        ISSUER,
    ));
    let refused = admits(&policy, &verified).unwrap_err();
    // The nearest rule is the one that failed last: its issuer was right.
    assert_eq!((refused.code().name(), refused.rule.as_str()), ("identity-mismatch", "issuer"));
}

#[test]
fn c20_c22_form_of_the_name() {
    let issuer = issued_by(ISSUER);
    let username = signed(&San::Username("jo@acme.example".to_owned()), &issuer);
    assert_eq!(code(&Policy::of(rule("r", exact("jo@acme.example"), ISSUER)), &username), "identity-type-mismatch");
    let uri = signed(&uri("jo@acme.example"), &issuer);
    assert_eq!(code(&Policy::of(rule("r", exact("jo@acme.example"), ISSUER)), &uri), "identity-type-mismatch");
    let email = signed(&San::Email("jo@acme.example".to_owned()), &issuer);
    assert!(admits(&Policy::of(rule("r", exact("jo@acme.example"), ISSUER)), &email).is_ok());
    let named = signed(&San::Username("jo!acme.example".to_owned()), &issuer);
    assert!(admits(&Policy::of(rule("r", exact("jo!acme.example"), ISSUER)), &named).is_ok());
}

#[test]
fn c25_subject_is_never_read() {
    let world = World::new();
    let key = Key::p256();
    let mut message = world.message(&key);
    let mut template = Template::leaf(&key);
    template.subject = crate::format::x509::build::authority_name("x", "victim@example.com");
    message.leaf = world.certify(template);
    let verified = world.verify(&world.complete_v2(message)).unwrap();
    let policy = Policy::of(rule("r", exact("victim@example.com"), "https://issuer.example.com"));
    assert_eq!(code(&policy, &verified), "identity-mismatch");
}

#[test]
fn claims_must_be_there_and_match() {
    let verified = by_workflow();
    let with = |value| {
        let builder = Rule::named("r").identity(exact(WORKFLOW)).issuer(exact(ISSUER));
        Policy::of(builder.claim("source-repository-ref", Matcher::glob(value).unwrap()).unwrap().build().unwrap())
    };
    assert_eq!(code(&with("refs/tags/*"), &verified), "policy-mismatch");
    let mut claims = issued_by(ISSUER).to_vec();
    claims.push(("source-repository-ref", "refs/heads/main"));
    let on_branch = signed(&uri(WORKFLOW), &claims);
    assert_eq!(code(&with("refs/tags/*"), &on_branch), "policy-mismatch");
    assert!(admits(&with("refs/heads/*"), &on_branch).is_ok());
}

#[test]
fn i23_keys_meet_no_rule_and_a_promise_needs_the_word() {
    let world = World::new();
    let mut promised = world.v1_message();
    promised.entries[0].inclusion_proof = None;
    let accepting = Requirements::STRICT.promise(Promise::Accepted);
    let verified = world.verify_as(&promised, &accepting).unwrap();
    let builder = || Rule::named("r").identity(exact("signer@example.com")).issuer(exact("https://issuer.example.com"));
    assert_eq!(code(&Policy::of(builder().build().unwrap()), &verified), "log-proof-missing");
    let policy = Policy::of(builder().promise(Promise::Accepted).build().unwrap());
    assert!(admits(&policy, &verified).is_ok());
    assert_eq!(policy.requirements(), accepting);
}
