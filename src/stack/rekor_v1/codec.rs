//! How a Rekor v1 log stores and signs: `u64 milliseconds ‖ u32 length ‖ body`, checkpoints and SETs signed
//! with P-256.

use std::fmt;
use std::sync::Arc;

use crate::base::crypto::PublicKey;
use crate::base::time::UnixTime;
use crate::format::checkpoint::{Checkpoint, Note, NoteKey};
use crate::format::merkle::{Hash, TileKind, leaf_hash};
use crate::stack::keys::PrivateKey;
use crate::stack::log::{Codec, Record, Sealed, SigningError};

/// The log's key, name and tree.
pub struct RekorV1Codec {
    key: PrivateKey,
    note_key: NoteKey,
    tree_id: u64,
}

impl RekorV1Codec {
    /// The log `name` with its P-256 key.
    pub fn new(key: PrivateKey, name: &str) -> Result<Self, SigningError> {
        let note_key = NoteKey::rekor_v1(name, key.public_key().clone()).map_err(|_| SigningError)?;
        let [a, b, c, d, e, f, g, h, ..] = note_key.id();
        // A positive 64-bit integer that does not start with zeros: Trillian's tree ids are such.
        let tree_id = u64::from_be_bytes([a & 0x3f | 0x40, b, c, d, e, f, g, h]);
        Ok(Self { key, note_key, tree_id })
    }

    /// The log's id: SHA-256 of its key.
    pub fn log_id(&self) -> [u8; 32] {
        self.note_key.id()
    }

    /// The key that its checkpoints and SETs verify under.
    pub fn public_key(&self) -> &PublicKey {
        self.key.public_key()
    }

    /// The id of its tree.
    pub fn tree_id(&self) -> u64 {
        self.tree_id
    }

    /// Signs a promise of inclusion (SET).
    pub(super) fn sign_promise(&self, promised: &[u8]) -> Result<Vec<u8>, SigningError> {
        self.key.sign(promised)
    }

    fn origin(&self) -> String {
        format!("{} - {}", self.note_key.name(), self.tree_id)
    }
}

impl fmt::Debug for RekorV1Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RekorV1Codec({}, {:?})", self.origin(), self.key)
    }
}

/// Reads the first record: when it was integrated, its body, and the bytes after it.
pub(super) fn read(bundle: &[u8]) -> Option<(UnixTime, &[u8], &[u8])> {
    let (millis, rest) = bundle.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let (body, rest) = rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    Some((UnixTime::from_millis(i64::from_be_bytes(*millis)), body, rest))
}

impl Codec for RekorV1Codec {
    /// The canonical body.
    type Entry = Arc<[u8]>;
    const BUNDLES: TileKind = TileKind::Entries;
    const INDEXED: bool = true;

    fn seal(&self, body: &Arc<[u8]>, _index: u64, at: UnixTime) -> Option<Sealed> {
        let length = u32::try_from(body.len()).ok()?.to_be_bytes();
        let bytes = [&at.millis().to_be_bytes()[..], &length, body].concat();
        Some(Sealed { bytes, leaf: leaf_hash(body) })
    }

    fn read<'a>(&self, bundle: &'a [u8]) -> Option<(Record, &'a [u8])> {
        let (at, body, rest) = read(bundle)?;
        let leaf = leaf_hash(body);
        Some((Record { leaf, at: Some(at) }, rest))
    }

    fn sign(&self, size: u64, root: &Hash, _at: UnixTime) -> Result<String, SigningError> {
        let checkpoint = Checkpoint::new(&self.origin(), size, *root).map_err(|_| SigningError)?;
        let signature = self.key.sign(checkpoint.text().as_bytes())?;
        let note = Note::new(checkpoint.text(), vec![self.note_key.signature(signature)]);
        note.map(|note| note.to_string()).map_err(|_| SigningError)
    }

    fn open(&self, note: &str) -> Option<(u64, Hash)> {
        let (checkpoint, note) = Checkpoint::parse(note).ok()?;
        self.note_key.verify(&note).ok().filter(|()| checkpoint.origin() == self.origin())?;
        Some((checkpoint.size(), *checkpoint.root()))
    }
}
