//! The TLS handshake of one connection: in time, counted, and what came of it.

use std::io;
use std::net::SocketAddr;

use rustls::server::Acceptor;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::debug;

use super::TlsFacts;
use super::connection::Common;
use super::ending::Ending;
use super::incident::{Offered, What};
use super::metrics::Protocol;
use super::tls::{TlsInForce, turn_away};

/// Shakes hands on `stream` within the limit.
///
/// A peer that connects and leaves without a byte, as load balancers do to see whether a port is
/// open, is not counted as a failed handshake: failures are worth an alert.
pub(super) async fn shake_hands<H>(
    tls: &TlsInForce,
    stream: TcpStream,
    address: SocketAddr,
    Common { limits, metrics, turns, incidents, drain, .. }: &Common<H>,
) -> Result<(TlsStream<TcpStream>, TlsFacts), Ending> {
    let _open = metrics.opened(Protocol::Handshake);
    let began = Instant::now();
    // Kept until the end: whoever looks into a failure wants to know what was offered.
    let mut offered = None;
    let mut without_a_word = Ending::Peer;
    let shaken = timeout(limits.handshake_timeout, async {
        let mut byte = [0];
        tokio::select! {
            peeked = stream.peek(&mut byte) => if matches!(peeked, Ok(0) | Err(_)) {
                return Ok(None);
            },
            // Whoever has begun is served; a load balancer that keeps connections in store waits for nothing.
            () = drain.wait_grace(began) => {
                without_a_word = Ending::Drain;
                return Ok(None);
            }
        }
        // Nobody waits for a turn who has not said hello: one that dribbles would keep the others waiting.
        let hello = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
        offered = Some(Offered::of(&hello.client_hello()));
        let spoken = tls.spoken();
        if !spoken.knows(&hello.client_hello()) {
            return Err(turn_away(hello).await);
        }
        let waits = metrics.waits();
        let turn = turns.take(address.ip()).await;
        drop(waits);
        // Here the key is used.
        let rest = hello.into_stream(spoken.config());
        turn.over().await;
        rest.await.map(Some)
    });
    let (what, reason, ending) = match shaken.await {
        Ok(Ok(Some(stream))) => {
            let facts = TlsFacts::of(stream.get_ref().1, began.elapsed());
            metrics.shook_hands(&facts.negotiated, facts.took);
            return Ok((stream, facts));
        }
        Ok(Ok(None)) => return Err(without_a_word),
        Ok(Err(error)) => {
            metrics.handshake_failed();
            let ending = if peer_left(&error) { Ending::Peer } else { Ending::ProtocolError };
            (What::HandshakeFailed, error.to_string(), ending)
        }
        Err(_elapsed) => {
            metrics.handshake_timed_out();
            let told = format!("not done within {:?}", limits.handshake_timeout);
            (What::HandshakeTimeout, told, Ending::HandshakeTimeout)
        }
    };
    debug!(reason, "a TLS handshake failed");
    incidents.tell(address, what, reason, offered, None);
    Err(ending)
}

/// Whether the network ended the handshake; what TLS itself says comes as `InvalidData`.
fn peer_left(error: &io::Error) -> bool {
    error.kind() != io::ErrorKind::InvalidData
}
