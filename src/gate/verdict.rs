//! What is known of one image under one policy.

use std::fmt;

use crate::base::code::{Class, Code};
use crate::policy::Mode;

/// A verdict about one image. Three answers that never mix: yes, no, and could not look.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[must_use]
pub enum Verdict {
    /// The policy admits it.
    Admitted(Admission),
    /// It was looked at, and is not admitted.
    Refused(Objection),
    /// It could not be looked at.
    Undecided(Objection),
}

/// By whom and by what it was admitted. It does not name the image: of most images this is the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Admission {
    /// The rule that admits it.
    pub rule: Box<str>,
    /// Who signed.
    pub signer: Box<str>,
}

/// What stands against it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Objection {
    /// The stable code.
    pub code: Code,
    /// What was found, for people; may hold what a stranger wrote.
    pub message: Box<str>,
    /// What the policy says is to be done with a no; what never came to a policy is enforced.
    pub mode: Mode,
}

impl Verdict {
    /// A no or a "could not look", by the class of its code. A wrong question is a no: what is asked about is
    /// part of what is to be deployed.
    pub fn against(code: Code, message: impl fmt::Display) -> Self {
        let objection = Objection { code, message: message.to_string().into(), mode: Mode::Enforce };
        match code.class() {
            Class::Refused | Class::Usage => Self::Refused(objection),
            Class::Undecided => Self::Undecided(objection),
        }
    }

    /// The same, to be treated as the policy says. What could not be looked at is enforced.
    pub fn in_mode(mut self, mode: Mode) -> Self {
        if let Self::Refused(objection) = &mut self {
            objection.mode = mode;
        }
        self
    }

    /// What was admitted.
    pub fn admitted(&self) -> Option<&Admission> {
        match self {
            Self::Admitted(admission) => Some(admission),
            Self::Refused(_) | Self::Undecided(_) => None,
        }
    }

    /// What stands against it.
    pub fn objection(&self) -> Option<&Objection> {
        match self {
            Self::Admitted(_) => None,
            Self::Refused(objection) | Self::Undecided(objection) => Some(objection),
        }
    }

    /// One word: `admitted`, `refused` or `undecided`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Admitted(_) => "admitted",
            Self::Refused(_) => "refused",
            Self::Undecided(_) => "undecided",
        }
    }

    /// The code as a label: `admitted` where nothing stands against it.
    pub fn label(&self) -> &'static str {
        self.objection().map_or("admitted", |objection| objection.code.name())
    }
}
