//! The trust documents as a TUF repository, by which clients notice new ones and old copies.
//! <https://theupdateframework.github.io/specification/latest/>, version 1.0.31, with consistent snapshots
//!
//! ```text
//! tuf/1.root.json               signed by keys/tuf-root.pem, which may be kept offline
//! tuf/N.targets.json  tuf/N.snapshot.json  tuf/timestamp.json      signed by keys/tuf.pem
//! tuf/targets/HASH.trusted_root.json  HASH.signing_config.v0.2.json
//! ```
//!
//! A stack that is being served signs the timestamp anew before it ends, and everything above it when a document has
//! changed. The root names both keys; [`renew`] makes new ones, which clients follow from one root to the next.

mod metadata;
mod routes;

use std::path::PathBuf;

use serde_json::{Value, json};

pub(super) use routes::routes;

use super::StackError;
use super::folder::{self, Folder, StoredKey};
use super::keys::PrivateKey;
use crate::base::crypto::{KeyKind, sha256};
use crate::base::encoding::hex;
use crate::base::time::UnixTime;
use crate::service::files;
use metadata::{Role, description, signed};

/// The folder's name.
const DIR: &str = "tuf";
/// Seconds that metadata lasts.
const ROOT: i64 = 3650 * DAY;
const TARGETS: i64 = 90 * DAY;
const SNAPSHOT: i64 = 14 * DAY;
const TIMESTAMP: i64 = 2 * DAY;
const DAY: i64 = 86_400;

/// The documents that are targets.
const DOCUMENTS: [&str; 2] = [folder::TRUSTED_ROOT, folder::SIGNING_CONFIG];

/// Makes the repository of a new stack.
pub(super) fn create(folder: &Folder, now: UnixTime) -> Result<(), StackError> {
    for dir in [folder.path(DIR), folder.path(DIR).join("targets")] {
        std::fs::create_dir(&dir).map_err(|error| StackError::io("create", &dir, error))?;
    }
    let root = folder.make_key(StoredKey::TufRoot)?;
    let online = folder.make_key(StoredKey::Tuf)?;
    let text = signed(root_of(1, &root, &online, now), &[&root])?;
    write(folder, "1.root.json", &text)?;
    Repository { folder, key: online }.publish(now)
}

/// Signs what is to be signed anew; `false` when the stack has no repository, or not its key.
pub(super) fn refresh(folder: &Folder, now: UnixTime) -> Result<bool, StackError> {
    if !folder.path(DIR).join("1.root.json").exists() || !folder.has(StoredKey::Tuf) {
        return Ok(false);
    }
    let _alone = lock(folder)?;
    Repository { folder, key: folder.key(StoredKey::Tuf)? }.publish(now)?;
    Ok(true)
}

/// Replaces both keys: the next root is signed by the root's key before and the new one. The keys before are
/// removed; who held a copy can sign nothing that clients of the new root take.
pub(super) fn renew(folder: &Folder, now: UnixTime) -> Result<u64, StackError> {
    let _alone = lock(folder)?;
    let before = folder.key(StoredKey::TufRoot)?;
    let version = last_root(folder)? + 1;
    let (root, online) = (PrivateKey::generate(KeyKind::P256)?, PrivateKey::generate(KeyKind::P256)?);
    let text = signed(root_of(version, &root, &online, now), &[&before, &root])?;
    write(folder, &format!("{version}.root.json"), &text)?;
    folder.replace_key(StoredKey::TufRoot, &root)?;
    folder.replace_key(StoredKey::Tuf, &online)?;
    Repository { folder, key: online }.publish_all(now)?;
    Ok(version)
}

/// One writer at a time: a stack that is being served signs on its own.
fn lock(folder: &Folder) -> Result<std::fs::File, StackError> {
    let path = folder.path(DIR).join(".lock");
    let locked = std::fs::OpenOptions::new().write(true).create(true).truncate(false).open(&path);
    let locked = locked.and_then(|file| file.lock().map(|()| file));
    locked.map_err(|error| StackError::io("lock", &path, error))
}

/// When the timestamp ends, if there is a repository.
pub(super) fn expires(folder: &Folder) -> Option<UnixTime> {
    let timestamp: Value =
        serde_json::from_slice(&std::fs::read(folder.path(DIR).join("timestamp.json")).ok()?).ok()?;
    UnixTime::parse_rfc3339(timestamp["signed"]["expires"].as_str()?)
}

fn root_of(version: u64, root: &PrivateKey, online: &PrivateKey, now: UnixTime) -> Value {
    let keys = [root, online].map(metadata::key);
    let role = |(id, _): &(String, Value)| json!({ "keyids": [id], "threshold": 1 });
    let mut root = metadata::header("root", version, now, ROOT);
    root["consistent_snapshot"] = true.into();
    root["roles"] = json!({
        "root": role(&keys[0]),
        "targets": role(&keys[1]),
        "snapshot": role(&keys[1]),
        "timestamp": role(&keys[1]),
    });
    root["keys"] = Value::Object(keys.into_iter().collect());
    root
}

/// The newest root's version: roots are numbered without a gap.
fn last_root(folder: &Folder) -> Result<u64, StackError> {
    let last = (1..).take_while(|version| folder.path(DIR).join(format!("{version}.root.json")).exists()).last();
    last.ok_or_else(|| damaged(folder, "1.root.json"))
}

struct Repository<'a> {
    folder: &'a Folder,
    key: PrivateKey,
}

impl Repository<'_> {
    /// Signs what has changed, or is past half of its time.
    fn publish(&self, now: UnixTime) -> Result<(), StackError> {
        let targets = self.read(Role::Targets)?;
        let documents = self.documents()?;
        let known = targets.as_ref().map(|targets| &targets["signed"]["targets"]);
        if known != Some(&documents) || stale(targets.as_ref(), now, TARGETS) {
            return self.publish_targets(documents, now);
        }
        // What a crash left unannounced is announced.
        let snapshot = self.read(Role::Snapshot)?;
        let targets = snapshot.as_ref().and_then(|file| file["signed"]["meta"]["targets.json"]["version"].as_u64());
        if targets != Some(self.version(Role::Targets)?) || stale(snapshot.as_ref(), now, SNAPSHOT) {
            return self.publish_snapshot(now);
        }
        let timestamp = self.read(Role::Timestamp)?;
        let named = timestamp.as_ref().and_then(|file| file["signed"]["meta"]["snapshot.json"]["version"].as_u64());
        if named != Some(self.version(Role::Snapshot)?) || stale(timestamp.as_ref(), now, TIMESTAMP) {
            return self.publish_timestamp(now);
        }
        Ok(())
    }

    /// Signs everything, whatever its age.
    fn publish_all(&self, now: UnixTime) -> Result<(), StackError> {
        self.publish_targets(self.documents()?, now)
    }

    /// The documents as targets; each is written under its hash.
    fn documents(&self) -> Result<Value, StackError> {
        let mut targets = serde_json::Map::new();
        for name in DOCUMENTS {
            let bytes = self.folder.read(name)?;
            let hash = hex::encode(&sha256(&[&bytes]));
            let path = format!("targets/{hash}.{name}");
            if !self.folder.path(DIR).join(&path).exists() {
                write(self.folder, &path, &bytes)?;
            }
            targets.insert(name.to_owned(), json!({ "length": bytes.len(), "hashes": { "sha256": hash } }));
        }
        Ok(Value::Object(targets))
    }

    fn publish_targets(&self, documents: Value, now: UnixTime) -> Result<(), StackError> {
        let mut targets = metadata::header("targets", self.next(Role::Targets)?, now, TARGETS);
        targets["targets"] = documents;
        self.write(Role::Targets, targets)?;
        self.publish_snapshot(now)
    }

    fn publish_snapshot(&self, now: UnixTime) -> Result<(), StackError> {
        let mut snapshot = metadata::header("snapshot", self.next(Role::Snapshot)?, now, SNAPSHOT);
        snapshot["meta"] = json!({ "targets.json": { "version": self.version(Role::Targets)? } });
        self.write(Role::Snapshot, snapshot)?;
        self.publish_timestamp(now)
    }

    /// Last: until it names them, the files above it are not there for clients.
    fn publish_timestamp(&self, now: UnixTime) -> Result<(), StackError> {
        let version = self.version(Role::Snapshot)?;
        let path = self.folder.path(DIR).join(Role::Snapshot.file(version));
        let snapshot = std::fs::read(&path).map_err(|error| StackError::io("read", &path, error))?;
        let mut timestamp = metadata::header("timestamp", self.next(Role::Timestamp)?, now, TIMESTAMP);
        timestamp["meta"] = json!({ "snapshot.json": description(version, &snapshot) });
        self.write(Role::Timestamp, timestamp)
    }

    fn write(&self, role: Role, metadata: Value) -> Result<(), StackError> {
        let version = metadata["version"].as_u64().unwrap_or_default();
        write(self.folder, &role.file(version), &signed(metadata, &[&self.key])?)
    }

    /// The newest metadata of a role. Versions come from the files themselves and not from the timestamp, so that one
    /// which was written and not announced, in a crash, is never written again with other content.
    fn read(&self, role: Role) -> Result<Option<Value>, StackError> {
        let version = self.version(role)?;
        let path = self.folder.path(DIR).join(role.file(version));
        match std::fs::read(&path) {
            Ok(bytes) => {
                let read = serde_json::from_slice(&bytes);
                read.map(Some).map_err(|_| damaged(self.folder, &role.file(version)))
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(StackError::io("read", &path, error)),
        }
    }

    fn version(&self, role: Role) -> Result<u64, StackError> {
        if role == Role::Timestamp {
            let path = self.folder.path(DIR).join(role.file(0));
            let Ok(bytes) = std::fs::read(&path) else { return Ok(0) };
            let timestamp: Value = serde_json::from_slice(&bytes).map_err(|_| damaged(self.folder, &role.file(0)))?;
            return timestamp["signed"]["version"].as_u64().ok_or_else(|| damaged(self.folder, &role.file(0)));
        }
        let path = self.folder.path(DIR);
        let files = std::fs::read_dir(&path).map_err(|error| StackError::io("list", &path, error))?;
        let names = files.filter_map(|file| file.ok()?.file_name().into_string().ok());
        Ok(names.filter_map(|name| role.version(&name)).max().unwrap_or_default())
    }

    fn next(&self, role: Role) -> Result<u64, StackError> {
        Ok(self.version(role)? + 1)
    }
}

/// Whether metadata is past half of the time that it lasts.
fn stale(metadata: Option<&Value>, now: UnixTime, lasts: i64) -> bool {
    let expires = metadata.and_then(|metadata| UnixTime::parse_rfc3339(metadata["signed"]["expires"].as_str()?));
    expires.is_none_or(|expires| expires.plus_secs(-lasts / 2) <= now)
}

fn write(folder: &Folder, name: &str, bytes: &[u8]) -> Result<(), StackError> {
    let path: PathBuf = folder.path(DIR).join(name);
    files::write_whole(&path, bytes).map_err(|error| StackError::io("write", &path, error))
}

fn damaged(folder: &Folder, name: &str) -> StackError {
    StackError::Damaged { path: folder.path(DIR).join(name), what: "it is not the metadata that belongs there" }
}

#[cfg(test)]
mod tests;
