//! What was committed and nobody was shown: how much it is, and for how long nothing of it came through. Beyond a bound
//! the log takes no new entries, so that neither disk nor memory grows for as long as a bucket or witnesses are away.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::base::limits;

/// When a log takes no more entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bound {
    /// So many entries wait.
    pub entries: u64,
    /// Nothing came through for so long.
    pub time: Duration,
}

impl Default for Bound {
    fn default() -> Self {
        Self { entries: limits::UNPUBLISHED_ENTRIES, time: Duration::from_secs(limits::UNPUBLISHED_SECS) }
    }
}

#[derive(Debug)]
pub(super) struct Backlog {
    bound: Bound,
    committed: AtomicU64,
    /// The last time that something was shown, or that the first entry began to wait; `None` while nothing waits.
    since: Mutex<Option<Instant>>,
}

impl Backlog {
    /// Everything is shown.
    pub(super) fn new(bound: Bound, size: u64) -> Self {
        Self { bound, committed: AtomicU64::new(size), since: Mutex::default() }
    }

    /// Entries were committed: there are so many now.
    pub(super) fn committed(&self, size: u64) {
        self.committed.store(size, Ordering::Relaxed);
        self.since().get_or_insert_with(Instant::now);
    }

    /// So many entries are shown.
    pub(super) fn shown(&self, size: u64) {
        let mut since = self.since();
        *since = (self.committed.load(Ordering::Relaxed) > size).then(Instant::now);
    }

    /// Entries that wait.
    pub(super) fn entries(&self, shown: u64) -> u64 {
        self.committed.load(Ordering::Relaxed).saturating_sub(shown)
    }

    /// How long nothing came through.
    pub(super) fn time(&self) -> Duration {
        self.since().map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Whether no more may wait.
    pub(super) fn is_full(&self, shown: u64) -> bool {
        self.entries(shown) >= self.bound.entries || self.time() >= self.bound.time
    }

    fn since(&self) -> std::sync::MutexGuard<'_, Option<Instant>> {
        self.since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
