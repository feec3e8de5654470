//! Spans as OTLP has them in JSON: numbers of 64 bits are texts, identifiers are hexadecimal, kinds are numbers.
//! <https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>

use std::fmt::Write as _;

use super::{Ended, Kind, Value};
use crate::base::encoding::json::quote;

/// A span without many attributes.
const SPAN_BYTES: usize = 640;

/// `ExportTraceServiceRequest` of these spans.
pub(super) fn request(resource: &[(String, String)], spans: &[Ended]) -> String {
    let mut out = String::with_capacity(SPAN_BYTES * (spans.len() + 1));
    out.push_str(r#"{"resourceSpans":[{"resource":{"attributes":["#);
    each(&mut out, resource, |out, (name, value)| attribute(out, name, &Value::Text(value.clone())));
    out.push_str(r#"]},"scopeSpans":[{"scope":{"name":"sealmark","version":"#);
    quote(env!("CARGO_PKG_VERSION"), &mut out);
    out.push_str(r#"},"spans":["#);
    each(&mut out, spans, span);
    out.push_str("]}]}]}");
    out
}

fn each<T>(out: &mut String, items: &[T], write: impl Fn(&mut String, &T)) {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write(out, item);
    }
}

fn span(out: &mut String, span: &Ended) {
    let kind = match span.kind {
        Kind::Internal => 1,
        Kind::Server => 2,
        Kind::Client => 3,
    };
    let _ = write!(out, r#"{{"traceId":"{:032x}","spanId":"{:016x}","#, span.trace, span.id);
    if let Some(parent) = span.parent {
        let _ = write!(out, r#""parentSpanId":"{parent:016x}","#);
    }
    let _ = write!(out, r#""name":"{}","kind":{kind},"#, span.name);
    let _ = write!(out, r#""startTimeUnixNano":"{}","endTimeUnixNano":"{}","attributes":["#, span.start, span.end);
    each(out, &span.attributes, |out, (name, value)| attribute(out, name, value));
    // STATUS_CODE_ERROR is 2; what went well stays unset.
    out.push_str(r#"],"status":{"#);
    if let Some(code) = span.failed {
        let _ = write!(out, r#""code":2,"message":"{code}""#);
    }
    out.push_str("}}");
}

fn attribute(out: &mut String, name: &str, value: &Value) {
    out.push_str(r#"{"key":"#);
    quote(name, out);
    match value {
        Value::Text(text) => {
            out.push_str(r#","value":{"stringValue":"#);
            quote(text, out);
            out.push_str("}}");
        }
        Value::Number(number) => {
            let _ = write!(out, r#","value":{{"intValue":"{number}"}}}}"#);
        }
    }
}
