//! The deploy gates.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{ArgGroup, Args, Subcommand, ValueHint};

use super::{AcmeArgs, FormatArg, TrustArgs, path};

#[derive(Debug, Subcommand)]
pub(crate) enum Gate {
    Admission(GateAdmission),
    Http(GateHttp),
    Lint(GateLint),
}

/// Answer the admission webhooks of a Kubernetes API server
///
/// POST /mutate replaces tags by the digest that was verified; POST /validate allows digests that the policy
/// of their namespace admits, and nothing else. What could not be looked at is denied, before the API
/// server's own deadline. GET /healthz, /readyz and /metrics are for operations; each decision is one line of
/// JSON on standard error.
///
/// Policies, trust and the certificate may be replaced while it runs; bad ones are reported and change
/// nothing.
#[derive(Debug, Args)]
#[command(
    override_usage = "sealmark gate admission --config FILE --tls-cert PEM --tls-key PEM [OPTIONS]",
    after_help = "\
Examples:
  $ sealmark gate admission --config gate.yaml \\
      --tls-cert tls.crt --tls-key tls.key
  $ sealmark gate admission --policy release.yaml --listen 0.0.0.0:8443 \\
      --trusted-root trusted_root.json --tls-cert tls.crt --tls-key tls.key"
)]
pub(crate) struct GateAdmission {
    #[command(flatten)]
    pub(crate) gate: GateArgs,
    /// Where the pod's service account is mounted: with one, in a cluster, denials and warnings leave events
    #[arg(long, value_name = "DIR", default_value = "/var/run/secrets/kubernetes.io/serviceaccount",
          value_parser = path(), value_hint = ValueHint::DirPath, help_heading = "Events and traces")]
    pub(crate) service_account: PathBuf,
    /// The address to listen on
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:8443", help_heading = "Serving")]
    pub(crate) listen: SocketAddr,
    /// The certificate chain (PEM) to serve with; looked at again every 5 s
    #[arg(long, value_name = "PEM", required_unless_present = "acme", requires = "tls_key", value_parser = path(),
          value_hint = ValueHint::FilePath, help_heading = "Serving")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The private key (PEM) of --tls-cert
    #[arg(long, value_name = "PEM", requires = "tls_cert", value_parser = path(), value_hint = ValueHint::FilePath,
          help_heading = "Serving")]
    pub(crate) tls_key: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) acme: AcmeArgs,
}

/// Answer pipelines and deployment tools: may this image be deployed?
///
/// POST /v1/verdict takes {"image": "HOST/PATH:TAG"} with a "policy" or a "namespace" of the settings, and
/// answers 200 with the digest to deploy, 403 with the reason, or 503 when it could not look. Whoever
/// reaches the address may ask, unless --token-file or --client-ca say who may.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  $ sealmark gate http --policy release.yaml &
  $ curl -d '{\"image\": \"registry.example.com/acme/app:v1\"}' \\
      http://127.0.0.1:8080/v1/verdict")]
pub(crate) struct GateHttp {
    #[command(flatten)]
    pub(crate) gate: GateArgs,
    /// The address to listen on
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:8080", help_heading = "Serving")]
    pub(crate) listen: SocketAddr,
    /// The certificate chain (PEM) to serve with; without it plain HTTP is served
    #[arg(long, value_name = "PEM", requires = "tls_key", value_parser = path(), value_hint = ValueHint::FilePath,
          help_heading = "Serving")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The private key (PEM) of --tls-cert
    #[arg(long, value_name = "PEM", requires = "tls_cert", value_parser = path(), value_hint = ValueHint::FilePath,
          help_heading = "Serving")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Who may ask: a file with a name and a bearer token a line; looked at again every 5 s
    #[arg(long, value_name = "FILE", value_parser = path(), value_hint = ValueHint::FilePath, help_heading = "Clients")]
    pub(crate) token_file: Option<PathBuf>,
    /// Serve only who shows a certificate of one of these authorities (PEM), health and metrics included
    #[arg(long, value_name = "PEM", requires = "tls_cert", value_parser = path(), value_hint = ValueHint::FilePath,
          help_heading = "Clients")]
    pub(crate) client_ca: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) acme: AcmeArgs,
}

/// Say where manifests let the admission gate be walked past
///
/// Looks at webhook configurations that ask at /validate and /mutate: whether they fail closed, which
/// namespaces and objects they leave out, whether every way to name an image is asked about. Exit code 1
/// when there is anything to say. Run it over what is applied: the output of `kubectl kustomize` or
/// `helm template`, or what `kubectl get -o yaml` says is there.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  $ sealmark gate lint webhooks.yaml
  $ kubectl get -o yaml validatingwebhookconfigurations \\
      | sealmark gate lint - --left-out payments")]
pub(crate) struct GateLint {
    /// What kubectl applies (YAML or JSON); - for standard input
    #[arg(value_name = "FILE", required = true, value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) manifests: PathBuf,
    /// A namespace that is left out on purpose, beside kube-system and the gate's own; may be repeated
    #[arg(long, value_name = "NAMESPACE", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) left_out: Vec<String>,
    #[command(flatten)]
    pub(crate) format: FormatArg,
}

/// What both gates decide by.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("gate_policy").required(true).args(["config", "policy"]))]
#[command(next_help_heading = "Policy")]
pub(crate) struct GateArgs {
    /// The gate's settings (YAML): policies, namespaces, kinds, break-glass
    #[arg(long, value_name = "FILE", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) config: Option<PathBuf>,
    /// One policy file (YAML) for every namespace, instead of settings
    #[arg(long, value_name = "FILE", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) policy: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    #[command(flatten)]
    pub(crate) registries: GateRegistryArgs,
    #[command(flatten)]
    pub(crate) traces: TraceArgs,
}

/// Where a gate's traces go.
#[derive(Debug, Args)]
#[command(next_help_heading = "Events and traces")]
pub(crate) struct TraceArgs {
    /// Send traces to this collector by OTLP in JSON (or: the variables of OpenTelemetry, OTEL_...)
    #[arg(long, value_name = "URL", value_parser = NonEmptyStringValueParser::new(), value_hint = ValueHint::Url)]
    pub(crate) otlp_endpoint: Option<String>,
    /// Tell registries which trace a request belongs to
    #[arg(long)]
    pub(crate) trace_registries: bool,
}

/// How a gate reaches registries.
#[derive(Debug, Args)]
#[command(next_help_heading = "Registries (default: the logins of Docker and Podman)")]
pub(crate) struct GateRegistryArgs {
    /// A registry (HOST or HOST:PORT) with a private name or address that may be asked; may be repeated
    #[arg(long, value_name = "HOST", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) private_registry: Vec<String>,
    /// Certificates (PEM) that are trusted for TLS beside the public ones
    #[arg(long, value_name = "PEM", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) registry_ca: Option<PathBuf>,
    /// Reach this registry (HOST or HOST:PORT) without TLS, as loopback always is; may be repeated
    #[arg(long, value_name = "HOST", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) plain_http: Vec<String>,
}
