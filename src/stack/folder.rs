//! The folder of a stack: what stands where.
//!
//! ```text
//! stack.json                     the configuration, written last
//! identities.yaml                issuers beside the stack's own, if there are any
//! trusted_root.json  signing_config.v0.2.json  client_trust_config.json  signing_config.rekor-v1.json
//! keys/                          private keys and the client's secret: 0700, files 0600, never served
//! certificates/ca.pem  tsa.pem   the chains; ca-before.pem: what the CA issued with before; oidc.pem, witness.txt: keys;
//!                                ct-issuers/: chains of other CAs whose certificates the CT log takes, if there are any
//! logs/rekor  logs/ct  logs/rekor-v1
//! tuf/                           the documents as a TUF repository
//! witness.json  seen/  evidence/  LOCK   the witness of other logs, where there is one (see `witness`)
//! handover.jsonl                 what the other parts are told, where they stand apart (see `handover`)
//! stack.lock                     who has the folder (see `lock`)
//! search.index                   for the page; made from the log
//! rotation/                      what is being made or taken over (see `stage`)
//! ```
//!
//! Keys and logs of later shards have the shard's name behind theirs: `keys/ct-2027-1.pem`, `logs/ct-2027-1`.
//!
//! The keys of the two roots are never written here. They may be written to another folder, to be kept offline, and
//! given to `renew`.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use super::config::Config;
use super::keys::{self, PrivateKey};
use super::place::Place;
use super::{StackError, handover};
use crate::base::crypto::KeyKind;
use crate::base::encoding::pem;
use crate::format::trust::ClientTrustConfig;
use crate::format::x509::Certificate;
use crate::service::signer::Password;

/// A stack's folder.
#[derive(Debug, Clone)]
pub(super) struct Folder {
    path: PathBuf,
    /// What follows the names of the shard's keys and logs.
    suffix: String,
    /// Opens the keys that are encrypted, and encrypts those that are made.
    password: Option<Arc<Password>>,
}

/// A key of the stack that stays on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StoredKey {
    /// The CA's issuing key.
    Ca,
    /// The CT log's.
    Ct,
    /// The transparency log's.
    Rekor,
    /// The Rekor v1 log's.
    RekorV1,
    /// The timestamp authority's.
    Tsa,
    /// The issuers'.
    Oidc,
    /// The TUF repository's, for everything but its root.
    Tuf,
    /// The TUF repository's root.
    TufRoot,
    /// The witness's.
    Witness,
}

impl StoredKey {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Ca => "ca",
            Self::Ct => "ct",
            Self::Rekor => "rekor",
            Self::RekorV1 => "rekor-v1",
            Self::Tsa => "tsa",
            Self::Oidc => "oidc",
            Self::Tuf => "tuf",
            Self::TufRoot => "tuf-root",
            Self::Witness => "witness",
        }
    }

    /// The key of a name, among those that may be held in a token.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        [Self::Ca, Self::Ct, Self::Rekor, Self::RekorV1, Self::Tsa, Self::Oidc, Self::Witness]
            .into_iter()
            .find(|key| key.name() == name)
    }

    /// Whether every shard has one of its own.
    const fn is_of_shard(self) -> bool {
        matches!(self, Self::Ct | Self::Rekor | Self::RekorV1)
    }

    /// The kind that is made.
    pub(super) fn kind(self) -> KeyKind {
        self.kinds().first().copied().unwrap_or(KeyKind::P256)
    }

    /// The kinds that it may have, the one that is made first: clients want ECDSA in certificates, SCTs and
    /// timestamps; witnesses want Ed25519 in a log.
    pub(super) const fn kinds(self) -> &'static [KeyKind] {
        match self {
            Self::Ca => &[KeyKind::P256, KeyKind::P384],
            Self::Rekor | Self::Witness => &[KeyKind::Ed25519],
            Self::Ct | Self::RekorV1 | Self::Tsa | Self::Oidc | Self::Tuf | Self::TufRoot => &[KeyKind::P256],
        }
    }
}

/// The issuers that the CA believes beside the stack's own, where there are any.
pub(super) const IDENTITIES: &str = "identities.yaml";
/// The chains in force.
pub(super) const CA: &str = "certificates/ca.pem";
pub(super) const TSA: &str = "certificates/tsa.pem";
/// The certificates that the CA issued with before, where there are any: a CT log names the issuers of its entries.
pub(super) const CA_BEFORE: &str = "certificates/ca-before.pem";
/// What the page's search is looked up in; made from the log, and made again when it is not there.
pub(super) const SEARCH: &str = "search.index";
/// The public key of the stack's own issuers: the CA believes it, wherever they are.
pub(super) const OIDC_KEY: &str = "certificates/oidc.pem";
/// The verifier key of the stack's witness, where there is one: what logs and policies name it by.
pub(super) const WITNESS_KEY: &str = "certificates/witness.txt";
/// The documents that clients are given.
pub(super) const TRUSTED_ROOT: &str = "trusted_root.json";
pub(super) const SIGNING_CONFIG: &str = "signing_config.v0.2.json";
/// The same with the Rekor v1 log, where there is one: clients take the highest version of a document.
pub(super) const SIGNING_CONFIG_V1: &str = "signing_config.rekor-v1.json";
pub(super) const CLIENT_TRUST_CONFIG: &str = "client_trust_config.json";

impl Folder {
    /// The folder, with the shard that `init` made.
    pub(super) fn new(place: &Place) -> Self {
        Self { path: place.dir().to_owned(), suffix: String::new(), password: place.password().cloned() }
    }

    /// The folder, with the current shard of a configuration.
    pub(super) fn of_shard(place: &Place, config: &Config) -> Self {
        Self { suffix: config.suffix(), ..Self::new(place) }
    }

    /// Makes the folder, or takes an empty one, and the folders in it.
    pub(super) fn create(&self) -> Result<(), StackError> {
        create_empty(&self.path)?;
        keys::create_dir(&self.path("keys"))?;
        for name in ["certificates", "logs"] {
            let path = self.path(name);
            fs::create_dir(&path).map_err(|error| StackError::io("create", &path, error))?;
        }
        Ok(())
    }

    /// A path in it.
    pub(super) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }

    /// The name of a log's folder.
    pub(super) fn log_name(&self, name: &str) -> String {
        format!("{name}{}", self.suffix)
    }

    /// The folder of a log.
    pub(super) fn log(&self, name: &str) -> PathBuf {
        self.path.join("logs").join(self.log_name(name))
    }

    pub(super) fn key_path(&self, key: StoredKey) -> PathBuf {
        let suffix = if key.is_of_shard() { self.suffix.as_str() } else { "" };
        self.path(format!("keys/{}{suffix}.pem", key.name()))
    }

    /// Makes a key and writes it.
    pub(super) fn make_key(&self, key: StoredKey) -> Result<PrivateKey, StackError> {
        self.make_key_of(key, key.kind())
    }

    /// Makes a key of one of its kinds and writes it.
    pub(super) fn make_key_of(&self, key: StoredKey, kind: KeyKind) -> Result<PrivateKey, StackError> {
        let made = PrivateKey::generate(kind)?;
        made.write_locked(&self.key_path(key), self.password())?;
        Ok(made)
    }

    /// Takes over a key in a token.
    pub(super) fn adopt_key(&self, key: StoredKey, uri: &str) -> Result<PrivateKey, StackError> {
        Ok(PrivateKey::adopt(uri, &self.key_path(key), key.kinds())?)
    }

    fn password(&self) -> Option<&Password> {
        self.password.as_deref()
    }

    /// Whether a key is here: one may be kept elsewhere.
    pub(super) fn has(&self, key: StoredKey) -> bool {
        self.key_path(key).exists()
    }

    /// Puts a key into the place of another.
    pub(super) fn replace_key(&self, key: StoredKey, new: &PrivateKey) -> Result<(), StackError> {
        let (path, beside) = (self.key_path(key), self.path(format!("keys/{}.pem.new", key.name())));
        new.write_locked(&beside, self.password())?;
        std::fs::rename(&beside, &path).map_err(|error| StackError::io("replace", &path, error))
    }

    /// Reads a key.
    pub(super) fn key(&self, key: StoredKey) -> Result<PrivateKey, StackError> {
        Ok(PrivateKey::read_locked(&self.key_path(key), key.kinds(), self.password())?)
    }

    /// Writes the client's secret.
    pub(super) fn write_secret(&self, secret: &str) -> Result<(), StackError> {
        Ok(keys::write_secret(&self.path("keys/client-secret"), secret.as_bytes())?)
    }

    /// Reads the client's secret.
    pub(super) fn secret(&self) -> Result<Zeroizing<String>, StackError> {
        let text = keys::read_secret(&self.path("keys/client-secret"))?;
        Ok(Zeroizing::new(text.trim_end().to_owned()))
    }

    /// Writes a chain.
    pub(super) fn write_chain(&self, name: &str, chain: &[Certificate]) -> Result<(), StackError> {
        let text: String = chain.iter().map(Certificate::to_pem).collect();
        self.write(&format!("certificates/{name}.pem"), &text)
    }

    /// The certificates that the CA issued with before, if there are any.
    pub(super) fn issued_before(&self) -> Result<Vec<Certificate>, StackError> {
        if self.path(CA_BEFORE).exists() { self.chain("ca-before") } else { Ok(Vec::new()) }
    }

    /// Reads a chain.
    pub(super) fn chain(&self, name: &str) -> Result<Vec<Certificate>, StackError> {
        chain_of(&self.path(format!("certificates/{name}.pem")))
    }

    /// Writes a public document, durably; it must not exist.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<(), StackError> {
        let path = self.path(name);
        let written = fs::File::create_new(&path).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        });
        written.map_err(|error| StackError::io("write", &path, error))
    }

    /// Reads a public document.
    pub(super) fn read(&self, name: impl AsRef<Path>) -> Result<Vec<u8>, StackError> {
        let path = self.path(name);
        fs::read(&path).map_err(|error| StackError::io("read", &path, error))
    }

    /// What clients are given, both documents in one.
    pub(super) fn client_trust_config(&self) -> Result<ClientTrustConfig, StackError> {
        let read = ClientTrustConfig::parse(&self.read(CLIENT_TRUST_CONFIG)?);
        let path = self.path(CLIENT_TRUST_CONFIG);
        read.map_err(|_| StackError::Damaged { path, what: "it cannot be read back" })
    }

    /// What the other parts were told so far.
    pub(super) fn handovers(&self) -> Result<String, StackError> {
        match fs::read_to_string(self.path(handover::NAME)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(StackError::io("read", &self.path(handover::NAME), error))
            }
            read => Ok(read.unwrap_or_default()),
        }
    }

    /// Makes the names in the folder and its folders durable.
    pub(super) fn sync(&self) -> Result<(), StackError> {
        for path in [self.path("keys"), self.path("certificates"), self.path("logs"), self.path.clone()] {
            let synced = fs::File::open(&path).and_then(|dir| dir.sync_all());
            synced.map_err(|error| StackError::io("sync", &path, error))?;
        }
        Ok(())
    }
}

/// The certificates of a file.
pub(super) fn chain_of(path: &Path) -> Result<Vec<Certificate>, StackError> {
    let text = fs::read_to_string(path).map_err(|error| StackError::io("read", path, error))?;
    let read = || -> Option<Vec<Certificate>> {
        let blocks = pem::decode_all(&text, "CERTIFICATE").ok()?;
        blocks.iter().map(|der| Certificate::from_der(der).ok()).collect()
    };
    match read() {
        Some(chain) if !chain.is_empty() => Ok(chain),
        _ => Err(StackError::Damaged { path: path.to_owned(), what: "it is not a chain of certificates in PEM" }),
    }
}

/// Makes a folder, or takes an empty one.
pub(super) fn create_empty(path: &Path) -> Result<(), StackError> {
    match fs::create_dir(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let mut inside = fs::read_dir(path).map_err(|error| StackError::io("list", path, error))?;
            match inside.next() {
                Some(_) => Err(StackError::Exists { path: path.to_owned() }),
                None => Ok(()),
            }
        }
        Err(error) => Err(StackError::io("create", path, error)),
    }
}
