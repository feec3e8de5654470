//! One source of time, asked once.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use tokio::net::UdpSocket;

use super::Sample;
use crate::base::time::UnixTime;
use crate::service::environment::SystemEnvironment;
use crate::service::http::{Endpoint, HttpClient, HttpError, Request, Service, Settings};
use crate::stack::clock::Clock;
use crate::stack::keys;

/// The port of time servers.
const NTP_PORT: u16 = 123;
/// Seconds from NTP's epoch, 1900, to Unix's.
const NTP_EPOCH: u64 = 2_208_988_800;

/// A source of time.
#[derive(Clone)]
pub struct TimeSource(Kind);

#[derive(Clone)]
enum Kind {
    Ntp { host: String },
    Http { client: HttpClient, endpoint: Endpoint },
}

/// Why a source is none, or says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The name.
    #[error("a time source is ntp://HOST[:PORT] or an https URL")]
    Form,
    /// The URL, or the way to it.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The answer is none, or of another question.
    #[error("the time source gave no time")]
    Answer,
}

impl FromStr for TimeSource {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, SourceError> {
        if let Some(host) = text.strip_prefix("ntp://") {
            let plain = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
            if host.is_empty() || host.len() > 255 || !host.chars().all(plain) {
                return Err(SourceError::Form);
            }
            let ported = host.rsplit_once(':').is_some_and(|(name, port)| {
                port.parse::<u16>().is_ok() && (!name.contains(':') || name.ends_with(']'))
            });
            let host = if ported { host.to_owned() } else { format!("{host}:{NTP_PORT}") };
            return Ok(Self(Kind::Ntp { host }));
        }
        let endpoint = Endpoint::parse(Service::TimestampAuthority, text)?;
        // One attempt: a repetition would measure the pause.
        let settings = Settings { attempts: 1, ..Settings::from_environment(&SystemEnvironment) };
        Ok(Self(Kind::Http { client: HttpClient::new(settings), endpoint }))
    }
}

impl fmt::Debug for TimeSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Ntp { host } => write!(f, "TimeSource(ntp://{host})"),
            Kind::Http { endpoint, .. } => write!(f, "TimeSource({endpoint})"),
        }
    }
}

impl TimeSource {
    /// Asks for the time.
    pub(super) async fn ask(&self, clock: &Clock) -> Result<Sample, SourceError> {
        match &self.0 {
            Kind::Ntp { host } => ntp(host, clock).await,
            Kind::Http { client, endpoint } => date(client, endpoint, clock).await,
        }
    }
}

/// The `Date` of an answer: a second in which the answer was made, between question and answer.
async fn date(client: &HttpClient, endpoint: &Endpoint, clock: &Clock) -> Result<Sample, SourceError> {
    const ANY: [u16; 12] = [200, 204, 301, 302, 303, 307, 308, 400, 401, 403, 404, 405];
    let request = Request {
        service: Service::TimestampAuthority,
        endpoint,
        accept: "*/*",
        body: None,
        bearer: None,
        expected: &ANY,
        secrets: &[],
    };
    let asked = clock.now().millis();
    let answer = client.send(request).await?;
    let own = clock.now().millis();
    let date = answer.headers.get("date").and_then(|date| date.to_str().ok()).and_then(http_date);
    let date = date.ok_or(SourceError::Answer)?.millis();
    // Now it is at least as late as then, and later by at most the whole exchange.
    Ok(Sample { own, earliest: date, latest: date + 1000 + (own - asked).max(0) })
}

/// `Thu, 26 Nov 2026 19:00:00 GMT` (RFC 9110 section 5.6.7).
fn http_date(text: &str) -> Option<UnixTime> {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let parts: Vec<_> = text.split(' ').collect();
    let [_, day, month, year, time, "GMT"] = parts[..] else { return None };
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    UnixTime::parse_rfc3339(&format!("{year}-{month:02}-{day}T{time}Z"))
}

/// One question to a time server (RFC 4330), and its answer.
async fn ntp(host: &str, clock: &Clock) -> Result<Sample, SourceError> {
    let lost = |_| SourceError::Answer;
    let addresses: Vec<_> = tokio::net::lookup_host(host).await.map_err(lost)?.collect();
    let address = addresses.first().copied().ok_or(SourceError::Answer)?;
    let local = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(local).await.map_err(lost)?;
    socket.connect(address).await.map_err(lost)?;
    let mut question = [0; 48];
    // Version 4, client. What stands for the time of sending is a number that nobody else knows.
    question[0] = 0x23;
    let cookie: [u8; 8] = keys::random().map_err(|_| SourceError::Answer)?;
    question[40..48].copy_from_slice(&cookie);
    let asked = clock.now().millis();
    socket.send(&question).await.map_err(lost)?;
    let mut answer = [0; 64];
    let length = socket.recv(&mut answer).await.map_err(lost)?;
    let own = clock.now().millis();
    let answer = answer.get(..length).and_then(<[u8]>::first_chunk::<48>).ok_or(SourceError::Answer)?;
    // From a server that is synchronised (stratum 1 to 15, no alarm), to our question.
    let synchronised = answer[0] & 7 == 4 && answer[0] >> 6 != 3 && (1..=15).contains(&answer[1]);
    if !synchronised || answer[24..32] != cookie {
        return Err(SourceError::Answer);
    }
    let sent = transmitted(answer).ok_or(SourceError::Answer)?;
    Ok(Sample { own, earliest: sent, latest: sent + (own - asked).max(0) })
}

/// The time at which an answer was sent, in milliseconds; in this era of NTP's, which ends in 2036, or the next.
fn transmitted(answer: &[u8; 48]) -> Option<i64> {
    let (seconds, fraction) = answer.get(40..48)?.split_first_chunk::<4>()?;
    let seconds = u64::from(u32::from_be_bytes(*seconds));
    let fraction = u64::from(u32::from_be_bytes(fraction.try_into().ok()?));
    let era = if seconds < NTP_EPOCH { 1 << 32 } else { 0 };
    i64::try_from((seconds + era - NTP_EPOCH) * 1000 + ((fraction * 1000) >> 32)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn z05_dates_and_times_of_servers() {
        assert_eq!(http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(UnixTime::from_secs(784_111_777)));
        for bad in ["", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nox 1994 08:49:37 GMT"]
        {
            assert_eq!(http_date(bad), None, "{bad}");
        }
        let mut answer = [0; 48];
        answer[40..48].copy_from_slice(&((NTP_EPOCH + 10) << 32 | 1 << 31).to_be_bytes());
        assert_eq!(transmitted(&answer), Some(10_500));
        // 2036-02-07T06:28:16Z, where the seconds begin again.
        answer[40..48].copy_from_slice(&[0; 8]);
        assert_eq!(transmitted(&answer), Some(2_085_978_496_000));
        let source = |text: &str| text.parse::<TimeSource>().map(|source| format!("{source:?}"));
        assert_eq!(source("ntp://time.example").unwrap(), "TimeSource(ntp://time.example:123)");
        assert_eq!(source("ntp://[::1]:1123").unwrap(), "TimeSource(ntp://[::1]:1123)");
        assert!(source("https://time.example/").is_ok());
        for bad in ["", "time.example", "http://time.example", "ntp://", "ntp://a/b", "ntp://a b"] {
            assert!(source(bad).is_err(), "{bad}");
        }
    }
}
