//! Makes `testdata/bundles`: good bundles by our own signing library against a private stack, and each bad case
//! out of a good one by one change.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use sealmark::base::crypto::{Digest, DigestAlgorithm};
use sealmark::format::trust::{Service, SigningConfig, TrustedRoot};
use sealmark::service::environment::{Environment, FixedEnvironment, SystemEnvironment};
use sealmark::service::http::{HttpClient, Settings};
use sealmark::service::identity::{IdentityTokenSource, VariableToken};
use sealmark::service::signer::{EphemeralKey, Signer as _};
use sealmark::sign::{CredentialSource, Keyless, ManagedKey, Services, Session, attestation, certificate_authority};
use sealmark::stack::clock::Clock;
use sealmark::stack::{EntryPolicy, IssuerKind, Running, TokenRequest};
use sealmark::verify::Verifier;
use serde_json::{Value, json};

use super::case;

const ARTIFACT: &[u8] = b"an artifact of sealmark's own tests\n";
const IDENTITY: &str = "https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1.0.0";
const OLD_MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle+json;version=0.2";

/// A running stack, and a client of it.
struct Scene {
    stack: Running,
    environment: Arc<dyn Environment>,
    verifier: Arc<Verifier>,
    http: HttpClient,
}

/// Which Rekor.
#[derive(Clone, Copy)]
enum Rekor {
    V1,
    V2,
}

impl Scene {
    async fn new(dir: &Path) -> Self {
        let configure = |config: &mut sealmark::stack::Config| {
            config.rekor_v1 = true;
            config.entry_policy = EntryPolicy::Any;
        };
        let stack = Running::start_with(dir, Clock::system(), configure).await.unwrap();
        let verifier = Arc::new(Verifier::new(stack.trusted_root()).unwrap());
        let http = HttpClient::new(Settings::default());
        Self { stack, environment: Arc::new(SystemEnvironment), verifier, http }
    }

    /// The signing config with the log of a version; the times of a v1 log need no timestamp.
    fn config(&self, rekor: Rekor) -> SigningConfig {
        let mut config = self.stack.signing_config().clone();
        if matches!(rekor, Rekor::V1) {
            config.logs = vec![Service { major_api_version: 1, ..config.logs[0].clone() }];
            config.timestamp_authorities.clear();
        }
        config
    }

    fn keyless(&self, request: &TokenRequest) -> Keyless {
        let token = self.stack.token(request).unwrap();
        let variables = FixedEnvironment::with_variables([("SIGSTORE_ID_TOKEN", token.as_str())]);
        let source: Box<dyn IdentityTokenSource> = Box::new(VariableToken::new(Arc::new(variables)));
        let now = self.environment.now();
        let authority = certificate_authority(self.stack.signing_config(), now, &self.http).unwrap();
        Keyless::new(vec![source], authority, Arc::clone(&self.verifier), Arc::clone(&self.environment))
    }

    async fn session(&self, source: &dyn CredentialSource, rekor: Rekor) -> Session {
        let (config, now) = (self.config(rekor), self.environment.now());
        let services = Services::select(&config, self.stack.trusted_root(), now, &self.http).unwrap();
        let (verifier, environment) = (Arc::clone(&self.verifier), Arc::clone(&self.environment));
        Session::begin(source, services, verifier, environment).await.unwrap()
    }

    async fn message(&self, source: &dyn CredentialSource, rekor: Rekor) -> Value {
        let session = self.session(source, rekor).await;
        let digest = Digest::of(session.digest_algorithm(), ARTIFACT);
        serde_json::from_str(session.sign(digest).await.unwrap().json()).unwrap()
    }

    async fn attestation(&self, rekor: Rekor) -> Value {
        let session = self.session(&self.keyless(&workflow()), rekor).await;
        let digest = Digest::of(DigestAlgorithm::Sha256, ARTIFACT);
        let predicate = r#"{"builder":"sealmark's tests"}"#;
        let statement = attestation::statement("artifact", digest, "https://example.com/predicate", predicate);
        serde_json::from_str(session.attest(&statement.unwrap()).await.unwrap().json()).unwrap()
    }

    fn issuer(&self, kind: IssuerKind) -> String {
        self.stack.issuer().url(kind)
    }
}

fn workflow() -> TokenRequest {
    TokenRequest::new(IssuerKind::GithubWorkflow)
}

/// The folder of the cases as it is being made.
struct Maker<'a>(&'a Path);

impl Maker<'_> {
    fn file(&self, path: &str, text: &str) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A good case: the bundle, a line about it, and the files that are its own.
    fn good(&self, name: &str, about: &str, bundle: &Value, own: &[(&str, &str)]) {
        self.file(&format!("{name}/bundle.sigstore.json"), &format!("{bundle}\n"));
        self.file(&format!("{name}/README"), &format!("{about}\n"));
        for (file, text) in own {
            self.file(&format!("{name}/{file}"), text);
        }
    }

    /// A bad case: `bundle` after `change`, and the code of its refusal.
    fn bad(&self, name: &str, (about, code): (&str, &str), bundle: &Value, change: impl FnOnce(&mut Value)) {
        self.bad_with(name, (about, code), bundle, change, &[]);
    }

    fn bad_with(
        &self,
        name: &str,
        (about, code): (&str, &str),
        bundle: &Value,
        change: impl FnOnce(&mut Value),
        own: &[(&str, &str)],
    ) {
        let mut changed = bundle.clone();
        change(&mut changed);
        let name = format!("{name}_fail");
        self.good(&name, about, &changed, own);
        self.file(&format!("{name}/error"), &format!("{code}\n"));
    }
}

fn entry(bundle: &mut Value) -> &mut Value {
    &mut bundle["verificationMaterial"]["tlogEntries"][0]
}

/// Another first character of a base64 text that stays valid.
fn changed(text: &mut Value) {
    let old = text.as_str().unwrap();
    let first = if old.starts_with('M') { "N" } else { "M" };
    *text = json!(format!("{first}{}", &old[1..]));
}

/// The bundle as version 0.2 writes it, with a chain.
fn with_chain(bundle: &Value, chain: &[&str]) -> Value {
    let mut old = bundle.clone();
    old["mediaType"] = json!(OLD_MEDIA_TYPE);
    let material = old["verificationMaterial"].as_object_mut().unwrap();
    let leaf = material.remove("certificate").unwrap();
    let rest = chain.iter().map(|raw| json!({ "rawBytes": raw }));
    let certificates: Vec<_> = std::iter::once(leaf).chain(rest).collect();
    material.insert("x509CertificateChain".to_owned(), json!({ "certificates": certificates }));
    old
}

#[test]
#[ignore = "writes testdata/bundles anew"]
fn remake_testdata() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let root = case::root();
    if root.is_dir() {
        fs::remove_dir_all(&root).unwrap();
    }
    runtime.block_on(async {
        let scene = Scene::new(&folder.path().join("stack")).await;
        let maker = Maker(&root);
        maker.file("artifact", std::str::from_utf8(ARTIFACT).unwrap());
        maker.file("identity", &format!("{IDENTITY}\n"));
        maker.file("issuer", &format!("{}\n", scene.issuer(IssuerKind::GithubWorkflow)));
        maker.file("trusted_root.json", &format!("{}\n", scene.stack.trusted_root().to_json()));
        let other = Scene::new(&folder.path().join("other")).await;
        let other_root = other.stack.trusted_root().to_json();
        make(&maker, &scene, &other_root).await;
        scene.stack.stop().await.unwrap();
        other.stack.stop().await.unwrap();
    });
}

async fn make(maker: &Maker<'_>, scene: &Scene, other_root: &str) {
    let by_workflow = scene.keyless(&workflow());
    let v1 = scene.message(&by_workflow, Rekor::V1).await;
    let v2 = scene.message(&by_workflow, Rekor::V2).await;
    let v1_attestation = scene.attestation(Rekor::V1).await;
    let v2_attestation = scene.attestation(Rekor::V2).await;
    maker.good("message_rekor_v1", "A file, logged by Rekor v1: SET, proof and checkpoint.", &v1, &[]);
    maker.good("message_rekor_v2", "A file, logged by Rekor v2, with a timestamp.", &v2, &[]);
    maker.good("attestation_rekor_v1", "A statement, logged by Rekor v1 as dsse.", &v1_attestation, &[]);
    maker.good("attestation_rekor_v2", "A statement, logged by Rekor v2 by its PAE.", &v2_attestation, &[]);
    people_and_keys(maker, scene).await;
    shapes(maker, scene, &v1, &v2);
    changed_content(maker, &v2, &v2_attestation);
    changed_log(maker, &v1, &v2, &v2_attestation);
    other_trust(maker, scene, &v2, other_root);
}

/// Other signers than a workflow.
async fn people_and_keys(maker: &Maker<'_>, scene: &Scene) {
    let person = scene.keyless(&TokenRequest::email("me@example.com"));
    let issuer = scene.issuer(IssuerKind::Email);
    let own = [("identity", "me@example.com\n"), ("issuer", issuer.as_str())];
    let mallory = scene.keyless(&workflow().with("repository", "mallory/app").unwrap());
    let about = ("A genuine signature by another repository.", "identity-mismatch");
    maker.bad("message_mallory", about, &scene.message(&mallory, Rekor::V2).await, |_| {});
    maker.good("message_email", "Signed by a person.", &scene.message(&person, Rekor::V2).await, &own);
    let key = EphemeralKey::generate().unwrap();
    let pem = key.public_key().to_pem();
    let by_key = scene.message(&ManagedKey::new(key), Rekor::V2).await;
    maker.good("message_key", "Signed by a bare key.", &by_key, &[("key.pub", &pem)]);
    let other = EphemeralKey::generate().unwrap().public_key().to_pem();
    let about = ("Another key than the signer's.", "key-hint-mismatch");
    maker.bad_with("message_key_other", about, &by_key, |_| {}, &[("key.pub", &other)]);
    maker.bad("message_key_none", ("Signed by a key, and an identity is asked for.", "key-required"), &by_key, |_| {});
}

/// Other shapes of the same bundles.
fn shapes(maker: &Maker<'_>, scene: &Scene, v1: &Value, v2: &Value) {
    let chain: Vec<_> = scene.stack.trusted_root().certificate_authorities[0].chain.iter().collect();
    let raw: Vec<_> = chain.iter().map(|c| sealmark::base::encoding::base64::encode(c.der())).collect();
    let raw: Vec<_> = raw.iter().map(String::as_str).collect();
    maker.good("version_0.2", "As version 0.2 has it, with intermediate and root.", &with_chain(v1, &raw), &[]);
    maker.bad("version_mix", ("A chain in version 0.3.", "bundle-version-mix"), v1, |bundle| {
        *bundle = with_chain(bundle, &raw);
        bundle["mediaType"] = v1["mediaType"].clone();
    });
    let mut other = v2.clone();
    changed(&mut other["messageSignature"]["signature"]);
    maker.good("lines", "Two bundles, one a line; the second is good.", v2, &[]);
    maker.file("lines/bundle.sigstore.json", &format!("{other}\n{v2}\n"));
}

fn changed_content(maker: &Maker<'_>, v2: &Value, attestation: &Value) {
    let own = [("artifact", "another artifact\n")];
    maker.bad_with("artifact_changed", ("Another artifact.", "digest-mismatch"), v2, |_| {}, &own);
    let about = ("The statement is about another artifact.", "subject-mismatch");
    maker.bad_with("subject_other", about, attestation, |_| {}, &own);
    maker.bad("signature_changed", ("One bit of the signature changed.", "sig-invalid"), v2, |bundle| {
        changed(&mut bundle["messageSignature"]["signature"]);
    });
    maker.bad("signatures_two", ("Two signatures in one envelope.", "dsse-sig-count"), attestation, |bundle| {
        let signatures = bundle["dsseEnvelope"]["signatures"].as_array_mut().unwrap();
        signatures.push(signatures[0].clone());
    });
    maker.bad("field_unknown", ("A field that bundles do not have.", "bundle-unknown-field"), v2, |bundle| {
        bundle["verified"] = json!(true);
    });
}

fn changed_log(maker: &Maker<'_>, v1: &Value, v2: &Value, attestation: &Value) {
    maker.bad("entry_none", ("No log entry.", "log-entry-missing"), v2, |bundle| {
        bundle["verificationMaterial"]["tlogEntries"] = json!([]);
    });
    maker.bad("entry_other", ("The genuine entry of another signature.", "log-body-mismatch"), v2, |bundle| {
        *entry(bundle) = entry(&mut attestation.clone()).clone();
    });
    maker.bad("promise_only", ("A promise (SET) and no proof.", "log-proof-missing"), v1, |bundle| {
        entry(bundle)["inclusionProof"] = Value::Null;
    });
    maker.bad("promise_changed", ("The SET changed.", "log-set-invalid"), v1, |bundle| {
        entry(bundle)["integratedTime"] = json!("1800000000");
    });
    maker.bad("time_unsigned", ("An integrated time that no SET signs.", "time-unauthenticated"), v1, |bundle| {
        entry(bundle)["inclusionPromise"] = Value::Null;
    });
    maker.bad("proof_changed", ("The index of the proof changed.", "log-proof-invalid"), v1, |bundle| {
        entry(bundle)["inclusionProof"]["logIndex"] = json!("7");
    });
    maker.bad("timestamp_none", ("Nothing proves a time.", "time-missing"), v2, |bundle| {
        bundle["verificationMaterial"]["timestampVerificationData"] = Value::Null;
    });
    maker.bad("timestamp_other", ("The timestamp of another signature.", "tsa-imprint"), v2, |bundle| {
        let other = &attestation["verificationMaterial"]["timestampVerificationData"];
        bundle["verificationMaterial"]["timestampVerificationData"] = other.clone();
    });
}

fn other_trust(maker: &Maker<'_>, scene: &Scene, v2: &Value, other_root: &str) {
    let own = [("identity", "https://github.com/other/app/.github/workflows/release.yml@refs/tags/v1.0.0\n")];
    maker.bad_with("identity_other", ("Another identity.", "identity-mismatch"), v2, |_| {}, &own);
    let own = [("issuer", "https://token.actions.githubusercontent.com\n")];
    maker.bad_with("issuer_other", ("Another issuer.", "issuer-mismatch"), v2, |_| {}, &own);
    let about = ("The trusted root of another instance.", "log-id");
    maker.bad_with("instance_other", about, v2, |_| {}, &[("trusted_root.json", other_root)]);
    let mut retired: TrustedRoot = scene.stack.trusted_root().clone();
    for log in &mut retired.logs {
        let start = log.validity.start();
        let long_ago = start.plus_secs(-3600);
        log.validity = sealmark::base::time::ValidityPeriod::new(long_ago, Some(start.plus_secs(-60))).unwrap();
    }
    let about = ("The log's key was retired before.", "log-key-not-valid");
    maker.bad_with("log_retired", about, v2, |_| {}, &[("trusted_root.json", &retired.to_json())]);
}
