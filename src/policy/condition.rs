//! Conditions on predicates, in CEL (<https://github.com/google/cel-spec>).
//!
//! An expression sees `predicate`, `predicateType`, and the seconds `now` and `signed` (the earliest proven time). It is
//! met when it is `true`; whatever else it gives is a refusal. Its cost has a bound that needs no clock: the size of the
//! expression, and the lists that its macros walk, are counted before it is evaluated. There are no regular
//! expressions and no functions that grow a value faster than the expression is long.

use std::cell::OnceCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock};

use cel::common::ast::{EntryExpr, Expr, IdedExpr};
use cel::common::types::{CelInt, CelNull, CelString};
use cel::common::value::{CowVal, Val};
use cel::context::VariableResolver;
use cel::{Context, Env, Program, Value};

use super::refusal::Refusal;
use super::seen::Seen;
use crate::base::encoding::json::Json;
use crate::base::limits;
use crate::base::time::UnixTime;

/// A compiled condition.
#[derive(Debug)]
pub(super) struct Condition {
    name: String,
    text: String,
    program: Program,
    size: Size,
    /// The fields that it names, as steps below `predicate`.
    fields: Vec<Vec<String>>,
}

/// What an expression can cost.
#[derive(Debug, Clone, Copy, Default)]
struct Size {
    nodes: u64,
    /// Macros within macros.
    nesting: u32,
    /// Places where lists or texts grow together.
    sums: u64,
    literal: u64,
}

/// The functions of the language, declared once.
static LANGUAGE: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

/// A predicate as conditions see it: measured and made once for all that are asked about it.
#[derive(Debug)]
pub(super) struct Prepared {
    longest: u64,
    values: u64,
    value: OnceCell<Box<dyn Val>>,
}

impl Prepared {
    pub(super) fn of(predicate: Option<&Json<'_>>) -> Self {
        let (longest, values) = predicate.map_or((0, 0), measure_json);
        Self { longest, values, value: OnceCell::new() }
    }

    fn value(&self, predicate: Option<&Json<'_>>) -> Result<&dyn Val, String> {
        if let Some(made) = self.value.get() {
            return Ok(made.as_ref());
        }
        let made = Box::<dyn Val>::try_from(predicate.map_or(Value::Null, value));
        let made = made.map_err(|error| one_line(&error.to_string()))?;
        Ok(self.value.get_or_init(|| made).as_ref())
    }
}

/// What an expression may name. Nothing is copied.
struct Names<'v> {
    predicate: &'v dyn Val,
    predicate_type: &'v str,
    now: UnixTime,
    signed: Option<UnixTime>,
}

impl VariableResolver for Names<'_> {
    fn resolve<'b>(&'b self, variable: &str) -> Option<CowVal<'b, 'b>> {
        let seconds = |time: UnixTime| CowVal::owned(CelInt::from(time.secs()));
        match variable {
            "predicate" => Some(CowVal::Borrowed(self.predicate)),
            "predicateType" => Some(CowVal::owned(CelString::from(self.predicate_type))),
            "now" => Some(seconds(self.now)),
            "signed" => Some(self.signed.map_or_else(|| CowVal::owned(CelNull), seconds)),
            _ => None,
        }
    }
}

impl Condition {
    /// Compiles an expression; the error says what is wrong with it.
    pub(super) fn compile(name: &str, text: &str) -> Result<Self, String> {
        if text.is_empty() || text.len() > limits::CONDITION_BYTES {
            return Err(format!("an expression has 1 to {} bytes", limits::CONDITION_BYTES));
        }
        if depth(text) > limits::CONDITION_DEPTH {
            return Err(format!("it nests deeper than {}", limits::CONDITION_DEPTH));
        }
        // The parser is made for texts of any kind; should one break it, the text is at fault.
        let program = catch_unwind(AssertUnwindSafe(|| Program::compile(text)));
        let program = program.map_err(|_| "it cannot be read".to_owned())?;
        let program = program.map_err(|errors| one_line(&errors.to_string()))?;
        let mut condition =
            Self { name: name.to_owned(), text: text.to_owned(), size: Size::default(), fields: Vec::new(), program };
        let (mut size, mut fields) = (Size::default(), Vec::new());
        measure(condition.program.expression(), 0, 0, &mut size, &mut fields)?;
        fields.dedup();
        (condition.size, condition.fields) = (size, fields);
        if size.nodes > limits::CONDITION_NODES || size.nesting > limits::CONDITION_NESTING {
            return Err(format!(
                "it has {} parts and {} macros within macros; {} and {} are allowed",
                size.nodes,
                size.nesting,
                limits::CONDITION_NODES,
                limits::CONDITION_NESTING
            ));
        }
        Ok(condition)
    }

    /// Whether it holds; if not, why, with the values that it saw.
    pub(super) fn meet(&self, seen: &Seen<'_, '_>) -> Result<(), Refusal> {
        let Prepared { longest, values, .. } = *seen.prepared;
        let wide = longest.max(self.size.literal).saturating_mul(self.size.sums + 1);
        let steps = self.size.nodes.saturating_mul(wide.max(1).saturating_pow(self.size.nesting));
        if steps.saturating_add(values) > limits::CONDITION_STEPS {
            return Err(
                self.no_answer(seen, format!("it could take {steps} steps; {} are allowed", limits::CONDITION_STEPS))
            );
        }
        let evaluated = catch_unwind(AssertUnwindSafe(|| self.evaluate(seen)));
        match evaluated.unwrap_or_else(|_| Err("it cannot be evaluated".to_owned())) {
            Ok(Value::Bool(true)) => Ok(()),
            Ok(Value::Bool(false)) => Err(Refusal::Condition {
                condition: self.name.clone(),
                expression: self.text.clone(),
                values: self.values(seen),
            }),
            Ok(other) => Err(self.no_answer(seen, format!("it is a {:?} and no bool", other.type_of()))),
            Err(problem) => Err(self.no_answer(seen, problem)),
        }
    }

    fn evaluate(&self, seen: &Seen<'_, '_>) -> Result<Value, String> {
        let Seen { predicate_type, now, signed, .. } = *seen;
        let names = Names { predicate: seen.prepared.value(seen.predicate)?, predicate_type, now, signed };
        let mut context = Context::with_env(Arc::clone(&LANGUAGE));
        context.set_variable_resolver(&names);
        self.program.execute(&context).map_err(|error| one_line(&error.to_string()))
    }

    fn no_answer(&self, seen: &Seen<'_, '_>, problem: String) -> Refusal {
        let (condition, expression) = (self.name.clone(), self.text.clone());
        Refusal::ConditionError { condition, expression, problem, values: self.values(seen) }
    }

    /// The values of the fields that the expression names.
    fn values(&self, seen: &Seen<'_, '_>) -> Vec<(String, String)> {
        let value = |steps: &Vec<String>| {
            let found = steps.iter().try_fold(seen.predicate?, |json, step| json.member(step));
            let text = found.map_or_else(|| "absent".to_owned(), |json| one_line(&format!("{:?}", value(json))));
            Some((format!("predicate.{}", steps.join(".")), text))
        };
        self.fields.iter().filter_map(value).collect()
    }
}

/// One line of bounded length.
pub(super) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(240).collect()
}

/// How deep brackets, signs and alternatives nest, before a parser recurses into them.
fn depth(text: &str) -> usize {
    let (mut open, mut deepest, mut run, mut longest) = (0usize, 0usize, 0usize, 0usize);
    for c in text.chars() {
        match c {
            '(' | '[' | '{' => open += 1,
            ')' | ']' | '}' => open = open.saturating_sub(1),
            _ => {}
        }
        run = match c {
            '!' | '-' => run + 1,
            c if c.is_whitespace() => run,
            _ => 0,
        };
        (deepest, longest) = (deepest.max(open), longest.max(run));
    }
    deepest.max(longest).max(text.matches('?').count())
}

/// Counts an expression, and notes the fields of the predicate that it names.
fn measure(
    expression: &IdedExpr,
    depth: usize,
    nesting: u32,
    size: &mut Size,
    fields: &mut Vec<Vec<String>>,
) -> Result<(), String> {
    if depth > limits::CONDITION_DEPTH * 8 {
        return Err("it nests too deep".to_owned());
    }
    size.nodes += 1;
    size.nesting = size.nesting.max(nesting);
    let mut parts: Vec<(&IdedExpr, u32)> = Vec::new();
    match &expression.expr {
        Expr::Call(call) => {
            size.sums += u64::from(call.func_name == "_+_");
            parts.extend(call.target.as_deref().into_iter().chain(&call.args).map(|part| (part, nesting)));
        }
        Expr::Comprehension(walk) => {
            parts.push((&walk.iter_range, nesting));
            let inner = [&walk.accu_init, &walk.loop_cond, &walk.loop_step, &walk.result];
            parts.extend(inner.map(|part| (part, nesting + 1)));
        }
        Expr::List(list) => {
            size.literal = size.literal.max(list.elements.len() as u64);
            parts.extend(list.elements.iter().map(|part| (part, nesting)));
        }
        Expr::Select(select) => {
            if let Some(steps) = steps(expression) {
                fields.push(steps);
                return Ok(());
            }
            parts.push((&select.operand, nesting));
        }
        Expr::Map(map) => {
            for entry in &map.entries {
                if let EntryExpr::MapEntry(entry) = &entry.expr {
                    parts.extend([(&entry.key, nesting), (&entry.value, nesting)]);
                }
            }
        }
        Expr::Struct(_) => return Err("it makes a message, and there are none".to_owned()),
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => {}
    }
    parts.into_iter().try_for_each(|(part, nesting)| measure(part, depth + 1, nesting, size, fields))
}

/// `predicate.a.b` as its steps.
fn steps(expression: &IdedExpr) -> Option<Vec<String>> {
    let (mut steps, mut expression) = (Vec::new(), expression);
    loop {
        match &expression.expr {
            Expr::Select(select) => {
                steps.push(select.field.clone());
                expression = &select.operand;
            }
            Expr::Ident(name) if name == "predicate" => {
                steps.reverse();
                return Some(steps);
            }
            _ => return None,
        }
    }
}

/// The length of the longest list or map, and how many values there are. The tree's depth is bounded by its parser.
fn measure_json(json: &Json<'_>) -> (u64, u64) {
    let all = |own: usize, parts: &mut dyn Iterator<Item = (u64, u64)>| {
        parts.fold((own as u64, 1), |(longest, values), (inner, more)| (longest.max(inner), values + more))
    };
    match json {
        Json::Array(items) => all(items.len(), &mut items.iter().map(measure_json)),
        Json::Object(members) => all(members.len(), &mut members.iter().map(|(_, member)| measure_json(member))),
        Json::String(text) => (1, 1 + text.len() as u64 / 64),
        _ => (1, 1),
    }
}

fn value(json: &Json<'_>) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Integer(number) => i64::try_from(*number).map_or(Value::Float(*number as f64), Value::Int),
        Json::Float(number) => Value::Float(*number),
        Json::String(text) => Value::String(text.to_string().into()),
        Json::Array(items) => Value::List(items.iter().map(value).collect::<Vec<_>>().into()),
        Json::Object(members) => {
            let members: std::collections::HashMap<String, Value> =
                members.iter().map(|(name, member)| (name.to_string(), value(member))).collect();
            Value::Map(members.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(expression: &str, predicate: &str) -> Result<(), Refusal> {
        let json = Json::parse(predicate.as_bytes()).unwrap();
        let (now, signed) = (UnixTime::from_secs(1000), Some(UnixTime::from_secs(400)));
        let prepared = Prepared::of(Some(&json));
        let seen =
            Seen { statement: None, predicate: Some(&json), prepared: &prepared, predicate_type: "t", now, signed };
        Condition::compile("c", expression).unwrap_or_else(|error| panic!("{expression}: {error}")).meet(&seen)
    }

    fn code(expression: &str, predicate: &str) -> &'static str {
        ask(expression, predicate).map_or_else(|refusal| refusal.code().name(), |()| "")
    }

    const SCAN: &str = r#"{"scanner":{"result":[{"severity":"low"},{"severity":"high"}]},"passed":true,"text":"true"}"#;

    #[test]
    fn true_and_false() {
        for good in [
            "predicate.passed",
            "predicate.scanner.result.all(r, r.severity != 'critical')",
            "size(predicate.scanner.result) == 2 && now - signed <= 600",
            "!has(predicate.missing)",
            "predicateType == 't'",
        ] {
            assert_eq!(code(good, SCAN), "", "{good}");
        }
        let refusal = ask("predicate.scanner.result.exists(r, r.severity == 'critical') || !predicate.passed", SCAN);
        let Err(Refusal::Condition { values, .. }) = refusal else { panic!("{refusal:?}") };
        assert!(values.iter().any(|(name, _)| name == "predicate.scanner.result"), "{values:?}");
        assert!(values.iter().any(|(name, value)| name == "predicate.passed" && value.contains("true")), "{values:?}");
    }

    #[test]
    fn a15_only_true_is_a_yes() {
        for bad in [
            "predicate.missing.field == 1",
            "predicate.passed + 1",
            "null",
            "predicate.text",
            "'true'",
            "1",
            "[true]",
            "unknown",
            "predicate",
        ] {
            assert_eq!(code(bad, SCAN), "policy-error", "{bad}");
        }
    }

    #[test]
    fn a15_what_cannot_be_bounded_is_not_taken() {
        for bad in [
            "",
            "predicate.",
            "1 +",
            "[[[",
            &"a".repeat(limits::CONDITION_BYTES + 1),
            &"(".repeat(200),
            &"!".repeat(200),
        ] {
            assert!(Condition::compile("c", bad).is_err(), "{bad}");
        }
        let nested = "predicate.a.all(a, predicate.a.all(b, predicate.a.all(c, a == b && b == c)))";
        assert!(Condition::compile("c", nested).is_err());
        let long = format!("predicate.passed && {}", vec!["1 == 1"; 150].join(" && "));
        assert!(Condition::compile("c", &long).is_err());
        // A predicate on which it would take too long is no yes.
        let many = format!(r#"{{"a":[{}]}}"#, vec!["1"; 20_000].join(","));
        assert_eq!(code("predicate.a.all(a, predicate.a.exists(b, a == b))", &many), "policy-error");
        assert_eq!(code("predicate.a.all(a, a == 1)", &many), "");
    }
}
