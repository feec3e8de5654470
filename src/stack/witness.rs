//! A witness: it watches logs that others run, and cosigns a checkpoint only when the tree begins with the one that it
//! cosigned before. <https://c2sp.org/tlog-witness>, <https://c2sp.org/tlog-cosignature>
//!
//! ```text
//! witness.json       its name, where it listens, the keys of the logs that it watches
//! keys/witness.pem   its Ed25519 key
//! seen/LOG           the last checkpoint that it cosigned of each log: on the disk before the cosignature is given out
//! evidence/          checkpoints that contradict each other, both signed by the log
//! LOCK               held while a process runs it
//! ```
//!
//! It stands in a folder of its own (`stack witness`), or is a part of a stack, in whose folder it has the same files and
//! which serves it (`stack up --role witness`). There is one witness and two places for it: who watches over a neighbour's
//! log needs one key and one file of configuration, and must not have to keep a CA, two logs and their trust files for it;
//! who runs a stack anyway should not have to look after another kind of folder, listener and password.
//!
//! What it knows never gets smaller: comparing with what it saw, remembering, and answering are one step for one
//! request after the other.

mod config;
mod judge;
mod routes;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use axum::Router;

pub use config::WitnessConfig;
pub(super) use config::{NAME as CONFIG, is_name};
pub use judge::Answer;

use super::clock::Clock;
use super::keys::{self, PrivateKey};
use super::log::SigningError;
use super::{Place, StackError};
use crate::base::crypto::KeyKind;
use crate::format::checkpoint::{NoteKey, WitnessKey};
use crate::serve::{Journal, Metrics, Observer, Server};
use judge::Judge;

/// Where the key is.
const KEY: &str = "keys/witness.pem";
/// Where it remembers what it cosigned.
pub(super) const SEEN: &str = "seen";
/// Where it keeps what contradicts.
pub(super) const EVIDENCE: &str = "evidence";

/// A witness that is open. Its folder is locked by this process.
#[derive(Debug)]
pub struct Witness {
    dir: PathBuf,
    config: WitnessConfig,
    judge: Mutex<Judge>,
    key: WitnessKey,
    clock: Clock,
    _lock: fs::File,
}

impl Witness {
    /// Makes a witness in a folder that does not exist or is empty; gives its verifier key.
    pub fn init(dir: &Path, config: &WitnessConfig) -> Result<String, StackError> {
        Self::init_with(dir, config, None)
    }

    /// The same; with a URI its key is in a PKCS#11 token, and stays there.
    pub fn init_with(dir: &Path, config: &WitnessConfig, token: Option<&str>) -> Result<String, StackError> {
        // Before anything is made.
        if let Some(uri) = token {
            PrivateKey::in_token(uri, &dir.join(KEY), &[KeyKind::Ed25519])?;
        }
        config.check().map_err(|what| StackError::Config { path: dir.join(config::NAME), what })?;
        fs::create_dir_all(dir).map_err(|error| StackError::io("create", dir, error))?;
        let mut inside = fs::read_dir(dir).map_err(|error| StackError::io("list", dir, error))?;
        if inside.next().is_some() {
            return Err(StackError::Exists { path: dir.to_owned() });
        }
        keys::create_dir(&dir.join("keys"))?;
        let key = match token {
            Some(uri) => PrivateKey::adopt(uri, &dir.join(KEY), &[KeyKind::Ed25519])?,
            None => PrivateKey::generate(KeyKind::Ed25519)?,
        };
        if !key.is_held() {
            key.write(&dir.join(KEY))?;
        }
        create(dir, config, &key)
    }

    /// Has the witness in a folder watch more logs; gives those that it did not watch before. One that is running
    /// takes them up when it is started again.
    pub fn watch(dir: &Path, logs: &[String]) -> Result<Vec<String>, StackError> {
        let mut config = WitnessConfig::read(dir)?;
        let new: Vec<String> = logs.iter().filter(|log| !config.logs.contains(log)).cloned().collect();
        config.logs.extend(new.iter().cloned());
        config.check().map_err(|what| StackError::Config { path: dir.join(config::NAME), what })?;
        if !new.is_empty() {
            config.write(dir)?;
        }
        Ok(new)
    }

    /// Opens the witness in a folder: reads its key and what it has seen. Never makes anything.
    pub fn open(place: impl Into<Place>, clock: Clock) -> Result<Self, StackError> {
        let place = place.into();
        let dir = place.dir();
        let config = WitnessConfig::read(dir)?;
        let path = dir.join("LOCK");
        let file = fs::OpenOptions::new().create(true).append(true).open(&path);
        let lock = file.map_err(|error| StackError::io("open", &path, error))?;
        if lock.try_lock().is_err() {
            return Err(super::LogError::Locked { path }.into());
        }
        let private = PrivateKey::read_locked(&dir.join(KEY), &[KeyKind::Ed25519], place.password().map(Arc::as_ref))?;
        let key = WitnessKey::new(&config.name, private.public_key().clone()).map_err(|_| SigningError)?;
        let logs = config.keys().map_err(|what| StackError::Config { path: dir.join(config::NAME), what })?;
        let judge = Mutex::new(Judge::open(dir, logs, private, key.clone())?);
        Ok(Self { dir: dir.to_owned(), config, judge, key, clock, _lock: lock })
    }

    /// Where it listens by itself. A stack's witness does not.
    pub fn listen(&self) -> Result<&str, StackError> {
        self.config.listen.as_deref().ok_or_else(|| StackError::Config {
            path: self.dir.join(config::NAME),
            what: "it is a part of a stack, which serves it: `stack up --role witness`".to_owned(),
        })
    }

    /// Checkpoints in its evidence: each contradicts another.
    pub fn evidence(&self) -> u64 {
        fs::read_dir(self.dir.join(EVIDENCE)).map_or(0, |files| files.count() as u64)
    }

    /// Its configuration.
    pub fn config(&self) -> &WitnessConfig {
        &self.config
    }

    /// Its verifier key: what logs and policies name it by.
    pub fn verifier_key(&self) -> String {
        self.key.verifier_key()
    }

    /// Answers a body of `add-checkpoint`.
    pub fn add(&self, body: &[u8]) -> Answer {
        // A judge that panicked has answered nothing; what it remembers is on the disk.
        let mut judge = self.judge.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        judge.add(body, self.clock.now())
    }

    /// Its routes.
    pub fn routes(self: &Arc<Self>) -> Router {
        routes::routes(Arc::clone(self))
    }

    /// Serves until `shutdown` completes.
    pub async fn serve(
        self: Arc<Self>,
        server: Server,
        journal: Option<Journal>,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), StackError> {
        let (metrics, clock) = (Metrics::default(), self.clock.clone());
        let observer = journal.map(|journal| Observer::new(&metrics, journal, move || clock.now()));
        let router = match &observer {
            Some(observer) => observer.observe("witness", self.routes()),
            None => self.routes(),
        };
        Ok(server.serve(router, shutdown).await?)
    }
}

/// Writes what a witness has beside its key, which is there; gives its verifier key.
pub(super) fn create(dir: &Path, config: &WitnessConfig, key: &PrivateKey) -> Result<String, StackError> {
    for name in [SEEN, EVIDENCE] {
        let path = dir.join(name);
        fs::create_dir(&path).map_err(|error| StackError::io("create", &path, error))?;
    }
    let own = WitnessKey::new(&config.name, key.public_key().clone()).map_err(|_| SigningError)?;
    // Last: a folder without it is no witness.
    config.write(dir)?;
    Ok(own.verifier_key())
}

/// Whether one of the keys is a log's of that name.
fn is_watched(logs: &[NoteKey], origin: &str) -> bool {
    logs.iter().any(|key| key.name() == origin)
}

/// The name of a log's files.
fn file_of(origin: &str) -> PathBuf {
    let digest = crate::base::encoding::hex::encode(&crate::base::crypto::sha256(&[origin.as_bytes()]));
    PathBuf::from(digest.get(..32).unwrap_or_default())
}

#[cfg(test)]
mod tests;
