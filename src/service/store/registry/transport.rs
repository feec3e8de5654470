//! One request to a registry: with a token where it wants one, sent on where it sends a download.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::header::{self, HeaderMap, HeaderValue};
use tokio::sync::Semaphore;

use super::super::StoreError;
use super::auth::{Action, Authority, Authorization, Challenge};
use super::{RegistryError, RegistrySettings};
use crate::base::limits;
use crate::format::oci::{Registry, Repository};
use crate::service::environment::Environment;
use crate::service::http::{
    self, Endpoint, Exchange, HttpClient, HttpError, Method, Reach, Repeat, Response, Service, Streaming, excerpt,
    without,
};

/// The way to registries: clients, tokens, bounds.
#[derive(Debug)]
pub(super) struct Transport {
    pub(super) settings: RegistrySettings,
    /// For registries without settings of their own.
    home: HttpClient,
    /// For registries with a client certificate.
    certified: BTreeMap<Registry, HttpClient>,
    /// For hosts that a registry names: never with a certificate, never to this machine.
    abroad: HttpClient,
    authority: Authority,
    /// Turns at each registry: one that is slow takes none of another's.
    permits: Mutex<BTreeMap<Registry, Arc<Semaphore>>>,
    /// What each registry was last seen to want; saves a 401 in its next repository.
    challenges: Mutex<BTreeMap<Registry, Challenge>>,
}

/// A request below `/v2/`.
#[derive(Debug, Clone)]
pub(super) struct Call<'a> {
    pub(super) repository: &'a Repository,
    pub(super) action: Action,
    pub(super) method: Method,
    pub(super) endpoint: Endpoint,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<&'a [u8]>,
    pub(super) limit: usize,
    pub(super) repeat: Repeat,
}

impl<'a> Call<'a> {
    /// A read without a body.
    pub(super) fn get(repository: &'a Repository, endpoint: Endpoint, limit: usize) -> Self {
        Self {
            repository,
            action: Action::Pull,
            method: Method::GET,
            endpoint,
            headers: HeaderMap::new(),
            body: None,
            limit,
            repeat: Repeat::Allowed,
        }
    }

    /// A write.
    pub(super) fn write(repository: &'a Repository, method: Method, endpoint: Endpoint, body: &'a [u8]) -> Self {
        Self {
            action: Action::Push,
            method,
            body: Some(body),
            ..Self::get(repository, endpoint, limits::ERROR_RESPONSE_BYTES)
        }
    }

    /// With a header field whose value is text of ours.
    pub(super) fn with(mut self, name: header::HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }
}

/// An answer, and whether it is that of a host that the registry sent on to.
struct Answered {
    answer: Answer,
    from_elsewhere: bool,
}

/// An answer, its body read or not yet.
pub(super) enum Answer {
    Whole(Response),
    Open(Streaming),
}

impl Answer {
    fn status(&self) -> u16 {
        match self {
            Self::Whole(response) => response.status,
            Self::Open(streaming) => streaming.status(),
        }
    }

    fn headers(&self) -> &HeaderMap {
        match self {
            Self::Whole(response) => &response.headers,
            Self::Open(streaming) => streaming.headers(),
        }
    }

    /// An error is read whole, and without the secrets that were sent.
    async fn told(self, secrets: &[&str]) -> Self {
        if self.status() < 400 {
            return self;
        }
        let mut response = match self {
            Self::Whole(response) => response,
            Self::Open(mut streaming) => Response {
                status: streaming.status(),
                headers: streaming.headers().clone(),
                body: streaming.start_of_body(limits::ERROR_RESPONSE_BYTES).await,
            },
        };
        response.body = without(response.body, secrets);
        Self::Whole(response)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Body {
    Whole,
    Open,
}

impl Transport {
    pub(super) fn new(settings: RegistrySettings, environment: Arc<dyn Environment>) -> Self {
        let home = HttpClient::new(http::Settings { client_certificate: None, ..settings.http.clone() });
        let certified = settings.hosts.iter().filter_map(|(registry, host)| {
            let client_certificate = Some(host.client_certificate.clone()?);
            Some((registry.clone(), HttpClient::new(http::Settings { client_certificate, ..settings.http.clone() })))
        });
        let certified = certified.collect();
        let reach = if settings.http.reach == Reach::Public { Reach::Public } else { Reach::Foreign };
        let abroad = http::Settings { client_certificate: None, reach, ..settings.http.clone() };
        Self {
            settings,
            home,
            certified,
            abroad: HttpClient::new(abroad),
            authority: Authority::new(environment),
            permits: Mutex::default(),
            challenges: Mutex::default(),
        }
    }

    /// `/v2/PATH/rest` of the repository's registry.
    pub(super) fn endpoint(&self, repository: &Repository, rest: &str) -> Result<Endpoint, StoreError> {
        let registry = repository.registry();
        let path = format!("v2/{}/{rest}", repository.path());
        Ok(Endpoint::at(Service::Registry, self.settings.scheme(registry), &registry.authority(), &path)?)
    }

    /// The client for a URL that `registry` named: its own when it is of the same origin.
    pub(super) fn client(&self, registry: &Registry, target: &Endpoint) -> &HttpClient {
        let own = Endpoint::at(Service::Registry, self.settings.scheme(registry), &registry.authority(), "");
        if own.is_ok_and(|own| own.same_origin(target)) {
            self.certified.get(registry).unwrap_or(&self.home)
        } else if registry.is_loopback() || self.settings.names_realm(registry, target) {
            // A registry on this machine may have its storage here; a token server that was configured was not
            // named by the registry alone.
            &self.home
        } else {
            &self.abroad
        }
    }

    /// The turns at a registry; those of registries that nobody asks are forgotten when there are many.
    fn permits(&self, registry: &Registry) -> Arc<Semaphore> {
        let mut all = self.permits.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(permits) = all.get(registry) {
            return Arc::clone(permits);
        }
        if all.len() >= limits::REGISTRIES {
            all.retain(|_, permits| Arc::strong_count(permits) > 1);
        }
        let permits = Arc::new(Semaphore::new(limits::REGISTRY_REQUESTS));
        all.insert(registry.clone(), Arc::clone(&permits));
        permits
    }

    /// Makes a call and reads its answer, of any status but 401 and 403.
    pub(super) async fn call(&self, call: &Call<'_>) -> Result<Response, StoreError> {
        let permits = self.permits(call.repository.registry());
        // The semaphore is never closed.
        let _permit = permits.acquire().await;
        match self.authorized(call, Body::Whole).await? {
            Answer::Whole(response) => Ok(response),
            Answer::Open(streaming) => {
                let (status, headers) = (streaming.status(), streaming.headers().clone());
                Ok(Response { status, headers, body: Vec::new() })
            }
        }
    }

    /// Makes a call whose answer is read piece by piece, unless it is an error. It takes no permit: the reader of
    /// a copy waits for its writer.
    pub(super) async fn open(&self, call: &Call<'_>) -> Result<Answer, StoreError> {
        self.authorized(call, Body::Open).await
    }

    /// With the token that is known, and once more with a new one after a 401.
    async fn authorized(&self, call: &Call<'_>, body: Body) -> Result<Answer, StoreError> {
        let registry = call.repository.registry();
        let known = self.challenges.lock().unwrap_or_else(PoisonError::into_inner).get(registry).cloned();
        let mut authorization = match &known {
            Some(challenge) => self.authority.answer(self, call, challenge, None).await?,
            None => self.authority.unasked(self, call).await?,
        };
        let mut answered = self.followed(call, body, authorization.as_ref()).await?;
        if answered.answer.status() == 401 && !answered.from_elsewhere {
            let wanted = Challenge::read(self, registry, answered.answer.headers())?;
            self.remember(registry, &wanted);
            let renewed = self.authority.answer(self, call, &wanted, authorization.as_ref()).await?;
            if renewed.is_some() {
                authorization = renewed;
                answered = self.followed(call, body, authorization.as_ref()).await?;
            }
        }
        let secrets = authorization.as_ref().map(Authorization::secrets).unwrap_or_default();
        match answered.answer.told(&secrets).await {
            Answer::Whole(response) if matches!(response.status, 401 | 403) && !answered.from_elsewhere => {
                let credentials = authorization.as_ref().map_or("without credentials", |found| found.origin);
                let (url, status) = (call.endpoint.to_string(), response.status);
                let answer = excerpt(&response.body, &secrets);
                Err(RegistryError::Unauthorized { url, status, answer, credentials }.into())
            }
            answer => Ok(answer),
        }
    }

    fn remember(&self, registry: &Registry, wanted: &Challenge) {
        let mut challenges = self.challenges.lock().unwrap_or_else(PoisonError::into_inner);
        if challenges.len() >= limits::REGISTRY_CACHE {
            challenges.clear();
        }
        challenges.insert(registry.clone(), wanted.clone());
    }

    /// Sent on where a read is sent on; the authorization stays with the registry and does not come back.
    async fn followed(
        &self,
        call: &Call<'_>,
        body: Body,
        authorization: Option<&Authorization>,
    ) -> Result<Answered, StoreError> {
        let registry = call.repository.registry();
        let mut endpoint = call.endpoint.clone();
        let mut authorization = authorization;
        let mut from_elsewhere = false;
        for _ in 0..=limits::REDIRECTS {
            let mut headers = call.headers.clone();
            headers.extend(authorization.map(|found| (header::AUTHORIZATION, found.value.clone())));
            let secrets = authorization.map(Authorization::secrets).unwrap_or_default();
            let exchange = Exchange {
                service: Service::Registry,
                method: &call.method,
                endpoint: &endpoint,
                headers: &headers,
                body: call.body,
                limit: call.limit,
                repeat: call.repeat,
                secrets: &secrets,
            };
            let client = self.client(registry, &endpoint);
            let answer = match body {
                Body::Whole => Answer::Whole(client.exchange(&exchange).await?),
                Body::Open => Answer::Open(client.open(&exchange).await?),
            };
            if call.method != Method::GET || !is_redirect(answer.status()) {
                return Ok(Answered { answer, from_elsewhere });
            }
            let target = redirected(&endpoint, answer.headers())?;
            if !target.same_origin(&endpoint) {
                (authorization, from_elsewhere) = (None, true);
            }
            endpoint = target;
        }
        Err(RegistryError::Redirects { url: call.endpoint.to_string() }.into())
    }
}

/// Whether a status sends on to another place.
pub(super) fn is_redirect(status: u16) -> bool {
    matches!(status, 301 | 302 | 303 | 307 | 308)
}

/// Where an answer sends on to.
pub(super) fn redirected(from: &Endpoint, headers: &HeaderMap) -> Result<Endpoint, RegistryError> {
    let location = headers.get(header::LOCATION).and_then(|value| value.to_str().ok());
    let location =
        location.ok_or_else(|| RegistryError::Malformed { url: from.to_string(), problem: "sent on to nowhere" })?;
    let shown = || location.split(['?', '#']).next().unwrap_or_default().chars().take(100).collect();
    let elsewhere = |problem| RegistryError::CrossHost { url: from.to_string(), target: shown(), problem };
    let target = from.joined(location).ok_or_else(|| elsewhere("it is no URL of https"))?;
    let within_this_machine = from.is_loopback() && target.is_loopback();
    if !target.is_https() && !target.same_origin(from) && !within_this_machine {
        return Err(RegistryError::Downgrade { url: from.to_string(), target: target.to_string() });
    }
    if !target.same_origin(from) && !from.is_loopback() && target.is_of_this_machine() {
        return Err(elsewhere("that is this machine"));
    }
    Ok(target)
}

impl From<RegistryError> for StoreError {
    fn from(error: RegistryError) -> Self {
        Self::Registry(error)
    }
}

impl From<HttpError> for StoreError {
    fn from(error: HttpError) -> Self {
        Self::Http(error)
    }
}
