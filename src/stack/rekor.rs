//! The transparency log: Rekor v2's API over the log engine.
//! <https://github.com/sigstore/rekor-tiles/blob/main/docs/openapi/rekor_service.swagger.json>
//!
//! It logs `hashedrekord` 0.0.2 and nothing else: a DSSE envelope is logged by the digest of its PAE. A
//! duplicate is answered 201 with the entry that exists and a fresh proof, so that a client which lost an
//! answer can ask again.

mod codec;
mod entry;
mod routes;

use std::sync::Arc;

pub use codec::RekorCodec;
pub use entry::Admission;
use entry::Admitted;
pub use routes::routes;

use super::log::{AppendError, Log, ReadError};
use crate::format::bundle::{InclusionProof, LogEntry};
use crate::format::merkle::leaf_hash;
use crate::serve::Status;

/// A Rekor v2 log.
#[derive(Debug)]
pub struct RekorLog {
    log: Log<RekorCodec>,
    admission: Admission,
}

impl RekorLog {
    /// The log `log`, which takes what `admission` lets in.
    pub fn new(log: Log<RekorCodec>, admission: Admission) -> Self {
        Self { log, admission }
    }

    /// The log.
    pub fn log(&self) -> &Log<RekorCodec> {
        &self.log
    }

    /// Admits the request in `body`, logs it, and gives the entry with its verified proof.
    pub async fn submit(&self, body: &[u8]) -> Result<LogEntry, Status> {
        let Admitted { body, turn } = self.admission.admit(body)?;
        let body: Arc<[u8]> = body.into_bytes().into();
        let appended = turn.logged(self.log.enqueue(Arc::clone(&body))).await.map_err(not_appended)?;
        let (index, head) = (appended.index, appended.head);
        let hashes = self.log.prove(&head, index, &leaf_hash(&body)).map_err(not_proven)?;
        Ok(LogEntry {
            log_index: index,
            log_id: self.log.codec().log_id().to_vec(),
            kind: "hashedrekord".to_owned(),
            version: "0.0.2".to_owned(),
            integrated_time: 0,
            inclusion_promise: None,
            inclusion_proof: Some(InclusionProof {
                log_index: index,
                root_hash: head.root().to_vec(),
                tree_size: head.size(),
                hashes,
                checkpoint: Some(head.note().to_owned()),
            }),
            canonicalized_body: body.to_vec(),
        })
    }
}

/// The answer for an entry that was not appended.
pub(super) fn not_appended(error: AppendError) -> Status {
    match error {
        AppendError::TooLarge => Status::invalid(error.to_string()),
        _ => Status::unavailable(error.to_string()),
    }
}

/// The answer when a proof cannot be made: nothing is acknowledged without one.
pub(super) fn not_proven(_: ReadError) -> Status {
    Status::internal("the log could not prove the entry")
}
