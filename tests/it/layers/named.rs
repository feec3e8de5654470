//! Every error code is named by a test.

use std::collections::BTreeSet;

use super::source::{files, tests};

/// Codes that no test names yet. The list only shrinks: what a test names, or what is no code any more, fails here.
const LACKING: &[&str] = &[
    "acme-certificate",
    "acme-challenge",
    "acme-key",
    "acme-late",
    "acme-refused",
    "acme-server-malformed",
    "acme-server-refused",
    "acme-server-unavailable",
    "acme-server-url",
    "api-server-refused",
    "api-server-unavailable",
    "api-server-unreachable",
    "api-server-url",
    "bundle-empty",
    "ca-failed",
    "ca-none",
    "cert-manager-randomness",
    "clock-off",
    "credential-failed",
    "folder-unwritable",
    "gate-crowd",
    "identity-command-empty",
    "identity-provider-refused",
    "image-not-arrived",
    "key-parse",
    "kms-unavailable",
    "kms-unreachable",
    "kms-url",
    "layout-images",
    "limit-artifact-size",
    "limit-ledger",
    "limit-pack",
    "limit-signed-images",
    "log-failed",
    "log-signing",
    "log-url",
    "login-listener",
    "login-unsupported",
    "monitor-state-io",
    "object-store-malformed",
    "object-store-refused",
    "object-store-unavailable",
    "object-store-unreachable",
    "object-store-url",
    "policy-init",
    "registry-refused",
    "registry-url",
    "runtime-failed",
    "sign-interrupted",
    "signer-failed",
    "signer-key-password-input",
    "stack-key-generation",
    "step-ca-provisioner",
    "step-ca-randomness",
    "store-contended",
    "tls-authorities",
    "tls-setup",
    "tour-failed",
    "trace-collector-malformed",
    "trace-collector-refused",
    "trace-collector-unavailable",
    "trace-collector-unreachable",
    "trust-add-chain",
    "trust-delegation",
    "trust-failed",
    "trust-folder-ending",
    "trust-malformed",
    "trust-unwritable",
    "tsa-failed",
    "tsa-malformed",
    "tsa-url",
    "usage-output",
    "vault-csr",
    "vault-lifetime",
    "vault-no-issuer",
    "vault-role-unreadable",
    "vault-sign-refused",
    "webhook-malformed",
    "webhook-refused",
    "webhook-unavailable",
    "webhook-url",
    "witness-answer",
    "witness-malformed",
    "witness-refused",
    "witness-refuses",
    "witness-unavailable",
    "witness-unreachable",
    "witness-url",
];

/// Tests of the source and of the manual name codes without asking for them, and help texts show them.
const NO_TESTS_OF_CODES: [&str; 3] = ["tests/it/layers", "tests/it/manual", "tests/cli/help"];

/// Whether `code` stands in `text` as a word. One without a hyphen is a word of other meanings, too: it is named
/// alone in quotes, or behind the colon that ends a message.
fn names(text: &str, code: &str) -> bool {
    if !code.contains('-') {
        return text.contains(&format!("\"{code}\"")) || text.lines().any(|line| line.ends_with(&format!(": {code}")));
    }
    let within = |c: char| c.is_ascii_alphanumeric() || ['-', '_', '/', '.'].contains(&c);
    text.match_indices(code)
        .any(|(at, _)| !text[..at].ends_with(within) && !text[at + code.len()..].starts_with(within))
}

#[test]
fn every_code_is_named_by_a_test() {
    let made: BTreeSet<String> =
        files("src").iter().flat_map(super::File::codes).filter_map(|(_, call)| call).map(|[name, _]| name).collect();
    let mut tests = tests();
    tests.retain(|(path, _)| !NO_TESTS_OF_CODES.iter().any(|without| path.starts_with(without)));
    let named = |code: &str| tests.iter().any(|(_, text)| names(text, code));
    let unnamed: Vec<_> = made.iter().filter(|code| !named(code) && !LACKING.contains(&code.as_str())).collect();
    assert!(unnamed.is_empty(), "no test names these codes: {unnamed:?}");
    let excused: Vec<_> = LACKING.iter().filter(|code| !made.contains(**code) || named(code)).collect();
    assert!(excused.is_empty(), "named by a test, or no code any more: {excused:?}");
    assert!(made.len() > 500 && tests.len() > 100, "{} codes, {} texts", made.len(), tests.len());
}

#[test]
fn a_code_is_named_as_a_word() {
    for text in ["\"key-parse\"", "(\"signer fail key-parse\")", "error: this: key-parse\n"] {
        assert!(names(text, "key-parse"), "{text}");
    }
    for text in ["--key-parse", "key-parse-late", "a/key-parse", "key-parse.json", "key_parse"] {
        assert!(!names(text, "key-parse"), "{text}");
    }
    assert!(names("code, \"usage\")", "usage") && names("error: no command: usage\n", "usage"));
    assert!(!names("Usage: usage of the flag", "usage"));
}
