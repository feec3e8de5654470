//! The signed entry timestamp (SET) of Rekor v1: the log's promise to include an entry, and the only
//! thing that makes its integrated time a time.

use super::LogError;
use super::known::KnownLog;
use crate::base::encoding::{base64, hex};
use crate::base::time::UnixTime;
use crate::format::bundle::LogEntry;

/// The text that the log signs, canonical JSON (RFC 8785).
pub(super) fn message(entry: &LogEntry) -> String {
    format!(
        r#"{{"body":"{}","integratedTime":{},"logID":"{}","logIndex":{}}}"#,
        base64::encode(&entry.canonicalized_body),
        entry.integrated_time,
        hex::encode(&entry.log_id),
        entry.log_index,
    )
}

/// The integrated time, when the log signed it and its key was to be believed then. The logs given share
/// the entry's log id, and so one key.
pub(super) fn verify(entry: &LogEntry, set: &[u8], logs: &[&KnownLog], now: UnixTime) -> Result<UnixTime, LogError> {
    let log = logs.first().ok_or(LogError::Promise)?;
    log.key.verify_default(message(entry).as_bytes(), set).map_err(|_| LogError::Promise)?;
    let time = UnixTime::from_secs(i64::try_from(entry.integrated_time).unwrap_or(i64::MAX));
    if entry.integrated_time == 0 || time > now {
        return Err(LogError::Time { time, now });
    }
    match logs.iter().find(|log| log.valid_at(time).is_ok()) {
        Some(_) => Ok(time),
        None => Err(LogError::KeyNotValid { base_url: log.base_url.clone(), time }),
    }
}
