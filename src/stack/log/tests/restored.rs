//! A log whose disk is lost, made again from its bucket.

use std::sync::Mutex;

use super::super::vfs::memory::{MemoryDisk, State};
use super::bucket::lying::{Lie, Lying};
use super::bucket::{self, Restored};
use super::published::{ends, findings, new, open, read};
use super::*;

fn restore(bucket: &Lying, dir: &Path) -> Result<Restored, LogError> {
    bucket::restore(bucket, (Arc::new(Disk), dir), &TOY, Duration::ZERO)
}

/// The code of a restoration that is refused; nothing came of it that could be opened.
fn refused(bucket: &Lying, dir: &Path) -> (&'static str, String) {
    let error = restore(bucket, dir).unwrap_err();
    assert_eq!(super::open(dir).unwrap_err().code().name(), "log-absent");
    if dir.exists() {
        std::fs::remove_dir_all(dir).unwrap();
    }
    (error.code().name(), error.to_string())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_back_is_the_log() {
    for size in [0, 1, 255, 256, 257, 700, 2048] {
        let folder = tempdir();
        let (dir, bucket) = new(&folder);
        fill(&open(&dir, &bucket).unwrap(), 0..size).await;
        let lost = dir.with_file_name("lost");
        std::fs::rename(&dir, &lost).unwrap();
        let restored = restore(&bucket, &dir).unwrap();
        assert_eq!(restored.size, size);
        let (log, was) =
            (Beside::open(Arc::new(Disk), &dir, &TOY).unwrap(), Beside::open(Arc::new(Disk), &lost, &TOY).unwrap());
        assert_eq!(log.note(), was.note());
        let report = fsck::fsck(&log).unwrap();
        assert!(report.findings.is_empty() && report.size == size && report.bytes == restored.bytes, "{report:?}");
        assert_eq!(findings(&bucket, &dir), [""; 0]);
        assert_eq!(restore(&bucket, &dir).unwrap_err().code().name(), "log-io", "never over a log");
        // It goes on, knows what it has, and is the one writer now: the disk that was not lost is fenced off.
        let other = open(&lost, &bucket).unwrap();
        let log = open(&dir, &bucket).unwrap();
        if size > 0 {
            assert!(log.append(entry(size - 1)).await.unwrap().duplicate);
        }
        fill(&log, size..size + 300).await;
        assert_eq!(check(&log), (0..size + 300).map(entry).collect::<Vec<_>>());
        assert_eq!((read(&bucket), ends(&other, size + 1000).await), (check(&log), "bucket-fenced"));
        assert_eq!(findings(&bucket, &dir), [""; 0]);
    }
}

/// Whatever is not what the log wrote is refused, each by its name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k09_k10_a_bucket_that_is_not_whole() {
    let folder = tempdir();
    let (dir, bucket) = new(&folder);
    let log = open(&dir, &bucket).unwrap();
    grow(&log, 0..300).await;
    drop(log);
    let whole = bucket.contents();
    let signed = |size: u64, root: [u8; 32]| TOY.sign(size, &root, UnixTime::from_secs(0)).unwrap();
    let checkpoint = String::from_utf8(whole["checkpoint"].clone()).unwrap();
    let before = String::from_utf8(whole["writer"].clone()).unwrap().replace("\"published\":", "\"published\":9");
    let bundle = whole["tile/entries/000"].clone();
    let cases: Vec<(&str, &str, Option<Vec<u8>>, &str)> = vec![
        ("the record is gone", "writer", None, "bucket-lost"),
        ("the record is garbage", "writer", Some(b"{}".to_vec()), "bucket-conflict"),
        ("the record says that more was shown", "writer", Some(before.into_bytes()), "bucket-lost"),
        ("the checkpoint is gone", "checkpoint", None, "bucket-lost"),
        ("the checkpoint is another log's", "checkpoint", Some(b"other\n1\n".to_vec()), "log-key-mismatch"),
        ("more was shown than was signed", "checkpoint", Some(signed(301, [7; 32]).into_bytes()), "bucket-lost"),
        (
            "another tree of the size was shown",
            "checkpoint",
            Some(signed(300, [7; 32]).into_bytes()),
            "log-rolled-back",
        ),
        ("a full bundle is gone", "tile/entries/000", None, "bucket-lost"),
        ("the last bundle is gone", "tile/entries/001.p/44", None, "bucket-lost"),
        ("a bundle is cut", "tile/entries/000", Some(bundle[..bundle.len() - 1].to_vec()), "bucket-unproven"),
        ("a bundle is longer", "tile/entries/000", Some([bundle.clone(), vec![0]].concat()), "bucket-unproven"),
        (
            "a bundle is another",
            "tile/entries/000",
            Some([vec![0, 1, 9], bundle[bundle.len().min(3)..].to_vec()].concat()),
            "bucket-unproven",
        ),
    ];
    assert!(checkpoint.contains("300"));
    let to = dir.with_file_name("restored");
    for (what, name, bytes, code) in cases {
        let bucket = Lying::of(&whole);
        match bytes {
            Some(bytes) => bucket.put(name, &bytes),
            None => bucket.forget(name),
        }
        let (found, said) = refused(&bucket, &to);
        assert_eq!(found, code, "{what}: {said}");
    }
    // Each bit of an entry: what is read leads to the signed root, or to nothing.
    for at in (0..bundle.len()).step_by(97) {
        let bucket = Lying::of(&whole);
        let mut bytes = bundle.clone();
        bytes[at] ^= 1;
        bucket.put("tile/entries/000", &bytes);
        assert_eq!(refused(&bucket, &to).0, "bucket-unproven", "{at}");
    }
    let bucket = Lying::of(&whole);
    bucket.lie([Lie::Down]);
    assert_eq!(refused(&bucket, &to).0, "bucket-unreachable");
    // Tiles of hashes are made again from the entries, whatever stands there.
    let bucket = Lying::of(&whole);
    bucket.names().iter().filter(|name| name.starts_with("tile/0")).for_each(|name| bucket.forget(name));
    assert_eq!(restore(&bucket, &to).unwrap().size, 300);
}

/// A record that says more than the bucket holds: its writer died between its signature and the last tile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_signed_and_is_not_there_is_never_replaced() {
    let folder = tempdir();
    let (dir, bucket) = new(&folder);
    grow(&open(&dir, &bucket).unwrap(), 0..300).await;
    let (shown, before) = (bucket.read("checkpoint").unwrap(), bucket.contents());
    grow(&open(&dir, &bucket).unwrap(), 300..301).await;
    let to = dir.with_file_name("restored");
    // It died before the checkpoint, with all entries there: that is the log.
    let bucket = Lying::of(&bucket.contents());
    bucket.put("checkpoint", &shown);
    assert_eq!(restore(&bucket, &to).unwrap().size, 301);
    assert_eq!(read(&bucket).len(), 300);
    drop(open(&to, &bucket).unwrap());
    assert_eq!(read(&bucket).len(), 301);
    std::fs::remove_dir_all(&to).unwrap();
    // It died before the entries were there.
    let writer = bucket.read("writer").unwrap();
    let bucket = Lying::of(&before);
    bucket.put("writer", &writer);
    let (code, said) = refused(&bucket, &to);
    assert_eq!(code, "bucket-unfinished");
    assert!(said.contains("signed 301 entries, and its readers have 300"), "{said}");
}

/// Another process that writes the log meanwhile.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logt9_a_log_that_is_being_written_is_not_restored() {
    let folder = tempdir();
    let (dir, bucket) = new(&folder);
    let log = open(&dir, &bucket).unwrap();
    fill(&log, 0..10).await;
    let (from, to) = (bucket.clone(), dir.with_file_name("restored"));
    let restoring = std::thread::spawn(move || {
        let code =
            bucket::restore(&from, (Arc::new(Disk), &to), &TOY, Duration::from_secs(2)).unwrap_err().code().name();
        (code, super::open(&to).unwrap_err().code().name())
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    fill(&log, 10..20).await;
    assert_eq!(restoring.join().unwrap(), ("bucket-fenced", "log-absent"));
    fill(&log, 20..30).await;
    assert_eq!(read(&bucket).len(), 30, "and it goes on");
}

/// A crash at every file operation leaves no log, or all of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k06_logt1_a_crash_while_a_log_is_restored() {
    let folder = tempdir();
    let (dir, bucket) = new(&folder);
    fill(&open(&dir, &bucket).unwrap(), 0..258).await;
    let disk = MemoryDisk::new(State::empty());
    let states = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&states);
    disk.watch(move |state| seen.lock().unwrap().push(state.clone()));
    let to = Path::new("/log");
    bucket::restore(&bucket, (Arc::new(disk.clone()), to), &TOY, Duration::ZERO).unwrap();
    let mut states = std::mem::take(&mut *states.lock().unwrap());
    states.push(disk.state());
    assert!(states.len() > 20, "{}", states.len());
    let (mut absent, mut whole) = (0, 0);
    for state in states.iter().flat_map(|state| state.after_power_cut().into_iter().chain([state.clone()])) {
        match Log::open(Arc::new(MemoryDisk::new(state)), to, TOY, Clock::system()) {
            Ok(log) => {
                assert_eq!(check(&log), (0..258).map(entry).collect::<Vec<_>>());
                whole += 1;
            }
            Err(error) => {
                assert_eq!(error.code().name(), "log-absent", "{error}");
                absent += 1;
            }
        }
    }
    assert!(absent > 0 && whole > 0, "{absent} {whole}");
}
