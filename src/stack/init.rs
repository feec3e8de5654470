//! `stack init`: keys, certificates, empty logs, and the documents for clients. The only code that makes
//! any of them; serving never does.

use std::path::Path;
use std::sync::Arc;

use super::ca::profile::Authority;
use super::clock::Clock;
use super::config::Config;
use super::ct::CtCodec;
use super::folder::{self, Folder, StoredKey};
use super::keys::{self, PrivateKey};
use super::log::{Codec, Disk, Log};
use super::rekor::RekorCodec;
use super::rekor_v1::RekorV1Codec;
use super::{StackError, trust, tsa, tuf};
use crate::base::crypto::{KeyKind, PublicKey};
use crate::base::encoding::hex;
use crate::base::time::UnixTime;
use crate::format::x509::{Certificate, oids};

/// Seconds before its making from which a stack is to be believed: its first SCT and its first timestamp
/// may be rounded down.
pub(super) const EARLIER: i64 = 60;

/// Makes a stack in a folder that does not exist or is empty.
pub(super) fn init(dir: &Path, config: &Config, clock: &Clock) -> Result<(), StackError> {
    let what = |what: &'static str| StackError::Config { path: dir.join("stack.json"), what: what.to_owned() };
    config.check().map_err(what)?;
    let folder = Folder::new(dir);
    folder.create()?;
    let from = UnixTime::from_secs(clock.now().secs() - EARLIER);
    let ca_key = folder.make_key_of(StoredKey::Ca, config.ca_key.kind())?;
    let ca = ca_chain(config, from, ca_key.public_key())?;
    folder.write_chain("ca", &ca)?;
    let tsa_key = folder.make_key(StoredKey::Tsa)?;
    let tsa = tsa_chain(config, from, tsa_key.public_key())?;
    folder.write_chain("tsa", &tsa)?;
    folder.make_key(StoredKey::Oidc)?;
    folder.write_secret(&hex::encode(&keys::random::<32>()?))?;

    let ct = CtCodec::new(folder.make_key(StoredKey::Ct)?, &config.ct_name())?;
    create_log(&folder, "ct", &ct, clock)?;
    let rekor = RekorCodec::new(folder.make_key(StoredKey::Rekor)?, &config.log_name())?;
    create_log(&folder, "rekor", &rekor, clock)?;
    let rekor_v1 = match config.rekor_v1 {
        true => {
            let codec = RekorV1Codec::new(folder.make_key(StoredKey::RekorV1)?, &config.rekor_v1_name())?;
            create_log(&folder, "rekor-v1", &codec, clock)?;
            Some(codec)
        }
        false => None,
    };
    let documents =
        trust::documents(config, from, trust::Parts { ca, tsa, ct: &ct, rekor: &rekor, rekor_v1: rekor_v1.as_ref() })?;
    folder.write(folder::TRUSTED_ROOT, &documents.trusted_root.to_json())?;
    folder.write(folder::SIGNING_CONFIG, &documents.signing_config.to_json())?;
    folder.write(folder::CLIENT_TRUST_CONFIG, &documents.to_json())?;
    if config.rekor_v1 {
        folder.write(folder::SIGNING_CONFIG_V1, &trust::with_rekor_v1(&documents.signing_config).to_json())?;
    }
    tuf::create(&folder, clock.now())?;
    // Last: a folder without it is no stack.
    config.write(dir)?;
    folder.sync()
}

pub(super) fn create_log<C: Codec>(folder: &Folder, name: &str, codec: &C, clock: &Clock) -> Result<(), StackError> {
    Ok(Log::create(Arc::new(Disk), &folder.log(name), codec, clock)?)
}

/// Issuing certificate and root, which is P-384.
fn ca_chain(config: &Config, from: UnixTime, key: &PublicKey) -> Result<Vec<Certificate>, StackError> {
    let root_key = PrivateKey::generate(KeyKind::P384)?;
    let authority = |common_name| Authority { organization: &config.organization, common_name, from };
    let root = authority("sealmark root").root(&root_key)?;
    let issuing = authority("sealmark intermediate").intermediate(key, oids::CODE_SIGNING, (&root, &root_key))?;
    Ok(vec![issuing, root])
}

/// The timestamp authority's leaf and its root, P-384.
fn tsa_chain(config: &Config, from: UnixTime, key: &PublicKey) -> Result<Vec<Certificate>, StackError> {
    let root_key = PrivateKey::generate(KeyKind::P384)?;
    let authority = |common_name| Authority { organization: &config.organization, common_name, from };
    let root = authority("sealmark timestamp root").root(&root_key)?;
    let root_id = root.extensions().subject_key_id.clone().unwrap_or_default();
    let extensions = tsa::leaf_extensions(key, &root_id);
    let leaf = authority("sealmark timestamp").sign(&root_key, root.subject().der(), key, &extensions)?;
    Ok(vec![leaf, root])
}
