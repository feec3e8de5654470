//! What a rule asks of a predicate beside its fields, in either language.

use super::condition::Condition;
use super::refusal::Refusal;
use super::rego::Rego;
use super::seen::Seen;

/// A condition.
#[derive(Debug)]
pub(super) enum Asked {
    /// An expression.
    Cel(Box<Condition>),
    /// A policy.
    Rego(Box<Rego>),
}

impl Asked {
    /// Whether it holds; if not, why, with the values that it saw.
    pub(super) fn meet(&self, seen: &Seen<'_, '_>) -> Result<(), Refusal> {
        match self {
            Self::Cel(condition) => condition.meet(seen),
            Self::Rego(rego) => rego.meet(seen),
        }
    }
}
