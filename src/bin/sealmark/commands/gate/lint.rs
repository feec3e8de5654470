//! `gate lint`: where manifests let a gate be walked past.

use std::path::Path;

use sealmark::base::limits;
use sealmark::gate::manifests::{self, Report};
use serde::Serialize;

use crate::cli::{Format, GateLint};
use crate::files;
use crate::report::text::{visible, visible_path};
use crate::report::{Failure, console, print_json};

/// Schema `sealmark.gate-lint/v1`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    schema: &'static str,
    manifests: String,
    webhooks: usize,
    left_out: Vec<String>,
    findings: Vec<FindingShown>,
}

#[derive(Serialize)]
struct FindingShown {
    hole: &'static str,
    place: String,
    message: String,
}

/// Exit code 1 when there is anything to say.
pub(in crate::commands) fn lint(args: &GateLint) -> Result<u8, Failure> {
    let bytes = match args.manifests.as_path() {
        path if path == Path::new("-") => files::read_stdin(limits::MANIFESTS_BYTES)?,
        path => files::read(path, limits::MANIFESTS_BYTES)?,
    };
    let source = visible_path(&args.manifests);
    let report = manifests::lint(&bytes, &args.left_out).map_err(|error| Failure::from(error).about(&source))?;
    let code = u8::from(!report.findings.is_empty());
    match args.format.format {
        Format::Json => print_json(&shown(source, report))?,
        Format::Human => console::data(&text(&source, &report))?,
    }
    Ok(code)
}

fn shown(manifests: String, report: Report) -> Shown {
    let findings = report.findings.into_iter();
    let findings = findings.map(|one| FindingShown { hole: one.hole.name(), place: one.place, message: one.message });
    Shown {
        schema: "sealmark.gate-lint/v1",
        manifests,
        webhooks: report.webhooks,
        left_out: report.left_out.into_iter().collect(),
        findings: findings.collect(),
    }
}

fn text(source: &str, report: &Report) -> String {
    if !report.findings.is_empty() {
        let line = |finding: &manifests::Finding| format!("{source}: {}\n", visible(&finding.to_string()));
        return report.findings.iter().map(line).collect();
    }
    let left_out = match report.left_out.len() {
        0 => "no namespace".to_owned(),
        _ => visible(&report.left_out.iter().map(String::as_str).collect::<Vec<_>>().join(", ")),
    };
    format!("{source}: {} webhooks, left out by name: {left_out}; nothing to say\n", report.webhooks)
}
