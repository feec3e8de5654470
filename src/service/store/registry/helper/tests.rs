use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, Instant};

use super::*;
use crate::service::http::fake::block_on;

/// A helper `docker-credential-test` of this shell script, in a folder of its own.
fn helper(script: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("docker-credential-test");
    std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

fn asked(script: &str) -> Result<Option<Credential>, StoreError> {
    let folder = helper(script);
    block_on(ask("test", "registry.example", folder.path().to_str().unwrap()))
}

fn code(script: &str) -> &'static str {
    asked(script).unwrap_err().code().name()
}

#[test]
fn a_helper_gets_the_registry_and_answers() {
    // It answers only when it was asked `get` for this very name.
    let honest = |user: &str| {
        format!(
            r#"read -r server || true; test "$1 $server" = "get registry.example" && echo '{{"ServerURL":"registry.example","Username":"{user}","Secret":"s"}}'"#
        )
    };
    assert_eq!(asked(&honest("me")).unwrap(), Some(basic("me", "s")));
    assert_eq!(asked(&honest("<token>")).unwrap(), Some(Credential::IdentityToken(Secret::new("s"))));
    assert_eq!(asked("echo credentials not found in native keychain; exit 1").unwrap(), None);
    assert_eq!(code("echo locked; exit 1"), "credential-helper");
    assert_eq!(code("echo nonsense"), "credential-helper");
}

#[test]
fn o30_another_registrys_secret_is_not_taken() {
    let other = r#"cat >/dev/null; echo '{"ServerURL":"other.example","Username":"me","Secret":"s"}'"#;
    assert_eq!(code(other), "credential-helper");
    let same = other.replace("other.example", "https://registry.example/");
    assert_eq!(asked(&same).unwrap(), Some(basic("me", "s")));
}

#[test]
fn o30_a_helper_that_prints_without_end_is_stopped() {
    let error = asked("cat /dev/zero").unwrap_err();
    assert_eq!((error.code().name(), error.code().exit_code()), ("credential-helper", 3));
    assert!(error.to_string().contains("too much"), "{error}");
}

#[test]
fn o30_a_helper_that_hangs_is_stopped() {
    let folder = helper("exec sleep 60");
    let program = program("test", folder.path().to_str().unwrap()).unwrap();
    let started = Instant::now();
    let problem = run(&program, "registry.example", Duration::from_millis(200)).map(|_| ()).unwrap_err();
    assert_eq!(problem, "it did not answer in time");
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[test]
fn o30_only_programs_of_the_search_path_are_helpers() {
    for name in ["", "../evil", "/bin/sh", "a b", "x\n"] {
        assert!(program(name, "/usr/bin").is_err(), "{name:?}");
    }
    let folder = helper("true");
    assert!(program("test", folder.path().to_str().unwrap()).is_ok());
    assert!(program("test", ".:relative").is_err());
}
