//! What a gate measures. Labels are words of the program.

use super::cache::Source;
use super::judge::Judged;
use crate::serve::Metrics;
use crate::serve::metrics::{Counters, Gauge, Seconds};

/// The metrics of a gate.
#[derive(Debug)]
pub(super) struct GateMetrics {
    all: Metrics,
    pub(super) reviews: Counters,
    verdicts: Counters,
    pub(super) break_glass: Counters,
    pub(super) review_seconds: Seconds,
    pub(super) lookup_seconds: Seconds,
    pub(super) kept: Gauge,
    pub(super) paused: Gauge,
    pub(super) stale: Gauge,
    pub(super) warning: Gauge,
    pub(super) auditing: Gauge,
    pub(super) broken: Gauge,
    pub(super) expires: Gauge,
}

impl GateMetrics {
    pub(super) fn new() -> Self {
        let all = Metrics::default();
        Self {
            reviews: all.counters(
                "sealmark_gate_reviews_total",
                "Requests, by what became of them.",
                &["by", "outcome"],
            ),
            verdicts: all.counters(
                "sealmark_gate_verdicts_total",
                "Verdicts about images, with the code of what stands against them.",
                &["verdict", "code", "source"],
            ),
            break_glass: all.counters("sealmark_gate_break_glass_total", "Objects allowed by break-glass.", &[]),
            review_seconds: all.seconds("sealmark_gate_review_seconds", "From a request to its answer."),
            lookup_seconds: all.seconds("sealmark_gate_lookup_seconds", "Questions to registries."),
            kept: all.gauge("sealmark_gate_verdicts_kept", "Verdicts that are kept."),
            paused: all.gauge("sealmark_gate_registries_paused", "Registries that fail and are left alone."),
            stale: all
                .gauge("sealmark_gate_configuration_refused", "1 when files are bad and those before are in force."),
            warning: all.gauge("sealmark_gate_namespace_entries_warning", "Entries of the settings in mode warn."),
            auditing: all.gauge("sealmark_gate_namespace_entries_auditing", "Entries of the settings in mode audit."),
            broken: all.gauge("sealmark_gate_break_glass_entries", "Break-glass entries in force."),
            expires: all.gauge(
                "sealmark_gate_certificate_expires_timestamp_seconds",
                "When the serving certificate expires; 0 without one.",
            ),
            all,
        }
    }

    pub(super) fn verdict(&self, judged: &Judged) {
        let source = match judged.source {
            Source::Kept => "kept",
            Source::Found => "found",
        };
        self.verdicts.count(&[judged.verdict.word(), judged.verdict.label(), source]);
    }

    /// Of spans, where traces are made.
    pub(super) fn spans(&self) -> Counters {
        self.all.counters("sealmark_gate_spans_total", "Spans, by what became of them.", &["outcome"])
    }

    /// Of events, where they are written.
    pub(super) fn events(&self) -> Counters {
        self.all.counters("sealmark_gate_events_total", "Events, by what became of them.", &["outcome"])
    }

    pub(super) fn render(&self) -> String {
        self.all.render()
    }
}
