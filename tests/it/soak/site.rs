//! Registries, images, files and the gate of the soak.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use sealmark::stack::{IssuerKind, Running, TokenRequest};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use super::expected::{Change, Image, InForce, World};
use super::load::{Asker, Meter};
use crate::registry::server::{Answer, TestRegistry, Way};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const SIGNERS: [&str; 2] = ["acme/app", "acme/other"];
/// Between writing files and the moment by which the gate must have looked at them: it looks every 5 s.
const SEEN: Duration = Duration::from_secs(7);

/// Everything around the gate, and the gate.
pub(super) struct Site {
    folder: TempDir,
    stack: Running,
    /// The root of a stack that signed nothing here.
    foreign: String,
    well: TestRegistry,
    shaky: TestRegistry,
    faults: Arc<Faults>,
    images: Arc<Vec<Image>>,
    world: Arc<World>,
    gate: Child,
    url: String,
}

impl Drop for Site {
    fn drop(&mut self) {
        let _ = self.gate.kill();
        let _ = self.gate.wait();
    }
}

/// When the faults began, and how many were met.
#[derive(Debug, Default)]
struct Faults {
    since: OnceLock<Instant>,
    met: AtomicU64,
}

impl Faults {
    /// What a failing registry says: every twelve seconds another fault for four.
    fn next(&self) -> Option<Answer> {
        let seconds = self.since.get()?.elapsed().as_secs();
        if !(2..6).contains(&(seconds % 12)) {
            return None;
        }
        self.met.fetch_add(1, Ordering::Relaxed);
        Some(match seconds / 12 % 5 {
            0 => Answer::error(500, "UNKNOWN"),
            1 => Answer::new(200, "").by(Way::Silence),
            2 => Answer::error(429, "TOOMANYREQUESTS").with("retry-after", "1"),
            3 => Answer::new(200, "{\"schemaVersion\":2,").with("content-type", MANIFEST).by(Way::Length(900)),
            _ => Answer::error(503, "UNAVAILABLE"),
        })
    }
}

impl Site {
    /// `None` without openssl, which makes the certificates.
    pub(super) async fn new() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        openssl(folder.path(), "version")?;
        let stack = Running::start(&folder.path().join("stack")).await.unwrap();
        let foreign = Running::start(&folder.path().join("foreign")).await.unwrap();
        foreign.stop().await.unwrap();
        let foreign = std::fs::read_to_string(folder.path().join("foreign/trusted_root.json")).unwrap();
        let faults = Arc::new(Faults::default());
        let armed = Arc::clone(&faults);
        let (well, shaky) = (TestRegistry::honest(), TestRegistry::lying(move |_| armed.next()));
        let images = images(&folder, &stack, &well, &shaky).await;
        std::fs::copy(folder.path().join("stack/trusted_root.json"), folder.path().join("root.json")).unwrap();
        openssl(
            folder.path(),
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 -subj /CN=soak -keyout ca.key \
             -out ca.crt",
        )?;
        certificate(folder.path(), 30, true);
        let world = Arc::new(World::default());
        let policy = policy(&stack, SIGNERS[0], 0);
        world.set(vec![InForce { signer: SIGNERS[0], version: version(&policy), root: true }]);
        put(folder.path(), "policy.yaml", &policy);
        let journal = std::fs::File::create(folder.path().join("journal")).unwrap();
        let program = std::env::var("SEALMARK_SOAK_PROGRAM");
        let program = program.unwrap_or_else(|_| env!("CARGO_BIN_EXE_sealmark").to_owned());
        let mut gate = Command::new(program)
            .env_clear()
            .current_dir(folder.path())
            .args(["gate", "admission", "--listen", "127.0.0.1:0", "--policy", "policy.yaml"])
            .args(["--trusted-root", "root.json", "--tls-cert", "tls.crt", "--tls-key", "tls.key"])
            .args(["--private-registry", &well.authority, "--private-registry", &shaky.authority])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(journal)
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(gate.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("serving on ").unwrap_or_else(|| panic!("{line}")).to_owned();
        let _ = faults.since.set(Instant::now());
        let images = Arc::new(images);
        Some(Self { folder, stack, foreign, well, shaky, faults, images, world, gate, url })
    }

    fn authority(&self) -> Vec<u8> {
        std::fs::read(self.folder.path().join("ca.crt")).unwrap()
    }

    pub(super) fn asker(&self, number: usize) -> Asker {
        let (images, world) = (Arc::clone(&self.images), Arc::clone(&self.world));
        Asker { number, url: self.url.clone(), authority: self.authority(), images, world }
    }

    pub(super) fn meter(&self) -> Meter {
        let registries = [self.well.clone(), self.shaky.clone()];
        let forget = Box::new(move || registries.iter().for_each(TestRegistry::forget_requests));
        Meter { pid: self.gate.id(), url: self.url.clone(), authority: self.authority(), forget }
    }

    /// Replaces files and moves a tag, and waits until the gate must have seen it.
    pub(super) fn change(&self, change: &Change, step: usize, ends: Instant) {
        let dir = self.folder.path();
        let before = self.world.states();
        let [now] = before.as_slice() else { panic!("the step before has not ended: {before:?}") };
        let policy = change.policy.map(|signer| (signer, policy(&self.stack, signer, step + 1)));
        if let (Some((signer, policy)), Some(root)) = (&policy, change.root) {
            // Between two files the gate may see one new and one old.
            let version = version(policy);
            let states = [(now.signer, &now.version), (*signer, &version)].into_iter().flat_map(|(signer, version)| {
                [now.root, root].map(|root| InForce { signer, version: version.clone(), root })
            });
            self.world.set(states.collect());
        }
        // The bad one first: beside it nothing new comes into force.
        if change.root.is_none() {
            put(dir, "root.json", "{}");
        }
        put(dir, "policy.yaml", policy.as_ref().map_or("version: 1\nrules: []\n", |(_, policy)| policy));
        match change.root {
            Some(true) => put(dir, "root.json", &std::fs::read_to_string(dir.join("stack/trusted_root.json")).unwrap()),
            Some(false) => put(dir, "root.json", &self.foreign),
            None => {}
        }
        certificate(dir, 31 + step, change.certificate);
        let moved = if step.is_multiple_of(2) { "moved" } else { "app-0" };
        self.well.plant("acme/app", Some("moving"), MANIFEST, manifest(moved).as_bytes());
        std::thread::sleep(SEEN.min(ends.saturating_duration_since(Instant::now())));
        if let (Some((signer, policy)), Some(root), true) = (policy, change.root, Instant::now() < ends) {
            self.world.set(vec![InForce { signer, version: version(&policy), root }]);
        }
    }

    /// What the gate said of the changes.
    pub(super) fn journal(&self) -> String {
        let journal = std::fs::read_to_string(self.folder.path().join("journal")).unwrap();
        let count = |event: &str| journal.matches(&format!("\"event\":\"{event}\"")).count();
        format!(
            "{} reloads taken, {} refused, {} certificates taken, {} refused, {} faults met",
            count("decides-by").saturating_sub(1),
            count("reload-refused"),
            count("certificate-replaced"),
            count("certificate-refused"),
            self.faults.met.load(Ordering::Relaxed),
        )
    }
}

fn manifest(name: &str) -> String {
    let empty = r#"{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2}"#;
    format!(
        r#"{{"schemaVersion":2,"mediaType":"{MANIFEST}","config":{empty},"layers":[],"annotations":{{"name":"{name}"}}}}"#
    )
}

/// Images in both registries: of either signer, of none, with the signature of another image, and by a tag that moves.
async fn images(folder: &TempDir, stack: &Running, well: &TestRegistry, shaky: &TestRegistry) -> Vec<Image> {
    let mut images = Vec::new();
    for (registry, is_shaky) in [(well, false), (shaky, true)] {
        registry.plant_blob("acme/app", b"{}");
        let plant = |name: &str, tag: Option<&str>| {
            let digest = registry.plant("acme/app", tag, MANIFEST, manifest(name).as_bytes());
            format!("{}/acme/app@{digest}", registry.authority)
        };
        for signer in SIGNERS {
            let short = signer.trim_start_matches("acme/");
            let names: Vec<_> = (0..8).map(|number| plant(&format!("{short}-{number}"), None)).collect();
            let token = TokenRequest::new(IssuerKind::GithubWorkflow).with("repository", signer).unwrap();
            let token = stack.token(&token).unwrap();
            std::fs::write(folder.path().join("token"), token).unwrap();
            let mut sign = Command::new(env!("CARGO_BIN_EXE_sealmark"));
            sign.env_clear().current_dir(folder.path()).args(["sign", "image"]).args(&names);
            sign.args(["--stack", "stack", "--identity-token-file", "token"]);
            let signed = tokio::task::spawn_blocking(move || sign.output().unwrap()).await.unwrap();
            assert!(signed.status.success(), "{}", String::from_utf8_lossy(&signed.stderr));
            images.extend(names.into_iter().map(|name| (name, Some(signer), is_shaky)));
        }
        images.extend((0..4).map(|number| (plant(&format!("unsigned-{number}"), None), None, is_shaky)));
        let of_another = plant("of-another", None);
        borrow_signature(registry, &images.iter().rev().find(|image| image.1.is_some()).unwrap().0, &of_another);
        images.push((of_another, None, is_shaky));
    }
    let one =
        |(name, signer, shaky): (String, _, _)| Image { reference: name.clone(), names: vec![(name, signer)], shaky };
    let mut images: Vec<_> = images.into_iter().map(one).collect();
    let named = |name: &str, tag| {
        let digest = well.plant("acme/app", tag, MANIFEST, manifest(name).as_bytes());
        format!("{}/acme/app@{digest}", well.authority)
    };
    let names = vec![(named("moved", None), None), (named("app-0", Some("moving")), Some(SIGNERS[0]))];
    images.push(Image { reference: format!("{}/acme/app:moving", well.authority), names, shaky: false });
    images
}

/// Lists the signature of one image as that of another.
fn borrow_signature(registry: &TestRegistry, from: &str, to: &str) {
    let digest_of = |name: &str| name.split_once('@').unwrap().1.to_owned();
    let asked = registry.asked();
    let signature = asked.iter().filter(|asked| asked.method == "PUT" && asked.path.contains("/manifests/"));
    let signature = signature.map(|asked| String::from_utf8(asked.body.clone()).unwrap());
    let signature = signature.into_iter().find(|manifest| manifest.contains(&digest_of(from))).unwrap();
    let borrowed = signature.replace(&digest_of(from), &digest_of(to));
    registry.plant("acme/app", None, MANIFEST, borrowed.as_bytes());
}

fn policy(stack: &Running, signer: &str, number: usize) -> String {
    let issuer = stack.issuer().url(IssuerKind::GithubWorkflow);
    format!(
        "# {number}\nversion: 1\nrules:\n  - name: release\n    identity: https://github.com/{signer}/.github/\
         workflows/release.yml@refs/tags/v1.0.0\n    issuer: {issuer}\n"
    )
}

fn version(policy: &str) -> String {
    Sha256::digest(policy).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Replaces a file at once.
fn put(dir: &Path, name: &str, text: &str) {
    std::fs::write(dir.join("new"), text).unwrap();
    std::fs::rename(dir.join("new"), dir.join(name)).unwrap();
}

/// A pair in the place of the one before; one that does not match leaves the key as it is.
fn certificate(dir: &Path, days: usize, good: bool) {
    let made = openssl(
        dir,
        "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=gate -addext \
         subjectAltName=IP:127.0.0.1 -keyout new.key -out new.csr",
    );
    made.unwrap();
    let sign =
        format!("x509 -req -in new.csr -CA ca.crt -CAkey ca.key -copy_extensions copy -days {days} -out new.crt");
    openssl(dir, &sign).unwrap();
    if good {
        std::fs::rename(dir.join("new.key"), dir.join("tls.key")).unwrap();
    }
    std::fs::rename(dir.join("new.crt"), dir.join("tls.crt")).unwrap();
}

fn openssl(dir: &Path, words: &str) -> Option<()> {
    let output = Command::new("openssl").current_dir(dir).args(words.split_whitespace()).output().ok()?;
    assert!(output.status.success(), "{words}: {}", String::from_utf8_lossy(&output.stderr));
    Some(())
}
