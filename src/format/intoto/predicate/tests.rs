use super::*;
use crate::base::time::UnixTime;

const V1: &str = r#"{"buildDefinition":{"buildType":"https://actions.github.io/buildtypes/workflow/v1","externalParameters":{"workflow":{"ref":"refs/heads/main","repository":"https://github.com/acme/app","path":".github/workflows/ci.yml"}},"resolvedDependencies":[{"uri":"git+https://github.com/acme/app@refs/heads/main","digest":{"gitCommit":"ab"}}]},"runDetails":{"builder":{"id":"https://github.com/actions/runner/github-hosted"},"extra":1}}"#;
const V0_2: &str = r#"{"builder":{"id":"https://b"},"buildType":"https://t","invocation":{"configSource":{"uri":"git+https://github.com/acme/app","digest":{"sha1":"ab"},"entryPoint":"ci"}},"materials":[{"uri":"m","digest":{"sha256":"cd"}}]}"#;
const SUMMARY: &str = r#"{"verifier":{"id":"https://verifier.example"},"timeVerified":"2026-11-26T10:00:00Z","resourceUri":"pkg:oci/app","policy":{"uri":"https://policy.example/1"},"verificationResult":"PASSED","verifiedLevels":["SLSA_BUILD_LEVEL_3"]}"#;

fn parse(predicate_type: &str, text: &str) -> Result<Predicate, PredicateError> {
    Predicate::parse(predicate_type, &Json::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{error}: {text}")))
}

fn provenance(predicate_type: &str, text: &str) -> Provenance {
    match parse(predicate_type, text).unwrap() {
        Predicate::Provenance(provenance) => provenance,
        other => panic!("{other:?}"),
    }
}

fn error(predicate_type: &str, text: &str) -> String {
    parse(predicate_type, text).unwrap_err().error.to_string()
}

/// Both versions say the same four things, whole: no prefix and no suffix of an id is the id.
#[test]
fn a14_provenance_of_either_version() {
    let v1 = provenance(PROVENANCE_V1, V1);
    assert_eq!(v1.builder_id(), "https://github.com/actions/runner/github-hosted");
    assert_eq!(v1.build_type(), "https://actions.github.io/buildtypes/workflow/v1");
    assert_eq!(v1.source(), Some("https://github.com/acme/app"));
    assert_eq!(v1.materials()[0].digests, [("gitCommit".to_owned(), "ab".to_owned())]);
    let v0_2 = provenance(PROVENANCE_V0_2, V0_2);
    assert_eq!((v0_2.builder_id(), v0_2.build_type()), ("https://b", "https://t"));
    assert_eq!(v0_2.source(), Some("git+https://github.com/acme/app"));
    assert_eq!(v0_2.materials()[0].uri, "m");
    let suffixed = V1.replace("github-hosted", "github-hosted@refs/heads/main");
    assert_ne!(provenance(PROVENANCE_V1, &suffixed).builder_id(), v1.builder_id());
    // A version is not read as the other.
    assert_eq!(error(PROVENANCE_V1, V0_2), "predicate.buildDefinition is missing");
    assert_eq!(error(PROVENANCE_V0_2, V1), "predicate.builder is missing");
}

#[test]
fn provenance_that_does_not_fit() {
    let bad = [
        (
            r#""buildType":"https://actions.github.io/buildtypes/workflow/v1","#,
            "",
            "predicate.buildDefinition.buildType is missing",
        ),
        (
            r#""buildType":"https://actions.github.io/buildtypes/workflow/v1""#,
            r#""buildType":7"#,
            "predicate.buildDefinition.buildType is not a string",
        ),
        (
            r#"{"id":"https://github.com/actions/runner/github-hosted"}"#,
            r#"{"id":" "}"#,
            "predicate.runDetails.builder.id is missing",
        ),
        (
            r#"{"gitCommit":"ab"}"#,
            r#"{"gitCommit":1}"#,
            "predicate.buildDefinition.resolvedDependencies[0].digest is not a string",
        ),
        ("externalParameters", "parameters", "predicate.buildDefinition.externalParameters is missing"),
    ];
    for (from, to, expected) in bad {
        assert!(V1.contains(from), "{from}");
        assert_eq!(error(PROVENANCE_V1, &V1.replace(from, to)), expected);
    }
    assert_eq!(error(PROVENANCE_V1, "[]"), "predicate is not an object");
}

#[test]
fn a16_summaries_say_by_whom_of_what_and_with_which_result() {
    let read = |predicate_type: &str, text: &str| match parse(predicate_type, text).unwrap() {
        Predicate::Summary(summary) => summary,
        other => panic!("{other:?}"),
    };
    let summary = read(SUMMARY_V1, SUMMARY);
    assert_eq!((summary.verifier_id(), summary.resource_uri()), ("https://verifier.example", "pkg:oci/app"));
    assert_eq!((summary.policy_uri(), summary.result()), (Some("https://policy.example/1"), SummaryResult::Passed));
    assert_eq!(summary.time_verified(), UnixTime::parse_rfc3339("2026-11-26T10:00:00Z"));
    assert_eq!(read(SUMMARY_V1, &SUMMARY.replace("PASSED", "FAILED")).result(), SummaryResult::Failed);
    let older = SUMMARY
        .replace("timeVerified", "time_verified")
        .replace("resourceUri", "resource_uri")
        .replace("verificationResult", "verification_result");
    assert_eq!(read(SUMMARY_V0_2, &older), summary);
    let result = "predicate.verificationResult is not PASSED or FAILED";
    for near in ["passed", "PASSED ", "PASS", "true"] {
        assert_eq!(error(SUMMARY_V1, &SUMMARY.replace("PASSED", near)), result, "{near}");
    }
    assert_eq!(error(SUMMARY_V1, &older), "predicate.resourceUri is missing");
    let without = SUMMARY.replace(r#""policy":{"uri":"https://policy.example/1"},"#, "");
    assert_eq!(error(SUMMARY_V1, &without), "predicate.policy is missing");
    let yesterday = SUMMARY.replace("2026-11-26T10:00:00Z", "yesterday");
    assert_eq!(error(SUMMARY_V1, &yesterday), "predicate.timeVerified is not a time as RFC 3339 writes it");
}

/// A good predicate of each type, and one text of it without which it is none.
const SCHEMAS: &[(&str, &str, &str, &str)] = &[
    (
        "https://spdx.dev/Document",
        r#"{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","name":"app"}"#,
        "SPDX-2.3",
        "2.3",
    ),
    (
        "https://spdx.dev/Document/v2.3",
        r#"{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","name":"app"}"#,
        "SPDXID",
        "id",
    ),
    (
        "https://spdx.dev/Document",
        r#"{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@graph":[]}"#,
        "spdx.org",
        "example.com",
    ),
    ("https://spdx.dev/Document", r#""SPDXVersion: SPDX-2.3\nName: app""#, "SPDXVersion", "Version"),
    ("https://cyclonedx.org/bom", r#"{"bomFormat":"CycloneDX","specVersion":"1.6"}"#, "CycloneDX", "SPDX"),
    ("https://cyclonedx.org/bom/v1.4", r#"{"bomFormat":"CycloneDX","specVersion":"1.4"}"#, "specVersion", "version"),
    (
        "https://openvex.dev/ns",
        r#"{"@context":"https://openvex.dev/ns/v0.2.0","@id":"i","author":"a","timestamp":"2026-11-26T10:00:00Z","version":1,"statements":[]}"#,
        "statements\":[]",
        "statements\":{}",
    ),
    (
        "https://cosign.sigstore.dev/attestation/vuln/v1",
        r#"{"scanner":{"uri":"pkg:x","result":{}},"metadata":{"scanStartedOn":"2026-11-26T10:00:00Z","scanFinishedOn":"2026-11-26T10:00:01Z"}}"#,
        "scanFinishedOn",
        "finished",
    ),
    (
        "https://in-toto.io/attestation/vulns/v0.2",
        r#"{"scanner":{"uri":"pkg:x","result":[]},"metadata":{"scanStartedOn":"2026-11-26T10:00:00Z","scanFinishedOn":"2026-11-26T10:00:01Z"}}"#,
        "[]",
        "{}",
    ),
    (
        "https://in-toto.io/attestation/test-result/v0.1",
        r#"{"result":"WARNED","configuration":[{"name":"ci"}]}"#,
        "WARNED",
        "OK",
    ),
    ("https://in-toto.io/attestation/link/v0.3", r#"{"name":"build","command":["make"]}"#, "name", "step"),
    ("https://in-toto.io/attestation/release/v0.1", r#"{"purl":"pkg:npm/app@1.0.0"}"#, "pkg:", "npm:"),
];

#[test]
fn every_schema_refuses_what_is_none_of_it() {
    for (predicate_type, good, from, to) in SCHEMAS {
        assert_eq!(parse(predicate_type, good), Ok(Predicate::Checked), "{predicate_type}");
        assert!(good.contains(from), "{from}");
        let refused = parse(predicate_type, &good.replace(from, to));
        assert!(refused.is_err(), "{predicate_type} {to}");
        assert!(parse(predicate_type, "[]").is_err(), "{predicate_type}");
    }
    for custom in ["https://example.com/p", "https://cyclonedx.org/bombs", "https://slsa.dev/provenance/v1.9"] {
        assert_eq!(parse(custom, "[]"), Ok(Predicate::Custom), "{custom}");
    }
}
