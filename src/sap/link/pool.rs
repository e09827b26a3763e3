//! One connection to SAP, and those that wait for their next request.

use std::{
    io,
    mem::MaybeUninit,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::{Instant, sleep_until},
};
use tokio_util::task::AbortOnDropHandle;

use crate::sap::leg::Leg;

/// What is sent along: nothing, or a form.
pub(in crate::sap) type Body = Full<Bytes>;

/// The longest head of an answer that is read. SAP's own are below 2 KiB.
const MAX_HEAD: usize = 64 * 1024;

/// One connection to SAP. Dropping it closes it at once.
pub(in crate::sap) struct Connection {
    pub(super) sender: SendRequest<Body>,
    /// The same socket once more, to look at it without taking anything out.
    socket: socket2::Socket,
    _driver: AbortOnDropHandle<()>,
    idle_since: Instant,
    /// It is used for no further request from then on.
    ends: Option<Instant>,
    /// It was there before the request, and may have something left over.
    pub(in crate::sap) was_kept: bool,
    /// Where it leads, for records.
    pub(super) leg: Arc<Leg>,
}

impl Connection {
    pub(super) async fn over<S>(stream: S, socket: socket2::Socket, leg: Leg) -> io::Result<Self>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (sender, connection) = http1::Builder::new()
            .max_header_size(MAX_HEAD)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        let driver = tokio::spawn(async move {
            // How a connection ends is told to whoever waits for an answer on it.
            let _ended = connection.await;
        });
        let driver = AbortOnDropHandle::new(driver);
        Ok(Self {
            sender,
            socket,
            _driver: driver,
            idle_since: Instant::now(),
            ends: None,
            was_kept: false,
            leg: Arc::new(leg),
        })
    }

    /// Open, free, and with nothing to read: not an end, and not an answer nobody asked for.
    pub(super) async fn is_usable(&mut self) -> bool {
        let mut byte = [MaybeUninit::uninit()];
        let is_quiet = self
            .socket
            .peek(&mut byte)
            .is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
        is_quiet && self.sender.ready().await.is_ok()
    }
}

/// Connections that wait for their next request, the most recently used last.
pub(in crate::sap) struct IdleConnections {
    waiting: Mutex<Waiting>,
    limit: usize,
    timeout: Duration,
    max_age: Duration,
}

#[derive(Default)]
struct Waiting {
    connections: Vec<Connection>,
    /// Closes what waited too long; there only while something waits.
    closer: Option<AbortOnDropHandle<()>>,
}

impl IdleConnections {
    /// At most `limit`, each for at most `timeout` without a request and at most `max_age` in all: a
    /// connection in use would otherwise never see that SAP's address has changed.
    pub(in crate::sap) fn new(limit: usize, timeout: Duration, max_age: Duration) -> Arc<Self> {
        Arc::new(Self { waiting: Mutex::default(), limit, timeout, max_age })
    }

    /// The one used last: it is the least likely to be closed by SAP's side.
    pub(super) fn take(&self) -> Option<Connection> {
        let mut waiting = self.waiting();
        loop {
            let kept = waiting.connections.pop()?;
            if self.is_good(&kept) {
                return Some(kept);
            }
        }
    }

    /// A new connection begins its life, which is up to a tenth shorter than the longest: those that
    /// were opened together must not end together.
    pub(super) fn begins(&self, connection: &mut Connection) {
        let life = self.max_age.mul_f64(1.0 - fastrand::f64() / 10.0);
        connection.ends = Some(Instant::now() + life);
    }

    fn is_good(&self, kept: &Connection) -> bool {
        kept.idle_since.elapsed() < self.timeout
            && kept.ends.is_none_or(|ends| ends > Instant::now())
    }

    /// Keeps a connection whose answer was read to its end.
    pub(in crate::sap) fn keep(self: &Arc<Self>, mut connection: Connection) {
        connection.idle_since = Instant::now();
        let mut waiting = self.waiting();
        if waiting.connections.len() >= self.limit || !self.is_good(&connection) {
            return;
        }
        waiting.connections.push(connection);
        if waiting.closer.is_none() {
            let closer = tokio::spawn(close_idle(Arc::downgrade(self), self.timeout));
            waiting.closer = Some(AbortOnDropHandle::new(closer));
        }
    }

    /// Closes what waited too long and says when to look again.
    fn close_expired(&self) -> Option<Instant> {
        let mut waiting = self.waiting();
        waiting.connections.retain(|kept| self.is_good(kept));
        let oldest = waiting.connections.iter().map(|kept| kept.idle_since).min();
        if oldest.is_none() {
            // Aborting the task that runs this does no harm: it has nothing left to do.
            waiting.closer = None;
        }
        oldest.map(|since| since + self.timeout)
    }

    /// Closes all of them.
    pub(in crate::sap) fn clear(&self) {
        self.waiting().connections.clear();
    }

    /// How many wait.
    pub(in crate::sap) fn len(&self) -> usize {
        self.waiting().connections.len()
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn close_idle(idle: Weak<IdleConnections>, timeout: Duration) {
    let mut next = Instant::now() + timeout;
    loop {
        sleep_until(next).await;
        match idle.upgrade().and_then(|idle| idle.close_expired()) {
            Some(then) => next = then,
            None => return,
        }
    }
}
