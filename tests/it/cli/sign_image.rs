//! `sign image`, `attest image` and `attach repair`, against a registry that keeps what it was asked and against
//! real ones. What other clients make of the result is in `tests/interop/images`.

mod writers;

use std::process::Output;

use sealmark::stack::TokenRequest;
use serde_json::Value;

use super::fixture::{Desk, IDENTITY, issued, issuer, stack_dir, usage};
use super::{json, stderr, stdout};
use crate::registry::real::RealRegistry;
use crate::registry::server::{Answer, Login, Options, TestRegistry, digest};

const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// A manifest that differs by its name.
fn manifest(name: &str) -> String {
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{IMAGE}","config":{{"mediaType":"application/vnd.oci.empty.v1+json","digest":"{}","size":2}},"layers":[],"annotations":{{"name":"{name}"}}}}"#,
        digest(b"{}")
    )
}

/// An image under `acme/app:v1`; its digest.
fn push(registry: &TestRegistry) -> String {
    registry.plant("acme/app", Some("v1"), IMAGE, manifest("app").as_bytes())
}

fn name(registry: &TestRegistry) -> String {
    format!("{}/acme/app:v1", registry.authority)
}

/// With the services and the token of the stack.
fn keyless(desk: &Desk, args: &[&str]) -> Output {
    desk.run(&[args, &["--stack", stack_dir(), "--identity-token-file", "token.jwt", "--format", "json"]].concat())
}

/// A key that nobody else can see the signatures of.
fn by_key(desk: &Desk, args: &[&str]) -> Output {
    if !desk.path("release.key").exists() {
        desk.write("password", b"\n");
        let made = desk.run(&["key", "generate", "--key-password-file", "password", "-o", "release"]);
        assert!(made.status.success(), "{}", stderr(&made));
    }
    let key = ["--key", "release.key", "--key-password-file", "password", "--log-not-required-unsafe"];
    desk.run(&[args, &key, &["--format", "json"]].concat())
}

fn report(output: &Output) -> Value {
    assert!(output.status.success(), "{}{}", stdout(output), stderr(output));
    let report = json(output);
    assert_eq!(report["schema"], "sealmark.signed-images/v1");
    report
}

/// Each signature of the first image as `form status`.
fn signatures(report: &Value) -> Vec<String> {
    let all = report["images"][0]["signatures"].as_array().unwrap();
    all.iter().map(|one| format!("{} {}", one["form"].as_str().unwrap(), one["status"].as_str().unwrap())).collect()
}

#[test]
fn a_tag_is_asked_for_once_and_its_digest_is_signed_in_both_forms() {
    for options in [Options::default(), Options { referrers: false, ..Options::default() }] {
        let list = if options.referrers { "referrers-api" } else { "referrers-tag" };
        let (desk, registry) = (Desk::new(), TestRegistry::start(options));
        let digest = push(&registry);
        let output = keyless(&desk, &["sign", "image", &name(&registry), "--signature-format", "bundle,legacy"]);
        let report = report(&output);
        assert!(stderr(&output).contains(&format!("{} is {digest}", name(&registry))), "{}", stderr(&output));
        assert_eq!(report["images"][0]["image"], format!("{}/acme/app@{digest}", registry.authority));
        assert_eq!(signatures(&report), ["bundle made", "legacy made"]);
        assert_eq!(report["images"][0]["signatures"][0]["listedBy"], list);
        let serials: Vec<_> = (0..2).map(|n| report["images"][0]["signatures"][n]["signer"].to_string()).collect();
        assert_eq!(serials[0], serials[1]);
        let asked = registry.lines();
        assert_eq!(asked.iter().filter(|line| line.ends_with("/manifests/v1")).count(), 1, "{asked:?}");
        assert!(asked.iter().all(|line| !line.ends_with("/v2/")), "{asked:?}");
    }
}

#[test]
fn what_is_there_already_is_not_signed_again() {
    let (desk, registry) = (Desk::new(), TestRegistry::honest());
    push(&registry);
    let image = name(&registry);
    desk.write("predicate.json", br#"{"tests":"passed","coverage":81.5}"#);
    desk.write("respelled.json", br#"{ "coverage": 81.5, "tests": "passed" }"#);
    desk.write("other.json", br#"{"tests":"failed"}"#);
    let needed = |what: &[&str]| {
        let output = keyless(&desk, &[what, &["--if-needed", "--signature-format", "bundle,legacy"]].concat());
        signatures(&report(&output))
    };
    let attest = |file| ["attest", "image", &image, "--predicate", file, "--type", "https://example.com/tests"];
    assert_eq!(needed(&["sign", "image", &image]), ["bundle made", "legacy made"]);
    assert_eq!(needed(&attest("predicate.json")), ["bundle made", "legacy made"]);
    registry.forget_requests();
    assert_eq!(needed(&["sign", "image", &image]), ["bundle present", "legacy present"]);
    assert_eq!(needed(&attest("respelled.json")), ["bundle present", "legacy present"]);
    let asked = registry.lines();
    assert!(asked.iter().all(|line| line.starts_with("GET ")), "{asked:?}");
    assert_eq!(needed(&attest("other.json")), ["bundle made", "legacy made"]);
    // Who is named needs no token: there is none to be had here.
    let who = |identity| {
        let named = ["--if-needed", "--signer-identity", identity, "--signer-issuer", &issuer()];
        let call = ["sign", "image", &image, "--stack", stack_dir(), "--format", "json"];
        desk.run(&[&call[..], &named].concat())
    };
    assert_eq!(signatures(&report(&who(IDENTITY))), ["bundle present"]);
    assert_eq!(usage(&who("https://github.com/acme/other")), "identity-missing");
    let named = ["--if-needed", "--signer-identity", "https://github.com/acme/other", "--signer-issuer", &issuer()];
    assert_eq!(usage(&keyless(&desk, &[&["sign", "image", &image], &named[..]].concat())), "signer-other");
    // Another signer has said nothing yet.
    let output = by_key(&desk, &["sign", "image", &image, "--if-needed"]);
    assert_eq!(signatures(&report(&output)), ["bundle made"]);
    let output = by_key(&desk, &["sign", "image", &image, "--if-needed", "--signature-format", "bundle,legacy"]);
    assert_eq!(signatures(&report(&output)), ["bundle present", "legacy made"]);
}

/// The name is nobody else's here: what a monitor finds by it without the ledger, it knows with it.
#[test]
fn k19_what_was_signed_of_images_is_in_the_ledger() {
    let (desk, registry) = (Desk::new(), TestRegistry::honest());
    push(&registry);
    let (image, who) = (name(&registry), "ledger-of-images@example.com");
    desk.write("token.jwt", issued(&TokenRequest::email(who)).as_bytes());
    desk.write("predicate.json", br#"{"tests":"passed"}"#);
    report(&keyless(&desk, &["sign", "image", &image, "--ledger", "signed.jsonl"]));
    let attest = ["attest", "image", &image, "--predicate", "predicate.json", "--type", "https://example.com/tests"];
    report(&keyless(&desk, &[&attest[..], &["--ledger", "signed.jsonl"]].concat()));
    let lines = std::fs::read_to_string(desk.path("signed.jsonl")).unwrap();
    assert!(lines.lines().count() == 2 && lines.lines().all(|line| line.contains(who)), "{lines}");
    let look = |flags: &[&str]| {
        let args = ["monitor", "--stack", stack_dir(), "--identity", who, "--from", "start", "--once"];
        let output = desk.run(&[&args, flags].concat());
        (output.status.code(), stdout(&output).matches("FOUND").count())
    };
    assert_eq!(look(&["--state", "without"]), (Some(1), 2));
    assert_eq!(look(&["--state", "with", "--ledger", "signed.jsonl"]), (Some(0), 0));
    // A ledger that cannot be written keeps anything from being signed.
    registry.forget_requests();
    let output = keyless(&desk, &["sign", "image", &image, "--ledger", "no/such/folder/signed.jsonl"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(stdout(&output).contains("ledger-io") || stderr(&output).contains("ledger-io"), "{}", stderr(&output));
    assert!(registry.lines().iter().all(|line| !line.starts_with("PUT ")), "{:?}", registry.lines());
}

/// Whoever cannot look must not sign once more: a throttled registry is not an unsigned image.
#[test]
fn nothing_is_signed_when_nobody_could_look() {
    let desk = Desk::new();
    let registry =
        TestRegistry::lying(|asked| asked.line().contains("/referrers/").then(|| Answer::error(403, "DENIED")));
    push(&registry);
    let output = keyless(&desk, &["sign", "image", &name(&registry), "--if-needed"]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(registry.lines().iter().all(|line| line.starts_with("GET ")), "{:?}", registry.lines());
}

/// The plan is held against what is done: each request that was made was named, by method and place.
#[test]
fn a_dry_run_names_every_request_and_writes_nothing() {
    for referrers in [true, false] {
        let (desk, registry) = (Desk::new(), TestRegistry::start(Options { referrers, ..Options::default() }));
        let digest = push(&registry);
        let image = format!("{}/acme/app@{digest}", registry.authority);
        let call = ["sign", "image", &image, "--signature-format", "bundle,legacy"];
        let plan = report(&keyless(&desk, &[&call[..], &["--dry-run"]].concat()));
        assert_eq!(plan["dryRun"], true);
        assert!(registry.lines().iter().all(|line| line.starts_with("GET ")), "{:?}", registry.lines());
        assert!(plan["requests"][0]["url"].as_str().unwrap().ends_with("/api/v2/signingCert"));
        let named: Vec<String> = plan["images"][0]["requests"]
            .as_array()
            .unwrap()
            .iter()
            .map(|request| format!("{} {}", request["method"].as_str().unwrap(), request["url"].as_str().unwrap()))
            .collect();
        registry.forget_requests();
        report(&keyless(&desk, &call));
        for line in registry.lines() {
            assert!(named.iter().any(|named| is_named(named, &registry.authority, &line)), "{line} in {named:#?}");
        }
        let services = named.iter().filter(|line| line.starts_with("POST") && line.contains("/api/")).count();
        assert_eq!(services, 3, "{named:#?}");
    }
}

/// `{digest}` and `{session}` stand for one segment.
fn is_named(named: &str, authority: &str, line: &str) -> bool {
    let named = named.replace(&format!("http://{authority}"), "");
    let (named, asked): (Vec<_>, Vec<_>) = (named.split('/').collect(), line.split('/').collect());
    named.len() == asked.len()
        && named.iter().zip(&asked).all(|(named, asked)| named.starts_with('{') || named == asked)
}

#[test]
fn an_index_and_its_images_under_one_certificate() {
    let (desk, registry) = (Desk::new(), TestRegistry::honest());
    let listed: Vec<String> = [("amd64", "a"), ("arm64", "b")]
        .map(|(architecture, name)| {
            let bytes = manifest(name);
            let digest = registry.plant("acme/app", None, IMAGE, bytes.as_bytes());
            let platform = format!(r#"{{"architecture":"{architecture}","os":"linux"}}"#);
            format!(r#"{{"mediaType":"{IMAGE}","digest":"{digest}","size":{},"platform":{platform}}}"#, bytes.len())
        })
        .to_vec();
    let index = format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[{}]}}"#, listed.join(","));
    registry.plant("acme/app", Some("v1"), INDEX, index.as_bytes());
    let one = report(&keyless(&desk, &["sign", "image", &name(&registry)]));
    assert_eq!(one["images"].as_array().unwrap().len(), 1);
    let all = report(&keyless(&desk, &["sign", "image", &name(&registry), "--recursive", "--if-needed"]));
    let images: Vec<_> = all["images"].as_array().unwrap().iter().collect();
    assert_eq!(images.len(), 3);
    assert_eq!((&images[1]["platform"], &images[2]["platform"]), (&"linux/amd64".into(), &"linux/arm64".into()));
    let status = |image: &Value| image["signatures"][0]["status"].as_str().unwrap().to_owned();
    assert_eq!(images.iter().map(|image| status(image)).collect::<Vec<_>>(), ["present", "made", "made"]);
}

#[test]
fn what_a_build_wrote_down_names_the_image() {
    let (desk, registry) = (Desk::new(), TestRegistry::honest());
    let digest = push(&registry);
    // The tag moves on after the build.
    registry.plant("acme/app", Some("v1"), IMAGE, manifest("another").as_bytes());
    let repository = format!("{}/acme/app", registry.authority);
    desk.write("podman", format!("{digest}\n").as_bytes());
    desk.write(
        "buildx.json",
        format!(r#"{{"containerimage.digest":"{digest}","image.name":"{repository}:v1"}}"#).as_bytes(),
    );
    for args in [&[name(&registry).as_str(), "--digest-file", "podman"][..], &["--digest-file", "buildx.json"]] {
        let report = report(&by_key(&desk, &[&["sign", "image"], args].concat()));
        assert_eq!(report["images"][0]["image"], format!("{repository}@{digest}"));
    }
    let wrong = |args: &[&str]| usage(&by_key(&desk, &[&["sign", "image"], args].concat()));
    assert_eq!(wrong(&["--digest-file", "podman"]), "digest-file-image");
    assert_eq!(wrong(&["a.example/x", "a.example/y", "--digest-file", "podman"]), "digest-file-image");
    desk.write("nonsense", b"{}");
    assert_eq!(wrong(&[&repository, "--digest-file", "nonsense"]), "digest-file");
}

#[test]
fn signatures_in_another_repository() {
    let (desk, registry) = (Desk::new(), TestRegistry::honest());
    push(&registry);
    let elsewhere = format!("{}/acme/signatures", registry.authority);
    let call = ["sign", "image", &name(&registry), "--if-needed", "--signature-format", "bundle,legacy"];
    let flag = ["--signature-repository", &elsewhere];
    let first = report(&by_key(&desk, &[&call[..], &flag].concat()));
    assert!(first["images"][0]["signatures"][0]["place"].as_str().unwrap().starts_with(&elsewhere));
    // The variable that other clients read says the same.
    let key = ["--key", "release.key", "--key-password-file", "password", "--log-not-required-unsafe"];
    let again = super::sealmark(&[&call[..], &key, &["--format", "json"]].concat())
        .current_dir(desk.path("."))
        .env("COSIGN_REPOSITORY", &elsewhere)
        .output()
        .unwrap();
    assert_eq!(signatures(&report(&again)), ["bundle present", "legacy present"]);
    let written = registry.lines().into_iter().filter(|line| line.starts_with("PUT "));
    assert!(written.into_iter().all(|line| line.contains("/acme/signatures/")), "{:?}", registry.lines());
}

#[test]
fn credentials_are_for_the_one_registry_that_is_named() {
    let login = Some(Login::Basic("bWU6c2VjcmV0"));
    let (desk, registry) = (Desk::new(), TestRegistry::start(Options { login, ..Options::default() }));
    push(&registry);
    desk.write("registry-password", b"secret\n");
    let flags = ["--registry-username", "me", "--registry-password-file", "registry-password"];
    let call = ["sign", "image", &name(&registry)];
    report(&by_key(&desk, &[&call[..], &flags].concat()));
    let nobody = by_key(&desk, &call);
    assert_eq!(nobody.status.code(), Some(3), "{}", stderr(&nobody));
    let other = TestRegistry::honest();
    push(&other);
    let two = by_key(&desk, &[&call[..], &[&name(&other)], &flags].concat());
    assert_eq!(usage(&two), "registry-one");
    assert!(other.asked().is_empty());
    assert!(!stderr(&two).contains("secret"));
}

#[test]
fn a_key_for_one_form_without_what_it_needs() {
    let (desk, registry) = (Desk::new(), TestRegistry::honest());
    push(&registry);
    let image = name(&registry);
    // No Rekor v1 log in what is named, and none is waived.
    let config = format!("{}/client_trust_config.json", stack_dir());
    let call = ["sign", "image", &image, "--signature-format", "bundle,legacy", "--trust-config", &config];
    let output = desk.run(&[&call[..], &["--identity-token-file", "token.jwt"]].concat());
    assert_eq!(usage(&output), "sign-no-legacy-log");
    assert!(registry.lines().iter().all(|line| line.starts_with("GET ")), "{:?}", registry.lines());
    desk.write("password", b"\n");
    let made = desk.run(&["key", "generate", "--type", "p384", "--key-password-file", "password", "-o", "wide"]);
    assert!(made.status.success(), "{}", stderr(&made));
    let key = ["--key", "wide.key", "--key-password-file", "password", "--log-not-required-unsafe"];
    let output = desk.run(&[&["sign", "image", &image, "--signature-format", "legacy"], &key[..]].concat());
    assert_eq!(usage(&output), "sign-legacy-key");
}

/// podman looks beside the image only; who can be told of another repository is named as one who sees it there.
#[test]
fn consumers_are_told_by_form_and_repository() {
    let (desk, registry) = (Desk::new(), TestRegistry::honest());
    push(&registry);
    let (image, elsewhere) = (name(&registry), format!("{}/acme/signatures", registry.authority));
    let podman = |more: &[&str]| {
        let both = ["sign", "image", &image, "--signature-format", "bundle,legacy", "--consumers"];
        let report = report(&by_key(&desk, &[&both[..], more].concat()));
        let consumers = report["consumers"].as_array().unwrap().clone();
        let podman = consumers.into_iter().find(|one| one["name"].as_str().unwrap().starts_with("podman")).unwrap();
        podman["sees"].as_str().unwrap().to_owned()
    };
    assert_eq!(podman(&[]), "yes");
    assert_eq!(podman(&["--signature-repository", &elsewhere]), "no");
}

#[test]
fn lost_referrers_are_listed_anew() {
    let (desk, registry) = (Desk::new(), TestRegistry::start(Options { referrers: false, ..Options::default() }));
    let digest = push(&registry);
    let image = name(&registry);
    let mut places = Vec::new();
    for _ in 0..3 {
        let report = report(&by_key(&desk, &["sign", "image", &image]));
        let place = report["images"][0]["signatures"][0]["place"].as_str().unwrap().to_owned();
        places.push(place.split_once('@').unwrap().1.to_owned());
    }
    let tag = digest.replace(':', "-");
    let empty = format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[]}}"#);
    registry.plant("acme/app", Some(&tag), INDEX, empty.as_bytes());
    let repair = |args: &[&str]| desk.run(&[&["attach", "repair", &image, "--format", "json"], args].concat());
    let known: Vec<&str> = places.iter().flat_map(|place| ["--referrer", place]).collect();
    let repaired = json(&repair(&known));
    assert_eq!((repaired["schema"].as_str(), repaired["listed"].as_u64()), (Some("sealmark.repaired/v1"), Some(3)));
    assert_eq!(json(&repair(&known))["added"].as_array().unwrap().len(), 0);
    // What a tag names is found without its digest.
    registry.plant("acme/app", Some(&tag), INDEX, empty.as_bytes());
    let kept = writers::manifest(&format!("{}/acme/app@{}", registry.authority, places[1]));
    registry.plant("acme/app", Some("kept"), IMAGE, &kept);
    let repaired = json(&repair(&[]));
    let place = format!("{}/acme/app@{}", registry.authority, places[1]);
    assert_eq!((repaired["listed"].as_u64(), &repaired["added"][0]), (Some(1), &place.as_str().into()));
    // A manifest about another image is not listed under this one.
    let foreign = registry.plant("acme/app", None, IMAGE, manifest("foreign").as_bytes());
    let refused = repair(&["--referrer", &foreign]);
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(json(&refused)["error"]["code"], "oci-subject");
}

#[test]
fn real_registries_keep_both_forms() {
    let real = [RealRegistry::docker(), RealRegistry::go_containerregistry()];
    for registry in real.into_iter().flatten() {
        let desk = Desk::new();
        let image = writers::push(&registry.authority);
        let both = ["sign", "image", &image, "--signature-format", "bundle,legacy"];
        assert_eq!(signatures(&report(&keyless(&desk, &both))), ["bundle made", "legacy made"]);
        let again = report(&keyless(&desk, &[&both[..], &["--if-needed"]].concat()));
        assert_eq!(signatures(&again), ["bundle present", "legacy present"]);
    }
}

/// What is printed to verify with does verify, as it stands there.
#[test]
fn the_command_that_is_printed_verifies() {
    let (desk, registry) = (Desk::new(), TestRegistry::honest());
    push(&registry);
    let image = name(&registry);
    desk.write("predicate.json", b"{}");
    let attest = ["attest", "image", &image, "--predicate", "predicate.json", "--type", "https://example.com/tests"];
    let elsewhere = format!("{}/acme/signatures", registry.authority);
    for call in [
        &["sign", "image", &image][..],
        &["sign", "image", &image, "--signature-format", "legacy", "--signature-repository", &elsewhere],
        &attest,
        &[&attest[..], &["--signature-format", "legacy"]].concat(),
    ] {
        let report = report(&keyless(&desk, call));
        let words: Vec<_> = report["images"][0]["verify"].as_array().unwrap().iter().collect();
        let words: Vec<&str> = words.iter().map(|word| word.as_str().unwrap()).collect();
        let verified = desk.run(&words[1..]);
        assert!(verified.status.success(), "{words:?}: {}{}", stdout(&verified), stderr(&verified));
    }
}

/// The code of what could not be decided.
fn undecided(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(3), "{}{}", stdout(output), stderr(output));
    let report = json(output);
    report["images"][0]["error"]["code"].as_str().unwrap().to_owned()
}

#[test]
fn a_signature_that_the_registry_does_not_show_is_not_reported() {
    let desk = Desk::new();
    let empty = format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[]}}"#);
    let registry = TestRegistry::lying(move |asked| {
        let list = asked.line().contains("/referrers/");
        list.then(|| Answer::new(200, empty.clone()).with("content-type", INDEX))
    });
    push(&registry);
    let output = by_key(&desk, &["sign", "image", &name(&registry)]);
    assert_eq!(undecided(&output), "referrer-not-listed");
    assert!(json(&output)["images"][0]["signatures"].as_array().unwrap().is_empty());
}

#[test]
fn a_signature_that_comes_back_changed_is_not_reported() {
    let desk = Desk::new();
    let registry = TestRegistry::lying(|asked| {
        let read_back = asked.line().starts_with("GET ") && asked.line().contains("/blobs/");
        read_back.then(|| Answer::new(200, "x".repeat(2)))
    });
    push(&registry);
    let output = by_key(&desk, &["sign", "image", &name(&registry)]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert_eq!(json(&output)["images"][0]["error"]["code"], "oci-size");
}

#[test]
fn a_job_on_github_is_told_which_images_it_signed() {
    let (desk, registry) = (Desk::new(), TestRegistry::honest());
    let digest = push(&registry);
    let image = name(&registry);
    let output =
        super::sealmark(&["sign", "image", &image, "--stack", stack_dir(), "--identity-token-file", "token.jwt"])
            .current_dir(desk.path("."))
            .env("GITHUB_STEP_SUMMARY", desk.path("summary.md"))
            .env("GITHUB_OUTPUT", desk.path("outputs"))
            .output()
            .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let outputs = std::fs::read_to_string(desk.path("outputs")).unwrap();
    let by_digest = format!("{}/acme/app@{digest}", registry.authority);
    assert_eq!(
        outputs,
        format!("images<<END_OF_LIST\n{by_digest}\nEND_OF_LIST\ndigests<<END_OF_LIST\n{digest}\nEND_OF_LIST\n")
    );
    let summary = std::fs::read_to_string(desk.path("summary.md")).unwrap();
    assert!(summary.contains(&by_digest) && summary.contains("sealmark verify image"), "{summary}");
}

/// docker-registry does not see, for a moment, a blob that several write at the same time.
#[test]
fn a_manifest_that_is_taken_for_incomplete_is_written_once_more() {
    for (lies, code) in [(2, Some(0)), (usize::MAX, Some(1))] {
        let desk = Desk::new();
        let told = std::sync::atomic::AtomicUsize::new(0);
        let registry = TestRegistry::lying(move |asked| {
            let put = asked.line().starts_with("PUT ") && asked.line().contains("/manifests/");
            let lie = put && told.fetch_add(1, std::sync::atomic::Ordering::Relaxed) < lies;
            lie.then(|| Answer::error(400, "MANIFEST_BLOB_UNKNOWN"))
        });
        push(&registry);
        let output = by_key(&desk, &["sign", "image", &name(&registry), "--signature-format", "bundle,legacy"]);
        assert_eq!(output.status.code(), code, "{}", stderr(&output));
    }
}

#[test]
fn one_form_that_was_written_is_reported_when_the_other_was_not() {
    let desk = Desk::new();
    let registry = TestRegistry::lying(|asked| {
        let put = asked.line().starts_with("PUT ") && asked.line().ends_with(".sig");
        put.then(|| Answer::error(403, "DENIED"))
    });
    push(&registry);
    let output = by_key(&desk, &["sign", "image", &name(&registry), "--signature-format", "bundle,legacy"]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    let report = json(&output);
    assert_eq!(signatures(&report), ["bundle made"]);
    assert_eq!(report["images"][0]["error"]["code"], "registry-unauthorized");
}
