//! The shared memory as metrics: whether it answers, what it answers, how fast.

use std::time::Duration;

use prometheus::{Histogram, HistogramOpts, IntCounter, IntGauge, Registry};

use super::trouble::Trouble;
use crate::{
    domain::words,
    telemetry::metrics::declare::{counter, counters, declared, gauges},
};

/// Bounds in seconds: a server in the same room, one in the same building, the budget of a call.
const SECONDS: &[f64] = &[0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.5];

words! {
    /// How it stands with the shared memory.
    pub enum LinkState {
        /// There is none.
        Off = "off",
        /// It has not answered yet.
        Connecting = "connecting",
        /// It answers in time.
        Answering = "answering",
        /// It failed, and is only tried.
        LeftAlone = "left_alone",
    }
}

/// How it stands with the shared memory, and what it answers.
pub struct KvMetrics {
    states: [IntGauge; LinkState::ALL.len()],
    left_alone: IntCounter,
    answered: IntCounter,
    failed: [IntCounter; Trouble::ALL.len()],
    seconds: Histogram,
}

impl KvMetrics {
    /// Declares the metrics in `registry`.
    ///
    /// # Errors
    ///
    /// See [`crate::telemetry::metrics::Metrics::new`].
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let states = gauges(
            registry,
            "dialgate_shared_memory",
            "1 for how it stands with the shared memory (cache.shared): there is none (off), not yet connected (connecting), answering, left alone after failures (left_alone).",
            &["state"],
        )?;
        let requests = counters(
            registry,
            "dialgate_shared_memory_requests_total",
            "Requests to the shared memory, by what came of them; left_alone: not sent, because it had failed before.",
            &["result"],
        )?;
        let seconds = HistogramOpts::new(
            "dialgate_shared_memory_request_duration_seconds",
            "How long requests to the shared memory took, those without an answer included.",
        );
        let metrics = Self {
            states: LinkState::ALL.map(|state| states.with_label_values(&[state.label()])),
            left_alone: counter(
                registry,
                "dialgate_shared_memory_left_alone_total",
                "How often the shared memory failed and was left alone from then on.",
            )?,
            answered: requests.with_label_values(&["answered"]),
            failed: Trouble::ALL.map(|trouble| requests.with_label_values(&[trouble.label()])),
            seconds: declared(registry, Histogram::with_opts(seconds.buckets(SECONDS.to_vec()))?)?,
        };
        metrics.is(LinkState::Off);
        Ok(metrics)
    }

    pub(super) fn is(&self, now: LinkState) {
        for (state, gauge) in LinkState::ALL.iter().zip(&self.states) {
            gauge.set(i64::from(*state == now));
        }
    }

    pub(super) fn left_alone(&self) {
        self.left_alone.inc();
    }

    pub(super) fn not_asked(&self) {
        self.count(Trouble::LeftAlone);
    }

    pub(super) fn asked(&self, trouble: Option<Trouble>, took: Duration) {
        self.seconds.observe(took.as_secs_f64());
        match trouble {
            None => self.answered.inc(),
            Some(trouble) => self.count(trouble),
        }
    }

    fn count(&self, trouble: Trouble) {
        if let Some(counter) = self.failed.get(trouble as usize) {
            counter.inc();
        }
    }
}
