//! The rows of identity through the command line: real signatures by tokens of the stack, and what flags and
//! policies say of them.

use sealmark::stack::{IssuerKind, TokenRequest};

use super::fixture::{Desk, issued, issuer, issuer_of, refusal, stack_dir};
use super::{json, stderr};

const WORKFLOW: &str = "https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1.0.0";

/// A desk with `app.txt` signed by this token.
fn signed_by(request: &TokenRequest) -> Desk {
    let desk = Desk::new();
    desk.write("token.jwt", issued(request).as_bytes());
    let output = desk.sign(&["app.txt"]);
    assert!(output.status.success(), "{}", stderr(&output));
    desk
}

fn workflow(repository: &str, workflow: &str, r#ref: &str) -> Desk {
    let request = TokenRequest::new(IssuerKind::GithubWorkflow);
    let request = request.with("repository", repository).unwrap();
    signed_by(&request.with("workflow", workflow).unwrap().with("ref", r#ref).unwrap())
}

fn uri(sub: &str) -> Desk {
    signed_by(&TokenRequest::new(IssuerKind::Uri).with("sub", sub).unwrap())
}

/// The verdict by these flags: `accept`, or the code.
fn verdict(desk: &Desk, flags: &[&str]) -> String {
    let fixed = ["verify", "blob", "app.txt", "--stack", stack_dir(), "--format", "json"];
    let output = desk.run(&[&fixed[..], flags].concat());
    if output.status.success() {
        return "accept".to_owned();
    }
    let document = json(&output);
    let code = [&document["artifacts"][0]["error"]["code"], &document["error"]["code"]];
    let code = code.iter().find_map(|code| code.as_str()).unwrap_or_else(|| panic!("{}", stderr(&output)));
    let usage = code.starts_with("policy-") || code.starts_with("pattern-");
    assert_eq!(output.status.code(), Some(if usage { 2 } else { 1 }), "{code}");
    code.to_owned()
}

fn by(desk: &Desk, form: &str, identity: &str) -> String {
    verdict(desk, &[form, identity, "--issuer", &issuer()])
}

#[test]
fn i01_i05_regular_expressions_are_anchored() {
    let desk = workflow("acme/app", "release.yml", "refs/tags/v1.0.0");
    let regex = |regex| by(&desk, "--identity-regex", regex);
    assert_eq!(regex(r"https://github\.com/acme/app/"), "identity-mismatch");
    assert_eq!(regex(r"acme/app/\.github/workflows/release\.yml@refs/tags/v1\.0\.0"), "identity-mismatch");
    assert_eq!(regex(r"https://github\.com/acme/app/.*"), "accept");
    // Neither a mode of several lines nor an alternative gets out of the anchors.
    assert_eq!(regex(r"(?m)https://github\.com/acme/app/$"), "identity-mismatch");
    assert_eq!(regex(r"https://github\.com/acme|x"), "identity-mismatch");
}

#[test]
fn i02_an_organisation_that_starts_alike() {
    let evil = workflow("acme-evil/app", "release.yml", "refs/tags/v1.0.0");
    assert_eq!(by(&evil, "--identity-glob", "https://github.com/acme/**"), "identity-mismatch");
    assert_eq!(by(&evil, "--identity-glob", "https://github.com/acme"), "identity-mismatch");
}

#[test]
fn i03_an_unescaped_dot() {
    let desk = workflow("acme/app", "release.yml", "refs/tags/v1.0.0");
    assert_eq!(by(&desk, "--identity-regex", "https://github.com/acme/.*"), "pattern-regex-dot");
}

#[test]
fn i04_another_workflow_or_ref() {
    let pattern = "https://github.com/acme/app/.github/workflows/release.yml@refs/heads/main";
    for (file, r#ref) in [("release.yml@evil.yml", "refs/heads/main"), ("release.yml", "refs/heads/attacker")] {
        let desk = workflow("acme/app", file, r#ref);
        assert_eq!(by(&desk, "--identity", pattern), "identity-mismatch", "{file} {}", r#ref);
        assert_eq!(by(&desk, "--identity-glob", pattern), "identity-mismatch", "{file} {}", r#ref);
    }
}

#[test]
fn i06_i08_c24_identities_are_exact() {
    let expected = "https://sealmark.localhost/acme/app";
    for sub in [
        "https://sealmark.localhost/Acme/app",
        "https://sealmark.localhost/acme/app/",
        "https://sealmark.localhost//acme/app",
        "https://sealmark.localhost/x/../acme/app",
        "https://sealmark.localhost/%61cme/app",
    ] {
        let desk = uri(sub);
        let issuer = issuer_of(IssuerKind::Uri);
        assert_eq!(verdict(&desk, &["--identity", expected, "--issuer", &issuer]), "identity-mismatch", "{sub}");
        assert_eq!(verdict(&desk, &["--identity-glob", expected, "--issuer", &issuer]), "identity-mismatch", "{sub}");
        assert_eq!(verdict(&desk, &["--identity", sub, "--issuer", &issuer]), "accept", "{sub}");
    }
    // The CA has its own rules for ports and user information; the policy compares all the same.
    let desk = uri(expected);
    for other in ["https://sealmark.localhost:443/acme/app", "https://user@sealmark.localhost/acme/app"] {
        let issuer = issuer_of(IssuerKind::Uri);
        assert_eq!(verdict(&desk, &["--identity", other, "--issuer", &issuer]), "identity-mismatch", "{other}");
    }
}

#[test]
fn c22_a_username_is_no_address() {
    let desk = signed_by(&TokenRequest::new(IssuerKind::Username));
    let issuer = issuer_of(IssuerKind::Username);
    let named = verdict(&desk, &["--identity", "signer!sealmark.localhost", "--issuer", &issuer]);
    assert_eq!(named, "accept");
    let address = verdict(&desk, &["--identity", "signer@sealmark.localhost", "--issuer", &issuer]);
    assert_eq!(address, "identity-mismatch");
}

#[test]
fn i10_issuers_are_exact() {
    let desk = workflow("acme/app", "release.yml", "refs/tags/v1.0.0");
    let own = issuer();
    for other in [format!("{own}.evil"), format!("{own}/"), own.replace("http://", "https://"), own[1..].to_owned()] {
        assert_eq!(verdict(&desk, &["--identity", WORKFLOW, "--issuer", &other]), "issuer-mismatch", "{other}");
    }
    assert_eq!(verdict(&desk, &["--identity", WORKFLOW, "--issuer-glob", "**/github.evil"]), "issuer-mismatch");
}

#[test]
fn i15_who_by_whose_word_and_not_everyone() {
    let desk = workflow("acme/app", "release.yml", "refs/tags/v1.0.0");
    assert_eq!(verdict(&desk, &["--identity", WORKFLOW]), "policy-no-issuer");
    assert_eq!(verdict(&desk, &["--issuer", &issuer()]), "policy-no-identity");
    for everyone in ["*", "**"] {
        assert_eq!(by(&desk, "--identity-glob", everyone), "pattern-everything");
    }
    assert_eq!(by(&desk, "--identity-regex", ".*"), "pattern-everything");
    desk.write("policy.yaml", format!("version: 1\nrules:\n  - issuer: {}\n", issuer()).as_bytes());
    assert_eq!(verdict(&desk, &["--policy", "policy.yaml"]), "policy-no-identity");
}

#[test]
fn i20_rules_are_not_mixed() {
    let desk = workflow("acme/app", "release.yml", "refs/tags/v1.0.0");
    let policy = |first: &str, second: &str| {
        let rules = format!(
            "version: 1\nrules:\n  - identity: {first}\n    issuer: https://else.example\n  - identity: {second}\n    issuer: {}\n",
            issuer()
        );
        desk.write("policy.yaml", rules.as_bytes());
        verdict(&desk, &["--policy", "policy.yaml"])
    };
    assert_eq!(policy(WORKFLOW, "https://github.com/else"), "identity-mismatch");
    assert_eq!(policy("https://github.com/else", WORKFLOW), "accept");
}

#[test]
fn b19_bundles_in_lines_each_have_their_verdict() {
    let desk = Desk::signed();
    let bundle = std::fs::read_to_string(desk.path("app.txt.sigstore.json")).unwrap();
    let bundle = bundle.trim_end();
    let verify = |content: String| {
        desk.write("several.jsonl", content.as_bytes());
        desk.verify(&["app.txt", "--bundle", "several.jsonl"])
    };
    assert!(verify(format!("{{}}\n{bundle}\n")).status.success());
    assert_eq!(refusal(&verify(format!("{bundle}{bundle}"))), "bundle-trailing");
    assert_eq!(refusal(&verify("{}\n{}\n".to_owned())), "bundle-version");
}

#[test]
fn r19_a_trusted_root_of_another_instance() {
    let desk = workflow("acme/app", "release.yml", "refs/tags/v1.0.0");
    // The right policy with the wrong root: without the flag the public-good instance's.
    for instance in ["public-good", "staging", "github"] {
        let flags = ["--instance", instance, "--identity", WORKFLOW, "--issuer", &issuer()];
        assert_eq!(
            refusal(&desk.run(&[&["verify", "blob", "app.txt"], &flags[..]].concat())),
            "chain-untrusted",
            "{instance}"
        );
    }
}

#[test]
fn r20_two_trust_roots_in_one_call() {
    let desk = workflow("acme/app", "release.yml", "refs/tags/v1.0.0");
    let root = format!("{}/trusted_root.json", stack_dir());
    for second in [["--trusted-root", root.as_str()], ["--instance", "staging"], ["--trust-config", &root]] {
        let flags = ["--stack", stack_dir(), "--identity", WORKFLOW, "--issuer", &issuer()];
        let output = desk.run(&[&["verify", "blob", "app.txt"], &flags[..], &second].concat());
        assert_eq!(output.status.code(), Some(2), "{second:?}");
        assert!(stderr(&output).contains("cannot be used with"), "{}", stderr(&output));
    }
}
