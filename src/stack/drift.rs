//! Whether the clock that timestamps are made by agrees with others: more than half of the time sources that the
//! operator names must, within the accuracy that tokens state. A clock that nobody confirms stamps nothing.
//!
//! Sources are time servers (`ntp://HOST[:PORT]`, RFC 4330's one question and answer), and HTTP servers, whose `Date`
//! header tells the second (RFC 9110 section 6.6.1). What either says is not authenticated, unless it is https: name
//! several of different owners.

mod source;

use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};
use std::time::{Duration, Instant};

use super::clock::Clock;
use super::tsa::ACCURACY_SECS;
use crate::base::limits;

pub use source::{SourceError, TimeSource};

/// How often the sources are asked.
const INTERVAL: Duration = Duration::from_secs(60);
/// How long they have to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// For how long agreement counts when the sources cannot be asked again.
const LASTS_SECS: i64 = 300;

/// What a source said: between which times the true one lies when the own clock says `own`, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sample {
    own: i64,
    earliest: i64,
    latest: i64,
}

impl Sample {
    /// Whether the own clock may be right, as exactly as tokens say.
    fn agrees(&self) -> bool {
        let accuracy = ACCURACY_SECS as i64 * 1000;
        self.earliest - accuracy <= self.own && self.own <= self.latest + accuracy
    }
}

/// Why a clock is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Doubt {
    None,
    /// Nobody was asked yet.
    Unasked,
    /// Too few answered.
    Unheard,
    /// They say another time.
    Disagree,
}

/// Asks the sources, and says whether the clock may stamp.
#[derive(Debug)]
pub struct DriftGuard {
    sources: Vec<TimeSource>,
    doubt: AtomicU8,
    /// The own time of the last agreement, in milliseconds.
    agreed: AtomicI64,
    /// Own time minus monotonic time at the last agreement.
    offset: AtomicI64,
    started: Instant,
}

impl DriftGuard {
    /// A guard with at least one source; until they were asked, the clock is not believed.
    pub fn new(sources: Vec<TimeSource>) -> Self {
        Self {
            sources,
            doubt: AtomicU8::new(Doubt::Unasked as u8),
            agreed: AtomicI64::new(i64::MIN),
            offset: AtomicI64::new(0),
            started: Instant::now(),
        }
    }

    /// Asks now, and every minute.
    pub(super) async fn keep(&self, clock: &Clock) -> std::convert::Infallible {
        loop {
            self.ask(clock).await;
            // The first answer is waited for by clients.
            let pause = if self.refuses(clock.now().millis()).is_none() { INTERVAL } else { INTERVAL / 12 };
            tokio::time::sleep(pause).await;
        }
    }

    /// Asks every source, at most [`limits::TIME_SOURCES`] at once.
    pub(super) async fn ask(&self, clock: &Clock) {
        let mut asked = tokio::task::JoinSet::new();
        for source in self.sources.iter().take(limits::TIME_SOURCES) {
            let (source, clock) = (source.clone(), clock.clone());
            asked.spawn(async move { tokio::time::timeout(PATIENCE, source.ask(&clock)).await.ok()?.ok() });
        }
        let samples: Vec<_> = asked.join_all().await.into_iter().flatten().collect();
        self.judge(&samples, (clock.now().millis(), self.monotonic()));
    }

    /// Judges what was heard at a time of the own clock, and of one that nobody sets.
    fn judge(&self, samples: &[Sample], (now, monotonic): (i64, i64)) {
        let needed = self.sources.len() / 2 + 1;
        let agreeing = samples.iter().filter(|sample| sample.agrees()).count();
        let doubt = match () {
            () if agreeing >= needed => Doubt::None,
            // Too few answers change nothing until the last agreement is old.
            () if samples.len() < needed => Doubt::Unheard,
            () => Doubt::Disagree,
        };
        if doubt == Doubt::None {
            self.agreed.store(now, Ordering::Relaxed);
            self.offset.store(now - monotonic, Ordering::Relaxed);
        }
        let known = self.agreed.load(Ordering::Relaxed) != i64::MIN;
        if doubt != Doubt::Unheard || !known {
            self.doubt.store(doubt as u8, Ordering::Relaxed);
        }
    }

    fn monotonic(&self) -> i64 {
        i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    /// Why the clock may not stamp when it says `now`, in milliseconds.
    pub fn refuses(&self, now: i64) -> Option<&'static str> {
        self.refuses_at(now, self.monotonic())
    }

    fn refuses_at(&self, now: i64, monotonic: i64) -> Option<&'static str> {
        let doubt = self.doubt.load(Ordering::Relaxed);
        let is = |wanted: Doubt| doubt == wanted as u8;
        let stepped = now - monotonic - self.offset.load(Ordering::Relaxed);
        let old = now.saturating_sub(self.agreed.load(Ordering::Relaxed)) > LASTS_SECS * 1000;
        if is(Doubt::Unasked) {
            Some("the clock has not been compared with others yet")
        } else if is(Doubt::Unheard) || (is(Doubt::None) && old) {
            Some("too few clocks answer to compare with")
        } else if is(Doubt::Disagree) {
            Some("the clock disagrees with others")
        } else if stepped.abs() > ACCURACY_SECS as i64 * 1000 {
            Some("the clock was set, and has not been compared with others since")
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests;
