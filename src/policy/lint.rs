//! What is allowed to be written and is seldom meant: broad patterns, names that somebody else can take over, rules
//! that are never reached, and everything that weakens.

use std::fmt;

use super::matcher::Matcher;
use super::rule::Rule;
use super::scope::Scope;
use super::signer::{CertificateRule, SignerKind, SignerRule};
use super::{Mode, Policy};
use crate::verify::{KeyLog, Promise};

/// Claims that stay with a repository or owner whatever it is called.
const IDENTIFIERS: [&str; 2] = ["source-repository-identifier", "source-repository-owner-identifier"];
/// Where repositories can be renamed, and their names taken by others.
const FORGES: [&str; 2] = ["https://github.com/", "https://gitlab.com/"];

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lint {
    /// A pattern admits signers of many owners.
    BroadPattern,
    /// A name that can be taken over is not pinned by an identifier.
    MutableName,
    /// An earlier rule admits everything that this one does.
    UnreachableRule,
    /// A character that has a meaning in other dialects of globs, and stands for itself here.
    ForeignGlob,
    /// A promise or a missing log entry is accepted.
    Weakened,
    /// A no has no consequence.
    NotEnforced,
}

impl Lint {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::BroadPattern => "broad-pattern",
            Self::MutableName => "mutable-name",
            Self::UnreachableRule => "unreachable-rule",
            Self::ForeignGlob => "foreign-glob",
            Self::Weakened => "weakened",
            Self::NotEnforced => "not-enforced",
        }
    }
}

/// Something that is allowed and seldom meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is about.
    pub lint: Lint,
    /// The rule's name; empty when it is about the document.
    pub rule: String,
    /// The rule's line, from 1.
    pub line: Option<u64>,
    /// What is meant by it.
    pub message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if !self.rule.is_empty() {
            write!(f, "rule {:?}: ", self.rule)?;
        }
        write!(f, "{}: {}", self.message, self.lint.name())
    }
}

impl Policy {
    /// Everything in the policy that is allowed and seldom meant, in the document's order.
    pub fn lint(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        for scope in self.scopes() {
            if scope.mode != Mode::Enforce {
                let name = scope.name().unwrap_or("every artifact").to_owned();
                let message = format!("the mode for {name:?} is {}: what is refused passes", scope.mode);
                findings.push(Finding { lint: Lint::NotEnforced, rule: String::new(), line: None, message });
            }
            let rules: Vec<&Rule> = scope.rules().collect();
            for (place, rule) in rules.iter().enumerate() {
                of_rule(rule, &mut findings);
                if let Some(earlier) = rules.iter().take(place).find(|earlier| admits_all_of(earlier, rule)) {
                    let message = format!("whatever it admits, rule {:?} before it admits", earlier.name());
                    findings.push(found(Lint::UnreachableRule, rule, message));
                }
            }
        }
        findings
    }
}

fn found(lint: Lint, rule: &Rule, message: String) -> Finding {
    Finding { lint, rule: rule.name().to_owned(), line: rule.line(), message }
}

fn of_rule(rule: &Rule, findings: &mut Vec<Finding>) {
    if rule.promise() == Promise::Accepted {
        findings.push(found(Lint::Weakened, rule, "a log's promise is taken for its proof".to_owned()));
    }
    for signer in rule.signer_rules() {
        match &signer.kind {
            SignerKind::Key(key) if key.log == KeyLog::NotRequiredUnsafe => {
                let message = "what this key signs need be in no log".to_owned();
                findings.push(found(Lint::Weakened, rule, message));
            }
            SignerKind::Key(_) => {}
            SignerKind::Certificate(signer) => of_signer(rule, signer, findings),
        }
    }
}

fn of_signer(rule: &Rule, signer: &CertificateRule, findings: &mut Vec<Finding>) {
    let patterns = signer.identity.iter().chain(&signer.issuer).chain(signer.claims.iter().map(|(_, value)| value));
    for pattern in patterns {
        if is_broad(pattern) {
            let message = format!("{pattern} leaves the owner open: anyone may register one that matches");
            findings.push(found(Lint::BroadPattern, rule, message));
        }
        let foreign = |c: char| matches!(c, '[' | ']' | '{' | '}' | '?');
        if !pattern.is_exact() && !pattern.is_regex() && pattern.text().contains(foreign) {
            let message = format!("in {pattern} brackets, braces and `?` stand for themselves");
            findings.push(found(Lint::ForeignGlob, rule, message));
        }
    }
    let named = |text: &str| FORGES.iter().any(|forge| text.replace('\\', "").starts_with(forge));
    let by_name = signer.identity.as_ref().is_some_and(|identity| named(identity.text()))
        || signer.claims.iter().any(|(_, value)| named(value.text()));
    let pinned = signer.claims.iter().any(|(claim, _)| IDENTIFIERS.contains(&claim.name));
    if by_name && !pinned {
        let message = "a repository's name can be taken over: pin source-repository-identifier or \
                       source-repository-owner-identifier too (`sealmark inspect` shows them)";
        findings.push(found(Lint::MutableName, rule, message.to_owned()));
    }
}

/// Whether a pattern leaves open whose name it is: a star in the host, or in the first segment of the path, or in front
/// of an address's domain that has a star itself.
fn is_broad(pattern: &Matcher) -> bool {
    if pattern.is_exact() {
        return false;
    }
    let text = pattern.text();
    if pattern.is_regex() {
        let text = text.replace('\\', "");
        let open = [".*", ".+", "[^"].iter().filter_map(|part| text.find(part)).min();
        return open.is_some_and(|open| owner_is_open(&text, open));
    }
    text.find('*').is_some_and(|star| owner_is_open(text, star))
}

fn owner_is_open(text: &str, star: usize) -> bool {
    let before = text.get(..star).unwrap_or_default();
    match text.split_once("://") {
        // Scheme, host and owner take the first three slashes, the one after the owner is the fourth.
        Some(_) => before.matches('/').count() < 4,
        None if text.contains('@') => text.rsplit_once('@').is_some_and(|(_, domain)| domain.contains('*')),
        None => false,
    }
}

/// Whether every signature that meets `later` meets `earlier`: sure where it says yes.
fn admits_all_of(earlier: &Rule, later: &Rule) -> bool {
    let plain = earlier.attestations.is_empty()
        && earlier.thresholds.is_empty()
        && earlier.bound.is_empty()
        && earlier.max_age.is_none()
        && earlier.min_age.is_none()
        && (earlier.promise() == Promise::Accepted || later.promise() == Promise::Refused);
    let (Some(first), Some(second)) = (earlier.signers.single(), later.signers.single()) else { return false };
    plain && signer_admits_all_of(first, second)
}

fn signer_admits_all_of(earlier: &SignerRule, later: &SignerRule) -> bool {
    match (&earlier.kind, &later.kind) {
        (SignerKind::Key(first), SignerKind::Key(second)) => {
            first.key == second.key && (first.log == KeyLog::NotRequiredUnsafe || first.log == second.log)
        }
        (SignerKind::Certificate(first), SignerKind::Certificate(second)) => {
            let wider = |first: &Option<Matcher>, second: &Option<Matcher>| match (first, second) {
                (None, _) => true,
                (Some(first), Some(second)) => first.matches_all_of(second),
                (Some(_), None) => false,
            };
            wider(&first.identity, &second.identity)
                && wider(&first.issuer, &second.issuer)
                && (first.authority.is_none() || first.authority == second.authority)
                && first.claims.iter().all(|(claim, value)| {
                    let same = second.claims.iter().find(|(other, _)| other == claim);
                    same.is_some_and(|(_, other)| value.matches_all_of(other))
                })
        }
        _ => false,
    }
}

impl Scope {
    /// Whether the scope is for every artifact of some kind.
    pub fn is_broad(&self) -> bool {
        self.patterns().any(|(_, pattern)| matches!(pattern, "*" | "**" | "*/**"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lints(rules: &str) -> Vec<&'static str> {
        let yaml = format!("version: 1\nrules:\n{rules}");
        let policy = Policy::parse(yaml.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
        policy.lint().iter().map(|finding| finding.lint.name()).collect()
    }

    #[test]
    fn broad_patterns_and_mutable_names() {
        let issuer = "issuer: https://token.actions.githubusercontent.com";
        let id = "claims: {source-repository-identifier: '1'}";
        assert!(lints(&format!("  - {{identity-glob: 'https://github.com/acme/**', {issuer}, {id}}}\n")).is_empty());
        for (rule, expected) in [
            (format!("{{identity-glob: 'https://github.com/*/app/x', {issuer}, {id}}}"), "broad-pattern"),
            (format!("{{identity-regex: 'https://github\\.com/.*', {issuer}, {id}}}"), "broad-pattern"),
            (format!("{{identity-glob: '*@*.example', {issuer}}}"), "broad-pattern"),
            (format!("{{identity: 'https://github.com/acme/app', {issuer}}}"), "mutable-name"),
            (format!("{{identity-glob: 'https://x.example/a/b/c[!d]*', {issuer}}}"), "foreign-glob"),
            (format!("{{identity: a@x.example, {issuer}, accept-promise: true}}"), "weakened"),
        ] {
            assert_eq!(lints(&format!("  - {rule}\n")), [expected], "{rule}");
        }
    }

    #[test]
    fn unreachable_rules() {
        let rule = |identity: &str| format!("  - {{{identity}, issuer: https://x.example}}\n");
        let wide = rule("identity-glob: '*@x.example'");
        assert_eq!(lints(&(wide.clone() + &rule("identity: jo@x.example"))), ["unreachable-rule"]);
        assert_eq!(lints(&(wide.clone() + &wide)), ["unreachable-rule"]);
        assert!(lints(&(rule("identity: jo@x.example") + &wide)).is_empty());
        let asking = "  - {identity-glob: '*@x.example', issuer: https://x.example, logs: 2}\n".to_owned();
        assert!(lints(&(asking + &rule("identity: jo@x.example"))).is_empty());
    }
}
