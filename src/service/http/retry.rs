//! When a call is repeated, and after which pause.

use std::time::Duration;

use reqwest::header;

use super::{Failure, Settings};
use crate::base::limits;

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
        Failure::Status { status, headers, .. } if is_transient(*status) => {
            headers.get(header::RETRY_AFTER).and_then(|value| retry_after(value.to_str().ok()?))
        }
        _ => return None,
    };
    if attempt >= settings.attempts {
        return None;
    }
    let growing = settings.first_pause.saturating_mul(1 << attempt.saturating_sub(1).min(16));
    let pause = asked.unwrap_or_default().max(jitter(growing.min(limits::RETRY_PAUSE)));
    (pause < left).then_some(pause)
}

/// Retry-After in seconds (RFC 9110 section 10.2.3), capped. Its date form would need the server's
/// clock to agree with ours: it is taken as no advice.
fn retry_after(value: &str) -> Option<Duration> {
    value.trim().parse().ok().map(|seconds| Duration::from_secs(seconds).min(limits::RETRY_AFTER))
}

/// Half of the pause and a random share of the other half, so that many clients do not come back at
/// once.
fn jitter(pause: Duration) -> Duration {
    let mut byte = [0];
    // Without randomness the pause is merely less spread.
    let _ = aws_lc_rs::rand::fill(&mut byte);
    pause / 2 + pause / 2 * u32::from(byte[0]) / 255
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::HeaderMap;

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
    fn retry_after_is_honoured_and_capped() {
        let settings = Settings::default();
        let after = |value| pause(&status(429, Some(value)), 1, &settings, Duration::from_secs(600)).unwrap();
        assert_eq!(after("7"), Duration::from_secs(7));
        assert_eq!(after("86400"), limits::RETRY_AFTER);
        assert!(after("Wed, 21 Oct 2026 07:28:00 GMT") <= settings.first_pause);
        // Asked to wait beyond the budget: no attempt that would come too early.
        assert_eq!(pause(&status(429, Some("20")), 1, &settings, Duration::from_secs(10)), None);
    }
}
