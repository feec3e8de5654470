//! The gate over HTTP, and its end.

use super::APP;
use crate::gate::testing::*;
use crate::serve::Clients;
use crate::service::environment::SystemEnvironment;

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
