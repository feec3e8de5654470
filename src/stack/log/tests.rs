//! The engine against a toy codec: growth, crashes at every operation, flipped bits, two writers.

mod beside;
mod crashes;
mod index;
mod published;
mod restored;
mod witnessed;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};

use super::vfs::failing::FailingDisk;
use super::*;
use crate::base::crypto::sha256;
use crate::base::encoding::hex;
use crate::format::merkle::{Tile, leaf_hash, verify_inclusion};

/// Entries with a u16 length before them; a checkpoint that anyone can forge.
#[derive(Debug, Clone, Copy)]
struct Toy(&'static str);

impl Codec for Toy {
    type Entry = Vec<u8>;
    const BUNDLES: TileKind = TileKind::Entries;
    const INDEXED: bool = true;

    fn seal(&self, entry: &Vec<u8>, _index: u64, _at: UnixTime) -> Option<Sealed> {
        let length = u16::try_from(entry.len()).ok()?.to_be_bytes();
        Some(Sealed { bytes: [&length[..], entry].concat(), leaf: leaf_hash(entry) })
    }
    fn read<'a>(&self, bundle: &'a [u8]) -> Option<(Record, &'a [u8])> {
        let (length, rest) = bundle.split_first_chunk::<2>()?;
        let (entry, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
        Some((Record { leaf: leaf_hash(entry), at: None }, rest))
    }
    fn sign(&self, size: u64, root: &Hash, _at: UnixTime) -> Result<String, SigningError> {
        Ok(format!("{}\n{size}\n{}\n", self.0, hex::encode(root)))
    }
    fn open(&self, note: &str) -> Option<(u64, Hash)> {
        let mut lines = note.strip_prefix(self.0)?.strip_prefix('\n')?.lines();
        let size = lines.next()?.parse().ok()?;
        Some((size, hex::decode(lines.next()?)?.try_into().ok()?))
    }
}

const TOY: Toy = Toy("toy");

fn entry(number: u64) -> Vec<u8> {
    format!("entry {number}").into_bytes()
}

/// A folder in memory where the system has one: these tests sync thousands of times, and crash without
/// losing what was not synced.
fn tempdir() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

fn new_log(dir: &Path) -> PathBuf {
    let dir = dir.join("log");
    Log::create(Arc::new(Disk), &dir, &TOY, &Clock::system()).unwrap();
    dir
}

fn open(dir: &Path) -> Result<Log<Toy>, LogError> {
    Log::open(Arc::new(Disk), dir, TOY, Clock::system())
}

/// Appends entries one by one while the log takes them: the indices that were acknowledged.
async fn grow(log: &Log<Toy>, numbers: std::ops::Range<u64>) -> BTreeMap<u64, u64> {
    let mut acknowledged = BTreeMap::new();
    for number in numbers {
        match log.append(entry(number)).await {
            Ok(appended) => acknowledged.insert(number, appended.index),
            Err(_) => break,
        };
    }
    acknowledged
}

/// Appends many entries in few batches.
async fn fill(log: &Log<Toy>, numbers: std::ops::Range<u64>) {
    for result in join(numbers.map(|number| log.append(entry(number)))).await {
        result.unwrap();
    }
}

/// Polls all futures at once.
async fn join<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        for (future, output) in futures.iter_mut().filter(|(_, output)| output.is_none()) {
            if let std::task::Poll::Ready(value) = future.as_mut().poll(context) {
                *output = Some(value);
            }
        }
        let done = futures.iter().all(|(_, output)| output.is_some());
        if done { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    futures.into_iter().map(|(_, output)| output.unwrap()).collect()
}

/// Reads the whole log back through its read path: every entry, every leaf, a proof in fifty.
fn check(log: &Log<Toy>) -> Vec<Vec<u8>> {
    let head = log.head();
    let (size, root) = TOY.open(head.note()).unwrap();
    assert_eq!((size, root), (head.size(), head.root()));
    let mut entries = Vec::new();
    for bundle in 0..size.div_ceil(256) {
        let tile = Tile::of_tree(TileKind::Entries, bundle, size).unwrap();
        let bytes = log.tile(tile).unwrap().unwrap();
        let here = tile.entries(&bytes).unwrap();
        let hashes = Tile::of_tree(TileKind::Hashes { level: 0 }, bundle, size).unwrap();
        let leaves = hashes.hashes(&log.tile(hashes).unwrap().unwrap()).unwrap();
        assert_eq!(leaves, here.iter().map(|entry| leaf_hash(entry)).collect::<Vec<_>>());
        entries.extend(here.into_iter().map(<[u8]>::to_vec));
    }
    let last = entries.len().saturating_sub(1);
    for (index, entry) in entries.iter().enumerate().filter(|(index, _)| index % 50 == 0 || *index == last) {
        let (index, leaf) = (index as u64, leaf_hash(entry));
        let proof = log.prove(&head, index, &leaf).unwrap();
        verify_inclusion(index, size, &leaf, &proof, &root).unwrap();
    }
    entries
}

#[tokio::test]
async fn grows_over_bundles_and_restarts() {
    let dir = tempdir();
    let dir = new_log(dir.path());
    let mut expected = Vec::new();
    for numbers in [0..0, 0..1, 1..255, 255..256, 256..257, 257..700, 700..2000] {
        let log = open(&dir).unwrap();
        assert_eq!(check(&log), expected);
        expected.extend(numbers.clone().map(entry));
        fill(&log, numbers).await;
        // Batches keep the order of arrival.
        assert_eq!(check(&log), expected);
    }
}

#[tokio::test]
async fn k11_a_tile_of_tiles() {
    let dir = tempdir();
    let dir = new_log(dir.path());
    let log = open(&dir).unwrap();
    for start in (0..65_536).step_by(4096) {
        fill(&log, start..start + 4096).await;
    }
    fill(&log, 65_536..65_540).await;
    drop(log);
    let log = open(&dir).unwrap();
    let head = log.head();
    assert_eq!(head.size(), 65_540);
    for index in [0, 255, 256, 65_535, 65_536, 65_539] {
        log.prove(&head, index, &leaf_hash(&entry(index))).unwrap();
        assert_eq!(log.record(&head, index).unwrap().unwrap().0[2..], entry(index));
    }
    let tile = Tile::parse("tile/1/000").unwrap();
    assert_eq!(log.tile(tile).unwrap().unwrap().len(), 8192);
    assert!(dir.join("tile/1/000").exists());
}

#[tokio::test]
async fn k13_partials_are_prefixes() {
    let dir = tempdir();
    let dir = new_log(dir.path());
    let log = open(&dir).unwrap();
    fill(&log, 0..300).await;
    let read = |path: &str| log.tile(Tile::parse(path).unwrap()).unwrap();
    for (full, partial) in [("tile/entries/000", "tile/entries/000.p/7"), ("tile/0/000", "tile/0/000.p/7")] {
        assert!(read(full).unwrap().starts_with(&read(partial).unwrap()));
    }
    assert_eq!(read("tile/0/001.p/44").unwrap().len(), 44 * 32);
    for beyond in ["tile/0/001", "tile/0/001.p/45", "tile/entries/002.p/1", "tile/2/000.p/1", "tile/data/000"] {
        assert_eq!(read(beyond), None, "{beyond}");
    }
}

#[tokio::test]
async fn k05_duplicates_have_one_leaf() {
    let dir = tempdir();
    let dir = new_log(dir.path());
    let log = open(&dir).unwrap();
    fill(&log, 0..3).await;
    let twice = join((0..50).map(|_| log.append(entry(7)))).await;
    assert!(twice.iter().all(|appended| appended.as_ref().unwrap().index == 3));
    assert_eq!(twice.iter().filter(|appended| appended.as_ref().unwrap().duplicate).count(), 49);
    drop(log);
    let log = open(&dir).unwrap();
    let again = log.append(entry(1)).await.unwrap();
    assert_eq!((again.index, again.duplicate, again.head.size()), (1, true, 4));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k12_many_writers() {
    let dir = tempdir();
    let log = Arc::new(open(&new_log(dir.path())).unwrap());
    let writers: Vec<_> = (0..64u64)
        .map(|writer| {
            let log = Arc::clone(&log);
            tokio::spawn(async move {
                for number in (0..20).map(|n| writer * 1000 + n) {
                    let appended = log.append(entry(number)).await.unwrap();
                    let leaf = leaf_hash(&entry(number));
                    log.prove(&appended.head, appended.index, &leaf).unwrap();
                    log.prove(&log.head(), appended.index, &leaf).unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(check(&log).len(), 64 * 20);
}

/// Runs `work` on disks that die after 0, 1, 2… operations until one survives it. After each death the log
/// is opened again, on disks that die during recovery too, and must hold all that was acknowledged.
#[tokio::test]
async fn k06_a_crash_at_every_operation() {
    for start in [0, 250, 511] {
        let dir = tempdir();
        let before = new_log(dir.path());
        fill(&open(&before).unwrap(), 0..start).await;
        for operations in 0.. {
            let copy = dir.path().join(format!("copy-{operations}"));
            copy_dir(&before, &copy);
            let disk = FailingDisk::after(operations);
            let mut acknowledged = BTreeMap::new();
            if let Ok(log) = Log::open(Arc::new(disk.clone()), &copy, TOY, Clock::system()) {
                acknowledged = grow(&log, start..start + 9).await;
            }
            let survived = disk.left() > 0;
            for again in 0.. {
                let disk = FailingDisk::after(again);
                if Log::open(Arc::new(disk.clone()), &copy, TOY, Clock::system()).is_ok() && disk.left() > 0 {
                    break;
                }
            }
            let log = open(&copy).unwrap();
            let entries = check(&log);
            assert!(entries.len() as u64 >= start);
            for (number, index) in acknowledged {
                assert_eq!(entries[usize::try_from(index).unwrap()], entry(number), "{start} {operations}");
            }
            grow(&log, 1000..1003).await;
            check(&log);
            if survived {
                break;
            }
        }
    }
}

#[tokio::test]
async fn k07_a_failed_sync_acknowledges_nothing_and_ends_the_log() {
    let dir = tempdir();
    let before = new_log(dir.path());
    let disk = FailingDisk::after(usize::MAX);
    drop(Log::open(Arc::new(disk.clone()), &before, TOY, Clock::system()).unwrap());
    let recovery = usize::MAX - disk.left();
    // An append to the tail and its sync, an append to the commits and its sync.
    for operation in 0..4 {
        let copy = dir.path().join(format!("copy-{operation}"));
        copy_dir(&before, &copy);
        let disk = FailingDisk::after(recovery + operation);
        let log = Log::open(Arc::new(disk), &copy, TOY, Clock::system()).unwrap();
        assert_eq!(log.append(entry(0)).await.unwrap_err(), AppendError::Stopped);
        assert_eq!(log.failed().await.code().name(), "log-io");
        assert_eq!(log.append(entry(1)).await.unwrap_err(), AppendError::Stopped);
        assert_eq!(log.head().size(), 0);
    }
}

/// A codec whose key is broken in the worst way.
#[derive(Debug, Clone, Copy)]
struct Panicking;

impl Codec for Panicking {
    type Entry = Vec<u8>;
    const BUNDLES: TileKind = TileKind::Entries;
    const INDEXED: bool = true;

    fn seal(&self, _: &Vec<u8>, _: u64, _: UnixTime) -> Option<Sealed> {
        panic!("for the test")
    }
    fn read<'a>(&self, bundle: &'a [u8]) -> Option<(Record, &'a [u8])> {
        TOY.read(bundle)
    }
    fn sign(&self, size: u64, root: &Hash, at: UnixTime) -> Result<String, SigningError> {
        TOY.sign(size, root, at)
    }
    fn open(&self, note: &str) -> Option<(u64, Hash)> {
        TOY.open(note)
    }
}

#[tokio::test]
async fn k07_a_panic_is_a_failure() {
    let dir = tempdir();
    let log = Log::open(Arc::new(Disk), &new_log(dir.path()), Panicking, Clock::system()).unwrap();
    assert!(log.failure().is_none());
    assert_eq!(log.append(entry(0)).await.unwrap_err(), AppendError::Stopped);
    assert_eq!(log.failed().await.code().name(), "log-ended");
    assert_eq!(log.append(entry(0)).await.unwrap_err(), AppendError::Stopped);
}

/// A log whose key is lost, or signs no more from some moment on.
#[derive(Debug, Clone, Copy)]
struct Unsigned;

impl Codec for Unsigned {
    type Entry = Vec<u8>;
    const BUNDLES: TileKind = TileKind::Entries;
    const INDEXED: bool = true;

    fn seal(&self, entry: &Vec<u8>, index: u64, at: UnixTime) -> Option<Sealed> {
        TOY.seal(entry, index, at)
    }
    fn read<'a>(&self, bundle: &'a [u8]) -> Option<(Record, &'a [u8])> {
        TOY.read(bundle)
    }
    fn sign(&self, _: u64, _: &Hash, _: UnixTime) -> Result<String, SigningError> {
        Err(SigningError)
    }
    fn open(&self, note: &str) -> Option<(u64, Hash)> {
        TOY.open(note)
    }
}

#[tokio::test]
async fn a_key_that_does_not_sign() {
    let dir = tempdir();
    let made = Log::create(Arc::new(Disk), &dir.path().join("other"), &Unsigned, &Clock::system()).unwrap_err();
    assert_eq!((made.code().name(), made.code().exit_code()), ("log-signing", 3));
    let log = Log::open(Arc::new(Disk), &new_log(dir.path()), Unsigned, Clock::system()).unwrap();
    assert_eq!(log.append(entry(0)).await.unwrap_err(), AppendError::Stopped);
    assert_eq!(log.failed().await.code().name(), "log-signing");
}

/// The commit file is begun anew before it grows long.
#[tokio::test]
async fn commits_stay_short() {
    let dir = tempdir();
    let dir = new_log(dir.path());
    let log = open(&dir).unwrap();
    let most = storage::COMMITS_BYTES as u64 / (2 * commits::BLOCK as u64);
    assert_eq!(grow(&log, 0..most).await.len() as u64, most);
    drop(log);
    assert!(std::fs::metadata(dir.join("commits")).unwrap().len() as usize <= 4 * commits::BLOCK);
    assert_eq!(open(&dir).unwrap().head().size(), most);
}

#[tokio::test]
async fn k08_two_writers() {
    let dir = tempdir();
    let dir = new_log(dir.path());
    let first = open(&dir).unwrap();
    assert_eq!(open(&dir).unwrap_err().code().name(), "log-locked");
    drop(first);
    open(&dir).unwrap();
}

#[tokio::test]
async fn k10_a_flipped_bit_anywhere() {
    let dir = tempdir();
    let before = new_log(dir.path());
    fill(&open(&before).unwrap(), 0..260).await;
    let good = check(&open(&before).unwrap());
    for file in ["commits", "tail/1", "tile/entries/000", "tile/0/000"] {
        let bytes = std::fs::read(before.join(file)).unwrap();
        for at in (0..bytes.len()).step_by(if bytes.len() > 1000 { 37 } else { 1 }) {
            let copy = dir.path().join("copy");
            copy_dir(&before, &copy);
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at % 8);
            std::fs::write(copy.join(file), flipped).unwrap();
            match open(&copy) {
                Ok(log) => assert_eq!(check(&log), good, "{file} {at}"),
                Err(error) => {
                    let name = error.code().name();
                    assert!(["log-damaged", "log-data-lost"].contains(&name), "{file} {at}: {name}");
                }
            }
            std::fs::remove_dir_all(&copy).unwrap();
        }
    }
}

#[tokio::test]
async fn k10_lost_entries_and_lost_tiles() {
    let dir = tempdir();
    let dir = new_log(dir.path());
    fill(&open(&dir).unwrap(), 0..260).await;
    // A tile of hashes is proven by its entries, and made again.
    std::fs::remove_file(dir.join("tile/0/000")).unwrap();
    check(&open(&dir).unwrap());
    assert!(dir.join("tile/0/000").exists());
    let tail = std::fs::read(dir.join("tail/1")).unwrap();
    std::fs::write(dir.join("tail/1"), &tail[..tail.len() - 1]).unwrap();
    assert_eq!(open(&dir).unwrap_err().code().name(), "log-data-lost");
    std::fs::write(dir.join("tail/1"), &tail).unwrap();
    std::fs::remove_file(dir.join("tile/entries/000")).unwrap();
    assert_eq!(open(&dir).unwrap_err().code().name(), "log-data-lost");
}

#[tokio::test]
async fn k14_another_key_or_origin() {
    let dir = tempdir();
    let dir = new_log(dir.path());
    let error = Log::open(Arc::new(Disk), &dir, Toy("other"), Clock::system()).unwrap_err();
    assert_eq!(error.code().name(), "log-key-mismatch");
}

#[tokio::test]
async fn never_creates() {
    let dir = tempdir();
    assert_eq!(open(&dir.path().join("none")).unwrap_err().code().name(), "log-absent");
    let dir = new_log(dir.path());
    std::fs::remove_file(dir.join("commits")).unwrap();
    assert_eq!(open(&dir).unwrap_err().code().name(), "log-absent");
}

#[tokio::test]
async fn k15_logt8_a_clock_that_steps_back() {
    let dir = tempdir();
    let dir = new_log(dir.path());
    let now = Arc::new(AtomicI64::new(1_000_000));
    let clock = Arc::clone(&now);
    let clock = Clock::from_fn(move || UnixTime::from_millis(clock.load(Ordering::SeqCst)));
    let log = Log::open(Arc::new(Disk), &dir, TOY, clock).unwrap();
    let first = log.append(entry(0)).await.unwrap().at;
    now.fetch_sub(900, Ordering::SeqCst);
    assert_eq!(log.append(entry(1)).await.unwrap().at, first);
    now.fetch_sub(900, Ordering::SeqCst);
    assert_eq!(log.append(entry(2)).await.unwrap_err(), AppendError::ClockBehind { behind_ms: 1800 });
    now.fetch_add(3000, Ordering::SeqCst);
    assert!(log.append(entry(2)).await.unwrap().at > first);
}

fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for item in std::fs::read_dir(from).unwrap() {
        let item = item.unwrap();
        let to = to.join(item.file_name());
        if item.file_type().unwrap().is_dir() {
            copy_dir(&item.path(), &to);
        } else {
            std::fs::copy(item.path(), to).unwrap();
        }
    }
}
