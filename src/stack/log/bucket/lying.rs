//! A bucket in memory: strict about preconditions, with tags that are digests of the content as S3's are, and with the
//! lies and failures of one that is not to be trusted. It sees to it that no checkpoint is put before its tiles.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use super::upload::between;
use super::{Bucket, CHECKPOINT, Object, Put, Tag, Unanswered};
use crate::base::crypto::sha256;
use crate::base::encoding::hex;
use crate::format::merkle::TileKind;

/// What it does to objects whose names begin so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lie {
    /// It writes whatever the condition.
    IgnoresConditions(&'static str),
    /// It replaces whatever the tag.
    IgnoresUpdates(&'static str),
    /// It says that a write was done, and does not do it.
    Forgets(&'static str),
    /// It does a write, and the answer is lost.
    DoneUnanswered(&'static str),
    /// It loses a write with its answer.
    LostUnanswered(&'static str),
    /// It does a write later, and gives no answer.
    Delays(&'static str),
    /// It reads the version before.
    Stale(&'static str),
    /// It does so many more requests, and then none; whether the one that fails is done.
    Dies(usize, bool),
    /// It answers nothing.
    Down,
}

#[derive(Debug, Default)]
struct State {
    /// All versions of each object.
    objects: BTreeMap<String, Vec<Vec<u8>>>,
    delayed: Vec<Write>,
    /// Every checkpoint that readers could take.
    shown: Vec<String>,
}

#[derive(Debug, Clone)]
struct Write {
    name: String,
    bytes: Vec<u8>,
    condition: Option<Tag>,
}

/// The bucket as one of its users has it; clones are the same one.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lying {
    name: &'static str,
    state: Arc<Mutex<State>>,
    /// What is done to this user.
    lies: Arc<Mutex<Vec<Lie>>>,
}

impl Lying {
    /// A bucket of another name.
    pub(crate) fn named(name: &'static str) -> Self {
        Self { name, ..Self::default() }
    }

    /// A bucket that holds this.
    pub(crate) fn of(contents: &BTreeMap<String, Vec<u8>>) -> Self {
        let bucket = Self::default();
        contents.iter().for_each(|(name, bytes)| bucket.put(name, bytes));
        bucket
    }

    /// What it holds.
    pub(crate) fn contents(&self) -> BTreeMap<String, Vec<u8>> {
        let state = self.state();
        let newest = |(name, versions): (&String, &Vec<Vec<u8>>)| Some((name.clone(), versions.last()?.clone()));
        state.objects.iter().filter_map(newest).collect()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The same bucket for another user.
    pub(crate) fn other(&self) -> Self {
        Self { lies: Arc::default(), ..self.clone() }
    }

    pub(crate) fn lie(&self, lies: impl IntoIterator<Item = Lie>) {
        *self.lies.lock().unwrap() = lies.into_iter().collect();
    }

    /// A request: the lie that it meets.
    fn arrives(&self, name: &str, writes: bool) -> Option<Lie> {
        let mut lies = self.lies.lock().unwrap();
        let met = lies.iter_mut().find(|lie| match lie {
            Lie::IgnoresConditions(prefix)
            | Lie::IgnoresUpdates(prefix)
            | Lie::Forgets(prefix)
            | Lie::DoneUnanswered(prefix)
            | Lie::LostUnanswered(prefix)
            | Lie::Delays(prefix) => writes && name.starts_with(*prefix),
            Lie::Stale(prefix) => !writes && name.starts_with(*prefix),
            Lie::Dies(..) | Lie::Down => true,
        })?;
        let now = *met;
        match met {
            Lie::Dies(left @ 1.., _) => *left -= 1,
            Lie::Dies(0, done) if writes => *done = false,
            _ => {}
        }
        Some(now)
    }

    /// Does the writes that were delayed, in their order; how many were done.
    pub(crate) fn release(&self) -> usize {
        let mut state = self.state();
        let delayed = std::mem::take(&mut state.delayed);
        delayed.into_iter().filter(|write| state.write(write.clone(), true) == Put::Done).count()
    }

    pub(crate) fn read(&self, name: &str) -> Option<Vec<u8>> {
        self.state().objects.get(name).and_then(|versions| versions.last().cloned())
    }

    pub(crate) fn put(&self, name: &str, bytes: &[u8]) {
        self.state().objects.entry(name.to_owned()).or_default().push(bytes.to_vec());
    }

    pub(crate) fn forget(&self, name: &str) {
        self.state().objects.remove(name);
    }

    /// Goes back to an object's version before.
    pub(crate) fn go_back(&self, name: &str) {
        self.state().objects.get_mut(name).and_then(Vec::pop).unwrap();
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.state().objects.keys().cloned().collect()
    }

    pub(crate) fn shown(&self) -> Vec<String> {
        self.state().shown.clone()
    }

    fn write_or_lie(&self, write: Write) -> Result<Put, Unanswered> {
        let met = self.arrives(&write.name, true);
        let mut state = self.state();
        let unanswered = Unanswered::of(&write.name, "timed out");
        match met {
            Some(Lie::IgnoresConditions(_)) => Ok(state.write(write, false)),
            Some(Lie::IgnoresUpdates(_)) => {
                let strict = write.condition.is_none();
                Ok(state.write(write, strict))
            }
            Some(Lie::Forgets(_)) => Ok(Put::Done),
            Some(Lie::DoneUnanswered(_) | Lie::Dies(0, true)) => {
                state.write(write, true);
                Err(unanswered)
            }
            Some(Lie::Delays(_)) => {
                state.delayed.push(write);
                Err(unanswered)
            }
            Some(Lie::LostUnanswered(_) | Lie::Down | Lie::Dies(0, _)) => Err(unanswered),
            _ => Ok(state.write(write, true)),
        }
    }
}

impl State {
    fn write(&mut self, write: Write, strict: bool) -> Put {
        let there = self.objects.get(&write.name).and_then(|versions| versions.last()).map(|bytes| tag(bytes));
        if strict && there != write.condition {
            return Put::Refused;
        }
        if write.name == CHECKPOINT {
            self.see(&write.bytes);
        }
        self.objects.entry(write.name).or_default().push(write.bytes);
        Put::Done
    }

    /// Readers see a checkpoint from here on: what is in its tree must be there.
    fn see(&mut self, note: &[u8]) {
        let note = String::from_utf8(note.to_vec()).unwrap();
        let size = note.lines().nth(1).unwrap().parse().unwrap();
        for tile in between(TileKind::Entries, 0, size) {
            assert!(self.objects.contains_key(&tile.to_string()), "{tile} is not there, and its checkpoint is");
        }
        self.shown.push(note);
    }
}

fn tag(bytes: &[u8]) -> Tag {
    Tag(hex::encode(&sha256(&[bytes])))
}

impl Bucket for Lying {
    fn place(&self) -> String {
        format!("s3://memory{}/log", self.name)
    }

    fn get(&self, name: &str) -> Result<Option<Object>, Unanswered> {
        let before = match self.arrives(name, false) {
            Some(Lie::Down | Lie::Dies(0, _)) => return Err(Unanswered::of(name, "timed out")),
            Some(Lie::Stale(_)) => 1,
            _ => 0,
        };
        let state = self.state();
        let versions = state.objects.get(name).map_or(&[][..], Vec::as_slice);
        Ok(versions.iter().rev().nth(before).map(|bytes| Object { bytes: bytes.clone(), tag: tag(bytes) }))
    }

    fn create(&self, name: &str, bytes: &[u8]) -> Result<Put, Unanswered> {
        self.write_or_lie(Write { name: name.to_owned(), bytes: bytes.to_vec(), condition: None })
    }

    fn replace(&self, name: &str, bytes: &[u8], tag: &Tag) -> Result<Put, Unanswered> {
        self.write_or_lie(Write { name: name.to_owned(), bytes: bytes.to_vec(), condition: Some(tag.clone()) })
    }

    fn remove(&self, name: &str) -> Result<(), Unanswered> {
        match self.arrives(name, true) {
            Some(Lie::Down | Lie::Dies(0, _)) => Err(Unanswered::of(name, "timed out")),
            _ => {
                self.forget(name);
                Ok(())
            }
        }
    }
}
