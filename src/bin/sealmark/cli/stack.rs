//! `stack …`: a private Sigstore.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum, ValueHint};
use sealmark::stack::Role;
use sealmark::stack::drift::TimeSource;

use super::{AcmeArgs, FormatArg, TokenKind, path, setting, witness};

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
    /// Take a key in a PKCS#11 token: NAME is ca, ct, rekor (Ed25519), rekor-v1, tsa, oidc or witness
    /// (Ed25519); may be repeated
    #[arg(long, value_name = "NAME=pkcs11:URI", value_parser = setting)]
    pub(crate) token_key: Vec<(String, String)>,
    /// Write the keys of the two roots to a new folder, to be kept offline; without it they are forgotten
    #[arg(long, value_name = "FOLDER", value_parser = path(), value_hint = ValueHint::DirPath)]
    pub(crate) root_keys: Option<PathBuf>,
    /// The kind of the CA's issuing key
    #[arg(long, value_enum, default_value_t = CaKeyKind::P256)]
    pub(crate) ca_key: CaKeyKind,
    /// Let a part answer at a URL of its own, in a folder of its own with its own keys: ROLE is ca, ct, log, tsa,
    /// oidc, trust or witness; those not named answer at --url. Repeat it for each
    #[arg(long = "at", value_name = "ROLE=URL", value_parser = role_at)]
    pub(crate) at: Vec<(Role, String)>,
    /// Be a witness of other logs, too, by this name in cosignatures: a host name, without spaces
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) witness_name: Option<String>,
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
    /// Serve these of the folder's parts only, without the keys of the others: ca, ct, log, tsa, oidc, trust,
    /// witness
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
/// interrupted rotation is finished or forgotten by the next command that opens the stack. Where the parts stand apart, run
/// it in the folder of the log, of the CT log, or both, and have the others follow (`stack follow`).
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
/// authorities' old keys are removed. Where the parts stand apart, run it in the folder of the CA or the timestamp
/// authority, and have the others follow (`stack follow`).
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

/// Have a part of a stack take over what another part handed over when it was rotated or renewed
///
/// Where the parts stand apart, `stack rotate` and `stack renew` leave HANDOVER in the folder that they were run in. It
/// says which keys and chains end and which follow, signed by those that end. Each other part takes it over in its own
/// folder, while it is not running; what it knows already changes nothing. The trust files of every folder are the same
/// then: give them to your clients.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  $ sealmark stack rotate ./site/log
  $ sealmark stack follow ./site/ca ./site/log/handover.jsonl")]
pub(crate) struct StackFollow {
    /// The folder of the part that follows
    #[arg(value_name = "DIR", value_parser = path(), value_hint = ValueHint::DirPath)]
    pub(crate) dir: PathBuf,
    /// The file handover.jsonl of the part that was rotated or renewed
    #[arg(value_name = "HANDOVER", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) handover: PathBuf,
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

/// Make a stack's logs again from the bucket that they were published to
///
/// For a folder whose logs are lost, and whose stack.json and keys are there. Every entry is read and held to the
/// checkpoint that the log signed last; logs that are there are left alone. It is refused when another process writes the
/// log meanwhile, and when the last commit is not wholly in the bucket. `stack up` goes on from there.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  $ sealmark stack restore ./stack
  $ sealmark stack fsck ./stack")]
pub(crate) struct StackRestore {
    /// The folder that `stack init` made
    #[arg(value_name = "DIR", value_parser = path(), value_hint = ValueHint::DirPath)]
    pub(crate) dir: PathBuf,
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
