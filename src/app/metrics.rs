//! The metrics of all rooms in one registry.

use std::sync::Arc;

use super::StartError;
use crate::{
    gateway::CallMetrics,
    lookup::{MemoryMetrics, SharedMetrics, SnapshotMetrics},
    net::{NetMetrics, kv::KvMetrics, otlp::SpanMetrics},
    sap::SystemsMetrics,
    telemetry::{audit::AuditMetrics, logging::LogControl, metrics::Metrics},
};

/// What a gateway counts; each room is given its own.
pub struct AllMetrics {
    /// The registry and the process.
    pub process: Arc<Metrics>,
    /// Connections, handshakes, malformed requests.
    pub net: Arc<NetMetrics>,
    /// Requests to SAP, of each system.
    pub sap: Arc<SystemsMetrics>,
    /// What is remembered of SAP's answers.
    pub memory: Arc<MemoryMetrics>,
    /// The file in which it outlives the process.
    pub kept: Arc<SnapshotMetrics>,
    /// What lookups have of the memory that replicas share.
    pub shared: Arc<SharedMetrics>,
    /// The memory that replicas share.
    pub kv: Arc<KvMetrics>,
    /// Calls and their decisions.
    pub calls: Arc<CallMetrics>,
    /// Spans that were sent, and that were not.
    pub spans: Arc<SpanMetrics>,
    /// The audit trail.
    pub audit: Arc<AuditMetrics>,
}

impl AllMetrics {
    /// Declares every metric, for a process without a log.
    ///
    /// # Errors
    ///
    /// As [`Self::with_log`].
    pub fn new() -> Result<Self, StartError> {
        Ok(Self::with_log(&LogControl::detached()?)?)
    }

    /// Declares every metric; what `log` loses is among them.
    ///
    /// # Errors
    ///
    /// A name or label that prometheus does not accept, or a name used twice: a mistake in this
    /// program that a test finds.
    pub fn with_log(log: &LogControl) -> Result<Self, prometheus::Error> {
        let process = Metrics::new()?;
        let registry = process.registry();
        log.losses().register(registry)?;
        Ok(Self {
            net: Arc::new(NetMetrics::new(registry)?),
            sap: Arc::new(SystemsMetrics::new(registry)?),
            memory: Arc::new(MemoryMetrics::new(registry)?),
            kept: Arc::new(SnapshotMetrics::new(registry)?),
            shared: Arc::new(SharedMetrics::new(registry)?),
            kv: Arc::new(KvMetrics::new(registry)?),
            calls: Arc::new(CallMetrics::new(registry)?),
            spans: Arc::new(SpanMetrics::new(registry)?),
            audit: Arc::new(AuditMetrics::new(registry)?),
            process: Arc::new(process),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_metrics_are_there_before_the_first_call() {
        let text = AllMetrics::new().unwrap().process.render().unwrap();

        for series in [
            "dialgate_calls_total{decision=\"refuse\",reason=\"sap_unavailable\",source=\"none\"} 0",
            "dialgate_call_duration_seconds_count{source=\"memory\"} 0",
            "dialgate_memory_lookups_total{result=\"miss\"} 0",
            "dialgate_sap_requests_total{outcome=\"found\",system=\"sap\"} 0",
            "dialgate_connections_open{protocol=\"h2\"} 0",
            "dialgate_build_info{commit=",
            "process_open_fds ",
        ] {
            assert!(text.contains(series), "{series} is missing in:\n{text}");
        }
    }
}
