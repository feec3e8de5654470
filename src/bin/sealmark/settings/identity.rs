//! Where the identity token comes from.

use std::sync::Arc;
use std::time::Duration;

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

/// The same, as patient as the flags say. A budget that was given is used up; the default ends after a few attempts.
pub(crate) fn patient_http(timeout: Option<Duration>, retry_budget: Option<Duration>) -> HttpClient {
    let mut settings = Settings::from_environment(&SystemEnvironment);
    if let Some(timeout) = timeout {
        settings.attempt_timeout = timeout;
        settings.connect_timeout = settings.connect_timeout.min(timeout);
    }
    if let Some(budget) = retry_budget {
        (settings.budget, settings.attempts) = (budget, u32::MAX);
    }
    HttpClient::new(settings)
}
