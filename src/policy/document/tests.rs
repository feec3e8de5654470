//! Reading documents.

use super::*;
use crate::verify::Promise;

const GOOD: &str = "version: 1\nrules:\n  - name: release\n    identity-glob: https://github.com/acme/app/.github/workflows/*@refs/tags/*\n    issuer: https://token.actions.githubusercontent.com\n    claims:\n      source-repository-ref: refs/tags/*\n    accept-promise: true\n";

fn code(yaml: &str) -> &'static str {
    Policy::parse(yaml.as_bytes()).expect_err(yaml).code().name()
}

#[test]
fn reads() {
    let policy = Policy::parse(GOOD.as_bytes()).unwrap();
    let rule = policy.rules().next().unwrap();
    assert_eq!((rule.name(), rule.conditions().len(), rule.promise()), ("release", 3, Promise::Accepted));
}

#[test]
fn i15_no_identity_or_no_issuer() {
    assert_eq!(code("version: 1\nrules:\n  - issuer: https://x.example\n"), "policy-no-identity");
    assert_eq!(code("version: 1\nrules:\n  - identity: a@x.example\n"), "policy-no-issuer");
    assert_eq!(
        code("version: 1\nrules:\n  - identity-regex: .*\n    issuer: https://x.example\n"),
        "pattern-everything"
    );
    assert_eq!(code("version: 1\nrules:\n  - identity: ''\n    issuer: https://x.example\n"), "pattern-empty");
}

#[test]
fn i16_unknown_field() {
    let yaml = GOOD.replace("identity-glob", "subjectRegexp");
    let error = Policy::parse(yaml.as_bytes()).unwrap_err();
    assert_eq!(error.code().name(), "policy-parse");
    assert!(matches!(error, PolicyError::Yaml { place: Place { line: 4, column: 5 }, .. }), "{error:?}");
    assert_eq!(code(&GOOD.replace("source-repository-ref", "source-repo-ref")), "policy-claim");
}

#[test]
fn i17_yaml_traps() {
    assert_eq!(code(&GOOD.replace("version: 1", "version: 1\nversion: 1")), "policy-parse");
    assert_eq!(code(&GOOD.replace("version: 1", "version: 2")), "policy-parse");
    assert_eq!(code("version: 1\nrules: []\n"), "policy-parse");
    assert_eq!(code(""), "policy-parse");
    let bomb: String = (1..30).map(|n| format!("a{n}: &a{n} [*a{0}, *a{0}, *a{0}]\n", n - 1)).collect();
    assert_eq!(code(&format!("a0: &a0 [x]\n{bomb}")), "policy-parse");
    assert_eq!(code(&" ".repeat(limits::POLICY_BYTES + 1)), "limit-policy");
    let many = "  - {identity: a@x.example, issuer: https://x.example}\n".repeat(limits::POLICY_RULES + 1);
    assert_eq!(code(&format!("version: 1\nrules:\n{many}")), "limit-policy");
}

#[test]
fn two_conditions() {
    let yaml = GOOD.replace("    issuer:", "    identity: x@y.example\n    issuer:");
    assert_eq!(code(&yaml), "policy-parse");
}

#[test]
fn i16_i17_every_error_says_where() {
    let place = |yaml: &str| {
        let error = Policy::parse(yaml.as_bytes()).expect_err(yaml);
        let place = error.place().unwrap_or_else(|| panic!("{error} has no place"));
        assert!(error.to_string().contains(&place.to_string()), "{error}");
        (place.line, place.column)
    };
    let rule =
        |lines: &str| format!("version: 1\nrules:\n  - identity: a@x.example\n    issuer: https://x.example\n{lines}");
    for (lines, at) in [
        ("    logs: 0\n", (5, 11)),
        ("    max-age: 0d\n", (5, 14)),
        ("    max-age: 90\n", (5, 14)),
        ("    claims: {}\n", (5, 13)),
        ("    claims: {run: x}\n", (5, 14)),
        ("    claims: {build-trigger: 5}\n", (5, 29)),
        ("    attestations: []\n", (5, 19)),
        ("    attestations: [{predicate-type: x, max-age: 1d, min-age: 2d}]\n", (5, 20)),
        ("    attestations: [{predicate-type: x, fields: {a: b}}]\n", (5, 49)),
        ("    signed-names: [digest]\n", (5, 20)),
        ("    identity-regex: x.y\n", (3, 5)),
        ("    signers: {any: []}\n", (3, 15)),
        ("    key: x\n", (3, 15)),
        ("    witness: 1\n", (5, 5)),
        ("    accept-promise: yes please\n", (5, 21)),
        ("    name:\n", (5, 5)),
    ] {
        assert_eq!(place(&rule(lines)), at, "{lines}");
    }
    for (yaml, at) in [
        ("version: 1\n", (1, 1)),
        ("version: 1\nrules: {}\n", (2, 8)),
        ("version: 1\nmode: off\nrules: []\n", (2, 7)),
        ("version: 1\ndeny: [{digest: 'sha256:0'}]\nrules: [{identity: a@x.example, issuer: x}]\n", (2, 17)),
        ("version: 1\nscopes: [{name: a, rules: [{identity: a@x.example, issuer: x}]}]\n", (2, 10)),
        ("version: 1\nscopes: [{name: a, files: [], rules: [{identity: a@x.example, issuer: x}]}]\n", (2, 27)),
        (
            "version: 1\nscopes: [{name: a, repositories: [ghcr.io/a/../b], rules: [{identity: a@x.example, issuer: x}]}]\n",
            (2, 35),
        ),
        ("version: 1\nrules: [{signers: {at-least: 2}}]\n", (2, 19)),
        ("version: 1\nrules: [{signers: {at-least: 0, of: [{identity: a@x.example, issuer: x}]}}]\n", (2, 30)),
        ("version: 1\nrules: [{signers: {any: [{all: [{all: [{identity: a@x.example, issuer: x}]}]}]}}]\n", (2, 34)),
        (
            "version: 1\ndistrust: [{from: '2026-01-01T00:00:00Z'}]\nrules: [{identity: a@x.example, issuer: x}]\n",
            (2, 12),
        ),
        ("version: 1\ndistrust: [{identity: a@x.example}]\nrules: [{identity: a@x.example, issuer: x}]\n", (2, 12)),
    ] {
        assert_eq!(place(yaml), at, "{yaml}");
    }
}

#[test]
fn i15_patterns_of_documents_are_anchored() {
    let yaml = GOOD.replace("identity-glob", "identity-regex").replace("*@refs/tags/*", "x");
    assert_eq!(code(&yaml), "pattern-regex-dot");
    let policy = Policy::parse(GOOD.as_bytes()).unwrap();
    assert_eq!(policy.rules().next().unwrap().line(), Some(3));
}

#[test]
fn i18_long_patterns_and_many_of_them() {
    assert_eq!(
        code(&format!("version: 1\nrules: [{{identity-regex: '{}', issuer: x}}]", "a".repeat(limits::REGEX_BYTES + 1))),
        "limit-pattern"
    );
    let signers = "{identity: a@x.example, issuer: x}, ".repeat(limits::POLICY_SIGNERS + 1);
    assert_eq!(code(&format!("version: 1\nrules: [{{signers: {{any: [{signers}]}}}}]")), "limit-policy");
    let scopes =
        "  - {name: a, files: [a], rules: [{identity: a@x.example, issuer: x}]}\n".repeat(limits::POLICY_SCOPES + 1);
    assert_eq!(code(&format!("version: 1\nscopes:\n{scopes}")), "limit-policy");
}

#[test]
fn keys_inline_and_by_file() {
    let pem = crate::format::x509::testing::Key::p256().public().to_pem();
    let inline = format!("version: 1\nrules:\n  - key: |\n      {}\n", pem.trim_end().replace('\n', "\n      "));
    assert_eq!(Policy::parse(inline.as_bytes()).unwrap().keys().len(), 1);
    let by_file = b"version: 1\nrules:\n  - key-file: release.pub\n    log-not-required-unsafe: true\n";
    assert_eq!(Policy::parse(by_file).unwrap_err().code().name(), "policy-key-file");
    let give = |name: &str| (name == "release.pub").then(|| pem.clone().into_bytes());
    assert_eq!(Policy::parse_with(by_file, &give).unwrap().keys().len(), 1);
    assert_eq!(code("version: 1\nrules: [{key: 'no key'}]"), "policy-key");
}

/// The schema that editors complete from has the fields that are read, no more and no fewer.
#[test]
fn the_schema_has_the_fields_that_are_read() {
    use crate::base::encoding::json::Json;
    let schema = Json::parse(SCHEMA.as_bytes()).unwrap();
    let properties = |json: &Json<'_>| {
        let Some(Json::Object(members)) = json.member("properties") else { panic!("no properties") };
        let mut names: Vec<String> = members.iter().map(|(name, _)| name.to_string()).collect();
        names.sort();
        names
    };
    let sorted = |fields: &[&str]| {
        let mut fields: Vec<String> = fields.iter().map(ToString::to_string).collect();
        fields.sort();
        fields
    };
    assert_eq!(properties(&schema), sorted(DOCUMENT));
    let parts: [(&str, &[&str]); 7] = [
        ("condition", rules::CONDITION),
        ("scope", SCOPE),
        ("rule", rules::RULE),
        ("signer", rules::SIGNER),
        ("signers", rules::GROUP),
        ("attestation", rules::ATTESTATION),
        ("distrust", rules::DISTRUST),
    ];
    let definitions = schema.member("$defs").unwrap();
    for (name, fields) in parts {
        assert_eq!(properties(definitions.member(name).unwrap()), sorted(fields), "{name}");
    }
    let claims = definitions.member("signer").and_then(|signer| signer.member("properties")?.member("claims"));
    let names: Vec<_> = crate::format::x509::CLAIMS.iter().map(|claim| claim.name).collect();
    assert_eq!(properties(claims.unwrap()), sorted(&names));
}
