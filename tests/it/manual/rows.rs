//! Rows of refusals and the tests that hold them: a test holds the rows whose ids stand in its name.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Id, what is wrong with the input, and why the row does not apply.
const ROWS: &str = include_str!("rows.tsv");

const FAMILIES: &[(&str, &str)] = &[
    ("C", "Certificate and chain"),
    ("SCT", "SCT"),
    ("B", "Bundle"),
    ("S", "Signature and envelope"),
    ("L", "Log entry"),
    ("T", "Timestamp"),
    ("I", "Identity and policy"),
    ("A", "Attestations"),
    ("O", "Images and registries"),
    ("G", "Deploy gate"),
    ("R", "Trust roots"),
    ("X", "Command line"),
    ("F", "Certificate authority"),
    ("K", "Log server"),
    ("Z", "Timestamp authority"),
    ("LOGT", "Failures of the log engine"),
];

struct Row {
    id: &'static str,
    what: &'static str,
    not_applicable: Option<&'static str>,
}

fn rows() -> Vec<Row> {
    let lines = ROWS.lines().filter(|line| !line.starts_with('#'));
    let read = |line: &'static str| {
        let mut columns = line.split('\t');
        let (id, what) = (columns.next().unwrap(), columns.next().unwrap_or_else(|| panic!("{line}")));
        Row { id, what, not_applicable: columns.next() }
    };
    lines.map(read).collect()
}

/// Every test as (module, name): those of the library and those beside it.
pub(super) fn test_names() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for root in ["src", "tests/it"] {
        walk(&Path::new(env!("CARGO_MANIFEST_DIR")).join(root), root, &mut found);
    }
    found.sort();
    found
}

fn walk(folder: &Path, name: &str, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("{name}/{}", path.file_name().unwrap().to_str().unwrap());
        if path.is_dir() {
            walk(&path, &name, found);
        } else if name.ends_with(".rs") {
            let text = fs::read_to_string(&path).unwrap();
            found.extend(tests_of(&text).map(|test| (module(&name), test.to_owned())));
        }
    }
}

/// The functions under `#[test]` and `#[tokio::test]`, whatever stands between.
fn tests_of(text: &str) -> impl Iterator<Item = &str> {
    let attributed = text.split("test]\n").skip(1).chain(text.split("::test(").skip(1));
    attributed.filter_map(|rest| {
        let at = rest.find("fn ")?;
        let name = rest[at + 3..].split('(').next()?;
        rest[..at].lines().all(|line| line.trim().is_empty() || !line.trim().ends_with(';')).then_some(name)
    })
}

fn module(path: &str) -> String {
    let path = path.trim_start_matches("src/").trim_end_matches(".rs").trim_end_matches("/tests");
    path.replace('/', "::").replace("tests::it::", "it::").replace("::tests::", "::")
}

/// The tests of each row, by its id.
fn held() -> BTreeMap<String, Vec<String>> {
    let mut held: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (module, name) in test_names() {
        for id in name.split('_').map(str::to_ascii_uppercase) {
            held.entry(id).or_default().push(format!("{module} `{name}`"));
        }
    }
    held
}

/// Rows that no test holds and no reason excuses, and reasons for rows that a test holds.
pub(super) fn wrong() -> Vec<String> {
    let held = held();
    let mut wrong = Vec::new();
    for row in rows() {
        match (held.contains_key(row.id), row.not_applicable) {
            (false, None) => wrong.push(format!("{}: no test has it in its name: {}", row.id, row.what)),
            (true, Some(_)) => wrong.push(format!("{}: a test holds it, so it does apply", row.id)),
            _ => {}
        }
    }
    wrong
}

/// The ids of the rows that apply.
pub(crate) fn applying() -> impl Iterator<Item = &'static str> {
    rows().into_iter().filter(|row| row.not_applicable.is_none()).map(|row| row.id)
}

/// The rows that tests of these modules hold.
pub(crate) fn held_by(modules: &[&str]) -> BTreeSet<String> {
    let of_them = |tests: &[String]| tests.iter().any(|test| modules.iter().any(|module| test.starts_with(module)));
    held().into_iter().filter(|(_, tests)| of_them(tests)).map(|(row, _)| row).collect()
}

/// A table a family.
pub(super) fn tables() -> String {
    let held = held();
    let mut tables = String::new();
    for (prefix, title) in FAMILIES {
        tables += &format!("### {title}\n\n| row | what is wrong | held by |\n| --- | --- | --- |\n");
        let of_family =
            |row: &Row| row.id.strip_prefix(prefix).is_some_and(|number| number.bytes().all(|b| b.is_ascii_digit()));
        for row in rows().iter().filter(|row| of_family(row)) {
            let tests = held.get(row.id).map(|tests| tests.join("<br>"));
            let by = row.not_applicable.map(|why| format!("does not apply: {why}")).or(tests).unwrap_or_default();
            tables += &format!("| {} | {} | {by} |\n", row.id, row.what);
        }
        tables.push('\n');
    }
    tables
}
