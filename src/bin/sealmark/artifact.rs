//! What was signed, as the command line names it: a file, standard input or a digest.

mod progress;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use sealmark::base::code::Code;
use sealmark::base::crypto::{Digest, DigestAlgorithm, Hasher};
use sealmark::base::limits;
use thiserror::Error;

use crate::glob;
use crate::report::text::{io_words, visible_path};
use progress::Progress;

/// Why an artifact could not be looked at.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum ArtifactError {
    /// A pattern that fits no file.
    #[error("no file matches {pattern}", pattern = visible_path(pattern))]
    NoMatch { pattern: PathBuf },
    /// Standard input or a digest where only one place for the bundle could be meant.
    #[error("{name} has no bundle beside it")]
    NoPlace { name: String },
    /// Could not be read.
    #[error("cannot read {path}: {}", io_words(*kind), path = visible_path(path))]
    Read { path: PathBuf, kind: ErrorKind },
    /// More bytes than may be held in memory.
    #[error("{path} has more than {limit} bytes, and its signature is over bytes, not over a digest",
        path = visible_path(path), limit = limits::ARTIFACT_BYTES)]
    TooLarge { path: PathBuf },
    /// One bundle for several artifacts.
    #[error("--bundle is for one artifact, {artifacts} were given")]
    OneBundle { artifacts: usize },
    /// No bundle where it should be.
    #[error("there is no bundle {path}", path = visible_path(path))]
    NoBundle { path: PathBuf },
}

impl ArtifactError {
    /// The stable code.
    pub(crate) fn code(&self) -> Code {
        match self {
            Self::NoMatch { .. } => {
                Code::usage("glob-no-match", "check the pattern: * stays within a folder, ** crosses folders")
            }
            Self::NoPlace { .. } => Code::usage("usage-bundle", "name the bundle with --bundle FILE"),
            Self::Read { .. } => Code::undecided("artifact-unreadable", "check the path and its permissions"),
            Self::TooLarge { .. } => Code::refused("limit-artifact-size", "sign it with ECDSA, or attest its digest"),
            Self::OneBundle { .. } => {
                Code::usage("usage-bundle", "leave --bundle out: each FILE has its FILE.sigstore.json")
            }
            Self::NoBundle { .. } => Code::refused(
                "bundle-missing",
                "the artifact is not signed, or its bundle was not fetched: name it with --bundle FILE",
            ),
        }
    }
}

/// An artifact by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Artifact {
    /// Standard input, `-`.
    Stdin,
    /// A digest alone.
    Digest(Digest),
    /// A file.
    File(PathBuf),
}

/// What reading an artifact once gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hashed {
    /// The digest by the first algorithm; of a digest alone that one, whatever was asked for.
    pub(crate) first: Digest,
    /// Those by the others.
    pub(crate) others: Vec<Digest>,
    /// The bytes read; none for a digest alone.
    pub(crate) length: Option<u64>,
}

impl Artifact {
    /// An argument is a digest only when it is well-formed and names no file.
    pub(crate) fn named(argument: &Path) -> Self {
        if argument == Path::new("-") {
            return Self::Stdin;
        }
        match argument.to_str().and_then(Digest::parse) {
            Some(digest) if std::fs::symlink_metadata(argument).is_err() => Self::Digest(digest),
            _ => Self::File(argument.to_owned()),
        }
    }

    /// The artifacts of the arguments, patterns expanded, each once.
    pub(crate) fn all(arguments: &[PathBuf]) -> Result<Vec<Self>, ArtifactError> {
        let mut artifacts = Vec::new();
        for argument in arguments {
            if glob::is_pattern(argument) {
                let files = glob::expand(argument);
                if files.is_empty() {
                    return Err(ArtifactError::NoMatch { pattern: argument.clone() });
                }
                artifacts.extend(files.into_iter().map(Self::File));
            } else {
                artifacts.push(Self::named(argument));
            }
        }
        let mut seen = BTreeSet::new();
        artifacts.retain(|artifact| seen.insert(artifact.name()));
        Ok(artifacts)
    }

    /// How it is called in reports.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Stdin => "-".to_owned(),
            Self::Digest(digest) => digest.to_string(),
            Self::File(path) => visible_path(path),
        }
    }

    /// Where its bundle lies when nothing else is said.
    pub(crate) fn bundle_path(&self) -> Result<PathBuf, ArtifactError> {
        match self {
            Self::File(path) => Ok(beside(path)),
            other => Err(ArtifactError::NoPlace { name: other.name() }),
        }
    }

    /// Reads the artifact once, in constant memory, into one digest.
    pub(crate) fn digest(&self, algorithm: DigestAlgorithm) -> Result<Digest, ArtifactError> {
        Ok(self.hash(algorithm, &BTreeSet::new())?.first)
    }

    /// Reads the artifact once, in constant memory, into the digests that are needed.
    pub(crate) fn hash(
        &self,
        first: DigestAlgorithm,
        others: &BTreeSet<DigestAlgorithm>,
    ) -> Result<Hashed, ArtifactError> {
        match self {
            Self::Stdin => hash(&mut io::stdin().lock(), Path::new("-"), None, first, others),
            Self::Digest(digest) => Ok(Hashed { first: *digest, others: Vec::new(), length: None }),
            Self::File(path) => {
                let failed = |error: io::Error| ArtifactError::Read { path: path.clone(), kind: error.kind() };
                let mut file = File::open(path).map_err(failed)?;
                let length = file.metadata().map_err(failed)?.len();
                hash(&mut file, path, Some(length), first, others)
            }
        }
    }
}

impl Artifact {
    /// Reads the artifact whole, for signatures over its bytes.
    pub(crate) fn bytes(&self) -> Result<Vec<u8>, ArtifactError> {
        let (mut source, path): (Box<dyn Read>, _) = match self {
            Self::Digest(_) | Self::Stdin => (Box::new(io::stdin().lock()), Path::new("-")),
            Self::File(path) => {
                let failed = |error: io::Error| ArtifactError::Read { path: path.clone(), kind: error.kind() };
                (Box::new(File::open(path).map_err(failed)?), path.as_path())
            }
        };
        let mut bytes = Vec::new();
        let read = source.as_mut().take(limits::ARTIFACT_BYTES as u64 + 1).read_to_end(&mut bytes);
        read.map_err(|error| ArtifactError::Read { path: path.to_owned(), kind: error.kind() })?;
        if bytes.len() > limits::ARTIFACT_BYTES {
            return Err(ArtifactError::TooLarge { path: path.to_owned() });
        }
        Ok(bytes)
    }
}

/// The image that is meant, when an argument is no file: its name has a host, or a digest.
pub(crate) fn image_named(argument: &Path) -> Option<&str> {
    let text = argument.to_str().filter(|_| !argument.exists())?;
    let host = text.split_once('/').map_or("", |(first, _)| first);
    let has_host = !host.starts_with('.') && (host.contains(['.', ':']) || host == "localhost");
    (has_host || text.contains("@sha")).then_some(text)
}

/// `FILE.sigstore.json`.
pub(crate) fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(glob::BUNDLE_SUFFIX);
    name.into()
}

fn hash(
    source: &mut dyn Read,
    path: &Path,
    length: Option<u64>,
    first: DigestAlgorithm,
    others: &BTreeSet<DigestAlgorithm>,
) -> Result<Hashed, ArtifactError> {
    let mut hasher = Hasher::new(first);
    let mut hashers: Vec<_> = others.iter().map(|algorithm| Hasher::new(*algorithm)).collect();
    // A small file needs no large buffer: pages that are not touched are not paid for, zeroing touches them.
    let size = length.map_or(limits::READ_BUFFER, |length| (length as usize + 1).clamp(4096, limits::READ_BUFFER));
    let mut buffer = vec![0; size];
    let mut progress = Progress::new(path, length);
    let mut total = 0;
    loop {
        let count = match source.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(ArtifactError::Read { path: path.to_owned(), kind: error.kind() }),
        };
        let block = buffer.get(..count).unwrap_or_default();
        hasher.update(block);
        hashers.iter_mut().for_each(|hasher| hasher.update(block));
        total += count as u64;
        progress.at(total);
    }
    progress.done();
    let others = hashers.into_iter().map(Hasher::finish).collect();
    Ok(Hashed { first: hasher.finish(), others, length: Some(total) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x06_names() {
        let digest = format!("sha256:{}", "0".repeat(64));
        assert!(matches!(Artifact::named(Path::new(&digest)), Artifact::Digest(_)));
        assert_eq!(Artifact::named(Path::new("sha256:00")), Artifact::File("sha256:00".into()));
        assert_eq!(Artifact::named(Path::new("-")), Artifact::Stdin);
        assert_eq!(Artifact::named(Path::new("./-")), Artifact::File("./-".into()));
        let none = Artifact::all(&["no-such-*".into()]).map_err(|error| error.code().name());
        assert_eq!(none, Err("glob-no-match"));
        assert_eq!(Artifact::Stdin.bundle_path().map_err(|error| error.code().name()), Err("usage-bundle"));
    }

    #[test]
    fn one_reading_gives_every_digest() -> Result<(), Box<dyn std::error::Error>> {
        let file = tempfile::NamedTempFile::new()?;
        let data = vec![7; limits::READ_BUFFER * 2 + 5];
        std::fs::write(file.path(), &data)?;
        let [first, others @ ..] = DigestAlgorithm::ALL;
        let hashed = Artifact::File(file.path().to_owned()).hash(first, &others.into())?;
        assert_eq!(hashed.length, Some(data.len() as u64));
        assert_eq!(hashed.first, Digest::of(first, &data));
        assert_eq!(hashed.others, others.map(|algorithm| Digest::of(algorithm, &data)));
        let folder = Artifact::File(std::env::temp_dir()).digest(first);
        assert_eq!(folder.map_err(|error| error.code().name()), Err("artifact-unreadable"));
        Ok(())
    }

    #[test]
    fn what_is_held_in_memory_has_a_bound() {
        let endless = Artifact::File("/dev/zero".into()).bytes().map_err(|error| error.code());
        let code = endless.err().map(|code| (code.name(), code.exit_code()));
        assert_eq!(code, Some(("limit-artifact-size", 1)));
    }
}
