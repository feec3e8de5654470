//! `attest blob`: a statement about a file, signed byte for byte.

use std::collections::BTreeSet;
use std::path::Path;

use sealmark::base::code::Code;
use sealmark::base::crypto::{Digest, DigestAlgorithm};
use sealmark::base::limits;
use sealmark::format::intoto::Statement;
use sealmark::format::intoto::predicate::Predicate;
use sealmark::sign::attestation::{predicate_type, statement};
use sealmark::sign::{SignError, Signed};
use sealmark::verify::ContentError;
use thiserror::Error;

use super::output::{self, Kind};
use super::sign;
use super::spool::Place;
use crate::artifact::Artifact;
use crate::cli::AttestBlob;
use crate::files;
use crate::report::Failure;
use crate::report::signed::SignedReport;
use crate::settings::{self, Signing};

/// A short name that stands for no predicate type.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{name:?} is no predicate type")]
pub(crate) struct PredicateTypeError {
    name: String,
}

impl PredicateTypeError {
    /// The stable code.
    pub(crate) fn code(&self) -> Code {
        Code::usage(
            "predicate-type",
            "give a URI, or one of the short names that --help lists, such as slsaprovenance1 or cyclonedx",
        )
    }
}

pub(super) fn blob(args: &AttestBlob) -> Result<u8, Failure> {
    settings::keep_from_dumps();
    let artifact = Artifact::named(&args.file);
    let targets = output::targets(vec![artifact.clone()], args.output.output.as_deref(), Kind::Attestation)?;
    let kind = args.predicate_type.as_deref().map(typed).transpose()?;
    let ready = match (&args.statement, &args.predicate, &kind) {
        (Some(path), ..) => Some(given(path, &artifact)?),
        (None, Some(predicate), Some(kind)) => Some(made(&args.file, &artifact, &text(predicate)?, kind)?),
        _ => None,
    };
    let signing = Signing::named(&args.signing.services)?;
    let runtime = settings::runtime()?;
    let (statement, credential) = match (ready, &kind) {
        (Some(statement), _) => (statement, signing.credential(&args.signing.signer)?),
        (None, Some(kind)) => {
            let log = settings::key_log(&args.signing.waivers);
            let (job, signatory) = runtime.block_on(signing.job_and_signatory(&args.signing.signer, log))?;
            (made(&args.file, &artifact, &job.predicate(kind)?, kind)?, signatory.credential)
        }
        // The table of flags asks for one of them.
        (None, None) => return Err(Failure::usage("give --type with --predicate or --from-ci, or --statement")),
    };
    let services = sign::services(&signing, &args.signing.services, &args.signing.waivers)?;
    let signed: Result<Result<Signed, SignError>, Failure> = runtime.block_on(async {
        let session = sign::begin(&signing, credential.as_ref(), services, &args.signing.waivers).await?;
        Ok(session.attest(&statement).await)
    });
    let flags = sign::verify_flags(&signing, &args.signing.waivers);
    let place = Place { spool: args.output.spool.as_deref(), trust_flags: &signing.trust_flags };
    let signed = signed?;
    let [target] = targets.as_slice() else { return Err(Failure::usage("give one file")) };
    let files = vec![place.put(target, signed, &flags)?];
    let choices = sign::choices(&args.signing.waivers, &args.signing.signer);
    sign::report(&SignedReport::new(&signing.source, choices, files), args.output.format)
}

/// A statement around a predicate; its one subject is the file, by name and SHA-256.
fn made(file: &Path, artifact: &Artifact, predicate: &str, kind: &str) -> Result<String, Failure> {
    let digest = artifact.digest(DigestAlgorithm::Sha256)?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    Ok(statement(&name, digest, kind, predicate)?)
}

/// A statement that was given must be about the file.
fn given(path: &Path, artifact: &Artifact) -> Result<String, Failure> {
    let json = text(path)?;
    let statement = Statement::parse(json.as_bytes())?;
    Predicate::parse(&statement.predicate_type, &statement.predicate).map_err(SignError::from)?;
    let mut needed: BTreeSet<_> = statement.digest_algorithms().collect();
    let Some(first) = needed.pop_first() else { return Err(SignError::SubjectAlgorithm.into()) };
    let found = artifact.hash(first, &needed)?;
    let about = |digest: &Digest| statement.subjects.iter().any(|subject| subject.digests.contains(digest));
    if about(&found.first) || found.others.iter().any(about) {
        return Ok(json);
    }
    Err(ContentError::SubjectMismatch { artifact: found.first, subjects: statement.subjects.len() }.into())
}

/// The predicate type that a name of the command line stands for.
pub(super) fn typed(kind: &str) -> Result<String, PredicateTypeError> {
    predicate_type(kind).map(str::to_owned).ok_or_else(|| PredicateTypeError { name: kind.to_owned() })
}

pub(super) fn text(path: &Path) -> Result<String, Failure> {
    let bytes = files::read(path, limits::BUNDLE_BYTES)?;
    Ok(String::from_utf8(bytes).map_err(|_| SignError::Predicate)?)
}
