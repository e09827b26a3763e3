//! Says in time that the certificate shown to jtel ends.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{
    net::tls::{CertificateFacts, SOON_DAYS},
    telemetry::{clock, metrics::Metrics},
};

/// A warning is due when so many days are left: time to order, to remind, to hurry.
const WARN_DAYS: [i64; 4] = [SOON_DAYS, 14, 7, 1];

/// Watches the end of the certificate that is shown.
pub(super) struct CertificateWatch {
    metrics: Arc<Metrics>,
    shown: Mutex<Option<Shown>>,
}

struct Shown {
    ends: i64,
    /// The last warning was about so many days.
    told: Option<i64>,
}

impl CertificateWatch {
    pub(super) fn new(metrics: Arc<Metrics>) -> Self {
        Self { metrics, shown: Mutex::default() }
    }

    /// This one is shown from now on.
    ///
    /// One that has ended, or soon will, is shown all the same: what jtel makes of it is not
    /// documented, and a gateway that does not start stops every call.
    pub(super) fn shows(&self, certificate: &CertificateFacts) {
        self.metrics.certificate_ends(certificate.not_after);
        let shown = Shown { ends: certificate.not_after, told: None };
        *self.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some(shown);
        self.tell_if_it_ends_soon();
    }

    /// Says once for each of [`WARN_DAYS`] that the end comes near.
    pub(super) fn tell_if_it_ends_soon(&self) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(shown) = &mut *shown else { return };
        let days = clock::days_until(shown.ends);
        let Some(due) = due(days) else { return };
        if shown.told.is_some_and(|told| told <= due) {
            return;
        }
        shown.told = Some(due);
        match days {
            ..0 => tracing::error!(
                days,
                "the certificate of listen.tls has ended; put a new one into its files, it counts at once"
            ),
            0 => tracing::error!(
                days,
                "the certificate of listen.tls ends today; put a new one into its files, it counts at once"
            ),
            _ => tracing::warn!(
                days,
                "the certificate of listen.tls ends in {days} days; put a new one into its files, it \
                 counts at once"
            ),
        }
    }
}

/// The warning that is due when so many whole days are left.
fn due(days: i64) -> Option<i64> {
    match days {
        ..0 => Some(-1),
        days => WARN_DAYS.into_iter().rev().find(|due| days <= *due),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_due_at_30_14_7_and_1_days_and_when_it_is_too_late() {
        for (days, expected) in [
            (31, None),
            (30, Some(30)),
            (15, Some(30)),
            (14, Some(14)),
            (7, Some(7)),
            (2, Some(7)),
            (1, Some(1)),
            (0, Some(1)),
            (-1, Some(-1)),
            (-400, Some(-1)),
        ] {
            assert_eq!(due(days), expected, "{days}");
        }
    }
}
