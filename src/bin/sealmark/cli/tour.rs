//! `tour`: the whole journey on this machine.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::path;

/// See the whole journey of a file on this machine, without network
///
/// Starts a private Sigstore on the loopback address in a temporary folder, issues a token as a CI
/// platform would, signs FILE with it, verifies the bundle against a policy and shows how a changed
/// copy is refused. Nothing stays behind unless --keep says so.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  $ sealmark tour dist/app.tar.gz --keep /tmp/tour")]
pub(crate) struct Tour {
    /// The file to sign; without it a small one is made
    #[arg(value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) file: Option<PathBuf>,
    /// Keep the stack, the file and its bundle in this new folder
    #[arg(long, value_name = "DIR", value_parser = path(), value_hint = ValueHint::DirPath)]
    pub(crate) keep: Option<PathBuf>,
}
