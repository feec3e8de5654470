//! Precertificates that a CA in another process sends: those of the one CA whose chain the log was made with, while
//! they are in force, each once.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde::Deserialize;

use super::{CtLog, SctError};
use crate::base::crypto::sha256;
use crate::base::encoding::base64;
use crate::base::limits;
use crate::base::time::UnixTime;
use crate::format::x509::Certificate;
use crate::format::x509::sct::Sct;
use crate::serve::Status;

/// What was logged a moment ago, by the digest of the precertificate: its index and time. Public tiles have every
/// precertificate, and whoever sends one again gets the SCT that there is.
#[derive(Debug, Default)]
pub(super) struct Recent(Mutex<HashMap<[u8; 32], (u64, UnixTime)>>);

impl Recent {
    fn find(&self, digest: &[u8; 32]) -> Option<(u64, UnixTime)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(digest).copied()
    }

    /// Remembers; what is older than a certificate lasts is refused without it.
    fn keep(&self, digest: [u8; 32], place: (u64, UnixTime), now: UnixTime) {
        let mut recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.len() >= limits::ISSUED_REMEMBERED {
            recent.retain(|_, (_, at)| at.plus_secs(crate::stack::ca::LEAF_SECS) > now);
        }
        if recent.len() < limits::ISSUED_REMEMBERED {
            recent.insert(digest, place);
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AddPreChain {
    chain: Vec<String>,
}

impl CtLog {
    /// Answers `add-pre-chain`.
    pub(super) async fn add(&self, request: &[u8], now: UnixTime) -> Result<Sct, Status> {
        let request: AddPreChain =
            serde_json::from_slice(request).map_err(|_| Status::invalid("the request is not add-pre-chain's"))?;
        let [first, above @ ..] = request.chain.as_slice() else { return Err(Status::invalid("the chain is empty")) };
        if above.len() > self.issuers.len() {
            return Err(Status::invalid("the chain is longer than this log's"));
        }
        let der = |text: &str| base64::decode(text).ok_or_else(|| Status::invalid("a certificate is not base64"));
        for (text, ours) in above.iter().zip(&self.issuers) {
            if der(text)? != ours.der() {
                return Err(Status::forbidden("this log takes certificates of its own CA only"));
            }
        }
        let precertificate = der(first)?;
        let tbs = self.check(&precertificate, now)?;
        let digest = sha256(&[&precertificate]);
        if let Some((index, at)) = self.recent.find(&digest) {
            return self.sct(&self.entry(tbs, precertificate).map_err(refused)?, index, at).map_err(refused);
        }
        let sct = self.submit(tbs, precertificate).await.map_err(refused)?;
        if let Some(index) = sct.leaf_index() {
            self.recent.keep(digest, (index, sct.timestamp), now);
        }
        Ok(sct)
    }

    /// A precertificate of the CA, in force: its signed part without the poison.
    fn check(&self, der: &[u8], now: UnixTime) -> Result<Vec<u8>, Status> {
        let read = Certificate::from_der(der).map_err(|error| Status::invalid(error.to_string()))?;
        let poisoned = read.tbs_without_poison().ok().flatten();
        let tbs = poisoned.ok_or_else(|| Status::invalid("it is no precertificate"))?;
        let issuer = self.issuers.first().ok_or_else(|| Status::internal("the log has no CA"))?;
        let ours = read.issuer().der() == issuer.subject().der() && read.verify_signature(issuer.public_key()).is_ok();
        if !ours {
            return Err(Status::forbidden("this log takes certificates of its own CA only"));
        }
        // A minute for a clock that is not the CA's.
        if !read.is_valid_at(now) && !read.is_valid_at(now.plus_secs(60)) {
            return Err(Status::invalid("the certificate is not in force"));
        }
        Ok(tbs)
    }
}

fn refused(error: SctError) -> Status {
    match error {
        SctError::Append(error) => Status::unavailable(error.to_string()),
        _ => Status::internal("the SCT could not be signed"),
    }
}
