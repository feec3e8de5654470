//! How a Rekor v2 log stores and signs: entries as <https://c2sp.org/tlog-tiles> has them, checkpoints
//! signed with Ed25519.

use std::fmt;
use std::sync::Arc;

use crate::base::crypto::PublicKey;
use crate::base::time::UnixTime;
use crate::format::checkpoint::{Checkpoint, Note, NoteKey};
use crate::format::merkle::{Hash, TileKind, leaf_hash, tile};
use crate::stack::keys::PrivateKey;
use crate::stack::log::{Codec, Record, Sealed, SigningError};

/// The log's key and name.
pub struct RekorCodec {
    key: PrivateKey,
    note_key: NoteKey,
}

impl RekorCodec {
    /// The log `name` with its Ed25519 key. The name is its host name: clients take the origin of
    /// checkpoints for the host of the log's URL.
    pub fn new(key: PrivateKey, name: &str) -> Result<Self, SigningError> {
        let note_key = NoteKey::new(name, key.public_key().clone()).map_err(|_| SigningError)?;
        Ok(Self { key, note_key })
    }

    /// The log's id in entries.
    pub fn log_id(&self) -> [u8; 32] {
        self.note_key.id()
    }

    /// The log's name: the origin of its checkpoints.
    pub fn name(&self) -> &str {
        self.note_key.name()
    }

    /// The key that its checkpoints verify under.
    pub fn public_key(&self) -> &PublicKey {
        self.key.public_key()
    }
}

impl fmt::Debug for RekorCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RekorCodec({}, {:?})", self.note_key.name(), self.key)
    }
}

impl Codec for RekorCodec {
    /// The canonical body.
    type Entry = Arc<[u8]>;
    const BUNDLES: TileKind = TileKind::Entries;
    const INDEXED: bool = true;

    fn seal(&self, body: &Arc<[u8]>, _index: u64, _at: UnixTime) -> Option<Sealed> {
        let mut bytes = Vec::with_capacity(body.len() + 2);
        tile::push_entry(&mut bytes, body)?;
        Some(Sealed { bytes, leaf: leaf_hash(body) })
    }

    fn read<'a>(&self, bundle: &'a [u8]) -> Option<(Record, &'a [u8])> {
        let (length, rest) = bundle.split_first_chunk::<2>()?;
        let (body, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
        Some((Record { leaf: leaf_hash(body), at: None }, rest))
    }

    fn sign(&self, size: u64, root: &Hash, _at: UnixTime) -> Result<String, SigningError> {
        let checkpoint = Checkpoint::new(self.note_key.name(), size, *root).map_err(|_| SigningError)?;
        let signature = self.key.sign(checkpoint.text().as_bytes())?;
        let note = Note::new(checkpoint.text(), vec![self.note_key.signature(signature)]);
        note.map(|note| note.to_string()).map_err(|_| SigningError)
    }

    fn open(&self, note: &str) -> Option<(u64, Hash)> {
        let (checkpoint, note) = Checkpoint::parse(note).ok()?;
        self.note_key.verify(&note).ok().filter(|()| checkpoint.origin() == self.note_key.name())?;
        Some((checkpoint.size(), *checkpoint.root()))
    }
}
