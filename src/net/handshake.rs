//! The TLS handshake of one connection: in time, counted, and what came of it.

use std::io;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::debug;

use super::ending::Ending;
use super::metrics::{NetMetrics, Protocol};
use super::{Limits, TlsFacts};

/// Shakes hands on `stream` within the limit.
///
/// A peer that connects and leaves without a byte, as load balancers do to see whether a port is
/// open, is not counted as a failed handshake: failures are worth an alert.
pub(super) async fn shake_hands(
    acceptor: &TlsAcceptor,
    stream: TcpStream,
    limits: &Limits,
    metrics: &NetMetrics,
) -> Result<(TlsStream<TcpStream>, TlsFacts), Ending> {
    let _open = metrics.opened(Protocol::Handshake);
    let began = Instant::now();
    let shaken = timeout(limits.handshake_timeout, async {
        if matches!(stream.peek(&mut [0]).await, Ok(0) | Err(_)) {
            return Ok(None);
        }
        acceptor.accept(stream).await.map(Some)
    });
    match shaken.await {
        Ok(Ok(Some(stream))) => {
            let facts = TlsFacts::of(stream.get_ref().1, began.elapsed());
            metrics.shook_hands(facts.version == "TLSv1.2", facts.resumed, facts.took);
            Ok((stream, facts))
        }
        Ok(Ok(None)) => Err(Ending::Peer),
        Ok(Err(error)) => {
            debug!(reason = %error, "a TLS handshake failed");
            metrics.handshake_failed();
            Err(if peer_left(&error) { Ending::Peer } else { Ending::ProtocolError })
        }
        Err(_elapsed) => {
            debug!(reason = "timeout", "a TLS handshake failed");
            metrics.handshake_timed_out();
            Err(Ending::HandshakeTimeout)
        }
    }
}

/// Whether the network ended the handshake; what TLS itself says comes as `InvalidData`.
fn peer_left(error: &io::Error) -> bool {
    error.kind() != io::ErrorKind::InvalidData
}
