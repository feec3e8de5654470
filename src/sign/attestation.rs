//! Statements about artifacts, in-toto v1.

use super::error::SignError;
use crate::base::crypto::Digest;
use crate::base::encoding::json::Json;
use crate::format::intoto::predicate::Predicate;
use crate::format::intoto::{Statement, Subject};

/// A statement that one artifact has a predicate: `predicate` is a JSON value, kept as it is written.
///
/// # Errors
///
/// Those of [`fits`].
pub fn statement(name: &str, digest: Digest, predicate_type: &str, predicate: &str) -> Result<String, SignError> {
    fits(predicate_type, predicate)?;
    let subject = Subject { name: name.to_owned(), digests: vec![digest] };
    let json = Statement::to_json(&[subject], predicate_type, predicate.trim());
    Statement::parse(json.as_bytes())?;
    Ok(json)
}

/// Holds a predicate against the schema of its type, where there is one.
///
/// # Errors
///
/// [`SignError::Predicate`] when it is no JSON value, [`SignError::PredicateType`] when its type is empty,
/// [`SignError::PredicateSchema`] when it is none of that type.
pub fn fits(predicate_type: &str, predicate: &str) -> Result<(), SignError> {
    let json = Json::parse(predicate.as_bytes()).map_err(|_| SignError::Predicate)?;
    if predicate_type.is_empty() {
        return Err(SignError::PredicateType);
    }
    Predicate::parse(predicate_type, &json)?;
    Ok(())
}

/// The predicate type that a short name stands for: the names that cosign and the field use; a URI stands for
/// itself.
pub fn predicate_type(name: &str) -> Option<&str> {
    Some(match name {
        "slsaprovenance1" => "https://slsa.dev/provenance/v1",
        "slsaprovenance" | "slsaprovenance02" => "https://slsa.dev/provenance/v0.2",
        "spdx" | "spdxjson" => "https://spdx.dev/Document",
        "cyclonedx" => "https://cyclonedx.org/bom",
        "vuln" => "https://cosign.sigstore.dev/attestation/vuln/v1",
        "openvex" => "https://openvex.dev/ns",
        "link" => "https://in-toto.io/Link/v1",
        "vsa" => "https://slsa.dev/verification_summary/v1",
        "vulns" => "https://in-toto.io/attestation/vulns/v0.2",
        "test-result" => "https://in-toto.io/attestation/test-result/v0.1",
        "release" => "https://in-toto.io/attestation/release/v0.1",
        uri if uri.contains("://") => uri,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::crypto::DigestAlgorithm;

    #[test]
    fn statements() {
        let digest = Digest::of(DigestAlgorithm::Sha256, b"artifact");
        let json = statement("a \"name\"", digest, "https://example.com/p", " {\"b\":1,\"a\":1.50}\n").unwrap();
        let parsed = Statement::parse(json.as_bytes()).unwrap();
        assert_eq!((parsed.subjects[0].name.as_str(), &parsed.subjects[0].digests), ("a \"name\"", &vec![digest]));
        assert!(json.ends_with("\"predicate\":{\"b\":1,\"a\":1.50}}"), "{json}");
        for bad in ["", "{", "{}{}", "{\"a\":1,\"a\":2}", "}, \"subject\": {"] {
            let error = statement("a", digest, "https://example.com/p", bad).unwrap_err();
            assert_eq!((error.code().name(), error.code().exit_code()), ("predicate-not-json", 2), "{bad}");
        }
        let error = statement("a", digest, "https://slsa.dev/provenance/v1", "{\"buildDefinition\":{}}").unwrap_err();
        assert_eq!((error.code().name(), error.code().exit_code()), ("predicate-schema", 2));
        assert!(error.to_string().ends_with("predicate.buildDefinition.buildType is missing"), "{error}");
        assert_eq!(statement("a", digest, "", "{}").unwrap_err().code().name(), "predicate-type");
    }

    #[test]
    fn predicate_types() {
        assert_eq!(predicate_type("slsaprovenance1"), Some("https://slsa.dev/provenance/v1"));
        assert_eq!(predicate_type("slsaprovenance"), Some("https://slsa.dev/provenance/v0.2"));
        assert_eq!(predicate_type("https://example.com/p"), Some("https://example.com/p"));
        assert_eq!(predicate_type("vsa"), Some("https://slsa.dev/verification_summary/v1"));
        assert_eq!(predicate_type("vulns"), Some("https://in-toto.io/attestation/vulns/v0.2"));
        assert_eq!(predicate_type("test-result"), Some("https://in-toto.io/attestation/test-result/v0.1"));
        assert_eq!(predicate_type("release"), Some("https://in-toto.io/attestation/release/v0.1"));
        for near in ["nonsense", "VSA", "vsa ", "test_result", ""] {
            assert_eq!(predicate_type(near), None, "{near:?}");
        }
    }
}
