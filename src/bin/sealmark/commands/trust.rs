//! `trust show`: authorities and logs of a trust root; `trust add`.

mod add;

use std::fmt::Write;

use sealmark::base::encoding::hex;
use sealmark::format::trust::{AuthorityInstance, LogInstance};
use serde::Serialize;

use crate::cli::{Format, TrustShow};
use crate::report::console::Style;
use crate::report::text::visible;
use crate::report::{Failure, Tool, console, print_json};
use crate::settings::{self, TrustAnchor};

/// Schema `sealmark.trust/v1`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    schema: &'static str,
    tool: Tool,
    source: String,
    certificate_authorities: Vec<Authority>,
    ct_logs: Vec<Log>,
    transparency_logs: Vec<Log>,
    timestamp_authorities: Vec<Authority>,
    unsupported: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Authority {
    name: String,
    uri: String,
    valid_from: String,
    valid_to: Option<String>,
    certificates: Vec<Link>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Link {
    subject: String,
    key: String,
    not_before: String,
    not_after: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Log {
    base_url: String,
    key: String,
    log_id: String,
    valid_from: String,
    valid_to: Option<String>,
}

impl From<&AuthorityInstance> for Authority {
    fn from(authority: &AuthorityInstance) -> Self {
        let link = |certificate: &sealmark::format::x509::Certificate| Link {
            subject: certificate.subject().to_string(),
            key: certificate.public_key().kind().to_string(),
            not_before: certificate.validity().start().to_string(),
            not_after: certificate.validity().end().map(|end| end.to_string()),
        };
        Self {
            name: authority.name(),
            uri: authority.uri.clone(),
            valid_from: authority.validity.start().to_string(),
            valid_to: authority.validity.end().map(|end| end.to_string()),
            certificates: authority.chain.iter().map(link).collect(),
        }
    }
}

impl From<&LogInstance> for Log {
    fn from(log: &LogInstance) -> Self {
        Self {
            base_url: log.base_url.clone(),
            key: log.key.kind().to_string(),
            log_id: hex::encode(&log.log_id),
            valid_from: log.validity.start().to_string(),
            valid_to: log.validity.end().map(|end| end.to_string()),
        }
    }
}

impl From<TrustAnchor> for Shown {
    fn from(TrustAnchor { root, source, .. }: TrustAnchor) -> Self {
        let unsupported = root.unsupported;
        Self {
            schema: "sealmark.trust/v1",
            tool: crate::report::TOOL,
            source,
            certificate_authorities: root.certificate_authorities.iter().map(Authority::from).collect(),
            ct_logs: root.ct_logs.iter().map(Log::from).collect(),
            transparency_logs: root.logs.iter().map(Log::from).collect(),
            timestamp_authorities: root.timestamp_authorities.iter().map(Authority::from).collect(),
            unsupported: unsupported.logs
                + unsupported.ct_logs
                + unsupported.certificate_authorities
                + unsupported.timestamp_authorities,
        }
    }
}

pub(super) use add::run as add;

pub(super) fn show(args: &TrustShow) -> Result<u8, Failure> {
    let shown = Shown::from(settings::trust(&args.trust)?);
    match args.format.format {
        Format::Json => print_json(&shown)?,
        Format::Human => console::data(&human(&shown))?,
    }
    Ok(0)
}

fn human(shown: &Shown) -> String {
    let style = Style::of_stdout();
    let mut out = format!("{}  {}\n", style.bold("trust root"), visible(&shown.source));
    for (title, authorities) in [
        ("certificate authorities", &shown.certificate_authorities),
        ("timestamp authorities", &shown.timestamp_authorities),
    ] {
        let _ = writeln!(out, "\n{}", style.bold(title));
        for authority in authorities {
            let window = window(&authority.valid_from, authority.valid_to.as_deref());
            let _ = writeln!(out, "  {}  {}", visible(&authority.name), style.dim(&window));
            for link in &authority.certificates {
                let window = self::window(&link.not_before, link.not_after.as_deref());
                let _ = writeln!(out, "    {}, {}  {}", visible(&link.subject), link.key, style.dim(&window));
            }
        }
        if authorities.is_empty() {
            out.push_str("  none\n");
        }
    }
    for (title, logs) in [("transparency logs", &shown.transparency_logs), ("CT logs", &shown.ct_logs)] {
        let _ = writeln!(out, "\n{}", style.bold(title));
        for log in logs {
            let window = window(&log.valid_from, log.valid_to.as_deref());
            let _ = writeln!(out, "  {}, {}  {}", visible(&log.base_url), log.key, style.dim(&window));
            let _ = writeln!(out, "    id {}", log.log_id);
        }
        if logs.is_empty() {
            out.push_str("  none\n");
        }
    }
    if shown.unsupported > 0 {
        let _ = writeln!(out, "\n{} left out: their keys are of a type that is not supported", shown.unsupported);
    }
    out
}

fn window(from: &str, to: Option<&str>) -> String {
    match to {
        Some(to) => format!("{from} to {to}"),
        None => format!("since {from}"),
    }
}
