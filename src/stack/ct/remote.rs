//! The CT log's other side: the CA asks a log in another process for its SCTs (RFC 6962 section 4.2), and believes
//! none that does not verify.

use serde::Deserialize;
use serde_json::json;

use super::{CtLog, SctError};
use crate::base::crypto::PublicKey;
use crate::base::encoding::base64;
use crate::format::x509::Certificate;
use crate::format::x509::sct::{self, Sct};
use crate::service::http::{Endpoint, HttpClient, HttpError, Request, Service, Settings};

/// Where the path of a log's API begins.
const ADD_PRE_CHAIN: &str = "ct/v1/add-pre-chain";

/// Who logs the CA's precertificates.
#[derive(Debug)]
pub enum Submit {
    /// The log in this process.
    Here(std::sync::Arc<CtLog>),
    /// A log that is asked.
    There(RemoteCt),
}

impl From<std::sync::Arc<CtLog>> for Submit {
    fn from(log: std::sync::Arc<CtLog>) -> Self {
        Self::Here(log)
    }
}

impl Submit {
    /// The SCT for a precertificate and its signed part without poison and SCTs, below `chain`.
    pub async fn submit(&self, tbs: Vec<u8>, precertificate: Vec<u8>, chain: &[Certificate]) -> Result<Sct, SctError> {
        match self {
            Self::Here(log) => log.submit(tbs, precertificate).await,
            Self::There(log) => log.submit(&tbs, &precertificate, chain).await,
        }
    }
}

/// A CT log in another process.
#[derive(Debug)]
pub struct RemoteCt {
    http: HttpClient,
    endpoint: Endpoint,
    key: PublicKey,
}

impl RemoteCt {
    /// The log at a URL, whose SCTs verify under `key`.
    pub fn new(url: &str, key: PublicKey, settings: Settings) -> Result<Self, HttpError> {
        let endpoint = Endpoint::parse(Service::Log, url)?.below(ADD_PRE_CHAIN);
        Ok(Self { http: HttpClient::new(settings), endpoint, key })
    }

    async fn submit(&self, tbs: &[u8], precertificate: &[u8], chain: &[Certificate]) -> Result<Sct, SctError> {
        let certificates = std::iter::once(precertificate).chain(chain.iter().map(Certificate::der));
        let body = json!({ "chain": certificates.map(base64::encode).collect::<Vec<_>>() }).to_string();
        let request = Request {
            service: Service::Log,
            endpoint: &self.endpoint,
            accept: "application/json",
            body: Some(("application/json", body.as_bytes())),
            bearer: None,
            expected: &[200],
            secrets: &[],
        };
        let answer = self.http.send(request).await.map_err(|error| SctError::Unreachable(error.to_string()))?;
        let sct = read(&answer.body).ok_or(SctError::Foreign)?;
        let issuer = chain.first().ok_or(SctError::Foreign)?.public_key().spki_sha256();
        let signed = sct::signed_data(sct.timestamp, &issuer, tbs, &sct.extensions).ok_or(SctError::Foreign)?;
        let ours = sct.log_id == self.key.spki_sha256();
        match self.key.verify(sct.scheme, &signed, &sct.signature) {
            Ok(()) if ours && sct.leaf_index().is_some() => Ok(sct),
            _ => Err(SctError::Foreign),
        }
    }
}

/// An SCT in the JSON of RFC 6962 section 4.1.
#[derive(Deserialize)]
struct Written {
    sct_version: u8,
    id: String,
    timestamp: u64,
    extensions: String,
    signature: String,
}

/// The SCT of an answer: as it is serialized, but for its order.
fn read(body: &[u8]) -> Option<Sct> {
    let written: Written = serde_json::from_slice(body).ok()?;
    let extensions = base64::decode(&written.extensions)?;
    let serialized = [
        &[written.sct_version][..],
        &base64::decode(&written.id)?,
        &written.timestamp.to_be_bytes(),
        &u16::try_from(extensions.len()).ok()?.to_be_bytes(),
        &extensions,
        &base64::decode(&written.signature)?,
    ]
    .concat();
    Sct::read(&serialized).ok()
}

/// An SCT as an answer.
pub(super) fn write(sct: &Sct) -> Option<String> {
    let serialized = sct.write()?;
    // The signature is what follows version, id, time and extensions.
    let signature = serialized.get(1 + 32 + 8 + 2 + sct.extensions.len()..)?;
    Some(
        json!({
            "sct_version": 0,
            "id": base64::encode(&sct.log_id),
            "timestamp": sct.timestamp.millis(),
            "extensions": base64::encode(&sct.extensions),
            "signature": base64::encode(signature),
        })
        .to_string(),
    )
}
