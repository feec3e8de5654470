//! The rows of refusals through the command line. The library's tests of a row write their cases into the folder
//! that `SEALMARK_CASES` names (`src/verify/testing/cases.rs`; `tests/run` sets it); here each is asked of the
//! program. What no case can be made of has its own tests here and beside, by the row's id, or stands in
//! `rows.tsv` with the reason.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::{json, sealmark, stderr};
use crate::manual;

/// Rows that have no case, and why.
const WITHOUT: &str = include_str!("rows.tsv");

/// What this rows are: sections 2.1 to 2.6 and some of 2.8; 2.12 is the command line's own.
const FAMILIES: [&str; 6] = ["C", "SCT", "B", "S", "L", "T"];
const IDENTITY: [&str; 14] =
    ["I01", "I02", "I03", "I04", "I05", "I06", "I07", "I08", "I09", "I10", "I11", "I12", "I15", "I20"];

struct Case {
    name: String,
    folder: PathBuf,
}

impl Case {
    fn read(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.folder.join(name)).ok()
    }

    fn path(&self, name: &str) -> String {
        self.folder.join(name).into_os_string().into_string().unwrap()
    }

    /// The words of the test's name, its rows among them.
    fn rows(&self) -> Vec<String> {
        let test = self.name.rsplit('.').next().unwrap();
        test.split('_').map(str::to_ascii_uppercase).collect()
    }

    fn command(&self, faketime: &Path) -> Option<Command> {
        let artifact = self.read("digest").unwrap_or_else(|| self.path("artifact"));
        let (bundle, root, key) = (self.path("bundle.json"), self.path("trusted_root.json"), self.path("key.pub"));
        let mut args = vec!["verify", "blob", &artifact, "--bundle", &bundle, "--trusted-root", &root];
        args.extend(["--format", "json"]);
        if self.folder.join("key.pub").is_file() {
            args.extend(["--key", &key]);
        } else {
            args.extend(["--identity", "signer@example.com", "--issuer", "https://issuer.example.com"]);
        }
        let flags = self.read("flags").unwrap();
        args.extend(flags.split_whitespace());
        let command = sealmark(&args);
        let Some(now) = self.read("now") else { return Some(command) };
        if !faketime.is_file() {
            println!("left out: {}: its clock needs faketime", self.name);
            return None;
        }
        let mut at = Command::new(faketime);
        at.args(["-f", &now.replace('T', " ").replace('Z', "")]).arg(command.get_program()).args(command.get_args());
        at.env_clear().env("TZ", "UTC").stdin(std::process::Stdio::null());
        Some(at)
    }
}

fn cases(folder: &Path) -> Vec<Case> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let case = |entry: std::io::Result<std::fs::DirEntry>| {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        Case { name: name.rsplit_once('-').unwrap().0.to_owned(), folder: entry.path() }
    };
    let mut cases: Vec<_> = entries.map(case).collect();
    cases.sort_by(|one, other| one.folder.cmp(&other.folder));
    cases
}

/// The exit code that belongs to a verdict.
fn exit(verdict: &str) -> i32 {
    match verdict {
        "accept" => 0,
        "digest-missing" => 2,
        "trust-root-parse" => 3,
        _ => 1,
    }
}

/// `accept`, or the code, of the artifact or of the whole question.
fn verdict(output: &Output) -> String {
    if output.status.success() {
        return "accept".to_owned();
    }
    let document = json(output);
    let code = [&document["artifacts"][0]["error"]["code"], &document["error"]["code"]];
    let code = code.iter().find_map(|code| code.as_str()).unwrap_or("no code").to_owned();
    assert!(stderr(output).contains(&code), "{}", stderr(output));
    code
}

#[test]
fn every_row() {
    let Some(folder) = std::env::var_os("SEALMARK_CASES") else {
        println!("left out: the rows through the command line: SEALMARK_CASES is not set");
        return;
    };
    let faketime = Path::new("/usr/bin/faketime");
    let mut asked = BTreeSet::new();
    let (mut count, mut wrong) = (0, Vec::new());
    for case in cases(Path::new(&folder)) {
        let Some(mut command) = case.command(faketime) else { continue };
        let output = command.output().unwrap();
        let (found, expected) = (verdict(&output), case.read("expected").unwrap());
        let status = output.status.code();
        if found != expected || status != Some(exit(&expected)) {
            wrong.push(format!("{}: {expected} expected, found {found}, exit {status:?}", case.folder.display()));
        }
        count += 1;
        asked.extend(case.rows());
    }
    assert!(wrong.is_empty(), "{} verdicts differ:\n{}", wrong.len(), wrong.join("\n"));
    let unheld = unheld(&asked);
    assert!(unheld.is_empty(), "{}", unheld.join("\n"));
    let rows = manual::applying_rows().filter(|row| asked.contains(*row)).count();
    println!("{rows} rows in {count} cases through the command line");
}

/// Rows that nothing asked the program about, and reasons that are none.
fn unheld(asked: &BTreeSet<String>) -> Vec<String> {
    let mut reasons: BTreeMap<&str, &str> = WITHOUT
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split_once('\t').unwrap_or_else(|| panic!("{line:?}")))
        .collect();
    let beside = manual::rows_held_by(&["it::cli", "it::bundles::command_line"]);
    let mut wrong = Vec::new();
    for row in manual::applying_rows() {
        let family = row.trim_end_matches(|c: char| c.is_ascii_digit());
        if !FAMILIES.contains(&family) && !IDENTITY.contains(&row) {
            continue;
        }
        let held = asked.contains(row) || beside.contains(row);
        match (held, reasons.remove(row)) {
            (false, None) => wrong.push(format!("{row}: neither a case nor a test of the command line nor a reason")),
            (true, Some(_)) => wrong.push(format!("{row}: has a reason in rows.tsv and was asked all the same")),
            _ => {}
        }
    }
    wrong.extend(reasons.keys().map(|row| format!("{row}: rows.tsv has a reason for no row")));
    wrong
}
