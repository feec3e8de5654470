//! Calls of any method whose answer the caller judges by its status: what a registry needs.

use std::time::{Duration, Instant};

use reqwest::header::{self, HeaderMap};

use super::{Endpoint, Failure, HttpClient, HttpError, Response, Service, answer, retry};
use crate::base::limits;

pub use reqwest::Method;

/// One call, whatever its method.
#[derive(Debug, Clone, Copy)]
pub struct Exchange<'a> {
    /// Whom it goes to; names the service in errors.
    pub service: Service,
    /// The method.
    pub method: &'a Method,
    /// Where.
    pub endpoint: &'a Endpoint,
    /// The header fields; those with secrets are marked sensitive.
    pub headers: &'a HeaderMap,
    /// The body; `None` sends none.
    pub body: Option<&'a [u8]>,
    /// Bytes of a successful answer that are read; a longer one is [`HttpError::TooLong`].
    pub limit: usize,
    /// Whether a failed attempt may be made again.
    pub repeat: Repeat,
    /// What must not appear in an error, should the service repeat it.
    pub secrets: &'a [&'a str],
}

/// Whether a call may be made again when it failed on the way, or met an overloaded server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// It has the same effect once or twice.
    Allowed,
    /// It continues something: a second one would be another.
    Never,
}

impl HttpClient {
    /// Makes a call and reads its answer, of any status but those that say "not now" to every attempt. Of an
    /// error's body the start is read.
    ///
    /// # Errors
    ///
    /// [`HttpError`], never [`HttpError::Refused`].
    pub async fn exchange(&self, call: &Exchange<'_>) -> Result<Response, HttpError> {
        let mut repetition = Repetition::new(self, call);
        loop {
            match self.read_once(call, repetition.left()).await {
                Ok(response) => return Ok(response),
                Err(failure) => repetition.wait(failure).await?,
            }
        }
    }

    /// Makes a call and leaves the body of its answer to be read piece by piece. Only opening is repeated.
    ///
    /// # Errors
    ///
    /// [`HttpError`], never [`HttpError::Refused`].
    pub async fn open(&self, call: &Exchange<'_>) -> Result<Streaming, HttpError> {
        let mut repetition = Repetition::new(self, call);
        let response = loop {
            match self.open_once(call, repetition.left()).await {
                Ok(response) => break response,
                Err(failure) => repetition.wait(failure).await?,
            }
        };
        let (service, url, patience) = (call.service, call.endpoint.to_string(), self.settings().attempt_timeout);
        Ok(Streaming { response, service, url, patience, started: Instant::now(), received: 0 })
    }

    async fn read_once(&self, call: &Exchange<'_>, timeout: Duration) -> Result<Response, Failure> {
        let mut response = self.request(call)?.timeout(timeout).send().await.map_err(Failure::transport)?;
        let status = response.status().as_u16();
        let headers = std::mem::take(response.headers_mut());
        let success = status < 400;
        let limit = if success { call.limit } else { limits::ERROR_RESPONSE_BYTES };
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(Failure::transport)? {
            if body.len() + chunk.len() > limit {
                if success {
                    return Err(Failure::TooLarge);
                }
                break;
            }
            body.extend_from_slice(&chunk);
        }
        if retry::is_transient(status) {
            return Err(Failure::Status { status, headers, body });
        }
        Ok(Response { status, headers, body })
    }

    async fn open_once(&self, call: &Exchange<'_>, timeout: Duration) -> Result<reqwest::Response, Failure> {
        let sent = tokio::time::timeout(timeout, self.request(call)?.send()).await;
        let response = sent.map_err(|_| Failure::timed_out())?.map_err(Failure::transport)?;
        let status = response.status().as_u16();
        if retry::is_transient(status) {
            return Err(Failure::Status { status, headers: response.headers().clone(), body: Vec::new() });
        }
        Ok(response)
    }

    fn request(&self, call: &Exchange<'_>) -> Result<reqwest::RequestBuilder, Failure> {
        let client = self.client(call.endpoint).map_err(Failure::Setup)?;
        let mut builder =
            client.request(call.method.clone(), call.endpoint.url().clone()).headers(call.headers.clone());
        if let Some((name, field)) = super::traceparent() {
            builder = builder.header(name, field);
        }
        Ok(match call.body {
            Some(body) => builder.body(body.to_vec()),
            // Of these the length is expected, of none too (RFC 9110 section 8.6); some servers answer 411 otherwise.
            None if [Method::POST, Method::PUT].contains(call.method) => builder.header(header::CONTENT_LENGTH, 0),
            None => builder,
        })
    }
}

/// The attempts of one call, within the budget.
struct Repetition<'c> {
    client: &'c HttpClient,
    call: &'c Exchange<'c>,
    deadline: Instant,
    attempts: u32,
}

impl<'c> Repetition<'c> {
    fn new(client: &'c HttpClient, call: &'c Exchange<'c>) -> Self {
        Self { client, call, deadline: Instant::now() + client.budget, attempts: 1 }
    }

    /// The time for the next attempt.
    fn left(&self) -> Duration {
        self.client.settings().attempt_timeout.min(self.deadline.saturating_duration_since(Instant::now()))
    }

    /// Waits for the next attempt, or gives the error when there is to be none.
    async fn wait(&mut self, failure: Failure) -> Result<(), HttpError> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        let pause = match self.call.repeat {
            Repeat::Allowed => retry::pause(&failure, self.attempts, self.client.settings(), left),
            Repeat::Never => None,
        };
        let Some(pause) = pause else {
            let with_root = self.client.settings().extra_roots.is_some();
            let hidden = answer::Hidden { secrets: self.call.secrets.to_vec(), limit: self.call.limit, with_root };
            return Err(failure.named(self.call.service, self.call.endpoint.to_string(), self.attempts, &hidden));
        };
        tokio::time::sleep(pause).await;
        self.attempts += 1;
        Ok(())
    }
}

/// An answer whose body is still to be read. Each piece must come in time, and the whole not slower than
/// [`limits::STREAM_RATE`].
#[derive(Debug)]
pub struct Streaming {
    response: reqwest::Response,
    service: Service,
    url: String,
    patience: Duration,
    started: Instant,
    received: u64,
}

impl Streaming {
    /// The status.
    pub fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// The header fields.
    pub fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// The next piece of the body, `None` at its end.
    ///
    /// # Errors
    ///
    /// [`HttpError::Unreachable`] when the connection breaks, stalls or crawls.
    pub async fn piece(&mut self) -> Result<Option<Vec<u8>>, HttpError> {
        let piece = match tokio::time::timeout(self.patience, self.response.chunk()).await {
            Ok(Ok(piece)) => piece,
            Ok(Err(error)) => return Err(self.broken(Failure::transport(error))),
            Err(_) => return Err(self.broken(Failure::timed_out())),
        };
        self.received += piece.as_ref().map_or(0, |piece| u64::try_from(piece.len()).unwrap_or(u64::MAX));
        let elapsed = self.started.elapsed();
        if piece.is_some() && elapsed > self.patience && self.received < elapsed.as_secs() * limits::STREAM_RATE {
            return Err(self.broken(Failure::timed_out()));
        }
        Ok(piece.map(|piece| piece.to_vec()))
    }

    /// The rest of the body, of which at most `limit` bytes are kept: the answer of an error.
    pub async fn start_of_body(&mut self, limit: usize) -> Vec<u8> {
        let mut body = Vec::new();
        while let Ok(Some(piece)) = self.piece().await {
            if body.len() + piece.len() > limit {
                break;
            }
            body.extend_from_slice(&piece);
        }
        body
    }

    fn broken(&self, failure: Failure) -> HttpError {
        failure.named(self.service, self.url.clone(), 1, &answer::Hidden::default())
    }
}
