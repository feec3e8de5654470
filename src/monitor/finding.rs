//! What a monitor finds.

use std::path::PathBuf;

use crate::base::encoding::hex;
use crate::format::checkpoint::Checkpoint;
use crate::format::merkle::Hash;

/// What kind of thing was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Two signed checkpoints that no one tree can have: the log showed different trees.
    Fork,
    /// A signed checkpoint of fewer entries than one before.
    Rollback,
    /// A checkpoint under the log's name that the log's key did not sign.
    Signature,
    /// Tiles that do not lead to the signed root.
    Tiles,
    /// Entries that do not lead to the signed root.
    Entries,
    /// An entry by whom one watches for.
    Entry,
    /// An entry by whom one watches for, which no ledger has.
    Unrecorded,
    /// An entry of whom it cannot be told by whom it is.
    Unclear,
}

impl Kind {
    /// Its stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fork => "fork",
            Self::Rollback => "rollback",
            Self::Signature => "signature",
            Self::Tiles => "tiles",
            Self::Entries => "entries",
            Self::Entry => "entry",
            Self::Unrecorded => "unrecorded",
            Self::Unclear => "unclear",
        }
    }
}

/// An entry that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundEntry {
    /// Its index in the log.
    pub index: u64,
    /// The hash of its leaf.
    pub leaf: Hash,
    /// What was signed, where the entry says it.
    pub artifact: Option<String>,
    /// Every name in the certificate, or the key's fingerprint.
    pub names: Vec<String>,
    /// Who vouches, by the certificate's word.
    pub issuer: Option<String>,
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What kind of thing.
    pub kind: Kind,
    /// The log's name.
    pub origin: String,
    /// Entries of the tree that was looked at.
    pub size: u64,
    /// What is the matter, for people.
    pub message: String,
    /// The entry, where it is about one.
    pub entry: Option<FoundEntry>,
    /// Where the bytes are kept that show it.
    pub evidence: Vec<PathBuf>,
}

impl Finding {
    fn new(kind: Kind, checkpoint: &Checkpoint, message: String) -> Self {
        let (origin, size) = (checkpoint.origin().to_owned(), checkpoint.size());
        Self { kind, origin, size, message, entry: None, evidence: Vec::new() }
    }

    pub(super) fn signature(origin: &str, checkpoint: &Checkpoint) -> Self {
        let message = format!("the checkpoint that is served as {origin}'s is not signed by its key");
        Self::new(Kind::Signature, checkpoint, message)
    }

    pub(super) fn fork(old: &Checkpoint, new: &Checkpoint) -> Self {
        let (before, now) = (old.size(), new.size());
        let message = format!(
            "the tree of {now} entries does not begin with the tree of {before} that the same key signed before: whoever \
             has both checkpoints can show it"
        );
        Self::new(Kind::Fork, new, message)
    }

    pub(super) fn rollback(old: &Checkpoint, new: &Checkpoint) -> Self {
        let message =
            format!("a tree of {} entries is served, and one of {} was signed before", new.size(), old.size());
        Self::new(Kind::Rollback, new, message)
    }

    pub(super) fn tiles(checkpoint: &Checkpoint) -> Self {
        Self::new(Kind::Tiles, checkpoint, "tiles do not lead to the root that the log signed".to_owned())
    }

    pub(super) fn entries(checkpoint: &Checkpoint, bundle: u64) -> Self {
        let message = format!("the entries of bundle {bundle} are not those of the tree that the log signed");
        Self::new(Kind::Entries, checkpoint, message)
    }

    pub(super) fn entry(kind: Kind, checkpoint: &Checkpoint, entry: FoundEntry) -> Self {
        let who = entry.names.join(", ");
        let what = match kind {
            Kind::Unrecorded => "and no ledger has it: it was not signed here",
            Kind::Unclear => "whose names or claims cannot be read",
            _ => "whom you watch for",
        };
        let message = match entry.names.as_slice() {
            [] => format!("entry {} is by someone {what}", entry.index),
            _ => format!("entry {} is by {who}, {what}", entry.index),
        };
        Self { entry: Some(entry), ..Self::new(kind, checkpoint, message) }
    }

    /// What makes two findings the same one.
    pub fn id(&self) -> String {
        let about = self.entry.as_ref().map(|entry| hex::encode(&entry.leaf)).unwrap_or_default();
        let evidence: Vec<_> = self.evidence.iter().map(|path| path.to_string_lossy()).collect();
        format!("{} {} {about} {}", self.kind.name(), self.origin, evidence.join(" "))
    }
}
