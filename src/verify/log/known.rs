//! A log of the trusted root: its name, its key and its windows, never taken apart.

use super::LogError;
use super::binding::Generation;
use crate::base::crypto::PublicKey;
use crate::base::time::{UnixTime, ValidityPeriod};
use crate::format::checkpoint::{NoteError, NoteKey};
use crate::format::trust::LogInstance;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KnownLog {
    pub(super) base_url: String,
    pub(super) host: String,
    pub(super) key: PublicKey,
    pub(super) log_id: Vec<u8>,
    pub(super) operator: Option<String>,
    pub(super) windows: Vec<ValidityPeriod>,
}

impl KnownLog {
    pub(super) fn new(instance: &LogInstance) -> Self {
        Self {
            base_url: instance.base_url.clone(),
            host: instance.host().to_owned(),
            key: instance.key.clone(),
            log_id: instance.log_id.clone(),
            operator: instance.operator.clone(),
            windows: vec![instance.validity],
        }
    }

    /// Takes in the window of an instance that is this log, and says whether it is.
    pub(super) fn extend(&mut self, instance: &LogInstance) -> bool {
        let same = self.base_url == instance.base_url && self.key == instance.key && self.log_id == instance.log_id;
        if same {
            self.windows.push(instance.validity);
        }
        same
    }

    /// Whether the log id is one that is made from the key, so that one key cannot pass for two logs.
    pub(super) fn id_is_its_keys(&self) -> bool {
        self.log_id == self.key.spki_sha256()
            || NoteKey::new(&self.host, self.key.clone()).is_ok_and(|key| self.log_id == key.id())
    }

    /// The key as the signer of checkpoints under `name`.
    pub(super) fn checkpoint_key(&self, name: &str, generation: Generation) -> Result<NoteKey, NoteError> {
        match generation {
            Generation::V1 => NoteKey::rekor_v1(name, self.key.clone()),
            Generation::V2 => NoteKey::new(name, self.key.clone()),
        }
    }

    pub(super) fn valid_at(&self, time: UnixTime) -> Result<(), LogError> {
        if self.windows.iter().any(|window| window.contains(time)) {
            return Ok(());
        }
        Err(LogError::KeyNotValid { base_url: self.base_url.clone(), time })
    }
}
