//! Trust roots by The Update Framework: <https://theupdateframework.github.io/specification/latest/>
//!
//! The verification is `sigstore-tuf`'s; the way to the mirrors, the folder in which metadata is kept and what is
//! refused beforehand are ours. Nothing in a folder is believed because it lies there: each time it is verified
//! anew from the root that the folder began with, without network.
//!
//! ```text
//! DIR/pinned_root.json   the root that whoever made the folder trusts; never replaced
//! DIR/repository.json    the mirrors
//! DIR/metadata.json      what was verified last, and the floor under which no version may fall
//! ```

mod error;
mod folder;
mod mirror;
mod strict;

use std::path::{Path, PathBuf};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use jiff::Timestamp;
use sigstore_tuf::client::Updater;

use crate::base::encoding::json::{self, Fields, Json};
use crate::base::limits;
use crate::base::time::UnixTime;
use crate::service::files::write_whole;
use crate::service::http::{Endpoint, HttpClient, Service};
use folder::{Kept, Store};
use mirror::Mirror;

pub use error::TufError;

/// The trusted root's name in Sigstore's repositories.
pub const TRUSTED_ROOT: &str = "trusted_root.json";
/// The signing config's.
pub const SIGNING_CONFIG: &str = "signing_config.v0.2.json";

const PINNED: &str = "pinned_root.json";
const REPOSITORY: &str = "repository.json";
const METADATA: &str = "metadata.json";

/// A folder with the metadata of one repository.
#[derive(Debug, Clone)]
pub struct TrustFolder {
    dir: PathBuf,
    root: Vec<u8>,
    mirrors: Vec<Endpoint>,
}

/// What an update found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Updated {
    /// The version of the root.
    pub root_version: u64,
    /// The mirror that gave it.
    pub mirror: String,
    /// Targets that are there now.
    pub targets: Vec<String>,
}

impl TrustFolder {
    /// Begins a folder with a root that is trusted from here on. Nothing is asked yet.
    ///
    /// # Errors
    ///
    /// [`TufError`]; a folder that has a pinned root already is left as it is.
    pub fn create(dir: &Path, root: &[u8], mirrors: &[String]) -> Result<Self, TufError> {
        let endpoints = mirrors.iter().map(|url| Endpoint::parse(Service::TrustRepository, url));
        let endpoints = endpoints.collect::<Result<Vec<_>, _>>()?;
        strict::check(root)?;
        Updater::new(Kept::new(Store::default()), root).map_err(TufError::of_metadata)?;
        let folder = Self { dir: dir.to_owned(), root: root.to_vec(), mirrors: endpoints };
        let unwritable = |error: std::io::Error| TufError::Unwritable { dir: dir.to_owned(), kind: error.kind() };
        std::fs::create_dir_all(dir).map_err(unwritable)?;
        if dir.join(PINNED).exists() {
            return Err(TufError::Exists { dir: dir.to_owned() });
        }
        let repository = serde_json::json!({ "schema": "sealmark.trust/v1", "mirrors": mirrors });
        write_whole(&dir.join(REPOSITORY), format!("{repository:#}\n").as_bytes()).map_err(unwritable)?;
        // Last: with it the folder is whole.
        write_whole(&dir.join(PINNED), root).map_err(unwritable)?;
        Ok(folder)
    }

    /// Opens a folder. It must be one that others cannot write to, and no link.
    ///
    /// # Errors
    ///
    /// [`TufError`].
    pub fn open(dir: &Path) -> Result<Self, TufError> {
        folder::owned(dir)?;
        let root = folder::read(&dir.join(PINNED), limits::TUF_ROOT_BYTES)?;
        let document = folder::read(&dir.join(REPOSITORY), limits::TUF_ROOT_BYTES)?;
        let broken = || TufError::Folder { dir: dir.to_owned(), problem: "repository.json is broken" };
        let json = Json::parse(&document).map_err(|_| broken())?;
        let mut fields = Fields::of(&json, "").map_err(|_| broken())?;
        let mut mirrors = Vec::new();
        for mirror in fields.items("mirrors", limits::TUF_MIRRORS).map_err(|_| broken())? {
            let url = json::string(mirror, "mirrors").map_err(|_| broken())?;
            mirrors.push(Endpoint::parse(Service::TrustRepository, url)?);
        }
        Ok(Self { dir: dir.to_owned(), root, mirrors })
    }

    /// Asks the mirrors, one after the other until one has metadata that verifies, and keeps it.
    ///
    /// # Errors
    ///
    /// The gravest of [`TufError`]: a mirror that lies says more than one that does not answer. What was kept before
    /// is still there then.
    pub async fn update(&self, http: &HttpClient, now: UnixTime) -> Result<Updated, TufError> {
        let mut failed: Option<TufError> = None;
        for mirror in &self.mirrors {
            match self.update_from(mirror, http, now).await {
                Ok(updated) => return Ok(updated),
                Err(error) => {
                    let graver = |before: &TufError| error.code().exit_code() < before.code().exit_code();
                    if failed.as_ref().is_none_or(graver) {
                        failed = Some(error);
                    }
                }
            }
        }
        Err(failed.unwrap_or(TufError::NoMirror))
    }

    async fn update_from(&self, mirror: &Endpoint, http: &HttpClient, now: UnixTime) -> Result<Updated, TufError> {
        let place = self.dir.join(METADATA);
        // What is broken is fetched anew.
        let store = Store::open(&place).unwrap_or_default();
        let remote = Mirror::new(mirror.below(""), mirror.below("targets"), http.clone());
        let mut updater = self.updater(remote, &self.root)?.with_store(store.clone());
        let at = moment(now)?;
        updater.refresh(at).await.map_err(TufError::of_metadata)?;
        let mut targets = Vec::new();
        for name in [TRUSTED_ROOT, SIGNING_CONFIG] {
            match updater.get_target(name, at).await {
                Ok(_) => targets.push(name.to_owned()),
                Err(sigstore_tuf::Error::TargetNotFound(_)) if name != TRUSTED_ROOT => {}
                Err(error) => return Err(TufError::of_target(error)),
            }
        }
        // All of it verified: until here nothing was written.
        let unwritable = |error: std::io::Error| TufError::Unwritable { dir: self.dir.clone(), kind: error.kind() };
        store.keep(&place).map_err(unwritable)?;
        Ok(Updated { root_version: updater.trusted().root().version, mirror: mirror.to_string(), targets })
    }

    /// A target as it was kept, verified anew from the pinned root without network. `at` is the time for which the
    /// metadata must not have expired: the present, or earlier by as much as its age may exceed its term.
    ///
    /// # Errors
    ///
    /// [`TufError`].
    pub fn read(&self, target: &str, at: UnixTime) -> Result<Vec<u8>, TufError> {
        strict::name(target)?;
        let store = Store::open(&self.dir.join(METADATA))?;
        let mut updater = self.updater(Kept::new(store.clone()), &self.root)?.with_store(store);
        let at = moment(at)?;
        let found = at_once(async {
            updater.refresh(at).await.map_err(TufError::of_metadata)?;
            updater.get_target(target, at).await.map_err(TufError::of_target)
        });
        found.unwrap_or(Err(TufError::Interrupted)).map_err(|error| error.of_folder(&self.dir))
    }

    fn updater(&self, source: impl sigstore_tuf::Repository + 'static, root: &[u8]) -> Result<Updater, TufError> {
        strict::check(root)?;
        Updater::new(source, root).map(|updater| updater.with_config(bounds())).map_err(TufError::of_metadata)
    }
}

/// The client protocol of the TUF conformance suite
/// (<https://github.com/theupdateframework/tuf-conformance/blob/main/CLIENT-CLI.md>): the metadata lies in one folder,
/// whose `root.json` is trusted.
///
/// # Errors
///
/// [`TufError`].
pub async fn conform(
    metadata: &Path,
    url: &str,
    targets: Option<(&str, &[String], &Path)>,
    http: &HttpClient,
    now: UnixTime,
) -> Result<(), TufError> {
    let root = folder::read(&metadata.join("root.json"), limits::TUF_ROOT_BYTES)?;
    strict::check(&root)?;
    let parse = |url: &str| Endpoint::parse(Service::TrustRepository, url);
    let base = targets.map_or(url, |(base, ..)| base);
    let remote = Mirror::new(parse(url)?.below(""), parse(base)?.below(""), http.clone());
    let updater = Updater::new(remote, &root).map_err(TufError::of_metadata)?.with_config(bounds());
    let mut updater = updater.with_store(Store::plain(metadata.to_owned()));
    let at = moment(now)?;
    updater.refresh(at).await.map_err(TufError::of_metadata)?;
    let Some((_, names, dir)) = targets else { return Ok(()) };
    for name in names {
        strict::name(name)?;
        let bytes = updater.get_target(name, at).await.map_err(TufError::of_target)?;
        let encoded = strict::file_name(name);
        let unwritable = |error: std::io::Error| TufError::Unwritable { dir: dir.to_owned(), kind: error.kind() };
        write_whole(&dir.join(encoded), &bytes).map_err(unwritable)?;
    }
    Ok(())
}

fn bounds() -> sigstore_tuf::UpdaterConfig {
    let mut config = sigstore_tuf::UpdaterConfig::default();
    config.root_max_length = limits::TUF_ROOT_BYTES as u64;
    config.target_max_length = limits::TRUST_BYTES as u64;
    config.max_root_rotations = limits::TUF_ROTATIONS;
    config
}

fn moment(time: UnixTime) -> Result<Timestamp, TufError> {
    Timestamp::from_second(time.secs()).map_err(|_| TufError::Clock)
}

/// The result of a future that waits for nothing; `None` when it does wait.
fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => Some(result),
        Poll::Pending => None,
    }
}

#[cfg(test)]
mod tests;
