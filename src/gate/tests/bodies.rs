//! What reviews carry: bodies, kinds and operations.

use super::APP;
use crate::base::limits;
use crate::gate::testing::*;

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
