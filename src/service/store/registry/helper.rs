//! Credential helpers: <https://github.com/docker/docker-credential-helpers#development>
//!
//! A helper is a program `docker-credential-NAME` of the search path. It gets the registry's name and nothing
//! else, has [`limits::HELPER_SECS`] and [`limits::HELPER_BYTES`], and what it says of another registry is not
//! taken.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::super::StoreError;
use super::RegistryError;
use super::credentials::{Credential, Secret, basic};
use crate::base::encoding::json::Json;
use crate::base::limits;
use crate::service::program::{Answer, ask as ask_program};

/// Asks a helper who we are to `server`; `None` when it does not know.
///
/// `search_path` is the `PATH` to look in; relative parts of it are left out.
pub(super) async fn ask(name: &str, server: &str, search_path: &str) -> Result<Option<Credential>, StoreError> {
    let asked = server.to_owned();
    let timeout = Duration::from_secs(limits::HELPER_SECS);
    let answered = match program(name, search_path) {
        Ok(program) => tokio::task::spawn_blocking(move || run(&program, &asked, timeout)).await,
        Err(problem) => Ok(Err(problem)),
    };
    let found = answered.unwrap_or(Err("it was interrupted")).and_then(|answer| read(answer, server));
    found.map_err(|problem| RegistryError::Helper { name: name.chars().take(100).collect(), problem }.into())
}

fn program(name: &str, search_path: &str) -> Result<PathBuf, &'static str> {
    if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
        return Err("its name is no name of a program");
    }
    let folders = std::env::split_paths(search_path).filter(|folder| folder.is_absolute());
    let mut programs = folders.map(|folder| folder.join(format!("docker-credential-{name}")));
    programs.find(|program| program.is_file()).ok_or("it is not in the search path")
}

fn run(program: &Path, server: &str, timeout: Duration) -> Result<Answer, &'static str> {
    ask_program(program, &["get"], server.as_bytes(), timeout, limits::HELPER_BYTES)
}

fn read(answer: Answer, server: &str) -> Result<Option<Credential>, &'static str> {
    if !answer.success {
        let text = String::from_utf8_lossy(&answer.output);
        let unknown = text.to_lowercase().contains("credentials not found");
        return if unknown { Ok(None) } else { Err("it failed") };
    }
    let json = Json::parse(&answer.output).map_err(|_| "its answer is not JSON")?;
    let text = |name| json.member(name).and_then(Json::as_str);
    let bare = |url: &str| {
        let url = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).unwrap_or(url);
        url.trim_end_matches('/').to_owned()
    };
    if text("ServerURL").is_some_and(|url| !url.is_empty() && bare(url) != bare(server)) {
        return Err("it answered for another registry");
    }
    let secret = text("Secret").ok_or("its answer holds no Secret")?;
    match text("Username").unwrap_or_default() {
        "" => Ok(None),
        "<token>" => Ok(Some(Credential::IdentityToken(Secret::new(secret)))),
        username => Ok(Some(basic(username, secret))),
    }
}

#[cfg(test)]
mod tests;
