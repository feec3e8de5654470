//! What every server stands on: bounded connections, bounded requests, a drain that ends, health, and
//! errors in one form.
//!
//! * A connection has [`limits::HEAD_SECS`] for each request's head and [`limits::CONNECTION_SECS`] in all;
//!   there are at most [`limits::CONNECTIONS`].
//! * A request, its body included, has [`limits::REQUEST_SECS`]; handlers read bodies through [`body::read`],
//!   which has a limit of bytes.
//! * On shutdown the listener closes, requests in flight have [`limits::DRAIN_SECS`] to end.

pub mod body;
pub mod status;

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

pub use status::Status;

use crate::base::code::Code;
use crate::base::limits;

/// A server did not end well.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Bind {
        /// The address.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// Requests were still running when the time to drain was over.
    #[error("{requests} connections were cut after {limit} s of draining", limit = limits::DRAIN_SECS)]
    Cut {
        /// Connections.
        requests: usize,
    },
}

impl ServeError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Bind { .. } => Code::undecided("serve-bind", "choose another port, or stop what listens there"),
            Self::Cut { .. } => Code::undecided("serve-cut", "clients were too slow to read their answers"),
        }
    }
}

/// Listens on an address.
pub async fn bind(address: &str) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).await.map_err(|source| ServeError::Bind { address: address.to_owned(), source })
}

/// Serves `router` until `shutdown` completes, then lets what is in flight end.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    let router = router
        .route("/healthz", get(health))
        .fallback(async || Status::not_found("no such path"))
        .method_not_allowed_fallback(async || Status::method_not_allowed())
        .layer(middleware::from_fn(in_time));
    let (drain, draining) = watch::channel(());
    let slots = Arc::new(Semaphore::new(limits::CONNECTIONS));
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = async {
            let slot = Arc::clone(&slots).acquire_owned().await;
            (slot, listener.accept().await)
        };
        tokio::select! {
            () = &mut shutdown => break,
            (slot, accepted) = accepted => match accepted {
                Ok((stream, _)) => {
                    let connection = connection(stream, router.clone(), draining.clone());
                    connections.spawn(async move {
                        connection.await;
                        drop(slot);
                    });
                }
                // Out of descriptors, or a client that left at once: neither is a reason to spin.
                Err(_) => sleep(Duration::from_millis(20)).await,
            },
            // Ended connections are collected as they end.
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    drop(drain);
    let ended = async { while connections.join_next().await.is_some() {} };
    if timeout(Duration::from_secs(limits::DRAIN_SECS), ended).await.is_err() {
        return Err(ServeError::Cut { requests: connections.len() });
    }
    Ok(())
}

/// Completes when the process is asked to end: SIGINT or SIGTERM.
pub async fn asked_to_end() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            return;
        }
    }
    // Without a handler for a signal its default remains, which ends the process: a log loses nothing by it.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Serves one connection until the client ends it, its time is over, or the server drains.
async fn connection(stream: TcpStream, router: Router, mut draining: watch::Receiver<()>) {
    // An answer is one small write: it must not wait for the acknowledgement of the one before.
    let _ = stream.set_nodelay(true);
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(limits::HEAD_SECS))
        .max_buf_size(limits::HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut serving = pin!(serving);
    tokio::select! {
        // An error here is the client's: it left, or sent no HTTP.
        _ = serving.as_mut() => return,
        _ = draining.changed() => {}
        () = sleep(Duration::from_secs(limits::CONNECTION_SECS)) => {}
    }
    serving.as_mut().graceful_shutdown();
    let _ = timeout(Duration::from_secs(limits::REQUEST_SECS), serving).await;
}

/// Ends a request that takes too long.
async fn in_time(request: Request, next: Next) -> Response {
    match timeout(Duration::from_secs(limits::REQUEST_SECS), next.run(request)).await {
        Ok(response) => response,
        Err(_) => Status::deadline("the request took too long").into_response(),
    }
}

/// Health as Fulcio and Rekor answer it.
async fn health() -> Response {
    body::json(r#"{"status":"SERVING"}"#.to_owned())
}

#[cfg(test)]
mod tests;
