//! What answers of a collector mean, and which collectors there cannot be.

use proptest::prelude::*;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::config::TlsVersion;
use crate::net::tests::pki::Pki;

fn otlp(url: &str) -> Otlp {
    Otlp { url: url.parse().unwrap(), headers: Vec::new(), ca_file: None }
}

fn headers(retry_after: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::RETRY_AFTER, retry_after.parse().unwrap());
    headers
}

#[test]
fn only_four_statuses_mean_later() {
    for status in 100..600 {
        let status = StatusCode::from_u16(status).unwrap();
        let told = answer(status, &headers("7"), b"");

        match status.as_u16() {
            200..300 => assert_eq!(told, Answer::Taken(0, None)),
            429 | 502 | 503 | 504 => {
                let Answer::Later(_, wait) = told else { panic!("{status}: {told:?}") };
                assert_eq!(wait, Some(Duration::from_secs(7)));
            }
            _ => assert!(matches!(told, Answer::Refused(_)), "{status}: {told:?}"),
        }
    }
}

#[test]
fn what_a_collector_says_is_told_in_one_line_and_not_at_length() {
    // A `google.rpc.Status`: field 2 is the message.
    let mut body = vec![0x12, 0x80, 0x04];
    body.extend_from_slice(&b"no\nsuch\ttenant ".repeat(64)[..512]);

    let told = answer(StatusCode::BAD_REQUEST, &HeaderMap::new(), &body);

    let Answer::Refused(told) = told else { panic!("{told:?}") };
    assert!(told.starts_with("it answers with 400 Bad Request: no\\nsuch\\ttenant no"), "{told}");
    assert!(told.len() < 300 && !told.contains('\n'), "{told}");
}

#[test]
fn host_and_port_are_those_of_the_url() {
    for (url, host, port) in [
        ("http://127.0.0.1:4318/v1/traces", "127.0.0.1", 4318),
        ("http://[::1]/v1/traces", "::1", 80),
        ("https://otlp.example/v1/traces", "otlp.example", 443),
    ] {
        let collector = Collector::new(&otlp(url)).unwrap();
        assert_eq!((collector.host.as_str(), collector.port), (host, port), "{url}");
        assert_eq!(collector.target, "/v1/traces");
    }
}

#[test]
fn a_file_of_a_ca_that_cannot_be_used_is_told_by_its_key() {
    let missing = Some("/nowhere/ca.pem".into());
    let problem = Collector::new(&Otlp { ca_file: missing, ..otlp("https://otlp.example/x") });

    let problem = problem.err().unwrap();
    assert_eq!(problem.key, "traces.otlp.ca_file");
    assert!(problem.message.contains("/nowhere/ca.pem"), "{}", problem.message);
}

#[tokio::test]
async fn a_collector_whose_certificate_another_ca_signed_gets_nothing() {
    let (theirs, other) = (Pki::new(), Pki::new());
    let acceptor = TlsAcceptor::from(theirs.server(TlsVersion::V1_3).config);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}/v1/traces", listener.local_addr().unwrap());
    let accepting = tokio::spawn(async move {
        let (tcp, _) = listener.accept().await.unwrap();
        acceptor.accept(tcp).await.is_ok()
    });
    let otlp = Otlp { ca_file: Some(other.file("ca.pem")), ..otlp(&url) };
    let collector = Arc::new(Collector::new(&otlp).unwrap());

    let answer = collector.post(&mut None, &Bytes::from_static(b"spans")).await;

    let Answer::Later(why, None) = answer else { panic!("{answer:?}") };
    assert!(why.starts_with("invalid peer certificate: "), "{why}");
    assert!(!accepting.await.unwrap(), "there was no connection that spans could go over");
}

proptest! {
    #[test]
    fn no_answer_makes_it_stumble(status in 100_u16..600, wait in "[ -~]{0,40}", body: Vec<u8>) {
        let _read = answer(StatusCode::from_u16(status).unwrap(), &headers(&wait), &body);
    }
}
