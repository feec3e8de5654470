//! The manifests that are shipped, as they are and with one thing changed.

use super::*;

const WEBHOOKS: &str = include_str!("../../../examples/gate/kustomize/webhooks.yaml");
const DEPLOYMENT: &str = include_str!("../../../examples/gate/kustomize/deployment.yaml");

fn shipped() -> String {
    format!("{WEBHOOKS}---\n{DEPLOYMENT}")
}

fn holes(manifests: &str) -> Vec<&'static str> {
    let report = lint(manifests.as_bytes(), &[]).unwrap();
    report.findings.iter().map(|finding| finding.hole.name()).collect()
}

#[test]
fn g34_what_is_shipped_has_no_hole() {
    let report = lint(shipped().as_bytes(), &[]).unwrap();
    assert_eq!(report.findings, []);
    assert_eq!(report.webhooks, 2);
    assert_eq!(report.left_out, ["kube-system", "sealmark-gate"].map(str::to_owned).into());
}

/// One line of the manifests another, in both webhooks: that finding, twice, and no other.
#[test]
fn g34_each_hole_is_found() {
    let names = "        - key: kubernetes.io/metadata.name\n          operator: NotIn\n";
    for (from, to, hole) in [
        ("failurePolicy: Fail", "failurePolicy: Ignore", "fails-open"),
        ("matchPolicy: Equivalent", "matchPolicy: Exact", "versions-left-out"),
        ("      - v1\n    clientConfig", "      - v1beta1\n    clientConfig", "review-version"),
        ("cert-manager.io/inject-ca-from:", "example.com/other:", "no-authority"),
        (names, "        - key: kubernetes.io/metadata.name\n          operator: In\n", "rest-left-out"),
        (
            "metadata.name\n          operator: NotIn\n",
            "metadata.name\n          operator: DoesNotExist\n",
            "rest-left-out",
        ),
        (names, "        - key: sealmark.dev/exempt\n          operator: NotIn\n", "left-out-by-label"),
        ("            - kube-system\n", "            - kube-system\n            - payments\n", "namespace-left-out"),
        ("    namespaceSelector:\n", "    namespaceSelector:\n      matchLabels: {gate: 'on'}\n", "left-out-by-label"),
        (
            "    failurePolicy:",
            "    objectSelector:\n      matchLabels: {verify: 'yes'}\n    failurePolicy:",
            "left-out-by-label",
        ),
        (
            "    failurePolicy:",
            "    matchConditions:\n      - {name: a, expression: 'false'}\n    failurePolicy:",
            "left-out-by-condition",
        ),
        ("          - pods/ephemeralcontainers\n", "", "not-asked"),
    ] {
        let changed = shipped().replace(from, to);
        assert_ne!(changed, shipped(), "{from}");
        assert_eq!(holes(&changed), [hole; 2], "{to}");
    }
}

#[test]
fn g34_pods_are_asked_about_when_they_are_made_and_when_they_change() {
    let operations = "          - CREATE\n          - UPDATE\n        resources:\n          - pods\n";
    for (from, to, found) in [
        (operations, operations.replace("          - UPDATE\n", ""), 4),
        (operations, operations.replace("          - CREATE\n", ""), 2),
        ("          - pods\n", String::new(), 4),
        ("        scope: Namespaced\n", "        scope: Cluster\n".to_owned(), 6),
    ] {
        let changed = shipped().replace(from, &to);
        assert_eq!(holes(&changed), vec!["not-asked"; found], "{to}");
    }
    let wide = shipped()
        .replace("          - pods/ephemeralcontainers\n", "")
        .replace("          - pods\n", "          - '*/*'\n");
    assert_eq!(holes(&wide), [""; 0]);
}

#[test]
fn g34_without_the_webhook_that_validates_and_with_one_replica() {
    let (mutates, validates) = WEBHOOKS.split_once("---\n").unwrap();
    assert_eq!(holes(mutates), ["not-validated"]);
    assert_eq!(holes(&validates.replace("path: /validate", "path: /other")), ["not-validated"]);
    assert_eq!(holes(validates), [""; 0]);
    assert_eq!(holes(&shipped().replace("replicas: 2", "replicas: 1")), ["one-replica"]);
    // What the API server fills in when nothing is said is what is asked for.
    let unsaid = shipped().replace("    failurePolicy: Fail\n", "").replace("    matchPolicy: Equivalent\n", "");
    assert_eq!(holes(&unsaid), [""; 0]);
}

#[test]
fn namespaces_are_left_out_by_word() {
    let manifests =
        shipped().replace("            - kube-system\n", "            - kube-system\n            - payments\n");
    let report = lint(manifests.as_bytes(), &["payments".to_owned()]).unwrap();
    assert_eq!(report.findings, []);
    assert!(report.left_out.contains("payments"));
    // Another's namespace is not the gate's.
    let moved = shipped().replace("        namespace: sealmark-gate\n", "        namespace: elsewhere\n");
    assert_eq!(holes(&moved), ["namespace-left-out"; 2]);
}

#[test]
fn lists_json_and_what_is_neither() {
    let (_, validates) = WEBHOOKS.split_once("---\n").unwrap();
    let list = format!("kind: List\nitems:\n- {}", validates.replace('\n', "\n  "));
    assert_eq!(holes(&list), [""; 0]);
    assert_eq!(holes("{}"), ["not-validated"]);
    for bytes in ["a: [", "kind: ValidatingWebhookConfiguration\nmetadata: 1\n", "\u{0}"] {
        assert_eq!(lint(bytes.as_bytes(), &[]).unwrap_err().code().name(), "gate-manifests", "{bytes:?}");
    }
    assert!(lint(b"\xff", &[]).is_err());
    assert!(lint(&vec![b' '; limits::MANIFESTS_BYTES + 1], &[]).is_err());
}
