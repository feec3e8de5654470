//! The same rows through the command line: the exit code and the code in the JSON verdict.

use std::fs;
use std::path::Path;

use super::row::{self, Artifact, Row};
use super::{complete, reasons};
use crate::cli;

/// What the command line says of a row: `accept`, or the code that it refuses with.
fn verdict(row: &Row, folder: &Path, flags: &[&str]) -> String {
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        fs::write(&path, bytes).unwrap();
        path.into_os_string().into_string().unwrap()
    };
    let artifact = match &row.artifact {
        Artifact::File(bytes) => write("artifact", bytes),
        _ => row.digest(),
    };
    let (bundle, root) = (write("bundle.json", &row.bundle), write("trusted_root.json", &row.trusted_root));
    let mut args = vec!["verify", "blob", &artifact, "--bundle", &bundle, "--trusted-root", &root, "--format", "json"];
    let key = row.key.as_ref().map(|key| write("key.pub", key.as_bytes()));
    match &key {
        Some(key) => args.extend(["--key", key]),
        None => {
            // Rows of malformed bundles name nobody: then nobody is who may sign.
            let named =
                |text: &'static str, given: &str| if given.is_empty() { text.to_owned() } else { given.to_owned() };
            let (identity, issuer) = (named("nobody", &row.identity), named("nobody", &row.issuer));
            return run(&[&args[..], &["--identity", &identity, "--issuer", &issuer], flags].concat());
        }
    }
    run(&[&args[..], flags].concat())
}

fn run(args: &[&str]) -> String {
    let output = cli::run(args);
    let json = cli::json(&output);
    let code = &json["artifacts"][0]["error"]["code"];
    match output.status.code() {
        Some(0) if json["verdict"] == "verified" => "accept".to_owned(),
        Some(1) if json["verdict"] == "refused" => code.as_str().unwrap_or("no code").to_owned(),
        status => panic!("{args:?}: exit {status:?}, {}", cli::stderr(&output)),
    }
}

/// Every accept and reject row, and every promise with and without the words.
#[test]
fn rows() {
    let Some(rows) = row::expected() else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut wrong = Vec::new();
    let mut check = |row: &Row, flags: &[&str], expected: &str| {
        let found = verdict(row, folder.path(), flags);
        if found != expected {
            wrong.push(format!("{} {flags:?}: {expected} expected, found {found}", row.name));
        }
    };
    for mut row in rows {
        complete(&mut row);
        if row.is_promise_row() {
            check(&row, &[], "log-proof-missing");
            check(&row, &["--accept-promise"], "accept");
        } else if row.expect.starts_with("accept") {
            check(&row, &[], "accept");
        } else if row.expect == "reject" {
            check(&row, &[], reasons::of(&row.name).unwrap_or("(no line)"));
        }
    }
    assert!(wrong.is_empty(), "{} verdicts differ:\n{}", wrong.len(), wrong.join("\n"));
}

/// The conformance suite's own protocol: exit 0, or 1 for every refusal; by path and by digest.
#[test]
fn conformance_protocol() {
    let Some(rows) = row::conformance() else { return };
    let folder = tempfile::tempdir().unwrap();
    for mut row in rows {
        if super::WITHOUT_ROOT.contains(&row.name.as_str()) {
            continue;
        }
        complete(&mut row);
        let write = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            fs::write(&path, bytes).unwrap();
            path.into_os_string().into_string().unwrap()
        };
        let Artifact::File(bytes) = &row.artifact else { panic!("{}: no artifact", row.name) };
        let artifacts = [write("artifact", bytes), super::sha256_of(bytes)];
        let (bundle, root) = (write("bundle.json", &row.bundle), write("trusted_root.json", &row.trusted_root));
        let signer = match &row.key {
            Some(key) => vec!["--key".to_owned(), write("key.pub", key.as_bytes())],
            None => ["--certificate-identity", &row.identity, "--certificate-oidc-issuer", &row.issuer]
                .map(str::to_owned)
                .to_vec(),
        };
        for artifact in &artifacts {
            let mut args = vec!["verify-bundle", "--bundle", &bundle, "--trusted-root", &root];
            args.extend(signer.iter().map(String::as_str));
            args.push(artifact);
            let output = cli::run(&args);
            let expected = if row.expect == "accept" { 0 } else { 1 };
            assert_eq!(output.status.code(), Some(expected), "{} {artifact}: {}", row.name, cli::stderr(&output));
        }
    }
}
