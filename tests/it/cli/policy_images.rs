//! `policy` about images: the engine and the three answers of `verify image`, in registries, layouts and archives.

use std::process::Output;

use sealmark::stack::{IssuerKind, TokenRequest};

use super::carry::{planted, signed};
use super::fixture::{Desk, IDENTITY, issued, issuer, refusal, stack_dir, usage};
use super::{json, stderr, stdout};
use crate::registry::real::RealRegistry;
use crate::registry::server::{Answer, TestRegistry, digest};

const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
const PROVENANCE: &str = "https://example.com/tests/v1";

/// The last line of a command that must have succeeded.
fn done(output: &Output) -> String {
    assert!(output.status.success(), "{}{}", stdout(output), stderr(output));
    stdout(output)
}

fn on_stack(desk: &Desk, args: &[&str]) -> Output {
    desk.run(&[args, &["--stack", stack_dir()]].concat())
}

fn name(registry: &TestRegistry) -> String {
    format!("{}/acme/app:v1", registry.authority)
}

/// A policy of one rule for the identity.
fn policy(identity: &str) -> String {
    format!("version: 1\nrules:\n  - name: release\n    identity: {identity}\n    issuer: {}\n", issuer())
}

/// A desk and a registry with a signed image; `policy.yaml` admits it and `other.yaml` does not.
fn world() -> (Desk, TestRegistry, String) {
    let (desk, registry) = (Desk::new(), TestRegistry::honest());
    let image = signed(&desk, &registry);
    desk.write("policy.yaml", policy(IDENTITY).as_bytes());
    desk.write("other.yaml", policy(&IDENTITY.replace("/acme/", "/mallory/")).as_bytes());
    (desk, registry, image)
}

/// A registry that is too busy for what the path holds.
fn busy(part: &'static str) -> TestRegistry {
    let answer = || Answer::error(429, "TOOMANYREQUESTS").with("retry-after", "0");
    TestRegistry::lying(move |asked| (asked.method == "GET" && asked.path.contains(part)).then(answer))
}

#[test]
fn init_writes_what_the_signatures_of_an_image_meet() {
    let (desk, registry, _) = world();
    let image = name(&registry);
    desk.write("predicate.json", b"{}");
    let attest = ["attest", "image", &image, "--predicate", "predicate.json", "--type", PROVENANCE];
    done(&on_stack(&desk, &[&attest[..], &["--identity-token-file", "token.jwt"]].concat()));
    let yaml = done(&on_stack(&desk, &["policy", "init", "--from", &image]));
    assert!(yaml.contains(&format!("\n    repositories: ['{}/acme/app']\n", registry.authority)), "{yaml}");
    assert!(yaml.contains("release.yml@refs/tags/*'") && yaml.contains("source-repository-identifier"), "{yaml}");
    assert!(yaml.contains(&format!("- predicate-type: '{PROVENANCE}'")), "{yaml}");
    desk.write("learned.yaml", yaml.as_bytes());
    done(&on_stack(&desk, &["verify", "image", &image, "--policy", "learned.yaml"]));

    // The same image elsewhere, and one that lacks the attestation, are not what was learned.
    let elsewhere = TestRegistry::honest();
    signed(&desk, &elsewhere);
    let other = on_stack(&desk, &["verify", "image", &name(&elsewhere), "--policy", "learned.yaml"]);
    assert_eq!(refusal(&other), "policy-no-scope");
    desk.write("moved.yaml", yaml.replace(&registry.authority, &elsewhere.authority).as_bytes());
    let bare = on_stack(&desk, &["verify", "image", &name(&elsewhere), "--policy", "moved.yaml"]);
    assert_eq!(refusal(&bare), "no-matching-attestation");
}

#[test]
fn init_says_what_it_cannot_learn() {
    let (desk, registry, _) = world();
    done(&desk.sign(&["app.txt"]));
    let mixed = on_stack(&desk, &["policy", "init", "--from", "app.txt", "--from", &name(&registry)]);
    assert_eq!(usage(&mixed), "policy-init-mixed");
    let unsigned = TestRegistry::honest();
    planted(&unsigned, "v1", b"layer");
    let none = on_stack(&desk, &["policy", "init", "--from", &name(&unsigned)]);
    assert_eq!(usage(&none), "policy-init");
    let closed = busy("/referrers/");
    copy(&desk, &closed, true);
    let closed = on_stack(&desk, &["policy", "init", "--from", &name(&closed)]);
    assert_eq!(closed.status.code(), Some(3), "{}", stderr(&closed));
    assert_eq!(stdout(&closed), "");
}

#[test]
fn explain_shows_the_decision_about_an_image() {
    let (desk, registry, image) = world();
    let explain = |policy, more: &[&str]| {
        on_stack(&desk, &[&["policy", "explain", &name(&registry), "--policy", policy], more].concat())
    };
    let yes = done(&explain("policy.yaml", &[]));
    assert!(yes.starts_with(&format!("about {}/acme/app@{image}\n", registry.authority)), "{yes}");
    assert!(yes.contains("yes   rule \"release\""), "{yes}");
    let no = explain("other.yaml", &["--format", "json"]);
    assert_eq!(no.status.code(), Some(1), "{}", stdout(&no));
    let tree = json(&no);
    assert_eq!(tree["decision"]["code"], "identity-mismatch");
    assert!(stdout(&explain("other.yaml", &[])).contains("^^^^"));
}

#[test]
fn explain_never_says_no_of_what_it_could_not_look_at() {
    let (desk, ..) = world();
    for part in ["/referrers/", "/blobs/"] {
        let registry = busy(part);
        copy(&desk, &registry, true);
        let output = on_stack(&desk, &["policy", "explain", &name(&registry), "--policy", "policy.yaml"]);
        assert_eq!(output.status.code(), Some(3), "{part}: {}{}", stdout(&output), stderr(&output));
        assert!(stderr(&output).contains("registry-unavailable"), "{part}: {}", stderr(&output));
    }
    let unsigned = TestRegistry::honest();
    copy(&desk, &unsigned, false);
    let output = on_stack(&desk, &["policy", "explain", &name(&unsigned), "--policy", "policy.yaml"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("image-unsigned"), "{}", stderr(&output));
}

const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";

fn manifest(name: &str) -> String {
    let config = digest(b"{}");
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{IMAGE}","config":{{"mediaType":"application/vnd.oci.empty.v1+json","digest":"{config}","size":2}},"layers":[],"annotations":{{"name":"{name}"}}}}"#
    )
}

/// `acme/app:v1`, with a bundle over a statement that names tag and version `v1` and `1.2.3`.
fn copy(desk: &Desk, registry: &TestRegistry, with_bundle: bool) -> String {
    let manifest = manifest("app");
    let image = registry.plant("acme/app", Some("v1"), IMAGE, manifest.as_bytes());
    if with_bundle {
        let hex = image.trim_start_matches("sha256:");
        let statement = format!(
            r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{{"name":"{}/acme/app:v1","digest":{{"sha256":"{hex}"}},"annotations":{{"version":"1.2.3"}}}}],"predicateType":"https://sigstore.dev/cosign/sign/v1","predicate":{{}}}}"#,
            registry.authority
        );
        desk.write("manifest.json", manifest.as_bytes());
        desk.write("statement.json", statement.as_bytes());
        let attest = ["attest", "blob", "manifest.json", "--statement", "statement.json", "-o", "bundle.json"];
        let _ = std::fs::remove_file(desk.path("bundle.json"));
        done(&on_stack(desk, &[&attest[..], &["--identity-token-file", "token.jwt"]].concat()));
        attach(registry, &manifest, &std::fs::read(desk.path("bundle.json")).unwrap());
    }
    image
}

fn attach(registry: &TestRegistry, manifest: &str, bundle: &[u8]) {
    registry.plant_blob("acme/app", bundle);
    registry.plant_blob("acme/app", b"{}");
    let referrer = format!(
        r#"{{"schemaVersion":2,"mediaType":"{IMAGE}","artifactType":"{BUNDLE}","config":{{"mediaType":"application/vnd.oci.empty.v1+json","digest":"{}","size":2}},"layers":[{{"mediaType":"{BUNDLE}","digest":"{}","size":{}}}],"subject":{{"mediaType":"{IMAGE}","digest":"{}","size":{}}}}}"#,
        digest(b"{}"),
        digest(bundle),
        bundle.len(),
        digest(manifest.as_bytes()),
        manifest.len()
    );
    registry.plant("acme/app", None, IMAGE, referrer.as_bytes());
}

#[test]
fn cases_name_images_in_registries_layouts_and_archives() {
    let (desk, registry, _) = world();
    let image = name(&registry);
    done(&desk.run(&["save", &image, "layout"]));
    done(&on_stack(&desk, &["pack", "-o", "app.pack.tar", "--policy", "policy.yaml", "--image", &image]));
    let packed =
        json(&on_stack(&desk, &["verify", "pack", "app.pack.tar", "--policy", "policy.yaml", "--format", "json"]));
    let packed = packed["artifacts"][0]["artifact"].as_str().unwrap().to_owned();
    let mut cases = format!(
        "policy: policy.yaml\ncases:
  - {{image: '{image}', expect: verified, rule: release}}
  - {{image: 'registry.example.com/acme/app:v1', layout: layout, expect: verified}}
  - {{image: '{packed}', layout: app.pack.tar, expect: verified}}
  - {{image: '{}/acme/absent:v1', expect: refused, reason: image-not-found}}
  - {{image: '127.0.0.1:1/acme/app:v1', expect: undecided}}
",
        registry.authority
    );
    desk.write("cases.yaml", cases.as_bytes());
    let output = on_stack(&desk, &["policy", "test", "cases.yaml"]);
    assert!(done(&output).ends_with("5 passed, 0 failed\n"), "{}", stdout(&output));

    // What could not be looked at is no fault of the policy; what was expected otherwise is one.
    cases += "  - {image: '127.0.0.1:1/acme/app:v2', expect: verified}\n";
    desk.write("cases.yaml", cases.as_bytes());
    let output = on_stack(&desk, &["policy", "test", "cases.yaml"]);
    assert_eq!(output.status.code(), Some(3), "{}", stdout(&output));
    cases += &format!("  - {{image: '{image}', expect: refused}}\n");
    desk.write("cases.yaml", cases.as_bytes());
    let output = on_stack(&desk, &["policy", "test", "cases.yaml"]);
    assert_eq!(output.status.code(), Some(1), "{}", stdout(&output));
    assert!(stdout(&output).contains("WRONG"), "{}", stdout(&output));

    for wrong in [
        "{expect: verified}",
        "{artifact: app.txt, image: 'a.example/b:v1', expect: verified}",
        "{artifact: app.txt, layout: layout, expect: verified}",
        "{image: 'a.example/b:v1', bundle: x.json, expect: verified}",
        "{image: 'a.example/B', expect: verified}",
    ] {
        desk.write("cases.yaml", format!("policy: policy.yaml\ncases:\n  - {wrong}\n").as_bytes());
        assert_eq!(usage(&on_stack(&desk, &["policy", "test", "cases.yaml"])), "policy-cases", "{wrong}");
    }
}

#[test]
fn diff_asks_both_policies_about_one_look() {
    let (desk, registry, _) = world();
    let image = name(&registry);
    let diff = |new: &str, image: &str| on_stack(&desk, &["policy", "diff", "policy.yaml", new, image]);
    assert_eq!(done(&diff("policy.yaml", &image)), "1 of 1 unchanged\n");
    registry.forget_requests();
    let changed = diff("other.yaml", &image);
    assert_eq!(changed.status.code(), Some(1));
    let words = stdout(&changed);
    assert!(words.contains("refused, identity-mismatch, was verified by rule \"release\""), "{words}");
    let mut once = registry.lines();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), registry.lines().len(), "{:?}", registry.lines());
    let closed = diff("other.yaml", "127.0.0.1:1/acme/app:v1");
    assert_eq!(closed.status.code(), Some(3), "{}", stdout(&closed));
    assert!(stdout(&closed).contains("could not decide") && stdout(&closed).contains("0 of 1 unchanged"));
}

#[test]
fn a_layout_stands_for_any_registry() {
    let (desk, registry, image) = world();
    done(&desk.run(&["save", &name(&registry), "layout"]));
    let scoped = policy(IDENTITY)
        .replace("rules:\n  - name", "scopes:\n- name: a\n  repositories: [a.example/app]\n  rules:\n  - name");
    desk.write("scoped.yaml", scoped.as_bytes());
    let explain =
        |image: &str| on_stack(&desk, &["policy", "explain", image, "--policy", "scoped.yaml", "--layout", "layout"]);
    registry.forget_requests();
    done(&explain("a.example/app:v1"));
    done(&explain(&format!("a.example/app@{image}")));
    assert_eq!(explain("b.example/app:v1").status.code(), Some(1));
    assert_eq!(explain("a.example/app:v2").status.code(), Some(1));
    assert!(registry.lines().is_empty());
    done(&on_stack(&desk, &["policy", "init", "--from", "a.example/app:v1", "--layout", "layout"]));
}

#[test]
fn another_signer_is_named_with_the_characters_that_differ() {
    let (desk, registry) = (Desk::new(), TestRegistry::honest());
    let token = TokenRequest::new(IssuerKind::GithubWorkflow).with("repository", "mallory/app").unwrap();
    desk.write("token.jwt", issued(&token).as_bytes());
    signed(&desk, &registry);
    desk.write("policy.yaml", policy(IDENTITY).as_bytes());
    let output = on_stack(&desk, &["policy", "explain", &name(&registry), "--policy", "policy.yaml"]);
    assert_eq!(output.status.code(), Some(1));
    let text = stdout(&output);
    let lines: Vec<&str> = text.lines().collect();
    let found = lines.iter().position(|line| line.contains("found    https://github.com/mallory/")).unwrap();
    let marks: String =
        lines[found].chars().zip(lines[found + 1].chars()).filter(|(_, m)| *m == '^').map(|(c, _)| c).collect();
    assert_eq!(marks, "mallory", "{text}");
}

#[test]
fn tags_and_versions_are_bound() {
    let (desk, registry) = (Desk::new(), TestRegistry::honest());
    let image = copy(&desk, &registry, true);
    registry.plant("acme/app", Some("v2"), IMAGE, manifest("app").as_bytes());
    let (v1, v2) = (name(&registry), name(&registry).replace(":v1", ":v2"));
    let by_digest = format!("{}/acme/app@{image}", registry.authority);
    for bound in ["tag", "version", "name, tag"] {
        let policy = policy(IDENTITY) + &format!("    signed-names: [{bound}]\n");
        desk.write(format!("{bound}.yaml"), policy.as_bytes());
    }
    desk.write("plain.yaml", policy(IDENTITY).as_bytes());
    let verify = |image: &str, policy: &str, more: &[&str]| {
        on_stack(&desk, &[&["verify", "image", image, "--policy", policy], more].concat())
    };
    // The tag that was moved to an image that is signed under another one.
    done(&verify(&v1, "tag.yaml", &[]));
    done(&verify(&by_digest, "tag.yaml", &[]));
    assert_eq!(refusal(&verify(&v2, "tag.yaml", &[])), "name-not-bound");
    assert_eq!(refusal(&verify(&v2, "name, tag.yaml", &[])), "name-not-bound");
    done(&verify(&v2, "plain.yaml", &[]));
    for policy in ["version.yaml", "plain.yaml"] {
        done(&verify(&v1, policy, &["--expect-version", "1.2.3"]));
        assert_eq!(refusal(&verify(&v1, policy, &["--expect-version", "1.2.2"])), "name-not-bound", "{policy}");
    }
    assert_eq!(refusal(&verify(&v1, "version.yaml", &[])), "name-not-bound");
    let explained = |version: &str| {
        let with = ["policy", "explain", &v1, "--policy", "plain.yaml", "--expect-version", version];
        on_stack(&desk, &with).status.code()
    };
    assert_eq!((explained("1.2.3"), explained("1.2.4")), (Some(0), Some(1)));
    let case = format!(
        "policy: plain.yaml\ncases: [{{image: '{v1}', version: '2', expect: refused, reason: name-not-bound}}]\n"
    );
    desk.write("cases.yaml", case.as_bytes());
    done(&on_stack(&desk, &["policy", "test", "cases.yaml"]));

    // Of files by their statements; the same flag with the other flags.
    let blob = |version: &str| {
        let issuer = issuer();
        let whom =
            ["--identity", IDENTITY, "--issuer", &issuer, "--expect-version", version, "--bundle", "bundle.json"];
        on_stack(&desk, &[&["verify", "blob", "manifest.json"], &whom[..]].concat())
    };
    done(&blob("1.2.3"));
    assert_eq!(refusal(&blob("1.2.30")), "name-not-bound");
}

#[test]
fn policies_about_images_in_registries_of_others() {
    let (desk, source, _) = world();
    for registry in [RealRegistry::docker(), RealRegistry::go_containerregistry()].into_iter().flatten() {
        let image = format!("{}/acme/app:v1", registry.authority);
        done(&desk.run(&["copy", &name(&source), &image]));
        let yaml = done(&on_stack(&desk, &["policy", "init", "--from", &image]));
        desk.write("learned.yaml", yaml.as_bytes());
        done(&on_stack(&desk, &["policy", "explain", &image, "--policy", "learned.yaml"]));
        let diff = on_stack(&desk, &["policy", "diff", "policy.yaml", "other.yaml", &image]);
        assert_eq!(diff.status.code(), Some(1), "{}", stderr(&diff));
        let case =
            format!("policy: other.yaml\ncases: [{{image: '{image}', expect: refused, reason: identity-mismatch}}]\n");
        desk.write("cases.yaml", case.as_bytes());
        done(&on_stack(&desk, &["policy", "test", "cases.yaml"]));
    }
}
