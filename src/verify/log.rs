//! Transparency log entries: that the entry describes this very signing act, and that the log it names
//! holds it.
//!
//! 1. `binding`: kind, version and body of the entry against signature, signer and content. It is
//!    unconditional: an entry that is there is never left unread.
//! 2. The log: the entry's log id names the only log whose key may prove it.
//! 3. `promise`: a signed entry timestamp (SET) that is present verifies, and only then is the entry's
//!    time a time.
//! 4. `inclusion`: a Merkle proof up to a checkpoint of that log's origin, signed by that log's key.
//!
//! Rekor v1 costs two signature checks (SET and checkpoint), Rekor v2 one (checkpoint).

mod binding;
mod consistency;
mod error;
mod inclusion;
mod known;
mod promise;
mod witnesses;

use crate::base::crypto::PublicKey;
use crate::base::time::{UnixTime, ValidityPeriod};
use crate::format::bundle::LogEntry;
use crate::format::trust::LogInstance;
use crate::verify::SignedMaterial;

use binding::Generation;
use known::KnownLog;

pub use binding::verify_binding;
pub use consistency::verify_extension;
pub use error::LogError;
pub use witnesses::{Witnesses, WitnessesError};

/// The logs of a trusted root, and the witnesses that must have seen their checkpoints.
#[derive(Debug, Clone)]
pub struct Logs {
    known: Vec<KnownLog>,
    witnesses: Witnesses,
}

/// Proof that a log holds an entry about a signing act. Only [`Logs::verify_entry`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryLogged {
    log: KnownLog,
    kind_version: (&'static str, &'static str),
    log_index: Option<u64>,
    integrated_time: Option<UnixTime>,
    inclusion: Inclusion,
}

/// How an entry is known to be in its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Inclusion {
    /// A Merkle proof to a checkpoint that the log signed.
    Proof {
        /// Index of the entry in that tree.
        index: u64,
        /// Leaves in the tree.
        tree_size: u64,
        /// The checkpoint's first line.
        origin: String,
        /// Names of the known witnesses that cosigned it, each key once.
        cosignatures: Vec<String>,
    },
    /// The log's promise alone (SET): not a proof.
    PromiseOnly,
}

impl Logs {
    /// The logs of a trusted root. Instances that differ in their windows alone are one log.
    pub fn new(instances: &[LogInstance]) -> Self {
        let mut known: Vec<KnownLog> = Vec::new();
        for instance in instances {
            if !known.iter_mut().any(|log| log.extend(instance)) {
                known.push(KnownLog::new(instance));
            }
        }
        Self { known, witnesses: Witnesses::none() }
    }

    /// These logs, with checkpoints cosigned as `witnesses` says.
    pub fn with_witnesses(self, witnesses: Witnesses) -> Self {
        Self { witnesses, ..self }
    }

    /// Verifies that `entry` is about the signing act `signed`, and that the log it names holds it. `now`
    /// bounds the times that it may claim, without tolerance.
    ///
    /// Times that other evidence proves are the caller's to hold against [`EntryLogged::valid_at`].
    pub fn verify_entry(
        &self,
        entry: &LogEntry,
        signed: &SignedMaterial<'_>,
        now: UnixTime,
    ) -> Result<EntryLogged, LogError> {
        let bound = binding::bind(entry, signed)?;
        let candidates = self.by_id(&entry.log_id)?;
        let promised = match &entry.inclusion_promise {
            Some(set) => Some(promise::verify(entry, set, &candidates, now)?),
            None if entry.integrated_time != 0 => return Err(LogError::TimeUnauthenticated),
            None => None,
        };
        if bound.generation == Generation::V2 && promised.is_some() {
            return Err(LogError::TimeUnauthenticated);
        }
        let (log, inclusion) = match (&entry.inclusion_proof, candidates.first()) {
            (Some(proof), _) => inclusion::verify(self, entry, proof, bound.generation, &candidates, now)?,
            (None, Some(log)) if promised.is_some() => (*log, Inclusion::PromiseOnly),
            (None, _) => return Err(LogError::ProofMissing),
        };
        // Rekor v1 counts over all its shards; that index is signed by the SET alone.
        let indexed = bound.generation == Generation::V2 || promised.is_some();
        Ok(EntryLogged {
            log: log.clone(),
            kind_version: bound.kind_version,
            log_index: indexed.then_some(entry.log_index),
            integrated_time: promised,
            inclusion,
        })
    }

    /// The logs with this id: one, unless the trusted root gives one key several names.
    fn by_id(&self, log_id: &[u8]) -> Result<Vec<&KnownLog>, LogError> {
        let found: Vec<_> = self.known.iter().filter(|log| log.log_id == log_id).collect();
        match found.first() {
            None => Err(LogError::UnknownLog { log_id: log_id.iter().take(32).copied().collect() }),
            Some(log) if !log.id_is_its_keys() => Err(LogError::LogId { base_url: log.base_url.clone() }),
            Some(_) => Ok(found),
        }
    }
}

impl EntryLogged {
    /// The log's identity as a URL, from the trusted root.
    pub fn base_url(&self) -> &str {
        &self.log.base_url
    }

    /// The log's id.
    pub fn log_id(&self) -> &[u8] {
        &self.log.log_id
    }

    /// The log's key: two entries count as two logs only under two keys.
    pub fn log_key(&self) -> &PublicKey {
        &self.log.key
    }

    /// Who runs the log, where the trusted root says so.
    pub fn operator(&self) -> Option<&str> {
        self.log.operator.as_deref()
    }

    /// Kind and version of the entry.
    pub fn kind_version(&self) -> (&'static str, &'static str) {
        self.kind_version
    }

    /// The entry's index in the log as a whole, when it is proven: by the SET (Rekor v1) or by the
    /// inclusion proof (Rekor v2).
    pub fn log_index(&self) -> Option<u64> {
        self.log_index
    }

    /// How the entry is known to be in the log.
    pub fn inclusion(&self) -> &Inclusion {
        &self.inclusion
    }

    /// When the log took the entry in, when a SET proves it.
    pub fn integrated_time(&self) -> Option<UnixTime> {
        self.integrated_time
    }

    /// When the log's key is to be believed: one window, or more when the trusted root lists the log again.
    pub fn windows(&self) -> &[ValidityPeriod] {
        &self.log.windows
    }

    /// Whether the log's key was to be believed at a time that other evidence proves.
    pub fn valid_at(&self, time: UnixTime) -> Result<(), LogError> {
        self.log.valid_at(time)
    }
}

#[cfg(test)]
mod tests;
