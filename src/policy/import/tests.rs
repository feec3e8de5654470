//! Documents as their makers write them.

use super::*;

const CONTROLLER: &str = r#"
apiVersion: policy.sigstore.dev/v1beta1
kind: ClusterImagePolicy
metadata:
  name: acme-signed
spec:
  mode: warn
  images:
    - glob: "index.docker.io/acme/*"
    - glob: "ghcr.io/acme/**"
  authorities:
    - name: releases
      keyless:
        identities:
          - issuer: https://token.actions.githubusercontent.com
            subjectRegExp: ^https://github\.com/acme/[^/]+/\.github/workflows/release\.yml@refs/tags/.+$
      attestations:
        - name: provenance
          predicateType: slsaprovenance1
    - key:
        data: |
          -----BEGIN PUBLIC KEY-----
          MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
          -----END PUBLIC KEY-----
"#;

const CONTAINERS: &str = r#"{
  "default": [{"type": "reject"}],
  "transports": {"docker": {
    "ghcr.io/acme": [{"type": "sigstoreSigned", "keyPath": "acme.pub", "signedIdentity": {"type": "matchRepository"}}],
    "registry.example.com:5000": [{"type": "sigstoreSigned", "keyPaths": ["a.pub", "b.pub"]}]
  }}
}"#;

fn field(text: &str) -> String {
    match import(text.as_bytes()) {
        Err(ImportError::Inexpressible { field, place, .. }) => {
            assert!(place.line > 0, "{field}");
            field
        }
        other => panic!("{text}\n{other:?}"),
    }
}

#[test]
fn cluster_image_policies() {
    let yaml = import(CONTROLLER.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
    let policy = Policy::parse(yaml.as_bytes()).unwrap();
    let scope = policy.scopes().next().unwrap();
    assert_eq!((scope.name(), scope.mode()), (Some("acme-signed"), crate::policy::Mode::Warn));
    let patterns: Vec<_> = scope.patterns().collect();
    assert_eq!(patterns, [("repository", "docker.io/acme/*"), ("repository", "ghcr.io/acme/**")]);
    let rules: Vec<_> = scope.rules().collect();
    assert_eq!((rules.len(), rules[0].name(), rules[0].attestations().len()), (2, "releases", 1));
    assert_eq!(rules[0].attestations()[0].predicate_type().text(), "https://slsa.dev/provenance/v1");
    assert_eq!(policy.keys().len(), 1);
}

/// The controller's policies over predicates are taken as they are.
#[cfg(feature = "policy-rego")]
#[test]
fn a_rego_policy_of_a_cluster_image_policy() {
    let rego = "          policy:\n            type: rego\n            data: |\n              package sigstore\n              default isCompliant = false\n              isCompliant {\n                input.predicate.critical == 0\n              }\n";
    let from = "          predicateType: slsa";
    let yaml = import(CONTROLLER.replacen(from, &format!("{rego}{from}"), 1).as_bytes()).unwrap();
    assert!(yaml.contains("- rego: |\n                  package sigstore\n"), "{yaml}");
    assert!(yaml.contains("\n                    input.predicate.critical == 0\n                  }\n"), "{yaml}");
    let broken = CONTROLLER.replacen(from, &format!("{}{from}", rego.replace("sigstore", "other")), 1);
    assert_eq!(import(broken.as_bytes()).unwrap_err().code().name(), "policy-condition-parse");
}

#[test]
fn what_cluster_image_policies_say_and_ours_cannot() {
    let with = |from: &str, to: &str| {
        assert!(CONTROLLER.contains(from), "{from}");
        field(&CONTROLLER.replace(from, to))
    };
    assert_eq!(
        with("      keyless:\n", "      keyless:\n        url: https://fulcio.sigstore.dev\n"),
        "spec.authorities[].keyless.url"
    );
    assert_eq!(
        with("    - name: releases\n", "    - name: releases\n      ctlog: {url: x}\n"),
        "spec.authorities[].ctlog"
    );
    assert_eq!(
        with("    - name: releases\n", "    - name: releases\n      static: {action: pass}\n"),
        "spec.authorities[].static"
    );
    assert_eq!(with("  mode: warn\n", "  match: [{resource: pods}]\n"), "spec.match");
    assert_eq!(with("  mode: warn\n", "  policy: {type: cue, data: x}\n"), "spec.policy");
    assert_eq!(
        with("          predicateType: slsa", "          policy: {type: rego}\n          predicateType: slsa"),
        "spec.authorities[].attestations[].policy"
    );
    let policy = |policy: &str| {
        with("          predicateType: slsa", &format!("          policy: {{{policy}}}\n          predicateType: slsa"))
    };
    assert_eq!(policy("type: other, data: x"), "spec.authorities[].attestations[].policy.type");
    assert_eq!(policy("type: rego, remote: {url: x}"), "spec.authorities[].attestations[].policy.remote");
    assert_eq!(
        policy("type: rego, data: x, fetchConfigFile: true"),
        "spec.authorities[].attestations[].policy.fetchConfigFile"
    );
    assert_eq!(with("tags/.+$", "tags/.+"), "spec.authorities[].keyless.identities[].subjectRegExp");
    // A glob that ours does not take is not taken for another.
    let glob = CONTROLLER.replace("ghcr.io/acme/**", "ghcr.io/acme**");
    assert_eq!(import(glob.as_bytes()).unwrap_err().code().name(), "pattern-glob");
    let from = "          predicateType: slsa";
    let cue = CONTROLLER.replacen(from, &format!("          policy: {{type: cue, data: x}}\n{from}"), 1);
    assert_eq!(import(cue.as_bytes()).unwrap_err().code().name(), "policy-cue");
}

#[test]
fn policy_json() {
    let yaml = import(CONTAINERS.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
    let policy = Policy::parse_with(yaml.as_bytes(), &|_| Some(PLACEHOLDER.as_bytes().to_vec())).unwrap();
    let patterns: Vec<Vec<_>> = policy.scopes().map(|scope| scope.patterns().collect()).collect();
    assert_eq!(patterns[0], [("repository", "ghcr.io/acme"), ("repository", "ghcr.io/acme/**")]);
    assert_eq!(patterns[1], [("registry", "registry.example.com:5000")]);
    assert!(yaml.contains("key-file: 'acme.pub'") && yaml.contains("signed-names: [name, tag]"), "{yaml}");
}

#[test]
fn what_policy_json_says_and_ours_cannot() {
    let with = |from: &str, to: &str| {
        assert!(CONTAINERS.contains(from), "{from}");
        field(&CONTAINERS.replace(from, to))
    };
    assert_eq!(with(r#"[{"type": "reject"}]"#, r#"[{"type": "insecureAcceptAnything"}]"#), "default");
    assert_eq!(with(r#""docker": {"#, r#""atomic": {}, "docker": {"#), "transports.atomic");
    let scope = "transports.docker[\"ghcr.io/acme\"]";
    assert_eq!(with("sigstoreSigned\", \"keyPath\"", "signedBy\", \"keyPath\""), format!("{scope}.type"));
    assert_eq!(
        with("\"keyPath\":", "\"rekorPublicKeyPath\": \"r\", \"keyPath\":"),
        format!("{scope}.rekorPublicKeyPath")
    );
    assert_eq!(with("\"keyPath\": \"acme.pub\"", "\"fulcio\": {\"caPath\": \"x\"}"), format!("{scope}.fulcio"));
    assert_eq!(with("matchRepository", "remapIdentity"), format!("{scope}.signedIdentity"));
    assert_eq!(with("\"registry.example.com:5000\"", "\"ghcr.io/acme/app\""), scope);
    assert_eq!(import(b"a: b").unwrap_err(), ImportError::Unknown);
}
