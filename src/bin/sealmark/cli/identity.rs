//! Where the identity token comes from.

use std::path::PathBuf;

use clap::builder::{NonEmptyStringValueParser, PossibleValuesParser};
use clap::{Args, ValueHint};
use sealmark::service::identity::platforms;

use super::{Secret, path, secret};

/// Where the token comes from.
#[derive(Debug, Clone, Default, Args)]
#[group(id = "token", multiple = false)]
pub(crate) struct TokenArgs {
    /// A file with the identity token; - is standard input
    #[arg(long, value_name = "FILE", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) identity_token_file: Option<PathBuf>,
    /// The identity token itself; others on this machine can read arguments: prefer the file
    #[arg(long, value_name = "TOKEN", value_parser = secret())]
    pub(crate) identity_token: Option<Secret>,
    /// A program that prints the identity token, with arguments; {audience} stands for the audience. No shell runs
    /// it; give a JSON list where a word holds blanks
    #[arg(long, value_name = "COMMAND", value_parser = NonEmptyStringValueParser::new(),
          value_hint = ValueHint::CommandString)]
    pub(crate) identity_token_command: Option<String>,
    /// The platform to have the token from, without looking for others: github, gitlab, jenkins, google, aws …
    #[arg(long, value_name = "NAME", hide_possible_values = true,
          value_parser = PossibleValuesParser::new(platforms().map(|platform| platform.key)))]
    pub(crate) identity_provider: Option<String>,
}

impl TokenArgs {
    /// Whether any flag says where.
    pub(crate) fn says_where(&self) -> bool {
        let named = [&self.identity_token_command, &self.identity_provider].into_iter().any(Option::is_some);
        named || self.identity_token_file.is_some() || self.identity_token.is_some()
    }
}
