//! Metrics in Prometheus's text format, version 0.0.4.
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>
//!
//! A label's value is a `&'static str`: nothing that a request says can become one, so that the number of
//! series is bounded by the program's text.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use crate::base::limits;

/// The media type of the text.
pub const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Upper bounds of the buckets of a histogram of seconds: a cached verdict takes microseconds, the longest
/// webhook 30 s.
const BUCKETS: [f64; 15] =
    [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 10.0];

/// The metrics of one process, in the order of their registration. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    families: Arc<Mutex<Vec<Family>>>,
}

#[derive(Debug, Clone)]
struct Family {
    name: &'static str,
    help: &'static str,
    values: Values,
}

#[derive(Debug, Clone)]
enum Values {
    Counters(Counters),
    Gauge(Gauge),
    Seconds(Seconds),
}

/// Counts by labels.
#[derive(Debug, Clone)]
pub struct Counters {
    names: &'static [&'static str],
    series: Arc<RwLock<BTreeMap<Vec<&'static str>, AtomicU64>>>,
}

/// A value that rises and falls.
#[derive(Debug, Clone, Default)]
pub struct Gauge(Arc<AtomicU64>);

/// How long something takes.
#[derive(Debug, Clone, Default)]
pub struct Seconds(Arc<Distribution>);

#[derive(Debug, Default)]
struct Distribution {
    buckets: [AtomicU64; BUCKETS.len()],
    count: AtomicU64,
    micros: AtomicU64,
}

impl Metrics {
    /// Counters with labels of these names.
    pub fn counters(&self, name: &'static str, help: &'static str, labels: &'static [&'static str]) -> Counters {
        let counters = Counters { names: labels, series: Arc::default() };
        self.register(Family { name, help, values: Values::Counters(counters.clone()) });
        counters
    }

    /// A gauge.
    pub fn gauge(&self, name: &'static str, help: &'static str) -> Gauge {
        let gauge = Gauge::default();
        self.register(Family { name, help, values: Values::Gauge(gauge.clone()) });
        gauge
    }

    /// A histogram of seconds.
    pub fn seconds(&self, name: &'static str, help: &'static str) -> Seconds {
        let seconds = Seconds::default();
        self.register(Family { name, help, values: Values::Seconds(seconds.clone()) });
        seconds
    }

    fn register(&self, family: Family) {
        self.families.lock().unwrap_or_else(PoisonError::into_inner).push(family);
    }

    /// The text.
    pub fn render(&self) -> String {
        let mut out = String::new();
        for family in self.families.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            family.render(&mut out);
        }
        out
    }
}

impl Family {
    fn render(&self, out: &mut String) {
        let name = self.name;
        let kind = match &self.values {
            Values::Counters(_) => "counter",
            Values::Gauge(_) => "gauge",
            Values::Seconds(_) => "histogram",
        };
        *out += &format!("# HELP {name} {}\n# TYPE {name} {kind}\n", self.help);
        match &self.values {
            Values::Counters(counters) => counters.render(name, out),
            Values::Gauge(gauge) => *out += &format!("{name} {}\n", gauge.value()),
            Values::Seconds(seconds) => seconds.0.render(name, out),
        }
    }
}

impl Counters {
    /// Adds one.
    pub fn count(&self, labels: &[&'static str]) {
        self.add(labels, 1);
    }

    /// Adds a number.
    pub fn add(&self, labels: &[&'static str], number: u64) {
        if let Some(counter) = self.series.read().unwrap_or_else(PoisonError::into_inner).get(labels) {
            counter.fetch_add(number, Ordering::Relaxed);
            return;
        }
        let mut series = self.series.write().unwrap_or_else(PoisonError::into_inner);
        if labels.len() == self.names.len() && (series.len() < limits::METRIC_SERIES || series.contains_key(labels)) {
            series.entry(labels.to_vec()).or_default().fetch_add(number, Ordering::Relaxed);
        }
    }

    /// The count under these labels.
    pub fn value(&self, labels: &[&'static str]) -> u64 {
        let series = self.series.read().unwrap_or_else(PoisonError::into_inner);
        series.get(labels).map_or(0, |counter| counter.load(Ordering::Relaxed))
    }

    fn render(&self, name: &str, out: &mut String) {
        for (values, counter) in self.series.read().unwrap_or_else(PoisonError::into_inner).iter() {
            let pairs = self.names.iter().zip(values).map(|(name, value)| format!("{name}=\"{}\"", escaped(value)));
            let pairs = pairs.collect::<Vec<_>>().join(",");
            let labels = if pairs.is_empty() { pairs } else { format!("{{{pairs}}}") };
            *out += &format!("{name}{labels} {}\n", counter.load(Ordering::Relaxed));
        }
    }
}

/// The format's escapes for a label's value.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

impl Gauge {
    /// Sets the value.
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// The value.
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Seconds {
    /// Notes a duration.
    pub fn observe(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        if let Some(at) = BUCKETS.iter().position(|bound| seconds <= *bound) {
            self.0.buckets[at].fetch_add(1, Ordering::Relaxed);
        }
        self.0.count.fetch_add(1, Ordering::Relaxed);
        self.0.micros.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

impl Distribution {
    fn render(&self, name: &str, out: &mut String) {
        let mut below = 0;
        for (bound, bucket) in BUCKETS.iter().zip(&self.buckets) {
            below += bucket.load(Ordering::Relaxed);
            let _ = writeln!(out, "{name}_bucket{{le=\"{bound}\"}} {below}");
        }
        let count = self.count.load(Ordering::Relaxed).max(below);
        let sum = self.micros.load(Ordering::Relaxed) as f64 / 1e6;
        let _ = writeln!(out, "{name}_bucket{{le=\"+Inf\"}} {count}\n{name}_sum {sum}\n{name}_count {count}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_format() {
        let metrics = Metrics::default();
        let decisions = metrics.counters("decisions_total", "Decisions.", &["verdict", "code"]);
        metrics.gauge("ready", "Whether it is.").set(1);
        let seconds = metrics.seconds("review_seconds", "Reviews.");
        decisions.count(&["refused", "identity-mismatch"]);
        decisions.add(&["admitted", "none"], 2);
        seconds.observe(Duration::from_micros(300));
        seconds.observe(Duration::from_secs(60));
        let text = metrics.render();
        for line in [
            "# TYPE decisions_total counter\ndecisions_total{verdict=\"admitted\",code=\"none\"} 2\n",
            "decisions_total{verdict=\"refused\",code=\"identity-mismatch\"} 1\n",
            "# HELP ready Whether it is.\n# TYPE ready gauge\nready 1\n",
            "review_seconds_bucket{le=\"0.00025\"} 0\nreview_seconds_bucket{le=\"0.0005\"} 1\n",
            "review_seconds_bucket{le=\"+Inf\"} 2\nreview_seconds_sum 60.0003\nreview_seconds_count 2\n",
        ] {
            assert!(text.contains(line), "{line}\nnot in\n{text}");
        }
    }

    #[test]
    fn series_are_bounded() {
        let counters = Metrics::default().counters("n", "N.", &["label"]);
        for number in 0..2 * limits::METRIC_SERIES {
            counters.count(&[Box::leak(number.to_string().into_boxed_str())]);
        }
        counters.count(&["1", "2"]);
        assert_eq!(counters.series.read().unwrap().len(), limits::METRIC_SERIES);
    }
}
