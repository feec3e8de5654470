//! `policy test`: cases in a file, each with the verdict that is expected.

use std::path::{Path, PathBuf};

use sealmark::base::limits;
use serde::{Deserialize, Serialize};

use super::{Asked, PolicyCommandError};
use crate::artifact::Artifact;
use crate::cli::{Format, PolicyTest};
use crate::files;
use crate::report::text::visible;
use crate::report::{ArtifactVerdict, Failure, Verdict, console, print_json};
use crate::settings;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Cases {
    policy: PathBuf,
    trusted_root: Option<PathBuf>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Case {
    artifact: PathBuf,
    bundle: Option<PathBuf>,
    expect: Expected,
    rule: Option<String>,
    reason: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum Expected {
    Verified,
    Refused,
    Undecided,
}

#[derive(Serialize)]
struct Tested {
    schema: &'static str,
    passed: usize,
    failed: usize,
    cases: Vec<Outcome>,
}

#[derive(Serialize)]
struct Outcome {
    artifact: String,
    passed: bool,
    expected: String,
    found: String,
}

/// Every case; exit code 1 when one has another verdict, rule or reason.
pub(in crate::commands) fn test(args: &PolicyTest) -> Result<u8, Failure> {
    let yaml = files::read(&args.cases, limits::POLICY_BYTES)?;
    let wrong = |reason: String| PolicyCommandError::Cases { reason };
    let text = String::from_utf8(yaml).map_err(|_| wrong("they are not UTF-8".to_owned()))?;
    let cases: Cases = serde_saphyr::from_str(&text).map_err(|error| wrong(error.without_snippet().to_string()))?;
    if cases.cases.is_empty() {
        return Err(wrong("there is none".to_owned()).into());
    }
    let folder = args.cases.parent().unwrap_or_else(|| Path::new(""));
    let anchor = match &cases.trusted_root {
        Some(root) => settings::trust_file(&folder.join(root))?,
        None => settings::trust(&args.trust)?,
    };
    let asked = Asked::of(&folder.join(&cases.policy), &anchor)?;
    let outcomes = cases.cases.iter().map(|case| {
        let bundle = case.bundle.as_ref().map(|bundle| folder.join(bundle));
        let question = asked.question(&anchor, bundle.as_deref());
        let verdict = question.judge(&Artifact::named(&folder.join(&case.artifact)));
        case.outcome(&verdict)
    });
    let cases: Vec<Outcome> = outcomes.collect();
    let passed = cases.iter().filter(|case| case.passed).count();
    let failed = cases.len() - passed;
    match args.format.format {
        Format::Json => print_json(&Tested { schema: "sealmark.policy-test/v1", passed, failed, cases })?,
        Format::Human => {
            let line = |case: &Outcome| match case.passed {
                true => format!("ok    {}: {}\n", visible(&case.artifact), visible(&case.found)),
                false => {
                    let (artifact, found) = (visible(&case.artifact), visible(&case.found));
                    format!("WRONG {artifact}: {found}, expected {}\n", visible(&case.expected))
                }
            };
            let text: String = cases.iter().map(line).collect();
            console::data(&format!("{text}{passed} passed, {failed} failed\n"))?;
        }
    }
    Ok(u8::from(failed > 0))
}

impl Case {
    fn outcome(&self, verdict: &ArtifactVerdict) -> Outcome {
        let found = match verdict.verdict {
            Verdict::Verified => Some(Expected::Verified),
            Verdict::Refused => Some(Expected::Refused),
            Verdict::Undecided => Some(Expected::Undecided),
            Verdict::Usage => None,
        };
        let rule = verdict.proof.as_ref().and_then(|proof| proof.rule.clone());
        let reason = verdict.failure.as_ref().map(|failure| failure.code().name().to_owned());
        let fits = |wanted: &Option<String>, found: &Option<String>| wanted.is_none() || wanted == found;
        let words = |verdict: Option<Expected>, rule: &Option<String>, reason: &Option<String>| {
            let mut text = verdict
                .map_or("usage", |verdict| match verdict {
                    Expected::Verified => "verified",
                    Expected::Refused => "refused",
                    Expected::Undecided => "undecided",
                })
                .to_owned();
            rule.iter().for_each(|rule| text += &format!(" by rule {rule:?}"));
            reason.iter().for_each(|reason| text += &format!(", {reason}"));
            text
        };
        Outcome {
            artifact: self.artifact.display().to_string(),
            passed: found == Some(self.expect) && fits(&self.rule, &rule) && fits(&self.reason, &reason),
            expected: words(Some(self.expect), &self.rule, &self.reason),
            found: words(found, &rule, &reason),
        }
    }
}
