//! How registries are reached: the same flags at every command for images.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueHint};

use super::path;

/// How the registry is reached.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Registry (default: the logins of Docker and Podman)")]
pub(crate) struct RegistryArgs {
    /// The user name for the registry; needs a password
    #[arg(long, value_name = "NAME", requires = "registry_password", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) registry_username: Option<String>,
    /// A file with the password for --registry-username
    #[arg(long, value_name = "FILE", group = "registry_password", requires = "registry_username",
          value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) registry_password_file: Option<PathBuf>,
    /// Read the password for --registry-username from standard input
    #[arg(long, group = "registry_password", requires = "registry_username")]
    pub(crate) registry_password_stdin: bool,
    /// A file with a token that is sent to the registry as it is
    #[arg(long, value_name = "FILE", conflicts_with = "registry_username", value_parser = path(),
          value_hint = ValueHint::FilePath)]
    pub(crate) registry_token_file: Option<PathBuf>,
    /// A host of a token server that may have the registry's credentials, beside its own; may be repeated
    #[arg(long, value_name = "HOST", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) registry_token_server: Vec<String>,
    /// Certificates (PEM) that are trusted for TLS beside the public ones; loopback is reached over TLS then
    #[arg(long, value_name = "PEM", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) registry_ca: Option<PathBuf>,
    /// The certificate (PEM) that is shown to the registry; needs --registry-client-key
    #[arg(long, value_name = "PEM", requires = "registry_client_key", value_parser = path(),
          value_hint = ValueHint::FilePath)]
    pub(crate) registry_client_cert: Option<PathBuf>,
    /// The private key (PEM, PKCS#8) of --registry-client-cert
    #[arg(long, value_name = "PEM", requires = "registry_client_cert", value_parser = path(),
          value_hint = ValueHint::FilePath)]
    pub(crate) registry_client_key: Option<PathBuf>,
    /// Reach this registry (HOST or HOST:PORT) without TLS, as loopback always is; may be repeated
    #[arg(long, value_name = "HOST", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) plain_http: Vec<String>,
}
