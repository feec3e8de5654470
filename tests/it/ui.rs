//! What must not be writable: each program of `tests/ui` fails to compile, with just the errors that its second
//! line names; the control compiles.
//!
//! `rustc` is run on them here, against the library that these tests are linked with: `trybuild` would compile
//! every dependency anew, for minutes. The numbers of errors are stable where their words are not.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The numbers of the errors that a program does not compile for.
fn errors(program: &Path, library: &Path) -> BTreeSet<String> {
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let out = tempfile::tempdir().unwrap();
    let output = Command::new(rustc)
        .args(["--edition", "2024", "--crate-type", "bin", "--emit", "metadata", "--error-format", "short"])
        .arg("--out-dir")
        .arg(out.path())
        .arg("-L")
        .arg(format!("dependency={}", library.parent().unwrap().display()))
        .arg("--extern")
        .arg(format!("sealmark={}", library.display()))
        .arg(program)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let found: BTreeSet<_> =
        text.split("error[").skip(1).filter_map(|rest| Some(rest.split_once(']')?.0.to_owned())).collect();
    assert_eq!(output.status.success(), found.is_empty(), "{}: {text}", program.display());
    found
}

/// The newest library beside this test whose features are those of the test: the control compiles with it.
fn library(control: &Path) -> PathBuf {
    let folder = std::env::current_exe().unwrap().parent().unwrap().to_owned();
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let named = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy();
        name.starts_with("libsealmark-") && name.ends_with(".rlib")
    };
    let mut libraries: Vec<_> = paths.filter(named).collect();
    libraries.sort_by_key(|path| std::cmp::Reverse(fs::metadata(path).unwrap().modified().unwrap()));
    let fits = |path: &&PathBuf| errors(control, path).is_empty();
    libraries.iter().find(fits).expect("no library with which the control compiles").clone()
}

#[test]
fn illegal_states_do_not_compile() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ui");
    let library = library(&folder.join("control_pass.rs"));
    let mut programs: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    programs.sort();
    assert!(programs.len() > 5);
    for program in programs {
        let text = fs::read_to_string(&program).unwrap();
        let named = text.lines().nth(1).unwrap().trim_start_matches("//!");
        let named: BTreeSet<_> = named.split_whitespace().map(str::to_owned).collect();
        assert_eq!(errors(&program, &library), named, "{}", program.display());
    }
}
