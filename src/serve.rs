//! What every server stands on: TLS whose certificate may change, bounded connections, bounded requests, a
//! drain that ends, health, metrics, a journal, and errors in one form.
//!
//! * A connection has [`limits::HEAD_SECS`] for its handshake and for each request's head (a [`Server`] may
//!   grant more to idle clients) and is closed after the answer that [`limits::CONNECTION_SECS`] is over at;
//!   there are at most [`limits::CONNECTIONS`].
//! * A request, its body included, has [`limits::REQUEST_SECS`]; handlers read bodies through [`body::read`],
//!   which has a limit of bytes. A handler that panics answers 500 and harms no other request.
//! * On shutdown the listener closes, requests in flight have [`limits::DRAIN_SECS`] to end.

#[cfg(feature = "acme")]
pub mod acme;
pub mod body;
pub mod clients;
mod connection;
pub mod journal;
pub mod metrics;
pub mod observer;
pub mod status;
pub mod tls;
pub mod traces;

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::response::Response;
use axum::routing::get;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

pub use clients::Clients;
pub use connection::Peer;
pub use journal::Journal;
pub use metrics::Metrics;
pub use observer::{Noted, Observer};
pub use status::Status;
pub use tls::{ServingCertificate, TlsError};

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

/// Serves `router` in plain HTTP until `shutdown` completes, then lets what is in flight end.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    Server::new(listener).serve(router, shutdown).await
}

/// A listener and how connections to it are kept.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    certificate: Option<Arc<ServingCertificate>>,
    idle: Duration,
    request: Duration,
}

impl Server {
    /// Plain HTTP with the bounds of this module.
    pub fn new(listener: TcpListener) -> Self {
        let idle = Duration::from_secs(limits::HEAD_SECS);
        Self { listener, certificate: None, idle, request: Duration::from_secs(limits::REQUEST_SECS) }
    }

    /// HTTPS, with whatever certificate is in force when a client connects.
    #[must_use]
    pub fn tls(self, certificate: Arc<ServingCertificate>) -> Self {
        Self { certificate: Some(certificate), ..self }
    }

    /// Keeps connections for [`limits::IDLE_SECS`] without a request, for clients that pool theirs.
    #[must_use]
    pub fn pooled(self) -> Self {
        Self { idle: Duration::from_secs(limits::IDLE_SECS), ..self }
    }

    /// Another bound than [`limits::REQUEST_SECS`] on a request.
    #[must_use]
    pub fn request_within(self, request: Duration) -> Self {
        Self { request, ..self }
    }

    /// Serves `router` until `shutdown` completes, then lets what is in flight end.
    pub async fn serve(self, router: Router, shutdown: impl Future<Output = ()>) -> Result<(), ServeError> {
        let router = router
            .route("/healthz", get(health))
            .fallback(async || Status::not_found("no such path"))
            .method_not_allowed_fallback(async || Status::method_not_allowed());
        let (drain, draining) = watch::channel(());
        let slots = Arc::new(Semaphore::new(limits::CONNECTIONS));
        let mut connections = JoinSet::new();
        let mut shutdown = pin!(shutdown);
        loop {
            let accepted = async {
                let slot = Arc::clone(&slots).acquire_owned().await;
                (slot, self.listener.accept().await)
            };
            tokio::select! {
                () = &mut shutdown => break,
                (slot, accepted) = accepted => match accepted {
                    Ok((stream, peer)) => {
                        let tls = self.certificate.as_ref().map(|certificate| certificate.acceptor());
                        let kept = connection::Kept { idle: self.idle, request: self.request };
                        let connection =
                            connection::serve(stream, tls, router.clone(), (Peer(peer.ip()), kept), draining.clone());
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
        drop(self.listener);
        drop(drain);
        let ended = async { while connections.join_next().await.is_some() {} };
        if timeout(Duration::from_secs(limits::DRAIN_SECS), ended).await.is_err() {
            return Err(ServeError::Cut { requests: connections.len() });
        }
        Ok(())
    }
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

/// Health as Fulcio and Rekor answer it.
async fn health() -> Response {
    body::json(r#"{"status":"SERVING"}"#.to_owned())
}

#[cfg(test)]
mod tests;
