//! Rows over documents: claims, names, ages, attestations.

use super::*;
use crate::base::crypto::{Digest, DigestAlgorithm};
use crate::format::bundle::{UnverifiedBundle, VerificationMaterial};
use crate::format::dsse;
use crate::format::intoto::{Statement, Subject};
use crate::format::log_entry_body::Verifier as BodyVerifier;
use crate::format::oci::{ImageRef, SimpleSigning};
use crate::format::x509::testing::SIGNED;
use crate::verify::{ArtifactName, KeyTrust};

pub(super) const BUILDER: &str = "https://github.com/actions/runner/github-hosted";

pub(super) fn policy(yaml: &str) -> Policy {
    Policy::parse(yaml.as_bytes()).unwrap_or_else(|error| panic!("{error}\n{yaml}"))
}

/// A rule's own lines below `version: 1` for the workflow.
fn with(lines: &str) -> Policy {
    policy(&format!("version: 1\nrules:\n  - name: r\n    identity: {WORKFLOW}\n    issuer: {ISSUER}\n{lines}"))
}

/// A statement about the artifact, by a leaf with this name.
pub(super) fn attested(san: &San, predicate_type: &str, predicate: &str) -> Verified {
    attested_with(san, &issued_by(ISSUER), &statement(predicate_type, predicate))
}

fn statement(predicate_type: &str, predicate: &str) -> String {
    let digest = Digest::of(DigestAlgorithm::Sha256, ARTIFACT);
    Statement::to_json(&[Subject { name: "app.tar.gz".to_owned(), digests: vec![digest] }], predicate_type, predicate)
}

fn attested_with(san: &San, claims: &[(&str, &str)], payload: &str) -> Verified {
    let world = World::new();
    let key = Key::p256();
    let mut template = Template::leaf(&key).with(Extension::subject_alt_name(san));
    for (name, value) in claims {
        template = template.with(Extension::claim(Claim::by_name(name).unwrap(), value));
    }
    let mut attestation = world.attestation(&key, dsse::IN_TOTO, payload);
    attestation.leaf = world.certify(template);
    world.verify(&world.complete_v2(attestation)).unwrap()
}

/// What a bare key signed.
pub(super) fn by_key(key: &Key) -> Verified {
    let world = World::new();
    let mut signed = world.message(key);
    signed.entries = vec![world.v2_entry_by(&signed, BodyVerifier::PublicKey(key.public()))];
    signed.timestamps = vec![world.timestamp(signed.content.signature(), SIGNED)];
    let material = VerificationMaterial::PublicKey { hint: String::new(), raw: None };
    let bundle = UnverifiedBundle::assemble(material, signed.entries, signed.timestamps, signed.content);
    let trust = KeyTrust::logged(key.public().clone());
    let artifact = Artifact::from_bytes(ARTIFACT);
    world.verifier().verify_with_key(&artifact, &bundle, &trust, &Requirements::STRICT, NOW).unwrap()
}

/// The code under a name, at a time.
fn code_of(policy: &Policy, name: Option<&str>, signatures: &[&Verified], now: UnixTime) -> &'static str {
    let artifact = Artifact::from_bytes(ARTIFACT);
    let artifact = match name {
        Some(text) if text.contains('/') => artifact.called(ArtifactName::from(&ImageRef::parse(text).unwrap())),
        Some(text) => artifact.called(ArtifactName::file(text)),
        None => artifact,
    };
    match policy.admit(&Question::new(&artifact, signatures, now)) {
        Ok(_) => "",
        Err(refused) => refused.code().name(),
    }
}

fn codes(policy: &Policy, signatures: &[&Verified]) -> &'static str {
    code_of(policy, None, signatures, NOW)
}

#[test]
fn i13_the_extension_and_not_the_name_says_which_repository() {
    let mut claims = issued_by(ISSUER).to_vec();
    claims.push(("source-repository-uri", "https://github.com/mallory/app"));
    let verified = signed(&uri(WORKFLOW), &claims);
    let policy = with("    claims: {source-repository-uri: 'https://github.com/acme/app'}\n");
    assert_eq!(codes(&policy, &[&verified]), "policy-mismatch");
    assert_eq!(codes(&with(""), &[&verified]), "");
}

#[test]
fn i14_the_certificate_and_not_the_predicate_says_who_built() {
    let mut claims = issued_by(ISSUER).to_vec();
    claims.push(("build-signer-uri", "https://github.com/mallory/evil.yml"));
    let payload = statement("https://example.com/p", r#"{"build-signer-uri":"https://github.com/acme/release.yml"}"#);
    let verified = attested_with(&uri(WORKFLOW), &claims, &payload);
    let policy = with("    claims: {build-signer-uri: 'https://github.com/acme/release.yml'}\n");
    assert_eq!(codes(&policy, &[&verified]), "policy-mismatch");
}

#[test]
fn i19_what_no_scope_names_is_denied_and_every_scope_that_does_must_admit() {
    let verified = by_workflow();
    let rule = |identity: &str| format!("    rules: [{{identity: '{identity}', issuer: '{ISSUER}'}}]\n");
    let (good, other) = (rule(WORKFLOW), rule("https://github.com/else/app"));
    let acme = format!("version: 1\nscopes:\n  - name: acme\n    repositories: [ghcr.io/acme/**]\n{good}");
    let one = policy(&acme);
    assert_eq!(code_of(&one, Some("ghcr.io/acme/app:v1"), &[&verified], NOW), "");
    for name in [Some("ghcr.io/else/app:v1"), Some("ghcr.io.evil/acme/app:v1"), Some("app.tar.gz"), None] {
        assert_eq!(code_of(&one, name, &[&verified], NOW), "policy-no-scope", "{name:?}");
    }
    let both = policy(&format!("{acme}  - name: registry\n    registries: [ghcr.io]\n{other}"));
    assert_eq!(code_of(&both, Some("ghcr.io/acme/app:v1"), &[&verified], NOW), "identity-mismatch");
    assert_eq!(codes(&with(""), &[]), "policy-no-signature");
}

#[test]
fn i21_a_repository_of_the_same_name_has_another_id() {
    let mut claims = issued_by(ISSUER).to_vec();
    claims.push(("source-repository-identifier", "99"));
    claims.push(("source-repository-owner-identifier", "7"));
    let verified = signed(&uri(WORKFLOW), &claims);
    let pinned = |id: &str, owner: &str| {
        with(&format!(
            "    claims: {{source-repository-identifier: '{id}', source-repository-owner-identifier: '{owner}'}}\n"
        ))
    };
    assert_eq!(codes(&pinned("99", "7"), &[&verified]), "");
    assert_eq!(codes(&pinned("98", "7"), &[&verified]), "policy-mismatch");
    assert_eq!(codes(&pinned("99", "8"), &[&verified]), "policy-mismatch");
}

#[test]
fn i22_runner_and_trigger_are_pinned() {
    let mut claims = issued_by(ISSUER).to_vec();
    claims.push(("runner-environment", "self-hosted"));
    claims.push(("build-trigger", "pull_request_target"));
    let verified = signed(&uri(WORKFLOW), &claims);
    for claim in ["runner-environment: github-hosted", "build-trigger: push"] {
        assert_eq!(codes(&with(&format!("    claims: {{{claim}}}\n")), &[&verified]), "policy-mismatch", "{claim}");
    }
}

#[test]
fn i23_keys_and_certificates_do_not_stand_in_for_each_other() {
    let key = Key::p256();
    let pem = key.public().to_pem().replace('\n', "\n      ");
    let by_key_only = policy(&format!("version: 1\nrules:\n  - name: k\n    key: |\n      {pem}\n"));
    let (key_signed, certified) = (by_key(&key), by_workflow());
    assert_eq!(codes(&by_key_only, &[&key_signed]), "");
    assert_eq!(codes(&by_key_only, &[&certified]), "key-required");
    assert_eq!(codes(&with(""), &[&key_signed]), "cert-required");
    assert_eq!(codes(&by_key_only, &[&by_key(&Key::p256())]), "key-mismatch");
}

#[test]
fn i25_verdicts_share_no_state() {
    let verified = by_workflow();
    let (good, other) =
        (with(""), policy(&format!("version: 1\nrules: [{{identity: a@x.example, issuer: {ISSUER}}}]\n")));
    std::thread::scope(|scope| {
        for worker in 0..8 {
            let (good, other, verified) = (&good, &other, &verified);
            scope.spawn(move || {
                for _ in 0..500 {
                    let (policy, expected) = if worker % 2 == 0 { (good, "") } else { (other, "identity-mismatch") };
                    assert_eq!(codes(policy, &[verified]), expected);
                }
            });
        }
    });
}

#[test]
fn a14_provenance_says_builder_type_source_and_ref() {
    let predicate = format!(
        r#"{{"buildDefinition":{{"buildType":"https://actions.github.io/buildtypes/workflow/v1","externalParameters":{{"workflow":{{"ref":"refs/heads/main","repository":"https://github.com/acme/app"}}}}}},"runDetails":{{"builder":{{"id":"{BUILDER}"}}}}}}"#
    );
    let verified = attested(&uri(WORKFLOW), "https://slsa.dev/provenance/v1", &predicate);
    let asked = |field: &str, value: &str| {
        with(&format!(
            "    attestations: [{{predicate-type: 'https://slsa.dev/provenance/v1', fields: {{{field}: '{value}'}}}}]\n"
        ))
    };
    let good = [
        ("/runDetails/builder/id", BUILDER),
        ("/buildDefinition/buildType", "https://actions.github.io/buildtypes/workflow/v1"),
        ("/buildDefinition/externalParameters/workflow/repository", "https://github.com/acme/app"),
        ("/buildDefinition/externalParameters/workflow/ref", "refs/heads/*"),
    ];
    for (field, value) in good {
        assert_eq!(codes(&asked(field, value), &[&verified]), "", "{field}");
    }
    let bad = [
        ("/runDetails/builder/id", "https://github.com/actions/runner"),
        ("/runDetails/builder/id", "https://github.com/actions/runner/github-hosted@refs/heads/main"),
        ("/buildDefinition/buildType", "https://actions.github.io/buildtypes/workflow/v2"),
        ("/buildDefinition/externalParameters/workflow/repository", "https://github.com/acme/ap"),
        ("/buildDefinition/externalParameters/workflow/ref", "refs/tags/*"),
        ("/buildDefinition/externalParameters/workflow", "refs/heads/*"),
    ];
    for (field, value) in bad {
        assert_eq!(codes(&asked(field, value), &[&verified]), "provenance-mismatch", "{field} {value}");
    }
    // Another version of the predicate is another type.
    let older = with("    attestations: [{predicate-type: 'https://slsa.dev/provenance/v0.2'}]\n");
    assert_eq!(codes(&older, &[&verified]), "no-matching-attestation");
    assert_eq!(codes(&older, &[&by_workflow()]), "no-attestation");
}

#[test]
fn a16_verification_summaries_pass_for_this_policy_and_not_for_ever() {
    const TYPE: &str = "https://slsa.dev/verification_summary/v1";
    let summary = |result: &str, policy: &str| {
        let predicate = format!(
            r#"{{"timeVerified":"2026-11-26T10:00:00Z","verificationResult":"{result}","policy":{{"uri":"{policy}"}}}}"#
        );
        attested(&uri(WORKFLOW), TYPE, &predicate)
    };
    let asked = with(&format!(
        "    attestations:\n      - predicate-type: {TYPE}\n        max-age: 7d\n        fields: {{/policy/uri: 'https://acme.example/policy'}}\n"
    ));
    let (good, soon) = (summary("PASSED", "https://acme.example/policy"), SIGNED.plus_secs(86_400));
    assert_eq!(code_of(&asked, None, &[&good], soon), "");
    assert_eq!(code_of(&asked, None, &[&good], SIGNED.plus_secs(8 * 86_400)), "vsa-mismatch");
    for (result, policy) in [("FAILED", "https://acme.example/policy"), ("PASSED", "https://acme.example/other")] {
        assert_eq!(code_of(&asked, None, &[&summary(result, policy)], soon), "vsa-mismatch", "{result} {policy}");
    }
    // Even when nothing is asked about the result.
    let plain = with(&format!("    attestations: [{{predicate-type: '{TYPE}'}}]\n"));
    assert_eq!(code_of(&plain, None, &[&summary("FAILED", "x")], soon), "vsa-mismatch");
    // Nor is one that says no time, which the specification requires.
    let untimed = attested(&uri(WORKFLOW), TYPE, r#"{"verificationResult":"PASSED","policy":{"uri":"x"}}"#);
    assert_eq!(code_of(&plain, None, &[&untimed], soon), "vsa-mismatch");
    assert_eq!(code_of(&plain, None, &[&summary("PASSED", "x")], soon), "");
}

#[test]
fn a17_stale_attestations() {
    let sbom = attested(&uri(WORKFLOW), "https://spdx.dev/Document", "{}");
    let asked = with("    attestations: [{predicate-type: 'https://spdx.dev/Document', max-age: 30d}]\n");
    assert_eq!(code_of(&asked, None, &[&sbom], SIGNED.plus_secs(30 * 86_400)), "");
    assert_eq!(code_of(&asked, None, &[&sbom], SIGNED.plus_secs(30 * 86_400 + 1)), "policy-stale");
    // What is young must wait, and a signature counts from its proven time too.
    let waiting = with("    min-age: 24h\n    max-age: 2d\n");
    for (after, expected) in [(3600, "policy-too-young"), (90_000, ""), (200_000, "policy-stale")] {
        assert_eq!(code_of(&waiting, None, &[&by_workflow()], SIGNED.plus_secs(after)), expected, "{after}");
    }
}

#[test]
fn ages_of_what_a_key_signs_have_no_bound() {
    let pem = Key::p256().public().to_pem().replace('\n', "\n      ");
    let yaml = format!("version: 1\nrules:\n  - max-age: 1d\n    key: |\n      {pem}\n");
    assert_eq!(Policy::parse(yaml.as_bytes()).unwrap_err().code().name(), "policy-age-key");
}

#[test]
fn distrust_begins_at_a_moment() {
    let verified = by_workflow();
    let from = |time: UnixTime| {
        let lines =
            format!("distrust: [{{identity-glob: 'https://github.com/acme/**', from: '{time}', reason: stolen}}]\n");
        policy(&format!("version: 1\n{lines}rules: [{{identity: '{WORKFLOW}', issuer: '{ISSUER}'}}]\n"))
    };
    assert_eq!(codes(&from(SIGNED.plus_secs(1)), &[&verified]), "");
    assert_eq!(codes(&from(SIGNED), &[&verified]), "signer-distrusted");
}

#[test]
fn denied_digests_whoever_signed() {
    let digest = Digest::of(DigestAlgorithm::Sha512, ARTIFACT);
    let yaml = format!(
        "version: 1\nmode: warn\ndeny: [{{digest: '{digest}', reason: CVE-2026-1}}]\nrules: [{{identity: '{WORKFLOW}', issuer: '{ISSUER}'}}]\n"
    );
    let (policy, verified) = (policy(&yaml), by_workflow());
    assert_eq!(codes(&policy, &[&verified]), "digest-denied");
    assert_eq!(codes(&policy, &[]), "digest-denied");
    let by_other = Artifact::from_digest(Digest::of(DigestAlgorithm::Sha256, ARTIFACT));
    let signatures = [&verified];
    let refused = policy.admit(&Question::new(&by_other, &signatures, NOW)).unwrap_err();
    assert_eq!((refused.code().name(), refused.mode), ("digest-missing", Mode::Enforce));
}

#[test]
fn names_tags_and_versions_are_bound_where_a_rule_says_so() {
    let subject = |name: &str, annotations: &str| {
        let hex = Digest::of(DigestAlgorithm::Sha256, ARTIFACT).hex();
        let payload = format!(
            r#"{{"_type":"https://in-toto.io/Statement/v1","subject":[{{"name":"{name}","digest":{{"sha256":"{hex}"}},"annotations":{annotations}}}],"predicateType":"https://sigstore.dev/cosign/sign/v1","predicate":{{}}}}"#
        );
        attested_with(&uri(WORKFLOW), &issued_by(ISSUER), &payload)
    };
    let bound = with("    signed-names: [name, tag]\n");
    let named = subject("ghcr.io/acme/app:v1", "{}");
    assert_eq!(code_of(&bound, Some("ghcr.io/acme/app:v1"), &[&named], NOW), "");
    for name in ["ghcr.io/acme/app:v2", "ghcr.io/acme/other:v1", "quay.io/acme/app:v1"] {
        assert_eq!(code_of(&bound, Some(name), &[&named], NOW), "name-not-bound", "{name}");
    }
    let annotated = subject("ghcr.io/acme/app", r#"{"tag":"v1"}"#);
    assert_eq!(code_of(&bound, Some("ghcr.io/acme/app:v1"), &[&annotated], NOW), "");
    // What says nothing binds nothing.
    for silent in [subject("", "{}"), by_workflow()] {
        assert_eq!(code_of(&bound, Some("ghcr.io/acme/app:v1"), &[&silent], NOW), "name-not-bound");
    }
    let file = with("    signed-names: [name]\n");
    assert_eq!(code_of(&file, Some("app.tar.gz"), &[&subject("app.tar.gz", "{}")], NOW), "");
    assert_eq!(code_of(&file, Some("other.tar.gz"), &[&subject("app.tar.gz", "{}")], NOW), "name-not-bound");
    let versioned = with("    signed-names: [version]\n");
    let (version, artifact) = (subject("x", r#"{"version":"1.2.3"}"#), Artifact::from_bytes(ARTIFACT));
    let signatures = [&version];
    let ask = |wanted: Option<&str>| {
        let artifact = artifact.clone();
        let artifact = wanted.map_or(artifact.clone(), |wanted| artifact.expecting_version(wanted.to_owned()));
        versioned.admit(&Question::new(&artifact, &signatures, NOW)).map_err(|refused| refused.code().name()).is_ok()
    };
    assert!(ask(Some("1.2.3")) && !ask(Some("1.2.2")) && !ask(None));
    // Who expects a version is told no without it, though the rule does not ask.
    let silent = with("");
    for (expected, signed, code) in
        [("1.2.3", &version, ""), ("1.2.2", &version, "name-not-bound"), ("1.2.3", &by_workflow(), "name-not-bound")]
    {
        let (artifact, signatures) = (artifact.clone().expecting_version(expected.to_owned()), [signed]);
        let refused = silent.admit(&Question::new(&artifact, &signatures, NOW)).err();
        assert_eq!(refused.map_or("", |refused| refused.code().name()), code);
    }
}

#[test]
fn older_signatures_bind_the_name_that_they_hold() {
    let world = World::new();
    let digest = Digest::of(DigestAlgorithm::Sha256, ARTIFACT);
    let legacy = world.legacy_signature(&SimpleSigning::new("ghcr.io/acme/app:v1", digest));
    let (layer, annotations) = world.legacy_layer(&legacy);
    let bundle = crate::format::cosign::signature(layer, &annotations).unwrap();
    let accepting = Requirements::STRICT.promise(Promise::Accepted);
    let verified = world.verifier().verify(&Artifact::from_bytes(ARTIFACT), &bundle, &accepting, NOW).unwrap();
    let rule = "identity: signer@example.com, issuer: 'https://issuer.example.com', accept-promise: true";
    let policy = policy(&format!("version: 1\nrules: [{{{rule}, signed-names: [name, tag]}}]\n"));
    assert_eq!(code_of(&policy, Some("ghcr.io/acme/app:v1"), &[&verified], NOW), "");
    assert_eq!(code_of(&policy, Some("ghcr.io/acme/app:v2"), &[&verified], NOW), "name-not-bound");
}

#[test]
fn a15_a_field_of_any_predicate() {
    let scan = attested(&uri(WORKFLOW), "https://example.com/scan", r#"{"verdict":"clean","nested":{"at":["x"]}}"#);
    let asked = |pointer: &str, value: &str| {
        with(&format!(
            "    attestations:\n      - predicate-type: https://example.com/scan\n        fields: {{'{pointer}': {value}}}\n"
        ))
    };
    for (pointer, value) in [("/verdict", "clean"), ("/nested/at/0", "x")] {
        assert_eq!(codes(&asked(pointer, value), &[&scan]), "", "{pointer}");
    }
    for (pointer, value) in [("/verdict", "dirty"), ("/other", "clean"), ("/nested/at/1", "x"), ("/nested", "clean")] {
        assert_eq!(codes(&asked(pointer, value), &[&scan]), "predicate-mismatch", "{pointer}");
    }
}

#[cfg(feature = "policy-cel")]
#[test]
fn a15_conditions_say_rule_and_values() {
    let scan = attested(&uri(WORKFLOW), "https://example.com/scan", r#"{"critical":2,"passed":"true"}"#);
    let asked = |cel: &str| {
        with(&format!(
            "    attestations:\n      - predicate-type: https://example.com/scan\n        conditions: [{{name: clean, cel: '{cel}'}}]\n"
        ))
    };
    assert_eq!(codes(&asked("predicate.critical <= 2"), &[&scan]), "");
    assert_eq!(codes(&asked("predicate.critical == 0"), &[&scan]), "policy-condition");
    for bad in ["predicate.passed", "predicate.missing == 0", "null", "predicate.critical"] {
        assert_eq!(codes(&asked(bad), &[&scan]), "policy-error", "{bad}");
    }
    let refused = admits(&asked("predicate.critical == 0"), &scan).unwrap_err();
    let text = refused.to_string();
    assert!(text.contains("clean") && text.contains("predicate.critical == 0") && text.contains('2'), "{text}");
    let unread = "version: 1\nrules:\n  - identity: a@x.example\n    issuer: x\n    attestations: [{predicate-type: x, conditions: [{cel: '1 +'}]}]\n";
    let error = Policy::parse(unread.as_bytes()).unwrap_err();
    assert_eq!((error.code().name(), error.place().map(|place| place.line)), ("policy-condition-parse", Some(5)));
    for cue in ["rego-file: tests.cue", "cue: 'predicateType: string'"] {
        let error = Policy::parse(unread.replace("cel: '1 +'", cue).as_bytes()).unwrap_err();
        assert_eq!((error.code().name(), error.place().map(|place| place.line)), ("policy-cue", Some(5)), "{cue}");
    }
}
