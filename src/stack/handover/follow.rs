//! `stack follow`: a part's folder takes over what another part handed over, all of it or nothing (see `stage`).

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use super::{Changed, Handover, apply};
use crate::base::limits;
use crate::format::trust::ClientTrustConfig;
use crate::format::x509::Certificate;
use crate::stack::config::{self, Config};
use crate::stack::folder::{self, Folder};
use crate::stack::place::Place;
use crate::stack::{Role, StackError, lock, stage, trust};

/// What was taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Followed {
    /// The parts of which something is new here; none when all of it was known.
    pub parts: Vec<Role>,
}

/// Takes over what `handover` has, in the folder of a part that must not be running.
pub fn follow(place: impl Into<Place>, handover: &Path) -> Result<Followed, StackError> {
    follow_watched(&place.into(), handover, &mut || {})
}

/// The same; `step` is called before and after everything that is changed.
pub(super) fn follow_watched(place: &Place, handover: &Path, step: &mut dyn FnMut()) -> Result<Followed, StackError> {
    let dir = place.dir();
    let config = Config::read(dir)?;
    let _alone = lock::take(dir)?;
    stage::settle(dir)?;
    let folder = Folder::new(place);
    let wrong = |what| StackError::Handover { path: handover.to_owned(), what };
    let mut trusted = folder.client_trust_config()?;
    let mut changed = Changed::default();
    for line in Handover::parse_all(&read(handover)?).map_err(wrong)? {
        let new = apply(&mut trusted, &line).map_err(wrong)?;
        changed = Changed {
            log: changed.log || new.log,
            ct: changed.ct || new.ct,
            ca: changed.ca || new.ca,
            tsa: changed.tsa || new.tsa,
        };
    }
    let parts = parts(changed);
    if let Some(own) = parts.iter().find(|role| config.has(**role)) {
        return Err(wrong(match own {
            Role::Ca | Role::Tsa => "it replaces an authority that this folder holds: it was renewed elsewhere",
            _ => "it replaces a log that this folder holds: it was rotated elsewhere",
        }));
    }
    if parts.is_empty() {
        return Ok(Followed { parts });
    }
    step();
    stage::begin(dir)?;
    let mut documents = chains(&trusted, changed);
    documents.extend(trust::texts(&trusted, config.rekor_v1));
    documents.push((config::NAME, config.to_json(dir)?));
    stage::decide(dir, documents, step)?;
    Ok(Followed { parts })
}

fn parts(changed: Changed) -> Vec<Role> {
    let of = [(changed.ca, Role::Ca), (changed.ct, Role::Ct), (changed.log, Role::Log), (changed.tsa, Role::Tsa)];
    of.into_iter().filter(|(changed, _)| *changed).map(|(_, role)| role).collect()
}

/// The chains that are in force now, and what the CA issued with before.
fn chains(trusted: &ClientTrustConfig, changed: Changed) -> Vec<(&'static str, String)> {
    let pem = |chain: &[Certificate]| chain.iter().map(Certificate::to_pem).collect::<String>();
    let root = &trusted.trusted_root;
    let mut documents = Vec::new();
    if changed.ca {
        let all = || root.certificate_authorities.iter();
        let before: Vec<_> =
            all().filter(|ca| ca.validity.end().is_some()).flat_map(|ca| ca.chain.first().cloned()).collect();
        documents.extend(all().rfind(|ca| ca.validity.end().is_none()).map(|ca| (folder::CA, pem(&ca.chain))));
        documents.push((folder::CA_BEFORE, pem(&before)));
    }
    if changed.tsa {
        let now = root.timestamp_authorities.iter().rfind(|tsa| tsa.validity.end().is_none());
        documents.extend(now.map(|tsa| (folder::TSA, pem(&tsa.chain))));
    }
    documents
}

fn read(path: &Path) -> Result<Vec<u8>, StackError> {
    let mut text = Vec::new();
    let read = File::open(path).and_then(|file| file.take(limits::TRUST_BYTES as u64 + 1).read_to_end(&mut text));
    read.map_err(|error| StackError::io("read", path, error))?;
    Ok(text)
}
