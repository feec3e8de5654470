//! The repository over time: what is signed anew, and when.

use std::path::Path;

use super::*;
use crate::base::encoding::json::{Json, canonical};

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

fn repository(dir: &Path) -> Folder {
    let folder = Folder::new(&dir.join("stack").as_path().into());
    folder.create().unwrap();
    for name in DOCUMENTS {
        folder.write(name, &format!("{{\"is\":\"{name}\"}}")).unwrap();
    }
    create(&folder, NOW).unwrap();
    folder
}

fn metadata_of(folder: &Folder, name: &str) -> Value {
    serde_json::from_slice(&folder.read(format!("tuf/{name}")).unwrap()).unwrap()
}

/// Versions of targets, snapshot and timestamp.
fn versions(folder: &Folder) -> [u64; 3] {
    let repository = Repository { folder, key: folder.key(StoredKey::Tuf).unwrap() };
    [Role::Targets, Role::Snapshot, Role::Timestamp].map(|role| repository.version(role).unwrap())
}

/// Whether the metadata's signature by `key` verifies.
fn is_signed(metadata: &Value, key: &PrivateKey) -> bool {
    let text = metadata["signed"].to_string();
    let message = canonical(&Json::parse(text.as_bytes()).unwrap()).unwrap().replace("\\n", "\n");
    let id = metadata::key(key).0;
    let signatures = metadata["signatures"].as_array().unwrap();
    let Some(signature) = signatures.iter().find(|signature| signature["keyid"] == id.as_str()) else { return false };
    let signature = hex::decode(signature["sig"].as_str().unwrap()).unwrap();
    key.public_key().verify_default(message.as_bytes(), &signature).is_ok()
}

#[test]
fn what_is_signed_anew_and_when() {
    let dir = tempfile::tempdir().unwrap();
    let folder = repository(dir.path());
    let after = |days: i64| {
        assert!(refresh(&folder, NOW.plus_secs(days * DAY)).unwrap());
        versions(&folder)
    };
    assert_eq!(versions(&folder), [1, 1, 1]);
    assert_eq!(after(0), [1, 1, 1], "nothing has changed");
    assert_eq!(after(1), [1, 1, 2], "half of the timestamp's time");
    assert_eq!(after(7), [1, 2, 3], "half of the snapshot's");
    assert_eq!(after(45), [2, 3, 4], "half of the targets'");
    std::fs::write(folder.path(folder::TRUSTED_ROOT), "{}").unwrap();
    assert_eq!(after(45), [3, 4, 5], "a document has changed");
    let targets = metadata_of(&folder, "3.targets.json");
    let hash = targets["signed"]["targets"][folder::TRUSTED_ROOT]["hashes"]["sha256"].as_str().unwrap();
    assert_eq!(folder.read(format!("tuf/targets/{hash}.{}", folder::TRUSTED_ROOT)).unwrap(), b"{}");
    assert_eq!(metadata_of(&folder, "timestamp.json")["signed"]["expires"], "2027-03-03T08:00:00Z");
    let key = folder.key(StoredKey::Tuf).unwrap();
    for name in ["3.targets.json", "4.snapshot.json", "timestamp.json"] {
        assert!(is_signed(&metadata_of(&folder, name), &key), "{name}");
    }
}

#[test]
fn metadata_that_was_not_announced_is_not_written_again() {
    let dir = tempfile::tempdir().unwrap();
    let folder = repository(dir.path());
    std::fs::write(folder.path(folder::TRUSTED_ROOT), "{}").unwrap();
    // As a crash leaves it: targets, and no snapshot of them.
    let repository = Repository { folder: &folder, key: folder.key(StoredKey::Tuf).unwrap() };
    let mut targets = metadata::header("targets", 2, NOW, TARGETS);
    targets["targets"] = repository.documents().unwrap();
    repository.write(Role::Targets, targets).unwrap();
    let unannounced = folder.read("tuf/2.targets.json").unwrap();
    refresh(&folder, NOW).unwrap();
    assert_eq!(folder.read("tuf/2.targets.json").unwrap(), unannounced);
    let announced = metadata_of(&folder, &format!("{}.snapshot.json", versions(&folder)[1]));
    assert_eq!(announced["signed"]["meta"]["targets.json"]["version"], 2);
}

#[test]
fn a_root_hands_over_to_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let folder = repository(dir.path());
    let before = [StoredKey::TufRoot, StoredKey::Tuf].map(|key| folder.key(key).unwrap());
    assert_eq!(renew(&folder, NOW).unwrap(), 2);
    let after = [StoredKey::TufRoot, StoredKey::Tuf].map(|key| folder.key(key).unwrap());
    let root = metadata_of(&folder, "2.root.json");
    assert!(is_signed(&root, &before[0]) && is_signed(&root, &after[0]));
    assert!(!is_signed(&root, &before[1]) && !is_signed(&root, &after[1]));
    assert_eq!(root["signed"]["roles"]["root"]["keyids"][0], metadata::key(&after[0]).0.as_str());
    let timestamp = metadata_of(&folder, "timestamp.json");
    assert!(is_signed(&timestamp, &after[1]) && !is_signed(&timestamp, &before[1]));
    assert_eq!(versions(&folder), [2, 2, 2]);
    // The root's key offline: the rest goes on, a renewal does not.
    std::fs::remove_file(folder.path("keys/tuf-root.pem")).unwrap();
    assert!(refresh(&folder, NOW.plus_secs(DAY)).unwrap());
    assert_eq!(renew(&folder, NOW).unwrap_err().code().name(), "stack-key-io");
    std::fs::remove_file(folder.path("keys/tuf.pem")).unwrap();
    assert!(!refresh(&folder, NOW.plus_secs(DAY)).unwrap());
}
