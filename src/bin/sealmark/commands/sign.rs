//! `sign blob`: one session for all files; each bundle was verified before it is written.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use sealmark::base::crypto::{Digest, DigestAlgorithm};
use sealmark::base::limits;
use sealmark::sign::blob::{hash_files, sign_paced};
use sealmark::sign::{CredentialSource, Services, Session, SignError, Signed};

use super::github;
use super::output::{self, Kind, Target};
use super::spool::Place;
use crate::artifact::{Artifact, ArtifactError};
use crate::cli::{Format, FormatArg, ServiceArgs, SignBlob, SignerArgs, SigningWaiverArgs, TokenArgs};
use crate::report::signed::{self, SignedFile, SignedReport};
use crate::report::{Failure, console, print_json};
use crate::settings::{self, Signing};

pub(super) fn blob(args: &SignBlob) -> Result<u8, Failure> {
    settings::keep_from_dumps();
    let targets = output::targets(Artifact::all(&args.files)?, args.output.output.as_deref(), Kind::Signature)?;
    let signing = Signing::named(&args.signing.services)?;
    let credential = signing.credential(&args.signing.signer)?;
    let services = services(&signing, &args.signing.services, &args.signing.waivers)?;
    // Before the certificate, which lives ten minutes: hashing may take longer. Keys of sessions are P-256.
    let mut digests = digests(&targets, DigestAlgorithm::Sha256)?;
    let files = settings::runtime()?.block_on(async {
        let session = Arc::new(begin(&signing, credential.as_ref(), services, &args.signing.waivers).await?);
        if session.digest_algorithm() != DigestAlgorithm::Sha256 {
            digests = self::digests(&targets, session.digest_algorithm())?;
        }
        let results = sign_paced(&session, Some(credential.as_ref()), signing.pace(), &digests).await;
        let flags = verify_flags(&signing, &args.signing.waivers);
        let place = Place { spool: args.output.spool.as_deref(), trust_flags: &signing.trust_flags };
        Ok::<_, Failure>(put_all(&place, &targets, results, &flags))
    })?;
    let choices = choices(&args.signing.waivers, &args.signing.signer);
    report(&SignedReport::new(&signing.source, choices, files), args.output.format)
}

/// Puts everything in its place, several files at a time: a disk that is asked to keep one after the other makes each
/// wait for the one before.
fn put_all(
    place: &Place<'_>,
    targets: &[Target],
    results: Vec<Result<Signed, SignError>>,
    flags: &[String],
) -> Vec<SignedFile> {
    let (waiting, made) = (Mutex::new(targets.iter().zip(results).enumerate()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..limits::FILE_WRITES.min(targets.len()) {
            scope.spawn(|| {
                loop {
                    let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some((index, (target, result))) = next else { return };
                    let put = place.put(target, result, flags);
                    let file = put.unwrap_or_else(|failure| SignedFile::failed(&target.file, failure));
                    made.lock().unwrap_or_else(PoisonError::into_inner).push((index, file));
                }
            });
        }
    });
    let mut made = made.into_inner().unwrap_or_else(PoisonError::into_inner);
    made.sort_by_key(|(index, _)| *index);
    made.into_iter().map(|(_, file)| file).collect()
}

/// Begins the session, and says beforehand when what is signed becomes public.
pub(super) async fn begin(
    signing: &Signing,
    credential: &dyn CredentialSource,
    services: Services,
    waivers: &SigningWaiverArgs,
) -> Result<Session, Failure> {
    if signing.is_public() && !waivers.log_not_required_unsafe {
        console::words("note: the identity and the digest go into a public log, for ever");
    }
    if let Some(proxy) = signing.proxy() {
        console::words(&format!("note: https goes through the proxy {proxy}"));
    }
    signing.begin(credential, services).await
}

/// The services that the flags name; each waiver is said aloud.
pub(super) fn services(
    signing: &Signing,
    args: &ServiceArgs,
    waivers: &SigningWaiverArgs,
) -> Result<Services, Failure> {
    if !waivers.log_not_required_unsafe {
        return signing.services();
    }
    warn_of_no_log();
    services_without_log(signing, args)
}

pub(super) fn warn_of_no_log() {
    console::warning("--log-not-required-unsafe: nobody else can see what this key signs");
}

/// The timestamp authorities of services that were named; no log.
pub(super) fn services_without_log(signing: &Signing, args: &ServiceArgs) -> Result<Services, Failure> {
    let ServiceArgs { stack, trust_config, signing_config, instance, .. } = args;
    let named = stack.is_some() || trust_config.is_some() || signing_config.is_some() || instance.is_some();
    signing.services_without_log(named)
}

/// What the report records of the signer's choices: the waivers, and that the record may be public.
pub(super) fn choices(args: &SigningWaiverArgs, signer: &SignerArgs) -> Vec<&'static str> {
    waivers(args).into_iter().chain(signer.public_record.then_some("public-record")).collect()
}

pub(super) fn waivers(args: &SigningWaiverArgs) -> Vec<&'static str> {
    if args.log_not_required_unsafe { vec!["log-not-required-unsafe"] } else { Vec::new() }
}

/// What `verify` needs to know beside the signer.
pub(super) fn verify_flags(signing: &Signing, args: &SigningWaiverArgs) -> Vec<String> {
    let waivers = waivers(args).into_iter().map(|waiver| format!("--{waiver}"));
    signing.trust_flags.iter().cloned().chain(waivers).collect()
}

/// The digests of all files, or the first reason why there is one missing: then nothing is signed.
fn digests(targets: &[Target], algorithm: DigestAlgorithm) -> Result<Vec<Digest>, Failure> {
    if let [target] = targets {
        // One file alone has a progress line.
        return Ok(vec![Artifact::File(target.file.clone()).digest(algorithm)?]);
    }
    let files: Vec<PathBuf> = targets.iter().map(|target| target.file.clone()).collect();
    let digest = |(file, digest): (&PathBuf, std::io::Result<Digest>)| {
        digest.map_err(|error| ArtifactError::Read { path: file.clone(), kind: error.kind() }.into())
    };
    files.iter().zip(hash_files(&files, algorithm)).map(digest).collect()
}

/// Prints what was made; the exit code is of the worst file.
pub(super) fn report(report: &SignedReport, format: FormatArg) -> Result<u8, Failure> {
    match format.format {
        Format::Json => print_json(report)?,
        Format::Human => console::data(&signed::human(report))?,
    }
    report.failures().for_each(console::failure);
    github::publish(report)?;
    Ok(report.exit_code())
}

/// The signer of the conformance protocol: a token and nothing else.
pub(super) fn token_signer(token: crate::cli::Secret) -> SignerArgs {
    SignerArgs {
        token: TokenArgs { identity_token: Some(token), ..TokenArgs::default() },
        key: None,
        key_password_file: None,
        public_record: true,
    }
}
