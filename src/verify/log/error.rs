//! Why a log entry proves nothing.

use thiserror::Error;

use crate::base::code::Code;
use crate::base::crypto::DigestAlgorithm;
use crate::base::encoding::hex;
use crate::base::time::UnixTime;
use crate::format::checkpoint::{CheckpointError, NoteError};
use crate::format::log_entry_body::BodyError;
use crate::format::merkle::ProofError;

/// Why a log entry proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LogError {
    /// A log that the trusted root does not know.
    #[error("log {id} is not in the trusted root", id = hex::encode(log_id))]
    UnknownLog {
        /// The id in the entry, at most 32 bytes of it.
        log_id: Vec<u8>,
    },
    /// The trusted root gives the log an id that is not its key's.
    #[error("the trusted root's id of {base_url} is not made from its key")]
    LogId {
        /// The log.
        base_url: String,
    },
    /// The checkpoint is signed by another known log than the entry names.
    #[error("entry names {named}, its checkpoint carries the key id of {signer}")]
    OtherLog {
        /// The log that the entry names.
        named: String,
        /// The log whose key id the checkpoint carries.
        signer: String,
    },
    /// Kind or version beside the body are not the body's.
    #[error("entry is said to be {claimed}, its body is {found}")]
    KindVersion {
        /// What stands beside the body.
        claimed: String,
        /// What the body says.
        found: String,
    },
    /// A kind that does not go with what was signed.
    #[error("entry of kind {kind} for {content}")]
    KindContent {
        /// Kind and version.
        kind: String,
        /// What the bundle holds.
        content: &'static str,
    },
    /// dsse 0.0.2: Rekor v2 stopped taking it, and its key and digest are bound by no current client.
    #[error("entries of kind dsse 0.0.2 are not accepted: Rekor v2 logs an envelope as hashedrekord 0.0.2")]
    DsseV2,
    /// No body.
    #[error("entry has no body")]
    BodyMissing,
    /// A body that cannot be read.
    #[error(transparent)]
    Body(#[from] BodyError),
    /// The digest in the body is of another algorithm.
    #[error("entry body has a {found} digest, the signature is over {expected}")]
    BodyAlgorithm {
        /// The algorithm that was signed.
        expected: DigestAlgorithm,
        /// The algorithm in the body.
        found: DigestAlgorithm,
    },
    /// The entry is of another signing act.
    #[error("entry body has another {0} than the bundle")]
    BodyMismatch(&'static str),
    /// A SET that does not verify under the key of the log that the entry names.
    #[error("signed entry timestamp is not valid")]
    Promise,
    /// An integrated time that nothing signs.
    #[error("integrated time is not signed by the log")]
    TimeUnauthenticated,
    /// A time that cannot be.
    #[error("integrated time {time} is not between 1970 and {now}")]
    Time {
        /// The time claimed.
        time: UnixTime,
        /// The current time.
        now: UnixTime,
    },
    /// Outside the window in which the trusted root has the log's key.
    #[error("key of {base_url} is not to be believed at {time}")]
    KeyNotValid {
        /// The log.
        base_url: String,
        /// The time.
        time: UnixTime,
    },
    /// Neither proof nor promise, or no proof in an entry of Rekor v2.
    #[error("entry has no inclusion proof")]
    ProofMissing,
    /// A proof that proves nothing.
    #[error("inclusion proof: {0}")]
    Proof(#[from] ProofError),
    /// The index beside the proof is another.
    #[error("entry has index {entry}, its inclusion proof {proof}")]
    Index {
        /// Index of the entry.
        entry: u64,
        /// Index in the proof.
        proof: u64,
    },
    /// No checkpoint in the proof.
    #[error("inclusion proof has no checkpoint")]
    CheckpointMissing,
    /// A checkpoint that cannot be read, or that the log did not sign.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A checkpoint of another log.
    #[error("checkpoint is of {origin:?}, the entry's log is {expected:?}")]
    Origin {
        /// The checkpoint's first line.
        origin: String,
        /// The host of the entry's log.
        expected: String,
    },
    /// Root or size beside the proof are not the checkpoint's.
    #[error("inclusion proof has another {0} than its checkpoint")]
    CheckpointMismatch(&'static str),
    /// Too few witnesses.
    #[error("checkpoint is cosigned by {found} known witnesses, {required} are required")]
    Witnesses {
        /// Distinct known witnesses.
        found: usize,
        /// Witnesses required.
        required: usize,
    },
    /// Two checkpoints of one log that cannot both be of one growing tree.
    #[error("log {origin:?} forked: two trees of {size} leaves, or one that does not extend the other")]
    Fork {
        /// The log.
        origin: String,
        /// Leaves in the newer tree.
        size: u64,
    },
    /// A newer checkpoint over fewer leaves.
    #[error("log {origin:?} went back from {old} to {new} leaves")]
    Rollback {
        /// The log.
        origin: String,
        /// Leaves in the older tree.
        old: u64,
        /// Leaves in the newer tree.
        new: u64,
    },
}

impl From<NoteError> for LogError {
    fn from(error: NoteError) -> Self {
        Self::Checkpoint(error.into())
    }
}

impl LogError {
    /// The stable code.
    pub fn code(&self) -> Code {
        const FETCH: &str = "the bundle was changed or put together from two: ask the signer for it again";
        const KEY: &str = "the trusted root may be older or newer than the bundle: update it, and compare the windows";
        match self {
            Self::UnknownLog { .. } | Self::LogId { .. } | Self::OtherLog { .. } => Code::refused(
                "log-id",
                "use the trusted root of the instance that signed: the log must be in it, under its own key",
            ),
            Self::KindVersion { .. } | Self::KindContent { .. } | Self::DsseV2 => Code::refused(
                "log-kind",
                "hashedrekord 0.0.1 and 0.0.2, dsse 0.0.1 and intoto 0.0.2 are verified: sign with a current client",
            ),
            Self::BodyMissing | Self::BodyMismatch(_) => Code::refused(
                "log-body-mismatch",
                "the entry is of another signature: the bundle was put together from two",
            ),
            Self::Body(error) => error.code(),
            Self::BodyAlgorithm { .. } => Code::refused(
                "log-body-alg",
                "the entry must name the digest by SHA-256, SHA-384 or SHA-512, the one that the key signs with",
            ),
            Self::Promise => Code::refused("log-set-invalid", FETCH),
            Self::TimeUnauthenticated => Code::refused(
                "time-unauthenticated",
                "a time counts only when the log or a timestamp authority signed it: ask for a timestamped bundle",
            ),
            Self::Time { .. } => Code::refused("log-time", "check the clock of this machine, then the bundle"),
            Self::KeyNotValid { .. } => Code::refused("log-key-not-valid", KEY),
            Self::ProofMissing => Code::refused(
                "log-proof-missing",
                "ask the signer for a bundle with an inclusion proof, or accept promises in the policy",
            ),
            Self::Proof(ProofError::TooLong { .. }) => Code::refused("limit-proof", FETCH),
            Self::Proof(_) | Self::Index { .. } => Code::refused("log-proof-invalid", FETCH),
            Self::CheckpointMissing => Code::refused(
                "log-checkpoint-missing",
                "ask the signer for a bundle with a checkpoint: it came with version 0.2",
            ),
            Self::Checkpoint(error) => error.code(),
            Self::Origin { .. } => Code::refused("log-origin", FETCH),
            Self::CheckpointMismatch(_) => Code::refused("log-checkpoint-mismatch", FETCH),
            Self::Witnesses { .. } => Code::refused(
                "witness-threshold",
                "wait for more witnesses, or lower the number of witnesses that the trust document requires",
            ),
            Self::Fork { .. } => {
                Code::refused("log-fork", "keep both checkpoints: they prove that the log shows different trees")
            }
            Self::Rollback { .. } => {
                Code::refused("log-rollback", "the log lost entries or an old answer was replayed: ask its operator")
            }
        }
    }
}
