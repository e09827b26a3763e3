//! The way to SAP, as metrics: connections, tokens, and the certificate that it shows.

use prometheus::{IntCounter, IntGauge, Registry};

use crate::telemetry::metrics::declare::{counter, gauge, shown};

/// Told just before the metrics are read: nothing of it costs a request anything.
pub(in crate::sap) struct WayMetrics {
    idle: IntGauge,
    opened: IntCounter,
    certificate: IntGauge,
    token: IntGauge,
    token_failing: IntGauge,
    places: IntGauge,
}

/// What the way looks like now.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::sap) struct Way {
    /// Connections kept for the next request.
    pub(in crate::sap) idle: usize,
    /// Connections opened since this was asked last.
    pub(in crate::sap) opened: u64,
    /// When the certificate that SAP showed last ends, in seconds since 1970.
    pub(in crate::sap) certificate_ends: Option<i64>,
    /// For how many seconds the token is usable.
    pub(in crate::sap) token_left: Option<u64>,
    /// The token server gives none.
    pub(in crate::sap) token_failing: bool,
    /// `sap.max_in_flight`.
    pub(in crate::sap) places: usize,
}

impl WayMetrics {
    /// Declares the metrics in `registry`.
    ///
    /// # Errors
    ///
    /// See [`crate::telemetry::metrics::Metrics::new`].
    pub(in crate::sap) fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let gauge = |name: &str, help: &str| gauge(registry, name, help);
        Ok(Self {
            idle: gauge(
                "dialgate_sap_connections_idle",
                "Connections to SAP that are kept for the next request.",
            )?,
            opened: counter(
                registry,
                "dialgate_sap_connections_opened_total",
                "Connections to SAP that were opened.",
            )?,
            certificate: gauge(
                "dialgate_sap_certificate_expiry_timestamp_seconds",
                "When the certificate that SAP showed last ends, in seconds since 1970; 0 where it showed none.",
            )?,
            token: gauge(
                "dialgate_sap_token_left_seconds",
                "For how long the OAuth2 token for SAP is still usable; 0 without one.",
            )?,
            token_failing: gauge(
                "dialgate_sap_token_failing",
                "1 while the token server gave no token when it was asked last.",
            )?,
            places: gauge(
                "dialgate_sap_requests_in_flight_limit",
                "Most requests to SAP at once (sap.max_in_flight).",
            )?,
        })
    }

    /// This is the case now.
    pub(in crate::sap) fn is(&self, way: &Way) {
        self.idle.set(shown(way.idle));
        self.opened.inc_by(way.opened);
        self.certificate.set(way.certificate_ends.unwrap_or_default());
        self.token.set(shown(way.token_left.unwrap_or_default()));
        self.token_failing.set(i64::from(way.token_failing));
        self.places.set(shown(way.places));
    }
}
