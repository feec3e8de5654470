//! Documents in Fulcio's words, and what is no such document.

use super::*;

const DOCUMENT: &str = r#"
define:
  - &gitlab "gitlab-pipeline"
oidc-issuers:
  https://accounts.example:
    issuer-url: https://accounts.example
    client-id: sigstore
    type: email
    contact: someone@example.com
    description: "people"
    jwks-uri: https://keys.example/v3/certs
  https://dex.example/auth:
    issuer-url: https://dex.example/auth
    client-id: sigstore
    type: email
    issuer-claim: $.federated_claims.connector_id
  https://gitlab.example:
    issuer-url: https://gitlab.example
    client-id: sigstore
    type: ci-provider
    ci-provider: *gitlab
    template-values:
      url: https://gitlab.example
  https://users.example.com:
    client-id: sigstore
    type: username
    subject-domain: example.com
  https://jobs.example.com:
    client-id: sigstore
    type: uri
    subject-domain: https://example.com
  https://spire.example:
    client-id: sigstore
    type: spiffe
    spiffe-trust-domain: prod.example
  https://kubernetes.default.svc:
    client-id: sigstore
    type: kubernetes
    addresses: any
    ca-cert-file: ca.pem
    token-file: token
  https://own.example:
    client-id: sigstore
    type: ci-provider
    ci-provider: own
meta-issuers:
  https://oidc.eks.*.amazonaws.com/id/*:
    client-id: sigstore
    type: kubernetes
  https://token.actions.githubusercontent.com/*:
    client-id: sigstore
    type: github-workflow
ci-issuer-metadata:
  *gitlab:
    default-template-values: {}
    extension-templates: { source-repository-digest: sha }
    subject-alternative-name-template: "{{ .url }}/{{ .project_path }}"
  own:
    subject-alternative-name-template: "https://own.example/{{ .job }}"
    extension-templates:
      source-repository-visibility-at-signing: visibility
"#;

fn refused(yaml: &str) -> String {
    read(yaml, Path::new("")).unwrap_err().to_string()
}

#[test]
fn every_type() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("ca.pem"), "").unwrap();
    let issuers = read(DOCUMENT, dir.path()).unwrap();
    let of = |url: &str| &issuers.iter().find(|issuer| issuer.url.as_str() == url).unwrap().subject;
    assert_eq!(issuers.len(), 10);
    assert!(matches!(of("https://accounts.example"), SubjectKind::Email { issuer_claim: None }));
    let path = vec!["federated_claims".to_owned(), "connector_id".to_owned()];
    assert_eq!(*of("https://dex.example/auth"), SubjectKind::Email { issuer_claim: Some(path) });
    assert_eq!(*of("https://users.example.com"), SubjectKind::Username { domain: "example.com".to_owned() });
    assert_eq!(*of("https://jobs.example.com"), SubjectKind::Uri { domain: "https://example.com".to_owned() });
    assert_eq!(*of("https://spire.example"), SubjectKind::Spiffe { trust_domain: "prod.example".to_owned() });
    assert_eq!(*of("https://oidc.eks.*.amazonaws.com/id/*"), SubjectKind::Kubernetes);
    let SubjectKind::CiProvider { id, provider } = of("https://gitlab.example") else { panic!() };
    assert_eq!(id, "gitlab-pipeline");
    assert_ne!(**provider, Provider::built_in(id).unwrap(), "the document's own");
    let SubjectKind::CiProvider { id, provider } = of("https://token.actions.githubusercontent.com/*") else {
        panic!()
    };
    assert_eq!(**provider, Provider::built_in(id).unwrap());
}

/// An entry that is wrong in one field.
fn entry(more: &str) -> String {
    refused(&format!("oidc-issuers: {{ https://x.example: {{ client-id: sigstore, {more} }} }}"))
}

#[test]
fn f31_f33_what_is_refused_at_the_start() {
    for (more, expected) in [
        ("type: person", r#"issuer https://x.example: type "person" is not supported"#),
        ("type: ci-provider", "issuer https://x.example: ci-provider is missing"),
        (
            "type: ci-provider, ci-provider: y",
            r#"issuer https://x.example: ci-provider "y" is not in ci-issuer-metadata"#,
        ),
        ("type: email, ci-provider: y", "issuer https://x.example: ci-provider is not of type email"),
        ("type: email, issuer-claim: a.b", "issuer https://x.example: issuer-claim is not $.name.name"),
        ("type: email, challenge-claim: sub", "issuer https://x.example: challenge-claim of this type is email"),
        ("type: email, issuer-url: https://y.example", "issuer https://x.example: issuer-url is not the entry's own"),
        ("type: uri", "issuer https://x.example: subject-domain is missing"),
        ("type: uri, subject-domain: x.example", "issuer https://x.example: subject-domain of a uri has a scheme"),
        (
            "type: uri, subject-domain: 'http://x.example'",
            "issuer https://x.example: subject-domain has another scheme than the issuer",
        ),
        (
            "type: uri, subject-domain: 'https://y.example'",
            "issuer https://x.example: subject-domain is not the issuer's own domain",
        ),
        (
            "type: username, subject-domain: example",
            "issuer https://x.example: subject-domain is not the issuer's own domain",
        ),
        ("type: spiffe", "issuer https://x.example: spiffe-trust-domain is missing"),
        (
            "type: spiffe, spiffe-trust-domain: 'a/b'",
            "issuer https://x.example: spiffe-trust-domain is no trust domain",
        ),
        ("type: email, jwks-uri: 'http://keys.example'", "plain http is for loopback only"),
        ("type: email, jwks-file: a, jwks-uri: 'https://k.example'", "jwks-file beside jwks-uri: which?"),
        ("type: email, jwks-file: absent.json", "absent.json: No such file"),
        ("type: email, skip-email-verification: true", "skip-email-verification"),
    ] {
        let error = entry(more);
        assert!(error.contains(expected), "{more}: {error}");
    }
    assert!(refused("oidc-issuers: {}").contains("it has 0 issuers"));
    let client = "oidc-issuers: { https://x.example: { client-id: '', type: email } }";
    assert!(refused(client).contains("client-id is empty"));
    let pattern = "meta-issuers: { 'https://*.x.example/': { client-id: a, type: email, addresses: any } }";
    assert!(refused(pattern).contains("addresses belongs to one issuer"), "{}", refused(pattern));
    for (template, expected) in [("{{ .x", "do not match"), ("{{ html .x }}", "is not understood")] {
        let metadata = format!("ci-issuer-metadata: {{ y: {{ subject-alternative-name-template: '{template}' }} }}");
        let yaml = format!("oidc-issuers: {{ https://x.example: {{ client-id: a, type: email }} }}\n{metadata}");
        assert!(refused(&yaml).contains(expected), "{}", refused(&yaml));
    }
    let issuer = "oidc-issuers: { https://x.example: { client-id: a, type: email } }\nci-issuer-metadata: { y: {
        subject-alternative-name-template: x, extension-templates: { issuer: iss } } }";
    assert!(refused(issuer).contains("issuer is not an extension that a template fills"), "{}", refused(issuer));
}
