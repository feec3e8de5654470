//! Verdicts that are kept, and lookups that are under way.
//!
//! A key is a digest over what the verdict depends on: the repository and the digest of the image, the policy
//! document, the trust root. No tag is part of it: where a tag leads is found out anew each time. A yes is kept
//! for [`limits::VERDICT_SECS`], a no for [`limits::VERDICT_NO_SECS`], "could not look" not at all; at most
//! [`limits::VERDICTS`] are kept, the oldest goes first.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::verdict::Verdict;
use crate::base::code::Code;
use crate::base::crypto::{DigestAlgorithm, Hasher};
use crate::base::limits;

/// Parts that are locked by themselves, so that reviews do not wait for each other.
const SHARDS: usize = 16;

/// What a verdict depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Key([u8; 32]);

impl Key {
    /// A key over parts; their lengths are part of it.
    pub(super) fn over<const N: usize>(parts: [&[u8]; N]) -> Self {
        let mut hasher = Hasher::new(DigestAlgorithm::Sha256);
        for part in parts {
            hasher.update(&(part.len() as u64).to_be_bytes());
            hasher.update(part);
        }
        let mut key = [0; 32];
        key.copy_from_slice(hasher.finish().as_bytes());
        Self(key)
    }
}

/// The verdicts that are kept.
#[derive(Debug)]
pub(super) struct Cache {
    shards: Vec<Mutex<Shard>>,
    of_each: usize,
    /// What stands for images, each once: most are signed by the same few.
    admissions: Mutex<HashSet<Arc<Verdict>>>,
    flights: Mutex<HashMap<Key, watch::Receiver<Option<Arc<Verdict>>>>>,
}

#[derive(Debug, Default)]
struct Shard {
    kept: HashMap<Key, Kept>,
    /// The keys of `kept` in the order in which they came; each once.
    order: VecDeque<Key>,
}

#[derive(Debug)]
struct Kept {
    verdict: Arc<Verdict>,
    until: Instant,
}

/// Where a verdict came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// It was kept.
    Kept,
    /// It was found out, by this review or by one at the same time.
    Found,
}

impl Default for Cache {
    fn default() -> Self {
        Self::of(limits::VERDICTS)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Cache {
    /// A cache of at most `verdicts`.
    pub(super) fn of(verdicts: usize) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        let of_each = verdicts.div_ceil(SHARDS).max(1);
        Self { shards, of_each, admissions: Mutex::default(), flights: Mutex::default() }
    }

    /// The verdict that is kept under a key, or the one that `look` finds. Of several that ask at the same time
    /// one looks; it goes on when those who asked have gone, for at most [`limits::LOOKUP_SECS`]. A panic in it
    /// is "could not look".
    pub(super) async fn verdict<F>(self: &Arc<Self>, key: Key, look: impl FnOnce() -> F) -> (Arc<Verdict>, Source)
    where
        F: Future<Output = Verdict> + Send + 'static,
    {
        if let Some(kept) = self.kept(key) {
            return (kept, Source::Kept);
        }
        let Some(mut flight) = self.board(key, look) else { return (Arc::new(crowded()), Source::Found) };
        let landed = flight.wait_for(Option::is_some).await.ok().and_then(|verdict| verdict.clone());
        (landed.unwrap_or_else(|| Arc::new(broken())), Source::Found)
    }

    /// The lookup under way for a key, or a new one; `None` when [`limits::LOOKUPS`] are under way.
    fn board<F>(self: &Arc<Self>, key: Key, look: impl FnOnce() -> F) -> Option<watch::Receiver<Option<Arc<Verdict>>>>
    where
        F: Future<Output = Verdict> + Send + 'static,
    {
        let mut flights = locked(&self.flights);
        let full = flights.len() >= limits::LOOKUPS;
        match flights.entry(key) {
            Entry::Occupied(flight) => Some(flight.get().clone()),
            Entry::Vacant(_) if full => None,
            Entry::Vacant(vacant) => {
                let (sender, receiver) = watch::channel(None);
                vacant.insert(receiver.clone());
                let landing = Landing { cache: Arc::clone(self), key };
                let look = look();
                tokio::spawn(async move {
                    let found = timeout(Duration::from_secs(limits::LOOKUP_SECS), look).await;
                    let verdict = landing.cache.shared(found.unwrap_or_else(|_| too_slow()));
                    landing.cache.keep(key, &verdict);
                    drop(landing);
                    let _ = sender.send(Some(verdict));
                });
                Some(receiver)
            }
        }
    }

    /// The verdict, in the memory that it has already when it is a yes like another.
    fn shared(&self, verdict: Verdict) -> Arc<Verdict> {
        if !matches!(verdict, Verdict::Admitted(_)) {
            return Arc::new(verdict);
        }
        let mut admissions = locked(&self.admissions);
        if let Some(known) = admissions.get(&verdict) {
            return Arc::clone(known);
        }
        if admissions.len() >= limits::ADMISSIONS {
            // Those that are kept are kept.
            admissions.clear();
        }
        let verdict = Arc::new(verdict);
        admissions.insert(Arc::clone(&verdict));
        verdict
    }

    fn shard(&self, key: Key) -> MutexGuard<'_, Shard> {
        locked(&self.shards[usize::from(key.0[0]) % SHARDS])
    }

    /// The verdict that is kept under a key.
    pub(super) fn kept(&self, key: Key) -> Option<Arc<Verdict>> {
        let shard = self.shard(key);
        let kept = shard.kept.get(&key)?;
        (Instant::now() < kept.until).then(|| Arc::clone(&kept.verdict))
    }

    fn keep(&self, key: Key, verdict: &Arc<Verdict>) {
        let seconds = match verdict.as_ref() {
            Verdict::Admitted(_) => limits::VERDICT_SECS,
            Verdict::Refused(_) => limits::VERDICT_NO_SECS,
            Verdict::Undecided(_) => return,
        };
        let kept = Kept { verdict: Arc::clone(verdict), until: Instant::now() + Duration::from_secs(seconds) };
        let mut shard = self.shard(key);
        if shard.kept.insert(key, kept).is_none() {
            shard.order.push_back(key);
            if shard.order.len() > self.of_each
                && let Some(oldest) = shard.order.pop_front()
            {
                shard.kept.remove(&oldest);
            }
        }
    }

    /// Verdicts that are kept, those past their time included.
    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| locked(shard).kept.len()).sum()
    }
}

/// Ends a lookup, also when it panics.
struct Landing {
    cache: Arc<Cache>,
    key: Key,
}

impl Drop for Landing {
    fn drop(&mut self) {
        locked(&self.cache.flights).remove(&self.key);
    }
}

fn too_slow() -> Verdict {
    let code = Code::undecided("gate-lookup-slow", "see whether the registry is well, then try again");
    Verdict::against(code, format_args!("the registry did not answer within {} s", limits::LOOKUP_SECS))
}

fn crowded() -> Verdict {
    let code = Code::undecided("gate-crowd", "try again; if it stays, run more replicas of the gate");
    Verdict::against(code, format_args!("{} images are being looked at", limits::LOOKUPS))
}

fn broken() -> Verdict {
    let code = Code::undecided("gate-broken", "this is a fault of the gate: report it, with its journal");
    Verdict::against(code, "the gate failed while it verified")
}

#[cfg(test)]
mod tests;
