//! `key …`, and signing with what it makes; openssl and cosign as witnesses where they are.

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output};

use super::fixture::{Desk, stack_dir, usage};
use super::{sealmark, stderr, stdout};

/// Another program in the desk's folder, its output when it is here.
fn tool(desk: &Desk, args: &[&str]) -> Option<Output> {
    let output = Command::new(args[0])
        .args(&args[1..])
        .current_dir(desk.path("."))
        .env("COSIGN_PASSWORD", "horse")
        .stdin(std::process::Stdio::null())
        .output();
    if output.is_err() {
        println!("left out: {}: not here", args[0]);
    }
    output.ok()
}

fn generate(desk: &Desk, args: &[&str]) -> Output {
    desk.write("password", b"horse\n");
    desk.run(&[&["key", "generate", "--key-password-file", "password"], args].concat())
}

#[test]
fn a_pair_signs_and_stays_private() {
    for kind in ["p256", "p384", "rsa2048"] {
        let desk = Desk::new();
        let made = generate(&desk, &["--type", kind, "-o", "release"]);
        assert!(made.status.success(), "{}", stderr(&made));
        let mode = |name| std::fs::metadata(desk.path(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode("release.key"), 0o600);
        let sign = |password: &[&str]| {
            desk.run(
                &[&["sign", "blob", "app.txt", "--key", "release.key", "--log-not-required-unsafe"], password].concat(),
            )
        };
        assert_eq!(usage(&sign(&[])), "signer-key-encrypted");
        let signed = sign(&["--key-password-file", "password"]);
        assert!(signed.status.success(), "{kind}: {}", stderr(&signed));
        let verified = desk.run(&["verify", "blob", "app.txt", "--key", "release.pub", "--log-not-required-unsafe"]);
        assert!(verified.status.success(), "{kind}: {}", stdout(&verified));
        if let Some(read) = tool(&desk, &["openssl", "pkey", "-in", "release.key", "-passin", "pass:horse", "-pubout"])
        {
            assert_eq!(stdout(&read), std::fs::read_to_string(desk.path("release.pub")).unwrap(), "{kind}");
        }
    }
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
    let key = std::fs::read_to_string(desk.path("plain.key")).unwrap();
    assert_eq!(stdout(&public(Some(key))), std::fs::read_to_string(desk.path("plain.pub")).unwrap());
    assert_eq!(usage(&public(None)), "signer-key-variable");
}

#[test]
fn cosign_reads_ours_and_we_read_its() {
    let desk = Desk::new();
    let made = generate(&desk, &["-o", "ours", "--form", "cosign"]);
    assert!(made.status.success(), "{}", stderr(&made));
    let Some(read) = tool(&desk, &["cosign", "public-key", "--key", "ours.key"]) else { return };
    assert_eq!(stdout(&read), std::fs::read_to_string(desk.path("ours.pub")).unwrap(), "{}", stderr(&read));
    let theirs = tool(&desk, &["cosign", "generate-key-pair"]).unwrap();
    assert!(theirs.status.success(), "{}", stderr(&theirs));
    let imported = desk.run(&[
        "key",
        "import",
        "cosign.key",
        "--from-password-file",
        "password",
        "-o",
        "in",
        "--unencrypted-unsafe",
    ]);
    assert!(imported.status.success(), "{}", stderr(&imported));
    assert_eq!(std::fs::read(desk.path("in.pub")).unwrap(), std::fs::read(desk.path("cosign.pub")).unwrap());
    let signed = desk.run(&[
        "sign",
        "blob",
        "app.txt",
        "--key",
        "cosign.key",
        "--key-password-file",
        "password",
        "--stack",
        stack_dir(),
    ]);
    assert!(signed.status.success(), "{}", stderr(&signed));
}
