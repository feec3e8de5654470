//! Who certifies, where it is not the services' own authority, and what is added to a trust root.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum, ValueHint};

use super::{FormatArg, path};

/// Who certifies.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Certificate authority (default: the services' own)")]
pub(crate) struct AuthorityArgs {
    /// Who certifies instead: vault:MOUNT/ROLE (at VAULT_ADDR or BAO_ADDR), or step-ca:URL
    #[arg(long, value_name = "AUTHORITY", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) authority: Option<String>,
    /// How to log in at a Vault: jwt:ROLE (default), token, approle, kubernetes:ROLE, cert:ROLE
    #[arg(long, value_name = "METHOD", requires = "authority", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) authority_login: Option<String>,
    /// The name to be certified: a URI with claims of the token in braces; a Vault needs it
    #[arg(long, value_name = "URI", requires = "authority", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) authority_name: Option<String>,
    /// The audience of the tokens that it takes (default: a Vault's address; sigstore)
    #[arg(long, value_name = "AUDIENCE", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) authority_audience: Option<String>,
    /// A file with the root of its TLS certificate; for a Vault VAULT_CACERT too
    #[arg(long, value_name = "FILE", requires = "authority", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) authority_tls_root: Option<PathBuf>,
}

/// Which system an authority is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum AuthoritySystem {
    /// HashiCorp Vault or OpenBao: `GET /v1/pki/ca_chain`
    Vault,
    /// Smallstep: intermediates.pem and roots.pem
    StepCa,
    /// SPIRE: `spire-server bundle show -format pem`; each root is one authority
    Spire,
    /// Any other CA
    File,
}

/// Add a private authority's certificates to a trust root, beside what is there
///
/// CHAIN holds the certificates in PEM: intermediates, then the root. FILE is a trusted_root.json or a
/// client_trust_config.json; nothing in it is changed or taken out, and adding the same again changes
/// nothing. The authority is believed for the time that its certificates are valid.
///
/// Such an authority is met only by rules that name it (--certificate-authority NAME), whatever issuer
/// its certificates speak of, and no SCT is asked of them. Compare the printed digest of its root by
/// another way than the one that CHAIN came by.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  $ curl -fsS $VAULT_ADDR/v1/pki/ca_chain > chain.pem
  $ sealmark trust add client_trust_config.json chain.pem --from vault \\
      --at $VAULT_ADDR/v1/pki --name 'acme ci'
  $ spire-server bundle show -format pem > bundle.pem
  $ sealmark trust add trusted_root.json bundle.pem --from spire \\
      --at example.org --name 'example.org workloads'")]
pub(crate) struct TrustAdd {
    /// The trust root to add to
    #[arg(value_name = "FILE", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    /// The authority's certificates in PEM
    #[arg(value_name = "CHAIN", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) chain: PathBuf,
    /// Which system it is of
    #[arg(long, value_name = "SYSTEM")]
    pub(crate) from: AuthoritySystem,
    /// Where it is: its URL, or a trust domain
    #[arg(long, value_name = "PLACE", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) at: String,
    /// The name that policies use
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) format: FormatArg,
}
