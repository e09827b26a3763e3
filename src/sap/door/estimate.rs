//! How long SAP lately takes for a lookup.
//!
//! A smoothed mean and a smoothed deviation, as TCP keeps them for its round trips (RFC 6298): one
//! odd answer does not move it far, a change of SAP's pace is followed within a dozen answers.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// No lookup is expected to take less: there and back through a network, and SAP's own work.
const LEAST: Duration = Duration::from_millis(20);

/// Mean and deviation in microseconds; zero until SAP has answered. Two numbers that are read apart:
/// a mean beside the deviation of a moment before is as good an estimate.
#[derive(Default)]
pub(super) struct Estimate {
    mean: AtomicU64,
    deviation: AtomicU64,
}

impl Estimate {
    /// A lookup took this long.
    pub(super) fn took(&self, took: Duration) {
        let took = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
        let mean = self.mean.load(Ordering::Relaxed);
        if mean == 0 {
            self.mean.store(took, Ordering::Relaxed);
            self.deviation.store(took / 8, Ordering::Relaxed);
            return;
        }
        let deviation = self.deviation.load(Ordering::Relaxed);
        // RFC 6298, 2.3: a quarter of the news for the deviation, an eighth for the mean.
        self.deviation
            .store(deviation - deviation / 4 + mean.abs_diff(took) / 4, Ordering::Relaxed);
        self.mean.store((mean - mean / 8 + took / 8).max(1), Ordering::Relaxed);
    }

    /// How long the next one is likely to take at most.
    pub(super) fn expected(&self) -> Duration {
        let mean = self.mean.load(Ordering::Relaxed);
        let most = mean.saturating_add(self.deviation.load(Ordering::Relaxed));
        Duration::from_micros(most).max(LEAST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_is_expected_until_sap_has_answered_and_then_about_what_it_took() {
        let estimate = Estimate::default();
        assert_eq!(estimate.expected(), LEAST);

        for _ in 0..50 {
            estimate.took(Duration::from_millis(300));
        }

        let expected = estimate.expected().as_millis();
        assert!((300..310).contains(&expected), "{expected}");
    }

    #[test]
    fn one_odd_answer_moves_little_and_a_new_pace_is_followed() {
        let estimate = Estimate::default();
        for _ in 0..50 {
            estimate.took(Duration::from_millis(100));
        }
        estimate.took(Duration::from_secs(2));
        assert!(estimate.expected() < Duration::from_millis(900), "{:?}", estimate.expected());

        for _ in 0..40 {
            estimate.took(Duration::from_secs(2));
        }
        assert!(estimate.expected() > Duration::from_millis(1900), "{:?}", estimate.expected());
    }
}
