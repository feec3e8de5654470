//! Rekor v2, a tiled log: <https://github.com/sigstore/rekor-tiles/blob/main/CLIENTS.md>

mod existing;

use super::{TlogError, TransparencyLog, check_scheme, verifier};
use crate::base::crypto::Digest;
use crate::base::encoding::json::Json;
use crate::format::bundle::LogEntry;
use crate::format::log_entry_body::{BodyError, HashedRekordV2};
use crate::format::trust::LogInstance;
use crate::service::BoxFuture;
use crate::service::http::{Endpoint, HttpClient, HttpError, Request, Response, Service};
use crate::verify::SignedMaterial;

/// A log with Rekor's second API: it holds a call until a published checkpoint covers the entry, and
/// proves no time.
#[derive(Debug, Clone)]
pub struct RekorV2 {
    base: Endpoint,
    entries: Endpoint,
    http: HttpClient,
    /// Host and id of the logs that are trusted: a log that has an entry already does not repeat its id.
    known: Vec<(String, Vec<u8>)>,
}

impl RekorV2 {
    /// The log at a base URL, as a signing config's `rekorTlogUrls` has it.
    ///
    /// # Errors
    ///
    /// [`HttpError::Url`].
    pub fn new(base_url: &str, http: HttpClient) -> Result<Self, HttpError> {
        let base = Endpoint::parse(Service::Log, base_url)?;
        Ok(Self { entries: base.below("api/v2/log/entries"), base, http, known: Vec::new() })
    }

    /// With the logs of a trusted root, so that an entry that the log has already can be read back.
    #[must_use]
    pub fn with_known_logs(mut self, logs: &[LogInstance]) -> Self {
        self.known = logs.iter().map(|log| (log.host().to_owned(), log.log_id.clone())).collect();
        self
    }

    async fn call(
        &self,
        endpoint: &Endpoint,
        body: Option<&str>,
        expected: &'static [u16],
    ) -> Result<Response, HttpError> {
        let request = Request {
            service: Service::Log,
            endpoint,
            accept: if body.is_some() { "application/json" } else { "*/*" },
            body: body.map(|body| ("application/json", body.as_bytes())),
            bearer: None,
            expected,
            secrets: &[],
        };
        self.http.send(request).await
    }

    fn malformed(&self, problem: &'static str) -> HttpError {
        HttpError::Malformed { service: Service::Log, url: self.entries.to_string(), problem }
    }

    fn unloggable(&self, error: BodyError) -> TlogError {
        TlogError::Unloggable { url: self.entries.to_string(), error }
    }
}

impl TransparencyLog for RekorV2 {
    fn name(&self) -> String {
        self.entries.to_string()
    }

    fn proves_time(&self) -> bool {
        false
    }

    fn is_public(&self) -> bool {
        self.entries.is_of_public_good()
    }

    fn append<'a>(&'a self, signed: &'a SignedMaterial<'a>) -> BoxFuture<'a, Result<LogEntry, TlogError>> {
        Box::pin(async move {
            let (digest, verifier) = (digest(signed), verifier(signed));
            check_scheme(&verifier).map_err(|error| self.unloggable(error))?;
            let request = HashedRekordV2::request(&digest, signed.signature, &verifier);
            let request = request.map_err(|error| self.unloggable(error))?;
            let response = self.call(&self.entries, Some(&request), &[200, 201, 409]).await?;
            if response.status == 409 {
                let body = HashedRekordV2::body(&digest, signed.signature, &verifier);
                return self.existing(&response, body.map_err(|error| self.unloggable(error))?.as_bytes()).await;
            }
            let json = Json::parse(&response.body).map_err(|_| self.malformed("not JSON"))?;
            let entry = LogEntry::from_json(&json, "");
            Ok(entry.map_err(|_| self.malformed("a TransparencyLogEntry is expected"))?)
        })
    }
}

/// The digest of what was signed: of the artifact, or of an envelope's pre-authentication encoding.
fn digest(signed: &SignedMaterial<'_>) -> Digest {
    signed.content.digest(signed.signed_by.public_key().kind())
}

#[cfg(test)]
mod tests;
