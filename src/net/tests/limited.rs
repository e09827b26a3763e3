//! Every wait ends, and one peer cannot take everybody's place.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::clients::{self, GET, answer, exchange, rest};
use super::server::{Server, eventually, generous, within};
use crate::net::Limits;

const SHORT: Duration = Duration::from_millis(150);

#[tokio::test]
async fn a_peer_that_never_begins_the_handshake_is_closed() {
    let server = Server::with_tls(Limits { handshake_timeout: SHORT, ..generous() });
    let mut silent = TcpStream::connect(server.address).await.unwrap();
    let mut slow = TcpStream::connect(server.address).await.unwrap();
    slow.write_all(&[0x16, 3, 1]).await.unwrap();

    assert_eq!(rest(&mut silent).await, "");
    assert_eq!(rest(&mut slow).await, "");

    eventually(|| server.closed("handshake_timeout") == 2).await;
    assert_eq!(server.metric("dialgate_tls_handshakes_total", &["none", "timeout"]), 2);
    assert_eq!(server.metric("dialgate_connections_open", &["handshake"]), 0);
}

#[tokio::test]
async fn silence_after_the_handshake_is_closed_after_the_head_limit() {
    let server = Server::with_tls(Limits { head_timeout: SHORT, ..generous() });
    let mut client = clients::http1(server.address).await;

    assert_eq!(rest(&mut client).await, "");

    eventually(|| server.closed("head_timeout") == 1).await;
}

#[tokio::test]
async fn silence_between_requests_is_closed_after_the_idle_limit() {
    let server = Server::with_tls(Limits { idle_timeout: SHORT, ..generous() });
    let mut client = clients::http1(server.address).await;
    client.write_all(GET.as_bytes()).await.unwrap();
    answer(&mut client).await;
    let answered = Instant::now();

    // In order: TLS says goodbye first, which read_to_end would otherwise report as an error.
    let mut text = Vec::new();
    within(client.read_to_end(&mut text)).await.unwrap();

    assert!(answered.elapsed() >= SHORT / 2);
    eventually(|| server.closed("idle_timeout") == 1).await;
}

#[tokio::test]
async fn a_dripping_head_is_closed_after_the_limit_from_its_first_byte() {
    let server = Server::with_tls(Limits { head_timeout: 2 * SHORT, ..generous() });
    let mut client = clients::http1(server.address).await;
    client.write_all(GET.as_bytes()).await.unwrap();
    answer(&mut client).await;
    let (mut reader, mut writer) = tokio::io::split(client);
    let began = Instant::now();

    let drip = tokio::spawn(async move {
        let mut ticks = tokio::time::interval(SHORT / 10);
        writer.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        loop {
            ticks.tick().await;
            if writer.write_all(b"X: 1\r\n").await.is_err() {
                break;
            }
        }
    });

    assert_eq!(rest(&mut reader).await, "");
    assert!(began.elapsed() >= 2 * SHORT, "{:?}", began.elapsed());
    eventually(|| server.closed("head_timeout") == 1).await;
    within(drip).await.unwrap();
}

#[tokio::test]
async fn a_request_may_take_longer_than_every_limit() {
    let limits =
        Limits { head_timeout: SHORT, idle_timeout: SHORT, write_timeout: SHORT, ..generous() };
    let server = Server::with_tls(limits);
    let mut client = clients::http1(server.address).await;
    client.write_all(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    eventually(|| server.served() == 1).await;
    // A second connection shows that the limits work meanwhile.
    assert_eq!(rest(&mut clients::http1(server.address).await).await, "");
    assert_eq!(rest(&mut clients::http1(server.address).await).await, "");

    server.gate.add_permits(1);

    assert!(answer(&mut client).await.ends_with("served"));
}

#[tokio::test]
async fn a_peer_that_does_not_read_its_answer_is_closed() {
    let server = Server::with_tls(Limits { write_timeout: SHORT, ..generous() });
    let mut client = clients::http1(server.address).await;

    client.write_all(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();

    eventually(|| server.closed("write_timeout") == 1).await;
}

#[tokio::test]
async fn a_peer_that_sips_its_answer_is_closed_as_well() {
    let server = Server::with_tls(Limits { write_timeout: 2 * SHORT, ..generous() });
    let mut client = clients::http1(server.address).await;
    client.write_all(b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();

    let mut sip = [0; 1024];
    let mut ticks = tokio::time::interval(SHORT / 10);
    within(async {
        while server.closed("write_timeout") == 0 {
            ticks.tick().await;
            if client.read(&mut sip).await.is_err() {
                break;
            }
        }
    })
    .await;

    eventually(|| server.closed("write_timeout") == 1).await;
}

const WAIT: &[u8] = b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n";

#[tokio::test]
async fn one_address_gets_its_share_and_no_more() {
    let server = Server::with_tls(Limits { connections_per_address: 2, ..generous() });
    let mut first = clients::http1(server.address).await;
    let mut second = clients::http1(server.address).await;
    first.write_all(WAIT).await.unwrap();
    second.write_all(WAIT).await.unwrap();
    eventually(|| server.served() == 2).await;

    let mut third = TcpStream::connect(server.address).await.unwrap();
    assert_eq!(rest(&mut third).await, "");
    assert_eq!(server.metric("dialgate_connections_refused_total", &["per_address"]), 1);

    drop(first);
    eventually(|| server.closed("peer") == 1).await;
    clients::http1(server.address).await;
    server.gate.add_permits(1);
    assert!(answer(&mut second).await.ends_with("served"));
}

#[tokio::test]
async fn connections_are_limited_in_total() {
    let server = Server::with_plaintext(Limits { connections: 1, ..generous() });
    let mut first = TcpStream::connect(server.address).await.unwrap();
    first.write_all(WAIT).await.unwrap();
    eventually(|| server.served() == 1).await;

    let mut second = TcpStream::connect(server.address).await.unwrap();

    assert_eq!(rest(&mut second).await, "");
    assert_eq!(server.metric("dialgate_connections_refused_total", &["total"]), 1);
    server.gate.add_permits(1);
    answer(&mut first).await;
    let last = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    assert!(exchange(&mut first, last).await.ends_with("served"));
}

#[tokio::test]
async fn an_idle_connection_makes_room_and_is_told_in_the_words_of_its_protocol() {
    for (h2, tls) in [(false, false), (false, true), (true, true)] {
        let limits = Limits { connections: 1, ..generous() };
        let server = if tls { Server::with_tls(limits) } else { Server::with_plaintext(limits) };
        if h2 {
            let mut idle = clients::http2(server.address).await;
            within(idle.get("/")).await.unwrap();
            let mut next = clients::http2(server.address).await;
            within(next.get("/")).await.unwrap();
            idle.ended().await;
        } else if tls {
            let mut idle = clients::http1(server.address).await;
            idle.write_all(GET.as_bytes()).await.unwrap();
            answer(&mut idle).await;
            let mut next = clients::http1(server.address).await;
            next.write_all(GET.as_bytes()).await.unwrap();
            assert!(answer(&mut next).await.ends_with("served"));
            let mut text = Vec::new();
            within(idle.read_to_end(&mut text)).await.unwrap();
        } else {
            let mut idle = TcpStream::connect(server.address).await.unwrap();
            idle.write_all(GET.as_bytes()).await.unwrap();
            answer(&mut idle).await;
            let mut next = TcpStream::connect(server.address).await.unwrap();
            next.write_all(GET.as_bytes()).await.unwrap();
            assert!(answer(&mut next).await.ends_with("served"));
            assert_eq!(rest(&mut idle).await, "");
        }
        eventually(|| server.closed("evicted") == 1).await;
    }
}
