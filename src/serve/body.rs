//! Bodies: requests read within a limit, answers with their media type.

use std::future::poll_fn;
use std::pin::pin;

use axum::body::Body;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::Response;
use hyper::body::Body as _;

use super::Status;

/// Most bodies are shorter.
const USUAL_BYTES: usize = 64 << 10;

/// Reads a request's body, at most `limit` bytes.
pub async fn read(body: Body, limit: usize) -> Result<Vec<u8>, Status> {
    // The length that the head declares is refused before a byte is read; chunks are counted.
    if body.size_hint().lower() > limit as u64 {
        return Err(Status::too_large(limit));
    }
    let mut body = pin!(body);
    // What is declared is no reason to set aside more than a usual body needs.
    let declared = usize::try_from(body.size_hint().lower()).unwrap_or(0);
    let mut bytes = Vec::with_capacity(declared.min(USUAL_BYTES));
    while let Some(frame) = poll_fn(|context| body.as_mut().poll_frame(context)).await {
        let frame = frame.map_err(|_| Status::invalid("the request's body ended early"))?;
        let data = frame.into_data().unwrap_or_default();
        if data.len() > limit - bytes.len() {
            return Err(Status::too_large(limit));
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

/// An answer of JSON.
pub fn json(text: String) -> Response {
    typed("application/json", text.into_bytes())
}

/// An answer of any media type.
pub fn typed(media_type: &'static str, bytes: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(bytes));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}
