//! SAP's limits in common, as metrics.

use std::time::Duration;

use prometheus::{Histogram, HistogramOpts, IntCounter, IntGauge, Registry};

use crate::{
    domain::words,
    telemetry::metrics::declare::{counters, declared, gauge, shown},
};

/// Bounds in seconds: a memory near by, its budget of 30 ms, and waiting for SAP's places after that.
const SECONDS: &[f64] = &[0.001, 0.002, 0.005, 0.01, 0.03, 0.1, 0.25, 0.5, 1.0, 2.5];

words! {
    /// How a lookup got a place among those of all replicas.
    enum Entered {
        /// Counted with the others'.
        Shared = "shared",
        /// From this replica's share, without the shared memory.
        Alone = "alone",
        /// Not in time.
        Busy = "busy",
    }
}

words! {
    /// Where a token came from.
    pub(in crate::sap) enum TokenFrom {
        /// Another replica has fetched it.
        Shared = "shared",
        /// From the token server.
        Server = "server",
    }
}

words! {
    /// Whose turn it is.
    pub(in crate::sap) enum ProbeTurn {
        /// This replica's.
        Own = "own",
        /// Another one is asking, or has asked in vain.
        Others = "others",
        /// Another one was answered a moment ago.
        Answered = "answered",
    }
}

/// What the replicas have in common of SAP.
pub struct CommonMetrics {
    entered: [IntCounter; Entered::ALL.len()],
    seconds: Histogram,
    taken: IntGauge,
    replicas: IntGauge,
    day: IntGauge,
    probes: [IntCounter; ProbeTurn::ALL.len()],
    tokens: [IntCounter; TokenFrom::ALL.len()],
}

impl CommonMetrics {
    /// Declares the metrics in `registry`.
    ///
    /// # Errors
    ///
    /// See [`crate::telemetry::metrics::Metrics::new`].
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let entered = counters(
            registry,
            "dialgate_sap_common_places_total",
            "Lookups that wanted one of SAP's places with a shared memory: counted together with those of all replicas (shared), from this replica's own share because the shared memory did not answer (alone), none in time (busy).",
            &["result"],
        )?;
        let probes = counters(
            registry,
            "dialgate_sap_common_probes_total",
            "Probes that were due with a shared memory: sent (own), left to another replica (others), not needed because another one was answered (answered).",
            &["turn"],
        )?;
        let tokens = counters(
            registry,
            "dialgate_sap_common_tokens_total",
            "Tokens for SAP, by where this replica has them from: another replica over the shared memory (shared), or the token server (server).",
            &["from"],
        )?;
        let seconds = HistogramOpts::new(
            "dialgate_sap_common_places_duration_seconds",
            "How long lookups waited for one of SAP's places among those of all replicas, those that got one.",
        );
        let gauge = |name: &str, help: &str| gauge(registry, name, help);
        Ok(Self {
            entered: Entered::ALL.map(|word| entered.with_label_values(&[word.label()])),
            seconds: declared(registry, Histogram::with_opts(seconds.buckets(SECONDS.to_vec()))?)?,
            taken: gauge(
                "dialgate_sap_common_places",
                "SAP's places that are taken, of all replicas together; 0 while each is on its own.",
            )?,
            replicas: gauge(
                "dialgate_sap_common_replicas",
                "Replicas that share SAP's places and requests, this one included; 0 while each is on its own.",
            )?,
            day: gauge(
                "dialgate_sap_common_daily_requests",
                "Requests to SAP since midnight (UTC) of all replicas together, as far as this one was told; 0 without a limit or a shared memory.",
            )?,
            probes: ProbeTurn::ALL.map(|word| probes.with_label_values(&[word.label()])),
            tokens: TokenFrom::ALL.map(|word| tokens.with_label_values(&[word.label()])),
        })
    }

    pub(super) fn shared(&self, waited: Duration) {
        self.seconds.observe(waited.as_secs_f64());
        self.entered(Entered::Shared);
    }

    pub(super) fn alone(&self) {
        self.entered(Entered::Alone);
    }

    pub(super) fn busy(&self) {
        self.entered(Entered::Busy);
    }

    pub(super) fn probes(&self, turn: ProbeTurn) {
        if let Some(counter) = self.probes.get(turn as usize) {
            counter.inc();
        }
    }

    /// A token came from there.
    pub(in crate::sap) fn token(&self, from: TokenFrom) {
        if let Some(counter) = self.tokens.get(from as usize) {
            counter.inc();
        }
    }

    /// Places and replicas, where there are any in common, and the requests of the day.
    pub(super) fn is(&self, common: Option<(u64, u32)>, day: Option<u64>) {
        let (taken, replicas) = common.unwrap_or_default();
        self.taken.set(shown(taken));
        self.replicas.set(i64::from(replicas));
        self.day.set(shown(day.unwrap_or_default()));
    }

    fn entered(&self, how: Entered) {
        if let Some(counter) = self.entered.get(how as usize) {
            counter.inc();
        }
    }
}
