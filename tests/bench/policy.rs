//! A policy of a hundred rules, without I/O: `cargo bench --bench policy`. What was verified is one of the project's
//! own bundles, from `testdata/bundles`.

#![allow(clippy::expect_used, reason = "a bench that cannot read its files has nothing to say")]

use std::fmt::Write as _;

use sealmark::base::time::UnixTime;
use sealmark::format::bundle::UnverifiedBundle;
use sealmark::format::oci::ImageRef;
use sealmark::format::trust::TrustedRoot;
use sealmark::policy::{Policy, Question};
use sealmark::verify::{Artifact, ArtifactName, Requirements, Verified, Verifier};

fn main() {
    divan::main();
}

const RULES: usize = 100;
/// After every bundle was signed.
const NOW: UnixTime = UnixTime::from_secs(1_900_000_000);

fn read(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/testdata/bundles/{name}", env!("CARGO_MANIFEST_DIR"))).expect("a file of testdata")
}

/// A signature by the workflow `acme/app`, or its attestation.
fn verified(artifact: &Artifact<'_>, bundle: &str) -> Verified {
    let root = TrustedRoot::parse(&read("trusted_root.json")).expect("a trusted root");
    let verifier = Verifier::new(&root).expect("a trusted root that holds");
    let bundle = UnverifiedBundle::parse(&read(&format!("{bundle}/bundle.sigstore.json"))).expect("a bundle");
    verifier.verify(artifact, &bundle, &Requirements::STRICT, NOW).expect("a good bundle")
}

/// The hundredth rule, and no other, is about `acme/app`.
fn rules(indent: &str, name: impl Fn(usize) -> String) -> Vec<String> {
    let rule = |at: usize| {
        let repository = if at + 1 == RULES { "acme/app".to_owned() } else { name(at) };
        format!(
            "{indent}- name: rule-{at}\n{indent}  identity-glob: https://github.com/{repository}/.github/workflows/release.yml@refs/tags/*\n{indent}  issuer-glob: http://127.0.0.1:*/github\n"
        )
    };
    (0..RULES).map(rule).collect()
}

/// Workflows that differ in the organisation; every rule is asked.
fn for_every_artifact() -> String {
    format!("version: 1\nrules:\n{}", rules("  ", |at| format!("team-{at}/app")).concat())
}

/// Workflows that differ in the last letters only: no rule is dismissed by how it begins.
fn alike() -> String {
    format!("version: 1\nrules:\n{}", rules("  ", |at| format!("acme/app{at}")).concat())
}

/// A scope a rule, by repository.
fn scoped() -> String {
    let mut text = "version: 1\nscopes:\n".to_owned();
    for (at, rule) in rules("      ", |at| format!("team-{at}/app")).iter().enumerate() {
        let _ = write!(text, "  - name: scope-{at}\n    repositories: [ghcr.io/team-{at}/**]\n    rules:\n{rule}");
    }
    text
}

/// A hundred rules about one workflow. Ten of them, the last among these, have a condition on what it attests, and only
/// that of the last holds; the others want attestations of other types.
fn conditions() -> String {
    let names = |_: usize| "acme/app".to_owned();
    let attestation = |at: usize| {
        let builder = if at + 1 == RULES { "tests" } else { "others" };
        match (at + 1) % 10 {
            0 => format!(
                "      - predicate-type: https://example.com/predicate\n        conditions: [{{name: builder, cel: 'predicate.builder.endsWith(\"{builder}\") && now > signed'}}]\n"
            ),
            _ => format!("      - predicate-type: https://example.com/predicate/{at}\n"),
        }
    };
    let rules = rules("  ", names)
        .into_iter()
        .enumerate()
        .map(|(at, rule)| format!("{rule}    attestations:\n{}", attestation(at)));
    format!("version: 1\nrules:\n{}", rules.collect::<String>())
}

fn admit(bencher: divan::Bencher<'_, '_>, yaml: &str, image: Option<&str>, expected: bool) {
    admit_bundle(bencher, "message_rekor_v2", yaml, image, expected);
}

fn admit_bundle(bencher: divan::Bencher<'_, '_>, bundle: &str, yaml: &str, image: Option<&str>, expected: bool) {
    let policy = Policy::parse(yaml.as_bytes()).expect("a policy");
    let bytes = read("artifact");
    let artifact = Artifact::from_bytes(&bytes);
    let verified = verified(&artifact, bundle);
    let image = image.map(|image| ArtifactName::from(&ImageRef::parse(image).expect("an image")));
    let artifact = image.map_or(artifact.clone(), |name| artifact.clone().called(name));
    let signatures = [&verified];
    let question = Question::new(&artifact, &signatures, NOW);
    assert_eq!(policy.admit(&question).is_ok(), expected);
    bencher.bench_local(|| divan::black_box(policy.admit(divan::black_box(&question)).is_ok()));
}

#[divan::bench]
fn the_last_rule_of_a_hundred(bencher: divan::Bencher<'_, '_>) {
    admit(bencher, &for_every_artifact(), None, true);
}

#[divan::bench]
fn the_last_rule_of_a_hundred_that_begin_alike(bencher: divan::Bencher<'_, '_>) {
    admit(bencher, &alike(), None, true);
}

#[divan::bench]
fn no_rule_of_a_hundred(bencher: divan::Bencher<'_, '_>) {
    let yaml = for_every_artifact().replace("/acme/app/", "/mallory/app/");
    admit(bencher, &yaml, None, false);
}

#[divan::bench]
fn the_last_rule_of_a_hundred_with_conditions(bencher: divan::Bencher<'_, '_>) {
    admit_bundle(bencher, "attestation_rekor_v2", &conditions(), None, true);
}

#[divan::bench]
fn no_rule_of_a_hundred_with_conditions(bencher: divan::Bencher<'_, '_>) {
    admit_bundle(bencher, "attestation_rekor_v2", &conditions().replace("tests", "nobody"), None, false);
}

/// The last of a hundred scopes is for the image.
#[divan::bench]
fn the_last_scope_of_a_hundred(bencher: divan::Bencher<'_, '_>) {
    admit(bencher, &scoped(), Some("ghcr.io/team-99/app:v1"), true);
}

#[divan::bench]
fn no_scope_of_a_hundred(bencher: divan::Bencher<'_, '_>) {
    admit(bencher, &scoped(), Some("ghcr.io/strangers/app:v1"), false);
}

#[divan::bench]
fn compile_a_hundred_rules(bencher: divan::Bencher<'_, '_>) {
    let yaml = for_every_artifact();
    bencher.bench_local(|| Policy::parse(divan::black_box(yaml.as_bytes())).expect("a policy"));
}

#[divan::bench]
fn compile_a_hundred_rules_with_conditions(bencher: divan::Bencher<'_, '_>) {
    let yaml = conditions();
    bencher.bench_local(|| Policy::parse(divan::black_box(yaml.as_bytes())).expect("a policy"));
}

#[divan::bench]
fn compile_a_hundred_scopes(bencher: divan::Bencher<'_, '_>) {
    let yaml = scoped();
    bencher.bench_local(|| Policy::parse(divan::black_box(yaml.as_bytes())).expect("a policy"));
}
