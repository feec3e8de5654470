//! `sign` and `attest` of files, and what signing takes.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{ArgGroup, Args, ValueHint};

use super::{AuthorityArgs, BudgetArgs, FormatArg, SigningInstance, TokenArgs, path};

/// Sign files; each bundle is written beside its file as FILE.sigstore.json
///
/// One token, one certificate and one key serve all files of a call; the key is forgotten at its end.
/// A bundle is verified against the trust root before it is written, and is never half-written.
/// The command that verifies each bundle is printed; a GitHub Actions job also gets a summary and the
/// outputs `bundles` and `digests`.
///
/// Without --identity-token and its like, or --key, the token comes from the environment: SIGSTORE_ID_TOKEN,
/// a CI job (GitHub, GitLab, Jenkins and others), a projected token file, a cloud's machine. `sealmark whoami`
/// shows which; the manual's page on identities has them all, with what each needs.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  $ sealmark sign blob app.tar.gz
  $ sealmark sign blob 'dist/*' --identity-token-file token.jwt
  $ sealmark sign blob app.tar.gz --stack ./stack -o app.bundle.json")]
pub(crate) struct SignBlob {
    /// Files to sign; quoted patterns (*, ?, [a-z], **) are expanded
    #[arg(required = true, value_name = "FILE", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) files: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) signing: SigningArgs,
    #[command(flatten)]
    pub(crate) output: BundleOutput,
}

/// Sign a statement about a file; written beside it as FILE.sigstore.json
///
/// Give either a predicate with its type, and the statement is made about FILE, or a whole in-toto
/// statement, and FILE must be one of its subjects. The signed bytes are the statement, unchanged.
/// In a CI job --from-ci writes the predicate: SLSA provenance, by the claims of the job's identity token.
/// A bundle of another kind that is there already is left alone: name another place with --output.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("what").required(true).args(["predicate", "statement", "from_ci"]),
    after_help = "\
Examples:
  $ sealmark attest blob app.tar.gz --predicate sbom.cdx.json --type cyclonedx
  $ sealmark attest blob app.tar.gz --type slsaprovenance1 --from-ci
  $ sealmark attest blob app.tar.gz --statement provenance.json"
)]
pub(crate) struct AttestBlob {
    /// The file that the statement is about
    #[arg(value_name = "FILE", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    /// A JSON file with the predicate; needs --type
    #[arg(long, value_name = "FILE", requires = "predicate_type", value_parser = path(),
          value_hint = ValueHint::FilePath, help_heading = "Statement")]
    pub(crate) predicate: Option<PathBuf>,
    /// The predicate's type: a URI, or slsaprovenance1, slsaprovenance (0.2), vsa, spdx, spdxjson, cyclonedx,
    /// openvex, vuln, vulns, test-result, link, release
    #[arg(long = "type", id = "predicate_type", value_name = "TYPE", conflicts_with = "statement",
          value_parser = NonEmptyStringValueParser::new(), help_heading = "Statement")]
    pub(crate) predicate_type: Option<String>,
    /// Write the provenance of the CI job that runs this, by its identity token; needs --type
    #[arg(long, requires = "predicate_type", help_heading = "Statement")]
    pub(crate) from_ci: bool,
    /// A JSON file with the whole in-toto statement
    #[arg(long, value_name = "FILE", value_parser = path(), value_hint = ValueHint::FilePath,
          help_heading = "Statement")]
    pub(crate) statement: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) signing: SigningArgs,
    #[command(flatten)]
    pub(crate) output: BundleOutput,
}

/// Who signs, by which services, and what the signature goes without.
#[derive(Debug, Args)]
pub(crate) struct SigningArgs {
    #[command(flatten)]
    pub(crate) signer: SignerArgs,
    #[command(flatten)]
    pub(crate) services: ServiceArgs,
    #[command(flatten)]
    pub(crate) waivers: SigningWaiverArgs,
}

/// Who signs.
#[derive(Debug, Args)]
#[command(next_help_heading = "Signer (default: the token of the environment)")]
pub(crate) struct SignerArgs {
    #[command(flatten)]
    pub(crate) token: TokenArgs,
    /// A private key instead of an identity: a PEM file, env://NAME, exec:PROGRAM, pkcs11:URI, or a key
    /// service: hashivault://, awskms://, gcpkms://, azurekms:// (the manual's page on keys has every form)
    #[arg(long, value_name = "KEY", conflicts_with = "token", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) key: Option<PathBuf>,
    /// A file with the key's password; else SEALMARK_KEY_PASSWORD or COSIGN_PASSWORD, else it is asked for
    #[arg(long, value_name = "FILE", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) key_password_file: Option<PathBuf>,
    /// Publish the name of a private repository: in a public log it stays for ever
    #[arg(long, conflicts_with = "key")]
    pub(crate) public_record: bool,
}

/// What a signature goes without.
#[derive(Debug, Args)]
#[command(next_help_heading = "Waivers (each is printed, and named in JSON)")]
pub(crate) struct SigningWaiverArgs {
    /// With --key: no log entry, and timestamps only by services that were named
    #[arg(long, requires = "key")]
    pub(crate) log_not_required_unsafe: bool,
}

/// Which services sign, log and timestamp.
#[derive(Debug, Args)]
#[command(next_help_heading = "Services (default: the public-good instance)")]
pub(crate) struct ServiceArgs {
    /// The folder of a private stack
    #[arg(long, value_name = "DIR", group = "services", value_parser = path(), value_hint = ValueHint::DirPath)]
    pub(crate) stack: Option<PathBuf>,
    /// A client_trust_config.json: services and trust root in one file
    #[arg(long, value_name = "FILE", group = "services", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) trust_config: Option<PathBuf>,
    /// A signing_config.v0.2.json; needs --trusted-root
    #[arg(long, value_name = "FILE", group = "services", requires = "trusted_root", value_parser = path(),
          value_hint = ValueHint::FilePath)]
    pub(crate) signing_config: Option<PathBuf>,
    /// The trusted_root.json that belongs to --signing-config
    #[arg(long, value_name = "FILE", requires = "signing_config", value_parser = path(),
          value_hint = ValueHint::FilePath)]
    pub(crate) trusted_root: Option<PathBuf>,
    /// An instance whose services are built in
    #[arg(long, value_name = "NAME", group = "services")]
    pub(crate) instance: Option<SigningInstance>,
    /// Write each log entry down in FILE before its signature is reported: `monitor --ledger` knows the rest for forged
    #[arg(long, value_name = "FILE", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) ledger: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) authority: AuthorityArgs,
    #[command(flatten)]
    pub(crate) budget: BudgetArgs,
}

/// Where bundles go.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct BundleOutput {
    /// Where to write the bundle, when there is one FILE
    #[arg(short, long, value_name = "FILE", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) output: Option<PathBuf>,
    /// Where the log does not answer, keep the timestamped signature in DIR for `sign finish` (exit code 4)
    #[arg(long, value_name = "DIR", value_parser = path(), value_hint = ValueHint::DirPath)]
    pub(crate) spool: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) format: FormatArg,
}
