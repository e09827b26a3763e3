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
use std::future::Future;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, header};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::rt::Executor;
use hyper::server::conn::{http1, http2};
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::debug;

use super::ending::{Closing, Ending};
use super::handshake;
use super::metrics::{NetMetrics, Protocol};
use super::places::Seat;
use super::tls::TlsInForce;
use super::watch::{Finding, InFlight, Watch};
use super::watched::Watched;
use super::{Drain, Limits, Peer, TlsFacts};

/// Streams of one HTTP/2 connection at a time, as h2 implementations commonly allow.
const STREAMS: u32 = 100;

/// The least that hyper accepts as `max_buf_size`.
const LEAST_BUFFER_BYTES: usize = 8192;

/// What the connections of one listener share.
pub(super) struct Common<H> {
    pub(super) handler: H,
    pub(super) limits: Limits,
    pub(super) tls: Option<Arc<TlsInForce>>,
    pub(super) metrics: Arc<NetMetrics>,
    pub(super) drain: Drain,
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
    /// Serves one connection until it ends, and counts how it ended.
    pub(super) async fn serve(&self, stream: TcpStream, address: SocketAddr, seat: Arc<Seat>) {
        debug!(peer = %address.ip(), "a connection was accepted");
        // Also counts a connection whose handler panics: then as an error of ours.
        let mut closing = Closing::new(&self.metrics);
        // Each part is a box of its own: thousands of connections lie idle in the second part, and
        // a task is otherwise as large as its largest part, for as long as it lives.
        closing.ending = match &self.tls {
            None => {
                let _open = self.metrics.opened(Protocol::Http1);
                Box::pin(self.speak_http1(stream, Peer { address, tls: None }, seat)).await
            }
            Some(tls) => match Box::pin(self.shake_hands(&tls.acceptor(), stream, &seat)).await {
                Err(ending) => ending,
                Ok((stream, facts)) => {
                    let speaks_http2 = facts.alpn == "h2";
                    let peer = Peer { address, tls: Some(Arc::new(facts)) };
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

    async fn shake_hands(
        &self,
        acceptor: &TlsAcceptor,
        stream: TcpStream,
        seat: &Seat,
    ) -> Result<(Box<TlsStream<TcpStream>>, TlsFacts), Ending> {
        tokio::select! {
            shaken = handshake::shake_hands(acceptor, stream, &self.limits, &self.metrics) => {
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
        let service = self.service(peer, &watch);
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        self.attend(connection, &watch, &seat).await
    }

    async fn speak_http2<S>(&self, stream: S, peer: Peer, seat: Arc<Seat>) -> Ending
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let watch = Arc::new(Watch::new(Instant::now(), false, Arc::clone(&seat)));
        let stream = Watched::new(stream, Arc::clone(&watch));
        let header_bytes = u32::try_from(self.limits.header_bytes).unwrap_or(u32::MAX);
        let mut builder = http2::Builder::new(Streams(self.tasks.clone()));
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(header_bytes)
            // Finds a peer that vanished while its request is in flight.
            .keep_alive_interval(self.limits.idle_timeout / 2)
            .keep_alive_timeout(self.limits.write_timeout);
        let service = self.service(peer, &watch);
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        self.attend(connection, &watch, &seat).await
    }

    /// Calls the handler and keeps the watch informed.
    fn service(
        &self,
        peer: Peer,
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
        let peer = Arc::new(peer);
        service_fn(move |request: Request<Incoming>| {
            let is_bodiless = request.method() == Method::HEAD;
            deliver(watch.request(), is_bodiless, handler(request, Arc::clone(&peer)))
        })
    }

    /// Drives `connection` to its end, which its own future, the watch or the drain may bring.
    async fn attend<C>(&self, connection: C, watch: &Watch, seat: &Seat) -> Ending
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
                    return Ending::of(&result, told_to_end, watch, &self.metrics);
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
                    Finding::Head => return Ending::HeadTimeout,
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

/// Waits for the handler's answer and hands it over together with what watches its delivery.
async fn deliver<F, A>(
    in_flight: InFlight,
    is_bodiless: bool,
    answer: F,
) -> Result<Response<Delivery<A>>, Infallible>
where
    F: Future<Output = Response<A>>,
    A: AnswerBody,
{
    let response = answer.await;
    if response.status().is_client_error() && says_close(response.headers()) {
        in_flight.turned_away();
    }
    let in_flight = in_flight.answered();
    Ok(response.map(|answer| Delivery { answer, current: Bytes::new(), is_bodiless, in_flight }))
}

/// The longest that a connection without a request takes to make room.
const LEAVES_WITHIN: Duration = Duration::from_secs(1);

fn says_close(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONNECTION)
        .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"close"))
}

/// An answer's body; the request is in flight for as long as hyper holds it.
///
/// It is handed over in pieces: hyper (HTTP/2) takes a body's whole next frame as soon as the peer
/// makes room for a byte, and nobody would see that the peer takes no more.
struct Delivery<A: AnswerBody> {
    answer: A,
    current: Bytes,
    /// Nobody asks for the body.
    is_bodiless: bool,
    in_flight: InFlight,
}

impl<A: AnswerBody> Drop for Delivery<A> {
    fn drop(&mut self) {
        if self.is_bodiless || self.is_end_stream() {
            self.in_flight.taken();
        }
    }
}

/// The largest piece, in bytes; as large as the frames of HTTP/2. Answers to jtel are far smaller.
const PIECE_BYTES: usize = 16 * 1024;

impl<A: AnswerBody> Body for Delivery<A> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.current.is_empty() {
            let polled = Pin::new(&mut self.answer).poll_frame(context);
            // Where there is nothing to send yet it is not the peer who keeps us waiting.
            self.in_flight.has_something(polled.is_ready());
            match ready!(polled) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => self.current = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                end => return Poll::Ready(end),
            }
        }
        let piece = self.current.len().min(PIECE_BYTES);
        Poll::Ready(Some(Ok(Frame::data(self.current.split_to(piece)))))
    }

    fn is_end_stream(&self) -> bool {
        self.current.is_empty() && self.answer.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let current = self.current.len() as u64;
        let hint = self.answer.size_hint();
        match hint.exact() {
            Some(rest) => SizeHint::with_exact(rest + current),
            None => hint,
        }
    }
}

/// Runs HTTP/2 streams as tasks that the listener waits for; a panic in one is its own.
#[derive(Clone)]
struct Streams(TaskTracker);

impl<T> Executor<T> for Streams
where
    T: Future + Send + 'static,
    T::Output: Send + 'static,
{
    fn execute(&self, stream: T) {
        drop(self.0.spawn(stream));
    }
}
