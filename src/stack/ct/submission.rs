//! Precertificates that a CA in another process sends (RFC 6962 section 4.2): those of the CAs whose chains the log has,
//! while they are in force, each once.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use serde::Deserialize;

use super::{CtLog, SctError, entry};
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
        let der = |text: &String| base64::decode(text).ok_or_else(|| Status::invalid("a certificate is not base64"));
        let above = above.iter().map(der).collect::<Result<Vec<_>, _>>()?;
        let below = self.below(&above)?;
        let precertificate = der(first)?;
        let (tbs, chain) = check(&precertificate, &below, now)?;
        let digest = sha256(&[&precertificate]);
        let entry = entry(chain, tbs, precertificate).map_err(refused)?;
        if let Some((index, at)) = self.recent.find(&digest) {
            return self.sct(&entry, index, at).map_err(refused);
        }
        let sct = self.append(entry).await.map_err(refused)?;
        if let Some(index) = sct.leaf_index() {
            self.recent.keep(digest, (index, sct.timestamp), now);
        }
        Ok(sct)
    }

    /// The chains that begin with these certificates: a CA may leave out what the log has.
    fn below(&self, above: &[Vec<u8>]) -> Result<Vec<&[Certificate]>, Status> {
        let chains = || std::iter::once(&self.own).chain(&self.others);
        if chains().all(|chain| above.len() > chain.len()) {
            return Err(Status::invalid("the chain is longer than this log's"));
        }
        let begins = |chain: &[Certificate]| {
            above.len() <= chain.len() && above.iter().zip(chain).all(|(sent, ours)| sent == ours.der())
        };
        let below: Vec<_> = chains().map(Vec::as_slice).filter(|chain| begins(chain)).collect();
        if below.is_empty() { Err(foreign()) } else { Ok(below) }
    }
}

/// A precertificate that one of these chains issued, in force: its signed part without the poison, and the chain.
fn check<'c>(der: &[u8], chains: &[&'c [Certificate]], now: UnixTime) -> Result<(Vec<u8>, &'c [Certificate]), Status> {
    let read = Certificate::from_der(der).map_err(|error| Status::invalid(error.to_string()))?;
    let poisoned = read.tbs_without_poison().ok().flatten();
    let tbs = poisoned.ok_or_else(|| Status::invalid("it is no precertificate"))?;
    let issued = |chain: &&&[Certificate]| {
        chain.first().is_some_and(|issuer| {
            read.issuer().der() == issuer.subject().der() && read.verify_signature(issuer.public_key()).is_ok()
        })
    };
    let chain = chains.iter().find(issued).ok_or_else(foreign)?;
    // A minute for a clock that is not the CA's.
    if !read.is_valid_at(now) && !read.is_valid_at(now.plus_secs(60)) {
        return Err(Status::invalid("the certificate is not in force"));
    }
    Ok((tbs, chain))
}

fn foreign() -> Status {
    Status::forbidden("this log takes certificates of its own CA only, and of those in certificates/ct-issuers")
}

fn refused(error: SctError) -> Status {
    match error {
        SctError::Append(error) => Status::unavailable(error.to_string()),
        _ => Status::internal("the SCT could not be signed"),
    }
}

#[cfg(test)]
mod tests;
