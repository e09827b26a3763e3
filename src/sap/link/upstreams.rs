//! Which of SAP's addresses is asked: the second one when the first does not answer.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
    time::Duration,
};

use http::{HeaderMap, Method, Response, uri::PathAndQuery};
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};
use tracing::{info, warn};

use crate::sap::{
    error::LookupError,
    link::pool::{Body, Connection},
    link::transport::{Over, Transport, TransportError, request},
    metrics::Way,
    requests::Requests,
};
use crate::telemetry::trace::Trace;

/// After the first address failed, the second one is asked first for this long.
const PREFER_SECOND: Duration = Duration::from_secs(30);

/// Header fields for which there is room from the start: a map that grows is sorted in anew.
const ROOM: usize = 20;

/// One address of SAP.
pub(in crate::sap) struct Upstream {
    pub(in crate::sap) host: Arc<str>,
    /// What every request there says, with room for what only one says.
    pub(in crate::sap) headers: HeaderMap,
    pub(in crate::sap) transport: Transport,
}

/// The head of an answer and where it came from.
pub(in crate::sap) struct Reached<'u> {
    pub(in crate::sap) response: Response<Incoming>,
    pub(in crate::sap) connection: Connection,
    pub(in crate::sap) transport: &'u Transport,
}

/// The addresses of one SAP system.
pub(in crate::sap) struct Upstreams {
    first: Upstream,
    second: Option<Upstream>,
    first_failed: Mutex<Option<Instant>>,
}

/// One request, to be sent once or several times.
pub(in crate::sap) struct Sending<'s> {
    pub(in crate::sap) target: &'s PathAndQuery,
    pub(in crate::sap) over: Over,
    pub(in crate::sap) trace: Option<&'s Trace>,
    /// The dialect's name for it, and where it is written down that it was sent.
    pub(in crate::sap) step: &'s Arc<str>,
    pub(in crate::sap) requests: &'s Requests,
    pub(in crate::sap) deadline: Instant,
}

impl Upstreams {
    /// `headers` go with every request; what they say of the host does not count.
    pub(in crate::sap) fn new(
        mut first: Upstream,
        mut second: Option<Upstream>,
        headers: &HeaderMap,
    ) -> Self {
        for upstream in [Some(&mut first), second.as_mut()].into_iter().flatten() {
            let mut all = HeaderMap::with_capacity(ROOM);
            all.extend(headers.clone());
            all.extend(std::mem::take(&mut upstream.headers));
            upstream.headers = all;
        }
        Self { first, second, first_failed: Mutex::default() }
    }

    /// Sends a GET with the headers of the login and waits for the head of the answer: from the second
    /// address where the first gives none.
    pub(in crate::sap) async fn get(
        &self,
        login: &HeaderMap,
        sending: &Sending<'_>,
    ) -> Result<Reached<'_>, LookupError> {
        let Some(second) = &self.second else {
            return self.first.get(login, sending).await;
        };
        let is_first_down =
            self.first_failed().is_some_and(|failed| failed.elapsed() < PREFER_SECOND);
        let (one, other) =
            if is_first_down { (second, &self.first) } else { (&self.first, second) };
        let now = Instant::now();
        let half = now + sending.deadline.saturating_duration_since(now) / 2;
        let tried = match timeout_at(half, one.get(login, sending)).await {
            Ok(Ok(reached)) if !reached.response.status().is_server_error() => {
                if !is_first_down && self.first_failed().take().is_some() {
                    info!(upstream = %one.host, "SAP at {} is asked first again", one.host);
                }
                return Ok(reached);
            }
            Ok(tried) => Some(tried),
            Err(_elapsed) => None,
        };
        if !is_first_down && self.first_failed().replace(now).is_none() {
            warn!(upstream = %one.host, second = %other.host,
                "SAP at {} gives no answer; asking SAP at {}", one.host, other.host);
        }
        match (other.get(login, sending).await, tried) {
            // Neither answers: what the one that is asked first did is what counts.
            (Err(_), Some(tried)) => tried,
            (reached, _) => reached,
        }
    }

    /// Reads certificates again. True: they have changed.
    pub(in crate::sap) fn reread(&self) -> Result<bool, String> {
        let first = self.first.transport.reread();
        let second = self.second.as_ref().map_or(Ok(false), |second| second.transport.reread());
        Ok(first? | second?)
    }

    /// When the first certificate that we show ends, in seconds since 1970.
    pub(in crate::sap) fn identity_ends(&self) -> Option<i64> {
        let second = self.second.as_ref().and_then(|second| second.transport.identity_ends());
        self.first.transport.identity_ends().into_iter().chain(second).min()
    }

    /// What the way looks like now, told to one who asks; of two, the certificate that ends first counts.
    pub(in crate::sap) fn way(&self) -> Way {
        let mut way = Way::default();
        for upstream in [Some(&self.first), self.second.as_ref()].into_iter().flatten() {
            let transport = &upstream.transport;
            way.idle += transport.idle.len();
            way.opened += transport.opened.swap(0, Ordering::Relaxed);
            let ends = transport.certificate_ends.load(Ordering::Relaxed);
            let ends = (ends != 0).then_some(ends);
            way.certificate_ends = way.certificate_ends.into_iter().chain(ends).min();
        }
        way
    }

    /// Connections kept for the next request.
    #[cfg(test)]
    pub(in crate::sap) fn idle_connections(&self) -> usize {
        self.first.transport.idle.len()
    }

    fn first_failed(&self) -> MutexGuard<'_, Option<Instant>> {
        self.first_failed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Upstream {
    async fn get(
        &self,
        login: &HeaderMap,
        sending: &Sending<'_>,
    ) -> Result<Reached<'_>, LookupError> {
        let span = sending.requests.begin(sending.step, &self.host);
        let asking = || {
            let mut headers = self.headers.clone();
            headers.extend(login.clone());
            if let Some(trace) = sending.trace {
                trace.put_into(span, &mut headers);
            }
            request(Method::GET, sending.target.clone(), headers, Body::default())
        };
        let host = || Arc::clone(&self.host);
        let (response, connection) = self
            .transport
            .send(asking, sending.over)
            .await
            .map_err(|error| match error {
                TransportError::Proxy(proxy, source) => {
                    LookupError::Proxy { host: host(), proxy, source }
                }
                TransportError::Connect(source) => LookupError::connect(host(), source),
                TransportError::Cut(source) => LookupError::Cut { host: host(), source },
                TransportError::Protocol(source) => LookupError::Protocol { host: host(), source },
            })
            .inspect_err(|error| sending.requests.ended(error.outcome()))?;
        sending.requests.answered(response.status(), &connection.leg);
        Ok(Reached { response, connection, transport: &self.transport })
    }
}
