//! `stack init`: keys, certificates, empty logs, and the documents for clients. The only code that makes
//! any of them; serving never does.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::ca::profile::Authority;
use super::clock::Clock;
use super::config::Config;
use super::ct::CtCodec;
use super::folder::{self, Folder, StoredKey};
use super::keys::{self, PrivateKey};
use super::log::{Codec, Disk, Log};
use super::place::Place;
use super::rekor::RekorCodec;
use super::rekor_v1::RekorV1Codec;
use super::witness::{self, WitnessConfig};
use super::{StackError, trust, tsa, tuf};
use crate::base::crypto::{KeyKind, PublicKey};
use crate::base::encoding::hex;
use crate::base::time::UnixTime;
use crate::format::x509::{Certificate, oids};
use crate::service::signer::Password;

/// Seconds before its making from which a stack is to be believed: its first SCT and its first timestamp
/// may be rounded down.
pub(super) const EARLIER: i64 = 60;

/// How the keys of a new stack are kept.
#[derive(Debug, Clone, Default)]
pub struct KeyPlan {
    /// Encrypts every key that is written.
    pub password: Option<Arc<Password>>,
    /// Keys that there are already in PKCS#11 tokens: `ca`, `ct`, `rekor`, `rekor-v1`, `tsa`, `oidc` or `witness`, and
    /// the URI.
    pub tokens: Vec<(String, String)>,
    /// A folder that must not exist, for the keys of the roots: to be kept offline. Without it they are used once and
    /// forgotten.
    pub root_keys: Option<PathBuf>,
}

impl KeyPlan {
    /// Whether a key in a token is named for this one.
    pub(super) fn has(&self, key: StoredKey) -> bool {
        self.token(key).is_some()
    }

    /// The key in a token that is to be this one.
    fn token(&self, key: StoredKey) -> Option<&str> {
        let found = self.tokens.iter().find(|(name, _)| StoredKey::of_name(name) == Some(key));
        found.map(|(_, uri)| uri.as_str())
    }

    pub(super) fn key(&self, folder: &Folder, key: StoredKey, kind: KeyKind) -> Result<PrivateKey, StackError> {
        match self.token(key) {
            Some(uri) => folder.adopt_key(key, uri),
            None => folder.make_key_of(key, kind),
        }
    }

    /// Before anything is made: every key in a token is there, of a kind that fits, and has one use alone. `may` says
    /// which there are.
    pub(super) fn check(&self, folder: &Folder, may: &[StoredKey]) -> Result<(), StackError> {
        let what = |what: String| StackError::Config { path: folder.path("stack.json"), what };
        let mut seen: Vec<(StoredKey, PublicKey)> = Vec::new();
        for (name, uri) in &self.tokens {
            let key = StoredKey::of_name(name).filter(|key| may.contains(key)).ok_or_else(|| {
                let names: Vec<_> = may.iter().map(|key| key.name()).collect();
                what(format!("{name:?} is none of the keys that a token may hold here: {}", names.join(", ")))
            })?;
            if seen.iter().any(|(other, _)| *other == key) {
                return Err(what(format!("{name} is named twice")));
            }
            let public = PrivateKey::in_token(uri, &folder.key_path(key), key.kinds())?.public_key().clone();
            if let Some((other, _)) = seen.iter().find(|(_, other)| *other == public) {
                return Err(StackError::KeyReused { key: name.clone(), of: other.name().to_owned() });
            }
            seen.push((key, public));
        }
        Ok(())
    }
}

/// Makes a stack in a folder that does not exist or is empty.
pub(super) fn init(dir: &Path, config: &Config, plan: &KeyPlan, clock: &Clock) -> Result<(), StackError> {
    let what = |what: String| StackError::Config { path: dir.join("stack.json"), what };
    config.check().map_err(|reason| what(reason.to_owned()))?;
    let folder = Folder::new(&Place::new(dir).unlocked_by(plan.password.clone()));
    plan.check(&folder, &own_keys(config))?;
    folder.create()?;
    let roots = Roots::of(plan)?;
    let from = UnixTime::from_secs(clock.now().secs() - EARLIER);
    let ca_key = plan.key(&folder, StoredKey::Ca, config.ca_key.kind())?;
    let ca = ca_chain(config, from, ca_key.public_key(), &roots)?;
    folder.write_chain("ca", &ca)?;
    let tsa_key = plan.key(&folder, StoredKey::Tsa, KeyKind::P256)?;
    let tsa = tsa_chain(config, from, tsa_key.public_key(), &roots)?;
    folder.write_chain("tsa", &tsa)?;
    let oidc = plan.key(&folder, StoredKey::Oidc, KeyKind::P256)?;
    folder.write(folder::OIDC_KEY, &oidc.public_key().to_pem())?;
    folder.write_secret(&hex::encode(&keys::random::<32>()?))?;

    let ct = CtCodec::new(plan.key(&folder, StoredKey::Ct, KeyKind::P256)?, &config.ct_name())?;
    create_log(&folder, "ct", &ct, clock)?;
    let rekor = RekorCodec::new(plan.key(&folder, StoredKey::Rekor, KeyKind::Ed25519)?, &config.log_name())?;
    create_log(&folder, "rekor", &rekor, clock)?;
    let rekor_v1 = match config.rekor_v1 {
        true => {
            let key = plan.key(&folder, StoredKey::RekorV1, KeyKind::P256)?;
            let codec = RekorV1Codec::new(key, &config.rekor_v1_name())?;
            create_log(&folder, "rekor-v1", &codec, clock)?;
            Some(codec)
        }
        false => None,
    };
    if let Some(name) = &config.witness {
        let key = plan.key(&folder, StoredKey::Witness, KeyKind::Ed25519)?;
        let own = witness::create(dir, &WitnessConfig::of_stack(name), &key)?;
        folder.write(folder::WITNESS_KEY, &format!("{own}\n"))?;
    }
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

/// The keys that a token may hold: those of the trust repository are replaced by the stack itself.
fn own_keys(config: &Config) -> Vec<StoredKey> {
    let v1 = config.rekor_v1.then_some(StoredKey::RekorV1);
    let witness = config.witness.is_some().then_some(StoredKey::Witness);
    let all = [StoredKey::Ca, StoredKey::Ct, StoredKey::Rekor, StoredKey::Tsa, StoredKey::Oidc];
    all.into_iter().chain(v1).chain(witness).collect()
}

pub(super) fn create_log<C: Codec>(folder: &Folder, name: &str, codec: &C, clock: &Clock) -> Result<(), StackError> {
    Ok(Log::create(Arc::new(Disk), &folder.log(name), codec, clock)?)
}

/// The keys of the roots: used here, written where they are to be kept, and nowhere else.
struct Roots<'a>(&'a KeyPlan);

impl<'a> Roots<'a> {
    fn of(plan: &'a KeyPlan) -> Result<Self, StackError> {
        if let Some(dir) = &plan.root_keys {
            keys::create_dir(dir)?;
        }
        Ok(Self(plan))
    }

    fn key(&self, name: &str) -> Result<PrivateKey, StackError> {
        let key = PrivateKey::generate(KeyKind::P384)?;
        if let Some(dir) = &self.0.root_keys {
            key.write_locked(&dir.join(name), self.0.password.as_deref())?;
        }
        Ok(key)
    }
}

/// The names of the two roots' keys.
pub(super) const CA_ROOT: &str = "ca-root.pem";
pub(super) const TSA_ROOT: &str = "tsa-root.pem";

/// Issuing certificate and root, which is P-384.
fn ca_chain(
    config: &Config,
    from: UnixTime,
    key: &PublicKey,
    roots: &Roots<'_>,
) -> Result<Vec<Certificate>, StackError> {
    let root_key = roots.key(CA_ROOT)?;
    let root = authority(config, "sealmark root", from, None).root(&root_key)?;
    Ok(vec![issuing(config, from, key, (&root, &root_key))?, root])
}

/// The timestamp authority's leaf and its root, P-384.
fn tsa_chain(
    config: &Config,
    from: UnixTime,
    key: &PublicKey,
    roots: &Roots<'_>,
) -> Result<Vec<Certificate>, StackError> {
    let root_key = roots.key(TSA_ROOT)?;
    let root = authority(config, "sealmark timestamp root", from, None).root(&root_key)?;
    Ok(vec![stamping(config, from, key, (&root, &root_key))?, root])
}

/// The certificate that the CA issues with.
pub(super) fn issuing(
    config: &Config,
    from: UnixTime,
    key: &PublicKey,
    (root, root_key): (&Certificate, &PrivateKey),
) -> Result<Certificate, StackError> {
    let below = authority(config, "sealmark intermediate", from, Some(root));
    Ok(below.intermediate(key, oids::CODE_SIGNING, (root, root_key))?)
}

/// The certificate that the timestamp authority signs with.
pub(super) fn stamping(
    config: &Config,
    from: UnixTime,
    key: &PublicKey,
    (root, root_key): (&Certificate, &PrivateKey),
) -> Result<Certificate, StackError> {
    let root_id = root.extensions().subject_key_id.clone().unwrap_or_default();
    let below = authority(config, "sealmark timestamp", from, Some(root));
    Ok(below.sign(root_key, root.subject().der(), key, &tsa::leaf_extensions(key, &root_id))?)
}

fn authority<'a>(
    config: &'a Config,
    common_name: &'a str,
    from: UnixTime,
    above: Option<&Certificate>,
) -> Authority<'a> {
    let until = above.and_then(|above| above.validity().end());
    Authority { organization: &config.organization, common_name, from, until }
}
