//! Rekor v2 over HTTP.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use super::RekorLog;
use crate::base::limits;
use crate::serve::body;
use crate::stack::log::read_path;

/// `/api/v2/log/entries`, `/api/v2/checkpoint` and `/api/v2/tile/…`.
pub fn routes(log: Arc<RekorLog>) -> Router {
    Router::new()
        .route("/api/v2/log/entries", post(submit))
        .route("/api/v2/checkpoint", get(async |State(rekor): State<Arc<RekorLog>>| read_path::checkpoint(rekor.log())))
        .route(
            "/api/v2/tile/{*path}",
            get(async |State(rekor): State<Arc<RekorLog>>, Path(path): Path<String>| {
                read_path::tile(rekor, |rekor| &rekor.log, &path).await
            }),
        )
        .with_state(log)
}

/// Answers 201: the Go client takes nothing else.
async fn submit(State(rekor): State<Arc<RekorLog>>, request: Body) -> Response {
    let entry = match body::read(request, limits::ENTRY_REQUEST_BYTES).await {
        Ok(request) => rekor.submit(&request).await,
        Err(status) => Err(status),
    };
    match entry {
        Ok(entry) => (StatusCode::CREATED, body::json(entry.to_json())).into_response(),
        Err(status) => status.into_response(),
    }
}
