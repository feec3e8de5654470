//! `key …`, and signing with every kind of key by every holder; openssl, cosign, moto and softhsm2 where they are.

mod azure;
mod files;
mod google;
mod holder;
mod moto;
mod program;
mod rotation;
#[cfg(feature = "pkcs11")]
mod token;
mod vault;

use std::process::{Command, Output};

use super::fixture::{Desk, stack_dir, usage};

/// Every kind that `key generate` makes.
const KINDS: [&str; 7] = ["p256", "p384", "p521", "ed25519", "rsa2048", "rsa3072", "rsa4096"];

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
