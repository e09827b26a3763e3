//! How what this system says compares with what another one said, as metrics.

use prometheus::{IntCounter, IntCounterVec, Opts, Registry};

use crate::{
    domain::{Difference, words},
    telemetry::metrics::declare,
};

words! {
    /// What came of asking this system as well.
    pub enum Compared {
        /// By both answers jtel would be told the same.
        Same = "same",
        /// It would not.
        Differs = "differs",
        /// This system gave no answer.
        Unanswered = "unanswered",
        /// It was not asked: there was no request left for that.
        Skipped = "skipped",
    }
}

/// Lookups that were compared, and what was not the same.
pub(in crate::sap) struct ComparedMetrics {
    lookups: [IntCounter; Compared::ALL.len()],
    differences: [IntCounter; Difference::ALL.len()],
}

impl ComparedMetrics {
    pub(super) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let counters = |name: &str, help: &str, label: &str| {
            declare::declared(registry, IntCounterVec::new(Opts::new(name, help), &[label])?)
        };
        let lookups = counters(
            "dialgate_sap_compared_total",
            "Lookups for which this system was asked as well (compare_with), by what came of it: same, differs, no answer of it (unanswered), no request left for it (skipped).",
            "result",
        )?;
        let differences = counters(
            "dialgate_sap_differences_total",
            "What would not be the same by this system's answer: the decision itself, the reason of a refusal, channel, country, service number, or how that fits the number dialled.",
            "what",
        )?;
        Ok(Self {
            lookups: Compared::ALL.map(|result| lookups.with_label_values(&[result.label()])),
            differences: Difference::ALL.map(|what| differences.with_label_values(&[what.label()])),
        })
    }

    pub(in crate::sap) fn count(&self, result: Compared, differences: &[Difference]) {
        if let Some(counter) = self.lookups.get(result as usize) {
            counter.inc();
        }
        for what in differences {
            if let Some(counter) = self.differences.get(*what as usize) {
                counter.inc();
            }
        }
    }
}
