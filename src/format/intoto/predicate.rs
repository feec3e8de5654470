//! Predicates whose type has a schema, read strictly: what a rule or a person relies on is there and of its type.
//! <https://github.com/in-toto/attestation/tree/main/spec/predicates>
//!
//! | predicate type | read |
//! | --- | --- |
//! | `https://slsa.dev/provenance/v1`, `v0.2` | [`Provenance`] |
//! | `https://slsa.dev/verification_summary/v1`, `v0.2` | [`Summary`] |
//! | `https://spdx.dev/Document`, with a version or none | checked: SPDX 2 and 3 |
//! | `https://cyclonedx.org/bom`, with a version or none | checked |
//! | `https://openvex.dev/ns`, with a version or none | checked |
//! | `https://cosign.sigstore.dev/attestation/vuln/v1` | checked |
//! | `https://in-toto.io/attestation/vulns/v0.2`, `v0.1` | checked |
//! | `https://in-toto.io/attestation/test-result/v0.1` | checked |
//! | `https://in-toto.io/attestation/link/v0.3`, `https://in-toto.io/Link/v1` | checked |
//! | `https://in-toto.io/attestation/release/v0.1` | checked |
//!
//! SLSA 1.1 and 1.2 kept the type of 1.0. Fields that a schema does not have are left alone, as the specifications
//! ask; so is every other type.

mod forms;
mod provenance;
mod schema;
mod summary;

use thiserror::Error;

use crate::base::encoding::json::{Json, ShapeError};

pub use provenance::{Material, PROVENANCE_V0_2, PROVENANCE_V1, Provenance};
pub use summary::{SUMMARY_V0_2, SUMMARY_V1, Summary, SummaryResult};

/// A predicate that does not have the shape that its type gives it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the predicate is none of type {predicate_type}: at {pointer:?}: {error}", pointer = self.pointer())]
pub struct PredicateError {
    /// The type.
    pub predicate_type: String,
    /// Where, and what was expected.
    pub error: ShapeError,
}

impl PredicateError {
    /// The place within the predicate, as a JSON pointer (RFC 6901); empty for the predicate itself.
    pub fn pointer(&self) -> String {
        let path = match &self.error {
            ShapeError::Missing { path }
            | ShapeError::Unknown { path }
            | ShapeError::Type { path, .. }
            | ShapeError::Base64 { path }
            | ShapeError::Integer { path }
            | ShapeError::TooMany { path, .. } => path,
        };
        let within = path.strip_prefix("predicate").unwrap_or(path);
        within.replace('~', "~0").replace('/', "~1").replace(['.', '['], "/").replace(']', "")
    }
}

/// A predicate, by its type.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Predicate {
    /// How an artifact was built.
    Provenance(Provenance),
    /// What a verifier found.
    Summary(Summary),
    /// Of another type with a schema, which it meets.
    Checked,
    /// Of a type without a schema here.
    Custom,
}

impl Predicate {
    /// Reads a predicate of a type.
    ///
    /// # Errors
    ///
    /// [`PredicateError`] when the type has a schema, and the predicate does not meet it.
    pub fn parse(predicate_type: &str, json: &Json<'_>) -> Result<Self, PredicateError> {
        Self::read(predicate_type, json)
            .map_err(|error| PredicateError { predicate_type: predicate_type.to_owned(), error })
    }

    fn read(predicate_type: &str, json: &Json<'_>) -> Result<Self, ShapeError> {
        match predicate_type {
            PROVENANCE_V1 => Provenance::v1(json).map(Self::Provenance),
            PROVENANCE_V0_2 => Provenance::v0_2(json).map(Self::Provenance),
            SUMMARY_V1 | SUMMARY_V0_2 => Summary::read(predicate_type, json).map(Self::Summary),
            other => match schema::of(other) {
                Some(check) => check(json).map(|()| Self::Checked),
                None => Ok(Self::Custom),
            },
        }
    }
}

#[cfg(test)]
mod tests;
