//! `whoami`: whom a token names, and whether the authority takes it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;

use sealmark::stack::{IssuerKind, TokenRequest};

use super::fixture::{Desk, IDENTITY, issued, issuer, stack_dir};
use super::{json, sealmark, stderr, stdout};

#[test]
fn the_stack_is_asked_whether_it_takes_the_token() {
    let desk = Desk::new();
    let with = ["whoami", "--identity-token-file", "token.jwt", "--stack", stack_dir()];
    let output = desk.run(&[&with[..], &["--format", "json"]].concat());
    assert!(output.status.success(), "{}", stderr(&output));
    let shown = json(&output);
    assert_eq!((&shown["accepted"], &shown["usable"]), (&true.into(), &true.into()), "{shown}");
    assert_eq!(shown["issuer"], issuer());
    let text = stdout(&desk.run(&with));
    assert!(text.contains(IDENTITY) && text.contains("(takes tokens of this issuer)"), "{text}");
    for kind in [IssuerKind::Email, IssuerKind::Uri] {
        desk.write("token.jwt", issued(&TokenRequest::new(kind)).as_bytes());
        assert!(desk.run(&with).status.success());
    }
}

/// Answers each connection with this body; what was asked first is the answer of `join`.
fn configuration(body: &'static str) -> (String, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let thread = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        let head: Vec<String> = lines.by_ref().map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len()).unwrap();
        head.join("\n")
    });
    (url, thread)
}

/// The stack's trust config with another authority.
fn with_authority(desk: &Desk, url: &str) {
    let path = std::path::Path::new(stack_dir()).join("client_trust_config.json");
    let mut config: serde_json::Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    config["signingConfig"]["caUrls"][0]["url"] = url.into();
    desk.write("trust.json", config.to_string().as_bytes());
}

#[test]
fn an_authority_that_does_not_know_the_issuer() {
    let desk = Desk::new();
    let (url, asked) = configuration(
        r#"{"issuers":[{"issuerUrl":"https://gitlab.com"},{"wildcardIssuerUrl":"https://oidc.eks.*.amazonaws.com/id/*"}]}"#,
    );
    with_authority(&desk, &url);
    let with = ["whoami", "--identity-token-file", "token.jwt", "--trust-config", "trust.json", "--format", "json"];
    let output = desk.run(&with);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let shown = json(&output);
    assert_eq!((&shown["accepted"], &shown["usable"]), (&false.into(), &false.into()));
    assert_eq!(shown["problems"][0]["code"], "ca-issuer-unknown");
    assert!(stderr(&output).contains("it takes those of https://gitlab.com, https://oidc.eks.*.amazonaws.com/id/*"));
    // The token is not for asking.
    let head = asked.join().unwrap();
    assert!(head.starts_with("GET /api/v2/configuration ") && !head.to_lowercase().contains("authorization"), "{head}");
}

#[test]
fn an_authority_that_does_not_answer_and_one_that_is_not_asked() {
    let desk = Desk::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    with_authority(&desk, &url);
    let with = ["whoami", "--identity-token-file", "token.jwt", "--trust-config", "trust.json", "--format", "json"];
    let offline = desk.run(&[&with[..], &["--offline"]].concat());
    assert!(offline.status.success(), "{}", stderr(&offline));
    let shown = json(&offline);
    assert_eq!((&shown["accepted"], &shown["authority"]), (&serde_json::Value::Null, &serde_json::Value::Null));
    listener.set_nonblocking(true).unwrap();
    assert!(listener.accept().is_err(), "asked");
    drop(listener);
    let output = desk.run(&[&with[..], &["--retry-budget", "1s"]].concat());
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert_eq!(json(&output)["problems"][0]["code"], "ca-unreachable");
}

#[test]
#[cfg(unix)]
fn a_command_gives_the_token() {
    let desk = Desk::new();
    let command = ["whoami", "--offline", "--identity-token-command", "cat token.jwt"];
    let output = sealmark(&command).current_dir(desk.path("")).env("PATH", "/usr/bin:/bin").output().unwrap();
    assert!(stdout(&output).contains(IDENTITY), "{}", stderr(&output));
    let failed = desk.run(&["whoami", "--offline", "--identity-token-command", "/bin/false token"]);
    assert_eq!(failed.status.code(), Some(3));
    assert!(stderr(&failed).contains("identity-command"), "{}", stderr(&failed));
    assert_eq!(desk.run(&["whoami", "--offline", "--identity-token-command", "[]"]).status.code(), Some(2));
    assert_eq!(desk.run(&["whoami", "--offline", "--identity-provider", "nobody"]).status.code(), Some(2));
    let named = desk.run(&["whoami", "--offline", "--identity-provider", "jenkins"]);
    assert_eq!(named.status.code(), Some(2));
    assert!(stderr(&named).contains("withCredentials"), "{}", stderr(&named));
}

#[test]
fn nobody_is_asked_to_sign_in_where_nobody_is() {
    let desk = Desk::new();
    for command in [&["whoami", "--offline"][..], &["sign", "blob", "app.txt", "--stack", stack_dir()]] {
        for method in ["browser", "device", "code"] {
            let args = [command, &["--login", method]].concat();
            let output = desk.run(&args);
            assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
            assert!(stderr(&output).contains("login-no-terminal"), "{}", stderr(&output));
            let output = sealmark(&args).current_dir(desk.path("")).env("GITLAB_CI", "true").output().unwrap();
            assert!(stderr(&output).contains("login-in-ci"), "{}", stderr(&output));
        }
        let no_secret =
            desk.run(&[command, &["--login", "client-credentials", "--login-issuer", "http://127.0.0.1:1"]].concat());
        assert_ne!(no_secret.status.code(), Some(0));
    }
    assert_eq!(desk.names(), ["app.txt", "token.jwt"]);
    for wrong in [
        &["--login", "browser", "--identity-token-file", "token.jwt"][..],
        &["--login", "telepathy"],
        &["--login-issuer", "https://id.example.com"],
        &["--login", "browser", "--identity-provider", "github"],
    ] {
        assert_eq!(desk.run(&[&["whoami", "--offline"], wrong].concat()).status.code(), Some(2), "{wrong:?}");
    }
}
