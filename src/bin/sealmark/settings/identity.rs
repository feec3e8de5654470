//! Where the identity token comes from.

use std::sync::Arc;

use sealmark::service::environment::{Environment, SystemEnvironment};
use sealmark::service::http::{HttpClient, Settings};
use sealmark::service::identity::{self, ExplicitToken, IdentityTokenSource};

use crate::cli::Secret;

/// The sources to ask, in order: what was given, else everything that finds a token by itself.
pub(crate) fn token_sources(
    text: Option<&Secret>,
    file: Option<&std::path::Path>,
    http: &HttpClient,
) -> Vec<Box<dyn IdentityTokenSource>> {
    let environment = environment();
    match (text, file) {
        (Some(token), _) => vec![Box::new(ExplicitToken::text(token.0.clone()))],
        (None, Some(file)) if file.as_os_str() == "-" => vec![Box::new(ExplicitToken::stdin())],
        (None, Some(file)) => vec![Box::new(ExplicitToken::file(file, environment))],
        (None, None) => identity::ambient(&environment, http),
    }
}

/// The process's own environment.
pub(crate) fn environment() -> Arc<dyn Environment> {
    Arc::new(SystemEnvironment)
}

/// The one HTTP client of a command.
pub(crate) fn http() -> HttpClient {
    HttpClient::new(Settings::from_environment(&SystemEnvironment))
}
