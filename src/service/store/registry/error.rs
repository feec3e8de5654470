//! Why a registry could not be asked, or gave no usable answer.

use thiserror::Error;

use crate::base::code::Code;
use crate::base::limits;

/// Why a registry could not be asked, or gave no usable answer. URLs are without their query.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// 401 or 403, with the credentials that there are.
    #[error("{url} answered {status}: {answer} ({credentials})")]
    Unauthorized {
        /// What was asked.
        url: String,
        /// The status.
        status: u16,
        /// What it answered.
        answer: String,
        /// Whose credentials were sent.
        credentials: &'static str,
    },
    /// A status that the protocol does not have here.
    #[error("{url} answered {status}: {answer}")]
    Unexpected {
        /// What was asked.
        url: String,
        /// The status.
        status: u16,
        /// What it answered.
        answer: String,
    },
    /// An answer that is not the protocol's.
    #[error("{url} answered something else than its protocol: {problem}")]
    Malformed {
        /// What was asked.
        url: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// A token server that this registry's credentials do not belong to.
    #[error("{registry} sends for a token to {realm:?}: {problem}")]
    Realm {
        /// The registry.
        registry: String,
        /// Where it sends, cut short.
        realm: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A token that is none.
    #[error("{url} gave no token: {problem}")]
    Token {
        /// The token server.
        url: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// From https to http.
    #[error("{url} sends to {target}: that is plain http")]
    Downgrade {
        /// What was asked.
        url: String,
        /// Where it sends.
        target: String,
    },
    /// To a host or path where this answer must not lead.
    #[error("{url} sends to {target}: {problem}")]
    CrossHost {
        /// What was asked.
        url: String,
        /// Where it sends.
        target: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// Redirects without end.
    #[error("{url} sends on more than {limit} times", limit = limits::REDIRECTS)]
    Redirects {
        /// What was asked.
        url: String,
    },
    /// A list of more pages than [`limits::REGISTRY_PAGES`], or that leads back to one that was read.
    #[error("{url}: a list of pages without end ({limit} read at most)", limit = limits::REGISTRY_PAGES)]
    Pages {
        /// What was asked.
        url: String,
    },
    /// A file of credentials that cannot be used.
    #[error("credentials in {path}: {problem}")]
    Credentials {
        /// The file.
        path: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// A credential helper that gave no answer.
    #[error("credential helper docker-credential-{name}: {problem}")]
    Helper {
        /// Its name.
        name: String,
        /// What is wrong.
        problem: &'static str,
    },
}

impl RegistryError {
    /// The stable code.
    pub fn code(&self) -> Code {
        const OPERATOR: &str =
            "nothing was decided: fetch it by hand to see who answers, then ask the registry's operator";
        match self {
            Self::Unauthorized { .. } => Code::undecided(
                "registry-unauthorized",
                "log in (`podman login`, `docker login`) with an account that may do this; registries say this of what is not there, too",
            ),
            Self::Unexpected { .. } => Code::undecided("registry-unexpected", OPERATOR),
            Self::Malformed { .. } => Code::undecided("registry-malformed", OPERATOR),
            Self::Realm { .. } => Code::undecided(
                "net-forbidden-realm",
                "credentials stay with their registry: if this token server belongs to it, name it in the settings",
            ),
            Self::Token { .. } => Code::undecided("auth-parse", OPERATOR),
            Self::Downgrade { .. } => Code::undecided(
                "net-downgrade",
                "what came by https goes on by https: ask the registry's operator to mend its storage's URL",
            ),
            Self::CrossHost { .. } => Code::undecided("net-cross-host", OPERATOR),
            Self::Redirects { .. } => Code::undecided("limit-redirects", OPERATOR),
            Self::Pages { .. } => Code::undecided("limit-pages", OPERATOR),
            Self::Credentials { .. } => Code::usage("registry-credentials", "log in again, or mend the file"),
            Self::Helper { .. } => Code::undecided(
                "credential-helper",
                "run `docker-credential-NAME list` by hand, or take it out of the file of credentials",
            ),
        }
    }
}
