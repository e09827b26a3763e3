//! What passes the door and what does not, as metrics.

use std::time::Duration;

use prometheus::{Histogram, HistogramOpts, IntCounter, IntGauge, IntGaugeVec, Opts, Registry};

use crate::{sap::outcome::BreakerState, telemetry::metrics::declare};

/// Bounds for the wait for a place, in seconds: from none at all to the deadline of a call, 2.5 s by
/// default.
const QUEUE_SECONDS: &[f64] = &[0.001, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 2.5];

/// Queue, breaker, pauses and the day's requests.
pub struct DoorMetrics {
    queue_seconds: Histogram,
    waiting: IntGauge,
    retries: IntCounter,
    breaker: [IntGauge; BreakerState::ALL.len()],
    breaker_opened: IntCounter,
    held_seconds: IntGauge,
    day: IntGauge,
    day_limit: IntGauge,
    day_forecast: IntGauge,
}

impl DoorMetrics {
    /// Declares the metrics in `registry`.
    ///
    /// # Errors
    ///
    /// See [`crate::telemetry::metrics::Metrics::new`].
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let gauge = |name: &str, help: &str| declare::gauge(registry, name, help);
        let counter = |name: &str, help: &str| declare::counter(registry, name, help);
        let breaker = declare::declared(
            registry,
            IntGaugeVec::new(
                Opts::new(
                    "dialgate_sap_breaker",
                    "1 for what the breaker does now: lookups go through (closed), nobody asks (open), a probe asks (half_open).",
                ),
                &["state"],
            )?,
        )?;
        Ok(Self {
            queue_seconds: declare::declared(
                registry,
                Histogram::with_opts(
                    HistogramOpts::new(
                        "dialgate_sap_queue_duration_seconds",
                        "How long lookups waited for a place among the requests to SAP, those that got one.",
                    )
                    .buckets(QUEUE_SECONDS.to_vec()),
                )?,
            )?,
            waiting: gauge("dialgate_sap_queue_length", "Lookups that wait for a place at SAP.")?,
            retries: counter(
                "dialgate_sap_retries_total",
                "Requests that were sent once more after a cut connection, 502, 503 or 504.",
            )?,
            breaker: BreakerState::ALL.map(|state| breaker.with_label_values(&[state.label()])),
            breaker_opened: counter(
                "dialgate_sap_breaker_opened_total",
                "How often SAP failed so much that it was left alone.",
            )?,
            held_seconds: gauge(
                "dialgate_sap_pause_seconds",
                "How much longer SAP is left alone because it asked for that (Retry-After), in seconds.",
            )?,
            day: gauge(
                "dialgate_sap_daily_requests",
                "Requests sent to SAP since midnight (UTC), or since the start of this process.",
            )?,
            day_limit: gauge(
                "dialgate_sap_daily_requests_limit",
                "Requests a day that sap.daily_requests allows; 0 where there is no limit.",
            )?,
            day_forecast: gauge(
                "dialgate_sap_daily_requests_forecast",
                "Requests there will have been at midnight (UTC) if the day goes on as it did so far; with a shared memory, those of all replicas together.",
            )?,
        })
    }

    /// A lookup got a place after this long.
    pub(in crate::sap) fn queued(&self, queued: Duration) {
        self.queue_seconds.observe(queued.as_secs_f64());
    }

    /// A request is sent once more.
    pub(in crate::sap) fn retried(&self) {
        self.retries.inc();
    }

    /// SAP is left alone from now on.
    pub(in crate::sap) fn breaker_opened(&self) {
        self.breaker_opened.inc();
    }

    /// What the breaker does, and how many wait.
    pub(in crate::sap) fn is(&self, now: BreakerState, waiting: usize, held: Duration) {
        for (state, gauge) in BreakerState::ALL.into_iter().zip(&self.breaker) {
            gauge.set(i64::from(state == now));
        }
        self.waiting.set(i64::try_from(waiting).unwrap_or(i64::MAX));
        self.held_seconds.set(i64::try_from(held.as_secs()).unwrap_or(i64::MAX));
    }

    /// The day's requests: so far, at midnight, allowed.
    pub(in crate::sap) fn day(&self, sent: u64, at_midnight: u64, limit: Option<u64>) {
        let gauge = |number| i64::try_from(number).unwrap_or(i64::MAX);
        self.day.set(gauge(sent));
        self.day_forecast.set(gauge(at_midnight));
        self.day_limit.set(gauge(limit.unwrap_or_default()));
    }
}
