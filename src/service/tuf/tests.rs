//! A repository that is made here, and mirrors that lie in one way each.

mod delegations;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;
use crate::base::crypto::{KeyKind, sha256};
use crate::base::encoding::hex;
use crate::service::http::Settings;
use crate::service::http::fake::{Answer, FakeServer, block_on, impatient_client};
use crate::service::signer::{Prepared, PrivateKey, Signer as _};

const NOW: UnixTime = UnixTime::from_secs(1_767_323_045);
const DAY: i64 = 86_400;

/// A key of a role.
#[derive(Clone)]
struct Key(Arc<PrivateKey>);

impl Key {
    fn new() -> Self {
        Self(Arc::new(PrivateKey::generate(KeyKind::Ed25519).unwrap()))
    }

    fn public(&self) -> String {
        hex::encode(self.0.signer().public_key().key_bytes())
    }

    fn id(&self) -> String {
        hex::encode(&sha256(&[self.public().as_bytes()]))
    }

    fn json(&self) -> serde_json::Value {
        serde_json::json!({ "keytype": "ed25519", "scheme": "ed25519", "keyval": { "public": self.public() } })
    }

    fn sign(&self, message: &[u8]) -> String {
        hex::encode(&block_on(self.0.signer().sign(Prepared::Message(message))).unwrap())
    }
}

/// A signed document; the text of JSON here has nothing to escape, so that sorted members are its canonical form.
fn signed(value: &serde_json::Value, keys: &[&Key]) -> Vec<u8> {
    let canonical = value.to_string();
    let signature = |key: &&Key| serde_json::json!({ "keyid": key.id(), "sig": key.sign(canonical.as_bytes()) });
    let signatures: Vec<_> = keys.iter().map(signature).collect();
    serde_json::json!({ "signed": value, "signatures": signatures }).to_string().into_bytes()
}

type Files = BTreeMap<String, Vec<u8>>;

/// A repository: one key for the root, one for the rest.
#[derive(Clone)]
struct Repo {
    root: Key,
    online: Key,
    versions: [u64; 4],
    expires: [i64; 4],
    target: Vec<u8>,
    name: &'static str,
    files: Files,
}

const ROOT: usize = 0;
const TARGETS: usize = 1;
const SNAPSHOT: usize = 2;
const TIMESTAMP: usize = 3;

impl Repo {
    fn new() -> Self {
        let (root, online) = (Key::new(), Key::new());
        let target = b"{\"trusted\":\"root\"}".to_vec();
        let repo = Self {
            root,
            online,
            versions: [1; 4],
            expires: [10 * DAY; 4],
            target,
            name: TRUSTED_ROOT,
            files: Files::new(),
        };
        repo.made()
    }

    fn common(&self, role: usize, name: &str) -> serde_json::Value {
        let (year, month, day, hour, minute, second) = NOW.plus_secs(self.expires[role]).civil();
        let expires = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z");
        let version = self.versions[role];
        serde_json::json!({ "_type": name, "spec_version": "1.0.31", "version": version, "expires": expires })
    }

    fn root_value(&self) -> serde_json::Value {
        let mut value = self.common(ROOT, "root");
        value["consistent_snapshot"] = true.into();
        value["keys"] = serde_json::json!({ self.root.id(): self.root.json(), self.online.id(): self.online.json() });
        let role = |key: &Key| serde_json::json!({ "keyids": [key.id()], "threshold": 1 });
        value["roles"] = serde_json::json!({
            "root": role(&self.root), "targets": role(&self.online),
            "snapshot": role(&self.online), "timestamp": role(&self.online),
        });
        value
    }

    fn meta(version: u64, bytes: &[u8]) -> serde_json::Value {
        serde_json::json!({
            "version": version, "length": bytes.len(), "hashes": { "sha256": hex::encode(&sha256(&[bytes])) },
        })
    }

    /// The files of the present versions, beside those of earlier ones.
    fn made(mut self) -> Self {
        let online = self.online.clone();
        let online = [&online];
        let root = signed(&self.root_value(), &[&self.root]);
        let digest = hex::encode(&sha256(&[&self.target]));
        let mut targets = self.common(TARGETS, "targets");
        targets["targets"] =
            serde_json::json!({ self.name: { "length": self.target.len(), "hashes": { "sha256": digest } } });
        let targets = signed(&targets, &online);
        let mut snapshot = self.common(SNAPSHOT, "snapshot");
        snapshot["meta"] = serde_json::json!({ "targets.json": Self::meta(self.versions[TARGETS], &targets) });
        let snapshot = signed(&snapshot, &online);
        let mut timestamp = self.common(TIMESTAMP, "timestamp");
        timestamp["meta"] = serde_json::json!({ "snapshot.json": Self::meta(self.versions[SNAPSHOT], &snapshot) });
        let timestamp = signed(&timestamp, &online);
        let files = [
            (format!("{}.root.json", self.versions[ROOT]), root),
            (format!("{}.targets.json", self.versions[TARGETS]), targets),
            (format!("{}.snapshot.json", self.versions[SNAPSHOT]), snapshot),
            ("timestamp.json".to_owned(), timestamp),
            (format!("targets/{digest}.{}", self.name), self.target.clone()),
        ];
        self.files.extend(files);
        self
    }

    /// The next version of these roles.
    fn next(mut self, roles: &[usize]) -> Self {
        roles.iter().for_each(|role| self.versions[*role] += 1);
        self.made()
    }

    fn pinned(&self) -> Vec<u8> {
        self.files["1.root.json"].clone()
    }
}

/// A mirror whose files can be exchanged.
struct Host {
    server: FakeServer,
    files: Arc<Mutex<Files>>,
}

impl Host {
    fn of(repo: &Repo) -> Self {
        let files = Arc::new(Mutex::new(repo.files.clone()));
        let served = Arc::clone(&files);
        let server = FakeServer::start(move |_, request| {
            assert_eq!(request.header("authorization"), None);
            match served.lock().unwrap().get(request.target.trim_start_matches('/')) {
                Some(bytes) => Answer::new(200, bytes.clone()),
                None => Answer::new(404, "no"),
            }
        });
        Self { server, files }
    }

    fn serve(&self, repo: &Repo) {
        *self.files.lock().unwrap() = repo.files.clone();
    }

    fn put(&self, name: &str, bytes: impl Into<Vec<u8>>) {
        self.files.lock().unwrap().insert(name.to_owned(), bytes.into());
    }
}

struct Scene {
    dir: tempfile::TempDir,
    host: Host,
    folder: TrustFolder,
}

impl Scene {
    fn new(repo: &Repo) -> Self {
        let (dir, host) = (tempfile::tempdir().unwrap(), Host::of(repo));
        let path = dir.path().join("trust");
        TrustFolder::create(&path, &repo.pinned(), std::slice::from_ref(&host.server.url)).unwrap();
        let folder = TrustFolder::open(&path).unwrap();
        Self { dir, host, folder }
    }

    /// With one good update behind it.
    fn updated(repo: &Repo) -> Self {
        let scene = Self::new(repo);
        scene.update_at(NOW).unwrap();
        scene
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("trust")
    }

    fn update_at(&self, now: UnixTime) -> Result<Updated, TufError> {
        block_on(self.folder.update(&impatient_client(), now))
    }

    /// The code of a refused update; what was kept is as it was.
    fn refused(&self) -> &'static str {
        let before = kept(&self.path());
        let error = self.update_at(NOW).unwrap_err();
        assert_eq!(before, kept(&self.path()), "{error}");
        error.code().name()
    }

    fn read_at(&self, at: UnixTime) -> Result<Vec<u8>, TufError> {
        TrustFolder::open(&self.path())?.read(TRUSTED_ROOT, at)
    }
}

fn kept(dir: &Path) -> Vec<u8> {
    std::fs::read(dir.join(METADATA)).unwrap_or_default()
}

/// Changes what a folder keeps, as who can write to it could.
fn change(scene: &Scene, change: impl FnOnce(&mut serde_json::Map<String, serde_json::Value>)) {
    let place = scene.path().join(METADATA);
    let mut document: serde_json::Value = serde_json::from_slice(&std::fs::read(&place).unwrap()).unwrap();
    change(document.as_object_mut().unwrap());
    std::fs::write(place, document.to_string()).unwrap();
}

#[test]
fn a_root_leads_to_a_target_and_stays_pinned() {
    let repo = Repo::new();
    let scene = Scene::updated(&repo);
    assert_eq!(scene.read_at(NOW).unwrap(), repo.target);
    let repo = Repo { target: b"{}".to_vec(), ..repo }.next(&[ROOT, TARGETS, SNAPSHOT, TIMESTAMP]);
    scene.host.serve(&repo);
    let updated = scene.update_at(NOW).unwrap();
    assert_eq!((updated.root_version, updated.targets), (2, vec![TRUSTED_ROOT.to_owned()]));
    // Without network.
    let requests = scene.host.server.received().len();
    assert_eq!(scene.read_at(NOW).unwrap(), b"{}");
    assert_eq!(scene.host.server.received().len(), requests);
    assert_eq!(std::fs::read(scene.path().join(PINNED)).unwrap(), repo.pinned());
    let again = TrustFolder::create(&scene.path(), &repo.pinned(), &[]).unwrap_err();
    assert_eq!(again.code().name(), "trust-exists");
}

#[test]
fn r01_r17_expired_metadata_of_each_role() {
    for role in [ROOT, TARGETS, SNAPSHOT, TIMESTAMP] {
        let mut repo = Repo::new();
        repo.expires[role] = -1;
        let scene = Scene::new(&repo.made());
        assert_eq!(scene.refused(), "trust-expired", "{role}");
        // A clock that is far behind takes it, one that is far ahead takes nothing.
        assert!(scene.update_at(NOW.plus_secs(-DAY)).is_ok(), "{role}");
        assert_eq!(scene.update_at(NOW.plus_secs(400 * DAY)).unwrap_err().code().name(), "trust-expired");
    }
}

#[test]
fn r02_r03_r15_older_versions_are_refused_and_not_kept() {
    let old = Repo::new();
    let new = old.clone().next(&[TARGETS, SNAPSHOT, TIMESTAMP]);
    let scene = Scene::updated(&new);
    // Freeze: the old timestamp, still within its term.
    scene.host.serve(&old);
    assert_eq!(scene.refused(), "trust-rollback");
    // A new timestamp over an old snapshot, and a new snapshot over old targets.
    for role in [SNAPSHOT, TARGETS] {
        let mut lying = new.clone();
        lying.versions[TIMESTAMP] = 3;
        lying.versions[SNAPSHOT] = if role == SNAPSHOT { 1 } else { 3 };
        lying.versions[TARGETS] = 1;
        scene.host.serve(&lying.made());
        assert_eq!(scene.refused(), "trust-rollback", "{role}");
    }
    assert!(scene.read_at(NOW).is_ok());
}

#[test]
fn r04_r05_roots_follow_one_another() {
    let repo = Repo::new();
    let scene = Scene::updated(&repo);
    let third = Repo { versions: [3, 1, 1, 1], ..repo.clone() };
    // The third, and the first, in the place of the second.
    scene.host.put("2.root.json", signed(&third.root_value(), &[&repo.root]));
    assert_eq!(scene.refused(), "trust-root-version");
    scene.host.put("2.root.json", repo.pinned());
    assert_eq!(scene.refused(), "trust-root-version");
    // A new key must be signed in by the old one, and sign itself.
    let next = Repo { versions: [2, 1, 1, 1], root: Key::new(), ..repo.clone() };
    for keys in [&[&next.root][..], &[&repo.root], &[]] {
        scene.host.put("2.root.json", signed(&next.root_value(), keys));
        assert_eq!(scene.refused(), "trust-signatures", "{}", keys.len());
    }
    scene.host.put("2.root.json", signed(&next.root_value(), &[&repo.root, &next.root]));
    assert_eq!(scene.update_at(NOW).unwrap().root_version, 2);
    assert!(scene.read_at(NOW).is_ok());
}

#[test]
fn r06_r07_thresholds_count_keys() {
    let repo = Repo::new();
    let create = |value: &serde_json::Value, keys: &[&Key]| {
        let dir = tempfile::tempdir().unwrap();
        let created = TrustFolder::create(&dir.path().join("trust"), &signed(value, keys), &[]);
        created.map(drop).map_err(|error| error.code().name())
    };
    assert_eq!(create(&repo.root_value(), &[&repo.root]), Ok(()));
    // Twice the same signature, the same id twice, and one key by two ids.
    assert_eq!(create(&repo.root_value(), &[&repo.root, &repo.root]), Err("trust-threshold"));
    let mut value = repo.root_value();
    value["roles"]["root"] = serde_json::json!({ "keyids": [repo.root.id(), repo.root.id()], "threshold": 1 });
    assert_eq!(create(&value, &[&repo.root]), Err("trust-threshold"));
    value["keys"]["other"] = repo.root.json();
    value["roles"]["root"] = serde_json::json!({ "keyids": [repo.root.id(), "other"], "threshold": 2 });
    assert_eq!(create(&value, &[&repo.root]), Err("trust-threshold"));
    for (threshold, code) in [
        (serde_json::json!(0), "trust-metadata-parse"),
        (serde_json::json!(-1), "trust-metadata-parse"),
        (serde_json::json!(1.5), "trust-metadata-parse"),
        (serde_json::json!(2), "trust-signatures"),
    ] {
        let mut value = repo.root_value();
        value["roles"]["root"]["threshold"] = threshold.clone();
        assert_eq!(create(&value, &[&repo.root]), Err(code), "{threshold}");
    }
}

#[test]
fn r08_r11_what_does_not_belong_together() {
    let old = Repo::new();
    let new = Repo { target: b"{\"new\":1}".to_vec(), ..old.clone() }.next(&[TARGETS, SNAPSHOT, TIMESTAMP]);
    let scene = Scene::updated(&old);
    for (name, other) in [("2.snapshot.json", "1.snapshot.json"), ("2.targets.json", "1.targets.json")] {
        scene.host.serve(&new);
        scene.host.put(name, old.files[other].clone());
        assert_eq!(scene.refused(), "trust-mix", "{name}");
    }
    let target = format!("targets/{}.{TRUSTED_ROOT}", hex::encode(&sha256(&[&new.target])));
    // A byte changed, one more, and nothing.
    for bytes in [&b"{\"new\":2}"[..], b"{\"new\":1} ", b""] {
        scene.host.serve(&new);
        scene.host.put(&target, bytes);
        let code = scene.update_at(NOW).unwrap_err().code().name();
        assert!(["trust-target", "limit-download"].contains(&code), "{code}");
    }
    scene.host.serve(&new);
    assert!(scene.update_at(NOW).is_ok());
}

#[test]
fn r09_r10_downloads_and_rotations_are_bounded() {
    let repo = Repo::new();
    let scene = Scene::updated(&repo);
    scene.host.put("timestamp.json", vec![b' '; 20_000]);
    assert_eq!(scene.refused(), "limit-download");
    scene.host.serve(&repo);
    scene.host.put("2.root.json", vec![b' '; limits::TUF_ROOT_BYTES + 1]);
    assert_eq!(scene.refused(), "limit-download");
    let mut many = repo.clone();
    for _ in 0..limits::TUF_ROTATIONS {
        many = many.next(&[ROOT]);
    }
    scene.host.serve(&many);
    assert_eq!(scene.refused(), "limit-rotations");
    // One that never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let folder = TrustFolder::create(&dir.path().join("trust"), &repo.pinned(), &[url]).unwrap();
    let settings = Settings { attempt_timeout: Duration::from_millis(200), attempts: 1, ..Settings::default() };
    let error = block_on(folder.update(&HttpClient::new(settings), NOW)).unwrap_err();
    assert_eq!((error.code().name(), error.code().exit_code()), ("trust-unreachable", 3));
}

#[test]
fn a_folder_that_cannot_be_written() {
    let repo = Repo::new();
    let file = tempfile::NamedTempFile::new().unwrap();
    let within_a_file = TrustFolder::create(&file.path().join("trust"), &repo.pinned(), &[]).unwrap_err();
    assert_eq!((within_a_file.code().name(), within_a_file.code().exit_code()), ("trust-unwritable", 3));
    // All of the update verified; its place is taken by a folder.
    let scene = Scene::new(&repo);
    std::fs::create_dir_all(scene.path().join(METADATA).join("x")).unwrap();
    assert_eq!(scene.update_at(NOW).unwrap_err().code().name(), "trust-unwritable");
}

#[test]
fn a_root_that_leaves_out_a_role() {
    let repo = Repo::new();
    let mut root = repo.root_value();
    root["roles"].as_object_mut().unwrap().remove("timestamp");
    let mut without = repo.clone();
    without.files.insert("1.root.json".to_owned(), signed(&root, &[&repo.root]));
    let scene = Scene::new(&without);
    assert_eq!(scene.refused(), "trust-delegation");
}

#[test]
fn a_clock_beyond_all_calendars() {
    let scene = Scene::updated(&Repo::new());
    let late = UnixTime::from_secs(300_000_000_000);
    let error = scene.read_at(late).unwrap_err();
    assert_eq!((error.code().name(), error.code().exit_code()), ("trust-failed", 3));
    assert_eq!(scene.update_at(late).unwrap_err().code().name(), "trust-failed");
}

#[test]
fn r12_names_that_lead_elsewhere() {
    let scene = Scene::updated(&Repo::new());
    let long = "x".repeat(300);
    for name in [
        "../../x",
        "/etc/passwd",
        "a/../b",
        "%2e%2e/x",
        "a\0b",
        "CON",
        "con.json",
        "a\\b",
        "C:x",
        "",
        ".",
        "a//b",
        &long,
    ] {
        assert_eq!(scene.folder.read(name, NOW).unwrap_err().code().name(), "trust-name", "{name:?}");
    }
    // A repository that lists such a target gets no file written for it.
    let repo = Repo { name: "../../evil", ..Repo::new() }.made();
    let scene = Scene::new(&repo);
    assert_eq!(scene.update_at(NOW).unwrap_err().code().name(), "trust-target");
    assert!(!scene.dir.path().join("evil").exists());
}

#[test]
fn r14_documents_of_another_shape() {
    let repo = Repo::new();
    let scene = Scene::updated(&repo);
    let timestamp = String::from_utf8(repo.files["timestamp.json"].clone()).unwrap();
    let root = String::from_utf8(repo.pinned()).unwrap();
    for bad in [
        String::new(),
        "null".to_owned(),
        "[]".to_owned(),
        "{}".to_owned(),
        "{\"signed\":{},\"signatures\":[]}".to_owned(),
        timestamp.replacen("\"signed\":", "\"signed\":{},\"signed\":", 1),
        "[".repeat(10_000),
        root,
    ] {
        scene.host.put("timestamp.json", bad.clone());
        let code = scene.refused();
        assert_eq!(code, "trust-metadata-parse", "{}", bad.chars().take(60).collect::<String>());
    }
}

#[test]
fn r16_what_is_kept_is_verified_anew() {
    let repo = Repo::new();
    let code = |scene: &Scene, at: UnixTime| scene.read_at(at).unwrap_err().code().name();
    // The target exchanged; a bare target without metadata; metadata of nobody; nonsense; nothing.
    let scene = Scene::updated(&repo);
    change(&scene, |files| {
        files["targets/trusted_root.json"] = crate::base::encoding::base64::encode(b"{\"trusted\":\"evil\"}").into();
    });
    assert_eq!(code(&scene, NOW), "trust-folder");
    let scene = Scene::updated(&repo);
    change(&scene, |files| files.retain(|name, _| name.starts_with("targets/")));
    assert_eq!(code(&scene, NOW), "trust-folder");
    let evil = Scene::updated(&Repo::new());
    std::fs::write(scene.path().join(METADATA), kept(&evil.path())).unwrap();
    assert_eq!(code(&scene, NOW), "trust-folder");
    std::fs::write(scene.path().join(METADATA), b"{").unwrap();
    assert_eq!(code(&scene, NOW), "trust-folder");
    std::fs::remove_file(scene.path().join(METADATA)).unwrap();
    assert_eq!(code(&scene, NOW), "trust-folder");
    // Past its term, but for as long as the caller accepts: the clock is the caller's.
    let scene = Scene::updated(&repo);
    assert_eq!(code(&scene, NOW.plus_secs(11 * DAY)), "trust-expired");
    assert!(scene.read_at(NOW.plus_secs(9 * DAY)).is_ok());
}

#[test]
#[cfg(unix)]
fn r16_a_folder_of_anyone_is_not_used_and_one_that_cannot_be_written_is() {
    use std::os::unix::fs::PermissionsExt as _;
    let scene = Scene::updated(&Repo::new());
    let mode = |mode| std::fs::set_permissions(scene.path(), std::fs::Permissions::from_mode(mode)).unwrap();
    mode(0o777);
    assert_eq!(scene.read_at(NOW).unwrap_err().code().name(), "trust-folder");
    mode(0o555);
    assert!(scene.read_at(NOW).is_ok());
    mode(0o755);
    let link = scene.dir.path().join("link");
    std::os::unix::fs::symlink(scene.path(), &link).unwrap();
    assert_eq!(TrustFolder::open(&link).unwrap_err().code().name(), "trust-folder");
}

#[test]
fn r21_a_mirror_that_sends_elsewhere_is_not_followed() {
    let repo = Repo::new();
    let elsewhere = Host::of(&repo);
    let target = elsewhere.server.url.clone();
    let sending = FakeServer::start(move |_, request| {
        Answer::new(302, "").with("location", format!("{target}{}", request.target))
    });
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("trust");
    let folder = TrustFolder::create(&path, &repo.pinned(), std::slice::from_ref(&sending.url)).unwrap();
    assert_eq!(block_on(folder.update(&impatient_client(), NOW)).unwrap_err().code().name(), "trust-refused");
    assert!(elsewhere.server.received().is_empty());
    let plain = TrustFolder::create(&dir.path().join("other"), &repo.pinned(), &["http://tuf.example.com".to_owned()]);
    assert_eq!(plain.unwrap_err().code().name(), "trust-url");
}

#[test]
fn one_mirror_stands_in_for_another_and_a_lie_outweighs_silence() {
    let repo = Repo::new();
    let (good, lying) = (Host::of(&repo), Host::of(&repo));
    lying.put("timestamp.json", "{}");
    let down = "http://127.0.0.1:9".to_owned();
    let update = |mirrors: &[&String]| {
        let dir = tempfile::tempdir().unwrap();
        let mirrors: Vec<String> = mirrors.iter().map(|url| (*url).clone()).collect();
        let folder = TrustFolder::create(&dir.path().join("trust"), &repo.pinned(), &mirrors).unwrap();
        block_on(folder.update(&impatient_client(), NOW))
            .map(|updated| updated.mirror)
            .map_err(|error| error.code().name())
    };
    assert!(update(&[&down, &lying.server.url, &good.server.url]).unwrap().starts_with(&good.server.url));
    assert_eq!(update(&[&down, &lying.server.url, &down]), Err("trust-metadata-parse"));
    assert_eq!(update(&[]), Err("trust-no-mirror"));
}

#[test]
fn r22_fifty_updates_at_once_leave_one_or_the_other() {
    let old = Repo::new();
    let new = Repo { target: b"{\"new\":1}".to_vec(), ..old.clone() }.next(&[TARGETS, SNAPSHOT, TIMESTAMP]);
    let scene = Scene::updated(&old);
    scene.host.serve(&new);
    std::thread::scope(|scope| {
        for number in 0..50 {
            let (scene, old, new) = (&scene, &old, &new);
            scope.spawn(move || match number % 2 {
                0 => drop(scene.update_at(NOW)),
                // A torn state would not verify.
                _ => {
                    let bytes = scene.read_at(NOW).unwrap();
                    assert!(bytes == old.target || bytes == new.target);
                }
            });
        }
    });
    scene.update_at(NOW).unwrap();
    assert_eq!(scene.read_at(NOW).unwrap(), b"{\"new\":1}");
}

/// Sigstore's own chain of roots, and the day on which its last one ended.
#[test]
fn r01_r23_the_public_repository_under_two_clocks() {
    let Some(vectors) = std::env::var_os("SEALMARK_VECTORS") else {
        println!("left out: SEALMARK_VECTORS is not set");
        return;
    };
    let folder = PathBuf::from(vectors).join("root-signing/metadata");
    let roots = folder.join("root_history");
    let mut files = Files::new();
    for version in 1..=15 {
        let name = format!("{version}.root.json");
        files.insert(name.clone(), std::fs::read(roots.join(&name)).unwrap());
    }
    files.insert("timestamp.json".to_owned(), std::fs::read(folder.join("timestamp.json")).unwrap());
    let repo = Repo { files, ..Repo::new() };
    let host = Host::of(&repo);
    let dir = tempfile::tempdir().unwrap();
    let trust = TrustFolder::create(
        &dir.path().join("trust"),
        &repo.files["5.root.json"],
        std::slice::from_ref(&host.server.url),
    );
    let update = |date: &str| {
        let now = UnixTime::parse_rfc3339(date).unwrap();
        block_on(trust.as_ref().unwrap().update(&impatient_client(), now)).unwrap_err()
    };
    assert_eq!(update("2026-11-26T00:00:00Z").code().name(), "trust-expired");
    // The roots and the timestamp hold; the copy has no snapshot.
    let error = update("2026-08-22T00:00:00Z");
    assert_ne!(error.code().name(), "trust-expired", "{error}");
    assert_ne!(error.code().name(), "trust-signatures", "{error}");
}
