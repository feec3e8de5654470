//! Which policy holds for whom, and what a mode does.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::APP;
use crate::gate::testing::*;

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
