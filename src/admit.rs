//! From bundles to a decision: each bundle is verified and held against the policy; the first that is
//! admitted wins, and if none is, the nearest miss is the reason. The command line and every gate call
//! this one function.

#[cfg(feature = "sign")]
pub mod image;

use thiserror::Error;

use crate::base::code::Code;
use crate::base::time::UnixTime;
use crate::format::bundle::{BundleError, UnverifiedBundle};
use crate::policy::{NotAdmitted, Policy};
use crate::verify::{Artifact, KeyTrust, Step, Verified, Verifier, VerifyError};

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

/// Whom to trust: an identity by policy, or a key. There is no third.
#[derive(Debug, Clone)]
pub enum Trust {
    /// Certificates, by rules.
    Policy(Policy),
    /// One key.
    Key(Box<KeyTrust>),
}

/// What became of one candidate.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Its place in the file, from 0.
    pub index: usize,
    /// Proof with the name of the rule that admits it (none for a key), or the reason against it.
    pub outcome: Result<(Box<Verified>, Option<String>), Reason>,
}

/// A decision over all candidates.
#[derive(Debug, Clone)]
#[must_use]
pub struct Decision {
    candidates: Vec<Candidate>,
}

impl Decision {
    /// The first candidate that is admitted, with the rule's name.
    pub fn admitted(&self) -> Option<(&Verified, Option<&str>)> {
        self.candidates.iter().find_map(|candidate| {
            let (verified, rule) = candidate.outcome.as_ref().ok()?;
            Some((verified.as_ref(), rule.as_deref()))
        })
    }

    /// The nearest miss, when none is admitted: the reason at the latest step.
    pub fn refused(&self) -> Option<&Reason> {
        if self.admitted().is_some() {
            return None;
        }
        let reasons = self.candidates.iter().filter_map(|candidate| candidate.outcome.as_ref().err());
        // Of equal steps the first: `max_by_key` would give the last.
        reasons.rev().max_by_key(|reason| reason.step())
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
    let one = |bundle: &Result<UnverifiedBundle, BundleError>| {
        let bundle = bundle.as_ref().map_err(|error| Reason::Bundle(error.clone()))?;
        match trust {
            Trust::Policy(policy) => {
                let verified =
                    verifier.verify(artifact, bundle, &policy.requirements(), now).map_err(Reason::Verify)?;
                let rule = policy.admit(&verified).map_err(Reason::Policy)?.rule().name().to_owned();
                Ok((Box::new(verified), Some(rule)))
            }
            Trust::Key(key) => {
                let verified = verifier.verify_with_key(artifact, bundle, key, &key.requirements(), now);
                Ok((Box::new(verified.map_err(Reason::Verify)?), None))
            }
        }
    };
    let candidates = bundles.iter().enumerate().map(|(index, bundle)| Candidate { index, outcome: one(bundle) });
    Decision { candidates: candidates.collect() }
}
