//! Identity tokens: where they come from, and what they say of whoever signs with them.
//!
//! A token is read, never verified, here: its verifier is the certificate authority that it goes to.
//! What it claims is shown by `whoami`, and held against the certificate that comes back for it.

mod claims;
mod declared;
mod env;
mod explicit;
mod github;
mod gitlab;
mod projected;
mod token;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use thiserror::Error;

use super::BoxFuture;
use super::environment::Environment;
use super::http::{HttpClient, HttpError};
use crate::base::code::Code;

pub use claims::{ExpectedIdentity, TokenClaims, TokenProblem};
pub use declared::{DECLARING_PLATFORMS, DeclaredToken, DeclaringPlatform};
pub use env::VariableToken;
pub use explicit::ExplicitToken;
pub use github::{GithubActions, MissingPermission};
pub use gitlab::GitlabCi;
pub use projected::ProjectedToken;
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
    #[error("no identity token was found; looked at: {}{}", .tried.join(", "), note(*.unsupported))]
    NotFound {
        /// The sources that were asked.
        tried: Vec<&'static str>,
        /// The platform that this seems to be, if it is one whose tokens cannot be had.
        unsupported: Option<&'static str>,
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
    /// A job of a platform whose jobs declare their tokens has none, or one for somebody else.
    #[error(
        "this {platform} job has no identity token for this audience: {}\n{fix}",
        .found.as_ref().map_or("none is declared".to_owned(), |found| format!("its token is for {found:?}"))
    )]
    Undeclared {
        /// The platform.
        platform: &'static str,
        /// The audiences of the token that was found.
        found: Option<String>,
        /// The lines that declare one.
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
    /// The platform's token service.
    #[error(transparent)]
    Http(#[from] HttpError),
}

fn note(unsupported: Option<&str>) -> String {
    unsupported.map(|name| format!("; this looks like {name}, whose tokens are not supported yet")).unwrap_or_default()
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
            Self::Unreadable { .. } => {
                Code::undecided("identity-token-unreadable", "check the path and its permissions")
            }
            Self::Malformed { .. } => {
                Code::usage("identity-token-malformed", "give the token itself: three base64url parts joined by dots")
            }
            Self::Unfit { problem, .. } => problem.code(),
            Self::Http(error) => error.code(),
        }
    }
}

/// Every source that finds a token by itself, in the order of asking: specific platforms, the variable
/// that all Sigstore clients read, the projected file. GitLab and the platforms that declare
/// tokens come before the variable because they use the same one, and know how to have it set.
pub fn ambient(environment: &Arc<dyn Environment>, http: &HttpClient) -> Vec<Box<dyn IdentityTokenSource>> {
    let mut sources: Vec<Box<dyn IdentityTokenSource>> = vec![Box::new(GitlabCi::new(Arc::clone(environment)))];
    for platform in DECLARING_PLATFORMS {
        sources.push(Box::new(DeclaredToken::new(platform, Arc::clone(environment))));
    }
    sources.push(Box::new(VariableToken::new(Arc::clone(environment))));
    sources.push(Box::new(GithubActions::new(Arc::clone(environment), http.clone())));
    sources.push(Box::new(ProjectedToken::new(Arc::clone(environment))));
    sources
}

/// Asks the sources in turn; the first token, or the first error, ends the search.
///
/// # Errors
///
/// What the source that is broken says, or [`IdentityError::NotFound`].
pub async fn find(
    sources: &[Box<dyn IdentityTokenSource>],
    environment: &dyn Environment,
    audience: &str,
) -> Result<IdToken, IdentityError> {
    for source in sources {
        if let Some(token) = source.detect(audience).await? {
            return Ok(token);
        }
    }
    let tried = sources.iter().map(|source| source.name()).collect();
    Err(IdentityError::NotFound { tried, unsupported: github::impostor(environment) })
}

/// Whether a CI variable says yes.
fn is_true(environment: &dyn Environment, name: &str) -> bool {
    environment.var(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

#[cfg(test)]
mod tests;
