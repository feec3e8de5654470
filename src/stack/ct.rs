//! The CT log of the stack's CA: <https://c2sp.org/static-ct-api>, with RFC 6962 SCTs.
//!
//! Only the CA beside it submits to it, and those whose chains the operator put into `certificates/ct-issuers`. An SCT
//! is signed when its entry is durable: there is no merge delay.

mod leaf;
pub(super) mod others;
mod remote;
mod routes;
mod submission;

use std::fmt;

use thiserror::Error;

pub use leaf::PrecertEntry;
pub use remote::{RemoteCt, Submit};
pub use routes::{routes, submissions};

use super::keys::PrivateKey;
use super::log::{AppendError, Codec, Log, Record, Sealed, SigningError};
use crate::base::crypto::{PublicKey, sha256};
use crate::base::time::UnixTime;
use crate::format::checkpoint::{Checkpoint, CheckpointError, Note, TreeHeadKey};
use crate::format::merkle::{Hash, TileKind, leaf_hash};
use crate::format::x509::Certificate;
use crate::format::x509::sct::{self, Sct};

/// The CT log's codec: its key and name.
pub struct CtCodec {
    key: PrivateKey,
    name: String,
    head_key: TreeHeadKey,
}

impl CtCodec {
    /// The CT log `name` with its P-256 key.
    pub fn new(key: PrivateKey, name: &str) -> Result<Self, SigningError> {
        let head_key = TreeHeadKey::new(name, key.public_key().clone()).map_err(|_| SigningError)?;
        Ok(Self { key, name: name.to_owned(), head_key })
    }

    /// The key that its SCTs verify under.
    pub fn public_key(&self) -> &PublicKey {
        self.key.public_key()
    }
}

impl fmt::Debug for CtCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CtCodec({}, {:?})", self.name, self.key)
    }
}

impl Codec for CtCodec {
    type Entry = PrecertEntry;
    const BUNDLES: TileKind = TileKind::Data;
    const INDEXED: bool = false;

    fn seal(&self, entry: &PrecertEntry, index: u64, at: UnixTime) -> Option<Sealed> {
        let signed = entry.signed_data(index, at)?;
        Some(Sealed { bytes: entry.tile_leaf(&signed)?, leaf: leaf_hash(&signed) })
    }

    fn read<'a>(&self, bundle: &'a [u8]) -> Option<(Record, &'a [u8])> {
        let (leaf, rest) = leaf::read(bundle)?;
        Some((Record { leaf: leaf_hash(&leaf.signed), at: Some(leaf.at) }, rest))
    }

    fn sign(&self, size: u64, root: &Hash, at: UnixTime) -> Result<String, SigningError> {
        let checkpoint = Checkpoint::new(&self.name, size, *root).map_err(|_| SigningError)?;
        let signature = self.key.sign(&TreeHeadKey::message(at, &checkpoint))?;
        let signature = self.head_key.signature(at, &signature).ok_or(SigningError)?;
        let note = Note::new(checkpoint.text(), vec![signature]).map_err(|_| SigningError)?;
        Ok(note.to_string())
    }

    fn open(&self, note: &str) -> Option<(u64, Hash)> {
        let (checkpoint, note) = Checkpoint::parse(note).ok()?;
        let signed: Result<UnixTime, CheckpointError> = self.head_key.verify(&note);
        signed.ok().filter(|_| checkpoint.origin() == self.name)?;
        Some((checkpoint.size(), *checkpoint.root()))
    }
}

/// The CT log, and the issuers of what is in it.
#[derive(Debug)]
pub struct CtLog {
    log: Log<CtCodec>,
    /// The CA's certificates, issuing one first.
    own: Vec<Certificate>,
    /// Those of other CAs that it takes certificates of, likewise.
    others: Vec<Vec<Certificate>>,
    /// Those that it issued with before: entries name them, too.
    before: Vec<Certificate>,
    /// What a CA elsewhere sent a moment ago.
    recent: submission::Recent,
}

/// Why there is no SCT.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SctError {
    /// The log.
    #[error(transparent)]
    Append(#[from] AppendError),
    /// The log's key.
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// A log elsewhere did not answer.
    #[error("{0}")]
    Unreachable(String),
    /// It answered with something that is no SCT of the log that clients know, for this certificate.
    #[error("the CT log's answer is not an SCT of the log in the trusted root")]
    Foreign,
}

impl CtLog {
    /// The log `log` of the CA with this chain.
    pub fn new(log: Log<CtCodec>, issuers: Vec<Certificate>) -> Self {
        Self { log, own: issuers, others: Vec::new(), before: Vec::new(), recent: submission::Recent::default() }
    }

    /// The same, with certificates that the CA issued with before.
    #[must_use]
    pub fn after(self, before: Vec<Certificate>) -> Self {
        Self { before, ..self }
    }

    /// The same, which takes precertificates of these other CAs, too: each chain with the issuing one first.
    #[must_use]
    pub fn taking(self, others: Vec<Vec<Certificate>>) -> Self {
        Self { others, ..self }
    }

    /// Whether it takes precertificates of other CAs than the one beside it.
    pub fn takes_others(&self) -> bool {
        !self.others.is_empty()
    }

    /// Every certificate that entries name.
    fn issuers(&self) -> impl Iterator<Item = &Certificate> {
        self.own.iter().chain(self.others.iter().flatten()).chain(&self.before)
    }

    /// The log.
    pub fn log(&self) -> &Log<CtCodec> {
        &self.log
    }

    /// Logs a precertificate and gives the SCT for `tbs`, the signed part without poison and SCT.
    pub async fn submit(&self, tbs: Vec<u8>, precertificate: Vec<u8>) -> Result<Sct, SctError> {
        self.append(entry(&self.own, tbs, precertificate)?).await
    }

    async fn append(&self, entry: PrecertEntry) -> Result<Sct, SctError> {
        let appended = self.log.append(entry.clone()).await?;
        // Durable now: the SCT may be signed.
        self.sct(&entry, appended.index, appended.at)
    }

    /// The SCT of an entry that is durable at an index.
    fn sct(&self, entry: &PrecertEntry, index: u64, at: UnixTime) -> Result<Sct, SctError> {
        let codec = self.log.codec();
        let signed = entry.signed_data(index, at).ok_or(SigningError)?;
        let extensions = sct::leaf_index_extension(index).ok_or(SigningError)?;
        Ok(Sct {
            log_id: codec.public_key().spki_sha256(),
            timestamp: at,
            extensions,
            scheme: codec.key.scheme(),
            signature: codec.key.sign(&signed)?,
        })
    }
}

/// The entry of a precertificate that the first of a chain issued.
fn entry(chain: &[Certificate], tbs: Vec<u8>, precertificate: Vec<u8>) -> Result<PrecertEntry, SctError> {
    let issuer = chain.first().ok_or(SigningError)?;
    let chain = chain.iter().map(|issuer| sha256(&[issuer.der()])).collect();
    Ok(PrecertEntry { tbs, precertificate, issuer_key_hash: issuer.public_key().spki_sha256(), chain })
}

#[cfg(test)]
mod tests;
