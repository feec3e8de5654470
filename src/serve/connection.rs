//! One connection: its handshake, its requests one after the other, and its end.

use std::convert::Infallible;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header::CONNECTION;
use axum::http::{HeaderValue, Response};
use axum::response::IntoResponse as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::Service as _;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::Status;
use crate::base::limits;

/// Who asks: the address at the other end of a request's connection, among its extensions. Behind a proxy it is the
/// proxy's; what a header says instead is anybody's word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// How a connection is kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Kept {
    /// For a request's head, idle time before it included.
    pub(super) idle: Duration,
    /// For a request, its body included.
    pub(super) request: Duration,
}

/// Serves one connection until the client ends it, its time is over, or the server drains.
pub(super) async fn serve(
    stream: TcpStream,
    tls: Option<TlsAcceptor>,
    router: Router,
    (peer, kept): (Peer, Kept),
    draining: watch::Receiver<()>,
) {
    // An answer is one small write: it must not wait for the acknowledgement of the one before.
    let _ = stream.set_nodelay(true);
    let Some(tls) = tls else { return requests(stream, router, (peer, kept), draining).await };
    // A handshake that fails or is slow is the client's: it trusts another authority, or speaks no TLS.
    if let Ok(Ok(stream)) = timeout(Duration::from_secs(limits::HEAD_SECS), tls.accept(stream)).await {
        // Who proves a name has seen the certificate, and asks for nothing (RFC 8737 section 3).
        if stream.get_ref().1.alpn_protocol() == Some(super::tls::CHALLENGE_PROTOCOL) {
            return;
        }
        requests(stream, router, (peer, kept), draining).await;
    }
}

async fn requests<S>(stream: S, router: Router, (peer, kept): (Peer, Kept), mut draining: watch::Receiver<()>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let life = Duration::from_secs(limits::CONNECTION_SECS);
    let old = Instant::now() + life;
    let router = TowerToHyperService::new(router);
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        let answer = timeout(kept.request, Guarded(router.call(request)));
        async move {
            let mut response =
                answer.await.unwrap_or_else(|_| Status::deadline("the request took too long").into_response());
            // The client learns of the end with an answer, and never finds its next request unread.
            if Instant::now() >= old {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(response)
        }
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(kept.idle)
        .max_buf_size(limits::HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut serving = pin!(serving);
    tokio::select! {
        // An error here is the client's: it left, or sent no HTTP.
        _ = serving.as_mut() => return,
        _ = draining.changed() => {}
        () = sleep(life + kept.idle) => {}
    }
    serving.as_mut().graceful_shutdown();
    let _ = timeout(kept.request, serving).await;
}

/// An answer whose panic is caught: the request is refused, its neighbours are not disturbed.
struct Guarded<F>(F);

impl<F> Future for Guarded<F>
where
    F: Future<Output = Result<Response<Body>, Infallible>> + Unpin,
{
    type Output = Response<Body>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Response<Body>> {
        let inner = Pin::new(&mut self.0);
        match catch_unwind(AssertUnwindSafe(|| inner.poll(context))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(Ok(response))) => Poll::Ready(response),
            Ok(Poll::Ready(Err(never))) => match never {},
            Err(_) => Poll::Ready(Status::internal("internal error").into_response()),
        }
    }
}
