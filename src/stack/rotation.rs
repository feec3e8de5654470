//! `stack rotate`: the shard of the logs is frozen, and the next begins with keys and names of its own.
//!
//! Everything new is made beside the old: keys, empty logs, and the documents that take the place of the present ones,
//! which decide it (see `stage`).
//!
//! Where the parts stand apart, the log rotates in its folder, and the CT log in its own; each tells the others by
//! `handover.jsonl` (see `handover`).
//!
//! A frozen log stays where it is, for `fsck`, `export` and whoever verifies: the trusted root keeps its key, valid
//! until now. The roots, the CA and the timestamp authority stay.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::clock::Clock;
use super::config::{self, Config};
use super::ct::CtCodec;
use super::folder::{self, Folder, StoredKey};
use super::handover::{self, Handover};
use super::init::{EARLIER, KeyPlan, create_log};
use super::log::{self, Beside, Disk, SigningError};
use super::place::Place;
use super::rekor::RekorCodec;
use super::rekor_v1::RekorV1Codec;
use super::{Role, StackError, lock, parts, stage, trust};
use crate::base::crypto::PublicKey;
use crate::base::time::{UnixTime, ValidityPeriod};
use crate::format::trust::{LogInstance, TrustedRoot, Unsupported};

/// What was rotated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rotated {
    /// The shard that is frozen.
    pub frozen: String,
    /// The shard that entries go to from now on.
    pub shard: String,
    /// What the other parts have to be brought, where they stand apart.
    pub handover: Option<PathBuf>,
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
    // Without it there is no stack that could be had alone.
    Config::read(dir)?;
    let _alone = lock::take(dir)?;
    stage::settle(dir)?;
    let config = Config::read(dir)?;
    let folder = Folder::of_shard(place, &config);
    // What is frozen is what readers have.
    parts::publish(&folder, &config, clock)?;
    let names = || keys(&config).into_iter().map(StoredKey::name);
    if keys(&config).is_empty() {
        let what = "it holds no log: rotate in the folder of the part log or ct".to_owned();
        return Err(StackError::Config { path: dir.join(config::NAME), what });
    }
    // Nobody writes the old logs any more, nor rotates twice at once.
    let _held = names().map(|name| log::hold(Arc::new(Disk), &folder.log(name))).collect::<Result<Vec<_>, _>>()?;
    let old = Codecs::read(&folder, &config)?;
    old.verify(&folder)?;
    step();
    let next = next(&config, clock.now());
    let made = Folder::of_shard(place, &next);
    plan.check(&made, &keys(&config))?;
    let mut ended = Vec::new();
    for key in keys(&config) {
        let private = folder.key(key)?;
        if private.is_held() && !plan.has(key) {
            return Err(StackError::KeyUnnamed { key: key.name() });
        }
        ended.push(private);
    }
    discard(&made, names())?;
    step();
    let new = Codecs::make(&made, &next, (plan, clock), step)?;
    made.sync()?;
    step();
    let change = change(&folder, &next, (&old, &new), clock.now())?;
    let documents = documents(&folder, &next, &Handover::sign(&change, &ended)?)?;
    stage::begin(dir)?;
    stage::decide(dir, documents, step)?;
    let handover = next.roles.is_some().then(|| dir.join(handover::NAME));
    Ok(Rotated { frozen: config.shard, shard: next.shard, handover })
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

/// The keys that each shard has of its own, of the logs that are here. Logs have the names of their keys.
fn keys(config: &Config) -> Vec<StoredKey> {
    let (log, ct) = (config.has(Role::Log), config.has(Role::Ct));
    let all = [(StoredKey::Rekor, log), (StoredKey::Ct, ct), (StoredKey::RekorV1, log && config.rekor_v1)];
    all.into_iter().filter(|(_, here)| *here).map(|(key, _)| key).collect()
}

/// The logs of a shard, as far as they are here.
struct Codecs {
    rekor: Option<RekorCodec>,
    ct: Option<CtCodec>,
    rekor_v1: Option<RekorV1Codec>,
}

impl Codecs {
    fn read(folder: &Folder, config: &Config) -> Result<Self, StackError> {
        let here = keys(config);
        let key = |key| here.contains(&key).then(|| folder.key(key)).transpose();
        let rekor = key(StoredKey::Rekor)?.map(|key| RekorCodec::new(key, &config.log_name()));
        let ct = key(StoredKey::Ct)?.map(|key| CtCodec::new(key, &config.ct_name()));
        let rekor_v1 = key(StoredKey::RekorV1)?.map(|key| RekorV1Codec::new(key, &config.rekor_v1_name()));
        Ok(Self { rekor: rekor.transpose()?, ct: ct.transpose()?, rekor_v1: rekor_v1.transpose()? })
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
        if let Some(codec) = &made.rekor {
            create_log(folder, "rekor", codec, clock)?;
            step();
        }
        if let Some(codec) = &made.ct {
            create_log(folder, "ct", codec, clock)?;
        }
        if let Some(codec) = &made.rekor_v1 {
            create_log(folder, "rekor-v1", codec, clock)?;
        }
        Ok(made)
    }

    /// What is frozen must be the logs of these keys.
    fn verify(&self, folder: &Folder) -> Result<(), StackError> {
        if let Some(codec) = &self.rekor {
            drop(Beside::open(Arc::new(Disk), &folder.log("rekor"), codec)?);
        }
        if let Some(codec) = &self.ct {
            drop(Beside::open(Arc::new(Disk), &folder.log("ct"), codec)?);
        }
        if let Some(codec) = &self.rekor_v1 {
            drop(Beside::open(Arc::new(Disk), &folder.log("rekor-v1"), codec)?);
        }
        Ok(())
    }

    /// The public keys, each with its name.
    fn public_keys(&self) -> Vec<(&'static str, &PublicKey)> {
        let rekor = self.rekor.as_ref().map(|log| ("rekor", log.public_key()));
        let ct = self.ct.as_ref().map(|log| ("ct", log.public_key()));
        let v1 = self.rekor_v1.as_ref().map(|log| ("rekor-v1", log.public_key()));
        rekor.into_iter().chain(ct).chain(v1).collect()
    }

    /// Each log's entry in the trusted root: transparency logs, CT logs.
    fn instances(&self, config: &Config, validity: ValidityPeriod) -> (Vec<LogInstance>, Vec<LogInstance>) {
        trust::logs(config, validity, (self.ct.as_ref(), self.rekor.as_ref(), self.rekor_v1.as_ref()))
    }
}

/// What ends and what begins.
fn change(
    folder: &Folder,
    next: &Config,
    (old, new): (&Codecs, &Codecs),
    now: UnixTime,
) -> Result<TrustedRoot, StackError> {
    let trusted = folder.client_trust_config()?.trusted_root;
    // A log of a key is told by it alone: one key signs for one log.
    for (name, key) in new.public_keys() {
        if let Some(log) = trusted.logs.iter().chain(&trusted.ct_logs).find(|log| log.key == *key) {
            return Err(StackError::KeyReused { key: name.to_owned(), of: log.host().to_owned() });
        }
    }
    let now = UnixTime::from_secs(now.secs());
    // What was logged a moment ago may get its timestamp a moment later.
    let until = now.plus_secs(EARLIER);
    let end = |(_, key): (&str, &PublicKey)| {
        let log = trusted.logs.iter().chain(&trusted.ct_logs).find(|log| log.key == *key)?;
        let validity = ValidityPeriod::new(log.validity.start(), Some(until))?;
        Some(LogInstance { validity, ..log.clone() })
    };
    let path = folder.path(folder::CLIENT_TRUST_CONFIG);
    let damaged = || StackError::Damaged { path: path.clone(), what: "it does not hold the logs of this folder" };
    let ended = |kind: &str| -> Result<Vec<LogInstance>, StackError> {
        let of_kind = old.public_keys().into_iter().filter(|(name, _)| (*name == "ct") == (kind == "ct"));
        of_kind.map(|key| end(key).ok_or_else(damaged)).collect()
    };
    let begun = ValidityPeriod::new(now.plus_secs(-EARLIER), None).ok_or(SigningError)?;
    let (logs, ct_logs) = new.instances(next, begun);
    Ok(TrustedRoot {
        logs: [ended("rekor")?, logs].concat(),
        ct_logs: [ended("ct")?, ct_logs].concat(),
        certificate_authorities: Vec::new(),
        timestamp_authorities: Vec::new(),
        unsupported: Unsupported::default(),
    })
}

/// The new documents by their names, `stack.json` last.
fn documents(folder: &Folder, next: &Config, handover: &Handover) -> Result<Vec<(&'static str, String)>, StackError> {
    let path = folder.path(folder::CLIENT_TRUST_CONFIG);
    let mut trust = folder.client_trust_config()?;
    // As every other part will.
    handover::apply(&mut trust, handover).map_err(|what| StackError::Damaged { path, what })?;
    let mut documents = trust::texts(&trust, next.rekor_v1);
    if next.roles.is_some() {
        documents.push((handover::NAME, folder.handovers()? + &handover.to_line()?));
    }
    documents.push((config::NAME, next.to_json(&folder.path("."))?));
    Ok(documents)
}

#[cfg(test)]
mod tests;
