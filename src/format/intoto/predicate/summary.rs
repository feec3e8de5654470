//! SLSA verification summaries, v0.2 and v1: <https://slsa.dev/spec/v1.0/verification_summary>

use super::forms::{digests, each, maybe_time, one_of, text_map, texts, time, top, uri, wrong};
use crate::base::encoding::json::{Fields, Json, ShapeError};
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
    verified_levels: Vec<String>,
}

impl Summary {
    pub(super) fn read(predicate_type: &str, json: &Json<'_>) -> Result<Self, ShapeError> {
        let v1 = predicate_type != SUMMARY_V0_2;
        let name = |v1_name: &'static str, older: &'static str| if v1 { v1_name } else { older };
        let mut fields = top(json)?;
        let mut verifier = fields.require_object("verifier")?;
        let verifier_id = uri(&mut verifier, "id")?.to_owned();
        text_map(&mut verifier, "version")?;
        let resource_uri = uri(&mut fields, name("resourceUri", "resource_uri"))?.to_owned();
        let mut policy = fields.require_object("policy")?;
        let policy_uri = policy.string("uri")?.filter(|uri| !uri.trim().is_empty()).map(str::to_owned);
        if v1 && policy_uri.is_none() {
            return Err(ShapeError::Missing { path: policy.path("uri") });
        }
        digests(&mut policy, "digest")?;
        each(&mut fields, name("inputAttestations", "input_attestations"), input)?;
        let result = name("verificationResult", "verification_result");
        let result = match one_of(&mut fields, result, &["PASSED", "FAILED"], "PASSED or FAILED")? {
            "PASSED" => SummaryResult::Passed,
            _ => SummaryResult::Failed,
        };
        let time_verified = match v1 {
            true => Some(time(&mut fields, "timeVerified")?),
            false => maybe_time(&mut fields, "time_verified")?,
        };
        let verified_levels = if v1 { levels(&mut fields, result)? } else { Vec::new() };
        texts(&mut fields, &[name("slsaVersion", "policy_level")])?;
        counts(&mut fields, name("dependencyLevels", "dependency_levels"))?;
        Ok(Self { verifier_id, resource_uri, policy_uri, result, time_verified, verified_levels })
    }

    /// The levels that were verified, of each track the highest; none in v0.2.
    pub fn verified_levels(&self) -> &[String] {
        &self.verified_levels
    }

    /// Who verified.
    pub fn verifier_id(&self) -> &str {
        &self.verifier_id
    }

    /// Where the artifact was.
    pub fn resource_uri(&self) -> &str {
        &self.resource_uri
    }

    /// Under which policy; in v0.2 a verifier may give only its digest.
    pub fn policy_uri(&self) -> Option<&str> {
        self.policy_uri.as_deref()
    }

    /// What was decided.
    pub fn result(&self) -> SummaryResult {
        self.result
    }

    /// When, as the verifier says; v1 always has it. The time that is proven is the signature's.
    pub fn time_verified(&self) -> Option<UnixTime> {
        self.time_verified
    }
}

/// What the verdict rests on: "each entry MUST contain a digest".
fn input(item: &Json<'_>, path: &str) -> Result<(), ShapeError> {
    let mut fields = Fields::of(item, path)?;
    let found = digests(&mut fields, "digest")?;
    texts(&mut fields, &["uri"])?;
    if found.is_empty() { Err(ShapeError::Missing { path: fields.path("digest") }) } else { Ok(()) }
}

/// Section "SlsaResult": one level a track, no names of one's own that begin with `SLSA_`; and none beside a failure.
fn levels(fields: &mut Fields<'_, '_>, result: SummaryResult) -> Result<Vec<String>, ShapeError> {
    let path = fields.path("verifiedLevels");
    let Json::Array(items) = fields.require("verifiedLevels")? else { return Err(wrong(path, "an array")) };
    let (mut levels, mut tracks) = (Vec::new(), Vec::new());
    for (index, item) in items.iter().enumerate() {
        let path = format!("{path}[{index}]");
        let Some(level) = item.as_str().filter(|level| !level.is_empty()) else { return Err(wrong(path, "a level")) };
        if let Some(rest) = level.strip_prefix("SLSA_") {
            let Some((track, number)) = rest.split_once("_LEVEL_") else { return Err(wrong(path, "a level of SLSA")) };
            if track.is_empty() || number.is_empty() || tracks.contains(&track) {
                return Err(wrong(path, "a level of SLSA, and the only one of its track"));
            }
            tracks.push(track);
        }
        if (level == "FAILED") != (result == SummaryResult::Failed) {
            return Err(wrong(path, "a level that such a result has"));
        }
        levels.push(level.to_owned());
    }
    Ok(levels)
}

/// How many dependencies have which level.
fn counts(fields: &mut Fields<'_, '_>, name: &str) -> Result<(), ShapeError> {
    let path = fields.path(name);
    match fields.take(name) {
        None | Some(Json::Null) => Ok(()),
        Some(Json::Object(members)) => members.iter().try_for_each(|(level, count)| match count {
            Json::Integer(count) if *count >= 0 => Ok(()),
            _ => Err(wrong(format!("{path}.{level}"), "a number of dependencies")),
        }),
        Some(_) => Err(wrong(path, "an object")),
    }
}
