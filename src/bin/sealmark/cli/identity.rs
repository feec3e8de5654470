//! Where the identity token comes from.

use std::path::PathBuf;

use clap::builder::{NonEmptyStringValueParser, PossibleValuesParser};
use clap::{ArgGroup, Args, ValueEnum, ValueHint};
use sealmark::service::identity::platforms;

use super::{Secret, path, secret};

/// Where the token comes from.
#[derive(Debug, Clone, Default, Args)]
#[group(skip)]
#[command(group = ArgGroup::new("token").args([
    "identity_token_file", "identity_token", "identity_token_command", "identity_provider", "login",
]))]
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
    /// Sign in as a person, at a terminal and never in CI; or as a client, by its secret
    #[arg(long, value_name = "METHOD")]
    pub(crate) login: Option<LoginMethodArg>,
    #[command(flatten)]
    pub(crate) with: LoginArgs,
}

/// With whom one signs in.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct LoginArgs {
    /// The issuer to sign in with; else SEALMARK_LOGIN_ISSUER, else Sigstore's own
    #[arg(long, value_name = "URL", requires = "login", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) login_issuer: Option<String>,
    /// The client that signs in; else SEALMARK_LOGIN_CLIENT_ID, else sigstore. The secret of a client that has one
    /// is taken from SEALMARK_LOGIN_CLIENT_SECRET
    #[arg(long, value_name = "ID", requires = "login", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) login_client_id: Option<String>,
}

/// How one signs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LoginMethodArg {
    /// In a browser on this machine
    Browser,
    /// In a browser on any machine, where a short code is confirmed
    Device,
    /// In a browser on any machine, which shows a code to type in here
    Code,
    /// With a client's secret; nobody is asked
    ClientCredentials,
}

impl TokenArgs {
    /// Whether any flag says where.
    pub(crate) fn says_where(&self) -> bool {
        let named = [&self.identity_token_command, &self.identity_provider].into_iter().any(Option::is_some);
        named || self.login.is_some() || self.identity_token_file.is_some() || self.identity_token.is_some()
    }
}
