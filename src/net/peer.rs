//! Who is at the other end of a connection, and what TLS has shown of it. Once per connection; calls
//! share it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest;
use rustls::pki_types::CertificateDer;
use rustls::{HandshakeKind, ProtocolVersion, ServerConnection};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;

use super::tls::{SubjectName, hex, names_of};

/// Who is at the other end of a connection.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Who asks; IPv4 also where the listener listens on IPv6.
    pub address: SocketAddr,
    /// What TLS agreed on; `None` on a plaintext listener.
    pub tls: Option<Arc<TlsFacts>>,
}

impl Peer {
    /// The certificate that was shown and found good.
    pub fn certificate(&self) -> Option<&ClientCertificate> {
        self.tls.as_deref().and_then(|tls| tls.client.as_ref())
    }
}

/// What a TLS handshake agreed on, in the words records use.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TlsFacts {
    /// `TLSv1.2` or `TLSv1.3`.
    pub version: &'static str,
    /// IANA's name with the separator rustls uses, e.g. `TLS13_AES_128_GCM_SHA256`.
    pub cipher: &'static str,
    /// The group of the key exchange by IANA's name, e.g. `X25519MLKEM768`; nothing where a session of
    /// TLS 1.2 was resumed, which has none.
    pub group: &'static str,
    /// Whether an earlier session was resumed; then no certificate was shown again.
    pub resumed: bool,
    /// `h2`, `http/1.1`, `http/1.0`, or nothing when the client named no protocol.
    pub alpn: &'static str,
    /// The name that the client asked for (SNI).
    pub server_name: Option<Box<str>>,
    /// The certificate of the client, by a CA that it was asked for; also of the session that was
    /// resumed.
    pub client: Option<ClientCertificate>,
    /// From the accepted connection to the end of the handshake.
    pub took: Duration,
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
}

impl TlsFacts {
    /// Of a connection whose handshake is over.
    pub(super) fn of(connection: &ServerConnection, took: Duration) -> Self {
        Self {
            version: match connection.protocol_version() {
                Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
                _ => "TLSv1.3",
            },
            cipher: connection
                .negotiated_cipher_suite()
                .and_then(|suite| suite.suite().as_str())
                .unwrap_or(""),
            group: connection
                .negotiated_key_exchange_group()
                .and_then(|group| group.name().as_str())
                .unwrap_or(""),
            resumed: connection.handshake_kind() == Some(HandshakeKind::Resumed),
            alpn: match connection.alpn_protocol() {
                Some(b"h2") => "h2",
                Some(b"http/1.1") => "http/1.1",
                Some(b"http/1.0") => "http/1.0",
                _ => "",
            },
            server_name: connection.server_name().map(Into::into),
            client: connection
                .peer_certificates()
                .and_then(<[_]>::first)
                .and_then(ClientCertificate::of),
            took,
        }
    }
}
