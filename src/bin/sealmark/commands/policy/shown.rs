//! An explanation for people and for programs.

use sealmark::admit::{self, image::ImageDecision};
use sealmark::policy::{Explanation, difference};
use serde::Serialize;

use crate::report::text::visible;
use crate::report::{Failure, Problem, Verdict};

/// A tree with what it is about.
pub(super) struct Explained {
    explained: admit::Explained,
    /// The digest of an image.
    image: Option<String>,
    /// What of an image could not be looked at.
    unread: Vec<Failure>,
    /// Why an image is not admitted, where the tree does not say it: nothing is attached, or not all could be had.
    pub(super) failure: Option<Failure>,
}

/// Schema `sealmark.policy-explain/v1`.
#[derive(Serialize)]
pub(super) struct Shown {
    schema: &'static str,
    signatures: Vec<String>,
    left_out: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unread: Vec<Problem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Problem>,
    decision: Part,
}

#[derive(Serialize)]
struct Part {
    label: String,
    holds: bool,
    asked: bool,
    code: Option<&'static str>,
    reason: Option<String>,
    expected: Option<String>,
    found: Option<String>,
    parts: Vec<Part>,
}

impl Explained {
    pub(super) fn of_file(explained: admit::Explained) -> Self {
        Self { explained, image: None, unread: Vec::new(), failure: None }
    }

    pub(super) fn of_image(explained: admit::Explained, decision: &ImageDecision) -> Self {
        let unread: Vec<_> = decision.unread().iter().map(Failure::from).collect();
        let whole = unread.is_empty() && !decision.decision().candidates().is_empty();
        let error = decision.error().filter(|_| !whole).cloned();
        Self { explained, image: Some(decision.image().to_string()), unread, failure: error.map(Failure::from) }
    }

    /// 0 when the policy admits it; what could not be looked at and could change a no makes it 3.
    pub(super) fn exit_code(&self) -> u8 {
        let verdict = match &self.failure {
            Some(failure) => failure.code().class().into(),
            None if self.explained.explanation.holds() => Verdict::Verified,
            None => Verdict::Refused,
        };
        verdict.exit_code()
    }

    pub(super) fn json(&self) -> Shown {
        let explained = &self.explained;
        let left_out = explained.left_out.iter().map(|reason| format!("{}: {reason}", reason.code().name()));
        Shown {
            schema: "sealmark.policy-explain/v1",
            signatures: explained.signers.clone(),
            left_out: left_out.collect(),
            image: self.image.clone(),
            unread: self.unread.iter().map(Problem::from).collect(),
            error: self.failure.as_ref().map(Problem::from),
            decision: part(&explained.explanation),
        }
    }

    pub(super) fn tree(&self) -> String {
        let explained = &self.explained;
        let mut lines: Vec<String> = self.image.iter().map(|image| format!("about {image}")).collect();
        for (index, signer) in explained.signers.iter().enumerate() {
            lines.push(format!("signature {} is by {signer}", index + 1));
        }
        lines.extend(explained.left_out.iter().map(|reason| format!("left out: {reason}: {}", reason.code().name())));
        let unread = self.unread.iter().map(|failure| format!("could not look: {}", failure.message()));
        lines.extend(unread);
        branch(&explained.explanation, 0, &mut lines);
        lines.iter().map(|line| visible(line).to_string() + "\n").collect()
    }
}

fn part(explanation: &Explanation) -> Part {
    let refusal = explanation.refusal.as_ref();
    let (expected, found) = refusal.and_then(|refusal| refusal.comparison()).unzip();
    Part {
        label: explanation.label.clone(),
        holds: explanation.holds(),
        asked: explanation.asked,
        code: refusal.map(|refusal| refusal.code().name()),
        reason: refusal.map(ToString::to_string),
        expected,
        found,
        parts: explanation.parts.iter().map(part).collect(),
    }
}

fn branch(explanation: &Explanation, depth: usize, lines: &mut Vec<String>) {
    let indent = "  ".repeat(depth);
    let word = match (explanation.asked, &explanation.refusal) {
        (false, _) => "other ",
        (true, None) => "yes   ",
        (true, Some(_)) => "no    ",
    };
    let reason = match (&explanation.refusal, explanation.parts.is_empty()) {
        (Some(refusal), _) => format!(": {}", refusal.code().name()),
        (None, _) => String::new(),
    };
    lines.push(format!("{indent}{word}{}{reason}", explanation.label));
    let leaf = explanation.parts.is_empty();
    if let Some(refusal) = explanation.refusal.as_ref().filter(|_| leaf) {
        match refusal.comparison() {
            Some((expected, found)) => {
                lines.push(format!("{indent}        expected {expected}"));
                lines.push(format!("{indent}        found    {found}"));
                lines.push(format!("{indent}                 {}", difference(&expected, &found)));
            }
            None => lines.push(format!("{indent}        {refusal}")),
        }
    }
    explanation.parts.iter().for_each(|part| branch(part, depth + 1, lines));
}
