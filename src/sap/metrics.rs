//! Requests to SAP, as metrics.
//!
//! Counted per HTTP request, not per lookup: a dialect of two steps asks twice for a partner that
//! the first step does not know, and the first of the two counts as `unknown`.

use std::time::Duration;

use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry,
};

/// Bounds for a request to SAP, in seconds. Cloud for Customer took 2.06 s in the example of SAP's
/// own developer guide, so the bounds are dense up to there and end above it.
const REQUEST_SECONDS: &[f64] = &[0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.2, 1.6, 2.0, 2.5, 3.0];

/// How a request to SAP ended: a closed list, one word in metric, log and `explain` alike.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum SapOutcome {
    /// The partner, and only that partner.
    Found,
    /// SAP knows no such partner here.
    Unknown,
    /// More than one record or channel.
    Ambiguous,
    /// No free place among the requests in flight before the deadline; SAP was not asked.
    Busy,
    /// SAP could not be reached: name, TCP or TLS.
    Connect,
    /// SAP did not answer in time.
    Deadline,
    /// The connection ended before the answer did.
    Cut,
    /// What came is not HTTP.
    Protocol,
    /// Our credentials were refused, now or before.
    Credentials,
    /// Our user may not do this.
    Forbidden,
    /// SAP pointed somewhere else.
    Redirect,
    /// SAP wants to be left alone for a while.
    Throttled,
    /// A page about maintenance.
    Maintenance,
    /// Another status that is no answer.
    Status,
    /// A page for people, such as a login form.
    Html,
    /// Neither JSON nor HTML.
    ContentType,
    /// Compressed, although that was not asked for.
    ContentEncoding,
    /// Longer than the limit.
    TooLarge,
    /// Not JSON, although it says so.
    NotJson,
    /// An error message where records should be.
    ErrorBody,
    /// A member that the dialect names is not there.
    PathMissing,
    /// A record of somebody else.
    WrongRecord,
    /// A channel or country that cannot be one.
    Value,
    /// The proxy on the way to SAP refused.
    Proxy,
    /// The token server could not be reached.
    TokenConnect,
    /// The token server gave no token in time.
    TokenDeadline,
    /// The token server answered with another status.
    TokenStatus,
    /// What the token server answered is no token.
    TokenReply,
    /// The token server refused the request.
    TokenRefused,
    /// The token server refused our client's credentials.
    TokenCredentials,
    /// SAP refused a token that was just granted.
    TokenRejected,
    /// The key for the token server cannot be read.
    TokenKey,
}

impl SapOutcome {
    /// All of them, for metrics that exist from the start; in the order of the enum.
    pub const ALL: [Self; 32] = [
        Self::Found,
        Self::Unknown,
        Self::Ambiguous,
        Self::Busy,
        Self::Connect,
        Self::Deadline,
        Self::Cut,
        Self::Protocol,
        Self::Credentials,
        Self::Forbidden,
        Self::Redirect,
        Self::Throttled,
        Self::Maintenance,
        Self::Status,
        Self::Html,
        Self::ContentType,
        Self::ContentEncoding,
        Self::TooLarge,
        Self::NotJson,
        Self::ErrorBody,
        Self::PathMissing,
        Self::WrongRecord,
        Self::Value,
        Self::Proxy,
        Self::TokenConnect,
        Self::TokenDeadline,
        Self::TokenStatus,
        Self::TokenReply,
        Self::TokenRefused,
        Self::TokenCredentials,
        Self::TokenRejected,
        Self::TokenKey,
    ];

    /// The word in metrics, logs and `explain`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Found => "found",
            Self::Unknown => "unknown",
            Self::Ambiguous => "ambiguous",
            Self::Busy => "busy",
            Self::Connect => "connect",
            Self::Deadline => "deadline",
            Self::Cut => "cut",
            Self::Protocol => "protocol",
            Self::Credentials => "credentials",
            Self::Forbidden => "forbidden",
            Self::Redirect => "redirect",
            Self::Throttled => "throttled",
            Self::Maintenance => "maintenance",
            Self::Status => "status",
            Self::Html => "html",
            Self::ContentType => "content_type",
            Self::ContentEncoding => "content_encoding",
            Self::TooLarge => "too_large",
            Self::NotJson => "not_json",
            Self::ErrorBody => "error_body",
            Self::PathMissing => "path_missing",
            Self::WrongRecord => "wrong_record",
            Self::Value => "value",
            Self::Proxy => "proxy",
            Self::TokenConnect => "token_connect",
            Self::TokenDeadline => "token_deadline",
            Self::TokenStatus => "token_status",
            Self::TokenReply => "token_reply",
            Self::TokenRefused => "token_refused",
            Self::TokenCredentials => "token_credentials",
            Self::TokenRejected => "token_rejected",
            Self::TokenKey => "token_key",
        }
    }

    /// SAP answered about the partner, whatever the answer is.
    pub fn is_answer(self) -> bool {
        matches!(self, Self::Found | Self::Unknown | Self::Ambiguous)
    }
}

/// What is asked of SAP and what comes of it.
pub struct SapMetrics {
    /// One per outcome, in the order of [`SapOutcome::ALL`].
    requests: Vec<(SapOutcome, IntCounter)>,
    answer_seconds: Histogram,
    error_seconds: Histogram,
    in_flight: IntGauge,
    up: IntGauge,
    credentials_refused: IntGauge,
}

impl SapMetrics {
    /// Declares the metrics in `registry`.
    ///
    /// # Errors
    ///
    /// See [`crate::telemetry::metrics::Metrics::new`].
    pub fn new(registry: &Registry) -> Result<Self, prometheus::Error> {
        let requests = IntCounterVec::new(
            Opts::new("dialgate_sap_requests_total", "Requests to SAP, by how they ended."),
            &["outcome"],
        )?;
        let seconds = HistogramVec::new(
            HistogramOpts::new(
                "dialgate_sap_request_duration_seconds",
                "Time from asking SAP, connecting included, to its answer or to giving up.",
            )
            .buckets(REQUEST_SECONDS.to_vec()),
            &["outcome"],
        )?;
        let in_flight =
            IntGauge::new("dialgate_sap_requests_in_flight", "Requests SAP has not answered yet.")?;
        let up = IntGauge::new(
            "dialgate_sap_up",
            "1 if SAP gave a proper answer when it was asked last, 0 if not or never asked.",
        )?;
        let credentials_refused = IntGauge::new(
            "dialgate_sap_credentials_refused",
            "1 while SAP is not asked because it refused the credentials.",
        )?;
        registry.register(Box::new(requests.clone()))?;
        registry.register(Box::new(seconds.clone()))?;
        for gauge in [&in_flight, &up, &credentials_refused] {
            registry.register(Box::new(gauge.clone()))?;
        }
        Ok(Self {
            requests: SapOutcome::ALL
                .into_iter()
                .map(|outcome| (outcome, requests.with_label_values(&[outcome.label()])))
                .collect(),
            answer_seconds: seconds.with_label_values(&["answer"]),
            error_seconds: seconds.with_label_values(&["error"]),
            in_flight,
            up,
            credentials_refused,
        })
    }

    /// A request ended.
    pub fn ended(&self, outcome: SapOutcome, took: Duration) {
        if let Some((_, counter)) = self.requests.iter().find(|(of, _)| *of == outcome) {
            counter.inc();
        }
        let seconds = if outcome.is_answer() { &self.answer_seconds } else { &self.error_seconds };
        seconds.observe(took.as_secs_f64());
    }

    /// A request ended before SAP was asked: counted, but without a time that would be our own.
    pub fn not_asked(&self, outcome: SapOutcome) {
        if let Some((_, counter)) = self.requests.iter().find(|(of, _)| *of == outcome) {
            counter.inc();
        }
    }

    /// Counts one request as in flight until the guard is dropped, also when nobody waits any more.
    pub fn asking(&self) -> SapRequestInFlight {
        self.in_flight.inc();
        SapRequestInFlight(self.in_flight.clone())
    }

    /// Whether SAP gives proper answers, and whether it refused the credentials.
    pub fn health(&self, up: bool, credentials_refused: bool) {
        self.up.set(i64::from(up));
        self.credentials_refused.set(i64::from(credentials_refused));
    }

    /// How many requests ended with `outcome`, for tests.
    pub fn requests(&self, outcome: SapOutcome) -> u64 {
        self.requests.iter().find(|(of, _)| *of == outcome).map_or(0, |(_, counter)| counter.get())
    }
}

/// A request to SAP that is not answered yet.
#[must_use]
pub struct SapRequestInFlight(IntGauge);

impl Drop for SapRequestInFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_is_a_series_from_the_start() {
        let registry = Registry::new();
        let _metrics = SapMetrics::new(&registry).unwrap();

        let families = registry.gather();

        let requests = families.iter().find(|f| f.name() == "dialgate_sap_requests_total").unwrap();
        assert_eq!(requests.get_metric().len(), SapOutcome::ALL.len());
    }

    #[test]
    fn a_request_is_in_flight_until_its_guard_is_dropped() {
        let metrics = SapMetrics::new(&Registry::new()).unwrap();

        let guard = metrics.asking();
        assert_eq!(metrics.in_flight.get(), 1);
        drop(guard);

        assert_eq!(metrics.in_flight.get(), 0);
    }
}
