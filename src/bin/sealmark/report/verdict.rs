//! The JSON of verdicts, schema `sealmark.verdict/v1`: fields are added within a version, never changed.

use std::collections::BTreeMap;
use std::fmt;

use sealmark::base::code::Class;
use serde::Serialize;

use super::evidence::{Check, SignerShown};
use super::{Coded, Failure};

/// This program.
#[derive(Debug, Serialize)]
pub(crate) struct Tool {
    name: &'static str,
    version: &'static str,
}

/// This program at its version.
pub(crate) const TOOL: Tool = Tool { name: "sealmark", version: env!("CARGO_PKG_VERSION") };

/// A question and its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    /// Yes.
    Verified,
    /// No.
    Refused,
    /// The question was wrong.
    Usage,
    /// The question could not be answered.
    Undecided,
}

impl Verdict {
    /// The exit code.
    pub(crate) const fn exit_code(self) -> u8 {
        match self {
            Self::Verified => 0,
            Self::Refused => 1,
            Self::Usage => 2,
            Self::Undecided => 3,
        }
    }

    /// The verdict about all that these are the failures of.
    pub(crate) fn of_failures<'f>(failures: impl Iterator<Item = &'f Failure> + Clone) -> Self {
        Self::of_all(failures.map(|failure| failure.code().class().into()))
    }

    /// The verdict about all of several artifacts: yes only when each is a yes, and a no before anything
    /// that could not be answered.
    fn of_all(verdicts: impl Iterator<Item = Self> + Clone) -> Self {
        let order = [Self::Refused, Self::Undecided, Self::Usage];
        order.into_iter().find(|wanted| verdicts.clone().any(|one| one == *wanted)).unwrap_or(Self::Verified)
    }
}

impl From<Class> for Verdict {
    fn from(class: Class) -> Self {
        match class {
            Class::Refused => Self::Refused,
            Class::Usage => Self::Usage,
            Class::Undecided => Self::Undecided,
        }
    }
}

/// The document: one verdict about all artifacts, and one about each.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Verdicts {
    schema: &'static str,
    tool: Tool,
    pub(crate) verdict: Verdict,
    exit_code: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    trust_root: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
    /// What the caller waived, by flag.
    waivers: Vec<&'static str>,
    /// Manifests of an index that are no images: nobody asked whether they are signed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) left_out: Vec<String>,
    pub(crate) artifacts: Vec<ArtifactVerdict>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Problem>,
}

impl Verdicts {
    /// The document of a command that failed before it came to an artifact.
    pub(crate) fn failed(failure: &Failure) -> Self {
        let verdict = failure.code().class().into();
        Self { verdict, error: Some(failure.into()), exit_code: failure.exit_code(), ..Self::of(Vec::new()) }
    }

    /// The document over the verdicts about artifacts.
    pub(crate) fn of(artifacts: Vec<ArtifactVerdict>) -> Self {
        // About nothing there is no yes.
        let verdict = match artifacts.is_empty() {
            true => Verdict::Undecided,
            false => Verdict::of_all(artifacts.iter().map(|artifact| artifact.verdict)),
        };
        Self {
            schema: "sealmark.verdict/v1",
            tool: TOOL,
            verdict,
            exit_code: verdict.exit_code(),
            trust_root: None,
            policy: None,
            waivers: Vec::new(),
            left_out: Vec::new(),
            artifacts,
            error: None,
        }
    }

    /// Adds what the verdicts rest on.
    pub(crate) fn under(self, trust_root: &str, policy: &str, waivers: Vec<&'static str>) -> Self {
        Self { trust_root: Some(trust_root.to_owned()), policy: Some(policy.to_owned()), waivers, ..self }
    }
}

/// The verdict about one artifact.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ArtifactVerdict {
    pub(crate) artifact: String,
    /// Of an image: its name by the digest that was looked at; when it is verified, what to deploy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) image: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bundle: Option<String>,
    pub(crate) verdict: Verdict,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) proof: Option<Proof>,
    /// Every signature that was looked at, with its checklist.
    pub(crate) signatures: Vec<CandidateVerdict>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<Problem>,
    /// The same for people.
    #[serde(skip)]
    pub(crate) failure: Option<Failure>,
}

/// What was proven, by whom.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Proof {
    pub(crate) digest: String,
    /// `full`, or `reduced` when the caller or the trusted root waived a check.
    pub(crate) assurance: &'static str,
    pub(crate) signer: SignerShown,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) predicate_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rule: Option<String>,
    pub(crate) checks: Vec<Check>,
    pub(crate) not_checked: Vec<String>,
}

/// One candidate signature.
#[derive(Debug, Serialize)]
pub(crate) struct CandidateVerdict {
    /// Its place in the bundle file, from 1.
    pub(crate) number: usize,
    /// Of an image's: where it is attached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) place: Option<String>,
    pub(crate) verdict: Verdict,
    pub(crate) steps: Vec<StepShown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<Problem>,
}

/// One step of the walk.
#[derive(Debug, Serialize)]
pub(crate) struct StepShown {
    pub(crate) step: &'static str,
    pub(crate) status: StepStatus,
}

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum StepStatus {
    /// Holds.
    Ok,
    /// There is nothing of the kind in the bundle.
    NotApplicable,
    /// Does not hold: the reason of the verdict.
    Failed,
    /// Was not come to, or says nothing any more.
    NotReached,
}

/// Why not: the same that people read.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Problem {
    code: &'static str,
    message: String,
    #[serde(flatten)]
    facts: BTreeMap<&'static str, String>,
    hints: Vec<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.message, self.code)
    }
}

impl<E: Coded> From<E> for Problem {
    fn from(error: E) -> Self {
        Self::from(&Failure::from(error))
    }
}

impl From<&Failure> for Problem {
    fn from(failure: &Failure) -> Self {
        Self {
            code: failure.code().name(),
            message: failure.message().to_owned(),
            facts: failure.facts().iter().cloned().collect(),
            hints: failure.hints().to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Verdict::{Refused, Undecided, Usage, Verified};
    use super::*;

    #[test]
    fn x07_one_bad_artifact_is_a_no_for_all() {
        let of_all = |verdicts: &[Verdict]| Verdict::of_all(verdicts.iter().copied());
        assert_eq!(of_all(&[Verified, Verified]), Verified);
        assert_eq!(of_all(&[Verified, Undecided, Refused, Usage]), Refused);
        assert_eq!(of_all(&[Verified, Usage, Undecided]), Undecided);
        assert_eq!(of_all(&[Verified, Usage]), Usage);
    }
}
