//! A timestamp authority over HTTP, RFC 3161 section 3.4.

use super::{TimestampAuthority, TsaError};
use crate::base::crypto::Digest;
use crate::format::timestamp::{TimestampRequest, TimestampResponse};
use crate::service::BoxFuture;
use crate::service::http::{Endpoint, HttpClient, HttpError, Request, Service};

/// Bytes of a nonce: 64 bits, as openssl sends.
const NONCE: usize = 8;

/// An authority that takes DER requests.
#[derive(Debug, Clone)]
pub struct Rfc3161 {
    endpoint: Endpoint,
    http: HttpClient,
}

impl Rfc3161 {
    /// The authority at its whole URL, as a signing config's `tsaUrls` has it.
    ///
    /// # Errors
    ///
    /// [`HttpError::Url`].
    pub fn new(url: &str, http: HttpClient) -> Result<Self, HttpError> {
        Ok(Self { endpoint: Endpoint::parse(Service::TimestampAuthority, url)?, http })
    }

    fn read(&self, request: &TimestampRequest, body: &[u8]) -> Result<(), TsaError> {
        let url = || self.endpoint.to_string();
        match TimestampResponse::parse(body).map_err(|error| TsaError::Token { url: url(), error })? {
            TimestampResponse::Granted(token) => {
                request.check_answer(&token).map_err(|error| TsaError::Answer { url: url(), error })
            }
            TimestampResponse::Rejected(rejection) => Err(TsaError::Rejected { url: url(), rejection }),
        }
    }
}

impl TimestampAuthority for Rfc3161 {
    fn name(&self) -> String {
        self.endpoint.to_string()
    }

    fn timestamp(&self, imprint: Digest) -> BoxFuture<'_, Result<Vec<u8>, TsaError>> {
        Box::pin(async move {
            let mut nonce = [0; NONCE];
            getrandom::fill(&mut nonce).map_err(|_| TsaError::Randomness)?;
            // Without certificates: the trusted root has them, and a bundle stays small.
            let request = TimestampRequest::new(imprint, Some(&nonce), false);
            let response = self
                .http
                .send(Request {
                    service: Service::TimestampAuthority,
                    endpoint: &self.endpoint,
                    accept: "application/timestamp-reply",
                    body: Some(("application/timestamp-query", &request.to_der())),
                    bearer: None,
                    expected: &[200, 201],
                    secrets: &[],
                })
                .await?;
            self.read(&request, &response.body)?;
            Ok(response.body)
        })
    }
}

#[cfg(test)]
mod tests;
