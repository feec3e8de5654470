//! Policies: written, checked, tested, explained, compared.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand, ValueHint};

use super::{FormatArg, RegistryArgs, SignaturePlace, TrustArgs, path};

#[derive(Debug, Subcommand)]
pub(crate) enum Policy {
    Init(PolicyInit),
    Check(PolicyCheck),
    Test(PolicyTest),
    Explain(PolicyExplain),
    Diff(PolicyDiff),
    Import(PolicyImport),
    Schema(PolicySchema),
}

/// Write a policy from signatures that exist
///
/// Verifies each file against its bundle, and what is attached to each image, whoever signed it, and prints the
/// tightest rules that stay the same from one release to the next: the workflow at any tag, its issuer, and the
/// identifiers of repository and owner, which nobody can take over; of images also the repository, and the types
/// of what the signer attests. Read it before you trust it: it says who did sign, not who should.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  $ sealmark policy init --from app.tar.gz > policy.yaml
  $ sealmark policy init --from registry.example.com/app:v1 > policy.yaml")]
pub(crate) struct PolicyInit {
    /// What is signed: files, each with FILE.sigstore.json beside it, or images
    #[arg(long, required = true, value_name = "FILE_OR_IMAGE", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) from: Vec<PathBuf>,
    /// The bundle of a file, when it is not FILE.sigstore.json
    #[arg(long, value_name = "FILE", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) bundle: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) places: PlacesArgs,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
}

/// Say what a policy allows and seldom means
///
/// Broad patterns, names of repositories without the identifiers that nobody can take over, rules that are never
/// reached, promises that are taken for proofs, scopes that do not enforce. Exit code 1 when there is any.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  $ sealmark policy check policy.yaml")]
pub(crate) struct PolicyCheck {
    /// The policy
    #[arg(value_name = "FILE", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) policy: PathBuf,
    #[command(flatten)]
    pub(crate) format: FormatArg,
}

/// Hold a policy against cases with known verdicts
///
/// CASES is YAML; its paths are relative to it:
///
///   policy: policy.yaml
///   trusted-root: trusted_root.json
///   cases:
///     - artifact: app.tar.gz
///       expect: verified            # or refused, undecided
///       rule: release
///     - artifact: app.tar.gz
///       bundle: other.sigstore.json
///       expect: refused
///       reason: identity-mismatch
///     - image: registry.example.com/app:v1.2
///       layout: ./app             # in place of the registry: a folder or archive
///       version: '1.2'            # as --expect-version
///       expect: verified
///
/// Exit code 1 when a case has another verdict, rule or reason; 3 when the only ones that do could not be looked at.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
#[command(after_help = "\
Example:
  $ sealmark policy test cases.yaml")]
pub(crate) struct PolicyTest {
    /// The cases
    #[arg(value_name = "CASES", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) cases: PathBuf,
    #[command(flatten)]
    pub(crate) places: PlacesArgs,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    #[command(flatten)]
    pub(crate) format: FormatArg,
}

/// Show how a policy decides about a file or an image, as a tree
///
/// Every scope and rule with every signature that proves something: what holds, what does not, what was expected,
/// what was found, and the characters that differ. Exit code 1 for a no, 3 when something that could change it could
/// not be looked at.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  $ sealmark policy explain app.tar.gz --policy policy.yaml
  $ sealmark policy explain registry.example.com/app:v1 --policy policy.yaml")]
pub(crate) struct PolicyExplain {
    /// A file, -, a digest, or an image
    #[arg(value_name = "FILE_OR_IMAGE", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) artifact: PathBuf,
    /// The policy
    #[arg(long, value_name = "FILE", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) policy: PathBuf,
    /// The bundle of a file, when it is not FILE.sigstore.json
    #[arg(long, value_name = "FILE", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) bundle: Option<PathBuf>,
    /// The version that each signature must name
    #[arg(long, value_name = "VERSION", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) expect_version: Option<String>,
    #[command(flatten)]
    pub(crate) places: PlacesArgs,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    #[command(flatten)]
    pub(crate) format: FormatArg,
}

/// Show whose verdict changes from one policy to another
///
/// Both policies are asked about the same signatures: an image is looked at once. Exit code 1 when anyone's verdict
/// changes, 3 when none does but something could not be looked at.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  $ sealmark policy diff policy.yaml new.yaml 'releases/*.tar.gz'
  $ sealmark policy diff policy.yaml new.yaml registry.example.com/app:v1")]
pub(crate) struct PolicyDiff {
    /// The policy as it is
    #[arg(value_name = "OLD", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) old: PathBuf,
    /// The policy as it would be
    #[arg(value_name = "NEW", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) new: PathBuf,
    /// Files, each with FILE.sigstore.json beside it (quoted patterns are expanded), or images
    #[arg(required = true, value_name = "FILE_OR_IMAGE", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) artifacts: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) places: PlacesArgs,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    #[command(flatten)]
    pub(crate) format: FormatArg,
}

/// Write a policy of another tool as one of ours
///
/// Reads a ClusterImagePolicy of Sigstore's policy-controller, or the policy.json of podman, skopeo and CRI-O. What
/// ours cannot say is an error that names the field and its line: nothing is left out, and nothing is made wider.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  $ sealmark policy import cluster-image-policy.yaml > policy.yaml")]
pub(crate) struct PolicyImport {
    /// The document, YAML or JSON
    #[arg(value_name = "FILE", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) document: PathBuf,
}

/// Print the JSON Schema of policies, from which editors complete
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  $ sealmark policy schema > policy.schema.json")]
pub(crate) struct PolicySchema {}

/// Where images are looked for.
#[derive(Debug, Args)]
pub(crate) struct PlacesArgs {
    /// Look for images in this OCI layout, a folder as `sealmark save` writes it or an archive, instead of registries
    #[arg(long, value_name = "PATH", conflicts_with = "signature_repository", value_parser = path(),
          value_hint = ValueHint::AnyPath)]
    pub(crate) layout: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) place: SignaturePlace,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
}
