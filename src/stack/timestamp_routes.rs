//! The timestamp authority over HTTP. A request names nobody: where there is a limit, it is of the address that asks.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use super::clock::Clock;
use super::rate::{Rate, RateLimit};
use super::tsa::TimestampAuthority;
use crate::base::limits;
use crate::serve::{Peer, Status, body};

/// What the routes share.
struct Desk {
    authority: Arc<TimestampAuthority>,
    clock: Clock,
    limit: Option<RateLimit>,
}

type Shared = State<Arc<Desk>>;

/// `/api/v1/timestamp` and `/api/v1/timestamp/certchain`.
pub(super) fn routes(authority: Arc<TimestampAuthority>, clock: Clock, rate: Option<Rate>) -> Router {
    Router::new()
        .route("/api/v1/timestamp", post(timestamp))
        .route("/api/v1/timestamp/certchain", get(certificate_chain))
        .with_state(Arc::new(Desk { authority, clock, limit: rate.map(RateLimit::new) }))
}

async fn timestamp(State(desk): Shared, peer: Option<Extension<Peer>>, headers: HeaderMap, request: Body) -> Response {
    let now = desk.clock.now();
    if let Some(limit) = &desk.limit
        && let Err(wait) = limit.take(&subject(peer.map(|peer| peer.0)), now)
    {
        return Status::exhausted("too many timestamps for this address; retry").retry_after(wait).into_response();
    }
    let request = match body::read(request, limits::TIMESTAMP_REQUEST_BYTES).await {
        Ok(request) => request,
        Err(status) => return status.into_response(),
    };
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let answer = desk.authority.respond(media_type, &request, desk.clock.now());
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, body::typed(answer.content_type, answer.body)).into_response()
}

async fn certificate_chain(State(desk): Shared) -> Response {
    body::typed("application/pem-certificate-chain", desk.authority.certificate_chain().into_bytes())
}

/// Who an address is: of IPv6 a whole network, of which a client has as many addresses as it likes (RFC 4291 section
/// 2.5.4).
fn subject(peer: Option<Peer>) -> String {
    match peer.map(|Peer(address)| address.to_canonical()) {
        Some(IpAddr::V6(address)) => format!("{:x?}", address.segments().get(..4)),
        Some(IpAddr::V4(address)) => address.to_string(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_an_address_is() {
        let of = |text: &str| subject(Some(Peer(text.parse().unwrap())));
        assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
    }
}
