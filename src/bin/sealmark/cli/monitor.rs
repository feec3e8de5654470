//! Following a log.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use clap::{ArgGroup, Args, ValueHint};

use super::budget::duration;
use super::{CertifiedArgs, FormatArg, TrustArgs, path};

/// Follow a transparency log: that it only grows, and who signs as you
///
/// Each look holds the log's checkpoint against the last one that was seen, reads every entry since and proves
/// that all of them lead to the root that the log signed. Followed are Rekor v2 logs and those of a stack; the
/// sharded logs of Rekor v1 and CT logs are not.
///
/// Say whom you watch for, in the words of a policy but in any case of letters, and entries by them are findings;
/// without an issuer, whoever vouches for them. With --ledger, which `sign --ledger` wrote, only those that no ledger
/// has are: somebody else signed them.
///
/// Reading begins after the entries that the log has now: --from start reads all of them. What is found is printed
/// and kept as bytes in --evidence before the place counts as read.
///
/// Exit code 0 when all was looked at and nothing found, 1 on a finding, 3 when it could not look.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("when").required(true).args(["once", "interval"]),
    after_help = "\
Examples:
  $ sealmark monitor --stack ./stack --state ./watched --once
  $ sealmark monitor https://log2025-1.rekor.sigstore.dev \\
      --state ./watched --interval 5m --identity me@example.com \\
      --ledger ~/signed.jsonl --webhook-file hook.url --format json"
)]
pub(crate) struct Monitor {
    /// The log's URL; with --stack or --trust-config the one that they name
    #[arg(value_name = "URL", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) url: Option<String>,
    /// The folder that remembers what was seen; made when it is not there
    #[arg(long, value_name = "DIR", value_parser = path(), value_hint = ValueHint::DirPath)]
    pub(crate) state: PathBuf,
    /// Look once
    #[arg(long)]
    pub(crate) once: bool,
    /// Look again after this long, such as 30s or 5m, until it is interrupted
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) interval: Option<Duration>,
    /// Where to begin in a log that was never looked at: now, start, or the index of an entry
    #[arg(long, value_name = "PLACE", default_value = "now", value_parser = from)]
    pub(crate) from: MonitorFrom,
    /// The log's key (C2SP verifier key NAME+HASH+KEY), instead of those of a trusted root; may be repeated
    #[arg(long = "log-key", value_name = "KEY", value_parser = NonEmptyStringValueParser::new(), conflicts_with = "trust")]
    pub(crate) log_keys: Vec<String>,
    #[command(flatten)]
    pub(crate) watched: WatchedArgs,
    /// Where evidence is kept (default: STATE/evidence)
    #[arg(long, value_name = "DIR", value_parser = path(), value_hint = ValueHint::DirPath, help_heading = "Output")]
    pub(crate) evidence: Option<PathBuf>,
    /// A file with the URL that findings are posted to, as JSON
    #[arg(long, value_name = "FILE", value_parser = path(), value_hint = ValueHint::FilePath, help_heading = "Output")]
    pub(crate) webhook_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    #[command(flatten)]
    pub(crate) format: FormatArg,
}

/// Whom one watches for.
#[derive(Debug, Args)]
#[group(skip)]
#[command(next_help_heading = "Whom you watch for")]
pub(crate) struct WatchedArgs {
    #[command(flatten)]
    pub(crate) certified: CertifiedArgs,
    /// A public key (PEM), bare or certified
    #[arg(long, value_name = "PEM", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) key: Option<PathBuf>,
    /// Everyone whom the rules of a policy name
    #[arg(long, value_name = "FILE", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) policy: Option<PathBuf>,
    /// A signing ledger: its entries are ours; may be repeated
    #[arg(long = "ledger", value_name = "FILE", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) ledgers: Vec<PathBuf>,
}

/// Where reading begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MonitorFrom {
    Now,
    At(u64),
}

fn from(text: &str) -> Result<MonitorFrom, &'static str> {
    match text {
        "now" => Ok(MonitorFrom::Now),
        "start" => Ok(MonitorFrom::At(0)),
        index => index.parse().map(MonitorFrom::At).map_err(|_| "expected now, start, or the index of an entry"),
    }
}
