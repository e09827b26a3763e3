//! Connections, TLS handshakes and malformed requests, as metrics.

use std::time::Duration;

use prometheus::{
    Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    core::Collector,
};

use super::Negotiated;
use super::agreed::Agreed;
use super::counted::Handshake;
pub(super) use super::counted::{Ending, Protocol, Refusal, Unreadable};
use super::proxied::ProxyHeader;
use super::wire::WireFault;

/// Bounds for a TLS handshake, in seconds. The server's share took 54 to 86 µs in memory; the rest
/// is two or three trips to the peer, so the bounds follow distances up to the handshake limit.
const HANDSHAKE_SECONDS: &[f64] =
    &[0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

/// What happens on sockets.
pub struct NetMetrics {
    handshakes: [IntCounter; Handshake::ALL.len()],
    handshake_seconds: Histogram,
    agreed: Agreed,
    waiting: IntGauge,
    open: [IntGauge; Protocol::ALL.len()],
    limit: IntGauge,
    refused: [IntCounter; Refusal::ALL.len()],
    closed: [IntCounter; Ending::ALL.len()],
    unreadable: [IntCounter; Unreadable::ALL.len()],
    malformed: [IntCounter; WireFault::ALL.len()],
    proxied: [IntCounter; ProxyHeader::ALL.len()],
}

impl NetMetrics {
    /// Declares the metrics in `registry`.
    ///
    /// # Errors
    ///
    /// See [`crate::telemetry::metrics::Metrics::new`].
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        Self::declared(Some(registry))
    }

    /// Counts for nobody: what happens on the admin listener is not about calls.
    ///
    /// # Errors
    ///
    /// As [`Self::new`].
    pub fn uncounted() -> Result<Self, prometheus::Error> {
        Self::declared(None)
    }

    #[expect(clippy::too_many_lines, reason = "one declaration after the other")]
    fn declared(registry: Option<&Registry>) -> Result<Self, prometheus::Error> {
        let handshakes = counters(
            registry,
            "dialgate_tls_handshakes_total",
            "TLS handshakes by protocol version and result; a resumed one skipped the certificate.",
            &["version", "result"],
        )?;
        let handshake_seconds = Histogram::with_opts(
            HistogramOpts::new(
                "dialgate_tls_handshake_duration_seconds",
                "Time from the accepted connection to the end of a successful TLS handshake.",
            )
            .buckets(HANDSHAKE_SECONDS.to_vec()),
        )?;
        register(registry, &handshake_seconds)?;
        let waiting = IntGauge::new(
            "dialgate_tls_handshakes_waiting",
            "TLS handshakes that wait for their turn: calls on open connections go first.",
        )?;
        register(registry, &waiting)?;
        let open = IntGaugeVec::new(
            Opts::new(
                "dialgate_connections_open",
                "Connections open now, by the protocol they speak or as still shaking hands.",
            ),
            &["protocol"],
        )?;
        register(registry, &open)?;
        let limit = IntGauge::new(
            "dialgate_connections_limit",
            "Most connections of callers at once: listen.limits.connections, or as many as file descriptors allow.",
        )?;
        register(registry, &limit)?;
        let refused = counters(
            registry,
            "dialgate_connections_refused_total",
            "Connections closed at once because of a limit; with reason descriptors, attempts to \
             accept one that failed because the process or machine has no file descriptor left.",
            &["reason"],
        )?;
        let closed = counters(
            registry,
            "dialgate_connections_closed_total",
            "Connections that have ended, by who or what ended them.",
            &["reason"],
        )?;
        let malformed = counters(
            registry,
            "dialgate_requests_malformed_total",
            "Requests refused because they are not proper HTTP, by what is wrong with them.",
            &["fault"],
        )?;
        let proxied = counters(
            registry,
            "dialgate_proxy_headers_total",
            "Connections from trusted load balancers, by what came of their header of the PROXY protocol.",
            &["result"],
        )?;
        Ok(Self {
            proxied: ProxyHeader::ALL.map(|result| proxied.with_label_values(&[result.label()])),
            handshakes: Handshake::ALL.map(|handshake| {
                let (version, result) = handshake.label().split_once(' ').unwrap_or_default();
                handshakes.with_label_values(&[version, result])
            }),
            handshake_seconds,
            agreed: Agreed::new(registry)?,
            waiting,
            limit,
            open: Protocol::ALL.map(|protocol| open.with_label_values(&[protocol.label()])),
            refused: Refusal::ALL.map(|reason| refused.with_label_values(&[reason.label()])),
            closed: Ending::ALL.map(|reason| closed.with_label_values(&[reason.label()])),
            unreadable: Unreadable::ALL.map(|fault| malformed.with_label_values(&[fault.label()])),
            malformed: WireFault::ALL.map(|fault| malformed.with_label_values(&[fault.label()])),
        })
    }

    /// A connection speaks this until the guard is dropped.
    pub(super) fn opened(&self, protocol: Protocol) -> OpenConnection {
        let gauge = self.open.get(protocol as usize).cloned();
        if let Some(gauge) = &gauge {
            gauge.inc();
        }
        OpenConnection(gauge)
    }

    /// A handshake waits for its turn until the guard is dropped.
    pub(super) fn waits(&self) -> OpenConnection {
        self.waiting.inc();
        OpenConnection(Some(self.waiting.clone()))
    }

    /// So many connections there may be.
    pub fn may_be_open(&self, most: usize) {
        self.limit.set(i64::try_from(most).unwrap_or(i64::MAX));
    }

    /// A handshake succeeded.
    pub(super) fn shook_hands(&self, negotiated: &Negotiated, took: Duration) {
        let handshake = match (negotiated.version == "1.2", negotiated.resumed) {
            (true, false) => Handshake::Tls12,
            (true, true) => Handshake::Tls12Resumed,
            (false, false) => Handshake::Tls13,
            (false, true) => Handshake::Tls13Resumed,
        };
        increment(&self.handshakes, handshake as usize);
        self.handshake_seconds.observe(took.as_secs_f64());
        self.agreed.note(negotiated);
    }

    /// A handshake failed.
    pub(super) fn handshake_failed(&self) {
        increment(&self.handshakes, Handshake::Failed as usize);
    }

    /// A handshake took too long.
    pub(super) fn handshake_timed_out(&self) {
        increment(&self.handshakes, Handshake::Timeout as usize);
    }

    /// A load balancer has said whose connection it brings, or has not.
    pub(super) fn proxied(&self, header: ProxyHeader) {
        increment(&self.proxied, header as usize);
    }

    /// A connection was not taken.
    pub(super) fn refused(&self, reason: Refusal) {
        increment(&self.refused, reason as usize);
    }

    /// A connection has ended.
    pub(super) fn closed(&self, reason: Ending) {
        increment(&self.closed, reason as usize);
    }

    /// A request cannot be read: nobody else gets to see it.
    pub(super) fn unreadable(&self, fault: Unreadable) {
        increment(&self.unreadable, fault as usize);
    }

    /// A request was refused as malformed.
    pub fn malformed(&self, fault: WireFault) {
        increment(&self.malformed, fault as usize);
    }
}

/// Counts one connection as open, or as waiting, until it is dropped.
#[must_use = "dropped at once it counts nothing"]
pub(super) struct OpenConnection(Option<IntGauge>);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        if let Some(gauge) = &self.0 {
            gauge.dec();
        }
    }
}

fn increment(counters: &[IntCounter], index: usize) {
    if let Some(counter) = counters.get(index) {
        counter.inc();
    }
}

pub(super) fn register<C: Collector + Clone + 'static>(
    registry: Option<&Registry>,
    metric: &C,
) -> Result<(), prometheus::Error> {
    registry.map_or(Ok(()), |registry| registry.register(Box::new(metric.clone())))
}

pub(super) fn counters(
    registry: Option<&Registry>,
    name: &str,
    help: &str,
    labels: &[&str],
) -> Result<IntCounterVec, prometheus::Error> {
    let counters = IntCounterVec::new(Opts::new(name, help), labels)?;
    register(registry, &counters)?;
    Ok(counters)
}

#[cfg(test)]
mod tests {
    use rustls::crypto::aws_lc_rs;

    use super::*;

    #[test]
    fn every_series_is_there_from_the_start() {
        let registry = Registry::new();
        let metrics = NetMetrics::new(&registry).unwrap();
        let series =
            || -> usize { registry.gather().iter().map(|family| family.get_metric().len()).sum() };
        let at_start = series();

        metrics.malformed(WireFault::HostTwice);
        metrics.closed(Ending::Error);
        metrics.refused(Refusal::Descriptors);
        metrics.handshake_timed_out();
        drop(metrics.opened(Protocol::Http2));

        assert_eq!(series(), at_start);
        assert_eq!(
            at_start,
            6 + 9 + aws_lc_rs::ALL_KX_GROUPS.len() + 1 + 1 + 3 + 1 + 3 + 10 + 14 + 5
        );
    }

    #[test]
    fn each_event_counts_under_its_own_label() {
        let registry = Registry::new();
        let metrics = NetMetrics::new(&registry).unwrap();

        metrics.closed(Ending::Evicted);
        metrics.handshake_failed();
        metrics.unreadable(Unreadable::HeadTooLarge);
        let guard = metrics.opened(Protocol::Http1);

        let text = prometheus::TextEncoder::new().encode_to_string(&registry.gather()).unwrap();
        for series in [
            "dialgate_connections_closed_total{reason=\"evicted\"} 1",
            "dialgate_tls_handshakes_total{result=\"failed\",version=\"none\"} 1",
            "dialgate_requests_malformed_total{fault=\"head_too_large\"} 1",
            "dialgate_connections_open{protocol=\"http/1.1\"} 1",
        ] {
            assert!(text.contains(series), "{series} is missing in:\n{text}");
        }
        drop(guard);
        assert_eq!(metrics.open[1].get(), 0);
    }
}
