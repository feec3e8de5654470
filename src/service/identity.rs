//! Identity tokens: where they come from, and what they say of whoever signs with them.
//!
//! A token is read, never verified, here: its verifier is the certificate authority that it goes to.
//! What it claims is shown by `whoami`, and held against the certificate that comes back for it.

mod ask;
mod claims;
mod command;
mod env;
mod explicit;
mod fork;
mod issuers;
#[cfg(feature = "login")]
mod login;
mod platform;
mod platforms;
mod source;
mod token;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use thiserror::Error;

use super::BoxFuture;
use super::environment::Environment;
use super::http::{HttpClient, HttpError};
use crate::base::code::Code;

pub use ask::{Ask, Call, Finder, Site};
pub use claims::{ExpectedIdentity, TokenClaims, TokenProblem};
pub use command::CommandToken;
pub use env::VariableToken;
pub use explicit::ExplicitToken;
pub use fork::{Fork, fork};
pub use issuers::Issuers;
#[cfg(feature = "login")]
pub use login::{Login, LoginError, LoginMethod, LoginProvider, Person};
pub use platform::{Fix, Mark, Platform, Run, Search};
pub use platforms::{MissingPermission, github_server, platforms};
pub use source::{PlatformToken, TOKENLESS, Tokenless};
pub use token::{IdToken, MalformedToken};

/// The audience that Sigstore certificate authorities expect.
pub const SIGSTORE_AUDIENCE: &str = "sigstore";

/// A place that identity tokens come from.
///
/// An implementation
/// - gives `Ok(None)` when this is not its environment, and touches nothing but the environment then;
/// - gives `Err` when this is its environment and it is broken: the search stops there, it never falls
///   through to another identity;
/// - gives a token for `audience`, freshly requested where the platform can;
/// - never logs the token, nor puts it into an error.
pub trait IdentityTokenSource: fmt::Debug + Send + Sync {
    /// The name that people know the place by.
    fn name(&self) -> &'static str;

    /// The token, when this is the place.
    fn detect<'a>(&'a self, audience: &'a str) -> BoxFuture<'a, Result<Option<IdToken>, IdentityError>>;
}

/// Why there is no token, or not a usable one.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// No source had one.
    #[error("no identity token was found; looked at: {}", .tried.join(", "))]
    NotFound {
        /// The sources that were asked.
        tried: Vec<&'static str>,
    },
    /// A platform that gives its jobs no token.
    #[error(
        "{platform} gives its jobs no identity token\n\
         sign with one from elsewhere (SIGSTORE_ID_TOKEN, --identity-token-file, --identity-token-command), \
         with a certificate of a Vault or a step-ca (--authority), as a SPIFFE workload, or with a key (--key)"
    )]
    Tokenless {
        /// The platform.
        platform: &'static str,
    },
    /// A platform whose way to a token is not confirmed by its own documentation.
    #[error(
        "this looks like {platform}, whose way to a token is not confirmed\n\
         try it with --identity-provider {key}, or put the token into SIGSTORE_ID_TOKEN"
    )]
    Unconfirmed {
        /// The platform.
        platform: &'static str,
        /// What `--identity-provider` calls it.
        key: &'static str,
    },
    /// A platform that was asked and gave none.
    #[error("{platform} gave no identity token: {problem}\n{fix}")]
    Platform {
        /// The platform.
        platform: &'static str,
        /// What happened.
        problem: String,
        /// What puts it right.
        fix: String,
    },
    /// The program that was named.
    #[error("the command {program:?} gave no identity token: {problem}")]
    Command {
        /// The program, without its arguments.
        program: String,
        /// What happened.
        problem: &'static str,
    },
    /// GitHub Actions did not let this job request one.
    #[error(transparent)]
    GithubPermission(Box<MissingPermission>),
    /// GitLab CI gave this job none.
    #[error(
        "this GitLab job has no identity token: {variable} is not set\n\
         declare it on the job in .gitlab-ci.yml:\n    \
             id_tokens:\n      \
               {variable}:\n        \
                 aud: {audience}"
    )]
    GitlabToken {
        /// The variable that it would be in.
        variable: String,
        /// The audience that it must have.
        audience: String,
    },
    /// A platform that has none, or one for somebody else.
    #[error(
        "{platform} has no identity token for the audience {audience:?} here: {}\n{fix}",
        .found.as_ref().map_or("there is none".to_owned(), |found| format!("there is one for {found:?}"))
    )]
    Undeclared {
        /// The platform.
        platform: &'static str,
        /// The audience that it must have.
        audience: String,
        /// The audiences of the token that was found.
        found: Option<String>,
        /// What puts it right.
        fix: String,
    },
    /// A file that should hold one cannot be read.
    #[error("identity token file {}: {error}", .path.display())]
    Unreadable {
        /// The file; `-` is standard input.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// What was found is not a token.
    #[error("the identity token from {origin} is malformed: {problem}")]
    Malformed {
        /// Where it came from.
        origin: &'static str,
        /// What is wrong.
        problem: MalformedToken,
    },
    /// A token that no authority would take.
    #[error("the identity token from {origin} cannot be used: {problem}")]
    Unfit {
        /// Where it came from.
        origin: &'static str,
        /// What is wrong.
        problem: TokenProblem,
    },
    /// A login.
    #[cfg(feature = "login")]
    #[error(transparent)]
    Login(#[from] Box<LoginError>),
    /// The platform's token service.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The SPIFFE agent.
    #[cfg(feature = "spiffe")]
    #[error(transparent)]
    Spiffe(#[from] super::spiffe::SpiffeError),
}

impl IdentityError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::NotFound { .. } => Code::usage(
                "identity-missing",
                "run it in a CI job that may request a token, or give one with --identity-token-file or SIGSTORE_ID_TOKEN",
            ),
            Self::GithubPermission(_) => {
                Code::usage("github-permission", "grant `id-token: write` to the job, as the message shows")
            }
            Self::GitlabToken { .. } => {
                Code::usage("gitlab-id-token", "add the id_tokens lines to the job, as the message shows")
            }
            Self::Undeclared { .. } => {
                Code::usage("identity-undeclared", "declare a token for the job, as the message shows")
            }
            Self::Tokenless { .. } => Code::usage(
                "identity-tokenless",
                "bring a token from elsewhere, or sign with a key: the message has the ways",
            ),
            Self::Unconfirmed { .. } => Code::usage(
                "identity-unconfirmed",
                "name the platform to try it, or put the token into SIGSTORE_ID_TOKEN",
            ),
            Self::Platform { .. } => Code::usage("identity-platform", "put it right as the message shows"),
            Self::Command { .. } => Code::undecided(
                "identity-command",
                "run the command by hand: it must print a token, and nothing else, on standard output",
            ),
            Self::Unreadable { .. } => {
                Code::undecided("identity-token-unreadable", "check the path and its permissions")
            }
            Self::Malformed { .. } => {
                Code::usage("identity-token-malformed", "give the token itself: three base64url parts joined by dots")
            }
            Self::Unfit { problem, .. } => problem.code(),
            #[cfg(feature = "login")]
            Self::Login(error) => error.code(),
            Self::Http(error) => error.code(),
            #[cfg(feature = "spiffe")]
            Self::Spiffe(error) => error.code(),
        }
    }
}

/// Every source that finds a token by itself, in the order of asking: platforms whose jobs declare one, the variable
/// that all Sigstore clients read, platforms that are asked, a SPIFFE agent, projected files, and machines last: nothing of a machine
/// is asked where a platform runs on it. The platforms come before the variable where they use the same one, and know
/// how to have it set.
pub fn ambient(environment: &Arc<dyn Environment>, http: &HttpClient) -> Vec<Box<dyn IdentityTokenSource>> {
    let site = Site { environment: Arc::clone(environment), http: http.clone() };
    let mut sources: Vec<Box<dyn IdentityTokenSource>> = Vec::new();
    let add = |platforms: &[&'static Platform], sources: &mut Vec<Box<dyn IdentityTokenSource>>| {
        for platform in platforms.iter().filter(|platform| platform.search == Search::Automatic) {
            sources.push(Box::new(PlatformToken::new(platform, site.clone())));
        }
    };
    add(platforms::DECLARING, &mut sources);
    sources.push(Box::new(VariableToken::new(Arc::clone(environment))));
    add(platforms::ASKED, &mut sources);
    add(platforms::AGENTS, &mut sources);
    add(platforms::FILES, &mut sources);
    let unconfirmed = platforms().filter(|platform| platform.search == Search::Unconfirmed).collect();
    sources.push(Box::new(source::EndOfSearch { unconfirmed, site: site.clone() }));
    add(platforms::MACHINES, &mut sources);
    sources
}

/// The source of one platform, by what `--identity-provider` calls it.
pub fn provider(
    key: &str,
    environment: &Arc<dyn Environment>,
    http: &HttpClient,
) -> Option<Box<dyn IdentityTokenSource>> {
    let platform = platforms().find(|platform| platform.key == key)?;
    let site = Site { environment: Arc::clone(environment), http: http.clone() };
    Some(Box::new(PlatformToken::named(platform, site)))
}

/// Asks the sources in turn; the first token, or the first error, ends the search.
///
/// # Errors
///
/// What the source that is broken says, or [`IdentityError::NotFound`].
pub async fn find(sources: &[Box<dyn IdentityTokenSource>], audience: &str) -> Result<IdToken, IdentityError> {
    for source in sources {
        if let Some(token) = source.detect(audience).await? {
            return Ok(token);
        }
    }
    Err(IdentityError::NotFound { tried: sources.iter().map(|source| source.name()).collect() })
}

#[cfg(test)]
mod tests;
