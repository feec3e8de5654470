//! A stack that runs inside a program: for tests, demonstrations and `tour`.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::clock::Clock;
use super::folder::{self, Folder};
use super::issuer::{IssueError, Issuer};
use super::{Config, Stack, StackError, TokenRequest};
use crate::format::trust::{SigningConfig, TrustedRoot};
use crate::serve;

/// A stack that is being served on loopback by a task of the current runtime. It ends when it is stopped;
/// when it is dropped, the task is.
#[derive(Debug)]
pub struct Running {
    url: String,
    trusted_root: TrustedRoot,
    signing_config: SigningConfig,
    issuer: Arc<Issuer>,
    clock: Clock,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<Result<(), StackError>>,
}

impl Running {
    /// Makes a stack in a folder that does not exist or is empty, and serves it on a free port.
    pub async fn start(dir: &Path) -> Result<Self, StackError> {
        Self::start_with(dir, Clock::system(), |_| {}).await
    }

    /// The same with a clock, and a chance to change the configuration.
    pub async fn start_with(dir: &Path, clock: Clock, configure: impl FnOnce(&mut Config)) -> Result<Self, StackError> {
        let listener = serve::bind("127.0.0.1:0").await?;
        let address = listener.local_addr().map_err(|error| StackError::io("listen in", dir, error))?;
        let mut config = Config::loopback(address.port());
        configure(&mut config);
        super::init::init(dir, &config, &super::KeyPlan::default(), &clock)?;
        let stack = Stack::open_with(dir, clock.clone())?;
        let folder = Folder::new(&dir.into());
        let parse =
            |name: &'static str| StackError::Damaged { path: folder.path(name), what: "it cannot be read back" };
        let trusted_root = TrustedRoot::parse(&folder.read(folder::TRUSTED_ROOT)?);
        let signing_config = SigningConfig::parse(&folder.read(folder::SIGNING_CONFIG)?);
        let absent = || StackError::Damaged { path: folder.path("stack.json"), what: "it holds no issuers" };
        let issuer = stack.parts.issuer.clone().ok_or_else(absent)?;
        let (stop, stopped) = oneshot::channel();
        Ok(Self {
            url: stack.config.url.clone(),
            trusted_root: trusted_root.map_err(|_| parse(folder::TRUSTED_ROOT))?,
            signing_config: signing_config.map_err(|_| parse(folder::SIGNING_CONFIG))?,
            issuer,
            clock,
            stop: Some(stop),
            task: tokio::spawn(stack.serve(listener, async { drop(stopped.await) })),
        })
    }

    /// Where it answers.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What verifies what it vouches for.
    pub fn trusted_root(&self) -> &TrustedRoot {
        &self.trusted_root
    }

    /// How to sign with it.
    pub fn signing_config(&self) -> &SigningConfig {
        &self.signing_config
    }

    /// Its issuers.
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// A token, without a request.
    pub fn token(&self, request: &TokenRequest) -> Result<String, IssueError> {
        self.issuer.issue(request, self.clock.now())
    }

    /// Stops it, and waits until requests in flight have ended and its logs are closed.
    pub async fn stop(mut self) -> Result<(), StackError> {
        self.stop = None;
        match (&mut self.task).await {
            Ok(ended) => ended,
            // A panic in the server's task: report it as what it is.
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Ok(()),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}
