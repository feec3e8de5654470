//! `policy`: write, check, test and compare policies. No network: files in, answers out.

mod cases;
mod init;
mod shown;

use std::path::{Path, PathBuf};

use sealmark::admit::{self, Trust};
use sealmark::base::code::Code;
use sealmark::base::limits;
use sealmark::policy::{self, Policy, SCHEMA};
use sealmark::verify::Verifier;
use serde::Serialize;
use thiserror::Error;

use super::verify::Question;
use crate::artifact::Artifact;
use crate::cli::{Format, PolicyCheck, PolicyDiff, PolicyExplain, PolicyImport, PolicySchema, TrustArgs};
use crate::files;
use crate::report::text::{visible, visible_path};
use crate::report::{Failure, Verdict, console, print_json};
use crate::settings::{self, TrustAnchor};

pub(super) use cases::test;
pub(super) use init::init;

/// Why a question about policies cannot be answered.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum PolicyCommandError {
    /// A file of cases that cannot be read.
    #[error("the cases cannot be read: {reason}")]
    Cases { reason: String },
    /// Nothing from which a rule could be made.
    #[error("{path} holds no signature by a certificate, from which a rule could be made", path = visible_path(path))]
    NothingToLearn { path: PathBuf },
}

impl PolicyCommandError {
    /// The stable code.
    pub(crate) fn code(&self) -> Code {
        match self {
            Self::Cases { .. } => {
                Code::usage("policy-cases", "the fields of a case are in `sealmark policy test --help`")
            }
            Self::NothingToLearn { .. } => {
                Code::usage("policy-init", "sign with an identity, or write a rule with `key` by hand")
            }
        }
    }
}

fn read(path: &Path) -> Result<Policy, Failure> {
    settings::policy(path, &files::read(path, limits::POLICY_BYTES)?)
}

pub(super) fn schema(_: &PolicySchema) -> Result<u8, Failure> {
    console::data(SCHEMA)?;
    Ok(0)
}

/// A document of another tool, written as ours.
pub(super) fn import(args: &PolicyImport) -> Result<u8, Failure> {
    let document = files::read(&args.document, limits::POLICY_BYTES)?;
    let yaml = policy::import(&document).map_err(|error| Failure::from(error).about(&visible_path(&args.document)))?;
    console::data(&yaml)?;
    Ok(0)
}

#[derive(Serialize)]
struct Checked {
    schema: &'static str,
    policy: String,
    rules: usize,
    findings: Vec<FindingShown>,
}

#[derive(Serialize)]
struct FindingShown {
    lint: &'static str,
    rule: String,
    line: Option<u64>,
    message: String,
}

/// What can be read and is seldom meant: exit code 1 when there is any.
pub(super) fn check(args: &PolicyCheck) -> Result<u8, Failure> {
    let policy = read(&args.policy)?;
    let (source, findings) = (visible_path(&args.policy), policy.lint());
    match args.format.format {
        Format::Json => {
            let shown = findings.iter().map(|finding| FindingShown {
                lint: finding.lint.name(),
                rule: finding.rule.clone(),
                line: finding.line,
                message: finding.message.clone(),
            });
            let (findings, rules) = (shown.collect(), policy.rules().count());
            print_json(&Checked { schema: "sealmark.policy-check/v1", policy: source, rules, findings })?;
        }
        Format::Human => {
            let mut text: String =
                findings.iter().map(|finding| format!("{source}: {}\n", visible(&finding.to_string()))).collect();
            if findings.is_empty() {
                let (scopes, rules) = (policy.scopes().count(), policy.rules().count());
                text = format!("{source}: {scopes} scopes, {rules} rules, nothing to say\n");
            }
            console::data(&text)?;
        }
    }
    Ok(u8::from(!findings.is_empty()))
}

/// A policy with the trust that it is asked under.
struct Asked {
    trust: Trust,
    verifier: Verifier,
    source: String,
}

impl Asked {
    fn new(policy: Policy, anchor: &TrustAnchor, source: String) -> Result<Self, Failure> {
        let verifier = Verifier::new(&anchor.root).map_err(|error| Failure::from(error).about(&anchor.source))?;
        let verifier = verifier.with_witnesses(policy.witnesses());
        Ok(Self { trust: Trust::Policy(policy), verifier, source })
    }

    fn of(path: &Path, anchor: &TrustAnchor) -> Result<Self, Failure> {
        Self::new(read(path)?, anchor, visible_path(path))
    }

    fn question<'a>(&'a self, anchor: &'a TrustAnchor, bundle: Option<&'a Path>) -> Question<'a> {
        Question {
            verifier: &self.verifier,
            trust: &self.trust,
            bundle,
            predicate_type: None,
            policy: self.source.clone(),
            trust_root: &anchor.source,
            now: settings::now(),
        }
    }
}

fn anchor(args: &TrustArgs) -> Result<TrustAnchor, Failure> {
    settings::trust(args)
}

/// The decision about a file as a tree.
pub(super) fn explain(args: &PolicyExplain) -> Result<u8, Failure> {
    let anchor = anchor(&args.trust)?;
    let asked = Asked::of(&args.policy, &anchor)?;
    let question = asked.question(&anchor, args.bundle.as_deref());
    let Trust::Policy(policy) = &asked.trust else { return Ok(2) };
    let artifact = Artifact::named(&args.artifact);
    let explained = question.with_candidates(&artifact, |artifact, bundles| {
        admit::explain(&asked.verifier, policy, artifact, bundles, question.now)
    })?;
    match args.format.format {
        Format::Json => print_json(&shown::json(&explained))?,
        Format::Human => console::data(&shown::tree(&explained))?,
    }
    Ok(u8::from(!explained.explanation.holds()))
}

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
}

/// Whose verdict changes from one policy to another: exit code 1 when anyone's does.
pub(super) fn diff(args: &PolicyDiff) -> Result<u8, Failure> {
    let anchor = anchor(&args.trust)?;
    let (old, new) = (Asked::of(&args.old, &anchor)?, Asked::of(&args.new, &anchor)?);
    let word = |asked: &Asked, artifact: &Artifact| {
        let verdict = asked.question(&anchor, None).judge(artifact);
        match (verdict.verdict, &verdict.proof, &verdict.failure) {
            (Verdict::Verified, Some(proof), _) => {
                proof.rule.as_ref().map_or_else(|| "verified".to_owned(), |rule| format!("verified by rule {rule:?}"))
            }
            (_, _, Some(failure)) => format!("refused, {}", failure.code().name()),
            _ => "refused".to_owned(),
        }
    };
    let artifacts = Artifact::all(&args.artifacts)?;
    let changes = artifacts.iter().map(|artifact| {
        let (old, new) = (word(&old, artifact), word(&new, artifact));
        Change { artifact: artifact.name(), changed: old != new, old, new }
    });
    let changes: Vec<Change> = changes.collect();
    let any = changes.iter().any(|change| change.changed);
    match args.format.format {
        Format::Json => print_json(&Compared { schema: "sealmark.policy-diff/v1", artifacts: changes })?,
        Format::Human => {
            let line = |change: &Change| match change.changed {
                true => format!("{}: {}, was {}\n", change.artifact, change.new, change.old),
                false => String::new(),
            };
            let text: String = changes.iter().map(line).collect();
            let unchanged = changes.iter().filter(|change| !change.changed).count();
            console::data(&visible_lines(&format!("{text}{unchanged} of {} unchanged\n", changes.len())))?;
        }
    }
    Ok(u8::from(any))
}

/// Escapes what could move the cursor, line by line.
fn visible_lines(text: &str) -> String {
    text.lines().map(|line| visible(line).to_string() + "\n").collect()
}
