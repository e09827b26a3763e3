//! Sockets: takes connections, speaks TLS and HTTP on them, and ends them in time.
//!
//! Knows nothing of jtel or SAP: it hands a request to a handler and the handler's answer back. In
//! the order of a connection's life: [`Listener`] accepts it (`accept`, `places`), `handshake` (in `turns`)
//! speaks TLS as [`tls`] says ([`Peer`] tells what came of it), `connection` serves HTTP with a `watch` on its time, [`drain`] ends
//! it in order, `ending` counts how it ended. [`wire`] is what a handler calls first; [`body`] and
//! [`retry_after`] read what others send us. [`otlp`] sends spans to a collector,
//! [`anchor`] checkpoints of the audit trail to a second place.

mod accept;
mod agreed;
pub mod anchor;
pub mod body;
mod connection;
mod counted;
mod delivery;
pub mod drain;
mod ending;
mod frames;
mod handshake;
mod http2;
mod incident;
mod metrics;
mod negotiated;
pub mod otlp;
mod peer;
mod places;
pub mod proxied;
pub mod retry_after;
pub mod tls;
mod turns;
mod watch;
mod watched;
pub mod wire;

#[cfg(test)]
mod tests;

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

pub use crate::config::Limits;
use accept::{AcceptFault, Outage};
pub use connection::AnswerBody;
use connection::Common;
pub use drain::Drain;
use incident::Incidents;
pub use incident::{Incident, Sink, What};
pub use metrics::NetMetrics;
use metrics::Refusal;
pub use negotiated::{Negotiated, TlsNames, name_of as cipher_name};
pub use peer::{ClientCertificate, Peer, Remark, Remarked, TlsFacts};
use places::Places;
pub use proxied::TrustedInForce;
use tls::TlsInForce;
use turns::Turns;

/// Connections the operating system holds for us until they are accepted.
const BACKLOG: i32 = 1024;

/// What tasks get to notice that they have been cut off, so that none outlives its listener.
const AFTER_CUT: Duration = Duration::from_secs(1);

/// Where and how to listen.
pub struct ListenerOptions {
    /// Address and port; port 0 takes any free one.
    pub address: SocketAddr,
    /// TLS, which may be exchanged; `None` speaks plaintext HTTP/1.
    pub tls: Option<Arc<TlsInForce>>,
    /// How much time, room and company a connection is given.
    pub limits: Limits,
    /// Whose connections begin with a header of the PROXY protocol; may be exchanged.
    pub trusted: Arc<TrustedInForce>,
}

/// A bound port, not yet served.
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    tls: Option<Arc<TlsInForce>>,
    limits: Limits,
    incidents: Incidents,
    trusted: Arc<TrustedInForce>,
}

/// Why a port cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Somebody else listens there.
    #[error("{address} is taken by another process; stop that one or listen on another port")]
    Taken {
        /// Where we wanted to listen.
        address: SocketAddr,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// Ports below 1024 need a permission.
    #[error(
        "listening on {address} is not permitted; take a port from 1024 up or grant \
         CAP_NET_BIND_SERVICE"
    )]
    Forbidden {
        /// Where we wanted to listen.
        address: SocketAddr,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// The address belongs to another machine.
    #[error("this machine has no address {}; listen on one it has, or on 0.0.0.0 or [::]", .address.ip())]
    NotOurs {
        /// Where we wanted to listen.
        address: SocketAddr,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// Anything else.
    #[error("listening on {address} failed")]
    Other {
        /// Where we wanted to listen.
        address: SocketAddr,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
}

impl BindError {
    fn of(address: SocketAddr, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::AddrInUse => Self::Taken { address, source },
            io::ErrorKind::PermissionDenied => Self::Forbidden { address, source },
            io::ErrorKind::AddrNotAvailable => Self::NotOurs { address, source },
            _ => Self::Other { address, source },
        }
    }
}

impl Listener {
    /// Takes the port. Connections wait in the backlog until [`Self::serve`].
    ///
    /// # Errors
    ///
    /// [`BindError`], which names the address and what to do.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn bind(options: ListenerOptions) -> Result<Self, BindError> {
        let ListenerOptions { address, tls, limits, trusted } = options;
        let incidents = Incidents::new(None);
        let socket = bound(address, &limits).map_err(|source| BindError::of(address, source))?;
        let address = socket.local_addr().map_err(|source| BindError::Other { address, source })?;
        Ok(Self { socket, address, tls, limits, incidents, trusted })
    }

    /// Tells `sink` of connections that come to no call.
    #[must_use]
    pub fn telling(self, sink: Sink) -> Self {
        Self { incidents: Incidents::new(Some(sink)), ..self }
    }

    /// Where it listens; with port 0 asked for, the port it got.
    pub fn local_address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts and serves connections until `drain` starts; returns when they have all ended, or
    /// have been cut off because the drain's limit has passed or the end was forced.
    ///
    /// `handler` runs inside its connection's task (HTTP/2: its stream's) and is dropped when the
    /// peer hangs up. A panic in it ends that connection or stream and nothing else.
    pub async fn serve<H, F, A>(self, handler: H, drain: Drain, metrics: Arc<NetMetrics>)
    where
        H: Fn(Request<Incoming>, Arc<Peer>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<A>> + Send + 'static,
        A: AnswerBody,
    {
        let Limits { connections, connections_per_address, .. } = self.limits;
        let common = Arc::new(Common {
            handler,
            places: Places::new(connections, connections_per_address),
            trusted: self.trusted,
            limits: self.limits,
            tls: self.tls,
            incidents: self.incidents,
            metrics,
            drain: drain.clone(),
            turns: Turns::new(),
            cut: CancellationToken::new(),
            tasks: TaskTracker::new(),
        });
        tokio::select! {
            () = accept_all(&self.socket, &common) => {}
            () = drain.wait_started() => {}
        }
        drop(self.socket);
        common.tasks.close();
        if !drain.finish(common.tasks.wait()).await {
            warn!(
                connections = common.tasks.len(),
                "the time to finish is over; cutting off the rest"
            );
            common.cut.cancel();
            if timeout(AFTER_CUT, common.tasks.wait()).await.is_err() {
                warn!(tasks = common.tasks.len(), "requests still run after being cut off");
            }
        }
    }
}

fn bound(address: SocketAddr, limits: &Limits) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restart must not wait for connections of the process before it to be forgotten.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    // Accepted sockets have it from this one. A peer that reads nothing is closed by the write limit;
    // the operating system then keeps what it was not sent for many minutes, unless it is told not to.
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(limits.write_timeout * 2))?;
    #[cfg(not(target_os = "linux"))]
    let _only_on_linux = limits;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    TcpListener::from_std(socket.into())
}

async fn accept_all<H, F, A>(socket: &TcpListener, common: &Arc<Common<H>>)
where
    H: Fn(Request<Incoming>, Arc<Peer>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<A>> + Send + 'static,
    A: AnswerBody,
{
    let mut outage = Outage::default();
    let mut crowd = Outage::default();
    loop {
        match socket.accept().await {
            Ok((stream, address)) => admit(stream, address, &mut crowd, common),
            Err(error) => {
                let fault = AcceptFault::of(&error);
                if fault == AcceptFault::Descriptors {
                    common.metrics.refused(Refusal::Descriptors);
                }
                if let Some(pause) = fault.pause() {
                    if outage.begins(Instant::now()) {
                        warn!(%error, "connections cannot be accepted; new ones wait, open ones go on");
                    }
                    sleep(pause).await;
                }
            }
        }
    }
}

/// Gives the connection a place and a task, or closes it.
fn admit<H, F, A>(
    stream: TcpStream,
    address: SocketAddr,
    crowd: &mut Outage,
    common: &Arc<Common<H>>,
) where
    H: Fn(Request<Incoming>, Arc<Peer>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<A>> + Send + 'static,
    A: AnswerBody,
{
    let address = SocketAddr::new(address.ip().to_canonical(), address.port());
    // Whose connection a load balancer brings is known later; its own address has no limit.
    let from = (!common.trusted.names_clients(address.ip())).then_some(address.ip());
    let place = match common.places.take(from) {
        Ok(place) => {
            if place.made_room && crowd.begins(Instant::now()) {
                warn!(
                    connections = common.limits.connections,
                    per_address = common.limits.connections_per_address,
                    "all places for connections are taken (listen.limits); the one that was idle \
                     longest makes room for each new one"
                );
            }
            place
        }
        Err(places::Full::InTotal) => return common.metrics.refused(Refusal::Total),
        Err(places::Full::PerAddress) => return common.metrics.refused(Refusal::PerAddress),
    };
    // Fails only when the peer is gone already, which the next read says better.
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "TCP_NODELAY was not set");
    }
    let common = Arc::clone(common);
    let tasks = common.tasks.clone();
    drop(tasks.spawn(async move {
        common.serve(stream, address, &place, from.is_none()).await;
        drop(place);
    }));
}
