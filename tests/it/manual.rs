//! The manual and what it says: tables made from the source are up to date, every row of refusals has a test
//! of its name or a reason why it does not apply, and the promises name tests that exist.
//!
//! `SEALMARK_WRITE=1 cargo test --test it manual` writes the tables anew.

mod codes;
#[cfg(feature = "sign")]
mod platforms;
mod rows;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

pub(crate) use rows::{applying as applying_rows, held_by as rows_held_by};

fn page(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/manual").join(name)
}

/// Holds the text between `<!-- name -->` and `<!-- end -->` of a page against `made`, or writes it there.
fn hold(file: &str, name: &str, made: &str) {
    let text = fs::read_to_string(page(file)).unwrap();
    let start = format!("<!-- {name} -->\n");
    let at = text.find(&start).unwrap_or_else(|| panic!("{file} has no place for {name}")) + start.len();
    let end = at + text[at..].find("<!-- end -->").unwrap();
    if std::env::var_os("SEALMARK_WRITE").is_some() {
        fs::write(page(file), format!("{}\n{made}\n{}", &text[..at], &text[end..])).unwrap();
    } else {
        assert_eq!(text[at..end].trim(), made.trim(), "stale: SEALMARK_WRITE=1 cargo test --test it manual");
    }
}

#[test]
fn codes_are_listed() {
    hold("refusals.md", "codes", &codes::table());
    hold("refusals.md", "rows", &rows::tables());
}

/// The table of ways to name a key is the library's own, and names tests that exist.
#[test]
#[cfg(feature = "sign")]
fn backends_of_keys_are_listed() {
    use sealmark::service::signer::BACKENDS;
    let tests: BTreeSet<_> = rows::test_names().into_iter().map(|(_, name)| name).collect();
    let mut table =
        String::from("| `--key` | held by | kinds | who asks | run against | test |\n|---|---|---|---|---|---|\n");
    for backend in BACKENDS {
        assert!(tests.contains(backend.test), "{}: no such test", backend.test);
        let form = backend.form.replace('|', "\\|");
        table += &format!(
            "| `{form}` | {} | {} | {} | {} | `{}` |\n",
            backend.holder, backend.kinds, backend.credentials, backend.run_against, backend.test
        );
    }
    hold("keys.md", "backends", &table);
}

/// The table of platforms is the library's own, and names tests that exist.
#[test]
#[cfg(feature = "sign")]
fn platforms_are_listed() {
    hold("identities.md", "platforms", &platforms::table());
    hold("identities.md", "recipes", &platforms::recipes());
    let tests: BTreeSet<_> = rows::test_names().into_iter().map(|(_, name)| name).collect();
    for platform in sealmark::service::identity::platforms() {
        assert!(tests.contains(platform.run.test), "{}: no such test", platform.run.test);
    }
}

#[test]
fn every_row_is_held_or_does_not_apply() {
    let wrong = rows::wrong();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Names in backquotes that look like tests are tests.
#[test]
fn promises_name_tests_that_exist() {
    let tests: BTreeSet<_> = rows::test_names().into_iter().map(|(_, name)| name).collect();
    let text = fs::read_to_string(page("threats.md")).unwrap();
    let named = text.split('`').skip(1).step_by(2).filter_map(|name| name.strip_suffix("()"));
    let (known, unknown): (Vec<_>, Vec<_>) = named.partition(|name| tests.contains(*name));
    assert!(unknown.is_empty(), "no tests: {}", unknown.join(", "));
    assert!(known.len() > 30, "only {} tests are named", known.len());
}
