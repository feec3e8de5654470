//! What a part may say of who follows it, and what it may not.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::follow::follow_watched;
use super::*;
use crate::base::crypto::KeyKind;
use crate::base::time::{UnixTime, ValidityPeriod};
use crate::format::trust::{AuthorityInstance, ClientTrustConfig, LogInstance};
use crate::stack::ca::profile::Authority;
use crate::stack::clock::Clock;
use crate::stack::folder::{Folder, StoredKey};
use crate::stack::{Config, KeyPlan, Place, Role, Stack, StackError, renew, rotate, stage};

/// A site whose CA, CT log, log and timestamp authority stand apart, its rest in one folder.
struct Site {
    parent: tempfile::TempDir,
}

impl Site {
    fn new() -> Self {
        let parent = tempfile::tempdir().unwrap();
        let roles = [Role::Ca, Role::Ct, Role::Log, Role::Tsa];
        let urls = roles.map(|role| (role, format!("https://{role}.example"))).into();
        let plan = KeyPlan { root_keys: Some(parent.path().join("roots")), ..KeyPlan::default() };
        let config = Config { urls, rekor_v1: true, ..Config::loopback(1) };
        Stack::init_apart(&parent.path().join("site"), &config, &plan).unwrap();
        Self { parent }
    }

    fn part(&self, name: &str) -> PathBuf {
        self.parent.path().join("site").join(name)
    }

    fn follow(&self, part: &str, of: &str) -> Result<Vec<Role>, &'static str> {
        self.follow_file(part, &self.part(of).join(NAME))
    }

    fn follow_file(&self, part: &str, file: &Path) -> Result<Vec<Role>, &'static str> {
        follow(&self.part(part), file).map(|followed| followed.parts).map_err(|error| error.code().name())
    }

    fn trust(&self, part: &str) -> ClientTrustConfig {
        Folder::new(&(&self.part(part)).into()).client_trust_config().unwrap()
    }

    fn key(&self, part: &str, key: StoredKey) -> PrivateKey {
        Folder::new(&(&self.part(part)).into()).key(key).unwrap()
    }
}

const REST: &str = "oidc-trust";

#[test]
fn every_part_follows_in_any_order_and_once() {
    let site = Site::new();
    let roots = site.parent.path().join("roots");
    for _ in 0..2 {
        assert!(rotate(&site.part("log")).unwrap().handover.is_some());
        rotate(&site.part("ct")).unwrap();
        assert_eq!(renew(&site.part("ca"), &roots, &KeyPlan::default()).unwrap().authorities, [Role::Ca]);
        assert_eq!(renew(&site.part("tsa"), &roots, &KeyPlan::default()).unwrap().authorities, [Role::Tsa]);
    }
    let all = [("log", Role::Log), ("ct", Role::Ct), ("ca", Role::Ca), ("tsa", Role::Tsa)];
    for (at, part) in ["ca", "ct", "log", "tsa", REST].into_iter().enumerate() {
        for index in 0..4 {
            let (of, role) = all[(at + index) % 4];
            // Both changes of a part at once; its own it knows.
            let new = if of == part { vec![] } else { vec![role] };
            assert_eq!(site.follow(part, of), Ok(new), "{part} of {of}");
            assert_eq!(site.follow(part, of), Ok(vec![]), "{part} of {of} again");
        }
        Stack::open(&site.part(part)).unwrap();
    }
    // Whoever followed last, all believe the same, and the chains are where they are looked for.
    let sorted = |part: &str| {
        let mut trust = site.trust(part);
        let root = &mut trust.trusted_root;
        root.logs.sort_by_key(|log| (log.base_url.clone(), log.validity.start()));
        root.ct_logs.sort_by_key(|log| log.validity.start());
        (root.to_json(), trust.signing_config.to_json())
    };
    let expected = sorted(REST);
    let chain = |part: &str, name: &str| fs::read_to_string(site.part(part).join("certificates").join(name)).unwrap();
    for part in ["ca", "ct", "log", "tsa"] {
        assert_eq!(sorted(part), expected, "{part}");
        for name in ["ca.pem", "tsa.pem", "ca-before.pem"] {
            assert_eq!(chain(part, name), chain(REST, name), "{part} {name}");
        }
    }
    let trust = site.trust(REST).trusted_root;
    assert_eq!((trust.logs.len(), trust.ct_logs.len(), trust.certificate_authorities.len()), (6, 3, 3));
    let open = trust.logs.iter().chain(&trust.ct_logs).filter(|log| log.validity.end().is_none());
    assert_eq!(open.count(), 3);
}

/// A line that says `change`, signed by these keys.
fn file(site: &Site, change: &TrustedRoot, keys: &[PrivateKey]) -> PathBuf {
    let path = site.parent.path().join("handover");
    fs::write(&path, Handover::sign(change, keys).unwrap().to_line().unwrap()).unwrap();
    path
}

fn ended<T: Clone>(one: &T, validity: impl Fn(&mut T) -> &mut ValidityPeriod) -> T {
    let mut one = one.clone();
    let start = validity(&mut one).start();
    *validity(&mut one) = ValidityPeriod::new(start, Some(start.plus_secs(600))).unwrap();
    one
}

fn nothing(trust: &TrustedRoot) -> TrustedRoot {
    TrustedRoot {
        logs: Vec::new(),
        ct_logs: Vec::new(),
        certificate_authorities: Vec::new(),
        timestamp_authorities: Vec::new(),
        unsupported: trust.unsupported,
    }
}

#[test]
fn a_log_says_who_follows_itself_and_nothing_else() {
    let site = Site::new();
    let trust = site.trust(REST).trusted_root;
    let before = trust.logs[0].clone();
    let log = site.key("log", StoredKey::Rekor);
    let other = || PrivateKey::generate(KeyKind::Ed25519).unwrap();
    let stranger = other();
    let end = |log: &LogInstance| ended(log, |log| &mut log.validity);
    let named = |host: &str, key: &PrivateKey| {
        let id = key.public_key().spki_sha256().to_vec();
        LogInstance { base_url: format!("http://{host}"), key: key.public_key().clone(), log_id: id, ..before.clone() }
    };
    let next = named("log2-1.sealmark.localhost", &stranger);
    let logs = |logs: Vec<LogInstance>| TrustedRoot { logs, ..nothing(&trust) };
    let good = logs(vec![end(&before), next.clone()]);
    let refused = |change: &TrustedRoot, keys: &[PrivateKey], what: &str| {
        let path = file(&site, change, keys);
        let error = follow(&site.part(REST), &path).unwrap_err();
        assert_eq!((error.code().name(), error.code().exit_code()), ("stack-handover", 3));
        assert!(error.to_string().contains(what), "{error}");
        assert_eq!(site.trust(REST).trusted_root, trust, "{what}");
        assert!(!stage::path(&site.part(REST)).exists());
    };
    let own = || site.key("log", StoredKey::Rekor);
    let unsigned = "the key that it ends has not signed it";
    refused(&good, &[], unsigned);
    refused(&good, &[other()], unsigned);
    // Signed by whom it begins, and by another part of the stack.
    refused(&good, &[stranger], unsigned);
    refused(&good, &[site.key("ct", StoredKey::Ct), site.key("ca", StoredKey::Ca)], unsigned);
    refused(&logs(vec![next.clone()]), &[own()], "it does not begin as many as it ends");
    let third = named("log3-1.sealmark.localhost", &other());
    refused(&logs(vec![end(&before), next.clone(), third]), &[own()], "it does not begin as many as it ends");
    let unknown = named("log1-1.sealmark.localhost", &other());
    refused(&logs(vec![end(&unknown), next.clone()]), &[own()], "it ends what is not known here");
    for host in ["log2-1.example.com", "sealmark.localhost", "localhost"] {
        let elsewhere = LogInstance { base_url: format!("http://{host}"), ..next.clone() };
        refused(&logs(vec![end(&before), elsewhere]), &[own()], "is not the successor");
    }
    let reused = named("log2-1.sealmark.localhost", &site.key("log", StoredKey::RekorV1));
    refused(&logs(vec![end(&before), reused]), &[own()], "it gives a log the key of another");
    let mut backwards = end(&before);
    backwards.validity = ValidityPeriod::new(UnixTime::from_secs(0), Some(UnixTime::from_secs(1))).unwrap();
    refused(&logs(vec![backwards, next.clone()]), &[own()], "it ends before it began");
    // A log says nothing of the CT log, nor of an authority.
    let ct = TrustedRoot { ct_logs: vec![end(&trust.ct_logs[0]), next.clone()], ..nothing(&trust) };
    refused(&ct, &[own()], unsigned);
    // And its word reaches as far as it was given: what was signed for another text is none.
    let line = Handover::sign(&good, &[own()]).unwrap();
    let swapped = Handover { trusted_root: logs(vec![end(&before), unknown]).to_json(), ..line };
    assert!(!swapped.is_signed_by(log.public_key()));

    // The thief of a key that was replaced: it names a successor of its own.
    let path = file(&site, &good, &[own()]);
    assert_eq!(site.follow_file(REST, &path), Ok(vec![Role::Log]));
    let thief = logs(vec![end(&before), named("log4-1.sealmark.localhost", &other())]);
    let error = follow(&site.part(REST), &file(&site, &thief, &[own()])).unwrap_err();
    assert!(error.to_string().contains("who was replaced says nothing more"), "{error}");
    // The log itself was not rotated there.
    let error = follow(&site.part("log"), &file(&site, &good, &[own()])).unwrap_err();
    assert!(error.to_string().contains("it was rotated elsewhere"), "{error}");
}

#[test]
fn an_authority_is_followed_below_its_own_root() {
    let site = Site::new();
    let trust = site.trust(REST).trusted_root;
    let before = trust.certificate_authorities[0].clone();
    let root_key = PrivateKey::read(&site.parent.path().join("roots/ca-root.pem"), KeyKind::P384).unwrap();
    let end = |one: &AuthorityInstance| ended(one, |one| &mut one.validity);
    let from = before.validity.start();
    let below = |by: &PrivateKey| {
        let root = &before.chain[1];
        let until = root.validity().end();
        let authority = Authority { organization: "x", common_name: "next", from, until };
        let key = PrivateKey::generate(KeyKind::P256).unwrap();
        authority.intermediate(key.public_key(), crate::format::x509::oids::CODE_SIGNING, (root, by)).unwrap()
    };
    let chain = |chain: Vec<crate::format::x509::Certificate>| {
        let next = AuthorityInstance { chain, ..before.clone() };
        TrustedRoot { certificate_authorities: vec![end(&before), next], ..nothing(&trust) }
    };
    let root = || before.chain[1].clone();
    let stranger = PrivateKey::generate(KeyKind::P384).unwrap();
    let foreign_root = Authority { organization: "x", common_name: "root", from, until: None }.root(&stranger).unwrap();
    let own = || [site.key("ca", StoredKey::Ca)];
    let refused = |change: &TrustedRoot| {
        let error = follow(&site.part(REST), &file(&site, change, &own())).unwrap_err();
        assert!(error.to_string().contains("is not the successor"), "{error}");
        assert_eq!(site.trust(REST).trusted_root, trust);
    };
    refused(&chain(vec![below(&stranger), root()]));
    refused(&chain(vec![below(&root_key), foreign_root]));
    refused(&chain(vec![below(&root_key), below(&root_key), root()]));
    let mut elsewhere = chain(vec![below(&root_key), root()]);
    elsewhere.certificate_authorities[1].uri = "https://evil.example".to_owned();
    refused(&elsewhere);
    let good = chain(vec![below(&root_key), root()]);
    let unsigned = follow(&site.part(REST), &file(&site, &good, &[stranger])).unwrap_err();
    assert!(unsigned.to_string().contains("has not signed it"), "{unsigned}");
    let error = follow(&site.part("ca"), &file(&site, &good, &own())).unwrap_err();
    assert!(error.to_string().contains("it was renewed elsewhere"), "{error}");
    assert_eq!(site.follow_file(REST, &file(&site, &good, &own())), Ok(vec![Role::Ca]));
}

#[test]
fn files_that_are_no_handovers() {
    let site = Site::new();
    rotate(&site.part("log")).unwrap();
    let good = fs::read_to_string(site.part("log").join(NAME)).unwrap();
    let path = site.parent.path().join("file");
    // The OID of X448 in the place of that of Ed25519.
    let unsupported = good.replace("MCowBQYDK2Vw", "MCowBQYDK2Vv");
    assert_ne!(unsupported, good);
    for (text, what) in [
        ("{}".to_owned(), "it is no list of handovers"),
        (good.replace("\"version\":1", "\"version\":1,\"more\":1"), "it is no list of handovers"),
        (good.replace("\"version\":1", "\"version\":2"), "it is of a later version"),
        (good.replace("application/vnd", "x"), "it holds no trusted root"),
        (" ".repeat(limits::TRUST_BYTES + 1), "it is too long"),
        (unsupported, "it holds keys that are not supported"),
    ] {
        fs::write(&path, text).unwrap();
        let error = follow(&site.part(REST), &path).unwrap_err();
        assert_eq!(error.code().name(), "stack-handover");
        assert!(error.to_string().contains(what), "{error}");
    }
    assert!(matches!(follow(&site.part(REST), &site.part("none")), Err(StackError::Io { .. })));
    assert_eq!(follow(&site.parent.path().join("none"), &path).unwrap_err().code().name(), "stack-absent");
    // Without the line before, a second change is not understood.
    rotate(&site.part("log")).unwrap();
    let both = fs::read_to_string(site.part("log").join(NAME)).unwrap();
    let second = both.lines().nth(1).unwrap();
    fs::write(&path, second).unwrap();
    assert_eq!(site.follow_file(REST, &path), Err("stack-handover"));
    // A part that runs is not changed.
    let open = Stack::open(&site.part(REST)).unwrap();
    assert_eq!(site.follow(REST, "log"), Err("log-locked"));
    drop(open);
    assert_eq!(site.follow(REST, "log"), Ok(vec![Role::Log]));
}

#[test]
fn k06_a_crash_while_a_part_follows() {
    let site = Site::new();
    renew(&site.part("ca"), &site.parent.path().join("roots"), &KeyPlan::default()).unwrap();
    let (dir, file) = (site.part("ct"), site.part("ca").join(NAME));
    let mut copies: Vec<PathBuf> = Vec::new();
    let followed = follow_watched(&Place::from(&dir), &file, &mut || {
        let copy = site.parent.path().join(format!("copy-{}", copies.len()));
        assert!(Command::new("cp").arg("-a").arg(&dir).arg(&copy).status().unwrap().success());
        copies.push(copy);
    });
    assert_eq!(followed.unwrap().parts, [Role::Ca]);
    assert!(copies.len() > 8, "{}", copies.len());
    let new = site.trust("ca").trusted_root;
    let mut after = Vec::new();
    for copy in copies {
        drop(Stack::open_with(&copy, Clock::system()).unwrap());
        let folder = Folder::new(&(&copy).into());
        let trusted = folder.client_trust_config().unwrap().trusted_root;
        let authority = trusted.certificate_authorities.iter().find(|ca| ca.validity.end().is_none()).unwrap();
        assert_eq!(authority.chain, folder.chain("ca").unwrap(), "all of it or nothing");
        after.push(trusted == new);
        follow(&copy, &file).unwrap();
        assert_eq!(folder.client_trust_config().unwrap().trusted_root, new);
        assert_eq!(folder.issued_before().unwrap().len(), 1);
    }
    assert!(after.is_sorted() && after.first() != after.last(), "{after:?}");
}
