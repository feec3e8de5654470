//! `stack rotate`: the shard of the logs is frozen, and the next begins with keys and names of its own.
//!
//! Everything new is made beside the old: keys, empty logs, and the documents that take the place of the present ones,
//! which decide it (see `stage`).
//!
//! A frozen log stays where it is, for `fsck`, `export` and whoever verifies: the trusted root keeps its key, valid
//! until now. The roots, the CA and the timestamp authority stay.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use super::clock::Clock;
use super::config::{self, Config};
use super::ct::CtCodec;
use super::folder::{self, Folder, StoredKey};
use super::init::{EARLIER, KeyPlan, create_log};
use super::log::{self, Beside, Disk, SigningError};
use super::place::Place;
use super::rekor::RekorCodec;
use super::rekor_v1::RekorV1Codec;
use super::{StackError, apart, parts, stage, trust};
use crate::base::crypto::PublicKey;
use crate::base::time::{UnixTime, ValidityPeriod};
use crate::format::trust::{ClientTrustConfig, LogInstance, Service};

/// What was rotated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotated {
    /// The shard that is frozen.
    pub frozen: String,
    /// The shard that entries go to from now on.
    pub shard: String,
}

/// Freezes the shard of the stack in a folder, which must not be running, and begins the next.
pub fn rotate(place: impl Into<Place>) -> Result<Rotated, StackError> {
    rotate_with(place, &KeyPlan::default())
}

/// The same, with keys in PKCS#11 tokens for the new logs: `rekor`, `ct`, `rekor-v1`. A log whose key is in a token is
/// followed by one of which that holds, too.
pub fn rotate_with(place: impl Into<Place>, plan: &KeyPlan) -> Result<Rotated, StackError> {
    rotate_watched(&place.into(), plan, &Clock::system(), &mut || {})
}

/// The same; `step` is called before and after everything that is changed.
fn rotate_watched(place: &Place, plan: &KeyPlan, clock: &Clock, step: &mut dyn FnMut()) -> Result<Rotated, StackError> {
    let dir = place.dir();
    stage::settle(dir)?;
    let config = Config::read(dir)?;
    apart::refuse_rotation(dir, &config)?;
    let folder = Folder::of_shard(place, &config);
    // What is frozen is what readers have.
    parts::publish(&folder, &config, clock)?;
    let names = || ["rekor", "ct", "rekor-v1"].into_iter().filter(|name| config.rekor_v1 || *name != "rekor-v1");
    // Nobody writes the old logs any more, nor rotates twice at once.
    let _held = names().map(|name| log::hold(Arc::new(Disk), &folder.log(name))).collect::<Result<Vec<_>, _>>()?;
    let old = Codecs::read(&folder, &config)?;
    old.verify(&folder)?;
    step();
    let next = next(&config, clock.now());
    let made = Folder::of_shard(place, &next);
    plan.check(&made, &keys(&config))?;
    for key in keys(&config) {
        if folder.key(key)?.is_held() && !plan.has(key) {
            return Err(StackError::KeyUnnamed { key: key.name() });
        }
    }
    discard(&made, names())?;
    step();
    let new = Codecs::make(&made, &next, (plan, clock), step)?;
    made.sync()?;
    step();
    let documents = documents(&folder, &config, &next, (&old, &new), clock.now())?;
    stage::begin(dir)?;
    stage::decide(dir, documents, step)?;
    Ok(Rotated { frozen: config.shard, shard: next.shard })
}

/// The next shard: of this year, with the next number that no shard has.
fn next(config: &Config, now: UnixTime) -> Config {
    let (year, ..) = now.civil();
    let taken: Vec<_> = config.frozen.iter().chain([&config.shard]).cloned().collect();
    let mut number = 1;
    while taken.contains(&format!("{year}-{number}")) {
        number += 1;
    }
    Config { shard: format!("{year}-{number}"), frozen: taken, ..config.clone() }
}

/// Removes what a rotation made that was never decided: its keys have signed empty trees and nothing else.
fn discard<'a>(made: &Folder, names: impl Iterator<Item = &'a str>) -> Result<(), StackError> {
    let gone = |path: &Path, removed: std::io::Result<()>| match removed {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(StackError::io("remove", path, error)),
        _ => Ok(()),
    };
    for path in names.map(|name| made.log(name)) {
        gone(&path, fs::remove_dir_all(&path))?;
    }
    for path in [StoredKey::Rekor, StoredKey::Ct, StoredKey::RekorV1].map(|key| made.key_path(key)) {
        gone(&path, fs::remove_file(&path))?;
    }
    Ok(())
}

/// The keys that each shard has of its own.
fn keys(config: &Config) -> Vec<StoredKey> {
    [StoredKey::Rekor, StoredKey::Ct].into_iter().chain(config.rekor_v1.then_some(StoredKey::RekorV1)).collect()
}

/// The logs of a shard.
struct Codecs {
    rekor: RekorCodec,
    ct: CtCodec,
    rekor_v1: Option<RekorV1Codec>,
}

impl Codecs {
    fn read(folder: &Folder, config: &Config) -> Result<Self, StackError> {
        let v1 = || Ok::<_, StackError>(RekorV1Codec::new(folder.key(StoredKey::RekorV1)?, &config.rekor_v1_name())?);
        Ok(Self {
            rekor: RekorCodec::new(folder.key(StoredKey::Rekor)?, &config.log_name())?,
            ct: CtCodec::new(folder.key(StoredKey::Ct)?, &config.ct_name())?,
            rekor_v1: config.rekor_v1.then(v1).transpose()?,
        })
    }

    /// Makes keys and empty logs.
    fn make(
        folder: &Folder,
        config: &Config,
        (plan, clock): (&KeyPlan, &Clock),
        step: &mut dyn FnMut(),
    ) -> Result<Self, StackError> {
        for key in keys(config) {
            plan.key(folder, key, key.kind())?;
            step();
        }
        let made = Self::read(folder, config)?;
        create_log(folder, "rekor", &made.rekor, clock)?;
        step();
        create_log(folder, "ct", &made.ct, clock)?;
        if let Some(codec) = &made.rekor_v1 {
            create_log(folder, "rekor-v1", codec, clock)?;
        }
        Ok(made)
    }

    /// What is frozen must be the logs of these keys.
    fn verify(&self, folder: &Folder) -> Result<(), StackError> {
        drop(Beside::open(Arc::new(Disk), &folder.log("rekor"), &self.rekor)?);
        drop(Beside::open(Arc::new(Disk), &folder.log("ct"), &self.ct)?);
        if let Some(codec) = &self.rekor_v1 {
            drop(Beside::open(Arc::new(Disk), &folder.log("rekor-v1"), codec)?);
        }
        Ok(())
    }

    /// The public keys, each with its name.
    fn public_keys(&self) -> Vec<(&'static str, &PublicKey)> {
        let mut keys = vec![("rekor", self.rekor.public_key()), ("ct", self.ct.public_key())];
        keys.extend(self.rekor_v1.as_ref().map(|v1| ("rekor-v1", v1.public_key())));
        keys
    }

    fn ids(&self) -> Vec<Vec<u8>> {
        let mut ids = vec![self.rekor.log_id().to_vec(), self.ct.public_key().spki_sha256().to_vec()];
        ids.extend(self.rekor_v1.as_ref().map(|v1| v1.log_id().to_vec()));
        ids
    }
}

/// The new documents by their names, `stack.json` last.
fn documents(
    folder: &Folder,
    config: &Config,
    next: &Config,
    (old, new): (&Codecs, &Codecs),
    now: UnixTime,
) -> Result<Vec<(&'static str, String)>, StackError> {
    let path = folder.path(folder::CLIENT_TRUST_CONFIG);
    let damaged = || StackError::Damaged { path: path.clone(), what: "it cannot be read back" };
    let mut trust = ClientTrustConfig::parse(&folder.read(folder::CLIENT_TRUST_CONFIG)?).map_err(|_| damaged())?;
    let now = UnixTime::from_secs(now.secs());
    // What was logged a moment ago may get its timestamp a moment later.
    let until = now.plus_secs(EARLIER);
    let root = &mut trust.trusted_root;
    for log in root.logs.iter_mut().chain(&mut root.ct_logs).filter(|log| old.ids().contains(&log.log_id)) {
        end(log, until).ok_or_else(damaged)?;
    }
    // A log of a key is told by it alone: one key signs for one log.
    for (name, key) in new.public_keys() {
        if let Some(log) = root.logs.iter().chain(&root.ct_logs).find(|log| log.key == *key) {
            return Err(StackError::KeyReused { key: name.to_owned(), of: log.host().to_owned() });
        }
    }
    let validity = ValidityPeriod::new(now.plus_secs(-EARLIER), None).ok_or(SigningError)?;
    let (logs, ct_logs) = trust::logs(next, validity, (&new.ct, &new.rekor, new.rekor_v1.as_ref()));
    root.logs.extend(logs);
    root.ct_logs.extend(ct_logs);
    // The address stays: one service is in force at any time.
    let mut services = Vec::new();
    for service in &mut trust.signing_config.logs {
        if service.validity.end().is_none() {
            let validity = ValidityPeriod::new(now, None).ok_or_else(damaged)?;
            services.push(Service { validity, ..service.clone() });
            let before = now.plus_secs(-1).max(service.validity.start());
            service.validity = ValidityPeriod::new(service.validity.start(), Some(before)).ok_or_else(damaged)?;
        }
    }
    trust.signing_config.logs.extend(services);
    let mut documents = vec![
        (folder::TRUSTED_ROOT, trust.trusted_root.to_json()),
        (folder::SIGNING_CONFIG, trust.signing_config.to_json()),
    ];
    if config.rekor_v1 {
        documents.push((folder::SIGNING_CONFIG_V1, trust::with_rekor_v1(&trust.signing_config).to_json()));
    }
    documents.push((folder::CLIENT_TRUST_CONFIG, trust.to_json()));
    documents.push((config::NAME, next.to_json(&folder.path("."))?));
    Ok(documents)
}

/// Ends the time in which a log is believed.
fn end(log: &mut LogInstance, until: UnixTime) -> Option<()> {
    if log.validity.end().is_none() {
        log.validity = ValidityPeriod::new(log.validity.start(), Some(until))?;
    }
    Some(())
}

#[cfg(test)]
mod tests;
