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
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri, header, uri::PathAndQuery};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use tokio::{net::TcpStream, time::timeout};
use tracing::debug;

use super::{
    pool::{Body, Connection, IdleConnections},
    proxy,
    tls::{TlsFiles, TlsSlot},
};
use crate::{
    config::{Fingerprint, KeyFiles, Proxy},
    net::{Negotiated, tls::first_end},
    sap::{leg::Leg, problem::DialectProblem},
    telemetry::rounded,
};

/// How long a silent peer is believed to be there before the kernel asks.
const KEEPALIVE: Duration = Duration::from_secs(30);

/// Why no answer came over a connection.
#[derive(Debug)]
pub(in crate::sap) enum TransportError {
    Connect(io::Error),
    /// The proxy, by host and port, cannot be reached or does not let us through.
    Proxy(Arc<str>, io::Error),
    Cut(hyper::Error),
    Protocol(hyper::Error),
}

/// Which connection a request may use.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::sap) enum Over {
    /// A kept one, where there is one.
    Any,
    /// A new one.
    Fresh,
    /// A new one that nobody uses afterwards.
    Alone,
}

/// Why the body of an answer could not be read.
#[derive(Debug)]
pub(in crate::sap) enum BodyError {
    TooLarge,
    Cut(hyper::Error),
}

/// How a server is reached, and the keys that say so.
pub(in crate::sap) struct Address<'w> {
    pub(in crate::sap) key: &'w str,
    pub(in crate::sap) url: &'w Uri,
    pub(in crate::sap) ca_key: &'static str,
    pub(in crate::sap) ca_file: Option<PathBuf>,
    pub(in crate::sap) pins: Vec<Fingerprint>,
    pub(in crate::sap) server_name: Option<String>,
    pub(in crate::sap) identity_key: &'static str,
    pub(in crate::sap) identity: Option<KeyFiles>,
    pub(in crate::sap) proxy: Option<Proxy>,
    pub(in crate::sap) connect_timeout: Duration,
    pub(in crate::sap) idle_connections: usize,
    pub(in crate::sap) idle_timeout: Duration,
    pub(in crate::sap) max_age: Duration,
}

/// Where SAP, or a token server, is and how long the steps there may take.
pub(in crate::sap) struct Transport {
    host: String,
    port: u16,
    tls: Option<TlsSlot>,
    proxy: Option<Proxy>,
    connect_timeout: Duration,
    pub(in crate::sap) idle: Arc<IdleConnections>,
    /// Connections since somebody asked.
    pub(super) opened: AtomicU64,
    /// When the chain that was shown last ends, in seconds since 1970; 0: none was.
    pub(super) certificate_ends: AtomicI64,
}

impl Transport {
    /// Reads certificates, asks nobody; the text is host and port for logs and for `Host`.
    pub(in crate::sap) fn new(address: Address<'_>) -> Result<(Arc<str>, Self), DialectProblem> {
        let wrong = |message: &str| DialectProblem::new(address.key, message);
        let is_https = match address.url.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(wrong("must begin with https:// (or http:// for this machine)")),
        };
        let authority = address.url.authority().ok_or_else(|| wrong("has no host"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("has a user in it; credentials belong into `sap.login`"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = authority.port_u16().unwrap_or(if is_https { 443 } else { 80 });
        if address.identity.is_some() && !is_https {
            return Err(wrong("must begin with https://, because the login is a certificate"));
        }
        let tls = if is_https {
            Some(TlsSlot::new(TlsFiles {
                key: address.key.to_owned(),
                name: address.server_name.unwrap_or_else(|| host.clone()),
                ca_key: address.ca_key,
                ca_file: address.ca_file,
                pins: address.pins,
                identity_key: address.identity_key,
                identity: address.identity,
            })?)
        } else {
            None
        };
        let transport = Self {
            proxy: address.proxy.filter(|proxy| !proxy::is_exempt(&host, &proxy.except)),
            host,
            port,
            tls,
            connect_timeout: address.connect_timeout,
            opened: AtomicU64::default(),
            certificate_ends: AtomicI64::default(),
            idle: IdleConnections::new(
                address.idle_connections,
                address.idle_timeout,
                address.max_age,
            ),
        };
        Ok((authority.as_str().into(), transport))
    }

    /// Sends a request and waits for the head of the answer. `request` makes it, once for each try.
    ///
    /// A kept connection that turns out to be closed costs one more try over a fresh one: SAP's
    /// side closes idle connections at any moment, and a GET changes nothing there.
    pub(in crate::sap) async fn send(
        &self,
        request: impl Fn() -> Request<Body>,
        over: Over,
    ) -> Result<(Response<Incoming>, Connection), TransportError> {
        if over == Over::Any {
            while let Some(mut kept) = self.idle.take() {
                if !kept.is_usable().await {
                    continue;
                }
                match kept.sender.send_request(request()).await {
                    Ok(response) => {
                        debug!(upstream = %self.host, "asked over a kept connection");
                        kept.was_kept = true;
                        return Ok((response, kept));
                    }
                    // Closed while it was kept, or what came was left over from somebody else.
                    Err(_of_no_use) => break,
                }
            }
        }
        let mut fresh =
            timeout(self.connect_timeout, self.connect()).await.unwrap_or_else(|_elapsed| {
                let limit = self.connect_timeout;
                let told = format!("no connection within {}", rounded(limit));
                Err(TransportError::Connect(io::Error::new(io::ErrorKind::TimedOut, told)))
            })?;
        self.opened.fetch_add(1, Ordering::Relaxed);
        self.idle.begins(&mut fresh);
        let mut request = request();
        if over == Over::Alone {
            request.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        match fresh.sender.send_request(request).await {
            Ok(response) => Ok((response, fresh)),
            Err(error) if error.is_parse() => Err(TransportError::Protocol(error)),
            Err(error) => Err(TransportError::Cut(error)),
        }
    }

    /// When the certificate that we show ends, or one in its file, in seconds since 1970.
    pub(in crate::sap) fn identity_ends(&self) -> Option<i64> {
        self.tls.as_ref()?.current().identity_ends
    }

    /// Reads certificates and keys again. True: they have changed, and the connections made with
    /// the old ones are gone.
    pub(in crate::sap) fn reread(&self) -> Result<bool, String> {
        let changed = self.tls.as_ref().map_or(Ok(false), TlsSlot::reread)?;
        if changed {
            self.idle.clear();
        }
        Ok(changed)
    }

    /// TCP, then TLS. A name with several addresses: each gets its share of the time, so that one
    /// black hole does not hide a good address.
    async fn connect(&self) -> Result<Connection, TransportError> {
        let Some(proxy) = &self.proxy else {
            let tcp = self.tcp(&self.host, self.port).await.map_err(TransportError::Connect)?;
            return self.speak(tcp).await.map_err(TransportError::Connect);
        };
        let name: Arc<str> = format!("{}:{}", proxy.host, proxy.port).into();
        let its_fault = |error| TransportError::Proxy(Arc::clone(&name), error);
        // The proxy looks the name of SAP up, we look up only the proxy's.
        let mut tcp = self.tcp(&proxy.host, proxy.port).await.map_err(its_fault)?;
        proxy::tunnel(&mut tcp, &self.host, self.port, proxy).await.map_err(its_fault)?;
        debug!(upstream = %self.host, proxy = %name, "the proxy lets us through");
        self.speak(tcp).await.map_err(TransportError::Connect)
    }

    async fn tcp(&self, host: &str, port: u16) -> io::Result<TcpStream> {
        let addresses: Vec<_> = tokio::net::lookup_host((host, port)).await?.collect();
        debug!(upstream = %self.host, name = host, addresses = addresses.len(), "looked the name up");
        let share = self.connect_timeout / u32::try_from(addresses.len().max(1)).unwrap_or(1);
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in addresses {
            match timeout(share, TcpStream::connect(address)).await {
                Ok(Ok(tcp)) => {
                    debug!(upstream = %self.host, %address, "connected");
                    tcp.set_nodelay(true)?;
                    return Ok(tcp);
                }
                Ok(Err(error)) => last = error,
                Err(_elapsed) => {
                    let told = format!("no answer within {}", rounded(share));
                    last = io::Error::new(io::ErrorKind::TimedOut, told);
                }
            }
        }
        Err(last)
    }

    async fn speak(&self, tcp: TcpStream) -> io::Result<Connection> {
        let address = tcp.peer_addr()?;
        let socket = socket2::SockRef::from(&tcp);
        socket.set_tcp_keepalive(&socket2::TcpKeepalive::new().with_time(KEEPALIVE))?;
        let socket = socket.try_clone()?;
        match &self.tls {
            None => Connection::over(tcp, socket, Leg::new(address, None)).await,
            Some(tls) => {
                let tls = tls.current();
                let stream = tls.connector.connect(tls.name.clone(), tcp).await?;
                let session = stream.get_ref().1;
                let negotiated = Negotiated::of(session);
                if let Some(ends) = session.peer_certificates().and_then(first_end) {
                    self.certificate_ends.store(ends, Ordering::Relaxed);
                }
                debug!(upstream = %self.host, version = negotiated.version, "TLS is established");
                Connection::over(stream, socket, Leg::new(address, Some(negotiated))).await
            }
        }
    }
}

/// A request for [`Transport::send`].
pub(in crate::sap) fn request(
    method: Method,
    target: PathAndQuery,
    headers: HeaderMap,
    body: Body,
) -> Request<Body> {
    let mut request = Request::new(body);
    *request.method_mut() = method;
    *request.uri_mut() = target.into();
    *request.headers_mut() = headers;
    request
}

/// Reads a body of at most `limit` bytes; a longer one that says so is not even begun.
pub(in crate::sap) async fn read_body(
    mut body: Incoming,
    limit: usize,
) -> Result<Vec<u8>, BodyError> {
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
