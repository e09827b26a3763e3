//! Behind a load balancer that speaks the PROXY protocol.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::clients::{GET, answer, exchange, rest};
use super::pki::Pki;
use super::server::{Server, eventually, generous, within};
use crate::config::TrustedProxies;
use crate::net::{Drain, Limits};

const WHO: &str = "GET /peer HTTP/1.1\r\nHost: localhost\r\n\r\n";

fn behind(addresses: &str, limits: Limits, tls: bool) -> Server {
    let trusted = TrustedProxies {
        addresses: vec![addresses.parse().unwrap()],
        proxy_protocol: true,
        forwarded: false,
    };
    Server::behind(trusted, limits, tls, Drain::new(Duration::from_mins(1)))
}

fn headers(server: &Server, result: &str) -> u64 {
    server.metric("dialgate_proxy_headers_total", &[result])
}

async fn connected(server: &Server, first: &[u8]) -> TcpStream {
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(first).await.unwrap();
    stream
}

fn binary() -> Vec<u8> {
    let addresses = [192, 0, 2, 7, 198, 51, 100, 1, 0x9c, 0x40, 1, 0xbb];
    [&b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"[..], &addresses].concat()
}

#[tokio::test]
async fn whose_connection_it_is_is_said_before_tls_and_before_http() {
    let text = b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 443\r\n".to_vec();
    for header in [text, binary()] {
        let server = behind("127.0.0.0/8", generous(), true);
        let stream = connected(&server, &header).await;
        let tls = TlsConnector::from(std::sync::Arc::new(Pki::shared().client(&["http/1.1"])));
        let mut client =
            within(tls.connect("localhost".try_into().unwrap(), stream)).await.unwrap();
        client.write_all(WHO.as_bytes()).await.unwrap();
        let peer = answer(&mut client).await;
        assert!(peer.contains("address: 192.0.2.7:40000"), "{peer}");
        assert!(peer.contains("socket: 127.0.0.1:"), "{peer}");

        let server = behind("127.0.0.0/8", generous(), false);
        // In one piece with the request, and byte by byte.
        let mut client = connected(&server, &[&header, WHO.as_bytes()].concat()).await;
        assert!(answer(&mut client).await.contains("address: 192.0.2.7:40000"));
        let mut client = connected(&server, b"").await;
        client.set_nodelay(true).unwrap();
        for byte in &header {
            client.write_all(&[*byte]).await.unwrap();
            tokio::task::yield_now().await;
        }
        client.write_all(WHO.as_bytes()).await.unwrap();
        assert!(answer(&mut client).await.contains("address: 192.0.2.7:40000"));
        assert_eq!(headers(&server, "named"), 2);
    }
}

#[tokio::test]
async fn a_health_check_of_the_load_balancer_is_its_own_and_one_without_a_byte_no_fault() {
    let server = behind("127.0.0.1/32", generous(), false);
    for header in ["PROXY UNKNOWN\r\n", "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"] {
        let mut client = connected(&server, header.as_bytes()).await;
        client.write_all(WHO.as_bytes()).await.unwrap();
        let peer = answer(&mut client).await;
        assert!(peer.contains("Peer { address: 127.0.0.1:"), "{peer}");
    }
    drop(connected(&server, b"").await);

    eventually(|| server.closed("peer") >= 1).await;
    assert_eq!((headers(&server, "unnamed"), headers(&server, "missing")), (2, 0));
}

#[tokio::test]
async fn a_load_balancer_that_says_nothing_or_nonsense_is_closed_and_counted() {
    let short = Duration::from_millis(150);
    let server = behind("127.0.0.1/32", Limits { handshake_timeout: short, ..generous() }, false);
    for (bytes, result) in [
        (GET, "missing"),
        ("PROXY TCP4 nobody nowhere 1 2\r\n", "broken"),
        ("\r\n\r\n\0\r\nQUIT\n\x21\x11\x7f\x7f", "broken"),
        ("PROXY TCP4 192.0.2.7", "timeout"),
    ] {
        let mut client = connected(&server, bytes.as_bytes()).await;
        assert_eq!(rest(&mut client).await, "", "{bytes}");
        eventually(|| headers(&server, result) > 0).await;
    }
    assert_eq!(headers(&server, "broken"), 2);
    assert_eq!(server.served(), 0);
}

#[tokio::test]
async fn nobody_else_can_say_whose_connection_it_is() {
    for tls in [true, false] {
        let server = behind("192.0.2.0/24", generous(), tls);
        for header in [b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 443\r\n".to_vec(), binary()] {
            let mut client = connected(&server, b"").await;
            let told = exchange(&mut client, [&header, WHO.as_bytes()].concat()).await;
            assert!(!told.contains("address:") && !told.contains("200 OK"), "{told}");
        }
        assert_eq!((server.served(), headers(&server, "named")), (0, 0));
    }
}

#[tokio::test]
async fn each_client_behind_the_load_balancer_has_its_own_limit_of_connections() {
    let limits = Limits { connections_per_address: 1, ..generous() };
    let server = behind("127.0.0.1/32", limits, false);
    let ask = async |client: u8| {
        let header = format!("PROXY TCP4 192.0.2.{client} 198.51.100.1 4711 443\r\n");
        let mut stream = connected(&server, header.as_bytes()).await;
        stream.write_all(b"GET /wait HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        stream
    };
    let mut first = ask(1).await;
    let mut others = [ask(2).await, ask(3).await];
    eventually(|| server.served() == 3).await;

    let mut second = ask(1).await;
    assert_eq!(rest(&mut second).await, "");
    assert_eq!(server.metric("dialgate_connections_refused_total", &["per_address"]), 1);
    server.gate.add_permits(3);
    for client in others.iter_mut().chain([&mut first]) {
        let mut byte = [0];
        within(client.read_exact(&mut byte)).await.unwrap();
    }
}
