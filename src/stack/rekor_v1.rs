//! A Rekor v1 log, behind a switch: what the public log's clients upload today meets a real server here.
//! <https://github.com/sigstore/rekor/blob/main/openapi.yaml>
//!
//! `hashedrekord` and `dsse` 0.0.1 with SET, inclusion proof and checkpoint, under a key and a shard of its
//! own. No search, no other kinds, no URLs that would have to be fetched.

mod codec;
mod entry;
mod routes;

use std::sync::Arc;

pub use codec::RekorV1Codec;
pub use routes::routes;

use super::log::{Log, SigningError};
use super::rekor::{Admission, not_appended, not_proven};
use crate::base::encoding::json::{Json, canonical};
use crate::base::encoding::{base64, hex};
use crate::base::time::UnixTime;
use crate::format::merkle::{Hash, leaf_hash};
use crate::serve::Status;

/// A Rekor v1 log.
#[derive(Debug)]
pub struct RekorV1Log {
    log: Log<RekorV1Codec>,
    admission: Admission,
}

/// An entry as the API gives it, and whether the log already had it.
#[derive(Debug)]
pub(super) struct Answer {
    uuid: String,
    json: String,
    index: u64,
    duplicate: bool,
}

impl RekorV1Log {
    /// The log `log`, which takes what `admission` lets in.
    pub fn new(log: Log<RekorV1Codec>, admission: Admission) -> Self {
        Self { log, admission }
    }

    /// The log.
    pub fn log(&self) -> &Log<RekorV1Codec> {
        &self.log
    }

    /// Logs the entry that `body` proposes.
    async fn submit(&self, body: &[u8]) -> Result<Answer, Status> {
        let (body, turn) = entry::admit(&self.admission, body)?;
        let body: Arc<[u8]> = body.into_bytes().into();
        let appended = turn.logged(self.log.enqueue(body)).await.map_err(not_appended)?;
        let answer = self.entry(appended.index)?.ok_or_else(|| Status::internal("the log lost its entry"))?;
        Ok(Answer { duplicate: appended.duplicate, ..answer })
    }

    /// The entry at an index.
    fn entry(&self, index: u64) -> Result<Option<Answer>, Status> {
        let head = self.log.head();
        let Some((record, _)) = self.log.record(&head, index).map_err(not_proven)? else { return Ok(None) };
        let unreadable = || Status::internal("the entry cannot be read");
        let (at, body) = codec::read(&record).map(|(at, body, _)| (at, body)).ok_or_else(unreadable)?;
        let leaf = leaf_hash(body);
        let hashes = self.log.prove(&head, index, &leaf).map_err(not_proven)?;
        let proof = Json::Object(vec![
            ("checkpoint".into(), text(head.note())),
            ("hashes".into(), Json::Array(hashes.iter().map(|hash| text(&hex::encode(hash))).collect())),
            ("logIndex".into(), Json::Integer(index.into())),
            ("rootHash".into(), text(&hex::encode(&head.root()))),
            ("treeSize".into(), Json::Integer(head.size().into())),
        ]);
        let mut members = promised(self.log.codec(), index, at, body);
        let set = canonical(&Json::Object(members.clone())).unwrap_or_default();
        let unsigned = |_: SigningError| Status::internal("the promise could not be signed");
        let set = self.log.codec().sign_promise(set.as_bytes()).map_err(unsigned)?;
        let verification =
            vec![("inclusionProof".into(), proof), ("signedEntryTimestamp".into(), text(&base64::encode(&set)))];
        members.push(("verification".into(), Json::Object(verification)));
        let uuid = self.uuid(&leaf);
        let entry = Json::Object(vec![(uuid.clone().into(), Json::Object(members))]);
        Ok(Some(Answer { uuid, json: canonical(&entry).unwrap_or_default(), index, duplicate: false }))
    }

    /// An entry's UUID: the tree's id and the leaf's hash.
    fn uuid(&self, leaf: &Hash) -> String {
        format!("{:016x}{}", self.log.codec().tree_id(), hex::encode(leaf))
    }

    /// The index of an entry by its UUID, with or without the tree's id.
    fn find(&self, uuid: &str) -> Result<Option<u64>, Status> {
        let leaf = match uuid.len() {
            80 => uuid.strip_prefix(&format!("{:016x}", self.log.codec().tree_id())),
            _ => Some(uuid),
        };
        let leaf: Option<Hash> = leaf.and_then(hex::decode).and_then(|leaf| leaf.try_into().ok());
        let Some(leaf) = leaf else { return Ok(None) };
        self.log.find(&leaf).map_err(|_| Status::unavailable("the log cannot look for the entry now; retry"))
    }
}

/// What the SET signs.
fn promised(
    codec: &RekorV1Codec,
    index: u64,
    at: UnixTime,
    body: &[u8],
) -> Vec<(std::borrow::Cow<'static, str>, Json<'static>)> {
    vec![
        ("body".into(), text(&base64::encode(body))),
        ("integratedTime".into(), Json::Integer(at.secs().into())),
        ("logID".into(), text(&hex::encode(&codec.log_id()))),
        ("logIndex".into(), Json::Integer(index.into())),
    ]
}

fn text(text: &str) -> Json<'static> {
    Json::String(text.to_owned().into())
}
