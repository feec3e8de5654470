//! The table of error codes, from the calls of their constructors.

use std::collections::{BTreeMap, BTreeSet};

use crate::layers::source::{self, File, files};

/// What the table says of a code.
#[derive(Default)]
struct Entry {
    layers: BTreeSet<String>,
    hints: BTreeSet<String>,
}

/// The codes of each class, as one table a class.
pub(super) fn table() -> String {
    let files = files("src");
    let mut tables = String::new();
    for (class, title) in [
        ("refused", "Refused: exit code 1"),
        ("usage", "Wrong usage: exit code 2"),
        ("undecided", "Could not decide: exit code 3"),
    ] {
        tables += &format!("### {title}\n\n| code | from | what to do |\n| --- | --- | --- |\n");
        for (name, Entry { layers, hints }) in codes(&files, class) {
            let join = |texts: BTreeSet<String>, by: &str| texts.into_iter().collect::<Vec<_>>().join(by);
            tables += &format!("| `{name}` | {} | {} |\n", join(layers, ", "), join(hints, "; or: "));
        }
        tables.push('\n');
    }
    tables
}

fn codes(files: &[File], class: &str) -> BTreeMap<String, Entry> {
    let mut codes: BTreeMap<String, Entry> = BTreeMap::new();
    for file in files {
        let layer = file.path.trim_start_matches("src/").trim_end_matches(".rs").split('/').next().unwrap_or_default();
        for [name, hint] in file.codes().into_iter().filter(|(of, _)| *of == class).filter_map(|(_, call)| call) {
            let entry = codes.entry(name).or_default();
            entry.layers.insert(if layer == "bin" { "command line".to_owned() } else { layer.to_owned() });
            entry.hints.insert(cell(&constant(files, file, &hint).unwrap_or(hint)));
        }
    }
    codes
}

/// The text of the constant that a hint names: of this file, or else of the module that it is a part of.
fn constant(files: &[File], file: &File, hint: &str) -> Option<String> {
    let name = hint.rsplit("::").next()?;
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    if !is_name {
        return None;
    }
    let folder = file.path.trim_end_matches(".rs").rsplit_once('/')?.0;
    let near = files.iter().filter(|other| other.path.starts_with(folder));
    std::iter::once(file).chain(near).chain(files).find_map(|file| {
        let declared = file.code.split(&format!("const {name}: &str =")).nth(1)?;
        source::literal(declared).map(|(text, _)| text)
    })
}

/// A text as a cell of a table: escapes of the source undone, no bars, and URLs that are examples are no links.
fn cell(text: &str) -> String {
    let unescaped = text.replace("\\\n", "").replace("\\\"", "\"").replace("\\\\", "\\");
    unescaped
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace('|', "\\|")
        .replace('<', "&lt;")
        .replace(" 'https://", " 'https\\://")
        .replace(" https://", " https\\://")
}
