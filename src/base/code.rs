//! The stable code of an error: its name, what it means for a verdict, and what to do about it.
//!
//! Each error enum names its codes beside its variants (`fn code(&self) -> Code`), so that a variant
//! cannot be added without a code, nor a code without a hint.

use std::fmt;

/// What an error means for the question that was asked; it decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// The answer is no: the thing was looked at and does not hold. Exit code 1.
    Refused,
    /// The question was put wrongly. Exit code 2.
    Usage,
    /// The question could not be answered: network, files, trust material. Exit code 3.
    Undecided,
}

/// A stable, kebab-case error code with its hint.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Code {
    name: &'static str,
    class: Class,
    hint: &'static str,
}

impl Code {
    /// A refusal: looked at, and not acceptable.
    pub const fn refused(name: &'static str, hint: &'static str) -> Self {
        Self { name, class: Class::Refused, hint }
    }

    /// A question that was put wrongly.
    pub const fn usage(name: &'static str, hint: &'static str) -> Self {
        Self { name, class: Class::Usage, hint }
    }

    /// A question that could not be answered.
    pub const fn undecided(name: &'static str, hint: &'static str) -> Self {
        Self { name, class: Class::Undecided, hint }
    }

    /// The kebab-case name, stable across releases.
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// Whether this is a refusal, a wrong question or an unanswered one.
    pub const fn class(self) -> Class {
        self.class
    }

    /// A thing to do about it.
    pub const fn hint(self) -> &'static str {
        self.hint
    }

    /// The process exit code: 1 refused, 2 usage, 3 could not decide.
    pub const fn exit_code(self) -> u8 {
        match self.class {
            Class::Refused => 1,
            Class::Usage => 2,
            Class::Undecided => 3,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
