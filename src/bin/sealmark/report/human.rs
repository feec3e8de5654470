//! Verdicts for people.

use std::fmt::Write;

use super::console::{self, Style};
use super::evidence::Status;
use super::text::visible;
use super::verdict::{ArtifactVerdict, CandidateVerdict, Proof, StepStatus, Verdict, Verdicts};

/// The report on standard output. One artifact is shown with every check; of several, each has a line.
pub(crate) fn report(verdicts: &Verdicts, explain: bool) -> String {
    let style = Style::of_stdout();
    let several = verdicts.artifacts.len() > 1;
    let mut out = String::new();
    for artifact in &verdicts.artifacts {
        match &artifact.proof {
            Some(proof) => {
                let title = style.green("VERIFIED");
                let what = artifact.image.as_ref().unwrap_or(&proof.digest);
                let _ = match artifact.artifact == *what {
                    true => writeln!(out, "{title}  {what}"),
                    false => writeln!(out, "{title}  {}  {what}", artifact.artifact),
                };
                if !several || explain {
                    proof_lines(&mut out, proof, style);
                }
            }
            None if several || explain => {
                let word = if artifact.verdict == Verdict::Refused { "REFUSED " } else { "NO VERDICT" };
                let code = artifact.failure.as_ref().map_or("", |failure| failure.code().name());
                let _ = writeln!(out, "{}  {}  {code}", style.red(word), artifact.artifact);
            }
            None => {}
        }
        if explain {
            artifact.signatures.iter().for_each(|candidate| checklist(&mut out, candidate, artifact, style));
        }
    }
    out
}

/// The words on standard error: each reason, and the sum of several.
pub(crate) fn words(verdicts: &Verdicts) {
    for artifact in &verdicts.artifacts {
        if let Some(failure) = &artifact.failure {
            console::failure(failure);
        }
    }
    if verdicts.artifacts.len() > 1 {
        let good = verdicts.artifacts.iter().filter(|artifact| artifact.verdict == Verdict::Verified).count();
        let all = verdicts.artifacts.len();
        match all - good {
            0 => console::words(&format!("all {all} artifacts hold")),
            bad => console::words(&format!("{bad} of {all} artifacts do NOT hold")),
        }
    }
}

fn proof_lines(out: &mut String, proof: &Proof, style: Style) {
    let width = proof.checks.iter().map(|check| check.name.len()).max().unwrap_or(0);
    for check in &proof.checks {
        let word = format!("{:6}", check.status.word());
        let word = match check.status {
            Status::Ok => style.green(&word),
            Status::Weak | Status::Waived => style.yellow(&word),
        };
        let _ = writeln!(out, "  {:width$}  {word}  {}", check.name, visible(&check.detail));
    }
    let _ = writeln!(out, "{} {}", style.dim("not checked:"), visible(&proof.not_checked.join("; ")));
}

fn checklist(out: &mut String, candidate: &CandidateVerdict, artifact: &ArtifactVerdict, style: Style) {
    let place = candidate.place.as_ref().map_or(String::new(), |place| format!(": {}", visible(place)));
    let _ = writeln!(out, "  signature {} of {}{place}", candidate.number, artifact.signatures.len());
    if candidate.steps.is_empty()
        && let Some(problem) = &candidate.error
    {
        let _ = writeln!(out, "    {}  {}", style.red("not looked at"), visible(&problem.to_string()));
    }
    for (index, step) in candidate.steps.iter().enumerate() {
        let word = match step.status {
            StepStatus::Ok => style.green("ok"),
            StepStatus::NotApplicable => style.dim("n/a"),
            StepStatus::Failed => style.red("FAILED"),
            StepStatus::NotReached => style.dim("not reached"),
        };
        let _ = write!(out, "    {:2} {:18}{word}", index + 1, step.step);
        match &candidate.error {
            Some(problem) if step.status == StepStatus::Failed => {
                let _ = writeln!(out, "  {}", visible(&problem.to_string()));
            }
            _ => {
                let _ = writeln!(out);
            }
        }
    }
}
