//! What TLS agrees on and how it is counted.

use std::sync::Arc;

use rustls::version::{TLS12, TLS13};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::clients::{self, GET, answer, exchange, rest};
use super::pki::Pki;
use super::server::{Server, eventually, generous, within};
use crate::config::TlsVersion;
use crate::net::tls::TlsInForce;
use crate::net::{Drain, Listener, ListenerOptions, NetMetrics, TrustedInForce};

const PEER: &[u8] = b"GET /peer HTTP/1.1\r\nHost: a\r\n\r\n";

#[tokio::test]
async fn the_protocol_is_the_one_alpn_agreed_on() {
    let server = Server::with_tls(generous());
    for (offered, agreed) in [
        (vec!["h2", "http/1.1"], Some("h2")),
        (vec!["http/1.1", "h2"], Some("h2")),
        (vec!["http/1.1"], Some("http/1.1")),
        (vec![], None),
    ] {
        let client = clients::tls(server.address, Pki::shared().client(&offered)).await;

        let alpn = client.get_ref().1.alpn_protocol().map(|name| str::from_utf8(name).unwrap());
        assert_eq!(alpn, agreed, "{offered:?}");
    }
}

#[tokio::test]
async fn the_handler_learns_what_tls_agreed_on() {
    let server = Server::with_tls(generous());
    for (version, facts) in [
        (&TLS13, r#"version: "1.3", cipher: "TLS_AES_128_GCM_SHA256""#),
        (&TLS12, r#"version: "1.2", cipher: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256""#),
    ] {
        let config = Pki::shared().client_speaking(&["http/1.1"], &[version]);
        let mut client = clients::tls(server.address, config).await;
        client.write_all(PEER).await.unwrap();

        let answer = answer(&mut client).await;

        assert!(answer.contains(facts), "{answer}");
        assert!(answer.contains(r#"resumed: false }, alpn: "http/1.1""#), "{answer}");
        assert!(answer.contains(r#"group: "X25519MLKEM768""#) || version == &TLS12, "{answer}");
    }
    assert_eq!(server.metric("dialgate_tls_handshakes_total", &["TLSv1.3", "ok"]), 1);
    assert_eq!(server.metric("dialgate_tls_handshakes_total", &["TLSv1.2", "ok"]), 1);
}

#[tokio::test]
async fn a_session_is_resumed_and_counted_as_such() {
    let server = Server::with_tls(generous());
    for (version, label) in [(&TLS13, "TLSv1.3"), (&TLS12, "TLSv1.2")] {
        let config = Pki::shared().client_speaking(&["http/1.1"], &[version]);
        for _ in 0..2 {
            let mut client = clients::tls(server.address, config.clone()).await;
            client.write_all(GET.as_bytes()).await.unwrap();
            answer(&mut client).await;
        }

        assert_eq!(server.metric("dialgate_tls_handshakes_total", &[label, "ok"]), 1);
        assert_eq!(server.metric("dialgate_tls_handshakes_total", &[label, "resumed"]), 1);
    }
}

#[tokio::test]
async fn what_is_not_tls_is_a_failed_handshake_and_a_port_probe_is_none() {
    let server = Server::with_tls(generous());
    let mut plain = TcpStream::connect(server.address).await.unwrap();
    exchange(&mut plain, GET).await;
    eventually(|| server.closed("protocol_error") == 1).await;
    assert_eq!(server.metric("dialgate_tls_handshakes_total", &["none", "failed"]), 1);

    drop(TcpStream::connect(server.address).await.unwrap());

    eventually(|| server.closed("peer") == 1).await;
    assert_eq!(server.metric("dialgate_tls_handshakes_total", &["none", "failed"]), 1);
}

#[tokio::test]
async fn a_foreign_protocol_name_is_refused_in_the_handshake() {
    let server = Server::with_tls(generous());
    let stream = TcpStream::connect(server.address).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(Pki::shared().client(&["smtp"])));

    let shaken = within(connector.connect("localhost".try_into().unwrap(), stream)).await;

    shaken.unwrap_err();
    eventually(|| server.closed("protocol_error") == 1).await;
}

#[tokio::test]
async fn with_tls_1_3_as_the_least_tls_1_2_is_refused() {
    let pki = Pki::shared();
    let listener = Listener::bind(ListenerOptions {
        address: "127.0.0.1:0".parse().unwrap(),
        tls: Some(TlsInForce::new(&pki.server(TlsVersion::V1_3))),
        limits: generous(),
        trusted: TrustedInForce::nobody(),
    })
    .unwrap();
    let address = listener.local_address();
    let drain = Drain::new(std::time::Duration::from_secs(5));
    let metrics = Arc::new(NetMetrics::uncounted().unwrap());
    let handler = |_, _| async { http::Response::new(http_body_util::Full::from("served")) };
    let serving = tokio::spawn(listener.serve(handler, drain.clone(), metrics));
    let connect = async |version| {
        let config = pki.client_speaking(&["http/1.1"], &[version]);
        let stream = TcpStream::connect(address).await.unwrap();
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        within(connector.connect("localhost".try_into().unwrap(), stream)).await
    };

    assert!(connect(&TLS12).await.is_err());
    let mut client = connect(&TLS13).await.unwrap();
    client.write_all(GET.as_bytes()).await.unwrap();
    answer(&mut client).await;

    drain.start();
    assert_eq!(rest(&mut client).await, "");
    within(serving).await.unwrap();
}

#[tokio::test]
async fn an_exchanged_certificate_counts_from_the_next_handshake_on_and_ends_no_connection() {
    let pki = Pki::new();
    let tls = TlsInForce::new(&pki.server(TlsVersion::V1_2));
    let options = ListenerOptions {
        address: "127.0.0.1:0".parse().unwrap(),
        tls: Some(Arc::clone(&tls)),
        limits: generous(),
        trusted: TrustedInForce::nobody(),
    };
    let listener = Listener::bind(options).unwrap();
    let address = listener.local_address();
    let handler = |_request, _peer| async { http::Response::new(http_body_util::Full::default()) };
    let metrics = Arc::new(NetMetrics::uncounted().unwrap());
    let drain = Drain::new(std::time::Duration::from_mins(1));
    let serving = tokio::spawn(listener.serve(handler, drain.clone(), metrics));
    let mut before = clients::tls(address, pki.client(&["http/1.1"])).await;
    let shown = |client: &tokio_rustls::client::TlsStream<_>| {
        client.get_ref().1.peer_certificates().unwrap()[0].clone()
    };

    pki.write_leaf("leaf", "gate.example");
    tls.exchange(&pki.server(TlsVersion::V1_2));

    let after = clients::tls(address, pki.client(&["http/1.1"])).await;
    assert_ne!(shown(&before), shown(&after));
    before.write_all(GET.as_bytes()).await.unwrap();
    assert!(answer(&mut before).await.starts_with("HTTP/1.1 200"));
    serving.abort();
}
