//! The record by which one process is a log's writer.

use serde::{Deserialize, Serialize};

use crate::base::encoding::hex;
use crate::base::limits;
use crate::stack::keys;
use crate::stack::log::SigningError;

/// What stands in `writer`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Record {
    version: u32,
    /// How many writers there were; each takes the next number.
    pub(super) epoch: u64,
    /// The name that this one drew.
    writer: String,
    /// The size of the checkpoint that readers had when this was written; `None` when there was none.
    pub(super) published: Option<u64>,
    /// What the writer committed last. Every later tree of the log begins with its tree.
    pub(super) note: String,
}

impl Record {
    /// The first writer of a log.
    pub(super) fn first(note: &str) -> Result<Self, SigningError> {
        Ok(Self { version: 1, epoch: 1, writer: name()?, published: None, note: note.to_owned() })
    }

    /// The writer after this one.
    pub(super) fn after(&self, note: &str) -> Result<Self, SigningError> {
        let epoch = self.epoch.checked_add(1).ok_or(SigningError)?;
        Ok(Self { epoch, writer: name()?, ..self.with(note, self.published) })
    }

    /// The same writer's, with what it committed since and the size that readers have.
    pub(super) fn with(&self, note: &str, published: Option<u64>) -> Self {
        Self { note: note.to_owned(), published, ..self.clone() }
    }

    /// Whether both are of one writer.
    pub(super) fn is_of(&self, other: &Self) -> bool {
        self.epoch == other.epoch && self.writer == other.writer
    }

    /// Whether this one's writer became it after the other's, or in its place.
    pub(super) fn follows(&self, other: &Self) -> bool {
        self.epoch >= other.epoch && !self.is_of(other)
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let record: Self = serde_json::from_slice(bytes.get(..limits::BUCKET_RECORD_BYTES.min(bytes.len()))?).ok()?;
        (record.version == 1).then_some(record)
    }
}

/// A name that nobody else draws.
pub(super) fn name() -> Result<String, SigningError> {
    Ok(hex::encode(&keys::random::<16>()?))
}
