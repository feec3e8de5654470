//! A verification summary in place of a report.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum, ValueHint};

use super::{TokenArgs, path};

/// What is printed in place of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SummaryKind {
    /// The predicate of a SLSA verification summary: signed with --summary-bundle or --attach-summary
    Vsa,
}

/// Which summary, and what only the caller knows.
#[derive(Debug, Args)]
#[command(next_help_heading = "Summary for later stages")]
pub(crate) struct SummaryArgs {
    /// Print a summary of the verdict under --policy for later stages, not a report
    #[arg(long, value_enum, value_name = "KIND", requires_all = ["policy", "verifier_id", "resource_uri"],
          conflicts_with_all = ["format", "explain"])]
    pub(crate) output: Option<SummaryKind>,
    /// The URI of whoever verifies
    #[arg(long, value_name = "URI", requires = "output", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) verifier_id: Option<String>,
    /// The URI of what the artifact may be used as, such as pkg:oci/app or https://example.com/app-1.2.tar.gz
    #[arg(long, value_name = "URI", requires = "output", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) resource_uri: Option<String>,
    /// The URI of the policy, when it is not file:POLICY
    #[arg(long, value_name = "URI", requires = "output", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) policy_uri: Option<String>,
    /// A level that who meets the policy has, such as SLSA_BUILD_LEVEL_3; one a track, may be repeated
    #[arg(long = "verified-level", value_name = "LEVEL", requires = "output",
          value_parser = NonEmptyStringValueParser::new())]
    pub(crate) verified_levels: Vec<String>,
    /// Sign the summary of a yes and write its bundle here, for later stages; a no writes nothing
    #[arg(long, value_name = "FILE", requires = "output", group = "signed_summary", value_parser = path(),
          value_hint = ValueHint::FilePath)]
    pub(crate) summary_bundle: Option<PathBuf>,
    /// Of an image: sign the summary of a yes and attach it to the image
    #[arg(long, requires = "output", group = "signed_summary")]
    pub(crate) attach_summary: bool,
    #[command(flatten)]
    pub(crate) signer: SummarySignerArgs,
}

/// Who signs a summary, by the services of the trust flags.
#[derive(Debug, Args)]
#[command(next_help_heading = "Signer of the summary (default: the token of the environment)")]
pub(crate) struct SummarySignerArgs {
    #[command(flatten)]
    pub(crate) token: TokenArgs,
    /// A private key instead of an identity, in every form that --key of `sign blob` has
    #[arg(long, value_name = "KEY", requires = "signed_summary", conflicts_with = "token", value_parser = path(),
          value_hint = ValueHint::FilePath)]
    pub(crate) signing_key: Option<PathBuf>,
    /// A file with the key's password
    #[arg(long, value_name = "FILE", requires = "signing_key", value_parser = path(),
          value_hint = ValueHint::FilePath)]
    pub(crate) signing_key_password_file: Option<PathBuf>,
    /// A signing_config.v0.2.json, with --trusted-root
    #[arg(long, value_name = "FILE", requires_all = ["signed_summary", "trusted_root"], value_parser = path(),
          value_hint = ValueHint::FilePath)]
    pub(crate) signing_config: Option<PathBuf>,
    /// Publish the name of a private repository: in a public log it stays for ever
    #[arg(long, requires = "signed_summary", conflicts_with = "signing_key")]
    pub(crate) public_record: bool,
}
