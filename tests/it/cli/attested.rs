//! Attestations that are missing, of another type, for another digest, under a weak digest, or about nothing: each is a
//! refusal of its own. No command makes the last two, so the bundles are made here.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use sealmark::base::encoding::{base64, pem};
use sealmark::format::dsse;

use super::fixture::{Desk, refusal};
use super::{stderr, stdout};

const TYPE: &str = "https://example.com/p";

/// SubjectPublicKeyInfo of a P-256 key, before its point (RFC 5480, section 2).
const SPKI: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// Puts a bundle of a statement with these subjects beside the artifact, signed by a new key.
fn attested(desk: &Desk, subject: &str, predicate_type: &str) {
    let payload = format!(
        r#"{{"_type":"https://in-toto.io/Statement/v1","subject":{subject},"predicateType":"{predicate_type}","predicate":{{}}}}"#
    );
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
    let spki = [&SPKI[..], key.public_key().as_ref()].concat();
    desk.write("key.pub", pem::encode("PUBLIC KEY", &spki).as_bytes());
    let signature = key.sign(&SystemRandom::new(), &dsse::pae(dsse::IN_TOTO, payload.as_bytes())).unwrap();
    let bundle = format!(
        r#"{{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{{"publicKey":{{"hint":"k"}}}},"dsseEnvelope":{{"payload":"{}","payloadType":"{}","signatures":[{{"sig":"{}"}}]}}}}"#,
        base64::encode(payload.as_bytes()),
        dsse::IN_TOTO,
        base64::encode(signature.as_ref())
    );
    desk.write("app.txt.sigstore.json", bundle.as_bytes());
}

#[test]
fn each_is_a_refusal_of_its_own() {
    let desk = Desk::new();
    let verify = || {
        let with = ["--key", "key.pub", "--log-not-required-unsafe", "--predicate-type", TYPE];
        desk.run(&[&["verify", "blob", "app.txt"], &with[..]].concat())
    };
    let subject = |algorithm: &str, hex: &str| format!(r#"[{{"name":"app.txt","digest":{{"{algorithm}":"{hex}"}}}}]"#);
    let digest = crate::registry::server::digest(&std::fs::read(desk.path("app.txt")).unwrap());
    let hex = digest.trim_start_matches("sha256:");
    let good = subject("sha256", hex);
    attested(&desk, &good, TYPE);
    let yes = verify();
    assert!(yes.status.success(), "{}{}", stdout(&yes), stderr(&yes));
    for (subject, predicate_type, code) in [
        (good.as_str(), "https://example.com/q", "predicate-type-mismatch"),
        (good.as_str(), "https://example.com/p/", "predicate-type-mismatch"),
        (&subject("sha256", &"0".repeat(64)), TYPE, "subject-mismatch"),
        (&subject("sha1", "a288201509dd9a85da4141e07522bad412938dbe"), TYPE, "subject-alg"),
        (r#"[{"name":"app.txt","digest":{}}]"#, TYPE, "subject-alg"),
        ("[]", TYPE, "subject-empty"),
    ] {
        attested(&desk, subject, predicate_type);
        assert_eq!(refusal(&verify()), code, "{subject} {predicate_type}");
    }
    // Nor does the command that attests make any of them.
    for (subject, code) in [
        (subject("sha1", "a288201509dd9a85da4141e07522bad412938dbe"), "subject-alg"),
        ("[]".to_owned(), "subject-empty"),
    ] {
        let statement = format!(
            r#"{{"_type":"https://in-toto.io/Statement/v1","subject":{subject},"predicateType":"{TYPE}","predicate":{{}}}}"#
        );
        desk.write("statement.json", statement.as_bytes());
        let made = desk.run(&["attest", "blob", "app.txt", "--statement", "statement.json", "-o", "new.json"]);
        assert_eq!(refusal(&made), code);
        assert!(!desk.path("new.json").exists());
    }
    let plain = Desk::new();
    assert!(plain.sign(&["app.txt"]).status.success());
    assert_eq!(refusal(&plain.verify(&["app.txt", "--predicate-type", TYPE])), "no-attestation");
}

/// A predicate that is none of its type is not attested; the reason names the place.
#[test]
fn a_predicate_is_checked_before_it_is_signed() {
    let desk = Desk::new();
    desk.write("vsa.json", br#"{"verifier":{"id":"https://v.example"},"resourceUri":"pkg:oci/app","policy":{"uri":"https://p.example"},"verificationResult":"PASSED","verifiedLevels":[]}"#);
    let made = desk.run(&["attest", "blob", "app.txt", "--predicate", "vsa.json", "--type", "vsa"]);
    assert_eq!(super::fixture::usage(&made), "predicate-schema");
    assert!(stderr(&made).contains("\"/timeVerified\""), "{}", stderr(&made));
}

/// Policies of cosign decide here as they are; what they saw is in the reason, and what is wrong with one has its place.
#[test]
fn a15_a_rego_policy_decides() {
    let desk = Desk::new();
    let digest = crate::registry::server::digest(&std::fs::read(desk.path("app.txt")).unwrap());
    let hex = digest.trim_start_matches("sha256:");
    attested(&desk, &format!(r#"[{{"name":"app.txt","digest":{{"sha256":"{hex}"}}}}]"#), TYPE);
    let policy = |condition: &str| {
        let text = format!(
            "version: 1
rules:
  - key-file: key.pub
    log-not-required-unsafe: true
    attestations:
      - predicate-type: {TYPE}
        conditions:
          - {condition}
"
        );
        desk.write("policy.yaml", text.as_bytes());
        desk.run(&["verify", "blob", "app.txt", "--policy", "policy.yaml"])
    };
    desk.write("allow.rego", b"package signature\nallow { input.predicateType == \"https://example.com/p\" }\n");
    let yes = policy("rego-file: allow.rego");
    assert!(yes.status.success(), "{}{}", stdout(&yes), stderr(&yes));
    let inline = "rego: |\n              package sigstore\n              isCompliant { input.predicate.critical == 0 }";
    let no = policy(inline);
    assert_eq!(refusal(&no), "policy-condition");
    let words = stderr(&no);
    assert!(words.contains("data.sigstore.isCompliant is undefined"), "{words}");
    assert!(words.contains("input.predicate.critical = absent"), "{words}");
    let broken = policy("rego: |\n              package signature\n              allow { input.a == ");
    assert_eq!(super::fixture::usage(&broken), "policy-condition-parse");
    assert!(stderr(&broken).contains("line 9 column 15") && stderr(&broken).contains("rego:2:"), "{}", stderr(&broken));
    assert_eq!(super::fixture::usage(&policy("rego-file: nowhere.rego")), "policy-key-file");
    assert_eq!(super::fixture::usage(&policy("{cel: 'true', rego-file: allow.rego}")), "policy-parse");
}
