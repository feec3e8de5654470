//! A stack whose parts stand apart: one folder for each address, with the keys and logs of its own parts and no
//! others. Made once, in one place, so that all of them vouch for each other in one set of trust documents; then each
//! folder goes to the machine that it is for.
//!
//! ```text
//! trusted_root.json  signing_config.v0.2.json  client_trust_config.json
//! ca/  ct/  log/  tsa/  oidc/  trust/  witness/        or ca-oidc/, where two have one address
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::clock::Clock;
use super::config::Config;
use super::folder::{self, Folder, StoredKey};
use super::init::{self, KeyPlan};
use super::place::Place;
use super::{Role, StackError, witness};

/// The whole stack before its parts are taken out of it. Nothing of it stays.
const WHOLE: &str = "whole";
/// What every part has: public documents.
const PUBLIC: [&str; 8] = [
    folder::TRUSTED_ROOT,
    folder::SIGNING_CONFIG,
    folder::SIGNING_CONFIG_V1,
    folder::CLIENT_TRUST_CONFIG,
    "certificates/ca.pem",
    "certificates/tsa.pem",
    folder::OIDC_KEY,
    folder::WITNESS_KEY,
];

/// Makes the folders of a stack whose parts answer at the addresses of `config.urls`: each that is not named there
/// at `config.url`. Gives their paths.
pub(super) fn init(dir: &Path, config: &Config, plan: &KeyPlan, clock: &Clock) -> Result<Vec<PathBuf>, StackError> {
    let mut groups: BTreeMap<&str, BTreeSet<Role>> = BTreeMap::new();
    for role in Role::ALL.into_iter().filter(|role| config.includes(*role)) {
        groups.entry(config.url_of(role)).or_default().insert(role);
    }
    folder::create_empty(dir)?;
    let whole = dir.join(WHOLE);
    init::init(&whole, config, plan, clock)?;
    let mut made = Vec::new();
    for (url, roles) in groups {
        made.push(part(dir, &whole, config, url, &roles)?);
    }
    for name in PUBLIC.iter().filter(|name| !name.contains('/')) {
        copy(&whole.join(name), &dir.join(name))?;
    }
    // What is left are public documents and empty folders.
    fs::remove_dir_all(&whole).map_err(|error| StackError::io("remove", &whole, error))?;
    sync(dir)?;
    Ok(made)
}

/// The folder of the parts at one address.
fn part(dir: &Path, whole: &Path, config: &Config, url: &str, roles: &BTreeSet<Role>) -> Result<PathBuf, StackError> {
    let names: Vec<_> = roles.iter().map(|role| role.name()).collect();
    let path = dir.join(names.join("-"));
    let own = Folder::new(&Place::new(&path));
    own.create()?;
    for name in PUBLIC {
        copy(&whole.join(name), &path.join(name))?;
    }
    for role in roles {
        for name in belongings(*role) {
            take(&whole.join(&name), &path.join(&name))?;
        }
    }
    let listen = url.split_once("://").map_or(url, |(_, host)| host);
    let listen = listen.parse().map_or_else(|_| config.listen.clone(), |address: SocketAddr| address.to_string());
    let config =
        Config { roles: Some(roles.clone()), url: url.to_owned(), listen, urls: config.all_urls(), ..config.clone() };
    // Last: a folder without it is no stack.
    config.write(&path)?;
    own.sync()?;
    Ok(path)
}

/// What only a part may have.
fn belongings(role: Role) -> Vec<String> {
    let key = |key: StoredKey| format!("keys/{}.pem", key.name());
    match role {
        Role::Ca => vec![key(StoredKey::Ca)],
        Role::Ct => vec![key(StoredKey::Ct), "logs/ct".to_owned()],
        Role::Log => {
            vec![key(StoredKey::Rekor), key(StoredKey::RekorV1), "logs/rekor".to_owned(), "logs/rekor-v1".to_owned()]
        }
        Role::Tsa => vec![key(StoredKey::Tsa)],
        Role::Oidc => vec![key(StoredKey::Oidc), "keys/client-secret".to_owned()],
        Role::Trust => vec![key(StoredKey::Tuf), key(StoredKey::TufRoot), "tuf".to_owned()],
        Role::Witness => {
            let own = [witness::CONFIG, witness::SEEN, witness::EVIDENCE].map(str::to_owned);
            [key(StoredKey::Witness)].into_iter().chain(own).collect()
        }
    }
}

/// Moves what may be absent.
fn take(from: &Path, to: &Path) -> Result<(), StackError> {
    match fs::rename(from, to) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(StackError::io("move", from, error)),
        _ => Ok(()),
    }
}

/// Copies what may be absent.
fn copy(from: &Path, to: &Path) -> Result<(), StackError> {
    let copied = fs::copy(from, to).and_then(|_| fs::File::open(to)?.sync_all());
    match copied {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(StackError::io("copy", from, error)),
        _ => Ok(()),
    }
}

fn sync(dir: &Path) -> Result<(), StackError> {
    fs::File::open(dir).and_then(|dir| dir.sync_all()).map_err(|error| StackError::io("sync", dir, error))
}
