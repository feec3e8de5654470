//! `attest … --from-ci`: the provenance of the running job, by its token.

use std::process::Output;

use sealmark::stack::{IssuerKind, TokenRequest};

use super::carry::signed;
use super::fixture::{Desk, IDENTITY, issued, issuer, refusal, stack_dir, stack_url, usage};
use super::{sealmark, stderr, stdout};
use crate::registry::server::TestRegistry;

const JOB: [(&str, &str); 2] = [("GITHUB_ACTIONS", "true"), ("GITHUB_REF", "refs/tags/v1.0.0")];

fn attest(desk: &Desk, args: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = sealmark(&[&["attest"], args, &["--stack", stack_dir()]].concat());
    command.envs(variables.iter().copied()).current_dir(desk.path("")).output().unwrap()
}

fn blob(desk: &Desk, kind: &str, variables: &[(&str, &str)]) -> Output {
    let _ = std::fs::remove_file(desk.path("app.txt.sigstore.json"));
    let args = ["blob", "app.txt", "--type", kind, "--from-ci", "--identity-token-file", "token.jwt"];
    attest(desk, &args, variables)
}

/// What `gh attestation verify` asks of a provenance: the signer, the source, and the builder.
fn policy(desk: &Desk, kind: &str, fields: &str) {
    let text = format!(
        "version: 1
rules:
  - identity: {IDENTITY}
    issuer: {}
    attestations:
      - predicate-type: {kind}
        fields:
{fields}
",
        issuer()
    );
    desk.write("policy.yaml", text.as_bytes());
}

fn verify(desk: &Desk, more: &[&str]) -> Output {
    desk.run(&[&["verify", "blob", "app.txt", "--policy", "policy.yaml", "--stack", stack_dir()], more].concat())
}

#[test]
fn a_job_attests_how_it_built() {
    let desk = Desk::new();
    let made = blob(&desk, "slsaprovenance1", &JOB);
    assert!(made.status.success(), "{}", stderr(&made));
    let server = stack_url();
    let server = server.trim_end_matches('/');
    let fields = format!(
        "          /buildDefinition/buildType: https://actions.github.io/buildtypes/workflow/v1
          /buildDefinition/externalParameters/workflow/repository: {server}/acme/app
          /buildDefinition/externalParameters/workflow/path: .github/workflows/release.yml
          /runDetails/builder/id: {server}/acme/app/.github/workflows/release.yml@refs/tags/v1.0.0"
    );
    policy(&desk, "https://slsa.dev/provenance/v1", &fields);
    let yes = verify(&desk, &[]);
    assert!(yes.status.success(), "{}{}", stdout(&yes), stderr(&yes));
    // A stage sums it up.
    let vsa = ["--output", "vsa", "--verifier-id", "https://verifier.example", "--resource-uri", "pkg:generic/app"];
    let summed = verify(&desk, &vsa);
    assert!(stdout(&summed).contains("\"PASSED\""), "{}{}", stdout(&summed), stderr(&summed));
    policy(&desk, "https://slsa.dev/provenance/v1", &fields.replace("release.yml@", "other.yml@"));
    assert_eq!(refusal(&verify(&desk, &[])), "provenance-mismatch");

    let older = blob(&desk, "slsaprovenance", &JOB);
    assert!(older.status.success(), "{}", stderr(&older));
    policy(
        &desk,
        "https://slsa.dev/provenance/v0.2",
        &format!("          /materials/0/uri: git+{server}/acme/app@refs/tags/v1.0.0"),
    );
    assert!(verify(&desk, &[]).status.success());
}

#[test]
fn a_gitlab_job_does_too() {
    let desk = Desk::new();
    desk.write("token.jwt", issued(&TokenRequest::new(IssuerKind::GitlabPipeline)).as_bytes());
    let made = blob(&desk, "slsaprovenance1", &[("GITLAB_CI", "true"), ("CI_JOB_NAME", "build")]);
    assert!(made.status.success(), "{}", stderr(&made));
    let lie = blob(&desk, "slsaprovenance1", &[("GITLAB_CI", "true"), ("CI_COMMIT_SHA", "0000")]);
    assert_eq!(refusal(&lie), "provenance-contradiction");
}

#[test]
fn what_is_no_job_attests_nothing() {
    let desk = Desk::new();
    let lie = blob(&desk, "slsaprovenance1", &[JOB[0], ("GITHUB_REF", "refs/heads/main")]);
    assert_eq!(refusal(&lie), "provenance-contradiction");
    assert!(stderr(&lie).contains("GITHUB_REF=\"refs/heads/main\""), "{}", stderr(&lie));
    assert_eq!(usage(&blob(&desk, "slsaprovenance1", &[])), "provenance-no-job");
    assert_eq!(usage(&blob(&desk, "cyclonedx", &JOB)), "provenance-type");
    let ambient = ["blob", "app.txt", "--type", "slsaprovenance1", "--from-ci"];
    assert_eq!(usage(&attest(&desk, &ambient, &[])), "provenance-no-job");
    desk.write("token.jwt", issued(&TokenRequest::email("me@example.com")).as_bytes());
    assert_eq!(usage(&blob(&desk, "slsaprovenance1", &JOB)), "provenance-no-job");
    assert!(!desk.names().contains(&"app.txt.sigstore.json".to_owned()));
}

/// Under a key the claims are those of the environment's token; nobody else vouches for them.
#[test]
fn a_key_signs_it_by_the_token_of_the_environment() {
    let desk = Desk::new();
    let token = std::fs::read_to_string(desk.path("token.jwt")).unwrap();
    let made = desk.run(&["key", "generate", "-o", "build", "--unencrypted-unsafe"]);
    assert!(made.status.success(), "{}", stderr(&made));
    let args = ["blob", "app.txt", "--type", "slsaprovenance1", "--from-ci", "--key", "build.key"];
    let variables = [JOB[0], JOB[1], ("SIGSTORE_ID_TOKEN", token.as_str())];
    let made = attest(&desk, &args, &variables);
    assert!(made.status.success(), "{}", stderr(&made));
    std::fs::remove_file(desk.path("app.txt.sigstore.json")).unwrap();
    assert_eq!(usage(&attest(&desk, &args, &[("GITLAB_CI", "true"), variables[2]])), "provenance-no-job");
}

#[test]
fn a_job_attests_how_it_built_an_image() {
    let (desk, registry) = (Desk::new(), TestRegistry::honest());
    let digest = signed(&desk, &registry);
    let image = format!("{}/acme/app@{digest}", registry.authority);
    let args = ["image", &image, "--type", "slsaprovenance1", "--from-ci", "--identity-token-file", "token.jwt"];
    let made = attest(&desk, &args, &JOB);
    assert!(made.status.success(), "{}", stderr(&made));
    // The same job says it once.
    let again = attest(&desk, &[&args[..], &["--if-needed"]].concat(), &JOB);
    assert!(again.status.success() && stdout(&again).contains("PRESENT"), "{}{}", stdout(&again), stderr(&again));
    let issuer = issuer();
    let who = ["--type", "slsaprovenance1", "--identity", IDENTITY, "--issuer", &issuer, "--stack", stack_dir()];
    let yes = desk.run(&[&["verify", "attestation", &image], &who[..]].concat());
    assert!(yes.status.success(), "{}{}", stdout(&yes), stderr(&yes));
    assert_eq!(refusal(&attest(&desk, &args, &[JOB[0], ("GITHUB_SHA", "0")])), "provenance-contradiction");
}
