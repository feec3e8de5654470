//! `gate …`: the deploy gates, until they are asked to end.

mod lint;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sealmark::gate::{Gate, State, event_settings};
use sealmark::serve::traces::TraceSettings;
use sealmark::serve::{self, Clients, Journal, Server};
use sealmark::service::kubernetes::ApiServer;

use crate::cli::{GateAdmission, GateArgs, GateHttp};
use crate::report::{Failure, console};
use crate::settings::{self, Serving};

pub(super) use lint::lint;

/// Between the word that it ends and its end: whoever sends requests here has to hear of it.
const FAREWELL: Duration = Duration::from_secs(3);
/// For the spans that are left, at the end.
const LAST_SPANS: Duration = Duration::from_secs(2);
/// A review takes 30 s at most, by Kubernetes' own bound.
const REQUEST: Duration = Duration::from_secs(35);

pub(super) fn admission(args: &GateAdmission) -> Result<u8, Failure> {
    let serving = |journal: &Journal| {
        settings::serving(args.tls_cert.as_deref(), args.tls_key.as_deref(), None, &args.acme, journal)
    };
    let server = ApiServer::of_cluster(settings::environment(), &args.service_account, event_settings())?;
    run(&args.gate, args.listen, server, serving, Gate::admission)
}

pub(super) fn http(args: &GateHttp) -> Result<u8, Failure> {
    let tls = args.tls_cert.is_some() || args.acme.acme.is_some();
    let loopback = args.listen.ip().is_loopback();
    if args.token_file.is_some() && !tls && !loopback {
        return Err(Failure::usage("--token-file off loopback needs --tls-cert: tokens would be read on their way"));
    }
    if args.token_file.is_none() && args.client_ca.is_none() && !loopback {
        console::warning("whoever reaches the address may ask: see --token-file and --client-ca");
    }
    let clients = args.token_file.as_deref().map(|path| Clients::read(settings::environment().as_ref(), path));
    let clients = clients.transpose()?;
    let serving = |journal: &Journal| {
        let (chain, key) = (args.tls_cert.as_deref(), args.tls_key.as_deref());
        settings::serving(chain, key, args.client_ca.as_deref(), &args.acme, journal)
    };
    run(&args.gate, args.listen, None, serving, |gate| {
        clients.into_iter().for_each(|clients| gate.only_for(clients));
        gate.http()
    })
}

fn run(
    args: &GateArgs,
    listen: SocketAddr,
    server: Option<ApiServer>,
    serving: impl FnOnce(&Journal) -> Result<Serving, Failure>,
    routes: impl FnOnce(&Arc<Gate>) -> axum::Router,
) -> Result<u8, Failure> {
    settings::keep_from_dumps();
    let environment = settings::environment();
    let state = State::read(environment.as_ref(), settings::gate_sources(args)?)?;
    let journal = Journal::to(std::io::stderr()).map_err(|error| settings::SettingsError::Runtime(error.kind()))?;
    let mut serving = serving(&journal)?;
    let certificate = serving.certificate.clone();
    let stores = settings::gate_stores(&args.registries)?;
    let gate = Gate::new(environment, state, stores, journal, certificate.clone());
    for caution in gate.cautions() {
        console::warning(&caution);
    }
    let traces = TraceSettings::read(settings::environment().as_ref(), args.traces.otlp_endpoint.as_deref())?;
    let exporter = traces.map(|traces| gate.trace(traces, args.traces.trace_registries)).transpose()?;
    settings::server_runtime()?.block_on(async {
        let listener = serve::bind(&listen.to_string()).await?;
        let address = listener.local_addr().map_or_else(|_| listen.to_string(), |address| address.to_string());
        gate.announce();
        serving.keep();
        let scheme = if certificate.is_some() { "https" } else { "http" };
        console::data(&format!("serving on {scheme}://{address}\n"))?;
        let watch = tokio::spawn(Arc::clone(&gate).watch());
        let (ended, ending_spans) = tokio::sync::oneshot::channel::<()>();
        let exporting = exporter.map(|exporter| {
            let gate = Arc::clone(&gate);
            let ending = async move { drop(ending_spans.await) };
            tokio::spawn(exporter.run(ending, move |code, what| gate.tell("traces-not-sent", code, what)))
        });
        let recording = server.map(|server| {
            let (recorder, gate) = (gate.note_events(server), Arc::clone(&gate));
            tokio::spawn(recorder.run(move |code, what| gate.tell("events-not-written", code, what)))
        });
        let ending = Arc::clone(&gate);
        let shutdown = async move {
            settings::interrupted().await;
            ending.drain();
            tokio::time::sleep(FAREWELL).await;
        };
        let server = Server::new(listener).pooled().request_within(REQUEST);
        let server = match certificate {
            Some(certificate) => server.tls(certificate),
            None => server,
        };
        let served = server.serve(routes(&gate), shutdown).await;
        watch.abort();
        recording.inspect(|recording| recording.abort());
        drop(ended);
        if let Some(exporting) = exporting {
            let _ = tokio::time::timeout(LAST_SPANS, exporting).await;
        }
        Ok(served.map(|()| 0)?)
    })
}
