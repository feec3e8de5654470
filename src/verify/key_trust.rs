//! Trust in a bare key: the key, its validity, and what else must be proven.

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
}

impl KeyTrust {
    /// Trusts a key whose signatures are logged.
    pub fn logged(key: PublicKey) -> Self {
        Self { key, validity: None, log: KeyLog::Required }
    }

    /// Trusts a key whose signatures need not be logged.
    pub fn without_log_unsafe(key: PublicKey) -> Self {
        Self { key, validity: None, log: KeyLog::NotRequiredUnsafe }
    }

    /// Trusts the key at proven times within `validity` only; then a proven time is needed.
    #[must_use]
    pub fn valid_for(self, validity: ValidityPeriod) -> Self {
        Self { validity: Some(validity), ..self }
    }

    /// The key.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }
}
