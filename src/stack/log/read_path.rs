//! The static read path over HTTP: <https://c2sp.org/tlog-tiles>. Paths are parsed into numbers, never
//! joined from text.

use std::sync::Arc;

use axum::http::HeaderValue;
use axum::http::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL};
use axum::response::{IntoResponse, Response};

use super::{Codec, Log};
use crate::format::merkle::Tile;
use crate::serve::{Status, body};

/// The last committed checkpoint.
pub fn checkpoint<C: Codec>(log: &Log<C>) -> Response {
    note(log.head().note().as_bytes().to_vec(), "no-cache")
}

/// A checkpoint.
pub(in crate::stack) fn note(note: Vec<u8>, cache: &'static str) -> Response {
    open(body::typed("text/plain; charset=utf-8", note), cache)
}

/// The bytes of a tile.
pub(in crate::stack) fn bytes(bytes: Vec<u8>, for_ever: bool) -> Response {
    let cache = if for_ever { "public, max-age=31536000, immutable" } else { "public, max-age=60" };
    open(body::typed("application/octet-stream", bytes), cache)
}

/// The tile that a path names, the part after `tile/`.
pub async fn tile<S, C>(shared: Arc<S>, log: fn(&S) -> &Log<C>, path: &str) -> Response
where
    S: Send + Sync + 'static,
    C: Codec,
{
    let Ok(tile) = Tile::parse(&format!("tile/{path}")) else {
        return Status::not_found("no such tile").into_response();
    };
    // A full bundle is a file of up to 16 MiB.
    match tokio::task::spawn_blocking(move || log(&shared).tile(tile)).await {
        Ok(Ok(Some(read))) => bytes(read, tile.is_full()),
        Ok(Ok(None)) => open(Status::not_found("no such tile yet").into_response(), "no-store"),
        Ok(Err(_)) | Err(_) => Status::internal("the tile cannot be read").into_response(),
    }
}

/// Anyone may read a log, from a browser too.
fn open(mut response: Response, cache: &'static str) -> Response {
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}
