//! A SAP that lives in the binary: for the demo, `dialgate sim` and the tests.
//!
//! A real HTTP server shaped like Cloud for Customer's OData v2 (`/sap/c4c/odata/v1/c4codataapi/`),
//! plus the endpoint of jtel's wiki (`/onClickToDial`). It knows a partner for every row of the
//! answer table and a million derived ones, and misbehaves on request ([`Fault`]).
//! Plaintext, no rights, no limits: for this machine only.

mod answer;
mod body;
mod control;
mod fault;
mod partners;
mod question;
#[cfg(test)]
mod tests;
mod wire;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
    time::sleep,
};
use tokio_util::task::AbortOnDropHandle;

use self::{
    answer::Question,
    body::Answer,
    control::Control,
    wire::{Orders, Wire},
};
pub use self::{
    fault::{Fault, UnknownFault},
    partners::{DERIVED, derived},
};
use crate::config::Secret;

/// How the simulator is started.
#[derive(Clone, Debug)]
pub struct SimulatorOptions {
    /// Where it listens; port 0 for any free one.
    pub address: SocketAddr,
    /// The user SAP knows.
    pub user: String,
    /// Its password; `None`: anybody may ask.
    pub password: Option<Secret>,
    /// Every answer takes this much longer.
    pub delay: Duration,
}

/// Why the simulator does not start.
#[derive(Debug, thiserror::Error)]
#[error("the simulator cannot listen on {address}; choose another port, or 0 for any free one")]
pub struct SimulatorError {
    /// Where it should have listened.
    pub address: SocketAddr,
    /// What the system said.
    pub source: io::Error,
}

/// A running simulator; dropping it ends it.
pub struct Simulator {
    address: SocketAddr,
    handle: SimulatorHandle,
    stop: watch::Sender<()>,
    server: AbortOnDropHandle<()>,
}

impl Simulator {
    /// Listens and answers until [`Self::shut_down`] or until it is dropped.
    ///
    /// # Errors
    ///
    /// The address cannot be listened on.
    pub async fn start(options: SimulatorOptions) -> Result<Self, SimulatorError> {
        let SimulatorOptions { address, user, password, delay } = options;
        let wrong = |source| SimulatorError { address, source };
        let listener = TcpListener::bind(address).await.map_err(wrong)?;
        let address = listener.local_addr().map_err(wrong)?;
        let authorization = password.map(|password| {
            let pair = STANDARD.encode(format!("{user}:{}", password.expose()));
            Secret::new(format!("Basic {pair}"))
        });
        let sap = Arc::new(Sap { control: Control::new(delay), authorization });
        let (stop, stopped) = watch::channel(());
        let server =
            AbortOnDropHandle::new(tokio::spawn(serve(listener, Arc::clone(&sap), stopped)));
        Ok(Self { address, handle: SimulatorHandle(sap), stop, server })
    }

    /// Where it listens.
    pub fn local_address(&self) -> SocketAddr {
        self.address
    }

    /// Faults and counters.
    pub fn handle(&self) -> SimulatorHandle {
        self.handle.clone()
    }

    /// Waits until the server ends, which it does not by itself.
    pub async fn stopped(self) {
        let Self { server, stop: _still_running, .. } = self;
        let _ended = server.await;
    }

    /// Closes every connection, also those in the middle of an answer, and waits for the end.
    pub async fn shut_down(self) {
        let Self { server, stop, .. } = self;
        drop(stop);
        let _ended = server.await;
    }
}

/// Changes and reads a running simulator.
#[derive(Clone)]
pub struct SimulatorHandle(Arc<Sap>);

impl SimulatorHandle {
    /// The next `times` requests meet this fault, or all of them.
    pub fn set_fault(&self, fault: Option<Fault>, times: Option<u32>) {
        self.0.control.set_fault(fault, times);
    }

    /// Every answer takes this much longer from now on.
    pub fn set_delay(&self, delay: Duration) {
        self.0.control.set_delay(delay);
    }

    /// Requests so far, refused ones included.
    pub fn requests(&self) -> u64 {
        self.0.control.requests()
    }

    /// Requests about one partner so far.
    pub fn requests_for(&self, id: &str) -> u64 {
        self.0.control.requests_for(id)
    }

    /// No fault, and counters at 0.
    pub fn reset(&self) {
        self.0.control.reset();
    }
}

/// What all connections share.
struct Sap {
    control: Control,
    authorization: Option<Secret>,
}

/// Accepts until told to stop; connections end with this function.
async fn serve(listener: TcpListener, sap: Arc<Sap>, mut stopped: watch::Receiver<()>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((tcp, _peer)) => {
                    connections.spawn(connection(tcp, Arc::clone(&sap)));
                }
                // Out of descriptors, most likely: spinning would not free one.
                Err(_) => sleep(Duration::from_millis(50)).await,
            },
            Some(_ended) = connections.join_next() => {}
            _dropped = stopped.changed() => return,
        }
    }
}

async fn connection(tcp: TcpStream, sap: Arc<Sap>) {
    // Latency only; without it the simulator still works.
    let _set = tcp.set_nodelay(true);
    let orders = Arc::new(Orders::default());
    let wire = TokioIo::new(Wire::new(tcp, Arc::clone(&orders)));
    let service = service_fn(move |request| {
        let (sap, orders) = (Arc::clone(&sap), Arc::clone(&orders));
        async move { Ok::<_, io::Error>(sap.answer(&request, &orders).await) }
    });
    let _ended =
        http1::Builder::new().timer(TokioTimer::new()).serve_connection(wire, service).await;
}

impl Sap {
    async fn answer(&self, request: &Request<Incoming>, orders: &Orders) -> Response<Answer> {
        if request.uri().path().starts_with(control::PATH) {
            return self.control.answer(request);
        }
        let question = Question::read(request);
        let (fault, delay) = self.control.arrived(question.id());
        if !delay.is_zero() {
            sleep(delay).await;
        }
        if request.method() != Method::GET {
            return answer::error(StatusCode::METHOD_NOT_ALLOWED, "Method Not Allowed");
        }
        if !self.knows(request) || fault == Some(Fault::Unauthorized) {
            let mut response =
                answer::typed(StatusCode::UNAUTHORIZED, "text/plain", "Unauthorized");
            let realm = HeaderValue::from_static(r#"Basic realm="Users""#);
            response.headers_mut().insert(header::WWW_AUTHENTICATE, realm);
            return response;
        }
        match fault {
            None => question.answer(),
            Some(fault) => faulty(fault, &question, orders).await,
        }
    }

    fn knows(&self, request: &Request<Incoming>) -> bool {
        let shown = request.headers().get(header::AUTHORIZATION);
        self.authorization.as_ref().is_none_or(|known| {
            shown.is_some_and(|shown| shown.as_bytes() == known.expose().as_bytes())
        })
    }
}

/// What is sent instead of, or after, the proper answer.
async fn faulty(fault: Fault, question: &Question, orders: &Orders) -> Response<Answer> {
    const LOGIN: &str = "<!DOCTYPE html><title>Logon</title><form><input name=\"sap-user\"></form>";
    const JSON: &str = "application/json; charset=utf-8";
    let proper = question.answer();
    let with_body =
        |change: fn(&Bytes) -> Answer| question.answer().map(|answer| change(&answer.into_bytes()));
    match fault {
        Fault::Unauthorized => {
            answer::typed(StatusCode::UNAUTHORIZED, "text/plain", "Unauthorized")
        }
        Fault::Forbidden => answer::error(StatusCode::FORBIDDEN, "no authorization"),
        Fault::Html => answer::typed(StatusCode::OK, "text/html; charset=utf-8", LOGIN),
        Fault::Redirect => {
            let mut response = answer::typed(StatusCode::FOUND, "text/html", "");
            let login = HeaderValue::from_static("/saml2/idp/sso");
            response.headers_mut().insert(header::LOCATION, login);
            response
        }
        Fault::Status500 => answer::error(StatusCode::INTERNAL_SERVER_ERROR, "dump"),
        Fault::Status429 => {
            let mut response = answer::error(StatusCode::TOO_MANY_REQUESTS, "too many requests");
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("30"));
            response
        }
        Fault::Status503Html => answer::typed(
            StatusCode::SERVICE_UNAVAILABLE,
            "text/html",
            "<h1>System Maintenance</h1>",
        ),
        Fault::Hang => std::future::pending().await,
        Fault::SlowDrip => with_body(Answer::dripping),
        Fault::Cut => with_body(Answer::cut),
        Fault::Reset => {
            orders.reset();
            proper
        }
        Fault::NotJson => answer::typed(StatusCode::OK, JSON, "Sorry"),
        Fault::TruncatedJson => answer::typed(StatusCode::OK, JSON, r#"{"d":{"results":[{"Obj"#),
        Fault::EmptyRows => answer::results(&[]),
        Fault::WrongRecord => question.answer_with(1, true, true),
        Fault::TwoRecords => question.answer_with(2, false, true),
        Fault::PathMissing => question.answer_with(1, false, false),
        Fault::Oversized => {
            with_body(|_proper| Answer::unannounced(Bytes::from(vec![b' '; 64 * 1024]), 64))
        }
        Fault::ExtraResponse => {
            let extra = question.answer_with(1, true, true).into_body().into_bytes();
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length:";
            let head = format!("{head} {}\r\n\r\n", extra.len());
            orders.send_after_answer([head.as_bytes(), extra.as_ref()].concat());
            proper
        }
        Fault::Xml => answer::atom(),
        Fault::ODataError200 => answer::error(StatusCode::OK, "an error that looks fine"),
    }
}
