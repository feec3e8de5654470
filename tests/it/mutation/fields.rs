//! Mutants of the fields of a bundle.

use sealmark::base::encoding::base64;
use serde_json::{Map, Value, json};

use super::Mutant;
use super::cases::Case;

/// Base64 values of more bytes than this are compared as a whole by the verifier (certificates and bodies):
/// every fifth byte is flipped.
const LONG: usize = 1024;

const MEDIA_TYPES: &[&str] = &[
    "application/vnd.dev.sigstore.bundle+json;version=0.1",
    "application/vnd.dev.sigstore.bundle+json;version=0.2",
    "application/vnd.dev.sigstore.bundle+json;version=0.3",
    "application/vnd.dev.sigstore.bundle.v0.3+json",
    "application/vnd.dev.sigstore.bundle.v0.4+json",
];

/// Every field of the bundle: dropped, null, emptied, of another type, swapped with each sibling's; numbers one
/// more and one less; texts one character longer, shorter, changed; objects with a field more; array items
/// dropped, twice and in another order.
pub(super) fn every_field(case: &Case) -> Vec<Mutant> {
    each_value(case, |place, value, found| {
        for (change, mutated) in other_values(value) {
            found.push((place.to_owned(), change, mutated));
        }
        if place == "mediaType" {
            let others = MEDIA_TYPES.iter().filter(|other| value != *other);
            found.extend(others.map(|other| (place.to_owned(), "another", json!(other))));
        }
        match value {
            Value::Object(members) => members.keys().for_each(|key| of_member(place, members, key, found)),
            Value::Array(items) => of_items(place, items, found),
            _ => {}
        }
    })
}

/// Every byte of base64 and every character of other texts, one bit flipped.
pub(super) fn every_byte(case: &Case) -> Vec<Mutant> {
    each_value(case, |place, value, found| {
        let Value::String(text) = value else { return };
        let flips = match base64::decode(text).filter(|bytes| bytes.len() >= 16) {
            Some(bytes) => flipped_base64(&bytes),
            None => flipped_text(text),
        };
        found.extend(flips.into_iter().map(|(at, text)| (format!("{place}+{at}"), "flipped", json!(text))));
    })
}

type Found = Vec<(String, &'static str, Value)>;

/// Calls `mutate` with every value of the bundle, and puts each value that it pushes in that value's place.
fn each_value(case: &Case, mutate: impl Fn(&str, &Value, &mut Found)) -> Vec<Mutant> {
    let bundle: Value = serde_json::from_slice(&case.bundle).unwrap();
    let mut pointers = Vec::new();
    collect(&bundle, String::new(), &mut pointers);
    let mut mutants = Vec::new();
    for pointer in pointers {
        let mut found = Vec::new();
        mutate(&dotted(&pointer), bundle.pointer(&pointer).unwrap(), &mut found);
        for (place, change, value) in found {
            let mut mutated = bundle.clone();
            *mutated.pointer_mut(&pointer).unwrap() = value;
            mutants.push(Mutant { place, change, bytes: serde_json::to_vec(&mutated).unwrap() });
        }
    }
    mutants
}

/// JSON pointers of `value` and everything in it.
fn collect(value: &Value, pointer: String, pointers: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            members.iter().for_each(|(key, member)| collect(member, format!("{pointer}/{key}"), pointers));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, item)| collect(item, format!("{pointer}/{at}"), pointers));
        }
        _ => {}
    }
    pointers.push(pointer);
}

fn dotted(pointer: &str) -> String {
    pointer.trim_start_matches('/').replace('/', ".")
}

fn joined(place: &str, key: &str) -> String {
    if place.is_empty() { key.to_owned() } else { format!("{place}.{key}") }
}

/// What could stand in the place of `value` whatever surrounds it.
fn other_values(value: &Value) -> Vec<(&'static str, Value)> {
    let mut others = vec![("null", Value::Null)];
    others.extend(
        [json!(""), json!(0), json!(true), json!([]), json!({})].map(|empty| ("emptied or of another type", empty)),
    );
    match value {
        Value::String(text) => {
            if let Ok(number) = text.parse::<i64>() {
                others.extend([1, -1].map(|step| ("one more or less", json!((number + step).to_string()))));
            }
            others.push(("longer", json!(format!("{text}A"))));
            others.push(("longer", json!(format!("{text} "))));
            let mut shorter = text.clone();
            shorter.pop();
            others.push(("shorter", json!(shorter)));
            if let Some((lines, last)) = text.trim_end().rsplit_once('\n') {
                others.push(("without its last line", json!(format!("{lines}\n"))));
                others.push(("with its last line twice", json!(format!("{text}{last}\n"))));
            }
        }
        Value::Array(items) => {
            let mut more = items.clone();
            more.push(json!({}));
            others.push(("with an empty item", json!(more)));
        }
        Value::Object(members) => {
            let mut more = members.clone();
            more.insert("unknown".to_owned(), json!("x"));
            others.push(("with an unknown field", Value::Object(more)));
        }
        _ => {}
    }
    others.retain(|(_, other)| other != value);
    others
}

/// The member `key` dropped, renamed, and swapped with each sibling's value.
fn of_member(place: &str, members: &Map<String, Value>, key: &str, found: &mut Found) {
    let mut without = members.clone();
    let value = without.remove(key).unwrap_or_default();
    found.push((joined(place, key), "dropped", Value::Object(without.clone())));
    let snake_case: String =
        key.chars().flat_map(|c| c.is_uppercase().then_some('_').into_iter().chain(c.to_lowercase())).collect();
    without.insert(if snake_case == key { format!("{key}s") } else { snake_case }, value);
    found.push((joined(place, key), "renamed", Value::Object(without)));
    for sibling in members.keys().filter(|sibling| sibling.as_str() > key && members[*sibling] != members[key]) {
        let mut swapped = members.clone();
        swapped.insert(key.to_owned(), members[sibling].clone());
        swapped.insert(sibling.clone(), members[key].clone());
        found.push((joined(place, key), "swapped with a sibling's", Value::Object(swapped)));
    }
}

/// Each item dropped, twice, and swapped with its neighbour.
fn of_items(place: &str, items: &[Value], found: &mut Found) {
    for at in 0..items.len() {
        let mut without = items.to_vec();
        without.remove(at);
        found.push((format!("{place}.{at}"), "dropped", json!(without)));
        let mut twice = items.to_vec();
        twice.insert(at, items[at].clone());
        found.push((format!("{place}.{at}"), "twice", json!(twice)));
        if at > 0 && items[at] != items[at - 1] {
            let mut swapped = items.to_vec();
            swapped.swap(at - 1, at);
            found.push((format!("{place}.{at}"), "swapped with a sibling's", json!(swapped)));
        }
    }
}

fn flipped_base64(bytes: &[u8]) -> Vec<(usize, String)> {
    let step = if bytes.len() > LONG { 5 } else { 1 };
    let flip = |at: usize| {
        let mut flipped = bytes.to_vec();
        flipped[at] ^= 1 << (at % 8);
        (at, base64::encode(&flipped))
    };
    (0..bytes.len()).step_by(step).map(flip).collect()
}

fn flipped_text(text: &str) -> Vec<(usize, String)> {
    let flip = |at: usize| {
        let mut flipped = text.as_bytes().to_vec();
        flipped[at] ^= 1 << (at % 7);
        Some((at, String::from_utf8(flipped).ok()?))
    };
    (0..text.len()).filter_map(flip).collect()
}
