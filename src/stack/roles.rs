//! The parts of a stack, which may stand in folders and processes of their own.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A part of a stack: what it vouches for, it signs with keys of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The certificate authority.
    Ca,
    /// The CT log of its certificates.
    Ct,
    /// The transparency log, its page, and the Rekor v1 log where there is one.
    Log,
    /// The timestamp authority.
    Tsa,
    /// The OpenID Connect issuers.
    Oidc,
    /// The TUF repository of the trust documents.
    Trust,
    /// The witness of logs that others run, where the stack has one.
    Witness,
}

impl Role {
    /// Every part.
    pub const ALL: [Self; 7] = [Self::Ca, Self::Ct, Self::Log, Self::Tsa, Self::Oidc, Self::Trust, Self::Witness];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ca => "ca",
            Self::Ct => "ct",
            Self::Log => "log",
            Self::Tsa => "tsa",
            Self::Oidc => "oidc",
            Self::Trust => "trust",
            Self::Witness => "witness",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|role| role.name() == text);
        found.ok_or("the parts are ca, ct, log, tsa, oidc, trust and witness")
    }
}
