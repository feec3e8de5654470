//! Whom to trust: rules over what was proven. Pure: a policy reads only a [`Verified`], so nothing that
//! was not proven can meet a rule.

mod document;
mod matcher;
mod rule;

use thiserror::Error;

use crate::base::code::Code;
use crate::verify::{Promise, Requirements, Verified};

pub use document::PolicyError;
pub use matcher::{Matcher, PatternError};
pub use rule::{Refusal, Rule, RuleBuilder, RuleError};

/// Rules, at least one: an empty policy cannot be written. A signature is admitted by the first rule that
/// it meets as a whole.
#[derive(Debug, Clone)]
pub struct Policy {
    first: Box<Rule>,
    rest: Vec<Rule>,
}

/// A signature that a rule admits. [`Policy::admit`] is the only source.
#[derive(Debug, Clone, Copy)]
pub struct Admitted<'a> {
    verified: &'a Verified,
    rule: &'a Rule,
}

impl<'a> Admitted<'a> {
    /// What was proven.
    pub fn verified(&self) -> &'a Verified {
        self.verified
    }

    /// The rule that it meets.
    pub fn rule(&self) -> &'a Rule {
        self.rule
    }
}

/// Why no rule admits a signature: the nearest rule, and what it wanted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{refusal}")]
pub struct NotAdmitted {
    /// The name of the nearest rule.
    pub rule: String,
    /// What the nearest rule refused.
    #[source]
    pub refusal: Refusal,
}

impl NotAdmitted {
    /// The stable code.
    pub fn code(&self) -> Code {
        self.refusal.code()
    }
}

impl Policy {
    /// A policy of one rule.
    pub fn of(rule: Rule) -> Self {
        Self { first: Box::new(rule), rest: Vec::new() }
    }

    /// Adds a rule.
    #[must_use]
    pub fn or(mut self, rule: Rule) -> Self {
        self.rest.push(rule);
        self
    }

    /// Reads a YAML document.
    pub fn parse(yaml: &[u8]) -> Result<Self, PolicyError> {
        document::parse(yaml)
    }

    /// The rules in order.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        std::iter::once(self.first.as_ref()).chain(&self.rest)
    }

    /// What must be proven at least for some rule to be met; each rule then looks at what was.
    pub fn requirements(&self) -> Requirements {
        let accepted = self.rules().any(|rule| rule.promise() == Promise::Accepted);
        Requirements::STRICT.promise(if accepted { Promise::Accepted } else { Promise::Refused })
    }

    /// Holds what was proven against the rules.
    pub fn admit<'a>(&'a self, verified: &'a Verified) -> Result<Admitted<'a>, NotAdmitted> {
        let mut nearest: Option<NotAdmitted> = None;
        for rule in self.rules() {
            match rule.meet(verified) {
                Ok(()) => return Ok(Admitted { verified, rule }),
                Err(refusal) => {
                    if nearest.as_ref().is_none_or(|before| refusal.distance() < before.refusal.distance()) {
                        nearest = Some(NotAdmitted { rule: rule.name().to_owned(), refusal });
                    }
                }
            }
        }
        // There is always a first rule, so there is a nearest.
        Err(nearest.unwrap_or(NotAdmitted { rule: String::new(), refusal: Refusal::CertificateRequired }))
    }
}

#[cfg(test)]
mod tests;
