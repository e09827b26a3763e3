//! What is remembered of SAP's answers, as metrics.

use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};

/// Use of the memory.
pub struct MemoryMetrics {
    hits: IntCounter,
    misses: IntCounter,
    last_good: IntCounter,
    entries: IntGauge,
    last_good_entries: IntGauge,
}

impl MemoryMetrics {
    /// Declares the metrics in `registry`.
    ///
    /// # Errors
    ///
    /// See [`crate::telemetry::metrics::Metrics::new`].
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let lookups = IntCounterVec::new(
            Opts::new(
                "dialgate_memory_lookups_total",
                "Partners looked for in memory: found in time, not found, or used past their time \
                 because SAP was silent (such a call counts as a miss as well).",
            ),
            &["result"],
        )?;
        let entries = prometheus::IntGaugeVec::new(
            Opts::new("dialgate_memory_entries", "Partners in memory, about."),
            &["kind"],
        )?;
        registry.register(Box::new(lookups.clone()))?;
        registry.register(Box::new(entries.clone()))?;
        Ok(Self {
            hits: lookups.with_label_values(&["hit"]),
            misses: lookups.with_label_values(&["miss"]),
            last_good: lookups.with_label_values(&["last_good"]),
            entries: entries.with_label_values(&["fresh"]),
            last_good_entries: entries.with_label_values(&["last_good"]),
        })
    }

    /// A partner was in memory and in time.
    pub fn hit(&self) {
        self.hits.inc();
    }

    /// SAP had to be asked.
    pub fn miss(&self) {
        self.misses.inc();
    }

    /// SAP was silent and the last good answer was used.
    pub fn last_good_used(&self) {
        self.last_good.inc();
    }

    /// How many partners there are, told just before the metrics are read.
    pub fn holds(&self, fresh: u64, last_good: u64) {
        self.entries.set(i64::try_from(fresh).unwrap_or(i64::MAX));
        self.last_good_entries.set(i64::try_from(last_good).unwrap_or(i64::MAX));
    }
}
