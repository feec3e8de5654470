//! A witness over HTTP.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;

use super::{Answer, Witness};
use crate::base::limits;
use crate::serve::{Status, body};

/// `/add-checkpoint`.
pub(super) fn routes(witness: Arc<Witness>) -> Router {
    Router::new().route("/add-checkpoint", post(add)).with_state(witness)
}

async fn add(State(witness): State<Arc<Witness>>, request: Body) -> Response {
    let bytes = match body::read(request, limits::SUBMISSION_BYTES).await {
        Ok(bytes) => bytes,
        Err(status) => return status.into_response(),
    };
    // It waits for the disk.
    match tokio::task::spawn_blocking(move || witness.add(&bytes)).await {
        Ok(answer) => answer.into_response(),
        Err(_) => Status::internal("the witness failed").into_response(),
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let words =
            |status, text: &str| (status, body::typed("text/plain; charset=utf-8", text.into())).into_response();
        match self {
            Self::Cosigned(lines) => body::typed("text/plain; charset=utf-8", lines.into_bytes()),
            Self::Malformed => words(StatusCode::BAD_REQUEST, "no submission\n"),
            Self::UnknownLog => words(StatusCode::NOT_FOUND, "no log that is watched here\n"),
            Self::Untrusted => words(StatusCode::FORBIDDEN, "not signed by the log's key\n"),
            Self::Conflict { size } => {
                let known = body::typed("text/x.tlog.size", format!("{size}\n").into_bytes());
                (StatusCode::CONFLICT, known).into_response()
            }
            Self::Inconsistent => words(StatusCode::UNPROCESSABLE_ENTITY, "the proof does not hold\n"),
            Self::Failed => words(StatusCode::INTERNAL_SERVER_ERROR, "it could not be remembered\n"),
        }
    }
}
