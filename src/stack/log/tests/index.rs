//! The index: it tells where each leaf stands after any growth and any restart, and nothing that stands in its
//! files is believed over the tree.

use super::super::index::run::{Run, RunWriter};
use super::*;

const UNIT: u64 = 256;

fn open(dir: &Path) -> Log<Toy> {
    Log::open_with_unit(Arc::new(Disk), dir, TOY, Clock::system(), UNIT).unwrap()
}

/// How many entries the files cover, without a gap; how far they are merged depends on when the log ended.
fn covered(dir: &Path) -> u64 {
    let mut ranges: Vec<_> =
        Disk.names(&dir.join("index")).unwrap().iter().filter_map(|name| Run::range(name)).collect();
    ranges.sort_unstable();
    ranges.into_iter().fold(0, |here, (first, end)| if first == here { end } else { panic!("a gap at {here}") })
}

async fn log_of(dir: &Path, size: u64) -> PathBuf {
    let dir = new_log(dir);
    fill(&open(&dir), 0..size).await;
    remake(&dir);
    dir
}

/// Makes the whole index in one go, as a start without one does.
fn remake(dir: &Path) {
    std::fs::remove_dir_all(dir.join("index")).unwrap();
    drop(open(dir));
}

/// Sends entries again: each is found where it stands, and nothing is appended.
async fn all_found(log: &Log<Toy>, numbers: impl Iterator<Item = u64>) {
    let size = log.head().size();
    for number in numbers {
        let appended = log.append(entry(number)).await.unwrap();
        assert_eq!((appended.index, appended.duplicate), (number, true));
        assert_eq!(log.find(&leaf_hash(&entry(number))).unwrap(), Some(number));
    }
    assert_eq!(log.head().size(), size);
}

#[tokio::test]
async fn k05_duplicates_are_found_over_restarts() {
    let parent = tempdir();
    let dir = log_of(parent.path(), 3000).await;
    assert_eq!(covered(&dir), 2816);
    let log = open(&dir);
    all_found(&log, (0..3000).step_by(7).chain(2990..3000)).await;
    assert_eq!(log.find(&leaf_hash(&entry(3000))).unwrap(), None);
    // A log that was made without an index, or lost it.
    drop(log);
    std::fs::remove_dir_all(dir.join("index")).unwrap();
    all_found(&open(&dir), (0..3000).step_by(61)).await;
    assert_eq!(covered(&dir), 2816);
}

#[tokio::test]
async fn k10_logt12_a_flipped_bit_in_the_index() {
    let parent = tempdir();
    let dir = log_of(parent.path(), 700).await;
    let good = std::fs::read(dir.join("index/0-512")).unwrap();
    for at in (0..good.len()).step_by(61).chain(good.len() - 60..good.len()) {
        let mut flipped = good.clone();
        flipped[at] ^= 1 << (at % 8);
        std::fs::write(dir.join("index/0-512"), flipped).unwrap();
        let log = open(&dir);
        // Every block of it is read.
        (0..512).for_each(|number| drop(log.find(&leaf_hash(&entry(number)))));
        all_found(&log, (0..700).step_by(67)).await;
        drop(log);
        assert!(std::fs::read(dir.join("index/0-512")).unwrap() == good, "{at}: it is not made again");
    }
}

/// A reader that meets the damage says that it cannot tell, until the sequencer has made it again.
#[tokio::test]
async fn k10_logt12_a_reader_of_a_damaged_index() {
    let parent = tempdir();
    let dir = log_of(parent.path(), 600).await;
    let mut bytes = std::fs::read(dir.join("index/0-512")).unwrap();
    bytes[..4096].fill(0);
    std::fs::write(dir.join("index/0-512"), bytes).unwrap();
    let log = open(&dir);
    let errors = (0..512).filter(|number| log.find(&leaf_hash(&entry(*number))).is_err()).count();
    assert!(errors > 50, "{errors}");
    log.append(entry(600)).await.unwrap();
    assert!((0..601).all(|number| log.find(&leaf_hash(&entry(number))).unwrap() == Some(number)));
}

/// A run whose checksums are right and whose leaves stand elsewhere: the tree decides.
#[tokio::test]
async fn k10_an_index_that_lies() {
    let parent = tempdir();
    let dir = log_of(parent.path(), 300).await;
    let files = Files { vfs: Arc::new(Disk), dir: dir.clone() };
    let mut leaves: Vec<_> = (0..256).map(|number| (leaf_hash(&entry(number)), 255 - number)).collect();
    leaves.sort_unstable();
    let path = dir.join("index/0-256");
    std::fs::remove_file(&path).unwrap();
    let mut writer = RunWriter::create(&files, &path, 0, 256).unwrap();
    leaves.into_iter().for_each(|leaf| writer.push(leaf).unwrap());
    writer.finish().unwrap();
    let log = open(&dir);
    assert!(matches!(log.find(&leaf_hash(&entry(3))), Err(ReadError::Index)));
    all_found(&log, 0..300).await;
}

/// Runs of entries that this log does not have, as when its folder went back without them; gaps; others' files.
#[tokio::test]
async fn k09_an_index_of_another_time() {
    let parent = tempdir();
    let dir = log_of(parent.path(), 1100).await;
    std::fs::rename(dir.join("index/0-1024"), dir.join("index/0-2048")).unwrap();
    std::fs::write(dir.join("index/256-512"), b"").unwrap();
    std::fs::write(dir.join("index/0-256"), b"not a run").unwrap();
    std::fs::write(dir.join("index/README"), b"").unwrap();
    all_found(&open(&dir), (0..1100).step_by(17)).await;
    assert_eq!(covered(&dir), 1024);
    assert!(dir.join("index/README").exists());
}

/// What a start reads does not grow with the log: bundles before the last batch can be gone.
#[tokio::test]
async fn a_start_reads_no_old_entries() {
    let parent = tempdir();
    let dir = log_of(parent.path(), 4000).await;
    let log = open(&dir);
    fill(&log, 4000..4100).await;
    fill(&log, 4100..4400).await;
    drop(log);
    std::fs::remove_dir_all(dir.join("tile/entries")).unwrap();
    std::fs::create_dir(dir.join("tile/entries")).unwrap();
    let refused = Log::open(Arc::new(Disk), &dir, TOY, Clock::system()).unwrap_err();
    // The last batch is read.
    assert_eq!(refused.code().name(), "log-data-lost");
    assert!(refused.to_string().contains("tail/"), "{refused}");
}
