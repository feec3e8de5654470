//! Embedded SCTs, RFC 6962 section 3.3: CT logs of the trust root saw the certificate.

use thiserror::Error;

use crate::base::code::Code;
use crate::base::crypto::{KeyError, PublicKey, sha256};
use crate::base::encoding::der::DerError;
use crate::base::encoding::hex;
use crate::base::time::{UnixTime, ValidityPeriod};
use crate::format::trust::LogInstance;
use crate::format::x509::Certificate;
use crate::format::x509::sct::{self, Sct, SctParseError};

/// Why a certificate's SCTs prove nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SctError {
    /// No SCT in the certificate.
    #[error("the certificate has no embedded SCT")]
    Missing,
    /// The list cannot be read.
    #[error(transparent)]
    Parse(#[from] SctParseError),
    /// The certificate cannot be taken apart.
    #[error("the certificate cannot be reduced to what the log signed: {0}")]
    Certificate(DerError),
    /// No SCT by a log of the trust root.
    #[error("no SCT is by a CT log of the trust root, but by {}", join(.logs))]
    UnknownLog {
        /// The logs' ids, hexadecimal.
        logs: Vec<String>,
    },
    /// The log's key was not in use at the SCT's time.
    #[error("SCT of {at} by CT log {log:?}, whose key is trusted {validity}")]
    KeyNotValidAt {
        /// The log.
        log: String,
        /// The SCT's time.
        at: UnixTime,
        /// The key's window in the trust root.
        validity: ValidityPeriod,
    },
    /// An SCT from the future.
    #[error("SCT of {at} by CT log {log:?} is later than now, {now}")]
    Future {
        /// The log.
        log: String,
        /// The SCT's time.
        at: UnixTime,
        /// Now, as the caller gave it.
        now: UnixTime,
    },
    /// The signature does not verify.
    #[error("SCT by CT log {log:?}: {error}")]
    Signature {
        /// The log.
        log: String,
        /// What its key says.
        error: KeyError,
    },
}

fn join(logs: &[String]) -> String {
    logs.join(", ")
}

impl SctError {
    /// The stable code.
    pub fn code(&self) -> Code {
        const REPAIR: &str =
            "the certificate was changed, or its authority embeds SCTs that no reader takes: sign anew";
        match self {
            Self::Missing => Code::refused(
                "sct-missing",
                "sign through an authority that logs its certificates, or use a trust root whose authority needs none",
            ),
            Self::Parse(SctParseError::TooMany) => Code::refused("limit-scts", REPAIR),
            // A scheme that is not the key's is as unreadable as one without a name.
            Self::Parse(_) | Self::Signature { error: KeyError::Scheme { .. }, .. } => {
                Code::refused("sct-parse", REPAIR)
            }
            Self::Certificate(_) => Code::refused("cert-parse", REPAIR),
            Self::UnknownLog { .. } => Code::refused(
                "sct-unknown-log",
                "give the trust root of the instance that signed, or update it: the CT log may be new",
            ),
            Self::KeyNotValidAt { .. } => Code::refused(
                "sct-log-key-not-valid",
                "the CT log's key was retired or is not in use yet: update the trust root",
            ),
            Self::Future { .. } => {
                Code::refused("sct-time", "set this machine's clock; if it is right, refuse the signer")
            }
            Self::Signature { .. } => {
                Code::refused("sct-invalid", "the SCT is of another certificate or issuer: refuse the signer")
            }
        }
    }
}

/// The CT logs of a trust root.
#[derive(Debug, Clone)]
pub struct CtLogs(Vec<LogInstance>);

impl CtLogs {
    /// Takes the logs as the trust root has them. An id may stand there more than once, with several
    /// windows.
    pub fn new(instances: &[LogInstance]) -> Self {
        Self(instances.to_vec())
    }

    /// Verifies the SCTs in `leaf`: every one of a known log, of which there must be one.
    ///
    /// `issuer_key` is the key of the certificate that issued the leaf, proven before
    /// ([`ChainValid::issuer_key`](super::chain::ChainValid::issuer_key)).
    pub fn verify(&self, leaf: &Certificate, issuer_key: &PublicKey, now: UnixTime) -> Result<SctValid, SctError> {
        let list = leaf.extensions().sct_list.as_deref().ok_or(SctError::Missing)?;
        let scts = sct::read_list(list)?;
        let tbs = leaf.tbs_without_scts().map_err(SctError::Certificate)?.ok_or(SctError::Missing)?;
        let issuer_key_hash = sha256(&[issuer_key.spki()]);
        let mut valid = SctValid { logs: Vec::new(), unknown: Vec::new() };
        for sct in &scts {
            let Some(log) = self.log_of(sct)? else {
                valid.unknown.push(hex::encode(&sct.log_id));
                continue;
            };
            verify_one(log, sct, &issuer_key_hash, &tbs, now)?;
            if !valid.logs.iter().any(|seen| seen.id == sct.log_id) {
                let leaf_index = sct.leaf_index();
                valid.logs.push(CtLog { url: log.base_url.clone(), id: sct.log_id, time: sct.timestamp, leaf_index });
            }
        }
        if valid.logs.is_empty() { Err(SctError::UnknownLog { logs: valid.unknown }) } else { Ok(valid) }
    }

    /// The log with the SCT's id and a window that holds its time; `None` when no log has the id.
    fn log_of(&self, sct: &Sct) -> Result<Option<&LogInstance>, SctError> {
        let mut known = self.0.iter().filter(|log| log.log_id == sct.log_id).peekable();
        let Some(&first) = known.peek() else { return Ok(None) };
        match known.find(|log| log.validity.contains(sct.timestamp)) {
            Some(log) => Ok(Some(log)),
            None => Err(SctError::KeyNotValidAt {
                log: first.base_url.clone(),
                at: sct.timestamp,
                validity: first.validity,
            }),
        }
    }
}

fn verify_one(
    log: &LogInstance,
    sct: &Sct,
    issuer_key_hash: &[u8; 32],
    tbs: &[u8],
    now: UnixTime,
) -> Result<(), SctError> {
    let name = || log.base_url.clone();
    if sct.timestamp > now {
        return Err(SctError::Future { log: name(), at: sct.timestamp, now });
    }
    let signed = sct::signed_data(sct.timestamp, issuer_key_hash, tbs, &sct.extensions).ok_or(SctParseError::Length)?;
    log.key.verify(sct.scheme, &signed, &sct.signature).map_err(|error| SctError::Signature { log: name(), error })
}

/// Proof that CT logs of the trust root promised to log a certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SctValid {
    logs: Vec<CtLog>,
    unknown: Vec<String>,
}

impl SctValid {
    /// The logs, each once however many of its SCTs there are, at least one: thresholds count these.
    pub fn logs(&self) -> &[CtLog] {
        &self.logs
    }

    /// The ids in hexadecimal of logs that the trust root does not have; their SCTs were not checked.
    pub fn unknown(&self) -> &[String] {
        &self.unknown
    }
}

/// A CT log whose SCT verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CtLog {
    url: String,
    id: [u8; 32],
    time: UnixTime,
    leaf_index: Option<u64>,
}

impl CtLog {
    /// The log's URL in the trust root.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The log's id.
    pub fn id(&self) -> &[u8; 32] {
        &self.id
    }

    /// When the log took the certificate.
    pub fn time(&self) -> UnixTime {
        self.time
    }

    /// The certificate's index, where the log states it in the SCT.
    pub fn leaf_index(&self) -> Option<u64> {
        self.leaf_index
    }
}

#[cfg(test)]
mod tests;
