//! Checkpoints, <https://c2sp.org/tlog-checkpoint>: what a log says about its tree, in a signed note.
//!
//! Signing takes two steps, so that no key comes in here: the caller signs [`Checkpoint::text`] (or the
//! message that a key type puts around it) and assembles a [`Note`] from the text and the signatures.

mod cosignature;
mod note;
mod submission;
mod tree_head;

use std::fmt;

use thiserror::Error;

use crate::base::code::Code;
use crate::base::encoding::base64;
use crate::format::merkle::Hash;

pub use cosignature::WitnessKey;
pub use note::{Note, NoteError, NoteKey, NoteSignature};
pub use submission::{Submission, SubmissionError};
pub use tree_head::TreeHeadKey;

/// The text of a checkpoint: origin, size and root, then lines that only the log knows the meaning of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    size: u64,
    root: Hash,
    extensions: Vec<String>,
}

/// Why bytes are not a signed checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// Not a signed note.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The first line is missing or empty.
    #[error("checkpoint has no origin line")]
    Origin,
    /// The second line is not a plain decimal number.
    #[error("checkpoint's second line is not a tree size")]
    Size,
    /// The third line is not the base64 of 32 bytes.
    #[error("checkpoint's third line is not a root hash")]
    Root,
    /// An extension line is empty, or holds a control character.
    #[error("checkpoint has a malformed extension line")]
    Extension,
}

impl CheckpointError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Note(error) => error.code(),
            _ => Code::refused("log-checkpoint-parse", note::ASK),
        }
    }
}

impl Checkpoint {
    /// A checkpoint without extension lines; refused when `origin` cannot be a line.
    pub fn new(origin: &str, size: u64, root: Hash) -> Result<Self, CheckpointError> {
        if !note::is_line(origin) {
            return Err(CheckpointError::Origin);
        }
        Ok(Self { origin: origin.to_owned(), size, root, extensions: Vec::new() })
    }

    /// This checkpoint with extension lines.
    pub fn with_extensions(mut self, extensions: Vec<String>) -> Result<Self, CheckpointError> {
        if !extensions.iter().all(|line| note::is_line(line)) {
            return Err(CheckpointError::Extension);
        }
        self.extensions = extensions;
        Ok(self)
    }

    /// Reads a signed checkpoint: the note with its signatures, and what its text says. No signature is
    /// verified.
    pub fn parse(signed: &str) -> Result<(Self, Note), CheckpointError> {
        let note = Note::parse(signed)?;
        Ok((Self::parse_text(note.text())?, note))
    }

    /// Reads the text of a checkpoint, each line ended by a newline.
    pub fn parse_text(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = text.strip_suffix('\n').unwrap_or(text).split('\n');
        let origin = lines.next().filter(|line| note::is_line(line)).ok_or(CheckpointError::Origin)?;
        let size = lines.next().and_then(tree_size).ok_or(CheckpointError::Size)?;
        let root = lines.next().and_then(base64::decode).ok_or(CheckpointError::Root)?;
        let root = Hash::try_from(root).map_err(|_| CheckpointError::Root)?;
        Self::new(origin, size, root)?.with_extensions(lines.map(str::to_owned).collect())
    }

    /// The first line: the name of the log.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Leaves in the tree.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The root of the tree.
    pub fn root(&self) -> &Hash {
        &self.root
    }

    /// The lines after the root.
    pub fn extensions(&self) -> &[String] {
        &self.extensions
    }

    /// The text that is signed, each line ended by a newline.
    pub fn text(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}\n{}\n", self.origin, self.size, base64::encode(&self.root))?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// A decimal number without sign, spaces or leading zeros.
fn tree_size(line: &str) -> Option<u64> {
    let plain = line.bytes().all(|c| c.is_ascii_digit()) && (line == "0" || !line.starts_with('0'));
    if plain { line.parse().ok() } else { None }
}

#[cfg(test)]
mod tests;
