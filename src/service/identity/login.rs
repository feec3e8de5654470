//! Signing in: a person's identity, by a browser, another device or a code that is typed in; or a client's own, by its
//! secret. OpenID Connect through the `openidconnect` crate, over our own HTTP client.
//!
//! It is never started unasked: nothing falls through to it. Where a person is needed there must be one: never in CI,
//! never without a terminal.

mod error;
mod flow;
mod redirect;

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::{IdToken, IdentityError, IdentityTokenSource, Search, platforms};
use crate::service::BoxFuture;
use crate::service::environment::Environment;
use crate::service::http::HttpClient;

pub use error::LoginError;

/// How one signs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginMethod {
    /// In a browser on this machine (RFC 8252, with PKCE, state and nonce).
    Browser,
    /// In a browser on any machine, where a short code is confirmed (RFC 8628).
    Device,
    /// In a browser on any machine, which shows a code that is typed in here.
    Code,
    /// With the secret of a client; nobody is asked.
    ClientCredentials,
}

/// With whom one signs in.
#[derive(Clone)]
pub struct LoginProvider {
    /// The issuer's URL.
    pub issuer: String,
    /// The client; it becomes the audience of the token.
    pub client_id: String,
    /// The client's secret; public clients have none.
    pub client_secret: Option<Zeroizing<String>>,
}

impl LoginProvider {
    /// Sigstore's own, of the public-good instance.
    pub const SIGSTORE: &'static str = "https://oauth2.sigstore.dev/auth";
}

impl fmt::Debug for LoginProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LoginProvider({} at {})", self.client_id, self.issuer)
    }
}

/// The person who signs in.
pub trait Person: fmt::Debug + Send + Sync {
    /// Whether there is one: somebody at a terminal.
    fn is_there(&self) -> bool;

    /// Tells them something.
    fn tell(&self, text: &str);

    /// Opens a page in their browser; `false` when there is none that is known.
    fn open(&self, url: &str) -> bool;

    /// Asks for a line of text; `None` when there is none.
    fn ask(&self, question: &str) -> Option<Zeroizing<String>>;
}

/// A token by signing in; always this environment.
#[derive(Debug)]
pub struct Login {
    method: LoginMethod,
    provider: LoginProvider,
    person: Arc<dyn Person>,
    environment: Arc<dyn Environment>,
    http: HttpClient,
}

impl Login {
    /// Signs in by `method`.
    pub fn new(
        method: LoginMethod,
        provider: LoginProvider,
        person: Arc<dyn Person>,
        environment: Arc<dyn Environment>,
        http: HttpClient,
    ) -> Self {
        Self { method, provider, person, environment, http }
    }

    /// Refuses to wait for somebody who is not there.
    fn needs_somebody(&self) -> Result<(), LoginError> {
        if self.method == LoginMethod::ClientCredentials {
            return Ok(());
        }
        let environment = &*self.environment;
        let job = platforms::jobs().find(|platform| platform.search != Search::Named && platform.is_here(environment));
        let ci = environment.var("CI").filter(|value| !value.eq_ignore_ascii_case("false")).map(|_| "a CI job");
        if let Some(place) = job.map(|platform| platform.name).or(ci) {
            return Err(LoginError::InCi { place });
        }
        if self.person.is_there() { Ok(()) } else { Err(LoginError::NoTerminal) }
    }
}

impl IdentityTokenSource for Login {
    fn name(&self) -> &'static str {
        "login"
    }

    fn detect<'a>(&'a self, _audience: &'a str) -> BoxFuture<'a, Result<Option<IdToken>, IdentityError>> {
        Box::pin(async move {
            self.needs_somebody().map_err(Box::new)?;
            Ok(Some(self.token().await.map_err(Box::new)?))
        })
    }
}

#[cfg(test)]
mod tests;
