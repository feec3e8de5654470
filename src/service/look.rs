//! Looking at services beforehand: each is asked something that changes nothing, and no log gets an entry.
//! A certificate authority looks at itself ([`CertificateAuthority::look`](super::ca::CertificateAuthority::look)).

mod logs;
mod timestamps;

use crate::base::code::{Class, Code};
use crate::base::time::UnixTime;
use crate::format::x509::Certificate;

pub use logs::{ct_log, log};
pub use timestamps::timestamp_authority;

/// What was found out about one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// As it should be.
    Good,
    /// It works, and may not for long or not for everyone.
    Doubtful,
    /// It does not work.
    Bad,
    /// Nobody looked; with a code it could not be looked at.
    NotLooked,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Which thing.
    pub about: &'static str,
    /// How it is.
    pub status: Status,
    /// What was seen.
    pub words: String,
    /// What is wrong, and the fix.
    pub code: Option<Code>,
}

impl Seen {
    /// As it should be.
    pub fn good(about: &'static str, words: impl Into<String>) -> Self {
        Self { about, status: Status::Good, words: words.into(), code: None }
    }

    /// Not as it should be, and it works all the same.
    pub fn doubtful(about: &'static str, words: impl Into<String>, code: Code) -> Self {
        Self { about, status: Status::Doubtful, words: words.into(), code: Some(code) }
    }

    /// A failure: one that says nothing about the thing itself, such as a service out of reach, is that nobody could
    /// look.
    pub fn failed(about: &'static str, words: impl Into<String>, code: Code) -> Self {
        let status = if code.class() == Class::Undecided { Status::NotLooked } else { Status::Bad };
        Self { about, status, words: words.into(), code: Some(code) }
    }

    /// Nobody was asked to look, or there is nothing to look at.
    pub fn skipped(about: &'static str, words: impl Into<String>) -> Self {
        Self { about, status: Status::NotLooked, words: words.into(), code: None }
    }
}

/// What looking at a service gave.
#[derive(Debug, Clone, Default)]
pub struct Looked {
    /// What was seen.
    pub seen: Vec<Seen>,
    /// The service's clock, as its last answer has it.
    pub date: Option<UnixTime>,
    /// The certificates that an authority gives out as its own.
    pub own_certificates: Vec<Certificate>,
}

impl Looked {
    /// With what was seen.
    pub fn at(seen: Vec<Seen>) -> Self {
        Self { seen, ..Self::default() }
    }

    /// Both.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.seen.extend(other.seen);
        self.date = other.date.or(self.date);
        self.own_certificates.extend(other.own_certificates);
        self
    }
}
