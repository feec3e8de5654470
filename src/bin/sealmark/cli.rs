//! Every command, flag and help text: one table.
//!
//! What flags mean together is settled in `settings.rs`; here stand names, values and words.

mod acme;
mod authority;
mod budget;
mod carry;
mod certificate;
mod doctor;
mod gate;
mod identity;
mod image;
mod monitor;
mod policy;
mod registry;
mod summary;
mod trust;
mod witness;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::{NonEmptyStringValueParser, PathBufValueParser, TypedValueParser};
use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum, ValueHint};
use sealmark::format::x509::CLAIMS;
use sealmark::stack::Role;
use sealmark::stack::drift::TimeSource;
use zeroize::Zeroizing;

pub(crate) use acme::AcmeArgs;
pub(crate) use authority::{AnsweredRequests, AuthorityArgs, AuthoritySystem, LeafEku, TrustAdd};
pub(crate) use budget::{BudgetArgs, SignFinish};
pub(crate) use carry::{Copy, Load, Pack, PlatformArg, Save, VerifyPack};
pub(crate) use certificate::{
    CertificateCommand, CertificateExpiring, CertificateForm, CertificateInspect, CertificateIssue,
};
pub(crate) use doctor::Doctor;
pub(crate) use gate::{Gate, GateAdmission, GateArgs, GateHttp, GateLint, GateRegistryArgs};
pub(crate) use identity::{LoginMethodArg, TokenArgs};
pub(crate) use image::{Attach, AttachRepair, AttestImage, ImageArgs, SignImage, SignatureArgs, SignatureFormat};
pub(crate) use monitor::{Monitor, MonitorFrom};
pub(crate) use policy::{
    PlacesArgs, Policy, PolicyCheck, PolicyDiff, PolicyExplain, PolicyImport, PolicyInit, PolicySchema, PolicyTest,
};
pub(crate) use registry::RegistryArgs;
pub(crate) use summary::SummaryArgs;
pub(crate) use trust::{TrustAgeArgs, TrustInit, TrustUpdate, TufClient};
pub(crate) use witness::{Witness, WitnessInit, WitnessUp, WitnessWatch};

/// Sign artifacts with the identity that a CI job already has, and verify them
///
/// Sealmark turns an identity token into a short-lived certificate, a signature, a timestamp and an
/// entry in a transparency log, packed into one Sigstore bundle beside the file. It verifies such
/// bundles offline, from this program and from any other Sigstore client.
#[derive(Debug, Parser)]
#[command(
    name = "sealmark",
    bin_name = "sealmark",
    version,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    max_term_width = 100,
    after_help = "\
Start here:
  $ sealmark tour                  every step on this machine, without network
  $ sealmark sign blob app.tar.gz  in a CI job that may ask for a token
  $ sealmark verify blob app.tar.gz --identity ID --issuer URL

Exit codes:
  0  yes
  1  refused
  2  wrong usage
  3  could not decide: network, files, trust
  4  signed and kept aside by --spool: no log has it yet"
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Tour(Tour),
    /// Sign files and images as the identity of a token
    #[command(subcommand, arg_required_else_help = true)]
    Sign(Sign),
    /// Sign a statement about files or images: provenance, an SBOM, test results
    #[command(subcommand, arg_required_else_help = true)]
    Attest(Attest),
    /// List what is attached to images
    #[command(subcommand, arg_required_else_help = true)]
    Attach(Attach),
    /// Verify what was signed: files offline, images in registries
    #[command(subcommand, arg_required_else_help = true)]
    Verify(Verify),
    Copy(Box<Copy>),
    Save(Box<Save>),
    Load(Box<Load>),
    Pack(Box<Pack>),
    Inspect(Inspect),
    Tree(Tree),
    Whoami(Whoami),
    Doctor(Box<Doctor>),
    /// Write, check, test, explain and compare policies
    #[command(subcommand, arg_required_else_help = true)]
    Policy(Policy),
    /// Look at trust roots, and keep them up to date
    #[command(subcommand, arg_required_else_help = true)]
    Trust(Trust),
    Monitor(Box<Monitor>),
    /// Run a private Sigstore: identity provider, CA, logs and timestamp authority in one process
    #[command(subcommand, arg_required_else_help = true)]
    Stack(Stack),
    /// Decide about images for a cluster or a pipeline
    #[command(subcommand, arg_required_else_help = true)]
    Gate(Gate),
    /// Make and convert keys, where keys must be
    #[command(subcommand, arg_required_else_help = true)]
    Key(Key),
    /// Get certificates for services, look at certificates, find those that end soon
    #[command(subcommand, arg_required_else_help = true)]
    Certificate(CertificateCommand),
    Completions(Completions),
    #[command(hide = true)]
    TufClient(TufClient),
    #[command(hide = true)]
    SignBundle(SignBundle),
    #[command(hide = true)]
    VerifyBundle(VerifyBundle),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Sign {
    Blob(Box<SignBlob>),
    Image(Box<SignImage>),
    Finish(Box<SignFinish>),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Attest {
    Blob(Box<AttestBlob>),
    Image(Box<AttestImage>),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verify {
    Blob(Box<VerifyBlob>),
    Image(Box<VerifyImage>),
    Attestation(Box<VerifyAttestation>),
    Pack(Box<VerifyPack>),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Trust {
    Show(TrustShow),
    Add(TrustAdd),
    Init(TrustInit),
    Update(TrustUpdate),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Key {
    Generate(KeyGenerate),
    Import(KeyImport),
    Public(KeyPublic),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Stack {
    Init(StackInit),
    Up(StackUp),
    Status(StackStatus),
    Token(StackToken),
    Fsck(StackFsck),
    Export(StackExport),
    RenewTrust(StackRenewTrust),
    /// Cosign the checkpoints of logs that others run, and only of one tree
    #[command(subcommand, arg_required_else_help = true)]
    Witness(Witness),
    Rotate(StackRotate),
    Renew(StackRenew),
}

// ---------------------------------------------------------------------------------------- tour

/// See the whole journey of a file on this machine, without network
///
/// Starts a private Sigstore on the loopback address in a temporary folder, issues a token as a CI
/// platform would, signs FILE with it, verifies the bundle against a policy and shows how a changed
/// copy is refused. Nothing stays behind unless --keep says so.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  $ sealmark tour dist/app.tar.gz --keep /tmp/tour")]
pub(crate) struct Tour {
    /// The file to sign; without it a small one is made
    #[arg(value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) file: Option<PathBuf>,
    /// Keep the stack, the file and its bundle in this new folder
    #[arg(long, value_name = "DIR", value_parser = path(), value_hint = ValueHint::DirPath)]
    pub(crate) keep: Option<PathBuf>,
}

// ---------------------------------------------------------------------------------------- sign

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

// -------------------------------------------------------------------------------------- verify

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

/// Who must have signed.
#[derive(Debug, Args)]
#[command(next_help_heading = "Who must have signed")]
pub(crate) struct ExpectedArgs {
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
        let identity = [&self.identity, &self.identity_glob, &self.identity_regex, &self.certificate_authority];
        let issuer = [&self.issuer, &self.issuer_glob, &self.issuer_regex];
        let said = identity.into_iter().chain(issuer).any(Option::is_some);
        said || !self.claims.is_empty() || self.key.is_some() || self.policy.is_some()
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

// --------------------------------------------------------------------------- looking at things

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

// --------------------------------------------------------------------------------------- stack

/// Make the keys, certificates and trust files of a private stack in a new folder
///
/// Writes trusted_root.json, signing_config.v0.2.json and client_trust_config.json, which any Sigstore
/// client can use. Private keys stay in DIR/keys, readable by the owner only.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  $ sealmark stack init ./stack
  $ sealmark stack up ./stack")]
pub(crate) struct StackInit {
    /// The folder; it must not exist yet, or be empty
    #[arg(value_name = "DIR", value_parser = path(), value_hint = ValueHint::DirPath)]
    pub(crate) dir: PathBuf,
    /// The address that the stack will answer at
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:8790")]
    pub(crate) listen: SocketAddr,
    /// The URL that clients reach it by, when that is not http://IP:PORT
    #[arg(long, value_name = "URL", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) url: Option<String>,
    /// Also serve a Rekor v1 log (hashedrekord and dsse 0.0.1)
    #[arg(long)]
    pub(crate) rekor_v1: bool,
    /// Log entries of any certificate and of bare keys, not only of the stack's own authority
    #[arg(long)]
    pub(crate) any_signer: bool,
    /// Encrypt the key files by a password, which is asked for where no file, variable or credential has it
    #[arg(long)]
    pub(crate) encrypt_keys: bool,
    /// Take a key in a PKCS#11 token: NAME is ca, ct, rekor (Ed25519), rekor-v1, tsa or oidc; may be repeated
    #[arg(long, value_name = "NAME=pkcs11:URI", value_parser = setting)]
    pub(crate) token_key: Vec<(String, String)>,
    /// Write the keys of the two roots to a new folder, to be kept offline; without it they are forgotten
    #[arg(long, value_name = "FOLDER", value_parser = path(), value_hint = ValueHint::DirPath)]
    pub(crate) root_keys: Option<PathBuf>,
    /// The kind of the CA's issuing key
    #[arg(long, value_enum, default_value_t = CaKeyKind::P256)]
    pub(crate) ca_key: CaKeyKind,
    /// Let a part answer at a URL of its own, in a folder of its own with its own keys: ROLE is ca, ct, log, tsa,
    /// oidc or trust; those not named answer at --url. Repeat it for each
    #[arg(long = "at", value_name = "ROLE=URL", value_parser = role_at)]
    pub(crate) at: Vec<(Role, String)>,
    #[command(flatten)]
    pub(crate) password: StackPassword,
    /// A witness that must cosign the log's checkpoints, by its URL and verifier key; may be repeated
    #[arg(long = "witness", value_name = "URL=KEY", value_parser = witness::at)]
    pub(crate) witnesses: Vec<(String, String)>,
    /// How many of the witnesses must (default: all)
    #[arg(long, value_name = "N", requires = "witnesses")]
    pub(crate) witnesses_required: Option<usize>,
    /// Publish the logs to this S3-compatible bucket before anyone is told of an entry
    #[arg(long, value_name = "s3://BUCKET/PREFIX", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) bucket: Option<String>,
    /// The URL of the bucket's service, when it is not AWS's
    #[arg(long, value_name = "URL", requires = "bucket", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) bucket_endpoint: Option<String>,
    /// The bucket's region (default: AWS_REGION)
    #[arg(long, value_name = "REGION", requires = "bucket", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) bucket_region: Option<String>,
    /// The certificate of the authority of the bucket's service, when it is not a public one
    #[arg(long, value_name = "PEM", requires = "bucket", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) bucket_ca: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) format: FormatArg,
}

/// Run a private stack until it is interrupted
///
/// Every entry is on disk before it is acknowledged: a crash loses nothing that was promised. What is asked
/// of it, and what it refuses, is a line of JSON each on standard error; reads are not written down.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  $ sealmark stack up ./stack &
  $ sealmark stack token ./stack > token.jwt
  $ sealmark sign blob app.tar.gz --stack ./stack \\
      --identity-token-file token.jwt")]
pub(crate) struct StackUp {
    /// The folder that `stack init` made
    #[arg(value_name = "DIR", value_parser = path(), value_hint = ValueHint::DirPath)]
    pub(crate) dir: PathBuf,
    #[command(flatten)]
    pub(crate) password: StackPassword,
    /// Serve these of the folder's parts only, without the keys of the others: ca, ct, log, tsa, oidc, trust
    #[arg(long, value_name = "ROLE", value_delimiter = ',')]
    pub(crate) role: Vec<Role>,
    /// Compare the clock with this one, and stamp only while more than half of those given agree with it: an
    /// ntp://HOST or an https URL; may be repeated
    #[arg(long, value_name = "URL")]
    pub(crate) time_source: Vec<TimeSource>,
    /// A folder on other storage that remembers what the logs sign, so that an older copy is refused
    #[arg(long, value_name = "FOLDER", value_parser = path(), value_hint = ValueHint::DirPath)]
    pub(crate) high_water: Option<PathBuf>,
    /// The certificate chain (PEM) to serve with; looked at again every 5 s. Without it plain HTTP is served
    #[arg(long, value_name = "PEM", requires = "tls_key", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The private key (PEM) of --tls-cert
    #[arg(long, value_name = "PEM", requires = "tls_cert", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) tls_key: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) acme: AcmeArgs,
    /// Where operators are told more: /readyz and /metrics, in plain HTTP
    #[arg(long, value_name = "IP:PORT")]
    pub(crate) operator: Option<SocketAddr>,
}

/// Where the password of a stack's key files comes from
///
/// Without these: the variable SEALMARK_KEY_PASSWORD, or systemd's credential sealmark-key-password.
#[derive(Debug, Args)]
pub(crate) struct StackPassword {
    /// A file with the password of the key files; else SEALMARK_KEY_PASSWORD, or the systemd credential of that name
    #[arg(long, value_name = "FILE", conflicts_with = "key_password_fd", value_parser = path(),
        value_hint = ValueHint::FilePath)]
    pub(crate) key_password_file: Option<PathBuf>,
    /// A file descriptor to read it from
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(3..=1023))]
    pub(crate) key_password_fd: Option<u32>,
}

/// `ROLE=URL`.
fn role_at(text: &str) -> Result<(Role, String), String> {
    let (role, url) = text.split_once('=').ok_or("write it ROLE=URL")?;
    Ok((role.parse::<Role>()?, url.to_owned()))
}

/// The kinds of a CA's key
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CaKeyKind {
    P256,
    P384,
}

/// Show whether a private stack answers, and the size of its logs
///
/// Exit code 0 when it is serving, 1 when it is not.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  $ sealmark stack status ./stack")]
pub(crate) struct StackStatus {
    /// The folder that `stack init` made
    #[arg(value_name = "DIR", value_parser = path(), value_hint = ValueHint::DirPath)]
    pub(crate) dir: PathBuf,
    #[command(flatten)]
    pub(crate) format: FormatArg,
}

/// Issue an identity token of the stack's own, as a CI platform would
///
/// The token is printed on standard output and is good for ten minutes. It needs the stack's keys, so it
/// works only for whoever may read DIR/keys; other clients ask the stack at its /token address.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  $ sealmark stack token ./stack > token.jwt
  $ sealmark stack token ./stack --kind email --set email=me@example.com
  $ sealmark stack token ./stack --kind gitlab --set ref=v2.0.0")]
pub(crate) struct StackToken {
    /// The folder that `stack init` made
    #[arg(value_name = "DIR", value_parser = path(), value_hint = ValueHint::DirPath)]
    pub(crate) dir: PathBuf,
    #[command(flatten)]
    pub(crate) password: StackPassword,
    /// Whose token
    #[arg(long, value_enum, default_value_t = TokenKind::Github)]
    pub(crate) kind: TokenKind,
    /// What it says, such as repository=acme/app, ref=refs/tags/v1.0.0, email=me@example.com; may be repeated
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = setting)]
    pub(crate) settings: Vec<(String, String)>,
}

/// Check every byte of a stack's logs, from entries to signed checkpoint
///
/// Recomputes leaves, tiles and root of each log and compares them with its files and its last
/// checkpoint. Changes nothing, and works beside a running stack.
///
/// Exit code 0 when the logs are sound, 1 when something is found, 3 when a log cannot be read.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  $ sealmark stack fsck ./stack
  $ sealmark stack fsck ./stack --format json")]
pub(crate) struct StackFsck {
    /// The folder that `stack init` made
    #[arg(value_name = "DIR", value_parser = path(), value_hint = ValueHint::DirPath)]
    pub(crate) dir: PathBuf,
    #[command(flatten)]
    pub(crate) password: StackPassword,
    #[command(flatten)]
    pub(crate) format: FormatArg,
}

/// Freeze the logs of a stack and begin new ones with keys and names of their own
///
/// The stack must not be running. The trusted root and the signing config are extended: what was
/// logged before stays verifiable, and the old keys are not believed for anything later. Give the new
/// documents to your clients. The frozen logs stay in the folder, for fsck, export and monitors. An
/// interrupted rotation is finished or forgotten by the next command that opens the stack.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  $ sealmark stack rotate ./stack")]
pub(crate) struct StackRotate {
    /// The folder that `stack init` made
    #[arg(value_name = "DIR", value_parser = path(), value_hint = ValueHint::DirPath)]
    pub(crate) dir: PathBuf,
    /// Take a key in a PKCS#11 token for a new log: NAME is ct, rekor (Ed25519) or rekor-v1; may be repeated. A log whose
    /// key is in a token needs one
    #[arg(long, value_name = "NAME=pkcs11:URI", value_parser = setting)]
    pub(crate) token_key: Vec<(String, String)>,
    #[command(flatten)]
    pub(crate) password: StackPassword,
    #[command(flatten)]
    pub(crate) format: FormatArg,
}

/// Make new keys and certificates for a stack's CA and timestamp authority, below the roots that there are
///
/// The stack must not be running. FOLDER holds the roots' keys, which `stack init --root-keys` wrote: bring it back for
/// this one command. Each authority whose root's key is there is renewed. The trusted root is extended: what was signed
/// before stays verifiable, and the chains before are not believed for anything later. Give it to your clients. The
/// authorities' old keys are removed.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  $ sealmark stack renew ./stack --root-keys /media/safe/roots")]
pub(crate) struct StackRenew {
    /// The folder that `stack init` made
    #[arg(value_name = "DIR", value_parser = path(), value_hint = ValueHint::DirPath)]
    pub(crate) dir: PathBuf,
    /// The folder with ca-root.pem, tsa-root.pem or both
    #[arg(long, value_name = "FOLDER", value_parser = path(), value_hint = ValueHint::DirPath)]
    pub(crate) root_keys: PathBuf,
    /// Take a key in a PKCS#11 token: NAME is ca or tsa; may be repeated. An authority whose key is in a token needs one
    #[arg(long, value_name = "NAME=pkcs11:URI", value_parser = setting)]
    pub(crate) token_key: Vec<(String, String)>,
    #[command(flatten)]
    pub(crate) password: StackPassword,
    #[command(flatten)]
    pub(crate) format: FormatArg,
}

/// Write a stack's logs as static files for a web server or an object store
///
/// Each log goes to OUT/NAME: checkpoint, tiles and entries, and the CT log's issuers. The checkpoint is
/// written last. Run again with the same OUT, it adds what is new; it refuses when the log is not the
/// continuation of what OUT holds. Works beside a running stack.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  $ sealmark stack export ./stack /srv/www/log")]
pub(crate) struct StackExport {
    /// The folder that `stack init` made
    #[arg(value_name = "DIR", value_parser = path(), value_hint = ValueHint::DirPath)]
    pub(crate) dir: PathBuf,
    /// The folder to write to; it may hold an earlier export
    #[arg(value_name = "OUT", value_parser = path(), value_hint = ValueHint::DirPath)]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) password: StackPassword,
    #[command(flatten)]
    pub(crate) format: FormatArg,
}

/// Make new keys for the repository that clients get a stack's trust files from
///
/// Clients that know the root before follow to the new one: it is signed by both. DIR/keys/tuf-root.pem must
/// be there for it; between renewals keep that key offline. Works beside a running stack.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  $ sealmark stack renew-trust ./stack")]
pub(crate) struct StackRenewTrust {
    /// The folder that `stack init` made
    #[arg(value_name = "DIR", value_parser = path(), value_hint = ValueHint::DirPath)]
    pub(crate) dir: PathBuf,
    #[command(flatten)]
    pub(crate) password: StackPassword,
}

// --------------------------------------------------------------------------------- conformance

/// Sign by the protocol of the Sigstore conformance suite
#[derive(Debug, Args)]
pub(crate) struct SignBundle {
    #[arg(long)]
    pub(crate) staging: bool,
    /// FILE is an in-toto statement
    #[arg(long)]
    pub(crate) in_toto: bool,
    #[arg(long, value_name = "TOKEN", value_parser = secret())]
    pub(crate) identity_token: Secret,
    #[arg(long, value_name = "FILE", value_parser = path())]
    pub(crate) bundle: PathBuf,
    #[arg(long, value_name = "FILE", value_parser = path())]
    pub(crate) trusted_root: Option<PathBuf>,
    #[arg(long, value_name = "FILE", value_parser = path())]
    pub(crate) signing_config: Option<PathBuf>,
    #[arg(value_name = "FILE", value_parser = path())]
    pub(crate) file: PathBuf,
}

/// Verify by the protocol of the Sigstore conformance suite
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("by").required(true).args(["certificate_identity", "key"]))]
pub(crate) struct VerifyBundle {
    #[arg(long)]
    pub(crate) staging: bool,
    #[arg(long, value_name = "FILE", value_parser = path())]
    pub(crate) bundle: PathBuf,
    #[arg(long, value_name = "ID", requires = "certificate_oidc_issuer", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) certificate_identity: Option<String>,
    #[arg(long, value_name = "URL", requires = "certificate_identity", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) certificate_oidc_issuer: Option<String>,
    #[arg(long, value_name = "PEM", value_parser = path())]
    pub(crate) key: Option<PathBuf>,
    #[arg(long, value_name = "FILE", value_parser = path())]
    pub(crate) trusted_root: Option<PathBuf>,
    #[arg(value_name = "FILE_OR_DIGEST", value_parser = path())]
    pub(crate) artifact: PathBuf,
}

// -------------------------------------------------------------------------------------- values

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
pub(crate) struct FormatArg {
    /// How to print the result
    #[arg(long, value_enum, default_value_t = Format::Human, help_heading = "Output")]
    pub(crate) format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Human,
    /// For programs; one document with a versioned schema, also on failure
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Instance {
    /// sigstore.dev
    PublicGood,
    /// sigstage.dev
    Staging,
    /// GitHub's instance for private repositories
    Github,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SigningInstance {
    /// sigstore.dev: entries are public, for ever
    PublicGood,
    /// sigstage.dev, for trying things out
    Staging,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TokenKind {
    /// A GitHub Actions job
    Github,
    /// A GitLab CI job
    Gitlab,
    /// A person, by e-mail address
    Email,
    /// A workload, by a URI
    Uri,
    /// An account, by its name
    Username,
}

// ----------------------------------------------------------------------------------------- key

/// Make a key pair: PREFIX.key, which only you may read, and PREFIX.pub
///
/// The private key is encrypted with a password: --key-password-file, SEALMARK_KEY_PASSWORD,
/// COSIGN_PASSWORD, or asked for. Nothing that is there is overwritten.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  $ sealmark key generate -o release
  $ sealmark key generate -o release --form cosign \\
      --key-password-file password.txt
  $ sealmark sign blob app.tar.gz --key release.key")]
pub(crate) struct KeyGenerate {
    /// The kind of key; every verifier takes p256
    #[arg(long = "type", value_name = "KIND", default_value = "p256")]
    pub(crate) kind: NewKeyKind,
    #[command(flatten)]
    pub(crate) output: KeyOutput,
}

/// Write a private key in another form, and its public key beside it
///
/// FILE may be PKCS#8 (encrypted or not), SEC 1, PKCS#1, or cosign's. Its password is taken from
/// --from-password-file, else asked for; the new one as in `key generate`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  $ sealmark key import cosign.key -o release
  $ sealmark key import openssl.pem -o cosign --form cosign")]
pub(crate) struct KeyImport {
    /// The private key
    #[arg(value_name = "FILE", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    /// A file with the password of FILE
    #[arg(long, value_name = "FILE", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) from_password_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: KeyOutput,
}

/// Print the public key that belongs to a private key
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  $ sealmark key public release.key > release.pub")]
pub(crate) struct KeyPublic {
    /// The private key: a PEM file, or a name as `sign --key` takes it
    #[arg(value_name = "KEY", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) key: PathBuf,
    /// A file with the key's password
    #[arg(long, value_name = "FILE", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) key_password_file: Option<PathBuf>,
}

/// Where a key pair goes, and how the private key is kept.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct KeyOutput {
    /// The files are PREFIX.key and PREFIX.pub
    #[arg(short, long, value_name = "PREFIX", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) output: PathBuf,
    /// How the private key is encrypted
    #[arg(long, value_name = "FORM", default_value = "pkcs8")]
    pub(crate) form: KeyForm,
    /// A file with the new key's password
    #[arg(long, value_name = "FILE", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) key_password_file: Option<PathBuf>,
    /// Do not encrypt: who reads the file can sign
    #[arg(long, conflicts_with_all = ["key_password_file", "form"])]
    pub(crate) unencrypted_unsafe: bool,
}

/// The form of an encrypted private key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum KeyForm {
    /// PKCS#8, as openssl reads it
    Pkcs8,
    /// cosign's own
    Cosign,
}

/// The kinds of key that can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum NewKeyKind {
    /// ECDSA on P-256
    P256,
    /// ECDSA on P-384
    P384,
    /// ECDSA on P-521
    P521,
    /// Ed25519: attestations alone, and without a log
    Ed25519,
    /// RSA of 2048 bits
    Rsa2048,
    /// RSA of 3072 bits
    Rsa3072,
    /// RSA of 4096 bits
    Rsa4096,
}

/// A secret argument: never shown by `Debug`, wiped when dropped.
#[derive(Clone)]
pub(crate) struct Secret(pub(crate) Zeroizing<String>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// A path that is not empty.
fn path() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new()
}

fn secret() -> impl TypedValueParser<Value = Secret> {
    NonEmptyStringValueParser::new().map(|text| Secret(Zeroizing::new(text)))
}

/// The names of claims are the library's: one table for flags, policies and output.
fn claim_help() -> String {
    let names = CLAIMS.map(|claim| format!("  {:35} {}\n", claim.name, claim.meaning)).concat();
    format!("A claim of the certificate, such as source-repository-ref=refs/tags/*; may be repeated. Names:\n{names}")
}

/// `NAME=VALUE`; whether the name is known is the issuer's to say.
fn setting(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE, such as ref=refs/tags/v1.0.0")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// `NAME=GLOB`, both non-empty; whether the name is a claim is the policy's to say.
fn claim(text: &str) -> Result<(String, String), &'static str> {
    match text.split_once('=') {
        Some((name, glob)) if !name.is_empty() && !glob.is_empty() => Ok((name.to_owned(), glob.to_owned())),
        _ => Err("expected NAME=GLOB, such as source-repository-ref=refs/tags/*"),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Cli;

    #[test]
    fn the_table_is_consistent() {
        Cli::command().debug_assert();
    }
}
