//! What a collector gets, and what is never waited for.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::testing::{attribute, spans};
use super::*;
use crate::base::time::UnixTime;
use crate::serve::Metrics;
use crate::service::environment::Environment;
use crate::service::http::fake::{Answer, FakeServer};

/// Variables, and no files.
#[derive(Debug, Default)]
struct Variables(BTreeMap<&'static str, String>);

impl Environment for Variables {
    fn var(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }

    fn read(&self, _: &Path, _: usize) -> io::Result<Vec<u8>> {
        Err(io::ErrorKind::NotFound.into())
    }

    fn exists(&self, _: &Path) -> bool {
        false
    }

    fn now(&self) -> UnixTime {
        UnixTime::from_secs(0)
    }
}

fn environment(variables: &[(&'static str, &str)]) -> Variables {
    Variables(variables.iter().map(|(name, value)| (*name, (*value).to_owned())).collect())
}

fn read(variables: &[(&'static str, &str)]) -> Result<Option<TraceSettings>, &'static str> {
    TraceSettings::read(&environment(variables), None).map_err(|error| error.code().name())
}

fn collector(status: u16, body: &'static str) -> FakeServer {
    FakeServer::start(move |_, _| Answer::new(status, body))
}

/// Makes spans, and sends them all.
async fn send(server: &FakeServer, more: &[(&'static str, &str)], make: impl FnOnce(&Tracer)) -> (Vec<String>, String) {
    let mut variables = vec![("OTEL_EXPORTER_OTLP_ENDPOINT", server.url.as_str())];
    variables.extend(more);
    let settings = read(&variables).unwrap().unwrap();
    let metrics = Metrics::default();
    let (tracer, exporter) = Tracer::new(settings, metrics.counters("spans", "Spans.", &["outcome"])).unwrap();
    make(&tracer);
    let told = std::cell::RefCell::new(Vec::new());
    exporter.run(async {}, |code, what| told.borrow_mut().push(format!("{code}: {what}"))).await;
    (told.into_inner(), metrics.render())
}

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[tokio::test]
async fn a_collector_gets_spans_by_the_schema() {
    let server = collector(200, "{}");
    let variables = [
        ("OTEL_SERVICE_NAME", "gate of tests"),
        ("OTEL_RESOURCE_ATTRIBUTES", "service.name=other,k8s.cluster.name=a%2Cb"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=acme%3D1"),
    ];
    let (told, counts) = send(&server, &variables, |tracer| {
        let mut review = tracer.request("review", Parent::parse(PARENT));
        review.text("sealmark.outcome", "a \" quote\u{1b} and \u{e9}");
        review.number("sealmark.images", u64::MAX);
        let mut part = review.within().span("image", Kind::Client);
        part.fail("registry-unreachable");
        drop(part);
        drop(tracer.request("review", None));
    })
    .await;
    assert!(told.is_empty() && counts.contains("spans{outcome=\"exported\"} 3\n"), "{told:?} {counts}");
    assert_eq!(server.received()[0].header("x-tenant"), Some("acme=1"));
    let spans = spans(&server);
    // In the order in which they ended.
    let [part, other, review] = spans.as_slice() else { panic!("{spans:?}") };
    assert_eq!(review["traceId"], "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!((&review["parentSpanId"], &review["kind"]), (&"00f067aa0ba902b7".into(), &2.into()));
    assert_eq!((&part["traceId"], &part["parentSpanId"]), (&review["traceId"], &review["spanId"]));
    assert_eq!((&part["status"]["code"], &part["status"]["message"]), (&2.into(), &"registry-unreachable".into()));
    assert_eq!(attribute(review, "sealmark.outcome"), Some("a \" quote\u{1b} and \u{e9}"));
    assert!(other.get("parentSpanId").is_none() && other["traceId"] != review["traceId"]);
    let resource = serde_json::json!([
        {"key": "service.name", "value": {"stringValue": "gate of tests"}},
        {"key": "k8s.cluster.name", "value": {"stringValue": "a,b"}}
    ]);
    assert_eq!(review["resource"], resource);
}

#[tokio::test]
async fn who_asks_decides_whether_a_trace_is_made() {
    let unsampled = PARENT.replace("-01", "-00");
    let count = async |variables: &[(&'static str, &str)]| {
        let server = collector(200, "{}");
        send(&server, variables, |tracer| {
            drop(tracer.request("chosen", Parent::parse(PARENT)));
            drop(tracer.request("left", Parent::parse(&unsampled)));
            let root = tracer.request("root", None);
            // Whoever is not seen has no parts that are.
            assert_eq!(root.within().span("part", Kind::Internal).is_seen(), root.is_seen());
            assert_eq!(root.within().traceparent().is_some(), root.is_seen());
        })
        .await;
        let mut names: Vec<_> = spans(&server).iter().map(|span| span["name"].as_str().unwrap().to_owned()).collect();
        names.sort();
        names.join(" ")
    };
    assert_eq!(count(&[]).await, "chosen part root");
    assert_eq!(count(&[("OTEL_TRACES_SAMPLER", "always_on")]).await, "chosen left part root");
    assert_eq!(count(&[("OTEL_TRACES_SAMPLER", "always_off")]).await, "");
    assert_eq!(count(&[("OTEL_TRACES_SAMPLER", "parentbased_always_off")]).await, "chosen");
    let none = [("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "0")];
    assert_eq!(count(&none).await, "chosen");
}

#[tokio::test]
async fn what_a_collector_does_not_take_is_counted_and_told_once() {
    let server = collector(400, "no");
    let variables = [("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20hidden-token")];
    let (told, counts) = send(&server, &variables, |tracer| {
        (0..limits::SPANS_SENT + 1).for_each(|_| drop(tracer.request("review", None)));
    })
    .await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("traces-refused") && !told[0].contains("hidden-token"), "{told:?}");
    assert!(counts.contains(&format!("spans{{outcome=\"refused\"}} {}\n", limits::SPANS_SENT + 1)), "{counts}");
    // One of three is not taken.
    let server = collector(200, r#"{"partialSuccess":{"rejectedSpans":"1","errorMessage":"x"}}"#);
    let (_, counts) = send(&server, &[], |tracer| (0..3).for_each(|_| drop(tracer.request("review", None)))).await;
    assert!(counts.contains("\"exported\"} 2\n") && counts.contains("\"refused\"} 1\n"), "{counts}");
}

#[test]
fn a_full_queue_waits_for_nobody() {
    let settings = read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")]).unwrap().unwrap();
    let metrics = Metrics::default();
    let (tracer, _exporter) = Tracer::new(settings, metrics.counters("spans", "Spans.", &["outcome"])).unwrap();
    (0..limits::SPANS_QUEUED + 7).for_each(|_| drop(tracer.request("review", None)));
    assert!(metrics.render().contains("spans{outcome=\"dropped\"} 7\n"), "{}", metrics.render());
}

#[test]
fn variables_that_cannot_be_followed_are_errors() {
    let url = ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://collector.example.com/otlp/");
    for off in [
        &[][..],
        &[url, ("OTEL_SDK_DISABLED", "true")],
        &[url, ("OTEL_TRACES_EXPORTER", "none")],
        &[("OTEL_EXPORTER_OTLP_ENDPOINT", "")],
    ] {
        assert!(read(off).unwrap().is_none(), "{off:?}");
    }
    let whole = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://collector.monitoring.svc:4318/v1/traces");
    assert_eq!(read(&[url]).unwrap().unwrap().collector(), "https://collector.example.com/otlp/v1/traces");
    assert_eq!(read(&[url, whole]).unwrap().unwrap().collector(), whole.1);
    for (variables, code) in [
        (&[("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317")][..], "trace-collector-url"),
        (&[url, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")], "traces-settings"),
        (&[url, ("OTEL_TRACES_EXPORTER", "zipkin")], "traces-settings"),
        (&[url, ("OTEL_TRACES_SAMPLER", "jaeger_remote")], "traces-settings"),
        (&[url, ("OTEL_TRACES_SAMPLER", "traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "2")], "traces-settings"),
        (&[url, ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s")], "traces-settings"),
        (&[url, ("OTEL_EXPORTER_OTLP_HEADERS", "x")], "traces-settings"),
        (&[url, ("OTEL_RESOURCE_ATTRIBUTES", "a=%zz")], "traces-settings"),
        (&[url, ("OTEL_EXPORTER_OTLP_CERTIFICATE", "missing.pem")], "traces-file"),
        // A token would be read on its way.
        (&[whole, ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=x")], "traces-settings"),
    ] {
        assert_eq!(read(variables).map(|_| ()), Err(code), "{variables:?}");
    }
}
