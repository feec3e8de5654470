//! Attestations that a rule asks for: a predicate type, by whom, and what the predicate says. Only statements that
//! were verified are read, and from the bytes that were signed.

use std::borrow::Cow;
use std::sync::Arc;

use super::asked::Asked;
use super::case::Case;
use super::matcher::{Matcher, PatternError};
use super::refusal::{Miss, Refusal, SUMMARY};
use super::rule::Rule;
use super::seen::Seen;
use super::signer::Signers;
use crate::base::encoding::json::Json;
use crate::base::time::UnixTime;
use crate::verify::Verified;

/// An attestation that must be there.
#[derive(Debug, Clone)]
pub struct AttestationRule {
    pub(super) predicate_type: Matcher,
    /// `None`: whoever must have signed the artifact.
    pub(super) signers: Option<Signers>,
    pub(super) fields: Vec<(Pointer, Matcher)>,
    pub(super) conditions: Vec<Arc<Asked>>,
    pub(super) max_age: Option<u64>,
    pub(super) min_age: Option<u64>,
}

/// A JSON pointer (RFC 6901) into a predicate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pointer {
    text: String,
    steps: Vec<String>,
}

impl Pointer {
    pub(super) fn parse(text: &str) -> Result<Self, PatternError> {
        let wrong = |problem: &str| PatternError::Pointer { text: text.to_owned(), problem: problem.to_owned() };
        let rest = text.strip_prefix('/').ok_or_else(|| wrong("a JSON pointer begins with a slash"))?;
        let step = |step: &str| {
            let plain = step.replace("~1", "").replace("~0", "");
            if plain.contains('~') || step.is_empty() {
                return Err(wrong("a step is empty, or has a `~` that is neither `~0` nor `~1`"));
            }
            Ok(step.replace("~1", "/").replace("~0", "~"))
        };
        Ok(Self { text: text.to_owned(), steps: rest.split('/').map(step).collect::<Result<_, _>>()? })
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    fn find<'j, 'a>(&self, json: &'j Json<'a>) -> Option<&'j Json<'a>> {
        self.steps.iter().try_fold(json, |json, step| match json {
            Json::Array(items) => items.get(step.parse::<usize>().ok().filter(|place| place.to_string() == *step)?),
            json => json.member(step),
        })
    }
}

/// The text by which a value is compared: only single values have one.
fn scalar<'j>(json: &'j Json<'_>) -> Option<Cow<'j, str>> {
    match json {
        Json::String(text) => Some(Cow::Borrowed(text)),
        Json::Integer(number) => Some(number.to_string().into()),
        Json::Bool(value) => Some(value.to_string().into()),
        _ => None,
    }
}

impl AttestationRule {
    /// The predicate type.
    pub fn predicate_type(&self) -> &Matcher {
        &self.predicate_type
    }

    /// Who must have attested; `None` when it is whoever must have signed.
    pub fn signers(&self) -> Option<&Signers> {
        self.signers.as_ref()
    }

    /// What the predicate must say, by JSON pointer.
    pub fn fields(&self) -> &[(Pointer, Matcher)] {
        &self.fields
    }

    fn is_summary(&self) -> bool {
        self.predicate_type.text().starts_with(SUMMARY)
    }

    /// The signatures that count, by their places in the case.
    pub(super) fn meet<'a>(&'a self, rule: &'a Rule, case: &Case<'a>) -> Result<Vec<usize>, Miss<'a>> {
        let types = |verified: &&'a Verified| verified.statement().map(|statement| statement.predicate_type.as_str());
        let of_type: Vec<usize> = case
            .signatures
            .iter()
            .enumerate()
            .filter(|(_, verified)| types(verified).is_some_and(|found| self.predicate_type.is_match(found)))
            .map(|(place, _)| place)
            .collect();
        if of_type.is_empty() {
            return Err(Miss::Attestation { wanted: &self.predicate_type, signatures: case.signatures });
        }
        let subset: Vec<&'a Verified> =
            of_type.iter().filter_map(|place| case.signatures.get(*place).copied()).collect();
        let sound = |place: usize, verified: &'a Verified| {
            rule.sound(case, verified)?;
            case.within_ages(verified, self.max_age, self.min_age, self.is_summary())?;
            of_type.get(place).map_or(Ok(()), |place| self.content(case, *place))
        };
        let signers = self.signers.as_ref().unwrap_or(rule.signers());
        let counted = signers.meet(&subset, &sound)?;
        Ok(counted.into_iter().filter_map(|place| of_type.get(place).copied()).collect())
    }

    /// Whether the predicate says what it must.
    fn content<'a>(&'a self, case: &Case<'a>, place: usize) -> Result<(), Miss<'a>> {
        let payload = case.payload(place);
        let predicate = payload.and_then(|payload| payload.member("predicate"));
        let verified = case.signatures.get(place);
        let statement = verified.and_then(|verified| verified.statement());
        let predicate_type = statement.map(|statement| statement.predicate_type.as_str()).unwrap_or_default();
        let refuse = |field: &str, expected: String, found: Option<String>| {
            let (predicate_type, field) = (predicate_type.to_owned(), field.to_owned());
            Err(Refusal::Predicate { predicate_type, field, expected, found }.into())
        };
        if predicate_type.starts_with(SUMMARY) {
            // Whatever else is asked: a summary of a failure is none of a success.
            let result = predicate.and_then(|predicate| predicate.member("verificationResult")).and_then(Json::as_str);
            if result != Some("PASSED") {
                return refuse("/verificationResult", "PASSED".to_owned(), result.map(str::to_owned));
            }
            // Version 1.0 of the specification and later: "required".
            let time = predicate.and_then(|predicate| predicate.member("timeVerified")).and_then(Json::as_str);
            if time.and_then(UnixTime::parse_rfc3339).is_none() {
                return refuse("/timeVerified", "a time".to_owned(), time.map(str::to_owned));
            }
        }
        for (pointer, expected) in &self.fields {
            let found = predicate.and_then(|predicate| pointer.find(predicate)).and_then(scalar);
            if !found.as_deref().is_some_and(|found| expected.is_match(found)) {
                return refuse(pointer.text(), expected.to_string(), found.map(Cow::into_owned));
            }
        }
        if self.conditions.is_empty() {
            return Ok(());
        }
        if let (Some(verified), Some(prepared)) = (verified, case.prepared(place, predicate)) {
            let signed = verified.evidence().earliest();
            let seen = Seen { statement: payload, predicate, prepared, predicate_type, now: case.now, signed };
            return Ok(self.conditions.iter().try_for_each(|condition| condition.meet(&seen))?);
        }
        Err(Miss::NoSignature)
    }
}
