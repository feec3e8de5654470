//! The two streams, and whether they are terminals.

use std::io::{self, IsTerminal, Write};

use super::Failure;
use super::text::visible;
use crate::files::FileError;

/// Writes data to standard output. Data that did not arrive is an error: a verdict that nobody could read
/// was not given.
pub(crate) fn data(text: &str) -> Result<(), FileError> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()).map_err(|error| FileError::Stdout(error.kind()))
}

/// Writes a line of words to standard error. Nothing depends on their arrival.
pub(crate) fn words(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Writes a warning.
pub(crate) fn warning(text: &str) {
    words(&format!("{} {}", Style::of_stderr().yellow("warning:"), visible(text)));
}

/// Writes why a command failed.
pub(crate) fn failure(failure: &Failure) {
    words(failure_text(failure, Style::of_stderr()).trim_end());
}

/// The reason with its code, what was expected and found, what to do.
pub(crate) fn failure_text(failure: &Failure, style: Style) -> String {
    // Lines after the first are indented: no text from elsewhere can stand where a label does.
    let lines: Vec<_> = failure.message().lines().map(visible).collect();
    let (first, rest) = lines.split_first().map_or(("", &[][..]), |(first, rest)| (first, rest));
    let mut out = format!("{} {first}: {}\n", style.red("error:"), style.bold(failure.code().name()));
    rest.iter().for_each(|line| out.push_str(&format!("  {line}\n")));
    let width = failure.facts().iter().map(|(label, _)| label.len()).max().unwrap_or(0);
    for (label, value) in failure.facts() {
        out.push_str(&format!("  {label:width$} {}\n", visible(value)));
    }
    for hint in failure.hints() {
        out.push_str(&format!("{} {}\n", style.cyan("hint:"), visible(hint)));
    }
    out
}

/// Colours, when the stream is a terminal that wants them (`NO_COLOR`, <https://no-color.org>).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style(bool);

impl Style {
    /// For standard output.
    pub(crate) fn of_stdout() -> Self {
        Self(io::stdout().is_terminal() && wanted())
    }

    /// For standard error.
    pub(crate) fn of_stderr() -> Self {
        Self(io::stderr().is_terminal() && wanted())
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.sgr("1", text)
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.sgr("2", text)
    }

    pub(crate) fn red(self, text: &str) -> String {
        self.sgr("1;31", text)
    }

    pub(crate) fn green(self, text: &str) -> String {
        self.sgr("1;32", text)
    }

    pub(crate) fn yellow(self, text: &str) -> String {
        self.sgr("1;33", text)
    }

    pub(crate) fn cyan(self, text: &str) -> String {
        self.sgr("36", text)
    }

    fn sgr(self, code: &str, text: &str) -> String {
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

fn wanted() -> bool {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    set("NO_COLOR").is_none() && set("TERM").is_none_or(|term| term != "dumb")
}
