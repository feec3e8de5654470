//! `tour`: the whole journey of one file on this machine, with the services and the code of every day.
//!
//! A private stack on the loopback address stands in for the public one; everything else is what `sign` and
//! `verify` do.

mod acts;
mod story;

use std::path::Path;

use sealmark::admit::Trust;
use sealmark::base::encoding::hex;
use sealmark::policy::Policy;
use sealmark::service::identity::IdToken;
use sealmark::sign::{Session, Signed};
use sealmark::stack::{IssuerKind, Running, StackError, TokenRequest};
use zeroize::Zeroizing;

use super::folder::Folder;
use super::output;
use super::verify::Question;
use crate::cli::Tour;
use crate::report::console::{self, Style};
use crate::report::signed::command_line;
use crate::report::text::thousands;
use crate::report::{Failure, Verdicts, human};
use crate::settings;
use story::Story;

pub(crate) use acts::TourError;

/// What is signed when no file is given.
const HELLO: &[u8] = b"hello, supply chain\n";

pub(super) fn run(args: &Tour) -> Result<u8, Failure> {
    settings::keep_from_dumps();
    let folder = Folder::make(args.keep.as_deref())?;
    let file = match &args.file {
        Some(file) => file.clone(),
        None => {
            let file = folder.path("hello.txt");
            output::write(&file, HELLO)?;
            file
        }
    };
    settings::server_runtime()?.block_on(walk(&folder, &file))?;
    Ok(0)
}

async fn walk(folder: &Folder, file: &Path) -> Result<(), Failure> {
    let mut story = Story::begin("Sealmark: one file, from a CI identity token to a bundle that anyone can verify.")?;

    let running = Running::start(&folder.path("stack")).await?;
    stack_step(&mut story, &running)?;
    let request = TokenRequest::new(IssuerKind::GithubWorkflow);
    let token = running.token(&request).map_err(StackError::from)?;
    let issuer = token_step(&mut story, &token)?;

    let signing = acts::signing(folder, &running)?;
    let session = acts::begin(&signing, token).await?;
    certificate_step(&mut story, &session)?;
    let bundle = folder.path(acts::bundle_name(file));
    let signed = acts::sign(&session, file, &bundle).await?;
    bundle_step(&mut story, &bundle, &signed)?;

    let policy = acts::policy(&issuer);
    let policy_path = folder.path("policy.yaml");
    output::write(&policy_path, policy.as_bytes())?;
    let trust = Trust::Policy(Policy::parse(policy.as_bytes())?);
    let question = Question {
        verifier: signing.verifier(),
        trust: &trust,
        bundle: Some(&bundle),
        predicate_type: None,
        version: None,
        policy: "policy.yaml".to_owned(),
        trust_root: "the stack's",
        now: settings::now(),
    };
    let verdict = acts::verified(acts::judge(&question, file))?;
    let mut lines: Vec<_> = policy.lines().map(|line| format!("| {line}")).collect();
    lines.push(String::new());
    lines.extend(human::report(&Verdicts::of(vec![verdict]), false).lines().map(str::to_owned));
    story.step_styled("whoever has the file verifies it, offline, against a policy", &lines)?;

    let failure = acts::refused("a changed copy", acts::judge_changed(&question, file)?, "digest-mismatch")?;
    story.step_styled("a copy with one byte more is refused, with the reason", &quoted(&failure))?;

    let request = request.with("repository", "mallory/app").map_err(StackError::from)?;
    let other = acts::begin(&signing, running.token(&request).map_err(StackError::from)?).await?;
    let other_bundle = folder.path("mallory.sigstore.json");
    let _ = acts::sign(&other, file, &other_bundle).await?;
    let question = Question { bundle: Some(&other_bundle), now: settings::now(), ..question };
    let failure = acts::refused("another's bundle", acts::judge(&question, file), "identity-mismatch")?;
    story
        .step_styled("another repository signs the same file: genuine, and refused by the policy", &quoted(&failure))?;

    running.stop().await?;
    ending(&mut story, folder, [file, &bundle, &policy_path])
}

fn stack_step(story: &mut Story, running: &Running) -> Result<(), Failure> {
    story.step(
        "a private Sigstore starts on this machine",
        &[
            format!("address  {}", running.url()),
            "parts    identity provider, certificate authority, CT log, transparency log, timestamps".to_owned(),
            "elsewhere this is sigstore.dev, or your own with `sealmark stack up`".to_owned(),
        ],
    )
}

/// Tells of the token; gives its issuer.
fn token_step(story: &mut Story, token: &str) -> Result<String, Failure> {
    let token = IdToken::new(Zeroizing::new(token.to_owned()), "the tour")?;
    let claims = token.claims();
    let issuer = claims.certificate_issuer().unwrap_or_default().to_owned();
    story.step(
        "the CI platform issues an identity token to a job",
        &[
            format!("issuer   {issuer}"),
            format!("job      {}", claims.text("job_workflow_ref").unwrap_or_default()),
            "the job holds no secret: the token says who it is, for ten minutes".to_owned(),
        ],
    )?;
    Ok(issuer)
}

fn certificate_step(story: &mut Story, session: &Session) -> Result<(), Failure> {
    let Some(leaf) = session.credential().certificate() else { return Ok(()) };
    let end = leaf.validity().end().map(|end| end.to_string()).unwrap_or_default();
    story.step(
        "the certificate authority binds a new key to that identity",
        &[
            format!("key      {}, made for this job, forgotten at its end", leaf.public_key().kind()),
            format!("identity {}", leaf.san().map(|san| san.to_string()).unwrap_or_default()),
            format!("valid    until {end}; seen by a CT log (SCT)"),
        ],
    )
}

fn bundle_step(story: &mut Story, bundle: &Path, signed: &Signed) -> Result<(), Failure> {
    let evidence = signed.verified().evidence();
    let time = evidence.times().first().map(|proven| proven.time().to_string()).unwrap_or_default();
    let log = evidence.entries().first().map(|entry| {
        let index = entry.log_index().map(|index| format!("entry {index} of ")).unwrap_or_default();
        let id = hex::encode(entry.log_id().get(..4).unwrap_or_default());
        format!("{index}{}, log id {id}", entry.base_url().trim_start_matches("http://"))
    });
    let size = thousands(signed.json().len() as u64);
    story.step(
        "the file is signed, timestamped and logged; the bundle holds all of it",
        &[
            format!("digest   {}", signed.verified().artifact()),
            format!("time     {time}, by the timestamp authority"),
            format!("log      {}", log.unwrap_or_default()),
            format!("bundle   {}, {size} bytes, verified before it was written", acts::name(bundle)),
        ],
    )
}

/// A failure as it would stand on standard error; safe to show.
fn quoted(failure: &Failure) -> Vec<String> {
    console::failure_text(failure, Style::of_stdout()).lines().map(str::to_owned).collect()
}

/// What to do next, with real files.
const PUBLIC_BUNDLE: [&str; 7] = [
    "The same program verifies what others signed with the public Sigstore, also offline:",
    "",
    "  $ curl -LO https://www.python.org/ftp/python/3.13.9/python-3.13.9-embed-amd64.zip",
    "  $ curl -LO https://www.python.org/ftp/python/3.13.9/python-3.13.9-embed-amd64.zip.sigstore",
    "  $ sealmark verify blob python-3.13.9-embed-amd64.zip \\",
    "      --bundle python-3.13.9-embed-amd64.zip.sigstore \\",
    "      --identity thomas@python.org --issuer https://accounts.google.com",
];

fn ending(story: &mut Story, folder: &Folder, [file, bundle, policy]: [&Path; 3]) -> Result<(), Failure> {
    let mut lines = PUBLIC_BUNDLE.map(str::to_owned).to_vec();
    lines.push(String::new());
    if folder.is_kept() {
        let word = |path: &Path| path.to_string_lossy().into_owned();
        let words = ["sealmark", "verify", "blob", &word(file), "--bundle", &word(bundle), "--policy", &word(policy)];
        let mut words = words.map(str::to_owned).to_vec();
        words.extend(["--stack".to_owned(), word(&folder.path("stack"))]);
        lines.extend(["Everything was kept; verify it again with:".to_owned(), String::new()]);
        lines.push(format!("  $ {}", command_line(&words)));
    } else {
        lines.push("Nothing was left behind; --keep DIR keeps the stack, the file and the bundle.".to_owned());
    }
    story.end(&lines)
}
