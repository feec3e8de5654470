//! What a witness decides, in the order of the specification.

use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::{EVIDENCE, SEEN, file_of, is_watched};
use crate::base::crypto::sha256;
use crate::base::encoding::hex;
use crate::base::limits;
use crate::base::time::UnixTime;
use crate::format::checkpoint::{Checkpoint, Note, NoteKey, Submission, WitnessKey};
use crate::format::merkle::{Hash, empty_root, verify_consistency};
use crate::service::files::write_whole;
use crate::stack::StackError;
use crate::stack::keys::PrivateKey;

/// What a witness answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// 200: lines of cosignatures.
    Cosigned(String),
    /// 400: no submission, or an old size beyond the new one.
    Malformed,
    /// 404: no log that it watches.
    UnknownLog,
    /// 403: no signature by a key of the log.
    Untrusted,
    /// 409: it has cosigned a tree of this size, and was told another; or another tree of this size.
    Conflict {
        /// The size that it knows.
        size: u64,
    },
    /// 422: the tree does not begin with the one that it cosigned.
    Inconsistent,
    /// 500: it could not remember, and so has not cosigned.
    Failed,
}

/// The last checkpoint of a log that was cosigned.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    size: u64,
    root: Hash,
    note: String,
}

#[derive(Debug)]
pub(super) struct Judge {
    dir: PathBuf,
    logs: Vec<NoteKey>,
    seen: HashMap<String, Seen>,
    private: PrivateKey,
    own: WitnessKey,
}

impl Judge {
    pub(super) fn open(
        dir: &Path,
        logs: Vec<NoteKey>,
        private: PrivateKey,
        own: WitnessKey,
    ) -> Result<Self, StackError> {
        let mut seen = HashMap::new();
        for key in &logs {
            let path = dir.join(SEEN).join(file_of(key.name()));
            let note = match fs::read_to_string(&path) {
                Ok(note) => note,
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(StackError::io("read", &path, error)),
            };
            // What it does not know it would let be changed.
            let what = "it does not hold the checkpoint of a log that is watched";
            let read = Seen::read(note).filter(|(origin, _)| origin == key.name());
            let (origin, read) = read.ok_or(StackError::Damaged { path, what })?;
            seen.insert(origin, read);
        }
        Ok(Self { dir: dir.to_owned(), logs, seen, private, own })
    }

    pub(super) fn add(&mut self, body: &[u8], now: UnixTime) -> Answer {
        let Ok(Submission { old, proof, note: text }) = Submission::parse(body) else { return Answer::Malformed };
        let Ok((checkpoint, note)) = Checkpoint::parse(&text) else { return Answer::Malformed };
        let origin = checkpoint.origin();
        if !is_watched(&self.logs, origin) {
            return Answer::UnknownLog;
        }
        if !self.logs.iter().any(|key| key.name() == origin && key.verify(&note).is_ok()) {
            return Answer::Untrusted;
        }
        let (size, root) = (checkpoint.size(), *checkpoint.root());
        if old > size {
            return Answer::Malformed;
        }
        let known = self.seen.get(origin);
        let (known_size, known_root) = known.map_or((0, empty_root()), |seen| (seen.size, seen.root));
        if size == known_size && root != known_root && known.is_some() {
            self.keep_evidence(origin, &text);
        }
        if old != known_size || (old == size && root != known_root) {
            return Answer::Conflict { size: known_size };
        }
        let consistent = match old {
            // Every tree begins with the empty one.
            0 => proof.is_empty() && (size > 0 || root == empty_root()),
            _ => verify_consistency((old, &known_root), (size, &root), &proof).is_ok(),
        };
        if !consistent {
            return Answer::Inconsistent;
        }
        let seen = Seen { size, root, note: text };
        if known.is_none_or(|known| known.size != size) && self.remember(origin, &seen).is_err() {
            return Answer::Failed;
        }
        self.seen.insert(origin.to_owned(), seen);
        self.cosign(&note, now).unwrap_or(Answer::Failed)
    }

    fn cosign(&self, note: &Note, now: UnixTime) -> Option<Answer> {
        let signature = self.private.sign(&WitnessKey::message(now, note.text())).ok()?;
        let line = Note::new(note.text().to_owned(), vec![self.own.signature(now, &signature)]).ok()?.to_string();
        let (_, line) = line.split_once("\n\n")?;
        Some(Answer::Cosigned(line.to_owned()))
    }

    fn remember(&self, origin: &str, seen: &Seen) -> std::io::Result<()> {
        write_whole(&self.dir.join(SEEN).join(file_of(origin)), seen.note.as_bytes())
    }

    /// Two trees of one size, both signed by the log's key: nothing more is needed to show it. What cannot be kept is
    /// still refused.
    fn keep_evidence(&self, origin: &str, other: &str) {
        let Some(seen) = self.seen.get(origin) else { return };
        let folder = self.dir.join(EVIDENCE);
        let count = fs::read_dir(&folder).map_or(usize::MAX, Iterator::count);
        if count >= limits::EVIDENCE_FILES {
            return;
        }
        for note in [seen.note.as_str(), other] {
            let digest = hex::encode(&sha256(&[note.as_bytes()]));
            let name = format!("fork-{}-{}", seen.size, digest.get(..16).unwrap_or_default());
            let path = folder.join(name);
            if !path.exists() {
                let _ = write_whole(&path, note.as_bytes());
            }
        }
    }
}

impl Seen {
    fn read(note: String) -> Option<(String, Self)> {
        let (checkpoint, _) = Checkpoint::parse(&note).ok()?;
        let seen = Self { size: checkpoint.size(), root: *checkpoint.root(), note };
        Some((checkpoint.origin().to_owned(), seen))
    }
}
