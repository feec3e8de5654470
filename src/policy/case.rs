//! What a policy is asked about: one artifact, everything that was verified about it, and the time.

use std::cell::OnceCell;

use super::Distrust;
use super::attestation::AttestationRule;
use super::condition::Prepared;
use super::refusal::{Bound, Miss, Refusal};
use crate::base::crypto::Digest;
use crate::base::encoding::json::Json;
use crate::base::time::UnixTime;
use crate::format::cosign::SIGNATURE_PREDICATE;
use crate::format::oci::{ImageRef, Repository};
use crate::verify::{Artifact, ArtifactName, Verified};

/// An artifact with its name, the signatures about it that were verified, and the time. A policy reads nothing else.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    pub(super) artifact: &'a Artifact<'a>,
    pub(super) signatures: &'a [&'a Verified],
    pub(super) now: UnixTime,
}

impl<'a> Question<'a> {
    /// About `artifact` (by the name that it has: [`Artifact::called`]) at `now`.
    pub fn new(artifact: &'a Artifact<'a>, signatures: &'a [&'a Verified], now: UnixTime) -> Self {
        Self { artifact, signatures, now }
    }

    /// What was verified.
    pub fn signatures(&self) -> &'a [&'a Verified] {
        self.signatures
    }
}

/// A question while it is answered: payloads are parsed once, and only when a rule reads them.
pub(super) struct Case<'a> {
    pub(super) artifact: &'a Artifact<'a>,
    pub(super) signatures: &'a [&'a Verified],
    pub(super) now: UnixTime,
    pub(super) distrust: &'a [Distrust],
    payloads: Vec<OnceCell<Option<Json<'a>>>>,
    prepared: Vec<OnceCell<Prepared>>,
}

/// What a signer claims about the artifact's name.
#[derive(Debug, Default)]
struct Claimed {
    name: Option<String>,
    tag: Option<String>,
    version: Option<String>,
}

impl<'a> Case<'a> {
    pub(super) fn new(question: &Question<'a>, distrust: &'a [Distrust]) -> Self {
        let Question { artifact, signatures, now } = *question;
        let payloads = signatures.iter().map(|_| OnceCell::new()).collect();
        let prepared = signatures.iter().map(|_| OnceCell::new()).collect();
        Self { artifact, signatures, now, distrust, payloads, prepared }
    }

    /// What was signed, as JSON.
    pub(super) fn payload(&self, place: usize) -> Option<&Json<'a>> {
        let parse = || Json::parse(self.signatures.get(place)?.signed_bytes()?).ok();
        self.payloads.get(place)?.get_or_init(parse).as_ref()
    }

    /// What conditions are asked about, of the signature at a place.
    pub(super) fn prepared(&self, place: usize, predicate: Option<&Json<'a>>) -> Option<&Prepared> {
        Some(self.prepared.get(place)?.get_or_init(|| Prepared::of(predicate)))
    }

    /// Whether the signature is as old as it must be and no older.
    pub(super) fn within_ages(
        &self,
        verified: &Verified,
        max_age: Option<u64>,
        min_age: Option<u64>,
        summary: bool,
    ) -> Result<(), Miss<'a>> {
        if max_age.is_none() && min_age.is_none() {
            return Ok(());
        }
        let signed = verified.evidence().earliest().ok_or(Refusal::TimeMissing)?;
        let age = u64::try_from(self.now.secs().saturating_sub(signed.secs())).unwrap_or(0);
        if let Some(limit) = max_age.filter(|limit| age > *limit) {
            return Err(Refusal::Stale { signed, age, limit, summary }.into());
        }
        if let Some(limit) = min_age.filter(|limit| age < *limit) {
            return Err(Refusal::TooYoung { signed, age, limit }.into());
        }
        Ok(())
    }

    /// Whether what was verified speaks for an image: a signature, a statement of the type that is asked about, or one
    /// that the rule wants of its own signers. Who attests to an image, to failed tests even, has not signed it
    /// thereby; and anyone who can write to a registry chooses what is attached there. The bundle of a file is chosen
    /// by whoever asks.
    pub(super) fn speaks(&self, verified: &Verified, named: &[AttestationRule]) -> Result<(), Miss<'a>> {
        let (Some(ArtifactName::Image { .. }), Some(statement)) = (self.artifact.name(), verified.statement()) else {
            return Ok(());
        };
        let found = statement.predicate_type.as_str();
        let asked = found == SIGNATURE_PREDICATE || self.artifact.statements() == Some(found);
        let of_the_signers = |wanted: &AttestationRule| wanted.signers().is_none();
        if asked || named.iter().any(|wanted| of_the_signers(wanted) && wanted.predicate_type().is_match(found)) {
            return Ok(());
        }
        Err(Refusal::NoSignatureBut { predicate_type: found.to_owned() }.into())
    }

    /// Whether the signer is still believed, or was when this was signed.
    pub(super) fn believed(&self, verified: &Verified) -> Result<(), Miss<'a>> {
        let found = verified.evidence().earliest();
        let distrust = self.distrust.iter().find(|distrust| {
            distrust.signer.meet(verified).is_ok() && found.is_none_or(|found| found >= distrust.from)
        });
        match distrust {
            None => Ok(()),
            Some(Distrust { from, reason, .. }) => {
                Err(Refusal::Distrusted { from: *from, found, reason: reason.clone() }.into())
            }
        }
    }

    /// Whether what is signed names the artifact as it is asked for.
    pub(super) fn bound(&self, verified: &Verified, bounds: &[Bound]) -> Result<(), Miss<'a>> {
        if bounds.is_empty() {
            return Ok(());
        }
        let claimed = self.claimed(verified);
        for bound in bounds {
            let (expected, found) = match (bound, self.artifact.name()) {
                (Bound::Name, Some(ArtifactName::Image { repository, .. })) => (repository.to_string(), &claimed.name),
                (Bound::Name, Some(ArtifactName::File(name))) => (name.clone(), &claimed.name),
                (Bound::Name, None) => ("a name that the caller gives".to_owned(), &None),
                (Bound::Tag, Some(ArtifactName::Image { tag: Some(tag), .. })) => {
                    (tag.as_str().to_owned(), &claimed.tag)
                }
                // Who asks by digest has no tag that could lie.
                (Bound::Tag, _) => continue,
                (Bound::Version, _) => match self.artifact.expected_version() {
                    Some(version) => (version.to_owned(), &claimed.version),
                    None => ("a version that the caller expects".to_owned(), &None),
                },
            };
            if found.as_ref() != Some(&expected) {
                return Err(Refusal::NotBound { bound: *bound, expected, found: found.clone() }.into());
            }
        }
        Ok(())
    }

    /// The name, tag and version in what was signed: `critical.identity.docker-reference` and `optional` of an older
    /// cosign signature; name and annotations of the subject of a statement.
    fn claimed(&self, verified: &Verified) -> Claimed {
        let mut claimed = Claimed::default();
        let Some(payload) = self.signatures.iter().position(|known| std::ptr::eq(*known, verified)) else {
            return claimed;
        };
        let Some(payload) = self.payload(payload) else { return claimed };
        let (name, annotations) = match payload.member("critical") {
            Some(critical) => {
                let identity = critical.member("identity");
                let name = identity.and_then(|identity| identity.member("docker-reference"));
                (name, payload.member("optional"))
            }
            None => {
                let subject = self.subject(payload);
                let part = |name| subject.and_then(|subject: &Json<'_>| subject.member(name));
                (part("name"), part("annotations"))
            }
        };
        let annotation = |name| annotations.and_then(|json: &Json<'_>| json.member(name)).and_then(Json::as_str);
        claimed.tag = annotation("tag").map(str::to_owned);
        claimed.version = annotation("version").map(str::to_owned);
        let Some(name) = name.and_then(Json::as_str) else { return claimed };
        if matches!(self.artifact.name(), Some(ArtifactName::File(_))) {
            claimed.name = Some(name.to_owned());
        } else if let Ok(repository) = Repository::parse(name) {
            claimed.name = Some(repository.to_string());
        } else if let Ok(image) = ImageRef::parse(name) {
            claimed.name = Some(image.repository().to_string());
            if let ImageRef::Tagged(tagged) = image {
                claimed.tag = Some(tagged.tag().as_str().to_owned());
            }
        }
        claimed
    }

    /// The subject of a statement that is the artifact.
    fn subject<'j>(&self, statement: &'j Json<'a>) -> Option<&'j Json<'a>> {
        let Some(Json::Array(subjects)) = statement.member("subject") else { return None };
        subjects.iter().find(|subject| {
            let Some(Json::Object(digests)) = subject.member("digest") else { return false };
            digests.iter().any(|(algorithm, hex)| {
                let text = format!("{algorithm}:{}", hex.as_str().unwrap_or_default());
                let digest = Digest::parse(&text);
                digest.is_some_and(|digest| self.artifact.digest(digest.algorithm()) == Some(digest))
            })
        })
    }
}
