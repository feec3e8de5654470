//! Every error code is named by a test.

use std::collections::BTreeSet;

use super::source::{files, tests};

/// Codes that no test names, with the reason. The list only shrinks: what a test names, or what is no code any more,
/// fails here.
const LACKING: &[&str] = &[
    // Only where the system has no randomness to give: that cannot be brought about, and nothing stands in for it.
    "cert-manager-randomness",
    "stack-key-generation",
    "step-ca-randomness",
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
