//! The CT log's read path, under `/ct`.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use super::{CtLog, remote};
use crate::base::crypto::sha256;
use crate::base::encoding::hex;
use crate::base::limits;
use crate::serve::{Status, body};
use crate::stack::clock::Clock;
use crate::stack::log::read_path;

/// `/ct/checkpoint`, `/ct/tile/…` and `/ct/issuer/…`.
pub fn routes(log: Arc<CtLog>) -> Router {
    Router::new()
        .route("/ct/checkpoint", get(async |State(ct): State<Arc<CtLog>>| read_path::checkpoint(ct.log())))
        .route(
            "/ct/tile/{*path}",
            get(async |State(ct): State<Arc<CtLog>>, Path(path): Path<String>| {
                read_path::tile(ct, |ct| &ct.log, &path).await
            }),
        )
        .route("/ct/issuer/{fingerprint}", get(issuer))
        .with_state(log)
}

/// `/ct/v1/add-pre-chain`, for CAs in other processes.
pub fn submissions(log: Arc<CtLog>, clock: Clock) -> Router {
    let add = async |State((ct, clock)): State<(Arc<CtLog>, Clock)>, request: Body| {
        let added = match body::read(request, limits::CERTIFICATE_REQUEST_BYTES).await {
            Ok(request) => ct.add(&request, clock.now()).await,
            Err(status) => Err(status),
        };
        match added.map(|sct| remote::write(&sct)) {
            Ok(Some(sct)) => body::json(sct),
            Ok(None) => Status::internal("the SCT cannot be written").into_response(),
            Err(status) => status.into_response(),
        }
    };
    Router::new().route("/ct/v1/add-pre-chain", post(add)).with_state((log, clock))
}

/// The certificate of an issuer by its SHA-256.
async fn issuer(State(ct): State<Arc<CtLog>>, Path(fingerprint): Path<String>) -> Response {
    let found = ct.issuers().find(|issuer| hex::encode(&sha256(&[issuer.der()])) == fingerprint);
    match found {
        Some(issuer) => body::typed("application/pkix-cert", issuer.der().to_vec()),
        None => Status::not_found("no such issuer").into_response(),
    }
}
