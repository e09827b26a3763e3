//! What lookups have of the shared memory, as metrics.

use prometheus::{Histogram, HistogramOpts, IntCounter, Registry};
use tokio::time::Instant;

use crate::{
    domain::words,
    telemetry::metrics::declare::{counters, declared},
};

/// Bounds in seconds: a server near by, the budget of 30 ms, and what would be more.
const SECONDS: &[f64] = &[0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.5];

words! {
    /// What a lookup found there.
    pub(super) enum Looked {
        /// An answer within its time.
        Hit = "hit",
        /// One that is only good for a SAP that is slow or silent.
        Older = "older",
        /// Nothing, or nothing newer than is known here.
        Miss = "miss",
        /// Something of another version or key, or that somebody has changed.
        Unusable = "unusable",
        /// It did not answer in time, or with an error.
        Failed = "failed",
    }
}

words! {
    /// How waiting for another replica's lookup ended.
    pub(super) enum Waited {
        /// With its answer.
        Told = "told",
        /// It failed, and so did this one.
        Failed = "failed",
        /// It ended without a result, and this replica asks.
        TookOver = "took_over",
        /// The shared memory failed, or the call's time was over.
        GaveUp = "gave_up",
    }
}

words! {
    /// What came of writing an answer.
    pub(super) enum Wrote {
        /// It is there.
        Written = "written",
        /// A newer one was there.
        Older = "older",
        /// The shared memory did not take it.
        Failed = "failed",
    }
}

words! {
    /// A partner was forgotten.
    pub(super) enum Forgot {
        /// Here, and the others were told.
        Told = "told",
        /// By another replica.
        Heard = "heard",
        /// Here, and the others are told later.
        Failed = "failed",
    }
}

/// What lookups have of the shared memory.
pub struct SharedMetrics {
    lookups: [IntCounter; Looked::ALL.len()],
    waits: [IntCounter; Waited::ALL.len()],
    writes: [IntCounter; Wrote::ALL.len()],
    forgotten: [IntCounter; Forgot::ALL.len()],
    seconds: Histogram,
}

impl SharedMetrics {
    /// Declares the metrics in `registry`.
    ///
    /// # Errors
    ///
    /// See [`crate::telemetry::metrics::Metrics::new`].
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let by = |name: &str, help: &str, label| counters(registry, name, help, &[label]);
        let lookups = by(
            "dialgate_shared_lookups_total",
            "Partners looked for in the shared memory: found in time (hit), found for a SAP that is silent (older), not found (miss), of another key or version or changed (unusable), no answer (failed).",
            "result",
        )?;
        let waits = by(
            "dialgate_shared_waits_total",
            "Lookups that found another replica asking SAP for the same partner, by how that ended: with its answer (told), with its failure (failed), it died and this one asked (took_over), or no longer waited for (gave_up).",
            "result",
        )?;
        let writes = by(
            "dialgate_shared_writes_total",
            "Answers of SAP for the shared memory: written, not written because a newer one was there (older), or not taken (failed).",
            "result",
        )?;
        let forgotten = by(
            "dialgate_shared_forgotten_total",
            "Partners that operators have forgotten: told to other replicas (told), heard from them (heard), to be told later (failed).",
            "result",
        )?;
        let seconds = HistogramOpts::new(
            "dialgate_shared_lookup_duration_seconds",
            "How long a lookup waited for the shared memory itself, its turn at SAP included: cache.shared.budget at most.",
        );
        Ok(Self {
            lookups: Looked::ALL.map(|word| lookups.with_label_values(&[word.label()])),
            waits: Waited::ALL.map(|word| waits.with_label_values(&[word.label()])),
            writes: Wrote::ALL.map(|word| writes.with_label_values(&[word.label()])),
            forgotten: Forgot::ALL.map(|word| forgotten.with_label_values(&[word.label()])),
            seconds: declared(registry, Histogram::with_opts(seconds.buckets(SECONDS.to_vec()))?)?,
        })
    }

    /// The budget of a lookup was used since then.
    pub(super) fn took(&self, since: Instant) {
        self.seconds.observe(since.elapsed().as_secs_f64());
    }

    pub(super) fn looked(&self, looked: Looked) {
        count(&self.lookups, looked as usize);
    }

    pub(super) fn waited(&self, waited: Waited) {
        count(&self.waits, waited as usize);
    }

    pub(super) fn wrote(&self, wrote: Wrote) {
        count(&self.writes, wrote as usize);
    }

    pub(super) fn forgot(&self, forgot: Forgot) {
        count(&self.forgotten, forgot as usize);
    }
}

fn count(counters: &[IntCounter], place: usize) {
    if let Some(counter) = counters.get(place) {
        counter.inc();
    }
}
