//! Values that flags take, and how they are read.

use std::path::PathBuf;

use clap::builder::{NonEmptyStringValueParser, PathBufValueParser, TypedValueParser};
use clap::{Args, ValueEnum};
use sealmark::format::x509::CLAIMS;
use zeroize::Zeroizing;

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

/// A secret argument: never shown by `Debug`, wiped when dropped.
#[derive(Clone)]
pub(crate) struct Secret(pub(crate) Zeroizing<String>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// A path that is not empty.
pub(super) fn path() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new()
}

pub(super) fn secret() -> impl TypedValueParser<Value = Secret> {
    NonEmptyStringValueParser::new().map(|text| Secret(Zeroizing::new(text)))
}

/// The names of claims are the library's: one table for flags, policies and output.
pub(super) fn claim_help() -> String {
    let names = CLAIMS.map(|claim| format!("  {:35} {}\n", claim.name, claim.meaning)).concat();
    format!("A claim of the certificate, such as source-repository-ref=refs/tags/*; may be repeated. Names:\n{names}")
}

/// `NAME=VALUE`; whether the name is known is the issuer's to say.
pub(super) fn setting(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE, such as ref=refs/tags/v1.0.0")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// `NAME=GLOB`, both non-empty; whether the name is a claim is the policy's to say.
pub(super) fn claim(text: &str) -> Result<(String, String), &'static str> {
    match text.split_once('=') {
        Some((name, glob)) if !name.is_empty() && !glob.is_empty() => Ok((name.to_owned(), glob.to_owned())),
        _ => Err("expected NAME=GLOB, such as source-repository-ref=refs/tags/*"),
    }
}
