//! Each service in each way of not answering; what is kept, and the code of what is said.

use std::time::{Duration, Instant};

use super::super::fixture::{Desk, stack_url};
use super::super::stderr;
use super::proxy::{Fault, Way};
use super::{Ways, kept, nothing_is_left, outcome, sign};

/// A service, and the ways to all of them, that to this one given.
type Place = (&'static str, fn(Way) -> Ways);

const PLACES: [Place; 3] = [
    ("ca", |way| Ways { ca: way, ..Ways::open() }),
    ("tsa", |way| Ways { tsa: way, ..Ways::open() }),
    ("log", |way| Ways { log: way, ..Ways::open() }),
];

/// The requests that a signature makes of a service: a certificate authority is first asked whose tokens it takes.
fn calls(service: &str) -> usize {
    if service == "ca" { 2 } else { 1 }
}

fn way_of<'w>(ways: &'w Ways, service: &str) -> &'w Way {
    match service {
        "ca" => &ways.ca,
        "tsa" => &ways.tsa,
        _ => &ways.log,
    }
}

#[test]
fn a_service_that_throttles_once_is_asked_again() {
    for (service, ways) in PLACES {
        for (after, least) in [(None, Duration::ZERO), (Some(1), Duration::from_secs(1))] {
            let fault = move |n| if n % 2 == 0 { Fault::Status(429, after) } else { Fault::None };
            let (desk, ways) = (Desk::new(), ways(Way::to(&stack_url(), fault)));
            let start = Instant::now();
            let output = sign(&desk, &ways, &[]);
            assert!(output.status.success(), "{service}: {}", stderr(&output));
            assert!(start.elapsed() >= least, "{service} {after:?}");
            assert_eq!(way_of(&ways, service).requests(), 2 * calls(service), "{service} {after:?}");
            assert!(desk.verify(&["app.txt"]).status.success());
        }
    }
}

#[test]
fn a_service_that_asks_to_wait_beyond_the_budget_is_given_up_at_once() {
    let flags = ["--spool", "spool", "--retry-budget", "5s"];
    for (service, ways) in PLACES {
        for status in [429, 503] {
            let fault = move |_| Fault::Status(status, Some(3600));
            let (desk, ways) = (Desk::new(), ways(Way::to(&stack_url(), fault)));
            let start = Instant::now();
            let output = sign(&desk, &ways, &flags);
            assert!(start.elapsed() < Duration::from_secs(4), "{service} {status}");
            assert_eq!(way_of(&ways, service).requests(), 1, "{service} {status}");
            if service == "log" {
                assert_eq!((output.status.code(), kept(&desk).len()), (Some(4), 1), "{}", stderr(&output));
            } else {
                assert_eq!(outcome(&output), (Some(3), format!("{service}-unavailable")));
                nothing_is_left(&desk);
            }
        }
    }
}

#[test]
fn a_service_that_is_overloaded_all_the_time() {
    let flags = ["--spool", "spool", "--retry-budget", "2s"];
    for (service, ways) in PLACES {
        for status in [429, 503] {
            let fault = move |_| Fault::Status(status, None);
            let (desk, ways) = (Desk::new(), ways(Way::to(&stack_url(), fault)));
            let output = sign(&desk, &ways, &flags);
            assert!(way_of(&ways, service).requests() >= 2, "{service} {status}");
            if service == "log" {
                assert_eq!((output.status.code(), kept(&desk).len()), (Some(4), 1), "{}", stderr(&output));
            } else {
                // The end of the budget may cut the last attempt short.
                let (exit, code) = outcome(&output);
                let codes = ["unavailable", "unreachable"].map(|end| format!("{service}-{end}"));
                assert!(exit == Some(3) && codes.contains(&code), "{exit:?} {code}");
                nothing_is_left(&desk);
            }
        }
    }
}

#[test]
fn an_answer_that_is_cut_off_is_asked_for_again() {
    for (service, ways) in PLACES {
        let fault = |n| if n % 2 == 0 { Fault::LostAnswer } else { Fault::None };
        let (desk, ways) = (Desk::new(), ways(Way::to(&stack_url(), fault)));
        let output = sign(&desk, &ways, &[]);
        assert!(output.status.success(), "{service}: {}", stderr(&output));
        assert_eq!(way_of(&ways, service).requests(), 2 * calls(service), "{service}");
    }
}

#[test]
fn mirrors_of_trust() {
    let desk = Desk::new();
    let root = format!("{}/tuf/1.root.json", super::stack_dir());
    let init = |name: &str, way: &Way| {
        let url = format!("{}/tuf", way.url);
        outcome(&desk.run(&["trust", "init", name, "--root", &root, "--url", &url]))
    };
    assert_eq!(init("down", &Way::down()).1, "trust-unreachable");
    for (name, status, after) in [("busy", 503, None), ("throttling", 429, Some(1))] {
        let way = Way::to(&stack_url(), move |n| if n < 2 { Fault::Status(status, after) } else { Fault::None });
        assert_eq!(init(name, &way).0, Some(0), "{name}");
    }
    let far = Way::to(&stack_url(), |_| Fault::Status(429, Some(3600)));
    assert_eq!(init("far", &far), (Some(3), "trust-unavailable".to_owned()));
    // Another one stands in for a mirror that is down.
    let (down, open) = (format!("{}/tuf", Way::down().url), format!("{}/tuf", stack_url()));
    let both = desk.run(&["trust", "init", "both", "--root", &root, "--url", &down, "--url", &open]);
    assert!(both.status.success(), "{}", stderr(&both));
}
