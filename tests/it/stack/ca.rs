//! The CA and the issuer from outside.

use std::path::Path;

use sealmark::base::crypto::KeyKind;
use sealmark::base::encoding::{base64, pem};
use sealmark::format::jwt::{Expected, KeySet, UnverifiedToken};
use sealmark::format::x509::{Certificate, FulcioClaims, San};
use sealmark::stack::issuer::Issuer;
use sealmark::stack::keys::PrivateKey;
use sealmark::stack::{Config, IssuerKind, Stack, StackError, TokenRequest};
use serde_json::json;

use super::http::Http;
use super::signer::{self, Form};
use super::{now, start};

const PATH: &str = "/api/v2/signingCert";

/// A token by client credentials, for a kind's issuer.
async fn ask_token(http: &Http, path: &str, secret: &str, more: &str) -> super::http::Answer {
    let form =
        format!("grant_type=client_credentials&client_id=sealmark&client_secret={secret}&audience=sigstore{more}");
    http.post(&format!("{path}/token"), "application/x-www-form-urlencoded", form.as_bytes()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_by_client_credentials() {
    let dir = tempfile::tempdir().unwrap();
    let (running, http) = start(dir.path()).await;
    let secret = std::fs::read_to_string(dir.path().join("stack/keys/client-secret")).unwrap();
    for path in ["", "/github", "/gitlab", "/uri", "/username"] {
        let discovery = http.get(&format!("{path}/.well-known/openid-configuration")).await.json();
        let issuer = format!("{}{path}", running.url());
        assert_eq!(discovery["issuer"], issuer);
        for name in ["authorization_endpoint", "token_endpoint", "jwks_uri"] {
            assert!(discovery[name].as_str().unwrap().starts_with(running.url()), "{name}");
        }
        let answer = ask_token(&http, path, &secret, "").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let keys = KeySet::parse(&http.get("/jwks").await.body).unwrap();
        let token = answer.json()["id_token"].as_str().unwrap().to_owned();
        let claims = UnverifiedToken::parse(&token).unwrap().verify(&keys).unwrap();
        claims.check(&Expected { issuer: &issuer, audience: "sigstore", now: now() }).unwrap();
        signer::certified(&http, &token, Form::SigningRequest).await;
    }
    let chosen = ask_token(&http, "/github", &secret, "&repository=you%2Ftool&ref=refs/heads/main").await;
    let token = chosen.json()["id_token"].as_str().unwrap().to_owned();
    let (_, leaf) = signer::certified(&http, &token, Form::PublicKey).await;
    let san = "https://github.com/you/tool/.github/workflows/release.yml@refs/heads/main";
    assert_eq!(leaf.san().unwrap(), San::Uri(san.to_owned()));

    assert_eq!(ask_token(&http, "", "wrong", "").await.status, 401);
    let unknown = ask_token(&http, "", &secret, "&iss=x").await;
    assert_eq!((unknown.status, unknown.json()["error"].as_str()), (400, Some("invalid_request")));
    let bearer = format!("Bearer {secret}");
    let query = "/github/request?api-version=2.0&audience=sigstore";
    let github = http.send("GET", query, &[("Authorization", &bearer)], b"").await;
    assert!(UnverifiedToken::parse(github.json()["value"].as_str().unwrap()).is_ok());
    assert_eq!(http.get(query).await.status, 401);
}

/// The certificate profile, field by field.
#[tokio::test(flavor = "multi_thread")]
async fn the_profile_of_certificates() {
    let dir = tempfile::tempdir().unwrap();
    let (running, http) = start(dir.path()).await;
    let token = running.token(&TokenRequest::new(IssuerKind::GithubWorkflow)).unwrap();
    let key = PrivateKey::generate(KeyKind::P256).unwrap();
    let chain = signer::chain(&signer::request_certificate(&http, &token, Form::PublicKey, &key).await);
    let [leaf, intermediate, root] = &chain[..] else { panic!("{}", chain.len()) };

    assert!(leaf.subject().is_empty());
    let names = leaf.extensions().subject_alt_names.as_ref().unwrap();
    assert!(names.critical && names.names.len() == 1);
    let usage = leaf.extensions().extended_key_usage.as_ref().unwrap();
    assert!(!usage.critical && usage.is_only(sealmark::format::x509::oids::CODE_SIGNING));
    assert!(leaf.extensions().key_usage.unwrap().digital_signature());
    assert!(leaf.extensions().basic_constraints.is_none());
    assert_eq!(leaf.extensions().authority_key_id, intermediate.extensions().subject_key_id);
    let validity = leaf.validity();
    assert_eq!(validity.end().unwrap().secs() - validity.start().secs(), 600);
    assert_eq!(leaf.serial().len(), 20);

    for (authority, issuer, kind) in [(intermediate, root, KeyKind::P256), (root, root, KeyKind::P384)] {
        authority.verify_signature(issuer.public_key()).unwrap();
        assert_eq!(authority.public_key().kind(), kind);
        assert!(authority.extensions().basic_constraints.unwrap().ca);
        assert!(authority.extensions().key_usage.unwrap().key_cert_sign());
    }
    assert_eq!(intermediate.extensions().basic_constraints.unwrap().path_len, Some(0));
    assert!(intermediate.extensions().extended_key_usage.is_some());
    assert!(root.extensions().extended_key_usage.is_none());

    let scts = sealmark::format::x509::sct::read_list(leaf.extensions().sct_list.as_ref().unwrap()).unwrap();
    assert_eq!((scts.len(), scts[0].leaf_index()), (1, Some(0)));

    let claims = FulcioClaims::read(leaf).unwrap();
    let issuer = format!("{}/github", running.url());
    for (name, value) in [
        ("issuer", issuer.as_str()),
        ("issuer-v1", &issuer),
        ("github-workflow-trigger", "push"),
        ("github-workflow-repository", "acme/app"),
        ("build-signer-uri", "https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1.0.0"),
        ("runner-environment", "github-hosted"),
        ("source-repository-uri", "https://github.com/acme/app"),
        ("source-repository-ref", "refs/tags/v1.0.0"),
        ("source-repository-owner-uri", "https://github.com/acme"),
        ("run-invocation-uri", "https://github.com/acme/app/actions/runs/1/attempts/1"),
        ("token-subject", "repo:acme/app:ref:refs/tags/v1.0.0"),
    ] {
        assert_eq!(claims.value(name), Some(value), "{name}");
    }
    assert_eq!(claims.value("deployment-environment"), None);

    let gitlab = running.token(&TokenRequest::new(IssuerKind::GitlabPipeline)).unwrap();
    let (_, leaf) = signer::certified(&http, &gitlab, Form::PublicKey).await;
    assert_eq!(leaf.san().unwrap().as_str(), "https://gitlab.com/acme/app//.gitlab-ci.yml@refs/tags/v1.0.0");
    let claims = FulcioClaims::read(&leaf).unwrap();
    assert_eq!(claims.value("source-repository-ref"), Some("refs/tags/v1.0.0"));
    assert_eq!(claims.value("github-workflow-trigger"), None);
    let email = running.token(&TokenRequest::email("me@example.com")).unwrap();
    let (_, leaf) = signer::certified(&http, &email, Form::PublicKey).await;
    assert_eq!(leaf.san().unwrap(), San::Email("me@example.com".to_owned()));
    let username = running.token(&TokenRequest::new(IssuerKind::Username)).unwrap();
    let (_, leaf) = signer::certified(&http, &username, Form::PublicKey).await;
    assert_eq!(leaf.san().unwrap(), San::Username("signer!sealmark.localhost".to_owned()));
}

/// A key, and a proof of possession for it, in every way that is wrong.
#[tokio::test(flavor = "multi_thread")]
async fn f19_f20_f21_possession_and_keys() {
    let dir = tempfile::tempdir().unwrap();
    let (running, http) = start(dir.path()).await;
    let token = running.token(&TokenRequest::email("me@example.com")).unwrap();
    let (own, other) = (PrivateKey::generate(KeyKind::P256).unwrap(), PrivateKey::generate(KeyKind::P256).unwrap());
    let verified = "The signature supplied in the request could not be verified";
    for proof in [own.sign(b"you@example.com"), own.sign(b""), other.sign(b"me@example.com"), Ok(vec![0])] {
        let request = signer::public_key_request(&token, own.public_key(), &proof.unwrap());
        let answer = http.post_json(PATH, &request).await;
        assert_eq!((answer.status, answer.message().as_str()), (400, verified));
    }
    let mut request = signer::public_key_request(&token, own.public_key(), b"x");
    request["publicKeyRequest"]["proofOfPossession"] = json!(null);
    assert_eq!(http.post_json(PATH, &request).await.message(), "publicKeyRequest.proofOfPossession is missing");

    let csr = |text: &str| json!({ "credentials": { "oidcIdentityToken": token }, "certificateSigningRequest": base64::encode(text.as_bytes()) });
    let good = signer::signing_request(&own);
    let mut der = pem::decode_one(&good, "CERTIFICATE REQUEST").unwrap();
    let last = der.len() - 1;
    der[last] ^= 1;
    let bad = pem::encode("CERTIFICATE REQUEST", &der);
    assert_eq!(http.post_json(PATH, &csr(&bad)).await.status, 400);
    for text in [good.repeat(2), String::new(), "garbage".to_owned()] {
        assert_eq!(http.post_json(PATH, &csr(&text)).await.status, 400, "{text}");
    }
    let mut both = csr(&good);
    both["publicKeyRequest"] = request["publicKeyRequest"].clone();
    assert!(http.post_json(PATH, &both).await.message().starts_with("exactly one of"));

    // The key in DER, and a form as the proto file has its names.
    let proof = own.sign(b"me@example.com").unwrap();
    let snake = json!({
        "credentials": { "oidc_identity_token": token },
        "public_key_request": {
            "public_key": { "content": base64::encode(own.public_key().spki()) },
            "proof_of_possession": base64::encode(&proof),
        },
    });
    signer::chain(&http.post_json(PATH, &snake).await);
    let rsa_1024 = "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHB\
                    wcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwQIDAQAB";
    let mut weak = snake.clone();
    weak["public_key_request"]["public_key"]["content"] = json!(rsa_1024);
    let answer = http.post_json(PATH, &weak).await;
    assert_eq!(answer.status, 400);
    assert!(answer.message().starts_with("The public key supplied in the request"), "{}", answer.message());
}

/// Tokens that the CA does not take; what is wrong with a token itself is tested beside its parser.
#[tokio::test(flavor = "multi_thread")]
async fn f01_f09_f14_tokens() {
    let dir = tempfile::tempdir().unwrap();
    let (running, http) = start(dir.path()).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let (other, _) = start(elsewhere.path()).await;
    let key = PrivateKey::generate(KeyKind::P256).unwrap();
    let foreign = other.token(&TokenRequest::email("me@example.com")).unwrap();
    let good = running.token(&TokenRequest::email("me@example.com")).unwrap();
    let mut tampered = good.clone();
    tampered.replace_range(good.len() - 4.., "AAAA");
    for (token, message) in [
        ("", "there is none"),
        ("a.b", "three parts"),
        (&".".repeat(10_000), "three parts"),
        (&foreign, "not configured"),
        (&tampered, "signature"),
    ] {
        let request = signer::public_key_request(token, key.public_key(), b"x");
        let answer = http.post_json(PATH, &request).await;
        assert_eq!((answer.status, answer.json()["code"].as_i64()), (400, Some(3)), "{token}: {}", answer.text());
        assert!(answer.message().starts_with("There was an error processing the identity token"));
        assert!(answer.message().contains(message), "{}", answer.message());
        assert!(token.len() < 20 || !answer.text().contains(token), "the token is not repeated");
    }
    let huge = signer::public_key_request(&"a".repeat(70 << 10), key.public_key(), b"x");
    assert_eq!(http.post_json(PATH, &huge).await.status, 413);
    // Two different tokens.
    let proof = key.sign(b"me@example.com").unwrap();
    let request = signer::public_key_request(&good, key.public_key(), &proof).to_string();
    let answer = http.send("POST", PATH, &[("Authorization", "Bearer x")], request.as_bytes()).await;
    assert_eq!(answer.status, 400);
    // An address that is none.
    for address in ["me", "me@@example.com", "@example.com", "me@", "\u{e9}@example.com", "\"me\"@example.com"] {
        let token = running.token(&TokenRequest::email(address)).unwrap();
        let request = signer::public_key_request(&token, key.public_key(), b"x");
        assert_eq!(http.post_json(PATH, &request).await.status, 400, "{address}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn documents() {
    let dir = tempfile::tempdir().unwrap();
    let (running, http) = start(dir.path()).await;
    let bundle = http.get("/api/v2/trustBundle").await.json();
    let certificates = bundle["chains"][0]["certificates"].as_array().unwrap().clone();
    let chain = &running.trusted_root().certificate_authorities[0].chain;
    let served: Vec<_> = certificates.iter().map(|pem| Certificate::from_pem(pem.as_str().unwrap()).unwrap()).collect();
    assert_eq!(&served, chain);
    let configuration = http.get("/api/v2/configuration").await.json();
    assert_eq!(configuration["issuers"].as_array().unwrap().len(), 5);
    assert!(http.get("/api/v1/rootCert").await.text().starts_with("-----BEGIN CERTIFICATE-----"));
    assert_eq!(http.get("/healthz").await.json()["status"], "SERVING");
    let chain = http.get("/api/v1/timestamp/certchain").await;
    assert_eq!(chain.header("content-type"), Some("application/pem-certificate-chain"));
    let request = json!({ "artifactHash": base64::encode(&[1; 32]), "hashAlgorithm": "sha256", "certificates": false });
    let answer = http.post_json("/api/v1/timestamp", &request).await;
    assert_eq!(answer.header("content-type"), Some("application/timestamp-reply"));
}

/// Makes a stack with a document of issuers, and serves it.
async fn with_identities(dir: &Path, identities: &str) -> Result<(String, impl Future + use<>), StackError> {
    let listener = sealmark::serve::bind("127.0.0.1:0").await?;
    let config = Config::new(listener.local_addr().unwrap());
    Stack::init(dir, &config)?;
    std::fs::write(dir.join("identities.yaml"), identities).unwrap();
    let stack = Stack::open(dir)?;
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let task = tokio::spawn(stack.serve(listener, async { drop(stopped.await) }));
    Ok((config.url, async {
        drop(stop);
        task.await.unwrap().unwrap();
    }))
}

/// An issuer beside the stack's own, believed by the keys in a file and by nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn f09_f13_f31_an_outside_issuer() {
    const URL: &str = "https://token.actions.githubusercontent.com";
    let dir = tempfile::tempdir().unwrap();
    let key = PrivateKey::generate(KeyKind::P256).unwrap();
    let outside = Issuer::new(key, URL, Default::default());
    let keys = dir.path().join("keys.json");
    let identities = format!(
        "oidc-issuers: {{ '{URL}/github': {{ client-id: sigstore, type: ci-provider, ci-provider: github-workflow, \
         jwks-file: '{}' }} }}",
        keys.display()
    );
    for (number, bad) in ["", "{}", r#"{"keys":[]}"#].into_iter().enumerate() {
        std::fs::write(&keys, bad).unwrap();
        let refused = with_identities(&dir.path().join(format!("bad-{number}")), &identities).await.err().unwrap();
        assert_eq!(refused.code().name(), "stack-config", "{bad}");
    }
    std::fs::write(&keys, outside.key_set_json()).unwrap();
    let (url, stop) = with_identities(&dir.path().join("stack"), &identities).await.unwrap();
    let http = Http::new(&url);
    let request = TokenRequest::new(IssuerKind::GithubWorkflow);
    let (_, leaf) = signer::certified(&http, &outside.issue(&request, now()).unwrap(), Form::PublicKey).await;
    assert_eq!(FulcioClaims::read(&leaf).unwrap().issuer(), Some(format!("{URL}/github").as_str()));
    // Its other kinds are not configured.
    let person = outside.issue(&TokenRequest::email("me@example.com"), now()).unwrap();
    let key = PrivateKey::generate(KeyKind::P256).unwrap();
    assert_eq!(signer::request_certificate(&http, &person, Form::SigningRequest, &key).await.status, 400);
    stop.await;
}

/// An issuer that is asked for its keys: another stack's. Where its address is not configured to be one of this
/// machine, nothing is asked and the answer is not a refusal of the token.
#[tokio::test(flavor = "multi_thread")]
async fn f11_f30_an_outside_issuer_that_is_asked() {
    let dir = tempfile::tempdir().unwrap();
    let (other, _) = start(dir.path()).await;
    let identities = |addresses: &str| {
        let entry = format!("client-id: sigstore, type: ci-provider, ci-provider: gitlab-pipeline{addresses}");
        format!("oidc-issuers: {{ '{}/gitlab': {{ {entry}, jwks-uri: '{}/jwks' }} }}", other.url(), other.url())
    };
    let token = other.token(&TokenRequest::new(IssuerKind::GitlabPipeline)).unwrap();
    let key = PrivateKey::generate(KeyKind::P256).unwrap();

    let (url, stop) = with_identities(&dir.path().join("closed"), &identities("")).await.unwrap();
    let answer = signer::request_certificate(&Http::new(&url), &token, Form::PublicKey, &key).await;
    assert_eq!((answer.status, answer.json()["code"].as_i64()), (503, Some(14)), "{}", answer.text());
    assert!(!answer.text().contains("127.0.0.1"), "{}", answer.text());
    stop.await;

    let (url, stop) = with_identities(&dir.path().join("open"), &identities(", addresses: any")).await.unwrap();
    let (_, leaf) = signer::certified(&Http::new(&url), &token, Form::PublicKey).await;
    assert_eq!(leaf.san().unwrap().as_str(), "https://gitlab.com/acme/app//.gitlab-ci.yml@refs/tags/v1.0.0");
    let configuration = Http::new(&url).get("/api/v2/configuration").await.json();
    let last = configuration["issuers"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(
        (last["issuerUrl"].clone(), last["issuerType"].clone()),
        (json!(format!("{}/gitlab", other.url())), json!("ci-provider"))
    );
    stop.await;
}
