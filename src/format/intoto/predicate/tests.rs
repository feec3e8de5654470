use super::*;
use crate::base::time::UnixTime;

const V1: &str = r#"{"buildDefinition":{"buildType":"https://actions.github.io/buildtypes/workflow/v1","externalParameters":{"workflow":{"ref":"refs/heads/main","repository":"https://github.com/acme/app","path":".github/workflows/ci.yml"}},"resolvedDependencies":[{"uri":"git+https://github.com/acme/app@refs/heads/main","digest":{"gitCommit":"a288201509dd9a85da4141e07522bad412938dbe"}}]},"runDetails":{"builder":{"id":"https://github.com/actions/runner/github-hosted"},"extra":1}}"#;
const V0_2: &str = r#"{"builder":{"id":"https://b"},"buildType":"https://t","invocation":{"configSource":{"uri":"git+https://github.com/acme/app","digest":{"sha1":"a288201509dd9a85da4141e07522bad412938dbe"},"entryPoint":"ci"}},"materials":[{"uri":"m","digest":{"sha256":"a288201509dd9a85da4141e07522bad412938dbea288201509dd9a85da4141e0"}}]}"#;
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
    assert_eq!(
        v1.materials()[0].digests,
        [("gitCommit".to_owned(), "a288201509dd9a85da4141e07522bad412938dbe".to_owned())]
    );
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
            r#"{"gitCommit":"a288201509dd9a85da4141e07522bad412938dbe"}"#,
            r#"{"gitCommit":1}"#,
            "predicate.buildDefinition.resolvedDependencies[0].digest.gitCommit is not a string",
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
    let failed = SUMMARY.replace("PASSED", "FAILED").replace("SLSA_BUILD_LEVEL_3", "FAILED");
    assert_eq!(read(SUMMARY_V1, &failed).result(), SummaryResult::Failed);
    assert_eq!(summary.verified_levels(), ["SLSA_BUILD_LEVEL_3"]);
    let untimed = SUMMARY.replace(r#""timeVerified":"2026-11-26T10:00:00Z","#, "");
    assert_eq!(error(SUMMARY_V1, &untimed), "predicate.timeVerified is missing");
    let older = SUMMARY
        .replace("timeVerified", "time_verified")
        .replace("resourceUri", "resource_uri")
        .replace("verificationResult", "verification_result");
    assert_eq!(read(SUMMARY_V0_2, &older).resource_uri(), summary.resource_uri());
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

/// A good predicate of each type that nothing reads further.
const GOOD: &[(&str, &str)] = &[
    ("https://spdx.dev/Document", SPDX),
    ("https://spdx.dev/Document/v2.3", SPDX),
    (
        "https://spdx.dev/Document",
        r#"{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld","@graph":[{"type":"SpdxDocument"}]}"#,
    ),
    ("https://spdx.dev/Document", r#""SPDXVersion: SPDX-2.3\nName: app""#),
    ("https://cyclonedx.org/bom", CYCLONEDX),
    ("https://cyclonedx.org/bom/v1.6", CYCLONEDX),
    ("https://openvex.dev/ns", VEX),
    ("https://openvex.dev/ns/v0.2.0", VEX),
    ("https://cosign.sigstore.dev/attestation/vuln/v1", VULN),
    ("https://in-toto.io/attestation/vulns/v0.2", VULNS),
    ("https://in-toto.io/attestation/vulns/v0.1", VULNS),
    ("https://in-toto.io/attestation/test-result/v0.1", TEST),
    ("https://in-toto.io/attestation/link/v0.3", LINK),
    ("https://in-toto.io/Link/v1", r#"{"name":"build","command":"make"}"#),
    ("https://in-toto.io/attestation/release/v0.1", RELEASE),
];

const SPDX: &str = r#"{"spdxVersion":"SPDX-2.3","SPDXID":"SPDXRef-DOCUMENT","dataLicense":"CC0-1.0","name":"app","documentNamespace":"https://example.com/app","creationInfo":{"created":"2026-11-26T10:00:00Z","creators":["Tool: maker-1.0"]},"packages":[{"SPDXID":"SPDXRef-app","name":"app","downloadLocation":"NOASSERTION"}],"files":[{"SPDXID":"SPDXRef-f","fileName":"f"}]}"#;
const CYCLONEDX: &str = r#"{"bomFormat":"CycloneDX","specVersion":"1.6","version":1,"serialNumber":"urn:uuid:3e671687-395b-41f5-a30f-a58921a69b79","metadata":{"timestamp":"2026-11-26T10:00:00Z"},"components":[{"type":"library","name":"dep"}],"dependencies":[{"ref":"dep"}]}"#;
const VEX: &str = r#"{"@context":"https://openvex.dev/ns/v0.2.0","@id":"https://example.com/vex","author":"a","timestamp":"2026-11-26T10:00:00Z","version":1,"statements":[{"vulnerability":{"name":"CVE-1"},"products":[{"@id":"pkg:oci/app"}],"status":"not_affected","justification":"component_not_present"},{"vulnerability":"CVE-2","status":"affected","action_statement":"upgrade"}]}"#;
const VULN: &str = r#"{"invocation":{"uri":"https://ci.example"},"scanner":{"uri":"pkg:x","version":"1","db":{"uri":"u"},"result":{}},"metadata":{"scanStartedOn":"2026-11-26T10:00:00Z","scanFinishedOn":"2026-11-26T10:00:01Z"}}"#;
const VULNS: &str = r#"{"scanner":{"uri":"pkg:x","result":[{"id":"CVE-1","severity":[{"method":"nvd","score":"9.1"}]}]},"metadata":{"scanStartedOn":"2026-11-26T10:00:00Z","scanFinishedOn":"2026-11-26T10:00:01Z"}}"#;
const TEST: &str = r#"{"result":"WARNED","configuration":[{"name":"ci","uri":"https://ci.example"}],"url":"https://ci.example/1","passedTests":["a"],"warnedTests":["b"],"failedTests":[]}"#;
const LINK: &str = r#"{"name":"build","command":["make"],"materials":[{"name":"a","digest":{"sha1":"a288201509dd9a85da4141e07522bad412938dbe"}},{"name":"b","digest":{"dirHash":"h1:x"}}],"byproducts":{},"environment":{}}"#;
const RELEASE: &str = r#"{"purl":"pkg:npm/@angular/http@7.2.16","packageId":"1"}"#;

/// One text of a good predicate, what it is replaced by, and where that is wrong.
const BAD: &[(&str, &str, &str, &str)] = &[
    (SPDX, "SPDX-2.3", "2.3", "/spdxVersion"),
    (SPDX, "SPDXRef-DOCUMENT", "SPDXRef-app", "/SPDXID"),
    (SPDX, "CC0-1.0", "MIT", "/dataLicense"),
    (SPDX, "documentNamespace", "namespace", "/documentNamespace"),
    (SPDX, "2026-11-26T10:00:00Z", "today", "/creationInfo/created"),
    (SPDX, "Tool: maker", "maker", "/creationInfo/creators/0"),
    (SPDX, "downloadLocation", "location", "/packages/0/downloadLocation"),
    (SPDX, "SPDXRef-app", "app", "/packages/0/SPDXID"),
    (SPDX, "fileName", "name", "/files/0/fileName"),
    (CYCLONEDX, "\"CycloneDX\"", "\"SPDX\"", "/bomFormat"),
    (CYCLONEDX, "\"1.6\"", "\"2.0\"", "/specVersion"),
    (CYCLONEDX, "\"version\":1", "\"version\":0", "/version"),
    (CYCLONEDX, "urn:uuid:", "", "/serialNumber"),
    (CYCLONEDX, "2026-11-26T10:00:00Z", "today", "/metadata/timestamp"),
    (CYCLONEDX, "\"name\":\"dep\"", "\"name\":\"\"", "/components/0/name"),
    (CYCLONEDX, "\"ref\"", "\"dep\"", "/dependencies/0/ref"),
    (VEX, "https://openvex.dev/ns/v0.2.0", "https://example.com", "/@context"),
    (VEX, "\"@id\":\"https", "\"id\":\"https", "/@id"),
    (VEX, "author", "maker", "/author"),
    (VEX, "\"version\":1", "\"version\":\"1\"", "/version"),
    (VEX, "{\"name\":\"CVE-1\"}", "{}", "/statements/0/vulnerability/name"),
    (VEX, "\"not_affected\"", "\"safe\"", "/statements/0/status"),
    (VEX, "component_not_present", "trust me", "/statements/0/justification"),
    (VEX, "\"justification\"", "\"why\"", "/statements/0/justification"),
    (VEX, "action_statement", "action", "/statements/1/action_statement"),
    (VULN, "\"pkg:x\"", "\"\"", "/scanner/uri"),
    (VULN, "\"version\":\"1\"", "\"version\":1", "/scanner/version"),
    (VULN, "\"result\"", "\"report\"", "/scanner/result"),
    (VULN, "\"uri\":\"u\"", "\"uri\":1", "/scanner/db/uri"),
    (VULN, "scanFinishedOn", "finished", "/metadata/scanFinishedOn"),
    (VULNS, "\"score\"", "\"points\"", "/scanner/result/0/severity/0/score"),
    (VULNS, "\"CVE-1\"", "1", "/scanner/result/0/id"),
    (TEST, "WARNED", "OK", "/result"),
    (TEST, ",\"uri\":\"https://ci.example\"", "", "/configuration/0"),
    (TEST, "[\"b\"]", "[1]", "/warnedTests/0"),
    (LINK, "\"name\":\"build\"", "\"step\":\"build\"", "/name"),
    (LINK, "[\"make\"]", "\"make\"", "/command"),
    (LINK, "\"name\":\"b\"", "\"name\":\"a\"", "/materials/1/name"),
    (LINK, "{\"dirHash\":\"h1:x\"}", "{}", "/materials/1"),
    (LINK, "a288", "A288", "/materials/0/digest/sha1"),
    (LINK, "\"byproducts\":{}", "\"byproducts\":[]", "/byproducts"),
    (RELEASE, "pkg:", "npm:", "/purl"),
    (RELEASE, "@7.2.16", "", "/purl"),
    (RELEASE, "\"1\"", "1", "/packageId"),
    (V1, "\"extra\":1", "\"metadata\":{\"startedOn\":\"today\"}", "/runDetails/metadata/startedOn"),
    (V1, "\"extra\":1", "\"metadata\":{\"invocationId\":7}", "/runDetails/metadata/invocationId"),
    (V1, "\"extra\":1", "\"byproducts\":[{\"name\":\"log\"}]", "/runDetails/byproducts/0"),
    (V1, "\"https://github.com/actions/runner/github-hosted\"", "\"github hosted\"", "/runDetails/builder/id"),
    (V1, "https://actions.github.io/buildtypes/workflow/v1", "workflow", "/buildDefinition/buildType"),
    (V1, "a288", "zz88", "/buildDefinition/resolvedDependencies/0/digest/gitCommit"),
    (V0_2, "\"materials\"", "\"metadata\":{\"reproducible\":\"no\"},\"materials\"", "/metadata/reproducible"),
    (V0_2, "\"entryPoint\":\"ci\"", "\"entryPoint\":1", "/invocation/configSource/entryPoint"),
    (V0_2, "[{\"uri\":\"m\"", "[{\"uri\":1", "/materials/0/uri"),
    (SUMMARY, "\"uri\":\"https://policy.example/1\"", "\"name\":\"p\"", "/policy/uri"),
    (SUMMARY, "https://verifier.example", "verifier", "/verifier/id"),
    (SUMMARY, "pkg:oci/app", "app", "/resourceUri"),
    (SUMMARY, "verifiedLevels", "levels", "/verifiedLevels"),
    (SUMMARY, "[\"SLSA_BUILD_LEVEL_3\"]", "[\"SLSA_BUILD_LEVEL_3\",\"SLSA_BUILD_LEVEL_2\"]", "/verifiedLevels/1"),
    (SUMMARY, "SLSA_BUILD_LEVEL_3", "SLSA_OURS", "/verifiedLevels/0"),
    (SUMMARY, "SLSA_BUILD_LEVEL_3", "FAILED", "/verifiedLevels/0"),
    (
        SUMMARY,
        "\"verificationResult\"",
        "\"inputAttestations\":[{\"uri\":\"u\"}],\"verificationResult\"",
        "/inputAttestations/0/digest",
    ),
    (
        SUMMARY,
        "\"verificationResult\"",
        "\"dependencyLevels\":{\"A\":-1},\"verificationResult\"",
        "/dependencyLevels/A",
    ),
];

#[test]
fn every_schema_takes_what_is_of_it() {
    for (predicate_type, good) in GOOD {
        assert_eq!(parse(predicate_type, good), Ok(Predicate::Checked), "{predicate_type}");
        assert_eq!(parse(predicate_type, "[]").unwrap_err().pointer(), "", "{predicate_type}");
    }
    for custom in ["https://example.com/p", "https://cyclonedx.org/bombs", "https://slsa.dev/provenance/v1.9"] {
        assert_eq!(parse(custom, "[]"), Ok(Predicate::Custom), "{custom}");
    }
}

#[test]
fn every_field_is_refused_where_it_is_wrong() {
    let typed = [(PROVENANCE_V1, V1), (PROVENANCE_V0_2, V0_2), (SUMMARY_V1, SUMMARY)];
    for (good, from, to, pointer) in BAD {
        let (predicate_type, _) = GOOD.iter().chain(&typed).find(|(_, text)| text == good).unwrap();
        assert!(good.contains(from), "{from}");
        let bad = good.replacen(from, to, 1);
        let refused = parse(predicate_type, &bad).expect_err(&bad);
        assert_eq!(refused.pointer(), *pointer, "{refused}");
    }
}
