//! When a call is repeated, and after which pause.

use std::time::Duration;

use reqwest::header::{self, HeaderMap};

use super::{Failure, Settings};
use crate::base::limits;
use crate::base::time::UnixTime;

/// Statuses that say "not now": RFC 9110 sections 15.5.9 and 15.6, RFC 6585 section 4. 501 and 505 say
/// "never".
pub(super) fn is_transient(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502..=504 | 506..=599)
}

/// The pause before the next attempt; `None` when there is to be none: the failure is final, the
/// attempts are used up, or the pause would not fit in what is left of the budget.
pub(super) fn pause(failure: &Failure, attempt: u32, settings: &Settings, left: Duration) -> Option<Duration> {
    let asked = match failure {
        Failure::Transport(_) => None,
        Failure::Status { status, headers, .. } if is_transient(*status) => asked(headers),
        _ => return None,
    };
    if attempt >= settings.attempts {
        return None;
    }
    let growing = settings.first_pause.saturating_mul(1 << attempt.saturating_sub(1).min(16));
    let pause = asked.unwrap_or_default().max(jitter(growing.min(limits::RETRY_PAUSE)));
    (pause < left).then_some(pause)
}

/// The pause that a server asks for.
pub(super) fn asked(headers: &HeaderMap) -> Option<Duration> {
    let field = |name| headers.get(name).and_then(|value| value.to_str().ok());
    field(header::RETRY_AFTER).and_then(|value| retry_after(value, field(header::DATE)))
}

/// Retry-After (RFC 9110 section 10.2.3): seconds, or a date, which is held against the server's own `Date`,
/// never against our clock.
fn retry_after(value: &str, date: Option<&str>) -> Option<Duration> {
    let seconds = match value.trim().parse() {
        Ok(seconds) => seconds,
        Err(_) => u64::try_from(http_date(value)?.secs() - http_date(date?)?.secs()).ok()?,
    };
    Some(Duration::from_secs(seconds))
}

/// IMF-fixdate, the form that servers write (RFC 9110 section 5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(super) fn http_date(text: &str) -> Option<UnixTime> {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let mut words = text.trim().split_once(", ")?.1.split(' ');
    let (day, month, year, time) = (words.next()?, words.next()?, words.next()?, words.next()?);
    let month = MONTHS.find(month).filter(|at| at % 3 == 0 && month.len() == 3)?;
    let mut parts = time.split(':').map(|part| part.parse().ok());
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let month = u8::try_from(month / 3 + 1).ok()?;
    (words.next() == Some("GMT")).then_some(())?;
    UnixTime::from_civil(year.parse().ok()?, month, day.parse().ok()?, hour, minute, second)
}

/// Half of the pause and a random share of the other half, so that many clients do not come back at
/// once.
fn jitter(pause: Duration) -> Duration {
    let mut byte = [0];
    // Without randomness the pause is merely less spread.
    let _ = getrandom::fill(&mut byte);
    pause / 2 + pause / 2 * u32::from(byte[0]) / 255
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(status: u16, after: Option<&str>) -> Failure {
        let mut headers = HeaderMap::new();
        if let Some(after) = after {
            headers.insert(header::RETRY_AFTER, after.parse().unwrap());
        }
        Failure::Status { status, headers, body: Vec::new() }
    }

    #[test]
    fn pauses_grow_within_the_budget() {
        let settings = Settings { first_pause: Duration::from_millis(100), attempts: 4, ..Settings::default() };
        let minute = Duration::from_secs(60);
        for (attempt, most) in [(1, 100), (2, 200), (3, 400)] {
            let pause = pause(&status(503, None), attempt, &settings, minute).unwrap();
            let most = Duration::from_millis(most);
            assert!((most / 2..=most).contains(&pause), "{attempt}: {pause:?}");
        }
        assert_eq!(pause(&status(503, None), 4, &settings, minute), None);
        assert_eq!(pause(&status(503, None), 1, &settings, Duration::from_millis(10)), None);
        assert_eq!(pause(&status(400, Some("1")), 1, &settings, minute), None);
    }

    #[test]
    fn retry_after_is_honoured_or_there_is_no_attempt() {
        let settings = Settings::default();
        let after = |value| pause(&status(429, Some(value)), 1, &settings, Duration::from_secs(90));
        assert_eq!(after("7"), Some(Duration::from_secs(7)));
        assert_eq!(after("60"), Some(Duration::from_secs(60)));
        // Nonsense is no advice.
        assert!(after("soon").unwrap() <= settings.first_pause);
        // Asked to wait beyond the budget: no attempt that would come too early.
        for long in ["90", "86400", "18446744073709551615"] {
            assert_eq!(after(long), None, "{long}");
        }
    }

    #[test]
    fn a_date_is_held_against_the_servers_own() {
        let (later, now) = ("Wed, 21 Oct 2026 07:28:05 GMT", "Wed, 21 Oct 2026 07:28:00 GMT");
        assert_eq!(retry_after(later, Some(now)), Some(Duration::from_secs(5)));
        assert_eq!(retry_after("Thu, 22 Oct 2026 00:00:00 GMT", Some(now)), Some(Duration::from_secs(59_520)));
        assert_eq!(retry_after(now, Some(later)), None);
        assert_eq!(retry_after(later, None), None);
        for bad in [
            "Wed, 21 Okt 2026 07:28:00 GMT",
            "Wed, 21 anF 2026 07:28:00 GMT",
            "Wed, 32 Oct 2026 07:28:00 GMT",
            "21 Oct 2026",
        ] {
            assert_eq!(http_date(bad), None, "{bad}");
        }
    }
}
