//! What is counted of connections, in the words of the metrics.

use crate::domain::words;

words! {
    /// What hyper finds wrong with a request before anybody reads it; the rest is a
    /// [`WireFault`](super::wire::WireFault).
    pub(super) enum Unreadable {
        /// It is not HTTP at all.
        NotHttp = "not_http",
        /// The request line and its header fields are longer than the limit.
        HeadTooLarge = "head_too_large",
    }
}

words! {
    /// Version and result of a TLS handshake, two labels in one text.
    pub(super) enum Handshake {
        /// In full, with TLS 1.2.
        Tls12 = "TLSv1.2 ok",
        /// Without a certificate, because an earlier session goes on.
        Tls12Resumed = "TLSv1.2 resumed",
        /// In full, with TLS 1.3.
        Tls13 = "TLSv1.3 ok",
        /// The same as above.
        Tls13Resumed = "TLSv1.3 resumed",
        /// No common version or suite, not TLS at all, or the peer gave up.
        Failed = "none failed",
        /// It took too long.
        Timeout = "none timeout",
    }
}

words! {
    /// What a connection speaks.
    pub(super) enum Protocol {
        /// Not yet anything: it shakes hands.
        Handshake = "handshake",
        /// HTTP/1.
        Http1 = "http/1.1",
        /// HTTP/2.
        Http2 = "h2",
    }
}

words! {
    /// Why a connection was not taken.
    pub(super) enum Refusal {
        /// There are as many as there may be, and each has a request in flight.
        Total = "total",
        /// The same for its address.
        PerAddress = "per_address",
        /// The process or the machine has no file descriptor left.
        Descriptors = "descriptors",
    }
}

words! {
    /// Who or what ended a connection.
    pub(super) enum Ending {
        /// The peer hung up or asked for the end.
        Peer = "peer",
        /// Its TLS handshake took too long.
        HandshakeTimeout = "handshake_timeout",
        /// A request head took too long.
        HeadTimeout = "head_timeout",
        /// Nothing was asked for too long.
        IdleTimeout = "idle_timeout",
        /// The peer did not read its answer.
        WriteTimeout = "write_timeout",
        /// The peer sent far more frames of HTTP/2 than it took answers.
        Flood = "flood",
        /// Idle for longest, it made room for another one.
        Evicted = "evicted",
        /// What came was not proper TLS or HTTP.
        ProtocolError = "protocol_error",
        /// This process is ending.
        Drain = "drain",
        /// A fault of ours, such as a panic.
        Error = "error",
    }
}
