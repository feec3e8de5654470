//! Inclusion of an entry: a Merkle proof that leads to the root of a checkpoint, which is of the entry's
//! log by name and by key.

use super::binding::Generation;
use super::known::KnownLog;
use super::{Inclusion, LogError, Logs};
use crate::base::time::UnixTime;
use crate::format::bundle::{InclusionProof, LogEntry};
use crate::format::checkpoint::{Checkpoint, Note, NoteError};
use crate::format::merkle;

pub(super) fn verify<'l>(
    logs: &Logs,
    entry: &LogEntry,
    proof: &InclusionProof,
    generation: Generation,
    candidates: &[&'l KnownLog],
    now: UnixTime,
) -> Result<(&'l KnownLog, Inclusion), LogError> {
    let text = proof.checkpoint.as_deref().filter(|text| !text.is_empty()).ok_or(LogError::CheckpointMissing)?;
    let (checkpoint, note) = Checkpoint::parse(text)?;
    let log = signer(logs, &checkpoint, &note, generation, candidates)?;
    // The signed root and size decide; what stands beside them must say the same.
    if proof.root_hash != checkpoint.root() {
        return Err(LogError::CheckpointMismatch("root"));
    }
    if proof.tree_size != checkpoint.size() {
        return Err(LogError::CheckpointMismatch("size"));
    }
    if generation == Generation::V2 && proof.log_index != entry.log_index {
        return Err(LogError::Index { entry: entry.log_index, proof: proof.log_index });
    }
    let leaf = merkle::leaf_hash(&entry.canonicalized_body);
    merkle::verify_inclusion(proof.log_index, checkpoint.size(), &leaf, &proof.hashes, checkpoint.root())?;
    let cosignatures = logs.witnesses.verify(&note, &log.key, now)?;
    let inclusion = Inclusion::Proof {
        index: proof.log_index,
        tree_size: checkpoint.size(),
        origin: checkpoint.origin().to_owned(),
        cosignatures,
    };
    Ok((log, inclusion))
}

/// The one of the entry's logs that signed the checkpoint under the name in its origin.
///
/// A Rekor v2 log has the host of its base URL for a name (sigstore-go holds it to that). A Rekor v1 log
/// has whatever its server was told, a port or a pod's name included, and so is known by its key alone.
fn signer<'l>(
    logs: &Logs,
    checkpoint: &Checkpoint,
    note: &Note,
    generation: Generation,
    candidates: &[&'l KnownLog],
) -> Result<&'l KnownLog, LogError> {
    let origin = checkpoint.origin();
    let foreign = || {
        let expected = candidates.first().map(|log| log.host.clone()).unwrap_or_default();
        LogError::Origin { origin: origin.to_owned(), expected }
    };
    let name = match generation {
        Generation::V1 => name_in_v1(origin).ok_or_else(foreign)?,
        Generation::V2 => origin,
    };
    let named = candidates.iter().find(|log| log.host == name);
    let log = match generation {
        Generation::V1 => named.or(candidates.first()),
        Generation::V2 => named,
    };
    let log = log.ok_or_else(foreign)?;
    let key = log.checkpoint_key(name, generation).map_err(|_| foreign())?;
    match key.verify(note) {
        Ok(()) => Ok(log),
        Err(NoteError::Absent { .. }) if named.is_none() => Err(foreign()),
        Err(absent @ NoteError::Absent { .. }) => Err(other_signer(logs, log, note, (name, generation), absent)),
        Err(error) => Err(error.into()),
    }
}

/// The name before the number of the tree: `rekor.sigstore.dev - 1193050959916656506`.
fn name_in_v1(origin: &str) -> Option<&str> {
    let (name, tree) = origin.split_once(" - ")?;
    (!tree.is_empty() && tree.bytes().all(|c| c.is_ascii_digit())).then_some(name)
}

/// Names the known log whose key id stands in the checkpoint instead.
fn other_signer(
    logs: &Logs,
    named: &KnownLog,
    note: &Note,
    (name, generation): (&str, Generation),
    absent: NoteError,
) -> LogError {
    let signed = |log: &&KnownLog| {
        let key = log.checkpoint_key(name, generation);
        key.is_ok_and(|key| note.signatures().iter().any(|line| line.name() == name && line.hint() == key.hint()))
    };
    match logs.known.iter().filter(|log| log.log_id != named.log_id).find(signed) {
        Some(other) => LogError::OtherLog { named: named.base_url.clone(), signer: other.base_url.clone() },
        None => absent.into(),
    }
}
