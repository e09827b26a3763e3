//! SAP asked to be left alone for a while (`Retry-After`, RFC 9110 10.2.3), and is.
//!
//! Calls in the meantime are answered at once as those of a silent SAP: waiting for the moment would
//! cost each of them its deadline, and asking would make it worse (Sales Cloud Version 2 counts
//! refused requests too).

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// SAP is left alone for this long at most, whatever it says: a daily quota would otherwise silence dialgate until
/// midnight, long after somebody has raised it.
pub(in crate::sap) const LONGEST: Duration = Duration::from_mins(1);

/// When SAP may be asked again.
#[derive(Default)]
pub(super) struct Hold(Mutex<Option<Instant>>);

impl Hold {
    /// Nobody asks for `wait` from now on; a longer wait than the longest is cut.
    pub(super) fn leave_alone(&self, wait: Duration) {
        let until = Instant::now() + wait.min(LONGEST);
        let mut hold = self.lock();
        *hold = Some(hold.map_or(until, |earlier| earlier.max(until)));
    }

    /// How much longer SAP is left alone.
    pub(super) fn remaining(&self) -> Option<Duration> {
        let until = (*self.lock())?;
        let remaining = until.saturating_duration_since(Instant::now());
        (!remaining.is_zero()).then_some(remaining)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_longest_wait_counts_and_ends() {
        let hold = Hold::default();
        assert_eq!(hold.remaining(), None);

        hold.leave_alone(Duration::from_secs(30));
        hold.leave_alone(Duration::from_secs(1));
        assert_eq!(hold.remaining(), Some(Duration::from_secs(30)));
        tokio::time::advance(Duration::from_secs(30)).await;
        assert_eq!(hold.remaining(), None);

        hold.leave_alone(Duration::from_hours(9));
        assert_eq!(hold.remaining(), Some(LONGEST));
    }
}
