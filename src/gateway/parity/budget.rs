//! How often another system may be asked for comparisons.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

/// So many comparisons wait for an answer at once: enough for one a second from a system that takes seconds.
const AT_ONCE: usize = 4;

const MINUTE: Duration = Duration::from_mins(1);

/// What is left of this minute, and of the places.
pub(super) struct Budget {
    places: Arc<Semaphore>,
    /// Its beginning, and how many were taken since.
    minute: Mutex<Option<(Instant, u32)>>,
}

impl Default for Budget {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(AT_ONCE)), minute: Mutex::default() }
    }
}

impl Budget {
    /// A place until it is dropped; `None`: nothing is left.
    pub(super) fn take(&self, per_minute: u32) -> Option<OwnedSemaphorePermit> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        let now = Instant::now();
        let mut minute = self.minute.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, taken) = minute.filter(|(since, _)| now - *since < MINUTE).unwrap_or((now, 0));
        if taken >= per_minute {
            return None;
        }
        *minute = Some((since, taken + 1));
        Some(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn of_a_minute_only_so_many_are_taken_and_the_next_has_as_many_again() {
        let budget = Budget::default();

        let taken = || (0..10).filter(|_| budget.take(3).is_some()).count();

        assert_eq!(taken(), 3);
        tokio::time::advance(Duration::from_secs(59)).await;
        assert_eq!(taken(), 0);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(taken(), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn those_that_wait_for_an_answer_take_a_place_each() {
        let budget = Budget::default();

        let waiting: Vec<_> = (0..10).filter_map(|_| budget.take(100)).collect();

        assert_eq!(waiting.len(), AT_ONCE);
        drop(waiting);
        assert!(budget.take(100).is_some());
    }
}
