//! The deploy gates: webhooks that a Kubernetes API server asks before it keeps an object ([`admission`]), and
//! verdicts over HTTP for pipelines and deployment tools ([`http`]). Both ask the one function that the command
//! line asks, [`crate::admit::image`], about one image under one policy.
//!
//! ```text
//! request ─► namespace chooses a policy ─► image ─► tag resolved ─► verdict kept? ─► registry ─► verify, policy
//!              (settings, never labels)              (each time)     by digest, repository,     within bounds
//!                                                                    policy and trust version   of its own
//! ```
//!
//! A gate fails closed and says so: what could not be looked at is a no with the word "could not", a panic is one,
//! and so is a deadline. Policies, trust and the certificate are replaced while it runs, whole or not at all.

mod addresses;
pub mod admission;
mod cache;
mod events;
pub mod http;
mod judge;
pub mod manifests;
mod metrics;
mod registries;
pub mod settings;
mod snapshot;
mod tracing;
mod verdict;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::http::HeaderMap;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

pub use addresses::{AddressError, Stores};
pub use events::{EventsError, Recorder, event_settings};
pub use registries::RegistryError;
pub use snapshot::{LoadedPolicy, PolicySource, Reload, Snapshot, SnapshotError, Sources, State, TrustSource};
pub use verdict::{Admission, Objection, Verdict};

use crate::base::code::Code;
use crate::base::limits;
use crate::policy::Mode;
use crate::serve::journal::Line;
use crate::serve::traces::{Exporter, Span, TraceSettings, Tracer};
use crate::serve::{Clients, Journal, ServingCertificate, Status, body, clients, tls};
use crate::service::environment::Environment;
use crate::service::http::HttpError;
use crate::service::kubernetes::ApiServer;
use events::Events;
use judge::Judge;
use metrics::GateMetrics;
use tracing::{Traced, Tracing};

/// A gate: what it decides by, what it keeps, and where it writes.
#[derive(Debug)]
pub struct Gate {
    environment: Arc<dyn Environment>,
    state: State,
    judge: Arc<Judge>,
    journal: Journal,
    metrics: GateMetrics,
    certificate: Option<Arc<ServingCertificate>>,
    clients: OnceLock<Arc<Clients>>,
    tracing: OnceLock<Tracing>,
    events: OnceLock<Events>,
    draining: AtomicBool,
}

impl Gate {
    /// A gate over registries.
    pub fn new(
        environment: Arc<dyn Environment>,
        state: State,
        stores: Stores,
        journal: Journal,
        certificate: Option<Arc<ServingCertificate>>,
    ) -> Arc<Self> {
        let metrics = GateMetrics::new();
        let judge = Judge::new(stores, Arc::clone(&environment), metrics.lookup_seconds.clone());
        let judge = Arc::new(judge);
        let gate = Self {
            environment,
            state,
            judge,
            journal,
            metrics,
            certificate,
            clients: OnceLock::new(),
            tracing: OnceLock::new(),
            events: OnceLock::new(),
            draining: AtomicBool::new(false),
        };
        gate.measure();
        Arc::new(gate)
    }

    /// Asks who asks for verdicts over HTTP: one of these clients, or nobody. Once said it stays so.
    pub fn only_for(&self, clients: Arc<Clients>) {
        let _ = self.clients.set(clients);
    }

    /// Makes traces, of which registries are told when `handed_on`. What sends them is to be run
    /// ([`Exporter::run`]) with [`Gate::tell`]. Once said it stays so.
    ///
    /// # Errors
    ///
    /// [`HttpError::Setup`] when the system has no randomness to give.
    pub fn trace(&self, settings: TraceSettings, handed_on: bool) -> Result<Exporter, HttpError> {
        let (tracer, exporter) = Tracer::new(settings, self.metrics.spans())?;
        let _ = self.tracing.set(Tracing { tracer, handed_on });
        Ok(exporter)
    }

    /// Has denials and warnings noted in the cluster. What writes them is to be run ([`Recorder::run`]) with
    /// [`Gate::tell`]. Once said it stays so.
    pub fn note_events(&self, server: ApiServer) -> Recorder {
        let (events, recorder) = events::start(server, self.metrics.events(), Arc::clone(&self.environment));
        let _ = self.events.set(events);
        recorder
    }

    /// Writes down that something beside the gate's own work fails.
    pub fn tell(&self, event: &str, code: Code, what: &str) {
        self.journal.write(Line::new(self.environment.now(), event).text("code", code.name()).text("what", what));
    }

    /// The span of a request, and where its parts belong; nothing where nobody traces.
    fn traced(&self, name: &'static str, headers: &HeaderMap) -> (Span, Traced) {
        self.tracing.get().map(|tracing| tracing.request(name, headers)).unwrap_or_default()
    }

    /// The admission webhooks, with health and metrics.
    pub fn admission(self: &Arc<Self>) -> Router {
        admission::routes(Arc::clone(self)).merge(self.operations())
    }

    /// Verdicts on demand, with health and metrics.
    pub fn http(self: &Arc<Self>) -> Router {
        http::routes(Arc::clone(self)).merge(self.operations())
    }

    fn operations(self: &Arc<Self>) -> Router {
        let (ready, measured) = (Arc::clone(self), Arc::clone(self));
        Router::new()
            .route("/readyz", get(async move || ready.readiness()))
            .route("/metrics", get(async move || measured.measured()))
    }

    fn readiness(&self) -> Response {
        if self.draining.load(Ordering::Relaxed) {
            return Status::unavailable("the gate is ending").into_response();
        }
        body::json(r#"{"status":"SERVING"}"#.to_owned())
    }

    fn measured(&self) -> Response {
        self.measure();
        body::typed(crate::serve::metrics::MEDIA_TYPE, self.metrics.render().into_bytes())
    }

    /// Sets what is measured when it is asked for.
    fn measure(&self) {
        let (kept, paused) = self.judge.counts();
        let (snapshot, now) = (self.state.current(), self.environment.now());
        let of_mode = |mode| snapshot.settings.namespaces.iter().filter(|entry| entry.mode == mode).count();
        let broken = snapshot.settings.break_glass.iter().filter(|entry| now < entry.until).count();
        let expires =
            self.certificate.as_ref().and_then(|certificate| certificate.validity()).map_or(0, |(_, end)| end.secs());
        let metrics = &self.metrics;
        for (gauge, value) in [
            (&metrics.kept, kept),
            (&metrics.paused, paused),
            (&metrics.warning, of_mode(Mode::Warn)),
            (&metrics.auditing, of_mode(Mode::Audit)),
            (&metrics.broken, broken),
            (&metrics.expires, usize::try_from(expires).unwrap_or(0)),
        ] {
            gauge.set(value as u64);
        }
    }

    /// What an operator must not overlook, one sentence each: namespaces where nothing is denied.
    pub fn cautions(&self) -> Vec<String> {
        let (snapshot, now) = (self.state.current(), self.environment.now());
        let lenient = snapshot.settings.namespaces.iter().filter(|entry| entry.mode != Mode::Enforce);
        let lenient = lenient.map(|entry| {
            let (names, mode) = (entry.describe(), entry.mode);
            format!("NOTHING IS DENIED in namespaces {names}: policy {} is in mode {mode}", entry.policy)
        });
        let broken = snapshot.settings.break_glass.iter().filter(|entry| now < entry.until);
        let broken = broken.map(|entry| {
            let (namespace, until, reason) = (&entry.namespace, entry.until, &entry.reason);
            format!("EVERYTHING IS ALLOWED in namespace {namespace} until {until}: {reason}")
        });
        let policies = snapshot.policies().filter_map(|loaded| {
            let mode = loaded.mode()?;
            Some(format!("NOT EVERYTHING IS DENIED: policy {} has scopes in mode {mode}", loaded.name))
        });
        lenient.chain(policies).chain(broken).collect()
    }

    /// Writes down what is decided by, and what must not be overlooked.
    pub fn announce(&self) {
        let now = self.environment.now();
        self.journal.write(Line::new(now, "decides-by").text("what", &self.state.current().describe()));
        for caution in self.cautions() {
            self.journal.write(Line::new(now, "caution").text("what", &caution));
        }
    }

    /// Looks at the files once: policies and trust, the clients, then the certificate. Bad ones are written down each
    /// time.
    pub fn reload(&self) {
        let now = self.environment.now();
        let state = self.state.reload(self.environment.as_ref());
        self.metrics.stale.set(u64::from(matches!(state, Reload::Kept(_))));
        match state {
            Reload::Same => {}
            Reload::Replaced => self.announce(),
            Reload::Kept(error) => {
                let line = Line::new(now, "reload-refused").text("code", error.code().name());
                self.journal.write(line.text("what", &error.to_string()).text("inForce", "those before"));
            }
        }
        match self.clients.get().map(|clients| clients.reload(self.environment.as_ref())) {
            None | Some(clients::Reload::Same) => {}
            Some(clients::Reload::Replaced) => self.journal.write(Line::new(now, "clients-replaced")),
            Some(clients::Reload::Kept(error)) => {
                let line = Line::new(now, "clients-refused").text("code", error.code().name());
                self.journal.write(line.text("what", &error.to_string()).text("inForce", "those before"));
            }
        }
        let Some(certificate) = &self.certificate else { return };
        match certificate.reload(self.environment.as_ref()) {
            tls::Reload::Same => {}
            tls::Reload::Replaced => {
                let until = certificate.validity().map(|(_, end)| end.to_string());
                self.journal.write(Line::new(now, "certificate-replaced").maybe("notAfter", until.as_deref()));
            }
            tls::Reload::Kept(error) => {
                let line = Line::new(now, "certificate-refused").text("code", error.code().name());
                self.journal.write(line.text("what", &error.to_string()).text("inForce", "the one before"));
            }
        }
    }

    /// Looks at the files again and again.
    pub async fn watch(self: Arc<Self>) {
        loop {
            tokio::time::sleep(Duration::from_secs(limits::RELOAD_SECS)).await;
            let gate = Arc::clone(&self);
            // Reading files and building a verifier may take a while.
            let _ = tokio::task::spawn_blocking(move || gate.reload()).await;
        }
    }

    /// Says that it is no longer ready: whoever sends requests here should stop.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
