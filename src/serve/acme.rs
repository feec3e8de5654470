//! ACME (RFC 8555): the serving certificate of a server of ours, obtained and renewed by itself.
//!
//! A name is proven by tls-alpn-01 (RFC 8737) on the port that is served, so that no other port is needed. Account
//! and certificate are kept in one folder, in files for their owner alone that are there whole or not at all. A
//! certificate is renewed between 55 and 65 hundredths of its life, each server at a moment of its own. While that
//! fails the last good one is served, and the journal says so at every attempt.

mod client;
mod order;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::time::{sleep, timeout};

use super::journal::Line;
use super::{Journal, ServingCertificate, TlsError};
use crate::base::code::Code;
use crate::base::limits;
use crate::base::time::UnixTime;
use crate::service::environment::Environment;
use crate::service::files::write_secret;
use crate::service::http::{Endpoint, HttpClient, HttpError};

/// The account: the CA's name for it, and its private key.
const ACCOUNT: &str = "account.json";
/// The certificate chain with its key, in PEM.
const SERVING: &str = "serving.pem";

/// Why there is no new certificate.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AcmeError {
    /// The folder, or a file in it.
    #[error("{path}: {kind}")]
    Folder {
        /// The path.
        path: PathBuf,
        /// What the system says.
        kind: io::ErrorKind,
    },
    /// A name that no certificate is asked for.
    #[error("{name:?} is no DNS name that tls-alpn-01 can prove")]
    Name {
        /// The name.
        name: String,
    },
    /// The CA cannot be reached, or is overloaded.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The CA does not give it.
    #[error("the ACME server says: {0}")]
    Refused(String),
    /// The CA offers no challenge that is met here.
    #[error("the ACME server offers no tls-alpn-01 challenge for {name:?}")]
    Challenge {
        /// The name.
        name: String,
    },
    /// What came is no certificate that could be served.
    #[error("what the ACME server gave cannot be served: {0}")]
    Given(TlsError),
    /// The order was not done within [`limits::ACME_ORDER_SECS`].
    #[error("the order was not done within {limit} s", limit = limits::ACME_ORDER_SECS)]
    Late,
    /// No key, or no randomness.
    #[error("no key could be made")]
    Key,
}

impl AcmeError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Folder { .. } => Code::undecided("acme-folder", "check the path, who may write there, and its room"),
            Self::Name { .. } => Code::usage("acme-name", "give a DNS name without a wildcard, not an address"),
            Self::Http(error) => error.code(),
            Self::Refused(_) => Code::undecided(
                "acme-refused",
                "read what it says; the CA must reach this server under the name, on port 443",
            ),
            Self::Challenge { .. } => Code::undecided(
                "acme-challenge",
                "use a CA that proves names by tls-alpn-01, or give certificate files",
            ),
            Self::Given(_) => Code::undecided("acme-certificate", "report it to the operator of the CA"),
            Self::Late => Code::undecided("acme-late", "see whether the CA is well; it is tried again"),
            Self::Key => Code::undecided("acme-key", "the system has no randomness to give"),
        }
    }
}

/// What is asked for, and of whom.
#[derive(Debug, Clone)]
pub struct AcmeSettings {
    /// The CA's directory.
    pub directory: Endpoint,
    /// DNS names; at least one.
    pub names: Vec<String>,
    /// Where the CA writes when something is wrong: `mailto:` addresses.
    pub contacts: Vec<String>,
    /// Account and certificate are kept there; it is made when it is not there.
    pub folder: PathBuf,
    /// Between the first failure and the next attempt; each further one waits twice as long, an hour at most.
    pub first_pause: Duration,
}

/// Obtains a certificate, and keeps it fresh.
#[derive(Debug)]
pub struct Acme {
    settings: AcmeSettings,
    environment: Arc<dyn Environment>,
    http: HttpClient,
    certificate: Arc<ServingCertificate>,
    journal: Journal,
    /// Where in the time for renewals this server renews, from 0 to 255.
    place: u8,
}

impl Acme {
    /// Reads what an earlier run kept. Nothing is asked of the CA yet.
    pub fn open(
        environment: Arc<dyn Environment>,
        settings: AcmeSettings,
        http: HttpClient,
        journal: Journal,
    ) -> Result<Self, AcmeError> {
        if let Some(name) = settings.names.iter().find(|name| !is_name(name)) {
            return Err(AcmeError::Name { name: name.chars().take(100).collect() });
        }
        make_folder(&settings.folder)?;
        let certificate = ServingCertificate::awaiting(environment.as_ref(), &settings.folder.join(SERVING));
        let certificate = certificate.map_err(AcmeError::Given)?;
        let place = random()?;
        Ok(Self { settings, environment, http, certificate, journal, place })
    }

    /// What is served; handshakes fail until there is a certificate.
    pub fn certificate(&self) -> &Arc<ServingCertificate> {
        &self.certificate
    }

    /// Obtains and renews, for ever.
    pub async fn keep(self) {
        let mut failures = 0;
        loop {
            let now = self.environment.now();
            let validity = self.certificate.validity();
            if let Some(left) = validity.and_then(|validity| time_until(renewal(validity, self.place), now)) {
                // The clock may be set meanwhile.
                sleep(left.min(Duration::from_secs(limits::ACME_LOOK_SECS))).await;
                continue;
            }
            match self.obtain().await {
                Ok(()) => {
                    failures = 0;
                    let until = self.certificate.validity().map(|(_, end)| end.to_string());
                    self.journal.write(Line::new(now, "certificate-obtained").maybe("notAfter", until.as_deref()));
                    // One that is due at once, by a clock that is wrong or a very short life, asks no faster.
                    sleep(pause(self.settings.first_pause, 0, self.place)).await;
                }
                Err(error) => {
                    let in_force = match validity {
                        Some((_, end)) if now <= end => "the one before",
                        Some(_) => "the one before, which has expired",
                        None => "none",
                    };
                    let line = Line::new(now, "certificate-not-obtained").text("code", error.code().name());
                    self.journal.write(line.text("what", &error.to_string()).text("inForce", in_force));
                    sleep(pause(self.settings.first_pause, failures, random().unwrap_or(self.place))).await;
                    failures += 1;
                }
            }
        }
    }

    /// One order, from the account to the certificate in force.
    async fn obtain(&self) -> Result<(), AcmeError> {
        let order = timeout(Duration::from_secs(limits::ACME_ORDER_SECS), self.order()).await;
        let pem = order.map_err(|_| AcmeError::Late)??;
        let checked = self.certificate.check(pem, self.environment.now()).map_err(AcmeError::Given)?;
        self.write(SERVING, checked.pem())?;
        self.certificate.put(checked);
        Ok(())
    }

    fn write(&self, name: &str, content: &[u8]) -> Result<(), AcmeError> {
        let path = self.settings.folder.join(name);
        write_secret(&path, content).map_err(|error| AcmeError::Folder { path, kind: error.kind() })
    }
}

fn make_folder(path: &Path) -> Result<(), AcmeError> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let made = builder.recursive(true).create(path);
    made.map_err(|error| AcmeError::Folder { path: path.to_owned(), kind: error.kind() })
}

/// A DNS name of letters, digits and hyphens (RFC 1034 section 3.5), in lower case, with a dot.
fn is_name(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253
        && name.contains('.')
        && name.split('.').all(label)
        && !name.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

fn random() -> Result<u8, AcmeError> {
    let mut byte = [0];
    getrandom::fill(&mut byte).map_err(|_| AcmeError::Key)?;
    Ok(byte[0])
}

/// The moment from which a certificate is renewed: from 55 to 65 hundredths of its life.
fn renewal((start, end): (UnixTime, UnixTime), place: u8) -> UnixTime {
    let life = (end.secs() - start.secs()).max(0);
    start.plus_secs(life * 55 / 100 + life / 10 * i64::from(place) / 255)
}

/// The time that is left until a moment; `None` when it has come.
fn time_until(moment: UnixTime, now: UnixTime) -> Option<Duration> {
    let seconds = moment.secs() - now.secs();
    u64::try_from(seconds).ok().filter(|seconds| *seconds > 0).map(Duration::from_secs)
}

/// The pause after a failure: doubled with each, an hour at most, of which up to a half is left to chance.
fn pause(first: Duration, failures: u32, chance: u8) -> Duration {
    let whole = first.saturating_mul(1 << failures.min(12)).min(Duration::from_secs(3600));
    whole / 2 + whole / 2 * u32::from(chance) / 255
}

#[cfg(test)]
mod tests;
