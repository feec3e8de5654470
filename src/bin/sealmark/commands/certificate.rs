//! `certificate …`: those of services.

mod found;
mod issue;
mod show;

use std::path::PathBuf;

use sealmark::base::code::Code;
use thiserror::Error;

use crate::report::text::visible_path;

pub(super) use issue::issue;
pub(super) use show::{expiring, inspect};

/// Why there is nothing to show, or nowhere to write.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum CertificateCommandError {
    /// No certificate in a file that was named.
    #[error("{path} holds no certificate in PEM, and no Secret with one", path = visible_path(path))]
    None { path: PathBuf },
    /// Some, and one that cannot be read.
    #[error("{place}: {problem}")]
    Unreadable { place: String, problem: String },
    /// Nobody to ask.
    #[error("no authority for certificates of services was named")]
    NoAuthority,
    /// Not the name of a Secret.
    #[error("{found:?} names no Secret")]
    Secret { found: String },
    /// A key on standard output, where it is likely to be logged.
    #[error("only the Kubernetes form is written to standard output")]
    Stdout,
}

impl CertificateCommandError {
    /// The stable code.
    pub(crate) fn code(&self) -> Code {
        match self {
            Self::None { .. } => Code::undecided("certificate-none", "give a file with certificates in PEM"),
            Self::Unreadable { .. } => {
                Code::undecided("certificate-unreadable", "look at it with `openssl x509 -noout -text`")
            }
            Self::NoAuthority => Code::usage(
                "certificate-authority",
                "name one: --authority vault:MOUNT/ROLE, step-ca:URL or cert-manager:KIND/NAME",
            ),
            Self::Secret { .. } => {
                Code::usage("certificate-secret", "give NAMESPACE/NAME as Kubernetes has them: prod/app-tls")
            }
            Self::Stdout => Code::usage("certificate-stdout", "name a file: -o FILE"),
        }
    }
}
