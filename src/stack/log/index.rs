//! Where each leaf stands: the index by which duplicates are found.
//!
//! The newest entries are in memory, all before them in sorted files ([`run`]) under `index/`, which another
//! thread writes ([`keeper`]): a run for every [`limits::LOG_INDEX_UNIT`] entries, two of the same length made
//! one. A lookup reads one block of each run, of which there are as many as the log's size in units has bits.
//!
//! The tree is the truth and the index a hint: it is made of the tiles, whatever is damaged or missing in it is
//! made again, and an answer counts only when the tree holds the leaf there.

mod duplicates;
mod keeper;
pub(super) mod run;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

pub(super) use duplicates::Duplicates;
pub(super) use keeper::Keeper;
use keeper::{KeeperThread, Upkeep};
use run::{Run, RunError};

use super::LogError;
use crate::format::merkle::Hash;

/// The index. Only the sequencer adds to it, and it may be ahead of the head.
#[derive(Debug)]
pub(super) struct Index {
    /// Entries of the shortest run.
    unit: u64,
    state: RwLock<State>,
    /// The first entry of the first run that was found to be damaged.
    damaged: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    /// By number of the unit.
    recent: BTreeMap<u64, HashMap<Hash, u64>>,
    /// Lowest first, without a gap from the first entry on.
    runs: Vec<Arc<Run>>,
}

/// No run was found to be damaged.
const SOUND: u64 = u64::MAX;

/// Where a leaf seems to stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// It is in memory.
    Known(u64),
    /// A file says so.
    Said {
        /// The index.
        index: u64,
        /// The first entry of the run that says it.
        run: u64,
    },
}

/// Why an index does not say whether a leaf is there.
#[derive(Debug)]
pub(super) enum FindError {
    /// A run is damaged, and reported.
    Damaged,
    /// The disk.
    Io(LogError),
}

impl Index {
    fn new(unit: u64, runs: Vec<Arc<Run>>) -> Self {
        Self { unit, state: RwLock::new(State { recent: BTreeMap::new(), runs }), damaged: AtomicU64::new(SOUND) }
    }

    /// An entry with this leaf.
    pub(super) fn find(&self, leaf: &Hash) -> Result<Option<Found>, FindError> {
        let runs = {
            let state = self.read();
            if let Some(index) = state.recent.values().rev().find_map(|recent| recent.get(leaf)) {
                return Ok(Some(Found::Known(*index)));
            }
            state.runs.clone()
        };
        for run in &runs {
            match run.find(leaf) {
                Ok(None) => {}
                Ok(Some(index)) => return Ok(Some(Found::Said { index, run: run.first })),
                Err(RunError::Io(error)) => return Err(FindError::Io(error)),
                Err(RunError::Damaged { .. } | RunError::Stopped) => {
                    self.report(run.first);
                    return Err(FindError::Damaged);
                }
            }
        }
        Ok(None)
    }

    /// Adds an entry's leaf; of equal leaves the first counts.
    pub(super) fn insert(&self, leaf: Hash, index: u64) {
        self.write().recent.entry(index / self.unit).or_default().entry(leaf).or_insert(index);
    }

    /// Says that the run that begins at `first` does not hold what the tree holds.
    pub(super) fn report(&self, first: u64) {
        self.damaged.fetch_min(first, Ordering::SeqCst);
    }

    /// Whether a run is reported and not yet made again.
    pub(super) fn is_damaged(&self) -> bool {
        self.damaged.load(Ordering::SeqCst) != SOUND
    }

    /// Entries that the runs cover.
    pub(super) fn mark(&self) -> u64 {
        self.read().runs.last().map_or(0, |run| run.end)
    }

    fn runs(&self) -> Vec<Arc<Run>> {
        self.read().runs.clone()
    }

    /// Takes the runs that there are now, and lets memory go of what they cover.
    fn adopt(&self, runs: Vec<Arc<Run>>) {
        let mut state = self.write();
        let end = runs.last().map_or(0, |run| run.end);
        let unit = self.unit;
        state.recent.retain(|number, _| number * unit >= end);
        state.runs = runs;
    }

    fn read(&self) -> RwLockReadGuard<'_, State> {
        // No writer leaves it half written.
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}
