//! Errors as grpc-gateway gives them: `{"code":3,"message":"…","details":[]}`, which the field's clients
//! print. <https://github.com/grpc/grpc/blob/master/doc/statuscodes.md>

use std::time::Duration;

use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use super::{Noted, body};
use crate::base::encoding::json::{Json, canonical};

/// An error answer: a gRPC code, its HTTP status, and a message for the caller. What the operator should
/// know and the caller should not goes to the journal only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    grpc: u8,
    http: StatusCode,
    message: String,
    /// For the operator only.
    cause: Option<String>,
    /// When to come again (RFC 9110 section 10.2.3), in seconds.
    retry_after: Option<u64>,
}

impl Status {
    fn new(grpc: u8, http: StatusCode, message: impl Into<String>) -> Self {
        Self { grpc, http, message: message.into(), cause: None, retry_after: None }
    }

    /// The request is wrong: 400.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(3, StatusCode::BAD_REQUEST, message)
    }

    /// The caller's credential is missing or not good: 401.
    pub fn unauthenticated(message: impl Into<String>) -> Self {
        Self::new(16, StatusCode::UNAUTHORIZED, message)
    }

    /// The caller may not do this: 403.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(7, StatusCode::FORBIDDEN, message)
    }

    /// Nothing there: 404.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(5, StatusCode::NOT_FOUND, message)
    }

    /// It exists already: 409.
    pub fn exists(message: impl Into<String>) -> Self {
        Self::new(6, StatusCode::CONFLICT, message)
    }

    /// Not by this method: 405.
    pub fn method_not_allowed() -> Self {
        Self::new(12, StatusCode::METHOD_NOT_ALLOWED, "this path does not take this method")
    }

    /// A body beyond its limit: 413.
    pub fn too_large(limit: usize) -> Self {
        Self::new(3, StatusCode::PAYLOAD_TOO_LARGE, format!("the body is longer than {limit} bytes"))
    }

    /// A media type that is not taken: 415.
    pub fn media_type(message: impl Into<String>) -> Self {
        Self::new(3, StatusCode::UNSUPPORTED_MEDIA_TYPE, message)
    }

    /// Too many requests by one caller: 429.
    pub fn exhausted(message: impl Into<String>) -> Self {
        Self::new(8, StatusCode::TOO_MANY_REQUESTS, message)
    }

    /// A fault of the server: 500.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(13, StatusCode::INTERNAL_SERVER_ERROR, message)
    }

    /// Not now: 503.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(14, StatusCode::SERVICE_UNAVAILABLE, message)
    }

    /// It took too long: 504.
    pub fn deadline(message: impl Into<String>) -> Self {
        Self::new(4, StatusCode::GATEWAY_TIMEOUT, message)
    }

    /// The same, with what the operator should know of it and the caller should not.
    #[must_use]
    pub fn because(self, cause: impl Into<String>) -> Self {
        Self { cause: Some(cause.into()), ..self }
    }

    /// The same, to be asked again after this time, in whole seconds.
    #[must_use]
    pub fn retry_after(self, wait: Duration) -> Self {
        Self { retry_after: Some(wait.as_millis().div_ceil(1000).max(1).try_into().unwrap_or(u64::MAX)), ..self }
    }

    /// The HTTP status.
    pub fn http(&self) -> u16 {
        self.http.as_u16()
    }

    /// Seconds until it should be asked again.
    pub fn seconds(&self) -> Option<u64> {
        self.retry_after
    }

    /// The message.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl IntoResponse for Status {
    fn into_response(self) -> Response {
        let noted = Noted::default().with("reason", self.message.as_str());
        let noted = match self.cause {
            Some(cause) => noted.with("cause", cause),
            None => noted,
        };
        let text = Json::Object(vec![
            ("code".into(), Json::Integer(self.grpc.into())),
            ("message".into(), Json::String(self.message.into())),
            ("details".into(), Json::Array(Vec::new())),
        ]);
        let mut response = body::json(canonical(&text).unwrap_or_default());
        *response.status_mut() = self.http;
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response.extensions_mut().insert(noted);
        response
    }
}
