//! A request's head, after hyper: what leaves room for two readings is refused.

use dialgate::net::{Limits, wire::check};
use http::{HeaderName, HeaderValue, Method, Request, Uri, Version, header};

/// Nothing, which says how long it is.
type NoBody = String;

pub fn holds(data: &[u8]) {
    let mut lines = data.split(|byte| *byte == b'\n');
    let Some(request) = lines.next().and_then(request_line) else { return };
    let (mut head, _nothing) = Request::new(()).into_parts();
    (head.method, head.uri, head.version) = request;
    for line in lines.take(80) {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let (name, value) = line.split_at(colon);
        let value = HeaderValue::from_bytes(value[1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name), value) {
            head.headers.append(name, value);
        }
    }
    let request = Request::from_parts(head, NoBody::new());
    let limits = Limits::default();
    if let Err(fault) = check(&request, &limits) {
        assert!(!fault.text().is_empty());
        return;
    }
    let all = |name| request.headers().get_all(name).iter().collect::<Vec<_>>();
    assert!(request.headers().len() <= limits.headers);
    assert!(all(header::TRANSFER_ENCODING).is_empty() && all(header::CONTENT_LENGTH).len() <= 1);
    let hosts = all(header::HOST);
    assert!(hosts.len() <= 1 && (hosts.len() == 1 || request.version() != Version::HTTP_11));
    if let [host] = hosts.as_slice() {
        let is_of_it = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(byte);
        assert!(host.as_bytes().iter().all(is_of_it), "{host:?}");
    }
    if request.method() == Method::GET {
        let length = all(header::CONTENT_LENGTH);
        assert!(
            length.iter().all(|length| length.to_str().unwrap().parse() == Ok(0)),
            "{length:?}"
        );
    }
}

fn request_line(line: &[u8]) -> Option<(Method, Uri, Version)> {
    let mut words = line.split(|byte| *byte == b' ');
    let (method, target, version) = (words.next()?, words.next()?, words.next()?);
    let version = match version {
        b"HTTP/1.0" => Version::HTTP_10,
        b"HTTP/2.0" => Version::HTTP_2,
        _ => Version::HTTP_11,
    };
    Some((Method::from_bytes(method).ok()?, Uri::try_from(target).ok()?, version))
}
