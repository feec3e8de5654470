//! How long and how fast services are asked, and what is kept when they do not answer.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueHint};

use super::{FormatArg, RegistryArgs, ServiceArgs, path};

/// How long and how fast services are asked.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Budgets")]
pub(crate) struct BudgetArgs {
    /// Give up one attempt at a service after this long, such as 20s
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) timeout: Option<Duration>,
    /// Try a service that is down or overloaded again for this long (default: 5 times, within 90s)
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) retry_budget: Option<Duration>,
    /// Make at most so many signatures in a time, such as 10/s or 100/m; waits before the certificate
    #[arg(long, value_name = "COUNT/UNIT", value_parser = rate)]
    pub(crate) rate_limit: Option<(NonZeroU32, Duration)>,
}

/// Finish signatures that were kept aside while no log answered
///
/// `sign` and `attest` with --spool DIR keep what a trusted timestamp was obtained for. Each such file is verified,
/// logged, verified as a whole, and written where its bundle was to go: a file, or the registry that the image is in;
/// then it is removed. No token and no key is needed. What cannot be finished stays, and is never taken for a bundle.
///
/// Exit code 4 when no log answers now.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  $ sealmark sign finish ./spool")]
pub(crate) struct SignFinish {
    /// Folders that --spool named, or files in them
    #[arg(required = true, value_name = "SPOOL", value_parser = path(), value_hint = ValueHint::AnyPath)]
    pub(crate) spools: Vec<PathBuf>,
    /// Write the bundles into this folder, not to where they were to go when they were signed
    #[arg(long, value_name = "DIR", value_parser = path(), value_hint = ValueHint::DirPath)]
    pub(crate) output_folder: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) services: ServiceArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
    #[command(flatten)]
    pub(crate) format: FormatArg,
}

/// `500ms`, `20s`, `2m`, `1h`: more than nothing.
pub(super) fn duration(text: &str) -> Result<Duration, &'static str> {
    const EXPECTED: &str = "expected a time such as 500ms, 20s or 2m";
    let at = text.find(|c: char| !c.is_ascii_digit()).ok_or(EXPECTED)?;
    let (count, unit) = text.split_at_checked(at).ok_or(EXPECTED)?;
    let count: u32 = count.parse().map_err(|_| EXPECTED)?;
    match unit_of(unit).map(|unit| unit * count) {
        Some(time) if !time.is_zero() => Ok(time),
        _ => Err(EXPECTED),
    }
}

fn unit_of(unit: &str) -> Option<Duration> {
    Some(match unit {
        "ms" => Duration::from_millis(1),
        "s" => Duration::from_secs(1),
        "m" => Duration::from_secs(60),
        "h" => Duration::from_secs(3600),
        _ => return None,
    })
}

/// `COUNT/UNIT`.
fn rate(text: &str) -> Result<(NonZeroU32, Duration), &'static str> {
    let parsed = text.split_once('/').and_then(|(count, unit)| Some((count.parse().ok()?, unit_of(unit)?)));
    parsed.ok_or("expected a count in a time, such as 10/s or 100/m")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_rates() {
        for (text, millis) in [("500ms", 500), ("20s", 20_000), ("2m", 120_000), ("1h", 3_600_000)] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for bad in ["", "5", "s", "0s", "-1s", "1.5s", "1 s", "5d", "99999999999s", "é"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
        assert_eq!(rate("1/m"), Ok((NonZeroU32::MIN, Duration::from_secs(60))));
        for bad in ["", "10", "0/s", "10/", "/s", "10/d", "10/2s"] {
            assert!(rate(bad).is_err(), "{bad}");
        }
    }
}
