//! `tour`: the whole journey of one file on this machine, with the services and the code of every day.
//!
//! A private stack on the loopback address stands in for the public one; everything else is what `sign` and
//! `verify` do.

mod folder;
mod story;

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sealmark::admit::Trust;
use sealmark::base::code::Code;
use sealmark::base::crypto::{Digest, DigestAlgorithm, Hasher};
use sealmark::base::encoding::hex;
use sealmark::format::trust::ClientTrustConfig;
use sealmark::policy::Policy;
use sealmark::service::identity::IdToken;
use sealmark::sign::Signed;
use sealmark::stack::{IssuerKind, Running, StackError, TokenRequest};
use thiserror::Error;
use zeroize::Zeroizing;

use super::verify::Question;
use super::{output, sign};
use crate::artifact::{Artifact, ArtifactError};
use crate::cli::{Secret, Tour};
use crate::report::console::{self, Style};
use crate::report::text::{thousands, visible, visible_path};
use crate::report::{ArtifactVerdict, Failure, Verdict, Verdicts, human};
use crate::settings::{self, Signing};
use folder::Folder;
use story::Story;

/// The tour came out otherwise than it must: nothing that it shows would be worth anything.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum TourError {
    /// A good file was refused, or a bad one was not.
    #[error("{what} should have been {expected:?} and was {found:?}")]
    Unexpected { what: &'static str, expected: &'static str, found: String },
}

impl TourError {
    /// The stable code.
    pub(crate) fn code(&self) -> Code {
        Code::refused("tour-failed", "this is a fault of sealmark: please report it, with this output")
    }
}

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
    story.step(
        "a private Sigstore starts on this machine",
        &[
            format!("{}: identity provider, certificate authority with CT log, transparency log,", running.url()),
            "timestamp authority; in a real life: sigstore.dev, or `sealmark stack up`".to_owned(),
        ],
    )?;
    let signing = signing(folder, &running)?;

    let request = TokenRequest::new(IssuerKind::GithubWorkflow);
    let token = running.token(&request).map_err(StackError::from)?;
    let claims = IdToken::new(Zeroizing::new(token.clone()), "the tour")?;
    let issuer = claims.claims().certificate_issuer().unwrap_or_default().to_owned();
    story.step(
        "the CI platform issues an identity token to a job",
        &[
            format!("issuer   {issuer}"),
            format!("job      {}", claims.claims().text("job_workflow_ref").unwrap_or_default()),
            "the job holds no secret: the token says who it is, for ten minutes".to_owned(),
        ],
    )?;

    let bundle = folder.path(bundle_name(file));
    let signed = sign_as(&signing, token, file, &bundle, Some(&mut story)).await?;
    bundle_step(&mut story, &bundle, &signed)?;

    let policy = policy(&issuer);
    let policy_path = folder.path("policy.yaml");
    output::write(&policy_path, policy.as_bytes())?;
    let trust = Trust::Policy(Policy::parse(policy.as_bytes())?);
    let question = Question {
        verifier: signing.verifier(),
        trust: &trust,
        bundle: Some(&bundle),
        policy: "policy.yaml".to_owned(),
        trust_root: "the stack's",
        now: settings::now(),
    };
    verify_steps(&mut story, &question, file, &policy)?;

    let request = request.with("repository", "mallory/app").map_err(StackError::from)?;
    let (token, bundle_of_other) =
        (running.token(&request).map_err(StackError::from)?, folder.path("mallory.sigstore.json"));
    let _ = sign_as(&signing, token, file, &bundle_of_other, None).await?;
    let question = Question { bundle: Some(&bundle_of_other), now: settings::now(), ..question };
    let failure = refused("a bundle by another signer", judge(&question, file), "identity-mismatch")?;
    story
        .step_styled("another repository signs the same file: genuine, and refused by the policy", &quoted(&failure))?;

    running.stop().await?;
    ending(&mut story, folder, file, &bundle, &policy_path)
}

fn signing(folder: &Folder, running: &Running) -> Result<Signing, Failure> {
    let trust = ClientTrustConfig {
        trusted_root: running.trusted_root().clone(),
        signing_config: running.signing_config().clone(),
    };
    let flags = vec!["--stack".to_owned(), folder.path("stack").to_string_lossy().into_owned()];
    Signing::of(trust, "the tour's stack".to_owned(), flags)
}

/// Signs as `sign blob` does; tells of the certificate when there is somebody to tell.
async fn sign_as(
    signing: &Signing,
    token: String,
    file: &Path,
    bundle: &Path,
    story: Option<&mut Story>,
) -> Result<Signed, Failure> {
    let credential = signing.credential(&sign::token_signer(Secret(token)))?;
    let session = signing.begin(credential.as_ref(), signing.services()?).await?;
    if let (Some(story), Some(leaf)) = (story, session.credential().certificate()) {
        let end = leaf.validity().end().map(|end| end.to_string()).unwrap_or_default();
        story.step(
            "the certificate authority binds a new key to that identity",
            &[
                format!("key      {}, made for this job, forgotten at its end", leaf.public_key().kind()),
                format!("identity {}", leaf.san().map(|san| san.to_string()).unwrap_or_default()),
                format!("valid    until {end}; seen by a CT log (SCT)"),
            ],
        )?;
    }
    let hashed = Artifact::File(file.to_owned()).hash(&[session.digest_algorithm()].into())?;
    let digest = hashed.digests.first().copied().ok_or(ArtifactError::NoSignature)?;
    let signed = session.sign(digest).await?;
    output::write(bundle, signed.json().as_bytes())?;
    Ok(signed)
}

fn bundle_step(story: &mut Story, bundle: &Path, signed: &Signed) -> Result<(), Failure> {
    let evidence = signed.verified().evidence();
    let time = evidence.times().first().map(|proven| proven.time().to_string()).unwrap_or_default();
    let entry = evidence.entries().first();
    let log = entry.map(|entry| {
        let index = entry.log_index().map(|index| format!("entry {index} of ")).unwrap_or_default();
        format!("{index}{}, log id {}", entry.base_url(), hex::encode(&entry.log_id()[..4]))
    });
    story.step(
        "the file is signed, timestamped and logged; the bundle holds all of it",
        &[
            format!("digest   {}", signed.verified().artifact()),
            format!("time     {time}, by the timestamp authority"),
            format!("log      {}", log.unwrap_or_default()),
            format!(
                "bundle   {}, {} bytes, verified before it was written",
                visible_path(Path::new(bundle.file_name().unwrap_or_default())),
                thousands(signed.json().len() as u64)
            ),
        ],
    )
}

/// The file holds; a copy with one byte more does not.
fn verify_steps(story: &mut Story, question: &Question<'_>, file: &Path, policy: &str) -> Result<(), Failure> {
    let verdict = judge(question, file);
    if let Some(failure) = verdict.failure {
        return Err(failure);
    }
    if verdict.verdict != Verdict::Verified {
        let found = format!("{:?}", verdict.verdict);
        return Err(TourError::Unexpected { what: "the signed file", expected: "verified", found }.into());
    }
    let mut lines: Vec<_> = policy.lines().map(|line| format!("| {line}")).collect();
    lines.push(String::new());
    lines.extend(human::report(&Verdicts::of(vec![verdict]), false).lines().map(str::to_owned));
    story.step_styled("whoever has the file verifies it, offline, against a policy", &lines)?;

    let verdict = question.judge_as("the changed copy".to_owned(), &Artifact::Digest(digest_of_changed(file)?));
    let failure = refused("a changed copy", verdict, "digest-mismatch")?;
    story.step_styled("a copy with one byte more is refused, with the reason", &quoted(&failure))
}

/// The verdict, under the file's name alone: the folder is the tour's.
fn judge(question: &Question<'_>, file: &Path) -> ArtifactVerdict {
    let name = visible_path(Path::new(file.file_name().unwrap_or_default()));
    question.judge_as(name, &Artifact::File(file.to_owned()))
}

/// SHA-256 of the file with one byte appended, without making the copy.
fn digest_of_changed(file: &Path) -> Result<Digest, ArtifactError> {
    let failed = |error: io::Error| ArtifactError::Read { path: file.to_owned(), kind: error.kind() };
    let mut hasher = Hasher::new(DigestAlgorithm::Sha256);
    let mut source = std::fs::File::open(file).map_err(failed)?.chain(&b"!"[..]);
    let mut buffer = vec![0; sealmark::base::limits::READ_BUFFER];
    loop {
        match source.read(&mut buffer).map_err(failed)? {
            0 => return Ok(hasher.finish()),
            count => hasher.update(buffer.get(..count).unwrap_or_default()),
        }
    }
}

/// The refusal, when it is the one that it must be.
fn refused(what: &'static str, verdict: ArtifactVerdict, expected: &'static str) -> Result<Failure, Failure> {
    match verdict.failure {
        Some(failure) if failure.code().name() == expected && failure.exit_code() == 1 => Ok(failure),
        other => {
            let found = other.map_or("verified", |failure| failure.code().name()).to_owned();
            Err(TourError::Unexpected { what, expected, found }.into())
        }
    }
}

/// A failure as it would stand on standard error; safe to show.
fn quoted(failure: &Failure) -> Vec<String> {
    console::failure_text(failure, Style::of_stdout()).lines().map(str::to_owned).collect()
}

fn ending(story: &mut Story, folder: &Folder, file: &Path, bundle: &Path, policy: &Path) -> Result<(), Failure> {
    let mut lines = vec![
        "The same program verifies what others signed with the public Sigstore, also offline:".to_owned(),
        String::new(),
        "  $ curl -LO https://www.python.org/ftp/python/3.13.9/python-3.13.9-embed-amd64.zip".to_owned(),
        "  $ curl -LO https://www.python.org/ftp/python/3.13.9/python-3.13.9-embed-amd64.zip.sigstore".to_owned(),
        "  $ sealmark verify blob python-3.13.9-embed-amd64.zip \\".to_owned(),
        "      --bundle python-3.13.9-embed-amd64.zip.sigstore \\".to_owned(),
        "      --identity thomas@python.org --issuer https://accounts.google.com".to_owned(),
        String::new(),
    ];
    if folder.is_kept() {
        let words = ["sealmark", "verify", "blob"].map(str::to_owned).into_iter();
        let words = words.chain([
            file.to_string_lossy().into_owned(),
            "--bundle".to_owned(),
            bundle.to_string_lossy().into_owned(),
            "--policy".to_owned(),
            policy.to_string_lossy().into_owned(),
            "--stack".to_owned(),
            folder.path("stack").to_string_lossy().into_owned(),
        ]);
        let command = crate::report::signed::command_line(&words.collect::<Vec<_>>());
        lines.extend([
            "Everything was kept; verify it again with:".to_owned(),
            String::new(),
            format!("  $ {command}"),
        ]);
    } else {
        lines.push("Nothing was left behind; --keep DIR keeps the stack, the file and the bundle.".to_owned());
    }
    story.end(&lines)
}

fn bundle_name(file: &Path) -> PathBuf {
    crate::artifact::beside(Path::new(file.file_name().unwrap_or_default()))
}

fn policy(issuer: &str) -> String {
    format!(
        "version: 1\n\
         rules:\n  \
           - name: release\n    \
             identity-glob: https://github.com/acme/app/.github/workflows/release.yml@refs/tags/*\n    \
             issuer: {}\n",
        visible(issuer)
    )
}
