//! Certificates of services, and when they end.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::NonEmptyStringValueParser;
use clap::{ArgGroup, Args, Subcommand, ValueEnum, ValueHint};
use sealmark::service::ca::ServiceName;

use super::budget::duration;
use super::{AuthorityArgs, FormatArg, NewKeyKind, TokenArgs, path};

#[derive(Debug, Subcommand)]
pub(crate) enum CertificateCommand {
    Issue(Box<CertificateIssue>),
    Inspect(CertificateInspect),
    Expiring(CertificateExpiring),
}

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CertificateForm {
    /// OUTPUT.key, OUTPUT.crt with what leads to the root, and OUTPUT.ca.crt
    Files,
    /// Key and chain in one PEM file
    Bundle,
    /// A Secret of type kubernetes.io/tls; needs --secret
    Kubernetes,
}

/// Get a certificate for a service: mutual TLS with the identity of the job
///
/// The key is made here and never sent. The job's identity token logs in at the authority, which signs a request for
/// the names that the flags give. What comes back is checked before anything is written: it must be of this key, for
/// exactly these names, for TLS, valid now, and each certificate signed by the next. Nobody but the owner can read
/// files with the key, and they are there whole or not at all.
#[derive(Debug, Args)]
#[command(override_usage = "sealmark certificate issue [OPTIONS] --output <OUTPUT> <--dns|--ip|--uri>",
          group = ArgGroup::new("names").args(["dns", "ip", "uri"]).required(true).multiple(true),
          after_help = "\
Examples:
  $ sealmark certificate issue --authority vault:pki/web \\
      --authority-login jwt:web --dns app.example.com --lifetime 24h -o app
  $ sealmark certificate issue --authority vault:pki/web --dns app.example.com \\
      --form kubernetes --secret prod/app-tls -o - | kubectl apply -f -")]
pub(crate) struct CertificateIssue {
    /// A host name, or *.DOMAIN; may be repeated
    #[arg(long, value_name = "HOST", value_parser = dns)]
    pub(crate) dns: Vec<ServiceName>,
    /// An IP address; may be repeated
    #[arg(long, value_name = "ADDRESS", value_parser = ip)]
    pub(crate) ip: Vec<ServiceName>,
    /// A URI, such as a SPIFFE ID; may be repeated
    #[arg(long, value_name = "URI", value_parser = uri)]
    pub(crate) uri: Vec<ServiceName>,
    /// How long it is to hold (default: the authority's)
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) lifetime: Option<Duration>,
    /// The kind of the key
    #[arg(long, value_name = "KIND", default_value = "p256")]
    pub(crate) kind: NewKeyKind,
    /// What is written
    #[arg(long, value_name = "FORM", default_value = "files")]
    pub(crate) form: CertificateForm,
    /// Where: the start of the files' names, or a file; - is standard output, for the Kubernetes form alone
    #[arg(short, long, value_name = "OUTPUT", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) output: PathBuf,
    /// The Secret's NAMESPACE/NAME
    #[arg(long, value_name = "NAMESPACE/NAME", value_parser = NonEmptyStringValueParser::new(),
          required_if_eq("form", "kubernetes"))]
    pub(crate) secret: Option<String>,
    #[command(flatten)]
    pub(crate) token: TokenArgs,
    #[command(flatten)]
    pub(crate) authority: AuthorityArgs,
    #[command(flatten)]
    pub(crate) format: FormatArg,
}

/// Show certificates: whom they name, what for, until when
///
/// FILE holds certificates in PEM, or Kubernetes manifests with Secrets, in YAML or JSON. Nothing is verified.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  $ sealmark certificate inspect app.crt
  $ kubectl get secret app-tls -o json | sealmark certificate inspect -")]
pub(crate) struct CertificateInspect {
    /// Files; - is standard input
    #[arg(required = true, value_name = "FILE", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) format: FormatArg,
}

/// Find certificates that end soon
///
/// Looks at files, at whatever below a folder holds certificates in PEM, and at the Secrets of Kubernetes manifests.
/// Exit code 1 when one ends within the time, or has ended; 3 when one could not be read and none ends.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  $ sealmark certificate expiring /etc/tls --within 14d
  $ kubectl get secrets -o json | sealmark certificate expiring - --within 30d")]
pub(crate) struct CertificateExpiring {
    /// Files and folders; - is standard input
    #[arg(required = true, value_name = "PATH", value_parser = path(), value_hint = ValueHint::AnyPath)]
    pub(crate) paths: Vec<PathBuf>,
    /// How soon, such as 14d or 12h
    #[arg(long, value_name = "TIME", default_value = "30d", value_parser = days)]
    pub(crate) within: Duration,
    #[command(flatten)]
    pub(crate) format: FormatArg,
}

fn dns(text: &str) -> Result<ServiceName, &'static str> {
    ServiceName::dns(text).ok_or("expected a host name, such as app.example.com or *.example.com")
}

fn ip(text: &str) -> Result<ServiceName, &'static str> {
    text.parse::<IpAddr>().map(ServiceName::Ip).map_err(|_| "expected an IP address")
}

fn uri(text: &str) -> Result<ServiceName, &'static str> {
    ServiceName::uri(text).ok_or("expected a URI, such as spiffe://example.org/app")
}

/// As [`duration`], and whole days.
fn days(text: &str) -> Result<Duration, &'static str> {
    let count = text.strip_suffix('d').and_then(|count| count.parse::<u32>().ok());
    match count {
        Some(count) => Ok(Duration::from_secs(86_400) * count),
        None => duration(text).map_err(|_| "expected a time such as 14d or 12h"),
    }
}
