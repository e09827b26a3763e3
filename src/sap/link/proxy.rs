//! Through an HTTP proxy: CONNECT (RFC 9110 section 9.3.6), for `http://` upstreams as well, so that
//! the proxy sees neither the login nor the partner where TLS runs inside, and never rewrites a
//! request where it does not.

use std::{fmt, io};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use zeroize::Zeroizing;

use crate::config::Proxy;

/// The longest head of a proxy's answer.
const MAX_HEAD: usize = 8 * 1024;

/// Why a proxy does not let us through.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::sap) enum ProxyRefusal {
    /// 407: it wants another login, or one at all.
    Login,
    /// Another status than 2xx.
    Status(u16),
    /// It does not speak HTTP.
    NoProxy,
}

impl fmt::Display for ProxyRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Login => f.write_str("the proxy refuses our login (407)"),
            Self::Status(status) => write!(f, "the proxy answered with status {status}"),
            Self::NoProxy => f.write_str("what answers there is no HTTP proxy"),
        }
    }
}

impl std::error::Error for ProxyRefusal {}

/// The host is reached without the proxy.
pub(in crate::sap) fn is_exempt(host: &str, except: &[String]) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    except.iter().any(|entry| {
        let entry = entry.trim().trim_start_matches("*.").trim_start_matches('.');
        let entry = entry.to_ascii_lowercase();
        entry == "*"
            || !entry.is_empty()
                && (host == entry
                    || host.strip_suffix(entry.as_str()).is_some_and(|rest| rest.ends_with('.')))
    })
}

/// Asks the proxy for a tunnel to `host`; afterwards the stream is the tunnel.
pub(in crate::sap) async fn tunnel(
    stream: &mut TcpStream,
    host: &str,
    port: u16,
    proxy: &Proxy,
) -> io::Result<()> {
    let target =
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    let mut request = Zeroizing::new(format!("CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n"));
    if let Some((user, password)) = &proxy.login {
        let pair = Zeroizing::new(format!("{user}:{}", password.expose()));
        let pair = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
        request.push_str("proxy-authorization: Basic ");
        request.push_str(&pair);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut head = Vec::new();
    // Byte by byte: what follows the head belongs to the tunnel.
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= MAX_HEAD {
            return Err(io::Error::other(ProxyRefusal::NoProxy));
        }
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(io::Error::other(ProxyRefusal::NoProxy));
            }
            Err(error) => return Err(error),
        }
    }
    verdict(&head).map_err(io::Error::other)
}

/// What the first line of the answer says.
fn verdict(head: &[u8]) -> Result<(), ProxyRefusal> {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let line = str::from_utf8(line).unwrap_or_default();
    let rest = line.strip_prefix("HTTP/1.1 ").or_else(|| line.strip_prefix("HTTP/1.0 "));
    let status = rest.and_then(|rest| rest.get(..3)?.parse::<u16>().ok());
    match status {
        Some(200..=299) => Ok(()),
        Some(407) => Err(ProxyRefusal::Login),
        Some(status) => Err(ProxyRefusal::Status(status)),
        None => Err(ProxyRefusal::NoProxy),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_in_the_list_and_those_below_it_go_without_the_proxy() {
        for (host, entry, exempt) in [
            ("sap.example.com", "sap.example.com", true),
            ("SAP.example.com.", "sap.EXAMPLE.com", true),
            ("sap.example.com", "example.com", true),
            ("sap.example.com", ".example.com", true),
            ("sap.example.com", "*.example.com", true),
            ("sap.example.com", "ple.com", false),
            ("10.0.0.1", "10.0.0.1", true),
            ("10.0.0.10", "10.0.0.1", false),
            ("anything", "*", true),
            ("anything", "", false),
        ] {
            assert_eq!(is_exempt(host, &[entry.to_owned()]), exempt, "{host} {entry}");
        }
    }

    #[test]
    fn a_proxy_is_understood_by_its_first_line() {
        for (head, expected) in [
            ("HTTP/1.1 200 Connection established\r\n\r\n", Ok(())),
            ("HTTP/1.0 200\r\n\r\n", Ok(())),
            ("HTTP/1.1 407 x\r\n\r\n", Err(ProxyRefusal::Login)),
            ("HTTP/1.1 403 x\r\n\r\n", Err(ProxyRefusal::Status(403))),
            ("HTTP/1.1 302 x\r\n\r\n", Err(ProxyRefusal::Status(302))),
            ("HTTP/2 200\r\n\r\n", Err(ProxyRefusal::NoProxy)),
            ("SSH-2.0\r\n\r\n", Err(ProxyRefusal::NoProxy)),
            ("\r\n\r\n", Err(ProxyRefusal::NoProxy)),
        ] {
            assert_eq!(verdict(head.as_bytes()), expected, "{head:?}");
        }
    }
}
