//! Patterns over text: exact, glob by segments, or regular expression. All are anchored at both ends.

use std::fmt;

use regex_lite::Regex;
use thiserror::Error;

use super::glob::Glob;
use crate::base::code::Code;
use crate::base::limits;

/// Why a pattern is not taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PatternError {
    /// Nothing to match.
    #[error("a pattern is empty")]
    Empty,
    /// It matches everything.
    #[error("pattern {0:?} matches everything")]
    Everything(String),
    /// `**` beside other characters in a segment.
    #[error("glob {0:?}: `**` stands for whole segments, between slashes")]
    DoubleStar(String),
    /// Not a regular expression, or too large.
    #[error("regular expression {0:?} cannot be read")]
    Regex(String),
    /// A dot that stands for any character between letters: almost always a slip.
    #[error("regular expression {0:?} has an unescaped dot within a name")]
    UnescapedDot(String),
    /// A pattern over names of artifacts that no name in its normal form meets.
    #[error("{text:?} names no artifact: {problem}")]
    Name {
        /// The pattern.
        text: String,
        /// What is wrong.
        problem: String,
    },
    /// Not a JSON pointer.
    #[error("{text:?} is no JSON pointer: {problem}")]
    Pointer {
        /// The text.
        text: String,
        /// What is wrong.
        problem: String,
    },
    /// Longer than [`limits::REGEX_BYTES`].
    #[error("pattern of {found} bytes, {limit} allowed", limit = limits::REGEX_BYTES)]
    TooLong {
        /// Bytes found.
        found: usize,
    },
}

impl PatternError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Empty => Code::usage("pattern-empty", "leave the condition out, or say what it must be"),
            Self::Everything(_) => {
                Code::usage("pattern-everything", "name whom you trust: a pattern that everyone meets proves nothing")
            }
            Self::DoubleStar(_) => {
                Code::usage("pattern-glob", "write `*` for a part of a segment, `/**/` for whole segments")
            }
            Self::Regex(_) => {
                Code::usage("pattern-regex", "look-around and back-references do not exist here; a glob may do")
            }
            Self::UnescapedDot(_) => {
                Code::usage("pattern-regex-dot", "write `\\.` for a dot, `[^/]` for any character")
            }
            Self::Name { .. } => {
                Code::usage("pattern-name", "`*` is a part of a segment, `**` whole segments, the rest is itself")
            }
            Self::Pointer { .. } => {
                Code::usage("policy-pointer", "write /buildDefinition/buildType: a slash before each step")
            }
            Self::TooLong { .. } => Code::usage("limit-pattern", "write a shorter pattern, or several rules"),
        }
    }
}

/// A pattern.
#[derive(Debug, Clone)]
pub struct Matcher {
    text: String,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Exact,
    Glob(Glob),
    Regex(Regex),
}

impl Matcher {
    /// Exactly this text, byte for byte: no case folding, no normalisation.
    pub fn exact(text: &str) -> Result<Self, PatternError> {
        Self::checked(text, Kind::Exact)
    }

    /// A glob: `*` is any text without a slash, `**` as a whole segment is any number of segments, everything
    /// else is itself.
    pub fn glob(text: &str) -> Result<Self, PatternError> {
        if text.split('/').any(|segment| segment.contains("**") && segment != "**") {
            return Err(PatternError::DoubleStar(text.to_owned()));
        }
        Self::checked(text, Kind::Glob(Glob::of(text)))?.refuse_everything()
    }

    /// A glob that may match everything: what it chooses by is no proof.
    pub(super) fn any_glob(text: &str) -> Result<Self, PatternError> {
        match Self::glob(text) {
            Err(PatternError::Everything(text)) => Self::checked(&text, Kind::Glob(Glob::of(&text))),
            other => other,
        }
    }

    /// A regular expression that must match the whole text.
    pub fn regex(text: &str) -> Result<Self, PatternError> {
        let unreadable = |_| PatternError::Regex(text.to_owned());
        let checked = Self::checked(text, Kind::Exact)?;
        if has_unescaped_dot(text) {
            return Err(PatternError::UnescapedDot(text.to_owned()));
        }
        // Alone first: `a)|(?:b` reads as a whole only within the anchors, and would escape them.
        Regex::new(text).map_err(unreadable)?;
        let regex = Regex::new(&format!(r"\A(?:{text})\z")).map_err(unreadable)?;
        Self { kind: Kind::Regex(regex), ..checked }.refuse_everything()
    }

    fn checked(text: &str, kind: Kind) -> Result<Self, PatternError> {
        if text.is_empty() {
            return Err(PatternError::Empty);
        }
        if text.len() > limits::REGEX_BYTES {
            return Err(PatternError::TooLong { found: text.len() });
        }
        Ok(Self { text: text.to_owned(), kind })
    }

    fn refuse_everything(self) -> Result<Self, PatternError> {
        // Addresses that share nothing, and URIs: one who admits both of a kind admits anyone of it.
        const STRANGERS: [[&str; 2]; 2] = [
            ["stranger@example.net", "nobody.at.all@elsewhere.example"],
            ["https://stranger.example/a/b@refs/heads/c", "spiffe://elsewhere/x"],
        ];
        if STRANGERS.iter().any(|kind| kind.iter().all(|stranger| self.is_match(stranger))) {
            return Err(PatternError::Everything(self.text));
        }
        Ok(self)
    }

    /// Whether the whole of `text` matches.
    pub fn is_match(&self, text: &str) -> bool {
        match &self.kind {
            Kind::Exact => self.text == text,
            Kind::Glob(glob) => glob.is_match(self.text.as_bytes(), text.as_bytes()),
            Kind::Regex(regex) => regex.is_match(text),
        }
    }

    /// The same pattern over texts in lower case, so that it matches in whatever case a name is written.
    pub(super) fn any_case(&self) -> Self {
        let text = self.text.to_lowercase();
        let kind = match &self.kind {
            Kind::Exact => Kind::Exact,
            Kind::Glob(_) => Kind::Glob(Glob::of(&text)),
            // Only letters are folded: `\D` and `\d` are two things, so that the pattern itself stays as it is.
            Kind::Regex(regex) => match Regex::new(&format!(r"(?i)\A(?:{})\z", self.text)) {
                Ok(folded) => Kind::Regex(folded),
                Err(_) => Kind::Regex(regex.clone()),
            },
        };
        Self { text, kind }
    }

    /// Whether every text that `other` matches is matched: sure where it says yes.
    pub(super) fn matches_all_of(&self, other: &Self) -> bool {
        let same = self.text == other.text && std::mem::discriminant(&self.kind) == std::mem::discriminant(&other.kind);
        // A star in a segment is met by a star alone, or by a regular expression that says so; whole segments are not.
        let readable = other.is_exact() || (matches!(other.kind, Kind::Glob(_)) && !other.text.contains("**"));
        same || (readable && !self.is_regex() && self.is_match(&other.text))
    }

    /// Whether it is one text and no pattern.
    pub fn is_exact(&self) -> bool {
        matches!(self.kind, Kind::Exact)
    }

    /// Whether it is a regular expression.
    pub fn is_regex(&self) -> bool {
        matches!(self.kind, Kind::Regex(_))
    }

    /// The pattern as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Exact | Kind::Glob(_) => f.write_str(&self.text),
            Kind::Regex(_) => write!(f, "/{}/", self.text),
        }
    }
}

/// Whether a dot that means "any character" stands between two name characters, as in `github.com`.
fn has_unescaped_dot(regex: &str) -> bool {
    let chars: Vec<char> = regex.chars().collect();
    let mut in_class = false;
    let mut at = 0;
    while let Some(c) = chars.get(at) {
        match c {
            '\\' => at += 1,
            '[' => in_class = true,
            ']' => in_class = false,
            '.' if !in_class => {
                let name = |c: Option<&char>| c.is_some_and(|c| c.is_alphanumeric());
                if at > 0 && name(chars.get(at - 1)) && name(chars.get(at + 1)) {
                    return true;
                }
            }
            _ => {}
        }
        at += 1;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glob(pattern: &str, text: &str) -> bool {
        Matcher::glob(pattern).unwrap().is_match(text)
    }

    fn regex(pattern: &str, text: &str) -> bool {
        Matcher::regex(pattern).unwrap().is_match(text)
    }

    fn code(result: Result<Matcher, PatternError>) -> &'static str {
        result.unwrap_err().code().name()
    }

    #[test]
    fn globs_keep_to_segments() {
        assert!(glob("refs/tags/*", "refs/tags/v1.2.3"));
        assert!(!glob("refs/tags/*", "refs/tags/v1/x"));
        assert!(glob(
            "https://github.com/acme/**/x.yml@refs/tags/v*",
            "https://github.com/acme/a/b/x.yml@refs/tags/v1"
        ));
        assert!(glob("a/**", "a/b/c") && glob("a/**", "a") && glob("a/**/b", "a/b"));
        assert!(glob("*@acme.example", "jo@acme.example") && !glob("*@acme.example", "jo@acme.example.evil"));
        assert!(!glob("https://github.com/acme/*", "https://github.com/acme-evil/x"));
        // Linear, not exponential.
        assert!(!glob(&format!("{}b/x", "*a".repeat(200)), &"a".repeat(2000)));
        assert_eq!(code(Matcher::glob("a**/b")), "pattern-glob");
    }

    #[test]
    fn i01_regex_is_anchored() {
        assert!(regex("https://github\\.com/org/repo/[^@]*", "https://github.com/org/repo/x"));
        assert!(!regex("https://github\\.com/org/repo/[^@]*", "https://evil/x?https://github.com/org/repo/x"));
        assert!(!regex("a|b", "ab") && regex("a|b", "b"));
        assert_eq!(code(Matcher::regex("a)|(?:b")), "pattern-regex");
    }

    #[test]
    fn i03_unescaped_dot() {
        assert_eq!(code(Matcher::regex("https://github.com/acme/.*")), "pattern-regex-dot");
        assert!(Matcher::regex(r"https://github\.com/acme/.*").is_ok());
        assert!(Matcher::regex(r"https://github[.]com/acme/.+@x").is_ok());
    }

    #[test]
    fn i05_lines_do_not_split() {
        for pattern in ["good", "(?m)good", "(?m)^good$", "good$"] {
            assert!(
                !regex(pattern, "good\nevil") && !regex(pattern, "evil\ngood") && !regex(pattern, "good\n"),
                "{pattern}"
            );
        }
    }

    #[test]
    fn i06_i08_exact_is_exact() {
        let exact = Matcher::exact("https://github.com/a").unwrap();
        for other in [
            "https://GitHub.com/a",
            "https://github.com/a/",
            "https://github.com//a",
            "https://github.com:443/a",
            "https://github.com/%61",
        ] {
            assert!(!exact.is_match(other), "{other}");
        }
    }

    #[test]
    fn i15_everything() {
        for pattern in ["**", "**/**", "*", "*@*", "*:/**"] {
            assert_eq!(code(Matcher::glob(pattern)), "pattern-everything", "{pattern}");
        }
        for pattern in [".*", ".+", "(?s).*", "[^!]*", "x|.*", "[^/]+", r"[^@]+@[^@]+"] {
            assert_eq!(code(Matcher::regex(pattern)), "pattern-everything", "{pattern}");
        }
        assert_eq!(code(Matcher::exact("")), "pattern-empty");
    }

    #[test]
    fn i18_bounds() {
        assert_eq!(code(Matcher::regex(&"a".repeat(limits::REGEX_BYTES + 1))), "limit-pattern");
        assert_eq!(code(Matcher::regex("(a{1000}){1000}")), "pattern-regex");
        assert!(!regex("(a+)+b", &"a".repeat(5000)));
    }
}
