//! Every crash of a bounded workload: a kill and a power cut before each file operation, every state that the
//! disk may then have, each crash of the recovery from it too; and every operation failing instead.
//!
//! What comes out is judged by a reader of its own: roots are computed by the recursion of RFC 6962 over the
//! entries, with nothing of the engine's arithmetic.

use std::collections::{BTreeSet, HashMap};
use std::io::ErrorKind;
use std::sync::{Mutex, PoisonError};

use super::super::sequencer::Sequencer;
use super::super::vfs::memory::{Fault, History, MemoryDisk, State};
use super::super::{Head, Request, head, recovery};
use super::*;
use crate::format::merkle::empty_root;

/// Every bundle has a file of the index.
const UNIT: u64 = 256;

/// What the world was told, and a disk must never take back.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Owed {
    /// Numbers of entries and their indices.
    acknowledged: BTreeSet<(u64, u64)>,
    /// Sizes and roots of heads that were shown.
    shown: BTreeSet<(u64, Hash)>,
}

/// Listens like a client and a reader, at any moment.
#[derive(Default)]
struct Ledger {
    owed: Owed,
    waiting: Vec<(u64, oneshot::Receiver<Result<Appended, AppendError>>)>,
    head: Option<Arc<RwLock<Arc<Head>>>>,
}

impl Ledger {
    fn listen(&mut self) -> Owed {
        let owed = &mut self.owed;
        self.waiting.retain_mut(|(number, answer)| match answer.try_recv() {
            Ok(Ok(appended)) => {
                owed.acknowledged.insert((*number, appended.index));
                false
            }
            _ => true,
        });
        if let Some(head) = &self.head {
            let head = head::current(head);
            owed.shown.insert((head.size(), head.root()));
        }
        owed.clone()
    }
}

/// The name of the log's folder on a disk in memory.
fn files(disk: &MemoryDisk) -> Files {
    Files { vfs: Arc::new(disk.clone()), dir: PathBuf::from("/log") }
}

/// A durable log of `size` entries.
fn durable(size: u64) -> State {
    let disk = MemoryDisk::new(State::empty());
    Log::create(Arc::new(disk.clone()), Path::new("/log"), &TOY, &Clock::system()).unwrap();
    let (_, worked) = work(&disk, &(0..size).collect::<Vec<_>>().chunks(1000).map(<[_]>::to_vec).collect::<Vec<_>>());
    worked.unwrap();
    // What sealing leaves to recovery, it syncs.
    work(&disk, &[]).1.unwrap();
    disk.state().after_power_cut().pop().unwrap()
}

/// Recovers and writes batches: the disk before every operation and after the last, with what was owed then.
fn work(disk: &MemoryDisk, batches: &[Vec<u64>]) -> (History<Owed>, Result<(), LogError>) {
    let ledger = Arc::new(Mutex::new(Ledger::default()));
    let history = Arc::new(Mutex::new(Vec::new()));
    let (listening, written) = (Arc::clone(&ledger), Arc::clone(&history));
    disk.watch(move |state| {
        let owed = listening.lock().unwrap_or_else(PoisonError::into_inner).listen();
        written.lock().unwrap().push((state.clone(), owed));
    });
    let worked = write(disk, batches, &ledger);
    let owed = ledger.lock().unwrap().listen();
    disk.watch(|_| {});
    let mut history = std::mem::take(&mut *history.lock().unwrap());
    history.push((disk.state(), owed));
    (history, worked)
}

fn write(disk: &MemoryDisk, batches: &[Vec<u64>], ledger: &Mutex<Ledger>) -> Result<(), LogError> {
    let (codec, files) = (Arc::new(TOY), files(disk));
    let mut recovered = recovery::open(&files, &codec, UNIT)?;
    let duplicates = recovered.keeper.take().map(|keeper| Duplicates::here(&files, &codec, keeper));
    let head = Arc::new(RwLock::new(Arc::clone(&recovered.head)));
    ledger.lock().unwrap().head = Some(Arc::clone(&head));
    let (poison, _) = Poison::new();
    let mut sequencer = Sequencer::new(codec, recovered, duplicates, head, Clock::system(), poison);
    for batch in batches {
        let requests = batch.iter().map(|number| {
            let (answer, answered) = oneshot::channel();
            ledger.lock().unwrap().waiting.push((*number, answered));
            Request { entry: entry(*number), answer }
        });
        let requests = requests.collect();
        sequencer.batch(requests)?;
    }
    Ok(())
}

/// The root of a tree by the recursion of RFC 6962, section 2.1.
fn naive_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => empty_root(),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            sha256(&[&[1], &naive_root(left), &naive_root(right)])
        }
    }
}

/// Opens the log that stands on a disk, holds it to what is owed, and lets it go on.
fn judge(state: &State, owed: &Owed) -> History<Owed> {
    let disk = MemoryDisk::new(state.clone());
    let (mut recovery, opened) = work(&disk, &[]);
    opened.unwrap_or_else(|error| panic!("it does not open: {error}\nowed: {:?}", owed.acknowledged));
    for (_, told) in &mut recovery {
        told.acknowledged.clone_from(&owed.acknowledged);
        told.shown.extend(&owed.shown);
    }
    let log = Log::open_with_unit(Arc::new(disk.clone()), Path::new("/log"), TOY, Clock::system(), UNIT).unwrap();
    let entries = check(&log);
    // Of a large tree some of all, and everything near its end.
    let looked_up = |index: &usize| entries.len() < 1000 || index.is_multiple_of(50) || entries.len() - index < 300;
    for (index, entry) in entries.iter().enumerate().filter(|(index, _)| looked_up(index)) {
        assert_eq!(log.find(&leaf_hash(entry)).unwrap(), Some(index as u64), "the index does not have the tree");
    }
    let leaves: Vec<_> = entries.iter().map(|entry| sha256(&[&[0], entry])).collect();
    assert_eq!(log.head().root(), naive_root(&leaves));
    for (number, index) in &owed.acknowledged {
        assert_eq!(entries.get(*index as usize), Some(&entry(*number)), "an acknowledged entry is lost");
    }
    for (size, root) in &owed.shown {
        let before = leaves.get(..*size as usize).expect("a head that was shown is taken back");
        assert_eq!(naive_root(before), *root, "a fork");
    }
    assert_eq!(entries.iter().collect::<BTreeSet<_>>().len(), entries.len(), "an entry has two leaves");
    recovery
}

/// Every state after every crash of these histories. One that several crashes lead to owes what each of them owed.
fn after_crashes(histories: impl IntoIterator<Item = History<Owed>>) -> Vec<(State, Owed)> {
    let mut places: HashMap<State, usize> = HashMap::new();
    let mut owing: Vec<(State, Owed)> = Vec::new();
    for (state, owed) in histories.into_iter().flatten() {
        let killed = std::iter::once(state.clone());
        for after in state.after_power_cut().into_iter().chain(killed) {
            let place = *places.entry(after).or_insert_with_key(|after| {
                owing.push((after.clone(), Owed::default()));
                owing.len() - 1
            });
            owing[place].1.acknowledged.extend(&owed.acknowledged);
            owing[place].1.shown.extend(&owed.shown);
        }
    }
    println!("{} states", owing.len());
    owing
}

/// Judges them on all cores.
fn judge_all(states: &[&(State, Owed)]) {
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for worker in 0..workers {
            scope.spawn(move || {
                for (state, owed) in states.iter().skip(worker).step_by(workers) {
                    judge(state, owed);
                }
            });
        }
    });
}

/// Batches that begin before a bundle's end: within it, over it, after it.
fn batches(size: u64) -> Vec<Vec<u64>> {
    vec![vec![size], vec![size + 1, size + 2, size + 1], vec![size + 3, 0]]
}

/// Every crash of the workload from `size` entries on, and one in `step` crashes of the recoveries.
fn crash(size: u64, step: usize) {
    let disk = MemoryDisk::new(durable(size));
    let (history, worked) = work(&disk, &batches(size));
    worked.unwrap();
    let operations = history.len();
    assert!(operations > 20, "{operations}");
    // Of six requests one was sent twice in a batch, one was for the first entry again.
    assert_eq!(history.last().unwrap().1.acknowledged.len(), if size == 0 { 4 } else { 5 });
    let crashed = after_crashes([history]);
    assert!(crashed.len() > operations);
    let recoveries = crashed.iter().map(|(state, owed)| judge(state, owed));
    judge_all(&after_crashes(recoveries).iter().step_by(step).collect::<Vec<_>>());
}

#[test]
fn k06_logt1_logt2_every_crash_and_crashes_of_the_recovery() {
    crash(0, 47);
    crash(254, 211);
    // Two files of the index become one.
    crash(510, 1009);
}

#[test]
#[ignore = "long: tests/run --long"]
fn k06_logt1_logt2_long_every_crash_and_every_crash_of_the_recovery() {
    crash(0, 1);
    crash(254, 1);
    crash(510, 1);
}

/// Over a tile of tiles, where a state takes a second to judge: one in five of them.
#[test]
#[ignore = "long: tests/run --long"]
fn k06_logt1_long_crashes_over_65536() {
    let disk = MemoryDisk::new(durable(65_534));
    let (history, worked) = work(&disk, &batches(65_534));
    worked.unwrap();
    judge_all(&after_crashes([history]).iter().step_by(5).collect::<Vec<_>>());
}

/// Each operation fails, done or not: the log ends there. What it then recovers to, from what the page cache
/// shows, survives a power cut.
#[test]
fn k07_logt3_logt6_logt7_every_operation_fails() {
    let before = durable(254);
    let disk = MemoryDisk::new(before.clone());
    work(&disk, &batches(254)).1.unwrap();
    for operation in 0..disk.operations() {
        for fault in [Fault::Lost(ErrorKind::Other), Fault::Done(ErrorKind::Other), Fault::Lost(ErrorKind::StorageFull)]
        {
            let disk = MemoryDisk::new(before.clone());
            disk.fail(operation, fault);
            let (history, worked) = work(&disk, &batches(254));
            assert_eq!(worked.unwrap_err().code().name(), "log-io", "{operation} {fault:?}");
            assert_eq!(disk.operations(), operation + 1, "it went on after {operation}");
            let (state, owed) = history.last().unwrap();
            let recovery = judge(state, owed);
            let (recovered, owed) = recovery.last().unwrap();
            let power_cut = recovered.after_power_cut();
            judge(power_cut.first().unwrap(), owed);
        }
    }
}

/// A killed process leaves names in the page cache; the next one relies on them, and then the power goes.
#[test]
fn k06_logt2_logt5_a_kill_then_a_power_cut() {
    let disk = MemoryDisk::new(durable(254));
    let (history, worked) = work(&disk, &batches(254));
    worked.unwrap();
    for (state, owed) in &history {
        let recovery = judge(state, owed);
        let (recovered, owed) = recovery.last().unwrap();
        judge(recovered.after_power_cut().first().unwrap(), owed);
    }
}

/// A crash while a log is made leaves none, or an empty one.
#[test]
fn k06_logt1_a_crash_while_a_log_is_made() {
    let disk = MemoryDisk::new(State::empty());
    let states = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&states);
    disk.watch(move |state| seen.lock().unwrap().push(state.clone()));
    Log::create(Arc::new(disk.clone()), Path::new("/log"), &TOY, &Clock::system()).unwrap();
    for state in states.lock().unwrap().iter().flat_map(State::after_power_cut) {
        match Log::open(Arc::new(MemoryDisk::new(state)), Path::new("/log"), TOY, Clock::system()) {
            Ok(log) => assert_eq!(check(&log).len(), 0),
            Err(error) => assert_eq!(error.code().name(), "log-absent"),
        }
    }
}
