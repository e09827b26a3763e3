//! What `check` refuses and what it lets pass.

use bytes::Bytes;
use http::HeaderName;
use http_body_util::{Empty, Full};
use proptest::prelude::*;

use super::*;

fn request(method: &str, target: &str, headers: &[(&str, &str)]) -> Request<Empty<Bytes>> {
    let mut request = Request::new(Empty::new());
    *request.method_mut() = Method::from_bytes(method.as_bytes()).unwrap();
    *request.uri_mut() = target.parse().unwrap();
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        request.headers_mut().append(name, HeaderValue::from_str(value).unwrap());
    }
    request
}

#[test]
fn ordinary_questions_pass() {
    for (method, target, headers) in [
        ("GET", "/onClickToDial?a=b", vec![("host", "gate.example:8443")]),
        ("HEAD", "/", vec![("host", "[::1]:8443")]),
        ("GET", "/", vec![("host", "192.0.2.1")]),
        ("GET", "/", vec![("host", "gate_1.example."), ("content-length", "0")]),
        ("POST", "/", vec![("host", "gate"), ("content-length", "5")]),
        ("GET", "http://Gate:80/x", vec![("host", "gate:80")]),
        ("TRACE", "/", vec![("host", "gate")]),
        ("QUERY", "/", vec![("host", "gate"), ("content-length", "3")]),
    ] {
        let request = request(method, target, &headers);
        assert_eq!(check(&request, &Limits::default()), Ok(()), "{method} {target} {headers:?}");
    }
}

#[test]
fn what_leaves_room_for_two_readings_is_refused() {
    use WireFault as Fault;
    let host = ("host", "gate");
    let long = format!("/{}", "a".repeat(4096));
    for (method, target, headers, fault) in [
        ("get", "/", vec![host], Fault::Method),
        ("PURGE", "/", vec![host], Fault::Method),
        ("CONNECT", "gate:443", vec![host], Fault::Connect),
        ("GET", "*", vec![host], Fault::Target),
        ("OPTIONS", "*", vec![host], Fault::Target),
        ("GET", "gate:443", vec![host], Fault::Target),
        ("GET", "ftp://gate/", vec![host], Fault::Target),
        ("GET", &long, vec![host], Fault::UriTooLong),
        ("GET", "/", vec![], Fault::HostMissing),
        ("GET", "http://gate/", vec![], Fault::HostMissing),
        ("GET", "/", vec![host, host], Fault::HostTwice),
        ("GET", "/", vec![host, ("host", "other")], Fault::HostTwice),
        ("GET", "http://gate/", vec![("host", "other")], Fault::HostMismatch),
        ("GET", "http://gate:80/", vec![host], Fault::HostMismatch),
        ("GET", "http://169.254.169.254/latest", vec![host], Fault::HostMismatch),
        ("GET", "http://a@gate/", vec![("host", "a@gate")], Fault::HostMalformed),
        ("GET", "/", vec![host, ("transfer-encoding", "chunked")], Fault::BodyOnGet),
        ("GET", "/", vec![host, ("content-length", "1")], Fault::BodyOnGet),
        ("HEAD", "/", vec![host, ("content-length", "1")], Fault::BodyOnGet),
        ("GET", "/", vec![host, ("transfer-encoding", "gzip, chunked")], Fault::TransferEncoding),
        ("POST", "/", vec![host, ("transfer-encoding", "chunked")], Fault::TransferEncoding),
        (
            "GET",
            "/",
            vec![host, ("transfer-encoding", "identity"), ("transfer-encoding", "chunked")],
            Fault::TransferEncoding,
        ),
        (
            "POST",
            "/",
            vec![host, ("content-length", "3"), ("transfer-encoding", "chunked")],
            Fault::TransferEncoding,
        ),
        ("POST", "/", vec![host, ("content-length", "+3")], Fault::ContentLength),
        ("POST", "/", vec![host, ("content-length", "3, 3")], Fault::ContentLength),
        ("POST", "/", vec![host, ("content-length", "")], Fault::ContentLength),
        (
            "POST",
            "/",
            vec![host, ("content-length", "3"), ("content-length", "3")],
            Fault::ContentLength,
        ),
    ] {
        let request = request(method, target, &headers);
        assert_eq!(
            check(&request, &Limits::default()),
            Err(fault),
            "{method} {target} {headers:?}"
        );
    }
}

#[test]
fn a_host_is_a_host_and_perhaps_a_port() {
    for host in [
        "", " ", "a b", "a,b", "a, b", "a/b", "a@b", "a:b@c", "a:", "a:0", "a:65536", "a:+1",
        "a:1:2", ":80", "[::1", "::1", "[::1]80", "[a.b]", "[::1]:", "a%20b", "a?b", "a#b", "ä",
    ] {
        let text = HeaderValue::from_bytes(host.as_bytes()).unwrap();
        let mut request = request("GET", "/", &[]);
        request.headers_mut().insert(HOST, text);
        assert_eq!(check(&request, &Limits::default()), Err(WireFault::HostMalformed), "{host:?}");
    }
}

#[test]
fn http_1_0_may_leave_the_host_out_and_http_2_names_it_in_the_authority() {
    let mut old = request("GET", "/", &[]);
    *old.version_mut() = Version::HTTP_10;
    let mut new = request("GET", "https://gate/", &[]);
    *new.version_mut() = Version::HTTP_2;
    let mut differing = request("GET", "https://gate/", &[("host", "other")]);
    *differing.version_mut() = Version::HTTP_2;

    assert_eq!(check(&old, &Limits::default()), Ok(()));
    assert_eq!(check(&new, &Limits::default()), Ok(()));
    assert_eq!(check(&differing, &Limits::default()), Err(WireFault::HostMismatch));
}

#[test]
fn a_body_that_only_the_stream_announces_is_seen_too() {
    let mut request = Request::new(Full::new(Bytes::from_static(b"x")));
    *request.uri_mut() = "https://gate/".parse().unwrap();
    *request.version_mut() = Version::HTTP_2;

    assert_eq!(check(&request, &Limits::default()), Err(WireFault::BodyOnGet));
}

#[test]
fn headers_are_counted() {
    let limits = Limits { headers: 2, ..Limits::default() };
    let fits = request("GET", "/", &[("host", "gate"), ("a", "1")]);
    let too_many = request("GET", "/", &[("host", "gate"), ("a", "1"), ("a", "2")]);

    assert_eq!(check(&fits, &limits), Ok(()));
    assert_eq!(check(&too_many, &limits), Err(WireFault::TooManyHeaders));
}

#[test]
fn every_fault_has_a_text_of_its_own() {
    let mut texts: Vec<_> = WireFault::ALL.iter().map(WireFault::text).collect();

    texts.sort_unstable();
    texts.dedup();
    assert_eq!(texts.len(), WireFault::ALL.len());
}

proptest! {
    #[test]
    fn no_request_makes_the_check_panic_and_no_odd_host_passes(
        method in "[!#$%&'*+.^_`|~0-9A-Za-z-]{1,12}",
        target in "[/*a-z:@.?#%\\[\\]]{1,20}",
        headers in proptest::collection::vec(
            (
                prop_oneof![
                    Just("host"), Just("content-length"), Just("transfer-encoding"), Just("x")
                ],
                proptest::collection::vec(any::<u8>(), 0..12),
            ),
            0..6,
        ),
        version in prop_oneof![Just(Version::HTTP_10), Just(Version::HTTP_11), Just(Version::HTTP_2)],
    ) {
        let mut request = Request::new(Empty::<Bytes>::new());
        *request.method_mut() = Method::from_bytes(method.as_bytes()).unwrap();
        let Ok(uri) = target.parse() else { return Ok(()) };
        *request.uri_mut() = uri;
        *request.version_mut() = version;
        for (name, value) in &headers {
            if let Ok(value) = HeaderValue::from_bytes(value) {
                request.headers_mut().append(*name, value);
            }
        }

        let verdict = check(&request, &Limits::default());

        if verdict.is_ok() {
            let hosts: Vec<_> = request.headers().get_all(HOST).iter().collect();
            prop_assert!(hosts.len() <= 1);
            for host in hosts {
                prop_assert!(
                    host.as_bytes().iter().all(|byte| {
                        byte.is_ascii_alphanumeric() || b"-._:[]".contains(byte)
                    }),
                    "{:?}",
                    host
                );
            }
            prop_assert!(!request.headers().contains_key(TRANSFER_ENCODING));
        }
    }

    #[test]
    fn a_host_with_a_forbidden_character_anywhere_is_refused(
        before in "[a-z0-9.-]{0,8}",
        forbidden in "[^A-Za-z0-9._:\\[\\]-]",
        after in "[a-z0-9.-]{0,8}",
    ) {
        let host = format!("{before}{forbidden}{after}");
        prop_assert!(!is_host(host.as_bytes()), "{}", host);
    }
}
