//! What TLS agreed on, whichever end of the connection is ours.

use rustls::{CipherSuite, CommonState, HandshakeKind, ProtocolVersion};

use crate::telemetry::lines::Object;

/// What a TLS handshake agreed on, in the words of records: IANA's names.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Negotiated {
    /// `1.2` or `1.3`.
    pub version: &'static str,
    /// The cipher suite, e.g. `TLS_AES_128_GCM_SHA256`.
    pub cipher: &'static str,
    /// The group of the key exchange, e.g. `X25519MLKEM768`; nothing where a session of TLS 1.2 was
    /// resumed, which exchanges no keys.
    pub group: &'static str,
    /// Whether an earlier session was resumed; then no certificate was shown again.
    pub resumed: bool,
}

/// How the members of a record are called.
pub struct TlsNames {
    version: &'static str,
    cipher: &'static str,
    group: &'static str,
    resumed: &'static str,
}

impl TlsNames {
    /// The attributes of OpenTelemetry, for the side of those who ask.
    pub const CLIENT: Self = Self {
        version: "tls.protocol.version",
        cipher: "tls.cipher",
        group: "tls.curve",
        resumed: "tls.resumed",
    };

    /// The same of the connection to SAP.
    pub const SAP: Self = Self {
        version: "sap.tls.protocol.version",
        cipher: "sap.tls.cipher",
        group: "sap.tls.curve",
        resumed: "sap.tls.resumed",
    };
}

impl Negotiated {
    /// Of a connection whose handshake is over.
    pub fn of(connection: &CommonState) -> Self {
        Self {
            version: match connection.protocol_version() {
                Some(ProtocolVersion::TLSv1_2) => "1.2",
                _ => "1.3",
            },
            cipher: connection
                .negotiated_cipher_suite()
                .and_then(|suite| name_of(suite.suite()))
                .unwrap_or(""),
            group: connection
                .negotiated_key_exchange_group()
                .and_then(|group| group.name().as_str())
                .unwrap_or(""),
            resumed: connection.handshake_kind() == Some(HandshakeKind::Resumed),
        }
    }

    /// Adds it to a record.
    pub fn tell(&self, names: &TlsNames, record: &mut Object<'_>) {
        record.plain(names.version, self.version);
        record.plain(names.cipher, self.cipher);
        record.text(names.group, Some(self.group).filter(|group| !group.is_empty()));
        record.flag(names.resumed, self.resumed);
    }
}

/// IANA's name of a suite; rustls calls those of TLS 1.3 otherwise.
pub fn name_of(suite: CipherSuite) -> Option<&'static str> {
    match suite {
        CipherSuite::TLS13_AES_128_GCM_SHA256 => Some("TLS_AES_128_GCM_SHA256"),
        CipherSuite::TLS13_AES_256_GCM_SHA384 => Some("TLS_AES_256_GCM_SHA384"),
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => Some("TLS_CHACHA20_POLY1305_SHA256"),
        CipherSuite::TLS13_AES_128_CCM_SHA256 => Some("TLS_AES_128_CCM_SHA256"),
        CipherSuite::TLS13_AES_128_CCM_8_SHA256 => Some("TLS_AES_128_CCM_8_SHA256"),
        suite => suite.as_str(),
    }
}
