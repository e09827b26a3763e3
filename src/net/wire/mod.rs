//! What hyper lets through and HTTP does not allow.
//!
//! Two machines that read one request differently can be made to read two requests: that is request
//! smuggling, and here it would put a call's answer into another call. So whatever leaves room for
//! two readings is refused here, before anything else looks at the request, with 400 and
//! `Connection: close`; after that answer nothing more is read from the connection.
//!
//! A body is framed by Content-Length or not accepted. `Transfer-Encoding: chunked` alone would be
//! proper HTTP, but hyper (1.12) hides a Content-Length that stands beside it, so a lone `chunked`
//! cannot be told from the pair that RFC 9112 6.1 warns of. No question to this gateway has a body
//! of unknown length (RFC 9110 15.5.12 lets a server insist).

use std::net::Ipv6Addr;

use http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::uri::{Authority, Scheme};
use http::{HeaderMap, HeaderValue, Method, Request, Uri, Version};
use hyper::body::Body;

use super::Limits;
use crate::domain::words;

/// The longest name DNS knows (253), with a port behind it.
const HOST_BYTES: usize = 260;

words! {
    /// What is wrong with a request on the wire; the label is the same in records.
    pub enum WireFault {
        /// A method other than GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS, TRACE and QUERY.
        Method = "method",
        /// CONNECT: this is no proxy.
        Connect = "connect",
        /// A target that is neither a path nor an absolute `http` or `https` address.
        Target = "target",
        /// A target longer than the limit.
        UriTooLong = "uri_too_long",
        /// More header fields than the limit.
        TooManyHeaders = "too_many_headers",
        /// HTTP/1.1 without Host, HTTP/2 without either `:authority` or Host.
        HostMissing = "host_missing",
        /// More than one Host field.
        HostTwice = "host_twice",
        /// A Host or authority other than `host` or `host:port`.
        HostMalformed = "host_malformed",
        /// Host and the address in the request line, or `:authority`, differ.
        HostMismatch = "host_mismatch",
        /// Any Transfer-Encoding (see above); `chunked` on GET and HEAD is [`Self::BodyOnGet`].
        TransferEncoding = "transfer_encoding",
        /// More than one Content-Length, or one that is no number.
        ContentLength = "content_length",
        /// A body announced on GET or HEAD.
        BodyOnGet = "body_on_get",
    }
}

impl WireFault {
    /// What the sender is told.
    pub fn text(&self) -> &'static str {
        match self {
            Self::Method => "the method is not one this server knows",
            Self::Connect => "this server is no proxy; CONNECT is not served",
            Self::Target => "the request target must be a path that begins with /",
            Self::UriTooLong => "the request target is too long",
            Self::TooManyHeaders => "there are too many header fields",
            Self::HostMissing => "the Host header is missing",
            Self::HostTwice => "there is more than one Host header",
            Self::HostMalformed => "the Host header must be a host, or a host and a port",
            Self::HostMismatch => "the Host header and the address in the request differ",
            Self::TransferEncoding => {
                "Transfer-Encoding is not accepted; send the body with Content-Length"
            }
            Self::ContentLength => "Content-Length must be one number",
            Self::BodyOnGet => "a GET or HEAD request has no body here",
        }
    }
}

/// Checks what every request must satisfy, whatever it asks for: the first thing a handler calls.
///
/// Who gets a fault counts it (`NetMetrics::malformed`), answers 400 and, for HTTP/1, adds
/// `Connection: close`; hyper then reads nothing more from that connection. A method it knows but
/// does not serve is the handler's 405.
///
/// # Errors
///
/// The first fault found.
pub fn check<B: Body>(request: &Request<B>, limits: &Limits) -> Result<(), WireFault> {
    method_is_known(request.method())?;
    target_is_sound(request.uri(), limits)?;
    if request.headers().len() > limits.headers {
        return Err(WireFault::TooManyHeaders);
    }
    body_is_framed_once(request)?;
    host_is_one(request)
}

fn method_is_known(method: &Method) -> Result<(), WireFault> {
    match *method {
        Method::GET
        | Method::HEAD
        | Method::POST
        | Method::PUT
        | Method::DELETE
        | Method::PATCH
        | Method::OPTIONS
        | Method::TRACE
        | Method::QUERY => Ok(()),
        Method::CONNECT => Err(WireFault::Connect),
        _ => Err(WireFault::Method),
    }
}

fn target_is_sound(uri: &Uri, limits: &Limits) -> Result<(), WireFault> {
    let path_and_query = uri.path_and_query().map_or("", |path_and_query| path_and_query.as_str());
    let authority = uri.authority().map_or("", Authority::as_str);
    if path_and_query.len() + authority.len() > limits.uri_bytes {
        return Err(WireFault::UriTooLong);
    }
    // `*` has no leading slash; a bare `host:port` has no path at all.
    if !path_and_query.starts_with('/') {
        return Err(WireFault::Target);
    }
    let scheme_fits =
        uri.scheme().is_none_or(|scheme| *scheme == Scheme::HTTP || *scheme == Scheme::HTTPS);
    if scheme_fits { Ok(()) } else { Err(WireFault::Target) }
}

fn body_is_framed_once<B: Body>(request: &Request<B>) -> Result<(), WireFault> {
    let has_no_body = *request.method() == Method::GET || *request.method() == Method::HEAD;
    let mut encodings = request.headers().get_all(TRANSFER_ENCODING).iter();
    if let Some(encoding) = encodings.next() {
        let only_chunked =
            encodings.next().is_none() && encoding.as_bytes().eq_ignore_ascii_case(b"chunked");
        return Err(if only_chunked && has_no_body {
            WireFault::BodyOnGet
        } else {
            WireFault::TransferEncoding
        });
    }
    let announced = content_length(request.headers())?;
    // HTTP/2 may leave the length out; then the stream itself says whether a body follows.
    if has_no_body
        && (announced.is_some_and(|length| length > 0) || !request.body().is_end_stream())
    {
        return Err(WireFault::BodyOnGet);
    }
    Ok(())
}

fn content_length(headers: &HeaderMap) -> Result<Option<u64>, WireFault> {
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let Some(length) = lengths.next() else { return Ok(None) };
    // `u64::from_str` would take a leading `+`.
    let digits = length.as_bytes().iter().all(u8::is_ascii_digit);
    let number = length.to_str().ok().and_then(|text| text.parse().ok());
    match number {
        Some(number) if digits && lengths.next().is_none() => Ok(Some(number)),
        _ => Err(WireFault::ContentLength),
    }
}

fn host_is_one<B>(request: &Request<B>) -> Result<(), WireFault> {
    let mut hosts = request.headers().get_all(HOST).iter();
    let host = hosts.next().map(HeaderValue::as_bytes);
    if hosts.next().is_some() {
        return Err(WireFault::HostTwice);
    }
    let authority = request.uri().authority().map(|authority| authority.as_str().as_bytes());
    for name in [host, authority].into_iter().flatten() {
        if !is_host(name) {
            return Err(WireFault::HostMalformed);
        }
    }
    match (host, authority) {
        (Some(host), Some(authority)) if !host.eq_ignore_ascii_case(authority) => {
            Err(WireFault::HostMismatch)
        }
        (Some(_), _) => Ok(()),
        (None, Some(_)) if request.version() == Version::HTTP_2 => Ok(()),
        (None, _) if request.version() == Version::HTTP_10 => Ok(()),
        (None, _) => Err(WireFault::HostMissing),
    }
}

/// Whether `text` is `host` or `host:port`: a name of letters, digits, `-`, `.` and `_`, an IPv4
/// address, or an IPv6 address in brackets. No list, no user, no path, no percent.
fn is_host(text: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(text) else { return false };
    if text.len() > HOST_BYTES {
        return false;
    }
    if let Some(bracketed) = text.strip_prefix('[') {
        let Some((address, port)) = bracketed.split_once(']') else { return false };
        let port_fits = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return port_fits && address.parse::<Ipv6Addr>().is_ok();
    }
    let (name, port) = text.split_once(':').map_or((text, None), |(name, port)| (name, Some(port)));
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
        && port.is_none_or(is_port)
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit()) && text.parse::<u16>().is_ok_and(|port| port > 0)
}

#[cfg(test)]
mod tests;
