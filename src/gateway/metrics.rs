//! Calls from jtel, as metrics.

use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry,
};

use super::facts::{Told, Verdict};
use super::{barring::BarringMetrics, clients::ClientMetrics};
use crate::{
    domain::{CallerId, Reason, Source},
    telemetry::metrics::declare::{gauge, shown},
};

/// Bounds for a call, in seconds. An answer from memory takes far below a millisecond; SAP took
/// 2.06 s in the example of its own developer guide and is given 2.5 s by default.
const CALL_SECONDS: &[f64] =
    &[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0];

/// What becomes of calls. Children are held, not looked up: an update is one atomic addition.
pub struct CallMetrics {
    dialled: [IntCounter; Source::ALL.len()],
    refused: [IntCounter; Reason::ALL.len()],
    unanswered: IntCounter,
    seconds: [Histogram; Source::ALL.len()],
    in_flight: IntGauge,
    /// Warned, fallback, refused.
    misfits: [IntCounter; 3],
    /// By those who ask.
    pub clients: ClientMetrics,
    /// Wrong credentials.
    pub barring: BarringMetrics,
    in_flight_limit: IntGauge,
    not_found: IntCounter,
    method_not_allowed: IntCounter,
    /// By what was told, and those that were refused.
    told: [IntCounter; Told::ALL.len()],
    told_nothing: IntCounter,
}

impl CallMetrics {
    /// Declares the metrics in `registry`.
    ///
    /// # Errors
    ///
    /// See [`crate::telemetry::metrics::Metrics::new`].
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let calls = IntCounterVec::new(
            Opts::new(
                "dialgate_calls_total",
                "Calls decided, by decision, reason of a refusal and source of a dialled answer.",
            ),
            &["decision", "reason", "source"],
        )?;
        let seconds = HistogramVec::new(
            HistogramOpts::new(
                "dialgate_call_duration_seconds",
                "Time from a readable request to its answer, by where the answer came from.",
            )
            .buckets(CALL_SECONDS.to_vec()),
            &["source"],
        )?;
        let in_flight =
            IntGauge::new("dialgate_calls_in_flight", "Calls being answered right now.")?;
        let other = IntCounterVec::new(
            Opts::new(
                "dialgate_other_requests_total",
                "Requests that were no call: another path or another method.",
            ),
            &["status"],
        )?;
        let misfits = IntCounterVec::new(
            Opts::new(
                "dialgate_caller_id_misfits_total",
                "Calls whose service number is foreign where they ring, by what was done: warned, fallback, refused.",
            ),
            &["outcome"],
        )?;
        let told = IntCounterVec::new(
            Opts::new(
                "dialgate_caller_information_total",
                "Questions about who calls, by what was told: found, nobody, several; refused.",
            ),
            &["told"],
        )?;
        registry.register(Box::new(told.clone()))?;
        registry.register(Box::new(misfits.clone()))?;
        registry.register(Box::new(calls.clone()))?;
        registry.register(Box::new(seconds.clone()))?;
        registry.register(Box::new(in_flight.clone()))?;
        registry.register(Box::new(other.clone()))?;
        Ok(Self {
            dialled: Source::ALL.map(|s| calls.with_label_values(&["dial", "none", s.label()])),
            refused: Reason::ALL.map(|r| calls.with_label_values(&["refuse", r.label(), "none"])),
            unanswered: calls.with_label_values(&["none", "unanswered", "none"]),
            seconds: Source::ALL.map(|s| seconds.with_label_values(&[s.label()])),
            in_flight,
            clients: ClientMetrics::new(registry)?,
            barring: BarringMetrics::new(registry)?,
            in_flight_limit: gauge(
                registry,
                "dialgate_calls_in_flight_limit",
                "Most calls that are answered at once (listen.max_calls).",
            )?,
            misfits: ["warned", "fallback", "refused"].map(|o| misfits.with_label_values(&[o])),
            not_found: other.with_label_values(&["404"]),
            method_not_allowed: other.with_label_values(&["405"]),
            told: Told::ALL.map(|what| told.with_label_values(&[what.label()])),
            told_nothing: told.with_label_values(&["refused"]),
        })
    }

    /// So many calls may be in flight.
    pub fn may_be_in_flight(&self, most: usize) {
        self.in_flight_limit.set(shown(most));
    }

    /// jtel was told to dial.
    pub fn dialled(&self, source: Source, seconds: f64) {
        child(&self.dialled, source as usize).inc();
        child(&self.seconds, source as usize).observe(seconds);
    }

    /// How the number shown fitted the number dialled.
    pub fn showed(&self, caller_id: CallerId) {
        let [warned, fallback, _] = &self.misfits;
        match caller_id {
            CallerId::Unchecked | CallerId::Fits => {}
            CallerId::Misfit => warned.inc(),
            CallerId::Fallback => fallback.inc(),
        }
    }

    /// jtel was told not to dial.
    pub fn refused(&self, reason: Reason, source: Source, seconds: f64) {
        if reason == Reason::CallerIdNotAllowed {
            let [_, _, refused] = &self.misfits;
            refused.inc();
        }
        child(&self.refused, reason as usize).inc();
        child(&self.seconds, source as usize).observe(seconds);
    }

    /// Who calls was asked.
    pub fn told_of_caller(&self, verdict: Verdict) {
        match verdict {
            Verdict::Caller { told, .. } => child(&self.told, told as usize).inc(),
            _ => self.told_nothing.inc(),
        }
    }

    /// The caller hung up before its answer, or was cut off.
    pub fn unanswered(&self) {
        self.unanswered.inc();
    }

    /// Somebody asked for a path that does not exist.
    pub fn path_not_found(&self) {
        self.not_found.inc();
    }

    /// Somebody used a method other than GET and HEAD.
    pub fn method_not_allowed(&self) {
        self.method_not_allowed.inc();
    }

    /// Counts one call as in flight until the guard is dropped, also when the caller hangs up.
    pub fn call_started(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }
}

/// One call in flight.
pub struct InFlight(IntGauge);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[expect(
    clippy::indexing_slicing,
    reason = "the arrays have one child per variant, made from the same ALL; a test counts them"
)]
fn child<T, const N: usize>(children: &[T; N], place: usize) -> &T {
    &children[place]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_and_source_has_its_child_at_its_own_place() {
        let metrics = CallMetrics::new(&Registry::new()).unwrap();

        for (place, reason) in Reason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, place);
            metrics.refused(reason, Source::None, 0.0);
            assert_eq!(metrics.refused[place].get(), 1, "{reason:?}");
        }
        for (place, source) in Source::ALL.into_iter().enumerate() {
            assert_eq!(source as usize, place);
            metrics.dialled(source, 0.0);
            assert_eq!(metrics.dialled[place].get(), 1, "{source:?}");
        }
    }

    #[test]
    fn a_call_counts_as_in_flight_until_it_is_over() {
        let metrics = CallMetrics::new(&Registry::new()).unwrap();

        let call = metrics.call_started();
        assert_eq!(metrics.in_flight.get(), 1);
        drop(call);

        assert_eq!(metrics.in_flight.get(), 0);
    }
}
