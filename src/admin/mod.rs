//! The second listener: metrics, health and the few things an operator says to a running gateway.
//!
//! Plaintext HTTP, on loopback unless the configuration says otherwise. What only reads is
//! answered to anybody who reaches it; what changes something, to this machine only.

mod check;
mod configuration;
mod ready;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{
    HeaderValue, Method, Request, Response, StatusCode,
    header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HOST, ORIGIN},
    uri::Authority,
};
use http_body_util::Full;
use hyper::body::Body;
use tokio::time::Instant;

use crate::{
    gateway::Gateway,
    lookup::Partners,
    net::{Limits, Peer, wire},
    telemetry::{
        logging::{LogControl, PassingLevel},
        metrics::Metrics,
        rounded,
    },
};

pub use configuration::{ConfigStatus, ReloadRequest, Reloaded, Reloads};
pub use ready::Readiness;

/// Wrong attempts lock the user in SAP (KBA 2831118), so a loop must not be able to make them; a
/// person who has just put something right needs one.
const RETRY_LOGIN_EVERY: Duration = Duration::from_mins(1);

const TEXT: &str = "text/plain; charset=utf-8";

const HERE_ONLY: &str = "this is answered to this machine only";

const LEVELS: &str =
    "write ?level=error, warn, info or debug, for ten minutes; or ?level=configured";

/// What Prometheus asks for since 0.0.4 of its text format.
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";

const OVERVIEW: &str = "\
dialgate admin listener

GET  /metrics           everything Prometheus wants to know
GET  /livez             200 while the process lives
GET  /coverage.json     the contract numbers that SAP's answers have led to
GET  /readyz            200 while calls can be sent here; ?verbose says why not
POST /reload            read the configuration and its files again (from this machine only)
POST /sap/retry-login   ask SAP again after it refused our credentials (from this machine only)
POST /log?level=debug   another log level for ten minutes: error, warn, info, debug; or configured,
                        the one of the configuration again (from this machine only)
";

/// Answers on the admin listener.
pub struct Admin {
    metrics: Arc<Metrics>,
    partners: Arc<Partners>,
    gateway: Arc<Gateway>,
    readiness: Arc<Readiness>,
    reloads: Reloads,
    log: Option<LogControl>,
    limits: Limits,
    last_retry: Mutex<Option<Instant>>,
    /// On loopback a browser can be made to come here under a foreign name (DNS rebinding).
    loopback: bool,
}

impl Admin {
    /// `loopback`: the listener is on a loopback address.
    pub fn new(
        metrics: Arc<Metrics>,
        partners: Arc<Partners>,
        gateway: Arc<Gateway>,
        readiness: Arc<Readiness>,
        reloads: Reloads,
        limits: Limits,
        loopback: bool,
    ) -> Self {
        let last_retry = Mutex::default();
        Self {
            metrics,
            partners,
            gateway,
            readiness,
            reloads,
            log: None,
            limits,
            last_retry,
            loopback,
        }
    }

    /// Changes the level of this log when told to.
    #[must_use]
    pub fn with_log(self, log: LogControl) -> Self {
        Self { log: Some(log), ..self }
    }

    /// Answers one request.
    pub async fn handle<B: Body>(
        &self,
        request: &Request<B>,
        peer: &Peer,
    ) -> Response<Full<Bytes>> {
        if let Err(fault) = wire::check(request, &self.limits) {
            return text(StatusCode::BAD_REQUEST, fault.text());
        }
        if self.loopback && !names_this_machine(request) {
            return text(StatusCode::MISDIRECTED_REQUEST, "ask for localhost or an IP address");
        }
        // Load balancers ask with HEAD; hyper leaves the body away.
        let method = match request.method() {
            &Method::HEAD => &Method::GET,
            method => method,
        };
        match (request.uri().path(), method) {
            ("/", &Method::GET) => text(StatusCode::OK, OVERVIEW),
            ("/metrics", &Method::GET) => self.metrics(),
            ("/livez", &Method::GET) => text(StatusCode::OK, "ok"),
            ("/readyz", &Method::GET) => self.ready(request.uri().query() == Some("verbose")),
            ("/coverage.json", &Method::GET) => self.coverage(),
            ("/sap/retry-login", &Method::POST) => self.retry_login(request, peer),
            ("/reload", &Method::POST) => self.reload(request, peer).await,
            ("/log", &Method::POST) => self.set_log_level(request, peer),
            ("/" | "/metrics" | "/livez" | "/readyz" | "/coverage.json", _) => allow("GET, HEAD"),
            ("/sap/retry-login" | "/log" | "/reload", _) => allow("POST"),
            _ => text(StatusCode::NOT_FOUND, OVERVIEW),
        }
    }

    fn metrics(&self) -> Response<Full<Bytes>> {
        let terms = self.gateway.terms();
        self.partners.count(&terms.config.rules.service_numbers);
        terms.sap.count();
        self.metrics.ready(self.readiness.is_ready());
        match self.metrics.render() {
            Ok(metrics) => {
                let mut response = text(StatusCode::OK, metrics);
                response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(METRICS));
                response
            }
            Err(error) => {
                tracing::error!(%error, "the metrics cannot be rendered");
                text(StatusCode::INTERNAL_SERVER_ERROR, "the metrics cannot be rendered")
            }
        }
    }

    fn ready(&self, verbose: bool) -> Response<Full<Bytes>> {
        let checks = self.readiness.checks();
        let status = if checks.iter().all(|check| check.passed) {
            StatusCode::OK
        } else {
            StatusCode::SERVICE_UNAVAILABLE
        };
        if !verbose {
            return text(status, if status.is_success() { "ready" } else { "not ready" });
        }
        let lines = checks.into_iter().map(|check| {
            let mark = if check.passed { '+' } else { '-' };
            format!("[{mark}] {}: {}\n", check.name, check.text)
        });
        text(status, lines.collect::<String>())
    }

    fn coverage(&self) -> Response<Full<Bytes>> {
        let (all, without, overflowed) = self.partners.seen().all();
        let terms = self.gateway.terms();
        let configured = &terms.config.rules.service_numbers;
        let number = |contract: &str| configured.of_text(contract).map(|of| of.to_string());
        let seen: Vec<_> = all
            .iter()
            .map(|contract| {
                serde_json::json!({
                    "contractNumber": contract.contract_number,
                    "serviceNumber": number(&contract.contract_number),
                    "answers": contract.answers,
                })
            })
            .collect();
        let told = serde_json::json!({
            "seen": seen,
            "withoutContractNumber": without,
            "moreThanIsKept": overflowed,
        });
        let mut response = text(StatusCode::OK, told.to_string());
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(CONTENT_TYPE, json);
        response
    }

    async fn reload<B>(&self, request: &Request<B>, peer: &Peer) -> Response<Full<Bytes>> {
        if !is_from_this_machine(request, peer) {
            return text(StatusCode::FORBIDDEN, HERE_ONLY);
        }
        tracing::info!(by = %peer.address.ip(), "reading the configuration again, because an operator asked for it");
        match self.reloads.reload().await {
            Some(reloaded @ Reloaded::Refused(_)) => {
                text(StatusCode::UNPROCESSABLE_ENTITY, reloaded.text() + "\n")
            }
            Some(reloaded) => text(StatusCode::OK, reloaded.text() + "\n"),
            None => text(StatusCode::SERVICE_UNAVAILABLE, "the process is about to end"),
        }
    }

    fn retry_login<B>(&self, request: &Request<B>, peer: &Peer) -> Response<Full<Bytes>> {
        if !is_from_this_machine(request, peer) {
            return text(StatusCode::FORBIDDEN, HERE_ONLY);
        }
        let mut last = self.last_retry.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_some_and(|last| last.elapsed() < RETRY_LOGIN_EVERY) {
            return text(
                StatusCode::TOO_MANY_REQUESTS,
                "not again within a minute: SAP locks users",
            );
        }
        *last = Some(Instant::now());
        drop(last);
        match self.gateway.terms().sap.retry_login() {
            None => text(StatusCode::OK, "the next request to SAP logs in again"),
            Some(left) => {
                let left = rounded(left);
                text(
                    StatusCode::OK,
                    format!(
                        "SAP asked to be left alone for {left} more; then the next request logs in again"
                    ),
                )
            }
        }
    }

    fn set_log_level<B>(&self, request: &Request<B>, peer: &Peer) -> Response<Full<Bytes>> {
        if !is_from_this_machine(request, peer) {
            return text(StatusCode::FORBIDDEN, HERE_ONLY);
        }
        let Some(log) = &self.log else {
            return text(StatusCode::NOT_FOUND, "this process has no log");
        };
        let word = request.uri().query().and_then(|query| query.strip_prefix("level="));
        let who = peer.address.ip();
        match word.map(|word| (word, PassingLevel::parse(word))) {
            Some(("configured", _)) => {
                let level = log.back_to_configured(who);
                text(StatusCode::OK, format!("log level {level}, as configured"))
            }
            Some((word, Some(level))) => {
                let until = log.set_for_a_while(level, who).to_the_second();
                text(StatusCode::OK, format!("log level {word} until {until}"))
            }
            _ => text(StatusCode::BAD_REQUEST, LEVELS),
        }
    }
}

/// No browser: it names the page that asks, and no page has business here.
fn is_from_this_machine<B>(request: &Request<B>, peer: &Peer) -> bool {
    peer.address.ip().is_loopback() && !request.headers().contains_key(ORIGIN)
}

fn names_this_machine<B>(request: &Request<B>) -> bool {
    let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
    let Some(authority) = host.and_then(|host| host.parse::<Authority>().ok()) else {
        // HTTP/1.0 needs no Host; browsers do not speak it.
        return host.is_none();
    };
    let name = authority.host().trim_matches(['[', ']']);
    name.eq_ignore_ascii_case("localhost") || name.parse::<std::net::IpAddr>().is_ok()
}

fn text(status: StatusCode, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(TEXT));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn allow(method: &'static str) -> Response<Full<Bytes>> {
    let mut response = text(StatusCode::METHOD_NOT_ALLOWED, "not by this method");
    response.headers_mut().insert(ALLOW, HeaderValue::from_static(method));
    response
}
