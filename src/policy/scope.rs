//! Which rules are for which artifacts.

use super::case::Case;
use super::name::{NamePattern, Named};
use super::refusal::{Miss, Refusal};
use super::rule::Rule;
use super::{Mode, NotAdmitted};
use crate::verify::ArtifactName;

/// Rules for artifacts of some names; at least one rule, and any of them admits.
#[derive(Debug, Clone)]
pub struct Scope {
    pub(super) name: Option<String>,
    /// `None`: every artifact, as in a document that has rules alone.
    pub(super) names: Option<Vec<NamePattern>>,
    pub(super) mode: Mode,
    pub(super) first: Box<Rule>,
    pub(super) rest: Vec<Rule>,
}

impl Scope {
    /// Rules for every artifact.
    pub(super) fn everything(rule: Rule) -> Self {
        Self { name: None, names: None, mode: Mode::Enforce, first: Box::new(rule), rest: Vec::new() }
    }

    /// The scope's name; `None` for rules that are for every artifact.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// What a no means here.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// The rules in order.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        std::iter::once(self.first.as_ref()).chain(&self.rest)
    }

    /// The patterns as the kind of name and the pattern; none for every artifact.
    pub fn patterns(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.names.iter().flatten().map(NamePattern::shown)
    }

    /// Whether the scope is for this artifact.
    pub fn is_for(&self, name: Option<&ArtifactName>) -> bool {
        self.names(name.map(Named::of).as_ref())
    }

    /// The same of a name that is written out already.
    pub(super) fn names(&self, name: Option<&Named<'_>>) -> bool {
        match &self.names {
            None => true,
            Some(patterns) => name.is_some_and(|name| patterns.iter().any(|pattern| pattern.is_match(name))),
        }
    }

    /// The first rule that is met, and by which signatures.
    pub(super) fn meet<'a>(&'a self, case: &Case<'a>) -> Result<(&'a Rule, Vec<usize>), NotAdmitted> {
        let mut nearest: Option<(&Rule, Miss<'a>)> = None;
        for rule in self.rules() {
            match rule.meet(case) {
                Ok(counted) => return Ok((rule, counted)),
                Err(miss) => {
                    if nearest.as_ref().is_none_or(|(_, before)| miss.distance() < before.distance()) {
                        nearest = Some((rule, miss));
                    }
                }
            }
        }
        // There is always a first rule, so there is a nearest.
        let (rule, miss) = nearest.unwrap_or((&self.first, Miss::NoSignature));
        Err(self.refuse(rule, miss.tell()))
    }

    fn refuse(&self, rule: &Rule, refusal: Refusal) -> NotAdmitted {
        NotAdmitted {
            scope: self.name.clone(),
            rule: rule.name().to_owned(),
            line: rule.line(),
            mode: self.mode,
            refusal,
        }
    }
}
