//! `listen:` where jtel asks, and within which limits.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use http::uri::PathAndQuery;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    caller_information::{CallerInformation, CallerInformationFile},
    findings::shown,
    resolve::Reading,
    tls::{Tls, TlsFile},
    trusted::{TrustedProxies, TrustedProxiesFile},
    units::{DurationText, SizeText},
};

/// The shortest and the longest time limit that makes sense for a connection.
const TIME: std::ops::RangeInclusive<Duration> =
    Duration::from_millis(10)..=Duration::from_mins(10);

/// Linux takes 107 bytes for the path of a Unix socket (`unix(7)`); it is made under a longer name first.
const LONGEST_SOCKET_PATH: usize = 90;

/// Where jtel asks.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Listen {
    /// Address and port.
    pub address: SocketAddr,
    /// The path of onClickToDial; begins with `/`, has no query.
    pub path: String,
    /// Questions as Cloud for Customer is asked them are answered as well.
    pub drop_in: bool,
    /// jtel's question about somebody who calls; `None`: it is not answered.
    pub caller_information: Option<CallerInformation>,
    /// `None`: plaintext, because a load balancer in front ends TLS.
    pub tls: Option<Tls>,
    /// Most calls answered at once; one more is refused as overloaded.
    pub max_calls: usize,
    /// What one connection may cost.
    pub limits: Limits,
    /// Whose word about where a call comes from counts.
    pub trusted_proxies: TrustedProxies,
    /// Where the next process asks for the listening sockets; `None`: they are handed to nobody.
    pub hand_over: Option<PathBuf>,
}

/// Limits of one listener.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Limits {
    /// A TLS handshake ends by then, counted from the accepted connection.
    pub handshake_timeout: Duration,
    /// A request's head is complete by then, counted from its first byte; the first head of a
    /// connection from the moment HTTP may be spoken.
    pub head_timeout: Duration,
    /// A connection without a request in flight is closed after this long.
    pub idle_timeout: Duration,
    /// A peer takes all of an answer within this long, counted from the moment the answer is ready.
    pub write_timeout: Duration,
    /// The request line and all headers together, in bytes.
    pub header_bytes: usize,
    /// Header fields of one request.
    pub headers: usize,
    /// The request target, in bytes.
    pub uri_bytes: usize,
    /// Connections open at once. Keep it below half of the process's file descriptors.
    pub connections: usize,
    /// Connections open at once from one address. A jtel or a load balancer is one address.
    pub connections_per_address: usize,
}

impl Default for Limits {
    /// The times are those nginx and Envoy recommend for servers at an edge; a question of jtel
    /// takes well under 2 KiB and a dozen headers.
    fn default() -> Self {
        Self {
            handshake_timeout: Duration::from_secs(5),
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_mins(1),
            write_timeout: Duration::from_secs(10),
            header_bytes: 16 * 1024,
            headers: 64,
            uri_bytes: 4096,
            connections: 4096,
            connections_per_address: 1024,
        }
    }
}

/// `listen:` in `config.yaml`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(in crate::config) struct ListenFile {
    /// IP address and port that jtel connects to.
    address: String,
    /// The path that jtel's REST URL ends with.
    path: String,
    /// True: questions as SAP Cloud for Customer is asked them are answered as well.
    drop_in: bool,
    /// jtel's question about somebody who calls; without it, it is not answered.
    caller_information: Option<CallerInformationFile>,
    /// Certificate and key that jtel sees.
    pub(in crate::config) tls: Option<TlsFile>,
    /// True: no TLS here, because a load balancer in front ends it; then there is no tls section.
    plaintext_behind_a_tls_load_balancer: bool,
    /// Most calls answered at once; one more is refused as overloaded.
    #[schemars(range(min = 1, max = 1_000_000))]
    max_calls: usize,
    /// What one connection may cost, and how many there may be.
    limits: LimitsFile,
    /// Load balancers in front, whose word about where a call comes from counts.
    trusted_proxies: TrustedProxiesFile,
    /// Path of a Unix socket, by which the next process takes over without a call lost; ~: none does.
    hand_over: Option<String>,
}

/// `listen.limits:` in `config.yaml`.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[serde(deny_unknown_fields, default)]
struct LimitsFile {
    /// Longest wait for the TLS handshake.
    handshake_timeout: DurationText,
    /// Longest wait for a request's head, from its first byte to its last.
    head_timeout: DurationText,
    /// A connection without a request is closed after this long.
    idle_timeout: DurationText,
    /// Longest wait for a caller to take its answer.
    write_timeout: DurationText,
    /// Most bytes of a request's head.
    header_bytes: SizeText,
    /// Most header fields of a request.
    #[schemars(range(min = 1, max = 1024))]
    headers: usize,
    /// Most bytes of path and query together.
    uri_bytes: SizeText,
    /// Most connections at once.
    #[schemars(range(min = 1, max = 1_000_000))]
    connections: usize,
    /// Most connections at once from one address.
    #[schemars(range(min = 1, max = 1_000_000))]
    connections_per_address: usize,
}

impl Default for ListenFile {
    fn default() -> Self {
        Self {
            address: "0.0.0.0:8443".to_owned(),
            path: "/onClickToDial".to_owned(),
            drop_in: false,
            caller_information: None,
            tls: None,
            plaintext_behind_a_tls_load_balancer: false,
            max_calls: 4096,
            limits: LimitsFile::default(),
            trusted_proxies: TrustedProxiesFile::default(),
            hand_over: None,
        }
    }
}

impl Default for LimitsFile {
    fn default() -> Self {
        Self {
            handshake_timeout: "5s".into(),
            head_timeout: "10s".into(),
            idle_timeout: "60s".into(),
            write_timeout: "10s".into(),
            header_bytes: "16KiB".into(),
            headers: 64,
            uri_bytes: "4KiB".into(),
            connections: 4096,
            connections_per_address: 1024,
        }
    }
}

impl ListenFile {
    /// `tls` has been read before: it is of use even where the rest is not.
    pub(in crate::config) fn resolve(
        &self,
        tls: Option<Tls>,
        reading: &mut Reading<'_>,
    ) -> Option<Listen> {
        let address = reading.address("listen.address", &self.address);
        let path = path_of("listen.path", &self.path, reading);
        let caller_information = match &self.caller_information {
            None => None,
            Some(asked) => Some(asked.resolve(&self.path, reading)?),
        };
        let limits = self.limits.resolve(reading);
        match (&self.tls, self.plaintext_behind_a_tls_load_balancer) {
            (None, false) => reading.at(
                "listen.tls",
                "is missing; write certificate and key, `dialgate certs dev` makes them for tests",
            ),
            (Some(_), true) => reading.at(
                "listen.plaintext_behind_a_tls_load_balancer",
                "is true, yet there is a tls section; remove one of the two",
            ),
            _ => {}
        }
        let trusted_proxies = self.trusted_proxies.resolve(reading);
        let hand_over = self.hand_over.as_ref().map(|path| reading.path(path));
        if hand_over.as_ref().is_some_and(|path| path.as_os_str().len() > LONGEST_SOCKET_PATH) {
            let told =
                format!("is longer than the {LONGEST_SOCKET_PATH} bytes that a socket may have");
            reading.at("listen.hand_over", told);
        }
        let max_calls = self.max_calls;
        let drop_in = self.drop_in;
        Some(Listen {
            address: address?,
            path: path?,
            drop_in,
            caller_information,
            tls,
            max_calls,
            limits: limits?,
            trusted_proxies,
            hand_over,
        })
    }
}

/// The path of a question of jtel's.
pub(in crate::config) fn path_of(
    key: &str,
    path: &str,
    reading: &mut Reading<'_>,
) -> Option<String> {
    let told = shown(path);
    if !path.starts_with('/') {
        reading.at(key, format!("`{told}` does not begin with `/`"));
    } else if path.contains(['?', '#']) {
        reading.at(key, format!("`{told}` goes on after the path; jtel adds the question itself"));
    } else if path.parse::<PathAndQuery>().is_err() || !path.is_ascii() {
        reading.at(key, format!("`{told}` has a character that no path of a URL has"));
    } else {
        return Some(path.to_owned());
    }
    None
}

impl LimitsFile {
    fn resolve(&self, reading: &mut Reading<'_>) -> Option<Limits> {
        let mut time =
            |key: &str, text| reading.duration(&format!("listen.limits.{key}"), text, TIME);
        let handshake_timeout = time("handshake_timeout", &self.handshake_timeout);
        let head_timeout = time("head_timeout", &self.head_timeout);
        let idle_timeout = time("idle_timeout", &self.idle_timeout);
        let write_timeout = time("write_timeout", &self.write_timeout);
        // hyper's buffer for a head is 8 KiB at least; a question of jtel has about 500 bytes.
        let header_bytes =
            reading.size("listen.limits.header_bytes", &self.header_bytes, 8192..=1024 * 1024);
        let uri_bytes = reading.size("listen.limits.uri_bytes", &self.uri_bytes, 256..=65_534);
        if self.connections_per_address > self.connections {
            reading.at(
                "listen.limits.connections_per_address",
                format!(
                    "`{}` is more than listen.limits.connections ({})",
                    self.connections_per_address, self.connections
                ),
            );
        }
        Some(Limits {
            handshake_timeout: handshake_timeout?,
            head_timeout: head_timeout?,
            idle_timeout: idle_timeout?,
            write_timeout: write_timeout?,
            header_bytes: header_bytes?,
            headers: self.headers,
            uri_bytes: uri_bytes?,
            connections: self.connections,
            connections_per_address: self.connections_per_address,
        })
    }
}
