//! Signed notes, <https://c2sp.org/signed-note>, as checkpoints use them: without blank lines in the text.

use std::fmt;

use thiserror::Error;

use crate::base::code::Code;
use crate::base::crypto::{KeyError, KeyKind, PublicKey, sha256};
use crate::base::encoding::{base64, der, hex};
use crate::base::limits;

/// The first characters of a signature line: an em dash and a space.
const SIGNATURE_PREFIX: &str = "— ";
/// The signature type of Ed25519 in key ids and verifier keys.
const TYPE_ED25519: u8 = 0x01;
/// The signature type of algorithms that the specification does not name: their name follows.
const TYPE_NAMED: u8 = 0xff;

pub(super) const ASK: &str = "the checkpoint was damaged or never came from a log: fetch the entry again";

/// Why bytes are not a signed note, or a key does not vouch for one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum NoteError {
    /// Longer than [`limits::CHECKPOINT_BYTES`].
    #[error("signed note of {found} bytes, {limit} allowed", limit = limits::CHECKPOINT_BYTES)]
    TooLong {
        /// Bytes found.
        found: usize,
    },
    /// More signature lines than [`limits::CHECKPOINT_SIGNATURES`].
    #[error("signed note with {found} signatures, {limit} allowed", limit = limits::CHECKPOINT_SIGNATURES)]
    TooManySignatures {
        /// Lines found.
        found: usize,
    },
    /// Not in the form of a signed note.
    #[error("not a signed note: {0}")]
    Malformed(&'static str),
    /// A text without any signature line.
    #[error("note is not signed")]
    Unsigned,
    /// A key name that is empty, or holds a space or a plus sign.
    #[error("{0:?} cannot name a key")]
    Name(String),
    /// No signature line with the key's name and key id.
    #[error("no signature by the key of {name}")]
    Absent {
        /// Name of the key.
        name: String,
    },
    /// The signature does not verify.
    #[error("signature of {name} is not valid")]
    Signature {
        /// Name of the key.
        name: String,
    },
    /// Not a verifier key of the expected type.
    #[error("not a verifier key: {0}")]
    VerifierKey(&'static str),
    /// A key that cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl NoteError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::TooLong { .. } => Code::refused("limit-checkpoint", ASK),
            Self::TooManySignatures { .. } => {
                Code::refused("limit-sigs", "a checkpoint carries a signature of its log and of some witnesses")
            }
            Self::Malformed(_) => Code::refused("log-checkpoint-parse", ASK),
            Self::Unsigned | Self::Absent { .. } | Self::Signature { .. } => Code::refused(
                "log-checkpoint-sig",
                "the checkpoint is not signed by the key that the trust root has for this log",
            ),
            Self::Name(_) | Self::VerifierKey(_) => {
                Code::usage("note-key", "give a verifier key as `NAME+HASH+KEY` (C2SP signed-note)")
            }
            Self::Key(error) => error.code(),
        }
    }
}

/// A text with its signatures. Nothing is verified until [`NoteKey::verify`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// One signature line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    pub(super) name: String,
    pub(super) hint: [u8; 4],
    pub(super) signature: Vec<u8>,
}

impl NoteSignature {
    /// The name of the key. Unproven.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first four bytes of the key's id. Unproven, and not unique.
    pub fn hint(&self) -> [u8; 4] {
        self.hint
    }

    /// What follows the hint; its form depends on the key's type.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }
}

impl Note {
    /// Puts a text and its signatures together.
    pub fn new(text: String, signatures: Vec<NoteSignature>) -> Result<Self, NoteError> {
        let body = text.strip_suffix('\n').ok_or(NoteError::Malformed("the text does not end in a newline"))?;
        if !body.split('\n').all(is_line) {
            return Err(NoteError::Malformed("an empty line or a control character in the text"));
        }
        match signatures.len() {
            0 => Err(NoteError::Unsigned),
            1..=limits::CHECKPOINT_SIGNATURES => Ok(Self { text, signatures }),
            found => Err(NoteError::TooManySignatures { found }),
        }
    }

    /// Reads a note. Its text and its signature lines are parted by the only empty line in it.
    pub fn parse(note: &str) -> Result<Self, NoteError> {
        if note.len() > limits::CHECKPOINT_BYTES {
            return Err(NoteError::TooLong { found: note.len() });
        }
        let at = note.find("\n\n").ok_or(NoteError::Malformed("no empty line before the signatures"))? + 1;
        let (text, rest) = note.split_at(at);
        let block = rest.get(1..).unwrap_or_default();
        if block.is_empty() {
            return Err(NoteError::Unsigned);
        }
        let block = block.strip_suffix('\n').ok_or(NoteError::Malformed("no newline at the end"))?;
        let found = block.split('\n').count();
        if found > limits::CHECKPOINT_SIGNATURES {
            return Err(NoteError::TooManySignatures { found });
        }
        let signatures = block.split('\n').map(parse_signature).collect::<Option<_>>();
        Self::new(text.to_owned(), signatures.ok_or(NoteError::Malformed("a signature line"))?)
    }

    /// The text, with the newline that ends it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signature lines, in order.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// This note with one more signature line.
    pub fn with_signature(mut self, signature: NoteSignature) -> Result<Self, NoteError> {
        self.signatures.push(signature);
        Self::new(self.text, self.signatures)
    }

    /// The first signature line with this name and hint. Repeated lines of one key count once.
    pub(super) fn signature_by(&self, name: &str, hint: [u8; 4]) -> Result<&NoteSignature, NoteError> {
        let mut lines = self.signatures.iter();
        let found = lines.find(|line| line.name == name && line.hint == hint);
        found.ok_or_else(|| NoteError::Absent { name: name.to_owned() })
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|line| {
            let bytes = [&line.hint[..], &line.signature].concat();
            writeln!(f, "{SIGNATURE_PREFIX}{} {}", line.name, base64::encode(&bytes))
        })
    }
}

fn parse_signature(line: &str) -> Option<NoteSignature> {
    let (name, bytes) = line.strip_prefix(SIGNATURE_PREFIX)?.split_once(' ')?;
    let bytes = base64::decode(bytes)?;
    let (hint, signature) = bytes.split_first_chunk()?;
    let whole = is_name(name) && !signature.is_empty();
    whole.then(|| NoteSignature { name: name.to_owned(), hint: *hint, signature: signature.to_vec() })
}

/// Whether `text` can be a line of a note: not empty, no control characters.
pub(super) fn is_line(text: &str) -> bool {
    !text.is_empty() && !text.chars().any(char::is_control)
}

fn is_name(text: &str) -> bool {
    is_line(text) && !text.contains(|c: char| c.is_whitespace() || c == '+')
}

/// A key that signs the text of a note itself: a log's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteKey {
    name: String,
    key: PublicKey,
    id: [u8; 32],
}

impl NoteKey {
    /// The key of the log `name`. The id is the one of the C2SP specification for Ed25519, the hash of the
    /// SubjectPublicKeyInfo for ECDSA, and for RSA the one that Rekor gives it.
    pub fn new(name: &str, key: PublicKey) -> Result<Self, NoteError> {
        let id = match key.kind() {
            KeyKind::Ed25519 => key_id(name, &[TYPE_ED25519], key.key_bytes())?,
            KeyKind::P256 | KeyKind::P384 | KeyKind::P521 => key_id(name, &[], &[]).map(|_| key.spki_sha256())?,
            KeyKind::Rsa { .. } => key_id(name, &[&[TYPE_NAMED], &b"PKIX-RSA-PKCS#1v1.5"[..]].concat(), key.spki())?,
        };
        Ok(Self { name: name.to_owned(), key, id })
    }

    /// The key of a Rekor v1 log: its id is the hash of the SubjectPublicKeyInfo for every kind of key.
    pub fn rekor_v1(name: &str, key: PublicKey) -> Result<Self, NoteError> {
        let id = key.spki_sha256();
        Ok(Self { id, ..Self::new(name, key)? })
    }

    /// Reads a verifier key `NAME+HASH+KEY` of Ed25519.
    pub fn parse(verifier_key: &str) -> Result<Self, NoteError> {
        let (name, hint, key) = parse_verifier_key(verifier_key, TYPE_ED25519)?;
        let found = Self::new(name, key)?;
        if found.hint() == hint { Ok(found) } else { Err(NoteError::VerifierKey("the hash is not the key's")) }
    }

    /// The verifier key `NAME+HASH+KEY`; `None` for a kind of key that has no such form.
    pub fn verifier_key(&self) -> Option<String> {
        let ed25519 = self.key.kind() == KeyKind::Ed25519;
        ed25519.then(|| verifier_key(&self.name, &self.id, TYPE_ED25519, &self.key))
    }

    /// The name that stands in its signature lines.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// The whole key id: the log id of Rekor v2.
    pub fn id(&self) -> [u8; 32] {
        self.id
    }

    /// The first four bytes of the id.
    pub fn hint(&self) -> [u8; 4] {
        hint_of(&self.id)
    }

    /// The signature line for a signature that this key made over the text of a note.
    pub fn signature(&self, signature: Vec<u8>) -> NoteSignature {
        NoteSignature { name: self.name.clone(), hint: self.hint(), signature }
    }

    /// Verifies that this key signed the note: the first line with its name and hint decides.
    pub fn verify(&self, note: &Note) -> Result<(), NoteError> {
        let line = note.signature_by(&self.name, self.hint())?;
        self.key
            .verify_default(note.text().as_bytes(), &line.signature)
            .map_err(|_| NoteError::Signature { name: self.name.clone() })
    }
}

/// SHA-256(name ‖ 0x0A ‖ type ‖ key).
pub(super) fn key_id(name: &str, signature_type: &[u8], key: &[u8]) -> Result<[u8; 32], NoteError> {
    if !is_name(name) {
        return Err(NoteError::Name(name.chars().take(64).collect()));
    }
    Ok(sha256(&[name.as_bytes(), b"\n", signature_type, key]))
}

pub(super) fn hint_of(id: &[u8; 32]) -> [u8; 4] {
    [id[0], id[1], id[2], id[3]]
}

/// `NAME+HASH+KEY` of an Ed25519 key under a signature type.
pub(super) fn verifier_key(name: &str, id: &[u8; 32], signature_type: u8, key: &PublicKey) -> String {
    let bytes = [&[signature_type][..], key.key_bytes()].concat();
    format!("{name}+{}+{}", hex::encode(&hint_of(id)), base64::encode(&bytes))
}

/// Name, claimed hint and Ed25519 key of a verifier key of the given signature type.
pub(super) fn parse_verifier_key(text: &str, signature_type: u8) -> Result<(&str, [u8; 4], PublicKey), NoteError> {
    let (name, rest) = text.split_once('+').ok_or(NoteError::VerifierKey("no plus signs"))?;
    let (hint, key) = rest.split_once('+').ok_or(NoteError::VerifierKey("no second plus sign"))?;
    let hint = hex::decode(hint).and_then(|hint| hint.try_into().ok());
    let hint = hint.ok_or(NoteError::VerifierKey("the hash is not eight hexadecimal digits"))?;
    let key = base64::decode(key).ok_or(NoteError::VerifierKey("the key is not base64"))?;
    match key.split_first() {
        Some((found, key)) if *found == signature_type && key.len() == 32 => Ok((name, hint, ed25519(key)?)),
        _ => Err(NoteError::VerifierKey("the key is of another type")),
    }
}

/// The public key from the 32 bytes of Ed25519 (RFC 8410 section 4).
fn ed25519(key: &[u8]) -> Result<PublicKey, KeyError> {
    let oid = der::tlv(der::tag::OID, &[0x2b, 0x65, 0x70]);
    let algorithm = der::tlv(der::tag::SEQUENCE, &oid);
    PublicKey::from_spki(&der::tlv(der::tag::SEQUENCE, &[algorithm, der::bit_string(key)].concat()))
}
