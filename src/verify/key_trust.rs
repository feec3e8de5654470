//! Trust in a bare key: the key, its validity, and what else must be proven.

use super::requirements::{Promise, Requirements};
use crate::base::crypto::PublicKey;
use crate::base::time::ValidityPeriod;

/// Whether signatures by a key must be in a transparency log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyLog {
    /// Yes.
    Required,
    /// No: nobody but the holder of the key then knows what it signed. Entries that are there must still
    /// be proven.
    NotRequiredUnsafe,
}

/// A key that the caller trusts.
#[derive(Debug, Clone)]
pub struct KeyTrust {
    pub(super) key: PublicKey,
    pub(super) validity: Option<ValidityPeriod>,
    pub(super) log: KeyLog,
    promise: Promise,
}

impl KeyTrust {
    /// Trusts a key whose signatures are logged.
    pub fn logged(key: PublicKey) -> Self {
        Self { key, validity: None, log: KeyLog::Required, promise: Promise::Refused }
    }

    /// Trusts a key whose signatures need not be logged.
    pub fn without_log_unsafe(key: PublicKey) -> Self {
        Self { key, validity: None, log: KeyLog::NotRequiredUnsafe, promise: Promise::Refused }
    }

    /// Trusts the key at proven times within `validity` only; then a proven time is needed.
    #[must_use]
    pub fn valid_for(self, validity: ValidityPeriod) -> Self {
        Self { validity: Some(validity), ..self }
    }

    /// Says whether a log's promise may stand for an inclusion proof.
    #[must_use]
    pub fn promise(self, promise: Promise) -> Self {
        Self { promise, ..self }
    }

    /// What must be proven beside the signature.
    pub fn requirements(&self) -> Requirements {
        Requirements::STRICT.promise(self.promise)
    }

    /// Whether its signatures must be logged.
    pub fn log(&self) -> KeyLog {
        self.log
    }

    /// The key.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }
}
