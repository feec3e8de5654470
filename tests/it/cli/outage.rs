//! Services that are down, slow, throttling or lying, and what is left of a signature then.

mod images;
mod matrix;
pub(super) mod proxy;

use std::process::Output;
use std::time::{Duration, Instant};

use proxy::{Fault, Way, change_after, change_last};

use super::fixture::{Desk, stack_dir, stack_url};
use super::{json, stderr, stdout};

/// The ways to the three services.
pub(super) struct Ways {
    pub(super) ca: Way,
    pub(super) tsa: Way,
    pub(super) log: Way,
}

impl Ways {
    pub(super) fn open() -> Self {
        let way = || Way::to(&stack_url(), |_| Fault::None);
        Self { ca: way(), tsa: way(), log: way() }
    }

    /// Each with the same fault.
    pub(super) fn with(fault: fn(usize) -> Fault) -> Self {
        let way = || Way::to(&stack_url(), fault);
        Self { ca: way(), tsa: way(), log: way() }
    }
}

/// The stack's trust, with other ways to its services.
pub(super) fn config(ways: &Ways) -> serde_json::Value {
    let path = format!("{}/client_trust_config.json", stack_dir());
    let mut config: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let signing = &mut config["signingConfig"];
    signing["caUrls"][0]["url"] = ways.ca.url.clone().into();
    signing["rekorTlogUrls"][0]["url"] = ways.log.url.clone().into();
    signing["tsaUrls"][0]["url"] = format!("{}/api/v1/timestamp", ways.tsa.url).into();
    config
}

pub(super) fn write_config(desk: &Desk, config: &serde_json::Value) {
    desk.write("ways.json", config.to_string().as_bytes());
}

/// Signs over these ways, with a place for what can be kept.
fn sign(desk: &Desk, ways: &Ways, flags: &[&str]) -> Output {
    write_config(desk, &config(ways));
    sign_configured(desk, flags)
}

fn sign_configured(desk: &Desk, flags: &[&str]) -> Output {
    let with = ["sign", "blob", "app.txt", "--trust-config", "ways.json", "--identity-token-file", "token.jwt"];
    desk.run(&[&with, flags].concat())
}

const SPOOL: &[&str] = &["--spool", "spool", "--retry-budget", "600ms", "--timeout", "300ms"];

/// The exit code and the code of the reason.
fn outcome(output: &Output) -> (Option<i32>, String) {
    let words = stderr(output);
    let line = words.lines().find(|line| line.starts_with("error: ")).unwrap_or_default();
    (output.status.code(), line.rsplit(": ").next().unwrap().to_owned())
}

fn bundle_is_there(desk: &Desk) -> bool {
    desk.path("app.txt.sigstore.json").exists()
}

fn kept(desk: &Desk) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(desk.path("spool")) else { return Vec::new() };
    entries.map(|entry| format!("spool/{}", entry.unwrap().file_name().into_string().unwrap())).collect()
}

/// A refusal or an outage leaves neither a bundle nor anything that waits.
fn nothing_is_left(desk: &Desk) {
    assert!(!bundle_is_there(desk), "a bundle");
    assert_eq!(kept(desk), Vec::<String>::new());
}

#[test]
fn every_service_says_503_twice_and_it_signs_within_its_budget() {
    let ways = Ways::with(|n| if n % 3 < 2 { Fault::Status(503, None) } else { Fault::None });
    let desk = Desk::new();
    let start = Instant::now();
    let output = sign(&desk, &ways, &["--retry-budget", "20s"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(start.elapsed() < Duration::from_secs(20));
    assert_eq!([&ways.ca, &ways.tsa, &ways.log].map(Way::requests), [6, 3, 3]);
    assert!(desk.verify(&["app.txt"]).status.success());
}

#[test]
fn without_a_certificate_or_a_time_nothing_is_kept() {
    let desk = Desk::new();
    let (ca, tsa) = (Ways { ca: Way::down(), ..Ways::open() }, Ways { tsa: Way::down(), ..Ways::open() });
    assert_eq!(outcome(&sign(&desk, &ca, SPOOL)), (Some(3), "ca-unreachable".to_owned()));
    nothing_is_left(&desk);
    assert_eq!(outcome(&sign(&desk, &tsa, SPOOL)), (Some(3), "tsa-unreachable".to_owned()));
    nothing_is_left(&desk);
    assert_eq!((ca.tsa.requests(), tsa.log.requests()), (0, 0), "no service is asked in vain");
}

#[test]
fn a_log_that_is_down_is_waited_for_and_the_signature_finished_later() {
    let desk = Desk::new();
    let ways = Ways { log: Way::down(), ..Ways::open() };
    // Only who asks for it has something kept.
    assert_eq!(outcome(&sign(&desk, &ways, &SPOOL[2..])), (Some(3), "log-unreachable".to_owned()));
    nothing_is_left(&desk);
    let output = sign(&desk, &ways, SPOOL);
    assert_eq!(output.status.code(), Some(4), "{}", stderr(&output));
    assert!(stdout(&output).starts_with("WAITS  app.txt") && !stdout(&output).contains("SIGNED"));
    assert!(!bundle_is_there(&desk));
    let [waiting] = &kept(&desk)[..] else { panic!("one is kept") };
    // It is no bundle, to us or to anyone who reads it as one.
    let verified = desk.verify(&["app.txt", "--bundle", waiting]);
    assert_eq!(outcome(&verified), (Some(1), "bundle-version".to_owned()));
    // Still down: it waits on.
    let again = desk.run(&["sign", "finish", "spool", "--trust-config", "ways.json", "--retry-budget", "300ms"]);
    assert_eq!((again.status.code(), kept(&desk).len()), (Some(4), 1), "{}", stderr(&again));
    let finished = desk.run(&["sign", "finish", "spool", "--stack", stack_dir(), "--format", "json"]);
    assert!(finished.status.success(), "{}", stderr(&finished));
    assert_eq!(json(&finished)["files"][0]["made"]["bundle"], "app.txt.sigstore.json");
    assert!(kept(&desk).is_empty());
    assert!(desk.verify(&["app.txt"]).status.success());
}

#[test]
fn an_attestation_waits_too() {
    let desk = Desk::new();
    desk.write("predicate.json", b"{}");
    write_config(&desk, &config(&Ways { log: Way::down(), ..Ways::open() }));
    let attest = ["attest", "blob", "app.txt", "--predicate", "predicate.json", "--type", "https://example.com/p"];
    let with = ["--trust-config", "ways.json", "--identity-token-file", "token.jwt"];
    let output = desk.run(&[&attest[..], &with, SPOOL].concat());
    assert_eq!(output.status.code(), Some(4), "{}", stderr(&output));
    std::fs::create_dir(desk.path("out")).unwrap();
    let finished = desk.run(&["sign", "finish", "spool", "--stack", stack_dir(), "--output-folder", "out"]);
    assert!(finished.status.success(), "{}", stderr(&finished));
    assert!(desk.verify(&["app.txt", "--bundle", "out/app.txt.sigstore.json"]).status.success());
    assert!(!bundle_is_there(&desk));
}

#[test]
fn a_log_that_proves_the_time_itself_leaves_nothing_to_keep() {
    let desk = Desk::new();
    let mut config = config(&Ways { log: Way::down(), ..Ways::open() });
    config["signingConfig"]["rekorTlogUrls"][0]["majorApiVersion"] = 1.into();
    write_config(&desk, &config);
    assert_eq!(outcome(&sign_configured(&desk, SPOOL)), (Some(3), "log-unreachable".to_owned()));
    nothing_is_left(&desk);
}

#[test]
fn slow_services_are_given_up_in_time() {
    let slow = || Way::to(&stack_url(), |_| Fault::Silence);
    let flags = ["--spool", "spool", "--timeout", "200ms", "--retry-budget", "700ms"];
    for (ways, code, exit, waiting) in [
        (Ways { ca: slow(), ..Ways::open() }, "ca-unreachable", 3, 0),
        (Ways { tsa: slow(), ..Ways::open() }, "tsa-unreachable", 3, 0),
        (Ways { log: slow(), ..Ways::open() }, "", 4, 1),
    ] {
        let desk = Desk::new();
        let start = Instant::now();
        assert_eq!(outcome(&sign(&desk, &ways, &flags)), (Some(exit), code.to_owned()));
        assert!(start.elapsed() < Duration::from_secs(10), "{code}: {:?}", start.elapsed());
        assert_eq!(kept(&desk).len(), waiting);
        assert!(!bundle_is_there(&desk));
    }
}

#[test]
fn a_service_that_lies_is_refused_and_nothing_is_kept() {
    let lying = |lie: fn(&mut Vec<u8>)| Way::to(&stack_url(), move |_| Fault::Lie(lie));
    let body: fn(&mut Vec<u8>) = |answer| change_after(answer, "\"canonicalizedBody\":\"");
    // The first is asked whose tokens it takes, and tells the truth.
    let chain: fn(&mut Vec<u8>) = |answer| change_after(answer, "-----BEGIN CERTIFICATE-----");
    let certificate = move |n| if n == 1 { Fault::Lie(chain) } else { Fault::None };
    let (mut found, mut expected) = (Vec::new(), Vec::new());
    for (ways, code) in [
        (Ways { ca: Way::to(&stack_url(), certificate), ..Ways::open() }, "chain-signature"),
        (Ways { tsa: lying(|answer| change_last(answer)), ..Ways::open() }, "tsa-sig"),
        (Ways { log: lying(body), ..Ways::open() }, "log-body-parse"),
    ] {
        let desk = Desk::new();
        found.push(outcome(&sign(&desk, &ways, SPOOL)));
        expected.push((Some(1), code.to_owned()));
        nothing_is_left(&desk);
    }
    assert_eq!(found, expected);
}

#[test]
fn a_throttling_service_is_obeyed_within_the_budget() {
    let desk = Desk::new();
    let once = Way::to(&stack_url(), |n| if n == 0 { Fault::Status(429, Some(1)) } else { Fault::None });
    let ways = Ways { log: once, ..Ways::open() };
    let start = Instant::now();
    let output = sign(&desk, &ways, &[]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(start.elapsed() >= Duration::from_secs(1) && ways.log.requests() == 2);
    // To wait for longer than the budget is to fail now.
    let desk = Desk::new();
    let ways = Ways { tsa: Way::to(&stack_url(), |_| Fault::Status(429, Some(3600))), ..Ways::open() };
    let output = sign(&desk, &ways, &["--retry-budget", "5s", "--spool", "spool"]);
    assert_eq!(outcome(&output), (Some(3), "tsa-unavailable".to_owned()));
    assert_eq!(ways.tsa.requests(), 1);
    nothing_is_left(&desk);
}

#[test]
fn the_other_services_of_the_config_stand_in() {
    let desk = Desk::new();
    let ways = Ways::open();
    let mut config = config(&ways);
    let broken = Way::to(&stack_url(), |_| Fault::Status(503, None));
    let lying = Way::to(&stack_url(), |_| Fault::Lie(|answer| change_after(answer, "\"canonicalizedBody\":\"")));
    for (kind, url) in [
        ("caUrls", broken.url.clone()),
        ("tsaUrls", format!("{}/api/v1/timestamp", Way::down().url)),
        ("rekorTlogUrls", lying.url.clone()),
    ] {
        let services = config["signingConfig"][kind].as_array_mut().unwrap();
        let mut other = services[0].clone();
        (other["url"], other["operator"]) = (url.into(), "another".into());
        // Of services that start at the same time, the first is tried first.
        services.insert(0, other);
    }
    write_config(&desk, &config);
    let output = sign_configured(&desk, &["--retry-budget", "2s"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert!(broken.requests() > 0 && lying.requests() == 1);
    assert_eq!([&ways.ca, &ways.tsa, &ways.log].map(Way::requests), [2, 1, 1]);
    assert!(desk.verify(&["app.txt"]).status.success());
}

#[test]
fn an_answer_that_was_lost_is_asked_for_again_and_logged_once() {
    let desk = Desk::new();
    let ways = Ways::with(|n| if n % 2 == 0 { Fault::LostAnswer } else { Fault::None });
    let output = sign(&desk, &ways, &[]);
    assert!(output.status.success(), "{}", stderr(&output));
    let index = |answer: &String| serde_json::from_str::<serde_json::Value>(answer).unwrap()["logIndex"].clone();
    let indices: Vec<_> = ways.log.answers().iter().map(index).collect();
    assert_eq!(indices.len(), 2);
    assert_eq!(indices[0], indices[1], "one entry");
}

#[test]
fn what_was_changed_while_it_waited_is_not_logged() {
    let desk = Desk::new();
    let output = sign(&desk, &Ways { log: Way::down(), ..Ways::open() }, SPOOL);
    assert_eq!(output.status.code(), Some(4), "{}", stderr(&output));
    let name = kept(&desk).remove(0);
    let text = std::fs::read_to_string(desk.path(&name)).unwrap();
    let ways = Ways::open();
    write_config(&desk, &config(&ways));
    let changed = |from: &str, by: usize| {
        let at = text.find(from).unwrap() + from.len() + by;
        let mut changed = text.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        changed
    };
    let (mut found, mut expected) = (Vec::new(), Vec::new());
    for (bytes, code) in [
        (changed("signature\\\":\\\"", 30), "tsa-imprint"),
        (changed("digest\\\":\\\"", 5), "sig-invalid"),
        (changed("signedTimestamp\\\":\\\"", 200), "tsa-sig"),
        (text.replace("sealmark.unlogged/v1", "sealmark.unlogged/v9").into_bytes(), "spool-unreadable"),
        (b"{}".to_vec(), "spool-unreadable"),
    ] {
        desk.write(&name, &bytes);
        found.push(outcome(&desk.run(&["sign", "finish", "spool", "--trust-config", "ways.json"])));
        expected.push((Some(1), code.to_owned()));
        assert!(!bundle_is_there(&desk) && kept(&desk).len() == 1);
    }
    assert_eq!(found, expected);
    assert_eq!(ways.log.requests(), 0);
}

#[test]
fn a_rate_is_kept() {
    let desk = Desk::new();
    for name in ["a.bin", "b.bin", "c.bin"] {
        desk.write(name, name.as_bytes());
    }
    let start = Instant::now();
    assert!(desk.sign(&["*.bin", "--rate-limit", "2/s"]).status.success());
    assert!(start.elapsed() >= Duration::from_secs(1));
}
