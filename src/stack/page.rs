//! A page to look at: the log's size and checkpoint, its newest entries, a search, and one entry with what it says
//! and its proof, which the browser checks by itself.
//!
//! | route | what |
//! | --- | --- |
//! | `/` | the page |
//! | `/page/app.js`, `/page/style.css` | its two files; nothing comes from elsewhere |
//! | `/page/log?before=N` | size, checkpoint, key, and the entries before index N, newest first |
//! | `/page/search?q=TEXT` | the newest entries with this digest, identity, workflow or repository |
//! | `/page/entry/N` | one entry, its certificate's fields, its bytes and the proof to the last checkpoint |
//!
//! Nothing that an entry says becomes markup: the script sets text only, and the policy of the page's content
//! allows no inline script, no style attribute and no other host.

mod entry;
mod search;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::HeaderValue;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;
use serde_json::{Value, json};

pub use search::SearchIndex;

use super::log::{Codec, Head, Log, ReadError};
use super::rekor::{RekorCodec, RekorLog};
use crate::base::encoding::{base64, hex};
use crate::base::limits;
use crate::format::merkle::{Tile, leaf_hash, tile};
use crate::serve::{Status, body};

/// What a browser may do with the page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

/// Entries of one answer.
const ENTRIES: u64 = 25;

struct Page {
    rekor: Arc<RekorLog>,
    search: Arc<SearchIndex>,
}

/// The page of a log.
pub fn routes(rekor: Arc<RekorLog>, search: Arc<SearchIndex>) -> Router {
    let file = |media_type: &'static str, text: &'static str| {
        get(async move || guarded(body::typed(media_type, text.as_bytes().to_vec())))
    };
    Router::new()
        .route("/", file("text/html; charset=utf-8", include_str!("page/index.html")))
        .route("/page/app.js", file("text/javascript; charset=utf-8", include_str!("page/app.js")))
        .route("/page/style.css", file("text/css; charset=utf-8", include_str!("page/style.css")))
        .route("/page/log", get(newest))
        .route("/page/search", get(find))
        .route("/page/entry/{index}", get(one))
        .with_state(Arc::new(Page { rekor, search }))
}

#[derive(Deserialize)]
struct Before {
    before: Option<u64>,
}

async fn newest(State(page): State<Arc<Page>>, Query(Before { before }): Query<Before>) -> Response {
    in_the_background(move || {
        let (log, head) = (page.rekor.log(), page.rekor.log().head());
        let end = before.unwrap_or(u64::MAX).min(head.size());
        let mut entries = range(log, &head, end.saturating_sub(ENTRIES), end)?;
        entries.reverse();
        Ok(Some(json!({
            "origin": log.codec().name(),
            "size": head.size(),
            "root": hex::encode(&head.root()),
            "checkpoint": head.note(),
            "key": base64::encode(log.codec().public_key().spki()),
            "searched": page.search.indexed(),
            "entries": entries,
        })))
    })
    .await
}

#[derive(Deserialize)]
struct Sought {
    q: String,
}

async fn find(State(page): State<Arc<Page>>, Query(Sought { q }): Query<Sought>) -> Response {
    if q.trim().is_empty() || q.len() > limits::SEARCH_BYTES {
        let message = format!("a search has 1 to {} bytes", limits::SEARCH_BYTES);
        return guarded(Status::invalid(message).into_response());
    }
    in_the_background(move || {
        let (log, head) = (page.rekor.log(), page.rekor.log().head());
        let mut entries = Vec::new();
        let term = entry::term(&q);
        for index in page.search.find(&term).map_err(ReadError::IndexIo)? {
            let Some(found) = range(log, &head, index, index + 1)?.pop() else { continue };
            // The index has parts of hashes: what does not say what was asked for is no result.
            if entry::says(&found, &term) {
                entries.push(found);
            }
            if entries.len() as u64 == ENTRIES {
                break;
            }
        }
        Ok(Some(json!({ "entries": entries, "searched": page.search.indexed(), "size": head.size() })))
    })
    .await
}

async fn one(State(page): State<Arc<Page>>, Path(index): Path<u64>) -> Response {
    in_the_background(move || {
        let (log, head) = (page.rekor.log(), page.rekor.log().head());
        let Some(bytes) = bodies(log, &head, index, index.saturating_add(1))?.pop() else { return Ok(None) };
        let proof = log.prove(&head, index, &leaf_hash(&bytes))?;
        let mut shown = entry::shown(index, &bytes);
        shown["body"] = base64::encode(&bytes).into();
        shown["proof"] = proof.iter().map(|hash| hex::encode(hash)).collect();
        shown["checkpoint"] = head.note().into();
        shown["key"] = base64::encode(log.codec().public_key().spki()).into();
        Ok(Some(shown))
    })
    .await
}

/// The entries from `start` to before `end`, as they are shown.
fn range(log: &Log<RekorCodec>, head: &Head, start: u64, end: u64) -> Result<Vec<Value>, ReadError> {
    let bodies = bodies(log, head, start, end)?;
    Ok(bodies.iter().zip(start..).map(|(body, index)| entry::shown(index, body)).collect())
}

/// The bodies from `start` to before `end`, of one bundle or two.
fn bodies(log: &Log<RekorCodec>, head: &Head, start: u64, end: u64) -> Result<Vec<Vec<u8>>, ReadError> {
    let (width, end) = (u64::from(tile::WIDTH), end.min(head.size()));
    let mut found = Vec::new();
    let mut at = start;
    while at < end {
        let Some(bundle) = Tile::of_tree(RekorCodec::BUNDLES, at / width, head.size()) else { break };
        let damaged = || ReadError::Damaged { tile: bundle };
        let bytes = log.tile(bundle)?.ok_or_else(damaged)?;
        let entries = bundle.entries(&bytes).map_err(|_| damaged())?;
        let first = bundle.index() * width;
        let wanted = entries.iter().zip(first..).filter(|(_, index)| (at..end).contains(index));
        found.extend(wanted.map(|(entry, _)| entry.to_vec()));
        at = first + width;
    }
    Ok(found)
}

/// Reading a bundle takes a while, and so does a search.
async fn in_the_background(work: impl FnOnce() -> Result<Option<Value>, ReadError> + Send + 'static) -> Response {
    guarded(match tokio::task::spawn_blocking(work).await {
        Ok(Ok(Some(answer))) => body::json(answer.to_string()),
        Ok(Ok(None)) => Status::not_found("no such entry").into_response(),
        Ok(Err(error)) => Status::internal("the log cannot be read").because(error.to_string()).into_response(),
        Err(_) => Status::internal("the log cannot be read").into_response(),
    })
}

fn guarded(mut response: Response) -> Response {
    let headers: [(HeaderName, &'static str); 4] = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-cache"),
    ];
    for (name, value) in headers {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests;
