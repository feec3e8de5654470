//! Rekor v1: <https://github.com/sigstore/rekor/blob/main/openapi.yaml>

use super::{TlogError, TransparencyLog, check_scheme, verifier};
use crate::base::encoding::hex;
use crate::base::encoding::json::{Fields, Json, ShapeError, string};
use crate::base::limits;
use crate::format::bundle::{InclusionProof, LogEntry};
use crate::format::log_entry_body::{BodyError, Dsse, EntryBody, HashedRekord};
use crate::service::BoxFuture;
use crate::service::http::{Endpoint, HttpClient, HttpError, Request, Response, Service, excerpt};
use crate::verify::{SignedContent, SignedMaterial};

/// A log with Rekor's first API: it answers at once, with a signed entry timestamp (SET).
#[derive(Debug, Clone)]
pub struct RekorV1 {
    entries: Endpoint,
    http: HttpClient,
}

impl RekorV1 {
    /// The log at a base URL, as a signing config's `rekorTlogUrls` has it.
    ///
    /// # Errors
    ///
    /// [`HttpError::Url`].
    pub fn new(base_url: &str, http: HttpClient) -> Result<Self, HttpError> {
        let entries = Endpoint::parse(Service::Log, base_url)?.below("api/v1/log/entries");
        Ok(Self { entries, http })
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
            accept: "application/json",
            body: body.map(|body| ("application/json", body.as_bytes())),
            bearer: None,
            expected,
            secrets: &[],
        };
        self.http.send(request).await
    }

    /// The entry that the log has already: its place stands in `Location`.
    async fn existing(&self, conflict: &Response) -> Result<Response, TlogError> {
        let location = conflict.headers.get("location").and_then(|value| value.to_str().ok());
        match location.and_then(|location| self.entries.location(location)) {
            Some(place) => Ok(self.call(&place, None, &[200]).await?),
            None => Err(TlogError::Duplicate { url: self.entries.to_string(), answer: excerpt(&conflict.body, &[]) }),
        }
    }
}

impl TransparencyLog for RekorV1 {
    fn name(&self) -> String {
        self.entries.to_string()
    }

    fn proves_time(&self) -> bool {
        true
    }

    fn is_public(&self) -> bool {
        self.entries.is_of_public_good()
    }

    fn append<'a>(&'a self, signed: &'a SignedMaterial<'a>) -> BoxFuture<'a, Result<LogEntry, TlogError>> {
        Box::pin(async move {
            let proposal =
                proposal(signed).map_err(|error| TlogError::Unloggable { url: self.entries.to_string(), error })?;
            let mut response = self.call(&self.entries, Some(&proposal), &[200, 201, 409]).await?;
            if response.status == 409 {
                response = self.existing(&response).await?;
            }
            let malformed =
                |problem| HttpError::Malformed { service: Service::Log, url: self.entries.to_string(), problem };
            let json = Json::parse(&response.body).map_err(|_| malformed("not JSON"))?;
            Ok(read(&json).ok_or_else(|| malformed("one log entry with its proof is expected"))?)
        })
    }
}

fn proposal(signed: &SignedMaterial<'_>) -> Result<String, BodyError> {
    let verifier = verifier(signed);
    Ok(match signed.content {
        SignedContent::Message { .. } | SignedContent::SimpleSigning { .. } => {
            check_scheme(&verifier)?;
            HashedRekord::body(&signed.content.digest(verifier.key().kind()), signed.signature, &verifier)
        }
        SignedContent::Dsse { envelope } => Dsse::proposal(&envelope.to_json(), &verifier),
    })
}

/// Reads the one entry of an answer: an object with one member, named by the entry's UUID. Fields that
/// are not needed are left alone; what is read is verified by the caller.
fn read(json: &Json<'_>) -> Option<LogEntry> {
    let Json::Object(members) = json else { return None };
    let [(_, entry)] = members.as_slice() else { return None };
    entry_of(entry).ok().flatten()
}

fn entry_of(entry: &Json<'_>) -> Result<Option<LogEntry>, ShapeError> {
    let mut fields = Fields::of(entry, "")?;
    let body = fields.require_bytes("body")?;
    let mut verification = fields.require_object("verification")?;
    let set = verification.bytes("signedEntryTimestamp")?;
    let Some(inclusion_proof) = proof_of(verification.require_object("inclusionProof")?)? else { return Ok(None) };
    let Some(log_id) = hex::decode(fields.require_string("logID")?) else { return Ok(None) };
    // The kind stands in the body alone.
    let Ok(parsed) = EntryBody::parse(&body) else { return Ok(None) };
    let (kind, version) = parsed.kind_version();
    Ok(Some(LogEntry {
        log_index: fields.unsigned("logIndex")?,
        log_id,
        kind: kind.to_owned(),
        version: version.to_owned(),
        integrated_time: fields.unsigned("integratedTime")?,
        inclusion_promise: set,
        inclusion_proof: Some(inclusion_proof),
        canonicalized_body: body,
    }))
}

fn proof_of(mut proof: Fields<'_, '_>) -> Result<Option<InclusionProof>, ShapeError> {
    let items = proof.items("hashes", limits::PROOF_HASHES)?;
    let mut hashes = Vec::new();
    for item in items {
        match hex::decode(string(item, "hashes")?).and_then(|bytes| bytes.try_into().ok()) {
            Some(hash) => hashes.push(hash),
            None => return Ok(None),
        }
    }
    let Some(root_hash) = hex::decode(proof.require_string("rootHash")?) else { return Ok(None) };
    Ok(Some(InclusionProof {
        log_index: proof.unsigned("logIndex")?,
        root_hash,
        tree_size: proof.unsigned("treeSize")?,
        hashes,
        checkpoint: Some(proof.require_string("checkpoint")?.to_owned()),
    }))
}

#[cfg(test)]
mod tests;
