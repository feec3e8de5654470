//! How often one subject gets a certificate: a bucket for each, within a bounded table.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::base::crypto::sha256;
use crate::base::time::UnixTime;

/// Certificates at once.
const BURST: i64 = 1000;
/// Milliseconds until one more: 50 a second, more than a signer on the same machine can use.
const REFILL_MS: i64 = 20;
/// Subjects that are remembered. When the table is full it is forgotten: the limit is there against floods by
/// one subject, and memory must not grow with their number.
const SUBJECTS: usize = 16_384;

/// The buckets: for each subject, the time at which its bucket was or will be full again.
#[derive(Debug, Default)]
pub(super) struct RateLimit(Mutex<HashMap<[u8; 32], i64>>);

impl RateLimit {
    /// Takes one from the subject's bucket; `false` when it is empty.
    pub(super) fn take(&self, subject: &str, now: UnixTime) -> bool {
        let now = now.millis();
        let mut full_at = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let subject = sha256(&[subject.as_bytes()]);
        if full_at.len() >= SUBJECTS && !full_at.contains_key(&subject) {
            full_at.retain(|_, full_at| *full_at > now);
            if full_at.len() >= SUBJECTS {
                full_at.clear();
            }
        }
        let full_at = full_at.entry(subject).or_insert(now);
        if *full_at - now > BURST * REFILL_MS {
            // Later than any bucket can be: the clock was ahead and has been mended.
            *full_at = now;
        }
        let next = (*full_at).max(now) + REFILL_MS;
        let allowed = next - now <= BURST * REFILL_MS;
        if allowed {
            *full_at = next;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn f22_a_flood_by_one_subject() {
        let limit = RateLimit::default();
        let at = |millis: i64| UnixTime::from_millis(1_000_000 + millis);
        let taken = (0..2000).filter(|_| limit.take("a", at(0))).count();
        assert_eq!(taken, 1000);
        assert!(limit.take("b", at(0)), "another subject has its own");
        assert!(!limit.take("a", at(19)));
        assert!(limit.take("a", at(20)));
        assert!(!limit.take("a", at(20)));
    }

    #[test]
    fn f22_logt8_a_clock_that_was_ahead_locks_nobody_out() {
        let limit = RateLimit::default();
        assert!(limit.take("a", UnixTime::from_secs(7200)));
        assert!(limit.take("a", UnixTime::from_secs(3600)));
        assert!((0..1000).filter(|_| limit.take("a", UnixTime::from_secs(3600))).count() < 1000);
    }

    #[test]
    fn f22_the_table_is_bounded() {
        let limit = RateLimit::default();
        for subject in 0..2 * SUBJECTS {
            assert!(limit.take(&subject.to_string(), UnixTime::from_secs(1)));
        }
        assert!(limit.0.lock().unwrap().len() <= SUBJECTS);
    }
}
