//! Two checkpoints of one log: the newer must extend the older.

use super::LogError;
use crate::format::checkpoint::Checkpoint;
use crate::format::merkle::{self, Hash, ProofError};

/// Verifies that `new` extends `old`, by a consistency proof that the log gave (empty for trees of one
/// size). Signatures are the caller's to verify first.
pub fn verify_extension(old: &Checkpoint, new: &Checkpoint, proof: &[Hash]) -> Result<(), LogError> {
    if old.origin() != new.origin() {
        return Err(LogError::Origin { origin: new.origin().to_owned(), expected: old.origin().to_owned() });
    }
    if new.size() < old.size() {
        return Err(LogError::Rollback { origin: new.origin().to_owned(), old: old.size(), new: new.size() });
    }
    let fork = LogError::Fork { origin: new.origin().to_owned(), size: new.size() };
    let empty = merkle::empty_root();
    if [old, new].iter().any(|checkpoint| checkpoint.size() == 0 && *checkpoint.root() != empty) {
        return Err(fork);
    }
    if old.size() == 0 {
        // Every tree extends the empty one.
        return if proof.is_empty() { Ok(()) } else { Err(ProofError::Length { found: proof.len() }.into()) };
    }
    match merkle::verify_consistency((old.size(), old.root()), (new.size(), new.root()), proof) {
        Err(ProofError::Root) => Err(fork),
        other => Ok(other?),
    }
}
