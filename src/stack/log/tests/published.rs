//! T9 to T11, and kills: a log in a bucket that fails, lies, and has another writer.

use std::time::Duration;

use tokio::time::timeout;

use super::bucket;
use super::bucket::lying::{Lie, Lying};
use super::*;

/// For an answer that must not come.
const NEVER: Duration = Duration::from_millis(500);
/// For one that must.
const SOON: Duration = Duration::from_secs(20);

pub(super) fn open(dir: &Path, bucket: &Lying) -> Result<Log<Toy>, LogError> {
    let publishing =
        Publishing { bucket: Some(Arc::new(bucket.clone())), patience: Duration::ZERO, ..Publishing::default() };
    Log::open_all(Arc::new(Disk), dir, TOY, Clock::system(), 256, publishing)
}

pub(super) fn new(folder: &tempfile::TempDir) -> (PathBuf, Lying) {
    (new_log(folder.path()), Lying::default())
}

fn copy(dir: &Path, name: &str) -> PathBuf {
    let copy = dir.with_file_name(name);
    copy_dir(dir, &copy);
    copy
}

/// Appends, and must not be told yes; gives the code with which the log ended.
pub(super) async fn ends(log: &Log<Toy>, number: u64) -> &'static str {
    let answer = timeout(SOON, log.append(entry(number))).await.expect("an answer, or the end");
    assert_eq!(answer.unwrap_err(), AppendError::Stopped);
    timeout(SOON, log.failed()).await.unwrap().code().name()
}

/// Reads the log as a stranger does: from the checkpoint, by its tiles; its entries.
pub(super) fn read(bucket: &Lying) -> Vec<Vec<u8>> {
    let note = String::from_utf8(bucket.read("checkpoint").unwrap()).unwrap();
    let (size, root) = TOY.open(&note).unwrap();
    let mut frontier = crate::format::merkle::Frontier::new();
    let mut entries = Vec::new();
    for index in 0..size.div_ceil(256) {
        let tile = Tile::of_tree(TileKind::Entries, index, size).unwrap();
        let bytes = bucket.read(&tile.to_string()).unwrap();
        entries.extend(tile.entries(&bytes).unwrap().into_iter().map(<[u8]>::to_vec));
        let hashes = Tile::of_tree(TileKind::Hashes { level: 0 }, index, size).unwrap();
        let leaves = hashes.hashes(&bucket.read(&hashes.to_string()).unwrap()).unwrap();
        leaves.into_iter().for_each(|leaf| frontier.append(leaf, |_, _, _| {}));
    }
    assert!(entries.len() as u64 == size && frontier.root() == root);
    entries
}

/// Whatever readers ever saw is one history: each checkpoint is the tree of the last one's first entries.
fn one_history(bucket: &Lying) {
    let entries = read(bucket);
    let mut last = 0;
    for note in bucket.shown() {
        let (size, root) = TOY.open(&note).unwrap();
        assert!(size >= last, "readers saw {size} after {last}");
        last = size;
        let mut frontier = crate::format::merkle::Frontier::new();
        entries[..size as usize].iter().for_each(|entry| frontier.append(leaf_hash(entry), |_, _, _| {}));
        assert_eq!(frontier.root(), root, "two histories at {size}");
    }
}

pub(super) fn findings(bucket: &Lying, dir: &Path) -> Vec<String> {
    let findings = bucket::check(bucket, Arc::new(Disk), dir, &TOY).unwrap();
    findings.into_iter().map(|finding| format!("{}: {}", finding.path.display(), finding.what)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_grows_in_its_bucket() {
    let folder = tempdir();
    let (dir, bucket) = new(&folder);
    let mut expected = Vec::new();
    for numbers in [0..0, 0..1, 1..255, 255..256, 256..257, 257..700, 700..2000] {
        let log = open(&dir, &bucket).unwrap();
        assert_eq!(read(&bucket), expected);
        expected.extend(numbers.clone().map(entry));
        fill(&log, numbers).await;
        // What is acknowledged is there.
        assert_eq!((read(&bucket), check(&log)), (expected.clone(), expected.clone()));
        assert_eq!(log.unpublished(), 0);
    }
    one_history(&bucket);
    assert_eq!(findings(&bucket, &dir), [""; 0]);
    assert!(bucket.names().iter().all(|name| !name.starts_with("probe/")));
    // A log that stood on the disk alone is brought there at the start.
    let later = Lying::named("-2");
    drop(open(&dir, &later).unwrap());
    assert_eq!(read(&later), expected);
}

/// A bucket that is away: entries wait, as many and as long as is allowed; then none are taken, until it is back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_that_is_away_holds_the_log_up() {
    let folder = tempdir();
    let long = Duration::from_secs(3600);
    for (bound, goes_on) in [
        (Bound { entries: 5, time: long }, false),
        (Bound { entries: u64::MAX, time: Duration::from_secs(3) }, false),
        (Bound { entries: u64::MAX, time: long }, true),
    ] {
        let dir = folder.path().join(format!("{bound:?}").replace(' ', ""));
        Log::create(Arc::new(Disk), &dir, &TOY, &Clock::system()).unwrap();
        let bucket = Lying::default();
        let publishing = Publishing { bucket: Some(Arc::new(bucket.clone())), bound, ..Publishing::default() };
        let log = Log::open_all(Arc::new(Disk), &dir, TOY, Clock::system(), 256, publishing).unwrap();
        fill(&log, 0..3).await;
        assert!(!log.is_held_up() && log.unpublished_for() == Duration::ZERO);
        bucket.lie([Lie::Down]);
        for number in 3..8 {
            let waits = timeout(Duration::from_millis(80), log.append(entry(number))).await;
            assert!(matches!(waits, Err(_) | Ok(Err(AppendError::HeldUp))), "{number}: nothing is acknowledged");
        }
        let end = tokio::time::Instant::now() + if goes_on { Duration::from_secs(4) } else { SOON };
        while !log.is_held_up() && tokio::time::Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(log.is_held_up(), !goes_on, "{bound:?}");
        assert!(log.unpublished_for() > Duration::ZERO);
        let committed = log.unpublished();
        for number in 8..20 {
            let refused = timeout(Duration::from_millis(20), log.append(entry(number))).await;
            assert_eq!(matches!(refused, Ok(Err(AppendError::HeldUp))), !goes_on, "{number}");
        }
        assert_eq!(log.unpublished() > committed, goes_on, "nothing more is committed");
        assert_eq!((log.head().size(), read(&bucket).len()), (3, 3));
        // It goes on by itself, with all that was committed.
        bucket.lie([]);
        let end = tokio::time::Instant::now() + SOON;
        while log.unpublished() > 0 || log.is_held_up() {
            assert!(tokio::time::Instant::now() < end, "{bound:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(log.unpublished_for(), Duration::ZERO);
        fill(&log, 100..110).await;
        assert_eq!(read(&bucket), check(&log));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logt11_a_kill_at_every_request() {
    let folder = tempdir();
    let (before, bucket) = new(&folder);
    fill(&open(&before, &bucket).unwrap(), 0..255).await;
    let template = bucket.contents();
    for done in [false, true] {
        for requests in 0.. {
            let (dir, bucket) = (copy(&before, &format!("{done}-{requests}")), Lying::of(&template));
            bucket.lie([Lie::Dies(requests, done)]);
            let mut acknowledged = Vec::new();
            let opened = open(&dir, &bucket);
            if let Err(error) = &opened {
                assert_eq!(error.code().name(), "bucket-unreachable", "{done} {requests}");
            }
            let survived = if let Ok(log) = opened {
                for number in 255..258 {
                    match timeout(Duration::from_millis(40), log.append(entry(number))).await {
                        Ok(answer) => acknowledged.push(answer.unwrap().index),
                        Err(_) => break,
                    }
                }
                acknowledged.len() == 3
            } else {
                false
            };
            bucket.lie([]);
            let log = open(&dir, &bucket).unwrap();
            let entries = read(&bucket);
            assert!(entries.len() >= 255 + acknowledged.len(), "{done} {requests}: lost");
            assert_eq!(entries, check(&log));
            one_history(&bucket);
            assert_eq!(findings(&bucket, &dir), [""; 0], "{done} {requests}");
            drop(log);
            std::fs::remove_dir_all(&dir).unwrap();
            if survived {
                break;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logt9_the_second_of_two_writers_fences_the_first_off() {
    let folder = tempdir();
    let (dir, bucket) = new(&folder);
    let first = open(&dir, &bucket).unwrap();
    fill(&first, 0..300).await;
    let second = open(&copy(&dir, "second"), &bucket).unwrap();
    assert_eq!(ends(&first, 300).await, "bucket-fenced");
    assert!(first.head().size() == 300 && read(&bucket).len() == 300, "nobody saw what it committed");
    fill(&second, 1000..1300).await;
    assert_eq!(read(&bucket).len(), 600);
    assert_eq!(first.append(entry(0)).await.unwrap_err(), AppendError::Stopped);
    // What the first had committed alone is on its disk, and is not brought back.
    drop(first);
    let refused = open(&dir, &bucket).unwrap_err();
    assert_eq!(refused.code().name(), "log-rolled-back", "{refused}");
    one_history(&bucket);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logt9_two_first_starts_have_one_writer() {
    let folder = tempdir();
    let (dir, bucket) = new(&folder);
    let other = copy(&dir, "other");
    let (one, two) = std::thread::scope(|scope| {
        let one = scope.spawn(|| open(&dir, &bucket));
        let two = scope.spawn(|| open(&other, &bucket));
        (one.join().unwrap(), two.join().unwrap())
    });
    let mut writers = 0;
    for log in [one, two] {
        match log {
            Ok(log) => match timeout(SOON, log.append(entry(writers))).await.unwrap() {
                Ok(_) => writers += 1,
                Err(_) => assert_eq!(log.failed().await.code().name(), "bucket-fenced"),
            },
            Err(error) => assert!(["bucket-fenced", "bucket-lost"].contains(&error.code().name()), "{error}"),
        }
    }
    assert_eq!(writers, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logt10_what_a_paused_writer_had_begun_comes_late_and_changes_nothing() {
    for late in ["tile/", "checkpoint", "writer"] {
        let folder = tempdir();
        let (dir, bucket) = new(&folder);
        let paused = bucket.other();
        let first = open(&dir, &paused).unwrap();
        fill(&first, 0..10).await;
        paused.lie([Lie::Delays(late)]);
        assert!(timeout(NEVER, first.append(entry(10))).await.is_err(), "{late}");
        // The second goes on from the first one's disk, as after a move.
        let copy = copy(&dir, "second");
        let second = open(&copy, &bucket).unwrap();
        fill(&second, 100..120).await;
        assert_eq!(bucket.release(), 0, "{late}: a write of the first came through");
        fill(&second, 120..140).await;
        paused.lie([]);
        assert_eq!(ends(&first, 11).await, "bucket-fenced", "{late}");
        assert_eq!(read(&bucket).len(), 51, "{late}");
        one_history(&bucket);
        assert_eq!(findings(&bucket, &copy), [""; 0], "{late}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logt11_an_answer_that_is_lost_is_no_second_commit() {
    let folder = tempdir();
    let (dir, bucket) = new(&folder);
    let log = open(&dir, &bucket).unwrap();
    let mut number = 0;
    for name in ["writer", "tile/", "checkpoint"] {
        let done = Lie::DoneUnanswered(name);
        for lies in [vec![done], vec![done, Lie::Stale(name)], vec![Lie::LostUnanswered(name)], vec![Lie::Down]] {
            bucket.lie(lies.clone());
            // As long as nothing is known, nothing is said, unless what stands there says it.
            let answer = timeout(NEVER, log.append(entry(number))).await;
            assert_eq!(answer.is_ok(), lies == [done], "{lies:?}");
            bucket.lie([]);
            let appended = timeout(SOON, log.append(entry(number))).await.unwrap().unwrap();
            assert_eq!(appended.index, number, "{lies:?}");
            number += 1;
        }
    }
    assert_eq!(read(&bucket).len() as u64, number);
    one_history(&bucket);
    assert_eq!(findings(&bucket, &dir), [""; 0]);
}

/// A witness that looks into the bucket before it cosigns.
#[derive(Debug)]
struct Looking {
    bucket: Lying,
    down: std::sync::atomic::AtomicBool,
}

impl Cosigner for Looking {
    fn cosign(&self, checkpoint: &Uncosigned<'_>) -> Result<String, CosignError> {
        let writer = String::from_utf8(self.bucket.read("writer").unwrap()).unwrap();
        assert!(writer.contains(&checkpoint.note.replace('\n', "\\n")), "{writer}");
        if let Some(tile) = Tile::of_tree(TileKind::Entries, 0, checkpoint.size) {
            assert!(self.bucket.read(&tile.to_string()).is_some(), "{tile}");
        }
        match self.down.load(Ordering::Relaxed) {
            true => Err(CosignError::Few { found: 0, required: 1 }),
            false => Ok(format!("{}cosigned\n", checkpoint.note)),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logt17_what_witnesses_see_is_in_the_bucket_and_what_readers_see_is_cosigned() {
    let folder = tempdir();
    let (dir, bucket) = new(&folder);
    let witness = Arc::new(Looking { bucket: bucket.clone(), down: false.into() });
    let publishing = || Publishing {
        cosigner: Some(Arc::clone(&witness) as Arc<dyn Cosigner>),
        bucket: Some(Arc::new(bucket.clone())),
        patience: Duration::ZERO,
        ..Publishing::default()
    };
    let start = || Log::open_all(Arc::new(Disk), &dir, TOY, Clock::system(), 256, publishing());
    let log = start().unwrap();
    fill(&log, 0..10).await;
    witness.down.store(true, Ordering::Relaxed);
    assert!(timeout(NEVER, log.append(entry(10))).await.is_err());
    assert_eq!((read(&bucket).len(), log.head().size()), (10, 10));
    drop(log);
    assert_eq!(start().unwrap_err().code().name(), "log-unwitnessed");
    witness.down.store(false, Ordering::Relaxed);
    let log = start().unwrap();
    assert!(timeout(SOON, log.append(entry(10))).await.unwrap().unwrap().duplicate);
    assert!(bucket.shown().iter().all(|note| note.ends_with("cosigned\n")));
    assert_eq!(read(&bucket).len(), 11);
    assert_eq!(findings(&bucket, &dir), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logt11_a_store_that_lies_is_caught_without_an_acknowledgement() {
    type Tamper = fn(&Lying);
    let cases: [(&str, Tamper, &str); 12] = [
        ("a tile is not stored", |bucket| bucket.lie([Lie::Forgets("tile/")]), "bucket-lost"),
        ("the record is not stored", |bucket| bucket.lie([Lie::Forgets("writer")]), "bucket-lost"),
        ("the checkpoint is not stored", |bucket| bucket.lie([Lie::Forgets("checkpoint")]), "bucket-lost"),
        ("old tiles are read", |bucket| bucket.lie([Lie::Stale("tile/")]), "bucket-lost"),
        ("an old record is read", |bucket| bucket.lie([Lie::Stale("writer")]), "bucket-lost"),
        ("an old checkpoint is read", |bucket| bucket.lie([Lie::Stale("checkpoint")]), "bucket-lost"),
        ("the record went back", |bucket| bucket.go_back("writer"), "bucket-lost"),
        ("the record is gone", |bucket| bucket.forget("writer"), "bucket-lost"),
        ("the record is garbage", |bucket| bucket.put("writer", b"{}"), "bucket-conflict"),
        ("the checkpoint went back", |bucket| bucket.go_back("checkpoint"), "bucket-lost"),
        ("the checkpoint is gone", |bucket| bucket.forget("checkpoint"), "bucket-lost"),
        ("a tile of others", |bucket| bucket.put("tile/entries/000.p/11", b"others"), "bucket-conflict"),
    ];
    for (what, tamper, code) in cases {
        let folder = tempdir();
        let (dir, bucket) = new(&folder);
        let log = open(&dir, &bucket).unwrap();
        grow(&log, 0..10).await;
        let shown = bucket.shown().len();
        tamper(&bucket);
        assert_eq!(ends(&log, 10).await, code, "{what}");
        let unseen = what == "an old checkpoint is read" || bucket.shown().len() == shown;
        assert!(unseen && log.head().size() == 10, "{what}");
        // It is not overwritten.
        assert!(!what.contains("others") || bucket.read("tile/entries/000.p/11").unwrap() == b"others");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logt11_a_start_refuses_a_store_that_cannot_hold_a_log() {
    for (lie, what) in [
        (Lie::IgnoresConditions("probe/"), "it ignores If-None-Match"),
        (Lie::IgnoresUpdates("probe/"), "it ignores If-Match"),
        (Lie::Forgets("probe/"), "what was written is not read"),
        (Lie::Stale("probe/"), "what was written is not read"),
    ] {
        let folder = tempdir();
        let (dir, bucket) = new(&folder);
        bucket.lie([lie]);
        let refused = open(&dir, &bucket).unwrap_err();
        assert_eq!(refused.code().name(), "bucket-preconditions");
        assert!(refused.to_string().ends_with(what), "{refused}");
        assert_eq!(bucket.names(), [""; 0], "nothing was written");
        bucket.lie([Lie::Down]);
        assert_eq!(open(&dir, &bucket).unwrap_err().code().name(), "bucket-unreachable");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k09_a_start_refuses_a_bucket_that_is_not_the_beginning_of_its_log() {
    type Tamper = fn(&Lying);
    let cases: [(&str, Tamper, &str); 6] = [
        ("the record is gone", |bucket| bucket.forget("writer"), "bucket-lost"),
        ("the checkpoint is gone", |bucket| bucket.forget("checkpoint"), "bucket-lost"),
        (
            "the checkpoint is an old one",
            |bucket| {
                bucket.go_back("checkpoint");
                bucket.go_back("checkpoint");
            },
            "bucket-lost",
        ),
        ("all of it is gone", |bucket| bucket.names().iter().for_each(|name| bucket.forget(name)), "bucket-lost"),
        ("the record is garbage", |bucket| bucket.put("writer", b"{}"), "bucket-conflict"),
        ("the checkpoint is another log's", |bucket| bucket.put("checkpoint", b"other\n1\n"), "log-key-mismatch"),
    ];
    for (what, tamper, code) in cases {
        let folder = tempdir();
        let (dir, bucket) = new(&folder);
        grow(&open(&dir, &bucket).unwrap(), 0..10).await;
        let before = bucket.contents();
        drop(open(&dir, &Lying::of(&before)).unwrap());
        tamper(&bucket);
        let refused = open(&dir, &bucket).unwrap_err();
        assert_eq!(refused.code().name(), code, "{what}: {refused}");
    }
    let folder = tempdir();
    let (dir, bucket) = new(&folder);
    let older = copy(&dir, "older");
    grow(&open(&dir, &bucket).unwrap(), 0..10).await;
    assert_eq!(open(&older, &bucket).unwrap_err().code().name(), "log-rolled-back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fsck_names_every_object_that_is_not_the_logs() {
    let folder = tempdir();
    let (dir, bucket) = new(&folder);
    fill(&open(&dir, &bucket).unwrap(), 0..300).await;
    bucket.forget("tile/0/000");
    bucket.put("tile/entries/001.p/44", b"others");
    let expected = [
        "s3://memory/log/tile/0/000: it is missing",
        "s3://memory/log/tile/entries/001.p/44: it holds other bytes than the log has",
    ];
    assert_eq!(findings(&bucket, &dir), expected);
    bucket.put("writer", b"{}");
    bucket.put("checkpoint", b"other\n1\n");
    let expected = [
        "s3://memory/log/writer: it is no record of a writer",
        "s3://memory/log/checkpoint: it is not signed by this log's key and origin",
    ];
    assert_eq!(findings(&bucket, &dir), expected);
    bucket.forget("writer");
    bucket.put("checkpoint", TOY.sign(300, &[7; 32], UnixTime::from_secs(0)).unwrap().as_bytes());
    let expected = [
        "s3://memory/log/writer: it is missing",
        "s3://memory/log/checkpoint: it signs a tree that is not the beginning of the log's",
    ];
    assert_eq!(findings(&bucket, &dir), expected);
}
