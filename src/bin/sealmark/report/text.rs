//! Text that is safe to show, and its layout.

use std::io::ErrorKind;
use std::path::Path;

/// Text from elsewhere made safe for a terminal and for the eye: control characters, and whatever can
/// pass for another character (all that is not ASCII), are written as escapes.
pub(crate) fn visible(text: &str) -> String {
    escaped(text, |c| c == ' ' || c.is_ascii_graphic())
}

/// A path made safe for a terminal; letters of any script stay.
pub(crate) fn visible_path(path: &Path) -> String {
    escaped(&path.to_string_lossy(), |c| c == ' ' || c.is_ascii_graphic() || c.is_alphanumeric())
}

fn escaped(text: &str, plain: impl Fn(char) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if plain(c) { out.push(c) } else { out.extend(c.escape_default()) }
    }
    out
}

/// What the system said, in words that say what is the matter.
pub(crate) fn io_words(kind: ErrorKind) -> String {
    match kind {
        ErrorKind::NotFound => "there is no such file".to_owned(),
        ErrorKind::IsADirectory => "it is a folder".to_owned(),
        ErrorKind::BrokenPipe => "its reader is gone".to_owned(),
        ErrorKind::AlreadyExists => "it is there already".to_owned(),
        other => other.to_string(),
    }
}

/// A word for a POSIX shell, quoted where it must be.
pub(crate) fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// `1 manifest`, `2 manifests`.
pub(crate) fn counted(number: u64, one: &str) -> String {
    format!("{} {one}{}", thousands(number), if number == 1 { "" } else { "s" })
}

/// `1234567` as `1,234,567`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Lines of `label value`, the values in one column.
#[derive(Debug, Default)]
pub(crate) struct Table(Vec<(String, String)>);

impl Table {
    /// Adds a line; `value` is made safe.
    pub(crate) fn row(&mut self, label: &str, value: &str) {
        self.0.push((label.to_owned(), visible(value)));
    }

    /// The lines, indented by `indent` spaces.
    pub(crate) fn print(&self, indent: usize) -> String {
        let width = self.0.iter().map(|(label, _)| label.len()).max().unwrap_or(0);
        self.0.iter().map(|(label, value)| format!("{:indent$}{label:width$}  {value}\n", "")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn x13_i07_nothing_moves_the_cursor_or_fools_the_eye() {
        assert_eq!(visible("a\x1b[2Jb\rc\nd"), "a\\u{1b}[2Jb\\rc\\nd");
        assert_eq!(visible("g\u{456}thub \u{202e}moc"), "g\\u{456}thub \\u{202e}moc");
        assert_eq!(visible_path(Path::new("na\u{ef}ve\u{9b}1m\u{202e}")), "na\u{ef}ve\\u{9b}1m\\u{202e}");
    }

    #[test]
    fn shell_words() {
        assert_eq!(shell_word("https://a.b/c@refs/tags/v1"), "https://a.b/c@refs/tags/v1");
        assert_eq!(shell_word("it's $HOME"), "'it'\\''s $HOME'");
        assert_eq!(shell_word(""), "''");
    }

    #[test]
    fn one_is_not_several() {
        assert_eq!([0, 1, 2].map(|number| counted(number, "blob")), ["0 blobs", "1 blob", "2 blobs"]);
    }

    #[test]
    fn thousands_are_grouped() {
        assert_eq!([0, 999, 1000, 1_234_567].map(thousands), ["0", "999", "1,000", "1,234,567"]);
    }
}
