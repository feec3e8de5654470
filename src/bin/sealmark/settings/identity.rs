//! Where the identity token comes from.

use std::sync::Arc;

use sealmark::service::environment::{Environment, SystemEnvironment};
use sealmark::service::http::{HttpClient, Settings};
use sealmark::service::identity::{
    self, CommandToken, ExplicitToken, IdentityTokenSource, Login, LoginMethod, LoginProvider, SIGSTORE_AUDIENCE,
};
use zeroize::Zeroizing;

use super::SettingsError;
use super::person::AtTerminal;
use crate::cli::{BudgetArgs, LoginMethodArg, TokenArgs};

/// The sources to ask, in order: what was given, else everything that finds a token by itself.
pub(crate) fn token_sources(
    args: &TokenArgs,
    http: &HttpClient,
) -> Result<Vec<Box<dyn IdentityTokenSource>>, SettingsError> {
    let environment = environment();
    if let Some(token) = &args.identity_token {
        return Ok(vec![Box::new(ExplicitToken::text(token.0.clone()))]);
    }
    if let Some(file) = &args.identity_token_file {
        let stdin = file.as_os_str() == "-";
        let given = if stdin { ExplicitToken::stdin() } else { ExplicitToken::file(file, environment) };
        return Ok(vec![Box::new(given)]);
    }
    if let Some(command) = &args.identity_token_command {
        return Ok(vec![Box::new(CommandToken::parse(command).ok_or(SettingsError::TokenCommand)?)]);
    }
    if let Some(method) = args.login {
        return Ok(vec![Box::new(login(method, args, &environment, http))]);
    }
    Ok(match &args.identity_provider {
        Some(key) => identity::provider(key, &environment, http).into_iter().collect(),
        None => identity::ambient(&environment, http),
    })
}

/// Signing in by a method, with whom the flags and variables say.
fn login(method: LoginMethodArg, args: &TokenArgs, environment: &Arc<dyn Environment>, http: &HttpClient) -> Login {
    let or_variable = |flag: &Option<String>, name: &str| flag.clone().or_else(|| environment.var(name));
    let provider = LoginProvider {
        issuer: or_variable(&args.with.login_issuer, "SEALMARK_LOGIN_ISSUER")
            .unwrap_or_else(|| LoginProvider::SIGSTORE.to_owned()),
        client_id: or_variable(&args.with.login_client_id, "SEALMARK_LOGIN_CLIENT_ID")
            .unwrap_or_else(|| SIGSTORE_AUDIENCE.to_owned()),
        client_secret: environment.var("SEALMARK_LOGIN_CLIENT_SECRET").map(Zeroizing::new),
    };
    let method = match method {
        LoginMethodArg::Browser => LoginMethod::Browser,
        LoginMethodArg::Device => LoginMethod::Device,
        LoginMethodArg::Code => LoginMethod::Code,
        LoginMethodArg::ClientCredentials => LoginMethod::ClientCredentials,
    };
    Login::new(method, provider, Arc::new(AtTerminal), Arc::clone(environment), http.clone())
}

/// The process's own environment.
pub(crate) fn environment() -> Arc<dyn Environment> {
    Arc::new(SystemEnvironment)
}

/// The one HTTP client of a command.
pub(crate) fn http() -> HttpClient {
    HttpClient::new(Settings::from_environment(&SystemEnvironment))
}

/// The same, as patient as the flags say.
pub(super) fn patient_http(budget: &BudgetArgs) -> HttpClient {
    HttpClient::new(patient(Settings::from_environment(&SystemEnvironment), budget))
}

/// As patient as the flags say. A budget that was given is used up; the default ends after a few attempts.
pub(crate) fn patient(mut settings: Settings, budget: &BudgetArgs) -> Settings {
    if let Some(timeout) = budget.timeout {
        settings.attempt_timeout = timeout;
        settings.connect_timeout = settings.connect_timeout.min(timeout);
    }
    if let Some(budget) = budget.retry_budget {
        (settings.budget, settings.attempts) = (budget, u32::MAX);
    }
    settings
}
