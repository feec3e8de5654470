//! `stack renew`: new keys and certificates for the CA and the timestamp authority, below the roots that there are, with
//! the roots' keys given for this one act.
//!
//! The trusted root keeps the chains before, with an end to the time in which they are believed, and gets the new ones:
//! what was signed before stays verifiable. All of it takes the place of the old at once (see `stage`).

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::ca::LEAF_SECS;
use super::clock::Clock;
use super::config::{self, Config};
use super::folder::{self, Folder, StoredKey};
use super::handover::{self, Handover};
use super::init::{self, EARLIER, KeyPlan};
use super::keys::PrivateKey;
use super::log::SigningError;
use super::place::Place;
use super::{Role, StackError, lock, stage, trust};
use crate::base::crypto::KeyKind;
use crate::base::time::{UnixTime, ValidityPeriod};
use crate::format::trust::{AuthorityInstance, TrustedRoot, Unsupported};
use crate::format::x509::Certificate;

/// What was renewed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Renewed {
    /// The authorities whose root's key was there.
    pub authorities: Vec<Role>,
    /// What the other parts have to be brought, where they stand apart.
    pub handover: Option<PathBuf>,
}

/// Renews each authority whose root's key is in the folder `roots`, of a stack that must not be running. `plan` has keys
/// in tokens for them: `ca`, `tsa`. The password of the stack's keys opens those of the roots, too.
pub fn renew(place: impl Into<Place>, roots: &Path, plan: &KeyPlan) -> Result<Renewed, StackError> {
    renew_watched(&place.into(), roots, plan, &Clock::system(), &mut || {})
}

/// The same; `step` is called before and after everything that is changed.
fn renew_watched(
    place: &Place,
    roots: &Path,
    plan: &KeyPlan,
    clock: &Clock,
    step: &mut dyn FnMut(),
) -> Result<Renewed, StackError> {
    let dir = place.dir();
    // Without it there is no stack that could be had alone.
    Config::read(dir)?;
    // No certificate is issued meanwhile, nor anything rotated.
    let _alone = lock::take(dir)?;
    stage::settle(dir)?;
    let config = Config::read(dir)?;
    let folder = Folder::of_shard(place, &config);
    let here: Vec<_> = BELOW.iter().filter(|below| config.has(below.role)).collect();
    if here.is_empty() {
        let what = "it holds no authority: renew in the folder of the part ca or tsa".to_owned();
        return Err(StackError::Config { path: dir.join(config::NAME), what });
    }
    let renewals: Vec<_> = here.into_iter().filter(|below| roots.join(below.root).exists()).collect();
    if renewals.is_empty() {
        return Err(StackError::RootKeyAbsent { path: roots.to_owned() });
    }
    plan.check(&folder, &renewals.iter().map(|below| below.key).collect::<Vec<_>>())?;
    let opened = renewals.iter().map(|below| Opened::read(below, &folder, roots, plan, place));
    let opened = opened.collect::<Result<Vec<_>, StackError>>()?;
    let now = UnixTime::from_secs(clock.now().secs());
    opened.iter().try_for_each(|opened| opened.check_root(&folder, now))?;
    step();
    stage::begin(dir)?;
    let staged = Folder::new(&Place::new(stage::path(dir)).unlocked_by(place.password().cloned()));
    staged.create()?;
    let mut trust = folder.client_trust_config()?;
    let mut change = TrustedRoot {
        logs: Vec::new(),
        ct_logs: Vec::new(),
        certificate_authorities: Vec::new(),
        timestamp_authorities: Vec::new(),
        unsupported: Unsupported::default(),
    };
    for opened in &opened {
        step();
        opened.renew(&staged, &config, plan, (&trust.trusted_root, &mut change), now)?;
    }
    let ended: Vec<_> = opened.into_iter().map(|opened| opened.before).collect();
    let handover = Handover::sign(&change, &ended)?;
    // As every other part will.
    let path = folder.path(folder::CLIENT_TRUST_CONFIG);
    handover::apply(&mut trust, &handover).map_err(|what| StackError::Damaged { path, what })?;
    if renewals.iter().any(|below| below.role == Role::Ca) {
        let before = [folder.issued_before()?, folder.chain("ca")?.into_iter().take(1).collect()].concat();
        staged.write_chain("ca-before", &before)?;
    }
    staged.sync()?;
    let mut documents = trust::texts(&trust, config.rekor_v1);
    if config.roles.is_some() {
        documents.push((handover::NAME, folder.handovers()? + &handover.to_line()?));
    }
    documents.push((config::NAME, config.to_json(dir)?));
    stage::decide(dir, documents, step)?;
    let handover = config.roles.is_some().then(|| dir.join(handover::NAME));
    Ok(Renewed { handover, authorities: renewals.iter().map(|below| below.role).collect() })
}

/// What stands below a root.
struct Below {
    role: Role,
    key: StoredKey,
    /// The chain's name.
    chain: &'static str,
    /// The file of the root's key.
    root: &'static str,
    /// Seconds in which what it vouched for is still used.
    afterwards: i64,
}

const BELOW: [Below; 2] = [
    Below { role: Role::Ca, key: StoredKey::Ca, chain: "ca", root: init::CA_ROOT, afterwards: LEAF_SECS + EARLIER },
    Below { role: Role::Tsa, key: StoredKey::Tsa, chain: "tsa", root: init::TSA_ROOT, afterwards: EARLIER },
];

/// The same with its root's key.
struct Opened<'a> {
    below: &'a Below,
    chain: Vec<Certificate>,
    root_key: PrivateKey,
    /// The key before.
    before: PrivateKey,
}

impl<'a> Opened<'a> {
    fn read(
        below: &'a Below,
        folder: &Folder,
        roots: &Path,
        plan: &KeyPlan,
        place: &Place,
    ) -> Result<Self, StackError> {
        let before = folder.key(below.key)?;
        if before.is_held() && !plan.has(below.key) {
            return Err(StackError::KeyUnnamed { key: below.key.name() });
        }
        let (path, chain) = (roots.join(below.root), folder.chain(below.chain)?);
        let password = place.password().map(Arc::as_ref);
        let root_key = PrivateKey::read_locked(&path, &[KeyKind::P384], password)?;
        if chain.last().is_none_or(|root| root.public_key() != root_key.public_key()) {
            return Err(StackError::RootKeyOther { path, chain: chain_path(folder, below) });
        }
        Ok(Self { below, chain, root_key, before })
    }

    /// A certificate below a root that is not in force would be believed by nobody.
    fn check_root(&self, folder: &Folder, now: UnixTime) -> Result<(), StackError> {
        match self.chain.last() {
            Some(root) if !root.is_valid_at(now) => {
                Err(StackError::RootEnded { path: chain_path(folder, self.below), validity: root.validity() })
            }
            _ => Ok(()),
        }
    }

    /// Makes its key and its certificate; says in `change` what ends and what begins.
    fn renew(
        &self,
        staged: &Folder,
        config: &Config,
        plan: &KeyPlan,
        (trusted, change): (&TrustedRoot, &mut TrustedRoot),
        now: UnixTime,
    ) -> Result<(), StackError> {
        let [before, .., root] = self.chain.as_slice() else { return Err(SigningError.into()) };
        let kind = if self.below.role == Role::Ca { config.ca_key.kind() } else { self.below.key.kind() };
        let key = plan.key(staged, self.below.key, kind)?;
        if key.public_key() == before.public_key() {
            let name = self.below.key.name().to_owned();
            return Err(StackError::KeyReused { key: name.clone(), of: name });
        }
        let from = now.plus_secs(-EARLIER);
        let make = if self.below.role == Role::Ca { init::issuing } else { init::stamping };
        let certificate = make(config, from, key.public_key(), (root, &self.root_key))?;
        let chain = vec![certificate, root.clone()];
        staged.write_chain(self.below.chain, &chain)?;
        let (authorities, changed) = match self.below.role {
            Role::Ca => (&trusted.certificate_authorities, &mut change.certificate_authorities),
            _ => (&trusted.timestamp_authorities, &mut change.timestamp_authorities),
        };
        let now_trusted = authorities.iter().find(|authority| authority.chain == self.chain);
        let ended = now_trusted.ok_or(StackError::Damaged {
            path: PathBuf::from(folder::CLIENT_TRUST_CONFIG),
            what: "it does not hold the chains in certificates/",
        })?;
        let window = |start, end| ValidityPeriod::new(start, end).ok_or(SigningError);
        let renewed = AuthorityInstance { chain, validity: window(from, None)?, ..ended.clone() };
        let validity = window(ended.validity.start(), Some(now.plus_secs(self.below.afterwards)))?;
        changed.extend([AuthorityInstance { validity, ..ended.clone() }, renewed]);
        Ok(())
    }
}

fn chain_path(folder: &Folder, below: &Below) -> PathBuf {
    folder.path(format!("certificates/{}.pem", below.chain))
}

#[cfg(test)]
mod tests;
