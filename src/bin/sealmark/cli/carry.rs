//! Carrying images from place to place.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueHint};

use super::{FormatArg, GroundArgs, RegistryArgs, ReportArgs, TrustArgs, path};

/// Copy an image with everything that is attached to it, from registry to registry
///
/// Every platform of an index, signatures, attestations and whatever else refers to any of them, and the tags
/// of the older cosign. The tag of the copy is written last, when all the rest is there, and is read back. What
/// DESTINATION has of older signatures stays.
///
/// Say whom you expect, with flags or --policy, and the copy is verified where it has arrived; the exit code is
/// that of the verdict then.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  $ sealmark copy registry.example.com/app:v1 mirror.example.com/app:v1
  $ sealmark copy registry.example.com/app:v1 mirror.example.com/app \\
      --platform linux/arm64 --policy release.yaml")]
pub(crate) struct Copy {
    /// The image: HOST[:PORT]/PATH:TAG or HOST[:PORT]/PATH@sha256:DIGEST
    #[arg(value_name = "SOURCE", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) source: String,
    /// Where it goes: HOST[:PORT]/PATH[:TAG]; without a tag it gets that of SOURCE
    #[arg(value_name = "DESTINATION", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) destination: String,
    #[command(flatten)]
    pub(crate) platform: PlatformArg,
    #[command(flatten)]
    pub(crate) grounds: GroundArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
    #[command(flatten)]
    pub(crate) format: FormatArg,
}

/// Save an image with everything that is attached to it in a folder, as an OCI image layout
///
/// The folder may be new, empty, or a layout already; other programs (skopeo, crane, oras) read it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  $ sealmark save registry.example.com/app:v1 ./app
  $ skopeo inspect oci:./app:v1")]
pub(crate) struct Save {
    /// The image: HOST[:PORT]/PATH:TAG or HOST[:PORT]/PATH@sha256:DIGEST
    #[arg(value_name = "IMAGE", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) image: String,
    /// The folder
    #[arg(value_name = "DIR", value_parser = path(), value_hint = ValueHint::DirPath)]
    pub(crate) dir: PathBuf,
    #[command(flatten)]
    pub(crate) platform: PlatformArg,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
    #[command(flatten)]
    pub(crate) format: FormatArg,
}

/// Load an image with everything that is attached to it from an OCI image layout into a registry
///
/// Whom you expect, with flags or --policy, is verified where it has arrived, as with `sealmark copy`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  $ sealmark load ./app registry.example.com/app:v1
  $ sealmark load ./several registry.example.com/app:v1 --image v1.2")]
pub(crate) struct Load {
    /// The folder
    #[arg(value_name = "DIR", value_parser = path(), value_hint = ValueHint::DirPath)]
    pub(crate) dir: PathBuf,
    /// Where it goes: HOST[:PORT]/PATH[:TAG]
    #[arg(value_name = "DESTINATION", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) destination: String,
    /// The image's tag in the layout, when it holds several
    #[arg(long, value_name = "TAG", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) image: Option<String>,
    #[command(flatten)]
    pub(crate) platform: PlatformArg,
    #[command(flatten)]
    pub(crate) grounds: GroundArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
    #[command(flatten)]
    pub(crate) format: FormatArg,
}

/// Pack images and files with all that proves them into one archive, for where there is no network
///
/// The archive holds the images with everything that is attached to them (as an OCI layout, which skopeo reads
/// as oci-archive), the files with their bundles, the policy and the trusted root. Everything in it is verified
/// against that policy before the archive is written.
///
/// The archive's digest is printed. Hand it over by another way: who knows it may verify by the packed policy.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  $ sealmark pack --image registry.example.com/app:v1 --policy release.yaml \\
      -o app.pack.tar
  $ sealmark pack dist/app.tar.gz dist/app.sbom.json \\
      --policy release.yaml -o app.pack.tar
  $ sealmark verify pack app.pack.tar --policy release.yaml")]
pub(crate) struct Pack {
    /// Files, each with FILE.sigstore.json beside it
    #[arg(value_name = "FILE", required_unless_present = "images", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) files: Vec<PathBuf>,
    /// An image: HOST[:PORT]/PATH:TAG or HOST[:PORT]/PATH@sha256:DIGEST; may be repeated
    #[arg(long = "image", id = "images", value_name = "IMAGE", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) images: Vec<String>,
    /// The policy (YAML) that everything in the archive must meet
    #[arg(long, value_name = "FILE", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) policy: PathBuf,
    /// Where to write the archive
    #[arg(short, long, value_name = "FILE", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) output: PathBuf,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
    #[command(flatten)]
    pub(crate) report: ReportArgs,
}

/// Verify everything in a pack; nothing is asked of any network
///
/// Every image and file in the archive must be whole and hold: by the policy or flags that are given, and the
/// trusted root that is given. The archive brings a policy and a trusted root of its own, which whoever changes
/// it can change too: they count only with --pack-digest, for an archive of exactly that digest.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  $ sealmark verify pack app.pack.tar --policy release.yaml
  $ sealmark verify pack app.pack.tar --offline --pack-digest sha256:HEX
  $ skopeo copy oci-archive:app.pack.tar docker://registry.example.com/app")]
pub(crate) struct VerifyPack {
    /// The archive
    #[arg(value_name = "FILE", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    /// Take the policy and trusted root of the archive, whose digest must be this
    #[arg(long, value_name = "sha256:HEX", value_parser = NonEmptyStringValueParser::new(), conflicts_with_all =
          ["identity_form", "issuer_form", "claims", "certificate_authority", "key", "policy", "trust"])]
    pub(crate) pack_digest: Option<String>,
    /// Ask no network; a pack is always verified so
    #[arg(long)]
    pub(crate) offline: bool,
    #[command(flatten)]
    pub(crate) grounds: GroundArgs,
    #[command(flatten)]
    pub(crate) report: ReportArgs,
}

/// Which platform.
#[derive(Debug, Args)]
pub(crate) struct PlatformArg {
    /// Of an index, this platform's image alone: OS/ARCH[/VARIANT]
    #[arg(long, value_name = "PLATFORM", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) platform: Option<String>,
}
