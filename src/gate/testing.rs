//! A site for tests: a gate over registries in memory that can be told to be slow, to be down or to fail, with
//! the files that it is set up by.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use tempfile::TempDir;

use super::{Gate, PolicySource, Sources, State, Stores, TrustSource};
use crate::base::encoding::base64;
use crate::base::time::UnixTime;
use crate::format::dsse;
use crate::format::oci::{
    BundleKind, EMPTY, EMPTY_BYTES, IMAGE_MANIFEST, Repository, Tag, bundle_manifest, image_manifest,
};
use crate::format::x509::San;
use crate::format::x509::build::Extension;
use crate::format::x509::testing::{Key, Template};
use crate::serve::{Journal, body};
use crate::service::BoxFuture;
use crate::service::environment::{Environment, SystemEnvironment};
use crate::service::http::{HttpError, Service};
use crate::service::store::failing::{Asked, FailingStore, Faults};
use crate::service::store::{ArtifactStore, StoreError, StoredManifest};
use crate::verify::testing::{NOW, World, signature_statement};

pub(super) const SIGNER: &str = "signer@example.com";
pub(super) const SETTINGS: &str = "version: 1\npolicies: {release: release.yaml, other: other.yaml}\nnamespaces:\n  - {names: [prod], policy: release}\n  - {names: [elsewhere], policy: other}\n  - {names: ['warn-*'], policy: release, mode: warn}\n  - {names: ['audit-*'], policy: release, mode: audit}\n";

pub(super) fn policy(identity: &str) -> String {
    format!("version: 1\nrules:\n  - {{name: release, identity: {identity}, issuer: 'https://issuer.example.com'}}\n")
}

/// The instance that vouches in every site.
pub(super) fn world() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(World::new)
}

/// How a registry behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Slow(Duration),
    Down,
    Panics,
}

/// Registries in memory.
pub(super) type Registries = FailingStore<HostFaults>;

/// What goes wrong at which host.
#[derive(Debug, Default)]
pub(super) struct HostFaults {
    hosts: Mutex<BTreeMap<String, Fault>>,
    asked: Mutex<Vec<String>>,
}

impl Faults for HostFaults {
    fn before<'a>(&'a self, asked: Asked<'a>) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            let (what, repository) = match asked {
                Asked::Resolve(name) => ("resolve", name.repository()),
                Asked::Referrers(image) => ("referrers", image.repository()),
                Asked::Manifest(_) | Asked::Blob(_) => return Ok(()),
            };
            self.asked.lock().unwrap().push(format!("{what} {repository}"));
            let host = repository.registry().to_string();
            let fault = self.hosts.lock().unwrap().get(&host).copied();
            match fault {
                None => Ok(()),
                Some(Fault::Slow(time)) => {
                    tokio::time::sleep(time).await;
                    Ok(())
                }
                Some(Fault::Down) => Err(StoreError::Http(HttpError::Unreachable {
                    service: Service::Registry,
                    url: format!("https://{host}/"),
                    attempts: 1,
                    cause: "refused".to_owned(),
                })),
                Some(Fault::Panics) => panic!("a fault of the store"),
            }
        })
    }
}

impl Registries {
    pub(super) fn fault(&self, host: &str, fault: Option<Fault>) {
        let mut hosts = self.faults.hosts.lock().unwrap();
        match fault {
            Some(fault) => hosts.insert(host.to_owned(), fault),
            None => hosts.remove(host),
        };
    }

    /// What was asked since the last time.
    pub(super) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.faults.asked.lock().unwrap())
    }

    /// An image of this name and content.
    pub(super) async fn image(&self, name: &str, content: &str) -> StoredManifest {
        let (repository, tag) = name.rsplit_once(':').unwrap();
        let repository = Repository::parse(repository).unwrap();
        let config = self.inner.put_bytes(&repository, EMPTY, EMPTY_BYTES).await.unwrap();
        let annotations = BTreeMap::from([("content".to_owned(), content.to_owned())]);
        let bytes = image_manifest(None, &config, &[], None, &annotations);
        let image = StoredManifest::of(&repository, bytes, Some(IMAGE_MANIFEST)).unwrap();
        self.inner.put_manifest(&image, Some(&Tag::parse(tag).unwrap())).await.unwrap();
        image
    }

    /// Signs an image as somebody.
    pub(super) async fn sign(&self, image: &StoredManifest, signer: &str) {
        let key = Key::p256();
        let mut signed = world().attestation(&key, dsse::IN_TOTO, &signature_statement(image.bytes()));
        let template = Template::leaf(&key).with(Extension::subject_alt_name(&San::Email(signer.to_owned())));
        signed.leaf = world().certify(template);
        let json = world().complete_v2(signed).bundle().to_json();
        let media_type = "application/vnd.dev.sigstore.bundle.v0.3+json";
        let repository = image.image().repository();
        let bundle = self.inner.put_bytes(repository, media_type, json.as_bytes()).await.unwrap();
        let kind = BundleKind::Envelope { predicate_type: "https://example.com/predicate" };
        let bytes = bundle_manifest(&image.descriptor(), &bundle, kind, NOW);
        self.inner.attach(&StoredManifest::of(repository, bytes, None).unwrap()).await.unwrap();
    }

    /// An image that [`SIGNER`] signed; gives its reference by digest.
    pub(super) async fn good(&self, name: &str) -> String {
        let image = self.image(name, name).await;
        self.sign(&image, SIGNER).await;
        image.image().to_string()
    }
}

/// The real files at the time of the tests.
#[derive(Debug)]
struct AtNow;

impl Environment for AtNow {
    fn var(&self, _: &str) -> Option<String> {
        None
    }

    fn read(&self, path: &Path, limit: usize) -> std::io::Result<Vec<u8>> {
        SystemEnvironment.read(path, limit)
    }

    fn exists(&self, path: &Path) -> bool {
        path.exists()
    }

    fn now(&self) -> UnixTime {
        NOW
    }
}

/// Keeps what is written, or refuses it.
#[derive(Debug, Clone, Default)]
pub(super) struct Paper {
    text: Arc<Mutex<Vec<u8>>>,
    pub(super) torn: Arc<std::sync::atomic::AtomicBool>,
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.torn.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        self.text.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Paper {
    /// Whether something is written, now or soon: lines are written on a thread of their own.
    pub(super) fn says(&self, words: &str) -> bool {
        (0..500).any(|_| {
            self.text().contains(words) || {
                std::thread::sleep(Duration::from_millis(10));
                false
            }
        })
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8(self.text.lock().unwrap().clone()).unwrap()
    }
}

/// A gate with its files and registries.
pub(super) struct Site {
    dir: TempDir,
    pub(super) registries: Arc<Registries>,
    /// Those that the settings name.
    pub(super) inside: Arc<Registries>,
    pub(super) gate: Arc<Gate>,
    pub(super) paper: Paper,
}

/// An answer of the webhook, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Answered {
    pub(super) http: u16,
    /// The whole body.
    pub(super) text: String,
}

impl Site {
    pub(super) fn new() -> Self {
        Self::with(SETTINGS)
    }

    pub(super) fn with(settings: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        write("gate.yaml", settings);
        write("release.yaml", &policy(SIGNER));
        write("other.yaml", &policy("other@example.com"));
        write("trusted_root.json", &world().trust.to_json());
        let sources = Sources {
            policies: PolicySource::Settings(dir.path().join("gate.yaml")),
            trust: TrustSource::File(dir.path().join("trusted_root.json")),
            private_registries: Vec::new(),
        };
        let state = State::read(&AtNow, sources).unwrap();
        let (registries, paper) = (Arc::new(Registries::default()), Paper::default());
        let journal = Journal::to(paper.clone()).unwrap();
        let inside = Arc::new(Registries::default());
        let stores = Stores { public: Arc::clone(&registries) as _, named: Arc::clone(&inside) as _ };
        let gate = Gate::new(Arc::new(AtNow), state, stores, journal, None);
        Self { dir, registries, inside, gate, paper }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(super) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    pub(super) async fn send(&self, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> Answered {
        let router = if path.starts_with("/v1/") { self.gate.http() } else { self.gate.admission() };
        send(router, path, headers, body.into()).await
    }

    /// Asks a webhook about a review.
    pub(super) async fn ask(&self, path: &str, review: &str) -> Answered {
        self.send(path, &[("content-type", "application/json")], review.to_owned()).await
    }

    /// Asks whether a pod with an image may be made.
    pub(super) async fn pod(&self, path: &str, namespace: &str, image: &str) -> Answered {
        self.ask(path, &pod(namespace, &[image])).await
    }
}

pub(super) async fn send(router: Router, path: &str, headers: &[(&str, &str)], content: Body) -> Answered {
    let method = if path.starts_with("/metrics") || path.starts_with("/readyz") { "GET" } else { "POST" };
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = TowerToHyperService::new(router).call(request.body(content).unwrap()).await.unwrap();
    let http = response.status().as_u16();
    let bytes = body::read(response.into_body(), 1 << 20).await.unwrap();
    Answered { http, text: String::from_utf8(bytes).unwrap() }
}

/// A review about a pod that is to be made.
pub(super) fn pod(namespace: &str, images: &[&str]) -> String {
    let container = |(number, image): (usize, &&str)| format!(r#"{{"name":"c{number}","image":"{image}"}}"#);
    let containers = images.iter().enumerate().map(container).collect::<Vec<_>>().join(",");
    object("", "Pod", namespace, &format!(r#"{{"kind":"Pod","spec":{{"containers":[{containers}]}}}}"#))
}

/// A review about an object that is to be made.
pub(super) fn object(group: &str, kind: &str, namespace: &str, object: &str) -> String {
    format!(
        r#"{{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":{{"uid":"uid-1","operation":"CREATE",
        "kind":{{"group":"{group}","version":"v1","kind":"{kind}"}},"namespace":"{namespace}","name":"it",
        "userInfo":{{"username":"jane"}},"object":{object},"oldObject":null}}}}"#
    )
}

impl Answered {
    fn json(&self) -> serde_json::Value {
        assert_eq!(self.http, 200, "{}", self.text);
        let json: serde_json::Value = serde_json::from_str(&self.text).unwrap();
        json["response"].clone()
    }

    pub(super) fn allowed(&self) -> bool {
        let json = self.json();
        assert_eq!(json["uid"], "uid-1", "{}", self.text);
        json["allowed"].as_bool().unwrap()
    }

    /// The status and message of a denial.
    pub(super) fn denial(&self) -> (u64, String) {
        assert!(!self.allowed(), "{}", self.text);
        let json = self.json();
        (json["status"]["code"].as_u64().unwrap(), json["status"]["message"].as_str().unwrap().to_owned())
    }

    pub(super) fn warnings(&self) -> Vec<String> {
        let warnings = self.json()["warnings"].as_array().cloned().unwrap_or_default();
        warnings.iter().map(|warning| warning.as_str().unwrap().to_owned()).collect()
    }

    /// The changes: pointer and value; each a replacement.
    pub(super) fn patch(&self) -> Vec<(String, String)> {
        let json = self.json();
        let Some(patch) = json["patch"].as_str() else { return Vec::new() };
        assert_eq!(json["patchType"], "JSONPatch");
        let patch: Vec<serde_json::Value> = serde_json::from_slice(&base64::decode(patch).unwrap()).unwrap();
        let change = |change: &serde_json::Value| {
            assert_eq!((change["op"].as_str(), change.as_object().unwrap().len()), (Some("replace"), 3));
            (change["path"].as_str().unwrap().to_owned(), change["value"].as_str().unwrap().to_owned())
        };
        patch.iter().map(change).collect()
    }
}

/// Asserts that a webhook denied with a code and a status.
#[track_caller]
pub(super) fn denied(answered: &Answered, code: &str, status: u64) {
    let (found, message) = answered.denial();
    assert!(message.contains(&format!("{code}: ")), "{code} not in: {message}");
    assert_eq!(found, status, "{message}");
}
