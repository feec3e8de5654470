//! `policy test`: cases in a file, each with the verdict that is expected.

use std::path::{Path, PathBuf};

use sealmark::base::limits;
use sealmark::format::oci::ImageRef;
use serde::{Deserialize, Serialize};

use super::subject::{Answer, Images};
use super::{Asked, PolicyCommandError};
use crate::artifact::Artifact;
use crate::cli::{Format, PolicyTest};
use crate::files;
use crate::report::text::visible;
use crate::report::{Failure, Verdict, console, print_json};
use crate::settings::{self, TrustAnchor};

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
    artifact: Option<PathBuf>,
    bundle: Option<PathBuf>,
    image: Option<String>,
    layout: Option<PathBuf>,
    version: Option<String>,
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
    #[serde(skip)]
    undecided: bool,
    expected: String,
    found: String,
}

/// Every case; exit code 1 when one has another verdict, rule or reason, 3 when that is only what could not be looked at.
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
    // What is written wrongly is said before any network is asked.
    let questions = cases.cases.iter().enumerate().map(|(place, case)| {
        let about = |reason: &str| wrong(format!("case {}: {reason}", place + 1));
        case.subject(folder).map_err(|reason| Failure::from(about(reason)))
    });
    let questions: Vec<CaseSubject> = questions.collect::<Result<_, _>>()?;
    let images: Vec<ImageRef> = questions.iter().filter_map(CaseSubject::in_registry).cloned().collect();
    let registries = match (&args.places.layout, images.is_empty()) {
        (_, true) => None,
        (Some(layout), _) => Some(Images::layout(layout)?),
        (None, _) => Some(Images::in_registries(&args.places, &images)?),
    };
    let mut outcomes = Vec::new();
    for (case, subject) in cases.cases.iter().zip(&questions) {
        let answer = subject.answer(&asked, &anchor, registries.as_ref(), case.version.as_deref());
        outcomes.push(case.outcome(&answer.unwrap_or_else(Answer::no)));
    }
    let exit_code = exit_code(&outcomes);
    let cases = outcomes;
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
    Ok(exit_code)
}

/// A case that fails because it could not be looked at says nothing against the policy.
fn exit_code(outcomes: &[Outcome]) -> u8 {
    let mut failed = outcomes.iter().filter(|case| !case.passed).peekable();
    match (failed.peek().is_some(), failed.all(|case| case.undecided)) {
        (false, _) => Verdict::Verified.exit_code(),
        (true, true) => Verdict::Undecided.exit_code(),
        (true, false) => Verdict::Refused.exit_code(),
    }
}

/// What a case is about.
enum CaseSubject {
    File { artifact: Artifact, bundle: Option<PathBuf> },
    Image { reference: ImageRef, layout: Option<PathBuf> },
}

impl CaseSubject {
    fn in_registry(&self) -> Option<&ImageRef> {
        match self {
            Self::Image { reference, layout: None } => Some(reference),
            _ => None,
        }
    }

    fn answer(
        &self,
        asked: &Asked,
        anchor: &TrustAnchor,
        registries: Option<&Images>,
        version: Option<&str>,
    ) -> Result<Answer, Failure> {
        let of = |images: &Images, reference| Ok(Answer::from(&images.fetch(reference, version)?.decide(asked).0));
        match (self, registries) {
            (Self::File { artifact, bundle }, _) => {
                Ok(asked.question(anchor, bundle.as_deref(), version).judge(artifact).into())
            }
            (Self::Image { reference, layout: Some(layout) }, _) => of(&Images::layout(layout)?, reference),
            (Self::Image { reference, layout: None }, Some(images)) => of(images, reference),
            (Self::Image { .. }, None) => Err(Failure::usage("no place for images")),
        }
    }
}

impl Case {
    /// Either a file or an image, each with what belongs to it.
    fn subject(&self, folder: &Path) -> Result<CaseSubject, &'static str> {
        match (&self.artifact, &self.image) {
            (Some(artifact), None) if self.layout.is_none() => {
                let bundle = self.bundle.as_ref().map(|bundle| folder.join(bundle));
                Ok(CaseSubject::File { artifact: Artifact::named(&folder.join(artifact)), bundle })
            }
            (None, Some(image)) if self.bundle.is_none() => {
                let reference = ImageRef::parse(image).map_err(|_| "`image` is no name of an image")?;
                Ok(CaseSubject::Image { reference, layout: self.layout.as_ref().map(|layout| folder.join(layout)) })
            }
            (Some(_), None) => Err("`layout` is for an image"),
            (None, Some(_)) => Err("`bundle` is for an artifact: an image's signatures are attached to it"),
            _ => Err("it names one of `artifact` and `image`"),
        }
    }

    fn outcome(&self, answer: &Answer) -> Outcome {
        let found = match answer.verdict {
            Verdict::Verified => Some(Expected::Verified),
            Verdict::Refused => Some(Expected::Refused),
            Verdict::Undecided => Some(Expected::Undecided),
            Verdict::Usage => None,
        };
        let rule = answer.rule.clone();
        let reason = answer.reason().map(str::to_owned);
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
            artifact: match (&self.artifact, &self.image) {
                (Some(artifact), _) => artifact.display().to_string(),
                (None, image) => image.clone().unwrap_or_default(),
            },
            undecided: found == Some(Expected::Undecided),
            passed: found == Some(self.expect) && fits(&self.rule, &rule) && fits(&self.reason, &reason),
            expected: words(Some(self.expect), &self.rule, &self.reason),
            found: words(found, &rule, &reason),
        }
    }
}
