//! Private repositories and public logs.

use super::fixture::{Desk, IDENTITY, issuer, refusal, stack_dir};
use super::{json, stderr, stdout};

#[test]
fn a_private_repository_is_not_written_to_the_public_log() {
    // The token of the fixture is of a private repository; without services the public ones are meant.
    let desk = Desk::new();
    let sign =
        |with: &[&str]| desk.run(&[&["sign", "blob", "app.txt", "--identity-token-file", "token.jwt"], with].concat());
    for public in [&[][..], &["--instance", "public-good"], &["--instance", "staging"]] {
        let output = sign(public);
        assert_eq!(refusal(&output), "sign-would-publish");
        assert!(stderr(&output).contains("--stack") && stderr(&output).contains("timestamp"), "{}", stderr(&output));
    }
    assert_eq!(desk.names(), ["app.txt", "token.jwt"]);
    assert!(sign(&["--stack", stack_dir()]).status.success());
    // The choice is on record.
    let chosen = sign(&["--stack", stack_dir(), "--public-record", "--format", "json"]);
    assert_eq!(json(&chosen)["waivers"], serde_json::json!(["public-record"]));
    assert_eq!(json(&sign(&["--stack", stack_dir(), "--format", "json"]))["waivers"], serde_json::json!([]));
}

#[test]
fn a_timestamp_alone_is_enough_where_the_trust_has_no_log() {
    let desk = Desk::new();
    let path = format!("{}/client_trust_config.json", stack_dir());
    let mut config: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    config["signingConfig"]["rekorTlogUrls"] = serde_json::json!([]);
    config["trustedRoot"]["tlogs"] = serde_json::json!([]);
    desk.write("alone.json", config.to_string().as_bytes());
    let signed =
        desk.run(&["sign", "blob", "app.txt", "--identity-token-file", "token.jwt", "--trust-config", "alone.json"]);
    assert!(signed.status.success(), "{}", stderr(&signed));
    let bundle: serde_json::Value =
        serde_json::from_slice(&std::fs::read(desk.path("app.txt.sigstore.json")).unwrap()).unwrap();
    assert_eq!(bundle["verificationMaterial"]["tlogEntries"], serde_json::json!([]));
    let issuer = issuer();
    let verify = |trust: &[&str]| {
        desk.run(&[&["verify", "blob", "app.txt", "--identity", IDENTITY, "--issuer", &issuer], trust].concat())
    };
    let verified = verify(&["--trust-config", "alone.json"]);
    assert!(verified.status.success(), "{}", stderr(&verified));
    // The verifier is told that there is no log.
    assert!(stdout(&verified).contains("waived"), "{}", stdout(&verified));
    assert_eq!(refusal(&verify(&["--stack", stack_dir()])), "log-entry-missing");
}
