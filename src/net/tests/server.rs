//! A listener on a free port with a handler that the tests can steer.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::pki::Pki;
use crate::config::{TlsVersion, TrustedProxies};
use crate::net::tls::TlsInForce;
use crate::net::{Drain, Limits, Listener, ListenerOptions, Peer, wire};
use crate::net::{NetMetrics, TrustedInForce};
use prometheus::Registry;

/// What a test waits for something that should happen, at most.
const PATIENCE: Duration = Duration::from_secs(5);

/// Waits for `future`, but not for ever.
pub(super) async fn within<F: Future>(future: F) -> F::Output {
    timeout(PATIENCE, future).await.expect("did not happen in time")
}

/// Asks `condition` until it holds.
pub(super) async fn eventually(mut condition: impl FnMut() -> bool) {
    within(async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

/// Limits that never matter, as a start for those that should.
pub(super) fn generous() -> Limits {
    let hour = Duration::from_hours(1);
    Limits {
        handshake_timeout: hour,
        head_timeout: hour,
        idle_timeout: hour,
        write_timeout: hour,
        ..Limits::default()
    }
}

pub(super) struct Server {
    pub(super) address: SocketAddr,
    registry: Registry,
    pub(super) drain: Drain,
    /// Requests that reached the handler and passed `wire::check`.
    pub(super) served: Arc<AtomicUsize>,
    /// `/wait` answers once a permit is added.
    pub(super) gate: Arc<Semaphore>,
    task: JoinHandle<()>,
}

impl Server {
    pub(super) fn with_tls(limits: Limits) -> Self {
        Self::start(limits, true, Drain::new(Duration::from_mins(1)))
    }

    pub(super) fn with_plaintext(limits: Limits) -> Self {
        Self::start(limits, false, Drain::new(Duration::from_mins(1)))
    }

    pub(super) fn start(limits: Limits, tls: bool, drain: Drain) -> Self {
        Self::behind(TrustedProxies::default(), limits, tls, drain)
    }

    /// With load balancers in front.
    pub(super) fn behind(trusted: TrustedProxies, limits: Limits, tls: bool, drain: Drain) -> Self {
        let trusted = TrustedInForce::new(trusted);
        let tls = tls.then(|| TlsInForce::new(&Pki::shared().server(TlsVersion::V1_2)));
        let address = "127.0.0.1:0".parse().unwrap();
        let listener =
            Listener::bind(ListenerOptions { address, tls, limits: limits.clone(), trusted })
                .unwrap();
        let address = listener.local_address();
        let registry = Registry::new();
        let metrics = Arc::new(NetMetrics::new(&registry).unwrap());
        let served = Arc::new(AtomicUsize::new(0));
        let gate = Arc::new(Semaphore::new(0));
        let handler = {
            let (served, gate, metrics) =
                (Arc::clone(&served), Arc::clone(&gate), Arc::clone(&metrics));
            move |request, peer: Arc<Peer>| {
                let (served, gate, metrics) =
                    (Arc::clone(&served), Arc::clone(&gate), Arc::clone(&metrics));
                let limits = limits.clone();
                async move { handle(request, &peer, &limits, &served, &gate, &metrics).await }
            }
        };
        let task = tokio::spawn(listener.serve(handler, drain.clone(), Arc::clone(&metrics)));
        Self { address, registry, drain, served, gate, task }
    }

    /// Waits until `serve` has returned.
    pub(super) async fn ended(self) {
        within(self.task).await.unwrap();
    }

    pub(super) fn served(&self) -> usize {
        self.served.load(Ordering::Relaxed)
    }

    /// The value of the series `name` whose label values are `labels`.
    pub(super) fn metric(&self, name: &str, labels: &[&str]) -> u64 {
        let families = self.registry.gather();
        let family = families.iter().find(|family| family.name() == name).expect(name);
        let series = family.get_metric().iter().find(|series| {
            labels.iter().all(|label| series.get_label().iter().any(|pair| pair.value() == *label))
        });
        let series = series.unwrap_or_else(|| panic!("{name} {labels:?}"));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "counters and gauges of a test are small whole numbers"
        )]
        let value = (series.get_counter().get_value() + series.get_gauge().get_value()) as u64;
        value
    }

    pub(super) fn closed(&self, reason: &str) -> u64 {
        self.metric("dialgate_connections_closed_total", &[reason])
    }

    pub(super) fn malformed(&self, fault: &str) -> u64 {
        self.metric("dialgate_requests_malformed_total", &[fault])
    }
}

async fn handle(
    request: Request<Incoming>,
    peer: &Peer,
    limits: &Limits,
    served: &AtomicUsize,
    gate: &Semaphore,
    metrics: &NetMetrics,
) -> Response<Full<Bytes>> {
    if let Err(fault) = wire::check(&request, limits) {
        metrics.malformed(fault);
        let mut response = Response::new(Full::from(fault.text()));
        *response.status_mut() = StatusCode::BAD_REQUEST;
        if request.version() <= http::Version::HTTP_11 {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        return response;
    }
    served.fetch_add(1, Ordering::Relaxed);
    match request.uri().path() {
        "/wait" => gate.acquire().await.unwrap().forget(),
        "/panic" => panic!("a handler panics on purpose"),
        "/large" => return Response::new(Full::from(vec![b'x'; 32 * 1024 * 1024])),
        "/peer" => return Response::new(Full::from(format!("{peer:?}"))),
        _ => {}
    }
    Response::new(Full::from("served"))
}
