//! Good bundles, changed one field at a time: the field dropped, a byte of it flipped, or taken from
//! another good bundle.

use sealmark::base::encoding::base64;
use serde_json::Value;

use crate::peers::Peer;
use crate::row::Row;

/// A changed bundle, and the peers that accept it unchanged.
pub(crate) struct Case {
    /// The row; its name says what was done to which field.
    pub(crate) row: Row,
    /// Peers to compare with.
    pub(crate) peers: Vec<Peer>,
    /// The bundle as it stood.
    pub(crate) good: Row,
}

/// Bundles to change, each with the one that fields are taken from.
const GOOD: &[(&str, &str)] = &[
    ("happy-path-v0.1", "happy-path-v0.3"),
    ("happy-path-v0.3", "happy-path-v0.1"),
    ("happy-path-intoto-in-dsse-v3", "intoto-with-custom-trust-root"),
    ("intoto-with-custom-trust-root", "happy-path-intoto-in-dsse-v3"),
    ("rekor2-happy-path", "rekor2-timestamp-with-embedded-cert"),
    ("rekor2-timestamp-with-embedded-cert", "rekor2-happy-path"),
    ("rekor2-dsse-happy-path", "rekor2-happy-path"),
    ("managed-key-happy-path", "happy-path-v0.3"),
];

/// Every case.
pub(crate) fn of(rows: &[Row]) -> Vec<Case> {
    let row = |name: &str| rows.iter().find(|row| row.name == name).unwrap_or_else(|| panic!("no case {name}"));
    let json = |row: &Row| serde_json::from_slice::<Value>(&row.bundle).unwrap();
    let mut cases = Vec::new();
    for (name, other) in GOOD {
        let good = row(name);
        let (bundle, other) = (json(good), json(row(other)));
        let peers: Vec<_> = Peer::ALL.into_iter().filter(|peer| peer.verdict(good).is_ok()).collect();
        let mut add = |name: String, bundle: &Value, trusted_root: &[u8]| {
            let (bundle, trusted_root) = (serde_json::to_vec(bundle).unwrap(), trusted_root.to_vec());
            cases.push(Case {
                row: Row { name, bundle, trusted_root, ..good.clone() },
                peers: peers.clone(),
                good: good.clone(),
            });
        };
        for (what, bundle) in additions(&bundle) {
            add(format!("{name} add {what}"), &bundle, &good.trusted_root);
        }
        for (what, root) in other_trust(&good.trusted_root) {
            add(format!("{name} trust {what}"), &bundle, &root);
        }
        let mut paths = Vec::new();
        collect(&bundle, String::new(), &mut paths);
        for path in &paths {
            for (how, changed) in changes(&bundle, &other, path) {
                add(format!("{name} {how} {path}"), &changed, &good.trusted_root);
            }
        }
    }
    cases
}

/// Bundles with something more than they had.
fn additions(bundle: &Value) -> Vec<(&'static str, Value)> {
    let mut unproven = bundle.clone();
    let entries = unproven["verificationMaterial"]["tlogEntries"].as_array_mut().unwrap();
    let mut entry = entries[0].clone();
    for field in ["inclusionProof", "inclusionPromise", "integratedTime"] {
        entry.as_object_mut().unwrap().remove(field);
    }
    entries.push(entry);
    let mut unknown = bundle.clone();
    unknown["unknownField"] = Value::Bool(true);
    vec![("an unproven entry", unproven), ("an unknown field", unknown)]
}

/// Trusted roots under which the bundle must not verify any more, or not on the same grounds.
fn other_trust(root: &[u8]) -> Vec<(String, Vec<u8>)> {
    const KINDS: [(&str, &str); 4] = [
        ("tlogs", "/publicKey/validFor"),
        ("ctlogs", "/publicKey/validFor"),
        ("certificateAuthorities", "/validFor"),
        ("timestampAuthorities", "/validFor"),
    ];
    let root: Value = serde_json::from_slice(root).unwrap();
    let mut roots = Vec::new();
    for (kind, validity) in KINDS.into_iter().filter(|(kind, _)| root[*kind].is_array()) {
        let mut retired = root.clone();
        for instance in retired[kind].as_array_mut().unwrap() {
            if let Some(validity) = instance.pointer_mut(validity) {
                validity["start"] = "2020-01-01T00:00:00Z".into();
                validity["end"] = "2020-01-02T00:00:00Z".into();
            }
        }
        let mut without = root.clone();
        without.as_object_mut().unwrap().remove(kind);
        for (how, root) in [("retired", retired), ("without", without)] {
            roots.push((format!("{how} {kind}"), serde_json::to_vec(&root).unwrap()));
        }
    }
    roots
}

/// The JSON pointers of every value within `value`.
fn collect(value: &Value, at: String, paths: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| collect(value, format!("{at}/{name}"), paths));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, value)| collect(value, format!("{at}/{index}"), paths));
        }
        _ => {}
    }
    if !at.is_empty() {
        paths.push(at);
    }
}

fn changes(bundle: &Value, other: &Value, path: &str) -> Vec<(&'static str, Value)> {
    let with = |value: Value| {
        let mut changed = bundle.clone();
        *changed.pointer_mut(path).unwrap() = value;
        changed
    };
    let here = bundle.pointer(path).unwrap();
    let mut changes = vec![("drop", dropped(bundle, path)), ("null", with(Value::Null))];
    changes.extend(flipped(here).map(|value| ("flip", with(value))));
    changes.extend(other.pointer(path).filter(|value| *value != here).map(|value| ("swap", with(value.clone()))));
    if let Value::Array(items) = here {
        changes.push(("twice", with(items.iter().chain(items).cloned().collect())));
    }
    changes
}

fn dropped(bundle: &Value, path: &str) -> Value {
    let mut changed = bundle.clone();
    let (parent, name) = path.rsplit_once('/').unwrap();
    match changed.pointer_mut(parent).unwrap() {
        Value::Object(fields) => drop(fields.remove(name)),
        Value::Array(items) => drop(items.remove(name.parse().unwrap())),
        _ => unreachable!(),
    }
    changed
}

/// A byte in the middle changed: of the bytes that base64 stands for, of a number, or of a text.
fn flipped(value: &Value) -> Option<Value> {
    let text = match value {
        Value::String(text) => text,
        Value::Number(number) => return Some(Value::from(number.as_u64()? + 1)),
        _ => return None,
    };
    if let Ok(number) = text.parse::<u64>() {
        return Some(Value::from((number + 1).to_string()));
    }
    if let Some(mut bytes) = base64::decode(text).filter(|bytes| bytes.len() > 8) {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        return Some(Value::from(base64::encode(&bytes)));
    }
    let mut text: Vec<char> = text.chars().collect();
    let middle = text.len() / 2;
    let c = text.get_mut(middle)?;
    *c = if *c == 'x' { 'y' } else { 'x' };
    Some(Value::from(text.into_iter().collect::<String>()))
}
