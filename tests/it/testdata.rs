//! Our own bundles: the folder `testdata/bundles` is the list. A case is a folder with `bundle.sigstore.json`; one
//! whose name ends in `_fail` has a file `error` with the code of its refusal. What a case does not have of
//! `artifact`, `identity`, `issuer` and `trusted_root.json` is the parent's; with `key.pub` a key must have signed.
//!
//! `cargo test --test it remake_testdata -- --ignored` makes the folder anew.

pub(crate) mod case;
#[cfg(feature = "stack")]
mod make;

use case::Case;

#[test]
fn each_case_has_its_verdict() {
    let cases = Case::all();
    let (bad, good): (Vec<_>, Vec<_>) = cases.iter().partition(|case| case.error.is_some());
    assert!(good.len() >= 8 && bad.len() >= 12, "{} good, {} bad", good.len(), bad.len());
    for case in &cases {
        assert_eq!(case.refusal(), case.error, "{}", case.name);
        assert_eq!(case.name.ends_with("_fail"), case.error.is_some(), "{}", case.name);
    }
}

#[cfg(feature = "cli")]
#[test]
fn the_command_line_gives_the_same_verdicts() {
    for case in Case::all() {
        let args = case.args();
        let output = crate::cli::run(&args.iter().map(String::as_str).collect::<Vec<_>>());
        let words = crate::cli::stderr(&output);
        match &case.error {
            None => assert_eq!(output.status.code(), Some(0), "{}: {words}", case.name),
            Some(code) => {
                assert_eq!(output.status.code(), Some(1), "{}: {words}", case.name);
                assert!(words.contains(&format!(": {code}\n")), "{}: {words}", case.name);
            }
        }
    }
}

/// The folder stays small enough to be read.
#[test]
fn the_folder_is_small() {
    let size: usize = case::files(&case::root()).iter().map(|file| std::fs::read(file).unwrap().len()).sum();
    assert!(size < 300 << 10, "{size} bytes");
}
