//! How a stack is served beside what it answers: its certificate, its journal, and a listener for its operator.
//!
//! | route of the operator's listener | what it says |
//! | --- | --- |
//! | `/healthz` | the process answers |
//! | `/readyz` | 200 while requests are wanted; 503 once it ends, a log has failed or takes no entries, or its clock is doubted |
//! | `/metrics` | Prometheus's text format |

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use tokio::net::TcpListener;

use super::{Stack, StackError, tuf};
use crate::serve::metrics::{self, Gauge};
use crate::serve::{Journal, Metrics, Observer, Server, Status, body};

/// Between the word that it ends and its end, where an operator listens: a balancer has to hear of it.
const FAREWELL: Duration = Duration::from_secs(3);

/// What a stack is served with.
#[derive(Debug)]
pub struct Serving {
    server: Server,
    journal: Option<Journal>,
    operator: Option<TcpListener>,
}

impl Serving {
    /// With a server, without a journal.
    pub fn new(server: Server) -> Self {
        Self { server, journal: None, operator: None }
    }

    /// And a journal of what was asked of it.
    #[must_use]
    pub fn journal(self, journal: Journal) -> Self {
        Self { journal: Some(journal), ..self }
    }

    /// And a listener for its operator, in plain HTTP: for the machine itself, or a network of its own.
    #[must_use]
    pub fn operator(self, listener: TcpListener) -> Self {
        Self { operator: Some(listener), ..self }
    }
}

/// What the operator is told.
struct Operations {
    metrics: Metrics,
    sizes: [Gauge; 3],
    trusted_until: Gauge,
    unpublished: [Gauge; 2],
    /// Logs that its witness watches, and checkpoints in its evidence.
    witness: [Gauge; 2],
    stack: Arc<Stack>,
    ending: AtomicBool,
}

impl Operations {
    fn new(stack: Arc<Stack>, metrics: Metrics) -> Arc<Self> {
        let sizes = [
            metrics.gauge("sealmark_log_entries", "Entries of the transparency log."),
            metrics.gauge("sealmark_ct_entries", "Entries of the CT log."),
            metrics.gauge("sealmark_log_v1_entries", "Entries of the Rekor v1 log."),
        ];
        let trusted_until = metrics.gauge(
            "sealmark_tuf_timestamp_expires",
            "When clients stop believing the TUF repository, in Unix seconds.",
        );
        let unpublished = [
            metrics.gauge(
                "sealmark_log_unpublished_entries",
                "Entries of the transparency log that wait for witnesses or the bucket.",
            ),
            metrics.gauge(
                "sealmark_log_unpublished_seconds",
                "How long nothing came through to witnesses or the bucket, of any log.",
            ),
        ];
        let witness = [
            metrics.gauge("sealmark_witness_logs", "Logs that the witness watches."),
            metrics.gauge(
                "sealmark_witness_evidence",
                "Checkpoints that the witness keeps because they contradict others.",
            ),
        ];
        Arc::new(Self { metrics, sizes, trusted_until, unpublished, witness, stack, ending: AtomicBool::new(false) })
    }

    fn routes(self: &Arc<Self>) -> Router {
        let (ready, scraped) = (Arc::clone(self), Arc::clone(self));
        Router::new()
            .route("/readyz", get(async move || ready.ready()))
            .route("/metrics", get(async move || scraped.scrape()))
    }

    fn ready(&self) -> Response {
        if self.ending.load(Ordering::Relaxed) {
            return Status::unavailable("it is ending").into_response();
        }
        if let Some(reason) = self.stack.doubt() {
            return Status::unavailable(reason).into_response();
        }
        if self.stack.parts.are_held_up() {
            return Status::unavailable("a log waits for its witnesses or its bucket, and takes no entries")
                .into_response();
        }
        match self.stack.failure() {
            Some(_) => Status::unavailable("a log has failed").into_response(),
            None => body::json(r#"{"status":"READY"}"#.to_owned()),
        }
    }

    fn scrape(&self) -> Response {
        for (gauge, size) in self.sizes.iter().zip(self.stack.parts.sizes()) {
            gauge.set(size);
        }
        let parts = &self.stack.parts;
        let waiting = parts.rekor.as_ref().map_or(0, |log| log.log().unpublished());
        let numbers = [waiting, parts.unpublished_for().as_secs()];
        self.unpublished.iter().zip(numbers).for_each(|(gauge, number)| gauge.set(number));
        if let Some(witness) = &self.stack.parts.witness {
            let numbers = [witness.config().logs.len() as u64, witness.evidence()];
            self.witness.iter().zip(numbers).for_each(|(gauge, number)| gauge.set(number));
        }
        let until = tuf::expires(&self.stack.folder).map_or(0, |until| until.secs());
        self.trusted_until.set(u64::try_from(until).unwrap_or_default());
        body::typed(metrics::MEDIA_TYPE, self.metrics.render().into_bytes())
    }
}

impl Stack {
    /// Serves until `shutdown` completes, and lets requests in flight end. When a log fails, serving ends at
    /// once with its error: nothing can be acknowledged any more, and the process should end.
    pub async fn serve_with(self, serving: Serving, shutdown: impl Future<Output = ()>) -> Result<(), StackError> {
        let stack = Arc::new(self);
        let metrics = Metrics::default();
        let clock = stack.clock.clone();
        let journal = serving.journal.clone();
        let observer = serving.journal.map(|journal| Observer::new(&metrics, journal, move || clock.now()));
        let operations = Operations::new(Arc::clone(&stack), metrics);
        let operator = serving.operator.map(|listener| {
            let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
            let served = Server::new(listener).serve(operations.routes(), async { drop(stopped.await) });
            (stop, tokio::spawn(served))
        });
        let farewell = if operator.is_some() { FAREWELL } else { Duration::ZERO };
        let shutdown = async {
            shutdown.await;
            operations.ending.store(true, Ordering::Relaxed);
            tokio::time::sleep(farewell).await;
        };
        let server = match stack.parts.witness {
            // Logs keep their connections.
            Some(_) => serving.server.pooled(),
            None => serving.server,
        };
        let served = stack.serve_until(server, (observer.as_ref(), journal.as_ref()), shutdown).await;
        if let Some((stop, task)) = operator {
            drop(stop);
            // The operator's listener answers for nothing that was promised.
            let _ = task.await;
        }
        served
    }
}
