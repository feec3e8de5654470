//! Conditions in Rego, as cosign and policy-controller evaluate them
//! (<https://docs.sigstore.dev/policy-controller/overview/>, `cosign verify-attestation --policy FILE.rego`).
//!
//! `input` is the statement that was signed. Package `signature` says `allow`; package `sigstore` says `isCompliant`,
//! which is true, or a set of objects of which one has a `result` that is true and no `warning` (policy-controller takes
//! no attestation whose policy warns). A `deny` beside it that says anything is a no. Undefined is a no, and so is an
//! error. There is no `data` but the policy's own, no network, no file and no environment; the time is the decision's.
//!
//! What a policy can cost has bounds: its size, the depth of its rules, the size of the texts and lists that it makes
//! ([`builtins`]), and the time.

mod builtins;
mod outline;

use std::num::NonZeroU32;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use regorus::utils::limits::ExecutionTimerConfig;
use regorus::{Engine, Value};

use self::outline::Outline;
use super::condition;
use super::refusal::Refusal;
use super::seen::Seen;
use crate::base::encoding::json::Json;
use crate::base::limits;

/// A compiled policy.
pub(super) struct Rego {
    name: String,
    engine: Engine,
    /// `data.signature.allow`, `data.sigstore.isCompliant`
    query: &'static str,
    deny: Option<&'static str>,
    /// The fields of the statement that it names.
    fields: Vec<Vec<String>>,
}

/// What a policy says.
enum Answer {
    Yes,
    /// What it said instead, in words.
    No(String),
}

/// The packages that the field's tools ask, and what they ask them.
const PACKAGES: [(&str, &str, &str, &str); 2] = [
    ("data.signature", "allow", "data.signature.allow", "data.signature.deny"),
    ("data.sigstore", "isCompliant", "data.sigstore.isCompliant", "data.sigstore.deny"),
];

impl Rego {
    /// Compiles a policy; the error says what is wrong with it, with its line and column.
    pub(super) fn compile(name: Option<&str>, text: &str) -> Result<Self, String> {
        if text.trim().is_empty() || text.len() > limits::REGO_BYTES {
            return Err(format!("a Rego policy has 1 to {} bytes", limits::REGO_BYTES));
        }
        let compiled = catch_unwind(AssertUnwindSafe(|| Self::read(name, text)));
        compiled.unwrap_or_else(|_| Err("it cannot be read".to_owned()))
    }

    fn read(name: Option<&str>, text: &str) -> Result<Self, String> {
        let outline = Outline::of(text)?;
        let mut engine = Engine::new();
        engine.set_rego_v0(true);
        engine.set_gather_prints(true);
        engine.set_strict_builtin_errors(true);
        engine.set_execution_timer_config(ExecutionTimerConfig {
            limit: Duration::from_millis(limits::REGO_MILLIS),
            check_interval: NonZeroU32::MIN,
        });
        builtins::add(&mut engine).map_err(|error| one_line(&error.to_string()))?;
        let package = engine.add_policy("rego".to_owned(), text.to_owned()).map_err(|e| one_line(&e.to_string()))?;
        let (_, rule, query, deny) = PACKAGES
            .into_iter()
            .find(|(known, ..)| *known == package)
            .ok_or("its package is neither `signature` nor `sigstore`, which cosign and policy-controller ask")?;
        if !outline.has(rule) {
            return Err(format!("it has no rule `{rule}`, which is asked in its package"));
        }
        let deny = outline.has("deny").then_some(deny);
        let fields = outline.fields();
        let rego = Self { name: name.unwrap_or(query).to_owned(), engine, query, deny, fields };
        // Functions that are not there, and variables that nothing binds, show when it is first evaluated.
        builtins::at(0, || rego.answer(Value::new_object()))?;
        Ok(rego)
    }

    /// Whether it says yes; if not, why, with the values that it saw.
    pub(super) fn meet(&self, seen: &Seen<'_, '_>) -> Result<(), Refusal> {
        let no_answer = |problem: String| Refusal::ConditionError {
            condition: self.name.clone(),
            expression: self.query.to_owned(),
            problem,
            values: self.values(seen),
        };
        let Some(statement) = seen.statement else {
            return Err(no_answer("there is no statement".to_owned()));
        };
        let evaluate = || builtins::at(seen.now.secs(), || self.answer(value_of(statement)));
        let evaluated = catch_unwind(AssertUnwindSafe(evaluate));
        match evaluated.unwrap_or_else(|_| Err("it cannot be evaluated".to_owned())) {
            Ok(Answer::Yes) => Ok(()),
            Ok(Answer::No(said)) => {
                Err(Refusal::Condition { condition: self.name.clone(), expression: said, values: self.values(seen) })
            }
            Err(problem) => Err(no_answer(problem)),
        }
    }

    fn answer(&self, statement: Value) -> Result<Answer, String> {
        let words = |error: &dyn std::fmt::Display| one_line(&error.to_string());
        let mut engine = self.engine.clone();
        engine.set_input(statement);
        if let Some(deny) = self.deny {
            let said = engine.eval_rule(deny.to_owned()).map_err(|error| words(&error))?;
            if !is_silent(&said) {
                return Ok(Answer::No(format!("{deny} is {}", shown(&said))));
            }
        }
        let said = engine.eval_rule(self.query.to_owned()).map_err(|error| words(&error))?;
        Ok(if is_yes(&said) { Answer::Yes } else { Answer::No(format!("{} is {}", self.query, shown(&said))) })
    }

    /// The values of the fields that it names.
    fn values(&self, seen: &Seen<'_, '_>) -> Vec<(String, String)> {
        let value = |steps: &Vec<String>| {
            let found = steps.iter().try_fold(seen.statement?, |json, step| json.member(step));
            let text = found.map_or_else(|| "absent".to_owned(), |json| one_line(&builtins::json(&value_of(json))));
            Some((format!("input.{}", steps.join(".")), text))
        };
        self.fields.iter().take(limits::REGO_SHOWN).filter_map(value).collect()
    }
}

impl std::fmt::Debug for Rego {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rego").field("name", &self.name).field("query", &self.query).finish_non_exhaustive()
    }
}

/// The same value in the engine's terms, fractions and large numbers too.
fn value_of(json: &Json<'_>) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::from(*value),
        Json::Integer(value) => Value::from(*value),
        Json::Float(value) => Value::from(*value),
        Json::String(text) => Value::from(text.as_ref()),
        Json::Array(items) => Value::from(items.iter().map(value_of).collect::<Vec<_>>()),
        Json::Object(members) => {
            let members = members.iter().map(|(name, value)| (Value::from(name.as_ref()), value_of(value)));
            Value::from(members.collect::<std::collections::BTreeMap<_, _>>())
        }
    }
}

/// `true`, or a set of results of which one is true and all of those that are have no warning.
fn is_yes(said: &Value) -> bool {
    let results: Option<Vec<_>> = match said {
        Value::Bool(true) => return true,
        Value::Set(items) => items.iter().map(result).collect(),
        Value::Array(items) => items.iter().map(result).collect(),
        _ => None,
    };
    results.is_some_and(|results| {
        results.iter().any(|(yes, _)| *yes) && !results.iter().any(|(yes, warns)| *yes && *warns)
    })
}

/// Whether a result is true, and whether it warns; `None` for what policy-controller cannot read as one.
fn result(value: &Value) -> Option<(bool, bool)> {
    let Value::Object(_) = value else { return None };
    let text = |name: &str| match &value[name] {
        Value::Undefined | Value::Null => Some(false),
        Value::String(text) => Some(!text.is_empty()),
        _ => None,
    };
    let result = match value["result"] {
        Value::Undefined | Value::Null => false,
        Value::Bool(result) => result,
        _ => return None,
    };
    text("error")?;
    Some((result, text("warning")?))
}

/// Nothing is said: undefined, false, or an empty collection.
fn is_silent(said: &Value) -> bool {
    match said {
        Value::Undefined | Value::Bool(false) => true,
        Value::Set(items) => items.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    }
}

fn shown(said: &Value) -> String {
    match said {
        Value::Undefined => "undefined".to_owned(),
        said => one_line(&builtins::json(said)),
    }
}

/// One line of bounded length, without the frame that the engine draws around what it points at.
fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().filter(|word| !matches!(*word, "|" | "^")).collect();
    condition::one_line(&words.join(" "))
}

#[cfg(test)]
mod tests;
