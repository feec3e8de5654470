//! What a server tells its operator of the requests that it answers: counts and times by service, and a line in
//! the journal for each request that asked for something or was refused.
//!
//! A line has what the handler [`Noted`]: names, serial numbers, reasons; never a token, a body or a header. Reads
//! that succeed are counted and not written down: a log is read all day.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::Request;
use axum::http::Method;
use axum::middleware::{self, Next};
use axum::response::Response;

use super::journal::Line;
use super::metrics::{Counters, Seconds};
use super::{Journal, Metrics};
use crate::base::time::UnixTime;

/// What a handler wants written down beside a request; it goes with the answer, and not to the client.
#[derive(Debug, Clone, Default)]
pub struct Noted(Vec<(&'static str, String)>);

impl Noted {
    /// With one more.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.0.push((name, value.into()));
        self
    }
}

/// Counts and writes down requests. Clones count together.
#[derive(Clone)]
pub struct Observer {
    now: Arc<dyn Fn() -> UnixTime + Send + Sync>,
    requests: Counters,
    seconds: Seconds,
    journal: Journal,
}

impl Observer {
    /// An observer whose metrics are called `sealmark_requests_total` and `sealmark_request_seconds`.
    pub fn new(metrics: &Metrics, journal: Journal, now: impl Fn() -> UnixTime + Send + Sync + 'static) -> Self {
        let requests =
            metrics.counters("sealmark_requests_total", "Requests that were answered.", &["service", "status"]);
        let seconds = metrics.seconds("sealmark_request_seconds", "How long answers took.");
        Self { now: Arc::new(now), requests, seconds, journal }
    }

    /// The routes of a service, observed.
    pub fn observe(&self, service: &'static str, routes: Router) -> Router {
        let observer = self.clone();
        routes.layer(middleware::from_fn(move |request, next| {
            let observer = observer.clone();
            async move { observer.answer(service, request, next).await }
        }))
    }

    async fn answer(&self, service: &'static str, request: Request, next: Next) -> Response {
        let reads = request.method() == Method::GET || request.method() == Method::HEAD;
        let started = Instant::now();
        let mut response = next.run(request).await;
        let (took, status) = (started.elapsed(), response.status().as_u16());
        self.requests.count(&[service, class(status)]);
        self.seconds.observe(took);
        let noted = response.extensions_mut().remove::<Noted>().unwrap_or_default();
        if !reads || status >= 400 {
            self.write(service, status, took, noted);
        }
        response
    }

    fn write(&self, service: &'static str, status: u16, took: Duration, noted: Noted) {
        let line = Line::new((self.now)(), "request").text("service", service).number("status", status.into());
        let line = line.number("micros", u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
        self.journal.write(noted.0.iter().fold(line, |line, (name, value)| line.text(name, value)));
    }
}

/// A label for a status: a closed set, whatever a handler answers.
fn class(status: u16) -> &'static str {
    match status {
        0..300 => "2xx",
        300..400 => "3xx",
        429 => "429",
        400..500 => "4xx",
        503 => "503",
        _ => "5xx",
    }
}

impl fmt::Debug for Observer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observer").finish_non_exhaustive()
    }
}
