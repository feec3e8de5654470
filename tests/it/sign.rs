//! The whole signing walk against the private Sigstore over loopback, as a stranger's program would do it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sealmark::admit::{Trust, decide};
use sealmark::base::crypto::{Digest, DigestAlgorithm};
use sealmark::format::bundle::UnverifiedBundle;
use sealmark::format::trust::{Selector, Service, SigningConfig};
use sealmark::policy::{Matcher, Policy, Rule};
use sealmark::service::environment::{Environment, FixedEnvironment, SystemEnvironment};
use sealmark::service::files::write_whole;
use sealmark::service::http::{HttpClient, Settings};
use sealmark::service::identity::{IdentityTokenSource, VariableToken, ambient};
use sealmark::service::signer::EphemeralKey;
use sealmark::sign::blob::{bundle_path, hash_files, sign_all};
use sealmark::sign::{Keyless, ManagedKey, Services, Session, SignError, attestation, certificate_authority};
use sealmark::stack::clock::Clock;
use sealmark::stack::{EntryPolicy, IssuerKind, Running, TokenRequest};
use sealmark::verify::{Artifact, Signer, Verified, Verifier};

/// A running stack, and a client of it.
struct Scene {
    stack: Running,
    verifier: Arc<Verifier>,
    http: HttpClient,
}

impl Scene {
    async fn new(dir: &Path) -> Self {
        let configure = |config: &mut sealmark::stack::Config| {
            config.rekor_v1 = true;
            config.entry_policy = EntryPolicy::Any;
        };
        let stack = Running::start_with(&dir.join("stack"), Clock::system(), configure).await.unwrap();
        let verifier = Arc::new(Verifier::new(stack.trusted_root()).unwrap());
        Self { stack, verifier, http: HttpClient::new(Settings { attempts: 2, ..Settings::default() }) }
    }

    /// The signing config with the logs of these versions.
    fn config(&self, versions: &[u64]) -> SigningConfig {
        let mut config = self.stack.signing_config().clone();
        let log = config.logs[0].clone();
        let of_version = |version: &u64| Service { major_api_version: *version, ..log.clone() };
        config.logs = versions.iter().map(of_version).collect();
        config.log_selector = Some(Selector::All);
        if versions == [1] {
            config.timestamp_authorities.clear();
        }
        config
    }

    fn services(&self, config: &SigningConfig) -> Services {
        Services::select(config, self.stack.trusted_root(), SystemEnvironment.now(), &self.http).unwrap()
    }

    fn keyless(&self, token: &str, environment: &Arc<dyn Environment>) -> Keyless {
        let variables = FixedEnvironment::with_variables([("SIGSTORE_ID_TOKEN", token)]);
        let source: Box<dyn IdentityTokenSource> = Box::new(VariableToken::new(Arc::new(variables)));
        let authority = certificate_authority(self.stack.signing_config(), environment.now(), &self.http).unwrap();
        Keyless::new(vec![source], authority, Arc::clone(&self.verifier), Arc::clone(environment))
    }

    async fn begin(&self, token: &str, versions: &[u64]) -> Result<Session, SignError> {
        let environment: Arc<dyn Environment> = Arc::new(SystemEnvironment);
        let source = self.keyless(token, &environment);
        let services = self.services(&self.config(versions));
        Session::begin(&source, services, Arc::clone(&self.verifier), environment).await
    }

    fn token(&self, kind: IssuerKind) -> String {
        self.stack.token(&TokenRequest::new(kind)).unwrap()
    }

    /// Whether a policy of exactly this identity admits the bundle.
    fn admits(&self, identity: &str, kind: IssuerKind, artifact: &Artifact<'_>, json: &str) -> bool {
        let rule = Rule::named("exact")
            .identity(Matcher::exact(identity).unwrap())
            .issuer(Matcher::exact(&self.stack.issuer().url(kind)).unwrap());
        let trust = Trust::Policy(Policy::of(rule.build().unwrap()));
        let bundles = UnverifiedBundle::parse_lines(json.as_bytes()).unwrap();
        decide(&self.verifier, &trust, artifact, &bundles, SystemEnvironment.now()).admitted().is_some()
    }
}

fn identity(verified: &Verified) -> String {
    match verified.signer() {
        Signer::Certificate(who) => who.san().to_string(),
        Signer::Key(key) => panic!("signed by {key:?}"),
    }
}

const ARTIFACT: &[u8] = b"an artifact\n";

fn digest() -> Digest {
    Digest::of(DigestAlgorithm::Sha256, ARTIFACT)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_identity_signs_into_every_kind_of_log() {
    let dir = tempfile::tempdir().unwrap();
    let scene = Scene::new(dir.path()).await;
    for kind in IssuerKind::ALL {
        for versions in [[1], [2]] {
            let session = scene.begin(&scene.token(kind), &versions).await.unwrap();
            let statement = attestation::statement("artifact", digest(), "https://example.com/p", "{\"a\":1}").unwrap();
            let signed = [session.sign(digest()).await.unwrap(), session.attest(&statement).await.unwrap()];
            for signed in signed {
                let entry = &signed.verified().evidence().entries()[0];
                let version = if versions == [1] { "0.0.1" } else { "0.0.2" };
                assert_eq!(entry.kind_version().1, version);
                let name = identity(signed.verified());
                assert!(scene.admits(&name, kind, &Artifact::from_bytes(ARTIFACT), signed.json()), "{kind:?}");
                assert!(!scene.admits(&name, kind, &Artifact::from_bytes(b"another"), signed.json()), "{kind:?}");
            }
        }
    }
    scene.stack.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ci_job_signs_its_files_with_one_certificate() {
    let dir = tempfile::tempdir().unwrap();
    let scene = Scene::new(dir.path()).await;
    let paths: Vec<PathBuf> = (0..12).map(|n| dir.path().join(format!("file-{n}"))).collect();
    for path in &paths {
        std::fs::write(path, path.to_str().unwrap()).unwrap();
    }
    let session = Arc::new(scene.begin(&scene.token(IssuerKind::GithubWorkflow), &[2]).await.unwrap());
    let digests: Vec<Digest> = hash_files(&paths, session.digest_algorithm()).into_iter().map(Result::unwrap).collect();
    let mut certificates = Vec::new();
    for (path, signed) in paths.iter().zip(sign_all(&session, &digests).await) {
        let signed = signed.unwrap();
        write_whole(&bundle_path(path), signed.json().as_bytes()).unwrap();
        certificates.push(signed.bundle().claimed_certificate().unwrap().clone());
        let json = std::fs::read_to_string(bundle_path(path)).unwrap();
        let artifact = std::fs::read(path).unwrap();
        let workflow = "https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1.0.0";
        assert!(scene.admits(workflow, IssuerKind::GithubWorkflow, &Artifact::from_bytes(&artifact), &json));
    }
    certificates.dedup();
    assert_eq!(certificates.len(), 1);
    scene.stack.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_signing_the_same_bytes_again_gets_the_entry_of_then() {
    let dir = tempfile::tempdir().unwrap();
    let scene = Scene::new(dir.path()).await;
    for version in [1, 2] {
        let key = ManagedKey::new(EphemeralKey::generate().unwrap());
        let environment: Arc<dyn Environment> = Arc::new(SystemEnvironment);
        let services = scene.services(&scene.config(&[version]));
        let session = Session::begin(&key, services, Arc::clone(&scene.verifier), environment).await.unwrap();
        let (one, again) = (session.sign(digest()).await.unwrap(), session.sign(digest()).await.unwrap());
        let index = |signed: &sealmark::sign::Signed| signed.bundle().claimed_log_entries()[0].log_index;
        assert_eq!(index(&one), index(&again), "v{version}");
    }
    scene.stack.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_another_issuer_is_told_which_are_known() {
    let dir = tempfile::tempdir().unwrap();
    let scene = Scene::new(dir.path()).await;
    let other = Running::start(&dir.path().join("other")).await.unwrap();
    let stranger = other.token(&TokenRequest::email("me@example.com")).unwrap();
    let error = scene.begin(&stranger, &[2]).await.unwrap_err();
    assert_eq!((error.code().name(), error.code().exit_code()), ("ca-issuer-unknown", 1));
    let shown = format!("{error} {error:?}");
    assert!(shown.contains(scene.stack.issuer().url(IssuerKind::GithubWorkflow).as_str()), "{shown}");
    for part in stranger.split('.') {
        assert!(!shown.contains(part), "{shown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_is_gone_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let scene = Scene::new(dir.path()).await;
    let session = scene.begin(&scene.token(IssuerKind::Email), &[2]).await.unwrap();
    let (token, config) = (scene.token(IssuerKind::Email), scene.config(&[2]));
    let services = scene.services(&config);
    let environment: Arc<dyn Environment> = Arc::new(SystemEnvironment);
    let keyless = scene.keyless(&token, &environment);
    let verifier = Arc::clone(&scene.verifier);
    scene.stack.stop().await.unwrap();
    let error = session.sign(digest()).await.unwrap_err();
    assert_eq!((error.code().name(), error.code().exit_code()), ("tsa-unreachable", 3));
    let error = Session::begin(&keyless, services, verifier, environment).await.unwrap_err();
    assert_eq!((error.code().name(), error.code().exit_code()), ("ca-unreachable", 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_instances_trust_is_not_enough() {
    let dir = tempfile::tempdir().unwrap();
    let mut scene = Scene::new(dir.path()).await;
    let other = Running::start(&dir.path().join("other")).await.unwrap();
    scene.verifier = Arc::new(Verifier::new(other.trusted_root()).unwrap());
    let error = scene.begin(&scene.token(IssuerKind::Email), &[2]).await.unwrap_err();
    assert_eq!(error.code().exit_code(), 1, "{error}");
    assert!(error.to_string().contains("would not verify"), "{error}");
}

#[test]
fn a_stranger_finds_every_ambient_source() {
    let environment: Arc<dyn Environment> = Arc::new(SystemEnvironment);
    let http = HttpClient::new(Settings::from_environment(&*environment));
    let names: Vec<_> = ambient(&environment, &http).iter().map(|source| source.name()).collect();
    assert_eq!(names.first(), Some(&"GitLab CI"));
    assert_eq!(names.last(), Some(&"Google Cloud"));
    for name in ["SIGSTORE_ID_TOKEN", "GitHub Actions", "Forgejo Actions", "CircleCI", "projected token file"] {
        assert!(names.contains(&name), "{name}");
    }
}
