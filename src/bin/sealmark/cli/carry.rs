//! Carrying images from place to place.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueHint};

use super::{ExpectedArgs, FormatArg, RegistryArgs, TrustArgs, WaiverArgs, path};

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
    pub(crate) expected: ExpectedArgs,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    #[command(flatten)]
    pub(crate) waivers: WaiverArgs,
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
    pub(crate) expected: ExpectedArgs,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    #[command(flatten)]
    pub(crate) waivers: WaiverArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
    #[command(flatten)]
    pub(crate) format: FormatArg,
}

/// Which platform.
#[derive(Debug, Args)]
pub(crate) struct PlatformArg {
    /// Of an index, this platform's image alone: OS/ARCH[/VARIANT]
    #[arg(long, value_name = "PLATFORM", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) platform: Option<String>,
}
