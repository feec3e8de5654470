//! T17: a log whose witnesses come and go.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::timeout;

use super::*;

/// Witnesses that say what they are told to.
#[derive(Debug, Clone, Default)]
struct Scripted(Arc<Mutex<Option<CosignError>>>);

const DOWN: CosignError = CosignError::Few { found: 0, required: 1 };

impl Scripted {
    fn say(&self, what: Option<CosignError>) {
        *self.0.lock().unwrap() = what;
    }
}

impl Cosigner for Scripted {
    fn cosign(&self, checkpoint: &Uncosigned<'_>) -> Result<String, CosignError> {
        if let Some(error) = *self.0.lock().unwrap() {
            return Err(error);
        }
        for old in [1, checkpoint.size / 2, checkpoint.size.saturating_sub(1)] {
            let none = old == 0 || old > checkpoint.size;
            assert_eq!((checkpoint.prove)(old).is_none(), none, "{old} of {}", checkpoint.size);
        }
        Ok(format!("{}cosigned\n", checkpoint.note))
    }
}

fn open(dir: &Path, witnesses: &Scripted) -> Result<Log<Toy>, LogError> {
    let publishing = Publishing { cosigner: Some(Arc::new(witnesses.clone())), ..Publishing::default() };
    Log::open_all(Arc::new(Disk), dir, TOY, Clock::system(), 256, publishing)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logt17_nothing_is_shown_or_acknowledged_before_it_is_cosigned() {
    let folder = tempdir();
    let (dir, witnesses) = (new_log(folder.path()), Scripted::default());
    let log = Arc::new(open(&dir, &witnesses).unwrap());
    assert!(log.head().note().ends_with("cosigned\n"), "the empty tree too");
    for number in 0..300 {
        let appended = log.append(entry(number)).await.unwrap();
        assert!(appended.index == number && appended.head.note().ends_with("cosigned\n"));
        assert!(appended.head.size() > number);
    }
    witnesses.say(Some(DOWN));
    let waiting: Vec<_> = (300..700)
        .map(|number| {
            let log = Arc::clone(&log);
            tokio::spawn(async move { log.append(entry(number)).await })
        })
        .collect();
    // One that is there already is not acknowledged either, as long as there is news that nobody saw.
    assert!(timeout(Duration::from_millis(700), log.append(entry(301))).await.is_err());
    assert_eq!((log.head().size(), log.unpublished()), (300, 400), "commits go on");
    assert!(log.tile(Tile::new(TileKind::Entries, 1, 200).unwrap()).unwrap().is_none());
    assert!(waiting.iter().all(|waiting| !waiting.is_finished()));
    witnesses.say(None);
    let mut indices = Vec::new();
    for waiting in waiting {
        let appended = waiting.await.unwrap().unwrap();
        assert!(appended.head.size() == 700 && appended.head.note().ends_with("cosigned\n"));
        let leaf = leaf_hash(&entry(300));
        if log.find(&leaf).unwrap() == Some(appended.index) {
            log.prove(&appended.head, appended.index, &leaf).unwrap();
        }
        indices.push(appended.index);
    }
    indices.sort_unstable();
    assert_eq!(indices, (300..700).collect::<Vec<_>>());
    assert_eq!(log.unpublished(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k16_k09_a_start_shows_nothing_that_is_not_cosigned() {
    let folder = tempdir();
    let (dir, witnesses) = (new_log(folder.path()), Scripted::default());
    let log = open(&dir, &witnesses).unwrap();
    log.append(entry(0)).await.unwrap();
    witnesses.say(Some(DOWN));
    assert!(timeout(Duration::from_millis(300), log.append(entry(1))).await.is_err());
    drop(log);
    witnesses.say(Some(CosignError::Ahead { size: 9 }));
    let refused = open(&dir, &witnesses).unwrap_err();
    assert!(matches!(refused, LogError::RolledBack { remembered: 9, size: 2, .. }), "{refused}");
    assert_eq!(refused.code().name(), "log-rolled-back");
    // What was committed and never acknowledged is in the log, and is acknowledged to whoever comes again.
    witnesses.say(None);
    let log = open(&dir, &witnesses).unwrap();
    assert_eq!(log.head().size(), 2);
    let appended = log.append(entry(1)).await.unwrap();
    assert!(appended.duplicate && appended.index == 1);
    // The log's own witness is not needed to read it: the lock is free again after a refusal.
    drop(log);
    assert_eq!(super::open(&dir).unwrap().head().size(), 2);
}
