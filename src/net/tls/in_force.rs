//! The TLS that a listener speaks now.

use std::io;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::server::ClientHello;
use rustls::{AlertDescription, ServerConfig};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::StartHandshake;

use super::ServerTls;
use super::resolver::Shown;

/// The TLS that a listener speaks now. Handshakes under way end as they began.
pub struct TlsInForce(ArcSwap<Spoken>);

/// What one handshake speaks.
pub(in crate::net) struct Spoken {
    config: Arc<ServerConfig>,
    shown: Arc<Shown>,
}

impl TlsInForce {
    /// Begins with this one.
    pub fn new(tls: &ServerTls) -> Arc<Self> {
        Arc::new(Self(ArcSwap::from_pointee(Spoken::of(tls))))
    }

    /// From the next handshake on this one counts.
    pub fn exchange(&self, tls: &ServerTls) {
        self.0.store(Arc::new(Spoken::of(tls)));
    }

    pub(in crate::net) fn spoken(&self) -> Arc<Spoken> {
        self.0.load_full()
    }
}

impl std::fmt::Debug for TlsInForce {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("TlsInForce").finish_non_exhaustive()
    }
}

impl Spoken {
    fn of(tls: &ServerTls) -> Self {
        Self { config: Arc::clone(&tls.config), shown: Arc::clone(&tls.shown) }
    }

    /// Whether there is a certificate for the name that a client asks for, or for whoever asks for none.
    pub(in crate::net) fn knows(&self, hello: &ClientHello<'_>) -> bool {
        self.shown.knows(None) || self.shown.knows(hello.server_name())
    }

    /// What rustls goes by.
    pub(in crate::net) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }
}

/// Ends a handshake for want of a certificate, and says so. rustls would say `access_denied`, which sends
/// people to look at their own certificates.
pub(in crate::net) async fn turn_away(mut hello: StartHandshake<TcpStream>) -> io::Error {
    let alert = fatal(AlertDescription::UnrecognisedName);
    if let Err(error) = hello.io.write_all(&alert).await {
        return error;
    }
    if let Err(error) = hello.io.shutdown().await {
        return error;
    }
    let told = "the client asked for no name, or for one that no certificate has (strict_names)";
    io::Error::new(io::ErrorKind::InvalidData, told)
}

/// An alert that ends a connection, as a record (RFC 8446, 5.1 and 6).
fn fatal(alert: AlertDescription) -> [u8; 7] {
    const ALERT: u8 = 21;
    const FATAL: u8 = 2;

    [ALERT, 3, 3, 0, 2, FATAL, alert.into()]
}
