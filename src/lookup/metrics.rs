//! What is remembered of SAP's answers, as metrics.

use prometheus::{IntCounter, IntCounterVec, IntGauge, Opts, Registry};

use crate::telemetry::metrics::declare::{gauge, shown};

/// Use of the memory.
pub struct MemoryMetrics {
    hits: IntCounter,
    misses: IntCounter,
    stale: IntCounter,
    last_good: IntCounter,
    refreshed: IntCounter,
    entries: IntGauge,
    limit: IntGauge,
    contracts: IntGauge,
    unmapped: IntGauge,
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
                "Partners looked for in memory: found in time (hit), not found (miss), used past their \
                 time because SAP was slow (stale) or silent (last_good); the last two count as a miss \
                 as well.",
            ),
            &["result"],
        )?;
        let refreshed = IntCounter::new(
            "dialgate_memory_refreshes_total",
            "Partners in use that were asked for again ahead of their end.",
        )?;
        let entries = IntGauge::new("dialgate_memory_entries", "Partners in memory, about.")?;
        registry.register(Box::new(lookups.clone()))?;
        registry.register(Box::new(refreshed.clone()))?;
        registry.register(Box::new(entries.clone()))?;
        Ok(Self {
            hits: lookups.with_label_values(&["hit"]),
            misses: lookups.with_label_values(&["miss"]),
            stale: lookups.with_label_values(&["stale"]),
            last_good: lookups.with_label_values(&["last_good"]),
            refreshed,
            entries,
            limit: gauge(
                registry,
                "dialgate_memory_entries_limit",
                "Most partners in memory (cache.max_entries).",
            )?,
            contracts: gauge(
                registry,
                "dialgate_contract_numbers",
                "Contract numbers that SAP's answers have led to since the start.",
            )?,
            unmapped: gauge(
                registry,
                "dialgate_contract_numbers_missing",
                "Those of them that SAP said within the last day and that have no service number; /coverage.json names them.",
            )?,
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

    /// SAP was slow, and what it said before was used.
    pub fn stale_used(&self) {
        self.stale.inc();
    }

    /// SAP was silent, and what it said before was used.
    pub fn last_good_used(&self) {
        self.last_good.inc();
    }

    /// A partner is asked for again ahead of its end.
    pub fn refreshed(&self) {
        self.refreshed.inc();
    }

    /// So many partners there may be.
    pub fn may_hold(&self, most: u64) {
        self.limit.set(shown(most));
    }

    /// How many contract numbers SAP's answers have led to, and how many of the last day's have no service
    /// number.
    pub fn has_seen(&self, contracts: usize, without_number: usize) {
        self.contracts.set(shown(contracts));
        self.unmapped.set(shown(without_number));
    }

    /// How many partners there are, told just before the metrics are read.
    pub fn holds(&self, entries: u64) {
        self.entries.set(shown(entries));
    }
}
