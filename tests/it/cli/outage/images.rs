//! Signatures of images that wait for a log, and registries that do not answer.

use std::process::Output;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::super::fixture::{Desk, IDENTITY, issuer, stack_dir};
use super::super::{json, stderr, stdout};
use super::proxy::{Fault, Way, change_after};
use super::{SPOOL, Ways, config, kept, outcome, stack_url, write_config};
use crate::registry::server::{Answer, Options, TestRegistry};

const MANIFEST: &str = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[]}"#;
const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";

fn push(registry: &TestRegistry, tag: &str, more: &str) -> String {
    registry.plant("acme/app", Some(tag), IMAGE, format!("{MANIFEST}{more}").as_bytes());
    format!("{}/acme/app:{tag}", registry.authority)
}

fn sign(desk: &Desk, ways: &Ways, image: &str, flags: &[&str]) -> Output {
    write_config(desk, &config(ways));
    let with = ["sign", "image", image, "--trust-config", "ways.json", "--identity-token-file", "token.jwt"];
    desk.run(&[&with, flags].concat())
}

fn verify(desk: &Desk, image: &str) -> (Option<i32>, String) {
    let issuer = issuer();
    let by = ["--identity", IDENTITY, "--issuer", &issuer];
    outcome(&desk.run(&[&["verify", "image", image, "--stack", stack_dir()], &by[..]].concat()))
}

#[test]
fn a_log_that_is_down_is_waited_for_and_the_image_signed_later() {
    for referrers in [true, false] {
        let (desk, registry) = (Desk::new(), TestRegistry::start(Options { referrers, ..Options::default() }));
        let image = push(&registry, "v1", "");
        let ways = Ways { log: Way::down(), ..Ways::open() };
        // Only who asks for it has something kept.
        assert_eq!(outcome(&sign(&desk, &ways, &image, &SPOOL[2..])), (Some(3), "log-unreachable".to_owned()));
        assert!(kept(&desk).is_empty());
        let output = sign(&desk, &ways, &image, SPOOL);
        assert_eq!(output.status.code(), Some(4), "{}", stderr(&output));
        assert!(stdout(&output).starts_with("WAITS  ") && !stdout(&output).contains("SIGNED"), "{}", stdout(&output));
        assert_eq!((kept(&desk).len(), verify(&desk, &image)), (1, (Some(1), "image-unsigned".to_owned())));
        assert!(registry.lines().iter().all(|line| line.starts_with("GET ")), "nothing was written");
        // Still down: it waits on.
        let again = desk.run(&["sign", "finish", "spool", "--trust-config", "ways.json", "--retry-budget", "300ms"]);
        assert_eq!((again.status.code(), kept(&desk).len()), (Some(4), 1), "{}", stderr(&again));
        let finished = desk.run(&["sign", "finish", "spool", "--stack", stack_dir(), "--format", "json"]);
        assert!(finished.status.success(), "{}", stderr(&finished));
        let shown = &json(&finished)["images"][0];
        assert_eq!(
            (&shown["signatures"][0]["form"], &shown["signatures"][0]["status"]),
            (&"bundle".into(), &"made".into())
        );
        assert!(kept(&desk).is_empty());
        assert_eq!(verify(&desk, &image).0, Some(0));
    }
}

#[test]
fn what_cannot_wait_is_not_kept() {
    let (desk, registry) = (Desk::new(), TestRegistry::honest());
    let image = push(&registry, "v1", "");
    let tsa = Ways { tsa: Way::down(), ..Ways::open() };
    assert_eq!(outcome(&sign(&desk, &tsa, &image, SPOOL)), (Some(3), "tsa-unreachable".to_owned()));
    let lying = Way::to(&stack_url(), |_| Fault::Lie(|answer| change_after(answer, "\"canonicalizedBody\":\"")));
    let log = Ways { log: lying, ..Ways::open() };
    assert_eq!(outcome(&sign(&desk, &log, &image, SPOOL)), (Some(1), "log-body-parse".to_owned()));
    let both = [SPOOL, &["--signature-format", "bundle,legacy"]].concat();
    assert_eq!(outcome(&sign(&desk, &Ways::open(), &image, &both)), (Some(2), "spool-legacy".to_owned()));
    assert!(kept(&desk).is_empty());
}

#[test]
fn what_waited_for_one_image_is_not_attached_to_another() {
    let (desk, registry) = (Desk::new(), TestRegistry::honest());
    let image = push(&registry, "v1", "");
    let other = registry.plant("acme/app", Some("v2"), IMAGE, format!("{MANIFEST}\n").as_bytes());
    let output = sign(&desk, &Ways { log: Way::down(), ..Ways::open() }, &image, SPOOL);
    assert_eq!(output.status.code(), Some(4), "{}", stderr(&output));
    let name = kept(&desk).remove(0);
    let text = std::fs::read_to_string(desk.path(&name)).unwrap();
    let mut document: serde_json::Value = serde_json::from_str(&text).unwrap();
    document["image"] = format!("{}/acme/app@{other}", registry.authority).into();
    desk.write(&name, document.to_string().as_bytes());
    let finished = desk.run(&["sign", "finish", "spool", "--stack", stack_dir()]);
    assert_eq!(outcome(&finished), (Some(1), "spool-unreadable".to_owned()));
    assert_eq!(kept(&desk).len(), 1);
    // An image that is gone: no log gets an entry for it.
    document["image"] = format!("{}/acme/gone@{other}", registry.authority).into();
    desk.write(&name, document.to_string().as_bytes());
    let ways = Ways::open();
    write_config(&desk, &config(&ways));
    let finished = desk.run(&["sign", "finish", "spool", "--trust-config", "ways.json"]);
    assert_eq!((outcome(&finished).1.as_str(), ways.log.requests()), ("image-not-found", 0));
}

#[test]
fn registries_that_do_not_answer() {
    let desk = Desk::new();
    let gone = format!("{}/acme/app:v1", Way::down().url.strip_prefix("http://").unwrap());
    let quick = ["--retry-budget", "500ms", "--timeout", "200ms"];
    assert_eq!(outcome(&sign(&desk, &Ways::open(), &gone, &quick)), (Some(3), "registry-unreachable".to_owned()));
    let slow = Way::to("http://127.0.0.1:1", |_| Fault::Silence);
    let slow = format!("{}/acme/app:v1", slow.url.strip_prefix("http://").unwrap());
    assert_eq!(outcome(&sign(&desk, &Ways::open(), &slow, &quick)), (Some(3), "registry-unreachable".to_owned()));
    for (status, after) in [(503, None), (429, None), (429, Some("1"))] {
        // Each kind of request fails twice.
        let asked = AtomicUsize::new(0);
        let registry = TestRegistry::lying(move |_| {
            let answer = Answer::error(status, "TOOMANYREQUESTS");
            let answer = after.map_or(answer.clone(), |after| answer.with("Retry-After", after));
            (asked.fetch_add(1, Ordering::Relaxed) < 2).then_some(answer)
        });
        let image = push(&registry, "v1", "");
        let output = sign(&desk, &Ways::open(), &image, &["--retry-budget", "20s"]);
        assert!(output.status.success(), "{status} {after:?}: {}", stderr(&output));
        assert_eq!(verify(&desk, &image).0, Some(0));
    }
    let busy = TestRegistry::lying(|_| Some(Answer::error(503, "UNAVAILABLE")));
    let image = format!("{}/acme/app:v1", busy.authority);
    let output = sign(&desk, &Ways::open(), &image, &["--retry-budget", "600ms"]);
    assert_eq!(outcome(&output), (Some(3), "registry-unavailable".to_owned()));
    // One that gives other bytes than it was asked for.
    let lying = TestRegistry::lying(|asked| {
        let digest = asked.line().contains("/manifests/sha256:");
        digest.then(|| Answer::new(200, "{}").with("Content-Type", IMAGE))
    });
    let digest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8b";
    let image = format!("{}/acme/app@{digest}", lying.authority);
    assert_eq!(outcome(&sign(&desk, &Ways::open(), &image, &[])), (Some(1), "oci-digest".to_owned()));
}
