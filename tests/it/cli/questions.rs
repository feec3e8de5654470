//! Questions that were put wrongly, and files that cannot be read or written: each has a code of its own and leaves
//! nothing behind.

use std::process::Output;

use super::fixture::{Desk, stack_dir};
use super::{json, sealmark, stderr};

const POLICY: &[u8] = b"version: 1\nrules:\n  - identity: a@example.com\n    issuer: https://example.com\n";

/// Asks, without what this machine's environment says; the exit code and the code.
fn asked(desk: &Desk, variables: &[(&str, &str)], args: &[&str]) -> (i32, String) {
    let mut command = sealmark(args);
    command.current_dir(desk.path(".")).envs(variables.iter().copied());
    answer(&command.output().unwrap())
}

fn answer(output: &Output) -> (i32, String) {
    let words = stderr(output);
    let error = words.lines().find(|line| line.starts_with("error: ")).unwrap_or_else(|| panic!("{words}"));
    let code = error.rsplit(": ").next().unwrap();
    assert!(words.contains("hint: "), "{words}");
    (output.status.code().unwrap(), code.to_owned())
}

/// Each is refused as it says, and no file comes of it.
fn each(desk: &Desk, cases: &[(&str, i32, &[&str])]) {
    let before = desk.names();
    for (code, exit, args) in cases {
        assert_eq!(asked(desk, &[], args), (*exit, (*code).to_owned()), "{args:?}");
        assert_eq!(desk.names(), before, "{args:?}");
    }
}

#[test]
fn flags_that_mean_nothing() {
    let desk = Desk::new();
    desk.write("policy.yaml", POLICY);
    desk.write("empty.pem", b"");
    let token = ["--identity-token-file", "token.jwt", "--stack", stack_dir()];
    let sign = |more: &[&'static str]| [&["sign", "blob", "app.txt"], more, &token].concat();
    each(
        &desk,
        &[
            ("authority-unknown", 2, &sign(&["--authority", "wrong:pki"])),
            ("authority-name", 2, &sign(&["--authority", "vault:pki/role"])),
            ("authority-name", 2, &sign(&["--authority", "cert-manager:issuer/ci"])),
            ("authority-unknown", 2, &sign(&["--authority", "cert-manager:ci", "--authority-name", "https://a/b"])),
            ("pod-account", 2, &sign(&["--authority", "cert-manager:issuer/ci", "--authority-name", "https://a/b"])),
            (
                "authority-password",
                2,
                &sign(&[
                    "--authority",
                    "step-ca:http://127.0.0.1:1",
                    "--authority-login",
                    "jwk:release",
                    "--authority-name",
                    "https://a/b",
                ]),
            ),
            (
                "platform-parse",
                2,
                &["verify", "image", "localhost:1/a", "--platform", "linux", "--policy", "policy.yaml"],
            ),
            ("token-parameter", 2, &["stack", "token", stack_dir(), "--set", "colour=red"]),
            (
                "identity-command-empty",
                2,
                &["sign", "blob", "app.txt", "--identity-token-command", " ", "--stack", stack_dir()],
            ),
            ("usage-output", 2, &sign(&["policy.yaml", "--output", "bundle.json"])),
            ("policy-import-unknown", 2, &["policy", "import", "policy.yaml"]),
            (
                "usage-file",
                2,
                &[
                    &["sign", "blob", "sha256:0000000000000000000000000000000000000000000000000000000000000000"],
                    &token[..],
                ]
                .concat(),
            ),
        ],
    );
}

#[test]
fn a_vault_without_what_it_needs() {
    let desk = Desk::new();
    let args = |login: &'static str| {
        let name = ["--authority", "vault:pki/role", "--authority-name", "https://example.com/{sub}"];
        [&["sign", "blob", "app.txt", "--stack", stack_dir()], &name[..], &["--authority-login", login]].concat()
    };
    assert_eq!(asked(&desk, &[("VAULT_ADDR", "")], &args("token")), (2, "vault-variable".to_owned()));
    let address = [("VAULT_ADDR", "http://127.0.0.1:1"), ("KUBERNETES_SERVICE_HOST", "")];
    assert_eq!(asked(&desk, &address, &args("kubernetes:role")), (2, "vault-pod-token".to_owned()));
}

#[test]
fn a_document_with_a_field_that_has_no_words() {
    let desk = Desk::new();
    desk.write(
        "cluster.yaml",
        b"apiVersion: policy.sigstore.dev/v1beta1\nkind: ClusterImagePolicy\nmetadata: {name: a}\nspec:\n  images: [{glob: '**'}]\n  authorities:\n    - keyless:\n        url: https://fulcio.sigstore.dev\n        insecureIgnoreSCT: true\n        identities: [{issuer: 'https://example.com', subject: a@example.com}]\n",
    );
    let (exit, code) = asked(&desk, &[], &["policy", "import", "cluster.yaml"]);
    assert_eq!((exit, code.as_str()), (2, "policy-import"));
}

#[test]
fn a_pointer_without_its_slash() {
    let desk = Desk::new();
    let rule =
        "    attestations:\n      - predicate-type: https://example.com/t\n        fields:\n          buildType: a\n";
    desk.write("policy.yaml", &[POLICY, rule.as_bytes()].concat());
    let output = desk.run(&["policy", "check", "policy.yaml", "--format", "json"]);
    assert_eq!(json(&output)["error"]["code"], "policy-pointer");
}

#[test]
fn files_that_cannot_be_read() {
    let desk = Desk::new();
    desk.write("policy.yaml", POLICY);
    desk.write("not-a-chain.pem", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    desk.write("password", b"\xff\n");
    let verify = |policy: &'static str| vec!["verify", "blob", "app.txt", "--policy", policy, "--stack", stack_dir()];
    each(
        &desk,
        &[
            ("file-unreadable", 3, &verify("nowhere.yaml")),
            ("limit-file-size", 1, &verify("/dev/zero")),
            ("stack-missing", 3, &["sign", "blob", "app.txt", "--stack", ".", "--identity-token-file", "token.jwt"]),
            ("stack-io", 3, &["stack", "init", "nowhere/stack"]),
            ("signer-key-password-input", 2, &["key", "generate", "-o", "key", "--key-password-file", "password"]),
        ],
    );
}

#[test]
fn places_that_cannot_be_written() {
    let desk = Desk::new();
    desk.write("policy.yaml", POLICY);
    let sign = ["sign", "blob", "app.txt", "--identity-token-file", "token.jwt", "--stack", stack_dir()];
    each(
        &desk,
        &[
            (
                "output-unwritable",
                3,
                &["key", "generate", "--key-password-file", "policy.yaml", "--output", "nowhere/key"],
            ),
            ("output-unwritable", 3, &[&sign[..], &["--output", "nowhere/bundle.json"]].concat()),
            ("folder-unwritable", 3, &["tour", "app.txt", "--keep", "nowhere/folder"]),
            (
                "pack-unwritable",
                3,
                &["pack", "app.txt", "--policy", "policy.yaml", "-o", "nowhere/pack.tar", "--stack", stack_dir()],
            ),
            (
                "acme-folder",
                3,
                &[
                    "gate",
                    "http",
                    "--policy",
                    "policy.yaml",
                    "--stack",
                    stack_dir(),
                    "--acme",
                    "https://127.0.0.1:1/dir",
                    "--acme-name",
                    "gate.example.com",
                    "--acme-folder",
                    "app.txt/folder",
                ],
            ),
            (
                "acme-name",
                2,
                &[
                    "gate",
                    "http",
                    "--policy",
                    "policy.yaml",
                    "--stack",
                    stack_dir(),
                    "--acme",
                    "https://127.0.0.1:1/dir",
                    "--acme-name",
                    "*.example.com",
                    "--acme-folder",
                    "folder",
                ],
            ),
        ],
    );
}

/// As where a limit of the system leaves no descriptor for what waits for the network.
#[test]
fn a_process_that_may_open_no_more_files() {
    let desk = Desk::new();
    let args = ["sign", "blob", "app.txt", "--identity-token-file", "token.jwt", "--stack", stack_dir()];
    let program = sealmark(&args);
    let mut shell = std::process::Command::new("/bin/sh");
    shell.args(["-c", "ulimit -n 4; exec \"$@\"", "sh"]).arg(program.get_program()).args(program.get_args());
    let output = shell.env_clear().current_dir(desk.path(".")).output().unwrap();
    assert_eq!(answer(&output), (3, "runtime-failed".to_owned()));
}

/// GitHub's own files are written after the bundles: these stay, and the job sees that something is wrong.
#[test]
fn an_output_file_of_the_job_that_cannot_be_written() {
    let desk = Desk::new();
    let args = ["sign", "blob", "app.txt", "--identity-token-file", "token.jwt", "--stack", stack_dir()];
    let job = [("GITHUB_ACTIONS", "true"), ("GITHUB_OUTPUT", "nowhere/output")];
    assert_eq!(asked(&desk, &job, &args), (3, "file-unwritable".to_owned()));
    assert!(desk.verify(&["app.txt"]).status.success());
}
