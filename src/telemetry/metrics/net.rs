//! Connections, TLS handshakes and malformed requests, as metrics.
//!
//! The closed lists of label values stand here, because `net` is above this room and may be named
//! neither in a type nor in a path; its rooms call a method per event.

use std::time::Duration;

use prometheus::{
    Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

/// Bounds for a TLS handshake, in seconds. The server's share took 54 to 86 µs in memory; the rest
/// is two or three trips to the peer, so the bounds follow distances up to the handshake limit.
const HANDSHAKE_SECONDS: &[f64] =
    &[0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];

/// What is wrong with a request that is refused before anybody reads it. The first two are found by
/// hyper, the others by `net::wire`, whose labels they are (a test there compares).
const FAULTS: [&str; 14] = [
    "not_http",
    "head_too_large",
    "method",
    "connect",
    "target",
    "uri_too_long",
    "too_many_headers",
    "host_missing",
    "host_twice",
    "host_malformed",
    "host_mismatch",
    "transfer_encoding",
    "content_length",
    "body_on_get",
];

const HANDSHAKES: [(&str, &str); 6] = [
    ("TLSv1.2", "ok"),
    ("TLSv1.2", "resumed"),
    ("TLSv1.3", "ok"),
    ("TLSv1.3", "resumed"),
    ("none", "failed"),
    ("none", "timeout"),
];

#[derive(Clone, Copy)]
enum Handshake {
    Tls12,
    Tls12Resumed,
    Tls13,
    Tls13Resumed,
    Failed,
    Timeout,
}

const PROTOCOLS: [&str; 3] = ["handshake", "http/1.1", "h2"];

#[derive(Clone, Copy)]
enum Protocol {
    Handshake,
    Http1,
    Http2,
}

const REFUSALS: [&str; 3] = ["total", "per_address", "descriptors"];

#[derive(Clone, Copy)]
enum Refusal {
    Total,
    PerAddress,
    Descriptors,
}

const ENDINGS: [&str; 8] = [
    "peer",
    "handshake_timeout",
    "head_timeout",
    "idle_timeout",
    "write_timeout",
    "protocol_error",
    "drain",
    "error",
];

#[derive(Clone, Copy)]
enum Ending {
    Peer,
    HandshakeTimeout,
    HeadTimeout,
    IdleTimeout,
    WriteTimeout,
    ProtocolError,
    Drain,
    Error,
}

/// What happens on sockets.
pub struct NetMetrics {
    handshakes: [IntCounter; 6],
    handshake_seconds: Histogram,
    open: [IntGauge; 3],
    refused: [IntCounter; 3],
    closed: [IntCounter; 8],
    malformed: [IntCounter; FAULTS.len()],
}

impl NetMetrics {
    /// Declares the metrics in `registry`.
    ///
    /// # Errors
    ///
    /// See [`super::Metrics::new`].
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
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
        registry.register(Box::new(handshake_seconds.clone()))?;
        let open = IntGaugeVec::new(
            Opts::new(
                "dialgate_connections_open",
                "Connections open now, by the protocol they speak or as still shaking hands.",
            ),
            &["protocol"],
        )?;
        registry.register(Box::new(open.clone()))?;
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
        Ok(Self {
            handshakes: HANDSHAKES
                .map(|(version, result)| handshakes.with_label_values(&[version, result])),
            handshake_seconds,
            open: PROTOCOLS.map(|protocol| open.with_label_values(&[protocol])),
            refused: REFUSALS.map(|reason| refused.with_label_values(&[reason])),
            closed: ENDINGS.map(|reason| closed.with_label_values(&[reason])),
            malformed: FAULTS.map(|fault| malformed.with_label_values(&[fault])),
        })
    }

    /// A connection was accepted and shakes hands until the guard is dropped.
    pub fn handshake_started(&self) -> OpenConnection {
        self.opened(Protocol::Handshake)
    }

    /// A handshake succeeded with TLS 1.2.
    pub fn tls12_established(&self, resumed: bool, took: Duration) {
        self.handshake(if resumed { Handshake::Tls12Resumed } else { Handshake::Tls12 });
        self.handshake_seconds.observe(took.as_secs_f64());
    }

    /// A handshake succeeded with TLS 1.3.
    pub fn tls13_established(&self, resumed: bool, took: Duration) {
        self.handshake(if resumed { Handshake::Tls13Resumed } else { Handshake::Tls13 });
        self.handshake_seconds.observe(took.as_secs_f64());
    }

    /// A handshake failed: no common version or suite, not TLS at all, or the peer gave up.
    pub fn handshake_failed(&self) {
        self.handshake(Handshake::Failed);
    }

    /// A handshake took too long.
    pub fn handshake_timed_out(&self) {
        self.handshake(Handshake::Timeout);
    }

    /// A connection speaks HTTP/1 until the guard is dropped.
    pub fn http1_opened(&self) -> OpenConnection {
        self.opened(Protocol::Http1)
    }

    /// A connection speaks HTTP/2 until the guard is dropped.
    pub fn http2_opened(&self) -> OpenConnection {
        self.opened(Protocol::Http2)
    }

    /// A connection was refused because there are too many.
    pub fn refused_in_total(&self) {
        self.refusal(Refusal::Total);
    }

    /// A connection was refused because its address has too many.
    pub fn refused_per_address(&self) {
        self.refusal(Refusal::PerAddress);
    }

    /// A connection could not be accepted for want of a file descriptor.
    pub fn out_of_descriptors(&self) {
        self.refusal(Refusal::Descriptors);
    }

    /// A connection ended because the peer hung up or asked for the end.
    pub fn closed_by_peer(&self) {
        self.ended(Ending::Peer);
    }

    /// A connection ended because its TLS handshake took too long.
    pub fn closed_on_handshake_timeout(&self) {
        self.ended(Ending::HandshakeTimeout);
    }

    /// A connection ended because a request head took too long.
    pub fn closed_on_head_timeout(&self) {
        self.ended(Ending::HeadTimeout);
    }

    /// A connection ended because nothing was asked on it for too long.
    pub fn closed_on_idle_timeout(&self) {
        self.ended(Ending::IdleTimeout);
    }

    /// A connection ended because the peer did not read its answer.
    pub fn closed_on_write_timeout(&self) {
        self.ended(Ending::WriteTimeout);
    }

    /// A connection ended because what came was not proper TLS or HTTP.
    pub fn closed_on_protocol_error(&self) {
        self.ended(Ending::ProtocolError);
    }

    /// A connection ended because this process is ending.
    pub fn closed_on_drain(&self) {
        self.ended(Ending::Drain);
    }

    /// A connection ended because of a fault of ours, such as a panic.
    pub fn closed_on_error(&self) {
        self.ended(Ending::Error);
    }

    /// A request was refused as malformed; `fault` is a label of `net::wire::WireFault` or one of
    /// `not_http` and `head_too_large`. Any other text counts nothing: it can make no new series.
    pub fn malformed(&self, fault: &'static str) {
        let known = FAULTS.iter().zip(&self.malformed).find(|(label, _)| **label == fault);
        if let Some((_, counter)) = known {
            counter.inc();
        }
    }

    /// How many requests were refused for `fault` so far.
    pub fn malformed_so_far(&self, fault: &str) -> Option<u64> {
        let mut known = FAULTS.iter().zip(&self.malformed);
        known.find(|(label, _)| **label == fault).map(|(_, counter)| counter.get())
    }

    fn opened(&self, protocol: Protocol) -> OpenConnection {
        let [handshake, http1, http2] = &self.open;
        let gauge = match protocol {
            Protocol::Handshake => handshake,
            Protocol::Http1 => http1,
            Protocol::Http2 => http2,
        };
        gauge.inc();
        OpenConnection(gauge.clone())
    }

    fn handshake(&self, result: Handshake) {
        increment(&self.handshakes, result as usize);
    }

    fn refusal(&self, reason: Refusal) {
        increment(&self.refused, reason as usize);
    }

    fn ended(&self, reason: Ending) {
        increment(&self.closed, reason as usize);
    }
}

/// Counts one connection as open until it is dropped.
#[must_use = "dropped at once it counts nothing"]
pub struct OpenConnection(IntGauge);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.dec();
    }
}

fn increment(counters: &[IntCounter], index: usize) {
    if let Some(counter) = counters.get(index) {
        counter.inc();
    }
}

fn counters(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> Result<IntCounterVec, prometheus::Error> {
    let counters = IntCounterVec::new(Opts::new(name, help), labels)?;
    registry.register(Box::new(counters.clone()))?;
    Ok(counters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_series_is_there_from_the_start_and_an_unknown_fault_makes_none() {
        let registry = Registry::new();
        let metrics = NetMetrics::new(&registry).unwrap();
        let series =
            || -> usize { registry.gather().iter().map(|family| family.get_metric().len()).sum() };
        let at_start = series();

        metrics.malformed("made up by nobody");
        metrics.malformed("host_twice");

        assert_eq!(
            at_start,
            HANDSHAKES.len() + 1 + PROTOCOLS.len() + REFUSALS.len() + ENDINGS.len() + FAULTS.len()
        );
        assert_eq!(series(), at_start);
        assert_eq!(metrics.malformed_so_far("host_twice"), Some(1));
    }

    #[test]
    fn each_event_counts_under_its_own_label() {
        let metrics = NetMetrics::new(&Registry::new()).unwrap();

        metrics.closed_on_error();
        metrics.handshake_timed_out();
        metrics.out_of_descriptors();
        let guard = metrics.http2_opened();

        assert_eq!((ENDINGS[7], metrics.closed[7].get()), ("error", 1));
        assert_eq!((HANDSHAKES[5], metrics.handshakes[5].get()), (("none", "timeout"), 1));
        assert_eq!((REFUSALS[2], metrics.refused[2].get()), ("descriptors", 1));
        assert_eq!((PROTOCOLS[2], metrics.open[2].get()), ("h2", 1));
        drop(guard);
        assert_eq!(metrics.open[2].get(), 0);
    }
}
