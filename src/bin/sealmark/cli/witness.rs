//! Witnessing logs.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand, ValueHint};

use super::{AcmeArgs, TrustArgs, path};

#[derive(Debug, Subcommand)]
pub(crate) enum Witness {
    Init(WitnessInit),
    Watch(WitnessWatch),
    Up(WitnessUp),
}

/// Make a witness in a new folder; its verifier key is printed
///
/// A witness cosigns a log's checkpoint only when its tree begins with the one that it cosigned last (C2SP
/// tlog-witness). Run it on another machine than the log, by other hands: that is what it is for.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  $ sealmark stack witness init ./witness --name witness.example.com
  $ sealmark stack init ./stack --witness http://127.0.0.1:8791=KEY
  $ sealmark stack witness watch ./witness --stack ./stack
  $ sealmark stack witness up ./witness &
  $ sealmark stack up ./stack")]
pub(crate) struct WitnessInit {
    /// The folder; it must not exist yet, or be empty
    #[arg(value_name = "DIR", value_parser = path(), value_hint = ValueHint::DirPath)]
    pub(crate) dir: PathBuf,
    /// Its name in cosignatures: a host name, without spaces
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) name: String,
    /// The address that it will answer at
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:8791")]
    pub(crate) listen: SocketAddr,
    /// Take its key, which is Ed25519, in a PKCS#11 token
    #[arg(long, value_name = "pkcs11:URI", value_parser = NonEmptyStringValueParser::new())]
    pub(crate) token_key: Option<String>,
}

/// Have a witness watch a log, by its key
///
/// The logs of a trusted root, or one by its verifier key. Those that it watches already stay as they are. A
/// witness that is running takes new ones up when it is started again.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  $ sealmark stack witness watch ./witness --stack ./stack
  $ sealmark stack witness watch ./witness --trusted-root their_root.json
  $ sealmark stack witness watch ./witness --log-key log.example+1b2c3d4e+AQ...")]
pub(crate) struct WitnessWatch {
    /// The folder that `stack witness init` made
    #[arg(value_name = "DIR", value_parser = path(), value_hint = ValueHint::DirPath)]
    pub(crate) dir: PathBuf,
    /// A log's key (C2SP verifier key NAME+HASH+KEY); may be repeated
    #[arg(long = "log-key", value_name = "KEY", value_parser = NonEmptyStringValueParser::new(), conflicts_with = "trust")]
    pub(crate) log_keys: Vec<String>,
    #[command(flatten)]
    pub(crate) trust: TrustArgs,
}

/// Run a witness until it is interrupted
///
/// What it cosigns is on the disk before it answers. Two checkpoints of one size that contradict each other, both
/// signed by the log, are kept in DIR/evidence. Each request is a line of JSON on standard error.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  $ sealmark stack witness up ./witness --tls-cert chain.pem --tls-key key.pem")]
pub(crate) struct WitnessUp {
    /// The folder that `stack witness init` made
    #[arg(value_name = "DIR", value_parser = path(), value_hint = ValueHint::DirPath)]
    pub(crate) dir: PathBuf,
    /// The certificate chain (PEM) to serve with; looked at again every 5 s. Without it plain HTTP is served
    #[arg(long, value_name = "PEM", requires = "tls_key", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) tls_cert: Option<PathBuf>,
    /// The private key (PEM) of --tls-cert
    #[arg(long, value_name = "PEM", requires = "tls_cert", value_parser = path(), value_hint = ValueHint::FilePath)]
    pub(crate) tls_key: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) acme: AcmeArgs,
}

/// `URL=KEY`; a key may end in equals signs, a URL that is used holds none before it.
pub(super) fn at(text: &str) -> Result<(String, String), &'static str> {
    let (url, key) = text.split_once('=').ok_or("expected a URL, an equals sign, and a verifier key")?;
    if url.is_empty() || key.is_empty() {
        return Err("expected a URL, an equals sign, and a verifier key");
    }
    Ok((url.to_owned(), key.to_owned()))
}
