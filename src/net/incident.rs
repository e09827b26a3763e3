//! What happened on a connection before it could become a call: a handshake that failed, bytes that are
//! no HTTP. Told to whoever keeps records, and never more often than they can be kept.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::server::ClientHello;
use tokio::time::Instant;

use super::negotiated::name_of;
use super::peer::TlsFacts;
use crate::domain::words;
use crate::telemetry::clock::Moment;
use crate::telemetry::lines::Object;

words! {
    /// What happened.
    pub enum What {
        /// No TLS was agreed on: nothing in common, a certificate that does not count, no TLS at all.
        HandshakeFailed = "tls_handshake_failed",
        /// The TLS handshake took too long.
        HandshakeTimeout = "tls_handshake_timeout",
        /// It is not HTTP.
        NotHttp = "not_http",
        /// The head of a request is larger than the limit.
        HeadTooLarge = "head_too_large",
        /// The head of a request took too long.
        HeadTimeout = "head_timeout",
        /// HTTP/2 was broken.
        ProtocolError = "protocol_error",
        /// HTTP/2 frames without end, and no answer taken.
        Flood = "flood",
    }
}

/// Something that was no call.
#[derive(Clone, Debug)]
pub struct Incident {
    /// When.
    pub at: Moment,
    /// From where.
    pub address: SocketAddr,
    /// What happened.
    pub what: What,
    /// The reason in the words of rustls or hyper, which quote nothing that was sent.
    pub reason: String,
    /// What the client offered, where its first message was understood.
    pub offered: Option<Offered>,
    /// What TLS had agreed on, where it came to that.
    pub tls: Option<Arc<TlsFacts>>,
    /// So many before this one were not told, because there were too many.
    pub untold: u64,
}

/// What a client offers in the first message of TLS. Names only, and not more than a client needs.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Offered {
    server_name: Option<Box<str>>,
    ciphers: Vec<u16>,
    groups: Vec<u16>,
    protocols: Vec<Box<str>>,
}

/// The most of each list that is kept: the whole of it is megabytes where somebody means harm.
const MOST: usize = 32;

/// The longest name of a protocol (ALPN) that is kept, in bytes.
const LONGEST: usize = 16;

impl Offered {
    pub(super) fn of(hello: &ClientHello<'_>) -> Self {
        let protocols = hello.alpn().into_iter().flatten().take(MOST);
        Self {
            server_name: hello.server_name().map(Into::into),
            ciphers: hello
                .cipher_suites()
                .iter()
                .take(MOST)
                .map(|suite| u16::from(*suite))
                .collect(),
            groups: hello
                .named_groups()
                .unwrap_or_default()
                .iter()
                .take(MOST)
                .map(|group| u16::from(*group))
                .collect(),
            protocols: protocols
                .map(|name| String::from_utf8_lossy(name.get(..LONGEST).unwrap_or(name)).into())
                .collect(),
        }
    }

    /// Adds it to a record, under the names of OpenTelemetry where it has some.
    pub fn tell(&self, record: &mut Object<'_>) {
        record.text("tls.client.server_name", self.server_name.as_deref());
        let ciphers = self.ciphers.iter().map(|suite| {
            let suite = rustls::CipherSuite::from(*suite);
            name_of(suite).map_or_else(|| format!("0x{:04x}", u16::from(suite)), Into::into)
        });
        record.texts("tls.client.supported_ciphers", ciphers);
        let groups = self.groups.iter().map(|group| {
            let group = rustls::NamedGroup::from(*group);
            group.as_str().map_or_else(|| format!("0x{:04x}", u16::from(group)), Into::into)
        });
        record.texts("tls.client.supported_groups", groups);
        record.texts("tls.client.supported_protocols", self.protocols.iter());
    }
}

/// Who wants to know.
pub type Sink = Arc<dyn Fn(Incident) + Send + Sync>;

/// So many are told at once, and so many a second afterwards: somebody who floods a port must not fill
/// the disk with it. The others are counted by the metrics as ever.
const AT_ONCE: f64 = 100.0;
const PER_SECOND: f64 = 20.0;

/// The way to who wants to know.
pub(super) struct Incidents {
    sink: Option<Sink>,
    left: Mutex<Left>,
}

struct Left {
    tokens: f64,
    at: Instant,
    untold: u64,
}

impl Incidents {
    pub(super) fn new(sink: Option<Sink>) -> Self {
        let left = Left { tokens: AT_ONCE, at: Instant::now(), untold: 0 };
        Self { sink, left: Mutex::new(left) }
    }

    /// Tells what happened, unless there is too much of it.
    pub(super) fn tell(
        &self,
        address: SocketAddr,
        what: What,
        reason: String,
        offered: Option<Offered>,
        tls: Option<Arc<TlsFacts>>,
    ) {
        let Some(sink) = &self.sink else { return };
        let Some(untold) = self.may_tell(Instant::now()) else { return };
        sink(Incident { at: Moment::now(), address, what, reason, offered, tls, untold });
    }

    /// How many went by untold; `None`: this one does as well.
    fn may_tell(&self, now: Instant) -> Option<u64> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let passed: Duration = now.saturating_duration_since(left.at);
        left.tokens = (left.tokens + passed.as_secs_f64() * PER_SECOND).min(AT_ONCE);
        left.at = now;
        if left.tokens < 1.0 {
            left.untold += 1;
            return None;
        }
        left.tokens -= 1.0;
        Some(std::mem::take(&mut left.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_flood_is_told_in_part_and_the_rest_is_counted() {
        let incidents = Incidents::new(None);
        let now = Instant::now();

        let told = (0..150).filter_map(|_| incidents.may_tell(now)).count();

        assert_eq!(told, 100);
        assert_eq!(incidents.may_tell(now + Duration::from_secs(1)), Some(50));
        assert_eq!(incidents.may_tell(now + Duration::from_secs(1)), Some(0));
    }
}
