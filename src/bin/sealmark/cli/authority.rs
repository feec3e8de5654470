//! Who certifies, where it is not the services' own authority, and what is added to a trust root.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum, ValueHint};
use sealmark::service::ca::RootDigest;

use super::{FormatArg, path};

/// Who certifies.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Certificate authority (default: the services' own)")]
pub(crate) struct AuthorityArgs {
    /// Who certifies instead: vault:MOUNT/ROLE (at VAULT_ADDR or BAO_ADDR), step-ca:URL, fulcio:URL,
    /// cert-manager:KIND/NAME (issuer/NAME or clusterissuer/NAME of the pod's cluster), or spiffe
    /// (the agent at SPIFFE_ENDPOINT_SOCKET gives certificate and key)
    #[arg(long, value_name = "AUTHORITY", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) authority: Option<String>,
    /// How to log in at a Vault: jwt:ROLE (default), token, approle, kubernetes:ROLE, cert:ROLE;
    /// at a step-ca jwk:PROVISIONER (default: its OIDC provisioner)
    #[arg(long, value_name = "METHOD", requires = "authority", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) authority_login: Option<String>,
    /// The name to be certified: a URI with claims of the token in braces; a Vault and a cert-manager
    /// need it.
    /// Of a SPIFFE agent: the one identity of several that signs
    #[arg(long, value_name = "URI", requires = "authority", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) authority_name: Option<String>,
    /// A file with the password of a step-ca's JWK provisioner
    #[arg(long, value_name = "FILE", requires = "authority", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) authority_password_file: Option<PathBuf>,
    /// The audience of the tokens that it takes (default: a Vault's address; sigstore)
    #[arg(long, value_name = "AUDIENCE", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) authority_audience: Option<String>,
    /// A file with the root of its TLS certificate; for a Vault VAULT_CACERT too, for a step-ca
    /// STEP_FINGERPRINT: the root's SHA-256
    #[arg(long, value_name = "FILE", requires = "authority", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) authority_tls_root: Option<PathBuf>,
    /// Where the pod's service account is mounted: token, ca.crt and namespace (default:
    /// /var/run/secrets/kubernetes.io/serviceaccount); for a cert-manager, and a Vault's login kubernetes
    #[arg(long, value_name = "DIR", requires = "authority", value_parser = path(), value_hint = ValueHint::DirPath)]
    pub(crate) authority_account: Option<PathBuf>,
    /// What becomes of a CertificateRequest that was answered (default: delete)
    #[arg(long, value_name = "WHAT", requires = "authority")]
    pub(crate) authority_requests: Option<AnsweredRequests>,
}

/// What becomes of requests that were answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AnsweredRequests {
    /// It is deleted
    Delete,
    /// It stays in the cluster, with who asked and who approved
    Keep,
}

/// Which system an authority is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AuthoritySystem {
    /// HashiCorp Vault or OpenBao: `GET /v1/pki/ca_chain`
    Vault,
    /// Smallstep: intermediates.pem and roots.pem
    StepCa,
    /// cert-manager: an issuer's CA, as the ca.crt of its Secret or of a trust-manager's bundle has it
    CertManager,
    /// A private Fulcio: api/v2/trustBundle. What it says of issuers is believed
    Fulcio,
    /// SPIRE: what the agent has, or `spire-server bundle show -format pem`; each root is one authority
    Spire,
    /// Any other CA
    File,
}

/// What the certificates of an authority are for, where that is not code signing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum LeafEku {
    /// Authentication by TLS, as X.509-SVIDs are
    ClientAuth,
}

/// Add a private authority's certificates to a trust root, beside what is there
///
/// CHAIN holds the certificates in PEM: intermediates, then the root. FILE is a trusted_root.json or a
/// client_trust_config.json; nothing in it is changed or taken out, and adding the same again changes
/// nothing. The authority is believed for the time that its certificates are valid.
///
/// Such an authority is met only by rules that name it (--certificate-authority NAME), whatever issuer
/// its certificates speak of, and no SCT is asked of them. A Fulcio is believed about issuers, and SCTs
/// are asked of it where the trust root has CT logs. Compare the printed digest of its root by another
/// way than the one that the certificates came by, or give it: --root-sha256.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  $ sealmark trust add client_trust_config.json --from vault \\
      --at $VAULT_ADDR/v1/pki --name 'acme ci'
  $ sealmark trust add trusted_root.json --from step-ca --name 'acme step' \\
      --at https://ca.example.com --root-sha256 $STEP_FINGERPRINT
  $ SPIFFE_ENDPOINT_SOCKET=unix:///run/spire/agent/public/api.sock \\
      sealmark trust add trusted_root.json --from spire --at example.org \\
      --leaf-eku client-auth --name 'example.org workloads'")]
pub(crate) struct TrustAdd {
    /// The trust root to add to
    #[arg(value_name = "FILE", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    /// The authority's certificates in PEM; without it the authority is asked, of SPIRE the agent at
    /// SPIFFE_ENDPOINT_SOCKET
    #[arg(value_name = "CHAIN", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) chain: Option<PathBuf>,
    /// Which system it is of
    #[arg(long, value_name = "SYSTEM")]
    pub(crate) from: AuthoritySystem,
    /// Where it is: its URL, or a trust domain
    #[arg(long, value_name = "PLACE", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) at: String,
    /// The name that policies use
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) name: String,
    /// The SHA-256 of the authority's root: another one is refused, and a step-ca's is fetched by it
    #[arg(long, value_name = "HEX", value_parser = root_digest)]
    pub(crate) root_sha256: Option<RootDigest>,
    /// A file with the root of the authority's TLS certificate
    #[arg(long, value_name = "FILE", conflicts_with = "chain", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) tls_root: Option<PathBuf>,
    /// Let certificates sign that are not for code signing: SPIRE's X.509-SVIDs, which never are
    #[arg(long, value_name = "USE")]
    pub(crate) leaf_eku: Option<LeafEku>,
    #[command(flatten)]
    pub(crate) format: FormatArg,
}

fn root_digest(text: &str) -> Result<RootDigest, &'static str> {
    RootDigest::parse(text).ok_or("expected 64 hexadecimal digits")
}
