//! Signing images.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{ArgGroup, Args, Subcommand, ValueEnum, ValueHint};

use super::{FormatArg, RegistryArgs, SignaturePlace, SigningArgs, path};

/// Sign images in a registry
///
/// A tag is resolved once; its digest is printed, and only the digest is signed. The signature is a
/// Sigstore bundle that refers to the image, as cosign 3 writes it; it counts when it was read back from
/// the registry. One token, one certificate and one key serve all images and forms of a call.
///
/// Clients that know the older cosign form only (podman, skopeo, Kyverno, cosign 2) see nothing of a
/// bundle: --signature-format bundle,legacy writes both, and --consumers says who sees what.
///
/// Where a registry cannot list what refers to an image, the list is a tag that all writers share.
/// That is best effort: `sealmark attach repair` lists anew what a lost race took out.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  $ sealmark sign image registry.example.com/acme/app:v1
  $ sealmark sign image registry.example.com/acme/app --digest-file build.json
  $ sealmark sign image registry.example.com/acme/app:v1 --recursive \\
      --signature-format bundle,legacy --consumers
  $ sealmark sign image 127.0.0.1:5000/app:v1 --key cosign.key \\
      --signature-format legacy --log-not-required-unsafe")]
pub(crate) struct SignImage {
    #[command(flatten)]
    pub(crate) images: ImageArgs,
    #[command(flatten)]
    pub(crate) signatures: SignatureArgs,
    #[command(flatten)]
    pub(crate) signing: SigningArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
    #[command(flatten)]
    pub(crate) format: FormatArg,
}

/// Sign a statement about images in a registry: provenance, an SBOM, test results
///
/// The statement is made about each image's digest; everything else is as with `sealmark sign image`.
/// In a CI job --from-ci writes the predicate: SLSA provenance, by the claims of the job's identity token.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").required(true).args(["predicate", "from_ci"]), after_help = "\
Examples:
  $ sealmark attest image registry.example.com/acme/app:v1 \\
      --predicate sbom.cdx.json --type cyclonedx
  $ sealmark attest image registry.example.com/acme/app --if-needed \\
      --digest-file build.json --type slsaprovenance1 --from-ci")]
pub(crate) struct AttestImage {
    /// A JSON file with the predicate
    #[arg(long, value_name = "FILE", value_parser = path(), value_hint = ValueHint::FilePath,
          help_heading = "Statement")]
    pub(crate) predicate: Option<PathBuf>,
    /// Write the provenance of the CI job that runs this, by its identity token
    #[arg(long, help_heading = "Statement")]
    pub(crate) from_ci: bool,
    /// The predicate's type: a URI, or slsaprovenance1, slsaprovenance (0.2), vsa, spdx, spdxjson, cyclonedx,
    /// openvex, vuln, vulns, test-result, link, release
    #[arg(long = "type", value_name = "TYPE", value_parser = NonEmptyStringValueParser::new(),
          help_heading = "Statement")]
    pub(crate) predicate_type: String,
    #[command(flatten)]
    pub(crate) image: SignImage,
}

/// Which images.
#[derive(Debug, Args)]
pub(crate) struct ImageArgs {
    /// Images: HOST[:PORT]/PATH:TAG or HOST[:PORT]/PATH@sha256:DIGEST
    #[arg(required_unless_present = "digest_file", value_name = "IMAGE",
          value_parser = NonEmptyStringValueParser::new())]
    pub(crate) images: Vec<String>,
    /// The file in which a build wrote what it pushed: `docker buildx --metadata-file`, `podman push --digestfile`
    #[arg(long, value_name = "FILE", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) digest_file: Option<PathBuf>,
    /// Of an index, also every manifest below it
    #[arg(short, long)]
    pub(crate) recursive: bool,
}

/// What is written, and where.
#[derive(Debug, Args)]
#[command(next_help_heading = "Signatures")]
pub(crate) struct SignatureArgs {
    /// The forms to write
    #[arg(long, value_enum, value_delimiter = ',', value_name = "FORM,...", default_value = "bundle")]
    pub(crate) signature_format: Vec<SignatureFormat>,
    #[command(flatten)]
    pub(crate) place: SignaturePlace,
    /// Sign only what this signer has not signed yet: no certificate and no log entry for the rest
    #[arg(long)]
    pub(crate) if_needed: bool,
    /// With --if-needed: who this job signs as, so that not even a token is asked for when all is there
    #[arg(long, value_name = "ID", requires_all = ["if_needed", "signer_issuer"], conflicts_with = "key",
          value_parser = NonEmptyStringValueParser::new())]
    pub(crate) signer_identity: Option<String>,
    /// The issuer of that identity's tokens
    #[arg(long, value_name = "URL", requires = "signer_identity", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) signer_issuer: Option<String>,
    /// Where the log does not answer, keep the timestamped bundle in DIR for `sign finish` (exit code 4)
    #[arg(long, value_name = "DIR", value_parser = path(), value_hint = ValueHint::DirPath)]
    pub(crate) spool: Option<PathBuf>,
    /// Name every request that would be made; make none that writes
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Say which clients see the result
    #[arg(long)]
    pub(crate) consumers: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SignatureFormat {
    /// A Sigstore bundle that refers to the image (cosign 3)
    Bundle,
    /// The older cosign form, a tag beside the image (podman, skopeo, Kyverno, cosign 2)
    Legacy,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Attach {
    Repair(AttachRepair),
}

/// List anew the signatures of an image that its registry lists no more
///
/// A registry without the referrers API keeps the list in a tag. Where it takes every write, two writers
/// may undo each other's entry; the signature itself stays in the registry, and this lists it again. Which
/// signatures there are is known from what `sign` printed (--referrer), and from the tags of the
/// repository that name manifests about the image.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  $ sealmark attach repair registry.example.com/acme/app:v1 \\
      --referrer sha256:8d1c...")]
pub(crate) struct AttachRepair {
    /// The image: HOST[:PORT]/PATH:TAG or HOST[:PORT]/PATH@sha256:DIGEST
    #[arg(value_name = "IMAGE", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) image: String,
    /// The digest of a referrer, as `sign image` printed it; may be repeated
    #[arg(long, value_name = "DIGEST", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) referrer: Vec<String>,
    #[command(flatten)]
    pub(crate) place: SignaturePlace,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
    #[command(flatten)]
    pub(crate) format: FormatArg,
}
