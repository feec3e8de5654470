//! A collector's look at what it was sent: every field by the OTLP schema, and no other field.

use serde_json::Value;

use crate::service::http::fake::FakeServer;

/// The spans that a collector got, each checked, with the resource's attributes beside each.
pub(crate) fn spans(collector: &FakeServer) -> Vec<Value> {
    let mut all = Vec::new();
    for request in collector.received() {
        assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/v1/traces"));
        assert_eq!(request.header("content-type"), Some("application/json"));
        let json: Value = serde_json::from_slice(&request.body).unwrap();
        for resource in list(only(&json, &["resourceSpans"]), "resourceSpans") {
            only(resource, &["resource", "scopeSpans"]);
            attributes(&only(&resource["resource"], &["attributes"])["attributes"]);
            for scope in list(resource, "scopeSpans") {
                only(scope, &["scope", "spans"]);
                only(&scope["scope"], &["name", "version"]);
                for span in list(scope, "spans") {
                    check(span);
                    let mut span = span.clone();
                    span["resource"] = resource["resource"]["attributes"].clone();
                    all.push(span);
                }
            }
        }
    }
    all
}

fn list<'j>(json: &'j Value, name: &str) -> &'j [Value] {
    json[name].as_array().unwrap_or_else(|| panic!("{name} is no list: {json}"))
}

fn only<'j>(json: &'j Value, known: &[&str]) -> &'j Value {
    let object = json.as_object().unwrap_or_else(|| panic!("no object: {json}"));
    let unknown: Vec<_> = object.keys().filter(|key| !known.contains(&key.as_str())).collect();
    assert!(unknown.is_empty(), "{unknown:?} in {json}");
    json
}

/// An identifier: so many hexadecimal digits, not all of them zero.
fn identifier(json: &Value, digits: usize) {
    let text = json.as_str().unwrap();
    assert!(text.len() == digits && text.bytes().all(|byte| byte.is_ascii_hexdigit()), "{text}");
    assert!(text.bytes().any(|byte| byte != b'0'), "{text}");
}

/// A number of 64 bits: a text.
fn wide(json: &Value) -> u64 {
    json.as_str().unwrap_or_else(|| panic!("no text: {json}")).parse().unwrap()
}

fn check(span: &Value) {
    let known = ["traceId", "spanId", "parentSpanId", "name", "kind", "startTimeUnixNano", "endTimeUnixNano"];
    only(span, &[&known[..], &["attributes", "status"]].concat());
    identifier(&span["traceId"], 32);
    identifier(&span["spanId"], 16);
    if let Some(parent) = span.get("parentSpanId") {
        identifier(parent, 16);
    }
    assert!(!span["name"].as_str().unwrap().is_empty());
    assert!((1..=5).contains(&span["kind"].as_u64().unwrap()));
    assert!(wide(&span["startTimeUnixNano"]) <= wide(&span["endTimeUnixNano"]));
    assert!(wide(&span["startTimeUnixNano"]) > 1_700_000_000_000_000_000);
    attributes(&span["attributes"]);
    only(&span["status"], &["code", "message"]);
    assert!(span["status"].get("code").is_none_or(|code| code == 2));
}

fn attributes(json: &Value) {
    let mut keys = Vec::new();
    for attribute in json.as_array().unwrap() {
        only(attribute, &["key", "value"]);
        let key = attribute["key"].as_str().unwrap();
        assert!(!key.is_empty() && !keys.contains(&key), "{json}");
        keys.push(key);
        let value = attribute["value"].as_object().unwrap();
        assert_eq!(value.len(), 1, "{attribute}");
        match value.iter().next().unwrap() {
            (kind, text) if kind == "stringValue" => assert!(text.is_string()),
            (kind, number) if kind == "intValue" => drop(wide(number)),
            other => panic!("{other:?}"),
        }
    }
}

/// An attribute's text.
pub(crate) fn attribute<'j>(span: &'j Value, name: &str) -> Option<&'j str> {
    let attributes = span["attributes"].as_array()?;
    attributes.iter().find(|attribute| attribute["key"] == name)?["value"]["stringValue"].as_str()
}
