//! The timestamp authority over HTTP.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use super::clock::Clock;
use super::tsa::TimestampAuthority;
use crate::base::limits;
use crate::serve::body;

type Shared = (Arc<TimestampAuthority>, Clock);

/// `/api/v1/timestamp` and `/api/v1/timestamp/certchain`.
pub(super) fn routes(authority: Arc<TimestampAuthority>, clock: Clock) -> Router {
    Router::new()
        .route("/api/v1/timestamp", post(timestamp))
        .route("/api/v1/timestamp/certchain", get(certificate_chain))
        .with_state((authority, clock))
}

async fn timestamp(State((authority, clock)): State<Shared>, headers: HeaderMap, request: Body) -> Response {
    let request = match body::read(request, limits::TIMESTAMP_REQUEST_BYTES).await {
        Ok(request) => request,
        Err(status) => return status.into_response(),
    };
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let answer = authority.respond(media_type, &request, clock.now());
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, body::typed(answer.content_type, answer.body)).into_response()
}

async fn certificate_chain(State((authority, _)): State<Shared>) -> Response {
    body::typed("application/pem-certificate-chain", authority.certificate_chain().into_bytes())
}
