//! Traces, as OpenTelemetry has them: what a request was made of, and how long each part took.
//!
//! A [`Span`] is over when it is dropped; it goes through a bounded queue to the [`Exporter`], and what does not fit is
//! left out and counted: a collector that is slow or gone holds no request up. Nobody's secrets are in a span, for its
//! texts are those that the journal has. Without a [`Tracer`] nothing is made.
//!
//! <https://opentelemetry.io/docs/specs/otel/trace/sdk/>, <https://www.w3.org/TR/trace-context/>

mod export;
mod otlp;
mod parent;
mod settings;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use tokio::sync::mpsc::{Sender, channel};

pub use export::Exporter;
pub use parent::Parent;
pub use settings::{Sampler, TraceError, TraceSettings};

use super::metrics::Counters;
use crate::base::limits;
use crate::service::http::{HttpClient, HttpError};

/// What a span is of: the numbers of `SpanKind` in OTLP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A part of the work.
    Internal,
    /// A request that was answered.
    Server,
    /// A question to another service.
    Client,
}

/// A text or a number that says more of a span.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Value {
    Text(String),
    Number(u64),
}

/// A span that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Ended {
    trace: u128,
    id: u64,
    parent: Option<u64>,
    name: &'static str,
    kind: Kind,
    /// Nanoseconds since 1970.
    start: u64,
    end: u64,
    attributes: Vec<(&'static str, Value)>,
    /// The code of what went wrong.
    failed: Option<&'static str>,
}

/// Makes traces. Clones make them together.
#[derive(Debug, Clone)]
pub struct Tracer(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    queue: Sender<Ended>,
    counts: Counters,
    sampler: Sampler,
    seed: u64,
    next: AtomicU64,
}

impl Tracer {
    /// A tracer, and what sends its spans; `counts` has the label `outcome`.
    ///
    /// # Errors
    ///
    /// [`HttpError::Setup`] when there is no randomness to begin with.
    pub fn new(settings: TraceSettings, counts: Counters) -> Result<(Self, Exporter), HttpError> {
        let mut seed = [0; 8];
        getrandom::fill(&mut seed).map_err(|error| HttpError::Setup(error.to_string()))?;
        let (queue, spans) = channel(limits::SPANS_QUEUED);
        let sampler = settings.sampler;
        let seed = u64::from_le_bytes(seed);
        let shared = Shared { queue, counts: counts.clone(), sampler, seed, next: AtomicU64::new(0) };
        let client = HttpClient::new(settings.http.clone());
        Ok((Self(Arc::new(shared)), Exporter::new(settings, client, spans, counts)))
    }

    /// A span of a request, in the trace that it names or in one of its own.
    pub fn request(&self, name: &'static str, parent: Option<Parent>) -> Span {
        let trace = parent.map_or_else(|| (u128::from(self.0.id()) << 64) | u128::from(self.0.id()), |p| p.trace);
        if !self.0.sampler.takes(trace, parent.map(|parent| parent.sampled)) {
            return Span(None);
        }
        Span::open(Arc::clone(&self.0), trace, parent.map(|parent| parent.span), name, Kind::Server)
    }
}

impl Shared {
    /// A number that no other span has: splitmix64 over a count from a random place.
    fn id(&self) -> u64 {
        let count = self.next.fetch_add(1, Ordering::Relaxed);
        let mut mixed = self.seed.wrapping_add(count.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        // Zero stands for none.
        (mixed ^ (mixed >> 31)).max(1)
    }

    fn end(&self, ended: Ended) {
        if self.queue.try_send(ended).is_err() {
            self.counts.count(&["dropped"]);
        }
    }
}

/// Where spans belong; nowhere by default.
#[derive(Debug, Clone, Default)]
pub struct Within(Option<(Arc<Shared>, u128, u64)>);

impl Within {
    /// A part of this.
    pub fn span(&self, name: &'static str, kind: Kind) -> Span {
        match &self.0 {
            Some((shared, trace, span)) => Span::open(Arc::clone(shared), *trace, Some(*span), name, kind),
            None => Span(None),
        }
    }

    /// The field `traceparent` that hands this on.
    pub fn traceparent(&self) -> Option<String> {
        let (_, trace, span) = self.0.as_ref()?;
        Some(Parent { trace: *trace, span: *span, sampled: true }.to_string())
    }
}

/// Something that takes time. It ends when it is dropped.
#[derive(Debug, Default)]
#[must_use]
pub struct Span(Option<Box<Open>>);

#[derive(Debug)]
struct Open {
    shared: Arc<Shared>,
    began: Instant,
    span: Ended,
}

impl Span {
    fn open(shared: Arc<Shared>, trace: u128, parent: Option<u64>, name: &'static str, kind: Kind) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let start = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        let (id, attributes) = (shared.id(), Vec::new());
        let span = Ended { trace, id, parent, name, kind, start, end: start, attributes, failed: None };
        Self(Some(Box::new(Open { shared, began: Instant::now(), span })))
    }

    /// Whether anybody will see it.
    pub fn is_seen(&self) -> bool {
        self.0.is_some()
    }

    /// Where its parts belong.
    pub fn within(&self) -> Within {
        Within(self.0.as_ref().map(|open| (Arc::clone(&open.shared), open.span.trace, open.span.id)))
    }

    /// Says more, cut at [`limits::JOURNAL_TEXT`].
    pub fn text(&mut self, name: &'static str, value: &str) {
        if let Some(open) = &mut self.0 {
            let value = value.chars().take(limits::JOURNAL_TEXT).collect();
            open.span.attributes.push((name, Value::Text(value)));
        }
    }

    /// Says how many, or how much.
    pub fn number(&mut self, name: &'static str, value: u64) {
        if let Some(open) = &mut self.0 {
            open.span.attributes.push((name, Value::Number(value)));
        }
    }

    /// It went wrong, by a stable code.
    pub fn fail(&mut self, code: &'static str) {
        if let Some(open) = &mut self.0 {
            open.span.failed = Some(code);
        }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        if let Some(Open { shared, began, mut span }) = self.0.take().map(|open| *open) {
            span.end = span.start.saturating_add(u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX));
            shared.end(span);
        }
    }
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
