//! Cosignatures of witnesses, <https://c2sp.org/tlog-cosignature>, version 1 (Ed25519).

use super::note::{self, Note, NoteError, NoteSignature};
use crate::base::crypto::{KeyKind, PublicKey};
use crate::base::time::UnixTime;

/// The signature type of timestamped Ed25519 witness cosignatures.
const TYPE_COSIGNATURE_V1: u8 = 0x04;

/// The key of a witness: it signs a checkpoint together with the time at which it saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessKey {
    name: String,
    key: PublicKey,
    id: [u8; 32],
}

impl WitnessKey {
    /// The Ed25519 key of the witness `name`.
    pub fn new(name: &str, key: PublicKey) -> Result<Self, NoteError> {
        if key.kind() != KeyKind::Ed25519 {
            return Err(NoteError::VerifierKey("a witness signs with Ed25519"));
        }
        let id = note::key_id(name, &[TYPE_COSIGNATURE_V1], key.key_bytes())?;
        Ok(Self { name: name.to_owned(), key, id })
    }

    /// Reads a verifier key `NAME+HASH+KEY`.
    pub fn parse(verifier_key: &str) -> Result<Self, NoteError> {
        let (name, hint, key) = note::parse_verifier_key(verifier_key, TYPE_COSIGNATURE_V1)?;
        let found = Self::new(name, key)?;
        if found.hint() == hint { Ok(found) } else { Err(NoteError::VerifierKey("the hash is not the key's")) }
    }

    /// The verifier key `NAME+HASH+KEY`.
    pub fn verifier_key(&self) -> String {
        note::verifier_key(&self.name, &self.id, TYPE_COSIGNATURE_V1, &self.key)
    }

    /// The name that stands in its signature lines.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The first four bytes of the key id.
    pub fn hint(&self) -> [u8; 4] {
        note::hint_of(&self.id)
    }

    /// What a witness signs: the text of a checkpoint under the time, in whole seconds.
    pub fn message(time: UnixTime, text: &str) -> Vec<u8> {
        format!("cosignature/v1\ntime {}\n{text}", time.secs()).into_bytes()
    }

    /// The signature line for a signature over [`Self::message`].
    pub fn signature(&self, time: UnixTime, signature: &[u8]) -> NoteSignature {
        let signature = [&time.secs().to_be_bytes()[..], signature].concat();
        NoteSignature { name: self.name.clone(), hint: self.hint(), signature }
    }

    /// Verifies that this witness cosigned the note, and says when: the first line with its name and hint
    /// decides.
    pub fn verify(&self, note: &Note) -> Result<UnixTime, NoteError> {
        let line = note.signature_by(&self.name, self.hint())?;
        let wrong = || NoteError::Signature { name: self.name.clone() };
        let (seconds, signature) = line.signature.split_first_chunk().ok_or_else(wrong)?;
        let seconds = i64::from_be_bytes(*seconds);
        if seconds < 0 {
            return Err(wrong());
        }
        let time = UnixTime::from_secs(seconds);
        self.key.verify_default(&Self::message(time, note.text()), signature).map_err(|_| wrong())?;
        Ok(time)
    }
}
