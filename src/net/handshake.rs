//! The TLS handshake of one connection: in time, counted, and what came of it.

use std::io;

use rustls::{HandshakeKind, ProtocolVersion, ServerConnection};
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
            let facts = facts(stream.get_ref().1);
            metrics.shook_hands(facts.version == "TLSv1.2", facts.resumed, began.elapsed());
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

fn facts(connection: &ServerConnection) -> TlsFacts {
    TlsFacts {
        version: match connection.protocol_version() {
            Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
            _ => "TLSv1.3",
        },
        cipher: connection
            .negotiated_cipher_suite()
            .and_then(|suite| suite.suite().as_str())
            .unwrap_or(""),
        resumed: connection.handshake_kind() == Some(HandshakeKind::Resumed),
        alpn: match connection.alpn_protocol() {
            Some(b"h2") => "h2",
            Some(b"http/1.1") => "http/1.1",
            Some(b"http/1.0") => "http/1.0",
            _ => "",
        },
        client_certificate: connection.peer_certificates().is_some_and(|chain| !chain.is_empty()),
    }
}
