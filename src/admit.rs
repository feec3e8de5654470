//! From bundles to a decision: each bundle is verified, and what was verified is held against the policy together;
//! if it is not admitted, the nearest miss is the reason. The command line and every gate call this one function.

mod attestations;
#[cfg(feature = "sign")]
pub mod image;

use thiserror::Error;

use crate::base::code::Code;
use crate::base::time::UnixTime;
use crate::format::bundle::{BundleError, UnverifiedBundle, VerificationMaterial};
use crate::policy::{self, Admitted, Explanation, Mode, NotAdmitted, Policy, Question};
use crate::verify::{Artifact, KeyTrust, Requirements, Step, Verified, Verifier, VerifyError};

pub use attestations::{AttestationError, attestations};

/// Why one candidate is not admitted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Reason {
    /// It is no bundle.
    #[error(transparent)]
    Bundle(BundleError),
    /// It proves nothing.
    #[error(transparent)]
    Verify(VerifyError),
    /// It proves something that the policy does not admit.
    #[error(transparent)]
    Policy(NotAdmitted),
}

impl Reason {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Bundle(error) => error.code(),
            Self::Verify(error) => error.code(),
            Self::Policy(error) => error.code(),
        }
    }

    /// The step of the walk that found it.
    pub fn step(&self) -> Step {
        match self {
            Self::Bundle(_) => Step::Bundle,
            Self::Verify(error) => error.step(),
            Self::Policy(_) => Step::Policy,
        }
    }
}

/// Whom to trust: a policy, or a key. There is no third.
#[derive(Debug, Clone)]
pub enum Trust {
    /// Signers, by rules.
    Policy(Policy),
    /// One key.
    Key(Box<KeyTrust>),
}

/// What became of one candidate.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Its place in the file, from 0.
    pub index: usize,
    /// Proof with the name of the rule that counts it (none for a key), or the reason against it.
    pub outcome: Result<(Box<Verified>, Option<String>), Reason>,
}

/// A decision over all candidates.
#[derive(Debug, Clone)]
#[must_use]
pub struct Decision {
    candidates: Vec<Candidate>,
    /// Of the candidates, the one that the report is about, when the artifact is admitted.
    admitted: Option<usize>,
    refused: Option<Reason>,
    mode: Mode,
    tolerated: Vec<NotAdmitted>,
}

impl Decision {
    /// What was proven, when the artifact is admitted: the first signature that counts, with the rule's name.
    pub fn admitted(&self) -> Option<(&Verified, Option<&str>)> {
        let candidate = self.candidates.get(self.admitted?)?;
        let (verified, rule) = candidate.outcome.as_ref().ok()?;
        Some((verified.as_ref(), rule.as_deref()))
    }

    /// Why the artifact is not admitted: the nearest miss of the policy, or the reason at the latest step when
    /// nothing was verified; `None` also when there was nothing to look at.
    pub fn refused(&self) -> Option<&Reason> {
        self.refused.as_ref()
    }

    /// The refusal that no signature could have changed.
    pub fn refused_finally(&self) -> Option<&NotAdmitted> {
        match &self.refused {
            Some(Reason::Policy(refused)) if refused.is_final() => Some(refused),
            _ => None,
        }
    }

    /// What the policy says is to be done with a no. A no is a no in every mode.
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// What scopes that only warn or record would have refused of an artifact that is admitted.
    pub fn tolerated(&self) -> &[NotAdmitted] {
        &self.tolerated
    }

    /// Every candidate that was looked at, in order.
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }
}

/// Decides over the bundles of one artifact. Every candidate is looked at, so that a report can tell of all.
pub fn decide(
    verifier: &Verifier,
    trust: &Trust,
    artifact: &Artifact<'_>,
    bundles: &[Result<UnverifiedBundle, BundleError>],
    now: UnixTime,
) -> Decision {
    match trust {
        Trust::Policy(policy) => by_policy(verifier, policy, artifact, bundles, now),
        Trust::Key(key) => by_key(verifier, key, artifact, bundles, now),
    }
}

/// A decision as a tree, and whom it is about.
#[derive(Debug, Clone)]
pub struct Explained {
    /// The tree.
    pub explanation: Explanation,
    /// The signers of what was verified, in the order in which the tree counts signatures.
    pub signers: Vec<String>,
    /// Why other candidates prove nothing.
    pub left_out: Vec<Reason>,
}

/// The decision of [`decide`] under a policy with everything that it rests on.
pub fn explain(
    verifier: &Verifier,
    policy: &Policy,
    artifact: &Artifact<'_>,
    bundles: &[Result<UnverifiedBundle, BundleError>],
    now: UnixTime,
) -> Explained {
    let proofs = proofs(verifier, policy, artifact, bundles, now);
    let signatures: Vec<&Verified> = proofs.iter().filter_map(|proof| Some(proof.as_ref().ok()?.as_ref())).collect();
    Explained {
        explanation: policy.explain(&Question::new(artifact, &signatures, now)),
        signers: policy::signers(&signatures),
        left_out: proofs.iter().filter_map(|proof| proof.as_ref().err().cloned()).collect(),
    }
}

/// What each bundle proves under the keys and at the strictness of a policy.
fn proofs(
    verifier: &Verifier,
    policy: &Policy,
    artifact: &Artifact<'_>,
    bundles: &[Result<UnverifiedBundle, BundleError>],
    now: UnixTime,
) -> Vec<Result<Box<Verified>, Reason>> {
    let (requirements, keys) = (policy.requirements(), policy.keys());
    let one = |bundle: &Result<UnverifiedBundle, BundleError>| {
        let bundle = bundle.as_ref().map_err(|error| Reason::Bundle(error.clone()))?;
        verify(verifier, &keys, &requirements, artifact, bundle, now).map(Box::new).map_err(Reason::Verify)
    };
    bundles.iter().map(one).collect()
}

fn by_key(
    verifier: &Verifier,
    key: &KeyTrust,
    artifact: &Artifact<'_>,
    bundles: &[Result<UnverifiedBundle, BundleError>],
    now: UnixTime,
) -> Decision {
    let one = |bundle: &Result<UnverifiedBundle, BundleError>| {
        let bundle = bundle.as_ref().map_err(|error| Reason::Bundle(error.clone()))?;
        let verified = verifier.verify_with_key(artifact, bundle, key, &key.requirements(), now);
        Ok((Box::new(verified.map_err(Reason::Verify)?), None))
    };
    let candidates = bundles.iter().enumerate().map(|(index, bundle)| Candidate { index, outcome: one(bundle) });
    let candidates: Vec<_> = candidates.collect();
    let admitted = candidates.iter().position(|candidate| candidate.outcome.is_ok());
    let refused = if admitted.is_none() { latest(&candidates) } else { None };
    Decision { candidates, admitted, refused, mode: Mode::Enforce, tolerated: Vec::new() }
}

fn by_policy(
    verifier: &Verifier,
    policy: &Policy,
    artifact: &Artifact<'_>,
    bundles: &[Result<UnverifiedBundle, BundleError>],
    now: UnixTime,
) -> Decision {
    let proofs = proofs(verifier, policy, artifact, bundles, now);
    let signatures: Vec<&Verified> = proofs.iter().filter_map(|proof| Some(proof.as_ref().ok()?.as_ref())).collect();
    let ruling = policy.admit(&Question::new(artifact, &signatures, now));
    let outcome = |proof: &Result<Box<Verified>, Reason>| {
        let verified = proof.as_ref().map_err(Clone::clone)?;
        let alone = [verified.as_ref()];
        let counts = |admitted: &Admitted<'_>| admitted.counted().iter().any(|one| std::ptr::eq(*one, alone[0]));
        let rule = match &ruling {
            Ok(admitted) if counts(admitted) => admitted.rule().name().to_owned(),
            // What it would be worth by itself.
            _ => match policy.admit(&Question::new(artifact, &alone, now)) {
                Ok(admitted) => admitted.rule().name().to_owned(),
                Err(refused) => return Err(Reason::Policy(refused)),
            },
        };
        Ok((verified.clone(), Some(rule)))
    };
    let candidates: Vec<Candidate> =
        proofs.iter().enumerate().map(|(index, proof)| Candidate { index, outcome: outcome(proof) }).collect();
    match &ruling {
        Ok(ruling) => {
            let first = |proof: &Result<Box<Verified>, Reason>| {
                proof.as_ref().is_ok_and(|verified| std::ptr::eq(verified.as_ref(), ruling.verified()))
            };
            let admitted = proofs.iter().position(first);
            let tolerated = ruling.tolerated().to_vec();
            Decision { candidates, admitted, refused: None, mode: Mode::Enforce, tolerated }
        }
        Err(refused) => {
            let mode = refused.mode;
            let whole = !signatures.is_empty() || refused.is_final();
            let reason = if whole { Some(Reason::Policy(refused.clone())) } else { latest(&candidates) };
            Decision { candidates, admitted: None, refused: reason, mode, tolerated: Vec::new() }
        }
    }
}

/// What a key signed is verified under the keys that the policy names; without any, that a key is missing tells.
fn verify(
    verifier: &Verifier,
    keys: &[KeyTrust],
    requirements: &Requirements,
    artifact: &Artifact<'_>,
    bundle: &UnverifiedBundle,
    now: UnixTime,
) -> Result<Verified, VerifyError> {
    if matches!(bundle.claimed_material(), VerificationMaterial::Certificate(_)) || keys.is_empty() {
        return verifier.verify(artifact, bundle, requirements, now);
    }
    let mut nearest: Option<VerifyError> = None;
    for key in keys {
        match verifier.verify_with_key(artifact, bundle, key, requirements, now) {
            Ok(verified) => return Ok(verified),
            Err(error) => {
                if nearest.as_ref().is_none_or(|before| error.step() > before.step()) {
                    nearest = Some(error);
                }
            }
        }
    }
    Err(nearest.unwrap_or(VerifyError::KeyRequired))
}

/// The reason at the latest step; of equal steps the first.
fn latest(candidates: &[Candidate]) -> Option<Reason> {
    let reasons = candidates.iter().filter_map(|candidate| candidate.outcome.as_ref().err());
    // `max_by_key` would give the last.
    reasons.rev().max_by_key(|reason| reason.step()).cloned()
}
