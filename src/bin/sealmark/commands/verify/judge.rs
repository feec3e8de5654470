//! One artifact: its bundle is read first, to know which digests are needed, then the artifact once.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;

use sealmark::admit::{Candidate, Decision, Reason, Trust, attestations, decide};
use sealmark::base::crypto::{DigestAlgorithm, Family, Scheme};
use sealmark::base::limits;
use sealmark::base::time::UnixTime;
use sealmark::format::bundle::{BundleError, Content, UnverifiedBundle};
use sealmark::verify::{self, ArtifactName, KeyTrust, Step, Verified, Verifier};

use crate::artifact::{Artifact, ArtifactError, Hashed};
use crate::files::{self, FileError};
use crate::report::evidence::{self, Check, Status};
use crate::report::text::visible_path;
use crate::report::{
    ArtifactVerdict, CandidateVerdict, Failure, Problem, Proof, StepShown, StepStatus, Verdict, console,
};

/// What is asked of every artifact.
#[derive(Debug)]
pub(in crate::commands) struct Question<'a> {
    pub(in crate::commands) verifier: &'a Verifier,
    pub(in crate::commands) trust: &'a Trust,
    pub(in crate::commands) bundle: Option<&'a Path>,
    /// Only attestations of this type count.
    pub(in crate::commands) predicate_type: Option<&'a str>,
    /// The version that what is signed must name, where a policy says so.
    pub(in crate::commands) version: Option<&'a str>,
    pub(in crate::commands) policy: String,
    pub(in crate::commands) trust_root: &'a str,
    pub(in crate::commands) now: UnixTime,
}

type Bundles = Vec<Result<UnverifiedBundle, BundleError>>;

impl Question<'_> {
    /// The verdict about one artifact.
    pub(in crate::commands) fn judge(&self, artifact: &Artifact) -> ArtifactVerdict {
        self.judge_as(artifact.name(), artifact)
    }

    /// The same under another name.
    pub(in crate::commands) fn judge_as(&self, name: String, artifact: &Artifact) -> ArtifactVerdict {
        let path = match self.bundle {
            Some(path) => Ok(path.to_owned()),
            None => artifact.bundle_path(),
        };
        let path = match path {
            Ok(path) => path,
            Err(error) => return refused(name, None, Vec::new(), error.into()),
        };
        let shown = Some(visible_path(&path));
        match self.decide(artifact, &path) {
            Err(failure) => {
                let failure = failure.about(&name);
                refused(name, shown, Vec::new(), failure)
            }
            Ok((decision, length, bundles)) => {
                warn(&decision, &name);
                let readable = |index: usize| bundles.get(index).and_then(|bundle| bundle.as_ref().ok());
                let checklist = |found: &Candidate| candidate(found, readable(found.index));
                let signatures = decision.candidates().iter().map(checklist).collect();
                match (decision.admitted(), decision.refused()) {
                    (Some((verified, rule)), _) => ArtifactVerdict {
                        artifact: name,
                        image: None,
                        bundle: shown,
                        verdict: Verdict::Verified,
                        proof: Some(self.proof(verified, rule, length)),
                        signatures,
                        error: None,
                        failure: None,
                    },
                    (None, Some(reason)) => {
                        let failure = Failure::from(reason.clone()).about(&name);
                        refused(name, shown, signatures, failure)
                    }
                    // A file of bundles has at least one: without any it is as good as not there.
                    (None, None) => refused(name, shown, signatures, ArtifactError::NoBundle { path }.into()),
                }
            }
        }
    }

    fn decide(&self, artifact: &Artifact, path: &Path) -> Result<(Decision, Option<u64>, Bundles), Failure> {
        self.with_bundles(artifact, path, |artifact, bundles| {
            decide(self.verifier, self.trust, artifact, bundles, self.now)
        })
    }

    /// Hands an artifact with its candidates over.
    pub(in crate::commands) fn with_candidates<R>(
        &self,
        artifact: &Artifact,
        ask: impl FnOnce(&verify::Artifact<'_>, &Bundles) -> R,
    ) -> Result<R, Failure> {
        let path = self.bundle.map_or_else(|| artifact.bundle_path(), |path| Ok(path.to_owned()))?;
        let (answer, ..) =
            self.with_bundles(artifact, &path, ask).map_err(|failure| failure.about(&artifact.name()))?;
        Ok(answer)
    }

    /// With how many bytes of the artifact were read, and the candidates.
    fn with_bundles<R>(
        &self,
        artifact: &Artifact,
        path: &Path,
        ask: impl FnOnce(&verify::Artifact<'_>, &Bundles) -> R,
    ) -> Result<(R, Option<u64>, Bundles), Failure> {
        let bundles = read_bundles(path)?;
        let bundles = match self.predicate_type {
            Some(wanted) => attestations(bundles, wanted)?,
            None => bundles,
        };
        let of_key = |key: &KeyTrust| Some(Scheme::default_for(key.key().kind()));
        let schemes: Vec<Option<Scheme>> = match self.trust {
            Trust::Key(key) => vec![of_key(key)],
            Trust::Policy(policy) => policy.keys().iter().map(of_key).chain([None]).collect(),
        };
        let readable = || bundles.iter().filter_map(|bundle| bundle.as_ref().ok());
        let digests = |bundle: &UnverifiedBundle| -> Vec<_> {
            schemes.iter().flat_map(|scheme| bundle.needed_digests(*scheme)).collect()
        };
        let mut needed: BTreeSet<_> = readable().flat_map(digests).collect();
        if let Trust::Policy(policy) = self.trust {
            needed.extend(policy.denied_algorithms());
        }
        let whole = |bundle: &UnverifiedBundle| schemes.iter().any(|scheme| needs_bytes(bundle, *scheme));
        if readable().any(whole) && !matches!(artifact, Artifact::Digest(_)) {
            let bytes = artifact.bytes()?;
            let answer = ask(&self.called(verify::Artifact::from_bytes(&bytes), artifact), &bundles);
            return Ok((answer, Some(bytes.len() as u64), bundles));
        }
        // Where no bundle can be read, what is wrong with them is told all the same.
        let first = needed.pop_first().unwrap_or(DigestAlgorithm::Sha256);
        let Hashed { first, others, length } = artifact.hash(first, &needed)?;
        let answer = ask(&self.called(verify::Artifact::from_digests(first, others), artifact), &bundles);
        Ok((answer, length, bundles))
    }

    /// A file has a name by which scopes choose it; standard input and a digest have none.
    fn called<'p>(&self, proven: verify::Artifact<'p>, artifact: &Artifact) -> verify::Artifact<'p> {
        let proven = match self.version {
            Some(version) => proven.expecting_version(version.to_owned()),
            None => proven,
        };
        match artifact {
            Artifact::File(path) => proven.called(ArtifactName::file(&path.to_string_lossy())),
            Artifact::Stdin | Artifact::Digest(_) => proven,
        }
    }

    /// What was proven, for a report; `length` is how much of the artifact was read.
    pub(super) fn proof(&self, verified: &Verified, rule: Option<&str>, length: Option<u64>) -> Proof {
        let mut checks = evidence::checks(verified, length);
        let ok = |name, detail| Check { name, status: Status::Ok, detail };
        checks.push(ok("trust root", self.trust_root.to_owned()));
        checks.push(ok(
            "policy",
            match rule {
                Some(rule) if rule != self.policy => format!("{}, rule {rule:?}", self.policy),
                _ => self.policy.clone(),
            },
        ));
        let full = checks.iter().all(|check| check.status == Status::Ok);
        Proof {
            digest: verified.artifact().to_string(),
            assurance: if full { "full" } else { "reduced" },
            signer: verified.signer().into(),
            predicate_type: verified.statement().map(|statement| statement.predicate_type.clone()),
            rule: rule.map(str::to_owned),
            checks,
            not_checked: evidence::not_checked(verified),
        }
    }
}

/// A bundle that is not there is a refusal; one that cannot be looked at is not.
fn read_bundles(path: &Path) -> Result<Bundles, Failure> {
    let json = files::read(path, limits::BUNDLES_BYTES).map_err(|error| match error {
        FileError::Read { path, kind: ErrorKind::NotFound } => Failure::from(ArtifactError::NoBundle { path }),
        other => other.into(),
    })?;
    Ok(UnverifiedBundle::parse_lines(&json)?)
}

/// Pure Ed25519 signs the artifact's bytes, not a digest of them.
fn needs_bytes(bundle: &UnverifiedBundle, given: Option<Scheme>) -> bool {
    let own = bundle.claimed_certificate().map(|leaf| Scheme::default_for(leaf.public_key().kind()));
    matches!(bundle.claimed_content(), Content::Message { .. })
        && own.or(given).is_some_and(|scheme| scheme.family == Family::Ed25519)
}

/// A verdict that is no yes.
pub(super) fn refused(
    artifact: String,
    bundle: Option<String>,
    signatures: Vec<CandidateVerdict>,
    failure: Failure,
) -> ArtifactVerdict {
    ArtifactVerdict {
        artifact,
        image: None,
        bundle,
        verdict: failure.code().class().into(),
        proof: None,
        signatures,
        error: Some(Problem::from(&failure)),
        failure: Some(failure),
    }
}

/// Says what scopes that only warn would have refused.
pub(super) fn warn(decision: &Decision, name: &str) {
    for tolerated in decision.tolerated() {
        console::warning(&format!("{name}: {tolerated}: {}", tolerated.code().name()));
    }
}

/// A candidate's checklist.
pub(super) fn candidate(candidate: &Candidate, bundle: Option<&UnverifiedBundle>) -> CandidateVerdict {
    let reason = candidate.outcome.as_ref().err();
    let failed = reason.map(Reason::step);
    // That the chain leads elsewhere was looked up after an earlier step had failed: those before prove nothing.
    let foreign = reason.is_some_and(|reason| reason.code().name() == "chain-untrusted");
    let step = |step: Step| {
        let status = match failed {
            Some(failed) if step == failed => StepStatus::Failed,
            Some(failed) if step > failed || (foreign && step >= Step::Log) => StepStatus::NotReached,
            _ if bundle.is_some_and(|bundle| !applies(step, bundle)) => StepStatus::NotApplicable,
            _ => StepStatus::Ok,
        };
        StepShown { step: step.name(), status }
    };
    CandidateVerdict {
        number: candidate.index + 1,
        place: None,
        verdict: reason.map_or(Verdict::Verified, |reason| reason.code().class().into()),
        steps: Step::ALL.map(step).into(),
        error: reason.map(|reason| Problem::from(&Failure::from(reason.clone()))),
    }
}

/// Whether a step looks at something in this bundle: a key has no chain, and many bundles no timestamps.
fn applies(step: Step, bundle: &UnverifiedBundle) -> bool {
    match step {
        Step::Timestamp => !bundle.claimed_timestamps().is_empty(),
        Step::Log => !bundle.claimed_log_entries().is_empty(),
        Step::Chain | Step::Sct | Step::Policy => bundle.claimed_certificate().is_some(),
        _ => true,
    }
}
