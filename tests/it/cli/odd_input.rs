//! Input that is odd, or hostile: names, streams, escapes, locales, signals.

use std::io::Write as _;
use std::process::Stdio;

use super::fixture::{Desk, IDENTITY, issuer, refusal, stack_dir};
use super::{json, run, sealmark, stderr, stdout};

#[test]
fn x06_s19_standard_input_and_digests() {
    let desk = Desk::signed();
    let issuer = issuer();
    let mut child = sealmark(&[
        "verify",
        "blob",
        "-",
        "--bundle",
        "app.txt.sigstore.json",
        "--stack",
        stack_dir(),
        "--identity",
        IDENTITY,
        "--issuer",
        &issuer,
    ])
    .current_dir(desk.path("."))
    .stdin(Stdio::piped())
    .stdout(Stdio::piped())
    .spawn()
    .unwrap();
    child.stdin.take().unwrap().write_all(b"an artifact\n").unwrap();
    assert!(child.wait_with_output().unwrap().status.success());
    let document = json(&desk.verify(&["app.txt", "--format", "json"]));
    let digest = document["artifacts"][0]["proof"]["digest"].as_str().unwrap();
    let by_digest = desk.verify(&[digest, "--bundle", "app.txt.sigstore.json"]);
    assert!(by_digest.status.success(), "{}", stderr(&by_digest));
    assert!(stdout(&by_digest).contains("over the artifact with the given digest"));
    let other = format!("sha256:{}", "0".repeat(64));
    assert_eq!(refusal(&desk.verify(&[&other, "--bundle", "app.txt.sigstore.json"])), "digest-mismatch");
    assert_eq!(desk.verify(&[digest]).status.code(), Some(2));
    let sha512 = format!("sha512:{}", "0".repeat(128));
    assert_eq!(desk.verify(&[&sha512, "--bundle", "app.txt.sigstore.json"]).status.code(), Some(2));
}

#[test]
#[cfg(unix)]
fn x06_x13_names_of_files() {
    use std::os::unix::ffi::OsStrExt as _;
    let desk = Desk::new();
    // A leading dash, a line end, an escape, bytes that are no text: each is a file like any other.
    for name in [&b"-dash"[..], b"line\nend", b"esc\x1b[31m", b"bytes\xff", b"glob[1]*", "\u{202e}txt".as_bytes()] {
        let name = std::ffi::OsStr::from_bytes(name);
        desk.write(name, b"content");
        let command = |verb: &str| {
            let mut command = sealmark(&[verb, "blob", "--stack", stack_dir()]);
            match verb {
                "sign" => command.args(["--identity-token-file", "token.jwt"]),
                _ => command.args(["--identity", IDENTITY, "--issuer", &issuer()]),
            };
            command.arg("--").arg(name).current_dir(desk.path(".")).output().unwrap()
        };
        for verb in ["sign", "verify"] {
            let output = command(verb);
            assert!(output.status.success(), "{name:?}: {}", stderr(&output));
            let printed = stdout(&output) + &stderr(&output);
            assert!(!printed.contains(['\x1b', '\u{202e}']) && !printed.contains("line\nend"), "{printed:?}");
        }
        desk.write(name, b"changed");
        let refused = command("verify");
        assert_eq!(refusal(&refused), "digest-mismatch");
        assert!(!stderr(&refused).contains(['\x1b', '\u{202e}']), "{:?}", stderr(&refused));
    }
}

#[test]
fn x13_escapes_in_a_bundle_are_shown_as_text() {
    let desk = Desk::signed();
    let good = std::fs::read_to_string(desk.path("app.txt.sigstore.json")).unwrap();
    let mut bundle: serde_json::Value = serde_json::from_str(&good).unwrap();
    bundle["verificationMaterial"]["tlogEntries"][0]["kindVersion"]["kind"] = "\x1b[2Jverified\u{9b}1m\u{202e}".into();
    desk.write("bad.json", bundle.to_string().as_bytes());
    for format in ["human", "json"] {
        let inspected = desk.run(&["inspect", "bad.json", "--format", format]);
        let refused = desk.verify(&["app.txt", "--bundle", "bad.json", "--format", format]);
        for output in [inspected, refused] {
            let printed = stdout(&output) + &stderr(&output);
            assert!(printed.chars().all(|c| c == '\n' || (' '..='~').contains(&c)), "{printed:?}");
        }
    }
}

#[test]
#[cfg(unix)]
fn x05_what_is_read_once_is_what_is_hashed() {
    let desk = Desk::signed();
    std::fs::copy(desk.path("app.txt.sigstore.json"), desk.path("b.json")).unwrap();
    // A link to the file; a folder; a device; a pipe, which can be read only once.
    std::os::unix::fs::symlink(desk.path("app.txt"), desk.path("link")).unwrap();
    assert!(desk.verify(&["link", "--bundle", "b.json"]).status.success());
    std::fs::create_dir(desk.path("folder")).unwrap();
    let folder = desk.verify(&["folder", "--bundle", "b.json"]);
    assert_eq!(folder.status.code(), Some(3), "{}", stderr(&folder));
    assert_eq!(refusal(&desk.verify(&["/dev/null", "--bundle", "b.json"])), "digest-mismatch");
    let made = std::process::Command::new("mkfifo").arg(desk.path("pipe")).status();
    if made.is_ok_and(|status| status.success()) {
        let pipe = desk.path("pipe");
        let writer = std::thread::spawn(move || std::fs::write(pipe, b"an artifact\n").unwrap());
        assert!(desk.verify(&["pipe", "--bundle", "b.json"]).status.success());
        writer.join().unwrap();
    }
}

#[test]
#[cfg(unix)]
fn x08_a_signal_is_no_yes() {
    use std::os::unix::process::ExitStatusExt as _;
    let desk = Desk::signed();
    let issuer = issuer();
    let child = sealmark(&[
        "verify",
        "blob",
        "-",
        "--bundle",
        "app.txt.sigstore.json",
        "--stack",
        stack_dir(),
        "--identity",
        IDENTITY,
        "--issuer",
        &issuer,
    ])
    .current_dir(desk.path("."))
    .stdin(Stdio::piped())
    .stdout(Stdio::piped())
    .spawn()
    .unwrap();
    let killed = std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.signal().is_some() && output.stdout.is_empty());
}

#[test]
fn x18_a_promise_is_taken_only_by_words_that_are_in_the_report() {
    let output = run(&[
        "verify",
        "blob",
        "no-such-file",
        "--identity",
        "a@b.example",
        "--issuer",
        "https://c.example",
        "--accept-promise",
        "--format",
        "json",
    ]);
    assert!(stderr(&output).contains("warning: --accept-promise"));
    assert_eq!(json(&output)["waivers"], serde_json::json!(["accept-promise"]));
}

#[test]
fn x19_time_zone_and_locale_change_nothing() {
    let desk = Desk::signed();
    let issuer = issuer();
    let verify = |variables: &[(&str, &str)]| {
        let mut command = sealmark(&["verify", "blob", "app.txt", "--stack", stack_dir()]);
        command.args(["--identity", IDENTITY, "--issuer", &issuer]).current_dir(desk.path("."));
        command.envs(variables.iter().copied()).output().unwrap()
    };
    let plain = verify(&[]);
    assert!(plain.status.success());
    for variables in [
        &[("TZ", "Pacific/Kiritimati")][..],
        &[("TZ", "nonsense")],
        &[("LANG", "tr_TR.UTF-8"), ("LC_ALL", "tr_TR.UTF-8")],
        &[("LANG", ""), ("COLUMNS", "1")],
    ] {
        assert_eq!(verify(variables), plain, "{variables:?}");
    }
}

#[test]
#[cfg(target_os = "linux")]
fn x09_no_core_is_dumped_while_a_token_is_held() {
    let mut child =
        sealmark(&["whoami", "--offline", "--identity-token-file", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    let limits = format!("/proc/{}/limits", child.id());
    let started = std::time::Instant::now();
    loop {
        let text = std::fs::read_to_string(&limits).unwrap_or_default();
        let core = text.lines().find(|line| line.starts_with("Max core file size")).unwrap_or_default();
        if core.split_whitespace().rev().nth(1) == Some("0") && core.contains(" 0 ") {
            break;
        }
        assert!(started.elapsed() < std::time::Duration::from_secs(10), "cores are dumped: {core}");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    drop(child.stdin.take());
    assert_ne!(child.wait().unwrap().code(), Some(0));
}
