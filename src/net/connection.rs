//! One connection, from the accepted socket to its last byte.
//!
//! The protocol is what ALPN agreed on, never what the first bytes look like: with `h2` HTTP/2 is
//! spoken, with `http/1.1` or nothing HTTP/1, and a client that speaks the other one is closed.
//! Without TLS only HTTP/1 is spoken.
//!
//! A client that closes its writing side after the request (half-close) counts as gone: its request
//! is dropped and gets no answer. That is hyper's default and tells apart, at once, a jtel that has
//! hung up.

use std::convert::Infallible;
use std::error::Error as _;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::debug;

use super::delivery::{Delivery, deliver};
use super::ending::{Closing, Ending};
use super::incident::{Incidents, What};
use super::metrics::{NetMetrics, Protocol, Refusal, Unreadable};
use super::places::{Place, Places, Seat};
use super::proxied::{self, TrustedInForce};
use super::tls::TlsInForce;
use super::turns::Turns;
use super::watch::{Finding, Watch};
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
            () = self.drain.wait_started() => return Err(Ending::Drain),
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
            () = self.drain.wait_started() => Err(Ending::Drain),
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

    /// Drives `connection` to its end, which its own future, the watch or the drain may bring.
    async fn attend<C>(&self, connection: C, watch: &Watch, seat: &Seat, peer: &Peer) -> Ending
    where
        C: GracefulConnection<Error = hyper::Error>,
    {
        let mut connection = pin!(connection);
        let mut alarm = pin!(sleep_until(Instant::now()));
        let mut stop = pin!(self.drain.wait_started());
        let mut leave = pin!(seat.shall_leave());
        let mut told_to_end = None;
        loop {
            tokio::select! {
                biased;
                result = connection.as_mut() => {
                    let ending = Ending::of(&result, told_to_end, watch);
                    if let Err(error) = &result {
                        self.tell(error, ending, peer);
                    }
                    return ending;
                }
                () = stop.as_mut() => {
                    if told_to_end == Some(Ending::Drain) {
                        return Ending::Drain;
                    }
                    told_to_end = Some(Ending::Drain);
                    connection.as_mut().graceful_shutdown();
                    stop.set(self.cut.cancelled());
                }
                // Told in the protocol's own words; a request that has just begun is answered.
                () = leave.as_mut(), if told_to_end.is_none() => {
                    told_to_end = Some(Ending::Evicted);
                    connection.as_mut().graceful_shutdown();
                    alarm.as_mut().reset(Instant::now() + LEAVES_WITHIN);
                }
                () = alarm.as_mut() => match watch.look(Instant::now(), &self.limits) {
                    Finding::Fine(_) if told_to_end == Some(Ending::Evicted) && !watch.has_request() => {
                        return Ending::Evicted;
                    }
                    Finding::Fine(next) => alarm.as_mut().reset(next),
                    Finding::Head => {
                        let reason = format!("not whole within {:?}", self.limits.head_timeout);
                        self.incident(peer, What::HeadTimeout, reason);
                        return Ending::HeadTimeout;
                    }
                    Finding::Write => return Ending::WriteTimeout,
                    // The connection's future ends by itself now and says what was wrong.
                    Finding::Lingered => watch.linger_no_more(),
                    // Told first in the protocol's own words, so that a request just under way is
                    // not lost; a peer that does not react is cut off at the second look.
                    Finding::Idle => {
                        if let Some(ending) = told_to_end {
                            return ending;
                        }
                        told_to_end = Some(Ending::IdleTimeout);
                        connection.as_mut().graceful_shutdown();
                        alarm.as_mut().reset(Instant::now() + self.limits.write_timeout);
                    }
                },
            }
        }
    }
}

impl<H> Common<H> {
    /// Counts and tells what hyper refused: nobody else gets to see it.
    fn tell(&self, error: &hyper::Error, ending: Ending, peer: &Peer) {
        let what = match () {
            () if error.is_parse_too_large() => {
                self.metrics.unreadable(Unreadable::HeadTooLarge);
                What::HeadTooLarge
            }
            () if error.is_parse() => {
                self.metrics.unreadable(Unreadable::NotHttp);
                What::NotHttp
            }
            () if ending == Ending::ProtocolError => What::ProtocolError,
            () if ending == Ending::Flood => What::Flood,
            () => return,
        };
        let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
        self.incident(peer, what, format!("{error}{cause}"));
    }

    fn incident(&self, peer: &Peer, what: What, reason: String) {
        self.incidents.tell(peer.address, what, reason, None, peer.tls.clone());
    }
}

/// The longest that a connection without a request takes to make room.
const LEAVES_WITHIN: Duration = Duration::from_secs(1);
