//! Wrong credentials and what was done about them, as metrics.

use prometheus::{IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry};

use crate::{
    domain::words,
    telemetry::metrics::declare::{counters, gauges},
};

words! {
    /// Where credentials are shown.
    pub enum Door {
        /// jtel's listener.
        Calls = "calls",
        /// The admin listener.
        Admin = "admin",
    }
}

impl Door {
    /// Where the configuration has those who may come.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Calls => "clients",
            Self::Admin => "admin.operators",
        }
    }
}

/// Wrong credentials, by listener.
pub struct BarringMetrics {
    wrong: IntCounterVec,
    bars: IntCounterVec,
    addresses: IntGaugeVec,
}

/// Those of one listener, held and not looked up.
pub(super) struct Counters {
    pub(super) at_once: IntCounter,
    pub(super) slowed: IntCounter,
    pub(super) barred: IntCounter,
    pub(super) bars: IntCounter,
    pub(super) addresses: IntGauge,
}

impl BarringMetrics {
    /// Declares the metrics in `registry`.
    ///
    /// # Errors
    ///
    /// See [`crate::telemetry::metrics::Metrics::new`].
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let metrics = Self {
            wrong: counters(
                registry,
                "dialgate_wrong_credentials_total",
                "Requests with wrong passwords or keys by listener and what was done: refused at_once, slowed, or barred without being looked at.",
                &["listener", "outcome"],
            )?,
            bars: counters(
                registry,
                "dialgate_address_bars_total",
                "How often an address was barred because of wrong credentials, by listener.",
                &["listener"],
            )?,
            addresses: gauges(
                registry,
                "dialgate_addresses_barred",
                "Addresses that are barred now because of wrong credentials, by listener.",
                &["listener"],
            )?,
        };
        // There from the start, also before anybody listens.
        for door in Door::ALL {
            drop(metrics.at(door));
        }
        Ok(metrics)
    }

    pub(super) fn at(&self, door: Door) -> Counters {
        let wrong = |outcome| self.wrong.with_label_values(&[door.label(), outcome]);
        Counters {
            at_once: wrong("at_once"),
            slowed: wrong("slowed"),
            barred: wrong("barred"),
            bars: self.bars.with_label_values(&[door.label()]),
            addresses: self.addresses.with_label_values(&[door.label()]),
        }
    }
}
