//! Every metric this process exports, in one registry of its own.
//!
//! Owned by the gateway, never global: two gateways in one test process count apart. Each room
//! declares its metrics in a struct of its own; label values come from our enums only, and every
//! series exists from the start, because a series that appears with its first error hides that
//! error from `rate()`.

mod net;

pub use net::NetMetrics;
use prometheus::Registry;

/// The registry and the metrics of every room.
pub struct Metrics {
    registry: Registry,
    /// Connections and TLS handshakes.
    pub net: NetMetrics,
}

impl Metrics {
    /// Declares every metric.
    ///
    /// # Errors
    ///
    /// A name or label that prometheus does not accept, or a name used twice: a mistake in this
    /// program that a test finds.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        Ok(Self { net: NetMetrics::new(&registry)?, registry })
    }

    /// The registry, for rendering and for further collectors.
    pub fn registry(&self) -> &Registry {
        &self.registry
    }
}
