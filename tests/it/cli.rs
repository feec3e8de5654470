//! The command line, as a person and as a program use it. `tests/cli/*.toml` hold what is printed
//! (`TRYCMD=overwrite cargo test --test it cli::` writes them anew); here stands what a snapshot cannot say.

mod attested;
mod authorities;
mod carry;
mod certificate;
mod doctor;
mod fixture;
mod identities;
mod journey;
mod keys;
mod leaks;
mod monitor;
mod odd_input;
mod outage;
mod pack;
mod policy_images;
mod provenance;
mod questions;
mod rates;
mod rows;
mod sign_image;
mod softhsm;
mod spiffe;
mod summaries;
mod tokens;
mod verify_image;
mod whoami;
mod witness;
mod wycheproof;

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Variables of the surroundings that commands read.
const PREFIXES: [&str; 8] = ["ACTIONS_", "CI", "COSIGN_", "GITHUB_", "GITLAB_", "RUNNER_", "SEALMARK_", "SIGSTORE_"];

/// The program in an environment of its own: nothing of the machine that tests it leaks in.
pub(crate) fn sealmark(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sealmark"));
    command.args(args).env_clear().stdin(Stdio::null());
    command
}

pub(crate) fn run(args: &[&str]) -> Output {
    sealmark(args).output().unwrap()
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

pub(crate) fn json(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", stdout(output)))
}

#[test]
fn snapshots() {
    let cases = trycmd::TestCases::new();
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| PREFIXES.iter().any(|prefix| name.starts_with(prefix))) {
            cases.env(name.to_string_lossy(), "");
        }
    }
    cases.env("NO_COLOR", "1").case("tests/cli/*.toml").case("README.md");
}

#[test]
fn every_command_has_help_with_an_example() {
    for command in [
        &["tour"][..],
        &["sign", "blob"],
        &["sign", "image"],
        &["sign", "finish"],
        &["attest", "blob"],
        &["attest", "image"],
        &["attach", "repair"],
        &["verify", "blob"],
        &["verify", "image"],
        &["verify", "attestation"],
        &["inspect"],
        &["tree"],
        &["whoami"],
        &["monitor"],
        &["doctor"],
        &["trust", "show"],
        &["trust", "add"],
        &["trust", "init"],
        &["trust", "update"],
        &["certificate", "issue"],
        &["certificate", "inspect"],
        &["certificate", "expiring"],
        &["key", "generate"],
        &["key", "import"],
        &["key", "public"],
        &["gate", "admission"],
        &["gate", "http"],
        &["gate", "lint"],
        &["pack"],
        &["verify", "pack"],
        &["copy"],
        &["save"],
        &["load"],
        &["stack", "init"],
        &["stack", "up"],
        &["stack", "status"],
        &["stack", "token"],
        &["stack", "rotate"],
        &["stack", "renew"],
        &["stack", "renew-trust"],
        &["stack", "witness", "init"],
        &["stack", "witness", "watch"],
        &["stack", "witness", "up"],
        &["completions"],
    ] {
        let output = run(&[command, &["--help"]].concat());
        assert!(output.status.success(), "{command:?}");
        assert!(stdout(&output).contains("  $ sealmark "), "{command:?} shows no session");
        let text = stdout(&output);
        assert!(text.lines().all(|line| line.len() <= 100), "{command:?} is too wide");
        let (_, session) = text.split_once("Example").unwrap();
        assert!(session.lines().all(|line| line.len() <= 80), "{command:?}: the session wraps on a small terminal");
    }
    let hidden = stdout(&run(&["--help"]));
    assert!(!hidden.contains("sign-bundle") && !hidden.contains("verify-bundle"));
}

#[test]
fn s20_x17_conflicting_and_empty_flags_are_wrong_usage() {
    let id = ["--identity", "a@b.example", "--issuer", "https://c.example"];
    for flags in [
        &["--identity", ""][..],
        &["--issuer", ""],
        &["--policy", ""],
        &["--claim", "=x"],
        &["--claim", "source-repository-ref"],
        &["--key", "k.pem", "--identity", "a@b.example"],
        &["--key", "k.pem", "--policy", "p.yaml"],
        &["--policy", "p.yaml", "--issuer", "https://c.example"],
        &["--policy", "p.yaml", "--accept-promise"],
        &["--identity", "a@b.example", "--identity-glob", "*@b.example"],
        &["--issuer", "https://c.example", "--issuer-regex", "https://c"],
        &["--trusted-root", "r.json", "--instance", "staging"],
        &["--stack", "s", "--trust-config", "c.json"],
        &["--log-not-required-unsafe"],
        &["--no-such-flag"],
        &["--format", "xml"],
    ] {
        let output = run(&[&["verify", "blob", "x"], flags].concat());
        assert_eq!(output.status.code(), Some(2), "{flags:?}: {}", stderr(&output));
        assert!(output.stdout.is_empty(), "{flags:?}");
    }
    assert_eq!(run(&[&["verify", "blob", "x", "--identity", "d@b.example"], &id[..]].concat()).status.code(), Some(2));
    assert_eq!(run(&["verify", "blob", ""]).status.code(), Some(2));
    assert_eq!(run(&["verify", "blob"]).status.code(), Some(2));
    assert_eq!(run(&[]).status.code(), Some(2));
}

#[test]
fn x04_json_parses_even_on_failure() {
    let id = ["--identity", "a@b.example", "--issuer", "https://c.example", "--format", "json"];
    for (args, code, verdict) in [
        (&["verify", "blob", "no-such-file"][..], 1, "refused"),
        (&["verify", "blob", "-"], 2, "usage"),
        (&["verify", "blob", "no-such-*"], 2, "usage"),
        (&["verify", "blob", "x", "--trusted-root", "no-such-file"], 3, "undecided"),
        (&["verify", "blob", "x", "--no-such-flag"], 2, "usage"),
        (&["verify", "blob", "x", "--certificate-authority", ""], 2, "usage"),
    ] {
        let output = run(&[args, &id].concat());
        assert_eq!(output.status.code(), Some(code), "{args:?}");
        let document = json(&output);
        assert_eq!(document["schema"], "sealmark.verdict/v1", "{args:?}");
        assert_eq!((&document["verdict"], &document["exitCode"]), (&verdict.into(), &code.into()), "{args:?}");
        assert!(!stderr(&output).is_empty(), "{args:?} says nothing");
    }
    let output = run(&["whoami", "--format", "json"]);
    assert_eq!(json(&output)["error"]["code"], "identity-missing");
}

#[test]
#[cfg(target_os = "linux")]
fn x03_a_full_or_closed_standard_output_is_a_no() {
    for args in [&["trust", "show"][..], &["--help"], &["--version"], &["completions", "bash"]] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = sealmark(args).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{args:?}: {}", stderr(&output));
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = sealmark(args).stdout(writer).output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{args:?}: {}", stderr(&output));
    }
}

#[test]
fn completions_know_the_commands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = run(&["completions", shell]);
        assert!(output.status.success());
        assert!(stdout(&output).contains("verify"), "{shell}");
    }
}

#[test]
fn x14_nothing_in_the_working_folder_is_read() {
    let dir = tempfile::tempdir().unwrap();
    for name in [".sealmark", "sealmark.toml", ".config", "policy.yaml", "trusted_root.json"] {
        std::fs::write(dir.path().join(name), "hostile").unwrap();
    }
    let output = sealmark(&["trust", "show"]).current_dir(dir.path()).output().unwrap();
    assert_eq!(stdout(&output), stdout(&run(&["trust", "show"])));
}

#[test]
fn no_command_panics_on_a_folder() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).to_str().unwrap();
    let output = run(&["inspect", here]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
}
