//! What people do, from end to end, against a private stack.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::fixture::{Desk, IDENTITY, issuer, refusal, stack_dir};
use super::{json, run, sealmark, stderr, stdout};

#[test]
fn tour_shows_a_yes_and_two_noes_and_leaves_nothing() {
    let tmp = tempfile::tempdir().unwrap();
    let output = sealmark(&["tour"]).env("TMPDIR", tmp.path()).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let text = stdout(&output);
    for word in ["VERIFIED  hello.txt", ": digest-mismatch", ": identity-mismatch", "inclusion     ok"] {
        assert!(text.contains(word), "no {word:?} in {text}");
    }
    // X15
    assert_eq!(std::fs::read_dir(tmp.path()).unwrap().count(), 0);
}

#[test]
fn tour_keeps_what_it_is_told_to_keep() {
    let desk = Desk::new();
    let output = desk.run(&["tour", "app.txt", "--keep", "kept"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let again = desk.run(&[
        "verify",
        "blob",
        "app.txt",
        "--bundle",
        "kept/app.txt.sigstore.json",
        "--policy",
        "kept/policy.yaml",
        "--stack",
        "kept/stack",
    ]);
    assert!(again.status.success(), "{}", stderr(&again));
    assert_eq!(desk.run(&["tour", "--keep", "kept"]).status.code(), Some(3));
}

#[test]
fn sign_prints_the_command_that_verifies() {
    let desk = Desk::new();
    let output = desk.sign(&["app.txt"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let text = stdout(&output);
    let command = text.lines().find_map(|line| line.trim().strip_prefix("sealmark ")).unwrap();
    let words: Vec<_> = command.split(' ').collect();
    let verified = desk.run(&words);
    assert!(verified.status.success(), "{command}: {}", stderr(&verified));
    assert!(stdout(&verified).starts_with("VERIFIED  app.txt  sha256:"));
    // X15, X24: the bundle and nothing else.
    assert_eq!(desk.names(), ["app.txt", "app.txt.sigstore.json", "token.jwt"]);
}

#[test]
fn many_files_have_one_certificate() {
    let desk = Desk::new();
    for name in ["a.bin", "b.bin", "c.bin"] {
        desk.write(name, name.as_bytes());
    }
    let output = desk.sign(&["*.bin", "--format", "json"]);
    let report = json(&output);
    assert_eq!((report["schema"].as_str(), report["files"].as_array().unwrap().len()), (Some("sealmark.signed/v1"), 3));
    let leaf = |name: &str| {
        let bundle: serde_json::Value = serde_json::from_slice(&std::fs::read(desk.path(name)).unwrap()).unwrap();
        bundle["verificationMaterial"]["certificate"]["rawBytes"].as_str().unwrap().to_owned()
    };
    assert_eq!(leaf("a.bin.sigstore.json"), leaf("c.bin.sigstore.json"));
    // Again: bundles are not signed, and are replaced.
    assert!(desk.sign(&["*.bin"]).status.success());
    assert_eq!(desk.names().len(), 8);
    assert!(desk.verify(&["*.bin"]).status.success());
    assert_eq!(desk.sign(&["*.bin", "--output", "one"]).status.code(), Some(2));
}

#[test]
fn x07_several_artifacts_one_bad() {
    let desk = Desk::new();
    for name in ["a.bin", "b.bin", "c.bin"] {
        desk.write(name, name.as_bytes());
    }
    assert!(desk.sign(&["*.bin"]).status.success());
    desk.write("b.bin", b"changed");
    let output = desk.verify(&["*.bin"]);
    assert_eq!(output.status.code(), Some(1));
    let lines: Vec<_> = stdout(&output).lines().map(|line| line.split("  ").next().unwrap().to_owned()).collect();
    assert_eq!(lines, ["VERIFIED", "REFUSED ", "VERIFIED"].map(str::trim_end));
    assert!(stderr(&output).contains("1 of 3 artifacts do NOT hold"), "{}", stderr(&output));
    let document = json(&desk.verify(&["*.bin", "--format", "json"]));
    assert_eq!(document["verdict"], "refused");
    let verdicts: Vec<_> =
        document["artifacts"].as_array().unwrap().iter().map(|one| one["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["verified", "refused", "verified"]);
    assert_eq!(document["artifacts"][1]["error"]["code"], "digest-mismatch");
}

#[test]
fn x01_refusals_say_why() {
    let desk = Desk::signed();
    let issuer = issuer();
    let verify = |args: &[&str]| refusal(&desk.run(&[&["verify", "blob", "app.txt"], args].concat()));
    let stack = ["--stack", stack_dir()];
    let of = |args: &[&str]| verify(&[args, &stack].concat());
    assert_eq!(of(&["--identity", "https://github.com/acme/other", "--issuer", &issuer]), "identity-mismatch");
    assert_eq!(of(&["--identity", IDENTITY, "--issuer", "https://c.example"]), "issuer-mismatch");
    assert_eq!(of(&["--claim", "build-trigger=schedule", "--issuer", &issuer]), "policy-mismatch");
    assert_eq!(of(&["--identity", IDENTITY, "--certificate-authority", "another"]), "authority-mismatch");
    assert_eq!(verify(&["--identity", IDENTITY, "--issuer", &issuer]), "chain-untrusted");
    desk.write("app.txt", b"another artifact\n");
    assert_eq!(of(&["--identity", IDENTITY, "--issuer", &issuer]), "digest-mismatch");
    desk.write("app.txt.sigstore.json", b"{}");
    assert_eq!(of(&["--identity", IDENTITY, "--issuer", &issuer]), "bundle-version");
    std::fs::remove_file(desk.path("app.txt.sigstore.json")).unwrap();
    assert_eq!(of(&["--identity", IDENTITY, "--issuer", &issuer]), "bundle-missing");
}

#[test]
fn ways_to_name_the_signer() {
    let desk = Desk::signed();
    let issuer = issuer();
    desk.write(
        "policy.yaml",
        format!("version: 1\nrules:\n  - claims:\n      source-repository-uri: https://github.com/acme/*\n    issuer: {issuer}\n")
            .as_bytes(),
    );
    for args in [
        &["--identity-glob", "https://github.com/acme/app/.github/workflows/*@refs/tags/*", "--issuer", &issuer][..],
        &["--identity-regex", r"https://github\.com/acme/.*", "--issuer-glob", "http://127.0.0.1:*/github"],
        &["--claim", "source-repository-ref=refs/tags/*", "--claim", "build-trigger=push", "--issuer", &issuer],
        &["--identity", IDENTITY, "--certificate-authority", "sealmark root (sealmark)"],
        &["--policy", "policy.yaml"],
    ] {
        let output = desk.run(&[&["verify", "blob", "app.txt", "--stack", stack_dir()], args].concat());
        assert!(output.status.success(), "{args:?}: {}", stderr(&output));
    }
}

#[test]
fn json_tells_what_was_proven() {
    let desk = Desk::signed();
    let document = json(&desk.verify(&["app.txt", "--format", "json"]));
    assert_eq!(document["schema"], "sealmark.verdict/v1");
    let proof = &document["artifacts"][0]["proof"];
    assert_eq!((&proof["assurance"], &proof["signer"]["identity"]), (&"full".into(), &IDENTITY.into()));
    assert_eq!(proof["signer"]["claims"]["source-repository-ref"], "refs/tags/v1.0.0");
    let names: Vec<_> =
        proof["checks"].as_array().unwrap().iter().map(|check| check["name"].as_str().unwrap()).collect();
    let expected = [
        "signature",
        "signer",
        "issuer",
        "signing time",
        "certificate",
        "SCT",
        "transparency",
        "inclusion",
        "trust root",
        "policy",
    ];
    assert_eq!(names, expected);
    assert!(!proof["notChecked"].as_array().unwrap().is_empty());
    assert_eq!(document["artifacts"][0]["signatures"][0]["steps"].as_array().unwrap().len(), 11);
}

#[test]
fn explain_shows_every_candidate_and_its_first_failure() {
    let desk = Desk::signed();
    let good = std::fs::read_to_string(desk.path("app.txt.sigstore.json")).unwrap();
    desk.write("two.json", format!("{{\"mediaType\":\"nonsense\"}}\n{}\n", good.trim()).as_bytes());
    let output = desk.verify(&["app.txt", "--bundle", "two.json", "--explain"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let text = stdout(&output);
    assert!(text.contains("signature 1 of 2\n     1 bundle            FAILED"), "{text}");
    assert!(text.contains("signature 2 of 2\n     1 bundle            ok"), "{text}");
}

#[test]
fn attestations() {
    let desk = Desk::new();
    desk.write("sbom.json", b"{\"bomFormat\": \"CycloneDX\", \"specVersion\": \"1.6\"}");
    let with = ["--stack", stack_dir(), "--identity-token-file", "token.jwt"];
    let attest = |args: &[&str]| desk.run(&[&["attest", "blob", "app.txt"], args, &with].concat());
    let unfit = attest(&["--predicate", "sbom.json", "--type", "slsaprovenance1"]);
    assert_eq!(unfit.status.code(), Some(2));
    let words = stderr(&unfit);
    assert!(words.contains("predicate-schema") && words.contains("predicate.buildDefinition is missing"), "{words}");
    let output = attest(&["--predicate", "sbom.json", "--type", "cyclonedx"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let verified = desk.verify(&["app.txt"]);
    assert!(stdout(&verified).contains("https://cyclonedx.org/bom"), "{}", stderr(&verified));
    assert!(stdout(&verified).contains("not checked: what the artifact does; whether"));
    // One type is asked for, by its short name or in full, and nothing else is taken for it.
    let of_type = |kind: &str| desk.verify(&["app.txt", "--predicate-type", kind]);
    assert!(of_type("cyclonedx").status.success() && of_type("https://cyclonedx.org/bom").status.success());
    assert_eq!(refusal(&of_type("slsaprovenance1")), "predicate-type-mismatch");
    assert_eq!(of_type("slsaprovenance1").status.code(), Some(1));
    assert_eq!(of_type("no type").status.code(), Some(2));
    let bundle = std::fs::read(desk.path("app.txt.sigstore.json")).unwrap();
    desk.write("two.json", &[&bundle[..], b"\n", &bundle].concat());
    let of_two = |kind: &str| desk.verify(&["app.txt", "--bundle", "two.json", "--predicate-type", kind]);
    assert!(of_two("cyclonedx").status.success());
    assert_eq!(refusal(&of_two("vsa")), "no-matching-attestation");
    let plain = Desk::new();
    assert!(plain.sign(&["app.txt"]).status.success());
    assert_eq!(refusal(&plain.verify(&["app.txt", "--predicate-type", "vsa"])), "no-attestation");
    // A signature does not replace an attestation.
    let taken = desk.sign(&["app.txt"]);
    assert_eq!(taken.status.code(), Some(2));
    assert!(stderr(&taken).contains("output-taken"));
    // A whole statement, byte for byte, when it is about the file.
    let statement = |digest: &str| {
        format!(
            "{{\"_type\": \"https://in-toto.io/Statement/v1\",  \"subject\": [{{\"name\": \"x\", \"digest\": \
             {{\"sha256\": \"{digest}\"}}}}], \"predicateType\": \"https://example.com/p\", \"predicate\": {{}}}}"
        )
    };
    let digest = json(&desk.verify(&["app.txt", "--format", "json"]))["artifacts"][0]["proof"]["digest"].clone();
    let own = statement(digest.as_str().unwrap().strip_prefix("sha256:").unwrap());
    desk.write("own.json", own.as_bytes());
    desk.write("other.json", statement(&"0".repeat(64)).as_bytes());
    let attest = |file: &str| attest(&["--statement", file, "-o", "out.json"]);
    assert!(attest("own.json").status.success());
    let bundle: serde_json::Value = serde_json::from_slice(&std::fs::read(desk.path("out.json")).unwrap()).unwrap();
    let payload = sealmark::base::encoding::base64::decode(bundle["dsseEnvelope"]["payload"].as_str().unwrap());
    assert_eq!(payload.unwrap(), own.as_bytes());
    assert_eq!(refusal(&attest("other.json")), "subject-mismatch");
    let conflict = desk.run(&["attest", "blob", "app.txt", "--statement", "own.json", "--type", "vuln"]);
    assert_eq!(conflict.status.code(), Some(2));
}

#[test]
fn keys_and_waivers() {
    let desk = Desk::new();
    let openssl = |args: &[&str]| {
        Command::new("openssl")
            .args(args)
            .current_dir(desk.path("."))
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|s| s.success())
    };
    if !openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "key.pem"]) {
        println!("left out: signing with a key: no openssl here");
        return;
    }
    assert!(openssl(&["pkey", "-in", "key.pem", "-pubout", "-out", "public.pem"]));
    let logged = desk.run(&["sign", "blob", "app.txt", "--key", "key.pem", "--stack", stack_dir()]);
    assert!(logged.status.success(), "{}", stderr(&logged));
    let verify = |args: &[&str]| desk.run(&[&["verify", "blob", "app.txt", "--key", "public.pem"], args].concat());
    assert!(verify(&["--stack", stack_dir()]).status.success());
    let identity = desk.verify(&["app.txt"]);
    assert_eq!(refusal(&identity), "key-required");
    // Without a log: only by the words that say so, on both sides, and they are in the report (X18).
    let signed = desk.run(&["sign", "blob", "app.txt", "--key", "key.pem", "--log-not-required-unsafe"]);
    assert!(signed.status.success(), "{}", stderr(&signed));
    assert!(stderr(&signed).contains("warning: --log-not-required-unsafe"));
    assert_eq!(refusal(&verify(&[])), "log-entry-missing");
    let waived = verify(&["--log-not-required-unsafe", "--format", "json"]);
    assert!(stderr(&waived).contains("warning: --log-not-required-unsafe"));
    let document = json(&waived);
    assert_eq!(
        (&document["verdict"], &document["waivers"][0]),
        (&"verified".into(), &"log-not-required-unsafe".into())
    );
    assert_eq!(document["artifacts"][0]["proof"]["assurance"], "reduced");
}

#[test]
fn x11_a_key_that_others_may_read() {
    use std::os::unix::fs::PermissionsExt as _;
    let desk = Desk::new();
    let key = aws_lc_rs::signature::EcdsaKeyPair::generate(&aws_lc_rs::signature::ECDSA_P256_SHA256_ASN1_SIGNING);
    let pkcs8 = key.unwrap().to_pkcs8v1().unwrap();
    std::fs::write(desk.path("key.pem"), sealmark::base::encoding::pem::encode("PRIVATE KEY", pkcs8.as_ref())).unwrap();
    let warned = |mode| {
        std::fs::set_permissions(desk.path("key.pem"), std::fs::Permissions::from_mode(mode)).unwrap();
        let output = desk.run(&["sign", "blob", "app.txt", "--key", "key.pem", "--stack", stack_dir()]);
        assert!(output.status.success(), "{}", stderr(&output));
        stderr(&output).contains("warning: others on this machine may read key.pem")
    };
    assert!(warned(0o644) && warned(0o640));
    assert!(!warned(0o600));
}

#[test]
fn github_jobs_get_a_summary_and_outputs() {
    let desk = Desk::new();
    let output = sealmark(&["sign", "blob", "app.txt", "--stack", stack_dir(), "--identity-token-file", "token.jwt"])
        .env("GITHUB_STEP_SUMMARY", desk.path("summary.md"))
        .env("GITHUB_OUTPUT", desk.path("output"))
        .current_dir(desk.path("."))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let read = |name| std::fs::read_to_string(desk.path(name)).unwrap();
    assert!(read("summary.md").contains("sealmark verify blob app.txt --identity "));
    assert!(read("output").starts_with("bundles<<END_OF_LIST\napp.txt.sigstore.json\nEND_OF_LIST\ndigests<<"));
}

#[test]
fn conformance_protocol() {
    let desk = Desk::new();
    let config: serde_json::Value =
        serde_json::from_slice(&std::fs::read(format!("{}/client_trust_config.json", stack_dir())).unwrap()).unwrap();
    desk.write("root.json", config["trustedRoot"].to_string().as_bytes());
    desk.write("config.json", config["signingConfig"].to_string().as_bytes());
    let token = std::fs::read_to_string(desk.path("token.jwt")).unwrap();
    let issuer = issuer();
    let sign = |args: &[&str]| {
        let with = ["--identity-token", &token, "--trusted-root", "root.json", "--signing-config", "config.json"];
        desk.run(&[&["sign-bundle"], &with[..], args].concat())
    };
    let verify = |args: &[&str]| {
        let who =
            ["--certificate-identity", IDENTITY, "--certificate-oidc-issuer", &issuer, "--trusted-root", "root.json"];
        desk.run(&[&["verify-bundle"], &who[..], args].concat())
    };
    let signed = sign(&["--bundle", "b.json", "app.txt"]);
    assert!(signed.status.success(), "{}", stderr(&signed));
    assert!(verify(&["--bundle", "b.json", "app.txt"]).status.success());
    let digest = "sha256:".to_owned() + &sealmark_digest(&desk);
    assert!(verify(&["--bundle", "b.json", &digest]).status.success());
    for bad in [
        &["--bundle", "absent.json", "app.txt"][..],
        &["--bundle", "app.txt", "app.txt"],
        &["--bundle", "b.json", "token.jwt"],
    ] {
        assert_eq!(verify(bad).status.code(), Some(1), "{bad:?}");
    }
    desk.write("root.json", b"{}");
    assert_eq!(verify(&["--bundle", "b.json", "app.txt"]).status.code(), Some(1));
}

fn sealmark_digest(desk: &Desk) -> String {
    use sealmark::base::crypto::{Digest, DigestAlgorithm};
    Digest::of(DigestAlgorithm::Sha256, &std::fs::read(desk.path("app.txt")).unwrap()).hex()
}

#[test]
fn x16_a_proxy_is_shown_without_its_password() {
    let desk = Desk::new();
    let output = sealmark(&["sign", "blob", "app.txt", "--stack", stack_dir(), "--identity-token-file", "token.jwt"])
        .env("HTTPS_PROXY", "http://user:hunter2@proxy.example:3128")
        .current_dir(desk.path("."))
        .output()
        .unwrap();
    // The stack is on loopback, which no proxy is asked for.
    assert!(output.status.success(), "{}", stderr(&output));
    let words = stderr(&output);
    assert!(words.contains("note: https goes through the proxy http://proxy.example:3128/"), "{words}");
    assert!(!words.contains("hunter2"));
}

#[test]
fn x23_x24_a_refused_token_leaves_no_bundle() {
    let desk = Desk::new();
    let token = std::fs::read_to_string(desk.path("token.jwt")).unwrap();
    let forged = format!("{}AAAA", &token[..token.len() - 4]);
    desk.write("token.jwt", forged.as_bytes());
    let output = desk.sign(&["app.txt"]);
    assert_ne!(output.status.code(), Some(0));
    assert_eq!(desk.names(), ["app.txt", "token.jwt"]);
    // X09: the token is in no output.
    let secret = forged.split('.').nth(2).unwrap();
    assert!(!stderr(&output).contains(secret) && !stdout(&output).contains(secret), "{}", stderr(&output));
}

#[test]
fn a_stack_is_made_served_looked_at_and_stopped() {
    let desk = Desk::new();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let init = desk.run(&["stack", "init", "own", "--listen", &format!("127.0.0.1:{port}"), "--rekor-v1"]);
    assert!(init.status.success(), "{}", stderr(&init));
    assert_eq!(desk.run(&["stack", "init", "own"]).status.code(), Some(2));
    assert_eq!(desk.run(&["stack", "status", "own"]).status.code(), Some(1));
    let mut up = sealmark(&["stack", "up", "own"]).current_dir(desk.path(".")).stdout(Stdio::null()).spawn().unwrap();
    let started = Instant::now();
    while !desk.run(&["stack", "status", "own"]).status.success() {
        assert!(started.elapsed() < Duration::from_secs(30), "it does not answer");
        std::thread::sleep(Duration::from_millis(50));
    }
    let token = desk.run(&["stack", "token", "own", "--kind", "email", "--set", "email=me@example.com"]);
    desk.write("token.jwt", stdout(&token).as_bytes());
    let signed = desk.run(&["sign", "blob", "app.txt", "--stack", "own", "--identity-token-file", "token.jwt"]);
    assert!(signed.status.success(), "{}", stderr(&signed));
    let status = json(&desk.run(&["stack", "status", "own", "--format", "json"]));
    assert_eq!((&status["serving"], &status["logs"][0]["size"]), (&true.into(), &1.into()));
    assert_eq!(desk.run(&["stack", "token", "own", "--set", "nonsense=1"]).status.code(), Some(2));
    // SIGTERM drains and ends well.
    assert!(Command::new("kill").arg(up.id().to_string()).status().unwrap().success());
    assert!(up.wait().unwrap().success());
    let whoami = run(&["whoami", "--offline", "--identity-token", stdout(&token).trim()]);
    assert!(stdout(&whoami).contains("me@example.com"));
}

#[test]
#[cfg(target_os = "linux")]
fn x03_a_verdict_that_nobody_could_read_is_a_no() {
    let desk = Desk::signed();
    for format in ["human", "json"] {
        let issuer = issuer();
        let output = sealmark(&["verify", "blob", "app.txt", "--stack", stack_dir(), "--identity", IDENTITY])
            .args(["--issuer", &issuer, "--format", format])
            .current_dir(desk.path("."))
            .stdout(std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(3), "{format}: {}", stderr(&output));
        assert!(stderr(&output).contains(": stdout-failed"));
    }
}
