//! `copy`, `save`, `load`: what was signed in one place is verified in another.

use std::process::Command;

use super::fixture::{Desk, IDENTITY, issuer, refusal, stack_dir, usage};
use super::{json, stderr, stdout};
use crate::registry::real::RealRegistry;
use crate::registry::server::{Options, TestRegistry, digest};

const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";

/// An image of one layer under a tag of `acme/app`, which nobody has signed; its digest.
pub(super) fn planted(registry: &TestRegistry, tag: &str, layer: &[u8]) -> String {
    for blob in [b"{}", layer] {
        registry.plant_blob("acme/app", blob);
    }
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"{IMAGE}","config":{{"mediaType":"application/vnd.oci.empty.v1+json","digest":"{}","size":2}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{}","size":{}}}]}}"#,
        digest(b"{}"),
        digest(layer),
        layer.len()
    );
    registry.plant("acme/app", Some(tag), IMAGE, manifest.as_bytes())
}

/// The same under `acme/app:v1`, signed in both forms; its digest.
pub(super) fn signed(desk: &Desk, registry: &TestRegistry) -> String {
    let found = planted(registry, "v1", b"layer");
    let name = format!("{}/acme/app:v1", registry.authority);
    let output = desk.run(&[
        "sign",
        "image",
        &name,
        "--signature-format",
        "bundle,legacy",
        "--stack",
        stack_dir(),
        "--identity-token-file",
        "token.jwt",
    ]);
    assert!(output.status.success(), "{}", stderr(&output));
    found
}

/// The flags that say who signed.
fn whom() -> [String; 6] {
    ["--identity", IDENTITY, "--issuer", &issuer(), "--stack", stack_dir()].map(str::to_owned)
}

fn run(desk: &Desk, args: &[&str], whom: &[String]) -> std::process::Output {
    let args: Vec<_> = args.iter().copied().chain(whom.iter().map(String::as_str)).collect();
    desk.run(&args)
}

#[test]
fn from_registry_to_registry_to_folder_and_back() {
    let desk = Desk::new();
    let source = TestRegistry::start(Options::default());
    let mirror = TestRegistry::start(Options { referrers: false, ..Options::default() });
    let last = TestRegistry::start(Options::default());
    let image = signed(&desk, &source);
    let at = |registry: &TestRegistry, path: &str| format!("{}/{path}", registry.authority);

    let copied = run(&desk, &["copy", &at(&source, "acme/app:v1"), &at(&mirror, "mirror/app")], &whom());
    assert!(copied.status.success(), "{}{}", stdout(&copied), stderr(&copied));
    let words = stdout(&copied);
    assert!(words.contains(&image) && words.contains("1 referrer, 1 older signature tag"), "{words}");
    assert!(words.contains(&format!("mirror/app@{image}")), "{words}");

    let saved = run(&desk, &["save", &at(&mirror, "mirror/app:v1"), "layout", "--format", "json"], &[]);
    assert!(saved.status.success(), "{}", stderr(&saved));
    let report = json(&saved);
    assert_eq!((&report["image"], &report["referrers"]), (&image.as_str().into(), &1.into()));

    let loaded = run(&desk, &["load", "layout", &at(&last, "acme/app:v2"), "--format", "json"], &whom());
    assert!(loaded.status.success(), "{}{}", stdout(&loaded), stderr(&loaded));
    assert_eq!(json(&loaded)["verdict"], "verified");
    let verified = run(&desk, &["verify", "image", &at(&last, "acme/app:v2")], &whom());
    assert!(verified.status.success(), "{}{}", stdout(&verified), stderr(&verified));

    if let Ok(read) =
        Command::new("skopeo").args(["inspect", "--raw", "oci:layout:v1"]).current_dir(desk.path(".")).output()
    {
        assert_eq!(digest(&read.stdout), image, "{}", stderr(&read));
    }
}

#[test]
fn a_copy_that_nobody_expected_is_refused_where_it_arrives() {
    let desk = Desk::new();
    let (source, mirror) = (TestRegistry::start(Options::default()), TestRegistry::start(Options::default()));
    signed(&desk, &source);
    let names = [format!("{}/acme/app:v1", source.authority), format!("{}/mirror/app", mirror.authority)];
    let mut other = whom();
    other[1] = "https://github.com/else".to_owned();
    let refused = run(&desk, &["copy", &names[0], &names[1]], &other);
    assert_eq!(refused.status.code(), Some(1));
    assert!(stderr(&refused).contains("identity-mismatch"), "{}", stderr(&refused));
}

#[test]
fn what_is_not_there_is_not_carried() {
    let desk = Desk::new();
    let source = TestRegistry::start(Options::default());
    let absent = run(&desk, &["save", &format!("{}/acme/app:v1", source.authority), "layout"], &[]);
    assert_eq!(refusal(&absent), "image-not-found");
    assert!(!desk.path("layout").exists());
    desk.write("file", b"");
    let none = run(&desk, &["load", ".", &format!("{}/acme/app:v1", source.authority)], &[]);
    assert_eq!(refusal(&none), "oci-layout");
    let name = format!("{}/acme/app", source.authority);
    let named = run(&desk, &["copy", &name, &format!("{name}@sha256:{}", "0".repeat(64))], &[]);
    assert_eq!(named.status.code(), Some(2), "{}", stderr(&named));
}

#[test]
fn a_layout_of_none_or_several_images_needs_a_name() {
    let desk = Desk::new();
    let source = TestRegistry::start(Options::default());
    let to = format!("{}/mirror/app", source.authority);
    desk.write("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);
    desk.write("index.json", br#"{"schemaVersion":2,"manifests":[]}"#);
    assert_eq!(usage(&run(&desk, &["load", ".", &to], &whom())), "layout-images");

    signed(&desk, &source);
    planted(&source, "v2", b"another");
    for tag in ["v1", "v2"] {
        let saved = run(&desk, &["save", &format!("{}/acme/app:{tag}", source.authority), tag], &[]);
        assert!(saved.status.success(), "{}", stderr(&saved));
    }
    // One layout of both.
    let index = |layout: &str| -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(desk.path(layout).join("index.json")).unwrap()).unwrap()
    };
    let mut both = index("v1");
    both["manifests"].as_array_mut().unwrap().extend(index("v2")["manifests"].as_array().unwrap().clone());
    desk.write("v1/index.json", both.to_string().as_bytes());
    for blob in std::fs::read_dir(desk.path("v2/blobs/sha256")).unwrap() {
        let blob = blob.unwrap();
        std::fs::copy(blob.path(), desk.path("v1/blobs/sha256").join(blob.file_name())).unwrap();
    }
    let several = run(&desk, &["load", "v1", &to], &whom());
    assert_eq!(usage(&several), "layout-images");
    assert!(stderr(&several).contains("2 images: v1, v2"), "{}", stderr(&several));
    let named = run(&desk, &["load", "v1", &to, "--image", "v1"], &whom());
    assert!(named.status.success(), "{}{}", stdout(&named), stderr(&named));
}

#[test]
fn between_registries_of_others() {
    let (Some(docker), Some(other)) = (RealRegistry::docker(), RealRegistry::go_containerregistry()) else { return };
    let desk = Desk::new();
    let source = TestRegistry::start(Options::default());
    let image = signed(&desk, &source);
    let mut from = format!("{}/acme/app:v1", source.authority);
    for registry in [&docker.authority, &other.authority, &docker.authority] {
        let to = format!("{registry}/carried/app:v1");
        let copied = run(&desk, &["copy", &from, &to], &whom());
        assert!(copied.status.success(), "{}{}", stdout(&copied), stderr(&copied));
        assert!(stdout(&copied).contains(&image));
        from = to;
    }
}
