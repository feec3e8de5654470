//! What a process serves of a stack: the parts that its folder holds, opened.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;

use super::ca::{CertificateAuthority, Issuers};
use super::clock::Clock;
use super::config::Config;
use super::ct::{CtCodec, CtLog, RemoteCt, Submit};
use super::folder::{self, Folder, StoredKey};
use super::issued::Issued;
use super::issuer::Issuer;
use super::log::{self, Codec, Cosigner, Disk, Log, LogError, Publishing};
use super::place::Place;
use super::rate::RateLimit;
use super::rekor::{Admission, RekorCodec, RekorLog};
use super::rekor_v1::{RekorV1Codec, RekorV1Log};
use super::tsa::TimestampAuthority;
use super::turns::Turns;
use super::witness::{self, Witness};
use super::{
    Role, StackError, bucket, ca, ct, frozen, issuer, page, rekor, rekor_v1, timestamp_routes, trusted_issuers, tuf,
};
use crate::base::crypto::sha256;
use crate::base::encoding::hex;
use crate::format::trust::TrustedRoot;
use crate::format::x509::Certificate;
use crate::service::environment::SystemEnvironment;
use crate::service::http::Settings;

/// The parts, each where it is held.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) issuer: Option<Arc<Issuer>>,
    pub(super) ca: Option<Arc<CertificateAuthority>>,
    pub(super) ct: Option<Arc<CtLog>>,
    pub(super) rekor: Option<Arc<RekorLog>>,
    pub(super) rekor_v1: Option<Arc<RekorV1Log>>,
    pub(super) tsa: Option<Arc<TimestampAuthority>>,
    /// With the transparency log.
    pub(super) search: Option<Arc<page::SearchIndex>>,
    pub(super) trust: bool,
    pub(super) witness: Option<Arc<Witness>>,
    /// Shards before this one.
    frozen: Vec<(&'static str, Router)>,
}

impl Parts {
    /// Reads their keys, recovers their logs.
    pub(super) fn open(place: &Place, config: &Config, clock: &Clock) -> Result<Self, StackError> {
        let folder = &Folder::of_shard(place, config);
        let issuer = held(config, Role::Oidc, || {
            Ok(Issuer::new(folder.key(StoredKey::Oidc)?, config.url_of(Role::Oidc), folder.secret()?))
        })?;
        let chain = folder.chain("ca")?;
        let issuing = chain.first().ok_or_else(|| not_its_chain(folder))?.clone();
        let issued = Arc::new(Issued::by(issuing));
        let ct = held(config, Role::Ct, || {
            let codec = CtCodec::new(folder.key(StoredKey::Ct)?, &config.ct_name())?;
            let log = open_ct(folder, config, codec, clock)?;
            Ok(CtLog::new(log, chain.clone()).after(folder.issued_before()?).taking(ct::others::read(folder)?))
        })?;
        let ca = held(config, Role::Ca, || {
            let submit = match &ct {
                Some(log) => Submit::Here(Arc::clone(log)),
                None => Submit::There(remote_ct(folder, config)?),
            };
            authority(folder, config, (chain.clone(), submit), &issued, clock)
        })?;
        let turns = Turns::new(RateLimit::new(config.rates.log()), clock.clone());
        let admission = Admission::new(config.entry_policy, issued, turns);
        let rekor = held(config, Role::Log, || {
            let codec = RekorCodec::new(folder.key(StoredKey::Rekor)?, &config.log_name())?;
            Ok(RekorLog::new(open_witnessed(folder, config, codec, clock)?, admission.clone()))
        })?;
        let rekor_v1 = match config.rekor_v1 {
            true => held(config, Role::Log, || {
                let codec = RekorV1Codec::new(folder.key(StoredKey::RekorV1)?, &config.rekor_v1_name())?;
                Ok(RekorV1Log::new(open_log(folder, config, "rekor-v1", codec, (clock, None))?, admission))
            })?,
            false => None,
        };
        let tsa = held(config, Role::Tsa, || {
            Ok(TimestampAuthority::new(folder.key(StoredKey::Tsa)?, folder.chain("tsa")?)?)
        })?;
        let search =
            held(config, Role::Log, || Ok(page::SearchIndex::open(&folder.path(folder.log_name(folder::SEARCH)))?))?;
        let trust = config.has(Role::Trust);
        if trust {
            tuf::refresh(folder, clock.now())?;
        }
        let witness = held(config, Role::Witness, || open_witness(place, config, clock))?;
        let frozen = frozen::routes(place, config)?;
        Ok(Self { issuer, ca, ct, rekor, rekor_v1, tsa, search, trust, witness, frozen })
    }

    /// Every route, each with the name of its service.
    pub(super) fn services(&self, folder: &Folder, config: &Config, clock: &Clock) -> Vec<(&'static str, Router)> {
        let mut services = Vec::new();
        if let Some(issuer) = &self.issuer {
            services.push(("oidc", issuer::routes(Arc::clone(issuer), clock.clone())));
        }
        if let Some(ca) = &self.ca {
            services.push(("ca", ca::routes(Arc::clone(ca))));
        }
        if let Some(ct) = &self.ct {
            services.push(("ct", ct::routes(Arc::clone(ct))));
            if !config.has(Role::Ca) || ct.takes_others() {
                services.push(("ct", ct::submissions(Arc::clone(ct), clock.clone())));
            }
        }
        if let (Some(rekor), Some(search)) = (&self.rekor, &self.search) {
            services.push(("log", rekor::routes(Arc::clone(rekor))));
            services.push(("page", page::routes(Arc::clone(rekor), Arc::clone(search))));
        }
        if let Some(log) = &self.rekor_v1 {
            services.push(("log-v1", rekor_v1::routes(Arc::clone(log))));
        }
        if let Some(tsa) = &self.tsa {
            services.push(("tsa", timestamp_routes::routes(Arc::clone(tsa), clock.clone(), config.rates.tsa())));
        }
        if self.trust {
            services.push(("tuf", tuf::routes(folder)));
        }
        if let Some(witness) = &self.witness {
            services.push(("witness", witness.routes()));
        }
        services.extend(self.frozen.iter().cloned());
        services
    }

    /// The last checkpoint of each log by its name.
    pub(super) fn notes(&self) -> Vec<(&'static str, String)> {
        let note = |name, note: Option<String>| note.map(|note| (name, note));
        let rekor = self.rekor.as_ref().map(|log| log.log().head().note().to_owned());
        let ct = self.ct.as_ref().map(|log| log.log().head().note().to_owned());
        let v1 = self.rekor_v1.as_ref().map(|log| log.log().head().note().to_owned());
        [note("rekor", rekor), note("ct", ct), note("rekor-v1", v1)].into_iter().flatten().collect()
    }

    /// Entries of the transparency log, the CT log and the Rekor v1 log.
    pub(super) fn sizes(&self) -> [u64; 3] {
        [
            self.rekor.as_ref().map_or(0, |log| log.log().head().size()),
            self.ct.as_ref().map_or(0, |log| log.log().head().size()),
            self.rekor_v1.as_ref().map_or(0, |log| log.log().head().size()),
        ]
    }

    /// Whether a log takes no entries, since its witnesses or its bucket are away.
    pub(super) fn are_held_up(&self) -> bool {
        self.rekor.as_ref().is_some_and(|log| log.log().is_held_up())
            || self.ct.as_ref().is_some_and(|log| log.log().is_held_up())
            || self.rekor_v1.as_ref().is_some_and(|log| log.log().is_held_up())
    }

    /// How long nothing came through to witnesses and buckets, of the log of which it is longest.
    pub(super) fn unpublished_for(&self) -> Duration {
        let rekor = self.rekor.as_ref().map(|log| log.log().unpublished_for());
        let ct = self.ct.as_ref().map(|log| log.log().unpublished_for());
        let v1 = self.rekor_v1.as_ref().map(|log| log.log().unpublished_for());
        rekor.max(ct).max(v1).unwrap_or_default()
    }

    /// Waits until a log has failed.
    pub(super) async fn failed(&self) -> Arc<LogError> {
        tokio::select! {
            error = failed(self.rekor.as_ref().map(|log| log.log())) => error,
            error = failed(self.ct.as_ref().map(|log| log.log())) => error,
            error = failed(self.rekor_v1.as_ref().map(|log| log.log())) => error,
        }
    }

    /// Why a log has failed, if one has.
    pub(super) fn failure(&self) -> Option<Arc<LogError>> {
        let rekor = || self.rekor.as_ref().and_then(|log| log.log().failure());
        let ct = || self.ct.as_ref().and_then(|log| log.log().failure());
        let v1 = || self.rekor_v1.as_ref().and_then(|log| log.log().failure());
        rekor().or_else(ct).or_else(v1)
    }
}

async fn failed<C: Codec>(log: Option<&Log<C>>) -> Arc<LogError> {
    match log {
        Some(log) => log.failed().await,
        None => pending().await,
    }
}

/// Opens a part, where it is held.
fn held<T>(
    config: &Config,
    role: Role,
    open: impl FnOnce() -> Result<T, StackError>,
) -> Result<Option<Arc<T>>, StackError> {
    config.has(role).then(open).transpose().map(|part| part.map(Arc::new))
}

/// The witness of other logs, under the name that the stack has for it.
fn open_witness(place: &Place, config: &Config, clock: &Clock) -> Result<Witness, StackError> {
    let witness = Witness::open(place, clock.clone())?;
    if config.witness.as_ref() != Some(&witness.config().name) {
        let what = "it does not name the witness that stack.json has".to_owned();
        return Err(StackError::Config { path: place.dir().join(witness::CONFIG), what });
    }
    Ok(witness)
}

/// The transparency log, with the witnesses that the configuration asks for.
fn open_witnessed(
    folder: &Folder,
    config: &Config,
    codec: RekorCodec,
    clock: &Clock,
) -> Result<Log<RekorCodec>, StackError> {
    let cosigners = match &config.witnesses {
        Some(policy) => {
            let what = "a witness's URL is not used: https, or http on loopback".to_owned();
            let cosigners = policy.cosigners(clock);
            Some(cosigners.ok_or(StackError::Config { path: folder.path("stack.json"), what })?)
        }
        None => None,
    };
    open_log(folder, config, "rekor", codec, (clock, cosigners))
}

/// The CT log. In a bucket it has its issuers beside it, as <https://c2sp.org/static-ct-api> asks.
fn open_ct(folder: &Folder, config: &Config, codec: CtCodec, clock: &Clock) -> Result<Log<CtCodec>, StackError> {
    let log = open_log(folder, config, "ct", codec, (clock, None))?;
    if let Some(bucket) = bucket::of(folder, config, "ct")? {
        for issuer in folder.chain("ca")?.into_iter().chain(ct::others::read(folder)?.into_iter().flatten()) {
            let name = format!("issuer/{}", hex::encode(&sha256(&[issuer.der()])));
            log::bucket::create(bucket.as_ref(), &name, issuer.der())?;
        }
    }
    Ok(log)
}

fn open_log<C: Codec>(
    folder: &Folder,
    config: &Config,
    name: &str,
    codec: C,
    (clock, cosigner): (&Clock, Option<Arc<dyn Cosigner>>),
) -> Result<Log<C>, StackError> {
    let publishing = Publishing { cosigner, bucket: bucket::of(folder, config, name)?, ..Publishing::default() };
    Ok(Log::open_published(Arc::new(Disk), &folder.log(name), codec, clock.clone(), publishing)?)
}

/// Publishes what was committed and not published, of every log that stands in a bucket.
pub(super) fn publish(folder: &Folder, config: &Config, clock: &Clock) -> Result<(), StackError> {
    if config.bucket.is_none() {
        return Ok(());
    }
    if config.has(Role::Ct) {
        let ct = CtCodec::new(folder.key(StoredKey::Ct)?, &config.ct_name())?;
        drop(open_ct(folder, config, ct, clock)?);
    }
    if config.has(Role::Log) {
        let rekor = RekorCodec::new(folder.key(StoredKey::Rekor)?, &config.log_name())?;
        drop(open_witnessed(folder, config, rekor, clock)?);
    }
    if config.has(Role::Log) && config.rekor_v1 {
        let codec = RekorV1Codec::new(folder.key(StoredKey::RekorV1)?, &config.rekor_v1_name())?;
        drop(open_log(folder, config, "rekor-v1", codec, (clock, None))?);
    }
    Ok(())
}

fn authority(
    folder: &Folder,
    config: &Config,
    (chain, submit): (Vec<Certificate>, Submit),
    issued: &Arc<Issued>,
    clock: &Clock,
) -> Result<CertificateAuthority, StackError> {
    let key = folder.key(StoredKey::Ca)?;
    if chain.first().is_none_or(|issuing| issuing.public_key() != key.public_key()) {
        return Err(not_its_chain(folder));
    }
    let trusted = Issuers::new(trusted_issuers(folder, config)?);
    let ca = CertificateAuthority::new(key, chain, trusted, submit, clock.clone())?;
    Ok(ca.at_rate(config.rates.ca()).remembering(Arc::clone(issued)))
}

fn not_its_chain(folder: &Folder) -> StackError {
    StackError::Damaged { path: folder.path("certificates/ca.pem"), what: "it is not the chain of keys/ca.pem" }
}

/// The CT log at its address, as the trust documents know it.
fn remote_ct(folder: &Folder, config: &Config) -> Result<RemoteCt, StackError> {
    let path = folder.path(folder::TRUSTED_ROOT);
    let damaged = |what| StackError::Damaged { path: path.clone(), what };
    let root =
        TrustedRoot::parse(&folder.read(folder::TRUSTED_ROOT)?).map_err(|_| damaged("it cannot be read back"))?;
    let log =
        root.ct_logs.iter().find(|log| log.validity.end().is_none()).ok_or_else(|| damaged("it has no CT log"))?;
    let settings = Settings { budget: CT_BUDGET, attempts: 2, ..Settings::from_environment(&SystemEnvironment) };
    let log = RemoteCt::new(config.url_of(Role::Ct), log.key.clone(), settings);
    log.map_err(|error| StackError::Config { path: folder.path("stack.json"), what: error.to_string() })
}

/// How long a CT log elsewhere has to answer: whoever waits for a certificate waits for it.
const CT_BUDGET: Duration = Duration::from_secs(10);
