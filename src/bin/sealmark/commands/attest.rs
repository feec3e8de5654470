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
        Code::usage("predicate-type", "give a URI, or one of slsaprovenance1, cyclonedx, spdxjson, openvex, vuln, link")
    }
}

pub(super) fn blob(args: &AttestBlob) -> Result<u8, Failure> {
    settings::keep_from_dumps();
    let artifact = Artifact::named(&args.file);
    let targets = output::targets(vec![artifact.clone()], args.output.output.as_deref(), Kind::Attestation)?;
    let statement = match (&args.statement, &args.predicate, &args.predicate_type) {
        (Some(path), ..) => given(path, &artifact)?,
        (None, Some(predicate), Some(kind)) => made(&args.file, &artifact, predicate, kind)?,
        // The table of flags asks for one of them.
        _ => return Err(Failure::usage("give --predicate with --type, or --statement")),
    };
    let signing = Signing::named(&args.signing.services)?;
    let credential = signing.credential(&args.signing.signer)?;
    let services = sign::services(&signing, &args.signing.services, &args.signing.waivers)?;
    let signed: Result<Result<Signed, SignError>, Failure> = settings::runtime()?.block_on(async {
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
fn made(file: &Path, artifact: &Artifact, predicate: &Path, kind: &str) -> Result<String, Failure> {
    let kind = typed(kind)?;
    let predicate = text(predicate)?;
    let hashed = artifact.hash(&[DigestAlgorithm::Sha256].into())?;
    let digest: Digest = hashed.digests.first().copied().ok_or(SignError::SubjectAlgorithm)?;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    Ok(statement(&name, digest, &kind, &predicate)?)
}

/// A statement that was given must be about the file.
fn given(path: &Path, artifact: &Artifact) -> Result<String, Failure> {
    let json = text(path)?;
    let statement = Statement::parse(json.as_bytes())?;
    Predicate::parse(&statement.predicate_type, &statement.predicate).map_err(SignError::from)?;
    let needed: BTreeSet<_> = statement.digest_algorithms().collect();
    let found = artifact.hash(&needed)?.digests;
    let about = |digest: &Digest| statement.subjects.iter().any(|subject| subject.digests.contains(digest));
    match (found.iter().any(about), found.first()) {
        (true, _) => Ok(json),
        (false, Some(digest)) => {
            Err(ContentError::SubjectMismatch { artifact: *digest, subjects: statement.subjects.len() }.into())
        }
        (false, None) => Err(SignError::SubjectAlgorithm.into()),
    }
}

/// The predicate type that a name of the command line stands for.
pub(super) fn typed(kind: &str) -> Result<String, PredicateTypeError> {
    predicate_type(kind).map(str::to_owned).ok_or_else(|| PredicateTypeError { name: kind.to_owned() })
}

pub(super) fn text(path: &Path) -> Result<String, Failure> {
    let bytes = files::read(path, limits::BUNDLE_BYTES)?;
    Ok(String::from_utf8(bytes).map_err(|_| SignError::Predicate)?)
}
