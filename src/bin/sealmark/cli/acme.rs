//! Serving certificates by ACME, for every server.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueHint};

use super::path;

/// A certificate that the server obtains and renews by itself (RFC 8555, tls-alpn-01).
#[derive(Debug, Args)]
#[command(next_help_heading = "A certificate by ACME, instead of files")]
pub(crate) struct AcmeArgs {
    /// The directory of an ACME server; its terms of service are agreed to
    #[arg(long, value_name = "URL", requires_all = ["acme_name", "acme_folder"], conflicts_with = "tls_cert",
          value_parser = NonEmptyStringValueParser::new())]
    pub(crate) acme: Option<String>,
    /// A DNS name to serve under, whose port 443 leads here; may be repeated
    #[arg(long, value_name = "DNS", requires = "acme", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) acme_name: Vec<String>,
    /// The folder that keeps the account and the certificate
    #[arg(long, value_name = "DIR", requires = "acme", value_parser = path(), value_hint = ValueHint::DirPath)]
    pub(crate) acme_folder: Option<PathBuf>,
    /// An e-mail address that the ACME server may write to; may be repeated
    #[arg(long, value_name = "EMAIL", requires = "acme", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) acme_contact: Vec<String>,
    /// Certificates (PEM) that are trusted for the ACME server beside the public ones
    #[arg(long, value_name = "PEM", requires = "acme", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) acme_ca: Option<PathBuf>,
}
