//! One connection, from the accepted socket to its last byte.
//!
//! The protocol is what ALPN agreed on, never what the first bytes look like: with `h2` HTTP/2 is
//! spoken, with `http/1.1` or nothing HTTP/1, and a client that speaks the other one is closed.
//! Without TLS only HTTP/1 is spoken. `attend` sees to it that a connection ends.
//!
//! A client that closes its writing side after the request (half-close) counts as gone: its request
//! is dropped and gets no answer. That is hyper's default and tells apart, at once, a jtel that has
//! hung up.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::debug;

use super::delivery::{Delivery, deliver};
use super::ending::{Closing, Ending};
use super::incident::Incidents;
use super::metrics::{NetMetrics, Protocol, Refusal};
use super::places::{Place, Places, Seat};
use super::proxied::{self, TrustedInForce};
use super::tls::TlsInForce;
use super::turns::Turns;
use super::watch::Watch;
use super::watched::Watched;
use super::{Drain, Limits, Peer, TlsFacts, handshake, http2};

/// The least that hyper accepts as `max_buf_size`.
const LEAST_BUFFER_BYTES: usize = 8192;

/// What the connections of one listener share.
pub(super) struct Common<H> {
    pub(super) handler: H,
    pub(super) limits: Limits,
    pub(super) places: Places,
    /// Whose connections begin with a header of the PROXY protocol.
    pub(super) trusted: Arc<TrustedInForce>,
    pub(super) tls: Option<Arc<TlsInForce>>,
    pub(super) incidents: Incidents,
    pub(super) metrics: Arc<NetMetrics>,
    pub(super) drain: Drain,
    /// Who computes a handshake.
    pub(super) turns: Turns,
    /// Ends every connection at once.
    pub(super) cut: CancellationToken,
    /// Owns every task: one for each connection and each HTTP/2 stream.
    pub(super) tasks: TaskTracker,
}

/// What an answer's body can be: whole, or one that goes on for as long as somebody listens.
pub trait AnswerBody: Body<Data = Bytes, Error = Infallible> + Send + Unpin + 'static {}

impl<A: Body<Data = Bytes, Error = Infallible> + Send + Unpin + 'static> AnswerBody for A {}

impl<H, F, A> Common<H>
where
    H: Fn(Request<Incoming>, Arc<Peer>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Response<A>> + Send + 'static,
    A: AnswerBody,
{
    /// Serves one connection until it ends, and counts how it ended. `is_proxied`: the other end is a
    /// load balancer, which says first whose connection it is.
    pub(super) async fn serve(
        &self,
        mut stream: TcpStream,
        socket: SocketAddr,
        place: &Place,
        is_proxied: bool,
    ) {
        debug!(peer = %socket.ip(), "a connection was accepted");
        // Also counts a connection whose handler panics: then as an error of ours.
        let mut closing = Closing::new(&self.metrics);
        let address = if is_proxied {
            match Box::pin(self.named(&mut stream, socket, place)).await {
                Ok(address) => address,
                Err(ending) => {
                    closing.ending = ending;
                    return;
                }
            }
        } else {
            socket
        };
        let peer = |tls| Peer { address, ..Peer::direct(socket, tls) };
        let seat = Arc::clone(&place.seat);
        // Each part is a box of its own: thousands of connections lie idle in the second part, and
        // a task is otherwise as large as its largest part, for as long as it lives.
        closing.ending = match &self.tls {
            None => {
                let _open = self.metrics.opened(Protocol::Http1);
                Box::pin(self.speak_http1(stream, peer(None), seat)).await
            }
            Some(tls) => match Box::pin(self.shake_hands(tls, stream, address, &seat)).await {
                Err(ending) => ending,
                Ok((stream, facts)) => {
                    let speaks_http2 = facts.alpn == "h2";
                    let peer = peer(Some(Arc::new(facts)));
                    if speaks_http2 {
                        let _open = self.metrics.opened(Protocol::Http2);
                        Box::pin(self.speak_http2(stream, peer, seat)).await
                    } else {
                        let _open = self.metrics.opened(Protocol::Http1);
                        Box::pin(self.speak_http1(stream, peer, seat)).await
                    }
                }
            },
        };
        debug!(peer = %address.ip(), reason = closing.ending.label(), "a connection has ended");
    }

    /// Reads whose connection it is; the place becomes one of his.
    async fn named(
        &self,
        stream: &mut TcpStream,
        socket: SocketAddr,
        place: &Place,
    ) -> Result<SocketAddr, Ending> {
        let named = tokio::select! {
            named = proxied::read(stream, socket, &self.limits, &self.metrics) => named?,
            // Nothing has been asked yet, so nothing is lost.
            () = place.seat.shall_leave() => return Err(Ending::Evicted),
            () = self.cut.cancelled() => return Err(Ending::Drain),
        };
        let Some(address) = named else { return Ok(socket) };
        if self.places.name(place, address.ip()).is_err() {
            self.metrics.refused(Refusal::PerAddress);
            return Err(Ending::Evicted);
        }
        Ok(address)
    }

    async fn shake_hands(
        &self,
        tls: &TlsInForce,
        stream: TcpStream,
        address: SocketAddr,
        seat: &Seat,
    ) -> Result<(Box<TlsStream<TcpStream>>, TlsFacts), Ending> {
        tokio::select! {
            shaken = handshake::shake_hands(tls, stream, address, self) => {
                shaken.map(|(stream, facts)| (Box::new(stream), facts))
            }
            // Nothing has been asked yet, so nothing is lost.
            () = seat.shall_leave() => Err(Ending::Evicted),
            () = self.cut.cancelled() => Err(Ending::Drain),
        }
    }

    async fn speak_http1<S>(&self, stream: S, peer: Peer, seat: Arc<Seat>) -> Ending
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let watch = Arc::new(Watch::new(Instant::now(), true, Arc::clone(&seat)));
        let stream = Watched::new(stream, Arc::clone(&watch));
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            // `Watch` keeps this limit without a timer per request.
            .header_read_timeout(None)
            .half_close(false)
            .keep_alive(true)
            .max_header_size(self.limits.header_bytes)
            .max_buf_size(self.limits.header_bytes.max(LEAST_BUFFER_BYTES));
        // Setting it makes hyper allocate for every request; fewer than its own 100, which live
        // on the stack, are counted by `wire::check`.
        if self.limits.headers > 100 {
            builder.max_headers(self.limits.headers);
        }
        let peer = Arc::new(peer);
        let service = self.service(Arc::clone(&peer), &watch);
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        self.attend(connection, &watch, &seat, &peer).await
    }

    async fn speak_http2<S>(&self, stream: S, peer: Peer, seat: Arc<Seat>) -> Ending
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let watch = Arc::new(Watch::new(Instant::now(), false, Arc::clone(&seat)));
        let stream = Watched::with_frames(stream, Arc::clone(&watch));
        let builder = http2::builder(self.tasks.clone(), &self.limits);
        let peer = Arc::new(peer);
        let service = self.service(Arc::clone(&peer), &watch);
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        self.attend(connection, &watch, &seat, &peer).await
    }

    /// Calls the handler and keeps the watch informed.
    fn service(
        &self,
        peer: Arc<Peer>,
        watch: &Arc<Watch>,
    ) -> impl Service<
        Request<Incoming>,
        Response = Response<Delivery<A>>,
        Error = Infallible,
        Future: Send + 'static,
    >
    + Send
    + 'static
    + use<H, F, A> {
        let handler = self.handler.clone();
        let watch = Arc::clone(watch);
        service_fn(move |request: Request<Incoming>| {
            let is_bodiless = request.method() == Method::HEAD;
            deliver(watch.request(), is_bodiless, handler(request, Arc::clone(&peer)))
        })
    }
}
