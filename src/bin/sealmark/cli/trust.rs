//! Trust roots that are kept up to date.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueHint};

use super::budget::duration;
use super::path;

/// Begin a folder of trust roots that a TUF repository keeps up to date
///
/// ROOT is the repository's root metadata as you trust it: everything else is verified from it, each time anew. It
/// stays pinned in the folder. Several --url are mirrors of one repository.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  $ sealmark trust init ./trust --root root.json \\
      --url https://tuf.example.com")]
pub(crate) struct TrustInit {
    /// The new folder
    #[arg(value_name = "DIR", value_parser = path(), value_hint = ValueHint::DirPath)]
    pub(crate) dir: PathBuf,
    /// The root metadata to trust
    #[arg(long, value_name = "FILE", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) root: PathBuf,
    /// Where the repository is: the folder of timestamp.json
    #[arg(long = "url", value_name = "URL", required = true, value_parser = NonEmptyStringValueParser::new())]
    pub(crate) urls: Vec<String>,
}

/// Bring a folder of trust roots up to date
///
/// Asks the mirrors one after the other. An update that does not verify changes nothing. Afterwards
/// `--trust-folder DIR` verifies without network until the metadata expires.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  $ sealmark trust update ./trust")]
pub(crate) struct TrustUpdate {
    /// The folder that `trust init` made
    #[arg(value_name = "DIR", value_parser = path(), value_hint = ValueHint::DirPath)]
    pub(crate) dir: PathBuf,
}

/// How old trust may be.
#[derive(Debug, Default, Args)]
#[group(skip)]
pub(crate) struct TrustAgeArgs {
    /// Use a trust folder whose metadata expired at most this long ago, such as 72h
    #[arg(long, value_name = "TIME", value_parser = duration, requires = "trust_folder")]
    pub(crate) max_trust_age: Option<Duration>,
}

/// A client under the TUF conformance suite.
#[derive(Debug, Args)]
pub(crate) struct TufClient {
    #[arg(long, value_parser = path())]
    pub(crate) metadata_dir: PathBuf,
    #[arg(long)]
    pub(crate) metadata_url: Option<String>,
    #[arg(long = "target-name")]
    pub(crate) target_names: Vec<String>,
    #[arg(long)]
    pub(crate) target_base_url: Option<String>,
    #[arg(long, value_parser = path())]
    pub(crate) target_dir: Option<PathBuf>,
    pub(crate) command: String,
    #[arg(value_parser = path())]
    pub(crate) root: Option<PathBuf>,
}
