//! How fast signatures are asked for.

use std::num::NonZeroU32;
use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

/// So many signatures in so long, evenly spread. Whoever waits for a turn holds no certificate yet that could end
/// meanwhile: the turn comes first.
#[derive(Debug)]
pub struct Pace {
    every: Duration,
    next: Mutex<Option<Instant>>,
}

impl Pace {
    /// `count` signatures `per` this long.
    pub fn new(count: NonZeroU32, per: Duration) -> Self {
        Self { every: per / count.get(), next: Mutex::new(None) }
    }

    /// Waits for a turn; the first is at once.
    pub async fn turn(&self) {
        let now = Instant::now();
        let at = {
            let mut next = self.next.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let at = next.map_or(now, |next| next.max(now));
            *next = Some(at + self.every);
            at
        };
        tokio::time::sleep_until(at).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn turns_are_evenly_spread_and_not_saved_up() {
        let pace = Pace::new(NonZeroU32::new(2).unwrap(), Duration::from_secs(1));
        let start = Instant::now();
        for turn in 0..4u32 {
            pace.turn().await;
            assert_eq!(start.elapsed(), Duration::from_millis(500) * turn);
        }
        tokio::time::sleep(Duration::from_secs(60)).await;
        let later = Instant::now();
        pace.turn().await;
        pace.turn().await;
        assert_eq!(later.elapsed(), Duration::from_millis(500));
    }
}
