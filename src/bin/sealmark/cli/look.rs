//! Looking at things: what they say, and nothing proven.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueHint};

use super::{FormatArg, RegistryArgs, ServiceArgs, SignaturePlace, TokenArgs, TrustArgs, path};

/// Show what a bundle says, or what is attached to an image, without verifying it
///
/// Nothing shown is proven. The flags that `verify` would need are printed, so that you can judge whether this
/// is the signer that you expect.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  $ sealmark inspect app.tar.gz.sigstore.json
  $ sealmark inspect app.tar.gz --format json
  $ sealmark inspect registry.example.com/app:v1")]
pub(crate) struct Inspect {
    /// A bundle, a file with FILE.sigstore.json beside it, or an image
    #[arg(value_name = "FILE_OR_IMAGE", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) place: SignaturePlace,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
    #[command(flatten)]
    pub(crate) format: FormatArg,
}

/// Show everything that is attached to an image, without verifying it
///
/// For each platform: signatures and attestations with their form and whom they claim to be by, and every other artifact that
/// refers to the image. Nothing shown is proven. Exit code 3 when something could not be looked at.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  $ sealmark tree registry.example.com/app:v1
  $ sealmark tree registry.example.com/app:v1 --format json")]
pub(crate) struct Tree {
    /// The image: HOST[:PORT]/PATH:TAG or HOST[:PORT]/PATH@sha256:DIGEST
    #[arg(value_name = "IMAGE", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) image: String,
    #[command(flatten)]
    pub(crate) place: SignaturePlace,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
    #[command(flatten)]
    pub(crate) format: FormatArg,
}

/// Show whom you would sign as, and what is wrong with the token, without signing
///
/// Looks where `sign` looks for a token and reads it; whether it is genuine is the authority's to say.
/// The authority that would certify is asked whether it takes tokens of this issuer, and not shown the
/// token. Exit code 0 when it could take it, 1 when it would not, 2 when there is no token, 3 when the
/// authority does not answer.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  $ sealmark whoami
  $ sealmark whoami --offline --identity-token-file token.jwt
  $ sealmark whoami --stack ./stack --format json")]
pub(crate) struct Whoami {
    #[command(flatten)]
    pub(crate) signer: TokenArgs,
    /// Ask no authority
    #[arg(long)]
    pub(crate) offline: bool,
    #[command(flatten)]
    pub(crate) services: ServiceArgs,
    #[command(flatten)]
    pub(crate) format: FormatArg,
}

/// Show a trust root: authorities, logs, and since when each is believed
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  $ sealmark trust show
  $ sealmark trust show --trusted-root trusted_root.json --format json")]
pub(crate) struct TrustShow {
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    #[command(flatten)]
    pub(crate) format: FormatArg,
}

/// Print a completion script for a shell
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  $ sealmark completions bash > /etc/bash_completion.d/sealmark")]
pub(crate) struct Completions {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}
