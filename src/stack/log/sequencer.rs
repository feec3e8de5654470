//! The one thread that writes a log: batch, append, commit, show, acknowledge, seal.

use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::mpsc;

use super::commits::Commit;
use super::edge::Edge;
use super::head::Head;
use super::publisher::{Publication, Publisher};
use super::recovery::Recovered;
use super::storage::Storage;
use super::{AppendError, Appended, Codec, Duplicates, LogError, Poison, Request};
use crate::base::limits;
use crate::base::time::UnixTime;
use crate::format::merkle::{Tile, tile};
use crate::stack::clock::Clock;

/// How far the clock may stand behind the last entry before the log stops taking entries: NTP slews
/// within this, a step beyond it is an operator's matter.
const CLOCK_TOLERANCE_MS: i64 = 1000;

/// The state that only the sequencing thread touches.
#[derive(Debug)]
pub(super) struct Sequencer<C: Codec> {
    codec: Arc<C>,
    /// For a codec with an index. Its files are let go of before the lock is, which the storage holds.
    duplicates: Option<Duplicates<C>>,
    storage: Storage,
    edge: Edge,
    /// The time of the last entry: entries' times never decrease.
    last: UnixTime,
    head: Arc<RwLock<Arc<Head>>>,
    clock: Clock,
    poison: Poison,
    /// Shows and acknowledges in our place, where there are witnesses or a bucket.
    publisher: Option<Publisher<C::Entry>>,
    /// The last commit; without a publisher it is what is shown.
    committed: Arc<Head>,
}

/// Requests that are answered together, each with the index that it will have.
pub(super) type Batch<E> = Vec<(Request<E>, u64, bool)>;

impl<C: Codec> Sequencer<C> {
    pub(super) fn new(
        codec: Arc<C>,
        recovered: Recovered,
        duplicates: Option<Duplicates<C>>,
        head: Arc<RwLock<Arc<Head>>>,
        clock: Clock,
        poison: Poison,
    ) -> Self {
        let committed = Arc::clone(&recovered.head);
        let Recovered { storage, edge, last, keeper: _, head: _ } = recovered;
        Self { codec, duplicates, storage, edge, last, head, clock, poison, publisher: None, committed }
    }

    /// With someone who shows and acknowledges what is committed.
    pub(super) fn published_by(self, publisher: Option<Publisher<C::Entry>>) -> Self {
        Self { publisher, ..self }
    }

    /// Works until the queue is closed or the log fails. On failure every waiting request is dropped
    /// unanswered: nothing is acknowledged any more.
    pub(super) fn run(mut self, mut queue: mpsc::Receiver<Request<C::Entry>>) {
        let mut requests = Vec::new();
        while queue.blocking_recv_many(&mut requests, limits::LOG_BATCH) > 0 {
            if let Err(error) = self.batch(std::mem::take(&mut requests)) {
                self.poison.report(error);
                return;
            }
        }
    }

    /// Takes one batch through all its steps.
    pub(super) fn batch(&mut self, requests: Vec<Request<C::Entry>>) -> Result<(), LogError> {
        let now = self.clock.now();
        let behind_ms = self.last.millis() - now.millis();
        if behind_ms > CLOCK_TOLERANCE_MS {
            for request in requests {
                let _ = request.answer.send(Err(AppendError::ClockBehind { behind_ms }));
            }
            return Ok(());
        }
        let at = now.max(self.last);
        let before = self.edge.size();
        let batch = self.append(requests, at)?;
        if self.edge.size() > before {
            self.storage.sync()?;
            let note = self.codec.sign(self.edge.size(), &self.edge.root(), at)?;
            let (unsealed, before) = self.edge.unsealed();
            self.storage.commit(Commit { note: &note, records: self.edge.digest(), unsealed, before })?;
            self.last = at;
            self.show(note);
        }
        self.acknowledge(batch, at)?;
        self.seal()
    }

    /// Gives each request an index and appends what is new.
    fn append(&mut self, requests: Vec<Request<C::Entry>>, at: UnixTime) -> Result<Batch<C::Entry>, LogError> {
        let mut batch = Vec::with_capacity(requests.len());
        let mut records: Vec<u8> = Vec::new();
        let width = u64::from(tile::WIDTH);
        for request in requests {
            let index = self.edge.size();
            let Some(sealed) = self.codec.seal(&request.entry, index, at) else {
                let _ = request.answer.send(Err(AppendError::TooLarge));
                continue;
            };
            if let Some(duplicates) = &mut self.duplicates {
                if let Some(index) = duplicates.find(&self.edge, &sealed.leaf)? {
                    batch.push((request, index, true));
                    continue;
                }
                duplicates.insert(sealed.leaf, index);
            }
            records.extend_from_slice(&sealed.bytes);
            self.edge.push(sealed.bytes.into(), sealed.leaf);
            if self.edge.size().is_multiple_of(width) {
                self.storage.append(index / width, &std::mem::take(&mut records))?;
            }
            batch.push((request, index, false));
        }
        if !records.is_empty() {
            self.storage.append(self.edge.size() / width, &records)?;
        }
        Ok(batch)
    }

    fn show(&mut self, note: String) {
        let head = Arc::new(Head::new(note, self.edge.clone()));
        self.committed = Arc::clone(&head);
        if self.publisher.is_some() {
            return;
        }
        *self.head.write().unwrap_or_else(PoisonError::into_inner) = head;
    }

    fn acknowledge(&self, batch: Batch<C::Entry>, at: UnixTime) -> Result<(), LogError> {
        let head = Arc::clone(&self.committed);
        if let Some(publisher) = &self.publisher {
            return publisher.publish(Publication { head, batch, at });
        }
        for (request, index, duplicate) in batch {
            // A client that went away finds its entry when it comes back.
            let _ = request.answer.send(Ok(Appended { index, at, duplicate, head: Arc::clone(&head) }));
        }
        Ok(())
    }

    /// Moves what became full to its final place, then lets memory go of it.
    fn seal(&mut self) -> Result<(), LogError> {
        let (bundles, tiles) = (self.edge.full_bundles(), self.edge.full_tiles());
        for bundle in &bundles {
            if let Some(tile) = Tile::new(C::BUNDLES, *bundle, tile::WIDTH) {
                self.storage.seal_bundle(tile)?;
            }
        }
        for (tile, bytes) in &tiles {
            self.storage.seal_hashes(*tile, bytes)?;
        }
        if !bundles.is_empty() {
            self.edge.drop_full();
            self.show(self.committed.note().to_owned());
            if let Some(duplicates) = &mut self.duplicates {
                duplicates.sealed(self.edge.size())?;
            }
        }
        self.storage.shorten_commits()
    }
}
