//! Checkpoints of CT logs: the signature of RFC 6962 section 3.5 in a note, as
//! <https://c2sp.org/static-ct-api> has it.

use super::note::{self, Note, NoteError, NoteSignature};
use super::{Checkpoint, CheckpointError};
use crate::base::crypto::{DigestAlgorithm, Family, KeyKind, PublicKey, Scheme};
use crate::base::time::UnixTime;

/// The signature type of RFC 6962 tree heads.
const TYPE_TREE_HEAD: u8 = 0x05;
/// `hash` sha256 and `signature` ecdsa of a TLS DigitallySigned (RFC 5246 section 7.4.1.4.1).
const SHA256_ECDSA: [u8; 2] = [4, 3];
const SCHEME: Scheme = Scheme { family: Family::Ecdsa, digest: DigestAlgorithm::Sha256 };

/// The P-256 key of a CT log, as the signer of its checkpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreeHeadKey {
    name: String,
    key: PublicKey,
    id: [u8; 32],
}

impl TreeHeadKey {
    /// The key of the CT log `name`.
    pub fn new(name: &str, key: PublicKey) -> Result<Self, NoteError> {
        if key.kind() != KeyKind::P256 {
            return Err(NoteError::VerifierKey("a CT log signs with P-256"));
        }
        let id = note::key_id(name, &[TYPE_TREE_HEAD], &key.spki_sha256())?;
        Ok(Self { name: name.to_owned(), key, id })
    }

    /// The first four bytes of the key id.
    pub fn hint(&self) -> [u8; 4] {
        note::hint_of(&self.id)
    }

    /// What a CT log signs: a TreeHeadSignature of version 1.
    pub fn message(time: UnixTime, checkpoint: &Checkpoint) -> Vec<u8> {
        let mut message = vec![0, 1];
        message.extend_from_slice(&time.millis().to_be_bytes());
        message.extend_from_slice(&checkpoint.size().to_be_bytes());
        message.extend_from_slice(checkpoint.root());
        message
    }

    /// The signature line for an ECDSA signature (DER, SHA-256) over [`Self::message`]; `None` when it is
    /// longer than its length field can say.
    pub fn signature(&self, time: UnixTime, signature: &[u8]) -> Option<NoteSignature> {
        let length = u16::try_from(signature.len()).ok()?.to_be_bytes();
        let bytes = [&time.millis().to_be_bytes()[..], &SHA256_ECDSA, &length, signature].concat();
        Some(NoteSignature { name: self.name.clone(), hint: self.hint(), signature: bytes })
    }

    /// Verifies that this log signed the note's tree head, and says when. The signature does not cover
    /// extension lines, so that a note with any is refused.
    pub fn verify(&self, note: &Note) -> Result<UnixTime, CheckpointError> {
        let checkpoint = Checkpoint::parse_text(note.text())?;
        if !checkpoint.extensions().is_empty() {
            return Err(CheckpointError::Extension);
        }
        let line = note.signature_by(&self.name, self.hint())?;
        let wrong = || NoteError::Signature { name: self.name.clone() };
        let (millis, signed) = line.signature.split_first_chunk().ok_or_else(wrong)?;
        let time = UnixTime::from_millis(i64::from_be_bytes(*millis));
        if self.signed(time, &checkpoint, signed) { Ok(time) } else { Err(wrong().into()) }
    }

    /// Whether this log signed a tree head: `signed` is a TLS DigitallySigned, as `get-sth` of RFC 6962 answers too.
    pub fn signed(&self, time: UnixTime, checkpoint: &Checkpoint, signed: &[u8]) -> bool {
        let Some((length, signature)) = signed.strip_prefix(&SHA256_ECDSA).and_then(|rest| rest.split_first_chunk())
        else {
            return false;
        };
        usize::from(u16::from_be_bytes(*length)) == signature.len()
            && self.key.verify(SCHEME, &Self::message(time, checkpoint), signature).is_ok()
    }
}
