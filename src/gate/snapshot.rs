//! What a gate decides by: settings, policies and trust, read together and replaced together.
//!
//! A review takes one [`Snapshot`] and keeps it to its end. The files are looked at every
//! [`limits::RELOAD_SECS`]; when any has changed all are read anew, and only when all are good they replace
//! the ones before. Bad ones change nothing but what [`State::reload`] says.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use thiserror::Error;

use super::settings::{Settings, SettingsError};
use crate::admit::Trust;
use crate::base::code::Code;
use crate::base::crypto::sha256;
use crate::base::encoding::hex;
use crate::base::limits;
use crate::format::oci::Registry;
use crate::format::trust::{ClientTrustConfig, Embedded, TrustError, TrustedRoot};
use crate::policy::{Mode, Policy, PolicyError, Scope};
use crate::service::environment::Environment;
use crate::verify::{Verifier, VerifyError};

/// Why there is nothing to decide by.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// A file cannot be read.
    #[error("{path}: {kind}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        kind: std::io::ErrorKind,
    },
    /// The settings.
    #[error("{path}: {error}")]
    Settings {
        /// The file.
        path: PathBuf,
        /// What is wrong with them.
        error: SettingsError,
    },
    /// A policy.
    #[error("{path}: {error}")]
    Policy {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: PolicyError,
    },
    /// The trust root.
    #[error("{origin}: {error}")]
    Trust {
        /// Where it comes from.
        origin: String,
        /// What is wrong with it.
        error: TrustError,
    },
    /// The trust root has nothing that could verify.
    #[error("{origin}: {error}")]
    Verifier {
        /// Where it comes from.
        origin: String,
        /// What is wrong with it.
        error: VerifyError,
    },
}

impl SnapshotError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::File { .. } => Code::undecided("gate-file", "check the path and who may read it"),
            Self::Settings { error, .. } => error.code(),
            Self::Policy { error, .. } => error.code(),
            Self::Trust { error, .. } => error.code(),
            Self::Verifier { error, .. } => error.code(),
        }
    }
}

/// Where the trusted root comes from.
#[derive(Debug, Clone)]
pub enum TrustSource {
    /// A trusted root or a client trust config.
    File(PathBuf),
    /// Built in.
    Embedded(Embedded),
}

/// Where the policies come from.
#[derive(Debug, Clone)]
pub enum PolicySource {
    /// A gate's settings, which name policies.
    Settings(PathBuf),
    /// One policy for every namespace.
    Policy(PathBuf),
}

/// Where everything comes from.
#[derive(Debug, Clone)]
pub struct Sources {
    /// The policies.
    pub policies: PolicySource,
    /// The trusted root.
    pub trust: TrustSource,
    /// Registries with private addresses that may be asked, beside those of the settings.
    pub private_registries: Vec<String>,
}

/// A policy that was loaded.
#[derive(Debug)]
pub struct LoadedPolicy {
    /// Its name in the settings.
    pub name: String,
    /// The rules.
    pub trust: Trust,
    /// SHA-256 of the document.
    pub version: [u8; 32],
    /// Name and version, for the journal and the audit log.
    pub(super) shown: String,
}

impl LoadedPolicy {
    /// The mildest mode of its scopes, unless all enforce.
    pub fn mode(&self) -> Option<Mode> {
        match &self.trust {
            Trust::Policy(policy) => policy.scopes().map(Scope::mode).min().filter(|mode| *mode != Mode::Enforce),
            Trust::Key(_) => None,
        }
    }
}

/// What is decided by, as a whole.
#[derive(Debug)]
pub struct Snapshot {
    /// The settings.
    pub settings: Settings,
    policies: BTreeMap<String, Arc<LoadedPolicy>>,
    /// Registries with private addresses that may be asked.
    pub(super) private_registries: Vec<Registry>,
    /// Verifies against the trusted root.
    pub verifier: Arc<Verifier>,
    /// SHA-256 of the trusted root's document.
    pub trust_version: [u8; 32],
}

impl Snapshot {
    /// The policy for a namespace, and its mode there.
    pub fn policy_of(&self, namespace: &str) -> Option<(&Arc<LoadedPolicy>, Mode)> {
        let entry = self.settings.of_namespace(namespace)?;
        Some((self.policy(&entry.policy)?, entry.mode))
    }

    /// A policy by its name.
    pub fn policy(&self, name: &str) -> Option<&Arc<LoadedPolicy>> {
        self.policies.get(name)
    }

    /// Every policy.
    pub fn policies(&self) -> impl Iterator<Item = &Arc<LoadedPolicy>> {
        self.policies.values()
    }
}

/// The files' bytes, by path; what was built in has none.
#[derive(Debug, PartialEq, Eq, Default)]
struct Files(BTreeMap<PathBuf, Vec<u8>>);

/// Reads files once each, and keeps what it read.
struct Reader<'e> {
    environment: &'e dyn Environment,
    files: Files,
}

impl Reader<'_> {
    fn read(&mut self, path: &Path, limit: usize) -> Result<Vec<u8>, SnapshotError> {
        let bytes = self.environment.read(path, limit);
        let bytes = bytes.map_err(|error| SnapshotError::File { path: path.to_owned(), kind: error.kind() })?;
        self.files.0.insert(path.to_owned(), bytes.clone());
        Ok(bytes)
    }

    fn snapshot(&mut self, sources: &Sources) -> Result<Snapshot, SnapshotError> {
        let (mut settings, folder) = match &sources.policies {
            PolicySource::Policy(path) => (Settings::of_policy(&path.to_string_lossy()), PathBuf::new()),
            PolicySource::Settings(path) => {
                let yaml = self.read(path, limits::GATE_SETTINGS_BYTES)?;
                let settings = Settings::parse(&yaml, self.environment.now());
                let settings = settings.map_err(|error| SnapshotError::Settings { path: path.clone(), error })?;
                (settings, path.parent().map(Path::to_owned).unwrap_or_default())
            }
        };
        settings.private_registries.extend(sources.private_registries.iter().cloned());
        let private_registries = settings.private_registries.iter().filter_map(|name| Registry::parse(name).ok());
        let private_registries = private_registries.collect();
        let mut policies = BTreeMap::new();
        for (name, file) in &settings.policies {
            let path = folder.join(file);
            let yaml = self.read(&path, limits::POLICY_BYTES)?;
            // Key files lie beside the policy; their bytes are part of its version.
            let keys = RefCell::new(BTreeMap::new());
            let beside = path.parent().map(Path::to_owned).unwrap_or_default();
            let key_file = |file: &str| {
                let path = beside.join(file);
                let bytes = self.environment.read(&path, limits::PEM_BYTES).ok()?;
                keys.borrow_mut().insert(path, bytes.clone());
                Some(bytes)
            };
            let policy = Policy::parse_with(&yaml, &key_file).map_err(|error| SnapshotError::Policy { path, error })?;
            let keys = keys.into_inner();
            let parts: Vec<&[u8]> = std::iter::once(&yaml).chain(keys.values()).map(Vec::as_slice).collect();
            let version = sha256(&parts);
            let shown = format!("{name} sha256:{}", hex::encode(&version));
            let loaded = LoadedPolicy { name: name.clone(), trust: Trust::Policy(policy), version, shown };
            self.files.0.extend(keys);
            policies.insert(name.clone(), Arc::new(loaded));
        }
        let (verifier, trust_version) = self.trust(&sources.trust)?;
        Ok(Snapshot { settings, policies, private_registries, verifier: Arc::new(verifier), trust_version })
    }

    fn trust(&mut self, source: &TrustSource) -> Result<(Verifier, [u8; 32]), SnapshotError> {
        let (json, origin) = match source {
            TrustSource::File(path) => (self.read(path, limits::TRUST_BYTES)?, path.display().to_string()),
            TrustSource::Embedded(embedded) => (embedded.trusted_root_json().into(), embedded.name().to_owned()),
        };
        let root = match ClientTrustConfig::is_one(&json) {
            true => ClientTrustConfig::parse(&json).map(|config| config.trusted_root),
            false => TrustedRoot::parse(&json),
        };
        let root = root.map_err(|error| SnapshotError::Trust { origin: origin.clone(), error })?;
        let verifier = Verifier::new(&root).map_err(|error| SnapshotError::Verifier { origin, error })?;
        Ok((verifier, sha256(&[&json])))
    }
}

/// What a look at the files brought.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Reload {
    /// Nothing has changed.
    Same,
    /// New ones are in force.
    Replaced,
    /// They are not good: those before stay in force.
    Kept(SnapshotError),
}

/// The snapshot in force.
pub struct State {
    sources: Sources,
    current: RwLock<Arc<Snapshot>>,
    /// What was last read, good or bad; locked for a whole reload.
    read: Mutex<Files>,
}

impl State {
    /// Reads everything; a gate does not start without.
    pub fn read(environment: &dyn Environment, sources: Sources) -> Result<Self, SnapshotError> {
        let mut reader = Reader { environment, files: Files::default() };
        let snapshot = reader.snapshot(&sources)?;
        Ok(Self { sources, current: RwLock::new(Arc::new(snapshot)), read: Mutex::new(reader.files) })
    }

    /// The snapshot in force.
    pub fn current(&self) -> Arc<Snapshot> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Looks at the files again.
    pub fn reload(&self, environment: &dyn Environment) -> Reload {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let mut reader = Reader { environment, files: Files::default() };
        let snapshot = match reader.snapshot(&self.sources) {
            Ok(_) if reader.files == *read => return Reload::Same,
            Ok(snapshot) => snapshot,
            Err(error) => return Reload::Kept(error),
        };
        *read = reader.files;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(snapshot);
        Reload::Replaced
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "State({:?})", self.sources)
    }
}

impl Snapshot {
    /// The versions of policies and trust, for the journal.
    pub fn describe(&self) -> String {
        let short = |version: &[u8; 32]| hex::encode(&version[..6]);
        let policies = self.policies().map(|policy| format!("{} {}", policy.name, short(&policy.version)));
        let policies = policies.collect::<Vec<_>>().join(", ");
        format!("policies: {policies}; trust {}", short(&self.trust_version))
    }
}

#[cfg(test)]
mod tests;
