//! A rotation that is interrupted after any of its steps.

use std::path::PathBuf;

use super::*;
use crate::format::trust::{ClientTrustConfig, SigningConfig};
use crate::stack::{Stack, fsck};

fn copy_dir(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    fs::set_permissions(to, fs::metadata(from).unwrap().permissions()).unwrap();
    for item in fs::read_dir(from).unwrap() {
        let item = item.unwrap();
        match item.file_type().unwrap().is_dir() {
            true => copy_dir(&item.path(), &to.join(item.file_name())),
            false => drop(fs::copy(item.path(), to.join(item.file_name())).unwrap()),
        }
    }
}

/// A stack of one shard that opens, whose documents are of the same shard.
fn whole(dir: &Path) -> String {
    Stack::open(dir).unwrap();
    assert!(!stage::path(dir).exists());
    let config = Config::read(dir).unwrap();
    let now = Clock::system().now();
    let read = |name: &str| fs::read(dir.join(name)).unwrap();
    let root = TrustedRoot::parse(&read(folder::TRUSTED_ROOT)).unwrap();
    let signing = SigningConfig::parse(&read(folder::SIGNING_CONFIG)).unwrap();
    let both = ClientTrustConfig::parse(&read(folder::CLIENT_TRUST_CONFIG)).unwrap();
    assert_eq!((&both.trusted_root, &both.signing_config), (&root, &signing));
    assert_eq!(signing.select_logs(now).unwrap().len(), 1);
    let codecs = Codecs::read(&Folder::of_shard(&dir.into(), &config), &config).unwrap();
    let all: Vec<_> = root.logs.iter().chain(&root.ct_logs).collect();
    assert_eq!(all.len(), 3 * (config.frozen.len() + 1));
    let open: Vec<_> = all.into_iter().filter(|log| log.validity.end().is_none()).collect();
    assert_eq!(open.len(), 3);
    assert!(
        open.iter()
            .all(|log| codecs.public_keys().iter().any(|(_, key)| **key == log.key) && log.validity.contains(now))
    );
    assert!(fsck(dir).unwrap().iter().all(|log| log.result.findings.is_empty()));
    config.shard
}

#[test]
fn k06_logt1_a_crash_in_the_middle_of_a_rotation() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("stack");
    Stack::init(&dir, &Config { rekor_v1: true, ..Config::loopback(1) }).unwrap();
    let first = whole(&dir);
    let mut copies: Vec<PathBuf> = Vec::new();
    let from = dir.clone();
    let rotated = rotate_watched(&Place::from(&dir), &KeyPlan::default(), &Clock::system(), &mut || {
        let copy = parent.path().join(format!("copy-{}", copies.len()));
        copy_dir(&from, &copy);
        copies.push(copy);
    });
    let rotated = rotated.unwrap();
    assert_eq!((&rotated.frozen, &rotated.shard), (&first, &whole(&dir)));
    assert!(copies.len() > 15, "{}", copies.len());
    let mut shards = Vec::new();
    for copy in copies {
        let shard = whole(&copy);
        assert!([&rotated.frozen, &rotated.shard].contains(&&shard));
        shards.push(shard.clone());
        // And it is rotated, whatever was left lying about.
        let again = rotate(&copy).unwrap();
        assert_eq!((again.frozen, again.shard), (shard, whole(&copy)));
    }
    // Once it is decided, it stays so.
    assert!(shards.is_sorted() && shards.first() != shards.last());
}

#[test]
fn k08_no_rotation_while_it_runs() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("stack");
    Stack::init(&dir, &Config::loopback(1)).unwrap();
    let open = Stack::open(&dir).unwrap();
    assert_eq!(rotate(&dir).unwrap_err().code().name(), "log-locked");
    drop(open);
    rotate(&dir).unwrap();
}
