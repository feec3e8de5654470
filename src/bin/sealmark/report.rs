//! Everything that is printed: data on standard output, words on standard error.

pub(crate) mod claimed;
pub(crate) mod console;
pub(crate) mod consumers;
pub(crate) mod evidence;
mod failure;
pub(crate) mod human;
pub(crate) mod images;
pub(crate) mod signed;
pub(crate) mod text;
mod verdict;

use serde::Serialize;

pub(crate) use failure::{Coded, Failure};
pub(crate) use verdict::{
    ArtifactVerdict, CandidateVerdict, Problem, Proof, StepShown, StepStatus, TOOL, Tool, Verdict, Verdicts,
};

use crate::files::FileError;

/// Prints one JSON document. Only ASCII leaves: what else a document holds is escaped, so that it cannot
/// play with a terminal.
pub(crate) fn print_json<T: Serialize>(document: &T) -> Result<(), FileError> {
    console::data(&ascii(&serde_json::to_string_pretty(document).unwrap_or_default()))
}

/// Prints one JSON document in one line.
pub(crate) fn print_json_line<T: Serialize>(document: &T) -> Result<(), FileError> {
    console::data(&ascii(&serde_json::to_string(document).unwrap_or_default()))
}

fn ascii(json: &str) -> String {
    let mut ascii = String::with_capacity(json.len() + 1);
    for c in json.chars() {
        if c.is_ascii() && c != '\u{7f}' {
            ascii.push(c);
        } else {
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| ascii.push_str(&format!("\\u{unit:04x}")));
        }
    }
    ascii.push('\n');
    ascii
}
