//! A verification summary in place of a report.

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum};

/// What is printed in place of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SummaryKind {
    /// The predicate of a SLSA verification summary, to be attested with --type vsa
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
}
