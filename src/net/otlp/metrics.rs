//! Spans as metrics: how many were taken, and how many were lost.

use prometheus::{IntCounter, Registry};

use crate::{
    domain::words,
    telemetry::metrics::declare::{counter, counters},
};

words! {
    /// Why a span did not get to the collector.
    pub enum Loss {
        /// More came than were taken.
        QueueFull = "queue_full",
        /// The collector could not be reached or said that it cannot now, for too long.
        Unavailable = "unavailable",
        /// The collector does not want it.
        Refused = "refused",
        /// The process ended before.
        Shutdown = "shutdown",
    }
}

/// How many spans were taken, and how many were lost.
pub struct SpanMetrics {
    exported: IntCounter,
    lost: [IntCounter; Loss::ALL.len()],
}

impl SpanMetrics {
    /// Declares the metrics in `registry`.
    ///
    /// # Errors
    ///
    /// See [`crate::telemetry::metrics::Metrics::new`].
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let lost = counters(
            registry,
            "dialgate_spans_lost_total",
            "Spans of recorded calls that the collector (traces.otlp) did not get, by why.",
            &["reason"],
        )?;
        Ok(Self {
            exported: counter(
                registry,
                "dialgate_spans_exported_total",
                "Spans that the collector (traces.otlp) took.",
            )?,
            lost: Loss::ALL.map(|loss| lost.with_label_values(&[loss.label()])),
        })
    }

    pub(super) fn exported(&self, count: u64) {
        self.exported.inc_by(count);
    }

    pub(super) fn lost(&self, loss: Loss, count: u64) {
        if let Some(counter) = self.lost.get(loss as usize) {
            counter.inc_by(count);
        }
    }

    /// How many were lost for that reason.
    pub fn count(&self, loss: Loss) -> u64 {
        self.lost.get(loss as usize).map_or(0, IntCounter::get)
    }

    /// How many were taken.
    pub fn taken(&self) -> u64 {
        self.exported.get()
    }
}
