//! Calls by those who ask, as metrics: names of the configuration only.

use prometheus::{IntCounter, IntCounterVec, Registry};

use crate::{config::ClientName, telemetry::metrics::declare::counters};

/// Under this client those are counted whose name is none of the configuration's.
pub const UNKNOWN_CLIENT: &str = "unknown";

/// Calls and failed logins by client.
pub struct ClientMetrics {
    calls: IntCounterVec,
    failed_logins: IntCounterVec,
}

/// Those of one client, held and not looked up.
#[derive(Clone)]
pub(in crate::gateway) struct ClientCounters {
    dialled: IntCounter,
    refused: IntCounter,
    pub(super) failed_logins: IntCounter,
}

impl ClientMetrics {
    /// Declares the metrics in `registry`.
    ///
    /// # Errors
    ///
    /// See [`crate::telemetry::metrics::Metrics::new`].
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let metrics = Self {
            calls: counters(
                registry,
                "dialgate_client_calls_total",
                "Calls of each client of the configuration, by decision.",
                &["client", "decision"],
            )?,
            failed_logins: counters(
                registry,
                "dialgate_client_failed_logins_total",
                "Requests with missing or wrong credentials, by the client that was named; `unknown` is nobody of the configuration.",
                &["client"],
            )?,
        };
        // There from the start, also where no client is.
        metrics.unknown().reset();
        Ok(metrics)
    }

    pub(super) fn of(&self, client: &ClientName) -> ClientCounters {
        let calls = |decision| self.calls.with_label_values(&[client.as_str(), decision]);
        ClientCounters {
            dialled: calls("dial"),
            refused: calls("refuse"),
            failed_logins: self.failed_logins.with_label_values(&[client.as_str()]),
        }
    }

    pub(super) fn unknown(&self) -> IntCounter {
        // The family needs a series of its own to be shown at all.
        self.calls.with_label_values(&[UNKNOWN_CLIENT, "refuse"]);
        self.failed_logins.with_label_values(&[UNKNOWN_CLIENT])
    }
}

impl ClientCounters {
    /// A call was decided.
    pub(super) fn decided(&self, decision: &str) {
        match decision {
            "dial" => self.dialled.inc(),
            _ => self.refused.inc(),
        }
    }
}
