//! A repository over HTTP.

use reqwest::header::HeaderMap;
use sigstore_tuf::transport::{FetchFuture, Repository};
use sigstore_tuf::{Error, Result};

use super::strict;
use crate::service::http::{Endpoint, Exchange, HttpClient, HttpError, Method, Repeat, Service, excerpt};

/// Where metadata and targets are. No credentials are sent, and nothing is followed elsewhere.
pub(super) struct Mirror {
    metadata: Endpoint,
    targets: Endpoint,
    http: HttpClient,
}

impl Mirror {
    pub(super) fn new(metadata: Endpoint, targets: Endpoint, http: HttpClient) -> Self {
        Self { metadata, targets, http }
    }

    async fn fetch(&self, base: &Endpoint, name: &str, max_length: u64) -> Result<Option<Vec<u8>>> {
        let endpoint = base.below(name);
        let headers = HeaderMap::new();
        let call = Exchange {
            service: Service::TrustRepository,
            method: &Method::GET,
            endpoint: &endpoint,
            headers: &headers,
            body: None,
            limit: usize::try_from(max_length).unwrap_or(usize::MAX),
            repeat: Repeat::Allowed,
            secrets: &[],
        };
        let transport = |error: HttpError| Error::transport_with_source("the mirror", error);
        let response = self.http.exchange(&call).await.map_err(transport)?;
        match response.status {
            200 => Ok(Some(response.body)),
            // Object stores say 403 of what is not there.
            403 | 404 => Ok(None),
            status => {
                let (service, url) = (Service::TrustRepository, endpoint.to_string());
                let answer = excerpt(&response.body, &[]);
                Err(transport(HttpError::Refused { service, url, status, answer }))
            }
        }
    }
}

impl Repository for Mirror {
    fn fetch_metadata<'a>(&'a self, name: &'a str, max_length: u64) -> FetchFuture<'a> {
        Box::pin(async move {
            let found = self.fetch(&self.metadata, name, max_length).await?;
            if let Some(metadata) = &found {
                strict::check(metadata).map_err(|error| Error::transport_with_source("the mirror", error))?;
            }
            Ok(found)
        })
    }

    fn fetch_target<'a>(&'a self, path: &'a str, max_length: u64) -> FetchFuture<'a> {
        Box::pin(async move {
            strict::name(path).map_err(|error| Error::transport_with_source("the mirror", error))?;
            self.fetch(&self.targets, path, max_length).await
        })
    }
}
