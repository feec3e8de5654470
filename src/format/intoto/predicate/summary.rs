//! SLSA verification summaries, v0.2 and v1: <https://slsa.dev/spec/v1.0/verification_summary>

use super::{filled, top};
use crate::base::encoding::json::{Json, ShapeError};
use crate::base::time::UnixTime;

/// The type of verification summaries v1.
pub const SUMMARY_V1: &str = "https://slsa.dev/verification_summary/v1";
/// The type of verification summaries v0.2, whose fields are spelled with underscores.
pub const SUMMARY_V0_2: &str = "https://slsa.dev/verification_summary/v0.2";

/// What a verifier decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SummaryResult {
    /// `PASSED`
    Passed,
    /// `FAILED`
    Failed,
}

/// What a verifier found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    verifier_id: String,
    resource_uri: String,
    policy_uri: Option<String>,
    result: SummaryResult,
    time_verified: Option<UnixTime>,
}

impl Summary {
    pub(super) fn read(predicate_type: &str, json: &Json<'_>) -> Result<Self, ShapeError> {
        let (time, resource, result) = match predicate_type {
            SUMMARY_V0_2 => ("time_verified", "resource_uri", "verification_result"),
            _ => ("timeVerified", "resourceUri", "verificationResult"),
        };
        let mut fields = top(json)?;
        let verifier_id = filled(&mut fields.require_object("verifier")?, "id")?.to_owned();
        let resource_uri = filled(&mut fields, resource)?.to_owned();
        let policy_uri = fields.require_object("policy")?.string("uri")?.map(str::to_owned);
        let path = fields.path(result);
        let result = match filled(&mut fields, result)? {
            "PASSED" => SummaryResult::Passed,
            "FAILED" => SummaryResult::Failed,
            _ => return Err(ShapeError::Type { path, expected: "PASSED or FAILED" }),
        };
        let path = fields.path(time);
        let time = fields.string(time)?;
        let parse = |text| {
            UnixTime::parse_rfc3339(text).ok_or(ShapeError::Type { path, expected: "a time as RFC 3339 writes it" })
        };
        let time_verified = time.map(parse).transpose()?;
        Ok(Self { verifier_id, resource_uri, policy_uri, result, time_verified })
    }

    /// Who verified.
    pub fn verifier_id(&self) -> &str {
        &self.verifier_id
    }

    /// Where the artifact was.
    pub fn resource_uri(&self) -> &str {
        &self.resource_uri
    }

    /// Under which policy; a verifier may give only its digest.
    pub fn policy_uri(&self) -> Option<&str> {
        self.policy_uri.as_deref()
    }

    /// What was decided.
    pub fn result(&self) -> SummaryResult {
        self.result
    }

    /// When, as the verifier says; the time that is proven is the signature's.
    pub fn time_verified(&self) -> Option<UnixTime> {
        self.time_verified
    }
}
