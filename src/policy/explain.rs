//! A decision as a tree: every scope, rule and description of a signer, with what became of it. It calls the functions
//! that decide, and decides nothing.

use super::case::Case;
use super::refusal::Refusal;
use super::rule::Rule;
use super::{Policy, Question};
use crate::verify::Verified;

/// A part of a decision, and the parts that it rests on.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// What was asked.
    pub label: String,
    /// Why it does not hold; `None` when it does.
    pub refusal: Option<Refusal>,
    /// Whether it was asked at all: a scope for other artifacts is not.
    pub asked: bool,
    /// What it rests on.
    pub parts: Vec<Explanation>,
}

impl Explanation {
    /// Whether it was asked and holds.
    pub fn holds(&self) -> bool {
        self.asked && self.refusal.is_none()
    }
}

impl Policy {
    /// The decision of [`Policy::admit`] with everything that it rests on.
    pub fn explain<'a>(&'a self, question: &Question<'a>) -> Explanation {
        let case = Case::new(question, &self.distrust);
        let parts = self.scopes().map(|scope| {
            let asked = scope.is_for(question.artifact.name());
            let label = match scope.name() {
                Some(name) => format!("scope {name:?} ({})", scope.mode()),
                None => format!("every artifact ({})", scope.mode()),
            };
            let rules = if asked { scope.rules().map(|rule| of_rule(rule, &case)).collect() } else { Vec::new() };
            let refusal = if asked { scope.meet(&case).err().map(|refused| refused.refusal) } else { None };
            Explanation { label, refusal, asked, parts: rules }
        });
        let label = question.artifact.name().map_or_else(|| "artifact".to_owned(), ToString::to_string);
        let refusal = self.admit(question).err().map(|refused| refused.refusal);
        Explanation { label, refusal, asked: true, parts: parts.collect() }
    }
}

fn of_rule<'a>(rule: &'a Rule, case: &Case<'a>) -> Explanation {
    let mut parts = Vec::new();
    for signer in rule.signers().rules() {
        for (place, verified) in case.signatures.iter().enumerate() {
            let met = signer.meet(verified).and_then(|()| rule.counts(case, verified));
            let label = format!("signature {} by {signer}", place + 1);
            parts.push(leaf(label, met.err().map(super::refusal::Miss::tell)));
        }
    }
    for wanted in rule.attestations() {
        let label = format!("attestation {}", wanted.predicate_type());
        parts.push(leaf(label, wanted.meet(rule, case).err().map(super::refusal::Miss::tell)));
    }
    let line = rule.line().map(|line| format!(", line {line}")).unwrap_or_default();
    let refusal = rule.meet(case).err().map(super::refusal::Miss::tell);
    Explanation { label: format!("rule {:?}{line}", rule.name()), refusal, asked: true, parts }
}

fn leaf(label: String, refusal: Option<Refusal>) -> Explanation {
    Explanation { label, refusal, asked: true, parts: Vec::new() }
}

/// Marks what differs: a line of carets below the characters of `found` that `expected`, a text or a glob, does not have
/// there. What comes after is looked for again, so that one other word does not mark all that follows.
pub fn difference(expected: &str, found: &str) -> String {
    let (mut marks, mut rest) = (String::new(), found);
    let mut literals = expected.split('*').peekable();
    while let Some(literal) = literals.next() {
        let same = literal.chars().zip(rest.chars()).take_while(|(a, b)| a == b).count();
        let (wanted, ahead) = (skip(literal, same), skip(rest, same));
        marks.push_str(&" ".repeat(same));
        rest = ahead;
        if !wanted.is_empty() {
            let tails = wanted.char_indices().map(|(at, _)| wanted.get(at..).unwrap_or_default());
            // Shorter than that, it is found anywhere.
            let again = tails.filter(|tail| tail.len() >= 3).find_map(|tail| Some((rest.find(tail)?, tail)));
            let Some((differing, tail)) = again else { break };
            let other = rest.get(..differing).unwrap_or_default().chars().count();
            marks.push_str(&"^".repeat(other.max(1)));
            marks.push_str(&" ".repeat(tail.chars().count().saturating_sub(usize::from(other == 0))));
            rest = rest.get(differing + tail.len()..).unwrap_or_default();
        }
        if let Some(next) = literals.peek() {
            // The star takes the rest of its segment, or what comes before the next text.
            let segment = rest.find('/').unwrap_or(rest.len());
            let taken = if next.is_empty() { segment } else { rest.find(next).unwrap_or(segment) };
            marks.push_str(&" ".repeat(rest.get(..taken).unwrap_or_default().chars().count()));
            rest = rest.get(taken..).unwrap_or_default();
        }
    }
    marks.push_str(&"^".repeat(rest.chars().count()));
    if marks.trim().is_empty() { format!("{marks}^") } else { marks.trim_end().to_owned() }
}

fn skip(text: &str, characters: usize) -> &str {
    text.char_indices().nth(characters).map_or("", |(at, _)| text.get(at..).unwrap_or_default())
}

/// The signatures by their signers, in the order in which an explanation counts them.
pub fn signers(signatures: &[&Verified]) -> Vec<String> {
    let name = |verified: &&Verified| match verified.signer() {
        crate::verify::Signer::Certificate(signer) => signer.san().to_string(),
        crate::verify::Signer::Key(key) => super::signer::fingerprint(key),
    };
    signatures.iter().map(name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differing_characters() {
        let marked = |expected, found: &str| {
            let marks = difference(expected, found);
            found.chars().zip(marks.chars()).filter(|(_, mark)| *mark == '^').map(|(c, _)| c).collect::<String>()
        };
        assert_eq!(difference("abcdef", "abXdef"), "  ^");
        let acme = "https://github.com/acme/app/.github/workflows/release.yml@refs/tags/*";
        assert_eq!(
            marked(acme, "https://github.com/mallory/app/.github/workflows/release.yml@refs/tags/v1"),
            "mallory"
        );
        assert_eq!(marked(acme, "https://github.com/acme/app/.github/workflows/test.yml@refs/tags/v1"), "test");
        assert_eq!(marked("https://x.example/*/build.yml", "https://x.example/a/other.yml"), "other");
        assert_eq!(marked("abc", "abcd"), "d");
        assert_eq!(difference("abcd", "abc"), "   ^");
    }
}
