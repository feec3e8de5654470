//! Names of images: tags, digests, and verdicts that are kept.

use std::time::{Duration, Instant};

use super::APP;
use crate::gate::testing::*;

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
