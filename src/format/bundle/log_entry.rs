//! A transparency log entry as a bundle or a log's answer carries it:
//! <https://github.com/sigstore/protobuf-specs/blob/main/protos/sigstore_rekor.proto>

use serde::Serialize;

use crate::base::encoding::base64;
use crate::base::encoding::json::{self, Fields, Json, ShapeError};
use crate::base::limits;

/// An entry with the evidence that came with it. Nothing about it is proven.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// The index in the log as a whole (all shards together, for Rekor v1).
    pub log_index: u64,
    /// The log's key id.
    pub log_id: Vec<u8>,
    /// The entry's kind, as the bundle says.
    pub kind: String,
    /// The kind's version, as the bundle says.
    pub version: String,
    /// Seconds since the epoch; 0 when there is none (Rekor v2).
    pub integrated_time: u64,
    /// The signed entry timestamp (SET), a promise to include.
    pub inclusion_promise: Option<Vec<u8>>,
    /// The inclusion proof.
    pub inclusion_proof: Option<InclusionProof>,
    /// The entry as it was hashed into the tree.
    pub canonicalized_body: Vec<u8>,
}

/// A Merkle inclusion proof with the checkpoint it leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InclusionProof {
    /// The index within the tree of the checkpoint.
    pub log_index: u64,
    /// The root that the proof is said to lead to.
    pub root_hash: Vec<u8>,
    /// The size of that tree.
    pub tree_size: u64,
    /// Sibling hashes, from the leaf up.
    pub hashes: Vec<[u8; 32]>,
    /// The signed checkpoint, a signed note.
    pub checkpoint: Option<String>,
}

impl LogEntry {
    /// Reads a `TransparencyLogEntry` in proto3 JSON standing at `path`.
    pub fn from_json(json: &Json<'_>, path: &str) -> Result<Self, ShapeError> {
        let mut fields = Fields::of(json, path)?;
        let log_id = match fields.object("logId")? {
            Some(mut id) => {
                let key_id = id.bytes("keyId")?;
                id.finish()?;
                key_id.unwrap_or_default()
            }
            None => Vec::new(),
        };
        let mut kind_version = fields.require_object("kindVersion")?;
        let kind = kind_version.require_string("kind")?.to_owned();
        let version = kind_version.require_string("version")?.to_owned();
        kind_version.finish()?;
        let inclusion_promise = match fields.object("inclusionPromise")? {
            Some(mut promise) => {
                let set = promise.bytes("signedEntryTimestamp")?;
                promise.finish()?;
                set
            }
            None => None,
        };
        let inclusion_proof = fields.object("inclusionProof")?.map(read_proof).transpose()?;
        let entry = Self {
            log_index: fields.unsigned("logIndex")?,
            log_id,
            kind,
            version,
            integrated_time: fields.unsigned("integratedTime")?,
            inclusion_promise,
            inclusion_proof,
            canonicalized_body: fields.bytes("canonicalizedBody")?.unwrap_or_default(),
        };
        fields.finish()?;
        Ok(entry)
    }

    /// The entry in proto3 JSON, every field written out.
    pub fn to_json(&self) -> String {
        serde_json::to_string(&Written::from(self)).unwrap_or_default()
    }
}

fn read_proof(mut fields: Fields<'_, '_>) -> Result<InclusionProof, ShapeError> {
    let checkpoint = match fields.object("checkpoint")? {
        Some(mut checkpoint) => {
            let envelope = checkpoint.string("envelope")?.filter(|text| !text.is_empty()).map(str::to_owned);
            checkpoint.finish()?;
            envelope
        }
        None => None,
    };
    let path = fields.path("hashes");
    let hashes = fields
        .items("hashes", limits::PROOF_HASHES)?
        .iter()
        .map(|item| {
            let bytes = json::bytes(item, &path)?;
            bytes.try_into().map_err(|_| ShapeError::Type { path: path.clone(), expected: "hashes of 32 bytes" })
        })
        .collect::<Result<_, _>>()?;
    let proof = InclusionProof {
        log_index: fields.unsigned("logIndex")?,
        root_hash: fields.bytes("rootHash")?.unwrap_or_default(),
        tree_size: fields.unsigned("treeSize")?,
        hashes,
        checkpoint,
    };
    fields.finish()?;
    Ok(proof)
}

/// The written form; integers of 64 bits are strings (proto3 JSON).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Written {
    log_index: String,
    log_id: KeyId,
    kind_version: KindVersion,
    integrated_time: String,
    inclusion_promise: Option<Promise>,
    inclusion_proof: Option<Proof>,
    canonicalized_body: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KeyId {
    key_id: String,
}

#[derive(Serialize)]
struct KindVersion {
    kind: String,
    version: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Promise {
    signed_entry_timestamp: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Proof {
    log_index: String,
    root_hash: String,
    tree_size: String,
    hashes: Vec<String>,
    checkpoint: Option<Checkpoint>,
}

#[derive(Serialize)]
struct Checkpoint {
    envelope: String,
}

impl From<&LogEntry> for Written {
    fn from(entry: &LogEntry) -> Self {
        Self {
            log_index: entry.log_index.to_string(),
            log_id: KeyId { key_id: base64::encode(&entry.log_id) },
            kind_version: KindVersion { kind: entry.kind.clone(), version: entry.version.clone() },
            integrated_time: entry.integrated_time.to_string(),
            inclusion_promise: entry
                .inclusion_promise
                .as_ref()
                .map(|set| Promise { signed_entry_timestamp: base64::encode(set) }),
            inclusion_proof: entry.inclusion_proof.as_ref().map(|proof| Proof {
                log_index: proof.log_index.to_string(),
                root_hash: base64::encode(&proof.root_hash),
                tree_size: proof.tree_size.to_string(),
                hashes: proof.hashes.iter().map(|hash| base64::encode(hash)).collect(),
                checkpoint: proof.checkpoint.clone().map(|envelope| Checkpoint { envelope }),
            }),
            canonicalized_body: base64::encode(&entry.canonicalized_body),
        }
    }
}
