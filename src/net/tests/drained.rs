//! The orderly end, and the sudden one.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::clients::{self, GET, answer, rest};
use super::server::{Server, eventually, generous, within};
use crate::net::{BindError, Drain, Limits, Listener, ListenerOptions, TrustedInForce};

const WAIT: &[u8] = b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n";

#[tokio::test]
async fn what_is_in_flight_is_answered_and_told_to_close() {
    let server = Server::with_tls(generous());
    let mut busy = clients::http1(server.address).await;
    busy.write_all(WAIT).await.unwrap();
    let mut idle = clients::http1(server.address).await;
    idle.write_all(GET.as_bytes()).await.unwrap();
    answer(&mut idle).await;
    let mut fresh = clients::http1(server.address).await;
    let mut shaking = TcpStream::connect(server.address).await.unwrap();
    eventually(|| {
        server.served() == 2
            && server.metric("dialgate_connections_open", &["http/1.1"]) == 3
            && server.metric("dialgate_connections_open", &["handshake"]) == 1
    })
    .await;

    server.drain.start();

    for connection in [&mut idle, &mut fresh] {
        assert_eq!(rest(connection).await, "");
    }
    assert_eq!(rest(&mut shaking).await, "");
    assert!(TcpStream::connect(server.address).await.is_err());
    server.gate.add_permits(1);
    let last = rest(&mut busy).await;
    assert!(last.contains("connection: close") && last.ends_with("served"), "{last}");
    eventually(|| server.closed("drain") == 4).await;
    server.ended().await;
}

#[tokio::test]
async fn http_2_says_goaway_and_answers_its_streams() {
    let server = Server::with_tls(generous());
    let mut client = clients::http2(server.address).await;
    let waiting = client.get("/wait");
    eventually(|| server.served() == 1).await;

    server.drain.start();
    // Once GOAWAY has arrived the client takes no new request.
    within(async { while client.get("/").await.is_ok() {} }).await;
    server.gate.add_permits(1);

    assert_eq!(within(waiting).await.unwrap().status(), 200);
    client.ended().await;
    server.ended().await;
}

#[tokio::test]
async fn whoever_takes_longer_than_the_limit_is_cut_off() {
    let limit = Duration::from_millis(150);
    let server = Server::start(generous(), true, Drain::new(limit));
    let mut one = clients::http1(server.address).await;
    one.write_all(WAIT).await.unwrap();
    let mut two = clients::http2(server.address).await;
    let waiting = two.get("/wait");
    eventually(|| server.served() == 2).await;
    let began = Instant::now();

    server.drain.start();

    assert_eq!(rest(&mut one).await, "");
    within(waiting).await.unwrap_err();
    assert!(began.elapsed() >= limit);
    eventually(|| server.closed("drain") == 2).await;
    server.ended().await;
}

#[tokio::test]
async fn a_second_signal_ends_at_once() {
    let server = Server::with_tls(generous());
    let mut client = clients::http1(server.address).await;
    client.write_all(WAIT).await.unwrap();
    eventually(|| server.served() == 1).await;
    server.drain.start();

    server.drain.force();

    assert_eq!(rest(&mut client).await, "");
    server.ended().await;
}

#[tokio::test]
async fn a_taken_port_is_told_with_its_address_and_the_way_out() {
    let server = Server::with_plaintext(generous());

    let options = ListenerOptions {
        address: server.address,
        tls: None,
        limits: Limits::default(),
        trusted: TrustedInForce::nobody(),
    };
    let error = Listener::bind(options).err().unwrap();

    assert!(matches!(error, BindError::Taken { .. }));
    assert_eq!(
        error.to_string(),
        format!(
            "{} is taken by another process; stop that one or listen on another port",
            server.address
        )
    );
}

#[tokio::test]
async fn an_address_of_another_machine_is_told() {
    let address = "192.0.2.1:0".parse().unwrap();

    let error = Listener::bind(ListenerOptions {
        address,
        tls: None,
        limits: Limits::default(),
        trusted: TrustedInForce::nobody(),
    });

    let text = error.err().unwrap().to_string();
    assert!(text.starts_with("this machine has no address 192.0.2.1;"), "{text}");
}
