//! Key management services: what their clients share.

pub(super) mod aws;
pub(super) mod azure;
pub(super) mod google;
pub(super) mod vault;

use std::fmt;

use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use zeroize::Zeroizing;

use super::{Prepared, Signer, SignerError};
use crate::base::crypto::{Digest, PublicKey};
use crate::base::encoding::json::Json;
use crate::base::limits;
use crate::service::BoxFuture;
use crate::service::http::{Endpoint, Exchange, HttpClient, HttpError, Method, Repeat, Service, excerpt};

/// A key in a service.
///
/// An implementation names the very version of the key whose public half it read: a rotation in between shows as an
/// error, never as a signature by another key.
pub(super) trait RemoteKey: fmt::Debug + Send + Sync + 'static {
    /// Signs what fits the public key.
    fn ask<'a>(&'a self, prepared: Prepared<'a>) -> BoxFuture<'a, Result<Vec<u8>, SignerError>>;
}

/// A signer over a key in a service.
#[derive(Debug)]
pub(super) struct Remote<K> {
    pub(super) key: K,
    pub(super) public_key: PublicKey,
}

impl<K: RemoteKey> Signer for Remote<K> {
    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn sign<'a>(&'a self, prepared: Prepared<'a>) -> BoxFuture<'a, Result<Vec<u8>, SignerError>> {
        self.key.ask(prepared)
    }
}

/// A service and how it is called.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) http: HttpClient,
}

/// One call.
pub(super) struct Call<'a> {
    pub(super) method: Method,
    pub(super) endpoint: &'a Endpoint,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<&'a [u8]>,
    /// What must not appear in an error.
    pub(super) secrets: &'a [&'a str],
}

impl Caller {
    /// The JSON of a good answer. A signature asked for twice is a signature: every call may be repeated.
    pub(super) async fn json(&self, call: Call<'_>) -> Result<Answer, SignerError> {
        let exchange = Exchange {
            service: Service::KeyService,
            method: &call.method,
            endpoint: call.endpoint,
            headers: &call.headers,
            body: call.body,
            limit: limits::KMS_BYTES,
            repeat: Repeat::Allowed,
            secrets: call.secrets,
        };
        let response = self.http.exchange(&exchange).await?;
        let url = call.endpoint.to_string();
        if response.status != 200 {
            let (service, status) = (Service::KeyService, response.status);
            return Err(
                HttpError::Refused { service, url, status, answer: excerpt(&response.body, call.secrets) }.into()
            );
        }
        Ok(Answer { url, body: Zeroizing::new(response.body) })
    }
}

/// A good answer.
pub(super) struct Answer {
    url: String,
    body: Zeroizing<Vec<u8>>,
}

impl Answer {
    /// What `read` finds in it; `problem` says what is missing.
    pub(super) fn read<T>(
        &self,
        problem: &'static str,
        read: impl FnOnce(&Json<'_>) -> Option<T>,
    ) -> Result<T, SignerError> {
        let json = Json::parse(&self.body).ok();
        json.as_ref().and_then(read).ok_or_else(|| self.malformed(problem))
    }

    pub(super) fn malformed(&self, problem: &'static str) -> SignerError {
        HttpError::Malformed { service: Service::KeyService, url: self.url.clone(), problem }.into()
    }
}

pub(super) fn json_headers() -> HeaderMap {
    let json = HeaderValue::from_static("application/json");
    HeaderMap::from_iter([(header::CONTENT_TYPE, json.clone()), (header::ACCEPT, json)])
}

/// Adds a field that no log shows.
pub(super) fn secret_header(headers: &mut HeaderMap, name: HeaderName, value: &str) -> Result<(), SignerError> {
    let mut value =
        HeaderValue::from_str(value).map_err(|_| SignerError::Credentials("the token is no header text"))?;
    value.set_sensitive(true);
    headers.insert(name, value);
    Ok(())
}

pub(super) fn bearer(headers: &mut HeaderMap, token: &str) -> Result<(), SignerError> {
    secret_header(headers, header::AUTHORIZATION, &Zeroizing::new(format!("Bearer {token}")))
}

/// The digest that is to be signed; services here do not sign messages.
pub(super) fn digest<'a>(prepared: Prepared<'a>, public_key: &PublicKey) -> Result<&'a Digest, SignerError> {
    match prepared {
        Prepared::Digest(digest) => Ok(digest),
        Prepared::Message(_) => {
            let scheme = crate::base::crypto::Scheme::default_for(public_key.kind());
            Err(SignerError::Scheme { scheme })
        }
    }
}

pub(super) fn endpoint(url: &str) -> Result<Endpoint, SignerError> {
    Ok(Endpoint::parse(Service::KeyService, url)?)
}

/// The public key of a DER or PEM text.
pub(super) fn public_key(pem: &str) -> Result<PublicKey, SignerError> {
    PublicKey::from_pem(pem).map_err(SignerError::PublicKey)
}

#[cfg(test)]
mod tests;
