//! How often a failed request may be sent once more.
//!
//! A retry is earned by an answer: while every second request fails each call may have its second
//! try, and while all fail there are soon none left, so that retries never become the load that
//! keeps a SAP down.

use std::sync::atomic::{AtomicU32, Ordering};

/// Retries that may be in store: what a burst of failures may use before answers come again.
const MOST: u32 = 10;

/// The retries left.
pub(in crate::sap) struct RetryBudget(AtomicU32);

impl RetryBudget {
    pub(in crate::sap) fn new() -> Self {
        Self(AtomicU32::new(MOST))
    }

    /// SAP answered.
    pub(in crate::sap) fn earn(&self) {
        // A reader sees at most one too many or too few.
        let _full = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
            (left < MOST).then_some(left + 1)
        });
    }

    /// Takes a retry, where there is one.
    pub(in crate::sap) fn take(&self) -> bool {
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_second_failure_is_retried_for_ever_and_failures_without_answers_are_not() {
        let budget = RetryBudget::new();
        for call in 0..1000 {
            assert!(budget.take(), "{call}");
            budget.earn();
        }

        let retries = (0..1000).filter(|_| budget.take()).count();

        assert_eq!(retries, MOST as usize);
    }
}
