//! Connections and TLS handshakes, as metrics.

use prometheus::Registry;

/// What happens on sockets.
pub struct NetMetrics {}

impl NetMetrics {
    /// Declares the metrics in `registry`.
    ///
    /// # Errors
    ///
    /// See [`super::Metrics::new`].
    pub fn new(_registry: &Registry) -> Result<Self, prometheus::Error> {
        Ok(Self {})
    }
}
