//! `key …`: key pairs in files.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use super::path;

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
    /// The kind of key; every verifier takes p256, and ed25519 signs attestations and images alone, without a log
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
    /// Ed25519
    Ed25519,
    /// RSA of 2048 bits
    Rsa2048,
    /// RSA of 3072 bits
    Rsa3072,
    /// RSA of 4096 bits
    Rsa4096,
}
