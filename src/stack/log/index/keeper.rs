//! Writes the index's runs behind the sequencer, and makes them again when they are damaged.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use super::run::{self, Leaf, Run, RunError, RunWriter};
use super::{Index, LogError, SOUND};
use crate::format::merkle::{Hash, tile};
use crate::stack::log::Files;

const WIDTH: u64 = tile::WIDTH as u64;
/// How often one run is made again before the disk is given up.
const REPAIRS: u32 = 3;

/// The leaves of a sealed bundle.
pub(in crate::stack::log) type Leaves = Box<dyn Fn(u64) -> Result<Vec<Hash>, LogError> + Send>;

/// The one writer of an index.
pub(in crate::stack::log) struct Keeper {
    files: Files,
    leaves: Leaves,
    index: Arc<Index>,
    /// Ends what is being written.
    stop: Arc<AtomicBool>,
}

impl std::fmt::Debug for Keeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keeper").field("files", &self.files).finish_non_exhaustive()
    }
}

impl Keeper {
    /// The index of a log whose first `sealed` entries stand in sealed tiles. What is there is taken as far as it is
    /// whole, the rest made.
    pub(in crate::stack::log) fn open(files: &Files, leaves: Leaves, unit: u64, sealed: u64) -> Result<Self, LogError> {
        let dir = files.path("index");
        if files.vfs.names(&dir).is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound) {
            files.create_dir(&dir)?;
        }
        let names = files.vfs.names(&dir).map_err(|error| LogError::io("list", &dir, error))?;
        let mut ranges: Vec<_> = names.iter().filter_map(|name| Run::range(name)).collect();
        // Where several begin, the longest first.
        ranges.sort_by_key(|(first, end)| (*first, std::cmp::Reverse(*end)));
        let mut runs: Vec<Arc<Run>> = Vec::new();
        for (first, end) in ranges {
            let here = runs.last().map_or(0, |run| run.end);
            if first == here && end <= sealed && (end - first).is_multiple_of(unit) {
                let path = dir.join(Run::name(first, end));
                runs.extend(Run::open(files, &path, first, end)?.map(Arc::new));
            }
        }
        let kept: Vec<_> = runs.iter().map(|run| (run.first, run.end)).collect();
        let index = Arc::new(Index::new(unit, runs));
        let keeper = Self { files: files.clone(), leaves, index, stop: Arc::default() };
        keeper.remove_others(&kept)?;
        keeper.advance(sealed)?;
        Ok(keeper)
    }

    /// What it keeps.
    pub(in crate::stack::log) fn index(&self) -> Arc<Index> {
        Arc::clone(&self.index)
    }

    /// Writes the runs of the first `sealed` entries, as far as they fill units. A run that is reported as damaged is
    /// made again first, with all after it.
    pub(in crate::stack::log) fn advance(&self, sealed: u64) -> Result<(), LogError> {
        let mut runs = self.index.runs();
        let mut repairs = 0;
        while !self.stop.load(Ordering::SeqCst) {
            let damaged = self.index.damaged.swap(SOUND, Ordering::SeqCst);
            runs.retain(|run| run.first < damaged);
            let end = runs.last().map_or(0, |run| run.end);
            if end + self.index.unit > sealed.max(self.index.mark()) {
                break;
            }
            match self.extend(&mut runs) {
                // What is shown is never less than before.
                Ok(()) if runs.last().is_some_and(|run| run.end >= self.index.mark()) => self.show(&runs)?,
                Ok(()) | Err(RunError::Stopped) => {}
                Err(RunError::Io(error)) => return Err(error),
                Err(RunError::Damaged { .. }) if repairs == REPAIRS => {
                    let what = "what is written there does not stay as it was written";
                    return Err(LogError::Damaged { path: self.files.path("index"), what });
                }
                Err(RunError::Damaged { first }) => {
                    self.index.report(first);
                    repairs += 1;
                }
            }
        }
        Ok(())
    }

    /// Adds the next unit, and merges while the last is as long as the one before.
    fn extend(&self, runs: &mut Vec<Arc<Run>>) -> Result<(), RunError> {
        let first = runs.last().map_or(0, |run| run.end);
        runs.push(self.unit(first)?);
        while let [.., left, right] = runs.as_slice()
            && left.length() <= right.length()
        {
            let merged = self.write(left.first, right.end, run::merge(left, right))?;
            runs.truncate(runs.len() - 2);
            runs.push(merged);
        }
        Ok(())
    }

    /// The run of one unit, from the tiles.
    fn unit(&self, first: u64) -> Result<Arc<Run>, RunError> {
        let end = first + self.index.unit;
        let mut leaves = Vec::with_capacity(usize::try_from(self.index.unit).unwrap_or_default());
        for bundle in first / WIDTH..end / WIDTH {
            leaves.extend((self.leaves)(bundle)?.into_iter().zip(bundle * WIDTH..));
        }
        leaves.sort_unstable();
        self.write(first, end, leaves.into_iter().map(Ok))
    }

    /// Writes a run under its name, durably, and opens it.
    fn write(
        &self,
        first: u64,
        end: u64,
        leaves: impl Iterator<Item = Result<Leaf, RunError>>,
    ) -> Result<Arc<Run>, RunError> {
        let name = Run::name(first, end);
        let (path, made) = (self.files.path(&format!("index/{name}")), self.files.path(&format!("tmp/index-{name}")));
        let written = self.fill(&made, (first, end), leaves);
        if let Err(RunError::Damaged { .. } | RunError::Stopped) = written {
            self.files.remove(&made)?;
        }
        written?;
        self.files.vfs.rename(&made, &path).map_err(|error| LogError::io("rename", &path, error))?;
        self.files.sync_dir(&self.files.path("index"))?;
        let run = Run::open(&self.files, &path, first, end)?;
        run.map(Arc::new).ok_or(RunError::Damaged { first })
    }

    fn fill(
        &self,
        made: &Path,
        (first, end): (u64, u64),
        leaves: impl Iterator<Item = Result<Leaf, RunError>>,
    ) -> Result<(), RunError> {
        let mut writer = RunWriter::create(&self.files, made, first, end)?;
        for leaf in leaves {
            if self.stop.load(Ordering::Relaxed) {
                return Err(RunError::Stopped);
            }
            writer.push(leaf?)?;
        }
        Ok(writer.finish()?)
    }

    /// Takes new runs into use, and removes the files of those that they replace.
    fn show(&self, runs: &[Arc<Run>]) -> Result<(), LogError> {
        self.index.adopt(runs.to_vec());
        let kept: Vec<_> = runs.iter().map(|run| (run.first, run.end)).collect();
        self.remove_others(&kept)
    }

    fn remove_others(&self, kept: &[(u64, u64)]) -> Result<(), LogError> {
        let dir = self.files.path("index");
        let names = self.files.vfs.names(&dir).map_err(|error| LogError::io("list", &dir, error))?;
        let others = names.iter().filter(|name| Run::range(name).is_some_and(|range| !kept.contains(&range)));
        others.into_iter().try_for_each(|name| self.files.remove(&dir.join(name)))
    }
}

/// How a sequencer has its index kept.
#[derive(Debug)]
pub(in crate::stack::log) enum Upkeep {
    /// By itself: every operation in one order.
    #[cfg(test)]
    Here(Keeper),
    /// On another thread, which may be two tasks behind.
    Beside(KeeperThread),
}

impl Upkeep {
    /// Has the runs written as far as entries are sealed.
    pub(in crate::stack::log) fn advance(&mut self, sealed: u64) -> Result<(), LogError> {
        match self {
            #[cfg(test)]
            Self::Here(keeper) => keeper.advance(sealed),
            Self::Beside(thread) => thread.send(Task { sealed, done: None }),
        }
    }

    /// Has made again what was reported as damaged, and waits for it.
    pub(in crate::stack::log) fn repair(&mut self) -> Result<(), LogError> {
        match self {
            #[cfg(test)]
            Self::Here(keeper) => keeper.advance(0),
            Self::Beside(thread) => {
                let (done, wait) = sync_channel(1);
                thread.send(Task { sealed: 0, done: Some(done) })?;
                wait.recv().or_else(|_| thread.end())
            }
        }
    }
}

/// A keeper on its thread.
#[derive(Debug)]
pub(in crate::stack::log) struct KeeperThread {
    /// Its tasks; `None` when it is to end.
    tasks: Option<SyncSender<Task>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<(), LogError>>>,
}

/// What the thread is to do.
#[derive(Debug)]
struct Task {
    sealed: u64,
    /// Told when it is done.
    done: Option<SyncSender<()>>,
}

impl KeeperThread {
    /// Starts it.
    pub(in crate::stack::log) fn start(keeper: Keeper) -> std::io::Result<Self> {
        let (tasks, queue) = sync_channel::<Task>(2);
        let stop = Arc::clone(&keeper.stop);
        let thread = std::thread::Builder::new().name("log-index".to_owned()).spawn(move || {
            for task in queue {
                keeper.advance(task.sealed)?;
                task.done.map(|done| done.send(()));
            }
            Ok(())
        })?;
        Ok(Self { tasks: Some(tasks), stop, thread: Some(thread) })
    }

    fn send(&mut self, task: Task) -> Result<(), LogError> {
        match &self.tasks {
            Some(tasks) if tasks.send(task).is_ok() => Ok(()),
            _ => self.end(),
        }
    }

    /// Why the thread ended.
    fn end(&mut self) -> Result<(), LogError> {
        self.tasks = None;
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(Err(error))) => Err(error),
            _ => Err(LogError::Ended),
        }
    }
}

impl Drop for KeeperThread {
    /// The thread must have ended before the log's lock is let go.
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        self.tasks = None;
        if let Some(thread) = self.thread.take() {
            // The index is only a hint, and the next start looks at it.
            let _ = thread.join();
        }
    }
}
