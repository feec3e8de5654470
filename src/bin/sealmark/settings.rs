//! What flags and environment mean together: the one place where implementations are chosen.

mod expected;
mod identity;
mod runtime;
mod secrets;
mod services;
mod trust;

use std::io;
use std::path::PathBuf;

use sealmark::base::code::Code;
use thiserror::Error;

use crate::report::text::visible_path;

pub(crate) use expected::{Expected, expected, now};
pub(crate) use identity::{environment, http, token_sources};
pub(crate) use runtime::{interrupted, runtime, server_runtime};
pub(crate) use secrets::keep_from_dumps;
pub(crate) use services::Signing;
pub(crate) use trust::{TrustAnchor, trust};

/// Why the flags mean nothing, or the system cannot do what they ask.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum SettingsError {
    /// A folder that no stack lives in.
    #[error("{dir} is not the folder of a stack: it has no client_trust_config.json", dir = visible_path(dir))]
    NotAStack { dir: PathBuf },
    /// The system gives no threads or timers.
    #[error("the asynchronous runtime cannot start: {0}")]
    Runtime(io::ErrorKind),
}

impl SettingsError {
    /// The stable code.
    pub(crate) fn code(&self) -> Code {
        match self {
            Self::NotAStack { .. } => Code::undecided("stack-missing", "make one with `sealmark stack init DIR`"),
            Self::Runtime(_) => Code::undecided("runtime-failed", "check the limits of this process"),
        }
    }
}
