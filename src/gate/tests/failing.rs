//! What the gate cannot ask, or not in time: each is a denial that says so.

use std::time::Duration;

use super::APP;
use crate::base::limits;
use crate::gate::testing::*;

#[tokio::test]
async fn what_is_signed_is_allowed_and_what_is_not_is_denied() {
    let site = Site::new();
    let good = site.registries.good(&format!("{APP}:v1")).await;
    assert!(site.pod("/validate", "prod", &good).await.allowed());
    let unsigned = site.registries.image(&format!("{APP}:v2"), "unsigned").await;
    denied(&site.pod("/validate", "prod", &unsigned.image().to_string()).await, "image-unsigned", 403);
    let stranger = site.registries.image(&format!("{APP}:v3"), "stranger").await;
    site.registries.sign(&stranger, "mallory@example.com").await;
    let answer = site.pod("/validate", "prod", &stranger.image().to_string()).await;
    denied(&answer, "identity-mismatch", 403);
    let message = answer.denial().1;
    assert!(message.contains("container \"c0\"") && message.contains("mallory@example.com"), "{message}");
}

#[tokio::test]
async fn g01_a_registry_that_is_down_or_silent_is_a_denial_that_says_so() {
    let site = Site::new();
    let good = site.registries.good(&format!("{APP}:v1")).await;
    site.registries.fault("registry.example.com", Some(Fault::Down));
    for (path, image) in [("/validate", good.clone()), ("/mutate", format!("{APP}:v1"))] {
        let answer = site.pod(path, "prod", &image).await;
        denied(&answer, "registry-unreachable", 503);
        assert!(answer.denial().1.contains("could not be checked"), "{answer:?}");
    }
    // What could not be looked at is not kept.
    site.registries.fault("registry.example.com", None);
    assert!(site.pod("/validate", "prod", &good).await.allowed());
    // After some failures it is left alone, which is said; others are asked.
    site.registries.fault("down.example.com", Some(Fault::Down));
    for number in 0..limits::REGISTRY_FAILURES {
        site.pod("/mutate", "prod", &format!("down.example.com/app:v{number}")).await;
    }
    site.registries.asked();
    denied(&site.pod("/mutate", "prod", "down.example.com/app:v9").await, "registry-paused", 503);
    assert!(site.registries.asked().is_empty());
    assert!(site.pod("/mutate", "prod", &format!("{APP}:v1")).await.allowed());
}

#[tokio::test]
async fn g02_trust_that_is_over_and_files_that_are_bad_deny() {
    let site = Site::new();
    let good = site.registries.good(&format!("{APP}:v1")).await;
    // A trusted root whose authority ended before the signature.
    let mut over = crate::format::trust::TrustedRoot::parse(world().trust.to_json().as_bytes()).unwrap();
    let early = crate::verify::testing::open_window().start();
    let window = crate::base::time::ValidityPeriod::new(early.plus_secs(-10), Some(early)).unwrap();
    over.certificate_authorities[0].validity = window;
    site.write("trusted_root.json", &over.to_json());
    site.gate.reload();
    denied(&site.pod("/validate", "prod", &good).await, "ca-outside-validity", 403);
    // A policy that is half written changes nothing, and is said.
    site.write("trusted_root.json", &world().trust.to_json());
    site.gate.reload();
    assert!(site.pod("/validate", "prod", &good).await.allowed());
    site.write("release.yaml", "version: 1\nrules:\n  - {name: release, ident");
    site.gate.reload();
    assert!(site.pod("/validate", "prod", &good).await.allowed());
    denied(&site.pod("/validate", "elsewhere", &good).await, "identity-mismatch", 403);
    let metrics = site.send("/metrics", &[], "").await.text;
    assert!(metrics.contains("sealmark_gate_configuration_refused 1\n"), "{metrics}");
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(site.paper.says(r#""event":"reload-refused","code":"policy-parse""#));
}

#[tokio::test]
async fn g03_a_panic_while_looking_is_a_denial_and_the_gate_goes_on() {
    let site = Site::new();
    let good = site.registries.good(&format!("{APP}:v1")).await;
    site.registries.fault("registry.example.com", Some(Fault::Panics));
    denied(&site.pod("/validate", "prod", &good).await, "gate-broken", 503);
    denied(&site.pod("/mutate", "prod", &format!("{APP}:v1")).await, "gate-broken", 503);
    site.registries.fault("registry.example.com", None);
    assert!(site.pod("/validate", "prod", &good).await.allowed());
}

#[tokio::test(start_paused = true)]
async fn g04_an_answer_comes_before_the_deadline() {
    let site = Site::new();
    let slow = Fault::Slow(Duration::from_secs(40));
    let mut last = String::new();
    for (query, seconds) in
        [("?timeout=2s", 2), ("?timeout=1m0s", 30), ("", 10), ("?timeout=x", 10), ("?timeout=5000ms", 5)]
    {
        last = site.registries.good(&format!("{APP}{seconds}{}:v1", query.len())).await;
        site.registries.fault("registry.example.com", Some(slow));
        let started = tokio::time::Instant::now();
        let answer = site.pod(&format!("/validate{query}"), "prod", &last).await;
        denied(&answer, "gate-deadline", 503);
        assert!(started.elapsed() < Duration::from_secs(seconds), "{query}: {:?}", started.elapsed());
        assert!(started.elapsed() >= Duration::from_secs(seconds) * 8 / 10, "{query}: {:?}", started.elapsed());
    }
    // What was begun goes on, and answers the next try.
    tokio::time::sleep(Duration::from_secs(41)).await;
    site.registries.fault("registry.example.com", Some(Fault::Down));
    assert!(site.pod("/validate", "prod", &last).await.allowed());
}

#[tokio::test(start_paused = true)]
async fn a_slow_registry_slows_nobody_else() {
    let site = Site::new();
    let good = site.registries.good(&format!("{APP}:v1")).await;
    site.registries.fault("slow.example.com", Some(Fault::Slow(Duration::from_secs(20))));
    let slow: Vec<_> = (0..200).map(|number| format!("slow.example.com/app:v{number}")).collect();
    let slow: Vec<_> = slow.iter().map(String::as_str).collect();
    let (crowd, quick) = (pod("prod", &slow), pod("prod", &[&good]));
    let all = site.ask("/mutate?timeout=30s", &crowd);
    let one = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let started = tokio::time::Instant::now();
        assert!(site.ask("/validate", &quick).await.allowed());
        started.elapsed()
    };
    let (all, took) = tokio::join!(all, one);
    assert!(!all.allowed());
    assert!(took < Duration::from_millis(50), "{took:?}");
}
