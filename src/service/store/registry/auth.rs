//! Who we are to a registry: basic and bearer authentication as Docker's registries have them
//! (<https://distribution.github.io/distribution/spec/auth/token/>), and whose token servers may be asked.
//!
//! A token server (the realm) gets a registry's credentials when it is on the registry's own host, on a parent
//! domain or a subdomain of it, one of two that are known ([`KNOWN`]), or named in the settings; always by
//! https, except where the registry itself is at that very address by plain http. Any other is refused before
//! anything is sent to it, also without credentials: its name is the registry's word only.
//!
//! The scope of a token is what we need, never what the registry asks for.

mod challenge;
mod realm;
mod token;

use std::sync::Arc;
use std::time::Instant;

use reqwest::header::HeaderValue;

use super::super::StoreError;
use super::credentials::{Credential, Credentials, Secret};
use super::slots::Slots;
use super::transport::{Call, Transport};
use crate::base::encoding::base64;
use crate::format::oci::{Registry, Repository};
use crate::service::environment::Environment;

pub(super) use challenge::Challenge;

/// What a request does in its repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Action {
    Pull,
    Push,
    /// Push what comes from the repository of this path.
    Mount(String),
}

impl Action {
    /// The scopes, one a query parameter.
    fn scopes(&self, repository: &Repository) -> Vec<String> {
        let own = |actions| format!("repository:{}:{actions}", repository.path());
        match self {
            Self::Pull => vec![own("pull")],
            Self::Push => vec![own("pull,push")],
            Self::Mount(from) => vec![own("pull,push"), format!("repository:{from}:pull")],
        }
    }
}

/// What is sent with a request.
#[derive(Debug, Clone)]
pub(super) struct Authorization {
    /// The header field, marked sensitive.
    pub(super) value: HeaderValue,
    /// What must not be shown.
    secret: Secret,
    /// Whose it is, for messages.
    pub(super) origin: &'static str,
}

impl Authorization {
    fn new(scheme: &str, shown_to_server: &str, secret: Secret, origin: &'static str) -> Option<Self> {
        let mut value = HeaderValue::from_str(&format!("{scheme} {shown_to_server}")).ok()?;
        value.set_sensitive(true);
        Some(Self { value, secret, origin })
    }

    fn bearer(token: Secret, origin: &'static str) -> Option<Self> {
        Self::new("Bearer", token.reveal(), token.clone(), origin)
    }

    fn basic(username: &str, password: &Secret, origin: &'static str) -> Option<Self> {
        let pair = base64::encode(format!("{username}:{}", password.reveal()).as_bytes());
        Self::new("Basic", &pair, password.clone(), origin)
    }

    /// Both forms of the secret, should a server repeat one.
    pub(super) fn secrets(&self) -> Vec<&str> {
        let sent = self.value.to_str().ok().and_then(|value| value.split_once(' '));
        sent.map(|(_, sent)| sent).into_iter().chain([self.secret.reveal()]).collect()
    }
}

/// Credentials and tokens, each fetched once.
#[derive(Debug)]
pub(super) struct Authority {
    credentials: Credentials,
    tokens: Slots<(Repository, Action), Issued>,
}

#[derive(Debug)]
struct Issued {
    authorization: Authorization,
    until: Instant,
}

impl Authority {
    pub(super) fn new(environment: Arc<dyn Environment>) -> Self {
        Self { credentials: Credentials::new(environment), tokens: Slots::default() }
    }

    /// What is sent to a registry that has not said yet what it wants: only a token that was given for it.
    pub(super) async fn unasked(
        &self,
        transport: &Transport,
        call: &Call<'_>,
    ) -> Result<Option<Authorization>, StoreError> {
        let host = transport.settings.hosts.get(call.repository.registry());
        Ok(match host.and_then(|host| host.credential.as_ref()) {
            Some(Credential::RegistryToken(token)) => Authorization::bearer(token.clone(), "with the token given"),
            _ => None,
        })
    }

    /// What `challenge` wants; `None` when there is nothing, or nothing but what was `refused`.
    pub(super) async fn answer(
        &self,
        transport: &Transport,
        call: &Call<'_>,
        challenge: &Challenge,
        refused: Option<&Authorization>,
    ) -> Result<Option<Authorization>, StoreError> {
        let is_refused = |found: &Authorization| refused.is_some_and(|refused| refused.value == found.value);
        let found = match challenge {
            Challenge::Basic => match self.credential(transport, call.repository).await? {
                Some((Credential::Basic { username, password }, origin)) => {
                    Authorization::basic(&username, &password, origin)
                }
                Some((Credential::RegistryToken(token), origin)) => Authorization::bearer(token, origin),
                Some((Credential::IdentityToken(_), _)) | None => None,
            },
            Challenge::Bearer { .. } => {
                let slot = self.tokens.slot(&(call.repository.clone(), call.action.clone()));
                let mut issued = slot.lock().await;
                let good = |issued: &&Issued| issued.until > Instant::now() && !is_refused(&issued.authorization);
                if let Some(issued) = issued.as_ref().filter(good) {
                    return Ok(Some(issued.authorization.clone()));
                }
                let credential = self.credential(transport, call.repository).await?;
                if let Some((Credential::RegistryToken(token), origin)) = credential {
                    Authorization::bearer(token, origin)
                } else {
                    let fresh = token::fetch(transport, call, challenge, credential).await?;
                    let authorization = fresh.authorization.clone();
                    *issued = Some(fresh);
                    Some(authorization)
                }
            }
        };
        Ok(found.filter(|found| !is_refused(found)))
    }

    async fn credential(
        &self,
        transport: &Transport,
        repository: &Repository,
    ) -> Result<Option<(Credential, &'static str)>, StoreError> {
        let given = transport.settings.hosts.get(repository.registry()).and_then(|host| host.credential.clone());
        match given {
            Some(credential) => Ok(Some((credential, "with the credentials given"))),
            None => self.credentials.find(repository).await,
        }
    }
}

/// Docker Hub's and others' token servers whose names do not say whose they are.
const KNOWN: [(&str, &str); 2] =
    [("docker.io", "auth.docker.io"), ("registry.digitalocean.com", "api.digitalocean.com")];

/// Whether a host belongs to a registry by its name.
fn belongs(registry: &Registry, host: &str) -> bool {
    let own = registry.host();
    let is_parent = own.strip_suffix(host).is_some_and(|rest| rest.ends_with('.')) && host.contains('.');
    let is_below = host.strip_suffix(own).is_some_and(|rest| rest.ends_with('.')) && own.contains('.');
    own == host || is_parent || is_below || KNOWN.contains(&(own, host))
}
