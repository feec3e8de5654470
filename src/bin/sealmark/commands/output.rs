//! Where bundles go, and what stands there already.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use sealmark::base::code::Code;
use sealmark::base::limits;
use sealmark::format::bundle::{Content, UnverifiedBundle};
use sealmark::service::files::write_whole;
use thiserror::Error;

use crate::artifact::{Artifact, beside};
use crate::files::{self, FileError};
use crate::report::text::{io_words, visible_path};

/// Why a bundle has no place to go.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum OutputError {
    /// One place for several bundles.
    #[error("--output is for one file, {files} were given")]
    OneOutput { files: usize },
    /// Standard input or a digest.
    #[error("{name} is not a file")]
    NotAFile { name: String },
    /// Something that a new bundle must not replace.
    #[error("{path} is there already, and is {what}", path = visible_path(path))]
    Taken { path: PathBuf, what: &'static str },
    /// Could not be written.
    #[error("cannot write {path}: {}", io_words(*kind), path = visible_path(path))]
    Write { path: PathBuf, kind: ErrorKind },
}

impl OutputError {
    /// The stable code.
    pub(crate) fn code(&self) -> Code {
        match self {
            Self::OneOutput { .. } => {
                Code::usage("usage-output", "leave --output out: each bundle goes beside its file")
            }
            Self::NotAFile { .. } => Code::usage("usage-file", "give a file"),
            Self::Taken { .. } => Code::usage("output-taken", "name another place with --output FILE"),
            Self::Write { .. } => {
                Code::undecided("output-unwritable", "check the folder, its permissions and its free space")
            }
        }
    }
}

/// What a bundle holds: a new one replaces only its like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A signature over the file.
    Signature,
    /// An attestation.
    Attestation,
}

/// A file to sign and the place of its bundle.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) file: PathBuf,
    pub(super) bundle: PathBuf,
}

/// The targets of the arguments. Looks at the places before anything is signed.
pub(super) fn targets(artifacts: Vec<Artifact>, output: Option<&Path>, kind: Kind) -> Result<Vec<Target>, OutputError> {
    if output.is_some() && artifacts.len() > 1 {
        return Err(OutputError::OneOutput { files: artifacts.len() });
    }
    let target = |artifact: Artifact| match artifact {
        Artifact::File(file) => {
            let bundle = output.map_or_else(|| beside(&file), Path::to_owned);
            free(&bundle, kind)?;
            Ok(Target { file, bundle })
        }
        other => Err(OutputError::NotAFile { name: other.name() }),
    };
    artifacts.into_iter().map(target).collect()
}

/// Refuses a place that is taken by something else.
pub(super) fn free(path: &Path, kind: Kind) -> Result<(), OutputError> {
    let taken = |what| Err(OutputError::Taken { path: path.to_owned(), what });
    let json = match files::read(path, limits::BUNDLES_BYTES) {
        Ok(json) => json,
        Err(FileError::Read { kind: ErrorKind::NotFound, .. }) => return Ok(()),
        Err(_) => return taken("not a bundle"),
    };
    match UnverifiedBundle::parse(&json) {
        Err(_) => taken("not a single bundle"),
        Ok(there) => match (there.claimed_content(), kind) {
            (Content::Message { .. }, Kind::Attestation) => taken("the bundle of a signature"),
            (Content::Dsse(_), Kind::Signature) => taken("the bundle of an attestation"),
            _ => Ok(()),
        },
    }
}

/// Writes a file whole, or not at all.
pub(super) fn write(path: &Path, content: &[u8]) -> Result<(), OutputError> {
    let failed = |error: std::io::Error| OutputError::Write { path: path.to_owned(), kind: error.kind() };
    write_whole(path, content).map_err(failed)
}
