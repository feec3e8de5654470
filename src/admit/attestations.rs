//! Attestations of one predicate type out of a file's bundles.

use thiserror::Error;

use crate::base::code::Code;
use crate::format::bundle::{BundleError, Content, UnverifiedBundle};
use crate::format::intoto::Statement;

/// Why none of the bundles is an attestation of the type that was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AttestationError {
    /// The only attestation has another type.
    #[error("the attestation is of type {found:?}, not {wanted:?}")]
    PredicateType {
        /// The type that was asked for.
        wanted: String,
        /// The attestation's.
        found: String,
    },
    /// Several attestations, each of another type.
    #[error("none of {} attestations is of type {wanted:?}: they are of {}", .found.len(), .found.join(", "))]
    NoneMatches {
        /// The type that was asked for.
        wanted: String,
        /// The attestations', in their order.
        found: Vec<String>,
    },
    /// Signatures of the artifact alone: nothing is attested.
    #[error("no attestation of type {wanted:?}: the bundle signs the artifact and attests nothing")]
    None {
        /// The type that was asked for.
        wanted: String,
    },
}

impl AttestationError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::PredicateType { .. } => Code::refused(
                "predicate-type-mismatch",
                "ask for the type that was attested, if it is as good; a version is part of the type",
            ),
            Self::NoneMatches { .. } => {
                Code::refused("no-matching-attestation", "attest with the predicate type that is asked for")
            }
            Self::None { .. } => Code::refused("no-attestation", "attest the artifact: a signature says nothing of it"),
        }
    }
}

/// The bundles that hold an attestation of exactly this predicate type, in their order. What cannot be read stays,
/// so that the verdict says why; the types are claims until the bundles are verified, from these very bytes.
///
/// # Errors
///
/// [`AttestationError`] when nothing stays.
pub fn attestations(
    bundles: Vec<Result<UnverifiedBundle, BundleError>>,
    wanted: &str,
) -> Result<Vec<Result<UnverifiedBundle, BundleError>>, AttestationError> {
    let mut found = Vec::new();
    let mut kept = Vec::new();
    for bundle in bundles {
        match bundle.as_ref().map(UnverifiedBundle::claimed_content) {
            Ok(Content::Dsse(envelope)) => match Statement::parse(&envelope.payload) {
                Ok(statement) if statement.predicate_type != wanted => found.push(statement.predicate_type),
                _ => kept.push(bundle),
            },
            Ok(_) => {}
            Err(_) => kept.push(bundle),
        }
    }
    let wanted = wanted.to_owned();
    match (kept.is_empty(), found.len()) {
        (false, _) => Ok(kept),
        (true, 0) => Err(AttestationError::None { wanted }),
        (true, 1) => Err(AttestationError::PredicateType { wanted, found: found.remove(0) }),
        (true, _) => Err(AttestationError::NoneMatches { wanted, found }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::crypto::{Digest, DigestAlgorithm};
    use crate::format::dsse;
    use crate::format::intoto::Subject;
    use crate::format::x509::testing::Key;
    use crate::verify::testing::{ARTIFACT, World};

    const WANTED: &str = "https://slsa.dev/provenance/v1";

    fn attested(predicate_type: &str) -> Result<UnverifiedBundle, BundleError> {
        let digest = Digest::of(DigestAlgorithm::Sha256, ARTIFACT);
        let subject = Subject { name: String::new(), digests: vec![digest] };
        let statement = Statement::to_json(&[subject], predicate_type, "{}");
        let world = World::new();
        Ok(world.complete_v2(world.attestation(&Key::p256(), dsse::IN_TOTO, &statement)).bundle())
    }

    fn code(bundles: Vec<Result<UnverifiedBundle, BundleError>>) -> &'static str {
        let code = attestations(bundles, WANTED).map(|kept| kept.len()).unwrap_err().code();
        assert_eq!(code.exit_code(), 1);
        code.name()
    }

    #[test]
    fn a08_another_predicate_type() {
        assert_eq!(attestations(vec![attested(WANTED)], WANTED).unwrap().len(), 1);
        let spelled = [
            "https://slsa.dev/provenance/v0.2",
            "https://slsa.dev/provenance/v1/",
            "https://slsa.dev/provenance/v1.1",
            "https://slsa.dev/provenance/v",
            "https://SLSA.dev/provenance/v1",
            " https://slsa.dev/provenance/v1",
            "",
        ];
        for other in spelled {
            assert_eq!(code(vec![attested(other)]), "predicate-type-mismatch", "{other:?}");
        }
    }

    #[test]
    fn a09_none_of_the_type_among_others() {
        let others = || vec![attested("https://cyclonedx.org/bom"), attested("https://spdx.dev/Document")];
        assert_eq!(code(others()), "no-matching-attestation");
        let mut with = others();
        with.insert(1, attested(WANTED));
        let wanted = with[1].clone();
        assert_eq!(attestations(with, WANTED).unwrap(), [wanted]);
    }

    #[test]
    fn a10_no_attestation_at_all() {
        let world = World::new();
        assert_eq!(code(vec![Ok(world.v1_message().bundle())]), "no-attestation");
        assert_eq!(code(Vec::new()), "no-attestation");
    }

    #[test]
    fn what_cannot_be_read_is_left_to_the_verdict() {
        let world = World::new();
        let broken = || Ok(world.attestation(&Key::p256(), dsse::IN_TOTO, "{").bundle());
        assert_eq!(attestations(vec![broken(), attested("https://example.com/p")], WANTED).unwrap().len(), 1);
        assert_eq!(attestations(vec![UnverifiedBundle::parse(b"{")], WANTED).unwrap().len(), 1);
    }
}
