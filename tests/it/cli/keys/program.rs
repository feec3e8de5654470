//! `exec:`: the script that the manual prints, behind the program.

use std::os::unix::fs::PermissionsExt as _;

use super::tool;
use crate::cli::fixture::{Desk, stack_dir};
use crate::cli::{stderr, stdout};

/// The script in the manual's page on keys.
fn script() -> String {
    let page = include_str!("../../../../src/manual/keys.md");
    let (_, rest) = page.split_once("```sh\n").unwrap();
    rest.split_once("```").unwrap().0.to_owned()
}

fn install(desk: &Desk, script: &str) {
    desk.write("signer", script.as_bytes());
    std::fs::set_permissions(desk.path("signer"), std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn the_manuals_program_signs() {
    let desk = Desk::new();
    let key = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out"];
    for name in ["release.pem", "other.pem"] {
        let Some(made) = tool(&desk, &[&["openssl", "genpkey"], &key[..], &[name]].concat()) else { return };
        assert!(made.status.success(), "{}", stderr(&made));
    }
    install(&desk, &script());
    let sign = || desk.run(&["sign", "blob", "app.txt", "--key", "exec:./signer?key=release", "--stack", stack_dir()]);
    let signed = sign();
    assert!(signed.status.success(), "{}", stderr(&signed));
    let public = desk.run(&["key", "public", "exec:./signer?key=release"]);
    desk.write("signer.pub", &public.stdout);
    let verified = desk.run(&["verify", "blob", "app.txt", "--key", "signer.pub", "--stack", stack_dir()]);
    assert!(verified.status.success(), "{}", stdout(&verified));
    // It shows one key and signs with another: nothing is written.
    std::fs::remove_file(desk.path("app.txt.sigstore.json")).unwrap();
    install(&desk, &script().replace("-sign -inkey release.pem", "-sign -inkey other.pem"));
    assert_eq!(crate::cli::fixture::refusal(&sign()), "signer-invalid");
    assert!(!desk.path("app.txt.sigstore.json").exists());
    install(&desk, "#!/bin/sh\necho '{\"error\":\"the card is not in the reader\"}'\n");
    let failed = sign();
    assert_eq!(failed.status.code(), Some(3));
    assert!(stderr(&failed).contains("the card is not in the reader: signer-program"), "{}", stderr(&failed));
}
