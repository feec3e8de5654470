//! `policy`: write, check, test and compare policies. About files there is no network: files in, answers out.

mod cases;
mod diff;
mod init;
mod shown;
mod subject;

use std::path::Path;

use sealmark::admit::{self, Trust};
use sealmark::base::code::Code;
use sealmark::base::limits;
use sealmark::policy::{self, Policy, SCHEMA};
use sealmark::verify::Verifier;
use serde::Serialize;
use thiserror::Error;

use super::verify::Question;
use crate::cli::{Format, PolicyCheck, PolicyExplain, PolicyImport, PolicySchema};
use crate::files;
use crate::report::text::{visible, visible_path};
use crate::report::{Failure, console, print_json};
use crate::settings::{self, TrustAnchor};

pub(super) use cases::test;
pub(super) use diff::diff;
pub(super) use init::init;
use subject::{Images, Subject};

/// Why a question about policies cannot be answered.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum PolicyCommandError {
    /// A file of cases that cannot be read.
    #[error("the cases cannot be read: {reason}")]
    Cases { reason: String },
    /// Nothing from which a rule could be made.
    #[error("{name} has no signature by a certificate, from which a rule could be made")]
    NothingToLearn { name: String },
    /// A policy is for files or for images: what files have no scope for, images have.
    #[error("files and images together: one is written for files or for images")]
    Mixed,
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
            Self::Mixed => Code::usage("policy-init-mixed", "call it twice, and put both into one document as scopes"),
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

    fn question<'a>(
        &'a self,
        anchor: &'a TrustAnchor,
        bundle: Option<&'a Path>,
        version: Option<&'a str>,
    ) -> Question<'a> {
        Question {
            verifier: &self.verifier,
            trust: &self.trust,
            bundle,
            predicate_type: None,
            version,
            policy: self.source.clone(),
            trust_root: &anchor.source,
            now: settings::now(),
        }
    }
}

/// The decision about a file or an image as a tree.
pub(super) fn explain(args: &PolicyExplain) -> Result<u8, Failure> {
    let anchor = settings::trust(&args.trust)?;
    let asked = Asked::of(&args.policy, &anchor)?;
    let Trust::Policy(policy) = &asked.trust else { return Ok(2) };
    let (subject, now) = (Subject::named(&args.artifact)?, settings::now());
    let version = args.expect_version.as_deref();
    let explained = match (&subject, Images::of(&args.places, std::slice::from_ref(&subject))?) {
        (Subject::Image(reference), Some(images)) => {
            let mut fetched = images.fetch(reference, version)?;
            let (decision, candidates) = fetched.decide(&asked);
            let explained = candidates
                .with_bundles(|artifact, bundles| admit::explain(&asked.verifier, policy, artifact, bundles, now));
            shown::Explained::of_image(explained, &decision)
        }
        (Subject::File(artifact), _) => {
            let question = asked.question(&anchor, args.bundle.as_deref(), version);
            let explained = question.with_candidates(artifact, |artifact, bundles| {
                admit::explain(&asked.verifier, policy, artifact, bundles, now)
            });
            shown::Explained::of_file(explained?)
        }
        (Subject::Image(_), None) => return Err(Failure::usage("no place for images")),
    };
    match args.format.format {
        Format::Json => print_json(&explained.json())?,
        Format::Human => console::data(&explained.tree())?,
    }
    if let Some(failure) = &explained.failure {
        console::failure(failure);
    }
    Ok(explained.exit_code())
}
