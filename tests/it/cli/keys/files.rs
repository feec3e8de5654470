//! Keys in files and variables, in every form that openssl, cosign and we write.

use std::os::unix::fs::PermissionsExt as _;

use super::{KINDS, generate, tool};
use crate::cli::carry::planted;
use crate::cli::fixture::{Desk, refusal, stack_dir, usage};
use crate::cli::{sealmark, stderr, stdout};
use crate::registry::server::TestRegistry;

fn text(desk: &Desk, name: &str) -> String {
    std::fs::read_to_string(desk.path(name)).unwrap()
}

const UNLOGGED: &str = "--log-not-required-unsafe";
const TYPE: &str = "https://example.com/test/v1";

#[test]
fn a_pair_signs_and_stays_private() {
    let desk = Desk::new();
    desk.write("predicate.json", br#"{"passed":true}"#);
    for kind in KINDS {
        let (private, public) = (format!("{kind}.key"), format!("{kind}.pub"));
        let made = generate(&desk, &["--type", kind, "-o", kind]);
        assert!(made.status.success(), "{}", stderr(&made));
        let mode = |name: &str| std::fs::metadata(desk.path(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&private), mode(&public)), (0o600, 0o644));
        let sign = |words: &[&str], password: &[&str]| {
            desk.run(&[words, &["app.txt", "--key", &private, "-o", kind, UNLOGGED], password].concat())
        };
        let (blob, password) = (["sign", "blob"], ["--key-password-file", "password"]);
        assert_eq!(usage(&sign(&blob, &[])), "signer-key-encrypted");
        desk.write("other", b"battery staple\n");
        assert_eq!(usage(&sign(&blob, &["--key-password-file", "other"])), "signer-key-password");
        let signed = sign(&blob, &password);
        let signed = match kind {
            // It signs what it is given whole, and a file is not held in memory.
            "ed25519" => {
                assert_eq!(usage(&signed), "signer-scheme");
                sign(&["attest", "blob", "--predicate", "predicate.json", "--type", TYPE], &password)
            }
            _ => signed,
        };
        assert!(signed.status.success(), "{kind}: {}", stderr(&signed));
        let verified = desk.run(&["verify", "blob", "app.txt", "--bundle", kind, "--key", &public, UNLOGGED]);
        assert!(verified.status.success(), "{kind}: {}", stderr(&verified));
        if let Some(read) = tool(&desk, &["openssl", "pkey", "-in", &private, "-passin", "pass:horse", "-pubout"]) {
            assert_eq!(stdout(&read), text(&desk, &public), "{kind}");
        }
    }
}

/// What the logs take is signed and logged: of Ed25519, nothing.
#[test]
fn every_kind_is_logged_where_a_log_takes_it() {
    let desk = Desk::new();
    desk.write("predicate.json", br#"{"passed":true}"#);
    let services = std::fs::read_to_string(format!("{}/client_trust_config.json", stack_dir())).unwrap();
    let mut services: serde_json::Value = serde_json::from_str(&services).unwrap();
    desk.write("v2.json", services.to_string().as_bytes());
    for log in services["signingConfig"]["rekorTlogUrls"].as_array_mut().unwrap() {
        log["majorApiVersion"] = 1.into();
    }
    desk.write("v1.json", services.to_string().as_bytes());
    for kind in KINDS {
        let (private, public) = (format!("{kind}.key"), format!("{kind}.pub"));
        let made = desk.run(&["key", "generate", "--type", kind, "-o", kind, "--unencrypted-unsafe"]);
        assert!(made.status.success(), "{}", stderr(&made));
        for log in ["v2.json", "v1.json"] {
            let attest = ["attest", "blob", "--predicate", "predicate.json", "--type", TYPE];
            for words in [&["sign", "blob"][..], &attest] {
                let bundle = format!("{kind}-{log}-{}", words[0]);
                let given = ["app.txt", "--key", &private, "--trust-config", log, "-o", &bundle];
                let signed = desk.run(&[words, &given].concat());
                match (kind, log, words[0]) {
                    ("ed25519", _, "sign") => assert_eq!(usage(&signed), "signer-scheme"),
                    ("ed25519", "v2.json", _) => assert_eq!(usage(&signed), "log-key-unsupported"),
                    ("ed25519", ..) => assert_eq!(refusal(&signed), "log-refused"),
                    _ => {
                        assert!(signed.status.success(), "{bundle}: {}", stderr(&signed));
                        let verify = ["verify", "blob", "app.txt", "--key", &public, "--bundle", &bundle];
                        let verified = desk.run(&[&verify[..], &["--trust-config", log]].concat());
                        assert!(verified.status.success(), "{bundle}: {}", stderr(&verified));
                    }
                }
            }
        }
    }
}

/// Ed25519 signs what it is given whole: statements, of which an image's signature is one. An older signature of an
/// image is over a digest.
#[test]
fn ed25519_signs_attestations_and_images_without_a_log() {
    let (desk, registry) = (Desk::new(), TestRegistry::honest());
    planted(&registry, "v1", b"layer");
    let image = format!("{}/acme/app:v1", registry.authority);
    let made = desk.run(&["key", "generate", "--type", "ed25519", "-o", "e", "--unencrypted-unsafe"]);
    assert!(made.status.success(), "{}", stderr(&made));
    let sign = ["sign", "image", &image, "--key", "e.key", "--log-not-required-unsafe"];
    let older = desk.run(&[&sign[..], &["--signature-format", "legacy"]].concat());
    assert_eq!(usage(&older), "sign-legacy-key");
    let signed = desk.run(&sign);
    assert!(signed.status.success(), "{}", stderr(&signed));
    let verified = desk.run(&["verify", "image", &image, "--key", "e.pub", "--log-not-required-unsafe"]);
    assert!(verified.status.success(), "{}{}", stdout(&verified), stderr(&verified));
}

#[test]
fn nothing_is_overwritten_and_no_half_is_left() {
    let desk = Desk::new();
    desk.write("taken.pub", b"mine");
    assert_eq!(usage(&generate(&desk, &["-o", "taken"])), "output-taken");
    assert!(!desk.path("taken.key").exists());
    desk.write("other.key", b"mine");
    assert_eq!(usage(&generate(&desk, &["-o", "other"])), "output-taken");
    assert_eq!(std::fs::read(desk.path("other.key")).unwrap(), b"mine");
    // Without a terminal nobody can be asked for a password.
    assert_eq!(usage(&desk.run(&["key", "generate", "-o", "new"])), "signer-key-encrypted");
    assert!(!desk.path("new.key").exists());
}

#[test]
fn a_key_in_a_variable() {
    let desk = Desk::new();
    let made = desk.run(&["key", "generate", "-o", "plain", "--unencrypted-unsafe"]);
    assert!(stderr(&made).contains("warning: --unencrypted-unsafe"));
    let public = |key: Option<String>| {
        let mut command = sealmark(&["key", "public", "env://SIGNING_KEY"]);
        command.envs(key.map(|key| ("SIGNING_KEY", key)));
        command.output().unwrap()
    };
    assert_eq!(stdout(&public(Some(text(&desk, "plain.key")))), text(&desk, "plain.pub"));
    assert_eq!(usage(&public(None)), "signer-key-variable");
    // As a job has it: the key and its password in two variables, and a signature.
    for form in ["pkcs8", "cosign"] {
        let made = generate(&desk, &["-o", form, "--form", form]);
        assert!(made.status.success(), "{}", stderr(&made));
        let signed = sealmark(&["sign", "blob", "app.txt", "--key", "env://KEY", "--stack", stack_dir()])
            .current_dir(desk.path("."))
            .envs([("KEY", text(&desk, &format!("{form}.key"))), ("COSIGN_PASSWORD", "horse".to_owned())])
            .output()
            .unwrap();
        assert!(signed.status.success(), "{}", stderr(&signed));
        let key = format!("{form}.pub");
        let verified = desk.run(&["verify", "blob", "app.txt", "--key", &key, "--stack", stack_dir()]);
        assert!(verified.status.success(), "{}", stderr(&verified));
    }
}

/// Each form that openssl writes is read as it is, and imported into ours.
#[test]
fn what_openssl_writes_is_read() {
    const CURVE: [&str; 2] = ["-algorithm", "EC"];
    let desk = Desk::new();
    desk.write("password", b"horse\n");
    let openssl = |args: &str| tool(&desk, &[&["openssl"], &args.split(' ').collect::<Vec<_>>()[..]].concat());
    let Some(version) = openssl("version") else { return };
    assert!(version.status.success());
    let kinds = [
        ("P-256", [CURVE[0], CURVE[1], "-pkeyopt ec_paramgen_curve:P-256"].join(" ")),
        ("P-384", [CURVE[0], CURVE[1], "-pkeyopt ec_paramgen_curve:P-384"].join(" ")),
        ("P-521", [CURVE[0], CURVE[1], "-pkeyopt ec_paramgen_curve:P-521"].join(" ")),
        ("RSA-2048", "-algorithm RSA -pkeyopt rsa_keygen_bits:2048".to_owned()),
        ("Ed25519", "-algorithm ED25519".to_owned()),
    ];
    for (kind, parameters) in kinds {
        let done = |args: &str| assert!(openssl(args).unwrap().status.success(), "{kind}: openssl {args}");
        done(&format!("genpkey {parameters} -out plain.pem"));
        let mut forms = vec!["plain.pem"];
        for (form, flags) in [("pbkdf2.pem", "-v2 aes-256-cbc"), ("scrypt.pem", "-scrypt")] {
            done(&format!("pkcs8 -topk8 -in plain.pem -out {form} {flags} -passout pass:horse"));
            forms.push(form);
        }
        // SEC 1 and PKCS#1; Ed25519 has no such form.
        if kind != "Ed25519" {
            done("pkey -in plain.pem -traditional -out traditional.pem");
            assert!(!text(&desk, "traditional.pem").contains("BEGIN PRIVATE KEY"), "{kind}");
            forms.push("traditional.pem");
            done("pkey -in plain.pem -traditional -aes256 -passout pass:horse -out old.pem");
            let old = desk.run(&["key", "public", "old.pem", "--key-password-file", "password"]);
            assert_eq!(usage(&old), "signer-key-old-encryption", "{kind}");
        }
        let expected = stdout(&openssl("pkey -in plain.pem -pubout").unwrap());
        for form in forms {
            let public = desk.run(&["key", "public", form, "--key-password-file", "password"]);
            assert_eq!(stdout(&public), expected, "{kind} {form}: {}", stderr(&public));
            let (from, to) = (["--from-password-file", "password"], ["--key-password-file", "password"]);
            let name = format!("{kind}-{form}");
            let imported = desk.run(&[&["key", "import", form, "-o", &name][..], &from, &to].concat());
            assert!(imported.status.success(), "{kind} {form}: {}", stderr(&imported));
            assert_eq!(text(&desk, &format!("{name}.pub")), expected, "{kind} {form}");
        }
    }
}

/// cosign's form both ways, of every kind: it reads and signs with ours, we with its own.
#[test]
fn cosign_reads_ours_and_we_read_its() {
    let desk = Desk::new();
    for kind in KINDS {
        let (private, public) = (format!("{kind}.key"), format!("{kind}.pub"));
        let made = generate(&desk, &["-o", kind, "--type", kind, "--form", "cosign"]);
        assert!(made.status.success(), "{}", stderr(&made));
        let Some(read) = tool(&desk, &["cosign", "public-key", "--key", &private]) else { return };
        assert_eq!(stdout(&read), text(&desk, &public), "{kind}: {}", stderr(&read));
        // What is ours in PKCS#8 becomes cosign's own file.
        let plain = format!("{kind}-plain");
        let from = ["key", "import", &private, "--from-password-file", "password"];
        let opened = desk.run(&[&from[..], &["-o", &plain, "--unencrypted-unsafe"]].concat());
        assert!(opened.status.success(), "{}", stderr(&opened));
        let (theirs, pem) = (format!("{kind}-theirs"), format!("{plain}.key"));
        let imported =
            tool(&desk, &["cosign", "import-key-pair", "--key", &pem, "--output-key-prefix", &theirs]).unwrap();
        assert!(imported.status.success(), "{kind}: {}", stderr(&imported));
        let shown = desk.run(&["key", "public", &format!("{theirs}.key"), "--key-password-file", "password"]);
        assert_eq!(stdout(&shown), text(&desk, &public), "{kind}: {}", stderr(&shown));
    }
    let theirs = tool(&desk, &["cosign", "generate-key-pair"]).unwrap();
    assert!(theirs.status.success(), "{}", stderr(&theirs));
    let password = ["--key-password-file", "password"];
    let sign = ["sign", "blob", "app.txt", "--key", "cosign.key", "--stack", stack_dir(), "-o", "ours.json"];
    let signed = desk.run(&[&sign[..], &password].concat());
    assert!(signed.status.success(), "{}", stderr(&signed));
    let root = format!("{}/trusted_root.json", stack_dir());
    let by_cosign = ["cosign", "verify-blob", "app.txt", "--key", "cosign.pub", "--bundle", "ours.json"];
    let verified = tool(&desk, &[&by_cosign[..], &["--trusted-root", &root]].concat()).unwrap();
    assert!(verified.status.success(), "{}", stderr(&verified));
    let unlogged = ["--use-signing-config=false", "--tlog-upload=false", "--yes", "--bundle", "theirs.json"];
    let signed =
        tool(&desk, &[&["cosign", "sign-blob", "app.txt", "--key", "p384.key"], &unlogged[..]].concat()).unwrap();
    assert!(signed.status.success(), "{}", stderr(&signed));
    let verified = desk.run(&["verify", "blob", "app.txt", "--bundle", "theirs.json", "--key", "p384.pub", UNLOGGED]);
    assert!(verified.status.success(), "{}", stderr(&verified));
}
