//! The orderly end, and the sudden one.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::clients::{self, GET, answer, rest};
use super::server::{Server, eventually, generous, within};
use crate::net::{BindError, Drain, Limits, Listener, ListenerOptions, TrustedInForce};

const MINUTE: Duration = Duration::from_mins(1);

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
async fn until_the_start_everybody_is_served_and_each_answer_is_its_connections_last() {
    let server = Server::with_tls(generous());
    let mut kept = clients::http1(server.address).await;
    kept.write_all(GET.as_bytes()).await.unwrap();
    assert!(!answer(&mut kept).await.contains("connection: close"));
    let mut http2 = clients::http2(server.address).await;
    assert_eq!(within(http2.get("/")).await.unwrap().status(), 200);
    let waiting = http2.get("/wait");
    eventually(|| server.served() == 3).await;

    server.drain.announce();

    // Nobody is closed who may be about to ask, and nobody is turned away.
    for connection in [&mut kept, &mut clients::http1(server.address).await] {
        connection.write_all(GET.as_bytes()).await.unwrap();
        let last = rest(connection).await;
        assert!(last.contains("connection: close") && last.ends_with("served"), "{last}");
    }
    within(async { while http2.get("/").await.is_ok() {} }).await;
    let mut late = clients::http2(server.address).await;
    assert_eq!(within(late.get("/")).await.unwrap().status(), 200);
    late.ended().await;
    server.gate.add_permits(1);
    assert_eq!(within(waiting).await.unwrap().status(), 200);
    http2.ended().await;
    server.drain.start();
    server.ended().await;
}

#[tokio::test]
async fn what_is_kept_is_closed_after_the_grace_and_answers_until_then() {
    let grace = Duration::from_millis(400);
    let server = Server::start(generous(), true, Drain::new(MINUTE).with_grace(grace));
    let mut asks = clients::http1(server.address).await;
    let mut silent = clients::http1(server.address).await;
    let silent2 = clients::http2(server.address).await;
    // Has sent no more than half a head: it is waited for.
    let mut slow = clients::http1(server.address).await;
    slow.write_all(&GET.as_bytes()[..9]).await.unwrap();
    for connection in [&mut asks, &mut silent] {
        connection.write_all(GET.as_bytes()).await.unwrap();
        answer(connection).await;
    }
    let mut no_word = TcpStream::connect(server.address).await.unwrap();
    eventually(|| server.metric("dialgate_connections_open", &["handshake"]) == 1).await;
    let began = Instant::now();

    server.drain.start();

    asks.write_all(GET.as_bytes()).await.unwrap();
    assert!(rest(&mut asks).await.ends_with("served"));
    assert_eq!(rest(&mut silent).await, "");
    assert!(began.elapsed() >= grace);
    assert_eq!(rest(&mut no_word).await, "");
    silent2.ended().await;
    slow.write_all(&GET.as_bytes()[9..]).await.unwrap();
    assert!(rest(&mut slow).await.ends_with("served"));
    server.ended().await;
}

#[tokio::test]
async fn whoever_has_connected_before_the_end_is_still_answered() {
    let grace = Duration::from_secs(3);
    let server = Server::start(generous(), false, Drain::new(MINUTE).with_grace(grace));
    // The operating system takes them; the listener has no chance to before it ends.
    let waiting: Vec<_> =
        (0..100).map(|_| std::net::TcpStream::connect(server.address).unwrap()).collect();

    server.drain.start();

    for stream in waiting {
        stream.set_nonblocking(true).unwrap();
        let mut stream = TcpStream::from_std(stream).unwrap();
        stream.write_all(GET.as_bytes()).await.unwrap();
        assert!(rest(&mut stream).await.ends_with("served"));
    }
    assert!(TcpStream::connect(server.address).await.is_err());
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
