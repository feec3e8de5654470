//! One rule: conditions that signatures must meet together. Never half of one rule and half of another.

use std::num::NonZeroU8;

use thiserror::Error;

use super::attestation::AttestationRule;
use super::case::Case;
use super::matcher::{Matcher, PatternError};
use super::refusal::{Bound, Miss, Refusal, Threshold};
use super::signer::{CertificateRule, SignerKind, SignerRule, Signers};
use super::watch::Watch;
use crate::base::code::Code;
use crate::base::crypto::KeyError;
use crate::format::x509::Claim;
use crate::verify::log::Inclusion;
use crate::verify::{Evidence, Promise, Verified};

/// A rule. It always says who has to have signed.
#[derive(Debug, Clone)]
pub struct Rule {
    pub(super) name: String,
    pub(super) line: Option<u64>,
    pub(super) signers: Signers,
    pub(super) attestations: Vec<AttestationRule>,
    pub(super) thresholds: Vec<(Threshold, NonZeroU8)>,
    pub(super) max_age: Option<u64>,
    pub(super) min_age: Option<u64>,
    pub(super) bound: Vec<Bound>,
    pub(super) promise: Promise,
}

/// Why a rule cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RuleError {
    /// Neither identity nor claims.
    #[error("the rule names neither an identity nor a claim")]
    NoIdentity,
    /// Neither issuer nor named CA.
    #[error("the rule names neither an issuer nor a certificate authority")]
    NoIssuer,
    /// A claim that Fulcio does not have.
    #[error("{0:?} is not a claim of Fulcio certificates")]
    UnknownClaim(String),
    /// The same claim twice.
    #[error("claim {0} is given twice")]
    DuplicateClaim(&'static str),
    /// A bound on the age of what a key signs.
    #[error("what a key signed can be timestamped anew at any time, so its age has no bound")]
    AgeOfKey,
    /// A key that cannot be read.
    #[error("the key cannot be read: {0}")]
    Key(KeyError),
    /// A pattern.
    #[error(transparent)]
    Pattern(#[from] PatternError),
}

impl RuleError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::NoIdentity => Code::usage(
                "policy-no-identity",
                "say who may sign: --identity, --identity-glob, --identity-regex or --claim; `sealmark inspect` shows who did",
            ),
            Self::NoIssuer => Code::usage(
                "policy-no-issuer",
                "say who vouches for the identity: --issuer URL, or --certificate-authority NAME",
            ),
            Self::UnknownClaim(_) => {
                Code::usage("policy-claim", "the names of claims are in `sealmark verify blob --help`")
            }
            Self::DuplicateClaim(_) => {
                Code::usage("policy-claim-twice", "give each claim once; a glob or a second rule can widen it")
            }
            Self::AgeOfKey => Code::usage("policy-age-key", "leave `max-age` out, or name signers by certificate"),
            Self::Key(_) => Code::usage("policy-key", "give a public key in PEM, as `sealmark key public` prints it"),
            Self::Pattern(error) => error.code(),
        }
    }
}

/// Conditions on their way to a [`Rule`] about one signer with a certificate.
#[derive(Debug, Clone)]
pub struct RuleBuilder {
    name: String,
    signer: CertificateRule,
    promise: Promise,
}

impl Rule {
    /// A rule without conditions yet, which cannot be used until it has the needed ones.
    pub fn named(name: &str) -> RuleBuilder {
        RuleBuilder { name: name.to_owned(), signer: CertificateRule::default(), promise: Promise::Refused }
    }

    /// A rule that these signers meet.
    pub(super) fn by(name: &str, signers: Signers) -> Self {
        Self {
            name: name.to_owned(),
            line: None,
            signers,
            attestations: Vec::new(),
            thresholds: Vec::new(),
            max_age: None,
            min_age: None,
            bound: Vec::new(),
            promise: Promise::Refused,
        }
    }

    /// The rule's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its line in the document, from 1, when it comes from one.
    pub fn line(&self) -> Option<u64> {
        self.line
    }

    /// Whether a promise of inclusion meets the rule.
    pub fn promise(&self) -> Promise {
        self.promise
    }

    /// Who must have signed.
    pub fn signers(&self) -> &Signers {
        &self.signers
    }

    /// What must be attested.
    pub fn attestations(&self) -> &[AttestationRule] {
        &self.attestations
    }

    /// The conditions on one signer as name and pattern, for people; those of every signer of a rule about several.
    pub fn conditions(&self) -> Vec<(&'static str, String)> {
        self.signers.rules().flat_map(SignerRule::conditions).collect()
    }

    /// Whether the answer can change with time alone.
    pub(super) fn depends_on_time(&self) -> bool {
        let aged = |max_age: Option<u64>, min_age: Option<u64>| max_age.is_some() || min_age.is_some();
        aged(self.max_age, self.min_age) || self.attestations.iter().any(|wanted| aged(wanted.max_age, wanted.min_age))
    }

    /// Every description of a signer, of the rule and of its attestations.
    pub(super) fn signer_rules(&self) -> impl Iterator<Item = &SignerRule> {
        let attesters = self.attestations.iter().filter_map(AttestationRule::signers).flat_map(Signers::rules);
        self.signers.rules().chain(attesters)
    }

    /// A bound on age that nothing can prove.
    pub(super) fn check(&self) -> Result<(), RuleError> {
        let keys = |signers: &Signers| signers.rules().any(|rule| matches!(rule.kind, SignerKind::Key(_)));
        let aged = |wanted: &AttestationRule| {
            (wanted.max_age.is_some() || self.max_age.is_some()) && keys(wanted.signers().unwrap_or(&self.signers))
        };
        if (self.max_age.is_some() && keys(&self.signers)) || self.attestations.iter().any(aged) {
            return Err(RuleError::AgeOfKey);
        }
        Ok(())
    }

    /// The signatures that meet the rule, by their places.
    pub(super) fn meet<'a>(&'a self, case: &Case<'a>) -> Result<Vec<usize>, Miss<'a>> {
        let counts = |_: usize, verified: &'a Verified| self.counts(case, verified);
        let mut counted = self.signers.meet(case.signatures, &counts)?;
        for wanted in &self.attestations {
            for place in wanted.meet(self, case)? {
                if !counted.contains(&place) {
                    counted.push(place);
                }
            }
        }
        Ok(counted)
    }

    /// Whether something counts as a signature of the artifact, whoever made it.
    pub(super) fn counts<'a>(&'a self, case: &Case<'a>, verified: &'a Verified) -> Result<(), Miss<'a>> {
        case.speaks(verified, &self.attestations)?;
        if case.artifact.expected_version().is_some() {
            // Whoever expects a version is never told yes without it, whether or not the rule asks for it.
            case.bound(verified, &[Bound::Version])?;
        }
        self.sound(case, verified)
    }

    /// Whether its evidence holds, whatever it says.
    pub(super) fn sound<'a>(&'a self, case: &Case<'a>, verified: &'a Verified) -> Result<(), Miss<'a>> {
        case.believed(verified)?;
        case.bound(verified, &self.bound)?;
        for (counted, needed) in &self.thresholds {
            let (found, needed) = (count(*counted, verified.evidence()), usize::from(needed.get()));
            if found < needed {
                return Err(Refusal::Evidence { counted: *counted, found, needed }.into());
            }
        }
        case.within_ages(verified, self.max_age, self.min_age, false)?;
        if self.promise == Promise::Refused && verified.evidence().rests_on_promise() {
            return Err(Miss::PromiseOnly);
        }
        Ok(())
    }
}

/// How many different parties vouch: two entries of one log are one, and witnesses count for one log's checkpoint.
fn count(counted: Threshold, evidence: &Evidence) -> usize {
    let distinct = |mut all: Vec<&[u8]>| {
        all.sort_unstable();
        all.dedup();
        all.len()
    };
    match counted {
        Threshold::Logs => distinct(evidence.entries().iter().map(|entry| entry.log_key().spki()).collect()),
        Threshold::TimestampAuthorities => {
            let mut units: Vec<_> = evidence.timestamps().iter().map(|timestamp| timestamp.unit()).collect();
            units.sort_unstable();
            units.dedup();
            units.len()
        }
        Threshold::CtLogs => evidence.sct().by().map_or(0, |valid| valid.logs().len()),
        Threshold::Witnesses => {
            let cosigned = evidence.entries().iter().map(|entry| match entry.inclusion() {
                Inclusion::Proof { cosignatures, .. } => cosignatures.len(),
                Inclusion::PromiseOnly => 0,
            });
            cosigned.max().unwrap_or(0)
        }
    }
}

impl CertificateRule {
    pub(super) fn claim(&mut self, name: &str, value: Matcher) -> Result<(), RuleError> {
        let claim = Claim::by_name(name).ok_or_else(|| RuleError::UnknownClaim(name.chars().take(64).collect()))?;
        if self.claims.iter().any(|(known, _)| *known == claim) {
            return Err(RuleError::DuplicateClaim(claim.name));
        }
        self.claims.push((claim, value));
        Ok(())
    }
}

impl RuleBuilder {
    /// Who signs: the certificate's subject alternative name.
    #[must_use]
    pub fn identity(mut self, identity: Matcher) -> Self {
        self.signer.identity = Some(identity);
        self
    }

    /// Who vouches for the identity: the issuer of the token.
    #[must_use]
    pub fn issuer(mut self, issuer: Matcher) -> Self {
        self.signer.issuer = Some(issuer);
        self
    }

    /// Which authority of the trusted root must have issued the certificate, by its name.
    #[must_use]
    pub fn certificate_authority(mut self, name: &str) -> Self {
        self.signer.authority = Some(name.to_owned());
        self
    }

    /// A claim of the certificate, by its name.
    pub fn claim(mut self, name: &str, value: Matcher) -> Result<Self, RuleError> {
        self.signer.claim(name, value)?;
        Ok(self)
    }

    /// Whether a promise of inclusion meets the rule.
    #[must_use]
    pub fn promise(mut self, promise: Promise) -> Self {
        self.promise = promise;
        self
    }

    /// Whose entries are looked for in a log, when it names anyone: who vouches may be left open there.
    pub fn watch(self) -> Result<Watch, RuleError> {
        let rule = self.signer;
        if rule.identity.is_none() && rule.claims.is_empty() && rule.issuer.is_none() {
            return Err(RuleError::NoIdentity);
        }
        Ok(Watch::of(&SignerRule { kind: SignerKind::Certificate(Box::new(rule)) }))
    }

    /// The rule, when it says enough.
    pub fn build(self) -> Result<Rule, RuleError> {
        let signer = SignerRule::certificate(self.signer)?;
        Ok(Rule { promise: self.promise, ..Rule::by(&self.name, Signers::one(signer)) })
    }
}
