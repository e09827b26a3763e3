//! Sockets: takes connections, speaks TLS and HTTP on them, and ends them in time.
//!
//! Knows nothing of jtel or SAP: it hands a request to a handler and the handler's answer back. In
//! the order of a connection's life: [`Listener`] accepts it (`bind`, `arrivals`, `places`), `handshake` (in
//! `turns`) speaks TLS as [`tls`] says ([`Peer`] tells what came of it), `connection` serves HTTP, `attend` with a
//! `watch` on its time, [`drain`] ends it in order, `ending` counts how it ended. [`wire`] is what a handler calls first; [`body`] and
//! [`retry_after`] read what others send us. [`otlp`] sends spans to a collector,
//! [`anchor`] checkpoints of the audit trail to a second place; [`kv`] asks a memory that replicas share.

mod accept;
mod agreed;
pub mod anchor;
mod arrivals;
mod attend;
mod bind;
pub mod body;
mod connection;
mod counted;
mod delivery;
pub mod drain;
mod ending;
mod frames;
pub mod given;
pub mod hand_over;
mod handshake;
mod http2;
mod incident;
pub mod kv;
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
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Weak};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

pub use crate::config::Limits;
use arrivals::{accept_all, accept_the_rest};
pub use bind::BindError;
use bind::{bound, given as taken};
pub use connection::AnswerBody;
use connection::Common;
pub use drain::{Drain, Successor};
use incident::Incidents;
pub use incident::{Incident, Sink, What};
pub use metrics::NetMetrics;
pub use negotiated::{Negotiated, TlsNames, name_of as cipher_name};
pub use peer::{ClientCertificate, Peer, Remark, Remarked, TlsFacts};
use places::Places;
pub use proxied::TrustedInForce;
use tls::TlsInForce;
use turns::Turns;

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
    socket: Arc<TcpListener>,
    /// Somebody keeps it open when this process has ended.
    is_kept: bool,
    address: SocketAddr,
    tls: Option<Arc<TlsInForce>>,
    limits: Limits,
    incidents: Incidents,
    trusted: Arc<TrustedInForce>,
}

/// A listener's socket, for another process, for as long as it is open here.
#[derive(Clone, Debug)]
pub struct SharedSocket(Weak<TcpListener>);

impl SharedSocket {
    /// Another descriptor of it.
    ///
    /// # Errors
    ///
    /// It is closed, or there is no descriptor left.
    pub fn duplicate(&self) -> io::Result<OwnedFd> {
        let socket = self.0.upgrade().ok_or(io::ErrorKind::NotConnected)?;
        socket.as_fd().try_clone_to_owned()
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
        let ListenerOptions { address, limits, .. } = &options;
        let socket = bound(*address, limits).map_err(|source| BindError::of(*address, source))?;
        Self::with(socket, false, options)
    }

    /// Listens on a socket that was given, and that is kept open by whoever gave it.
    ///
    /// # Errors
    ///
    /// It cannot be used.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn on(socket: std::net::TcpListener, options: ListenerOptions) -> Result<Self, BindError> {
        let ListenerOptions { address, limits, .. } = &options;
        let socket = taken(socket, limits)
            .map_err(|source| BindError::Other { address: *address, source })?;
        Self::with(socket, true, options)
    }

    fn with(
        socket: TcpListener,
        is_kept: bool,
        options: ListenerOptions,
    ) -> Result<Self, BindError> {
        let ListenerOptions { address, tls, limits, trusted } = options;
        let incidents = Incidents::new(None);
        let address = socket.local_addr().map_err(|source| BindError::Other { address, source })?;
        Ok(Self { socket: Arc::new(socket), is_kept, address, tls, limits, incidents, trusted })
    }

    /// The socket, for another process.
    pub fn shared(&self) -> SharedSocket {
        SharedSocket(Arc::downgrade(&self.socket))
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
            () = drain.wait_closed(self.is_kept) => {}
        }
        // Whoever waits in the queue of a socket that somebody else has is accepted there.
        let is_the_last = !self.is_kept && !drain.has_successor();
        if let Some(socket) = Arc::into_inner(self.socket).filter(|_| is_the_last) {
            accept_the_rest(socket, &common);
        }
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
