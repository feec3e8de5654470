//! Bounds for each registry by itself: lookups under way, and failures in a row. A registry that is slow or
//! broken takes nothing from the others, and is left alone for a while, which is said.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::base::code::Code;
use crate::base::limits;

/// Why a registry is not asked now.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// It failed too often in a row.
    #[error("{registry} failed {failures} times in a row and is asked again in {seconds} s")]
    Paused {
        /// The registry.
        registry: String,
        /// Failures.
        failures: u32,
        /// Seconds.
        seconds: u64,
    },
    /// More registries than [`limits::REGISTRIES`] are in use at once.
    #[error("{limit} registries are in use at once, {registry} would be one more", limit = limits::REGISTRIES)]
    TooMany {
        /// The registry.
        registry: String,
    },
}

impl RegistryError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::Paused { .. } => {
                Code::undecided("registry-paused", "see whether the registry is well, then try again")
            }
            Self::TooMany { .. } => Code::undecided("registry-crowd", "try again; if it stays, look who asks for them"),
        }
    }
}

/// The registries that are or were asked.
#[derive(Debug, Default)]
pub(super) struct Registries {
    known: Mutex<HashMap<String, Arc<Registry>>>,
}

#[derive(Debug)]
struct Registry {
    slots: Arc<Semaphore>,
    health: Mutex<Health>,
}

#[derive(Debug, Default)]
struct Health {
    failures: u32,
    paused: Option<Instant>,
}

/// Leave to ask a registry. A lookup that ends without a word, or is cut off, counts as failed.
#[derive(Debug)]
#[must_use]
pub(super) struct Leave {
    registry: Arc<Registry>,
    answered: bool,
    _slot: Option<OwnedSemaphorePermit>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Registries {
    /// Waits for a turn at a registry.
    pub(super) async fn enter(&self, name: &str) -> Result<Leave, RegistryError> {
        let registry = self.registry(name)?;
        // Who waits may find it paused when its turn comes.
        registry.open(name)?;
        let slot = Arc::clone(&registry.slots).acquire_owned().await.ok();
        registry.begin(name)?;
        Ok(Leave { registry, answered: false, _slot: slot })
    }

    fn registry(&self, name: &str) -> Result<Arc<Registry>, RegistryError> {
        let mut known = locked(&self.known);
        if let Some(registry) = known.get(name) {
            return Ok(Arc::clone(registry));
        }
        if known.len() >= limits::REGISTRIES {
            known.retain(|_, registry| registry.is_in_use());
        }
        if known.len() >= limits::REGISTRIES {
            return Err(RegistryError::TooMany { registry: name.to_owned() });
        }
        let slots = Arc::new(Semaphore::new(limits::REGISTRY_LOOKUPS));
        let registry = Arc::new(Registry { slots, health: Mutex::default() });
        known.insert(name.to_owned(), Arc::clone(&registry));
        Ok(registry)
    }

    /// Registries that are left alone now.
    pub(super) fn paused(&self) -> usize {
        let now = Instant::now();
        locked(&self.known)
            .values()
            .filter(|registry| locked(&registry.health).paused.is_some_and(|at| now < at))
            .count()
    }
}

impl Registry {
    /// Whether forgetting it would lose something.
    fn is_in_use(&self) -> bool {
        self.slots.available_permits() < limits::REGISTRY_LOOKUPS || locked(&self.health).failures > 0
    }

    /// Whether it may be asked now.
    fn open(&self, name: &str) -> Result<(), RegistryError> {
        locked(&self.health).open(name)
    }

    /// The same, for who asks now: past a pause one may, the others wait for what becomes of it.
    fn begin(&self, name: &str) -> Result<(), RegistryError> {
        let mut health = locked(&self.health);
        health.open(name)?;
        if health.paused.is_some() {
            health.pause();
        }
        Ok(())
    }
}

impl Health {
    fn open(&self, name: &str) -> Result<(), RegistryError> {
        let left =
            self.paused.and_then(|until| until.checked_duration_since(Instant::now())).filter(|left| !left.is_zero());
        let Some(left) = left else { return Ok(()) };
        Err(RegistryError::Paused { registry: name.to_owned(), failures: self.failures, seconds: left.as_secs() + 1 })
    }

    fn pause(&mut self) {
        self.paused = Some(Instant::now() + Duration::from_secs(limits::REGISTRY_PAUSE_SECS));
    }
}

impl Leave {
    /// The registry answered, whatever it said.
    pub(super) fn answered(mut self) {
        self.answered = true;
    }
}

impl Drop for Leave {
    fn drop(&mut self) {
        let mut health = locked(&self.registry.health);
        if self.answered {
            *health = Health::default();
            return;
        }
        health.failures = health.failures.saturating_add(1);
        if health.failures >= limits::REGISTRY_FAILURES {
            health.pause();
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::{advance, timeout};

    use super::*;

    async fn enter(registries: &Registries, name: &str) -> Result<Leave, &'static str> {
        registries.enter(name).await.map_err(|error| error.code().name())
    }

    #[tokio::test(start_paused = true)]
    async fn g01_a_registry_that_fails_is_left_alone_and_tried_again() {
        let registries = Registries::default();
        for _ in 0..limits::REGISTRY_FAILURES {
            drop(enter(&registries, "down.example").await.unwrap());
        }
        assert_eq!(enter(&registries, "down.example").await.err(), Some("registry-paused"));
        assert_eq!(registries.paused(), 1);
        // Others are not its business.
        enter(&registries, "up.example").await.unwrap().answered();
        advance(Duration::from_secs(limits::REGISTRY_PAUSE_SECS)).await;
        // One tries; the others wait for it.
        let tried = enter(&registries, "down.example").await.unwrap();
        assert_eq!(enter(&registries, "down.example").await.err(), Some("registry-paused"));
        drop(tried);
        assert_eq!(enter(&registries, "down.example").await.err(), Some("registry-paused"));
        advance(Duration::from_secs(limits::REGISTRY_PAUSE_SECS)).await;
        enter(&registries, "down.example").await.unwrap().answered();
        drop(enter(&registries, "down.example").await.unwrap());
        enter(&registries, "down.example").await.unwrap().answered();
        assert_eq!(registries.paused(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_crowded_registry_takes_no_turn_of_another() {
        let registries = Registries::default();
        let mut inside = Vec::new();
        for _ in 0..limits::REGISTRY_LOOKUPS {
            inside.push(enter(&registries, "slow.example").await.unwrap());
        }
        let wait = Duration::from_secs(1);
        assert!(timeout(wait, enter(&registries, "slow.example")).await.is_err());
        assert!(timeout(wait, enter(&registries, "fast.example")).await.is_ok());
        inside.pop().unwrap().answered();
        assert!(timeout(wait, enter(&registries, "slow.example")).await.is_ok());
    }

    #[tokio::test]
    async fn registries_are_bounded() {
        let registries = Registries::default();
        let mut inside = Vec::new();
        for number in 0..limits::REGISTRIES {
            inside.push(enter(&registries, &format!("r{number}.example")).await.unwrap());
        }
        assert_eq!(enter(&registries, "more.example").await.err(), Some("registry-crowd"));
        inside.drain(..).for_each(Leave::answered);
        enter(&registries, "more.example").await.unwrap().answered();
        assert!(locked(&registries.known).len() < 10);
    }
}
