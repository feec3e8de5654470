use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use super::*;
use crate::base::crypto::{Digest, DigestAlgorithm};
use crate::service::http::fake::block_on;
use crate::service::signer::{sign_digest, sign_message};

/// A program of this shell script, in a folder with two P-256 keys.
fn program(script: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("signer");
    std::fs::write(&program, format!("#!/bin/sh\ncd \"${{0%/*}}\"\nquestion=$(cat)\n{script}\n")).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

/// The protocol over openssl; `$key` signs.
const HONEST: &str = r#"
case "$question" in
*'"key":"release"'*) ;;
*) echo '{"error":"no such key"}'; exit 1 ;;
esac
case "$question" in
*'"operation":"public-key"'*)
    printf '{"publicKey":"%s"}' "$(openssl pkey -in release.pem -pubout | awk '{printf "%s\\n", $0}')" ;;
*'"operation":"sign"'*'"scheme":"ecdsa-sha256"'*)
    printf %s "$question" | sed 's/.*"digest":"\([^"]*\)".*/\1/' | base64 -d > digest
    printf '{"signature":"%s"}' "$(openssl pkeyutl -sign -inkey $key.pem -in digest | base64 -w0)" ;;
esac"#;

fn keys(folder: &tempfile::TempDir) -> bool {
    let make = |name: &str| {
        let path = folder.path().join(name);
        let arguments = ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out"];
        Command::new("openssl").args(arguments).arg(path).output()
    };
    let made = ["release.pem", "other.pem"].map(|name| make(name).is_ok_and(|output| output.status.success()));
    made == [true, true]
}

#[test]
fn a_program_signs() {
    for (key, good) in [("release", true), ("other", false)] {
        let folder = program(&format!("key={key}\n{HONEST}"));
        if !keys(&folder) {
            println!("left out: openssl: not here");
            return;
        }
        let path = folder.path().join("signer");
        let signer = block_on(ExternalSigner::open(&path, "release")).unwrap();
        let digest = Digest::of(DigestAlgorithm::Sha256, b"message");
        match (good, block_on(sign_digest(&signer, &digest)), block_on(sign_message(&signer, b"message"))) {
            (true, Ok(_), Ok(signature)) => {
                assert!(signer.public_key().verify_default(b"message", &signature).is_ok());
            }
            // Another key's signature is not used.
            (false, Err(one), Err(other)) => {
                assert_eq!([one, other].map(|error| error.code().name()), ["signer-invalid"; 2]);
            }
            other => panic!("{key}: {other:?}"),
        }
        let absent = block_on(ExternalSigner::open(&path, "absent")).unwrap_err();
        assert!(absent.to_string().ends_with("no such key"), "{absent}");
    }
}

#[test]
fn a_program_that_misbehaves_gives_no_key() {
    let open = |script: &str, millis: u64| {
        let folder = program(script);
        let path = folder.path().join("signer");
        let error = block_on(ExternalSigner::open_within(&path, "release", Duration::from_millis(millis))).unwrap_err();
        (error.code().name(), error.to_string())
    };
    for (script, millis, problem) in [
        ("echo '{}'", 5000, "lacks what was asked for"),
        ("echo nonsense", 5000, "not JSON"),
        ("echo '{\"publicKey\":\"x\"}'; exit 1", 5000, "it failed"),
        ("exec sleep 30", 200, "did not answer in time"),
        ("exec >&-; exec sleep 30", 300, "did not end in time"),
        ("exec cat /dev/zero", 5000, "prints too much"),
        ("echo '{\"error\":\"touch\\u001b[2J the token\"}'", 5000, "touch\\u{1b}[2J the token"),
    ] {
        let (code, text) = open(script, millis);
        assert_eq!(code, "signer-program", "{script}");
        assert!(text.contains(problem), "{script}: {text}");
    }
    let (code, _) = open("echo '{\"publicKey\":\"x\"}'", 5000);
    assert_eq!(code, "pem-parse");
    assert_eq!(block_on(ExternalSigner::open("/absent".as_ref(), "")).unwrap_err().code().name(), "signer-program");
}
