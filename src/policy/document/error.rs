//! Why a document is not a policy, and where.

use std::fmt;

use thiserror::Error;

use crate::base::code::Code;
use crate::base::limits;
use crate::policy::rule::RuleError;

/// A place in a document, from line 1, column 1; line 0 when it is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// The line.
    pub line: u64,
    /// The column.
    pub column: u64,
}

impl Place {
    pub(super) fn of(location: &serde_saphyr::Location) -> Self {
        Self { line: location.line(), column: location.column() }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 { Ok(()) } else { write!(f, " at line {} column {}", self.line, self.column) }
    }
}

/// Why a document is not a policy.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// More bytes than [`limits::POLICY_BYTES`].
    #[error("policy of {found} bytes, {limit} allowed", limit = limits::POLICY_BYTES)]
    TooLarge {
        /// Bytes found.
        found: usize,
    },
    /// Not UTF-8.
    #[error("policy is not UTF-8 text")]
    Encoding,
    /// Not YAML, or not what the document has.
    #[error("policy cannot be read{place}: {reason}")]
    Yaml {
        /// Where.
        place: Place,
        /// What is wrong.
        reason: String,
    },
    /// A version that is not known.
    #[error("policy version {0} is not known, 1 is")]
    Version(u64),
    /// More of something than a policy may have.
    #[error("policy has {found} {what}{place}, {limit} allowed")]
    TooMany {
        /// Where.
        place: Place,
        /// Of what.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// Two conditions of one kind in one rule.
    #[error("rule {rule:?}{place} has two conditions on the {what}")]
    TwoConditions {
        /// Where.
        place: Place,
        /// The rule.
        rule: String,
        /// What they are about.
        what: &'static str,
    },
    /// A key file that the caller did not give.
    #[error("the key file {file:?}{place} was not given")]
    KeyFile {
        /// Where it is named.
        place: Place,
        /// The file.
        file: String,
    },
    /// A condition that is not taken.
    #[error("a condition{place}: {problem}")]
    Condition {
        /// Where.
        place: Place,
        /// What is wrong.
        problem: String,
    },
    /// A condition in CUE.
    #[error("a condition{place} is in CUE, which is not evaluated here")]
    Cue {
        /// Where.
        place: Place,
    },
    /// A rule.
    #[error("rule {rule:?}{place}: {error}")]
    Rule {
        /// Where.
        place: Place,
        /// The rule.
        rule: String,
        /// What is wrong with it.
        error: RuleError,
    },
}

impl PolicyError {
    /// The stable code.
    pub fn code(&self) -> Code {
        const READ: &str =
            "`sealmark policy schema` has the fields of a policy; nothing else is taken, and nothing empty";
        match self {
            Self::TooLarge { .. } | Self::TooMany { .. } => Code::usage("limit-policy", "split the policy"),
            Self::Rule { error, .. } => error.code(),
            Self::Condition { .. } => Code::usage(
                "policy-condition-parse",
                "a condition is one CEL expression, or one Rego policy of bounded cost; `fields` may do",
            ),
            Self::Cue { .. } => {
                Code::usage("policy-cue", "say it in Rego (`rego-file: FILE.rego`), in CEL (`cel:`), or by `fields`")
            }
            Self::KeyFile { .. } => Code::usage(
                "policy-key-file",
                "put the key or the policy itself into the document, or the file beside it",
            ),
            _ => Code::usage("policy-parse", READ),
        }
    }

    /// Where, when it is known.
    pub fn place(&self) -> Option<Place> {
        let place = match self {
            Self::Yaml { place, .. }
            | Self::TooMany { place, .. }
            | Self::TwoConditions { place, .. }
            | Self::KeyFile { place, .. }
            | Self::Condition { place, .. }
            | Self::Cue { place }
            | Self::Rule { place, .. } => *place,
            _ => return None,
        };
        (place.line > 0).then_some(place)
    }
}
