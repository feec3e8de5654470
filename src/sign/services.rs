//! Which logs and timestamp authorities a session uses.

use thiserror::Error;

use super::error::SignError;
use super::pool::Pool;
use crate::base::code::Code;
use crate::base::time::UnixTime;
use crate::format::trust::{Choice, SigningConfig, TrustError, TrustedRoot};
use crate::service::ca::{AnyOf, CertificateAuthority, Fulcio};
use crate::service::http::{HttpClient, HttpError};
use crate::service::ledger::Ledger;
use crate::service::tlog::{RekorV1, RekorV2, TransparencyLog};
use crate::service::tsa::{Rfc3161, TimestampAuthority};
use crate::verify::{KeyLog, Verifier};

/// The services that vouch for a signature.
#[derive(Debug)]
pub struct Services {
    pub(super) logs: Pool<dyn TransparencyLog>,
    pub(super) timestamp_authorities: Pool<dyn TimestampAuthority>,
    pub(super) log: KeyLog,
    /// Where each entry is written down before its signature is given out.
    pub(super) ledger: Option<Ledger>,
}

impl Services {
    /// These logs and timestamp authorities, all of them for every signature.
    pub fn new(logs: Vec<Box<dyn TransparencyLog>>, timestamp_authorities: Vec<Box<dyn TimestampAuthority>>) -> Self {
        let (logs, timestamp_authorities) = (Pool::all(logs), Pool::all(timestamp_authorities));
        Self { logs, timestamp_authorities, log: KeyLog::Required, ledger: None }
    }

    /// The services that a signing config selects at `now`; where it has more than it asks for, the others stand
    /// in for one that fails, and each has its share of the client's budget. The trusted root's logs are needed to
    /// read back an entry that a log has already.
    ///
    /// # Errors
    ///
    /// [`ServicesError`], when the config has too few services or a URL that is not used.
    pub fn select(
        config: &SigningConfig,
        root: &TrustedRoot,
        now: UnixTime,
        http: &HttpClient,
    ) -> Result<Self, ServicesError> {
        let choice = config.choose_logs(now)?;
        let own = share(http, &choice);
        let mut logs: Vec<Box<dyn TransparencyLog>> = Vec::new();
        for log in &choice.services {
            logs.push(match log.major_api_version {
                1 => Box::new(RekorV1::new(&log.url, own.clone())?),
                _ => Box::new(RekorV2::new(&log.url, own.clone())?.with_known_logs(&root.logs)),
            });
        }
        let logs = Pool::some(logs, choice.needed);
        let choice = config.choose_timestamp_authorities(now)?;
        let own = share(http, &choice);
        let mut authorities: Vec<Box<dyn TimestampAuthority>> = Vec::new();
        for authority in &choice.services {
            authorities.push(Box::new(Rfc3161::new(&authority.url, own.clone())?));
        }
        let timestamp_authorities = Pool::some(authorities, choice.needed);
        Ok(Self { logs, timestamp_authorities, log: KeyLog::Required, ledger: None })
    }

    /// No log: nobody but the holder of the key knows what it signed. For keys only, and with whatever
    /// timestamp authorities there are.
    pub fn without_log_unsafe(timestamp_authorities: Vec<Box<dyn TimestampAuthority>>) -> Self {
        Self { log: KeyLog::NotRequiredUnsafe, ..Self::new(Vec::new(), timestamp_authorities) }
    }

    /// The services for an older cosign signature: the log of Rekor's first API, whose promise (SET) proves the
    /// time too. `None` when the config has no such log at `now`.
    ///
    /// # Errors
    ///
    /// [`ServicesError::Url`].
    pub fn select_legacy(
        config: &SigningConfig,
        now: UnixTime,
        http: &HttpClient,
    ) -> Result<Option<Self>, ServicesError> {
        let Some(log) = config.select_log_v1(now) else { return Ok(None) };
        Ok(Some(Self::new(vec![Box::new(RekorV1::new(&log.url, http.clone())?)], Vec::new())))
    }

    /// With a ledger: each entry is in it, durably, before its signature is given out.
    #[must_use]
    pub fn with_ledger(self, ledger: Option<Ledger>) -> Self {
        Self { ledger, ..self }
    }

    /// Whether they are enough for a signature that `verifier` accepts.
    pub(super) fn suffice(&self, verifier: &Verifier, needs_proven_time: bool) -> Result<(), SignError> {
        let log_wanted = match self.log {
            KeyLog::Required => verifier.needs_log(),
            KeyLog::NotRequiredUnsafe => needs_proven_time && verifier.needs_log(),
        };
        if log_wanted && self.logs.is_empty() {
            return Err(SignError::NoLog);
        }
        if needs_proven_time && !self.prove_time() {
            return Err(SignError::NoProvenTime);
        }
        Ok(())
    }

    /// Whether one of the logs can be read by anyone.
    pub fn are_public(&self) -> bool {
        self.logs.iter().any(TransparencyLog::is_public)
    }

    /// Where they are asked, in this order: timestamp authorities, then logs.
    pub fn names(&self) -> Vec<String> {
        let authorities = self.timestamp_authorities.iter().map(|authority| authority.name());
        authorities.chain(self.logs.iter().map(|log| log.name())).collect()
    }

    /// Whether something among them proves a time.
    fn prove_time(&self) -> bool {
        !self.timestamp_authorities.is_empty() || self.logs.iter().any(|log| log.proves_time())
    }
}

/// The certificate authority that a signing config selects at `now`; the others that fit stand in for it.
///
/// # Errors
///
/// [`ServicesError`], when the config has none or a URL that is not used.
pub fn certificate_authority(config: &SigningConfig, now: UnixTime, http: &HttpClient) -> Result<AnyOf, ServicesError> {
    let choice = config.choose_ca(now)?;
    let own = share(http, &choice);
    let mut authorities: Vec<Box<dyn CertificateAuthority>> = Vec::new();
    for authority in &choice.services {
        authorities.push(Box::new(Fulcio::new(&authority.url, own.clone())?));
    }
    Ok(AnyOf::new(authorities))
}

/// The client for each of these services: those that may have to be tried one after the other share its budget.
fn share(http: &HttpClient, choice: &Choice<'_>) -> HttpClient {
    let spare = choice.services.len().saturating_sub(choice.needed);
    http.with_share(u32::try_from(spare + 1).unwrap_or(u32::MAX))
}

/// Why a signing config gives no services.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ServicesError {
    /// Too few, or none that is valid now.
    #[error(transparent)]
    Config(#[from] TrustError),
    /// A URL that is not used.
    #[error(transparent)]
    Url(#[from] HttpError),
}

impl ServicesError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Config(error) => error.code(),
            Self::Url(error) => error.code(),
        }
    }
}
