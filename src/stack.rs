//! The private Sigstore in one process: OpenID Connect issuers, a certificate authority with its CT log, a
//! transparency log and a timestamp authority, in one folder and on one port.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use sealmark::stack::{Config, Running, Stack, TokenRequest};
//!
//! // For good: a folder, made once.
//! let dir = std::path::Path::new("stack");
//! Stack::init(dir, &Config::loopback(8085))?;
//! let stack = Stack::open(dir)?;
//! let listener = sealmark::serve::bind(&stack.config().listen).await?;
//! stack.serve(listener, sealmark::serve::asked_to_end()).await?;
//!
//! // For a test: in a folder of its own, on a free port.
//! let running = Running::start(std::path::Path::new("test")).await?;
//! let token = running.token(&TokenRequest::email("me@example.com"))?;
//! # Ok(())
//! # }
//! ```
//!
//! | route | who |
//! | --- | --- |
//! | `/.well-known/openid-configuration`, `/jwks`, `/token` and the same under `/github`, `/gitlab`, … | [`issuer`] |
//! | `/api/v2/signingCert`, `/api/v2/trustBundle`, `/api/v2/configuration`, `/api/v1/rootCert` | [`ca`] |
//! | `/ct/checkpoint`, `/ct/tile/…`, `/ct/issuer/…` | [`ct`] |
//! | `/api/v1/timestamp`, `/api/v1/timestamp/certchain` | [`tsa`] |
//! | `/api/v2/log/entries`, `/api/v2/checkpoint`, `/api/v2/tile/…` | [`rekor`] |
//! | `/api/v1/log/…` | [`rekor_v1`], where it is switched on |
//! | `/`, `/page/…` | [`page`] |
//! | `/tuf/…` | the trust documents as a TUF repository |
//! | `/add-checkpoint` | [`witness`], where there is one |
//! | `/ct/v1/add-pre-chain` | the CT log, where its CA stands apart, and for other CAs |
//! | `/shards/SHARD/rekor/…`, `/shards/SHARD/ct/…` | frozen shards: checkpoint and tiles |
//! | `/healthz` | [`crate::serve`] |
//!
//! The same modules of [`crate::format`] write here that the verifier reads with. One process holds every key,
//! so that who takes it over can forge everything it vouches for, the time included: it is one domain of trust. Where that is
//! not enough, its parts stand apart ([`Stack::init_apart`]), each in a folder and a process with its own keys.

mod apart;
mod bucket;
pub mod ca;
pub mod clock;
mod config;
mod cosigners;
pub mod ct;
pub mod drift;
mod error;
mod folder;
mod frozen;
mod handover;
mod init;
pub mod issued;
pub mod issuer;
pub mod keys;
mod lock;
pub mod log;
mod memory;
mod operations;
pub mod page;
mod parts;
mod place;
mod proto_json;
mod rate;
pub mod rekor;
pub mod rekor_v1;
mod renewal;
mod restoration;
mod roles;
mod rotation;
mod running;
mod stage;
mod status;
mod timestamp_routes;
mod trust;
pub mod tsa;
mod tuf;
pub mod turns;
mod upkeep;
pub mod witness;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use tokio::net::TcpListener;

pub use bucket::BucketAt;
pub use config::{CaKey, Config, EntryPolicy, IssuerKind};
pub use cosigners::{WitnessAt, WitnessPolicy};
pub use error::StackError;
pub use handover::{Followed, follow};
pub use init::KeyPlan;
pub use issuer::TokenRequest;
pub use operations::Serving;
pub use place::Place;
pub use rate::{Rate, RateLimit, Rates};
pub use renewal::{Renewed, renew};
pub use restoration::restore;
pub use roles::Role;
pub use rotation::{Rotated, rotate, rotate_with};
pub use running::Running;
pub use status::{LogStatus, StackStatus, status, witness_key};
pub use upkeep::{OfLog, export, fsck};

use crate::base::crypto::PublicKey;
use crate::serve::journal::{Journal, Line};
use crate::serve::{Observer, Server};
use ca::identities;
use ca::issuer_keys::IssuerKeys;
use ca::issuer_url::IssuerUrl;
use ca::principal::{SubjectKind, TrustedIssuer};
use ca::provider::Provider;
use clock::Clock;
use drift::{DriftGuard, TimeSource};
use folder::{Folder, StoredKey};
use issuer::Issuer;
use log::LogError;
use memory::Memory;
use parts::Parts;

/// How often what the logs signed is remembered outside.
const MEMORY_INTERVAL: std::time::Duration = std::time::Duration::from_secs(1);

/// How often it is looked whether the logs take entries.
const LOOKING_INTERVAL: std::time::Duration = std::time::Duration::from_secs(1);

/// How often the page's search looks for new entries.
const INDEXING_INTERVAL: std::time::Duration = std::time::Duration::from_millis(500);

/// How often it is seen whether trust documents are to be signed anew.
const SIGNING_INTERVAL: std::time::Duration = std::time::Duration::from_secs(3600);

/// A stack, or some of its parts, that is open and not yet served. Its logs are locked by this process.
#[derive(Debug)]
pub struct Stack {
    config: Config,
    clock: Clock,
    parts: Parts,
    memory: Option<Memory>,
    guard: Option<Arc<DriftGuard>>,
    folder: Folder,
    /// Last: the parts are closed before it is let go.
    _lock: Option<std::fs::File>,
}

impl Stack {
    /// Makes a stack in a folder that does not exist or is empty.
    pub fn init(dir: &Path, config: &Config) -> Result<(), StackError> {
        Self::init_with(dir, config, &KeyPlan::default())
    }

    /// The same, its keys kept in another way than as they are.
    pub fn init_with(dir: &Path, config: &Config, keys: &KeyPlan) -> Result<(), StackError> {
        init::init(dir, config, keys, &Clock::system())
    }

    /// Makes the folders of a stack whose parts answer at addresses of their own, and gives their paths.
    pub fn init_apart(dir: &Path, config: &Config, keys: &KeyPlan) -> Result<Vec<PathBuf>, StackError> {
        apart::init(dir, config, keys, &Clock::system())
    }

    /// Opens the stack in a folder: reads its keys, recovers its logs. Never makes anything.
    pub fn open(place: impl Into<Place>) -> Result<Self, StackError> {
        Self::open_with(place, Clock::system())
    }

    /// The same with another clock.
    pub fn open_with(place: impl Into<Place>, clock: Clock) -> Result<Self, StackError> {
        let place = place.into();
        Config::read(place.dir())?;
        let lock = lock::share(place.dir())?;
        stage::settle(place.dir())?;
        let config = place.config()?;
        let folder = Folder::of_shard(&place, &config);
        let parts = Parts::open(&place, &config, &clock)?;
        Ok(Self { config, clock, parts, memory: None, guard: None, folder, _lock: lock })
    }

    /// Remembers in a folder on other storage what its logs sign while it is served; refuses when a log is not the
    /// continuation of what is remembered there.
    pub fn remembering(self, dir: &Path) -> Result<Self, StackError> {
        let memory = Memory::open(dir)?;
        if let Some(log) = &self.parts.rekor {
            memory.check(&self.of_shard("rekor"), log.log())?;
        }
        if let Some(log) = &self.parts.ct {
            memory.check(&self.of_shard("ct"), log.log())?;
        }
        if let Some(log) = &self.parts.rekor_v1 {
            memory.check(&self.of_shard("rekor-v1"), log.log())?;
        }
        Ok(Self { memory: Some(memory), ..self })
    }

    /// Stamps only while more than half of these agree with its clock. Without its timestamp authority it asks nobody.
    #[must_use]
    pub fn comparing_clocks(self, sources: Vec<TimeSource>) -> Self {
        let guard = self.parts.tsa.as_ref().filter(|_| !sources.is_empty()).map(|tsa| {
            let guard = Arc::new(DriftGuard::new(sources));
            tsa.guard_by(Arc::clone(&guard));
            guard
        });
        Self { guard, ..self }
    }

    /// Keeps its clock compared with others.
    async fn keep_comparing(&self) -> std::convert::Infallible {
        match &self.guard {
            Some(guard) => guard.keep(&self.clock).await,
            None => std::future::pending().await,
        }
    }

    /// Why its clock may not stamp now.
    fn doubt(&self) -> Option<&'static str> {
        self.guard.as_ref().and_then(|guard| guard.refuses(self.clock.now().millis()))
    }

    /// What a log of the current shard is remembered by: another shard is another log.
    fn of_shard(&self, name: &str) -> String {
        format!("{name}{}", self.config.suffix())
    }

    /// The last checkpoint of each log.
    fn notes(&self) -> Vec<(String, String)> {
        self.parts.notes().into_iter().map(|(name, note)| (self.of_shard(name), note)).collect()
    }

    /// Keeps the memory as new as the logs, until it cannot.
    async fn keep_remembering(&self) -> LogError {
        let Some(memory) = &self.memory else { return std::future::pending().await };
        let mut kept = Vec::new();
        loop {
            let notes = self.notes();
            if notes != kept {
                // Not on another thread: what is being written is whole before the stack ends.
                if let Err(error) = memory.keep(&notes) {
                    return error;
                }
                kept = notes;
            }
            tokio::time::sleep(MEMORY_INTERVAL).await;
        }
    }

    /// Keeps the page's search up with the log. It serves for looking only: when its file fails it is tried again,
    /// and the page says how far it has come.
    async fn keep_indexing(&self) -> std::convert::Infallible {
        let (Some(rekor), Some(search)) = (&self.parts.rekor, &self.parts.search) else {
            return std::future::pending().await;
        };
        loop {
            let (rekor, search) = (Arc::clone(rekor), Arc::clone(search));
            let advance = move || search.advance(rekor.log(), &rekor.log().head());
            if !matches!(tokio::task::spawn_blocking(advance).await, Ok(Ok(true))) {
                tokio::time::sleep(INDEXING_INTERVAL).await;
            }
        }
    }

    /// Keeps the repository of trust documents fresh. It was fresh at the start, for days; what fails is tried again
    /// in an hour, and the operator's metrics say until when it is.
    async fn keep_signing(&self) -> std::convert::Infallible {
        loop {
            tokio::time::sleep(SIGNING_INTERVAL).await;
            if !self.parts.trust {
                continue;
            }
            let (folder, now) = (self.folder.clone(), self.clock.now());
            let _ = tokio::task::spawn_blocking(move || tuf::refresh(&folder, now)).await;
        }
    }

    /// Has the journal say when its logs stop taking entries for want of their witnesses or bucket, and when they go on.
    async fn keep_telling(&self, journal: Option<&Journal>) -> std::convert::Infallible {
        let mut told = false;
        loop {
            tokio::time::sleep(LOOKING_INTERVAL).await;
            let held_up = self.parts.are_held_up();
            if let Some(journal) = journal
                && held_up != told
            {
                let line = Line::new(self.clock.now(), if held_up { "log-held-up" } else { "log-resumed" });
                let line = line.number("entries", self.parts.rekor.as_ref().map_or(0, |log| log.log().unpublished()));
                journal.write(line.number("seconds", self.parts.unpublished_for().as_secs()));
            }
            told = held_up;
        }
    }

    /// Its configuration.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Its issuers, where it holds them.
    pub fn issuer(&self) -> Option<&Issuer> {
        self.parts.issuer.as_deref()
    }

    /// Serves in plain HTTP and without a journal ([`Self::serve_with`]).
    pub async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()>) -> Result<(), StackError> {
        self.serve_with(Serving::new(Server::new(listener)), shutdown).await
    }

    async fn serve_until(
        &self,
        server: Server,
        (observer, journal): (Option<&Observer>, Option<&Journal>),
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), StackError> {
        let (forgets, forgot) = tokio::sync::oneshot::channel();
        let stop = async {
            tokio::select! {
                () = shutdown => {}
                _ = self.parts.failed() => {}
                error = self.keep_remembering() => drop(forgets.send(error)),
                never = self.keep_indexing() => match never {},
                never = self.keep_signing() => match never {},
                never = self.keep_comparing() => match never {},
                never = self.keep_telling(journal) => match never {},
            }
        };
        let observed = |(name, routes): (&'static str, Router)| match observer {
            Some(observer) => observer.observe(name, routes),
            None => routes,
        };
        let router = self
            .parts
            .services(&self.folder, &self.config, &self.clock)
            .into_iter()
            .map(observed)
            .fold(Router::new(), Router::merge);
        let served = server.serve(router, stop).await;
        if let Some(error) = self.failure() {
            return Err(StackError::Failed(error));
        }
        served?;
        if let Ok(error) = forgot.await {
            return Err(error.into());
        }
        match &self.memory {
            Some(memory) => Ok(memory.keep(&self.notes())?),
            None => Ok(()),
        }
    }

    fn failure(&self) -> Option<Arc<LogError>> {
        self.parts.failure()
    }
}

/// Makes new keys for the repository of trust documents, and a root that hands over from the keys before; gives its
/// version. The repository's root key must be in the folder for it.
pub fn renew_trust(place: impl Into<Place>) -> Result<u64, StackError> {
    let place = place.into();
    Config::read(place.dir())?;
    tuf::renew(&Folder::new(&place), Clock::system().now())
}

/// A token of the issuers of the stack in a folder, whether or not it is being served: whoever may read its
/// keys may have one.
pub fn token(place: impl Into<Place>, request: &TokenRequest) -> Result<String, StackError> {
    let place = place.into();
    let config = Config::read(place.dir())?;
    let folder = Folder::new(&place);
    let issuer = Issuer::new(folder.key(StoredKey::Oidc)?, config.url_of(Role::Oidc), folder.secret()?);
    Ok(issuer.issue(request, Clock::system().now())?)
}

/// The stack's own issuers, then those of its `identities.yaml`.
fn trusted_issuers(folder: &Folder, config: &Config) -> Result<Vec<TrustedIssuer>, StackError> {
    let keys = IssuerKeys::Fixed(Arc::new(Issuer::keys_of(&issuers_key(folder, config)?)));
    let mut issuers = Vec::new();
    for kind in IssuerKind::ALL {
        let url = format!("{}{}", config.url_of(Role::Oidc), kind.path());
        let what = |what: String| StackError::Config { path: folder.path("stack.json"), what };
        let url = IssuerUrl::exact(&url).map_err(|error| what(error.to_string()))?;
        let subject = own_subject(kind, &config.domain).ok_or_else(|| what(format!("no provider for {kind:?}")))?;
        issuers.push(TrustedIssuer { url, audience: issuer::AUDIENCE.to_owned(), subject, keys: keys.clone() });
    }
    let path = folder.path(folder::IDENTITIES);
    let wrong = |what: String| StackError::Config { path: path.clone(), what };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(issuers),
        Err(error) => return Err(StackError::io("read", &path, error)),
    };
    for outside in identities::read(&text, &folder.path("")).map_err(|error| wrong(error.to_string()))? {
        if issuers.iter().any(|issuer| issuer.url == outside.url) {
            return Err(wrong(format!("{} is the stack's own issuer", outside.url.as_str())));
        }
        issuers.push(outside);
    }
    Ok(issuers)
}

/// The public key of the stack's own issuers: from their private key where it is here, else as `init` wrote it.
fn issuers_key(folder: &Folder, config: &Config) -> Result<PublicKey, StackError> {
    if config.has(Role::Oidc) {
        return Ok(folder.key(StoredKey::Oidc)?.public_key().clone());
    }
    let text = folder.read(folder::OIDC_KEY)?;
    let damaged = || StackError::Damaged { path: folder.path(folder::OIDC_KEY), what: "it is no public key in PEM" };
    std::str::from_utf8(&text).ok().and_then(|text| PublicKey::from_pem(text).ok()).ok_or_else(damaged)
}

fn own_subject(kind: IssuerKind, domain: &str) -> Option<SubjectKind> {
    let domain = domain.to_owned();
    let provider = |id: &str| {
        let provider = Arc::new(Provider::built_in(id)?);
        Some(SubjectKind::CiProvider { id: id.to_owned(), provider })
    };
    match kind {
        IssuerKind::Email => Some(SubjectKind::Email { issuer_claim: None }),
        IssuerKind::Uri => Some(SubjectKind::Uri { domain }),
        IssuerKind::Username => Some(SubjectKind::Username { domain }),
        IssuerKind::GithubWorkflow => provider("github-workflow"),
        IssuerKind::GitlabPipeline => provider("gitlab-pipeline"),
    }
}
