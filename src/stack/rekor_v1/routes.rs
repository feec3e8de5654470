//! Rekor v1 over HTTP. Its errors have the HTTP status as their code.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::http::header::{ETAG, LOCATION, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::routing::post;
use serde_json::json;

use super::{Answer, RekorV1Log};
use crate::base::encoding::hex;
use crate::base::limits;
use crate::serve::{Status, body};

/// `/api/v1/log`, `/api/v1/log/publicKey` and `/api/v1/log/entries`.
pub fn routes(log: Arc<RekorV1Log>) -> Router {
    Router::new()
        .route("/api/v1/log", get(state))
        .route("/api/v1/log/publicKey", get(public_key))
        .route("/api/v1/log/entries", post(submit).get(by_index))
        .route("/api/v1/log/entries/{uuid}", get(by_uuid))
        .with_state(log)
}

type Shared = State<Arc<RekorV1Log>>;

async fn submit(State(log): Shared, request: Body) -> Response {
    let answer = match body::read(request, limits::ENTRY_REQUEST_BYTES).await {
        Ok(request) => log.submit(&request).await,
        Err(status) => Err(status),
    };
    match answer {
        Ok(answer) if answer.duplicate => duplicate(&answer),
        Ok(answer) => created(answer),
        Err(status) => error(&status),
    }
}

/// 201, with the UUID where the reference's clients look for it: unquoted in `ETag`.
fn created(answer: Answer) -> Response {
    let uuid = HeaderValue::from_str(&answer.uuid);
    let mut response = (StatusCode::CREATED, body::json(answer.json)).into_response();
    if let (Ok(uuid), Some(location)) = (uuid, location(&answer.uuid)) {
        response.headers_mut().insert(ETAG, uuid);
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

/// 409, with the place of the entry that exists.
fn duplicate(answer: &Answer) -> Response {
    let index = answer.index;
    let message = format!("an equivalent entry already exists in the transparency log with index {index}");
    let mut response = error(&Status::exists(message));
    if let Some(location) = location(&answer.uuid) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

fn location(uuid: &str) -> Option<HeaderValue> {
    HeaderValue::from_str(&format!("/api/v1/log/entries/{uuid}")).ok()
}

fn error(status: &Status) -> Response {
    let mut response = body::json(json!({ "code": status.http(), "message": status.message() }).to_string());
    *response.status_mut() = StatusCode::from_u16(status.http()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if let Some(seconds) = status.seconds() {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

async fn by_index(State(log): Shared, RawQuery(query): RawQuery) -> Response {
    let index = query.as_deref().and_then(|query| query.strip_prefix("logIndex=")).and_then(|text| text.parse().ok());
    match index {
        Some(index) => found(log.entry(index)),
        None => error(&Status::invalid("logIndex must be given, and nothing else")),
    }
}

async fn by_uuid(State(log): Shared, Path(uuid): Path<String>) -> Response {
    found(log.find(&uuid).and_then(|found| found.map_or(Ok(None), |index| log.entry(index))))
}

fn found(answer: Result<Option<Answer>, Status>) -> Response {
    match answer {
        Ok(Some(answer)) => body::json(answer.json),
        Ok(None) => error(&Status::not_found("no such entry")),
        Err(status) => error(&status),
    }
}

async fn public_key(State(log): Shared) -> Response {
    body::typed("application/x-pem-file", log.log.codec().public_key().to_pem().into_bytes())
}

async fn state(State(log): Shared) -> Response {
    let head = log.log.head();
    let state = json!({
        "inactiveShards": [],
        "rootHash": hex::encode(&head.root()),
        "signedTreeHead": head.note(),
        "treeID": log.log.codec().tree_id().to_string(),
        "treeSize": head.size(),
    });
    body::json(state.to_string())
}
