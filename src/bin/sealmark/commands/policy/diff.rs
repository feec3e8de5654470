//! `policy diff`: two policies, asked about the same signatures.

use serde::Serialize;

use super::subject::{Answer, Images, Subject};
use super::{Asked, settings};
use crate::cli::{Format, PolicyDiff};
use crate::report::text::visible;
use crate::report::{Failure, Verdict, console, print_json};

#[derive(Serialize)]
struct Compared {
    schema: &'static str,
    artifacts: Vec<Change>,
}

#[derive(Serialize)]
struct Change {
    artifact: String,
    old: String,
    new: String,
    changed: bool,
    /// Whether either could not be decided.
    undecided: bool,
}

/// Whose verdict changes from one policy to another: exit code 1 when anyone's does, 3 when none does as far as could
/// be looked at.
pub(in crate::commands) fn diff(args: &PolicyDiff) -> Result<u8, Failure> {
    let anchor = settings::trust(&args.trust)?;
    let (old, new) = (Asked::of(&args.old, &anchor)?, Asked::of(&args.new, &anchor)?);
    let subjects = Subject::all(&args.artifacts)?;
    let images = Images::of(&args.places, &subjects)?;
    let changes = subjects.iter().map(|subject| {
        let answers = Asked::answers([&old, &new], &anchor, images.as_ref(), subject);
        let undecided = answers.iter().any(|answer| answer.verdict == Verdict::Undecided);
        let [old, new] = answers.map(|answer| words(&answer));
        Change { artifact: subject.name(), changed: old != new, old, new, undecided }
    });
    let changes: Vec<Change> = changes.collect();
    let exit_code = match () {
        () if changes.iter().any(|change| change.changed) => Verdict::Refused.exit_code(),
        () if changes.iter().any(|change| change.undecided) => Verdict::Undecided.exit_code(),
        () => Verdict::Verified.exit_code(),
    };
    match args.format.format {
        Format::Json => print_json(&Compared { schema: "sealmark.policy-diff/v1", artifacts: changes })?,
        Format::Human => console::data(&human(&changes))?,
    }
    Ok(exit_code)
}

fn words(answer: &Answer) -> String {
    match (answer.verdict, &answer.rule, answer.reason()) {
        (Verdict::Verified, Some(rule), _) => format!("verified by rule {rule:?}"),
        (Verdict::Verified, None, _) => "verified".to_owned(),
        (Verdict::Undecided, _, reason) => format!("could not decide, {}", reason.unwrap_or_default()),
        (_, _, reason) => format!("refused, {}", reason.unwrap_or_default()),
    }
}

fn human(changes: &[Change]) -> String {
    let line = |change: &Change| match (change.changed, change.undecided) {
        (true, _) => Some(format!("{}: {}, was {}", change.artifact, change.new, change.old)),
        (false, true) => Some(format!("{}: {}", change.artifact, change.new)),
        (false, false) => None,
    };
    let mut lines: Vec<String> = changes.iter().filter_map(line).collect();
    let unchanged = changes.iter().filter(|change| !change.changed && !change.undecided).count();
    lines.push(format!("{unchanged} of {} unchanged", changes.len()));
    lines.iter().map(|line| visible(line).to_string() + "\n").collect()
}
