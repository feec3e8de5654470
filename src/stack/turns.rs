//! How often one identity's entries are logged.
//!
//! Whoever sees an entry can send it again, in another's name: only one that is new counts, so that nobody's turns are
//! used up by others. An identity is what the stack's own CA certified; whatever else signed, where it is taken at all, is
//! known by its key, of which it has shown possession.

use std::sync::Arc;

use super::clock::Clock;
use super::log::{AppendError, Appended};
use super::rate::RateLimit;
use crate::base::crypto::PublicKey;
use crate::base::encoding::hex;
use crate::format::x509::Certificate;
use crate::serve::Status;

/// The turns of every identity, of all logs of entries that a process serves.
#[derive(Debug, Clone)]
pub struct Turns {
    limit: Arc<RateLimit>,
    clock: Clock,
}

/// A turn that an entry took.
#[derive(Debug)]
pub struct Turn {
    limit: Arc<RateLimit>,
    subject: String,
}

impl Turns {
    /// Turns by a limit.
    pub fn new(limit: RateLimit, clock: Clock) -> Self {
        Self { limit: Arc::new(limit), clock }
    }

    /// The turn of whoever signed with this key, under a certificate of our CA where there is one.
    pub fn take(&self, ours: Option<&Certificate>, key: &PublicKey) -> Result<Turn, Status> {
        let subject = match ours.and_then(|certificate| certificate.san().ok()) {
            Some(san) => format!("san {}", san.as_str()),
            None => format!("key {}", hex::encode(&key.spki_sha256())),
        };
        self.limit
            .take(&subject, self.clock.now())
            .map_err(|wait| Status::exhausted("too many entries by this identity; retry").retry_after(wait))?;
        Ok(Turn { limit: Arc::clone(&self.limit), subject })
    }
}

impl Turn {
    /// Waits for an entry that is on its way. It counts when it is new, also when nobody waits any more: whoever goes
    /// away early has neither saved a turn nor lost one.
    pub async fn logged(
        self,
        pending: Result<impl Future<Output = Result<Appended, AppendError>> + Send + 'static, AppendError>,
    ) -> Result<Appended, AppendError> {
        let pending = pending.inspect_err(|_| self.give_back())?;
        let settled = tokio::spawn(async move {
            let appended = pending.await;
            if appended.as_ref().map_or(true, |appended| appended.duplicate) {
                self.give_back();
            }
            appended
        });
        settled.await.unwrap_or(Err(AppendError::Stopped))
    }

    fn give_back(&self) {
        self.limit.give_back(&self.subject);
    }
}
