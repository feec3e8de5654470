//! Checking and exporting a log from beside its writer.

use std::sync::atomic::{AtomicBool, AtomicUsize};

use super::super::export::export;
use super::super::fsck::fsck;
use super::*;

fn beside(dir: &Path) -> Beside<'static, Toy> {
    Beside::open(Arc::new(Disk), dir, &TOY).unwrap()
}

fn flip(path: &Path, at: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[at] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn k10_logt12_fsck_names_what_is_damaged() {
    let dir = tempdir();
    let dir = new_log(dir.path());
    assert_eq!(fsck(&beside(&dir)).unwrap().findings, []);
    fill(&open(&dir).unwrap(), 0..600).await;
    let sound = fsck(&beside(&dir)).unwrap();
    assert_eq!((sound.size, sound.tiles, sound.findings.as_slice()), (600, 2, &[][..]));
    // A record's length, its text, a hash, and the bundle that still grows.
    for (file, at) in [("tile/entries/000", 0), ("tile/entries/001", 9), ("tile/0/001", 77), ("tail/2", 9)] {
        let path = dir.join(file);
        flip(&path, at);
        let found = fsck(&beside(&dir)).unwrap().findings;
        let expected = match file {
            // The tile over the entries disagrees with them, and nothing says which of the two is right but the root.
            "tile/entries/001" => dir.join("tile/0/001"),
            "tail/2" => dir.join("commits"),
            _ => path.clone(),
        };
        assert_eq!(found.first().map(|finding| &finding.path), Some(&expected), "{file}: {found:?}");
        flip(&path, at);
    }
    assert_eq!(fsck(&beside(&dir)).unwrap(), sound);
    flip(&dir.join("commits"), 60);
    flip(&dir.join("commits"), commits::BLOCK + 60);
    let error = Beside::open(Arc::new(Disk), &dir, &TOY).unwrap_err();
    assert_eq!(error.code().name(), "log-damaged");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k13_logt16_readers_while_it_grows() {
    let parent = tempdir();
    let dir = new_log(parent.path());
    let log = Arc::new(open(&dir).unwrap());
    let done = Arc::new(AtomicBool::new(false));
    let sizes = Arc::new(AtomicUsize::new(0));
    let (reading, ended, seen) = (Arc::clone(&log), Arc::clone(&done), Arc::clone(&sizes));
    let reader = std::thread::spawn(move || {
        let mut last = 0;
        while !ended.load(Ordering::SeqCst) {
            let head = reading.head();
            if head.size() == last {
                continue;
            }
            last = head.size();
            for kind in [TileKind::Entries, TileKind::Hashes { level: 0 }, TileKind::Hashes { level: 1 }] {
                for tile in (0..).map_while(|index| Tile::of_tree(kind, index, head.size())) {
                    assert!(reading.tile(tile).unwrap().is_some(), "{tile} of {}", head.size());
                }
            }
            seen.fetch_add(1, Ordering::SeqCst);
        }
    });
    let (checked, ended, out) = (dir.clone(), Arc::clone(&done), parent.path().join("out"));
    let checker = std::thread::spawn(move || {
        while !ended.load(Ordering::SeqCst) {
            assert_eq!(fsck(&beside(&checked)).unwrap().findings, []);
            export(&beside(&checked), &out).unwrap();
        }
    });
    // Until the reader had its turns, which a busy machine gives it late; one that has failed has none.
    let mut start = 0;
    while start < 1500 || (sizes.load(Ordering::SeqCst) <= 3 && !reader.is_finished()) {
        fill(&log, start..start + 50).await;
        start += 50;
    }
    done.store(true, Ordering::SeqCst);
    reader.join().unwrap();
    checker.join().unwrap();
}

#[tokio::test]
async fn k09_logt13_an_export_grows_and_refuses_another_history() {
    let parent = tempdir();
    let dir = new_log(parent.path());
    let out = parent.path().join("out");
    fill(&open(&dir).unwrap(), 0..300).await;
    let older = parent.path().join("older");
    copy_dir(&dir, &older);
    let first = export(&beside(&dir), &out).unwrap();
    assert_eq!((first.size, first.written, first.kept), (300, 5, 0));
    fill(&open(&dir).unwrap(), 300..600).await;
    let second = export(&beside(&dir), &out).unwrap();
    assert_eq!((second.size, second.kept), (600, 2));
    let log = open(&dir).unwrap();
    let note = std::fs::read_to_string(out.join("checkpoint")).unwrap();
    assert_eq!(note, log.head().note());
    for path in ["tile/entries/000", "tile/entries/002.p/88", "tile/0/001", "tile/0/002.p/88", "tile/1/000.p/2"] {
        let served = log.tile(Tile::parse(path).unwrap()).unwrap().unwrap();
        assert_eq!(std::fs::read(out.join(path)).unwrap(), served, "{path}");
    }
    // An older copy of the log, and one that went another way from it.
    assert_eq!(export(&beside(&older), &out).unwrap_err().code().name(), "log-rolled-back");
    fill(&open(&older).unwrap(), 1000..1400).await;
    assert_eq!(export(&beside(&older), &out).unwrap_err().code().name(), "log-rolled-back");
    assert_eq!(std::fs::read_to_string(out.join("checkpoint")).unwrap(), note);
}

#[tokio::test]
async fn k05_logt15_a_thousand_requests_of_one_entry() {
    let dir = tempdir();
    let dir = new_log(dir.path());
    for round in 0..3 {
        let log = open(&dir).unwrap();
        let answers = join((0..1000).map(|_| log.append(entry(7)))).await;
        assert!(answers.iter().all(|answer| answer.as_ref().unwrap().index == 0), "{round}");
        assert_eq!(log.head().size(), 1);
    }
}
