//! `stack.json`: what a stack is, written once by `init`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::bucket::BucketAt;
use super::clock::Clock;
use super::cosigners::WitnessPolicy;
use super::rate::Rates;
use super::{Role, StackError, witness};
use crate::base::crypto::KeyKind;
use crate::base::limits;

/// What a stack is and where it answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The version of this document.
    pub version: u32,
    /// The address that it listens on.
    pub listen: String,
    /// The URL that clients reach it by, without a trailing slash.
    pub url: String,
    /// The domain that its logs are named under; also the domain of usernames and URIs that its own issuers
    /// may vouch for.
    pub domain: String,
    /// The organization in its certificates.
    pub organization: String,
    /// The name of the logs' shard: the year it was made and a number.
    pub shard: String,
    /// The shards before it, oldest first: frozen by `stack rotate`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub frozen: Vec<String>,
    /// Which entries the transparency log takes.
    pub entry_policy: EntryPolicy,
    /// The kind of the CA's issuing key.
    #[serde(default)]
    pub ca_key: CaKey,
    /// Whether a Rekor v1 log stands beside the v2 log.
    pub rekor_v1: bool,
    /// The parts of the stack that this folder holds, where they stand apart; else it holds all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<BTreeSet<Role>>,
    /// The URLs of parts that answer elsewhere than at `url`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub urls: BTreeMap<Role, String>,
    /// Who must cosign the transparency log's checkpoints before anyone sees them; without it nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub witnesses: Option<WitnessPolicy>,
    /// How often each part serves one subject.
    #[serde(default, skip_serializing_if = "Rates::is_default")]
    pub rates: Rates,
    /// The name of its witness of other logs, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub witness: Option<String>,
    /// Where the logs are published before anyone is told of an entry; without it on this disk alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<BucketAt>,
}

/// Which entries the transparency log takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntryPolicy {
    /// Those signed under a certificate of the stack's own CA.
    OwnCa,
    /// Also those of any certificate and of bare keys.
    Any,
}

/// The kind of the key that the CA issues with. Its root is P-384 in either case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CaKey {
    /// P-384, as Sigstore's public CA has it. Stacks that do not say have it.
    #[default]
    P384,
    /// P-256: a third of the time to verify, for whoever verifies and for the log at each entry.
    P256,
}

impl CaKey {
    /// The kind.
    pub(super) const fn kind(self) -> KeyKind {
        match self {
            Self::P384 => KeyKind::P384,
            Self::P256 => KeyKind::P256,
        }
    }
}

/// The kinds of the stack's own issuers: what their tokens say of whom they are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IssuerKind {
    /// A person, by a verified e-mail address.
    Email,
    /// A GitHub Actions job.
    GithubWorkflow,
    /// A GitLab CI job.
    GitlabPipeline,
    /// A workload, by a URI as its subject.
    Uri,
    /// An account, by its name.
    Username,
}

/// The file's name.
pub(super) const NAME: &str = "stack.json";

impl Config {
    /// The default on a port of loopback.
    pub fn loopback(port: u16) -> Self {
        Self::new(SocketAddr::from(([127, 0, 0, 1], port)))
    }

    /// The default on an address, which clients reach by it.
    pub fn new(listen: SocketAddr) -> Self {
        let (year, ..) = Clock::system().now().civil();
        Self {
            version: 1,
            listen: listen.to_string(),
            url: format!("http://{listen}"),
            domain: "sealmark.localhost".to_owned(),
            organization: "sealmark".to_owned(),
            shard: format!("{year}-1"),
            frozen: Vec::new(),
            entry_policy: EntryPolicy::OwnCa,
            ca_key: CaKey::P256,
            rekor_v1: false,
            roles: None,
            urls: BTreeMap::new(),
            witnesses: None,
            bucket: None,
            witness: None,
            rates: Rates::default(),
        }
    }

    /// Reads the configuration of the stack in `dir`.
    pub fn read(dir: &Path) -> Result<Self, StackError> {
        let path = dir.join(NAME);
        let text = match fs::metadata(&path) {
            Ok(metadata) if metadata.len() <= limits::POLICY_BYTES as u64 => fs::read(&path),
            Ok(_) => return Err(StackError::Config { path, what: "it is too long".to_owned() }),
            Err(error) => Err(error),
        };
        let text = match text {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(StackError::Absent { path: dir.to_owned() });
            }
            Err(error) => return Err(StackError::io("read", &path, error)),
        };
        let config: Self = serde_json::from_slice(&text)
            .map_err(|error| StackError::Config { path: path.clone(), what: error.to_string() })?;
        config.check().map_err(|what| StackError::Config { path, what: what.to_owned() })?;
        Ok(config)
    }

    /// Writes the configuration; it must not exist.
    pub(super) fn write(&self, dir: &Path) -> Result<(), StackError> {
        let path = dir.join(NAME);
        let text = self.to_json(dir)?;
        let written = fs::File::create_new(&path).and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        });
        written.map_err(|error| StackError::io("write", &path, error))
    }

    /// The document.
    pub(super) fn to_json(&self, dir: &Path) -> Result<String, StackError> {
        let text = serde_json::to_string_pretty(self);
        let text = text.map_err(|error| StackError::Config { path: dir.join(NAME), what: error.to_string() })?;
        Ok(text + "\n")
    }

    /// Whether this folder holds a part.
    pub(super) fn has(&self, role: Role) -> bool {
        self.includes(role) && self.roles.as_ref().is_none_or(|roles| roles.contains(&role))
    }

    /// Whether the stack has a part, in this folder or another.
    pub(super) fn includes(&self, role: Role) -> bool {
        role != Role::Witness || self.witness.is_some()
    }

    /// Where a part answers.
    pub(super) fn url_of(&self, role: Role) -> &str {
        self.urls.get(&role).unwrap_or(&self.url)
    }

    /// The URL of every part.
    pub(super) fn all_urls(&self) -> BTreeMap<Role, String> {
        let parts = Role::ALL.into_iter().filter(|role| self.includes(*role));
        parts.map(|role| (role, self.url_of(role).to_owned())).collect()
    }

    /// The same stack with each of its shards as the current one, oldest first.
    pub(super) fn shards(&self) -> impl Iterator<Item = Self> {
        let shards = self.frozen.iter().chain([&self.shard]);
        shards.map(|shard| Self { shard: shard.clone(), ..self.clone() })
    }

    /// What follows the names of the current shard's keys and logs: nothing for the first shard, which `init` made.
    pub(super) fn suffix(&self) -> String {
        match self.frozen.first() {
            Some(first) if *first != self.shard => format!("-{}", self.shard),
            _ => String::new(),
        }
    }

    /// What cannot be served.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        let name = |text: &str| {
            let byte = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-' || c == b'.';
            !text.is_empty() && text.len() < 128 && text.bytes().all(byte)
        };
        for url in self.urls.values().chain([&self.url]) {
            let (scheme, rest) = url.split_once("://").ok_or("the url has no scheme")?;
            if !["http", "https"].contains(&scheme) || rest.is_empty() || rest.contains(['/', '?', '#', '@', ' ']) {
                // sigstore-python drops a path in the CA's URL, so that the stack must stand at a host's root.
                return Err("the url is not http(s)://HOST[:PORT] without a path");
            }
        }
        self.bucket.as_ref().map_or(Ok(()), BucketAt::check)?;
        self.rates.check()?;
        match () {
            () if self.roles.as_ref().is_some_and(BTreeSet::is_empty) => Err("it holds no part"),
            () if self.version != 1 => Err("its version is not 1"),
            () if !name(&self.domain) || !name(&self.shard) => Err("domain or shard is not a host name"),
            () if !self.frozen.iter().all(|shard| name(shard)) => Err("a frozen shard is not a host name"),
            () if self.witnesses.as_ref().is_some_and(|policy| policy.check().is_err()) => {
                self.witnesses.as_ref().map_or(Ok(()), WitnessPolicy::check)
            }
            () if self.urls.keys().any(|role| !self.includes(*role)) => Err("its witness has an address and no name"),
            () if !self.witness.as_deref().is_none_or(witness::is_name) => {
                Err("its witness's name is empty, long, or holds a space or a plus sign")
            }
            () if self.organization.is_empty() || self.organization.len() > 64 => Err("organization is empty or long"),
            () => Ok(()),
        }
    }

    /// The transparency log's host name: the origin of its checkpoints.
    pub(super) fn log_name(&self) -> String {
        format!("log{}.{}", self.shard, self.domain)
    }

    /// The CT log's host name.
    pub(super) fn ct_name(&self) -> String {
        format!("ct{}.{}", self.shard, self.domain)
    }

    /// The Rekor v1 log's host name.
    pub(super) fn rekor_v1_name(&self) -> String {
        format!("rekor{}.{}", self.shard, self.domain)
    }
}
