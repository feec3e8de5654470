//! Built-in functions in place of the engine's: those that can make a value grow have a bound here, or are refused;
//! the time is the decision's, and not the machine's.

use std::cell::Cell;

use regorus::{Engine, Value};

use crate::base::encoding::base64;
use crate::base::limits;
use crate::base::time::UnixTime;

thread_local! {
    /// The time of the evaluation that runs on this thread: the engine's functions get nothing but their arguments.
    static NOW: Cell<i64> = const { Cell::new(0) };
}

/// Evaluates at a time, in seconds.
pub(super) fn at<T>(now: i64, evaluate: impl FnOnce() -> T) -> T {
    NOW.set(now);
    evaluate()
}

type Outcome = Result<Value, String>;

type Function = fn(&[Value]) -> Outcome;

/// The functions that have no bound, with the number of their arguments.
const REFUSED: [(&str, u8); 9] = [
    ("numbers.range_step", 3),
    ("strings.replace_n", 2),
    ("regex.replace", 3),
    ("glob.quote_meta", 1),
    ("bits.lsh", 2),
    ("product", 1),
    ("rand.intn", 2),
    ("trace", 1),
    ("strings.repeat", 2),
];

const BOUNDED: [(&str, u8, Function); 9] = [
    ("time.now_ns", 0, |_| Ok(nanoseconds(NOW.get()))),
    ("time.parse_rfc3339_ns", 1, parse_time),
    ("concat", 2, concat),
    ("array.concat", 2, array_concat),
    ("replace", 3, replace),
    ("sprintf", 2, sprintf),
    ("numbers.range", 2, range),
    ("json.marshal", 1, |args| sized(args.first().map(json).unwrap_or_default())),
    ("base64.encode", 1, |args| sized(base64::encode(text(args, 0)?.as_bytes()))),
];

/// Puts them into an engine.
pub(super) fn add(engine: &mut Engine) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    for (name, arguments, function) in BOUNDED {
        let call = move |args: Vec<Value>| match args.contains(&Value::Undefined) {
            true => Ok(Value::Undefined),
            false => Ok(function(&args).map_err(|problem| NoValue { name, problem })?),
        };
        engine.add_extension(name.to_owned(), arguments, Box::new(call))?;
    }
    for (name, arguments) in REFUSED {
        let call =
            move |_: Vec<Value>| Err(NoValue { name, problem: "has no bound, and is not here".to_owned() }.into());
        engine.add_extension(name.to_owned(), arguments, Box::new(call))?;
    }
    Ok(())
}

/// Why a function gives nothing.
#[derive(Debug, thiserror::Error)]
#[error("`{name}` {problem}")]
struct NoValue {
    name: &'static str,
    problem: String,
}

fn nanoseconds(seconds: i64) -> Value {
    Value::from(i128::from(seconds) * 1_000_000_000)
}

fn text(args: &[Value], at: usize) -> Result<&str, String> {
    match args.get(at) {
        Some(Value::String(text)) => Ok(text),
        _ => Err(format!("wants text as argument {}", at + 1)),
    }
}

fn sized(text: String) -> Outcome {
    if text.len() <= limits::REGO_VALUE_BYTES { Ok(Value::from(text)) } else { Err(too_long()) }
}

fn too_long() -> String {
    format!("makes a value of over {} bytes or {} items", limits::REGO_VALUE_BYTES, limits::REGO_ITEMS)
}

/// A value as JSON on one line; the engine's own writer indents.
pub(super) fn json(value: &Value) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn parse_time(args: &[Value]) -> Outcome {
    let time = UnixTime::parse_rfc3339(text(args, 0)?).ok_or("wants a time as RFC 3339 writes it")?;
    Ok(nanoseconds(time.secs()))
}

fn concat(args: &[Value]) -> Outcome {
    let between = text(args, 0)?;
    let items: Vec<&Value> = match args.get(1) {
        Some(Value::Array(items)) => items.iter().collect(),
        Some(Value::Set(items)) => items.iter().collect(),
        _ => return Err("wants a list as argument 2".to_owned()),
    };
    let texts: Option<Vec<&str>> = items.into_iter().map(as_text).collect();
    let texts = texts.ok_or("wants a list of texts as argument 2")?;
    let length = texts.iter().map(|text| text.len() + between.len()).sum::<usize>();
    if length > limits::REGO_VALUE_BYTES { Err(too_long()) } else { Ok(Value::from(texts.join(between))) }
}

fn as_text(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

fn array_concat(args: &[Value]) -> Outcome {
    match args {
        [Value::Array(a), Value::Array(b)] if a.len() + b.len() > limits::REGO_ITEMS => Err(too_long()),
        [Value::Array(a), Value::Array(b)] => Ok(Value::from(a.iter().chain(b.iter()).cloned().collect::<Vec<_>>())),
        _ => Err("wants two arrays".to_owned()),
    }
}

fn replace(args: &[Value]) -> Outcome {
    let (whole, old, new) = (text(args, 0)?, text(args, 1)?, text(args, 2)?);
    let count = whole.matches(old).count();
    let length = whole.len().saturating_add(count.saturating_mul(new.len()));
    if length > limits::REGO_VALUE_BYTES { Err(too_long()) } else { Ok(Value::from(whole.replace(old, new))) }
}

fn range(args: &[Value]) -> Outcome {
    let ends = args.iter().map(|end| end.as_i64().ok()).collect::<Option<Vec<_>>>();
    let Some(&[from, to]) = ends.as_deref() else { return Err("wants two integers".to_owned()) };
    if from.abs_diff(to) >= limits::REGO_ITEMS as u64 {
        return Err(too_long());
    }
    let values: Vec<Value> = match from <= to {
        true => (from..=to).map(Value::from).collect(),
        false => (to..=from).rev().map(Value::from).collect(),
    };
    Ok(Value::from(values))
}

/// The verbs that policies use: `%s`, `%v`, `%d`, `%q`, `%t` and `%%`, without flags or widths.
fn sprintf(args: &[Value]) -> Outcome {
    let Some(Value::Array(values)) = args.get(1) else { return Err("wants an array as argument 2".to_owned()) };
    let (mut made, mut values, mut form) = (String::new(), values.iter(), text(args, 0)?.chars());
    while let Some(c) = form.next() {
        if c != '%' {
            made.push(c);
            continue;
        }
        let plain = |value: &Value| as_text(value).map_or_else(|| json(value), str::to_owned);
        match form.next() {
            Some('%') => made.push('%'),
            Some('s' | 'v' | 'd' | 't') => made += &values.next().map(plain).ok_or("wants more values")?,
            Some('q') => made += &values.next().map(json).ok_or("wants more values")?,
            _ => return Err("knows %s, %v, %d, %q, %t and %%".to_owned()),
        }
        if made.len() > limits::REGO_VALUE_BYTES {
            return Err(too_long());
        }
    }
    Ok(Value::from(made))
}
