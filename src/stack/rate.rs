//! How often one subject is served: a bucket for each, within a bounded table.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::base::crypto::sha256;
use crate::base::limits;
use crate::base::time::UnixTime;

/// How often a subject may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// In a second, for good.
    pub per_second: u32,
    /// At once, after a quiet time.
    pub burst: u32,
}

impl Rate {
    /// What is no rate.
    pub(super) fn check(self) -> Result<(), &'static str> {
        let most = limits::RATE_PER_SECOND;
        match (1..=most).contains(&self.per_second) && (1..=most).contains(&self.burst) {
            true => Ok(()),
            false => Err("a rate is of 1 to 100000 a second, and as many at once"),
        }
    }

    /// Microseconds until one more.
    fn refill(self) -> i64 {
        1_000_000 / i64::from(self.per_second.max(1))
    }

    /// Microseconds until an empty bucket is full.
    fn full(self) -> i64 {
        self.refill() * i64::from(self.burst)
    }
}

/// `rates` in `stack.json`: how often each part serves one subject. What it does not say is as [`Rates::ca`] and
/// [`Rates::log`] have it; a timestamp authority that is not named has no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rates {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ca: Option<Rate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    log: Option<Rate>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tsa: Option<Rate>,
}

impl Rates {
    /// With a rate of certificates for one subject.
    #[must_use]
    pub fn with_ca(self, rate: Rate) -> Self {
        Self { ca: Some(rate), ..self }
    }

    /// With a rate of new entries by one identity.
    #[must_use]
    pub fn with_log(self, rate: Rate) -> Self {
        Self { log: Some(rate), ..self }
    }

    /// With a rate of timestamps for one address.
    #[must_use]
    pub fn with_tsa(self, rate: Rate) -> Self {
        Self { tsa: Some(rate), ..self }
    }

    /// Certificates: by default 50 a second, more than a signer on the same machine can use.
    pub fn ca(&self) -> Rate {
        self.ca.unwrap_or(Rate { per_second: 50, burst: 1000 })
    }

    /// Entries: by default 1,000 a second, so that a job that signs thousands of files under one certificate passes.
    pub fn log(&self) -> Rate {
        self.log.unwrap_or(Rate { per_second: 1000, burst: 2000 })
    }

    /// Timestamps: by default without a limit. A request names nobody, and an address may be a whole site's.
    pub fn tsa(&self) -> Option<Rate> {
        self.tsa
    }

    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn check(&self) -> Result<(), &'static str> {
        [self.ca, self.log, self.tsa].into_iter().flatten().try_for_each(Rate::check)
    }
}

/// The buckets: for each subject, the time at which its bucket was or will be full again, in microseconds. When the
/// table is full it is forgotten: the limit is there against floods by one subject, and memory must not grow with
/// their number.
#[derive(Debug)]
pub struct RateLimit {
    rate: Rate,
    full_at: Mutex<HashMap<[u8; 32], i64>>,
}

impl RateLimit {
    /// Nobody has come yet.
    pub fn new(rate: Rate) -> Self {
        Self { rate, full_at: Mutex::default() }
    }

    /// Takes one from the subject's bucket; when it is empty, says how long it is until there is one.
    pub fn take(&self, subject: &str, now: UnixTime) -> Result<(), Duration> {
        let (now, full) = (now.millis().saturating_mul(1000), self.rate.full());
        let mut table = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let subject = sha256(&[subject.as_bytes()]);
        if table.len() >= limits::RATE_SUBJECTS && !table.contains_key(&subject) {
            table.retain(|_, full_at| *full_at > now);
            if table.len() >= limits::RATE_SUBJECTS {
                table.clear();
            }
        }
        let full_at = table.entry(subject).or_insert(now);
        if *full_at - now > full {
            // Later than any bucket can be: the clock was ahead and has been mended.
            *full_at = now;
        }
        let next = (*full_at).max(now) + self.rate.refill();
        match u64::try_from(next - now - full) {
            Ok(wait) if wait > 0 => Err(Duration::from_micros(wait)),
            _ => {
                *full_at = next;
                Ok(())
            }
        }
    }

    /// Gives one back that was taken for nothing.
    pub fn give_back(&self, subject: &str) {
        let mut table = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(full_at) = table.get_mut(&sha256(&[subject.as_bytes()])) {
            *full_at -= self.rate.refill();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> UnixTime {
        UnixTime::from_millis(1_000_000 + millis)
    }

    fn of_ca() -> RateLimit {
        RateLimit::new(Rates::default().ca())
    }

    #[test]
    fn f22_a_flood_by_one_subject() {
        let limit = of_ca();
        let taken = (0..2000).filter(|_| limit.take("a", at(0)).is_ok()).count();
        assert_eq!(taken, 1000);
        assert_eq!(limit.take("b", at(0)), Ok(()), "another subject has its own");
        assert_eq!(limit.take("a", at(19)), Err(Duration::from_millis(1)));
        assert_eq!(limit.take("a", at(20)), Ok(()));
        assert_eq!(limit.take("a", at(20)), Err(Duration::from_millis(20)));
        // What was taken for nothing is there again, once.
        limit.give_back("a");
        limit.give_back("nobody");
        assert_eq!(limit.take("a", at(20)), Ok(()));
        assert!(limit.take("a", at(20)).is_err());
    }

    #[test]
    fn f22_what_is_given_back_is_no_more_than_a_bucket_holds() {
        let limit = RateLimit::new(Rate { per_second: 1, burst: 2 });
        assert_eq!(limit.take("a", at(0)), Ok(()));
        (0..5).for_each(|_| limit.give_back("a"));
        assert_eq!((0..5).filter(|_| limit.take("a", at(0)).is_ok()).count(), 2);
    }

    #[test]
    fn f22_logt8_a_clock_that_was_ahead_locks_nobody_out() {
        let limit = of_ca();
        assert!(limit.take("a", UnixTime::from_secs(7200)).is_ok());
        assert!(limit.take("a", UnixTime::from_secs(3600)).is_ok());
        assert!((0..1000).filter(|_| limit.take("a", UnixTime::from_secs(3600)).is_ok()).count() < 1000);
    }

    #[test]
    fn f22_the_table_is_bounded() {
        let limit = of_ca();
        for subject in 0..2 * limits::RATE_SUBJECTS {
            assert!(limit.take(&subject.to_string(), UnixTime::from_secs(1)).is_ok());
        }
        assert!(limit.full_at.lock().unwrap().len() <= limits::RATE_SUBJECTS);
    }

    /// A job that signs a thousand files, as fast as it may.
    #[test]
    fn a_job_with_one_certificate_passes() {
        let limit = RateLimit::new(Rates::default().log());
        assert_eq!((0..3000).filter(|_| limit.take("a", at(0)).is_ok()).count(), 2000);
        for millis in 1..5000 {
            assert_eq!(limit.take("a", at(millis)), Ok(()), "{millis}");
            assert_eq!(limit.take("a", at(millis)), Err(Duration::from_millis(1)), "{millis}");
        }
    }

    #[test]
    fn rates_that_are_none() {
        let check = |per_second, burst| Rates::default().with_log(Rate { per_second, burst }).check();
        assert_eq!((check(1, 1), check(100_000, 100_000)), (Ok(()), Ok(())));
        for (per_second, burst) in [(0, 1), (1, 0), (100_001, 1), (1, 100_001)] {
            assert!(check(per_second, burst).is_err(), "{per_second} {burst}");
            let rate = Rate { per_second, burst };
            assert!(Rates::default().with_ca(rate).check().is_err());
            assert!(Rates::default().with_tsa(rate).check().is_err());
        }
    }
}
