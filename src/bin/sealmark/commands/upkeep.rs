//! What is done with a stack from beside the server: its logs checked and written out, its keys replaced.

use std::path::Path;

use sealmark::stack::{self, KeyPlan};
use serde::Serialize;

use super::stack::place;
use crate::cli::{Format, StackExport, StackFollow, StackFsck, StackRenew, StackRestore, StackRotate};
use crate::report::console::Style;
use crate::report::text::{visible, visible_path};
use crate::report::{Failure, TOOL, Tool, console, print_json};
use crate::settings;

/// Schema `sealmark.stack-fsck/v1`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Checked {
    schema: &'static str,
    tool: Tool,
    sound: bool,
    logs: Vec<CheckedLog>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CheckedLog {
    name: String,
    origin: String,
    size: u64,
    entry_bytes: u64,
    tiles: u64,
    findings: Vec<Finding>,
}

#[derive(Serialize)]
struct Finding {
    path: String,
    what: String,
}

/// Schema `sealmark.stack-export/v1`.
#[derive(Serialize)]
struct Exported {
    schema: &'static str,
    tool: Tool,
    logs: Vec<ExportedLog>,
}

#[derive(Serialize)]
struct ExportedLog {
    name: String,
    origin: String,
    size: u64,
    written: u64,
    kept: u64,
}

/// Schema `sealmark.stack-rotate/v1`.
#[derive(Serialize)]
struct Rotated {
    schema: &'static str,
    tool: Tool,
    frozen: String,
    shard: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    handover: Option<String>,
}

/// Schema `sealmark.stack-renew/v1`.
#[derive(Serialize)]
struct Renewed {
    schema: &'static str,
    tool: Tool,
    authorities: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    handover: Option<String>,
}

/// Schema `sealmark.stack-follow/v1`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Followed {
    schema: &'static str,
    tool: Tool,
    parts: Vec<&'static str>,
}

/// Schema `sealmark.stack-restore/v1`.
#[derive(Serialize)]
struct RestoredLogs {
    schema: &'static str,
    tool: Tool,
    logs: Vec<RestoredLog>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RestoredLog {
    name: String,
    origin: String,
    size: u64,
    entry_bytes: u64,
}

pub(super) fn restore(args: &StackRestore) -> Result<u8, Failure> {
    settings::keep_from_dumps();
    let logs: Vec<_> = stack::restore(place(&args.dir, &args.password)?)?
        .into_iter()
        .map(|log| RestoredLog {
            name: log.name,
            origin: log.origin,
            size: log.result.size,
            entry_bytes: log.result.bytes,
        })
        .collect();
    match args.format.format {
        Format::Json => print_json(&RestoredLogs { schema: "sealmark.stack-restore/v1", tool: TOOL, logs })?,
        Format::Human if logs.is_empty() => console::data("every log is here already\n")?,
        Format::Human => {
            let line = |log: &RestoredLog| format!("log {}: {} entries, {}\n", log.name, log.size, log.origin);
            console::data(&logs.iter().map(line).collect::<String>())?;
        }
    }
    Ok(0)
}

/// What is left to do where the parts stand apart.
fn to_carry(handover: Option<&Path>) -> String {
    let line = |path| format!("have every other part take over {} (`stack follow`)\n", visible_path(path));
    handover.map(line).unwrap_or_default()
}

pub(super) fn follow(args: &StackFollow) -> Result<u8, Failure> {
    settings::keep_from_dumps();
    let followed = stack::follow(&args.dir, &args.handover)?;
    let parts: Vec<_> = followed.parts.iter().map(|role| role.name()).collect();
    match args.format.format {
        Format::Json => print_json(&Followed { schema: "sealmark.stack-follow/v1", tool: TOOL, parts })?,
        Format::Human if parts.is_empty() => console::data("nothing is new here\n")?,
        Format::Human => console::data(&format!(
            "new here: {}\ngive your clients the trust files of {} once every part has followed\n",
            parts.join(", "),
            visible_path(&args.dir)
        ))?,
    }
    Ok(0)
}

pub(super) fn renew(args: &StackRenew) -> Result<u8, Failure> {
    settings::keep_from_dumps();
    let plan = KeyPlan { tokens: args.token_key.clone(), ..KeyPlan::default() };
    let renewed = stack::renew(place(&args.dir, &args.password)?, &args.root_keys, &plan)?;
    let authorities: Vec<_> = renewed.authorities.iter().map(|role| role.name()).collect();
    match args.format.format {
        Format::Json => {
            let handover = renewed.handover.map(|path| visible_path(&path).to_string());
            print_json(&Renewed { schema: "sealmark.stack-renew/v1", tool: TOOL, authorities, handover })?;
        }
        Format::Human => console::data(&format!(
            "renewed: {}\n{}give your clients trusted_root.json of {} anew, and put the roots' keys away\n",
            authorities.join(", "),
            to_carry(renewed.handover.as_deref()),
            visible_path(&args.dir)
        ))?,
    }
    Ok(0)
}

pub(super) fn rotate(args: &StackRotate) -> Result<u8, Failure> {
    settings::keep_from_dumps();
    let plan = KeyPlan { tokens: args.token_key.clone(), ..KeyPlan::default() };
    let stack::Rotated { frozen, shard, handover } = stack::rotate_with(place(&args.dir, &args.password)?, &plan)?;
    match args.format.format {
        Format::Json => {
            let handover = handover.map(|path| visible_path(&path).to_string());
            print_json(&Rotated { schema: "sealmark.stack-rotate/v1", tool: TOOL, frozen, shard, handover })?;
        }
        Format::Human => console::data(&format!(
            "shard {} is frozen, entries go to {} from now on\n{}give your clients trusted_root.json and \
             signing_config.v0.2.json of {} anew\n",
            visible(&frozen),
            visible(&shard),
            to_carry(handover.as_deref()),
            visible_path(&args.dir)
        ))?,
    }
    Ok(0)
}

pub(super) fn fsck(args: &StackFsck) -> Result<u8, Failure> {
    settings::keep_from_dumps();
    let logs: Vec<_> = stack::fsck(place(&args.dir, &args.password)?)?
        .into_iter()
        .map(|log| CheckedLog {
            name: log.name,
            origin: log.origin,
            size: log.result.size,
            entry_bytes: log.result.bytes,
            tiles: log.result.tiles,
            findings: log
                .result
                .findings
                .into_iter()
                .map(|finding| Finding { path: visible_path(&finding.path).to_string(), what: finding.what })
                .collect(),
        })
        .collect();
    let sound = logs.iter().all(|log| log.findings.is_empty());
    match args.format.format {
        Format::Json => print_json(&Checked { schema: "sealmark.stack-fsck/v1", tool: TOOL, sound, logs })?,
        Format::Human => console::data(&logs.iter().map(shown).collect::<String>())?,
    }
    Ok(if sound { 0 } else { 1 })
}

fn shown(log: &CheckedLog) -> String {
    let style = Style::of_stdout();
    let title = if log.findings.is_empty() { style.green("sound") } else { style.red("damaged") };
    let mut text = format!("{title}  log {}: {} entries, {} tiles, {}\n", log.name, log.size, log.tiles, log.origin);
    for finding in &log.findings {
        text.push_str(&format!("  {}: {}\n", finding.path, visible(&finding.what)));
    }
    text
}

pub(super) fn export(args: &StackExport) -> Result<u8, Failure> {
    settings::keep_from_dumps();
    let logs: Vec<_> = stack::export(place(&args.dir, &args.password)?, &args.out)?
        .into_iter()
        .map(|log| ExportedLog {
            name: log.name,
            origin: log.origin,
            size: log.result.size,
            written: log.result.written,
            kept: log.result.kept,
        })
        .collect();
    match args.format.format {
        Format::Json => print_json(&Exported { schema: "sealmark.stack-export/v1", tool: TOOL, logs })?,
        Format::Human => {
            let line = |log: &ExportedLog| {
                format!(
                    "log {}: {} entries in {}, {} files new, {} kept\n",
                    log.name,
                    log.size,
                    visible_path(&args.out.join(&log.name)),
                    log.written,
                    log.kept
                )
            };
            console::data(&logs.iter().map(line).collect::<String>())?;
        }
    }
    Ok(0)
}
