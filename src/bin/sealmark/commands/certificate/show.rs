//! `certificate inspect` and `certificate expiring`.

use std::path::PathBuf;
use std::time::Duration;

use sealmark::base::crypto::sha256;
use sealmark::base::encoding::hex;
use sealmark::base::time::UnixTime;
use sealmark::format::x509::{Certificate, oids};
use sealmark::service::ca::shown;
use serde::Serialize;

use super::found::{Finds, Found};
use crate::cli::{CertificateExpiring, CertificateInspect, Format};
use crate::report::text::{Table, visible};
use crate::report::{Failure, Problem, TOOL, Tool, console, print_json};
use crate::settings;

/// Schema `sealmark.certificates/v1`. Nothing in it is verified.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    schema: &'static str,
    tool: Tool,
    /// Of `expiring`: how many seconds ahead it looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    within_seconds: Option<u64>,
    certificates: Vec<Shown>,
    errors: Vec<Problem>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    place: String,
    subject: String,
    issuer: String,
    names: Vec<String>,
    serial: String,
    key: String,
    uses: Vec<&'static str>,
    authority: bool,
    not_before: String,
    not_after: Option<String>,
    /// Until it ends; negative when it has.
    seconds_left: Option<i64>,
    expires_soon: bool,
    sha256: String,
}

impl Shown {
    fn of(found: &Found, now: UnixTime, within: Option<Duration>) -> Self {
        let certificate = &found.certificate;
        let validity = certificate.validity();
        let extensions = certificate.extensions();
        let left = validity.end().map(|end| end.secs() - now.secs());
        let within = within.map(|time| i64::try_from(time.as_secs()).unwrap_or(i64::MAX));
        Self {
            place: found.place.clone(),
            subject: visible(&certificate.label()),
            issuer: visible(&certificate.issuer().to_string()),
            names: extensions.subject_alt_names.iter().flat_map(|list| &list.names).map(shown).collect(),
            serial: hex::encode(certificate.serial()),
            key: certificate.public_key().kind().to_string(),
            uses: uses(certificate),
            authority: extensions.basic_constraints.is_some_and(|constraints| constraints.ca),
            not_before: validity.start().to_string(),
            not_after: validity.end().map(|end| end.to_string()),
            seconds_left: left,
            expires_soon: left.zip(within).is_some_and(|(left, within)| left <= within),
            sha256: hex::encode(&sha256(&[certificate.der()])),
        }
    }
}

fn uses(certificate: &Certificate) -> Vec<&'static str> {
    let Some(usage) = &certificate.extensions().extended_key_usage else { return Vec::new() };
    [
        (oids::SERVER_AUTH, "server"),
        (oids::CLIENT_AUTH, "client"),
        (oids::CODE_SIGNING, "code signing"),
        (oids::TIME_STAMPING, "timestamping"),
    ]
    .into_iter()
    .filter(|(oid, _)| usage.contains(*oid))
    .map(|(_, word)| word)
    .collect()
}

pub(crate) fn inspect(args: &CertificateInspect) -> Result<u8, Failure> {
    let report = report(&args.files, None)?;
    match args.format.format {
        Format::Json => print_json(&report)?,
        Format::Human => {
            let mut out = String::new();
            for one in &report.certificates {
                let mut table = Table::default();
                table.row("names", &one.names.iter().map(|name| visible(name)).collect::<Vec<_>>().join(", "));
                table.row("subject", &one.subject);
                table.row("issuer", &one.issuer);
                table.row("valid", &format!("{} to {}", one.not_before, one.not_after.as_deref().unwrap_or("no end")));
                table.row("key", &one.key);
                table.row("uses", &if one.authority { "issues certificates".to_owned() } else { one.uses.join(", ") });
                table.row("sha256", &one.sha256);
                out.push_str(&format!("{}\n{}", one.place, table.print(2)));
            }
            console::data(&out)?;
        }
    }
    Ok(u8::from(!report.errors.is_empty()) * 3)
}

pub(crate) fn expiring(args: &CertificateExpiring) -> Result<u8, Failure> {
    let report = report(&args.paths, Some(args.within))?;
    match args.format.format {
        Format::Json => print_json(&report)?,
        Format::Human => {
            let mut out = String::new();
            for one in report.certificates.iter().filter(|one| one.expires_soon) {
                let word = if one.seconds_left.is_some_and(|left| left < 0) { "EXPIRED" } else { "EXPIRES" };
                let who = one.names.first().map_or_else(|| one.subject.clone(), |name| visible(name));
                let when = one.not_after.as_deref().unwrap_or_default();
                out.push_str(&format!("{word}  {when}  {who}  {}\n", one.place));
            }
            let soon = report.certificates.iter().filter(|one| one.expires_soon).count();
            let days = args.within.as_secs() / 86_400;
            let time = if days > 0 { format!("{days} days") } else { format!("{} s", args.within.as_secs()) };
            out.push_str(&format!("{soon} of {} end within {time}\n", report.certificates.len()));
            console::data(&out)?;
        }
    }
    let soon = report.certificates.iter().any(|one| one.expires_soon);
    Ok(match (soon, report.errors.is_empty()) {
        (true, _) => 1,
        (false, false) => 3,
        (false, true) => 0,
    })
}

/// What stands at these places; what could not be read is told at once.
fn report(paths: &[PathBuf], within: Option<Duration>) -> Result<Report, Failure> {
    let mut finds = Finds::default();
    for path in paths {
        finds.look(path)?;
    }
    let now = settings::environment().now();
    let failures: Vec<Failure> = finds.unread.into_iter().map(Failure::from).collect();
    for failure in &failures {
        console::failure(failure);
    }
    Ok(Report {
        schema: "sealmark.certificates/v1",
        tool: TOOL,
        within_seconds: within.map(|time| time.as_secs()),
        certificates: finds.found.iter().map(|found| Shown::of(found, now, within)).collect(),
        errors: failures.iter().map(Problem::from).collect(),
    })
}
