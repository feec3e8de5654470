//! An explanation for people and for programs.

use sealmark::admit::Explained;
use sealmark::policy::{Explanation, difference};
use serde::Serialize;

use crate::report::text::visible;

/// Schema `sealmark.policy-explain/v1`.
#[derive(Serialize)]
pub(super) struct Shown {
    schema: &'static str,
    signatures: Vec<String>,
    left_out: Vec<String>,
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

pub(super) fn json(explained: &Explained) -> Shown {
    Shown {
        schema: "sealmark.policy-explain/v1",
        signatures: explained.signers.clone(),
        left_out: explained.left_out.iter().map(|reason| format!("{}: {reason}", reason.code().name())).collect(),
        decision: part(&explained.explanation),
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

pub(super) fn tree(explained: &Explained) -> String {
    let mut lines = Vec::new();
    for (index, signer) in explained.signers.iter().enumerate() {
        lines.push(format!("signature {} is by {signer}", index + 1));
    }
    lines.extend(explained.left_out.iter().map(|reason| format!("left out: {reason}: {}", reason.code().name())));
    branch(&explained.explanation, 0, &mut lines);
    lines.iter().map(|line| visible(line).to_string() + "\n").collect()
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
