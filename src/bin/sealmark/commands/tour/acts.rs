//! What the parties of the tour do: with the code of `sign` and `verify`, nothing of its own.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sealmark::base::code::Code;
use sealmark::base::crypto::{Digest, DigestAlgorithm, Hasher};
use sealmark::base::limits;
use sealmark::format::trust::ClientTrustConfig;
use sealmark::sign::{Session, Signed};
use sealmark::stack::Running;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::artifact::{Artifact, ArtifactError, beside};
use crate::cli::Secret;
use crate::commands::folder::Folder;
use crate::commands::verify::Question;
use crate::commands::{output, sign};
use crate::report::text::visible_path;
use crate::report::{ArtifactVerdict, Failure, Verdict};
use crate::settings::Signing;

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

/// The stack's services and trusted root.
pub(super) fn signing(folder: &Folder, running: &Running) -> Result<Signing, Failure> {
    let trust = ClientTrustConfig {
        trusted_root: running.trusted_root().clone(),
        signing_config: running.signing_config().clone(),
    };
    let flags = vec!["--stack".to_owned(), folder.path("stack").to_string_lossy().into_owned()];
    Signing::of(trust, "the tour's stack".to_owned(), flags)
}

/// Gets a certificate for a token.
pub(super) async fn begin(signing: &Signing, token: String) -> Result<Session, Failure> {
    let credential = signing.credential(&sign::token_signer(Secret(Zeroizing::new(token))))?;
    signing.begin(credential.as_ref(), signing.services()?).await
}

/// Signs a file and writes its bundle.
pub(super) async fn sign(session: &Session, file: &Path, bundle: &Path) -> Result<Signed, Failure> {
    let digest = Artifact::File(file.to_owned()).digest(session.digest_algorithm())?;
    let signed = session.sign(digest).await?;
    output::write(bundle, signed.json().as_bytes())?;
    Ok(signed)
}

/// The verdict, under the file's name alone: the folder is the tour's.
pub(super) fn judge(question: &Question<'_>, file: &Path) -> ArtifactVerdict {
    question.judge_as(name(file), &Artifact::File(file.to_owned()))
}

/// The verdict about the file with one byte appended, without making the copy.
pub(super) fn judge_changed(question: &Question<'_>, file: &Path) -> Result<ArtifactVerdict, ArtifactError> {
    let failed = |error: io::Error| ArtifactError::Read { path: file.to_owned(), kind: error.kind() };
    let mut hasher = Hasher::new(DigestAlgorithm::Sha256);
    let mut source = std::fs::File::open(file).map_err(failed)?.chain(&b"!"[..]);
    let mut buffer = vec![0; limits::READ_BUFFER];
    let digest: Digest = loop {
        match source.read(&mut buffer).map_err(failed)? {
            0 => break hasher.finish(),
            count => hasher.update(buffer.get(..count).unwrap_or_default()),
        }
    };
    Ok(question.judge_as("the changed copy".to_owned(), &Artifact::Digest(digest)))
}

/// The verdict, which must be a yes.
pub(super) fn verified(verdict: ArtifactVerdict) -> Result<ArtifactVerdict, Failure> {
    match &verdict.failure {
        Some(failure) => Err(failure.clone()),
        None if verdict.verdict == Verdict::Verified => Ok(verdict),
        None => {
            let found = format!("{:?}", verdict.verdict);
            Err(TourError::Unexpected { what: "the signed file", expected: "verified", found }.into())
        }
    }
}

/// The refusal, which must be for the reason expected.
pub(super) fn refused(
    what: &'static str,
    verdict: ArtifactVerdict,
    expected: &'static str,
) -> Result<Failure, TourError> {
    match verdict.failure {
        Some(failure) if failure.code().name() == expected && failure.exit_code() == 1 => Ok(failure),
        other => {
            let found = other.map_or("verified", |failure| failure.code().name()).to_owned();
            Err(TourError::Unexpected { what, expected, found })
        }
    }
}

/// The name of a file without its folder, safe to show.
pub(super) fn name(file: &Path) -> String {
    visible_path(Path::new(file.file_name().unwrap_or_default()))
}

/// The name of the file's bundle, without its folder.
pub(super) fn bundle_name(file: &Path) -> PathBuf {
    beside(Path::new(file.file_name().unwrap_or_default()))
}

/// A policy that admits the tour's release workflow.
pub(super) fn policy(issuer: &str) -> String {
    format!(
        "version: 1\n\
         rules:\n  \
           - name: release\n    \
             identity-glob: https://github.com/acme/app/.github/workflows/release.yml@refs/tags/*\n    \
             issuer: {issuer}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(verdict: Verdict, failure: Option<Failure>) -> ArtifactVerdict {
        let (artifact, error, proof) = (String::new(), None, None);
        ArtifactVerdict { artifact, image: None, bundle: None, verdict, proof, signatures: Vec::new(), error, failure }
    }

    fn code<T>(result: Result<T, TourError>) -> Option<&'static str> {
        result.err().map(|error| error.code().name())
    }

    #[test]
    fn whatever_comes_out_otherwise_ends_the_tour() {
        let missing = || Failure::from(ArtifactError::NoBundle { path: "a".into() });
        let of =
            |failure: Failure| refused("a changed copy", verdict(Verdict::Refused, Some(failure)), "bundle-missing");
        assert_eq!(code(of(missing())), None);
        // Another reason, a wrong question with the right words, and a yes.
        assert_eq!(code(of(Failure::from(ArtifactError::NoPlace { name: "a".to_owned() }))), Some("tour-failed"));
        assert_eq!(
            code(refused("a changed copy", verdict(Verdict::Verified, None), "bundle-missing")),
            Some("tour-failed")
        );
        let unproven = verified(verdict(Verdict::Undecided, None)).err().map(|failure| failure.code().name());
        assert_eq!(unproven, Some("tour-failed"));
        assert!(verified(verdict(Verdict::Verified, None)).is_ok());
    }
}
