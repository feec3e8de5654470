//! What is fetched once for all who ask for it at the same time, for a bounded number of names.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::base::limits;

/// A value, or the place for one: whoever holds the lock fetches it for all.
pub(super) type Slot<V> = tokio::sync::Mutex<Option<V>>;

/// Slots by name, at most [`limits::REGISTRY_CACHE`].
#[derive(Debug)]
pub(super) struct Slots<K, V>(Mutex<BTreeMap<K, Arc<Slot<V>>>>);

impl<K, V> Default for Slots<K, V> {
    fn default() -> Self {
        Self(Mutex::new(BTreeMap::new()))
    }
}

impl<K: Clone + Ord, V> Slots<K, V> {
    /// The slot of this name. When there are too many, those that nobody uses at the moment go first.
    pub(super) fn slot(&self, name: &K) -> Arc<Slot<V>> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() >= limits::REGISTRY_CACHE && !slots.contains_key(name) {
            slots.retain(|_, slot| Arc::strong_count(slot) > 1);
        }
        Arc::clone(slots.entry(name.clone()).or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_without_end_do_not_fill_memory() {
        let slots: Slots<usize, ()> = Slots::default();
        let used = slots.slot(&0);
        for name in 1..limits::REGISTRY_CACHE * 3 {
            slots.slot(&name);
        }
        assert!(slots.0.lock().unwrap().len() <= limits::REGISTRY_CACHE);
        assert!(Arc::ptr_eq(&used, &slots.slot(&0)), "one that is in use stays");
    }
}
