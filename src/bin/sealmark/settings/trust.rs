//! Whom to believe: from a file, a stack's folder or the program itself.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sealmark::base::limits;
use sealmark::format::trust::{ClientTrustConfig, Embedded, TrustedRoot};
use sealmark::service::tuf::{TRUSTED_ROOT, TrustFolder};

use super::{SettingsError, environment};
use crate::cli::{Instance, TrustArgs};
use crate::files;
use crate::report::Failure;
use crate::report::text::visible_path;

/// A stack's trust files lie in its folder under the names that every client knows.
const CLIENT_TRUST_CONFIG: &str = "client_trust_config.json";

/// A trusted root and where it came from.
#[derive(Debug)]
pub(crate) struct TrustAnchor {
    /// The root.
    pub(crate) root: TrustedRoot,
    /// Where it came from: a path, or `built-in public-good`.
    pub(crate) source: String,
}

/// Loads the trusted root that the flags name; without flags, the public-good one.
pub(crate) fn trust(args: &TrustArgs) -> Result<TrustAnchor, Failure> {
    if let Some(dir) = &args.trust_folder {
        return from_folder(dir, args.age.max_trust_age);
    }
    match file(args)? {
        Some(path) => from_file(&path),
        None => built_in(embedded(args)),
    }
}

/// The client trust config that the flags name, when it is one.
pub(crate) fn client_config(args: &TrustArgs) -> Result<Option<ClientTrustConfig>, Failure> {
    if args.trust_folder.is_some() {
        return Ok(None);
    }
    let Some(path) = file(args)? else { return Ok(None) };
    let json = files::read(&path, limits::TRUST_BYTES)?;
    if !ClientTrustConfig::is_one(&json) {
        return Ok(None);
    }
    let config = ClientTrustConfig::parse(&json).map_err(|error| Failure::from(error).about(&visible_path(&path)))?;
    Ok(Some(config))
}

/// The file that the flags name; without one the root is built in.
pub(super) fn file(args: &TrustArgs) -> Result<Option<PathBuf>, SettingsError> {
    let named = args.trusted_root.as_ref().or(args.trust_config.as_ref()).cloned();
    match (named, &args.stack) {
        (None, Some(dir)) => stack_config(dir).map(Some),
        (named, _) => Ok(named),
    }
}

/// The instance whose root is built in.
pub(super) fn embedded(args: &TrustArgs) -> Embedded {
    match args.instance.unwrap_or(Instance::PublicGood) {
        Instance::PublicGood => Embedded::PublicGood,
        Instance::Staging => Embedded::Staging,
        Instance::Github => Embedded::GitHub,
    }
}

/// A trusted root that came with something.
pub(crate) fn packed_trust(json: &[u8]) -> Result<TrustAnchor, Failure> {
    let source = "the pack's own".to_owned();
    let root = TrustedRoot::parse(json).map_err(|error| Failure::from(error).about(&source))?;
    Ok(TrustAnchor { root, source })
}

/// The trust file of a stack's folder.
pub(super) fn stack_config(dir: &Path) -> Result<PathBuf, SettingsError> {
    let path = dir.join(CLIENT_TRUST_CONFIG);
    if path.is_file() { Ok(path) } else { Err(SettingsError::NotAStack { dir: dir.to_owned() }) }
}

/// The trusted root in a file.
pub(crate) fn trust_file(path: &Path) -> Result<TrustAnchor, Failure> {
    from_file(path)
}

/// Both kinds of document carry a root: whichever was given is read as what it says it is.
fn from_file(path: &Path) -> Result<TrustAnchor, Failure> {
    let source = visible_path(path);
    let about = |failure: Failure| failure.about(&source);
    let json = files::read(path, limits::TRUST_BYTES)?;
    let root = if ClientTrustConfig::is_one(&json) {
        ClientTrustConfig::parse(&json).map_err(|error| about(error.into()))?.trusted_root
    } else {
        TrustedRoot::parse(&json).map_err(|error| about(error.into()))?
    };
    Ok(TrustAnchor { root, source })
}

/// A root that TUF keeps, as it was kept: no network.
fn from_folder(dir: &Path, max_age: Option<Duration>) -> Result<TrustAnchor, Failure> {
    let source = visible_path(dir);
    let late = max_age.map_or(0, |age| i64::try_from(age.as_secs()).unwrap_or(i64::MAX));
    let at = environment().now().plus_secs(late.saturating_neg());
    let json = TrustFolder::open(dir)?.read(TRUSTED_ROOT, at)?;
    let root = TrustedRoot::parse(&json).map_err(|error| Failure::from(error).about(&source))?;
    Ok(TrustAnchor { root, source })
}

fn built_in(embedded: Embedded) -> Result<TrustAnchor, Failure> {
    let root = TrustedRoot::parse(embedded.trusted_root_json().as_bytes())?;
    Ok(TrustAnchor { root, source: format!("built-in {}", embedded.name()) })
}
