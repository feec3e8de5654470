//! The protocol of the conformance suite.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{ArgGroup, Args};

use super::{Secret, path, secret};

/// Sign by the protocol of the Sigstore conformance suite
#[derive(Debug, Args)]
pub(crate) struct SignBundle {
    #[arg(long)]
    pub(crate) staging: bool,
    /// FILE is an in-toto statement
    #[arg(long)]
    pub(crate) in_toto: bool,
    #[arg(long, value_name = "TOKEN", value_parser = secret())]
    pub(crate) identity_token: Secret,
    #[arg(long, value_name = "FILE", value_parser = path())]
    pub(crate) bundle: PathBuf,
    #[arg(long, value_name = "FILE", value_parser = path())]
    pub(crate) trusted_root: Option<PathBuf>,
    #[arg(long, value_name = "FILE", value_parser = path())]
    pub(crate) signing_config: Option<PathBuf>,
    #[arg(value_name = "FILE", value_parser = path())]
    pub(crate) file: PathBuf,
}

/// Verify by the protocol of the Sigstore conformance suite
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("by").required(true).args(["certificate_identity", "key"]))]
pub(crate) struct VerifyBundle {
    #[arg(long)]
    pub(crate) staging: bool,
    #[arg(long, value_name = "FILE", value_parser = path())]
    pub(crate) bundle: PathBuf,
    #[arg(long, value_name = "ID", requires = "certificate_oidc_issuer", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) certificate_identity: Option<String>,
    #[arg(long, value_name = "URL", requires = "certificate_identity", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) certificate_oidc_issuer: Option<String>,
    #[arg(long, value_name = "PEM", value_parser = path())]
    pub(crate) key: Option<PathBuf>,
    #[arg(long, value_name = "FILE", value_parser = path())]
    pub(crate) trusted_root: Option<PathBuf>,
    #[arg(value_name = "FILE_OR_DIGEST", value_parser = path())]
    pub(crate) artifact: PathBuf,
}
