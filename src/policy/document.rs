//! The policy document, version 1, in YAML:
//!
//! ```yaml
//! version: 1
//! rules:
//!   - name: release
//!     identity-glob: https://github.com/acme/app/.github/workflows/release.yml@refs/tags/*
//!     issuer: https://token.actions.githubusercontent.com
//!     claims:
//!       source-repository-identifier: "1234"
//! ```
//!
//! A rule has one of `identity`, `identity-glob`, `identity-regex`, or `claims` (values are globs), or
//! both; and `issuer` (or `issuer-glob`, `issuer-regex`), or `certificate-authority`. Nothing empty means anything.

use std::collections::BTreeMap;

use serde::Deserialize;
use thiserror::Error;

use super::Policy;
use super::matcher::{Matcher, PatternError};
use super::rule::{Rule, RuleError};
use crate::base::code::Code;
use crate::base::limits;
use crate::verify::Promise;

/// Why a document is not a policy.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// More bytes than [`limits::POLICY_BYTES`].
    #[error("policy of {found} bytes, {limit} allowed", limit = limits::POLICY_BYTES)]
    TooLarge {
        /// Bytes found.
        found: usize,
    },
    /// Not UTF-8.
    #[error("policy is not UTF-8 text")]
    Encoding,
    /// Not YAML, or fields that the document does not have.
    #[error("policy cannot be read{}: {reason}", place(*line, *column))]
    Yaml {
        /// Line, from 1; 0 when unknown.
        line: u64,
        /// Column, from 1; 0 when unknown.
        column: u64,
        /// What the parser says.
        reason: String,
    },
    /// A version that is not known.
    #[error("policy version {0} is not known, 1 is")]
    Version(u64),
    /// No rule.
    #[error("policy has no rules")]
    NoRules,
    /// More rules than [`limits::POLICY_RULES`].
    #[error("policy has {found} rules, {limit} allowed", limit = limits::POLICY_RULES)]
    TooManyRules {
        /// Rules found.
        found: usize,
    },
    /// Two conditions of one kind in one rule.
    #[error("rule {rule:?} has two conditions on the {what}")]
    TwoConditions {
        /// The rule.
        rule: String,
        /// What they are about.
        what: &'static str,
    },
    /// A rule.
    #[error("rule {rule:?}: {error}")]
    Rule {
        /// The rule.
        rule: String,
        /// What is wrong with it.
        error: RuleError,
    },
}

fn place(line: u64, column: u64) -> String {
    if line == 0 { String::new() } else { format!(" at line {line} column {column}") }
}

impl PolicyError {
    /// The stable code.
    pub fn code(&self) -> Code {
        const READ: &str = "the manual has the fields of a policy; nothing else is taken, and nothing empty";
        match self {
            Self::TooLarge { .. } | Self::TooManyRules { .. } => Code::usage("limit-policy", "split the policy"),
            Self::Rule { error, .. } => error.code(),
            _ => Code::usage("policy-parse", READ),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u64,
    rules: Vec<DocumentRule>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct DocumentRule {
    name: Option<String>,
    identity: Option<String>,
    identity_glob: Option<String>,
    identity_regex: Option<String>,
    issuer: Option<String>,
    issuer_glob: Option<String>,
    issuer_regex: Option<String>,
    certificate_authority: Option<String>,
    claims: Option<BTreeMap<String, String>>,
    accept_promise: Option<bool>,
}

pub(super) fn parse(yaml: &[u8]) -> Result<Policy, PolicyError> {
    if yaml.len() > limits::POLICY_BYTES {
        return Err(PolicyError::TooLarge { found: yaml.len() });
    }
    let text = std::str::from_utf8(yaml).map_err(|_| PolicyError::Encoding)?;
    let document: Document = serde_saphyr::from_str(text).map_err(|error| {
        let (line, column) = error.location().map_or((0, 0), |at| (at.line(), at.column()));
        let reason = error.without_snippet().to_string();
        // The place is told apart from the reason, once.
        let reason = reason.split(&format!(" at line {line}, column {column}")).collect();
        PolicyError::Yaml { line, column, reason }
    })?;
    if document.version != 1 {
        return Err(PolicyError::Version(document.version));
    }
    if document.rules.len() > limits::POLICY_RULES {
        return Err(PolicyError::TooManyRules { found: document.rules.len() });
    }
    let mut rules = document.rules.into_iter().enumerate().map(|(index, rule)| {
        let name = rule.name.clone().unwrap_or_else(|| format!("rules[{index}]"));
        build(&name, rule)
    });
    let first = rules.next().ok_or(PolicyError::NoRules)??;
    rules.try_fold(Policy::of(first), |policy, rule| Ok(policy.or(rule?)))
}

fn build(name: &str, document: DocumentRule) -> Result<Rule, PolicyError> {
    let wrong = |error: RuleError| PolicyError::Rule { rule: name.to_owned(), error };
    let one = |what, exact: Option<String>, glob: Option<String>, regex: Option<String>| {
        let mut found = Vec::new();
        let mut add = |text: Option<String>, make: fn(&str) -> Result<Matcher, PatternError>| {
            found.extend(text.map(|text| make(&text)));
        };
        add(exact, Matcher::exact);
        add(glob, Matcher::glob);
        add(regex, Matcher::regex);
        if found.len() > 1 {
            return Err(PolicyError::TwoConditions { rule: name.to_owned(), what });
        }
        found.pop().transpose().map_err(|error| wrong(error.into()))
    };
    let mut rule = Rule::named(name);
    if let Some(identity) = one("identity", document.identity, document.identity_glob, document.identity_regex)? {
        rule = rule.identity(identity);
    }
    if let Some(issuer) = one("issuer", document.issuer, document.issuer_glob, document.issuer_regex)? {
        rule = rule.issuer(issuer);
    }
    if let Some(authority) = document.certificate_authority {
        Matcher::exact(&authority).map_err(|error| wrong(error.into()))?;
        rule = rule.certificate_authority(&authority);
    }
    match document.claims {
        Some(claims) if claims.is_empty() => return Err(wrong(RuleError::NoIdentity)),
        Some(claims) => {
            for (claim, value) in claims {
                let value = Matcher::glob(&value).map_err(|error| wrong(error.into()))?;
                rule = rule.claim(&claim, value).map_err(wrong)?;
            }
        }
        None => {}
    }
    if document.accept_promise == Some(true) {
        rule = rule.promise(Promise::Accepted);
    }
    rule.build().map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert!(matches!(error, PolicyError::Yaml { line: 4, .. }), "{error:?}");
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
}
