//! Sends spans to a collector, many at a time, by OTLP over HTTP in JSON.

use std::pin::pin;
use std::time::Duration;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use tokio::sync::mpsc::Receiver;
use tokio::time::{Instant, timeout_at};

use super::otlp;
use super::{Ended, TraceSettings};
use crate::base::code::Code;
use crate::base::encoding::json::Json;
use crate::base::limits;
use crate::serve::metrics::Counters;
use crate::service::http::{Exchange, HttpClient, Method, Repeat, Service};

/// Spans of so long a time go out together.
const MOMENT: Duration = Duration::from_secs(1);

/// Sends what a [`Tracer`](super::Tracer) makes.
#[derive(Debug)]
pub struct Exporter {
    settings: TraceSettings,
    client: HttpClient,
    spans: Receiver<Ended>,
    counts: Counters,
}

/// What became of a batch.
enum Sent {
    Taken,
    /// How many were not taken, and why.
    Not(u64, Code, String),
}

impl Exporter {
    pub(super) fn new(settings: TraceSettings, client: HttpClient, spans: Receiver<Ended>, counts: Counters) -> Self {
        Self { settings, client, spans, counts }
    }

    /// Sends spans until `ending` completes, and then those that are left. `told` hears of the first batch that is not
    /// taken after one that was.
    pub async fn run(mut self, ending: impl Future<Output = ()>, told: impl Fn(Code, &str)) {
        let mut ending = pin!(ending);
        let mut well = true;
        loop {
            let mut batch = Vec::new();
            tokio::select! {
                () = &mut ending => break,
                found = self.spans.recv_many(&mut batch, limits::SPANS_SENT) => if found == 0 { break },
            }
            let until = Instant::now() + MOMENT;
            while batch.len() < limits::SPANS_SENT {
                let room = limits::SPANS_SENT - batch.len();
                match timeout_at(until, self.spans.recv_many(&mut batch, room)).await {
                    Ok(1..) => {}
                    Ok(0) | Err(_) => break,
                }
            }
            self.send(&batch, &mut well, &told).await;
        }
        loop {
            let mut batch = Vec::new();
            while batch.len() < limits::SPANS_SENT {
                match self.spans.try_recv() {
                    Ok(span) => batch.push(span),
                    Err(_) => break,
                }
            }
            if batch.is_empty() {
                return;
            }
            self.send(&batch, &mut well, &told).await;
        }
    }

    async fn send(&self, batch: &[Ended], well: &mut bool, told: &impl Fn(Code, &str)) {
        let all = batch.len() as u64;
        match self.deliver(batch).await {
            Sent::Taken => {
                self.counts.add(&["exported"], all);
                *well = true;
            }
            Sent::Not(number, code, what) => {
                self.counts.add(&["refused"], number.min(all));
                self.counts.add(&["exported"], all.saturating_sub(number));
                if std::mem::take(well) {
                    told(code, &what);
                }
            }
        }
    }

    async fn deliver(&self, batch: &[Ended]) -> Sent {
        let body = otlp::request(&self.settings.resource, batch);
        let mut headers = self.settings.headers.clone();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let secrets: Vec<&str> = self.settings.secrets.iter().map(String::as_str).collect();
        let call = Exchange {
            service: Service::TraceCollector,
            method: &Method::POST,
            endpoint: &self.settings.endpoint,
            headers: &headers,
            body: Some(body.as_bytes()),
            limit: limits::ERROR_RESPONSE_BYTES,
            repeat: Repeat::Allowed,
            secrets: &secrets,
        };
        let all = batch.len() as u64;
        let code =
            Code::undecided("traces-refused", "see whether the URL is that of an OTLP receiver for HTTP and JSON");
        match self.client.exchange(&call).await {
            Ok(answer) if answer.status < 300 => match rejected(&answer.body) {
                0 => Sent::Taken,
                number => Sent::Not(number, code, format!("the collector took all but {number} spans")),
            },
            Ok(answer) => Sent::Not(all, code, format!("the collector answered {}", answer.status)),
            Err(error) => Sent::Not(all, error.code(), error.to_string()),
        }
    }
}

/// How many spans the collector says that it did not take (`partialSuccess`).
fn rejected(body: &[u8]) -> u64 {
    let Ok(json) = Json::parse(body) else { return 0 };
    match json.member("partialSuccess").and_then(|part| part.member("rejectedSpans")) {
        Some(Json::Integer(number)) => u64::try_from(*number).unwrap_or(0),
        Some(Json::String(number)) => number.parse().unwrap_or(0),
        _ => 0,
    }
}
