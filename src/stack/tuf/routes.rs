//! The repository over HTTP: the files of one folder, by names of a fixed form.

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::HeaderValue;
use axum::http::header::CACHE_CONTROL;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::DIR;
use crate::base::limits;
use crate::serve::{Status, body};
use crate::stack::folder::Folder;

/// `/tuf/…` and `/tuf/targets/…`.
pub(in crate::stack) fn routes(folder: &Folder) -> Router {
    Router::new()
        .route(
            "/tuf/{name}",
            get(async |State(dir): State<Arc<PathBuf>>, Path(name): Path<String>| serve(&dir, &name).await),
        )
        .route(
            "/tuf/targets/{name}",
            get(async |State(dir): State<Arc<PathBuf>>, Path(name): Path<String>| {
                serve(&dir.join("targets"), &name).await
            }),
        )
        .with_state(Arc::new(folder.path(DIR)))
}

/// A file by its name, which has no separator, and does not begin with a dot as unfinished files do.
async fn serve(dir: &std::path::Path, name: &str) -> Response {
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || b"._-".contains(&c);
    if name.starts_with('.') || !name.ends_with(".json") || !name.bytes().all(plain) {
        return Status::not_found("no such file").into_response();
    }
    let path = dir.join(name);
    let read = tokio::task::spawn_blocking(move || {
        let short =
            std::fs::metadata(&path).is_ok_and(|file| file.is_file() && file.len() <= limits::TRUST_BYTES as u64);
        short.then(|| std::fs::read(&path).ok()).flatten()
    });
    let Ok(Some(bytes)) = read.await else {
        return Status::not_found("no such file").into_response();
    };
    let mut response = body::typed("application/json", bytes);
    // Only the timestamp changes under its name.
    let cache = if name == "timestamp.json" { "no-cache" } else { "public, max-age=3600" };
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    response
}
