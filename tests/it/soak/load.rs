//! Clients that ask and compare, and the measure of the gate's memory.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Value, json};

use super::expected::{Image, Said, World, is_right};

/// One client.
pub(super) struct Asker {
    pub(super) number: usize,
    pub(super) url: String,
    /// The authority of the serving certificate, PEM.
    pub(super) authority: Vec<u8>,
    pub(super) images: Arc<Vec<Image>>,
    pub(super) world: Arc<World>,
}

/// What was seen.
#[derive(Debug, Default)]
pub(super) struct Told {
    reviews: BTreeMap<&'static str, u64>,
    connections: u64,
    slowest: Duration,
}

impl Told {
    pub(super) fn add(&mut self, other: Self) {
        for (word, count) in other.reviews {
            *self.reviews.entry(word).or_default() += count;
        }
        self.connections += other.connections;
        self.slowest = self.slowest.max(other.slowest);
    }

    pub(super) fn of_every_kind(&self) -> bool {
        ["yes", "no", "could not look"].iter().all(|word| self.reviews.contains_key(word))
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} reviews", self.reviews.values().sum::<u64>())?;
        for (word, count) in &self.reviews {
            write!(f, ", {count} {word}")?;
        }
        write!(f, ", none wrong; {} connections; slowest {} ms", self.connections, self.slowest.as_millis())
    }
}

/// A client whose connections are checked against the authority; it begins a new one now and then.
fn client(authority: &[u8]) -> reqwest::Client {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(authority) {
        roots.add(certificate.unwrap()).unwrap();
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    reqwest::Client::builder().tls_backend_preconfigured(config).no_proxy().build().unwrap()
}

/// Asks until the end; panics at the first wrong verdict.
pub(super) async fn ask(asker: Asker, ends: Instant) -> Told {
    let mut told = Told::default();
    // A sequence of its own for each client (Knuth's MMIX generator); a failure is found again by its client.
    let mut random = asker.number as u64 + 1;
    let mut next = |below: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(random >> 33).unwrap() % below
    };
    let mut connection = client(&asker.authority);
    let mut count = 0;
    while Instant::now() < ends {
        if count % 100 == 0 {
            connection = client(&asker.authority);
            told.connections += 1;
        }
        count += 1;
        let images: Vec<_> = (0..1 + next(3)).map(|_| &asker.images[next(asker.images.len())]).collect();
        let uid = format!("{}-{count}", asker.number);
        let before = asker.world.states();
        let started = Instant::now();
        let (said, version) = review(&connection, &asker.url, &uid, &images).await;
        told.slowest = told.slowest.max(started.elapsed());
        let states = [before, asker.world.states()].concat();
        let references: Vec<_> = images.iter().map(|image| &image.reference).collect();
        assert!(
            is_right(&said, &images, version.as_deref(), &states),
            "WRONG VERDICT {said:?} about {references:?} under policy {version:?}; in force: {states:?}"
        );
        let word = match said {
            Said::Yes(_) => "yes",
            Said::No => "no",
            Said::CouldNotLook => "could not look",
        };
        *told.reviews.entry(word).or_default() += 1;
    }
    told
}

/// A review's answer: what was said, and the version of the policy that said it.
async fn review(client: &reqwest::Client, url: &str, uid: &str, images: &[&Image]) -> (Said, Option<String>) {
    let containers: Vec<_> = images
        .iter()
        .enumerate()
        .map(|(number, image)| json!({"name": format!("c{number}"), "image": image.reference}))
        .collect();
    let body = json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": uid, "operation": "CREATE", "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "namespace": "payments", "name": "it", "userInfo": {"username": "jane"},
        "object": {"kind": "Pod", "metadata": {"annotations": {"note": "x".repeat(4096)}},
                   "spec": {"containers": containers}}}});
    let wait = if images.iter().any(|image| image.shaky) { "3s" } else { "30s" };
    let request = client.post(format!("{url}/mutate?timeout={wait}")).header("content-type", "application/json");
    let answer = request.body(body.to_string()).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let answer: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
    let response = &answer["response"];
    assert_eq!(response["uid"], uid, "the answer to another review");
    let said = match (response["allowed"].as_bool().unwrap(), response["status"]["code"].as_u64()) {
        (true, None) => Said::Yes(pinned(response)),
        (false, Some(403)) => Said::No,
        (false, Some(503)) => Said::CouldNotLook,
        other => panic!("{other:?}: {answer}"),
    };
    let policy = response["auditAnnotations"]["policy"].as_str();
    (said, policy.and_then(|policy| policy.rsplit(':').next()).map(str::to_owned))
}

fn pinned(response: &Value) -> Vec<String> {
    let Some(patch) = response["patch"].as_str() else { return Vec::new() };
    let patch = STANDARD.decode(patch).unwrap();
    let patch: Vec<Value> = serde_json::from_slice(&patch).unwrap();
    patch.iter().map(|change| change["value"].as_str().unwrap().to_owned()).collect()
}

/// The gate seen from outside.
pub(super) struct Meter {
    pub(super) pid: u32,
    pub(super) url: String,
    pub(super) authority: Vec<u8>,
    /// Called each time, so that the surroundings keep nothing either.
    pub(super) forget: Box<dyn Fn() + Send + Sync>,
}

/// Resident bytes and kept verdicts over time.
#[derive(Debug, Default)]
pub(super) struct Memory(Vec<(f64, f64)>);

/// Notes the gate's memory once a second.
pub(super) async fn measure(meter: Meter, ends: Instant) -> Memory {
    let mut memory = Memory::default();
    while Instant::now() < ends {
        let client = client(&meter.authority);
        let metrics = client.get(format!("{}/metrics", meter.url)).send().await.unwrap().text().await.unwrap();
        let kept = metrics.lines().find_map(|line| line.strip_prefix("sealmark_gate_verdicts_kept ")).unwrap();
        if let Ok(status) = std::fs::read_to_string(format!("/proc/{}/status", meter.pid)) {
            let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
            let resident: f64 = resident.trim().trim_end_matches(" kB").parse().unwrap();
            memory.0.push((resident * 1024.0, kept.parse().unwrap()));
        }
        (meter.forget)();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    memory
}

impl Memory {
    /// Means over a part of the time: resident bytes and kept verdicts.
    fn mean(&self, part: std::ops::Range<f64>) -> (f64, f64) {
        let at = |share: f64| (share * self.0.len() as f64) as usize;
        let part = &self.0[at(part.start)..at(part.end).max(at(part.start) + 1)];
        let sum = part.iter().fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        (sum.0 / part.len() as f64, sum.1 / part.len() as f64)
    }

    /// The last fifth beside the time around the middle: no more than verdicts that are kept, and 8 MB.
    pub(super) fn assert_no_growth(&self) {
        if self.0.is_empty() {
            return;
        }
        let ((middle, kept_then), (late, kept)) = (self.mean(0.4..0.6), self.mean(0.8..1.0));
        let allowed = middle + (kept - kept_then).max(0.0) * 1024.0 + 8e6;
        assert!(late <= allowed, "{self}: grew from {middle} to {late} bytes");
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("memory not measured here");
        }
        f.write_str("memory of the gate")?;
        for (words, part) in [("at first", 0.0..0.1), ("in the middle", 0.4..0.6), ("at the end", 0.8..1.0)] {
            let (resident, kept) = self.mean(part);
            write!(f, " {:.1} MB {words} ({kept:.0} verdicts)", resident / 1e6)?;
        }
        Ok(())
    }
}
