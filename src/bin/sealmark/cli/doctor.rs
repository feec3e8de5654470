//! `doctor`.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueHint};

use super::{FormatArg, RegistryArgs, ServiceArgs, SignerArgs, path};

/// Find out what would keep this job from signing, and how to mend it
///
/// Looks at the token (whose it is, its audience, its time), at the job (a fork, a shell that prints secrets, keys in
/// variables), at the clock, at the trust root, and at each service: the authority is asked whether it takes the
/// token's issuer, the timestamp authority for a timestamp, the logs for their checkpoints; at a Vault the job logs in
/// and looks at its policy and the role; in a registry an upload is begun and given up. Nothing is signed, and no
/// log gets an entry. Each line that is not ok has its fix and a code.
///
/// Exit code 0 when everything that was looked at is right, 1 when something is wrong, 3 when nothing is and something
/// could not be looked at.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  $ sealmark doctor
  $ sealmark doctor --stack ./stack --registry registry.example.com/app:v1
  $ sealmark doctor --offline --format json
  $ sealmark doctor --trust-config client_trust_config.json \\
      --authority vault:pki/ci-signing \\
      --authority-name 'https://gitlab.com/{project_path}'")]
pub(crate) struct Doctor {
    /// An image that this job is to sign: may it be read and written, and does the registry list referrers
    #[arg(long = "registry", value_name = "IMAGE", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) image: Option<String>,
    /// A folder of trust roots that `trust init` made: is it up to date
    #[arg(long, value_name = "DIR", value_parser = path(), value_hint = ValueHint::DirPath)]
    pub(crate) trust_folder: Option<PathBuf>,
    /// Ask no service: look at what is here; a token that a service would have to give is not looked at
    #[arg(long, conflicts_with = "image")]
    pub(crate) offline: bool,
    #[command(flatten)]
    pub(crate) signer: SignerArgs,
    #[command(flatten)]
    pub(crate) services: ServiceArgs,
    #[command(flatten)]
    pub(crate) access: RegistryArgs,
    #[command(flatten)]
    pub(crate) format: FormatArg,
}
