//! Rules about the source itself: which folder may use which, what the pure layers may not touch, that
//! error codes mean one thing each, and how large a file and the verify-only build may be.

mod named;
pub(crate) mod source;

use std::collections::BTreeMap;
use std::process::Command;

use source::{File, files};

/// The folders of `src/`, lowest first. A folder may use itself and those in the lines above its own.
const LAYERS: &[&[&str]] = &[
    &["base"],
    &["format"],
    &["verify"],
    &["policy"],
    &["service"],
    &["sign", "admit", "carry", "monitor"],
    &["serve"],
    &["gate", "stack"],
];

/// The layers that decide: the same bytes give the same answer for ever.
const PURE: &[&str] = &["base", "format", "verify", "policy"];

/// What a pure layer may not name: files, processes, the network, the clock and randomness.
const IMPURE: &[&str] = &[
    "tokio::",
    "reqwest::",
    "std::fs",
    "std::env",
    "std::net",
    "std::process",
    "SystemTime::now",
    "Instant::now",
    "getrandom",
    "rand::",
    "OsRng",
    "SystemRandom",
];

/// Lines in one file, tests included.
const FILE_LINES: usize = 800;
/// The binary's table of flags and their help may be longer: it is one table.
const LONG_FILES: &[(&str, usize)] = &[("src/bin/sealmark/cli.rs", 1500)];

/// Crates that a build with verification only may bring.
const VERIFY_CRATES: usize = 70;

fn rank(layer: &str) -> Option<usize> {
    LAYERS.iter().position(|line| line.contains(&layer))
}

/// The uses of `file` that point up or sideways, as `from -> to`.
fn upward_uses(file: &File) -> Vec<String> {
    let Some(own) = file.layer().and_then(|layer| Some((layer, rank(layer)?))) else {
        return Vec::new();
    };
    let (layer, own) = own;
    let mut found: Vec<_> = file.crate_uses().into_iter().filter(|used| used != layer).collect();
    found.retain(|used| rank(used).is_some_and(|rank| rank >= own));
    found.iter().map(|used| format!("{layer} -> {used} ({})", file.path)).collect()
}

/// The impure names in `file`'s code.
fn impure_names(file: &File) -> Vec<String> {
    let std_uses: Vec<_> = file.first_segments("std::").iter().map(|name| format!("std::{name}")).collect();
    let named = |word: &str| source::has_word(&file.code, word) || std_uses.iter().any(|used| used == word);
    IMPURE.iter().filter(|word| named(word)).map(|word| format!("{word} in {}", file.path)).collect()
}

#[test]
fn folders_use_only_those_below() {
    let wrong: Vec<_> = files("src").iter().flat_map(upward_uses).collect();
    assert!(wrong.is_empty(), "uses that point up:\n{}", wrong.join("\n"));
}

#[test]
fn every_folder_has_a_layer() {
    for file in files("src") {
        if let Some(layer) = file.layer() {
            let known = rank(layer).is_some() || ["lib", "bin", "manual"].contains(&layer);
            assert!(known, "{layer} has no line in the table of layers");
        }
    }
}

#[test]
fn decisions_touch_nothing_outside() {
    let pure = files("src").into_iter().filter(|file| file.layer().is_some_and(|layer| PURE.contains(&layer)));
    let wrong: Vec<_> = pure.flat_map(|file| impure_names(&file)).collect();
    assert!(wrong.is_empty(), "a decision depends on the outside:\n{}", wrong.join("\n"));
}

#[test]
fn the_rules_find_what_they_forbid() {
    let file = |path: &str, code: &str| File::new(path, code);
    let up = |path, code| upward_uses(&file(path, code));
    assert_eq!(up("src/base/time.rs", "use crate::sign::Signer;"), ["base -> sign (src/base/time.rs)"]);
    assert_eq!(up("src/format/x509.rs", "use crate::{base::hex, verify::{log, sct}};").len(), 1);
    assert_eq!(up("src/format/x509.rs", "use super::super::verify;").len(), 1);
    assert_eq!(up("src/gate/http.rs", "fn f() { crate::stack::ca::issue() }").len(), 1);
    assert!(up("src/verify/log.rs", "use super::{times, sct};\nuse crate::format::bundle;").is_empty());
    assert!(up("src/base/time.rs", "#[cfg(test)]\nmod tests {\n    use crate::sign::Signer;\n}").is_empty());

    let impure = |code| impure_names(&file("src/verify/log.rs", code)).len();
    assert_eq!(impure("use std::{collections::BTreeMap, fs};"), 1);
    assert_eq!(impure("fn now() { std::time::SystemTime::now(); }"), 1);
    assert_eq!(impure("/// not `std::fs`\nuse std::fmt;"), 0);
    assert_eq!(impure("use strand::braid;"), 0);

    let family = "macro_rules! codes {\n    ($prefix:literal, $hint:literal) => {\n        \
                  Code::usage(concat!($prefix, \"-url\"), $hint)\n    };\n}\nstatic LOG: Code = codes!(\"log\", \"look\");";
    let made = |name: &str, hint: &str| ("usage", Some([name.to_owned(), hint.to_owned()]));
    assert_eq!(file("src/base/code.rs", family).codes(), [made("log-url", "look")]);
    assert_eq!(file("src/base/code.rs", "Code::usage(\"x-y\", HINT)").codes(), [made("x-y", "HINT")]);
    assert_eq!(file("src/base/code.rs", "Code::usage(name, HINT)").codes(), [("usage", None)]);
}

/// Kebab-case, so that one spelling serves the command line, JSON, metrics and the documents.
fn is_kebab(name: &str) -> bool {
    let word =
        |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    name.split('-').all(word)
}

#[test]
fn codes_mean_one_thing_each() {
    let mut classes: BTreeMap<String, (&str, String)> = BTreeMap::new();
    let mut wrong = Vec::new();
    for file in files("src") {
        for (class, call) in file.codes() {
            let Some([name, hint]) = call else {
                wrong.push(format!("{}: a code whose name is not a literal", file.path));
                continue;
            };
            if !is_kebab(&name) {
                wrong.push(format!("{}: {name} is not kebab-case", file.path));
            }
            if hint.trim().is_empty() {
                wrong.push(format!("{}: {name} has no hint", file.path));
            }
            let (first, path) = classes.entry(name.clone()).or_insert((class, file.path.clone()));
            if *first != class {
                wrong.push(format!("{name} is {first} in {path} and {class} in {}", file.path));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(classes.len() > 20, "only {} codes found: did their constructors change?", classes.len());
}

#[test]
fn files_stay_readable() {
    for root in ["src", "tests", "examples"] {
        for file in files(root) {
            let allowed =
                LONG_FILES.iter().find(|(path, _)| *path == file.path).map_or(FILE_LINES, |(_, lines)| *lines);
            assert!(file.lines <= allowed, "{} has {} lines, {allowed} allowed", file.path, file.lines);
        }
    }
}

#[test]
fn verification_alone_stays_small() {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let tree = Command::new(cargo)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["tree", "--locked", "--offline", "--no-default-features", "--edges", "normal", "--prefix", "none"])
        .output();
    let Ok(tree) = tree else {
        println!("left out: the size of the verify-only build: no cargo here");
        return;
    };
    assert!(tree.status.success(), "{}", String::from_utf8_lossy(&tree.stderr));
    let text = String::from_utf8(tree.stdout).unwrap();
    let mut crates: Vec<_> = text.lines().map(|line| line.trim_end_matches(" (*)")).collect();
    crates.sort_unstable();
    crates.dedup();
    assert!(crates.len() - 1 < VERIFY_CRATES, "{} crates:\n{}", crates.len() - 1, crates.join("\n"));
    for heavy in ["tokio ", "reqwest ", "hyper ", "rustls "] {
        assert!(!crates.iter().any(|name| name.starts_with(heavy)), "verification alone brings {heavy}");
    }
}
