//! The gate as the API server and a pipeline meet it, over registries that answer, change, fail and do not answer.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::testing::*;
use crate::base::limits;
use crate::serve::Clients;
use crate::serve::traces::TraceSettings;
use crate::serve::traces::testing::{attribute, spans};
use crate::service::environment::SystemEnvironment;
use crate::service::http::fake::{Answer, FakeServer};

const APP: &str = "registry.example.com/acme/app";

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

#[tokio::test]
async fn g05_the_uid_is_echoed_exactly_and_what_is_no_review_is_refused() {
    let site = Site::new();
    let uid = r#"a\"b\u00e9\\"#;
    let review = pod("prod", &["x"]).replace("uid-1", uid);
    let answer = site.ask("/validate", &review).await;
    let json: serde_json::Value = serde_json::from_str(&answer.text).unwrap();
    assert_eq!(json["response"]["uid"].as_str(), Some("a\"b\u{e9}\\"));
    assert_eq!(
        (json["kind"].as_str(), json["apiVersion"].as_str()),
        (Some("AdmissionReview"), Some("admission.k8s.io/v1"))
    );
    for (body, code) in [
        (String::new(), "admission-json"),
        ("{}".to_owned(), "admission-version"),
        (pod("prod", &["x"]).replace("k8s.io/v1\"", "k8s.io/v1beta1\""), "admission-version"),
        (pod("prod", &["x"]).replace(r#""uid":"uid-1","#, ""), "admission-review"),
    ] {
        let answer = site.ask("/validate", &body).await;
        assert_eq!(answer.http, 400, "{}", answer.text);
        assert!(answer.text.contains(code), "{}", answer.text);
    }
    let empty = object("", "Pod", "prod", "null");
    denied(&site.ask("/validate", &empty).await, "admission-object-missing", 403);
}

#[tokio::test]
async fn g06_bodies_that_are_long_packed_deep_or_say_a_key_twice() {
    let site = Site::new();
    let json = [("content-type", "application/json")];
    let long = format!("{}{}", pod("prod", &["x"]), " ".repeat(limits::REVIEW_BYTES));
    assert_eq!(site.send("/validate", &json, long).await.http, 413);
    let packed = [json[0], ("content-encoding", "gzip")];
    assert_eq!(site.send("/validate", &packed, pod("prod", &["x"])).await.http, 415);
    assert_eq!(site.send("/validate", &[("content-type", "text/plain")], pod("prod", &["x"])).await.http, 415);
    assert_eq!(site.send("/validate", &[], pod("prod", &["x"])).await.http, 415);
    let good = site.registries.good(&format!("{APP}:v1")).await;
    let twice =
        pod("prod", &[&good]).replace(r#""spec":{"#, r#""spec":{"containers":[{"name":"evil","image":"evil"}],"#);
    let deep =
        pod("prod", &[&good]).replace(r#""name":"it""#, &format!(r#""deep":{}{}"#, "[".repeat(100), "]".repeat(100)));
    for body in [twice, deep] {
        let answer = site.ask("/validate", &body).await;
        assert_eq!((answer.http, answer.text.contains("admission-json")), (400, true), "{}", answer.text);
    }
}

#[tokio::test]
async fn g07_an_object_of_ten_thousand_images_asks_nobody() {
    let site = Site::new();
    let names: Vec<_> = (0..10_000).map(|number| format!("{APP}:v{number}")).collect();
    let many: Vec<_> = names.iter().map(String::as_str).collect();
    denied(&site.ask("/validate", &pod("prod", &many)).await, "admission-images", 403);
    assert!(site.registries.asked().is_empty());
}

#[tokio::test]
async fn g12_an_unknown_kind_is_denied_and_pods_are_gated_all_the_same() {
    let site = Site::new();
    let rollout = object("argoproj.io", "Rollout", "prod", r#"{"kind":"Rollout","spec":{}}"#);
    denied(&site.ask("/validate", &rollout).await, "admission-kind-unknown", 503);
    site.registries.image(&format!("{APP}:v1"), "unsigned").await;
    denied(&site.pod("/mutate", "prod", &format!("{APP}:v1")).await, "image-unsigned", 403);
}

#[tokio::test]
async fn g13_g14_updates_are_checked_when_an_image_changes() {
    let site = Site::new();
    let good = site.registries.good(&format!("{APP}:v1")).await;
    let bad = site.registries.image(&format!("{APP}:v2"), "unsigned").await.image().to_string();
    let update = |old: &str, new: &str, meta: &str| {
        let body = |image: &str| {
            format!(r#"{{"kind":"Pod","metadata":{meta},"spec":{{"containers":[{{"name":"c0","image":"{image}"}}]}}}}"#)
        };
        let review = object("", "Pod", "prod", &body(new)).replace("CREATE", "UPDATE");
        review.replace(r#""oldObject":null"#, &format!(r#""dryRun":true,"oldObject":{}"#, body(old)))
    };
    let going = r#"{"deletionTimestamp":"2026-01-01T00:00:00Z","finalizers":["x/y"]}"#;
    for meta in ["{}", going] {
        denied(&site.ask("/validate", &update(&good, &bad, meta)).await, "image-unsigned", 403);
        assert!(site.ask("/validate", &update(&bad, &good, meta)).await.allowed());
        // What runs already and is no longer admitted can still lose its finalizer.
        assert!(site.ask("/validate", &update(&bad, &bad, meta)).await.allowed());
    }
}

#[tokio::test]
async fn g15_a_tag_becomes_the_digest_that_was_verified() {
    let site = Site::new();
    let good = site.registries.good(&format!("{APP}:v1")).await;
    let answer = site.pod("/mutate", "prod", &format!("{APP}:v1")).await;
    assert_eq!(answer.patch(), [("/spec/containers/0/image".to_owned(), good.clone())]);
    assert_eq!(site.registries.asked().iter().filter(|what| what.starts_with("resolve")).count(), 1);
    // The other webhook takes nothing that could still move, and what was pinned.
    denied(&site.pod("/validate", "prod", &format!("{APP}:v1")).await, "image-not-pinned", 403);
    assert!(site.pod("/validate", "prod", &good).await.allowed());
    assert!(site.pod("/mutate", "prod", &good).await.patch().is_empty());
}

#[tokio::test]
async fn g16_of_a_tag_and_a_digest_the_digest_counts() {
    let site = Site::new();
    site.registries.good(&format!("{APP}:v1")).await;
    let bad = site.registries.image(&format!("{APP}:v2"), "unsigned").await.image().digest().to_string();
    for path in ["/validate", "/mutate"] {
        denied(&site.pod(path, "prod", &format!("{APP}:v1@{bad}")).await, "image-unsigned", 403);
    }
}

#[tokio::test]
async fn g17_names_of_one_image_are_one_name() {
    let site = Site::new();
    let good = site.registries.good("docker.io/library/nginx:latest").await;
    for name in [
        "nginx",
        "nginx:latest",
        "docker.io/nginx",
        "index.docker.io/library/nginx:latest",
        "DOCKER.io/library/nginx",
        "docker.io:443/library/nginx",
    ] {
        let answer = site.pod("/mutate", "prod", name).await;
        assert_eq!(answer.patch(), [("/spec/containers/0/image".to_owned(), good.clone())], "{name}");
    }
    // A trailing dot is another host to TLS, and is refused.
    denied(&site.pod("/mutate", "prod", "docker.io./library/nginx").await, "ref-parse", 403);
}

#[tokio::test]
async fn g18_names_that_climb_are_no_names() {
    let site = Site::new();
    for name in [
        "ghcr.io/org/x/../../evil",
        "ghcr.io/org//x",
        "ghcr.io/./x",
        "https://ghcr.io/x",
        "ghcr.io/org/x%2f..",
        "ghcr.io@evil/x",
    ] {
        denied(&site.pod("/mutate", "prod", name).await, "ref-parse", 403);
    }
    assert!(site.registries.asked().is_empty());
}

#[tokio::test]
async fn g19_g20_without_a_policy_nothing_is_allowed() {
    let site = Site::new();
    let good = site.registries.good(&format!("{APP}:v1")).await;
    site.registries.asked();
    // Names are compared whole; a request without a namespace has none to be chosen by.
    for namespace in ["unknown", "", "prod2", "xprod", "PROD", "prod ", "warn"] {
        denied(&site.pod("/validate", namespace, &good).await, "gate-no-policy", 403);
    }
    assert!(site.registries.asked().is_empty());
}

#[tokio::test]
async fn g21_g22_what_the_requester_writes_exempts_nothing() {
    let site = Site::new();
    let bad = site.registries.image(&format!("{APP}:v1"), "unsigned").await.image().to_string();
    let metadata = r#""metadata":{"labels":{"sealmark.dev/exempt":"true","policy.sigstore.dev/include":"false"},
        "annotations":{"kyverno.io/verify-images":"{}","sealmark.dev/verified":"true","kubernetes.io/config.mirror":"x"}},"#;
    let review = pod("prod", &[&bad]).replace(r#""kind":"Pod","spec""#, &format!(r#""kind":"Pod",{metadata}"spec""#));
    assert!(review.contains("config.mirror"));
    for path in ["/validate", "/mutate"] {
        denied(&site.ask(path, &review).await, "image-unsigned", 403);
    }
}

#[tokio::test]
async fn g23_a_tag_that_moves_is_looked_at_anew() {
    let site = Site::new();
    let good = site.registries.good(&format!("{APP}:v1")).await;
    assert_eq!(site.pod("/mutate", "prod", &format!("{APP}:v1")).await.patch()[0].1, good);
    let evil = site.registries.image(&format!("{APP}:v1"), "evil").await;
    denied(&site.pod("/mutate", "prod", &format!("{APP}:v1")).await, "image-unsigned", 403);
    // The verdict of one digest is no verdict of another, nor of the same digest elsewhere.
    denied(&site.pod("/validate", "prod", &evil.image().to_string()).await, "image-unsigned", 403);
    let elsewhere = good.replace("acme/app", "evil/app");
    denied(&site.pod("/validate", "prod", &elsewhere).await, "image-unsigned", 403);
    assert!(site.pod("/validate", "prod", &good).await.allowed());
}

#[tokio::test]
async fn g23_a_verdict_ends_with_its_policy_and_its_trust() {
    let site = Site::new();
    let good = site.registries.good(&format!("{APP}:v1")).await;
    assert!(site.pod("/validate", "prod", &good).await.allowed());
    // Kept: the registry is not asked.
    site.registries.asked();
    assert!(site.pod("/validate", "prod", &good).await.allowed());
    assert!(site.registries.asked().is_empty());
    // Another policy, in another namespace or after a change.
    denied(&site.pod("/validate", "elsewhere", &good).await, "identity-mismatch", 403);
    site.write("release.yaml", &policy("other@example.com"));
    site.gate.reload();
    denied(&site.pod("/validate", "prod", &good).await, "identity-mismatch", 403);
    site.write("release.yaml", &policy(SIGNER));
    site.write("trusted_root.json", &crate::verify::testing::World::new().trust.to_json());
    site.gate.reload();
    denied(&site.pod("/validate", "prod", &good).await, "log-id", 403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn g24_g25_a_thousand_reviews_at_once_and_a_policy_that_changes() {
    let site = std::sync::Arc::new(Site::new());
    let mut images = Vec::new();
    for number in 0..20 {
        let name = format!("{APP}{number}:v1");
        let good = number % 2 == 0;
        let image = if good {
            site.registries.good(&name).await
        } else {
            site.registries.image(&name, "unsigned").await.image().to_string()
        };
        images.push((image, good));
    }
    let reviews: Vec<_> = (0..1000)
        .map(|number| {
            let (site, (image, good)) = (std::sync::Arc::clone(&site), images[number * 7 % images.len()].clone());
            tokio::spawn(async move {
                let started = Instant::now();
                assert_eq!(site.pod("/validate", "prod", &image).await.allowed(), good, "{image}");
                started.elapsed()
            })
        })
        .collect();
    // The policy changes in a way that changes no verdict, again and again.
    for number in 0..20 {
        site.write("release.yaml", &format!("{}# {number}\n", policy(SIGNER)));
        site.gate.reload();
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut took = Vec::new();
    for review in reviews {
        took.push(review.await.unwrap());
    }
    took.sort();
    assert!(took[989] < Duration::from_secs(8), "p99 {:?}", took[989]);
}

#[tokio::test]
async fn g26_credentials_of_a_namespace_are_not_used() {
    let site = Site::new();
    let good = site.registries.good(&format!("{APP}:v1")).await;
    let review = pod("prod", &[&good]).replace(r#""spec":{"#, r#""spec":{"imagePullSecrets":[{"name":"theirs"}],"#);
    assert!(site.ask("/validate", &review).await.allowed());
    // The gate asks registries and nobody else: it has no way to a secret of the cluster.
    let asked = site.registries.asked();
    assert!(!asked.is_empty() && asked.iter().all(|what| what.ends_with(APP)), "{asked:?}");
}

#[tokio::test]
async fn g27_a_name_that_leads_inside_sends_nothing() {
    let site = Site::new();
    for name in ["169.254.169.254/x", "kubernetes.default.svc/x", "localhost:5000/x", "10.0.0.1/x", "[::1]:5000/x"] {
        denied(&site.pod("/mutate", "prod", name).await, "registry-forbidden", 403);
    }
    assert!(site.registries.asked().is_empty());
    let settings = format!("{SETTINGS}private-registries: ['10.0.0.1:5000']\n");
    let site = Site::with(&settings);
    site.inside.good("10.0.0.1:5000/app:v1").await;
    assert!(site.pod("/mutate", "prod", "10.0.0.1:5000/app:v1").await.allowed());
    assert!(site.registries.asked().is_empty() && !site.inside.asked().is_empty());
    // A name that looks public is asked for where only public addresses are called.
    site.registries.good(&format!("{APP}:v1")).await;
    assert!(site.pod("/mutate", "prod", &format!("{APP}:v1")).await.allowed());
    assert!(!site.registries.asked().is_empty() && site.inside.asked().is_empty());
}

#[tokio::test]
async fn g28_deletions_connections_and_mirror_pods() {
    let site = Site::new();
    for operation in ["DELETE", "CONNECT"] {
        let review = object("", "Pod", "prod", "null").replace("CREATE", operation);
        assert!(site.ask("/validate", &review).await.allowed(), "{operation}");
        let options = object("", "PodExecOptions", "", r#"{"kind":"PodExecOptions"}"#).replace("CREATE", operation);
        assert!(site.ask("/validate", &options).await.allowed(), "{operation}");
    }
    assert!(site.registries.asked().is_empty());
}

#[tokio::test]
async fn g30_a_patch_of_a_whole_workload_touches_its_tags_only() {
    let site = Site::new();
    let (one, two) =
        (site.registries.good(&format!("{APP}:v1")).await, site.registries.good(&format!("{APP}2:v1")).await);
    let spec = format!(
        r#"{{"containers":[{{"name":"a","image":"{APP}:v1"}},{{"name":"b","image":"{one}"}}],
        "initContainers":[{{"name":"i","image":"{APP}2:v1"}}],
        "volumes":[{{"name":"v","image":{{"reference":"{APP}:v1"}}}}]}}"#
    );
    let body = format!(r#"{{"kind":"Deployment","spec":{{"template":{{"spec":{spec}}}}}}}"#);
    let answer = site.ask("/mutate", &object("apps", "Deployment", "prod", &body)).await;
    let at = |place: &str| format!("/spec/template/spec/{place}");
    let expected = [
        (at("containers/0/image"), one.clone()),
        (at("initContainers/0/image"), two),
        (at("volumes/0/image/reference"), one),
    ];
    assert_eq!(answer.patch(), expected);
}

#[tokio::test]
async fn g33_modes_that_deny_nothing_are_loud() {
    let site = Site::new();
    let bad = site.registries.image(&format!("{APP}:v1"), "unsigned").await.image().to_string();
    let warned = site.pod("/validate", "warn-a", &bad).await;
    assert!(warned.allowed() && warned.warnings()[0].contains("image-unsigned"), "{warned:?}");
    let audited = site.pod("/validate", "audit-a", &bad).await;
    assert!(audited.allowed() && audited.warnings().is_empty(), "{audited:?}");
    assert!(audited.text.contains("\"outcome\":\"audited\"") && audited.text.contains("refused: image-unsigned"));
    assert_eq!(site.gate.cautions().len(), 2);
    assert!(site.gate.cautions()[0].starts_with("NOTHING IS DENIED in namespaces warn-*"));
    site.gate.announce();
    let metrics = site.send("/metrics", &[], "").await.text;
    for line in [
        "sealmark_gate_namespace_entries_warning 1\n",
        "sealmark_gate_namespace_entries_auditing 1\n",
        "sealmark_gate_reviews_total{by=\"validate\",outcome=\"warned\"} 1\n",
        "sealmark_gate_verdicts_total{verdict=\"refused\",code=\"image-unsigned\",source=\"kept\"} 1\n",
    ] {
        assert!(metrics.contains(line), "{line} not in\n{metrics}");
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert!(site.paper.says("\"event\":\"caution\",\"what\":\"NOTHING IS DENIED"));
}

/// A policy that only warns is not enforced by the gate either; what could not be looked at is denied all the same.
#[tokio::test]
async fn g33_a_policy_that_only_warns() {
    let site = Site::new();
    let bad = site.registries.image(&format!("{APP}:v1"), "unsigned").await;
    site.registries.sign(&bad, "mallory@example.com").await;
    let bad = bad.image().to_string();
    site.write("release.yaml", &format!("{}mode: warn\n", policy(SIGNER)));
    site.gate.reload();
    let warned = site.pod("/validate", "prod", &bad).await;
    assert!(warned.allowed() && warned.warnings()[0].contains("identity-mismatch"), "{warned:?}");
    assert!(site.gate.cautions().iter().any(|caution| caution.contains("policy release has scopes in mode warn")));
    site.registries.fault("registry.example.com", Some(Fault::Down));
    let other = bad.replace("acme/app", "acme/other");
    denied(&site.pod("/validate", "prod", &other).await, "registry-unreachable", 503);
}

#[tokio::test]
async fn break_glass_allows_and_is_never_silent() {
    let until = crate::verify::testing::NOW.plus_secs(3600);
    let glass = format!("{SETTINGS}break-glass:\n  - {{namespace: prod, until: '{until}', reason: INC-1}}\n");
    let site = Site::with(&glass);
    let bad = site.registries.image(&format!("{APP}:v1"), "unsigned").await.image().to_string();
    let answer = site.pod("/validate", "prod", &bad).await;
    assert!(answer.allowed() && answer.warnings()[0].contains("break-glass"), "{answer:?}");
    assert!(answer.text.contains("\"break-glass\":\"INC-1\""), "{}", answer.text);
    // It is on paper before the answer is given.
    let paper = site.paper.text();
    assert!(paper.contains(r#""event":"break-glass""#) && paper.contains("image-unsigned") && paper.contains("jane"));
    assert!(site.send("/metrics", &[], "").await.text.contains("sealmark_gate_break_glass_total 1\n"));
    // Elsewhere nothing changes; and what cannot be written down is not allowed.
    denied(&site.pod("/validate", "elsewhere", &bad).await, "image-unsigned", 403);
    site.paper.torn.store(true, Ordering::Relaxed);
    denied(&site.pod("/validate", "prod", &bad).await, "break-glass-unwritten", 503);
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

#[tokio::test]
async fn verdicts_over_http() {
    let site = Site::new();
    let good = site.registries.good(&format!("{APP}:v1")).await;
    let unsigned = site.registries.image(&format!("{APP}:v2"), "unsigned").await;
    let ask = async |body: String| {
        let answer = site.send("/v1/verdict", &[], body).await;
        (answer.http, serde_json::from_str::<serde_json::Value>(&answer.text).unwrap())
    };
    let (status, json) = ask(format!(r#"{{"image":"{APP}:v1","namespace":"prod"}}"#)).await;
    assert_eq!(
        (status, json["verdict"].as_str(), json["reference"].as_str()),
        (200, Some("admitted"), Some(good.as_str()))
    );
    assert_eq!((json["schema"].as_str(), json["signer"].as_str()), (Some("sealmark.gate/v1"), Some(SIGNER)));
    let (status, json) = ask(format!(r#"{{"image":"{}","policy":"release"}}"#, unsigned.image())).await;
    assert_eq!(
        (status, json["verdict"].as_str(), json["code"].as_str()),
        (403, Some("refused"), Some("image-unsigned"))
    );
    site.registries.fault("registry.example.com", Some(Fault::Down));
    let (status, json) = ask(format!(r#"{{"image":"{APP}:v3","policy":"release"}}"#)).await;
    assert_eq!(
        (status, json["verdict"].as_str(), json["code"].as_str()),
        (503, Some("undecided"), Some("registry-unreachable"))
    );
    for wrong in [
        "{}".to_owned(),
        format!(r#"{{"image":"{APP}:v1"}}"#),
        format!(r#"{{"image":"{APP}:v1","policy":"none"}}"#),
        format!(r#"{{"image":"{APP}:v1","namespace":"none"}}"#),
        format!(r#"{{"image":"{APP}:v1","policy":"release","namespace":"prod"}}"#),
        format!(r#"{{"image":"{APP}:v1","policy":"release","trust":"me"}}"#),
        format!(r#"{{"image":"{APP}:v1","image":"{APP}:v2","policy":"release"}}"#),
    ] {
        assert_eq!(ask(wrong.clone()).await.0, 400, "{wrong}");
    }
}

#[tokio::test]
async fn verdicts_are_for_clients_when_there_are_any() {
    let site = Site::new();
    site.registries.good(&format!("{APP}:v1")).await;
    site.write("clients", "argo 0123456789abcdef\n");
    let clients = Clients::read(&SystemEnvironment, &site.path("clients")).unwrap();
    site.gate.only_for(clients);
    let body = format!(r#"{{"image":"{APP}:v1","policy":"release"}}"#);
    let ask = async |headers: &[(&str, &str)]| site.send("/v1/verdict", headers, body.clone()).await.http;
    assert_eq!(ask(&[]).await, 401);
    assert_eq!(ask(&[("authorization", "Bearer 0123456789abcdeX")]).await, 401);
    assert!(site.registries.asked().is_empty());
    assert_eq!(ask(&[("authorization", "Bearer 0123456789abcdef")]).await, 200);
    assert!(site.paper.says(r#""client":"argo""#));
    // Tokens are replaced with the other files, and bad ones are not.
    site.write("clients", "nobody\n");
    site.gate.reload();
    assert_eq!(ask(&[("authorization", "Bearer 0123456789abcdef")]).await, 200);
    assert!(site.paper.says("clients-refused") && !site.paper.text().contains("0123"));
    site.write("clients", "argo fedcba9876543210\n");
    site.gate.reload();
    assert_eq!(ask(&[("authorization", "Bearer 0123456789abcdef")]).await, 401);
    assert_eq!(ask(&[("authorization", "Bearer fedcba9876543210")]).await, 200);
    assert_eq!(site.send("/readyz", &[], "").await.http, 200);
}

#[tokio::test]
async fn a_gate_that_ends_says_so() {
    let site = Site::new();
    assert_eq!(site.send("/readyz", &[], "").await.http, 200);
    site.gate.drain();
    assert_eq!(site.send("/readyz", &[], "").await.http, 503);
}

/// Sends spans of a site to a collector, and gives what it got.
async fn traced(site: &Site, handed_on: bool, ask: impl AsyncFnOnce()) -> Vec<serde_json::Value> {
    let collector = FakeServer::start(|_, _| Answer::new(200, "{}"));
    let settings = TraceSettings::read(&SystemEnvironment, Some(&collector.url)).unwrap().unwrap();
    let exporter = site.gate.trace(settings, handed_on).unwrap();
    ask().await;
    exporter.run(async {}, |code, what| panic!("{code}: {what}")).await;
    spans(&collector)
}

#[tokio::test]
async fn a_review_is_a_trace_of_its_images_the_questions_and_the_verification() {
    let site = Site::new();
    let good = site.registries.good(&format!("{APP}:v1")).await;
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let headers = [("content-type", "application/json"), ("traceparent", parent)];
    let spans = traced(&site, false, async || {
        for _ in 0..2 {
            assert!(site.send("/mutate", &headers, pod("prod", &[&format!("{APP}:v1"), &good])).await.allowed());
        }
    })
    .await;
    let named = |name: &str| spans.iter().filter(|span| span["name"] == name).collect::<Vec<_>>();
    let reviews = named("review");
    assert_eq!((reviews.len(), named("image").len(), named("resolve").len()), (2, 4, 2), "{spans:#?}");
    // The second time both verdicts are kept.
    assert!(!named("fetch").is_empty() && named("fetch").len() == named("verify").len(), "{spans:#?}");
    assert!(spans.iter().all(|span| span["traceId"] == "4bf92f3577b34da6a3ce929d0e0e4736"));
    assert!(reviews.iter().all(|span| span["parentSpanId"] == "00f067aa0ba902b7" && span["kind"] == 2));
    let parents: Vec<_> = spans.iter().map(|span| span["spanId"].as_str().unwrap()).collect();
    for span in spans.iter().filter(|span| span["name"] != "review") {
        assert!(parents.contains(&span["parentSpanId"].as_str().unwrap()), "{span}");
    }
    let resolve = named("resolve")[0];
    assert_eq!((&resolve["kind"], attribute(resolve, "server.address")), (&3.into(), Some("registry.example.com")));
    assert_eq!(attribute(reviews[0], "sealmark.outcome"), Some("allowed"));
    assert!(named("image").iter().any(|span| attribute(span, "sealmark.source") == Some("kept")));
}

#[tokio::test]
async fn what_could_not_be_looked_at_is_a_span_that_failed() {
    let site = Site::new();
    site.registries.fault("registry.example.com", Some(Fault::Down));
    let spans = traced(&site, true, async || {
        denied(&site.pod("/mutate", "prod", &format!("{APP}:v1")).await, "registry-unreachable", 503);
    })
    .await;
    for name in ["resolve", "image", "review"] {
        let span = spans.iter().find(|span| span["name"] == name).unwrap();
        assert_eq!((&span["status"]["code"], &span["status"]["message"]), (&2.into(), &"registry-unreachable".into()));
    }
    // Who asks is in the journal and in no span.
    assert!(site.paper.says("jane") && !format!("{spans:?}").contains("jane"));
}
