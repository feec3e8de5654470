//! Why nobody could sign in.

use thiserror::Error;

use crate::base::code::Code;
use crate::service::http::HttpError;
use crate::service::identity::IdentityError;

/// Why there is no token from a login.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LoginError {
    /// A job, where nobody would answer.
    #[error("nobody can sign in here: this is {place}")]
    InCi {
        /// Where.
        place: &'static str,
    },
    /// No terminal, or not both ways.
    #[error("nobody can sign in here: standard input and standard error are no terminal")]
    NoTerminal,
    /// Something that the provider does not offer.
    #[error("{issuer} offers no {what}")]
    Unsupported {
        /// The provider.
        issuer: String,
        /// What it lacks.
        what: &'static str,
    },
    /// The provider said no, or the person did.
    #[error("{issuer} refused the login: {answer}")]
    Refused {
        /// The provider.
        issuer: String,
        /// Its words.
        answer: String,
    },
    /// An answer that belongs to another login.
    #[error("the browser brought an answer to another login: its {what} is not the one that was sent")]
    Foreign {
        /// The parameter.
        what: &'static str,
    },
    /// A token that is not for this login.
    #[error("{issuer} gave a token that is not for this login: {problem}")]
    Token {
        /// The provider.
        issuer: String,
        /// What is wrong.
        problem: String,
    },
    /// Nobody signed in.
    #[error("nobody signed in within {seconds} seconds")]
    TimedOut {
        /// How long was waited.
        seconds: u64,
    },
    /// Settings that make no login.
    #[error("login: {0}")]
    Settings(&'static str),
    /// The provider's answer cannot be read.
    #[error("{issuer} answered something else than OpenID Connect: {problem}")]
    Malformed {
        /// The provider.
        issuer: String,
        /// What is wrong.
        problem: String,
    },
    /// No port to wait at.
    #[error("the browser's answer cannot be waited for: {0}")]
    Listener(std::io::Error),
    /// The way to the provider.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// What came is no token.
    #[error(transparent)]
    NoToken(Box<IdentityError>),
}

impl LoginError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::InCi { .. } => Code::usage(
                "login-in-ci",
                "sign with the job's own identity: leave --login out, and see `sealmark whoami`",
            ),
            Self::NoTerminal => Code::usage(
                "login-no-terminal",
                "run it at a terminal, or give a token: --identity-token-file, SIGSTORE_ID_TOKEN",
            ),
            Self::Unsupported { .. } => Code::usage("login-unsupported", "sign in by another method"),
            Self::Refused { .. } => Code::refused("login-refused", "read its words, then begin again"),
            Self::Foreign { .. } => Code::refused(
                "login-foreign",
                "begin again, and follow the page that is opened then; if it happens again, somebody interferes",
            ),
            Self::Token { .. } => Code::refused("login-token", "begin again; check issuer and client of the login"),
            Self::TimedOut { .. } => Code::undecided("login-timeout", "begin again"),
            Self::Settings(_) => Code::usage("login-settings", "put the setting right that is named"),
            Self::Malformed { .. } => Code::undecided(
                "login-malformed",
                "check --login-issuer: it must be the issuer as the provider names itself",
            ),
            Self::Listener(_) => Code::undecided("login-listener", "sign in by another device: --login device"),
            Self::Http(error) => error.code(),
            Self::NoToken(error) => error.code(),
        }
    }
}
