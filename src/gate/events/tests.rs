//! What an API server is told, and when.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::gate::testing::{Site, object, pod};
use crate::serve::Metrics;
use crate::service::environment::SystemEnvironment;
use crate::service::http::Service;
use crate::service::http::fake::{Answer, FakeServer};

const APP: &str = "registry.example.com/acme/app";

/// An API server that answers with a status, and a site whose gate tells it of events.
struct Cluster {
    server: FakeServer,
    site: Site,
    _account: tempfile::TempDir,
}

impl Cluster {
    fn new(status: u16) -> Self {
        let server = FakeServer::start(move |_, _| Answer::new(status, "{}"));
        let account = tempfile::tempdir().unwrap();
        std::fs::write(account.path().join("token"), "account-token\n").unwrap();
        std::fs::write(account.path().join("ca.crt"), "").unwrap();
        let site = Site::new();
        let api = ApiServer::at(server.endpoint(Service::ApiServer, "/"), account.path(), event_settings());
        let (gate, recorder) = (Arc::clone(&site.gate), site.gate.note_events(api));
        tokio::spawn(async move { recorder.run(|code, what| gate.tell("events-not-written", code, what)).await });
        Self { server, site, _account: account }
    }

    /// What the server got, when it has got so many.
    async fn received(&self, count: usize) -> Vec<(String, serde_json::Value)> {
        for _ in 0..500 {
            if self.server.received().len() >= count {
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
            tokio::task::yield_now().await;
        }
        let request = |request: &crate::service::http::fake::Received| {
            assert_eq!(request.header("authorization"), Some("Bearer account-token"));
            let json = serde_json::from_slice(&request.body).unwrap();
            (format!("{} {}", request.method, request.target), json)
        };
        self.server.received().iter().map(request).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_denial_leaves_an_event_on_what_manages_the_object() {
    let cluster = Cluster::new(201);
    let unsigned = cluster.site.registries.image(&format!("{APP}:v1"), "unsigned").await.image().to_string();
    let owner = r#""metadata":{"generateName":"app-7d4b-","ownerReferences":[{"apiVersion":"v1","kind":"Node","name":"n"},{"apiVersion":"apps/v1","kind":"ReplicaSet","name":"app-7d4b","uid":"u-1","controller":true}]},"#;
    let review = pod("prod", &[&unsigned]).replace(r#""spec""#, &format!(r#"{owner}"spec""#));
    // Twice the same is one event.
    for _ in 0..2 {
        assert!(!cluster.site.ask("/mutate", &review).await.allowed());
    }
    // Nothing is noted of what is not kept, and of what is let in.
    let dry = pod("prod", &[&unsigned]).replace(r#""oldObject""#, r#""dryRun":true,"oldObject""#);
    assert!(!cluster.site.ask("/mutate", &dry).await.allowed());
    let good = cluster.site.registries.good(&format!("{APP}:v2")).await;
    assert!(cluster.site.pod("/validate", "prod", &good).await.allowed());
    // Something of its own comes after all of these.
    assert!(!cluster.site.pod("/mutate", "prod", &unsigned).await.allowed());
    let received = cluster.received(2).await;
    assert_eq!(received.len(), 2, "{received:?}");
    let (called, event) = &received[0];
    assert_eq!(called, "POST /apis/events.k8s.io/v1/namespaces/prod/events");
    let about = serde_json::json!({"apiVersion": "apps/v1", "kind": "ReplicaSet", "namespace": "prod", "name": "app-7d4b", "uid": "u-1"});
    assert_eq!(event["regarding"], about);
    assert_eq!((event["type"].as_str(), event["reason"].as_str()), (Some("Warning"), Some("ImageDenied")));
    assert!(event["note"].as_str().unwrap().contains("is not admitted: image-unsigned: "), "{event}");
    assert_eq!(event["metadata"]["namespace"], "prod");
    let about = serde_json::json!({"apiVersion": "v1", "kind": "Pod", "namespace": "prod", "name": "it"});
    assert_eq!(received[1].1["regarding"], about);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warning_leaves_one_event_though_two_webhooks_give_it() {
    let cluster = Cluster::new(201);
    let unsigned = cluster.site.registries.image(&format!("{APP}:v1"), "unsigned").await.image().to_string();
    for path in ["/mutate", "/validate"] {
        assert!(cluster.site.pod(path, "warn-1", &unsigned).await.allowed());
        assert!(cluster.site.pod(path, "audit-1", &unsigned).await.allowed());
    }
    let unknown = object("argoproj.io", "Rollout", "prod", r#"{"kind":"Rollout","spec":{}}"#);
    assert!(!cluster.site.ask("/mutate", &unknown).await.allowed());
    let received = cluster.received(2).await;
    let reasons: Vec<_> = received.iter().map(|(_, event)| event["reason"].as_str().unwrap().to_owned()).collect();
    assert_eq!(reasons, ["ImageWarned", "ImageUndecided"]);
    assert_eq!(received[1].1["regarding"]["apiVersion"], "argoproj.io/v1");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_refuses_is_told_of_once_and_holds_nobody_up() {
    let cluster = Cluster::new(403);
    let unsigned = cluster.site.registries.image(&format!("{APP}:v1"), "unsigned").await.image().to_string();
    for namespace in ["prod", "elsewhere"] {
        assert!(!cluster.site.pod("/mutate", namespace, &unsigned).await.allowed());
    }
    assert_eq!(cluster.received(2).await.len(), 2);
    assert!(cluster.site.paper.says(r#""event":"events-not-written","code":"events-refused""#));
    assert_eq!(cluster.site.paper.text().matches("events-not-written").count(), 1);
    assert!(!cluster.site.paper.text().contains("account-token"));
}

/// Happenings that differ, or are the same.
fn happening(name: &str) -> Happening {
    let api_version = "v1".to_owned();
    let regarding = Regarding { api_version, kind: "Pod".to_owned(), name: name.to_owned(), uid: String::new() };
    let same = Same { namespace: "prod".to_owned(), regarding, reason: "ImageDenied", code: "image-unsigned" };
    Happening { same, note: "no".to_owned() }
}

#[tokio::test]
async fn what_happens_again_is_counted_and_what_is_too_much_is_left_out() {
    let server = FakeServer::start(|_, _| Answer::new(201, "{}"));
    let account = tempfile::tempdir().unwrap();
    std::fs::write(account.path().join("token"), "account-token").unwrap();
    std::fs::write(account.path().join("ca.crt"), "").unwrap();
    let api = ApiServer::at(server.endpoint(Service::ApiServer, "/"), account.path(), event_settings());
    let metrics = Metrics::default();
    let counts = metrics.counters("events", "Events.", &["outcome"]);
    let (events, recorder) = start(api, counts, Arc::new(SystemEnvironment));
    for _ in 0..5 {
        events.tell(happening("a"));
    }
    for number in 0..limits::EVENTS_QUEUED {
        events.tell(happening(&number.to_string()));
    }
    drop(events);
    recorder.run(|code, what| panic!("{code}: {what}")).await;
    let posts = server.received().iter().filter(|request| request.method == "POST").count();
    let most = limits::EVENTS_AT_ONCE as usize;
    assert!((most..most + 20).contains(&posts), "{posts}");
    let text = metrics.render();
    for line in ["events{outcome=\"counted\"} 4\n", "events{outcome=\"dropped\"} "] {
        assert!(text.contains(line), "{line} not in {text}");
    }
}
