//! The ACME library's requests through the one HTTP client.

use std::pin::Pin;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Request, Response};
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient as AcmeClient};

use crate::base::limits;
use crate::service::http::{Endpoint, Exchange, HttpClient, Repeat, Service};

/// Sends what the library says, within the client's bounds.
pub(super) struct Client(pub(super) HttpClient);

impl AcmeClient for Client {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let client = self.0.clone();
        Box::pin(async move {
            let (head, body) = request.into_parts();
            let body = to_bytes(Body::new(body), limits::ACME_BYTES).await.map_err(other)?;
            let endpoint = Endpoint::parse(Service::AcmeServer, &head.uri.to_string()).map_err(other)?;
            let call = Exchange {
                service: Service::AcmeServer,
                method: &head.method,
                endpoint: &endpoint,
                headers: &head.headers,
                body: (!body.is_empty()).then_some(&body),
                limit: limits::ACME_BYTES,
                // A signed request is good for one nonce; the library signs anew.
                repeat: Repeat::Never,
                secrets: &[],
            };
            let answer = client.exchange(&call).await.map_err(other)?;
            let mut response = Response::new(Body::from(answer.body));
            *response.status_mut() = answer.status.try_into().map_err(other)?;
            *response.headers_mut() = answer.headers;
            Ok(BytesResponse::from(response))
        })
    }
}

fn other(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Other(Box::new(error))
}
