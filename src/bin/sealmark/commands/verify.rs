//! `verify blob`: each artifact against its bundle. No network, no runtime: files in, verdicts out. `image` has
//! the same for registries.

mod image;
mod judge;
mod pack;
mod summary;

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use sealmark::admit::Trust;

use super::attest::typed;
use crate::artifact::{Artifact, ArtifactError};
use crate::cli::{Format, VerifyBlob, WaiverArgs};
use crate::report::{ArtifactVerdict, Failure, Verdicts, console, human, print_json};
use crate::settings;

pub(crate) use image::SelectionError;
pub(super) use image::{Asked, attestation, image, platform, signatures};
pub(super) use judge::Question;
pub(crate) use pack::PackDigestError;
pub(super) use pack::{Packed, pack};
pub(crate) use summary::SummaryError;

pub(super) fn blob(args: &VerifyBlob) -> Result<u8, Failure> {
    summary::check(&args.summary, false)?;
    let expected = settings::expected(&args.grounds)?;
    let anchor = settings::trust(&args.grounds.trust)?;
    let verifier = expected.verifier(&anchor)?;
    let artifacts = Artifact::all(&args.artifacts)?;
    if args.bundle.is_some() && artifacts.len() > 1 {
        return Err(ArtifactError::OneBundle { artifacts: artifacts.len() }.into());
    }
    let waivers = waivers(&args.grounds.waivers);
    let predicate_type = args.predicate_type.as_deref().map(typed).transpose()?;
    let question = Question {
        verifier: &verifier,
        trust: &expected.trust,
        bundle: args.bundle.as_deref(),
        predicate_type: predicate_type.as_deref(),
        version: args.grounds.expected.expect_version.as_deref(),
        policy: policy_line(&expected),
        trust_root: &anchor.source,
        now: settings::now(),
    };
    let verdicts = Verdicts::of(judge_all(&question, &artifacts)).under(&anchor.source, &expected.source, waivers);
    match args.report.format.format {
        _ if args.summary.output.is_some() => {
            summary::print(&args.summary, &verdicts, &expected, &args.grounds.trust, None, question.now)?;
        }
        Format::Json => print_json(&verdicts)?,
        Format::Human => console::data(&human::report(&verdicts, args.report.explain))?,
    }
    human::words(&verdicts);
    Ok(verdicts.verdict.exit_code())
}

/// What the flags waive; each is said aloud.
fn waivers(args: &WaiverArgs) -> Vec<&'static str> {
    let mut waivers = Vec::new();
    if args.accept_promise {
        console::warning("--accept-promise: a log's promise is taken for its proof");
        waivers.push("accept-promise");
    }
    if args.log_not_required_unsafe {
        console::warning("--log-not-required-unsafe: nobody else can see what this key signs");
        waivers.push("log-not-required-unsafe");
    }
    waivers
}

fn policy_line(expected: &settings::Expected) -> String {
    match &expected.trust {
        Trust::Key(_) => format!("the key of {}", expected.source),
        Trust::Policy(_) => expected.source.clone(),
    }
}

/// Judges every artifact, on as many threads as there are cores; the verdicts keep the order.
fn judge_all(question: &Question<'_>, artifacts: &[Artifact]) -> Vec<ArtifactVerdict> {
    if let [artifact] = artifacts {
        return vec![question.judge(artifact)];
    }
    let workers = thread::available_parallelism().map_or(1, NonZeroUsize::get).min(artifacts.len());
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            match artifacts.get(index) {
                Some(artifact) => done.push((index, question.judge(artifact))),
                None => return done,
            }
        }
    };
    let mut verdicts = thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        // A worker that panicked takes the whole command with it: no verdict is left out.
        let join = |worker: thread::ScopedJoinHandle<'_, Vec<_>>| {
            worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        workers.into_iter().flat_map(join).collect::<Vec<_>>()
    });
    verdicts.sort_by_key(|(index, _)| *index);
    verdicts.into_iter().map(|(_, verdict)| verdict).collect()
}
