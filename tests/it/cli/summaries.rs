//! `verify … --output vsa`, and later stages that take the summary for the whole verification.

use std::process::Output;
use std::time::Duration;

use sealmark::stack::{IssuerKind, TokenRequest};

use super::carry::signed;
use super::fixture::{Desk, IDENTITY, issued, issuer, issuer_of, refusal, stack_dir, usage};
use super::{json, sealmark, stderr, stdout};
use crate::registry::server::TestRegistry;

const VERIFIER: &str = "https://verifier.example/stage-1";
const RESOURCE: &str = "https://example.com/app.txt";
const GATE: &str = "signer@sealmark.localhost";

fn done(output: &Output) -> String {
    assert!(output.status.success(), "{}{}", stdout(output), stderr(output));
    stdout(output)
}

fn on_stack(desk: &Desk, args: &[&str]) -> Output {
    desk.run(&[args, &["--stack", stack_dir()]].concat())
}

/// A desk with a signed file, the policy of the first stage, and the token of whoever verifies there.
fn desk() -> Desk {
    let desk = Desk::signed();
    let policy = |identity: &str| format!("version: 1\nrules: [{{identity: '{identity}', issuer: '{}'}}]\n", issuer());
    desk.write("policy.yaml", policy(IDENTITY).as_bytes());
    desk.write("other.yaml", policy(&IDENTITY.replace("/acme/", "/mallory/")).as_bytes());
    let token = TokenRequest::new(IssuerKind::Email).with("email", GATE).unwrap();
    desk.write("gate.jwt", issued(&token).as_bytes());
    desk
}

fn summary(desk: &Desk, what: &[&str], policy: &str, verifier: &str, resource: &str) -> Output {
    let with = ["--output", "vsa", "--policy", policy, "--verifier-id", verifier, "--resource-uri", resource];
    on_stack(desk, &[&["verify"], what, &with].concat())
}

/// Attests a summary of a file, and gives the later stage's answer.
fn later(desk: &Desk, summary: &str, file: &str, token: &str) -> Output {
    desk.write("vsa.json", summary.as_bytes());
    let attest = ["attest", "blob", file, "--predicate", "vsa.json", "--type", "vsa", "-o", "vsa.bundle.json"];
    let _ = std::fs::remove_file(desk.path("vsa.bundle.json"));
    done(&on_stack(desk, &[&attest[..], &["--identity-token-file", token]].concat()));
    at_later(desk, "app.txt")
}

fn at_later(desk: &Desk, file: &str) -> Output {
    on_stack(desk, &["verify", "blob", file, "--bundle", "vsa.bundle.json", "--policy", "later.yaml"])
}

/// The later stage: one verifier, one resource, one policy, and for so long.
fn expect(desk: &Desk, policy: &str, max_age: &str) {
    let digest = crate::registry::server::digest(&std::fs::read(desk.path(policy)).unwrap());
    let (hex, issuer) = (digest.trim_start_matches("sha256:"), issuer_of(IssuerKind::Email));
    let later = format!(
        "version: 1
rules:
  - name: verified-before
    identity: {GATE}
    issuer: {issuer}
    attestations:
      - predicate-type: https://slsa.dev/verification_summary/v1
        fields:
          /verifier/id: {VERIFIER}
          /resourceUri: {RESOURCE}
          /policy/digest/sha256: {hex}
        max-age: {max_age}
"
    );
    desk.write("later.yaml", later.as_bytes());
}

#[test]
fn a_later_stage_takes_the_summary_and_no_other() {
    let desk = desk();
    expect(&desk, "policy.yaml", "1h");
    let blob = ["blob", "app.txt"];
    let good = done(&summary(&desk, &blob, "policy.yaml", VERIFIER, RESOURCE));
    let predicate: serde_json::Value = serde_json::from_str(&good).unwrap();
    assert_eq!((&predicate["verificationResult"], &predicate["verifier"]["id"]), (&"PASSED".into(), &VERIFIER.into()));
    assert_eq!(
        (&predicate["policy"]["uri"], &predicate["resourceUri"]),
        (&"file:policy.yaml".into(), &RESOURCE.into())
    );
    assert!(stdout(&later(&desk, &good, "app.txt", "gate.jwt")).contains("VERIFIED"));

    // For another digest.
    desk.write("copy.txt", b"another artifact\n");
    assert_eq!(refusal(&at_later(&desk, "copy.txt")), "subject-mismatch");
    // Signed by whom no stage trusts with it: the first signer of the artifact.
    assert_eq!(refusal(&later(&desk, &good, "app.txt", "token.jwt")), "issuer-mismatch");
    // By another verifier, for another use.
    for (verifier, resource) in
        [("https://verifier.example/stage-2", RESOURCE), (VERIFIER, "https://example.com/b.txt")]
    {
        let other = done(&summary(&desk, &blob, "policy.yaml", verifier, resource));
        assert_eq!(refusal(&later(&desk, &other, "app.txt", "gate.jwt")), "vsa-mismatch", "{verifier} {resource}");
    }
    // Under another policy.
    desk.write("looser.yaml", format!("# \n{}", std::fs::read_to_string(desk.path("policy.yaml")).unwrap()).as_bytes());
    let other = done(&summary(&desk, &blob, "looser.yaml", VERIFIER, RESOURCE));
    assert_eq!(refusal(&later(&desk, &other, "app.txt", "gate.jwt")), "vsa-mismatch");
    // Too old.
    done(&later(&desk, &good, "app.txt", "gate.jwt"));
    expect(&desk, "policy.yaml", "1s");
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(refusal(&at_later(&desk, "app.txt")), "vsa-mismatch");
}

#[test]
fn a_no_is_summed_up_as_one_and_refused() {
    let desk = desk();
    let refused = summary(&desk, &["blob", "app.txt"], "other.yaml", VERIFIER, RESOURCE);
    assert_eq!(refused.status.code(), Some(1), "{}", stderr(&refused));
    let predicate = json(&refused);
    assert_eq!(predicate["verificationResult"], "FAILED");
    assert_eq!(predicate["verifiedLevels"], serde_json::json!(["FAILED"]));
    expect(&desk, "other.yaml", "1h");
    assert_eq!(refusal(&later(&desk, &stdout(&refused), "app.txt", "gate.jwt")), "vsa-mismatch");
}

#[test]
fn what_could_not_be_decided_has_no_summary() {
    let desk = desk();
    let nowhere = summary(&desk, &["image", "127.0.0.1:1/acme/app:v1"], "policy.yaml", VERIFIER, RESOURCE);
    assert_eq!((nowhere.status.code(), stdout(&nowhere)), (Some(3), String::new()));
    desk.write("other.txt", b"2");
    let several = summary(&desk, &["blob", "app.txt", "other.txt"], "policy.yaml", VERIFIER, RESOURCE);
    assert_eq!((usage(&several).as_str(), stdout(&several)), ("vsa-artifacts", String::new()));
    assert_eq!(usage(&summary(&desk, &["blob", "app.txt"], "policy.yaml", "me", RESOURCE)), "vsa-uri");
    let twice = ["--verified-level", "SLSA_BUILD_LEVEL_2", "--verified-level", "SLSA_BUILD_LEVEL_3"];
    let levels = summary(&desk, &[&["blob", "app.txt"], &twice[..]].concat(), "policy.yaml", VERIFIER, RESOURCE);
    assert_eq!(usage(&levels), "vsa-level");
}

#[test]
fn an_image_is_deployed_by_its_summary() {
    let (desk, registry) = (desk(), TestRegistry::honest());
    let digest = signed(&desk, &registry);
    let (tag, image) =
        (format!("{}/acme/app:v1", registry.authority), format!("{}/acme/app@{digest}", registry.authority));
    let level = ["image", &tag, "--verified-level", "SLSA_BUILD_LEVEL_2"];
    let printed = summary(&desk, &level, "policy.yaml", VERIFIER, RESOURCE);
    let predicate = done(&printed);
    assert!(stderr(&printed).contains(&format!("about {image}")), "{}", stderr(&printed));
    let shown: serde_json::Value = serde_json::from_str(&predicate).unwrap();
    assert_eq!(shown["verifiedLevels"], serde_json::json!(["SLSA_BUILD_LEVEL_2"]));
    let input = &shown["inputAttestations"][0];
    assert!(input["uri"].as_str().unwrap().ends_with(input["digest"]["sha256"].as_str().unwrap()), "{input}");
    desk.write("vsa.json", predicate.as_bytes());
    expect(&desk, "policy.yaml", "1h");
    let verify = || on_stack(&desk, &["verify", "image", &tag, "--policy", "later.yaml"]);
    assert_eq!(verify().status.code(), Some(1));
    let attest = ["attest", "image", &image, "--predicate", "vsa.json", "--type", "vsa"];
    done(&on_stack(&desk, &[&attest[..], &["--identity-token-file", "gate.jwt"]].concat()));
    done(&verify());
}

/// Signs in the call that verifies.
fn signed_summary(desk: &Desk, policy: &str, more: &[&str]) -> Output {
    summary(
        desk,
        &[&["blob", "app.txt", "--summary-bundle", "vsa.bundle.json"], more].concat(),
        policy,
        VERIFIER,
        RESOURCE,
    )
}

#[test]
fn a_summary_is_signed_where_it_is_made() {
    let desk = desk();
    expect(&desk, "policy.yaml", "1h");
    let token = ["--identity-token-file", "gate.jwt"];
    let printed = done(&signed_summary(&desk, "policy.yaml", &token));
    assert!(printed.contains("PASSED"), "{printed}");
    assert!(stdout(&at_later(&desk, "app.txt")).contains("VERIFIED"));
    desk.write("copy.txt", b"another artifact\n");
    assert_eq!(refusal(&at_later(&desk, "copy.txt")), "subject-mismatch");

    // A no, and what could not be decided, sign nothing and write nothing.
    std::fs::remove_file(desk.path("vsa.bundle.json")).unwrap();
    let refused = signed_summary(&desk, "other.yaml", &token);
    assert_eq!((refused.status.code(), &json(&refused)["verificationResult"]), (Some(1), &"FAILED".into()));
    assert!(!desk.path("vsa.bundle.json").exists());
    // Without a token the yes stays unsigned, and the call is no success.
    let nobody = signed_summary(&desk, "policy.yaml", &[]);
    assert_eq!((usage(&nobody).as_str(), stdout(&nobody)), ("identity-missing", String::new()));
    assert!(!desk.path("vsa.bundle.json").exists());

    // What is there and is something else is not replaced.
    desk.write("vsa.bundle.json", b"mine");
    assert_eq!(usage(&signed_summary(&desk, "policy.yaml", &token)), "output-taken");
    let attach = [&["blob", "app.txt", "--attach-summary"], &token[..]].concat();
    assert_eq!(usage(&summary(&desk, &attach, "policy.yaml", VERIFIER, RESOURCE)), "vsa-attach");
    std::fs::remove_file(desk.path("vsa.bundle.json")).unwrap();
    let root = format!("{}/trusted_root.json", stack_dir());
    let with = ["--output", "vsa", "--policy", "policy.yaml", "--verifier-id", VERIFIER, "--resource-uri", RESOURCE];
    let verify = ["verify", "blob", "app.txt", "--summary-bundle", "vsa.bundle.json", "--trusted-root", &root];
    let trust_alone = sealmark(&[&verify[..], &with, &token].concat()).current_dir(desk.path("")).output().unwrap();
    assert_eq!(usage(&trust_alone), "vsa-services");
    // A token that would sign nothing is a question put wrongly.
    let plain =
        sealmark(&["verify", "blob", "app.txt", "--policy", "policy.yaml", "--identity-token-file", "gate.jwt"]);
    assert_eq!({ plain }.current_dir(desk.path("")).output().unwrap().status.code(), Some(2));
}

#[test]
fn a_key_signs_a_summary() {
    let desk = desk();
    done(&desk.run(&["key", "generate", "-o", "gate", "--unencrypted-unsafe"]));
    done(&signed_summary(&desk, "policy.yaml", &["--signing-key", "gate.key"]));
    let with = ["verify", "blob", "app.txt", "--bundle", "vsa.bundle.json", "--key", "gate.pub"];
    assert!(done(&on_stack(&desk, &with)).contains("https://slsa.dev/verification_summary/v1"));
}

#[test]
fn a_summary_is_attached_to_its_image() {
    let (desk, registry) = (desk(), TestRegistry::honest());
    signed(&desk, &registry);
    let tag = format!("{}/acme/app:v1", registry.authority);
    expect(&desk, "policy.yaml", "1h");
    let verify = || on_stack(&desk, &["verify", "image", &tag, "--policy", "later.yaml"]);
    assert_eq!(verify().status.code(), Some(1));
    let attach = ["image", &tag, "--attach-summary", "--identity-token-file", "gate.jwt"];
    let refused = summary(&desk, &attach, "other.yaml", VERIFIER, RESOURCE);
    assert_eq!(refused.status.code(), Some(1), "{}", stderr(&refused));
    assert_eq!(verify().status.code(), Some(1));
    let made = summary(&desk, &attach, "policy.yaml", VERIFIER, RESOURCE);
    assert!(done(&made).contains("PASSED") && stderr(&made).contains("summary signed: "), "{}", stderr(&made));
    done(&verify());
}
