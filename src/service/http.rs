//! The one HTTP client of every service: https only (http on loopback), no redirects, bounded in time
//! and size, repeated with jitter within a budget, and silent about secrets.
//!
//! TLS is rustls with the `aws-lc-rs` provider, installed here and nowhere else, over the roots of
//! `webpki-roots` and those that the settings add. Proxies are those of [`Settings`]; loopback is never
//! reached through one.

mod answer;
mod error;
mod exchange;
#[cfg(test)]
pub(crate) mod fake;
mod reach;
mod retry;
mod settings;

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};

use crate::base::limits;
use crate::base::time::UnixTime;

pub use answer::excerpt;
pub(in crate::service) use answer::without;
pub use error::{HttpError, Service};
pub use exchange::{Exchange, Method, Repeat, Streaming};
pub use reach::{Reach, is_public_address};
use settings::ServerIdentity;
pub use settings::{ClientCertificate, Endpoint, Proxies, Settings};

tokio::task_local! {
    static TRACEPARENT: HeaderValue;
}

/// Does something whose calls say which trace they belong to (<https://www.w3.org/TR/trace-context/>). Tasks that it
/// spawns do not.
pub async fn within_trace<T>(traceparent: &str, work: impl Future<Output = T>) -> T {
    match HeaderValue::from_str(traceparent) {
        Ok(field) => TRACEPARENT.scope(field, work).await,
        Err(_) => work.await,
    }
}

/// The field by which a call says so.
fn traceparent() -> Option<(HeaderName, HeaderValue)> {
    TRACEPARENT.try_with(|field| (HeaderName::from_static("traceparent"), field.clone())).ok()
}

/// One call of a service.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Whom it goes to; names the service in errors.
    pub service: Service,
    /// Where.
    pub endpoint: &'a Endpoint,
    /// The media type that is asked for.
    pub accept: &'static str,
    /// The body and its media type; `None` is a GET.
    pub body: Option<(&'static str, &'a [u8])>,
    /// Sent as `Authorization: Bearer …`.
    pub bearer: Option<&'a str>,
    /// The statuses that the caller reads; any other is an error.
    pub expected: &'static [u16],
    /// What must not appear in an error, should the service repeat it; `bearer` never does.
    pub secrets: &'a [&'a str],
}

/// An answer with one of the expected statuses.
#[derive(Debug, Clone)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// The header fields.
    pub headers: HeaderMap,
    /// The body, at most [`limits::RESPONSE_BYTES`].
    pub body: Vec<u8>,
}

impl Response {
    /// The service's clock (`Date`), when it says.
    pub fn date(&self) -> Option<UnixTime> {
        retry::http_date(self.headers.get(header::DATE)?.to_str().ok()?)
    }
}

/// The client. Clones share their connections.
#[derive(Debug, Clone)]
pub struct HttpClient {
    shared: Arc<Shared>,
    /// For a call with all its attempts and pauses.
    budget: Duration,
}

#[derive(Debug)]
struct Shared {
    settings: Settings,
    identity: ServerIdentity,
    /// For loopback: no proxy.
    direct: OnceLock<reqwest::Client>,
    /// For everywhere else.
    remote: OnceLock<reqwest::Client>,
}

impl HttpClient {
    /// A client; nothing is opened before the first call.
    pub fn new(settings: Settings) -> Self {
        Self::of(settings, ServerIdentity::Proven)
    }

    /// A client for what is known by its digest, whoever sends it: the server proves nothing of itself.
    pub(in crate::service) fn for_known_content(settings: Settings) -> Self {
        Self::of(settings, ServerIdentity::Anybody)
    }

    fn of(settings: Settings, identity: ServerIdentity) -> Self {
        let budget = settings.budget;
        Self {
            shared: Arc::new(Shared { settings, identity, direct: OnceLock::new(), remote: OnceLock::new() }),
            budget,
        }
    }

    /// The same client, whose calls have this share of its budget: for services that others can stand in for.
    #[must_use]
    pub fn with_share(&self, parts: u32) -> Self {
        Self { shared: Arc::clone(&self.shared), budget: self.budget / parts.max(1) }
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.shared.settings
    }

    /// Calls a service, repeating within the budget what failed on the way or met an overloaded server.
    ///
    /// Every call of this crate may be repeated: a CA takes the same token again, a log answers a
    /// duplicate with the entry that it has, a timestamp authority and a token endpoint keep no state.
    ///
    /// # Errors
    ///
    /// [`HttpError`]; it names the service, the URL without its query, and what was answered.
    pub async fn send(&self, request: Request<'_>) -> Result<Response, HttpError> {
        let settings = self.settings();
        let client = self.client(request.endpoint)?;
        let deadline = Instant::now() + self.budget;
        let mut attempt = 1;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let outcome = self.attempt(client, &request, settings.attempt_timeout.min(left)).await;
            let failure = match outcome {
                Ok(response) => return Ok(response),
                Err(failure) => failure,
            };
            let left = deadline.saturating_duration_since(Instant::now());
            match retry::pause(&failure, attempt, settings, left) {
                Some(pause) => tokio::time::sleep(pause).await,
                None => return Err(failure.into_error(&request, attempt, settings.extra_roots.is_some())),
            }
            attempt += 1;
        }
    }

    fn client(&self, endpoint: &Endpoint) -> Result<&reqwest::Client, HttpError> {
        let loopback = endpoint.is_loopback();
        let reach = self.settings().reach;
        let here = reach != Reach::Any && loopback;
        if here || reach == Reach::Nowhere || endpoint.address().is_some_and(|address| !reach.admits(address)) {
            return Err(reach::refused(reach));
        }
        let slot = if loopback { &self.shared.direct } else { &self.shared.remote };
        if let Some(client) = slot.get() {
            return Ok(client);
        }
        let client = self.settings().build(loopback, self.shared.identity)?;
        Ok(slot.get_or_init(|| client))
    }

    async fn attempt(
        &self,
        client: &reqwest::Client,
        request: &Request<'_>,
        timeout: Duration,
    ) -> Result<Response, Failure> {
        let url = request.endpoint.url().clone();
        let mut builder = match request.body {
            Some((media_type, body)) => client.post(url).header(header::CONTENT_TYPE, media_type).body(body.to_vec()),
            None => client.get(url),
        };
        builder = builder.header(header::ACCEPT, request.accept).timeout(timeout);
        if let Some(bearer) = request.bearer {
            let mut value = HeaderValue::from_str(&format!("Bearer {bearer}")).map_err(|_| Failure::Unsendable)?;
            value.set_sensitive(true);
            builder = builder.header(header::AUTHORIZATION, value);
        }
        if let Some((name, field)) = traceparent() {
            builder = builder.header(name, field);
        }
        let mut response = builder.send().await.map_err(Failure::transport)?;
        let status = response.status().as_u16();
        let headers = std::mem::take(response.headers_mut());
        let expected = request.expected.contains(&status);
        let limit = if expected { limits::RESPONSE_BYTES } else { limits::ERROR_RESPONSE_BYTES };
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(Failure::transport)? {
            if body.len() + chunk.len() > limit {
                if expected {
                    return Err(Failure::TooLarge);
                }
                break;
            }
            body.extend_from_slice(&chunk);
        }
        if expected { Ok(Response { status, headers, body }) } else { Err(Failure::Status { status, headers, body }) }
    }
}

/// Why one attempt failed.
#[derive(Debug)]
enum Failure {
    /// A token that cannot stand in a header field.
    Unsendable,
    /// The client could not be set up, or does not go there.
    Setup(HttpError),
    /// The other side is not who it should be, or speaks no TLS that we do.
    Tls(String),
    /// The host is where it may not be.
    OutOfReach(String),
    /// Nothing was answered, or not all of it.
    Transport(String),
    /// A status that the caller does not read.
    Status { status: u16, headers: HeaderMap, body: Vec<u8> },
    /// More than the limit was answered.
    TooLarge,
}

impl Failure {
    /// The causes of a transport error, without the URL: its query may hold a secret.
    fn transport(error: reqwest::Error) -> Self {
        let (timeout, connecting) = (error.is_timeout(), error.is_connect());
        let error = error.without_url();
        let mut cause: Option<&dyn std::error::Error> = std::error::Error::source(&error);
        let mut text = if timeout { "timed out".to_owned() } else { error.to_string() };
        while let Some(inner) = cause {
            if let Some(tls) = tls_error(inner) {
                return Self::Tls(tls.to_string());
            }
            if let Some(error) = inner.downcast_ref::<reach::OutOfReach>() {
                return Self::OutOfReach(error.to_string());
            }
            let words = inner.to_string();
            // Of a connection that was not made, the system's own words say what there is to say.
            if connecting && !timeout {
                text = words;
            } else if !text.contains(&words) {
                text.push_str(": ");
                text.push_str(&words);
            }
            cause = inner.source();
        }
        Self::Transport(text)
    }

    fn timed_out() -> Self {
        Self::Transport("timed out".to_owned())
    }

    fn into_error(self, request: &Request<'_>, attempts: u32, with_root: bool) -> HttpError {
        let mut secrets = request.secrets.to_vec();
        secrets.extend(request.bearer);
        let hidden = answer::Hidden { secrets, limit: limits::RESPONSE_BYTES, with_root };
        self.named(request.service, request.endpoint.to_string(), attempts, &hidden)
    }

    /// This failure with the names of who was called.
    fn named(self, service: Service, url: String, attempts: u32, hidden: &answer::Hidden<'_>) -> HttpError {
        let secrets = hidden.secrets.as_slice();
        match self {
            Self::Setup(error) => error,
            Self::Unsendable => HttpError::Malformed { service, url, problem: "the token is not text for a header" },
            Self::TooLarge => HttpError::TooLong { service, url, limit: hidden.limit },
            Self::Tls(cause) => HttpError::Tls { service, url, cause, with_root: hidden.with_root },
            Self::OutOfReach(cause) => HttpError::OutOfReach { service, url, cause },
            Self::Transport(cause) => {
                HttpError::Unreachable { service, url, attempts, cause: answer::hide(&cause, secrets) }
            }
            Self::Status { status, headers, body } => {
                let answer = excerpt(&body, secrets);
                if retry::is_transient(status) {
                    let asks = retry::asked(&headers);
                    HttpError::Unavailable { service, url, status, attempts, asks, answer }
                } else {
                    HttpError::Refused { service, url, status, answer }
                }
            }
        }
    }
}

/// The TLS error that `cause` is, or that I/O errors wrap.
fn tls_error<'e>(cause: &'e (dyn std::error::Error + 'static)) -> Option<&'e rustls::Error> {
    let mut cause = cause;
    while let Some(wrapped) = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
        cause = wrapped;
    }
    cause.downcast_ref()
}

#[cfg(test)]
mod tests;
