//! Whom to trust for what: rules over what was proven. Pure: a policy reads only [`Verified`] signatures, the
//! artifact's name and a time that is handed in, so nothing that was not proven can meet a rule.
//!
//! A document is read and compiled once ([`Policy::parse`]); [`Policy::admit`] then decides over everything that was
//! verified about one artifact:
//!
//! 1. a digest on the deny list is refused, whoever signed;
//! 2. every scope that names the artifact must admit it; when none does, it is refused. Rules without a scope are
//!    for every artifact, and stand only in a document that has no scopes;
//! 3. a scope admits when one of its rules is met as a whole;
//! 4. a rule counts only signatures that meet it one by one (age, evidence, names, distrust), and each signer once.
//!
//! More signatures never turn a yes into a no, so taking one away never turns a no into a yes.

mod asked;
mod attestation;
mod case;
#[cfg(feature = "policy-cel")]
mod condition;
#[cfg(not(feature = "policy-cel"))]
#[path = "policy/condition/absent.rs"]
mod condition;
mod document;
mod explain;
mod glob;
mod import;
mod lint;
mod matcher;
mod name;
mod refusal;
#[cfg(feature = "policy-rego")]
mod rego;
#[cfg(not(feature = "policy-rego"))]
#[path = "policy/rego/absent.rs"]
mod rego;
mod rule;
mod scope;
mod seen;
mod signer;
mod watch;

use std::collections::BTreeMap;
use std::fmt;

use thiserror::Error;

use crate::base::code::Code;
use crate::base::crypto::{Digest, DigestAlgorithm};
use crate::base::time::UnixTime;
use crate::format::checkpoint::WitnessKey;
use crate::verify::log::Witnesses;
use crate::verify::{ArtifactName, KeyTrust, Promise, Requirements, Verified};

use case::Case;
use name::Named;

pub use attestation::{AttestationRule, Pointer};
pub use case::Question;
pub use document::{Place, PolicyError, SCHEMA};
pub use explain::{Explanation, difference, signers};
pub use import::{ImportError, import};
pub use lint::{Finding, Lint};
pub use matcher::{Matcher, PatternError};
pub use refusal::{Bound, Refusal, Threshold};
pub use rule::{Rule, RuleBuilder, RuleError};
pub use scope::Scope;
pub use signer::{Quorum, SignerRule, Signers};
pub use watch::{Claimant, Concern, Watch};

/// What those who enforce a policy do with its no. The decision is the same in each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// Record it, and let the artifact pass.
    Audit,
    /// Say it aloud, and let the artifact pass.
    Warn,
    /// Refuse the artifact.
    Enforce,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Audit => "audit",
            Self::Warn => "warn",
            Self::Enforce => "enforce",
        })
    }
}

/// A signer who is not believed from a moment on. What is proven to be older stays good.
#[derive(Debug, Clone)]
pub struct Distrust {
    signer: SignerRule,
    from: UnixTime,
    reason: Option<String>,
}

impl Distrust {
    /// Who.
    pub fn signer(&self) -> &SignerRule {
        &self.signer
    }

    /// From when on.
    pub fn from(&self) -> UnixTime {
        self.from
    }
}

/// Scopes, at least one, each with at least one rule: an empty policy cannot be written.
#[derive(Debug, Clone)]
pub struct Policy {
    mode: Mode,
    first: Box<Scope>,
    rest: Vec<Scope>,
    denied: BTreeMap<Digest, Option<String>>,
    distrust: Vec<Distrust>,
    witnesses: Vec<WitnessKey>,
}

/// An artifact that a policy admits. [`Policy::admit`] is the only source.
#[derive(Debug, Clone)]
pub struct Admitted<'a> {
    rules: Vec<&'a Rule>,
    counted: Vec<&'a Verified>,
    first: &'a Verified,
    first_rule: &'a Rule,
    tolerated: Vec<NotAdmitted>,
}

impl<'a> Admitted<'a> {
    /// What was proven: the first signature that the first rule counts.
    pub fn verified(&self) -> &'a Verified {
        self.first
    }

    /// The rule that it meets.
    pub fn rule(&self) -> &'a Rule {
        self.first_rule
    }

    /// The rules that are met: one of each scope that names the artifact.
    pub fn rules(&self) -> &[&'a Rule] {
        &self.rules
    }

    /// Every signature that counts.
    pub fn counted(&self) -> &[&'a Verified] {
        &self.counted
    }

    /// What scopes that only warn or record would have refused.
    pub fn tolerated(&self) -> &[NotAdmitted] {
        &self.tolerated
    }
}

/// Why a policy does not admit: the nearest rule, and what it wanted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{refusal}")]
pub struct NotAdmitted {
    /// The name of the scope, when it has one.
    pub scope: Option<String>,
    /// The name of the nearest rule; empty when no rule was asked.
    pub rule: String,
    /// The rule's line in the document, from 1.
    pub line: Option<u64>,
    /// What the no means.
    pub mode: Mode,
    /// What the nearest rule refused.
    #[source]
    pub refusal: Refusal,
}

impl NotAdmitted {
    /// The stable code.
    pub fn code(&self) -> Code {
        self.refusal.code()
    }

    /// Whether no signature could have changed it.
    pub fn is_final(&self) -> bool {
        matches!(self.refusal, Refusal::Denied { .. } | Refusal::DeniedUnknown(_) | Refusal::NoScope { .. })
    }
}

impl Policy {
    /// A policy of one rule, for every artifact.
    pub fn of(rule: Rule) -> Self {
        Self::of_scope(Scope::everything(rule))
    }

    fn of_scope(scope: Scope) -> Self {
        Self {
            mode: scope.mode,
            first: Box::new(scope),
            rest: Vec::new(),
            denied: BTreeMap::new(),
            distrust: Vec::new(),
            witnesses: Vec::new(),
        }
    }

    /// Adds a rule to the last scope.
    #[must_use]
    pub fn or(mut self, rule: Rule) -> Self {
        self.rest.last_mut().unwrap_or(&mut self.first).rest.push(rule);
        self
    }

    /// Reads a YAML document that names no key files.
    pub fn parse(yaml: &[u8]) -> Result<Self, PolicyError> {
        document::parse(yaml, &|_| None)
    }

    /// Reads a YAML document; `key_file` gives the content of a key file that it names.
    pub fn parse_with(yaml: &[u8], key_file: &dyn Fn(&str) -> Option<Vec<u8>>) -> Result<Self, PolicyError> {
        document::parse(yaml, key_file)
    }

    /// The scopes in order.
    pub fn scopes(&self) -> impl Iterator<Item = &Scope> {
        std::iter::once(self.first.as_ref()).chain(&self.rest)
    }

    /// The rules of all scopes in order.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.scopes().flat_map(Scope::rules)
    }

    /// What a no means where no scope says otherwise.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Who is not believed any more.
    pub fn distrusted(&self) -> &[Distrust] {
        &self.distrust
    }

    /// Every key that some rule names, each once: what a bare key signed is verified under these.
    pub fn keys(&self) -> Vec<KeyTrust> {
        let mut keys: Vec<KeyTrust> = Vec::new();
        for trust in self.rules().flat_map(Rule::signer_rules).filter_map(SignerRule::key_trust) {
            let known = |known: &KeyTrust| known.key() == trust.key() && known.log() == trust.log();
            if !keys.iter().any(known) {
                keys.push(trust);
            }
        }
        keys
    }

    /// Whose entries in a log concern those whom the rules name.
    pub fn watches(&self) -> Vec<Watch> {
        self.rules().flat_map(Rule::signer_rules).map(Watch::of).collect()
    }

    /// The witnesses that the document knows, none of them required by itself: rules say how many are. A verifier
    /// must be told of them ([`Verifier::with_witnesses`](crate::verify::Verifier::with_witnesses)), or none counts.
    pub fn witnesses(&self) -> Witnesses {
        Witnesses::known(self.witnesses.clone())
    }

    /// Digests that must be known of an artifact, so that the deny list can be held against it.
    pub fn denied_algorithms(&self) -> impl Iterator<Item = DigestAlgorithm> {
        let all = [DigestAlgorithm::Sha256, DigestAlgorithm::Sha384, DigestAlgorithm::Sha512];
        all.into_iter().filter(|algorithm| self.denied.keys().any(|digest| digest.algorithm() == *algorithm))
    }

    /// Whether the same signatures may get another answer at another time: such a yes is not to be kept for long.
    pub fn depends_on_time(&self) -> bool {
        self.rules().any(Rule::depends_on_time)
    }

    /// Whether the tag by which an image is asked for matters: such an answer is about the tag too.
    pub fn depends_on_tag(&self) -> bool {
        self.rules().any(|rule| rule.bound.contains(&Bound::Tag))
    }

    /// What must be proven at least for some rule to be met; each rule then looks at what was.
    pub fn requirements(&self) -> Requirements {
        let accepted = self.rules().any(|rule| rule.promise() == Promise::Accepted);
        Requirements::STRICT.promise(if accepted { Promise::Accepted } else { Promise::Refused })
    }

    /// Holds what was proven against the rules.
    pub fn admit<'a>(&'a self, question: &Question<'a>) -> Result<Admitted<'a>, NotAdmitted> {
        self.not_denied(question)?;
        let name = question.artifact.name();
        let named = name.map(Named::of);
        let case = Case::new(question, &self.distrust);
        let (mut rules, mut counted, mut tolerated) = (Vec::new(), Vec::new(), Vec::new());
        let mut asked = false;
        for scope in self.scopes().filter(|scope| scope.names(named.as_ref())) {
            asked = true;
            match scope.meet(&case) {
                Ok((rule, places)) => {
                    rules.push(rule);
                    counted.extend(places);
                }
                Err(refused) if refused.mode == Mode::Enforce => return Err(refused),
                Err(refused) => tolerated.push(refused),
            }
        }
        if !asked {
            return Err(self.no_scope(name));
        }
        let mut seen = Vec::new();
        counted.retain(|place| {
            !seen.contains(place) && {
                seen.push(*place);
                true
            }
        });
        let counted: Vec<&'a Verified> =
            counted.into_iter().filter_map(|place| question.signatures.get(place).copied()).collect();
        match (rules.first().copied(), counted.first().copied()) {
            (Some(first_rule), Some(first)) => Ok(Admitted { rules, counted, first, first_rule, tolerated }),
            // Only scopes that do not enforce: the one that comes nearest to it tells.
            _ => Err(strictest(tolerated).unwrap_or_else(|| self.no_scope(name))),
        }
    }

    fn not_denied(&self, question: &Question<'_>) -> Result<(), NotAdmitted> {
        let refuse =
            |refusal| NotAdmitted { scope: None, rule: String::new(), line: None, mode: Mode::Enforce, refusal };
        let mut unknown = None;
        for algorithm in self.denied_algorithms() {
            match question.artifact.digest(algorithm).map(|digest| (digest, self.denied.get(&digest))) {
                Some((digest, Some(reason))) => {
                    return Err(refuse(Refusal::Denied { digest, reason: reason.clone() }));
                }
                Some((_, None)) => {}
                None => unknown = Some(algorithm),
            }
        }
        unknown.map_or(Ok(()), |algorithm| Err(refuse(Refusal::DeniedUnknown(algorithm))))
    }

    fn no_scope(&self, name: Option<&ArtifactName>) -> NotAdmitted {
        let refusal = Refusal::NoScope { name: name.map(ToString::to_string) };
        NotAdmitted { scope: None, rule: String::new(), line: None, mode: self.mode, refusal }
    }
}

/// The first of the strictest mode.
fn strictest(refused: Vec<NotAdmitted>) -> Option<NotAdmitted> {
    refused.into_iter().rev().max_by_key(|refused| refused.mode)
}

#[cfg(test)]
mod tests;
