//! JSON canonicalisation (RFC 8785) against its authors' vectors.

use sealmark::base::encoding::json::{Json, canonical};

use crate::vectors;

/// Canonical forms, byte for byte. A vector with a fraction is outside our canonicaliser's scope, which
/// is log entries: it must be refused, not approximated.
#[test]
fn canonical_forms() {
    let Some(folder) = vectors::folder("json-canonicalization/testdata") else { return };
    for (name, in_scope) in [("arrays", true), ("french", true), ("structures", false)] {
        let input = vectors::read(&folder.join(format!("input/{name}.json")));
        let output = String::from_utf8(vectors::read(&folder.join(format!("output/{name}.json")))).unwrap();
        let made = canonical(&Json::parse(&input).unwrap());
        assert_eq!(made, in_scope.then_some(output.clone()), "{name}");
        let again = canonical(&Json::parse(output.as_bytes()).unwrap());
        assert_eq!(again.as_deref(), Some(output.as_str()), "{name}: a canonical form is its own");
    }
}
