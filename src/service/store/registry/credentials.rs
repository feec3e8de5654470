//! Who we are, from the files of Podman and Docker: <https://github.com/containers/image/blob/main/docs/containers-auth.json.5.md>
//! and <https://docs.docker.com/reference/cli/docker/login/#credential-stores>.
//!
//! In this order, the first file with an entry for the registry wins: `$REGISTRY_AUTH_FILE`,
//! `$XDG_RUNTIME_DIR/containers/auth.json`, `$XDG_CONFIG_HOME/containers/auth.json` (`~/.config`),
//! `$DOCKER_CONFIG/config.json` (`~/.docker`). In a file: a helper for the very registry, then an entry of the
//! repository or of the longest path above it, then the store for all.

use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::super::StoreError;
use super::slots::Slots;
use super::{RegistryError, helper};
use crate::base::encoding::base64;
use crate::base::encoding::json::Json;
use crate::base::limits;
use crate::format::oci::{Registry, Repository};
use crate::service::environment::Environment;

/// A text that is wiped when it is dropped, and never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes a text.
    pub fn new(text: &str) -> Self {
        Self(Zeroizing::new(text.to_owned()))
    }

    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Who we are to a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// A name and a password, for the registry or its token server.
    Basic {
        /// The name.
        username: String,
        /// The password.
        password: Secret,
    },
    /// An identity token, which the registry's token server takes instead of a password.
    IdentityToken(Secret),
    /// A token that is sent to the registry as it is.
    RegistryToken(Secret),
}

/// Where a credential was found, for messages.
const FROM_FILES: &str = "with the credentials of a login";

type Found = Option<(Credential, &'static str)>;

/// Credentials of files and helpers, each looked up once in [`limits::CREDENTIAL_SECS`].
#[derive(Debug)]
pub(super) struct Credentials {
    environment: Arc<dyn Environment>,
    found: Slots<Repository, (Instant, Found)>,
}

impl Credentials {
    pub(super) fn new(environment: Arc<dyn Environment>) -> Self {
        Self { environment, found: Slots::default() }
    }

    /// Who we are in `repository`; `None` is nobody in particular.
    pub(super) async fn find(&self, repository: &Repository) -> Result<Found, StoreError> {
        let slot = self.found.slot(repository);
        let mut kept = slot.lock().await;
        let longest = Duration::from_secs(limits::CREDENTIAL_SECS);
        if let Some((_, found)) = kept.as_ref().filter(|(since, _)| since.elapsed() < longest) {
            return Ok(found.clone());
        }
        let found = self.look(repository).await?;
        *kept = Some((Instant::now(), found.clone()));
        Ok(found)
    }

    async fn look(&self, repository: &Repository) -> Result<Found, StoreError> {
        for path in self.files() {
            let bytes = match self.environment.read(&path, limits::CREDENTIAL_FILE_BYTES) {
                Ok(bytes) => Zeroizing::new(bytes),
                Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => continue,
                Err(_) => return Err(unusable(&path, "it cannot be read").into()),
            };
            let credential = match entry(&bytes, repository).map_err(|problem| unusable(&path, problem))? {
                Some(Entry::Credential(credential)) => Some(credential),
                Some(Entry::Helper(name)) => {
                    let server = server(repository.registry());
                    let search_path = self.environment.var("PATH").unwrap_or_default();
                    helper::ask(&name, &server, &search_path).await?
                }
                None => None,
            };
            if let Some(credential) = credential {
                return Ok(Some((credential, FROM_FILES)));
            }
        }
        Ok(None)
    }

    fn files(&self) -> Vec<PathBuf> {
        let var = |name| self.environment.var(name).map(PathBuf::from);
        let home = |below: &str| var("HOME").map(|home| home.join(below));
        [
            var("REGISTRY_AUTH_FILE"),
            var("XDG_RUNTIME_DIR").map(|folder| folder.join("containers/auth.json")),
            var("XDG_CONFIG_HOME").or_else(|| home(".config")).map(|folder| folder.join("containers/auth.json")),
            var("DOCKER_CONFIG").or_else(|| home(".docker")).map(|folder| folder.join("config.json")),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

fn unusable(path: &Path, problem: &'static str) -> RegistryError {
    RegistryError::Credentials { path: path.display().to_string(), problem }
}

/// A registry's name in files and to helpers; Docker Hub's is from its first days.
fn server(registry: &Registry) -> String {
    if registry.is_docker_hub() { "https://index.docker.io/v1/".to_owned() } else { registry.to_string() }
}

/// What a file has for a repository.
#[derive(Debug, PartialEq, Eq)]
enum Entry {
    Credential(Credential),
    /// The part of its name after `docker-credential-`.
    Helper(String),
}

fn entry(file: &[u8], repository: &Repository) -> Result<Option<Entry>, &'static str> {
    let json = Json::parse(file).map_err(|_| "it is not JSON")?;
    let members = |name| match json.member(name) {
        Some(Json::Object(members)) => Ok(members.as_slice()),
        None | Some(Json::Null) => Ok(&[][..]),
        Some(_) => Err("its auths or credHelpers are no objects"),
    };
    for (key, name) in members("credHelpers")? {
        if names(key, repository).is_some() {
            let name = name.as_str().filter(|name| !name.is_empty()).ok_or("a credHelper without a name")?;
            return Ok(Some(Entry::Helper(name.to_owned())));
        }
    }
    let mut longest: Option<(usize, Credential)> = None;
    for (key, value) in members("auths")? {
        let Some(length) = names(key, repository) else { continue };
        if longest.as_ref().is_some_and(|(known, _)| *known >= length) {
            continue;
        }
        if let Some(credential) = credential(value)? {
            longest = Some((length, credential));
        }
    }
    if let Some((_, credential)) = longest {
        return Ok(Some(Entry::Credential(credential)));
    }
    let store = json.member("credsStore").and_then(Json::as_str).filter(|name| !name.is_empty());
    Ok(store.map(|name| Entry::Helper(name.to_owned())))
}

/// How much of the repository's path a key covers; `None` when it is another registry's.
fn names(key: &str, repository: &Repository) -> Option<usize> {
    let key = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    let (host, path) = key.split_once('/').unwrap_or((key, ""));
    let path = path.trim_end_matches('/');
    let path = if matches!(path, "v1" | "v2") { "" } else { path };
    if Registry::parse(host).as_ref() != Ok(repository.registry()) {
        return None;
    }
    let rest = repository.path().strip_prefix(path)?;
    (path.is_empty() || rest.is_empty() || rest.starts_with('/')).then_some(path.len())
}

/// One entry of `auths`; an empty one is none.
fn credential(value: &Json<'_>) -> Result<Option<Credential>, &'static str> {
    let text = |name| value.member(name).and_then(Json::as_str).filter(|text| !text.is_empty());
    if let Some(token) = text("registrytoken") {
        return Ok(Some(Credential::RegistryToken(Secret::new(token))));
    }
    if let Some(token) = text("identitytoken") {
        return Ok(Some(Credential::IdentityToken(Secret::new(token))));
    }
    let Some(pair) = text("auth") else {
        let pair = text("username").zip(text("password"));
        return Ok(pair.map(|(username, password)| basic(username, password)));
    };
    let bytes = Zeroizing::new(base64::decode(pair).ok_or("an auth that is not base64")?);
    let pair = std::str::from_utf8(&bytes).map_err(|_| "an auth that is not text")?;
    let (username, password) = pair.split_once(':').ok_or("an auth that is not NAME:PASSWORD")?;
    Ok(Some(basic(username, password.trim_end_matches('\0'))))
}

pub(super) fn basic(username: &str, password: &str) -> Credential {
    Credential::Basic { username: username.to_owned(), password: Secret::new(password) }
}

#[cfg(test)]
mod tests;
