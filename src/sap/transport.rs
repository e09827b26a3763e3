//! Connections to SAP: opened, used for one request at a time, kept for the next one.
//!
//! HTTP/1.1 only: one answer at a time on a connection leaves no room for a mix-up of streams, and
//! with fewer than ten requests in flight HTTP/2 would gain nothing. The connections are our own
//! and not those of hyper-util's pooled client, for three reasons: a connection limit in time that
//! covers TCP and TLS together, a retry that is sure to go over a fresh connection, and a look at
//! the socket before it is used again, so that bytes nobody asked for end the connection instead of
//! becoming the next partner's answer.

use std::{
    io,
    mem::MaybeUninit,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, header, uri::PathAndQuery};
use http_body_util::{BodyExt as _, Empty};
use hyper::{
    body::{Body as _, Incoming},
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::task::AbortOnDropHandle;

use super::tls::Tls;

/// The longest head of an answer that is read. SAP's own are below 2 KiB.
const MAX_HEAD: usize = 64 * 1024;

/// How long a silent peer is believed to be there before the kernel asks.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// Why no answer came over a connection.
#[derive(Debug)]
pub(super) enum TransportError {
    Connect(io::Error),
    Cut(hyper::Error),
    Protocol(hyper::Error),
}

/// Why the body of an answer could not be read.
#[derive(Debug)]
pub(super) enum BodyError {
    TooLarge,
    Cut(hyper::Error),
}

/// Where SAP is and how long the steps there may take.
pub(super) struct Transport {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: Option<Tls>,
    pub(super) connect_timeout: Duration,
    pub(super) idle: Arc<IdleConnections>,
}

impl Transport {
    /// Sends a GET and waits for the head of the answer. `alone` neither uses nor leaves a kept
    /// connection.
    ///
    /// A kept connection that turns out to be closed costs one more try over a fresh one: SAP's
    /// side closes idle connections at any moment, and a GET changes nothing there.
    pub(super) async fn get(
        &self,
        target: PathAndQuery,
        headers: &HeaderMap,
        alone: bool,
    ) -> Result<(Response<Incoming>, Connection), TransportError> {
        if !alone {
            while let Some(mut kept) = self.idle.take() {
                if !kept.is_usable().await {
                    continue;
                }
                match kept.sender.send_request(request(target.clone(), headers)).await {
                    Ok(response) => return Ok((response, kept)),
                    Err(error) if error.is_parse() => return Err(TransportError::Protocol(error)),
                    Err(_closed_while_kept) => break,
                }
            }
        }
        let mut fresh = timeout(self.connect_timeout, self.connect())
            .await
            .unwrap_or_else(|_elapsed| {
                let limit = self.connect_timeout;
                Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!("no connection within {limit:?}"),
                ))
            })
            .map_err(TransportError::Connect)?;
        let mut request = request(target, headers);
        if alone {
            request.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        match fresh.sender.send_request(request).await {
            Ok(response) => Ok((response, fresh)),
            Err(error) if error.is_parse() => Err(TransportError::Protocol(error)),
            Err(error) => Err(TransportError::Cut(error)),
        }
    }

    /// TCP, then TLS. A name with several addresses: each gets its share of the time, so that one
    /// black hole does not hide a good address.
    async fn connect(&self) -> io::Result<Connection> {
        let addresses: Vec<_> =
            tokio::net::lookup_host((self.host.as_str(), self.port)).await?.collect();
        let share = self.connect_timeout / u32::try_from(addresses.len().max(1)).unwrap_or(1);
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in addresses {
            match timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(tcp)) => return self.prepare(tcp).await,
                Ok(Err(error)) => last = error,
                Err(_elapsed) => {
                    last = io::Error::new(
                        io::ErrorKind::TimedOut,
                        format!("no answer within {share:?}"),
                    );
                }
            }
        }
        Err(last)
    }

    async fn prepare(&self, tcp: TcpStream) -> io::Result<Connection> {
        tcp.set_nodelay(true)?;
        let socket = socket2::SockRef::from(&tcp);
        socket.set_tcp_keepalive(&socket2::TcpKeepalive::new().with_time(KEEPALIVE))?;
        let socket = socket.try_clone()?;
        match &self.tls {
            None => Connection::over(tcp, socket).await,
            Some(tls) => {
                let stream = tls.connector.connect(tls.name.clone(), tcp).await?;
                Connection::over(stream, socket).await
            }
        }
    }
}

/// One connection to SAP. Dropping it closes it at once.
pub(super) struct Connection {
    sender: SendRequest<Empty<Bytes>>,
    /// The same socket once more, to look at it without taking anything out.
    socket: socket2::Socket,
    _driver: AbortOnDropHandle<()>,
    idle_since: Instant,
}

impl Connection {
    async fn over<S>(stream: S, socket: socket2::Socket) -> io::Result<Self>
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
        Ok(Self { sender, socket, _driver: driver, idle_since: Instant::now() })
    }

    /// Open, free, and with nothing to read: not an end, and not an answer nobody asked for.
    async fn is_usable(&mut self) -> bool {
        let mut byte = [MaybeUninit::uninit()];
        let is_quiet = self
            .socket
            .peek(&mut byte)
            .is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock);
        is_quiet && self.sender.ready().await.is_ok()
    }
}

/// Connections that wait for their next request, the most recently used last.
pub(super) struct IdleConnections {
    waiting: Mutex<Waiting>,
    limit: usize,
    timeout: Duration,
}

#[derive(Default)]
struct Waiting {
    connections: Vec<Connection>,
    /// Closes what waited too long; there only while something waits.
    closer: Option<AbortOnDropHandle<()>>,
}

impl IdleConnections {
    /// At most `limit`, each for at most `timeout`.
    pub(super) fn new(limit: usize, timeout: Duration) -> Arc<Self> {
        Arc::new(Self { waiting: Mutex::default(), limit, timeout })
    }

    /// The one used last: it is the least likely to be closed by SAP's side.
    fn take(&self) -> Option<Connection> {
        let mut waiting = self.waiting();
        waiting.connections.pop().filter(|kept| kept.idle_since.elapsed() < self.timeout)
    }

    /// Keeps a connection whose answer was read to its end.
    pub(super) fn keep(self: &Arc<Self>, mut connection: Connection) {
        connection.idle_since = Instant::now();
        let mut waiting = self.waiting();
        if waiting.connections.len() >= self.limit {
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
        waiting.connections.retain(|kept| kept.idle_since.elapsed() < self.timeout);
        let oldest = waiting.connections.iter().map(|kept| kept.idle_since).min();
        if oldest.is_none() {
            // Aborting the task that runs this does no harm: it has nothing left to do.
            waiting.closer = None;
        }
        oldest.map(|since| since + self.timeout)
    }

    /// How many wait, for tests.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
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

fn request(target: PathAndQuery, headers: &HeaderMap) -> Request<Empty<Bytes>> {
    let mut request = Request::new(Empty::new());
    *request.uri_mut() = target.into();
    request.headers_mut().clone_from(headers);
    request
}

/// Reads a body of at most `limit` bytes; a longer one that says so is not even begun.
pub(super) async fn read_body(mut body: Incoming, limit: usize) -> Result<Vec<u8>, BodyError> {
    if body.size_hint().lower() > u64::try_from(limit).unwrap_or(u64::MAX) {
        return Err(BodyError::TooLarge);
    }
    let announced = body.size_hint().exact().and_then(|exact| usize::try_from(exact).ok());
    let mut bytes = Vec::with_capacity(announced.unwrap_or(0));
    while let Some(frame) = body.frame().await {
        // Trailers mean nothing here.
        let Ok(chunk) = frame.map_err(BodyError::Cut)?.into_data() else { continue };
        if bytes.len() + chunk.len() > limit {
            return Err(BodyError::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}
