//! `verify` of files and images, and what is expected of a signature.

use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueHint};

use super::{FormatArg, Instance, RegistryArgs, SummaryArgs, TrustAgeArgs, claim, claim_help, path};

/// Verify files against their bundles, offline
///
/// For each FILE the bundle FILE.sigstore.json is read. FILE may be - for standard input, or a digest
/// (sha256:HEX, sha384:HEX, sha512:HEX); both need --bundle.
///
/// A yes means: the signature is of these bytes, by a key that a configured authority certified for
/// this identity, at a proven time, and a configured log includes the entry. Say whom you expect:
/// --identity with --issuer, --claim, --key or --policy; a signature by anyone at all proves nothing.
///
/// Every check that was made is printed, and what was not checked. Exit code 0 is the only yes; of several
/// files, each must hold.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  $ sealmark verify blob app.tar.gz --identity me@example.com \\
      --issuer https://accounts.google.com
  $ sealmark verify blob app.tar.gz \\
      --claim source-repository-uri=https://github.com/acme/app \\
      --claim source-repository-ref='refs/tags/*' \\
      --issuer https://token.actions.githubusercontent.com
  $ sealmark verify blob 'dist/*' --policy release.yaml --format json
  $ sealmark verify blob - --bundle app.json --key public.pem < app.tar.gz")]
pub(crate) struct VerifyBlob {
    /// Files, -, or digests; quoted patterns (*, ?, [a-z], **) are expanded
    #[arg(required = true, value_name = "FILE", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) artifacts: Vec<PathBuf>,
    /// The bundle (or several, one a line), when it is not FILE.sigstore.json
    #[arg(long, value_name = "FILE", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) bundle: Option<PathBuf>,
    /// Take only attestations of this type: a URI, or a short name such as slsaprovenance1
    #[arg(long, value_name = "TYPE", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) predicate_type: Option<String>,
    #[command(flatten)]
    pub(crate) grounds: GroundArgs,
    #[command(flatten)]
    pub(crate) report: ReportArgs,
    #[command(flatten)]
    pub(crate) summary: SummaryArgs,
}

/// Verify images in registries
///
/// A tag is resolved once; what is verified is a digest, and the digest is printed: deploy that. What is
/// attached to the image is fetched, bundles first, and every signature is looked at; older cosign signatures
/// (`sha256-….sig`) when no bundle is good. A keyless one has only a log's promise: --accept-promise.
///
/// Three answers never mix. Refused: what is attached is not acceptable (exit code 1). Absent: the registry has
/// answered that there is no signature (exit code 1, image-unsigned). Could not look: the registry is
/// throttling, out of reach, asks for a login, or contradicts itself (exit code 3).
///
/// Older signatures name the repository that was signed; for a copy elsewhere say --signed-as. Bundles bind the
/// digest alone.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  $ sealmark verify image registry.example.com/app:v1 \\
      --identity me@example.com --issuer https://accounts.google.com
  $ sealmark verify image registry.example.com/app@sha256:HEX --key cosign.pub
  $ sealmark verify image registry.example.com/app:v1 --recursive \\
      --policy release.yaml
  $ sealmark verify image registry.example.com/app:v1 \\
      --platform linux/arm64 --policy release.yaml --format json
  $ sealmark verify image registry.example.com/app:v1 --policy release.yaml \\
      --output vsa --verifier-id https://example.com/stage-1 \\
      --resource-uri pkg:oci/app --attach-summary")]
pub(crate) struct VerifyImage {
    /// Images: HOST[:PORT]/PATH:TAG or HOST[:PORT]/PATH@sha256:DIGEST
    #[arg(required = true, value_name = "IMAGE", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) images: Vec<String>,
    #[command(flatten)]
    pub(crate) selection: ImageSelection,
    #[command(flatten)]
    pub(crate) place: SignaturePlace,
    #[command(flatten)]
    pub(crate) grounds: GroundArgs,
    #[command(flatten)]
    pub(crate) registry: RegistryArgs,
    #[command(flatten)]
    pub(crate) report: ReportArgs,
    #[command(flatten)]
    pub(crate) summary: SummaryArgs,
}

/// Verify attestations of images in registries
///
/// As `verify image`, for statements of one predicate type. That the right one said it is verified; what it
/// says is not looked at.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  $ sealmark verify attestation registry.example.com/app:v1 \\
      --type slsaprovenance1 \\
      --claim source-repository-uri=https://github.com/acme/app \\
      --issuer https://token.actions.githubusercontent.com
  $ sealmark verify attestation registry.example.com/app:v1 \\
      --type cyclonedx --key cosign.pub")]
pub(crate) struct VerifyAttestation {
    /// The predicate's type: a URI, or slsaprovenance1, slsaprovenance (0.2), vsa, spdx, spdxjson, cyclonedx,
    /// openvex, vuln, vulns, test-result, link, release
    #[arg(long = "type", value_name = "TYPE", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) predicate_type: String,
    #[command(flatten)]
    pub(crate) image: VerifyImage,
}

/// Which of an image's manifests.
#[derive(Debug, Args)]
pub(crate) struct ImageSelection {
    /// Of a multi-platform image, verify the index and each image in it: all must hold
    #[arg(short, long, conflicts_with = "platform")]
    pub(crate) recursive: bool,
    /// Of a multi-platform image, verify the one for this platform, by its own signature or the index's
    #[arg(long, value_name = "OS/ARCH[/VARIANT]", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) platform: Option<String>,
    /// A repository that older signatures may name beside the image's own; may be repeated
    #[arg(long, value_name = "REPOSITORY", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) signed_as: Vec<String>,
}

/// Where signatures are.
#[derive(Debug, Args)]
pub(crate) struct SignaturePlace {
    /// The repository of the signatures, when it is not the image's (also COSIGN_REPOSITORY)
    #[arg(long, value_name = "REPOSITORY", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) signature_repository: Option<String>,
}

/// The grounds of a verdict: who must have signed, whom to believe, and what need not be proven.
#[derive(Debug, Args)]
pub(crate) struct GroundArgs {
    #[command(flatten)]
    pub(crate) expected: ExpectedArgs,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
    #[command(flatten)]
    pub(crate) waivers: WaiverArgs,
}

/// A signer by what the certificate says.
#[derive(Debug, Args)]
#[group(skip)]
pub(crate) struct CertifiedArgs {
    /// The exact identity: e-mail address, URI or username of the certificate
    #[arg(long, value_name = "ID", group = "identity_form", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) identity: Option<String>,
    /// A pattern for the identity: * within a segment, ** across segments
    #[arg(long, value_name = "GLOB", group = "identity_form", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) identity_glob: Option<String>,
    /// A regular expression for the whole identity (always anchored)
    #[arg(long, value_name = "REGEX", group = "identity_form", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) identity_regex: Option<String>,
    /// The exact issuer of the identity token
    #[arg(long, value_name = "URL", group = "issuer_form", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) issuer: Option<String>,
    /// A pattern for the issuer
    #[arg(long, value_name = "GLOB", group = "issuer_form", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) issuer_glob: Option<String>,
    /// A regular expression for the whole issuer (always anchored)
    #[arg(long, value_name = "REGEX", group = "issuer_form", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) issuer_regex: Option<String>,
    /// A claim of the certificate, such as source-repository-ref=refs/tags/*; may be repeated
    #[arg(long = "claim", value_name = "NAME=GLOB", value_parser = claim, long_help = claim_help())]
    pub(crate) claims: Vec<(String, String)>,
}

impl CertifiedArgs {
    /// Whether any flag says whom.
    pub(crate) fn says_who(&self) -> bool {
        let identity = [&self.identity, &self.identity_glob, &self.identity_regex];
        let issuer = [&self.issuer, &self.issuer_glob, &self.issuer_regex];
        identity.into_iter().chain(issuer).any(Option::is_some) || !self.claims.is_empty()
    }
}

/// Who must have signed.
#[derive(Debug, Args)]
#[group(skip)]
#[command(next_help_heading = "Who must have signed")]
pub(crate) struct ExpectedArgs {
    #[command(flatten)]
    pub(crate) certified: CertifiedArgs,
    /// The certificate authority that must have issued, instead of an issuer
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) certificate_authority: Option<String>,
    /// The public key (PEM) that must have signed, instead of an identity
    #[arg(long, value_name = "PEM", value_parser = path(), value_hint = ValueHint::FilePath, conflicts_with_all =
          ["identity_form", "issuer_form", "claims", "certificate_authority", "policy"])]
    pub(crate) key: Option<PathBuf>,
    /// A policy file (YAML) with one or more rules
    #[arg(long, value_name = "FILE", value_parser = path(), value_hint = ValueHint::FilePath, conflicts_with_all =
          ["identity_form", "issuer_form", "claims", "certificate_authority"])]
    pub(crate) policy: Option<PathBuf>,
    /// The version that each signature must name: an annotation `version` of what is signed
    #[arg(long, value_name = "VERSION", conflicts_with = "key", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) expect_version: Option<String>,
}

impl ExpectedArgs {
    /// Whether any flag says whom.
    pub(crate) fn says_who(&self) -> bool {
        let other = self.certificate_authority.is_some() || self.key.is_some() || self.policy.is_some();
        other || self.certified.says_who()
    }
}

/// Whom to believe: one of them. Each flag names the group, for one that is derived is empty as soon as the struct
/// has flattened flags.
#[derive(Debug, Args)]
#[group(skip)]
#[command(next_help_heading = "Trust (default: the public-good instance)")]
pub(crate) struct TrustArgs {
    /// A trusted_root.json
    #[arg(long, value_name = "FILE", group = "trust", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) trusted_root: Option<PathBuf>,
    /// A client_trust_config.json
    #[arg(long, value_name = "FILE", group = "trust", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) trust_config: Option<PathBuf>,
    /// The folder of a private stack
    #[arg(long, value_name = "DIR", group = "trust", value_parser = path(), value_hint = ValueHint::DirPath)]
    pub(crate) stack: Option<PathBuf>,
    /// An instance whose trust root is built in
    #[arg(long, value_name = "NAME", group = "trust")]
    pub(crate) instance: Option<Instance>,
    /// A folder that `trust init` made; it is verified anew, and nothing is fetched
    #[arg(long, value_name = "DIR", group = "trust", value_parser = path(), value_hint = ValueHint::DirPath)]
    pub(crate) trust_folder: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) age: TrustAgeArgs,
}

/// What need not be proven.
#[derive(Debug, Args)]
#[command(next_help_heading = "Waivers (each is printed, and named in JSON)")]
pub(crate) struct WaiverArgs {
    /// Accept a log's promise to include the entry (SET) where the bundle has no inclusion proof
    #[arg(long, conflicts_with = "policy")]
    pub(crate) accept_promise: bool,
    /// With --key: do not ask for a log entry
    #[arg(long, requires = "key")]
    pub(crate) log_not_required_unsafe: bool,
}

/// How to report a verdict.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct ReportArgs {
    /// Show the ordered checklist for each candidate signature
    #[arg(long)]
    pub(crate) explain: bool,
    #[command(flatten)]
    pub(crate) format: FormatArg,
}
