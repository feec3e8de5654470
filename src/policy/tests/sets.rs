//! Rules over several signatures: groups, thresholds, modes.

use super::rows::{attested, by_key, policy};
use super::*;
use crate::base::crypto::PublicKey;
use crate::base::encoding::{base64, hex};
use crate::format::checkpoint::{Note, WitnessKey};
use crate::format::x509::testing::SIGNED;
use crate::verify::Verifier;

fn person(name: &str) -> Verified {
    signed(&San::Email(format!("{name}@acme.example")), &issued_by(ISSUER))
}

fn group(lines: &str) -> Policy {
    policy(&format!("version: 1\nrules:\n  - name: r\n    signers: {lines}\n"))
}

fn signer(name: &str) -> String {
    format!("{{identity: {name}@acme.example, issuer: '{ISSUER}'}}")
}

fn codes(policy: &Policy, signatures: &[&Verified]) -> &'static str {
    let artifact = Artifact::from_bytes(ARTIFACT);
    match policy.admit(&Question::new(&artifact, signatures, NOW)) {
        Ok(_) => "",
        Err(refused) => refused.code().name(),
    }
}

#[test]
fn a13_a_signer_counts_once() {
    let team = format!("{{at-least: 2, of: [{{identity-glob: '*@acme.example', issuer: '{ISSUER}'}}]}}");
    let two = group(&team);
    let (jo, jo_again, kim) = (person("jo"), person("jo"), person("kim"));
    assert_eq!(codes(&two, &[&jo, &kim]), "");
    for same in [vec![&jo], vec![&jo, &jo], vec![&jo, &jo_again]] {
        assert_eq!(codes(&two, &same), "signer-threshold");
    }
    // A workflow at another ref is the same workflow; the same statement attested twice is one attester.
    let workflows =
        format!("{{at-least: 2, of: [{{identity-glob: 'https://github.com/acme/**', issuer: '{ISSUER}'}}]}}");
    let at =
        |reference: &str| uri(&format!("https://github.com/acme/app/.github/workflows/release.yml@refs/{reference}"));
    let (one, other) = (signed(&at("tags/v1"), &issued_by(ISSUER)), signed(&at("heads/main"), &issued_by(ISSUER)));
    assert_eq!(codes(&group(&workflows), &[&one, &other]), "signer-threshold");
    let attesters = policy(&format!(
        "version: 1\nrules:\n  - signers: {team}\n    attestations: [{{predicate-type: 'https://example.com/p'}}]\n"
    ));
    let attest = |name: &str| attested(&San::Email(format!("{name}@acme.example")), "https://example.com/p", "{}");
    let (by_jo, by_jo_again, by_kim) = (attest("jo"), attest("jo"), attest("kim"));
    assert_eq!(codes(&attesters, &[&by_jo, &by_jo_again, &kim]), "signer-threshold");
    assert_eq!(codes(&attesters, &[&by_jo, &by_kim]), "");
    // One key is one signer, whatever it signed.
    let keys = [Key::p256(), Key::p256()];
    let pem = |key: &PublicKey| format!("{{key: \"{}\"}}", key.to_pem().replace('\n', "\\n"));
    let by_keys = group(&format!("{{at-least: 2, of: [{}, {}]}}", pem(keys[0].public()), pem(keys[1].public())));
    let (first, first_again, second) = (by_key(&keys[0]), by_key(&keys[0]), by_key(&keys[1]));
    assert_eq!(codes(&by_keys, &[&first, &second]), "");
    assert_eq!(codes(&by_keys, &[&first, &first_again]), "signer-threshold");
}

#[test]
fn groups() {
    let (jo, kim, eve) = (person("jo"), person("kim"), person("eve"));
    let any = group(&format!("{{any: [{}, {}]}}", signer("jo"), signer("kim")));
    assert_eq!((codes(&any, &[&kim]), codes(&any, &[&eve])), ("", "identity-mismatch"));
    let all = group(&format!("{{all: [{}, {}]}}", signer("jo"), signer("kim")));
    assert_eq!((codes(&all, &[&jo, &kim]), codes(&all, &[&jo])), ("", "identity-mismatch"));
    // Each of `all` by a signer of its own, also where one would meet both.
    let glob = format!("{{identity-glob: '*@acme.example', issuer: '{ISSUER}'}}");
    let overlapping = group(&format!("{{all: [{}, {glob}]}}", signer("jo")));
    assert_eq!((codes(&overlapping, &[&jo]), codes(&overlapping, &[&jo, &eve])), ("signer-threshold", ""));
    // Whom the first of them could take is left to the one who has nobody else.
    let swapped = group(&format!("{{all: [{glob}, {}]}}", signer("jo")));
    assert_eq!(codes(&swapped, &[&jo, &eve]), "");
    let ways = group(&format!("{{any: [{{all: [{}, {}]}}, {}]}}", signer("jo"), signer("kim"), signer("eve")));
    assert_eq!(
        (codes(&ways, &[&eve]), codes(&ways, &[&jo, &kim]), codes(&ways, &[&jo])),
        ("", "", "identity-mismatch")
    );
    let mixed = group(&format!("{{all: [{}, {{at-least: 2, of: [{glob}]}}]}}", signer("jo")));
    assert_eq!((codes(&mixed, &[&jo, &kim]), codes(&mixed, &[&jo, &kim, &eve])), ("signer-threshold", ""));
}

#[test]
fn more_signatures_never_take_a_yes_away() {
    let (jo, kim, eve, work) = (person("jo"), person("kim"), person("eve"), by_workflow());
    let policies = [
        group(&format!("{{all: [{}, {}]}}", signer("jo"), signer("kim"))),
        group(&format!("{{at-least: 2, of: [{{identity-glob: '*@acme.example', issuer: '{ISSUER}'}}]}}")),
        Policy::of(rule("release", exact(WORKFLOW), ISSUER)),
    ];
    let all = [&jo, &kim, &eve, &work];
    for policy in &policies {
        for set in 0u8..16 {
            let chosen = |set: u8| -> Vec<&Verified> {
                all.iter().enumerate().filter(|(place, _)| set >> place & 1 == 1).map(|(_, one)| *one).collect()
            };
            if codes(policy, &chosen(set)).is_empty() {
                for more in (0u8..16).filter(|more| more & set == set) {
                    assert_eq!(codes(policy, &chosen(more)), "", "{set:b} {more:b}");
                }
            }
        }
    }
}

#[test]
fn evidence_is_counted_per_signature() {
    let verified = by_workflow();
    let with = |lines: &str| {
        let yaml = format!("version: 1\nrules: [{{identity: '{WORKFLOW}', issuer: '{ISSUER}', {lines}}}]\n");
        codes(&policy(&yaml), &[&verified])
    };
    for good in ["logs: 1", "timestamp-authorities: 1", "ct-logs: 1"] {
        assert_eq!(with(good), "", "{good}");
    }
    assert_eq!(with("logs: 2"), "log-threshold");
    assert_eq!(with("timestamp-authorities: 2"), "time-threshold");
    assert_eq!(with("ct-logs: 2"), "sct-threshold");
    assert_eq!(with("witnesses: 1"), "witness-threshold");
}

#[test]
fn witnesses_of_the_document_count_once_the_verifier_knows_them() {
    let world = World::new();
    let witness = Key::ed25519();
    let known = WitnessKey::new("witness.example", witness.public().clone()).unwrap();
    let mut signed = world.v2_message();
    let proof = signed.entries[0].inclusion_proof.as_mut().unwrap();
    let note = Note::parse(proof.checkpoint.as_deref().unwrap()).unwrap();
    let cosignature = known.signature(SIGNED, &witness.sign(&WitnessKey::message(SIGNED, note.text())));
    proof.checkpoint = Some(note.with_signature(cosignature).unwrap().to_string());
    let yaml = format!(
        "version: 1\nwitnesses: ['{}']\nrules: [{{identity: signer@example.com, issuer: 'https://issuer.example.com', witnesses: 1}}]\n",
        verifier_key(&known)
    );
    let policy = policy(&yaml);
    let artifact = Artifact::from_bytes(ARTIFACT);
    let verify = |verifier: Verifier| verifier.verify(&artifact, &signed.bundle(), &Requirements::STRICT, NOW).unwrap();
    let verifier = || Verifier::new(&world.trust).unwrap();
    let knowing = verifier().with_witnesses(policy.witnesses());
    assert_eq!(codes(&policy, &[&verify(knowing)]), "");
    assert_eq!(codes(&policy, &[&verify(verifier())]), "witness-threshold");
    let none = "version: 1\nwitnesses: ['not a key']\nrules: [{identity: a@x.example, issuer: x}]\n";
    assert_eq!(Policy::parse(none.as_bytes()).unwrap_err().code().name(), "policy-parse");
}

/// `NAME+HINT+KEY`, with the type of cosignatures (C2SP).
fn verifier_key(witness: &WitnessKey) -> String {
    let key = [&[0x04][..], witness.key().key_bytes()].concat();
    format!("{}+{}+{}", witness.name(), hex::encode(&witness.hint()), base64::encode(&key))
}

#[test]
fn modes_change_what_is_done_and_not_the_answer() {
    let (good, other) = (by_workflow(), person("eve"));
    let scope = |name: &str, mode: &str, identity: &str| {
        format!(
            "  - {{name: {name}, mode: {mode}, files: ['*'], rules: [{{identity: '{identity}', issuer: '{ISSUER}'}}]}}\n"
        )
    };
    let ask = |scopes: &[String], signatures: &[&Verified]| {
        let policy = policy(&format!("version: 1\nscopes:\n{}", scopes.concat()));
        let artifact = Artifact::from_bytes(ARTIFACT).called(crate::verify::ArtifactName::file("app"));
        let result = policy.admit(&Question::new(&artifact, signatures, NOW));
        result.map(|admitted| admitted.tolerated().len()).map_err(|refused| (refused.mode, refused.code().name()))
    };
    let warn = scope("w", "warn", "kim@acme.example");
    let audit = scope("a", "audit", "kim@acme.example");
    let enforce = scope("e", "enforce", WORKFLOW);
    assert_eq!(ask(std::slice::from_ref(&warn), &[&other]), Err((Mode::Warn, "identity-mismatch")));
    assert_eq!(ask(&[audit.clone(), warn.clone()], &[&other]), Err((Mode::Warn, "identity-mismatch")));
    assert_eq!(ask(std::slice::from_ref(&audit), &[&other]), Err((Mode::Audit, "identity-mismatch")));
    // The strict scope decides, and what the other would have said is told.
    assert_eq!(ask(&[warn.clone(), enforce.clone()], &[&good]), Ok(1));
    assert_eq!(ask(&[warn, enforce, audit], &[&other]).unwrap_err().0, Mode::Enforce);
}
