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
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri, header, uri::PathAndQuery};
use http_body_util::{BodyExt as _, Full};
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

use super::{
    dialect::DialectProblem,
    proxy,
    tls::{TlsFiles, TlsSlot},
};
use crate::config::{KeyFiles, Proxy};

/// What is sent along: nothing, or a form.
pub(super) type Body = Full<Bytes>;

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

/// How a server is reached, and the keys that say so.
pub(super) struct Way<'w> {
    pub(super) key: &'w str,
    pub(super) url: &'w Uri,
    pub(super) ca_key: &'static str,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) server_name: Option<String>,
    pub(super) identity_key: &'static str,
    pub(super) identity: Option<KeyFiles>,
    pub(super) proxy: Option<Proxy>,
    pub(super) connect_timeout: Duration,
    pub(super) idle_connections: usize,
    pub(super) idle_timeout: Duration,
}

/// Where SAP, or a token server, is and how long the steps there may take.
pub(super) struct Transport {
    host: String,
    port: u16,
    tls: Option<TlsSlot>,
    proxy: Option<Proxy>,
    connect_timeout: Duration,
    pub(super) idle: Arc<IdleConnections>,
}

impl Transport {
    /// Reads certificates, asks nobody; the text is host and port for logs and for `Host`.
    pub(super) fn new(way: Way<'_>) -> Result<(Arc<str>, Self), DialectProblem> {
        let wrong = |message: &str| DialectProblem::new(way.key, message);
        let is_https = match way.url.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(wrong("must begin with https:// (or http:// for this machine)")),
        };
        let authority = way.url.authority().ok_or_else(|| wrong("has no host"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("has a user in it; credentials belong into `sap.login`"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = authority.port_u16().unwrap_or(if is_https { 443 } else { 80 });
        if way.identity.is_some() && !is_https {
            return Err(wrong("must begin with https://, because the login is a certificate"));
        }
        let tls = if is_https {
            Some(TlsSlot::new(TlsFiles {
                key: way.key.to_owned(),
                name: way.server_name.unwrap_or_else(|| host.clone()),
                ca_key: way.ca_key,
                ca_file: way.ca_file,
                identity_key: way.identity_key,
                identity: way.identity,
            })?)
        } else {
            None
        };
        let transport = Self {
            proxy: way.proxy.filter(|proxy| !proxy::is_exempt(&host, &proxy.except)),
            host,
            port,
            tls,
            connect_timeout: way.connect_timeout,
            idle: IdleConnections::new(way.idle_connections, way.idle_timeout),
        };
        Ok((authority.as_str().into(), transport))
    }

    /// Sends a request without a body.
    pub(super) async fn get(
        &self,
        target: PathAndQuery,
        headers: &HeaderMap,
        alone: bool,
    ) -> Result<(Response<Incoming>, Connection), TransportError> {
        self.send(&Method::GET, target, headers, Body::default(), alone).await
    }

    /// Sends a request and waits for the head of the answer. `alone` neither uses nor leaves a kept
    /// connection.
    ///
    /// A kept connection that turns out to be closed costs one more try over a fresh one: SAP's
    /// side closes idle connections at any moment, and a GET changes nothing there.
    pub(super) async fn send(
        &self,
        method: &Method,
        target: PathAndQuery,
        headers: &HeaderMap,
        body: Body,
        alone: bool,
    ) -> Result<(Response<Incoming>, Connection), TransportError> {
        let request = || request(method, target.clone(), headers, body.clone());
        if !alone {
            while let Some(mut kept) = self.idle.take() {
                if !kept.is_usable().await {
                    continue;
                }
                match kept.sender.send_request(request()).await {
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
        let mut request = request();
        if alone {
            request.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        match fresh.sender.send_request(request).await {
            Ok(response) => Ok((response, fresh)),
            Err(error) if error.is_parse() => Err(TransportError::Protocol(error)),
            Err(error) => Err(TransportError::Cut(error)),
        }
    }

    /// Reads certificates and keys again. True: they have changed, and the connections made with
    /// the old ones are gone.
    pub(super) fn reread(&self) -> Result<bool, String> {
        let changed = self.tls.as_ref().map_or(Ok(false), TlsSlot::reread)?;
        if changed {
            self.idle.clear();
        }
        Ok(changed)
    }

    /// TCP, then TLS. A name with several addresses: each gets its share of the time, so that one
    /// black hole does not hide a good address.
    async fn connect(&self) -> io::Result<Connection> {
        let (host, port) = match &self.proxy {
            None => (self.host.as_str(), self.port),
            // The proxy looks the name of SAP up, we look up only the proxy's.
            Some(proxy) => (proxy.host.as_str(), proxy.port),
        };
        let addresses: Vec<_> = tokio::net::lookup_host((host, port)).await?.collect();
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

    async fn prepare(&self, mut tcp: TcpStream) -> io::Result<Connection> {
        tcp.set_nodelay(true)?;
        let socket = socket2::SockRef::from(&tcp);
        socket.set_tcp_keepalive(&socket2::TcpKeepalive::new().with_time(KEEPALIVE))?;
        let socket = socket.try_clone()?;
        if let Some(proxy) = &self.proxy {
            proxy::tunnel(&mut tcp, &self.host, self.port, proxy).await?;
        }
        match &self.tls {
            None => Connection::over(tcp, socket).await,
            Some(tls) => {
                let tls = tls.current();
                let stream = tls.connector.connect(tls.name.clone(), tcp).await?;
                Connection::over(stream, socket).await
            }
        }
    }
}

/// One connection to SAP. Dropping it closes it at once.
pub(super) struct Connection {
    sender: SendRequest<Body>,
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

    /// Closes all of them.
    pub(super) fn clear(&self) {
        self.waiting().connections.clear();
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

fn request(
    method: &Method,
    target: PathAndQuery,
    headers: &HeaderMap,
    body: Body,
) -> Request<Body> {
    let mut request = Request::new(body);
    *request.method_mut() = method.clone();
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
