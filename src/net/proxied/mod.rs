//! Connections that a load balancer brings: whose they are, by the PROXY protocol.
//!
//! Only from the addresses that the configuration trusts, and there each connection begins with such a
//! header, before TLS. From elsewhere none is expected: it is no TLS and no HTTP, and fails as such.

mod header;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tracing::{debug, warn};

use super::accept::Outage;
use super::metrics::{Ending, NetMetrics};
use crate::config::{Limits, TrustedProxies};
use crate::domain::words;
use header::LONGEST;
pub use header::{Header, HeaderFault, Read, read as read_header};

words! {
    /// What came of the PROXY header of a load balancer's connection.
    pub(super) enum ProxyHeader {
        /// It says whose connection it is.
        Named = "named",
        /// It is the load balancer's own.
        Unnamed = "unnamed",
        /// There is none.
        Missing = "missing",
        /// It cannot be read.
        Broken = "broken",
        /// It took too long.
        Timeout = "timeout",
    }
}

/// The load balancers that are trusted now; a reload exchanges them.
#[derive(Debug)]
pub struct TrustedInForce(ArcSwap<TrustedProxies>);

impl TrustedInForce {
    /// These.
    pub fn new(trusted: TrustedProxies) -> Arc<Self> {
        Arc::new(Self(ArcSwap::from_pointee(trusted)))
    }

    /// Nobody.
    pub fn nobody() -> Arc<Self> {
        Self::new(TrustedProxies::default())
    }

    /// New connections are taken by these.
    pub fn exchange(&self, trusted: TrustedProxies) {
        self.0.store(Arc::new(trusted));
    }

    /// Whether whoever connects from there says whose connection it is.
    pub(super) fn names_clients(&self, address: IpAddr) -> bool {
        let trusted = self.0.load();
        trusted.proxy_protocol && trusted.have(address)
    }
}

/// Reads the header of a connection of a load balancer, and not a byte more, within the time of a
/// handshake; `None`: it is its own.
///
/// One that connects and leaves without a byte is not counted: it looks whether the port is open.
pub(super) async fn read(
    stream: &mut TcpStream,
    from: SocketAddr,
    limits: &Limits,
    metrics: &NetMetrics,
) -> Result<Option<SocketAddr>, Ending> {
    let fault = match timeout(limits.handshake_timeout, header_of(stream)).await {
        Ok(Ok(Some(header))) => {
            metrics.proxied(match header {
                Header::Of(_) => ProxyHeader::Named,
                Header::Unnamed => ProxyHeader::Unnamed,
            });
            return Ok(match header {
                Header::Of(address) => Some(address),
                Header::Unnamed => None,
            });
        }
        Ok(Ok(None)) => return Err(Ending::Peer),
        Ok(Err(HeaderFault::Missing)) => ProxyHeader::Missing,
        Ok(Err(HeaderFault::Broken)) => ProxyHeader::Broken,
        Err(_elapsed) => ProxyHeader::Timeout,
    };
    metrics.proxied(fault);
    let reason = fault.label();
    debug!(%from, reason, "a connection of a load balancer has no usable PROXY header");
    tell(from, reason);
    Err(if fault == ProxyHeader::Timeout {
        Ending::HandshakeTimeout
    } else {
        Ending::ProtocolError
    })
}

/// Once for a crowd of them: a load balancer that is not set up sends none at all.
fn tell(from: SocketAddr, reason: &'static str) {
    static TOLD: Mutex<Option<Outage>> = Mutex::new(None);
    let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    if told.get_or_insert_default().begins(Instant::now()) {
        let from = from.ip();
        warn!(
            %from,
            reason,
            "connections from {from} are closed, because they do not begin with a header of the PROXY \
             protocol ({reason}); switch it on there, or listen.trusted_proxies.proxy_protocol off"
        );
    }
}

/// `None`: the other side left.
async fn header_of(stream: &mut TcpStream) -> Result<Option<Header>, HeaderFault> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 256];
    loop {
        let Ok(seen @ 1..) = stream.peek(&mut chunk).await else { return Ok(None) };
        let before = bytes.len();
        bytes.extend_from_slice(chunk.get(..seen).unwrap_or_default());
        let (header, length) = match header::read(&bytes)? {
            Read::Part if bytes.len() > LONGEST => return Err(HeaderFault::Broken),
            Read::Part => (None, bytes.len()),
            Read::Whole(header, length) => (Some(header), length),
        };
        // What was seen of the header is taken; what is behind it is left to TLS.
        let taken = chunk.get_mut(..length.saturating_sub(before)).unwrap_or_default();
        if stream.read_exact(taken).await.is_err() {
            return Ok(None);
        }
        if header.is_some() {
            return Ok(header);
        }
    }
}
