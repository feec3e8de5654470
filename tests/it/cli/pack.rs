//! `pack` and `verify pack`: one archive, no network.

use std::path::Path;
use std::process::{Command, Output};

use super::carry::signed;
use super::fixture::{Desk, IDENTITY, issuer, stack_dir};
use super::{json, stderr, stdout};
use crate::registry::server::{Options, TestRegistry};

/// A desk with a policy, a signed file and a signed image, packed.
fn packed() -> (Desk, String) {
    let desk = Desk::signed();
    let registry = TestRegistry::start(Options::default());
    let image = signed(&desk, &registry);
    let policy = format!("version: 1\nrules:\n  - identity: {IDENTITY}\n    issuer: {}\n", issuer());
    desk.write("policy.yaml", policy.as_bytes());
    let name = format!("{}/acme/app:v1", registry.authority);
    let output = pack(&desk, &["app.txt", "--image", &name]);
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    (desk, image)
}

fn pack(desk: &Desk, args: &[&str]) -> Output {
    desk.run(&[&["pack", "-o", "app.pack.tar", "--policy", "policy.yaml", "--stack", stack_dir()], args].concat())
}

fn verify(desk: &Desk, args: &[&str]) -> Output {
    desk.run(&[&["verify", "pack", "app.pack.tar", "--format", "json"], args].concat())
}

/// The code of the refusal of the whole, or of the first artifact that is refused.
fn refused(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{}{}", stdout(output), stderr(output));
    let document = json(output);
    let artifacts = document["artifacts"].as_array().cloned().unwrap_or_default();
    let code = artifacts.iter().map(|one| &one["error"]["code"]).find(|code| code.is_string());
    code.unwrap_or(&document["error"]["code"]).as_str().unwrap().to_owned()
}

fn digest(desk: &Desk) -> String {
    crate::registry::server::digest(&std::fs::read(desk.path("app.pack.tar")).unwrap())
}

#[test]
fn everything_is_verified_without_a_network() {
    let (desk, image) = packed();
    let by_policy = verify(&desk, &["--policy", "policy.yaml", "--stack", stack_dir()]);
    assert!(by_policy.status.success(), "{}{}", stdout(&by_policy), stderr(&by_policy));
    let artifacts = json(&by_policy)["artifacts"].as_array().unwrap().clone();
    assert!(artifacts[0]["artifact"].as_str().unwrap().ends_with(&image), "{artifacts:?}");
    assert_eq!((artifacts.len(), &artifacts[1]["artifact"]), (2, &"app.txt".into()));
    let by_digest = verify(&desk, &["--offline", "--pack-digest", &digest(&desk)]);
    assert!(by_digest.status.success(), "{}{}", stdout(&by_digest), stderr(&by_digest));
    let another = verify(&desk, &["--pack-digest", &digest(&desk), "--expect-version", "9.9.9"]);
    assert_eq!(refused(&another), "name-not-bound");

    // In a network namespace of its own, where not even loopback is up.
    let mut alone = Command::new("unshare");
    alone.args(["--map-root-user", "--net", env!("CARGO_BIN_EXE_sealmark"), "verify", "pack", "app.pack.tar"]);
    alone.args(["--offline", "--pack-digest", &digest(&desk)]).current_dir(desk.path(".")).env_clear();
    match alone.output() {
        Ok(output) if stderr(&output).starts_with("unshare: ") => println!("left out: no network namespaces here"),
        Ok(output) => assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output)),
        Err(_) => println!("left out: verifying in a network namespace: no unshare here"),
    }
}

/// No socket is opened at all: none but those of the process's own signals.
#[test]
fn no_socket_is_opened() {
    let (desk, _) = packed();
    let mut traced = Command::new("strace");
    traced.args(["-f", "-e", "trace=socket,connect,bind,sendto", "-o", "calls"]);
    traced.args([env!("CARGO_BIN_EXE_sealmark"), "verify", "pack", "app.pack.tar", "--pack-digest", &digest(&desk)]);
    let Ok(output) = traced.current_dir(desk.path(".")).output() else {
        println!("left out: counting sockets: no strace here");
        return;
    };
    assert!(output.status.success(), "{}", stderr(&output));
    let calls = std::fs::read_to_string(desk.path("calls")).unwrap();
    let opened: Vec<_> = calls.lines().filter(|line| line.contains("socket(") || line.contains("connect(")).collect();
    assert!(opened.is_empty(), "{opened:?}");
}

#[test]
fn the_packs_own_word_counts_only_with_its_digest() {
    let (desk, _) = packed();
    assert_eq!(verify(&desk, &[]).status.code(), Some(2));
    let other = format!("sha256:{}", "0".repeat(64));
    assert_eq!(refused(&verify(&desk, &["--pack-digest", &other])), "pack-digest-mismatch");
    let both = verify(&desk, &["--pack-digest", &other, "--policy", "policy.yaml"]);
    assert_eq!(both.status.code(), Some(2));
    // Another trusted root than the packed one.
    assert_eq!(refused(&verify(&desk, &["--policy", "policy.yaml"])), "chain-untrusted");
}

/// The archive with one of its files replaced, by another program.
fn with(desk: &Desk, name: &str, content: &[u8]) {
    let folder = desk.path("unpacked");
    std::fs::create_dir_all(&folder).unwrap();
    let tar = |args: &[&str]| {
        assert!(Command::new("tar").args(args).current_dir(desk.path(".")).status().unwrap().success(), "{args:?}");
    };
    tar(&["-xf", "app.pack.tar", "-C", "unpacked"]);
    assert!(folder.join(name).is_file());
    std::fs::write(folder.join(name), content).unwrap();
    tar(&["-cf", "app.pack.tar", "--format=ustar", "-C", "unpacked", "oci-layout", "index.json", "blobs", "sealmark"]);
}

fn by_policy(desk: &Desk) -> String {
    refused(&verify(desk, &["--policy", "policy.yaml", "--stack", stack_dir()]))
}

#[test]
fn what_was_changed_is_refused() {
    let (desk, _) = packed();
    with(&desk, "sealmark/files/0", b"another artifact\n");
    assert_eq!(by_policy(&desk), "digest-mismatch");
    let (desk, _) = packed();
    // A layer that no signature is over, only the manifest's digest.
    let layer = crate::registry::server::digest(b"layer").replace("sha256:", "blobs/sha256/");
    with(&desk, &layer, b"LAYER");
    assert_eq!(by_policy(&desk), "oci-digest");
    let (desk, _) = packed();
    with(&desk, "sealmark/pack.json", br#"{"schema":"sealmark.pack/v1","images":[],"files":[]}"#);
    assert_eq!(by_policy(&desk), "pack-parse");
    let (desk, _) = packed();
    std::fs::remove_file(desk.path("app.pack.tar")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", desk.path("link")).unwrap();
    let tar = Command::new("tar").args(["-cf", "app.pack.tar", "link"]).current_dir(desk.path(".")).status();
    assert!(tar.unwrap().success());
    assert_eq!(by_policy(&desk), "oci-layout");
}

#[test]
fn what_is_refused_is_not_packed() {
    let desk = Desk::signed();
    let policy = format!("version: 1\nrules:\n  - identity: https://github.com/else\n    issuer: {}\n", issuer());
    desk.write("policy.yaml", policy.as_bytes());
    let output = pack(&desk, &["app.txt"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    assert!(stderr(&output).contains("identity-mismatch") && stderr(&output).contains("nothing was packed"));
    assert!(!desk.names().iter().any(|name| name.contains("pack.tar")), "{:?}", desk.names());
}

#[test]
fn other_programs_read_the_images() {
    let (desk, image) = packed();
    assert!(Path::new(&desk.path("app.pack.tar")).is_file());
    let read = Command::new("skopeo")
        .args(["inspect", "--raw", "oci-archive:app.pack.tar:v1"])
        .current_dir(desk.path("."))
        .output();
    match read {
        Ok(read) => assert_eq!(crate::registry::server::digest(&read.stdout), image, "{}", stderr(&read)),
        Err(_) => println!("left out: skopeo: not here"),
    }
}
