//! The shape that every platform has: how its jobs are known, how their tokens are had, what the tokens say, and
//! the lines that put right what is missing.

use std::fmt;
use std::path::Path;

use super::ask::Ask;
use super::claims::TokenClaims;
use super::issuers::covers;
use crate::format::x509::San;
use crate::service::environment::Environment;

/// A platform whose jobs or machines have identity tokens.
#[derive(Debug, Clone, Copy)]
pub struct Platform {
    /// What `--identity-provider` calls it.
    pub key: &'static str,
    /// The name that people know it by.
    pub name: &'static str,
    /// When it is looked for.
    pub search: Search,
    /// What is all true where it runs.
    pub marks: &'static [Mark],
    /// The ways to its token, the first that there is.
    pub ask: &'static [Ask],
    /// Who issues its tokens, for people.
    pub issuer: &'static str,
    /// The issuers among them that the public Fulcio takes tokens of
    /// (<https://github.com/sigstore/fulcio/blob/main/config/identity/config.yaml>, 5 August 2026); each `*` stands
    /// for one or more of `-_a-zA-Z0-9`.
    pub public: &'static [&'static str],
    /// The claims that say which job it is.
    pub claims: &'static str,
    /// The name that goes into the certificate, with claims in braces.
    pub san: &'static str,
    /// What puts it right when there is no token.
    pub fix: Fix,
    /// Where the platform itself describes all this.
    pub documentation: &'static str,
    /// What its tokens were had from, and by which test.
    pub run: Run,
}

/// When a platform is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Search {
    /// Always.
    Automatic,
    /// When it was named: what marks it is found in many other places, too.
    Named,
    /// When it was named: its own documentation does not confirm what is written here.
    Unconfirmed,
}

/// A part of what a platform is known by. Looking costs no network and no other program.
#[derive(Debug, Clone, Copy)]
pub enum Mark {
    /// A variable that is set, and not empty.
    Set(&'static str),
    /// A variable of this value, in either case.
    Is(&'static str, &'static str),
    /// A file, folder or socket.
    Exists(&'static str),
    /// A file with a text in it.
    Holds(&'static str, &'static str),
    /// One of several.
    Any(&'static [Mark]),
    /// Something that must not be.
    Not(&'static Mark),
}

/// What puts something right: a sentence and the lines that belong to it. `{audience}` stands for the audience.
#[derive(Debug, Clone, Copy)]
pub struct Fix {
    /// What to do.
    pub say: &'static str,
    /// The lines to write, in the form of `language`.
    pub lines: &'static str,
    /// What the lines are: `yaml`, `sh`, `groovy`.
    pub language: &'static str,
}

/// What a platform's row was run against.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    /// The other side.
    pub against: &'static str,
    /// The test.
    pub test: &'static str,
}

/// Bytes of a file that are searched for a mark.
const MARK_BYTES: usize = 4 << 10;

impl Mark {
    /// Whether it is so here.
    pub fn holds(&self, environment: &dyn Environment) -> bool {
        match self {
            Self::Set(name) => environment.var(name).is_some(),
            Self::Is(name, value) => environment.var(name).is_some_and(|found| found.eq_ignore_ascii_case(value)),
            Self::Exists(path) => environment.exists(Path::new(path)),
            Self::Holds(path, text) => environment
                .read(Path::new(path), MARK_BYTES)
                .is_ok_and(|bytes| bytes.windows(text.len()).any(|part| part == text.as_bytes())),
            Self::Any(marks) => marks.iter().any(|mark| mark.holds(environment)),
            Self::Not(mark) => !mark.holds(environment),
        }
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Set(name) => write!(f, "`{name}`"),
            Self::Is(name, value) => write!(f, "`{name}={value}`"),
            Self::Exists(path) => write!(f, "`{path}`"),
            Self::Holds(path, text) => write!(f, "`{text}` in `{path}`"),
            Self::Any(marks) => f.write_str(&marks.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")),
            Self::Not(mark) => write!(f, "not {mark}"),
        }
    }
}

impl Fix {
    /// For an audience: the sentence, and the lines indented below it.
    pub fn text(&self, audience: &str) -> String {
        let mut text = self.say.to_owned();
        for line in self.lines.lines() {
            text.push_str("\n    ");
            text.push_str(line);
        }
        text.replace("{audience}", audience)
    }
}

impl Platform {
    /// Whether this is it.
    pub fn is_here(&self, environment: &dyn Environment) -> bool {
        self.marks.iter().all(|mark| mark.holds(environment))
    }

    /// Whether the public Fulcio takes tokens of this issuer as this platform's.
    pub(super) fn is_public_issuer(&self, issuer: &str) -> bool {
        self.public.iter().any(|pattern| covers(pattern, issuer))
    }

    /// The name that these claims give in the certificate; `None` when it is made otherwise, or a claim is missing.
    pub(super) fn name_of(&self, claims: &TokenClaims) -> Option<San> {
        if !self.san.contains('{') {
            return None;
        }
        let mut name = String::new();
        let mut rest = self.san;
        while let Some((before, after)) = rest.split_once('{') {
            let (claim, after) = after.split_once('}')?;
            let (claim, default) = claim.split_once('|').map_or((claim, None), |(claim, text)| (claim, Some(text)));
            name.push_str(before);
            name.push_str(claims.text(claim).or(default)?);
            rest = after;
        }
        name.push_str(rest);
        name.contains("://").then_some(San::Uri(name))
    }
}
