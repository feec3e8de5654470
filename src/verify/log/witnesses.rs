//! Witnesses: parties that watch a log and cosign its checkpoints, so that it cannot show different trees
//! to different people (<https://c2sp.org/tlog-cosignature>).

use thiserror::Error;

use super::LogError;
use crate::base::code::Code;
use crate::base::crypto::PublicKey;
use crate::base::time::UnixTime;
use crate::format::checkpoint::{Note, WitnessKey};

/// The witnesses that a trust document knows, and how many of them must have cosigned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witnesses {
    keys: Vec<WitnessKey>,
    required: usize,
}

/// Why a set of witnesses cannot be required.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WitnessesError {
    /// More witnesses required than there are keys.
    #[error("{required} witnesses are required, {known} are known")]
    Threshold {
        /// Witnesses required.
        required: usize,
        /// Distinct keys known.
        known: usize,
    },
}

impl WitnessesError {
    /// The stable code.
    pub fn code(&self) -> Code {
        Code::usage("witness-threshold-usage", "require at most as many witnesses as the trust document has keys of")
    }
}

impl Witnesses {
    /// No known witnesses, none required: their signature lines are passed over.
    pub fn none() -> Self {
        Self { keys: Vec::new(), required: 0 }
    }

    /// Witnesses of which `required` must have cosigned. A key under two names is one witness.
    pub fn new(keys: Vec<WitnessKey>, required: usize) -> Result<Self, WitnessesError> {
        let witnesses = Self::known(keys);
        let known = witnesses.keys.len();
        if required > known {
            return Err(WitnessesError::Threshold { required, known });
        }
        Ok(Self { required, ..witnesses })
    }

    /// Witnesses that are looked for, none of them required. A key under two names is one witness.
    pub fn known(keys: Vec<WitnessKey>) -> Self {
        let mut distinct: Vec<WitnessKey> = Vec::new();
        for key in keys {
            if !distinct.iter().any(|known| known.key() == key.key()) {
                distinct.push(key);
            }
        }
        Self { keys: distinct, required: 0 }
    }

    /// The names of the known witnesses that cosigned a checkpoint, each once. A log is no witness of
    /// itself, and a cosignature of a time after `now` is none.
    pub(super) fn verify(&self, note: &Note, log_key: &PublicKey, now: UnixTime) -> Result<Vec<String>, LogError> {
        let seen =
            |witness: &&WitnessKey| witness.key() != log_key && witness.verify(note).is_ok_and(|time| time <= now);
        let found: Vec<_> = self.keys.iter().filter(seen).map(|witness| witness.name().to_owned()).collect();
        if found.len() < self.required {
            return Err(LogError::Witnesses { found: found.len(), required: self.required });
        }
        Ok(found)
    }
}
