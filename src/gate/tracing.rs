//! The spans of a review: its images, what registries were asked, and the verification.

use axum::http::HeaderMap;

use crate::serve::traces::{Kind, Parent, Span, Tracer, Within};
use crate::service::http::within_trace;

/// Makes the traces of a gate.
#[derive(Debug)]
pub(super) struct Tracing {
    pub(super) tracer: Tracer,
    /// Whether registries are told which trace their requests belong to.
    pub(super) handed_on: bool,
}

/// Where the spans of a review belong.
#[derive(Debug, Clone, Default)]
pub(super) struct Traced {
    within: Within,
    handed_on: bool,
}

impl Tracing {
    /// The span of a request.
    pub(super) fn request(&self, name: &'static str, headers: &HeaderMap) -> (Span, Traced) {
        let mut fields = headers.get_all("traceparent").iter();
        // Of several none is believed.
        let parent = match (fields.next(), fields.next()) {
            (Some(field), None) => field.to_str().ok().and_then(Parent::parse),
            _ => None,
        };
        let span = self.tracer.request(name, parent);
        let traced = Traced { within: span.within(), handed_on: self.handed_on };
        (span, traced)
    }
}

impl Traced {
    /// A part, and where its own parts belong.
    pub(super) fn part(&self, name: &'static str) -> (Span, Self) {
        let span = self.within.span(name, Kind::Internal);
        let traced = Self { within: span.within(), handed_on: self.handed_on };
        (span, traced)
    }

    /// A part that is over at once, or whose parts nobody looks at.
    pub(super) fn span(&self, name: &'static str) -> Span {
        self.within.span(name, Kind::Internal)
    }

    /// Asks somebody else, who is told of the trace where that is wanted.
    pub(super) async fn asking<T>(
        &self,
        name: &'static str,
        asked: &str,
        question: impl Future<Output = T>,
    ) -> (Span, T) {
        let mut span = self.within.span(name, Kind::Client);
        span.text("server.address", asked);
        let answer = match span.within().traceparent().filter(|_| self.handed_on) {
            Some(field) => within_trace(&field, question).await,
            None => question.await,
        };
        (span, answer)
    }
}
