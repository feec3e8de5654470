//! Traces of reviews.

use super::APP;
use crate::gate::testing::*;
use crate::serve::traces::TraceSettings;
use crate::serve::traces::testing::{attribute, spans};
use crate::service::environment::SystemEnvironment;
use crate::service::http::fake::{Answer, FakeServer};

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
