//! `key …`, and signing with what it makes; openssl and cosign as witnesses where they are.

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output};

use super::fixture::{Desk, refusal, stack_dir, usage};
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

/// A policy of two keys, each in use at another time, and a signature by each: rotation.
#[test]
fn keys_are_rotated() {
    let desk = Desk::new();
    for name in ["old", "new"] {
        let made = desk.run(&["key", "generate", "-o", name, "--unencrypted-unsafe"]);
        assert!(made.status.success(), "{}", stderr(&made));
    }
    let sign = |key: &str| {
        let signed = desk.run(&["sign", "blob", "app.txt", "--key", key, "--stack", stack_dir()]);
        assert!(signed.status.success(), "{}", stderr(&signed));
    };
    let verify = |old: &str, new: &str| {
        let key = |name: &str, window: &str| format!("        - {{key-file: {name}.pub{window}}}\n");
        let (old, new) = (key("old", old), key("new", new));
        let policy = format!("version: 1\nrules:\n  - name: release\n    signers:\n      any:\n{old}{new}");
        desk.write("policy.yaml", policy.as_bytes());
        desk.run(&["verify", "blob", "app.txt", "--policy", "policy.yaml", "--stack", stack_dir()])
    };
    let (past, future) = (", valid-until: '2026-01-01T00:00:00Z'", ", valid-from: '2099-01-01T00:00:00Z'");
    let now = ", valid-from: '2026-01-01T00:00:00Z', valid-until: '2099-01-01T00:00:00Z'";
    for key in ["old", "new"] {
        sign(&format!("{key}.key"));
        let verified = verify("", "");
        assert!(verified.status.success(), "{key}: {}", stderr(&verified));
        let verified = verify(now, now);
        assert!(verified.status.success(), "{key}: {}", stderr(&verified));
    }
    // The new key signed last.
    assert!(verify(past, now).status.success());
    assert_eq!(refusal(&verify(now, future)), "key-not-valid-at-time");
    assert_eq!(refusal(&verify(now, past)), "key-not-valid-at-time");
    // Without a proven time a window cannot be held.
    let unlogged = ["--log-not-required-unsafe"];
    let signed = desk.run(&[&["sign", "blob", "app.txt", "--key", "new.key"], &unlogged[..]].concat());
    assert!(signed.status.success(), "{}", stderr(&signed));
    let lax = ", log-not-required-unsafe: true";
    assert!(verify("", lax).status.success());
    assert_eq!(refusal(&verify("", &format!("{lax}{now}"))), "key-not-valid-at-time");
    // A window that ends before it begins, or of nobody.
    let wrong = verify("", ", valid-from: '2027-01-01T00:00:00Z', valid-until: '2026-01-01T00:00:00Z'");
    assert_eq!(usage(&wrong), "policy-parse");
}

/// moto knows no digests (`MessageType` is ignored there): it is taught to sign them as AWS does.
const MOTO: &str = r#"
import sys
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives import hashes
import moto.kms.utils as kms
algorithm = lambda name: {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}[name[-3:]]()
kms.ECDSAPrivateKey.sign = lambda key, message, name: key.private_key.sign(message, ec.ECDSA(Prehashed(algorithm(name))))
kms.RSAPrivateKey.sign = lambda key, message, name: key.private_key.sign(message, padding.PKCS1v15(), Prehashed(algorithm(name)))
from moto.server import main
main(["-H", "127.0.0.1", "-p", sys.argv[1]])
"#;

/// AWS KMS as moto has it, over the whole program.
#[test]
fn moto_signs() {
    let Some(bin) = std::env::var_os("SEALMARK_PEERS").map(|peers| std::path::Path::new(&peers).join("moto/bin"))
    else {
        println!("left out: SEALMARK_PEERS is not set");
        return;
    };
    if !bin.join("moto_server").exists() {
        println!("left out: moto: not here");
        return;
    }
    let desk = Desk::new();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let quiet = std::process::Stdio::null;
    let server = Command::new(bin.join("python")).args(["-c", MOTO, &port]).stdout(quiet()).stderr(quiet()).spawn();
    let server = server.unwrap();
    struct Running(std::process::Child);
    impl Drop for Running {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }
    let _running = Running(server);
    let address = format!("127.0.0.1:{port}");
    let up = (0..300).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        std::net::TcpStream::connect(&address).is_ok()
    });
    assert!(up, "moto does not listen");
    let credentials = [("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test"), ("AWS_REGION", "us-east-1")];
    let make = "import boto3, sys\nc = boto3.client('kms', endpoint_url='http://' + sys.argv[1], region_name='us-east-1')\nprint(c.create_key(KeyUsage='SIGN_VERIFY', KeySpec=sys.argv[2])['KeyMetadata']['KeyId'])";
    for spec in ["ECC_NIST_P256", "ECC_NIST_P384", "RSA_2048"] {
        let made =
            Command::new(bin.join("python")).args(["-c", make, &address, spec]).envs(credentials).output().unwrap();
        assert!(made.status.success(), "{}", stderr(&made));
        let key = format!("awskms://{address}/{}", stdout(&made).trim());
        let run = |args: &[&str]| sealmark(args).current_dir(desk.path(".")).envs(credentials).output().unwrap();
        let public = run(&["key", "public", &key]);
        assert!(public.status.success(), "{spec}: {}", stderr(&public));
        desk.write("kms.pub", &public.stdout);
        let signed = run(&["sign", "blob", "app.txt", "--key", &key, "--stack", stack_dir()]);
        assert!(signed.status.success(), "{spec}: {}", stderr(&signed));
        let verified = desk.run(&["verify", "blob", "app.txt", "--key", "kms.pub", "--stack", stack_dir()]);
        assert!(verified.status.success(), "{spec}: {}", stderr(&verified));
    }
}

#[test]
fn names_of_keys_that_are_not_whole_and_services_without_credentials() {
    let desk = Desk::new();
    let code = |key: &str| usage(&desk.run(&["sign", "blob", "app.txt", "--key", key, "--stack", stack_dir()]));
    assert_eq!(code("hashivault://"), "signer-key-name");
    assert_eq!(code("awskms:///alias/release"), "signer-credentials");
    assert_eq!(code("hashivault://release"), "signer-credentials");
    if cfg!(not(feature = "pkcs11")) {
        assert_eq!(code("pkcs11:object=release"), "signer-no-pkcs11");
    }
}
