//! Where an issuer's keys come from: a file that the operator keeps, or the issuer itself, asked at most every
//! few seconds. <https://openid.net/specs/openid-connect-discovery-1_0.html>, section 4
//!
//! What an issuer serves may be hostile. It is asked only under a URL that the operator configured (or a pattern
//! of theirs whose domain is written out), without redirects, at public addresses unless said otherwise, and it
//! cannot send us to another host: `jwks_uri` stays on its own, or is configured. A credential for it goes to that
//! host only.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use thiserror::Error;
use zeroize::Zeroizing;

use crate::base::encoding::json::{Fields, Json};
use crate::base::limits;
use crate::format::jwt::{JwtError, KeySet};
use crate::service::http::{Endpoint, HttpClient, HttpError, Request, Service};

/// For how long keys are used without asking again.
const FRESH: Duration = Duration::from_secs(600);
/// For how long they are used when asking fails.
const USABLE: Duration = Duration::from_secs(3600);
/// The pause between two requests to one issuer, whatever tokens say.
const PAUSE: Duration = Duration::from_secs(10);
/// Issuers whose keys are remembered. A full memory is forgotten: patterns have no end of issuers.
const ISSUERS: usize = 256;

/// Where an issuer's keys come from.
#[derive(Debug, Clone)]
pub enum IssuerKeys {
    /// From a file, read at the start.
    Fixed(Arc<KeySet>),
    /// From the issuer.
    Asked(Arc<Asked>),
}

/// Issuers that are asked.
#[derive(Debug)]
pub struct Asked {
    client: HttpClient,
    /// Where the keys are; by default where the issuer's metadata says.
    keys: Option<Endpoint>,
    /// A file with the bearer token that the issuer wants, read for each request.
    token_file: Option<std::path::PathBuf>,
    known: Mutex<HashMap<String, Arc<Known>>>,
}

/// What is known of one issuer. Whoever holds the lock asks; others wait for what it learns.
type Known = tokio::sync::Mutex<Option<Learned>>;

#[derive(Debug)]
struct Learned {
    keys: Option<(Arc<KeySet>, Instant)>,
    asked: Instant,
}

/// Why an issuer's keys cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum KeysError {
    /// The request.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The keys.
    #[error(transparent)]
    Keys(#[from] JwtError),
    /// The issuer's metadata.
    #[error("the metadata of {issuer}: {problem}")]
    Metadata {
        /// The issuer.
        issuer: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// The file with the bearer token.
    #[error("the token for {issuer} cannot be read")]
    Token {
        /// The issuer.
        issuer: String,
    },
    /// It failed a moment ago, and is not asked again yet.
    #[error("{issuer} was asked a moment ago, without success")]
    Paused {
        /// The issuer.
        issuer: String,
    },
}

impl IssuerKeys {
    /// Keys that the issuer is asked for.
    pub(super) fn asked(client: HttpClient, keys: Option<Endpoint>, token_file: Option<std::path::PathBuf>) -> Self {
        Self::Asked(Arc::new(Asked { client, keys, token_file, known: Mutex::default() }))
    }

    /// The keys of the issuer at `url`, one of which a token calls `kid`.
    pub(super) async fn of(&self, url: &str, kid: Option<&str>) -> Result<Arc<KeySet>, KeysError> {
        match self {
            Self::Fixed(keys) => Ok(Arc::clone(keys)),
            Self::Asked(asked) => asked.of(url, kid, Instant::now()).await,
        }
    }
}

impl Asked {
    async fn of(&self, url: &str, kid: Option<&str>, now: Instant) -> Result<Arc<KeySet>, KeysError> {
        let known = self.known(url);
        let mut known = known.lock().await;
        let learned = known.as_ref();
        let kept = learned.and_then(|learned| learned.keys.as_ref());
        let age = |learned: Instant| now.saturating_duration_since(learned);
        let may_ask = learned.is_none_or(|learned| age(learned.asked) >= PAUSE);
        // A key that is not among those kept may be new: but no token makes us ask more often than the pause.
        let good = kept.filter(|(keys, at)| age(*at) < FRESH && (keys.find(kid).is_some() || !may_ask));
        if let Some((keys, _)) = good {
            return Ok(Arc::clone(keys));
        }
        let usable = kept.filter(|(_, at)| age(*at) < USABLE).cloned();
        if !may_ask {
            let paused = KeysError::Paused { issuer: url.to_owned() };
            return usable.map(|(keys, _)| keys).ok_or(paused);
        }
        let (keys, result) = match self.ask(url).await {
            Ok(keys) => {
                let keys = Arc::new(keys);
                (Some((Arc::clone(&keys), now)), Ok(keys))
            }
            Err(error) => (usable.clone(), usable.map(|(keys, _)| keys).ok_or(error)),
        };
        *known = Some(Learned { keys, asked: now });
        result
    }

    fn known(&self, url: &str) -> Arc<Known> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= ISSUERS && !known.contains_key(url) {
            known.clear();
        }
        Arc::clone(known.entry(url.to_owned()).or_default())
    }

    async fn ask(&self, url: &str) -> Result<KeySet, KeysError> {
        let issuer = Endpoint::parse(Service::IdentityProvider, url)?;
        let token = self.token(url)?;
        let keys = match &self.keys {
            Some(keys) => keys.clone(),
            None => {
                let metadata = self.get(&issuer.below(".well-known/openid-configuration"), token.as_deref()).await?;
                let keys = read_metadata(url, &metadata)?;
                let elsewhere = || KeysError::Metadata {
                    issuer: url.to_owned(),
                    problem: "jwks_uri is on another host; if that is right, configure it",
                };
                // Also when it leads elsewhere by a redirect: none is followed.
                issuer.location(&keys).filter(|_| keys.contains("://")).ok_or_else(elsewhere)?
            }
        };
        let token = token.filter(|_| issuer.location(&keys.to_string()).is_some());
        Ok(KeySet::parse(&self.get(&keys, token.as_deref()).await?)?)
    }

    fn token(&self, url: &str) -> Result<Option<Zeroizing<String>>, KeysError> {
        let Some(path) = &self.token_file else { return Ok(None) };
        let unreadable = || KeysError::Token { issuer: url.to_owned() };
        let short = std::fs::metadata(path).is_ok_and(|file| file.len() <= limits::TOKEN_BYTES as u64);
        let token = std::fs::read_to_string(path).ok().filter(|_| short).map(Zeroizing::new).ok_or_else(unreadable)?;
        Ok(Some(Zeroizing::new(token.trim().to_owned())))
    }

    async fn get(&self, endpoint: &Endpoint, bearer: Option<&String>) -> Result<Vec<u8>, HttpError> {
        let request = Request {
            service: Service::IdentityProvider,
            endpoint,
            accept: "application/json",
            body: None,
            bearer: bearer.map(String::as_str),
            expected: &[200],
            secrets: &[],
        };
        Ok(self.client.send(request).await?.body)
    }
}

/// The `jwks_uri` of an issuer's metadata, which must be that issuer's.
fn read_metadata(url: &str, document: &[u8]) -> Result<String, KeysError> {
    let wrong = |problem| KeysError::Metadata { issuer: url.to_owned(), problem };
    if document.len() > limits::KEY_SET_BYTES {
        return Err(wrong("it is too long"));
    }
    let json = Json::parse(document).map_err(|_| wrong("it is not JSON"))?;
    let mut fields = Fields::of(&json, "metadata").map_err(|_| wrong("it is no object"))?;
    let issuer = fields.require_string("issuer").map_err(|_| wrong("it names no issuer"))?;
    if issuer != url {
        return Err(wrong("it is another issuer's"));
    }
    let keys = fields.require_string("jwks_uri").map_err(|_| wrong("it has no jwks_uri"))?;
    Ok(keys.to_owned())
}

#[cfg(test)]
mod tests;
