//! The TLS handshake of one connection: in time, counted, and what came of it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::server::Acceptor;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::debug;

use super::ending::Ending;
use super::incident::{Incidents, Offered, What};
use super::metrics::{NetMetrics, Protocol};
use super::{Limits, TlsFacts};

/// What a handshake is judged by, and who hears of it.
pub(super) struct Handshake<'c> {
    pub(super) address: SocketAddr,
    pub(super) limits: &'c Limits,
    pub(super) metrics: &'c NetMetrics,
    pub(super) incidents: &'c Incidents,
}

impl Handshake<'_> {
    /// Shakes hands on `stream` within the limit.
    ///
    /// A peer that connects and leaves without a byte, as load balancers do to see whether a port is
    /// open, is not counted as a failed handshake: failures are worth an alert.
    pub(super) async fn shake(
        &self,
        config: Arc<ServerConfig>,
        stream: TcpStream,
    ) -> Result<(TlsStream<TcpStream>, TlsFacts), Ending> {
        let _open = self.metrics.opened(Protocol::Handshake);
        let began = Instant::now();
        // Kept until the end: whoever looks into a failure wants to know what was offered.
        let mut offered = None;
        let shaken = timeout(self.limits.handshake_timeout, async {
            if matches!(stream.peek(&mut [0]).await, Ok(0) | Err(_)) {
                return Ok(None);
            }
            let hello = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
            offered = Some(Offered::of(&hello.client_hello()));
            hello.into_stream(config).await.map(Some)
        });
        match shaken.await {
            Ok(Ok(Some(stream))) => {
                let facts = TlsFacts::of(stream.get_ref().1, began.elapsed());
                self.metrics.shook_hands(&facts.negotiated, facts.took);
                Ok((stream, facts))
            }
            Ok(Ok(None)) => Err(Ending::Peer),
            Ok(Err(error)) => {
                debug!(reason = %error, "a TLS handshake failed");
                self.metrics.handshake_failed();
                self.tell(What::HandshakeFailed, error.to_string(), offered);
                Err(if peer_left(&error) { Ending::Peer } else { Ending::ProtocolError })
            }
            Err(_elapsed) => {
                debug!(reason = "timeout", "a TLS handshake failed");
                self.metrics.handshake_timed_out();
                let limit = self.limits.handshake_timeout;
                self.tell(What::HandshakeTimeout, format!("not done within {limit:?}"), offered);
                Err(Ending::HandshakeTimeout)
            }
        }
    }

    fn tell(&self, what: What, reason: String, offered: Option<Offered>) {
        self.incidents.tell(self.address, what, reason, offered, None);
    }
}

/// Whether the network ended the handshake; what TLS itself says comes as `InvalidData`.
fn peer_left(error: &io::Error) -> bool {
    error.kind() != io::ErrorKind::InvalidData
}
