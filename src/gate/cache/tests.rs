//! What is kept, for how long, and that one looks where many ask.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::time::{advance, sleep};

use super::*;
use crate::gate::verdict::Admission;

fn key(name: &str) -> Key {
    Key::over([name.as_bytes()])
}

fn yes(name: &str) -> Verdict {
    Verdict::Admitted(Admission { rule: "release".into(), signer: format!("{name}@example.com").into() })
}

fn no(class: fn(&'static str, &'static str) -> Code) -> Verdict {
    Verdict::against(class("test", "hint"), "message")
}

/// Asks, counting who looks.
async fn ask(cache: &Arc<Cache>, looks: &Arc<AtomicUsize>, name: &str, verdict: Verdict) -> (Arc<Verdict>, Source) {
    let looks = Arc::clone(looks);
    let look = move || async move {
        looks.fetch_add(1, Ordering::Relaxed);
        sleep(Duration::from_millis(10)).await;
        verdict
    };
    cache.verdict(key(name), look).await
}

#[test]
fn keys_differ_in_every_part() {
    let keys = [
        Key::over([b"ab", b"c"]),
        Key::over([b"a", b"bc"]),
        Key::over([b"abc"]),
        Key::over([b"abc", b""]),
        Key::over([]),
    ];
    for (at, one) in keys.iter().enumerate() {
        assert!(keys[at + 1..].iter().all(|other| one != other));
    }
}

#[tokio::test(start_paused = true)]
async fn g23_a_yes_ends_and_a_no_ends_sooner() {
    let (cache, looks) = (Arc::new(Cache::default()), Arc::<AtomicUsize>::default());
    for (verdict, seconds) in
        [(yes("a"), limits::VERDICT_SECS), (no(Code::refused), limits::VERDICT_NO_SECS), (no(Code::undecided), 0)]
    {
        let name = verdict.word();
        let before = looks.load(Ordering::Relaxed);
        assert_eq!(ask(&cache, &looks, name, verdict.clone()).await, (Arc::new(verdict.clone()), Source::Found));
        if seconds > 0 {
            advance(Duration::from_secs(seconds - 1)).await;
            assert_eq!(ask(&cache, &looks, name, yes("other")).await, (Arc::new(verdict), Source::Kept));
            advance(Duration::from_secs(1)).await;
        }
        assert_eq!(ask(&cache, &looks, name, yes("new")).await, (Arc::new(yes("new")), Source::Found), "{name}");
        assert_eq!(looks.load(Ordering::Relaxed), before + 2);
    }
}

#[tokio::test(start_paused = true)]
async fn of_many_that_ask_one_looks() {
    let (cache, looks) = (Arc::new(Cache::default()), Arc::<AtomicUsize>::default());
    let many: Vec<_> = (0..1000)
        .map(|number| {
            let (cache, looks) = (Arc::clone(&cache), Arc::clone(&looks));
            let name = ["a", "b"][number % 2];
            tokio::spawn(async move { (name, ask(&cache, &looks, name, yes(name)).await.0) })
        })
        .collect();
    for one in many {
        let (name, verdict) = one.await.unwrap();
        assert_eq!(*verdict, yes(name));
    }
    assert_eq!(looks.load(Ordering::Relaxed), 2);
    assert!(locked(&cache.flights).is_empty());
}

/// Who asked first and gave up does not take the answer from those who still wait.
#[tokio::test(start_paused = true)]
async fn a_lookup_outlives_who_began_it() {
    let (cache, looks) = (Arc::new(Cache::default()), Arc::<AtomicUsize>::default());
    assert!(timeout(Duration::from_millis(5), ask(&cache, &looks, "a", yes("a"))).await.is_err());
    assert_eq!(*ask(&cache, &looks, "a", yes("a")).await.0, yes("a"));
    assert_eq!(looks.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn g03_a_panic_is_no_answer_and_harms_no_other() {
    let (cache, looks) = (Arc::new(Cache::default()), Arc::<AtomicUsize>::default());
    let (verdict, _) = cache.verdict(key("a"), || async { panic!("a fault") }).await;
    assert_eq!((verdict.word(), verdict.label()), ("undecided", "gate-broken"));
    assert!(locked(&cache.flights).is_empty());
    assert_eq!(*ask(&cache, &looks, "a", yes("a")).await.0, yes("a"));
}

#[tokio::test(start_paused = true)]
async fn so_many_are_looked_at_and_no_more() {
    let (cache, looks) = (Arc::new(Cache::default()), Arc::<AtomicUsize>::default());
    let names: Vec<String> = (0..limits::LOOKUPS).map(|number| number.to_string()).collect();
    for name in &names {
        let look = || async {
            sleep(Duration::from_millis(10)).await;
            yes("0")
        };
        assert!(cache.board(key(name), look).is_some(), "{name}");
    }
    let (verdict, _) = ask(&cache, &looks, "one more", yes("a")).await;
    assert_eq!((verdict.word(), verdict.label()), ("undecided", "gate-crowd"));
    assert_eq!(looks.load(Ordering::Relaxed), 0);
    // Whoever asks what is looked at already waits for it, and there is room when it has ended.
    assert_eq!(*ask(&cache, &looks, "0", no(Code::refused)).await.0, yes("0"));
    assert_eq!(*ask(&cache, &looks, "one more", yes("a")).await.0, yes("a"));
}

#[tokio::test(start_paused = true)]
async fn a_lookup_without_end_ends() {
    let cache = Arc::new(Cache::default());
    let (verdict, _) = cache.verdict(key("a"), std::future::pending).await;
    assert_eq!((verdict.word(), verdict.label()), ("undecided", "gate-lookup-slow"));
}

#[tokio::test(start_paused = true)]
async fn g23_the_oldest_goes_first() {
    let (cache, looks) = (Arc::new(Cache::of(160)), Arc::default());
    for number in 0..2000 {
        ask(&cache, &looks, &number.to_string(), yes("a")).await;
    }
    assert_eq!(cache.len(), 160);
    assert_eq!(ask(&cache, &looks, "1999", yes("a")).await.1, Source::Kept);
    assert_eq!(ask(&cache, &looks, "0", yes("a")).await.1, Source::Found);
}

#[tokio::test(start_paused = true)]
async fn what_is_said_of_many_images_is_kept_once() {
    let (cache, looks) = (Arc::new(Cache::default()), Arc::<AtomicUsize>::default());
    let first = ask(&cache, &looks, "a", yes("same")).await.0;
    let second = ask(&cache, &looks, "b", yes("same")).await.0;
    assert!(Arc::ptr_eq(&first, &second));
    assert_ne!(ask(&cache, &looks, "c", yes("other")).await.0, first);
    for number in 0..2 * limits::ADMISSIONS {
        let _ = cache.shared(yes(&number.to_string()));
    }
    assert!(locked(&cache.admissions).len() <= limits::ADMISSIONS);
    assert_eq!(cache.kept(key("a")), Some(first));
}
