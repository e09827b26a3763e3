//! Who is at the other end of a connection, and what TLS has shown of it. Once per connection; calls
//! share it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_lc_rs::digest;
use rustls::ServerConnection;
use rustls::pki_types::CertificateDer;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::negotiated::{Negotiated, TlsNames};
use super::tls::{SubjectName, hex, names_of};
use crate::telemetry::clock::Moment;
use crate::telemetry::lines::{Fragment, Object};

/// Who is at the other end of a connection.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Who asks, where a trusted load balancer has said so by the PROXY protocol, otherwise as
    /// `socket`; IPv4 also where the listener listens on IPv6.
    pub address: SocketAddr,
    /// The other end of the socket: the load balancer's, where there is one.
    pub socket: SocketAddr,
    /// What TLS agreed on; `None` on a plaintext listener.
    pub tls: Option<Arc<TlsFacts>>,
    /// For whoever answers the requests.
    pub remark: Remarked,
}

/// What somebody has found out about a connection and does not want to find out for each request.
#[derive(Debug, Default)]
pub struct Remarked(AtomicU64);

/// Two numbers, whose meaning is the writer's.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Remark {
    /// What it is about; not 0.
    pub about: u32,
    /// What it says.
    pub says: u32,
}

impl Remarked {
    /// The last remark.
    pub fn read(&self) -> Option<Remark> {
        let both = self.0.load(Ordering::Relaxed);
        let about = u32::try_from(both >> 32).ok().filter(|about| *about != 0)?;
        let says = u32::try_from(both & u64::from(u32::MAX)).ok()?;
        Some(Remark { about, says })
    }

    /// Takes the place of an earlier one.
    pub fn write(&self, remark: Remark) {
        let number = u64::from(remark.about) << 32 | u64::from(remark.says);
        self.0.store(number, Ordering::Relaxed);
    }
}

impl Clone for Remarked {
    fn clone(&self) -> Self {
        Self(AtomicU64::new(self.0.load(Ordering::Relaxed)))
    }
}

impl Peer {
    /// Somebody who has connected by himself.
    pub fn direct(socket: SocketAddr, tls: Option<Arc<TlsFacts>>) -> Self {
        Self { address: socket, socket, tls, remark: Remarked::default() }
    }

    /// The certificate that was shown and found good.
    pub fn certificate(&self) -> Option<&ClientCertificate> {
        self.tls.as_deref().and_then(|tls| tls.client.as_ref())
    }
}

/// What a TLS handshake agreed on and has shown.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TlsFacts {
    /// Version, cipher suite, group.
    pub negotiated: Negotiated,
    /// `h2`, `http/1.1`, `http/1.0`, or nothing when the client named no protocol.
    pub alpn: &'static str,
    /// The name that the client asked for (SNI).
    pub server_name: Option<Box<str>>,
    /// The certificate of the client, by a CA that it was asked for; also of the session that was
    /// resumed.
    pub client: Option<ClientCertificate>,
    /// From the accepted connection to the end of the handshake.
    pub took: Duration,
    /// All of it as members of a record: written once for all calls on the connection.
    pub record: Fragment,
}

/// What a client's certificate says, once it was found good.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClientCertificate {
    /// The subject as one line, e.g. `CN=jtel`.
    pub subject: String,
    /// The issuer as one line.
    pub issuer: String,
    /// The subject's alternative names.
    pub names: Vec<SubjectName>,
    /// SHA-256 of the certificate.
    pub sha256: [u8; 32],
    /// Valid until, in unix seconds.
    pub not_after: i64,
}

impl ClientCertificate {
    /// Reads what counts; `None`: it is no X.509, which TLS would have refused.
    pub fn of(der: &CertificateDer<'_>) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(digest::digest(&digest::SHA256, der).as_ref());
        Some(Self {
            subject: certificate.subject().to_string(),
            issuer: certificate.issuer().to_string(),
            names: names_of(&certificate).ok()?,
            sha256,
            not_after: certificate.validity().not_after.timestamp(),
        })
    }

    /// The SHA-256 as lower-case hex.
    pub fn fingerprint(&self) -> String {
        hex(&self.sha256)
    }

    fn tell(&self, record: &mut Object<'_>) {
        record.text("tls.client.subject", Some(&self.subject));
        record.text("tls.client.issuer", Some(&self.issuer));
        let names = self.names.iter().map(ToString::to_string);
        record.texts("tls.client.alternative_names", names);
        record.plain("tls.client.hash.sha256", self.fingerprint().to_uppercase());
        let ends = Moment::from_unix_seconds(self.not_after);
        record.shown("tls.client.not_after", ends);
    }
}

impl TlsFacts {
    /// Of a connection whose handshake is over.
    pub(super) fn of(connection: &ServerConnection, took: Duration) -> Self {
        let alpn = match connection.alpn_protocol() {
            Some(b"h2") => "h2",
            Some(b"http/1.1") => "http/1.1",
            Some(b"http/1.0") => "http/1.0",
            _ => "",
        };
        let shown = connection.peer_certificates().and_then(<[_]>::first);
        Self::new(
            Negotiated::of(connection),
            alpn,
            connection.server_name().map(Into::into),
            shown.and_then(ClientCertificate::of),
            took,
        )
    }

    /// Of its parts.
    pub fn new(
        negotiated: Negotiated,
        alpn: &'static str,
        server_name: Option<Box<str>>,
        client: Option<ClientCertificate>,
        took: Duration,
    ) -> Self {
        let record = Fragment::of(|record| {
            negotiated.tell(&TlsNames::CLIENT, record);
            record.text("tls.next_protocol", Some(alpn).filter(|alpn| !alpn.is_empty()));
            record.text("tls.client.server_name", server_name.as_deref());
            record.number("tls.handshake_ms", u64::try_from(took.as_millis()).ok());
            if let Some(client) = &client {
                client.tell(record);
            }
        });
        Self { negotiated, alpn, server_name, client, took, record }
    }
}
