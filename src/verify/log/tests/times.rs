//! L26 to L31 and L38: promises, times and the windows of keys.

use super::fixture::{INTEGRATED, NOW, World, judge};
use super::*;
use crate::base::time::ValidityPeriod;

#[test]
fn l26_promises() {
    let world = World::new();
    let [(entry, _), _] = world.one_each();
    let changed = |change: fn(&mut LogEntry)| world.changed(&entry, change);
    assert_eq!(changed(|entry| entry.inclusion_promise.as_mut().unwrap()[10] ^= 1), "log-set-invalid");
    assert_eq!(changed(|entry| entry.inclusion_promise = Some(Vec::new())), "log-set-invalid");
    assert_eq!(changed(|entry| entry.integrated_time -= 1), "log-set-invalid");
    assert_eq!(changed(|entry| entry.log_index += 1), "log-set-invalid");
    assert_eq!(world.changed(&entry, |entry| world.other_v1.promise(entry)), "log-set-invalid");
    // Over another log's id, and over another body.
    let mut elsewhere = entry.clone();
    elsewhere.log_id = world.other_v1.instance().log_id;
    world.v1.promise(&mut elsewhere);
    let set = elsewhere.inclusion_promise;
    assert_eq!(world.changed(&entry, |entry| entry.inclusion_promise = set), "log-set-invalid");
    let mut other = entry.clone();
    other.canonicalized_body.push(b' ');
    world.v1.promise(&mut other);
    let set = other.inclusion_promise;
    assert_eq!(world.changed(&entry, |entry| entry.inclusion_promise = set), "log-set-invalid");
}

/// A junk promise is refused even where the proof holds, and where there is none.
#[test]
fn l26_promises_are_never_passed_over() {
    let world = World::new();
    for (entry, _) in world.one_each() {
        let junk = LogEntry { inclusion_promise: Some(vec![1; 70]), ..entry };
        assert_eq!(world.code(&junk), "log-set-invalid");
        assert_eq!(world.changed(&junk, |entry| entry.inclusion_proof = None), "log-set-invalid");
    }
}

#[test]
fn l27_time_without_a_promise() {
    let world = World::new();
    let [(entry, _), _] = world.one_each();
    assert_eq!(world.changed(&entry, |entry| entry.inclusion_promise = None), "time-unauthenticated");
}

#[test]
fn l28_times_that_cannot_be() {
    let world = World::new();
    let [(entry, log), _] = world.one_each();
    for (seconds, expected) in [
        (NOW.secs() as u64, "accepted"),
        (NOW.secs() as u64 + 1, "log-time"),
        (1 << 62, "log-time"),
        (u64::MAX, "log-time"),
        (0, "log-time"),
    ] {
        let verdict = world.changed(&entry, |entry| {
            entry.integrated_time = seconds;
            log.promise(entry);
        });
        assert_eq!(verdict, expected, "{seconds}");
    }
}

#[test]
fn l30_l31_window_of_the_key_at_the_integrated_time() {
    let world = World::new();
    let [(entry, log), _] = world.one_each();
    for (start, end, expected) in [
        (0, Some(0), "accepted"),
        (0, None, "accepted"),
        (1, None, "log-key-not-valid"),
        (-100, Some(-1), "log-key-not-valid"),
    ] {
        let mut instance = log.instance();
        let end = end.map(|end| INTEGRATED.plus_secs(end));
        instance.validity = ValidityPeriod::new(INTEGRATED.plus_secs(start), end).unwrap();
        let verdict = code(judge(&[instance], &entry, &world.act.message()));
        assert_eq!(verdict, expected, "{start}");
    }
}

/// A log that the trusted root lists twice is believed in both windows, and only in them.
#[test]
fn l30_windows_of_one_log_add_up() {
    let world = World::new();
    for (entry, log) in world.one_each() {
        let window = |start: i64, end: i64| {
            let mut instance = log.instance();
            let end = Some(INTEGRATED.plus_secs(end));
            instance.validity = ValidityPeriod::new(INTEGRATED.plus_secs(start), end).unwrap();
            instance
        };
        let logs = Logs::new(&[window(-100, -50), window(0, 10)]);
        let logged = logs.verify_entry(&entry, &world.act.message(), NOW).unwrap();
        assert_eq!(logged.windows().len(), 2);
        for (at, valid) in [(-101, false), (-100, true), (-50, true), (-49, false), (0, true), (10, true), (11, false)]
        {
            let verdict = logged.valid_at(INTEGRATED.plus_secs(at));
            assert_eq!(verdict.is_ok(), valid, "{at}");
            assert!(verdict.err().is_none_or(|error| error.code().name() == "log-key-not-valid"));
        }
    }
}

#[test]
fn l38_times_in_rekor_v2() {
    let world = World::new();
    let [_, (entry, log)] = world.one_each();
    assert_eq!(world.changed(&entry, |entry| entry.integrated_time = 1), "time-unauthenticated");
    // Not even one that the log's key signed: Rekor v2 keeps no time.
    let promised = world.changed(&entry, |entry| {
        entry.integrated_time = INTEGRATED.secs() as u64;
        log.promise(entry);
    });
    assert_eq!(promised, "time-unauthenticated");
}
